//! Webhooks as Stripe sends them, and what became of them.

use serde_json::{Value, json};
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::page::PageRequest;
use tollgate::domain::stripe_event::{EventState, StripeEvent};
use tollgate::store::StripeEventFilter;

use super::{TestApp, WEBHOOK_SECRET, eventually};

/// Posts these bytes with this signature. The status and the body.
pub async fn post(app: &TestApp, body: &[u8], signature: Option<String>) -> (u16, String) {
    let url = format!("http://{}/webhooks/stripe", app.address);
    let mut request = reqwest::Client::new().post(url).body(body.to_vec());
    if let Some(signature) = signature {
        request = request.header("stripe-signature", signature);
    }
    let answer = request.send().await.expect("the gateway answers");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

/// Posts an event, signed now. The status.
pub async fn send(app: &TestApp, event: &Value) -> u16 {
    let body = event.to_string();
    let signature = tollgate::payments::sign(body.as_bytes(), WEBHOOK_SECRET, SystemClock.now());
    post(app, body.as_bytes(), Some(signature)).await.0
}

/// An event about an object, made so many seconds from now.
pub fn event(id: &str, event_type: &str, seconds: i64, object: &Value) -> Value {
    json!({ "id": id, "object": "event", "type": event_type, "livemode": false,
            "created": SystemClock.now().timestamp() + seconds,
            "api_version": "2026-09-30.endive", "data": { "object": object } })
}

pub async fn stored(app: &TestApp, event_id: &str) -> Option<StripeEvent> {
    let filter = StripeEventFilter::default();
    let page = app.store().list_stripe_events(&filter, &PageRequest::first(100)).await.expect("events");
    let id = page.items.into_iter().find(|stored| stored.event.event_id == event_id)?.id;
    app.store().stripe_events(&[id]).await.expect("events").pop()
}

/// The event, once it is in that state.
pub async fn in_state(app: &TestApp, event_id: &str, state: EventState) -> StripeEvent {
    eventually(&format!("{event_id} to be {state}"), || async {
        stored(app, event_id).await.filter(|stored| stored.state == state)
    })
    .await
}

/// Sends an event and waits until it is applied.
pub async fn apply(app: &TestApp, event: &Value) -> StripeEvent {
    assert_eq!(send(app, event).await, 200, "{event}");
    in_state(app, event["id"].as_str().expect("an id"), EventState::Applied).await
}

/// How many audit records an event left.
pub async fn records_of(app: &TestApp, event_id: &str) -> usize {
    let records = app.audit_records().await;
    records.iter().filter(|record| record.request_id.as_deref() == Some(event_id)).count()
}

/// Does something at Stripe behind the gateway's back, as from its dashboard. What Stripe answers.
pub async fn at_stripe(app: &TestApp, method: &str, path: &str, form: &[(&str, &str)]) -> Value {
    let url = format!("{}{path}", app.sandbox.base_url());
    let method = method.parse().expect("a method");
    let request = reqwest::Client::new().request(method, url).bearer_auth("sk_test_dashboard").form(&form);
    let answer = request.send().await.expect("the sandbox answers");
    let status = answer.status();
    let body: Value = answer.json().await.expect("JSON");
    assert!(status.is_success(), "{path}: {body:#}");
    body
}
