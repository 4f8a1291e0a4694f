//! Webhook endpoints: who is told which events, in which version, signed with which secrets.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::{HIDDEN, State};
use crate::{api_versions, events, invoices, list};

/// An endpoint that is named from Rust.
#[derive(Debug, Clone)]
pub struct WebhookEndpoint {
    url: String,
    secret: String,
    enabled_events: Vec<String>,
    api_version: Option<String>,
}

impl WebhookEndpoint {
    /// Is sent every event, signed with `secret`.
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { url: url.into(), secret: secret.into(), enabled_events: vec!["*".into()], api_version: None }
    }

    /// Is sent these types of events only; `*` at the end of a name stands for what may follow.
    pub fn events(mut self, types: &[&str]) -> Self {
        self.enabled_events = types.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Is sent events of an older API version, from 2022-11-15 on.
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = Some(version.into());
        self
    }
}

/// The enabled endpoints that want an event of this type: their ids, addresses and versions.
pub(crate) fn endpoints_for(state: &State, event: &str) -> Vec<(String, String, Option<String>)> {
    let wants = |endpoint: &&Value| {
        endpoint.text("status") == Some("enabled")
            && endpoint
                .list("enabled_events")
                .iter()
                .filter_map(Value::as_str)
                .any(|name| events::matches(name, event))
    };
    let named = |endpoint: &Value| {
        let url = endpoint.text("url").unwrap_or_default().to_owned();
        (endpoint.id().to_owned(), url, endpoint.text("api_version").map(str::to_owned))
    };
    state.store.all("webhook_endpoint").filter(wants).map(named).collect()
}

/// Adds an endpoint. One that has the address already is given the secret beside those it has.
pub(crate) fn add(state: &mut State, new: WebhookEndpoint, lasting: bool) -> Result<(), ApiError> {
    if let Some(version) = &new.api_version {
        api_versions::check(version)?;
    }
    let known = state
        .store
        .all("webhook_endpoint")
        .find(|endpoint| endpoint.text("url") == Some(new.url.as_str()))
        .map(|endpoint| endpoint.id().to_owned());
    if let Some(id) = known {
        state.change("webhook_endpoint", &id, |endpoint| {
            let mut secrets = endpoint.at(HIDDEN).list("secrets").to_vec();
            secrets.push(new.secret.into());
            endpoint.put(&format!("{HIDDEN}.secrets"), secrets);
        });
        return Ok(());
    }
    let mut made = endpoint(state, &new.url, json!(new.enabled_events), &new.secret, lasting);
    made.put("api_version", new.api_version);
    state.store.insert(made);
    Ok(())
}

/// An event as an endpoint is sent it: in its version.
pub(crate) fn payload(state: &State, event: &Value, endpoint: &Value) -> Value {
    let mut payload = state.render(event);
    if let Some(version) = endpoint.text("api_version") {
        if !api_versions::alike(version, event.text("api_version").unwrap_or_default())
            && event.at(HIDDEN).at("other_data").is_object()
        {
            payload.put("data", state.render(event.at(HIDDEN).at("other_data")));
        }
        payload.put("api_version", version);
    }
    payload
}

/// The endpoint took the event, or never will.
pub(crate) fn mark_delivered(state: &mut State, event: &str, endpoint: &str) {
    state.change("event", event, |event| {
        let mut left = event.at(HIDDEN).list("undelivered").to_vec();
        left.retain(|id| id.as_str() != Some(endpoint));
        event.put("pending_webhooks", left.len());
        event.put(&format!("{HIDDEN}.undelivered"), left);
    });
    let found = state.store.find("event", event);
    let heard = found.filter(|event| {
        event.text("type") == Some("invoice.created") && event.int("pending_webhooks") == Some(0)
    });
    if let Some(invoice) = heard.map(|event| event.at("data.object").id().to_owned()) {
        invoices::endpoints_heard(state, &invoice);
    }
}

fn endpoint(state: &mut State, url: &str, enabled_events: Value, secret: &str, lasting: bool) -> Value {
    json!({
        "id": state.id("we"), "object": "webhook_endpoint", "api_version": null, "application": null, "created": state.now(),
        "description": null, "enabled_events": enabled_events, "livemode": false, "metadata": {}, "status": "enabled", "url": url,
        HIDDEN: { "secrets": [secret], "lasting": lasting },
    })
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let url = call.params.text("url").unwrap_or_default().to_owned();
    check_url(&url)?;
    if let Some(version) = call.params.text("api_version") {
        api_versions::check(version)?;
    }
    let secret = format!("whsec_{}", call.state.ids.token(32));
    let mut endpoint = endpoint(call.state, &url, call.params.at("enabled_events").clone(), &secret, true);
    patch(&mut endpoint, &call.params, &["api_version", "description"]);
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
    let waited: Vec<String> = call
        .state
        .store
        .all("event")
        .filter(|event| event.at(HIDDEN).list("undelivered").iter().any(|waiting| *waiting == id.as_str()))
        .map(|event| event.id().to_owned())
        .collect();
    for event in waited {
        mark_delivered(call.state, &event, &id);
    }
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
