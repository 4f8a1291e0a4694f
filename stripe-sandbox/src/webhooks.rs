//! Webhook endpoints, and the delivery of events to them: signed, in order while all goes well, again after a failure.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::errors::{Answer, ApiError};
use crate::events;
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::list;
use crate::sandbox::Shared;
use crate::state::{HIDDEN, State};

/// Waits between attempts. Stripe goes on for three days; a sandbox is watched by somebody who does not.
const RETRIES: [Duration; 7] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
    Duration::from_secs(3600),
];
/// How long an endpoint may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One event for one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// Id of the webhook endpoint.
    pub endpoint: String,
    /// Id of the event.
    pub event: String,
}

/// The enabled endpoints that want an event of this type.
pub(crate) fn endpoints_for(state: &State, event: &str) -> Vec<String> {
    let wants = |endpoint: &&Value| {
        endpoint.text("status") == Some("enabled")
            && endpoint
                .list("enabled_events")
                .iter()
                .filter_map(Value::as_str)
                .any(|name| name == "*" || events::matches(name, event))
    };
    state.store.all("webhook_endpoint").filter(wants).map(|endpoint| endpoint.id().to_owned()).collect()
}

/// Adds an endpoint for all events. One that has the address already is given the secret beside those it has.
pub(crate) fn add(state: &mut State, url: &str, secret: &str, lasting: bool) {
    let known = state
        .store
        .all("webhook_endpoint")
        .find(|endpoint| endpoint.text("url") == Some(url))
        .map(|endpoint| endpoint.id().to_owned());
    if let Some(id) = known {
        state.change("webhook_endpoint", &id, |endpoint| {
            let mut secrets = endpoint.at(HIDDEN).list("secrets").to_vec();
            secrets.push(secret.into());
            endpoint.put(&format!("{HIDDEN}.secrets"), secrets);
        });
        return;
    }
    let endpoint = endpoint(state, url, json!(["*"]), secret, lasting);
    state.store.insert(endpoint);
}

fn endpoint(state: &mut State, url: &str, enabled_events: Value, secret: &str, lasting: bool) -> Value {
    json!({
        "id": state.id("we"), "object": "webhook_endpoint", "api_version": events::API_VERSION, "application": null, "created": state.now(),
        "description": null, "enabled_events": enabled_events, "livemode": false, "metadata": {}, "status": "enabled", "url": url,
        HIDDEN: { "secrets": [secret], "lasting": lasting },
    })
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let url = call.params.text("url").unwrap_or_default().to_owned();
    check_url(&url)?;
    if call.params.text("api_version").is_some_and(|version| version != events::API_VERSION) {
        return Err(ApiError::unsupported("api_version"));
    }
    let secret = format!("whsec_{}", call.state.ids.token(32));
    let mut endpoint = endpoint(call.state, &url, call.params.at("enabled_events").clone(), &secret, true);
    patch(&mut endpoint, &call.params, &["description"]);
    merge_metadata(&mut endpoint, &call.params);
    call.state.store.insert(endpoint.clone());
    endpoint.put("secret", secret);
    Ok(endpoint)
}

/// The sandbox calls loopback addresses only: nothing it makes up may leave the machine.
fn check_url(url: &str) -> Result<(), ApiError> {
    let refused = |message: &str| Err(ApiError::invalid(message).code("url_invalid").param("url"));
    let Ok(parsed) = url::Url::parse(url) else {
        return refused("Invalid URL: An explicit scheme (such as https) must be provided.");
    };
    let loopback = match parsed.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !loopback || parsed.scheme() != "http" {
        return refused("Invalid URL: the sandbox delivers to http:// addresses of this machine only.");
    }
    Ok(())
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("webhook_endpoint", "webhook_endpoint", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    call.state.load("webhook_endpoint", "webhook_endpoint", &id)?;
    if let Some(url) = call.params.text("url") {
        check_url(url)?;
    }
    let params = call.params.clone();
    call.state.change("webhook_endpoint", &id, |endpoint| {
        patch(endpoint, &params, &["description", "enabled_events", "url"]);
        merge_metadata(endpoint, &params);
        if let Some(disabled) = params.flag("disabled") {
            endpoint.put("status", if disabled { "disabled" } else { "enabled" });
        }
    });
    call.state.load("webhook_endpoint", "webhook_endpoint", &id).cloned()
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    call.state.load("webhook_endpoint", "webhook_endpoint", &id)?;
    call.state.store.remove("webhook_endpoint", &id);
    Ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true }))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let rows = call.state.store.newest_first("webhook_endpoint", |_| true);
    list::page("/v1/webhook_endpoints", "webhook_endpoint", &rows, &call.params)
}

/// The `Stripe-Signature` header: `t=..,v1=..` with one `v1` for each secret.
///
/// `timestamp` is in seconds; each signature is HMAC-SHA256 under the secret over `timestamp.body`, in hexadecimal.
pub fn signature_header(secrets: &[impl AsRef<str>], timestamp: i64, body: &[u8]) -> String {
    let mut header = format!("t={timestamp}");
    for secret in secrets {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_ref().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        header.push_str(",v1=");
        header.push_str(&hex::encode(mac.finalize().into_bytes()));
    }
    header
}

/// Hands every delivery to the line of its endpoint, until the sandbox stops.
pub(crate) async fn dispatch(shared: Arc<Shared>, mut deliveries: UnboundedReceiver<Delivery>) {
    let mut lines: HashMap<String, UnboundedSender<String>> = HashMap::new();
    loop {
        let delivery = tokio::select! {
            () = shared.stop.cancelled() => return,
            delivery = deliveries.recv() => delivery,
        };
        let Some(Delivery { endpoint, event }) = delivery else { return };
        let line = lines.entry(endpoint).or_insert_with_key(|endpoint| {
            let (sender, receiver) = unbounded_channel();
            shared.tasks.spawn(serve_line(Arc::clone(&shared), endpoint.clone(), receiver));
            sender
        });
        // The line ends only when the sandbox stops.
        let _ = line.send(event);
    }
}

/// Delivers one endpoint's events in their order. One that fails steps out of the line and is tried again beside it.
async fn serve_line(shared: Arc<Shared>, endpoint: String, mut events: UnboundedReceiver<String>) {
    loop {
        let event = tokio::select! {
            () = shared.stop.cancelled() => return,
            event = events.recv() => event,
        };
        let Some(event) = event else { return };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            delivered = attempt(&shared, &endpoint, &event) => {
                if !delivered {
                    shared.tasks.spawn(retry(Arc::clone(&shared), endpoint.clone(), event));
                }
            }
        }
    }
}

async fn retry(shared: Arc<Shared>, endpoint: String, event: String) {
    for wait in RETRIES {
        let delivered = async {
            tokio::time::sleep(wait).await;
            attempt(&shared, &endpoint, &event).await
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            delivered = delivered => if delivered { return },
        }
    }
    tracing::warn!(%endpoint, %event, "a webhook was given up");
}

/// Posts the event once. True when there is nothing left to do: delivered, or the endpoint or event is gone.
async fn attempt(shared: &Shared, endpoint: &str, event: &str) -> bool {
    let mut deliver = shared.deliver.subscribe();
    if deliver.wait_for(|deliver| *deliver).await.is_err() {
        return true;
    }
    let (url, signature, body) = {
        let state = shared.lock();
        let Some(target) = state
            .store
            .find("webhook_endpoint", endpoint)
            .filter(|target| target.text("status") == Some("enabled"))
        else {
            return true;
        };
        let Some(event) = state.store.find("event", event) else { return true };
        let body = event.to_string();
        let secrets: Vec<&str> = target.at(HIDDEN).list("secrets").iter().filter_map(Value::as_str).collect();
        let signature = signature_header(&secrets, state.clock.source_now(), body.as_bytes());
        (target.text("url").unwrap_or_default().to_owned(), signature, body)
    };
    let request =
        shared.client.post(&url).timeout(PATIENCE).header("content-type", "application/json; charset=utf-8");
    let request = request
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", signature)
        .body(body);
    match request.send().await {
        Ok(response) if response.status().is_success() => {
            shared.lock().change("event", event, |event| {
                let pending = event.int("pending_webhooks").unwrap_or_default();
                event.put("pending_webhooks", (pending - 1).max(0));
            });
            true
        }
        Ok(response) => {
            tracing::debug!(url, event, status = response.status().as_u16(), "a webhook was refused");
            false
        }
        Err(error) => {
            tracing::debug!(url, event, %error, "a webhook did not arrive");
            false
        }
    }
}
