//! What is told of money: each attempt that failed once, and nothing of what the bank or the cardholder is still asked about.

use reqwest::Method;
use serde_json::{Value, json};
use stripe_sandbox::AfterRetries;
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::stripe_event::{EventSource, NewStripeEvent};
use tollgate::payments::parse_envelope;

use super::email::column;
use crate::dunning::debt;
use crate::mutations::member::done;
use crate::support::webhook::{apply, event};
use crate::support::{TestApp, TestOptions, text, uuid_of};

const FAILED: &str = "invoice_payment_failed";
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// How often an event was told.
async fn told(app: &TestApp, event: &str) -> usize {
    let events = column(app, "SELECT event FROM outbox_messages ORDER BY id").await;
    events.into_iter().flatten().filter(|it| it == event).count()
}

async fn pass_until(app: &TestApp, moment: i64) {
    app.settled().await;
    app.sandbox.set_now(moment);
    app.settled().await;
}

/// What the cardholder answers their bank.
async fn refuse_to_confirm(app: &TestApp, intent: &str) {
    let url = format!("{}/_sandbox/payment_intents/{intent}/authenticate", app.sandbox.base_url());
    let request = reqwest::Client::new().post(url).json(&json!({ "outcome": "fail" }));
    let answer = request.send().await.expect("the sandbox answers");
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    app.settled().await;
}

fn waiting_intent(app: &TestApp) -> Value {
    let intents = app.sandbox.objects("payment_intent");
    intents.into_iter().find(|it| it["status"] == "requires_action").expect("one waits")
}

#[tokio::test]
async fn a_debit_is_told_as_failed_when_the_bank_returns_it_and_not_before() {
    let app = TestApp::start_days_ago_with(60, AfterRetries::PastDue).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.subscribe(&owner, &acme, &plan).await;
    app.card(&owner, &acme, "pm_usBankAccount_insufficientFunds").await;
    let subscription = app.sandbox.objects("subscription")[0].clone();
    let renewal = subscription["items"]["data"][0]["current_period_end"].as_i64().expect("a period");
    pass_until(&app, renewal + HOUR + DAY).await;
    let query = "query($id: ID!) { payments(organizationId: $id) { nodes { status } } }";
    let shown = owner.send(query, json!({ "id": acme })).await;
    assert_eq!(shown.data()["payments"]["nodes"][0]["status"], "PENDING");
    assert_eq!(told(&app, FAILED).await, 0, "the bank has it");
    pass_until(&app, renewal + HOUR + 4 * DAY).await;
    assert_eq!(told(&app, FAILED).await, 1, "the bank said no");
}

#[tokio::test]
async fn who_does_not_confirm_is_told_that_it_failed_and_asked_again_the_next_time() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &acme, "pm_card_authenticationRequired").await;
    app.subscribe(&owner, &acme, &plan).await;
    app.settled().await;
    assert_eq!((told(&app, "payment_requires_action").await, told(&app, FAILED).await), (1, 0));
    refuse_to_confirm(&app, &text(&waiting_intent(&app)["id"])).await;
    assert_eq!((told(&app, "payment_requires_action").await, told(&app, FAILED).await), (1, 1));
    let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { id status } } }";
    let shown = owner.send(query, json!({ "id": acme })).await;
    let invoice = shown.data()["invoices"]["nodes"][0]["id"].clone();
    let pay = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) { operation { state } } }";
    let again = owner.send(pay, json!({ "input": { "invoiceId": invoice } })).await;
    assert_eq!(again.data()["invoicePay"]["operation"]["state"], "REQUIRES_ACTION", "{:#}", again.body);
    app.settled().await;
    assert_eq!((told(&app, "payment_requires_action").await, told(&app, FAILED).await), (2, 1));
    refuse_to_confirm(&app, &text(&waiting_intent(&app)["id"])).await;
    assert_eq!((told(&app, "payment_requires_action").await, told(&app, FAILED).await), (2, 2));
}

#[tokio::test]
async fn a_renewal_that_waits_for_its_cardholder_is_not_told_as_failed_by_its_invoice_alone() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &acme, "pm_card_authenticationRequired").await;
    app.subscribe(&owner, &acme, &plan).await;
    app.settled_so_far().await;
    // Stripe counts the attempt when it asks the cardholder.
    let mut invoice = app.sandbox.objects("invoice")[0].clone();
    invoice["attempt_count"] = json!(invoice["attempt_count"].as_i64().unwrap_or_default() + 1);
    apply(&app, &event("evt_alone", "invoice.updated", 5, &invoice)).await;
    let counted = column(&app, "SELECT CAST(attempt_count AS TEXT) FROM invoices").await;
    assert_eq!(counted, [Some(text(&json!(invoice["attempt_count"].to_string())))], "it is mirrored");
    assert_eq!(told(&app, FAILED).await, 0);
}

#[tokio::test]
async fn each_declined_attempt_is_told_once() {
    let app = TestApp::start_days_ago(40).await;
    let it = debt(&app).await;
    app.pass_days(32).await;
    let declined = app.sandbox.objects("charge").iter().filter(|it| it["status"] == "failed").count();
    assert!(declined > 0);
    let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { id status } } }";
    let shown = it.owner.send(query, json!({ "id": it.organization })).await;
    let nodes = shown.data()["invoices"]["nodes"].as_array().expect("invoices").clone();
    let open = nodes.iter().find(|it| it["status"] == "OPEN").expect("an open one")["id"].clone();
    let before = told(&app, FAILED).await;
    assert!(before >= 1, "the renewal failed");
    let pay = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) { userErrors { code } } }";
    let again = it.owner.send(pay, json!({ "input": { "invoiceId": open } })).await;
    assert_eq!(again.data()["invoicePay"]["userErrors"][0]["code"], "PAYMENT_DECLINED", "{:#}", again.body);
    app.settled().await;
    assert_eq!(told(&app, FAILED).await, before + 1);
}

#[tokio::test]
async fn a_cancellation_that_was_taken_back_and_made_again_is_told_again() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    let made = app.subscribe(&owner, &acme, &plan).await;
    let input = json!({ "subscriptionId": made["subscription"]["id"] });
    for number in 1..=2 {
        done(&owner, "subscriptionCancel", input.clone(), "subscription { status }").await;
        app.settled().await;
        assert_eq!(told(&app, "subscription_canceled").await, number);
        done(&owner, "subscriptionResume", input.clone(), "subscription { status }").await;
        app.settled().await;
    }
}

#[tokio::test]
async fn an_inquiry_that_becomes_a_chargeback_is_told_again() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &acme, "pm_card_createDisputeInquiry").await;
    app.subscribe(&owner, &acme, &plan).await;
    app.settled().await;
    assert_eq!(told(&app, "dispute_opened").await, 1);
    let dispute = text(&app.sandbox.objects("dispute")[0]["id"]);
    let form = [("evidence[uncategorized_text]", "escalate_inquiry_evidence"), ("submit", "true")];
    app.at_stripe(Method::POST, &format!("disputes/{dispute}"), &form).await;
    pass_until(&app, app.sandbox.now() + HOUR + 100).await;
    assert_eq!(app.sandbox.objects("dispute")[0]["status"], "needs_response");
    assert_eq!(told(&app, "dispute_opened").await, 2);
}

#[tokio::test]
async fn a_trial_that_ends_soon_is_told_when_another_event_fetched_its_subscription() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 14).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.subscribe(&owner, &acme, &plan).await;
    app.settled_so_far().await;
    let subscription = app.sandbox.objects("subscription")[0].clone();
    let before = app.sandbox.requests().len();
    // Of another version of Stripe's: what they hold is not believed, and one fetch is enough for both.
    let events = ["customer.subscription.updated", "customer.subscription.trial_will_end"].map(|kind| {
        let mut event = event(&format!("evt_{kind}"), kind, 0, &subscription);
        event["api_version"] = json!("2019-01-01");
        parse_envelope(event.to_string().as_bytes()).expect("an event")
    });
    let events: Vec<NewStripeEvent> = events.into();
    app.store().store_missing_stripe_events(&events, EventSource::Webhook).await.expect("stored");
    app.settled_so_far().await;
    let path = format!("/v1/subscriptions/{}", text(&subscription["id"]));
    let fetches = app.sandbox.requests().into_iter().skip(before).filter(|it| it.path == path).count();
    assert_eq!(fetches, 1, "the second was covered by the first one's");
    assert_eq!(told(&app, "trial_ending").await, 1);
}

#[tokio::test]
async fn what_a_comparison_finds_and_takes_back_is_told_when_it_is_mended() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.subscribe(&owner, &acme, &plan).await;
    app.settled_so_far().await;
    let subscription = text(&app.sandbox.objects("subscription")[0]["id"]);
    app.at_stripe(Method::DELETE, &format!("subscriptions/{subscription}"), &[]).await;
    let id = OrganizationId(uuid_of(&acme));
    let organization = app.store().find_organization(id).await.expect("a row").expect("an organization");
    app.service.compare_organization(&organization, false).await.expect("a comparison");
    let found = column(&app, "SELECT field FROM billing_drifts").await;
    assert!(!found.is_empty(), "it was written and taken back");
    assert_eq!(told(&app, "subscription_canceled").await, 0);
    app.service.compare_organization(&organization, true).await.expect("a comparison");
    assert_eq!(told(&app, "subscription_canceled").await, 1);
}
