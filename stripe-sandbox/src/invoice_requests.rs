//! What clients ask of invoices; what then happens stands in `invoices`.

use serde_json::{Value, json};

use crate::calendar::Period;
use crate::discounts::Holder;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::invoices::{self, Collection, NewInvoice};
use crate::json::{Fields, merge_metadata, patch};
use crate::payment_intents::Attempt;
use crate::state::State;
use crate::{
    bank_accounts, currency, customers, discounts, invoice_items, invoice_totals, list, payment_methods,
    tax_rates,
};

const DAY: i64 = 24 * 3600;
const PATCHED: &[&str] = &[
    "auto_advance",
    "collection_method",
    "custom_fields",
    "default_payment_method",
    "description",
    "due_date",
    "footer",
    "number",
    "payment_settings.payment_method_types",
    "statement_descriptor",
];

fn check(state: &State, params: &Value, customer: &str) -> Result<(), ApiError> {
    tax_rates::check_location(state, params, customer)?;
    if let Some(method) = params.text("default_payment_method").filter(|method| !method.is_empty()) {
        state.named("payment_method", "PaymentMethod", method, "default_payment_method")?;
        payment_methods::check_usable(state, method, Some(customer))?;
    }
    let sent = params.text("collection_method") == Some("send_invoice");
    if !sent && params.text("collection_method").is_some() && params.int("days_until_due").is_some() {
        return Err(ApiError::invalid(
            "You can only set `days_until_due` if the invoice's collection_method is `send_invoice`.",
        )
        .param("days_until_due"));
    }
    Ok(())
}

/// Sets what a request says of discounts and taxes. On a draft only: the sums follow.
fn apply_sums(state: &mut State, id: &str, params: &Value) -> Result<(), ApiError> {
    let invoice = state.load("invoice", "invoice", id)?.clone();
    let rates = tax_rates::named(state, params, "default_tax_rates", "default_tax_rates")?;
    let holder = Holder {
        field: "invoice",
        id,
        customer: invoice.text("customer").unwrap_or_default(),
        currency: invoice.text("currency").unwrap_or_default(),
        subtotal: invoice.int("subtotal").unwrap_or_default(),
    };
    let entries = discounts::read(state, params, &holder, invoice.list("discounts"), "discounts")?;
    let redeemed = entries.map(|entries| discounts::redeem(state, &entries, &holder));
    state.change("invoice", id, |invoice| {
        if let Some(redeemed) = redeemed {
            invoice.put("discounts", redeemed);
        }
        if let Some(rates) = rates {
            invoice.put("default_tax_rates", rates);
        }
        if let Some(enabled) = params.flag("automatic_tax.enabled") {
            invoices::set_automatic_tax(invoice, enabled);
        }
    });
    invoice_totals::work_out(state, id);
    Ok(())
}

fn apply(state: &mut State, id: &str, params: &Value) {
    let now = state.now();
    state.change("invoice", id, |invoice| {
        patch(invoice, params, PATCHED);
        merge_metadata(invoice, params);
        if let Some(days) = params.int("days_until_due") {
            invoice.put("due_date", now + days * DAY);
        }
    });
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    // Tried on a copy first, so that a refusal leaves nothing behind.
    if let Some(customer) = call.params.text("customer") {
        draft(&mut call.state.rehearsal(customer), &call.params)?;
    }
    let id = draft(call.state, &call.params)?;
    call.state.emit("invoice.created", "invoice", &id);
    call.state.load("invoice", "invoice", &id).cloned()
}

/// Checks and makes the draft that a request describes, in silence.
fn draft(state: &mut State, params: &Value) -> Result<String, ApiError> {
    let subscription = match params.text("subscription") {
        Some(id) => Some(state.named("subscription", "subscription", id, "subscription")?.clone()),
        None => None,
    };
    let owner = subscription.as_ref().and_then(|subscription| subscription.text("customer"));
    let customer = params.text("customer").or(owner).ok_or_else(|| ApiError::missing("customer"))?.to_owned();
    let customer_currency = customers::named(state, &customer)?.text("currency").map(str::to_owned);
    check(state, params, &customer)?;
    let sent = params.text("collection_method") == Some("send_invoice");
    if sent && params.int("days_until_due").is_none() && params.int("due_date").is_none() {
        let message =
            "If invoice collection_method is 'send_invoice', you must specify a due_date or days_until_due.";
        return Err(ApiError::invalid(message).param("due_date"));
    }
    let code = match params.text("currency") {
        Some(code) => currency::check(code)?,
        None => customer_currency.unwrap_or_else(|| "usd".into()),
    };
    let (now, reason) = (state.now(), if subscription.is_some() { "subscription_update" } else { "manual" });
    let period = Period { start: now, end: now };
    let new = NewInvoice {
        customer: &customer,
        currency: &code,
        reason,
        subscription: subscription.as_ref(),
        period,
        lines: Vec::new(),
    };
    let id = invoices::draft(state, new);
    state.change("invoice", &id, |invoice| {
        invoice.put("auto_advance", false);
        invoice.put("automatically_finalizes_at", Value::Null);
    });
    apply(state, &id, params);
    state.change("invoice", &id, |invoice| {
        if invoice.flag("auto_advance") == Some(true) {
            invoice.put("automatically_finalizes_at", now + invoices::DRAFT_TIME);
        }
    });
    // An invoice of a subscription always takes what waits for it.
    if subscription.is_some() || params.text("pending_invoice_items_behavior") == Some("include") {
        let items = invoice_items::pending(state, &customer, &code, params.text("subscription"));
        invoices::take_items(state, &id, &items);
    }
    apply_sums(state, &id, params)?;
    Ok(id)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("invoice", "invoice", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let invoice = state.load("invoice", "invoice", &id)?.clone();
    let draft_only = [
        "automatic_tax",
        "default_tax_rates",
        "discounts",
        "collection_method",
        "custom_fields",
        "days_until_due",
        "due_date",
        "footer",
        "number",
        "statement_descriptor",
    ];
    if invoice.text("status") != Some("draft") && draft_only.iter().any(|name| !params.at(name).is_null()) {
        let message = "Finalized invoices can't be updated in this way.";
        return Err(ApiError::invalid(message).code("invoice_not_editable"));
    }
    check(state, params, invoice.text("customer").unwrap_or_default())?;
    if invoice.text("status") == Some("draft") {
        apply_sums(state, &id, params)?;
    }
    apply(state, &id, params);
    let now = state.now();
    state.change("invoice", &id, |invoice| {
        let waits = invoice.text("status") == Some("draft") && invoice.flag("auto_advance") == Some(true);
        if !waits {
            invoice.put("automatically_finalizes_at", Value::Null);
        } else if invoice.at("automatically_finalizes_at").is_null() {
            invoice.put("automatically_finalizes_at", now + invoices::DRAFT_TIME);
        }
    });
    state.emit_updated("invoice.updated", "invoice", &id, &invoice);
    state.load("invoice", "invoice", &id).cloned()
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let state = &mut *call.state;
    let invoice = state.load("invoice", "invoice", &id)?.clone();
    if invoice.text("status") != Some("draft") || invoices::subscription_of(&invoice).is_some() {
        return Err(ApiError::invalid(
            "You can only delete draft invoices that do not belong to a subscription.",
        )
        .code("invoice_not_editable"));
    }
    for line in invoice.list("lines.data") {
        if let Some(item) = line.text("parent.invoice_item_details.invoice_item") {
            state.store.remove("invoiceitem", item);
        }
    }
    state.store.remove("invoice", &id);
    state.emit_gone("invoice.deleted", &invoice);
    Ok(json!({ "id": id, "object": "invoice", "deleted": true }))
}

/// The status of the address's invoice, and its id.
fn status(call: &Call<'_>) -> Result<(String, String), ApiError> {
    let id = call.id(0).to_owned();
    let status = call.state.load("invoice", "invoice", &id)?.text("status").unwrap_or_default().to_owned();
    Ok((id, status))
}

pub(crate) fn finalize(call: &mut Call<'_>) -> Answer {
    let (id, status) = status(call)?;
    if status != "draft" {
        return Err(ApiError::invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
        )
        .code("invoice_not_editable"));
    }
    let Call { state, params, .. } = call;
    state.change("invoice", &id, |invoice| patch(invoice, params, &["auto_advance"]));
    invoices::finalize(state, &id);
    let invoice = state.load("invoice", "invoice", &id)?;
    let collects = invoice.flag("auto_advance") == Some(true)
        && invoice.text("collection_method") == Some("charge_automatically");
    if collects && invoice.text("status") == Some("open") {
        // Stripe charges an hour later; whoever finalises by hand in a sandbox waits for it now.
        invoices::collect_automatically(state, &id);
    }
    state.load("invoice", "invoice", &id).cloned()
}

pub(crate) fn pay(call: &mut Call<'_>) -> Answer {
    let (id, status) = status(call)?;
    let Call { state, params, .. } = call;
    match status.as_str() {
        "paid" => return Err(ApiError::invalid("Invoice is already paid")),
        "void" => return Err(ApiError::invalid("This invoice can no longer be paid: it is void.")),
        _ => {}
    }
    if params.flag("paid_out_of_band") == Some(true) {
        bank_accounts::check_stoppable(state, &id, "cancel")?;
    }
    let method = match params.text("payment_method") {
        Some(method) => Some(payment_methods::resolve(state, method, "payment_method")?),
        None => None,
    };
    if status == "draft" {
        invoices::finalize(state, &id);
    }
    let open = state.load("invoice", "invoice", &id)?.text("status") != Some("paid");
    if open && params.flag("paid_out_of_band") == Some(true) {
        invoices::pay_elsewhere(state, &id);
    } else if open {
        // Stripe takes the cardholder to be absent unless told otherwise.
        let collection = Collection { method, off_session: params.flag("off_session").unwrap_or(true) };
        match invoices::collect(state, &id, &collection)? {
            Attempt::Succeeded | Attempt::Processing => {}
            Attempt::Declined(error) => return Err(error),
            Attempt::RequiresAction => {
                let message = "This payment requires additional user action before it can be completed successfully. Payment can be completed \
                               using the PaymentIntent associated with the invoice.";
                return Err(ApiError::card("invoice_payment_intent_requires_action", message));
            }
        }
    }
    state.load("invoice", "invoice", &id).cloned()
}

pub(crate) fn void(call: &mut Call<'_>) -> Answer {
    let (id, status) = status(call)?;
    if !matches!(status.as_str(), "open" | "uncollectible") {
        return Err(ApiError::invalid(format!(
            "You can only pass in open invoices. This invoice isn't open: it is {status}."
        )));
    }
    bank_accounts::check_stoppable(call.state, &id, "cancel")?;
    invoices::void(call.state, &id);
    call.state.load("invoice", "invoice", &id).cloned()
}

pub(crate) fn mark_uncollectible(call: &mut Call<'_>) -> Answer {
    let (id, status) = status(call)?;
    if status != "open" {
        return Err(ApiError::invalid(format!(
            "You can only pass in open invoices. This invoice isn't open: it is {status}."
        )));
    }
    invoices::mark_uncollectible(call.state, &id);
    call.state.load("invoice", "invoice", &id).cloned()
}

pub(crate) fn send(call: &mut Call<'_>) -> Answer {
    let (id, status) = status(call)?;
    let state = &mut *call.state;
    if state.load("invoice", "invoice", &id)?.text("collection_method") != Some("send_invoice") {
        return Err(ApiError::invalid(
            "You can only manually send an invoice if its collection method is 'send_invoice'.",
        ));
    }
    match status.as_str() {
        "draft" => invoices::finalize(state, &id),
        "open" | "uncollectible" => {}
        _ => return Err(ApiError::invalid(format!("You can't send this invoice: it is {status}."))),
    }
    state.emit("invoice.sent", "invoice", &id);
    state.load("invoice", "invoice", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let subscription = params.text("subscription");
    let rows = call.state.store.newest_first("invoice", |invoice| {
        ["collection_method", "customer", "status"].iter().all(|name| list::same(params, name, invoice))
            && subscription.is_none_or(|wanted| invoices::subscription_of(invoice) == Some(wanted))
            && list::in_range(params, "created", invoice.int("created"))
            && list::in_range(params, "due_date", invoice.int("due_date"))
    });
    list::page("/v1/invoices", "invoice", &rows, params)
}
