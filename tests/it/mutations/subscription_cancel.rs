//! Canceling and resuming.

use serde_json::{Value, json};

use crate::support::{Client, TestApp, text};

async fn subscribed(app: &TestApp) -> (Client, String, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let payload = app.subscribe(&owner, &organization, &plan).await;
    (owner, organization, text(&payload["subscription"]["id"]))
}

async fn cancel(client: &Client, input: Value) -> Value {
    let query = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) {
        subscription { status isCancellationScheduled cancelAtPeriodEnd cancellationReason endedAt }
        userErrors { code message path } } }";
    client.send(query, json!({ "input": input })).await.data()["subscriptionCancel"].clone()
}

async fn resume(client: &Client, subscription: &str) -> Value {
    let query = "mutation($input: SubscriptionResumeInput!) { subscriptionResume(input: $input) {
        subscription { status isCancellationScheduled } userErrors { code message path } } }";
    let answer = client.send(query, json!({ "input": { "subscriptionId": subscription } })).await;
    answer.data()["subscriptionResume"].clone()
}

#[tokio::test]
async fn canceling_at_the_periods_end_keeps_it_active_and_can_be_taken_back() {
    let app = TestApp::start().await;
    let (owner, _, subscription) = subscribed(&app).await;
    let canceled = cancel(&owner, json!({ "subscriptionId": subscription, "reason": "too dear" })).await;
    assert_eq!(canceled["subscription"]["status"], "ACTIVE", "{canceled:#}");
    assert_eq!(canceled["subscription"]["isCancellationScheduled"], true);
    assert_eq!(canceled["subscription"]["cancellationReason"], "too dear");

    let resumed = resume(&owner, &subscription).await;
    assert_eq!(
        resumed["subscription"],
        json!({ "status": "ACTIVE", "isCancellationScheduled": false }),
        "{resumed:#}"
    );
}

#[tokio::test]
async fn canceling_now_ends_it() {
    let app = TestApp::start().await;
    let (owner, _, subscription) = subscribed(&app).await;
    let canceled = cancel(&owner, json!({ "subscriptionId": subscription, "when": "NOW" })).await;
    assert_eq!(canceled["subscription"]["status"], "CANCELED", "{canceled:#}");
    assert!(canceled["subscription"]["endedAt"].is_string());
    let resumed = resume(&owner, &subscription).await;
    assert_eq!(resumed["userErrors"][0]["code"], "CONFLICT");
}

#[tokio::test]
async fn canceling_twice_is_refused() {
    let app = TestApp::start().await;
    let (owner, _, subscription) = subscribed(&app).await;
    cancel(&owner, json!({ "subscriptionId": subscription })).await;
    let again = cancel(&owner, json!({ "subscriptionId": subscription })).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT");
    let now = cancel(&owner, json!({ "subscriptionId": subscription, "when": "NOW" })).await;
    assert_eq!(now["subscription"]["status"], "CANCELED", "now is still possible: {now:#}");
    let ended = cancel(&owner, json!({ "subscriptionId": subscription, "when": "NOW" })).await;
    assert_eq!(ended["userErrors"][0]["code"], "CONFLICT");
}

#[tokio::test]
async fn what_is_not_set_to_end_cannot_be_resumed() {
    let app = TestApp::start().await;
    let (owner, _, subscription) = subscribed(&app).await;
    let resumed = resume(&owner, &subscription).await;
    assert_eq!(resumed["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(resumed["subscription"], json!(null));
}

#[tokio::test]
async fn a_free_subscription_ends_at_once() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let free = app.paid_plan("free", 0, 0).await;
    let payload = app.subscribe(&owner, &organization, &free).await;
    let canceled = cancel(&owner, json!({ "subscriptionId": payload["subscription"]["id"] })).await;
    assert_eq!(canceled["subscription"]["status"], "CANCELED", "{canceled:#}");
}
