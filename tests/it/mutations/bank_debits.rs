//! Payments that a bank decides about days later. The sandbox answers at once, so the answers are retold as Stripe gives
//! them of debits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::Method;
use serde_json::{Value, json};
use tollgate::domain::clock::{Clock, SystemClock};

use crate::hard_cases::money::tell;
use crate::support::database::TestDatabase;
use crate::support::detour::{Way, detour};
use crate::support::{Client, TestApp, TestOptions, text};

const PAY: &str = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) {
    invoice { status payments { id status } } operation { id state settledAt } clientSecret userErrors { code message } } }";

/// A gateway, and whether a bank has what is charged.
async fn with_bank(deliver_webhooks: bool) -> (TestApp, Arc<AtomicBool>) {
    let database = TestDatabase::create().await;
    let sandbox = TestApp::sandbox_days_ago(1, stripe_sandbox::AfterRetries::Cancel).await;
    let has = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&has);
    let stripe = detour(&sandbox, move |method, path| {
        let path = path.split('?').next().unwrap_or_default();
        let processing = |intent: &mut Value| {
            intent["status"] = "processing".into();
            intent["last_payment_error"] = Value::Null;
        };
        match (method, path) {
            _ if !flag.load(Ordering::SeqCst) => Way::Straight,
            (&Method::POST, path) if path.starts_with("/v1/invoices/") && path.ends_with("/pay") => {
                let shown = path.trim_end_matches("/pay").to_owned()
                    + "?expand[]=payments&expand[]=confirmation_secret";
                Way::Retold(Some((Method::GET, shown)), Box::new(|_| {}))
            }
            (&Method::POST, path) if path.ends_with("/confirm") => Way::Retold(
                Some((Method::GET, path.trim_end_matches("/confirm").to_owned())),
                Box::new(processing),
            ),
            (&Method::POST, "/v1/subscriptions") => {
                Way::Retold(None, Box::new(|subscription| subscription["status"] = "active".into()))
            }
            (&Method::GET, path) if path.starts_with("/v1/payment_intents/") => {
                Way::Retold(None, Box::new(processing))
            }
            _ => Way::Straight,
        }
    })
    .await;
    let options = TestOptions { stripe: Some(stripe), deliver_webhooks, ..TestOptions::default() };
    (TestApp::start_on(database, sandbox, options).await, has)
}

async fn pay(client: &Client, invoice: &str, key: &str) -> Value {
    let input = json!({ "invoiceId": invoice, "idempotencyKey": key });
    client.send(PAY, json!({ "input": input })).await.data()["invoicePay"].clone()
}

async fn operation(client: &Client, id: &Value) -> (String, bool) {
    let query = "query($id: ID!) { billingOperation(id: $id) { state settledAt } }";
    let answer = client.send(query, json!({ "id": id })).await;
    let shown = &answer.data()["billingOperation"];
    (text(&shown["state"]), shown["settledAt"].is_string())
}

/// An open invoice that a bank is asked to pay. Its id at Stripe, its payment intent, and the operation.
async fn asked_to_pay(
    app: &TestApp,
    has: &AtomicBool,
) -> (crate::support::OpenInvoice, String, String, Value) {
    let open = app.open_invoice(&app.client("olivia")).await;
    has.store(true, Ordering::SeqCst);
    let paid = pay(&open.client, &open.invoice, "first").await;
    assert_eq!(paid["userErrors"], json!([]), "{paid:#}");
    assert_eq!(paid["invoice"]["status"], "OPEN", "nothing is paid yet: {paid:#}");
    assert_eq!(paid["invoice"]["payments"][0]["status"], "PENDING", "{paid:#}");
    assert_eq!(
        (&paid["operation"]["state"], &paid["operation"]["settledAt"]),
        (&json!("PENDING"), &Value::Null)
    );
    let invoice = text(&app.sandbox.objects("invoice")[0]["id"]);
    let intent = text(&app.sandbox.objects("payment_intent")[0]["id"]);
    (open, invoice, intent, paid["operation"]["id"].clone())
}

#[tokio::test]
async fn an_invoice_is_pending_until_the_bank_decides_and_is_not_charged_again_meanwhile() {
    let (app, has) = with_bank(true).await;
    let (open, invoice, _, first) = asked_to_pay(&app, &has).await;
    // Nobody takes over what a bank has, and the same key tells the same.
    app.let_own_leases_run_out().await;
    assert_eq!(app.service.settle_abandoned_operations().await.expect("a round"), 0);
    let same = pay(&open.client, &open.invoice, "first").await;
    assert_eq!((&same["operation"]["id"], &same["userErrors"]), (&first, &json!([])), "{same:#}");
    let again = pay(&open.client, &open.invoice, "second").await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT", "{again:#}");
    assert_eq!(app.sandbox.requests().iter().filter(|it| it.path.ends_with("/pay")).count(), 0);
    // Other billing is not held up.
    app.card(&open.client, &open.organization, "pm_card_mastercard").await;
    assert_eq!(operation(&open.client, &first).await, ("PENDING".to_owned(), false));
    // The bank pays.
    has.store(false, Ordering::SeqCst);
    let method = app.sandbox.objects("customer")[0]["invoice_settings"]["default_payment_method"].clone();
    let form = [("payment_method", method.as_str().expect("a default"))];
    app.at_stripe(Method::POST, &format!("invoices/{invoice}/pay"), &form).await;
    app.settled().await;
    assert_eq!(operation(&open.client, &first).await, ("CONFIRMED".to_owned(), true));
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_debit_that_the_bank_refuses_fails_its_operation_and_another_may_be_tried() {
    let (app, has) = with_bank(true).await;
    let (open, _, intent, first) = asked_to_pay(&app, &has).await;
    has.store(false, Ordering::SeqCst);
    let refused = crate::hard_cases::object(&app, "payment_intent", &intent);
    let later = SystemClock.now() + chrono::TimeDelta::seconds(2);
    tell(&app, "evt_refused", "payment_intent.payment_failed", later, &refused).await;
    app.settled_so_far().await;
    assert_eq!(operation(&open.client, &first).await, ("FAILED".to_owned(), true));
    let second = pay(&open.client, &open.invoice, "second").await;
    assert_eq!(second["operation"]["state"], "CONFIRMED", "{second:#}");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_confirmed_debit_is_pending_until_the_bank_decides() {
    let (app, has) = with_bank(true).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let create = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) { payment { id } } }";
    let amount = json!({ "minorUnits": "4900", "currency": "USD" });
    let input = json!({ "organizationId": organization, "amount": amount });
    let created = owner.send(create, json!({ "input": input })).await;
    let payment = created.data()["paymentIntentCreate"]["payment"]["id"].clone();
    app.settled().await;
    has.store(true, Ordering::SeqCst);
    let confirm = "mutation($input: PaymentIntentConfirmInput!) { paymentIntentConfirm(input: $input) {
        payment { status } clientSecret operation { id state } userErrors { code } } }";
    let asked = owner.send(confirm, json!({ "input": { "paymentId": payment } })).await;
    let asked = asked.data()["paymentIntentConfirm"].clone();
    assert_eq!(asked["payment"]["status"], "PENDING", "{asked:#}");
    assert_eq!(
        (&asked["operation"]["state"], &asked["userErrors"]),
        (&json!("PENDING"), &json!([])),
        "{asked:#}"
    );
    assert_eq!(asked["clientSecret"], Value::Null);
    has.store(false, Ordering::SeqCst);
    let intent = text(&app.sandbox.objects("payment_intent")[0]["id"]);
    app.at_stripe(
        Method::POST,
        &format!("payment_intents/{intent}/confirm"),
        &[("payment_method", "pm_card_visa")],
    )
    .await;
    app.settled().await;
    assert_eq!(operation(&owner, &asked["operation"]["id"]).await.0, "CONFIRMED");
}

#[tokio::test]
async fn a_first_payment_that_a_bank_has_is_no_paid_subscription_yet() {
    for (event, state) in [("invoice.paid", "CONFIRMED"), ("invoice.payment_failed", "FAILED")] {
        let (app, has) = with_bank(false).await;
        let owner = app.client("olivia");
        let organization = app.organization(&owner, "acme").await;
        let plan = app.paid_plan("pro", 2_900, 0).await;
        app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
        has.store(true, Ordering::SeqCst);
        let begun = app.subscribe(&owner, &organization, &plan).await;
        assert_eq!(begun["subscription"]["status"], "ACTIVE", "{begun:#}");
        assert_eq!(
            (&begun["operation"]["state"], &begun["userErrors"]),
            (&json!("PENDING"), &json!([])),
            "{begun:#}"
        );
        has.store(false, Ordering::SeqCst);
        let invoice = text(&app.sandbox.objects("invoice")[0]["id"]);
        if state == "CONFIRMED" {
            let form = [("payment_method", "pm_card_visa")];
            app.at_stripe(Method::POST, &format!("invoices/{invoice}/pay"), &form).await;
        }
        let object = crate::hard_cases::object(&app, "invoice", &invoice);
        tell(&app, "evt_decided", event, SystemClock.now() + chrono::TimeDelta::seconds(2), &object).await;
        app.settled_so_far().await;
        assert_eq!(operation(&owner, &begun["operation"]["id"]).await.0, state, "{event}");
    }
}
