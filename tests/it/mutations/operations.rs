//! Operations: an unknown outcome is an answer, and what a dead process left is finished without charging twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::{AfterRetries, Fault, FaultKind};
use tollgate::domain::clock::{Clock, FixedClock, SystemClock};

use crate::support::database::TestDatabase;
use crate::support::detour::{Way, detour};
use crate::support::{Client, TestApp, TestOptions, eventually, text};

const CREATE: &str = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
    payment { id status } operation { id state } userErrors { code message } } }";

fn impatient() -> TestOptions {
    TestOptions { stripe_timeout: Duration::from_millis(300), stripe_attempts: 1, ..TestOptions::default() }
}

async fn ready(app: &TestApp) -> (Client, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    (owner, organization)
}

async fn charge(client: &Client, organization: &str) -> crate::support::Answer {
    let input = json!({ "organizationId": organization, "confirm": true,
        "amount": { "minorUnits": "1500", "currency": "USD" } });
    client.send(CREATE, json!({ "input": input })).await
}

async fn state_of(client: &Client, operation: &Value) -> String {
    let answer = client
        .send("query($id: ID!) { billingOperation(id: $id) { state } }", json!({ "id": operation }))
        .await;
    text(&answer.data()["billingOperation"]["state"])
}

/// Hard case 31: Stripe executed, and the answer was lost. The same key settles it; the customer is charged once.
#[tokio::test]
async fn a_lost_answer_is_unknown_and_settles_itself_with_one_charge() {
    let app = TestApp::start_with(impatient()).await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ActThenDrop).times(1));
    let answer = charge(&owner, &organization).await;
    let payload = &answer.data()["paymentIntentCreate"];
    assert_eq!(payload["operation"]["state"], "UNKNOWN", "{payload:#}");
    assert_eq!(payload["userErrors"][0]["code"], "STRIPE_UNAVAILABLE");
    let operation = payload["operation"]["id"].clone();
    eventually("the operation to be settled", || async {
        (state_of(&owner, &operation).await == "CONFIRMED").then_some(())
    })
    .await;
    assert_eq!(app.succeeded_charges(), 1);
    assert_eq!(app.sandbox.objects("payment_intent").len(), 1);
    let payments = owner
        .send(
            "query($id: ID!) { payments(organizationId: $id) { nodes { status } } }",
            json!({ "id": organization }),
        )
        .await;
    assert_eq!(payments.data()["payments"]["nodes"], json!([{ "status": "SUCCEEDED" }]));
}

#[tokio::test]
async fn while_the_outcome_is_unknown_nothing_else_is_charged() {
    let app = TestApp::start_with(impatient()).await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::FailBefore).times(2));
    let unknown = charge(&owner, &organization).await;
    assert_eq!(unknown.data()["paymentIntentCreate"]["operation"]["state"], "UNKNOWN", "{:#}", unknown.body);
    let second = charge(&owner, &organization).await;
    assert_eq!(
        second.data()["paymentIntentCreate"]["userErrors"][0]["code"],
        "CONFLICT",
        "{:#}",
        second.body
    );
    let operation = unknown.data()["paymentIntentCreate"]["operation"]["id"].clone();
    eventually("the first to be settled", || async {
        (state_of(&owner, &operation).await == "CONFIRMED").then_some(())
    })
    .await;
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn an_html_error_page_is_no_failure_of_the_payment() {
    let app = TestApp::start_with(impatient()).await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::HtmlBadGateway).acting().times(1));
    let answer = charge(&owner, &organization).await;
    assert_eq!(answer.data()["paymentIntentCreate"]["operation"]["state"], "UNKNOWN", "{:#}", answer.body);
    let operation = answer.data()["paymentIntentCreate"]["operation"]["id"].clone();
    eventually("it to be settled", || async {
        (state_of(&owner, &operation).await == "CONFIRMED").then_some(())
    })
    .await;
    assert_eq!(app.succeeded_charges(), 1);
}

/// Hard case 37: Stripe asks us to slow down; the caller does not notice.
#[tokio::test]
async fn a_rate_limit_is_waited_out_with_the_same_key() {
    let app = TestApp::start_with(TestOptions { stripe_attempts: 4, ..TestOptions::default() }).await;
    let (owner, organization) = ready(&app).await;
    app.sandbox
        .fault(Fault::new("POST /v1/payment_intents", FaultKind::RateLimit { retry_after: None }).times(2));
    let answer = charge(&owner, &organization).await;
    assert_eq!(answer.data()["paymentIntentCreate"]["operation"]["state"], "CONFIRMED", "{:#}", answer.body);
    let keys: std::collections::HashSet<_> = app
        .sandbox
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST" && request.path == "/v1/payment_intents")
        .map(|request| request.idempotency_key)
        .collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn while_stripe_is_down_reads_work_and_nothing_is_half_done() {
    let app = TestApp::start_with(impatient()).await;
    let (owner, organization) = ready(&app).await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.sandbox.shutdown().await;
    let answer = charge(&owner, &organization).await;
    assert_eq!(answer.code(), "STRIPE_UNAVAILABLE", "{:#}", answer.body);
    let read = owner
        .send(
            "query($id: ID!) { organization(id: $id) { name paymentMethods { isDefault } } }",
            json!({ "id": organization }),
        )
        .await;
    assert_eq!(read.data()["organization"]["paymentMethods"], json!([{ "isDefault": true }]));
    // Nothing was sent, so nothing is in the way of the next attempt.
    let again = owner
        .send(
            crate::support::SUBSCRIBE,
            json!({ "input": { "organizationId": organization, "planId": plan } }),
        )
        .await;
    assert_eq!(again.code(), "STRIPE_UNAVAILABLE", "{:#}", again.body);
}

/// A process that dies between Stripe's answer and its own commit: the next one asks with the same key, and commits.
#[tokio::test]
async fn what_a_dead_process_left_is_finished_by_the_next() {
    let app = TestApp::start_with(impatient()).await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ActThenDrop).times(1));
    let answer = charge(&owner, &organization).await;
    let operation = answer.data()["paymentIntentCreate"]["operation"]["id"].clone();
    let (database, sandbox) = app.stop().await;
    let next = TestApp::start_on(database, sandbox, TestOptions::default()).await;
    let owner = next.client("olivia");
    eventually("the operation to be settled", || async {
        (state_of(&owner, &operation).await == "CONFIRMED").then_some(())
    })
    .await;
    assert_eq!(next.succeeded_charges(), 1);
    let records = next.audit_records().await;
    let created = records.iter().filter(|record| record.action == "payment_intent.create").count();
    assert_eq!(created, 1, "recorded once, as the caller's");
}

#[tokio::test]
async fn one_money_mutation_a_request() {
    let app = TestApp::start().await;
    let (owner, organization) = ready(&app).await;
    let query = "mutation($input: PaymentIntentCreateInput!) {
        a: paymentIntentCreate(input: $input) { payment { id } }
        b: paymentIntentCreate(input: $input) { payment { id } } }";
    let input = json!({ "organizationId": organization, "confirm": true,
        "amount": { "minorUnits": "1500", "currency": "USD" } });
    let answer = owner.send(query, json!({ "input": input })).await;
    assert_eq!(answer.code(), "QUERY_TOO_COMPLEX", "{:#}", answer.body);
    assert_eq!(app.sandbox.objects("payment_intent").len(), 0);
}

/// Stripe keeps a failure of its own under the key for a day. What it did before it failed is found at once.
#[tokio::test]
async fn a_failure_that_stripe_keeps_is_settled_by_what_is_there() {
    let app = TestApp::start().await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ServerError).acting());
    let answer = charge(&owner, &organization).await;
    let payload = &answer.data()["paymentIntentCreate"];
    assert_eq!(payload["operation"]["state"], "CONFIRMED", "{payload:#}");
    assert_eq!((&payload["payment"]["status"], &payload["userErrors"]), (&json!("SUCCEEDED"), &json!([])));
    assert_eq!(app.succeeded_charges(), 1);
}

/// A gateway whose Stripe fails at the first requests to a path, does nothing, and keeps that under their keys; and its clock.
async fn keeping(path: &'static str, requests: usize) -> (TestApp, Arc<FixedClock>) {
    let database = TestDatabase::create().await;
    let sandbox = TestApp::sandbox_days_ago(0, AfterRetries::Cancel).await;
    let failed = AtomicUsize::new(0);
    let stripe = detour(&sandbox, move |method, asked| {
        let fits = method.as_str() == "POST" && asked == path;
        if fits && failed.fetch_add(1, Ordering::SeqCst) < requests { Way::Kept } else { Way::Straight }
    })
    .await;
    let clock = Arc::new(FixedClock::new(SystemClock.now()));
    let options = TestOptions {
        stripe: Some(stripe),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        ..TestOptions::patient()
    };
    (TestApp::start_on(database, sandbox, options).await, clock)
}

/// What is not there is given up after a moment: nobody waits a day for the key to be forgotten.
#[tokio::test]
async fn a_failure_that_stripe_keeps_and_of_which_nothing_is_there_stands_in_nobodys_way() {
    let (app, clock) = keeping("/v1/payment_intents", 2).await;
    let (owner, organization) = ready(&app).await;
    let asked = charge(&owner, &organization).await;
    let operation = asked.data()["paymentIntentCreate"]["operation"].clone();
    assert_eq!(operation["state"], "UNKNOWN", "{:#}", asked.body);
    clock.advance(chrono::Duration::minutes(2));
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(state_of(&owner, &operation["id"]).await, "FAILED");
    assert_eq!(app.operation_errors("payment_intent.create").await, ["STRIPE_UNAVAILABLE"]);
    let again = charge(&owner, &organization).await;
    assert_eq!(again.data()["paymentIntentCreate"]["operation"]["state"], "CONFIRMED", "{:#}", again.body);
    assert_eq!(app.succeeded_charges(), 1);
}

/// The customer's key is everybody's: what Stripe keeps under it would stop all that needs a customer.
#[tokio::test]
async fn a_failure_that_stripe_keeps_under_the_customers_key_is_gone_around() {
    let (app, clock) = keeping("/v1/customers", 2).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let query = "mutation($input: PaymentMethodSetupInput!) { paymentMethodSetup(input: $input) {
        operation { id state } userErrors { code } } }";
    let asked = owner.send(query, json!({ "input": { "organizationId": organization } })).await;
    let operation = asked.data()["paymentMethodSetup"]["operation"].clone();
    assert_eq!(operation["state"], "UNKNOWN", "{:#}", asked.body);
    clock.advance(chrono::Duration::minutes(2));
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(state_of(&owner, &operation["id"]).await, "CONFIRMED");
    assert_eq!(app.sandbox.objects("customer").len(), 1);
}

/// Stripe did it, its answer was lost, and its key is forgotten: the repetition is refused as done already, which is no
/// failure.
#[tokio::test]
async fn a_repetition_that_is_refused_as_done_is_done() {
    let app = TestApp::start_with(TestOptions::patient()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    app.subscribe(&owner, &organization, &plan).await;
    let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { id status } } }";
    let listed = owner.send(query, json!({ "id": organization })).await;
    let invoice = listed.data()["invoices"]["nodes"][0]["id"].clone();
    app.sandbox.fault(Fault::new("POST /v1/invoices/*/void", FaultKind::ActThenDrop));
    let void =
        "mutation($input: InvoiceVoidInput!) { invoiceVoid(input: $input) { operation { id state } } }";
    let asked = app.staff().send(void, json!({ "input": { "invoiceId": invoice } })).await;
    let operation = asked.data()["invoiceVoid"]["operation"].clone();
    assert_eq!(operation["state"], "UNKNOWN", "{:#}", asked.body);
    // By Stripe's clock alone: by ours the operation is as young as before.
    app.sandbox.set_now(app.sandbox.now() + 25 * 3_600);
    app.let_own_leases_run_out().await;
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(state_of(&owner, &operation["id"]).await, "CONFIRMED");
    let listed = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(listed.data()["invoices"]["nodes"][0]["status"], "VOID", "{:#}", listed.body);
}

/// The same with money: a refund that was made is never taken for unmade, which would let it be given a second time.
#[tokio::test]
async fn a_refund_that_is_refused_as_given_back_already_was_given_back() {
    let app = TestApp::start_with(TestOptions::patient()).await;
    let owner = app.client("olivia");
    let (_, payment) = super::payment_refund::paid(&app, &owner, "acme", "5000").await;
    app.sandbox.fault(Fault::new("POST /v1/refunds", FaultKind::ActThenDrop));
    let query = "mutation($input: PaymentRefundInput!) { paymentRefund(input: $input) {
        refund { id } operation { id state } userErrors { message } } }";
    let asked = app.staff().send(query, json!({ "input": { "paymentId": payment } })).await;
    let operation = asked.data()["paymentRefund"]["operation"].clone();
    assert_eq!(operation["state"], "UNKNOWN", "{:#}", asked.body);
    app.sandbox.set_now(app.sandbox.now() + 25 * 3_600);
    app.let_own_leases_run_out().await;
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(state_of(&owner, &operation["id"]).await, "CONFIRMED");
    let shown = "query($id: ID!) { payment(id: $id) { amountRefunded { minorUnits } refunds { status } } }";
    let shown = owner.send(shown, json!({ "id": payment })).await;
    let payment = &shown.data()["payment"];
    assert_eq!(payment["amountRefunded"]["minorUnits"], "5000", "{payment:#}");
    assert_eq!(payment["refunds"], json!([{ "status": "SUCCEEDED" }]), "{payment:#}");
    assert_eq!(app.sandbox.objects("refund").len(), 1);
}

/// A later step is refused after an earlier one was done: what has happened is recorded and said.
#[tokio::test]
async fn what_was_done_before_a_refused_step_is_recorded_and_said() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let details = json!({ "legalName": "Acme plc", "taxIds": [{ "type": "gb_vat", "value": "GB12" }] });
    super::customer::billing_settings(&app, &organization, 0, details).await;
    let synced = super::customer::customer(&owner, "customerSync", &organization).await;
    assert_eq!(app.sandbox.objects("customer")[0]["name"], "Acme plc", "the first step");
    assert_eq!(synced["operation"]["state"], "FAILED", "{synced:#}");
    let errors = synced["userErrors"].as_array().expect("errors");
    assert_eq!(errors[0]["code"], "BAD_USER_INPUT", "{synced:#}");
    assert!(text(&errors[0]["message"]).contains("GB12"), "{synced:#}");
    let records = app.audit_records().await;
    let of_it: Vec<_> = records.iter().filter(|record| record.action == "customer.sync").collect();
    assert_eq!(of_it.len(), 1, "{records:#?}");
}

/// The repetition is answered with what was there at the first attempt: the mirror takes what is there now.
#[tokio::test]
async fn a_replayed_answer_takes_nothing_back() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: true, ..TestOptions::patient() }).await;
    let it = super::subscription_change::subscribed(&app).await;
    app.sandbox.deliver_webhooks(false);
    app.sandbox.fault(Fault::new("POST /v1/subscriptions/*", FaultKind::ActThenDrop));
    let pause =
        "mutation($input: SubscriptionCollectionPauseInput!) { subscriptionCollectionPause(input: $input) {
        operation { id state } } }";
    let input = json!({ "input": { "subscriptionId": it.subscription } });
    let asked = app.staff().send(pause, input).await;
    let operation = asked.data()["subscriptionCollectionPause"]["operation"].clone();
    assert_eq!(operation["state"], "UNKNOWN", "{:#}", asked.body);
    let at_stripe = text(&app.sandbox.objects("subscription")[0]["id"]);
    let path = format!("subscriptions/{at_stripe}");
    app.at_stripe(reqwest::Method::POST, &path, &[("pause_collection", "")]).await;
    app.let_own_leases_run_out().await;
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(state_of(&it.owner, &operation["id"]).await, "CONFIRMED");
    let query = "query($id: ID!) { subscription(id: $id) { isCollectionPaused } }";
    let shown = it.owner.send(query, json!({ "id": it.subscription })).await;
    assert_eq!(shown.data()["subscription"]["isCollectionPaused"], false, "{:#}", shown.body);
}

/// A bank asked for the cardholder, who came back months later: the operation hears of it all the same.
#[tokio::test]
async fn what_waits_for_a_cardholder_is_settled_however_late_they_come() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_authenticationRequired").await;
    for late in [false, true] {
        let asked = charge(&owner, &organization).await;
        let operation = asked.data()["paymentIntentCreate"]["operation"].clone();
        assert_eq!(operation["state"], "REQUIRES_ACTION", "{:#}", asked.body);
        app.settled().await;
        if late {
            let then = (SystemClock.now() - chrono::TimeDelta::days(40)).to_rfc3339();
            app.disturb(&format!("UPDATE billing_operations SET created_at = '{then}'")).await;
        }
        let intents = app.sandbox.objects("payment_intent");
        let waiting = intents.iter().find(|intent| intent["status"] == "requires_action").expect("one");
        app.authenticate(&text(&waiting["id"])).await;
        app.settled().await;
        assert_eq!(state_of(&owner, &operation["id"]).await, "CONFIRMED", "late: {late}");
    }
}

/// With Stripe hanging, operations that were taken over do not wait for each other.
#[tokio::test]
async fn operations_that_were_taken_over_are_settled_beside_each_other() {
    let app = TestApp::start_with(TestOptions::patient()).await;
    let owner = app.client("olivia");
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ActThenDrop).times(4));
    let mut operations = Vec::new();
    for number in 0..4 {
        let organization = app.organization(&owner, &format!("acme-{number}")).await;
        app.card(&owner, &organization, "pm_card_visa").await;
        let asked = charge(&owner, &organization).await;
        let operation = asked.data()["paymentIntentCreate"]["operation"].clone();
        assert_eq!(operation["state"], "UNKNOWN", "{:#}", asked.body);
        operations.push(operation["id"].clone());
    }
    app.let_own_leases_run_out().await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ActThenDelay { ms: 2_000 }).times(4));
    let began = Instant::now();
    assert_eq!(app.service.settle_abandoned_operations().await.expect("a sweep"), 4);
    assert!(began.elapsed() < Duration::from_secs(6), "one after the other: {:?}", began.elapsed());
    for operation in &operations {
        assert_eq!(state_of(&owner, operation).await, "CONFIRMED");
    }
    assert_eq!(app.succeeded_charges(), 4);
}

/// A gateway whose clock the test moves, and which waits for Stripe.
async fn with_clock() -> (TestApp, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new(SystemClock.now()));
    let options = TestOptions {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        stripe_timeout: Duration::from_secs(20),
        ..TestOptions::patient()
    };
    (TestApp::start_with(options).await, clock)
}

/// How often a charge was asked for, and under how many keys.
fn asked(app: &TestApp) -> (usize, usize) {
    let asked = app.sandbox.requests().into_iter();
    let asked = asked.filter(|it| it.method == "POST" && it.path == "/v1/payment_intents");
    let keys: Vec<_> = asked.map(|it| it.idempotency_key).collect();
    (keys.len(), keys.iter().collect::<std::collections::BTreeSet<_>>().len())
}

#[tokio::test]
async fn whoever_is_at_an_operation_keeps_it_however_long_stripe_takes() {
    let (app, clock) = with_clock().await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ActThenDelay { ms: 8_000 }));
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        clock.advance(chrono::Duration::seconds(15));
        // It shows that it is alive every five seconds.
        tokio::time::sleep(Duration::from_millis(6_000)).await;
        clock.advance(chrono::Duration::seconds(10));
        app.service.settle_abandoned_operations().await.expect("a sweep")
    };
    let (answer, taken) = futures::join!(charge(&owner, &organization), meanwhile);
    assert_eq!(taken, 0);
    assert_eq!(asked(&app), (1, 1), "nobody else took it");
    let payload = &answer.data()["paymentIntentCreate"];
    assert_eq!(payload["operation"]["state"], "CONFIRMED", "{payload:#}");
}

/// Twenty seconds without a sign of life, and another process goes on under the same key.
#[tokio::test]
async fn whoever_shows_no_sign_of_life_for_twenty_seconds_loses_its_operation() {
    let (app, clock) = with_clock().await;
    let (owner, organization) = ready(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ActThenDelay { ms: 2_500 }));
    let sweep = async || app.service.settle_abandoned_operations().await.expect("a sweep");
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        clock.advance(chrono::Duration::seconds(15));
        assert_eq!(sweep().await, 0, "too early");
        clock.advance(chrono::Duration::seconds(10));
        assert_eq!(sweep().await, 1);
    };
    futures::join!(charge(&owner, &organization), meanwhile);
    assert_eq!(asked(&app), (2, 1));
    assert_eq!(app.operation_states(&organization, "payment_intent.create").await, ["CONFIRMED"]);
    assert_eq!(app.succeeded_charges(), 1);
}
