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

/// Nobody has seats for nothing by ending it before the next bill.
#[tokio::test]
async fn canceling_now_charges_the_seats_that_were_added_since_the_last_bill() {
    let app = TestApp::start().await;
    let it = super::subscription_change::subscribed(&app).await;
    let more = json!({ "subscriptionId": it.subscription, "quantity": "5" });
    let more = super::subscription_change::change(&it.owner, more).await;
    assert_eq!(more["userErrors"], json!([]), "{more:#}");
    assert_eq!(app.succeeded_charges(), 1, "nothing was charged at once");
    let canceled = cancel(&it.owner, json!({ "subscriptionId": it.subscription, "when": "NOW" })).await;
    assert_eq!(canceled["subscription"]["status"], "CANCELED", "{canceled:#}");
    let waiting = app.sandbox.objects("invoiceitem");
    assert!(!waiting.is_empty() && waiting.iter().all(|item| item["invoice"].is_string()), "{waiting:#?}");
    // Stripe finalises what it drafts itself after an hour.
    app.settled().await;
    app.sandbox.set_now(app.sandbox.now() + 2 * 3_600);
    app.settled().await;
    assert_eq!(app.succeeded_charges(), 2);
    let query =
        "query($id: ID!) { organization(id: $id) { invoices { nodes { status total { minorUnits } } } } }";
    let shown = it.owner.send(query, json!({ "id": it.organization })).await;
    let nodes = shown.data()["organization"]["invoices"]["nodes"].as_array().expect("invoices").clone();
    let paid: Vec<i64> = nodes
        .iter()
        .filter(|node| node["status"] == "PAID")
        .map(|node| text(&node["total"]["minorUnits"]).parse().expect("an amount"))
        .collect();
    // Moments after the period began, two seats of it are nearly whole.
    assert!(paid.len() == 2 && paid.iter().any(|total| (5_700..=5_800).contains(total)), "{nodes:#?}");
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

/// A plan of the organization's own, billed by invoice, with an invoice that is open and not due for a month.
async fn billed_by_invoice(app: &TestApp) -> (Client, String, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    super::customer::billing_settings(app, &organization, 0, json!({ "netTerms": 30 })).await;
    let plan = super::subscription_change::own_plan(app, &organization).await;
    let begun = app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    // Stripe finalises what it drafts itself after an hour.
    app.sandbox.set_now(app.sandbox.now() + 2 * 3_600);
    app.settled().await;
    assert_eq!(invoice_statuses(&owner, &organization).await, ["OPEN"]);
    (owner, organization, text(&begun["subscription"]["id"]))
}

async fn invoice_statuses(client: &Client, organization: &str) -> Vec<String> {
    let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { status } } }";
    let answer = client.send(query, json!({ "id": organization })).await;
    let nodes = answer.data()["invoices"]["nodes"].as_array().expect("invoices").clone();
    nodes.iter().map(|node| text(&node["status"])).collect()
}

/// What the policy gives up is the debt, due already or not.
#[tokio::test]
async fn canceling_now_voids_an_invoice_that_is_not_due_yet_when_the_policy_says_so() {
    let app = TestApp::start().await;
    crate::hard_cases::lifecycle::set_policy(&app, "openInvoices", "VOID").await;
    let (owner, organization, subscription) = billed_by_invoice(&app).await;
    let canceled = cancel(&owner, json!({ "subscriptionId": subscription, "when": "NOW" })).await;
    assert_eq!(canceled["subscription"]["status"], "CANCELED", "{canceled:#}");
    assert_eq!(canceled["userErrors"], json!([]), "{canceled:#}");
    assert_eq!(invoice_statuses(&owner, &organization).await, ["VOID"]);
    app.settled().await;
    assert_eq!(app.sandbox.objects("invoice")[0]["status"], "void");
    assert_eq!(invoice_statuses(&owner, &organization).await, ["VOID"]);
}

/// Whoever stays to the end of what is billed owes the bill.
#[tokio::test]
async fn canceling_at_the_periods_end_voids_nothing() {
    let app = TestApp::start().await;
    crate::hard_cases::lifecycle::set_policy(&app, "openInvoices", "VOID").await;
    let (owner, organization, subscription) = billed_by_invoice(&app).await;
    let canceled = cancel(&owner, json!({ "subscriptionId": subscription })).await;
    assert_eq!(canceled["subscription"]["isCancellationScheduled"], true, "{canceled:#}");
    app.settled().await;
    assert_eq!(invoice_statuses(&owner, &organization).await, ["OPEN"]);
}
