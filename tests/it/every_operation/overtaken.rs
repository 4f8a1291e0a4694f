//! What decides about an operation may come between the look at Stripe and the settlement: then no event comes any more that
//! could settle it, and the settlement itself must say what came of it.

use std::time::Duration;

use serde_json::{Value, json};
use stripe_sandbox::{AfterRetries, Fault, FaultKind};
use tollgate::domain::clock::{Clock, SystemClock};

use super::{ask, patient};
use crate::support::database::TestDatabase;
use crate::support::{Client, TestApp, text};

/// How long a look at a payment takes.
const LOOK: FaultKind = FaultKind::ActThenDelay { ms: 2_500 };
/// The bank answers in the sandbox by then.
const BANK: i64 = 5 * 86_400;

async fn days_behind() -> TestApp {
    let sandbox = TestApp::sandbox_days_ago(20, AfterRetries::Cancel).await;
    TestApp::start_on(TestDatabase::create().await, sandbox, patient(true)).await
}

async fn state(client: &Client, operation: &Value) -> String {
    let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
    let answer = client.send(query, json!({ "id": operation["id"] })).await;
    text(&answer.data()["billingOperation"]["state"])
}

/// Lets operations be older than their keys, and not so old that no bank could decide any more.
async fn age(app: &TestApp) {
    let then = (SystemClock.now() - chrono::TimeDelta::days(2)).to_rfc3339();
    app.disturb(&format!(
        "UPDATE billing_operations SET created_at = '{then}', lease_until = '{then}' WHERE open_scope IS NOT NULL"
    ))
    .await;
}

/// Compares an operation that is older than its keys, while `meanwhile` happens and arrives.
async fn compared_while(app: &TestApp, meanwhile: impl Future<Output = ()>) {
    app.settled().await;
    age(app).await;
    app.sandbox.fault(Fault::new("GET /v1/payment_intents/*", LOOK));
    let decided = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        meanwhile.await;
        app.settled().await;
    };
    let (settled, ()) = futures::join!(app.service.settle_abandoned_operations(), decided);
    assert_eq!(settled.expect("a sweep"), 1);
}

#[tokio::test]
async fn a_debit_that_the_bank_decides_about_during_the_comparison_is_not_pending_for_ever() {
    for (account, outcome) in
        [("pm_usBankAccount_success", "CONFIRMED"), ("pm_usBankAccount_insufficientFunds", "FAILED")]
    {
        let app = days_behind().await;
        let owner = app.client("olivia");
        let organization = app.organization(&owner, "acme").await;
        app.card(&owner, &organization, account).await;
        app.sandbox.fault(Fault::new("POST /v1/payment_intents$", FaultKind::ActThenDrop));
        let input = json!({ "organizationId": organization, "confirm": true,
            "amount": { "minorUnits": "1500", "currency": "USD" } });
        let asked = ask(&owner, "paymentIntentCreate", input).await;
        assert_eq!(asked["operation"]["state"], "UNKNOWN", "{asked:#}");
        compared_while(&app, async { app.sandbox.set_now(app.sandbox.now() + BANK) }).await;
        assert_eq!(state(&owner, &asked["operation"]).await, outcome, "{account}");
        assert_eq!(app.sandbox.objects("payment_intent").len(), 1);
    }
}

#[tokio::test]
async fn a_debit_that_is_still_with_the_bank_is_pending_until_it_decides() {
    let app = days_behind().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_usBankAccount_success").await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents$", FaultKind::ActThenDrop));
    let input = json!({ "organizationId": organization, "confirm": true,
        "amount": { "minorUnits": "1500", "currency": "USD" } });
    let asked = ask(&owner, "paymentIntentCreate", input).await;
    compared_while(&app, async {}).await;
    assert_eq!(state(&owner, &asked["operation"]).await, "PENDING");
    app.sandbox.set_now(app.sandbox.now() + BANK);
    app.settled().await;
    assert_eq!(state(&owner, &asked["operation"]).await, "CONFIRMED");
}

#[tokio::test]
async fn a_payment_that_is_confirmed_during_the_comparison_does_not_ask_for_it_for_ever() {
    let app = TestApp::start_with(patient(true)).await;
    let open = app.open_invoice(&app.client("olivia")).await;
    app.card(&open.client, &open.organization, "pm_card_authenticationRequired").await;
    app.sandbox.fault(Fault::new("POST /v1/invoices/*/pay", FaultKind::ActThenDrop));
    let asked = ask(&open.client, "invoicePay", json!({ "invoiceId": open.invoice })).await;
    assert_eq!(asked["operation"]["state"], "UNKNOWN", "{asked:#}");
    let intent = text(&app.sandbox.objects("payment_intent")[0]["id"]);
    compared_while(&app, app.authenticate(&intent)).await;
    assert_eq!(state(&open.client, &asked["operation"]).await, "CONFIRMED");
    assert_eq!(app.succeeded_charges(), 1);
}

/// The change was paid while it was looked at: it is made, and what it let go that should survive it is put back.
#[tokio::test]
async fn a_change_that_is_paid_during_the_comparison_is_made() {
    let app = TestApp::start_with(patient(true)).await;
    let it = crate::mutations::subscription_change::subscribed(&app).await;
    app.card(&it.owner, &it.organization, "pm_card_authenticationRequired").await;
    app.sandbox.fault(Fault::new("POST /v1/subscriptions/*", FaultKind::ActThenDrop));
    let input = json!({ "subscriptionId": it.subscription, "planId": it.top });
    let asked = ask(&it.owner, "subscriptionChange", input).await;
    assert_eq!(asked["operation"]["state"], "UNKNOWN", "{asked:#}");
    let intents = app.sandbox.objects("payment_intent");
    let waiting =
        intents.iter().find(|intent| intent["status"] == "requires_action").expect("one that waits");
    let waiting = text(&waiting["id"]);
    app.settled().await;
    age(&app).await;
    app.sandbox.fault(Fault::new("GET /v1/subscriptions/*", LOOK));
    let paid = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        app.authenticate(&waiting).await;
        app.settled().await;
    };
    let (settled, ()) = futures::join!(app.service.settle_abandoned_operations(), paid);
    assert_eq!(settled.expect("a sweep"), 1);
    assert_eq!(state(&it.owner, &asked["operation"]).await, "CONFIRMED");
}
