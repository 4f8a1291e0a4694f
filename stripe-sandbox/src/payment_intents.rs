//! Payment intents and their states.

use serde_json::{Value, json};

use crate::cards::{self, Aftermath, Decline, Outcome, Use};
use crate::charges::{self, Settlement};
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch, patch_shipping};
use crate::state::{HIDDEN, State};
use crate::{bank_accounts, currency, customers, disputes, fraud_warnings, invoices, list, payment_methods};

const PATCHED: &[&str] = &[
    "capture_method",
    "confirmation_method",
    "customer",
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
];

/// One try at paying.
#[derive(Debug, Default, Clone)]
pub(crate) struct Confirmation {
    /// The cardholder is absent.
    pub off_session: bool,
    /// The cardholder has just authenticated.
    pub authenticated: bool,
    /// Wait for an absent cardholder, as billing does, in place of declining.
    pub ask_later: bool,
    /// Decline where the cardholder would have to be asked.
    pub error_on_requires_action: bool,
    /// Where the cardholder is sent back to.
    pub return_url: Option<String>,
}

/// What a try came to.
pub(crate) enum Attempt {
    /// Paid, or authorised for a later capture.
    Succeeded,
    RequiresAction,
    /// A bank was asked, which answers days later.
    Processing,
    Declined(ApiError),
}

/// A new intent, not yet stored: `amount` in minor units of `currency`.
pub(crate) fn build(state: &mut State, amount: i64, currency: &str) -> Value {
    let id = state.id("pi");
    let mut intent = json!({
        "id": id, "object": "payment_intent", "allowed_payment_method_types": null, "amount": amount, "amount_capturable": 0,
        "amount_details": { "tip": {} }, "amount_received": 0, "application": null, "application_fee_amount": null,
        "automatic_payment_methods": null, "canceled_at": null, "cancellation_reason": null, "capture_method": "automatic_async",
        "client_secret": format!("{id}_secret_{}", state.ids.token(25)), "confirmation_method": "automatic", "created": state.now(),
        "currency": currency, "customer": null, "customer_account": null, "description": null, "excluded_payment_method_types": null,
        "last_payment_error": null, "latest_charge": null, "livemode": false, "managed_payments": null, "metadata": {}, "next_action": null,
        "on_behalf_of": null, "payment_method": null, "payment_method_configuration_details": null,
        "payment_method_options": {
            "card": { "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic" },
        },
        "payment_method_types": [], "payment_record": null, "processing": null, "receipt_email": null, "review": null,
        "setup_future_usage": null, "shipping": null, "source": null, "statement_descriptor": null, "statement_descriptor_suffix": null,
        "status": "requires_payment_method", "transfer_data": null, "transfer_group": null,
    });
    intent.put("payment_method_types", bank_accounts::types_of(&intent));
    intent
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let amount = params.int("amount").unwrap_or_default();
    let code = currency::check(params.text("currency").unwrap_or_default())?;
    currency::check_charge(amount, &code)?;
    let confirm = params.flag("confirm") == Some(true);
    let off_session = !matches!(params.at("off_session"), Value::Null | Value::Bool(false));
    if !confirm && (off_session || params.flag("error_on_requires_action").is_some()) {
        let param = if off_session { "off_session" } else { "error_on_requires_action" };
        return Err(ApiError::invalid(format!(
            "You cannot set {param} without also setting confirm to true."
        ))
        .param(param));
    }
    if off_session && params.text("setup_future_usage") == Some("on_session") {
        return Err(ApiError::invalid(
            "You cannot set setup_future_usage to on_session when off_session is true.",
        )
        .param("setup_future_usage"));
    }
    if let Some(customer) = params.text("customer") {
        customers::named(state, customer)?;
    }
    check_types_are_modelled(params)?;
    let automatic = match params.at("automatic_payment_methods") {
        Value::Null if params.at("allowed_payment_method_types").is_null() => {
            json!({ "allow_redirects": "always", "enabled": true })
        }
        Value::Null => Value::Null,
        sent => {
            json!({ "allow_redirects": sent.text("allow_redirects").unwrap_or("always"), "enabled": sent.flag("enabled") })
        }
    };
    let method = method_of(state, params)?;
    if confirm {
        let Some(_) = &method else { return Err(missing_method()) };
        let may_redirect =
            automatic.flag("enabled") == Some(true) && automatic.text("allow_redirects") == Some("always");
        if may_redirect && !off_session && params.text("return_url").is_none() {
            return Err(ApiError::invalid(
                "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods \
                 might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment \
                 methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when \
                 creating Setup Intents and Payment Intents.",
            ));
        }
    }
    if let Some(method) = &method {
        payment_methods::check_usable(state, method.id(), params.text("customer"))
            .or_else(|error| keep_new(state, method, error))?;
    }
    let mut intent = build(state, amount, &code);
    let id = intent.id().to_owned();
    intent.put("automatic_payment_methods", automatic);
    apply(&mut intent, params);
    if let Some(method) = &method {
        bank_accounts::check_taken(&intent, method)?;
        state.store.insert(method.clone());
        intent.put("payment_method", method.id());
        intent.put("status", "requires_confirmation");
    }
    state.create(intent, "payment_intent.created");
    if confirm {
        let attempt = attempt(state, &id, &confirmation(params, off_session));
        return answer(state, &id, attempt);
    }
    state.load("payment_intent", "payment_intent", &id).cloned()
}

/// A method that is not stored yet has no owner to conflict with.
fn keep_new(state: &State, method: &Value, error: ApiError) -> Result<(), ApiError> {
    if state.store.find("payment_method", method.id()).is_some() { Err(error) } else { Ok(()) }
}

fn check_types_are_modelled(params: &Value) -> Result<(), ApiError> {
    let types = params.list("allowed_payment_method_types");
    if !types.is_empty() && !types.iter().any(|kind| kind == "card" || kind == bank_accounts::KIND) {
        return Err(ApiError::unsupported("allowed_payment_method_types"));
    }
    Ok(())
}

fn apply(intent: &mut Value, params: &Value) {
    patch(intent, params, PATCHED);
    patch(
        intent,
        params,
        &["allowed_payment_method_types", "payment_method_options.card.request_three_d_secure"],
    );
    patch_shipping(intent, params);
    merge_metadata(intent, params);
    intent.put("payment_method_types", bank_accounts::types_of(intent));
}

fn confirmation(params: &Value, off_session: bool) -> Confirmation {
    Confirmation {
        off_session,
        authenticated: false,
        ask_later: false,
        error_on_requires_action: params.flag("error_on_requires_action") == Some(true),
        return_url: params.text("return_url").map(str::to_owned),
    }
}

/// The payment method that `payment_method` names or `payment_method_data` describes; the latter is not stored yet.
pub(crate) fn method_of(state: &mut State, params: &Value) -> Result<Option<Value>, ApiError> {
    if let Some(id) = params.text("payment_method") {
        let id = payment_methods::resolve(state, id, "payment_method")?;
        return Ok(state.store.find("payment_method", &id).cloned());
    }
    match params.at("payment_method_data") {
        Value::Null => Ok(None),
        data => payment_methods::build_from(state, data).map(Some),
    }
}

fn missing_method() -> ApiError {
    ApiError::invalid(
        "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment \
         method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
    )
    .code("payment_intent_unexpected_state")
}

/// The answer to a confirmation: the intent, or 402 with the intent inside.
fn answer(state: &State, id: &str, attempt: Attempt) -> Answer {
    let intent = state.load("payment_intent", "payment_intent", id)?;
    match attempt {
        Attempt::Succeeded | Attempt::Processing | Attempt::RequiresAction => Ok(intent.clone()),
        Attempt::Declined(error) => Err(with_intent(state, error, intent)),
    }
}

fn with_intent(state: &State, error: ApiError, intent: &Value) -> ApiError {
    error.with("payment_intent", state.render(intent))
}

/// Tries to pay a stored intent with the payment method it has, and tells the invoice behind it, if there is one.
pub(crate) fn attempt(state: &mut State, id: &str, confirmation: &Confirmation) -> Attempt {
    let Some(intent) = state.store.find("payment_intent", id).cloned() else {
        return Attempt::Declined(ApiError::not_found("payment_intent", id));
    };
    let method =
        intent.text("payment_method").and_then(|method| state.store.find("payment_method", method)).cloned();
    let Some(method) = method else { return Attempt::Declined(missing_method()) };
    let usage = Use {
        off_session: confirmation.off_session,
        set_up: method.at(HIDDEN).flag("set_up") == Some(true),
        authenticated: confirmation.authenticated,
    };
    let outcome = match payment_methods::charge(state, &method, usage) {
        Outcome::Declined(cards::AUTHENTICATION_REQUIRED) if confirmation.ask_later => {
            Outcome::AuthenticationRequired
        }
        outcome => outcome,
    };
    let continued = confirmation.authenticated;
    match outcome {
        Outcome::Approved => {
            approve(state, &intent, &method, confirmation.authenticated);
            Attempt::Succeeded
        }
        Outcome::Processing => {
            bank_accounts::begin(state, &intent, &method);
            Attempt::Processing
        }
        Outcome::AuthenticationRequired if confirmation.error_on_requires_action => {
            Attempt::Declined(decline(state, &intent, &method, cards::AUTHENTICATION_REQUIRED, continued))
        }
        Outcome::AuthenticationRequired => {
            let action = next_action(id, confirmation.return_url.as_deref());
            state.change("payment_intent", id, |intent| {
                intent.put("status", "requires_action");
                intent.put("next_action", action);
                intent.put("last_payment_error", Value::Null);
            });
            state.emit("payment_intent.requires_action", "payment_intent", id);
            invoices::intent_requires_action(state, id);
            Attempt::RequiresAction
        }
        Outcome::Declined(reason) => Attempt::Declined(decline(state, &intent, &method, reason, continued)),
    }
}

/// Where the cardholder authenticates: a page of the sandbox, or the client's own SDK.
pub(crate) fn next_action(id: &str, return_url: Option<&str>) -> Value {
    match return_url {
        Some(return_url) => json!({
            "type": "redirect_to_url",
            "redirect_to_url": { "return_url": return_url, "url": format!("/_pages/authenticate/{id}") },
        }),
        None => json!({
            "type": "use_stripe_sdk",
            "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": format!("/_pages/authenticate/{id}") },
        }),
    }
}

fn approve(state: &mut State, intent: &Value, method: &Value, authenticated: bool) {
    let id = intent.id();
    let captured = intent.text("capture_method") != Some("manual");
    let charge = charges::record(state, intent, method, &Settlement::Paid { captured, authenticated });
    let amount = intent.int("amount").unwrap_or_default();
    state.change("payment_intent", id, |intent| {
        intent.put("status", if captured { "succeeded" } else { "requires_capture" });
        intent.put(if captured { "amount_received" } else { "amount_capturable" }, amount);
        intent.put("latest_charge", charge.as_str());
        intent.put("next_action", Value::Null);
        intent.put("last_payment_error", Value::Null);
    });
    keep_method(state, intent, method);
    state.emit("charge.succeeded", "charge", &charge);
    if captured {
        state.emit("payment_intent.succeeded", "payment_intent", id);
        invoices::intent_succeeded(state, id, authenticated);
        dispute(state, method, &charge);
    } else {
        state.emit("payment_intent.amount_capturable_updated", "payment_intent", id);
    }
}

/// Keeps a payment method for later where the intent says so. One that nobody keeps was used up.
pub(crate) fn keep_method(state: &mut State, intent: &Value, method: &Value) {
    let saved = intent.text("setup_future_usage").is_some();
    let owner = method.text("customer");
    state.change("payment_method", method.id(), |method| {
        if saved {
            method.put(&format!("{HIDDEN}.set_up"), true);
        } else if method.text("customer").is_none() {
            method.put(&format!("{HIDDEN}.spent"), true);
        }
    });
    if let (true, None, Some(customer)) = (saved, owner, intent.text("customer")) {
        payment_methods::attach_to(state, method.id(), customer);
    }
}

/// The cardholder disputes a captured charge when the test card says so, but not one they authenticated. Its issuer may
/// report it as fraud.
fn dispute(state: &mut State, method: &Value, charge: &str) {
    let authenticated = state
        .store
        .find("charge", charge)
        .is_some_and(|charge| charge.at("payment_method_details.card.three_d_secure").is_object());
    match payment_methods::aftermath(method) {
        Aftermath::Disputed(claim) if !authenticated => disputes::open(state, charge, claim),
        Aftermath::Reported => fraud_warnings::report(state, charge),
        _ => {}
    }
}

/// The failed attempt, from its charge to the invoice behind it. `continued` when the attempt was counted before, because
/// it had to be authenticated.
fn decline(state: &mut State, intent: &Value, method: &Value, reason: Decline, continued: bool) -> ApiError {
    let error = reason.error();
    let charge = charges::record(state, intent, method, &Settlement::Failed(&error));
    let error = error.with("charge", charge.as_str());
    fail(state, intent.id(), &error, Some(method));
    state.change("payment_intent", intent.id(), |intent| intent.put("latest_charge", charge.as_str()));
    state.emit("charge.failed", "charge", &charge);
    state.emit("payment_intent.payment_failed", "payment_intent", intent.id());
    invoices::intent_failed(state, intent.id(), continued);
    error
}

/// Back to the start, with the reason on the intent.
pub(crate) fn fail(state: &mut State, id: &str, error: &ApiError, method: Option<&Value>) {
    let mut last = error.object();
    if let Some(method) = method {
        last.put("payment_method", state.render(method));
    }
    state.change("payment_intent", id, |intent| {
        intent.put("status", "requires_payment_method");
        intent.put("last_payment_error", last);
        intent.put("payment_method", Value::Null);
        intent.put("next_action", Value::Null);
    });
}

/// Plays the cardholder of an intent that requires action.
pub(crate) fn authenticate(state: &mut State, id: &str, succeed: bool) -> Answer {
    let intent = state.load("payment_intent", "payment_intent", id)?.clone();
    if intent.text("status") != Some("requires_action") {
        return Err(unexpected(state, &intent, "authenticate"));
    }
    if succeed {
        attempt(state, id, &Confirmation { authenticated: true, ..Confirmation::default() });
    } else {
        let method = intent
            .text("payment_method")
            .and_then(|method| state.store.find("payment_method", method))
            .cloned();
        fail(state, id, &cards::AUTHENTICATION_FAILED.error(), method.as_ref());
        state.emit("payment_intent.payment_failed", "payment_intent", id);
        invoices::intent_failed(state, id, true);
    }
    state.load("payment_intent", "payment_intent", id).cloned()
}

/// 400: the intent's state does not allow that.
pub(crate) fn unexpected(state: &State, intent: &Value, verb: &str) -> ApiError {
    let message = match (intent.text("status"), verb) {
        (Some("succeeded"), "confirm") => {
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.".to_owned()
        }
        (status, verb) => format!("You cannot {verb} this PaymentIntent because it has a status of {}.", status.unwrap_or("unknown")),
    };
    with_intent(state, ApiError::invalid(message).code("payment_intent_unexpected_state"), intent)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("payment_intent", "payment_intent", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let intent = state.load("payment_intent", "payment_intent", &id)?.clone();
    let open = matches!(
        intent.text("status"),
        Some("requires_payment_method" | "requires_confirmation" | "requires_action")
    );
    let money = !params.at("amount").is_null()
        || !params.at("currency").is_null()
        || !params.at("payment_method").is_null();
    if money && !open {
        return Err(unexpected(state, &intent, "update"));
    }
    let code = currency::check(params.text("currency").or(intent.text("currency")).unwrap_or_default())?;
    let amount = params.int("amount").or(intent.int("amount")).unwrap_or_default();
    if ["amount", "currency"].iter().any(|name| !params.at(name).is_null()) {
        currency::check_charge(amount, &code)?;
    }
    if let Some(customer) = params.text("customer") {
        customers::named(state, customer)?;
    }
    check_types_are_modelled(params)?;
    let method = method_of(state, params)?;
    let customer = params.text("customer").or(intent.text("customer")).map(str::to_owned);
    if let Some(method) = &method {
        payment_methods::check_usable(state, method.id(), customer.as_deref())
            .or_else(|error| keep_new(state, method, error))?;
    }
    let mut changed = intent;
    changed.put("amount", amount);
    changed.put("currency", code);
    apply(&mut changed, params);
    if let Some(method) = &method {
        bank_accounts::check_taken(&changed, method)?;
        state.store.insert(method.clone());
    }
    // Stripe has no event for an updated intent.
    state.change("payment_intent", &id, |intent| {
        *intent = changed;
        if let Some(method) = &method {
            intent.put("payment_method", method.id());
            intent.put("status", "requires_confirmation");
            intent.put("next_action", Value::Null);
        }
    });
    state.load("payment_intent", "payment_intent", &id).cloned()
}

pub(crate) fn confirm(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let intent = state.load("payment_intent", "payment_intent", &id)?.clone();
    if !matches!(
        intent.text("status"),
        Some("requires_payment_method" | "requires_confirmation" | "requires_action")
    ) {
        return Err(unexpected(state, &intent, "confirm"));
    }
    let off_session = !matches!(params.at("off_session"), Value::Null | Value::Bool(false));
    let may_redirect = intent.flag("automatic_payment_methods.enabled") == Some(true)
        && intent.text("automatic_payment_methods.allow_redirects") == Some("always");
    if may_redirect
        && !off_session
        && params.text("return_url").is_none()
        && params.flag("use_stripe_sdk") != Some(true)
    {
        return Err(ApiError::invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might \
             redirect your customer off of your page, you must provide a `return_url`.",
        ));
    }
    let method = method_of(state, params)?;
    if method.is_none() && intent.text("payment_method").is_none() {
        return Err(with_intent(state, missing_method(), &intent));
    }
    if let Some(method) = &method {
        payment_methods::check_usable(state, method.id(), intent.text("customer"))
            .or_else(|error| keep_new(state, method, error))?;
    }
    let mut changed = intent;
    apply(&mut changed, params);
    let known = changed.text("payment_method").and_then(|method| state.store.find("payment_method", method));
    if let Some(method) = method.as_ref().or(known) {
        bank_accounts::check_taken(&changed, method)?;
    }
    if let Some(method) = &method {
        state.store.insert(method.clone());
    }
    state.change("payment_intent", &id, |intent| {
        *intent = changed;
        if let Some(method) = &method {
            intent.put("payment_method", method.id());
        }
    });
    let attempt = attempt(state, &id, &confirmation(params, off_session));
    answer(state, &id, attempt)
}

pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let intent = state.load("payment_intent", "payment_intent", &id)?.clone();
    let over = matches!(intent.text("status"), Some("succeeded" | "canceled"));
    if over || bank_accounts::is_on_its_way(state, &intent) {
        return Err(unexpected(state, &intent, "cancel"));
    }
    if invoices::of_intent(state, &id).is_some() {
        return Err(ApiError::invalid(
            "You cannot cancel a PaymentIntent that belongs to an invoice. Void the invoice instead.",
        ));
    }
    cancel_for(state, &id, params.text("cancellation_reason"));
    state.load("payment_intent", "payment_intent", &id).cloned()
}

/// Cancels an intent and announces it.
pub(crate) fn cancel_for(state: &mut State, id: &str, reason: Option<&str>) {
    let now = state.now();
    bank_accounts::recall(state, id);
    state.change("payment_intent", id, |intent| {
        intent.put("status", "canceled");
        intent.put("canceled_at", now);
        intent.put("cancellation_reason", reason);
        intent.put("amount_capturable", 0);
        intent.put("next_action", Value::Null);
    });
    state.emit("payment_intent.canceled", "payment_intent", id);
}

pub(crate) fn capture(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let intent = state.load("payment_intent", "payment_intent", &id)?.clone();
    if intent.text("status") != Some("requires_capture") {
        return Err(unexpected(state, &intent, "capture"));
    }
    let capturable = intent.int("amount_capturable").unwrap_or_default();
    let amount = params.int("amount_to_capture").unwrap_or(capturable);
    if !(1..=capturable).contains(&amount) {
        let message =
            "The amount_to_capture must be greater than 0 and no more than the amount that can be captured.";
        return Err(ApiError::invalid(message).code("amount_too_large").param("amount_to_capture"));
    }
    let charge = intent.text("latest_charge").unwrap_or_default().to_owned();
    state.change("charge", &charge, |charge| {
        charge.put("captured", true);
        charge.put("amount_captured", amount);
    });
    state.change("payment_intent", &id, |intent| {
        patch(intent, params, &["statement_descriptor", "statement_descriptor_suffix"]);
        merge_metadata(intent, params);
        intent.put("status", "succeeded");
        intent.put("amount_received", amount);
        intent.put("amount_capturable", 0);
    });
    state.emit("charge.captured", "charge", &charge);
    state.emit("payment_intent.succeeded", "payment_intent", &id);
    let method = intent.text("payment_method").and_then(|method| state.store.find("payment_method", method));
    if let Some(method) = method.cloned() {
        dispute(state, &method, &charge);
    }
    state.load("payment_intent", "payment_intent", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("payment_intent", |intent| {
        list::same(params, "customer", intent) && list::in_range(params, "created", intent.int("created"))
    });
    list::page("/v1/payment_intents", "payment_intent", &rows, params)
}
