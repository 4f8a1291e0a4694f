//! C: calls to Stripe.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tollgate::http::HttpOptions;

use crate::mutations::customer::billing_settings;
use crate::support::{Client, TestApp, TestOptions, eventually, text};

const CREATE: &str = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
    payment { id status } operation { id state errorCode } userErrors { code message path } } }";

async fn ready(app: &TestApp) -> (Client, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    (owner, organization)
}

fn order(organization: &str, minor: &str) -> Value {
    json!({ "organizationId": organization, "confirm": true,
            "amount": { "minorUnits": minor, "currency": "USD" } })
}

async fn charge(client: &Client, input: Value) -> crate::support::Answer {
    client.send(CREATE, json!({ "input": input })).await
}

fn impatient() -> TestOptions {
    TestOptions { stripe_timeout: Duration::from_millis(300), stripe_attempts: 1, ..TestOptions::default() }
}

/// The idempotency keys under which charges were asked for.
fn keys(app: &TestApp) -> Vec<String> {
    let asked = app.sandbox.requests().into_iter();
    let asked = asked.filter(|it| it.method == "POST" && it.path == "/v1/payment_intents");
    asked.map(|it| it.idempotency_key.expect("every change has a key")).collect()
}

async fn settled(client: &Client, operation: &Value, state: &str) {
    eventually(&format!("the operation to be {state}"), || async {
        let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
        let answer = client.send(query, json!({ "id": operation })).await;
        (answer.data()["billingOperation"]["state"] == state).then_some(())
    })
    .await;
}

#[tokio::test]
async fn case_31_a_timeout_though_stripe_executed_is_settled_with_the_same_key() {
    let app = TestApp::start_with(impatient()).await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ActThenDrop).times(2));
    let answer = charge(&owner, order(&organization, "1500")).await;
    let payload = answer.data()["paymentIntentCreate"].clone();
    assert_eq!(payload["operation"]["state"], "UNKNOWN", "{payload:#}");
    settled(&owner, &payload["operation"]["id"], "CONFIRMED").await;
    let keys = keys(&app);
    assert!(keys.len() >= 3, "asked, asked again by the sweeper, answered: {keys:?}");
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 1, "{keys:?}");
    assert_eq!(app.succeeded_charges(), 1);
}

/// An outage that hangs: as by default a request may take half of an operation's time and is sent three times, only twenty times as
/// fast.
#[tokio::test]
async fn case_31_a_stripe_that_hangs_is_unknown_before_the_callers_time_is_up() {
    let whole = Duration::from_secs(3);
    for hangs in [FaultKind::ActThenDelay { ms: 2_500 }, FaultKind::Delay { ms: 2_500 }] {
        let http =
            HttpOptions { operation_timeout: whole, introspection_for_all: true, ..HttpOptions::default() };
        let options =
            TestOptions { http, stripe_timeout: whole / 2, stripe_attempts: 3, ..TestOptions::default() };
        let app = TestApp::start_with(options).await;
        let (owner, organization) = ready(&app).await;
        app.sandbox.fault(Fault::new("POST /v1/payment_intents", hangs).times(2));
        let asked = Instant::now();
        let answer = charge(&owner, order(&organization, "1500")).await;
        assert!(asked.elapsed() < whole, "{:?}", asked.elapsed());
        let payload = answer.data()["paymentIntentCreate"].clone();
        assert_eq!(payload["operation"]["state"], "UNKNOWN", "{hangs:?}: {payload:#}");
        assert_eq!(payload["userErrors"][0]["code"], "STRIPE_UNAVAILABLE", "{payload:#}");
        settled(&owner, &payload["operation"]["id"], "CONFIRMED").await;
        assert_eq!(keys(&app).iter().collect::<BTreeSet<_>>().len(), 1);
        assert_eq!(app.succeeded_charges(), 1, "{hangs:?}");
    }
}

/// The same of an operation of several steps, each of which is answered in less time than a request may take.
#[tokio::test]
async fn case_31_one_patience_is_for_all_that_an_operation_asks() {
    let whole = Duration::from_secs(3);
    let http =
        HttpOptions { operation_timeout: whole, introspection_for_all: true, ..HttpOptions::default() };
    let options =
        TestOptions { http, stripe_timeout: whole / 2, stripe_attempts: 3, ..TestOptions::default() };
    let app = TestApp::start_with(options).await;
    let (owner, organization) = ready(&app).await;
    let tax_ids =
        json!([{ "type": "gb_vat", "value": "GB123456789" }, { "type": "eu_vat", "value": "IE1234567A" }]);
    let details = json!({ "legalName": "Acme plc", "taxIds": tax_ids });
    billing_settings(&app, &organization, 0, details).await;
    app.settled().await;
    // The details, the tax ids that are there, two that are not: three seconds and a half.
    app.sandbox.fault(Fault::new("* /v1/customers", FaultKind::ActThenDelay { ms: 900 }).times(4));
    let sync = "mutation($input: CustomerSyncInput!) { customerSync(input: $input) {
        operation { id state } userErrors { code } } }";
    let asked = Instant::now();
    let answer = owner.send(sync, json!({ "input": { "organizationId": organization } })).await;
    assert!(asked.elapsed() < whole, "{:?}", asked.elapsed());
    let payload = answer.data()["customerSync"].clone();
    assert_eq!(payload["operation"]["state"], "UNKNOWN", "{payload:#}");
    settled(&owner, &payload["operation"]["id"], "CONFIRMED").await;
    assert_eq!(app.sandbox.objects("tax_id").len(), 2);
}

#[tokio::test]
async fn case_32_a_key_with_other_parameters_is_a_conflict_and_overwrites_nothing() {
    let app = TestApp::start().await;
    let (owner, organization) = ready(&app).await;
    let with = |minor: &str, note: &str| {
        let mut input = order(&organization, minor);
        input["idempotencyKey"] = "order-17".into();
        input["metadata"] = json!([{ "key": "note", "value": note }]);
        input
    };
    let first = charge(&owner, with("1500", "a")).await;
    let first = first.data()["paymentIntentCreate"].clone();
    // The notes are part of what was asked, too.
    for other in [with("1501", "a"), with("1500", "b")] {
        let refused = charge(&owner, other).await;
        let (code, path, _) = refused.user_error("paymentIntentCreate");
        assert_eq!((code.as_str(), path.as_str()), ("CONFLICT", "idempotencyKey"));
    }
    let same = charge(&owner, with("1500", "a")).await;
    assert_eq!(same.data()["paymentIntentCreate"]["payment"], first["payment"], "{:#}", same.body);
    assert_eq!(app.sandbox.objects("payment_intent").len(), 1);
    assert_eq!(app.sandbox.objects("payment_intent")[0]["amount"], 1500);
}

#[tokio::test]
async fn case_33_a_key_that_is_still_in_use_is_waited_for() {
    // The first attempt runs into its time-out while Stripe still works on it; the second finds the key in use.
    let options = TestOptions {
        stripe_timeout: Duration::from_millis(400),
        stripe_attempts: 6,
        ..TestOptions::default()
    };
    let app = TestApp::start_with(options).await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::Delay { ms: 700 }));
    let answer = charge(&owner, order(&organization, "1500")).await;
    let payload = answer.data()["paymentIntentCreate"].clone();
    if payload["operation"]["state"] == "UNKNOWN" {
        settled(&owner, &payload["operation"]["id"], "CONFIRMED").await;
    } else {
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    }
    assert_eq!(app.succeeded_charges(), 1);
    assert_eq!(keys(&app).iter().collect::<BTreeSet<_>>().len(), 1);
}

#[tokio::test]
async fn case_34_after_a_definite_failure_the_next_try_has_a_key_of_its_own() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    let declined = charge(&owner, order(&organization, "1500")).await;
    assert_eq!(declined.user_error("paymentIntentCreate").0, "PAYMENT_DECLINED");
    app.card(&owner, &organization, "pm_card_visa").await;
    let paid = charge(&owner, order(&organization, "1500")).await;
    assert_eq!(paid.data()["paymentIntentCreate"]["payment"]["status"], "SUCCEEDED", "{:#}", paid.body);
    let keys = keys(&app);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{keys:?}");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn case_35_nothing_that_passes_is_part_of_a_key() {
    // Lost answers, another attempt, another process: one key.
    let app = TestApp::start_with(impatient()).await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::FailBefore).times(2));
    let answer = charge(&owner, order(&organization, "1500")).await;
    let operation = answer.data()["paymentIntentCreate"]["operation"]["id"].clone();
    let (database, sandbox) = app.stop().await;
    let again = TestApp::start_on(database, sandbox, TestOptions::default()).await;
    let owner = again.client("olivia");
    settled(&owner, &operation, "CONFIRMED").await;
    let keys = keys(&again);
    assert!(keys.len() >= 2, "{keys:?}");
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 1, "{keys:?}");
    let id = crate::support::uuid_of(&text(&operation)).to_string();
    assert!(keys[0].contains(&id), "made from the logical operation: {keys:?}");
}

#[tokio::test]
async fn case_36_the_answer_and_its_event_make_one_row() {
    let app = TestApp::start().await;
    let (owner, organization) = ready(&app).await;
    // The event is applied while the answer is still on its way.
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ActThenDelay { ms: 800 }));
    let answer = charge(&owner, order(&organization, "1500")).await;
    assert_eq!(answer.data()["paymentIntentCreate"]["payment"]["status"], "SUCCEEDED", "{:#}", answer.body);
    app.settled().await;
    let payments = owner
        .send(
            "query($id: ID!) { payments(organizationId: $id) { totalCount nodes { status attempts { status } } } }",
            json!({ "id": organization }),
        )
        .await;
    assert_eq!(
        payments.data()["payments"],
        json!({ "totalCount": 1, "nodes": [{ "status": "SUCCEEDED", "attempts": [{ "status": "SUCCEEDED" }] }] })
    );
    assert_eq!(app.sandbox.objects("payment_intent").len(), 1);
}

#[tokio::test]
async fn case_37_a_rate_limit_is_waited_for_and_never_a_decline() {
    let app = TestApp::start().await;
    let (owner, organization) = ready(&app).await;
    let limited = FaultKind::RateLimit { retry_after: Some(1) };
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", limited));
    let began = Instant::now();
    let answer = charge(&owner, order(&organization, "1500")).await;
    assert_eq!(answer.data()["paymentIntentCreate"]["payment"]["status"], "SUCCEEDED", "{:#}", answer.body);
    assert!(began.elapsed() >= Duration::from_secs(1), "Stripe's hint was not honoured");
    // A limit that does not end: nothing was done, and the caller is told to try later.
    let limited = FaultKind::RateLimit { retry_after: None };
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", limited).times(10));
    let refused = charge(&owner, order(&organization, "1600")).await;
    assert_eq!(refused.code(), "STRIPE_UNAVAILABLE", "{:#}", refused.body);
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn case_38_a_lock_timeout_is_tried_again_and_never_a_decline() {
    let app = TestApp::start().await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::LockTimeout));
    let answer = charge(&owner, order(&organization, "1500")).await;
    let payload = &answer.data()["paymentIntentCreate"];
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    assert_eq!(payload["payment"]["status"], "SUCCEEDED");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn case_39_an_amount_below_the_minimum_is_wrong_input_and_no_failed_payment() {
    let app = TestApp::start().await;
    let (owner, organization) = ready(&app).await;
    let refused = charge(&owner, order(&organization, "49")).await;
    let (code, path, message) = refused.user_error("paymentIntentCreate");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "amount"));
    assert!(message.contains("0.50"), "it says what the least is: {message}");
    let payload = &refused.data()["paymentIntentCreate"];
    assert_eq!((&payload["payment"], &payload["operation"]["state"]), (&Value::Null, &json!("FAILED")));
    let payments = owner
        .send(
            "query($id: ID!) { payments(organizationId: $id) { totalCount } }",
            json!({ "id": organization }),
        )
        .await;
    assert_eq!(payments.data()["payments"]["totalCount"], 0);
    let least = charge(&owner, order(&organization, "50")).await;
    assert_eq!(least.data()["paymentIntentCreate"]["payment"]["status"], "SUCCEEDED");
}

/// Too little to be charged goes onto the next bill at Stripe: nothing is due, nothing has failed, and nobody loses access.
#[tokio::test]
async fn case_39_an_invoice_below_the_minimum_is_carried_over_and_no_failed_payment() {
    let app = TestApp::start().await;
    let (owner, organization) = ready(&app).await;
    let plan = app.paid_plan("tiny", 30, 0).await;
    let begun = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(begun["operation"]["state"], "CONFIRMED", "{begun:#}");
    app.settled().await;
    let query = "query($id: ID!) { organization(id: $id) { subscription { status } accessState { level nextAction }
        invoices { nodes { status total { minorUnits } amountDue { minorUnits } } } payments { totalCount } } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(
        shown.data()["organization"],
        json!({ "subscription": { "status": "ACTIVE" }, "accessState": { "level": "FULL", "nextAction": "NONE" },
            "invoices": { "nodes": [{ "status": "PAID", "total": { "minorUnits": "30" }, "amountDue": { "minorUnits": "0" } }] },
            "payments": { "totalCount": 0 } })
    );
    assert_eq!(app.sandbox.objects("customer")[0]["balance"], 30, "it is owed still");
}
