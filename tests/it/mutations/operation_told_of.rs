//! An operation whose outcome is not known is settled when a webhook tells of it, not at the sweeper's next turn.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use super::subscription_change::subscribed;
use crate::support::{Client, TestApp, TestOptions, eventually, text};

/// Within this a webhook settles what it tells of.
const SOON: Duration = Duration::from_secs(1);

/// Stripe acts, and its answer comes too late. The sweeper's next turn is an hour away.
fn options() -> TestOptions {
    let mut options = TestOptions { stripe_attempts: 1, deliver_webhooks: true, ..TestOptions::default() };
    options.stripe_timeout = Duration::from_millis(600);
    options.worker.sweep = Duration::from_secs(3_600);
    options
}

fn late() -> FaultKind {
    FaultKind::ActThenDelay { ms: 2_000 }
}

async fn ask(client: &Client, mutation: &str, input: Value) -> Value {
    let answer = client.send(&crate::every_operation::query_of(mutation), json!({ "input": input })).await;
    let payload = answer.data()[mutation].clone();
    assert_eq!(payload["operation"]["state"], "UNKNOWN", "{payload:#}");
    payload["operation"]["id"].clone()
}

/// Waits for it to be settled, no longer than a second.
async fn settled_soon(client: &Client, operation: &Value, what: &str) {
    let began = Instant::now();
    let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
    let state = eventually(what, || async {
        let answer = client.send(query, json!({ "id": operation })).await;
        let state = text(&answer.data()["billingOperation"]["state"]);
        (state != "UNKNOWN").then_some(state)
    })
    .await;
    assert_eq!(state, "CONFIRMED", "{what}");
    assert!(began.elapsed() < SOON, "{what}: it took {:?}", began.elapsed());
}

fn payment(organization: &str) -> Value {
    json!({ "organizationId": organization, "confirm": true,
            "amount": { "minorUnits": "1500", "currency": "USD" } })
}

#[tokio::test]
async fn an_unknown_outcome_is_settled_by_the_webhook_of_what_it_made() {
    let app = TestApp::start_with(options()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.settled().await;
    app.sandbox.deliver_webhooks(false);
    app.sandbox.fault(Fault::new("POST /v1/payment_intents$", late()));
    let operation = ask(&owner, "paymentIntentCreate", payment(&organization)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(app.open_operations().await, ["UNKNOWN"], "nothing settles it by itself");
    app.sandbox.deliver_webhooks(true);
    settled_soon(&owner, &operation, "the payment").await;
    assert_eq!(app.succeeded_charges(), 1);
}

/// Stripe tells of it before the gateway gives up waiting for the answer.
#[tokio::test]
async fn a_webhook_that_is_faster_than_the_timeout_is_not_forgotten() {
    let app = TestApp::start_with(options()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.settled().await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents$", late()));
    let operation = ask(&owner, "paymentIntentCreate", payment(&organization)).await;
    settled_soon(&owner, &operation, "the payment").await;
    assert_eq!(app.succeeded_charges(), 1);
}

/// The subscription's notes name the operation that made it: the event is about what this one changes.
#[tokio::test]
async fn an_unknown_outcome_is_settled_by_the_webhook_of_what_it_changed() {
    let app = TestApp::start_with(options()).await;
    let it = subscribed(&app).await;
    app.settled().await;
    app.sandbox.deliver_webhooks(false);
    app.sandbox.fault(Fault::new("DELETE /v1/subscriptions/*", late()));
    let cancel = json!({ "subscriptionId": it.subscription, "when": "NOW" });
    let operation = ask(&it.owner, "subscriptionCancel", cancel).await;
    app.sandbox.deliver_webhooks(true);
    settled_soon(&it.owner, &operation, "the cancellation").await;
}

/// The customer is nobody's yet: its notes say whose it will be.
#[tokio::test]
async fn a_customer_whose_making_is_unknown_is_known_by_its_webhook() {
    let app = TestApp::start_with(options()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.sandbox.deliver_webhooks(false);
    app.sandbox.fault(Fault::new("POST /v1/customers$", late()));
    let operation = ask(&owner, "paymentMethodSetup", json!({ "organizationId": organization })).await;
    app.sandbox.deliver_webhooks(true);
    settled_soon(&owner, &operation, "the setup").await;
    assert_eq!(app.sandbox.objects("customer").len(), 1);
}

/// What tells of something else leaves it alone: a pause after a failure is a pause.
#[tokio::test]
async fn a_webhook_of_something_else_brings_nothing_forward() {
    let app = TestApp::start_with(options()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.settled().await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents$", FaultKind::FailBefore));
    ask(&owner, "paymentIntentCreate", payment(&organization)).await;
    let customer = app.stripe_customer(&organization).await;
    let form = [("customer", &customer[..]), ("amount", "900"), ("currency", "usd")];
    app.at_stripe(reqwest::Method::POST, "payment_intents", &form).await;
    app.settled().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(app.open_operations().await, ["UNKNOWN"]);
}
