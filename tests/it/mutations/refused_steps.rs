//! Operations whose later step Stripe refuses: what the steps before it did is written down and recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::Method;
use serde_json::{Value, json};
use tollgate::domain::audit::AuditOutcome;

use super::customer::{billing_settings, customer};
use crate::dunning::debt;
use crate::hard_cases::lifecycle::set_policy;
use crate::support::database::TestDatabase;
use crate::support::detour::{Way, detour};
use crate::support::{TestApp, TestOptions, eventually, text};

/// A gateway whose Stripe refuses what is posted to a path that fits, once it is told to.
async fn refusing(fits: impl Fn(&str) -> bool + Send + Sync + 'static) -> (TestApp, Arc<AtomicBool>) {
    refusing_days_ago(1, fits).await
}

/// The same, and time can be moved so many days up to the present.
async fn refusing_days_ago(
    days: i64,
    fits: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> (TestApp, Arc<AtomicBool>) {
    let database = TestDatabase::create().await;
    let sandbox = TestApp::sandbox_days_ago(days, stripe_sandbox::AfterRetries::Cancel).await;
    let refuses = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&refuses);
    let stripe = detour(&sandbox, move |method, path| {
        if method == Method::POST && flag.load(Ordering::SeqCst) && fits(path) {
            Way::Refused("charge_disputed", "Stripe has its reasons.")
        } else {
            Way::Straight
        }
    })
    .await;
    let options = TestOptions { stripe: Some(stripe), ..TestOptions::default() };
    (TestApp::start_on(database, sandbox, options).await, refuses)
}

/// The records of an action that was tried and refused.
async fn failures(app: &TestApp, action: &str) -> usize {
    let records = app.audit_records().await;
    let is_failure = |outcome: AuditOutcome| outcome == AuditOutcome::Failure;
    records.iter().filter(|record| record.action == action && is_failure(record.outcome)).count()
}

#[tokio::test]
async fn a_method_that_cannot_become_the_default_is_attached_all_the_same() {
    let (app, refuses) =
        refusing(|path| path.starts_with("/v1/customers/") && path.matches('/').count() == 3).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    refuses.store(true, Ordering::SeqCst);
    let query = "mutation($input: PaymentMethodAttachInput!) { paymentMethodAttach(input: $input) {
        paymentMethod { isDefault card { brand } } operation { state } userErrors { message } } }";
    let input = json!({ "organizationId": organization, "stripePaymentMethodId": "pm_card_mastercard" });
    let answer = owner.send(query, json!({ "input": input })).await;
    let payload = &answer.data()["paymentMethodAttach"];
    assert_eq!(payload["operation"]["state"], "FAILED", "{:#}", answer.body);
    assert_eq!(payload["userErrors"][0]["message"], "Stripe has its reasons.");
    assert_eq!(payload["paymentMethod"], json!({ "isDefault": false, "card": { "brand": "mastercard" } }));
    assert_eq!(failures(&app, "payment_method.attach").await, 1);
    assert_eq!(app.open_operations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_tax_id_that_is_refused_keeps_nothing_else_from_being_synced() {
    let (app, refuses) = refusing(|path| path.ends_with("/tax_ids")).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let details =
        json!({ "legalName": "Acme Ltd", "taxIds": [{ "type": "gb_vat", "value": "GB123456789" }] });
    billing_settings(&app, &organization, 0, details).await;
    refuses.store(true, Ordering::SeqCst);
    let synced = customer(&owner, "customerSync", &organization).await;
    assert_eq!(synced["operation"]["state"], "FAILED", "{synced:#}");
    let message = text(&synced["userErrors"][0]["message"]);
    assert!(message.contains("GB123456789") && message.contains("Stripe has its reasons."), "{message}");
    assert_eq!(app.sandbox.objects("customer")[0]["name"], "Acme Ltd");
    assert_eq!(failures(&app, "customer.sync").await, 1);
    // Mended, it is done whole.
    refuses.store(false, Ordering::SeqCst);
    let again = customer(&owner, "customerSync", &organization).await;
    assert_eq!(again["userErrors"], json!([]), "{again:#}");
    assert_eq!(app.sandbox.objects("tax_id").len(), 1);
}

#[tokio::test]
async fn a_duplicate_whose_payment_cannot_be_given_back_ends_on_record() {
    let (app, refuses) = refusing(|path| path == "/v1/refunds").await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    refuses.store(true, Ordering::SeqCst);
    let price = text(&app.sandbox.objects("price")[0]["id"]);
    let customer = app.stripe_customer(&organization).await;
    let form = [("customer", &customer[..]), ("items[0][price]", &price)];
    let second = app.at_stripe(Method::POST, "subscriptions", &form).await;
    app.settled().await;
    let states = app.operation_states(&organization, "subscription.cancel_duplicate").await;
    assert_eq!(states, ["FAILED"]);
    assert_eq!(failures(&app, "subscription.cancel_duplicate").await, 1);
    let query =
        "query($id: ID!) { subscriptions(organizationId: $id) { nodes { stripeSubscriptionId status } } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    let nodes: Vec<Value> = shown.data()["subscriptions"]["nodes"].as_array().expect("nodes").clone();
    let ended = nodes.iter().find(|node| node["stripeSubscriptionId"] == second["id"]).expect("the second");
    assert_eq!(ended["status"], "CANCELED", "{nodes:#?}");
}

#[tokio::test]
async fn a_subscription_whose_debt_cannot_be_voided_ends_on_record() {
    let (app, refuses) = refusing_days_ago(40, |path| path.ends_with("/void")).await;
    set_policy(&app, "openInvoices", "VOID").await;
    let it = debt(&app).await;
    app.pass_days(32).await;
    refuses.store(true, Ordering::SeqCst);
    let cancel = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) {
        subscription { status } operation { state } userErrors { message } } }";
    let input = json!({ "subscriptionId": it.subscription, "when": "NOW" });
    let answer = it.owner.send(cancel, json!({ "input": input })).await;
    let payload = &answer.data()["subscriptionCancel"];
    assert_eq!(payload["subscription"]["status"], "CANCELED", "{:#}", answer.body);
    assert_eq!(payload["operation"]["state"], "FAILED");
    assert_eq!(payload["userErrors"][0]["message"], "Stripe has its reasons.");
    assert_eq!(failures(&app, "subscription.cancel").await, 1);
}

/// What Stripe sells of the plan: the product's name and what it is, whether it is sold, and the prices that are.
fn sold(app: &TestApp) -> Value {
    let product = app.sandbox.objects("product")[0].clone();
    let prices: Vec<Value> = app
        .sandbox
        .objects("price")
        .iter()
        .filter(|price| price["active"] == true)
        .map(|price| price["unit_amount"].clone())
        .collect();
    json!([product["name"], product["description"], product["active"], prices])
}

/// A gateway whose Stripe refuses once what is posted to a path that fits, once it is told to.
async fn refusing_once(fits: impl Fn(&str) -> bool + Send + Sync + 'static) -> (TestApp, Arc<AtomicBool>) {
    let database = TestDatabase::create().await;
    let sandbox = TestApp::sandbox_days_ago(1, stripe_sandbox::AfterRetries::Cancel).await;
    let refuses = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&refuses);
    let stripe = detour(&sandbox, move |method, path| {
        if method == Method::POST && fits(path) && flag.swap(false, Ordering::SeqCst) {
            Way::Refused("charge_disputed", "Stripe has its reasons.")
        } else {
            Way::Straight
        }
    })
    .await;
    let options = TestOptions { stripe: Some(stripe), ..TestOptions::default() };
    (TestApp::start_on(database, sandbox, options).await, refuses)
}

const UPDATE: &str = "mutation($input: PlanUpdateInput!) { planUpdate(input: $input) {
    plan { name version } operation { state } userErrors { message } } }";

/// A change of a plan is made whole or not at all, whichever of its steps Stripe refuses.
#[tokio::test]
async fn a_change_of_a_plan_that_is_refused_half_way_is_taken_back_at_stripe() {
    let steps: [fn(&str) -> bool; 3] = [
        |path| path == "/v1/prices",
        |path| path.starts_with("/v1/products/"),
        |path| path.starts_with("/v1/prices/"),
    ];
    for (step, fits) in steps.into_iter().enumerate() {
        let (app, refuses) = refusing_once(fits).await;
        let plan = app.paid_plan("pro", 2_900, 0).await;
        let before = sold(&app);
        refuses.store(true, Ordering::SeqCst);
        let input = json!({ "planId": plan, "expectedVersion": "1", "name": "Professional", "description": "More",
            "price": { "unitAmount": { "minorUnits": "3900", "currency": "USD" }, "billingInterval": "MONTH" } });
        let refused = app.staff().send(UPDATE, json!({ "input": input })).await;
        let refused = &refused.data()["planUpdate"];
        assert_eq!(refused["operation"]["state"], "FAILED", "{step}: {refused:#}");
        assert_eq!(refused["userErrors"][0]["message"], "Stripe has its reasons.");
        eventually("Stripe to sell what it sold", || async {
            app.service.settle_abandoned_operations().await.expect("a sweep");
            (app.open_operations().await.is_empty() && sold(&app) == before).then_some(())
        })
        .await;
        let row = app.store().find_plan_by_slug("pro").await.expect("a query").expect("the plan");
        assert_eq!((row.name.as_str(), row.version), ("pro", 1), "{step}");
        // Asked for again, it is made whole.
        let made = app.staff().send(UPDATE, json!({ "input": input })).await;
        assert_eq!(made.data()["planUpdate"]["userErrors"], json!([]), "{step}: {:#}", made.body);
        assert_eq!(sold(&app), json!(["Professional", "More", true, [3_900]]), "{step}");
    }
}

/// A plan that cannot be taken off the list whole stays on it whole: its prices can be sold as before.
#[tokio::test]
async fn a_plan_that_cannot_be_archived_is_sold_as_before() {
    let (app, refuses) = refusing_once(|path| path.starts_with("/v1/products/")).await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    let before = sold(&app);
    refuses.store(true, Ordering::SeqCst);
    let archive = "mutation($input: PlanArchiveInput!) { planArchive(input: $input) {
        operation { state } userErrors { message } } }";
    let refused = app.staff().send(archive, json!({ "input": { "planId": plan } })).await;
    assert_eq!(refused.data()["planArchive"]["operation"]["state"], "FAILED", "{:#}", refused.body);
    eventually("Stripe to sell what it sold", || async {
        app.service.settle_abandoned_operations().await.expect("a sweep");
        (app.open_operations().await.is_empty() && sold(&app) == before).then_some(())
    })
    .await;
    let archived = app.staff().send(archive, json!({ "input": { "planId": plan } })).await;
    assert_eq!(archived.data()["planArchive"]["userErrors"], json!([]), "{:#}", archived.body);
    assert_eq!(sold(&app), json!(["pro", null, false, []]));
}
