//! `/_sandbox/`: what only a sandbox can do.

use http::Method;
use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::faults::Fault;
use crate::http::Received;
use crate::json::Fields;
use crate::sandbox::Shared;
use crate::{payment_intents, payment_methods, setup_intents, webhooks};

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
        (&Method::POST, ["webhook_endpoints"]) => {
            webhooks::add(&mut shared.lock(), text("url")?, text("secret")?, true);
            shared.changed.notify_one();
            Ok(json!({ "url": text("url")? }))
        }
        (&Method::POST, ["webhooks"]) => {
            let deliver = sent.flag("deliver").ok_or_else(|| ApiError::missing("deliver"))?;
            shared.deliver.send_replace(deliver);
            Ok(json!({ "deliver": deliver }))
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
