//! `/_sandbox/`: what only a sandbox can do.

use http::Method;
use serde_json::{Value, json};

use crate::deliveries::WebhookRetries;
use crate::errors::{Answer, ApiError};
use crate::faults::Fault;
use crate::http::Received;
use crate::json::Fields;
use crate::sandbox::Shared;
use crate::webhook_faults::WebhookFault;
use crate::webhooks::WebhookEndpoint;
use crate::{events, payment_intents, payment_methods, setup_intents, webhooks};

/// Answers a request to `/_sandbox/{path}`.
pub(crate) fn answer(shared: &Shared, received: &Received, path: &str) -> Answer {
    let sent: Value = if received.body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(&received.body)
            .map_err(|error| ApiError::invalid(format!("The body is not JSON: {error}")))?
    };
    let text = |name: &str| sent.text(name).ok_or_else(|| ApiError::missing(name));
    let parts: Vec<&str> = path.split('/').collect();
    match (&received.method, parts.as_slice()) {
        (&Method::GET, ["requests"]) => {
            let state = shared.lock();
            Ok(json!({ "object": "list", "data": state.requests.iter().collect::<Vec<_>>() }))
        }
        (&Method::POST, ["reset"]) => {
            shared.reset();
            Ok(json!({ "reset": true }))
        }
        (&Method::GET, ["clock"]) => Ok(json!({ "now": shared.lock().now() })),
        (&Method::POST, ["clock"]) => {
            let now = sent.int("now").ok_or_else(|| ApiError::missing("now"))?;
            if !shared.set_now(now) {
                return Err(ApiError::invalid("Time only moves forward.").param("now"));
            }
            Ok(json!({ "now": shared.lock().now() }))
        }
        (&Method::GET, ["settings"]) => Ok(json!(shared.lock().settings)),
        (&Method::POST, ["settings"]) => {
            let state = &mut *shared.lock();
            let mut wanted = json!(state.settings);
            for (name, value) in sent.as_object().into_iter().flatten() {
                wanted.put(name, value.clone());
            }
            state.settings = serde_json::from_value(wanted)
                .map_err(|error| ApiError::invalid(format!("Not a setting: {error}")))?;
            Ok(json!(state.settings))
        }
        (&Method::POST, ["payment_methods", id, "update_card"]) => {
            let state = &mut *shared.lock();
            let updated = payment_methods::update_by_network(state, id, &sent)?;
            shared.changed.notify_one();
            Ok(state.render(&updated))
        }
        (&Method::GET, ["faults"]) => Ok(json!({ "data": shared.lock().faults.pending() })),
        (&Method::POST, ["faults"]) => {
            let fault: Fault = serde_json::from_value(sent.clone())
                .map_err(|error| ApiError::invalid(format!("Not a fault: {error}")))?;
            let answer = json!(fault);
            shared.lock().faults.add(fault);
            Ok(answer)
        }
        (&Method::DELETE, ["faults"]) => {
            shared.lock().faults.clear();
            Ok(json!({ "data": [] }))
        }
        (&Method::GET, ["version"]) => Ok(json!({
            "api_version": events::API_VERSION, "default_api_version": shared.lock().default_api_version,
        })),
        (&Method::POST, ["webhook_endpoints"]) => {
            let mut endpoint = WebhookEndpoint::new(text("url")?, text("secret")?);
            if let Some(version) = sent.text("api_version") {
                endpoint = endpoint.api_version(version);
            }
            let types: Vec<&str> = sent.list("enabled_events").iter().filter_map(Value::as_str).collect();
            if !types.is_empty() {
                endpoint = endpoint.events(&types);
            }
            webhooks::add(&mut shared.lock(), endpoint, true)?;
            shared.changed.notify_one();
            Ok(json!({ "url": text("url")? }))
        }
        (&Method::GET, ["webhooks"]) => Ok(webhooks_shown(shared)),
        (&Method::POST, ["webhooks"]) => {
            change_webhooks(shared, &sent)?;
            Ok(webhooks_shown(shared))
        }
        (&Method::DELETE, ["webhooks"]) => {
            shared.clear_webhook_faults();
            Ok(webhooks_shown(shared))
        }
        (&Method::POST, ["events", id, "resend"]) => {
            shared.lock().resend(id)?;
            Ok(json!({ "id": id }))
        }
        (&Method::POST, [kind @ ("payment_intents" | "setup_intents"), id, "authenticate"]) => {
            let succeed = match text("outcome")? {
                "succeed" => true,
                "fail" => false,
                _ => {
                    return Err(
                        ApiError::invalid("Invalid outcome: must be one of succeed or fail").param("outcome")
                    );
                }
            };
            authenticate(shared, kind, id, succeed)
        }
        _ => Err(ApiError::not_found("sandbox control", path)),
    }
}

fn webhooks_shown(shared: &Shared) -> Value {
    let state = shared.lock();
    let deliveries = &state.deliveries;
    json!({
        "deliver": *shared.deliver.borrow(), "retries": deliveries.retries, "faults": deliveries.faults.pending(),
        "waiting": deliveries.waiting().len(), "deliveries": deliveries.log().collect::<Vec<_>>(),
    })
}

/// `deliver`, `retries`, or a fault of deliveries.
fn change_webhooks(shared: &Shared, sent: &Value) -> Result<(), ApiError> {
    const KNOWN: [&str; 14] = [
        "deliver",
        "retries",
        "match",
        "kind",
        "count",
        "skip",
        "probability_percent",
        "endpoint",
        "seed",
        "copies",
        "window",
        "ms",
        "seconds",
        "clear",
    ];
    let names: Vec<&String> = sent.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    if let Some(name) = names.iter().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(ApiError::invalid(format!("Received unknown parameter: {name}")).param(name));
    }
    if names.is_empty() {
        return Err(ApiError::missing("deliver"));
    }
    let fault = match sent.at("kind") {
        Value::Null => None,
        _ => Some(
            serde_json::from_value::<WebhookFault>(sent.clone())
                .map_err(|error| ApiError::invalid(format!("Not a fault of deliveries: {error}")))?,
        ),
    };
    if let Some(retries) = sent.get("retries") {
        let retries: WebhookRetries = serde_json::from_value(retries.clone()).map_err(|_| {
            ApiError::invalid("Invalid retries: must be one of sandbox_clock or quick").param("retries")
        })?;
        shared.lock().deliveries.retries = retries;
    }
    if sent.flag("clear") == Some(true) {
        shared.clear_webhook_faults();
    }
    if let Some(fault) = fault {
        shared.webhook_fault(fault);
    }
    if let Some(deliver) = sent.flag("deliver") {
        shared.hold_or_deliver(deliver);
    }
    Ok(())
}

/// Plays the cardholder whom an intent waits for.
pub(crate) fn authenticate(shared: &Shared, kind: &str, id: &str, succeed: bool) -> Answer {
    let mut state = shared.lock();
    let test_clock = state.test_clock_of_request(&[id.to_owned()], &Value::Null);
    let intent = state.within(test_clock.as_deref(), |state| match kind {
        "payment_intents" => payment_intents::authenticate(state, id, succeed),
        _ => setup_intents::authenticate(state, id, succeed),
    })?;
    let rendered = state.render(&intent);
    drop(state);
    shared.changed.notify_one();
    Ok(rendered)
}
