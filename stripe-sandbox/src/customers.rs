//! Customers.

use serde_json::{Value, json};

use crate::customer_balance::Movement;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, address, merge_metadata, patch, patch_shipping};
use crate::state::State;
use crate::{
    customer_balance, list, payment_methods, schedule_lifecycle, subscription_lifecycle, tax_ids, test_clocks,
};

const PATCHED: &[&str] = &["description", "email", "name", "phone", "preferred_locales", "tax_exempt"];

/// The customer a parameter names.
pub(crate) fn named<'a>(state: &'a State, id: &str) -> Result<&'a Value, ApiError> {
    state.named("customer", "customer", id, "customer")
}

/// Refuses a second currency for what recurs, or waits to be invoiced. Stripe gives neither a code nor a parameter.
pub(crate) fn check_currency(state: &State, customer: &str, currency: &str) -> Result<(), ApiError> {
    let store = &state.store;
    let of =
        |kind: &'static str| store.all(kind).filter(move |object| object.text("customer") == Some(customer));
    let ended = |status: Option<&str>| {
        matches!(status, Some("canceled" | "incomplete_expired" | "released" | "completed"))
    };
    let subscriptions = of("subscription").filter(|object| !ended(object.text("status")));
    let subscriptions = subscriptions.filter_map(|object| object.text("currency"));
    let schedules = of("subscription_schedule").filter(|object| !ended(object.text("status")));
    let schedules = schedules.filter_map(|object| object.list("phases").first()?.text("currency"));
    let waiting = of("invoiceitem").filter(|item| item.at("invoice").is_null());
    let waiting = waiting.filter_map(|item| item.text("currency"));
    match subscriptions.chain(schedules).chain(waiting).find(|other| *other != currency) {
        None => Ok(()),
        Some(other) => {
            let message = format!(
                "You cannot combine currencies on a single customer. This customer has an active subscription, subscription schedule, \
                 discount, quote, or invoice item with currency {other}."
            );
            Err(ApiError::invalid(message))
        }
    }
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    check(params)?;
    if let Some(clock) = params.text("test_clock") {
        state.named(test_clocks::KIND, "test clock", clock, "test_clock")?;
    }
    let id = state.id("cus");
    let prefix =
        params.text("invoice_prefix").map_or_else(|| state.ids.token(8).to_ascii_uppercase(), str::to_owned);
    let mut customer = json!({
        "id": id, "object": "customer", "address": null, "balance": 0, "created": state.now(), "currency": null, "customer_account": null,
        "default_source": null, "delinquent": false, "description": null, "discount": null, "email": null, "invoice_prefix": prefix,
        "invoice_settings": { "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null },
        "livemode": false, "metadata": {}, "name": null, "next_invoice_sequence": params.int("next_invoice_sequence").unwrap_or(1),
        "phone": null, "preferred_locales": [], "shipping": null, "tax_exempt": "none", "test_clock": params.at("test_clock"),
    });
    apply(&mut customer, params);
    let method = match params.text("payment_method") {
        None => None,
        Some(method) => Some(payment_methods::resolve(state, method, "payment_method")?),
    };
    if let Some(method) = &method {
        payment_methods::check_attachable(state, method, &id)?;
    }
    let wanted = params.text("invoice_settings.default_payment_method").map(str::to_owned);
    if let Some(wanted) = &wanted
        && method.is_none()
    {
        return Err(not_attached(wanted));
    }
    customer.put("invoice_settings.default_payment_method", wanted.and(method.clone()));
    let mut tax_ids = Vec::new();
    for (index, sent) in params.list("tax_id_data").iter().enumerate() {
        tax_ids.push(tax_ids::build(state, &id, sent, &format!("tax_id_data[{index}][value]"))?);
    }
    let balance = params.int("balance").unwrap_or_default();
    customer.put("balance", balance);
    state.create(customer, "customer.created");
    for tax_id in tax_ids {
        state.create(tax_id, "customer.tax_id.created");
    }
    customer_balance::note(state, &movement(&id, balance, "initial", "usd"), balance);
    if let Some(method) = method {
        payment_methods::attach_to(state, &method, &id);
    }
    state.load("customer", "customer", &id).cloned()
}

fn not_attached(method: &str) -> ApiError {
    let message = format!(
        "The customer does not have a payment method with the ID {method}. The payment method must be attached to the customer."
    );
    ApiError::invalid(message).code("resource_missing").param("invoice_settings[default_payment_method]")
}

fn movement<'a>(customer: &'a str, amount: i64, kind: &'a str, currency: &'a str) -> Movement<'a> {
    Movement { customer, amount, currency, kind, invoice: None }
}

fn check(params: &Value) -> Result<(), ApiError> {
    // Nothing unsets it, where it can be unset.
    if let Some(email) = params.text("email").filter(|email| !email.is_empty()) {
        let valid = email
            .split_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'));
        if !valid || email.contains(char::is_whitespace) {
            return Err(ApiError::invalid(format!("Invalid email address: {email}"))
                .code("email_invalid")
                .param("email"));
        }
    }
    Ok(())
}

fn apply(customer: &mut Value, params: &Value) {
    patch(customer, params, PATCHED);
    patch(
        customer,
        params,
        &[
            "invoice_settings.custom_fields",
            "invoice_settings.footer",
            "invoice_prefix",
            "next_invoice_sequence",
        ],
    );
    if params.text("address").is_some() {
        customer.put("address", Value::Null);
    } else if params.at("address").is_object() {
        customer.put("address", address(params.at("address")));
    }
    patch_shipping(customer, params);
    merge_metadata(customer, params);
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("customer", "customer", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = load_living(call)?;
    let Call { state, params, .. } = call;
    check(params)?;
    if let Some(method) = params.text("invoice_settings.default_payment_method")
        && !method.is_empty()
        && state
            .store
            .find("payment_method", method)
            .is_none_or(|found| found.text("customer") != Some(id.as_str()))
    {
        return Err(not_attached(method));
    }
    let before = state.load("customer", "customer", &id)?.clone();
    state.update("customer", &id, "customer.updated", |customer| {
        apply(customer, params);
        patch(customer, params, &["balance", "invoice_settings.default_payment_method"]);
    });
    if let Some(balance) = params.int("balance") {
        let moved = balance - before.int("balance").unwrap_or_default();
        let currency = before.text("currency").unwrap_or("usd");
        customer_balance::note(state, &movement(&id, moved, "adjustment", currency), balance);
    }
    state.load("customer", "customer", &id).cloned()
}

/// The id of the address, when its customer was not deleted.
fn load_living(call: &Call<'_>) -> Result<String, ApiError> {
    let id = call.id(0).to_owned();
    let customer = call.state.load("customer", "customer", &id)?;
    if customer.flag("deleted") == Some(true) {
        return Err(ApiError::not_found("customer", &id));
    }
    Ok(id)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = load_living(call)?;
    Ok(remove(call.state, &id))
}

/// Deletes a customer with all that goes on for it.
pub(crate) fn remove(state: &mut State, id: &str) -> Value {
    subscription_lifecycle::cancel_all_of(state, id);
    schedule_lifecycle::cancel_waiting_of(state, id);
    payment_methods::forget_customer(state, id);
    let customer = state.store.find("customer", id).cloned().unwrap_or_default();
    let gone = json!({ "id": id, "object": "customer", "deleted": true });
    state.store.insert(gone.clone());
    state.emit_gone("customer.deleted", &customer);
    gone
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("customer", |customer| {
        list::same(params, "email", customer)
            && customer.at("test_clock") == params.at("test_clock")
            && list::in_range(params, "created", customer.int("created"))
    });
    list::page("/v1/customers", "customer", &rows, params)
}

pub(crate) fn payment_methods(call: &mut Call<'_>) -> Answer {
    let id = load_living(call)?;
    payment_methods::page_of(
        call.state,
        &format!("/v1/customers/{id}/payment_methods"),
        Some(&id),
        &call.params,
    )
}

pub(crate) fn payment_method(call: &mut Call<'_>) -> Answer {
    let id = load_living(call)?;
    let method = call.state.load("payment_method", "payment_method", call.id(1))?;
    if method.text("customer") != Some(id.as_str()) {
        return Err(ApiError::not_found("payment_method", call.id(1)));
    }
    Ok(method.clone())
}
