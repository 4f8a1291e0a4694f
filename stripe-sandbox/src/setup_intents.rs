//! Setup intents: saving a card or a bank account for later without charging it.

use serde_json::{Value, json};

use crate::cards::{Decline, Outcome};
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::payment_intents::{method_of, next_action};
use crate::state::{HIDDEN, State};
use crate::{bank_accounts, customers, list, payment_methods};

const AUTHENTICATION_FAILED: Decline = Decline {
    code: "setup_intent_authentication_failure",
    decline_code: None,
    message: "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
};

/// A new intent, not yet stored.
pub(crate) fn build(state: &mut State, customer: Option<&str>) -> Value {
    let id = state.id("seti");
    json!({
        "id": id, "object": "setup_intent", "allowed_payment_method_types": null, "application": null, "automatic_payment_methods": null,
        "cancellation_reason": null, "client_secret": format!("{id}_secret_{}", state.ids.token(31)), "created": state.now(),
        "customer": customer, "customer_account": null, "description": null, "excluded_payment_method_types": null, "flow_directions": null,
        "last_setup_error": null, "latest_attempt": null, "livemode": false, "managed_payments": null, "mandate": null, "metadata": {},
        "next_action": null, "on_behalf_of": null, "payment_method": null, "payment_method_configuration_details": null,
        "payment_method_options": { "card": { "mandate_options": null, "network": null, "request_three_d_secure": "automatic" } },
        "payment_method_types": ["card", bank_accounts::KIND], "single_use_mandate": null, "status": "requires_payment_method", "usage": "off_session",
    })
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    if let Some(customer) = params.text("customer") {
        customers::named(state, customer)?;
    }
    let types = params.list("allowed_payment_method_types");
    if !types.is_empty() && bank_accounts::types_of(params).is_empty() {
        return Err(ApiError::unsupported("allowed_payment_method_types"));
    }
    let automatic = match params.at("automatic_payment_methods") {
        Value::Null if types.is_empty() => json!({ "allow_redirects": "always", "enabled": true }),
        Value::Null => Value::Null,
        sent => {
            json!({ "allow_redirects": sent.text("allow_redirects").unwrap_or("always"), "enabled": sent.flag("enabled") })
        }
    };
    let confirm = params.flag("confirm") == Some(true);
    let method = take_method(state, params, params.text("customer"))?;
    if confirm && method.is_none() {
        return Err(missing_method());
    }
    let may_redirect =
        automatic.flag("enabled") == Some(true) && automatic.text("allow_redirects") == Some("always");
    if confirm && may_redirect && params.text("return_url").is_none() {
        return Err(ApiError::invalid(
            "This SetupIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might \
             redirect your customer off of your page, you must provide a `return_url`.",
        ));
    }
    let mut intent = build(state, params.text("customer"));
    let id = intent.id().to_owned();
    intent.put("automatic_payment_methods", automatic);
    patch(
        &mut intent,
        params,
        &[
            "allowed_payment_method_types",
            "description",
            "usage",
            "payment_method_options.card.request_three_d_secure",
        ],
    );
    merge_metadata(&mut intent, params);
    intent.put("payment_method_types", bank_accounts::types_of(&intent));
    if let Some(method) = method {
        intent.put("payment_method", method);
        intent.put("status", "requires_confirmation");
    }
    state.create(intent, "setup_intent.created");
    if confirm {
        attempt(state, &id, params.text("return_url"), false)?;
    }
    state.load("setup_intent", "setup_intent", &id).cloned()
}

/// The id of the payment method that was sent, stored and fit for this customer.
fn take_method(
    state: &mut State,
    params: &Value,
    customer: Option<&str>,
) -> Result<Option<String>, ApiError> {
    let Some(method) = method_of(state, params)? else { return Ok(None) };
    let id = method.id().to_owned();
    if state.store.find("payment_method", &id).is_some() {
        payment_methods::check_usable(state, &id, customer)?;
    } else {
        state.store.insert(method);
    }
    Ok(Some(id))
}

fn missing_method() -> ApiError {
    ApiError::invalid(
        "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment method and then confirm \
         it again.",
    )
    .code("setup_intent_unexpected_state")
}

fn attempt(
    state: &mut State,
    id: &str,
    return_url: Option<&str>,
    authenticated: bool,
) -> Result<(), ApiError> {
    let intent = state.load("setup_intent", "setup_intent", id)?.clone();
    let method =
        intent.text("payment_method").and_then(|method| state.store.find("payment_method", method)).cloned();
    let Some(method) = method else {
        return Err(missing_method().with("setup_intent", state.render(&intent)));
    };
    bank_accounts::check_taken(&intent, &method)?;
    match payment_methods::set_up(&method, authenticated) {
        Outcome::Approved | Outcome::Processing => {
            state.change("payment_method", method.id(), |method| {
                method.put(&format!("{HIDDEN}.set_up"), true);
            });
            if let Some(customer) = intent.text("customer") {
                payment_methods::attach_to(state, method.id(), customer);
            }
            state.change("setup_intent", id, |intent| {
                intent.put("status", "succeeded");
                intent.put("next_action", Value::Null);
                intent.put("last_setup_error", Value::Null);
            });
            state.emit("setup_intent.succeeded", "setup_intent", id);
            Ok(())
        }
        Outcome::AuthenticationRequired => {
            state.change("setup_intent", id, |intent| {
                intent.put("status", "requires_action");
                intent.put("next_action", next_action(id, return_url));
            });
            state.emit("setup_intent.requires_action", "setup_intent", id);
            Ok(())
        }
        Outcome::Declined(reason) => Err(fail(state, id, reason, &method)),
    }
}

fn fail(state: &mut State, id: &str, reason: Decline, method: &Value) -> ApiError {
    let error = reason.error();
    let mut last = error.object();
    last.put("payment_method", state.render(method));
    state.change("setup_intent", id, |intent| {
        intent.put("status", "requires_payment_method");
        intent.put("payment_method", Value::Null);
        intent.put("next_action", Value::Null);
        intent.put("last_setup_error", last);
    });
    state.emit("setup_intent.setup_failed", "setup_intent", id);
    let intent = state.store.find("setup_intent", id).map(|intent| state.render(intent));
    error.with("setup_intent", intent)
}

/// Plays the cardholder of an intent that requires action.
pub(crate) fn authenticate(state: &mut State, id: &str, succeed: bool) -> Answer {
    let intent = state.load("setup_intent", "setup_intent", id)?.clone();
    if intent.text("status") != Some("requires_action") {
        return Err(unexpected(state, &intent, "authenticate"));
    }
    if succeed {
        // A decline after the authentication is seen on the intent.
        let _ = attempt(state, id, None, true);
    } else {
        let method = intent
            .text("payment_method")
            .and_then(|method| state.store.find("payment_method", method))
            .cloned();
        fail(state, id, AUTHENTICATION_FAILED, &method.unwrap_or_default());
    }
    state.load("setup_intent", "setup_intent", id).cloned()
}

fn unexpected(state: &State, intent: &Value, verb: &str) -> ApiError {
    let message = format!(
        "You cannot {verb} this SetupIntent because it has a status of {}.",
        intent.text("status").unwrap_or("unknown")
    );
    ApiError::invalid(message)
        .code("setup_intent_unexpected_state")
        .with("setup_intent", state.render(intent))
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("setup_intent", "setup_intent", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let intent = state.load("setup_intent", "setup_intent", &id)?.clone();
    if matches!(intent.text("status"), Some("succeeded" | "canceled")) && params.at("metadata").is_null() {
        return Err(unexpected(state, &intent, "update"));
    }
    if let Some(customer) = params.text("customer") {
        customers::named(state, customer)?;
    }
    let method = take_method(state, params, params.text("customer").or(intent.text("customer")))?;
    state.change("setup_intent", &id, |intent| {
        patch(intent, params, &["allowed_payment_method_types", "customer", "description"]);
        intent.put("payment_method_types", bank_accounts::types_of(intent));
        merge_metadata(intent, params);
        if let Some(method) = method {
            intent.put("payment_method", method);
            intent.put("status", "requires_confirmation");
        }
    });
    state.load("setup_intent", "setup_intent", &id).cloned()
}

pub(crate) fn confirm(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let intent = state.load("setup_intent", "setup_intent", &id)?.clone();
    if matches!(intent.text("status"), Some("succeeded" | "canceled")) {
        return Err(unexpected(state, &intent, "confirm"));
    }
    let may_redirect = intent.flag("automatic_payment_methods.enabled") == Some(true)
        && intent.text("automatic_payment_methods.allow_redirects") == Some("always");
    if may_redirect && params.text("return_url").is_none() && params.flag("use_stripe_sdk") != Some(true) {
        return Err(ApiError::invalid(
            "This SetupIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might \
             redirect your customer off of your page, you must provide a `return_url`.",
        ));
    }
    if let Some(method) = take_method(state, params, intent.text("customer"))? {
        state.change("setup_intent", &id, |intent| intent.put("payment_method", method));
    }
    attempt(state, &id, params.text("return_url"), false)?;
    state.load("setup_intent", "setup_intent", &id).cloned()
}

pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let intent = state.load("setup_intent", "setup_intent", &id)?.clone();
    if matches!(intent.text("status"), Some("succeeded" | "canceled")) {
        return Err(unexpected(state, &intent, "cancel"));
    }
    state.change("setup_intent", &id, |intent| {
        intent.put("status", "canceled");
        intent.put("cancellation_reason", params.at("cancellation_reason").clone());
        intent.put("next_action", Value::Null);
    });
    state.emit("setup_intent.canceled", "setup_intent", &id);
    state.load("setup_intent", "setup_intent", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("setup_intent", |intent| {
        ["customer", "payment_method"].iter().all(|name| list::same(params, name, intent))
            && list::in_range(params, "created", intent.int("created"))
    });
    list::page("/v1/setup_intents", "setup_intent", &rows, params)
}
