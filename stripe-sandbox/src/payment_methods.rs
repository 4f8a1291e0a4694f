//! Payment methods: test cards and bank accounts, by token or number.

use serde_json::{Value, json};

use crate::calendar;
use crate::cards::{self, Aftermath, Outcome, TestCard, Use};
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::{HIDDEN, State};
use crate::{bank_accounts, list};

fn build(state: &mut State, card: &TestCard, expiry: Option<(i64, i64)>) -> Value {
    let (month, year) = expiry.unwrap_or((12, calendar::year(state.now()) + 3));
    json!({
        "id": state.id("pm"), "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": {
            "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": null, "name": null, "phone": null, "tax_id": null,
        },
        "card": {
            "brand": card.brand, "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": card.country, "display_brand": card.brand, "exp_month": month, "exp_year": year, "fingerprint": card.fingerprint(),
            "funding": card.funding, "generated_from": null, "last4": card.last4(), "networks": { "available": [card.brand], "preferred": null },
            "regulated_status": "unregulated", "three_d_secure_usage": { "supported": true }, "wallet": null,
        },
        "created": state.now(), "customer": null, "customer_account": null, "livemode": false, "metadata": {}, "type": "card",
        HIDDEN: { "number": card.number },
    })
}

/// Makes a payment method of `type` and `card[...]` or `us_bank_account[...]`, which stand in `POST /v1/payment_methods` and in
/// `payment_method_data`.
pub(crate) fn build_from(state: &mut State, params: &Value) -> Result<Value, ApiError> {
    match params.text("type") {
        None => return Err(ApiError::missing("type")),
        Some("card") => {}
        Some(bank_accounts::KIND) => {
            let mut method = bank_accounts::of_numbers(state, params)?;
            apply(&mut method, params);
            return Ok(method);
        }
        Some(_) => return Err(ApiError::unsupported("type")),
    }
    let (card, expiry) = match (params.text("card.token"), params.text("card.number")) {
        (Some(token), _) => {
            (cards::by_token(token).ok_or_else(|| ApiError::no_such("token", token, "card[token]"))?, None)
        }
        (None, Some(number)) => (card_of_number(number)?, Some(expiry(state, params)?)),
        (None, None) => return Err(ApiError::missing("card[number]")),
    };
    let mut method = build(state, card, expiry);
    apply(&mut method, params);
    Ok(method)
}

fn card_of_number(number: &str) -> Result<&'static TestCard, ApiError> {
    let digits: String = number.chars().filter(|c| *c != ' ' && *c != '-').collect();
    cards::by_number(&digits).ok_or_else(|| {
        let message = "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test cards, visit: \
                       https://stripe.com/docs/testing.";
        ApiError::card("card_declined", message).with("decline_code", "test_mode_live_card").param("card[number]")
    })
}

fn expiry(state: &State, params: &Value) -> Result<(i64, i64), ApiError> {
    let month = params.int("card.exp_month").ok_or_else(|| ApiError::missing("card[exp_month]"))?;
    let year = params.int("card.exp_year").ok_or_else(|| ApiError::missing("card[exp_year]"))?;
    let year = if year < 100 { year + 2000 } else { year };
    if !(1..=12).contains(&month) {
        return Err(ApiError::card("invalid_expiry_month", "Your card's expiration month is invalid.")
            .param("card[exp_month]"));
    }
    if year < calendar::year(state.now()) {
        return Err(ApiError::card("invalid_expiry_year", "Your card's expiration year is invalid.")
            .param("card[exp_year]"));
    }
    Ok((month, year))
}

fn apply(method: &mut Value, params: &Value) {
    patch(method, params, &["allow_redisplay"]);
    if bank_accounts::is_one(method) {
        patch(method, params, &["us_bank_account.account_holder_type", "us_bank_account.account_type"]);
    } else {
        patch(method, params, &["card.exp_month", "card.exp_year"]);
    }
    let details = params.at("billing_details");
    for name in ["email", "name", "phone", "tax_id"] {
        patch(method, params, &[&format!("billing_details.{name}")]);
    }
    if details.at("address").is_object() {
        for name in ["city", "country", "line1", "line2", "postal_code", "state"] {
            patch(method, params, &[&format!("billing_details.address.{name}")]);
        }
    }
    merge_metadata(method, params);
}

/// The id of the payment method a parameter names. Naming one of Stripe's test tokens (`pm_card_visa`) makes a fresh one.
pub(crate) fn resolve(state: &mut State, id: &str, param: &str) -> Result<String, ApiError> {
    if state.store.find("payment_method", id).is_some() {
        return Ok(id.to_owned());
    }
    if let Some(account) = bank_accounts::by_token(id) {
        let method = bank_accounts::of_token(state, account)?;
        let made = method.id().to_owned();
        state.store.insert(method);
        return Ok(made);
    }
    let card = id.strip_prefix("pm_card_").and_then(|_| cards::by_token(id)).ok_or_else(|| {
        let message = format!("No such PaymentMethod: '{id}'; It's possible this PaymentMethod exists on one of your connected accounts.");
        ApiError::invalid(message).code("resource_missing").param(param)
    })?;
    let method = build(state, card, None);
    let made = method.id().to_owned();
    state.store.insert(method);
    Ok(made)
}

/// The test card behind a payment method. One that was imported without its number behaves like 4242 4242 4242 4242.
fn card(method: &Value) -> &'static TestCard {
    method.at(HIDDEN).text("number").and_then(cards::by_number).unwrap_or(&cards::CARDS[0])
}

/// What a charge of a payment method comes to at this moment.
pub(crate) fn charge(state: &State, method: &Value, usage: Use) -> Outcome {
    if bank_accounts::is_one(method) {
        return bank_accounts::debit(method);
    }
    let date = method.int("card.exp_year").zip(method.int("card.exp_month"));
    let expiry = date.and_then(|(year, month)| calendar::end_of_month(year, month));
    if expiry.is_some_and(|expiry| expiry <= state.now()) {
        return Outcome::Declined(cards::EXPIRED);
    }
    card(method).charge(usage)
}

/// A payment method, or what a charge shows of one, for people: "visa •••• 4242".
pub(crate) fn label(shown: &Value) -> String {
    let (name, last4) = if bank_accounts::is_one(shown) {
        ("us_bank_account.bank_name", "us_bank_account.last4")
    } else {
        ("card.brand", "card.last4")
    };
    format!("{} •••• {}", shown.text(name).unwrap_or_default(), shown.text(last4).unwrap_or_default())
}

/// What setting a payment method up for later use comes to.
pub(crate) fn set_up(method: &Value, authenticated: bool) -> Outcome {
    if bank_accounts::is_one(method) { Outcome::Approved } else { card(method).set_up(authenticated) }
}

/// What comes of a payment later.
pub(crate) fn aftermath(method: &Value) -> Aftermath {
    // Banks take their time over refunds.
    if bank_accounts::is_one(method) { Aftermath::RefundPends } else { card(method).aftermath }
}

/// The card's network tells that the card was replaced: its new date.
pub(crate) fn update_by_network(state: &mut State, id: &str, sent: &Value) -> Answer {
    if bank_accounts::is_one(state.load("payment_method", "PaymentMethod", id)?) {
        return Err(ApiError::invalid("Only cards are updated by their network."));
    }
    let (month, year) = expiry(state, &json!({ "card": sent }))?;
    let test_clock = state.test_clock_of_request(&[id.to_owned()], &Value::Null);
    state.within(test_clock.as_deref(), |state| {
        state.update("payment_method", id, "payment_method.automatically_updated", |method| {
            method.put("card.exp_month", month);
            method.put("card.exp_year", year);
        });
    });
    state.load("payment_method", "PaymentMethod", id).cloned()
}

/// Refuses what cannot be attached to this customer.
pub(crate) fn check_attachable(state: &State, id: &str, customer: &str) -> Result<(), ApiError> {
    let method = state.named("payment_method", "PaymentMethod", id, "payment_method")?;
    if let Some(owner) = method.text("customer") {
        return if owner == customer {
            Ok(())
        } else {
            Err(ApiError::invalid("The payment method you provided has already been attached to a customer.")
                .code("payment_method_already_attached"))
        };
    }
    if method.at(HIDDEN).flag("spent") == Some(true) {
        return Err(spent());
    }
    match card(method).refuses_attachment() {
        Some(decline) if !bank_accounts::is_one(method) => Err(decline.error()),
        _ => Ok(()),
    }
}

fn spent() -> ApiError {
    ApiError::invalid(
        "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.",
    )
}

/// Attaches what was checked before; silent when it is attached already.
pub(crate) fn attach_to(state: &mut State, id: &str, customer: &str) {
    let before = state.change("payment_method", id, |method| method.put("customer", customer));
    if before.text("customer") != Some(customer) {
        state.emit("payment_method.attached", "payment_method", id);
    }
}

/// Refuses a payment method that may not be used for this customer, or for none.
pub(crate) fn check_usable(state: &State, id: &str, customer: Option<&str>) -> Result<(), ApiError> {
    let method = state.named("payment_method", "PaymentMethod", id, "payment_method")?;
    match (method.text("customer"), customer) {
        (Some(_), None) => Err(ApiError::invalid(
            "The PaymentMethod you provided is attached to a customer so for security purposes you must provide the customer in the request.",
        )
        .param("payment_method")),
        (Some(owner), Some(customer)) if owner != customer => Err(ApiError::invalid(format!(
            "The PaymentMethod {id} does not belong to the Customer you supplied {customer}. Please use a PaymentMethod that is attached to it."
        ))
        .param("payment_method")),
        (None, _) if method.at(HIDDEN).flag("spent") == Some(true) => Err(spent()),
        _ => Ok(()),
    }
}

/// Detaches everything of a deleted customer, in silence.
pub(crate) fn forget_customer(state: &mut State, customer: &str) {
    let ids: Vec<String> = state
        .store
        .all("payment_method")
        .filter(|method| method.text("customer") == Some(customer))
        .map(|method| method.id().to_owned())
        .collect();
    for id in ids {
        state.change("payment_method", &id, detach_from_customer);
    }
}

fn detach_from_customer(method: &mut Value) {
    method.put("customer", Value::Null);
    method.put(&format!("{HIDDEN}.spent"), true);
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let method = build_from(state, params)?;
    state.store.insert(method.clone());
    Ok(method)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("payment_method", "PaymentMethod", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let method = state.load("payment_method", "PaymentMethod", &id)?;
    if method.text("customer").is_none() {
        return Err(ApiError::invalid(
            "You must save this PaymentMethod to a customer before you can update it.",
        )
        .param("payment_method"));
    }
    state.update("payment_method", &id, "payment_method.updated", |method| apply(method, params));
    state.load("payment_method", "PaymentMethod", &id).cloned()
}

pub(crate) fn attach(call: &mut Call<'_>) -> Answer {
    let token = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let customer = params.text("customer").ok_or_else(|| ApiError::missing("customer"))?.to_owned();
    crate::customers::named(state, &customer)?;
    if let Some(decline) = cards::by_token(&token)
        .filter(|_| token.starts_with("pm_card_"))
        .and_then(TestCard::refuses_attachment)
    {
        return Err(decline.error());
    }
    let id = resolve(state, &token, "payment_method").map_err(|error| {
        let unknown = error.field("code").is_some_and(|code| code == "resource_missing");
        if unknown { ApiError::not_found("PaymentMethod", &token) } else { error }
    })?;
    check_attachable(state, &id, &customer)?;
    attach_to(state, &id, &customer);
    state.load("payment_method", "PaymentMethod", &id).cloned()
}

pub(crate) fn detach(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let state = &mut *call.state;
    let Some(customer) =
        state.load("payment_method", "PaymentMethod", &id)?.text("customer").map(str::to_owned)
    else {
        return Err(ApiError::invalid(
            "The payment method you are trying to detach is not attached to a customer, so detachment is impossible.",
        ));
    };
    state.update("customer", &customer, "customer.updated", |customer| {
        if customer.text("invoice_settings.default_payment_method") == Some(id.as_str()) {
            customer.put("invoice_settings.default_payment_method", Value::Null);
        }
    });
    let charged: Vec<String> = state
        .store
        .all("subscription")
        .filter(|subscription| {
            subscription.text("default_payment_method") == Some(id.as_str())
                && subscription.text("status") != Some("canceled")
        })
        .map(|subscription| subscription.id().to_owned())
        .collect();
    for subscription in charged {
        let clear = |subscription: &mut Value| subscription.put("default_payment_method", Value::Null);
        state.update("subscription", &subscription, "customer.subscription.updated", clear);
    }
    state.update("payment_method", &id, "payment_method.detached", detach_from_customer);
    state.load("payment_method", "PaymentMethod", &id).cloned()
}

/// A page of the methods attached to `customer`, or to anyone.
pub(crate) fn page_of(state: &State, url: &str, customer: Option<&str>, params: &Value) -> Answer {
    let rows = state.store.newest_first("payment_method", |method| {
        method.text("customer").is_some_and(|owner| customer.is_none_or(|customer| customer == owner))
            && list::same(params, "type", method)
            && list::same(params, "allow_redisplay", method)
    });
    list::page(url, "PaymentMethod", &rows, params)
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let customer = call.params.text("customer").map(str::to_owned);
    if let Some(customer) = &customer {
        crate::customers::named(call.state, customer)?;
    }
    page_of(call.state, "/v1/payment_methods", customer.as_deref(), &call.params)
}
