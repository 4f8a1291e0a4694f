//! Comparing with Stripe: the command, the job, and what doctor says of it.

use std::process::{Command, Output};
use std::time::Duration;

use entity::{invoice, subscription};
use sea_orm::{Database, EntityTrait};
use serde_json::json;
use stripe_sandbox::{Fault, FaultKind};
use tollgate::domain::stripe_event::EventState;

use super::{begin_anew, sweeping};
use crate::hard_cases::{quiet, shown, subscribed};
use crate::support::webhook::{at_stripe, event, in_state, send};
use crate::support::{TestApp, TestOptions, WEBHOOK_SECRET, eventually, text};

/// Runs a command of the gateway's own binary on the app's database and Stripe.
async fn command(app: &TestApp, arguments: &'static [&'static str]) -> Output {
    command_of(app, arguments.iter().map(|it| (*it).to_owned()).collect()).await
}

/// Runs the gateway's own binary on the database and the sandbox of a test.
pub async fn command_of(app: &TestApp, arguments: Vec<String>) -> Output {
    let (database, sandbox) = (app.database_url().to_owned(), app.sandbox.base_url());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .envs([
                ("DATABASE_URL", database.as_str()),
                ("STRIPE_SECRET_KEY", "sk_test_tollgate_sandbox"),
                ("STRIPE_API_BASE", &sandbox),
                ("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET),
                ("TOLLGATE_LOG", "error"),
            ])
            .output()
            .expect("the gateway's own binary")
    };
    tokio::task::spawn_blocking(run).await.expect("it ends")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One event of each noun that an endpoint must be sent.
const EVENTS: [&str; 12] = [
    "customer.deleted",
    "customer.subscription.paused",
    "subscription_schedule.aborted",
    "invoice.marked_uncollectible",
    "invoice_payment.paid",
    "payment_intent.canceled",
    "payment_method.detached",
    "charge.expired",
    "charge.dispute.closed",
    "refund.failed",
    "credit_note.voided",
    "checkout.session.expired",
];

/// Adds an endpoint at Stripe that these events are sent to. Nobody listens there.
async fn is_sent(app: &TestApp, events: &[&str]) {
    let names: Vec<String> = (0..events.len()).map(|number| format!("enabled_events[{number}]")).collect();
    let mut form = vec![("url", "http://127.0.0.1:9/webhooks/stripe")];
    form.extend(names.iter().map(String::as_str).zip(events.iter().copied()));
    at_stripe(app, "POST", "/v1/webhook_endpoints", &form).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_looks_at_the_endpoint_at_stripe() {
    let app = quiet().await;
    let without = command(&app, &["doctor"]).await;
    assert!(!without.status.success());
    assert!(
        printed(&without).contains("no endpoint at Stripe points to /webhooks/stripe"),
        "{}",
        printed(&without)
    );
    is_sent(&app, &EVENTS[..11]).await;
    let partly = command(&app, &["doctor"]).await;
    assert!(!partly.status.success());
    assert!(printed(&partly).contains("is sent nothing of checkout.session."), "{}", printed(&partly));
    let hints = EVENTS.map(|kind| if kind.starts_with("invoice.") { "invoice.upcoming" } else { kind });
    is_sent(&app, &hints).await;
    let hinted = command(&app, &["doctor"]).await;
    assert!(
        printed(&hinted).contains("is sent nothing of"),
        "a hint brings no invoice: {}",
        printed(&hinted)
    );
    is_sent(&app, &EVENTS).await;
    let wholly = command(&app, &["doctor"]).await;
    assert!(wholly.status.success(), "the best endpoint counts: {}", printed(&wholly));
    assert!(
        printed(&wholly).contains("Stripe sends to http://127.0.0.1:9/webhooks/stripe"),
        "{}",
        printed(&wholly)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_looks_and_mends_and_doctor_counts() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    app.settled_so_far().await;
    is_sent(&app, &EVENTS).await;
    // Canceled at Stripe, and nobody told us.
    at_stripe(&app, "DELETE", &format!("/v1/subscriptions/{}", of.subscription), &[]).await;
    let healthy = command(&app, &["doctor"]).await;
    assert!(healthy.status.success(), "{}", printed(&healthy));
    assert!(printed(&healthy).contains("no row is known to differ"), "{}", printed(&healthy));

    let looked = command(&app, &["reconcile", "--look"]).await;
    assert!(!looked.status.success(), "what differs and is not mended is a failure");
    let differing = printed(&looked);
    let differing = differing.split_once("compared; ").and_then(|(_, rest)| rest.split_once(" differed"));
    let differing: u32 = differing.expect("a count").0.parse().expect("a number");
    assert!(differing > 0 && printed(&looked).contains("differed, 0 mended"), "{}", printed(&looked));
    let query = "subscription { status }";
    assert_eq!(shown(&of, query).await["subscription"]["status"], "ACTIVE", "it only looked");
    let open = "{ billingDrift(isMended: false) { totalCount nodes { field local stripe cause since stripeObjectId } } }";
    let drifts = app.staff().send(open, json!({})).await.data()["billingDrift"].clone();
    let fields = drifts["nodes"].as_array().expect("drifts");
    let status = fields.iter().find(|drift| drift["field"] == "status").expect("the state differs");
    assert_eq!((&status["local"], &status["stripe"]), (&json!("active"), &json!("canceled")));
    assert_eq!(status["stripeObjectId"], json!(of.subscription));
    assert_eq!(status["cause"], "EVENT_LOST", "no event told of it: {status:#}");
    assert!(status["since"].is_string());

    let warned = command(&app, &["doctor"]).await;
    assert!(!warned.status.success());
    let count = format!("{} fields differ from Stripe's objects", drifts["totalCount"]);
    assert!(printed(&warned).contains(&count), "{count}: {}", printed(&warned));

    let mended = command(&app, &["reconcile"]).await;
    assert!(mended.status.success(), "{}", printed(&mended));
    assert!(
        printed(&mended).contains(&format!("{differing} differed, {differing} mended")),
        "{}",
        printed(&mended)
    );
    assert_eq!(
        shown(&of, query).await["subscription"]["status"],
        "CANCELED",
        "canceled objects are compared"
    );
    let again = command(&app, &["reconcile"]).await;
    assert!(
        again.status.success() && printed(&again).contains("0 differed, 0 mended"),
        "{}",
        printed(&again)
    );
    let healthy = command(&app, &["doctor"]).await;
    assert!(healthy.status.success(), "{}", printed(&healthy));
}

/// A new installation on an account with a past: everything is there without anyone asking, what was canceled too.
#[tokio::test]
async fn the_first_start_on_an_existing_account_brings_everything_in() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    at_stripe(&app, "DELETE", &format!("/v1/subscriptions/{}", of.subscription), &[]).await;
    let form = [("customer", of.customer.as_str()), ("items[0][price]", "")];
    let price = text(&app.sandbox.objects("price")[0]["id"]);
    let form = [form[0], ("items[0][price]", price.as_str())];
    let live = text(&at_stripe(&app, "POST", "/v1/subscriptions", &form).await["id"]);
    app.settled_so_far().await;
    // Nothing of it was ever here, and Stripe lists no event of it any more.
    for table in [
        "refunds",
        "payment_attempts",
        "payments",
        "invoices",
        "subscriptions",
        "payment_methods",
        "stripe_events",
    ] {
        app.disturb(&format!("DELETE FROM {table}")).await;
    }
    app.sandbox.set_now(app.sandbox.now() + 25 * 86_400);
    let (database, sandbox) = app.stop().await;
    let options = TestOptions::default();
    let worker =
        tollgate::jobs::WorkerOptions { sweep_events: Some(Duration::from_millis(100)), ..options.worker };
    let app =
        TestApp::start_on(database, sandbox, TestOptions { deliver_webhooks: false, worker, ..options })
            .await;
    let db = Database::connect(app.database_url()).await.expect("the database opens");
    eventually("everything to be compared", || async {
        app.service.last_comparison().await.expect("a query").and_then(|job| job.finished_at)
    })
    .await;
    app.settled_so_far().await;
    let mut subscriptions: Vec<(String, String)> = subscription::Entity::find()
        .all(&db)
        .await
        .expect("rows")
        .into_iter()
        .map(|row| (row.stripe_subscription_id.expect("an id"), row.status))
        .collect();
    subscriptions.sort();
    let mut expected = vec![(of.subscription.clone(), "canceled".to_owned()), (live, "active".to_owned())];
    expected.sort();
    assert_eq!(subscriptions, expected);
    let invoices = invoice::Entity::find().all(&db).await.expect("rows");
    assert_eq!(invoices.len(), app.sandbox.objects("invoice").len());
    db.close().await.expect("the connection closes");
}

/// What is given back, disputed and credited after Stripe forgot its events: the payment's sum is right, and each has a row.
#[tokio::test]
async fn refunds_disputes_and_credit_notes_that_nobody_told_of_are_found() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    app.settled_so_far().await;
    let intent = text(&app.sandbox.objects("payment_intent")[0]["id"]);
    let invoice = text(&app.sandbox.objects("invoice")[0]["id"]);
    let give_back = async |amount: &str| {
        let form = [("payment_intent", intent.as_str()), ("amount", amount)];
        at_stripe(&app, "POST", "/v1/refunds", &form).await
    };
    let payment = async || {
        let query =
            "payments { nodes { amountRefunded { minorUnits } refunds { status } disputes { status } } }";
        shown(&of, query).await["payments"]["nodes"].as_array().expect("payments").clone()
    };
    give_back("100").await;
    compare_all(&app).await;
    assert_eq!(payment().await[0]["amountRefunded"]["minorUnits"], "100");
    // Now a refund has a row, and the other one has none.
    let second = give_back("250").await;
    compare_all(&app).await;
    let now = payment().await;
    assert_eq!(now[0]["amountRefunded"]["minorUnits"], "350", "{now:#?}");
    assert_eq!(now[0]["refunds"].as_array().map(Vec::len), Some(2), "{now:#?}");
    let field = format!("{}.exists", text(&second["id"]));
    let drifts = drifts_of(&app, &intent).await;
    assert!(drifts.iter().any(|drift| drift["field"] == field), "{drifts:#?}");
    // What equals Stripe is no drift.
    assert_eq!(compare_all(&app).await.differing, 0);
    let credit = [("invoice", invoice.as_str()), ("amount", "300"), ("credit_amount", "300")];
    let note = at_stripe(&app, "POST", "/v1/credit_notes", &credit).await;
    let disputed = [
        ("customer", of.customer.as_str()),
        ("amount", "4900"),
        ("currency", "usd"),
        ("payment_method", "pm_card_createDispute"),
        ("confirm", "true"),
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
    ];
    at_stripe(&app, "POST", "/v1/payment_intents", &disputed).await;
    assert_eq!(app.sandbox.objects("dispute").len(), 1, "the card is disputed at once");
    compare_all(&app).await;
    assert_eq!(drifts_of(&app, note["id"].as_str().expect("an id")).await[0]["field"], "exists");
    let disputes: Vec<_> = payment().await.into_iter().map(|it| it["disputes"].clone()).collect();
    assert!(disputes.contains(&json!([{ "status": "NEEDS_RESPONSE" }])), "{disputes:#?}");
    assert_eq!(compare_all(&app).await.differing, 0);
}

/// A payment differs because of a refund whose event is a dead letter: that is said, and not that no event came.
#[tokio::test]
async fn the_cause_of_a_drift_is_what_became_of_the_events_that_would_have_mended_it() {
    let options = TestOptions { deliver_webhooks: false, stripe_attempts: 1, ..TestOptions::default() };
    let app = TestApp::start_with(options).await;
    subscribed(&app).await;
    let intent = text(&app.sandbox.objects("payment_intent")[0]["id"]);
    let charge = app.sandbox.objects("charge")[0].clone();
    let paid = event("evt_paid", "payment_intent.succeeded", 5, &app.sandbox.objects("payment_intent")[0]);
    for told in [paid, event("evt_charge", "charge.succeeded", 5, &charge)] {
        crate::support::webhook::apply(&app, &told).await;
    }
    let form = [("payment_intent", intent.as_str()), ("amount", "100")];
    let refund = at_stripe(&app, "POST", "/v1/refunds", &form).await;
    let path = format!("GET /v1/payment_intents/{intent}");
    app.sandbox.fault(Fault::new(path.as_str(), FaultKind::ServerError).times(4));
    assert_eq!(send(&app, &event("evt_dead", "refund.created", 5, &refund)).await, 200);
    in_state(&app, "evt_dead", EventState::Dead).await;
    app.service.reconcile(false, chrono::TimeDelta::minutes(1)).await.expect("a comparison");
    let found = drifts_of(&app, &intent).await;
    assert!(!found.is_empty());
    assert!(found.iter().all(|drift| drift["cause"] == "EVENT_DEAD"), "{found:#?}");
}

/// A payment shows the last of its attempts alone. The others are found as well: what the bank said each time, and when.
#[tokio::test]
async fn attempts_that_nobody_told_of_are_found() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let open = app.open_invoice(&owner).await;
    let pay = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) { userErrors { message } } }";
    let paid = open.client.send(pay, json!({ "input": { "invoiceId": open.invoice } })).await;
    assert_eq!(paid.data()["invoicePay"]["userErrors"], json!([]), "{:#}", paid.body);
    app.settled().await;
    let mut charges: Vec<(String, String)> = app
        .sandbox
        .objects("charge")
        .iter()
        .map(|charge| (text(&charge["id"]), text(&charge["status"])))
        .collect();
    charges.sort();
    assert!(charges.len() >= 2, "declined, and then paid: {charges:?}");
    app.disturb("DELETE FROM payment_attempts WHERE status = 'failed'").await;
    compare_all(&app).await;
    let db = Database::connect(app.database_url()).await.expect("the database opens");
    let rows = entity::payment_attempt::Entity::find().all(&db).await.expect("rows");
    let mut found: Vec<(String, String)> =
        rows.into_iter().map(|row| (row.stripe_charge_id, row.status)).collect();
    found.sort();
    assert_eq!(found, charges);
    db.close().await.expect("the connection closes");
    let intent = text(&app.sandbox.objects("payment_intent")[0]["id"]);
    let drifts = drifts_of(&app, &intent).await;
    let declined = charges.iter().find(|(_, status)| status == "failed").expect("a declined one");
    let field = format!("{}.exists", declined.0);
    assert!(drifts.iter().any(|drift| drift["field"] == field), "{drifts:#?}");
    assert_eq!(compare_all(&app).await.differing, 0);
}

/// A second live subscription that no event told of is ended, as one of which an event tells.
#[tokio::test]
async fn a_second_subscription_that_a_comparison_finds_is_ended_by_policy() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    app.settled_so_far().await;
    let price = text(&app.sandbox.objects("subscription")[0]["items"]["data"][0]["price"]["id"]);
    let form = [("customer", of.customer.as_str()), ("items[0][price]", price.as_str())];
    let second = at_stripe(&app, "POST", "/v1/subscriptions", &form).await;
    assert_eq!(second["status"], "active");
    compare_all(&app).await;
    let now = app.sandbox.objects("subscription");
    let status_of = |id: &str| now.iter().find(|it| it["id"] == id).map(|it| it["status"].clone());
    assert_eq!(status_of(&of.subscription), Some(json!("active")));
    assert_eq!(status_of(second["id"].as_str().expect("an id")), Some(json!("canceled")));
}

/// An outage that hits some organizations and passes leaves none of them out.
#[tokio::test]
async fn a_patchy_outage_leaves_no_organization_out() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    app.settled_so_far().await;
    app.disturb("UPDATE payment_methods SET card_last4 = '0000'").await;
    let path = format!("GET /v1/customers/{}", of.customer);
    app.sandbox.fault(Fault::new(path.as_str(), FaultKind::ServerError).times(4));
    let made = compare_all(&app).await;
    assert_eq!((made.failed, made.organizations), (0, 1), "{made:?}");
    assert_eq!(
        shown(&of, "paymentMethods { card { last4 } }").await["paymentMethods"][0]["card"]["last4"],
        "4242"
    );
}

/// One organization that cannot be compared keeps no other from it, and does not begin the whole anew for ever.
#[tokio::test]
async fn one_organization_that_cannot_be_compared_keeps_no_other_from_it() {
    let app = sweeping(Duration::from_millis(100)).await;
    let of = subscribed(&app).await;
    let other = app.organization(&of.owner, "bolt").await;
    app.card(&of.owner, &other, "pm_card_visa").await;
    app.settled().await;
    let last = async || app.service.last_comparison().await.expect("a query").and_then(|job| job.finished_at);
    let first = eventually("the first comparison", last).await;
    let path = format!("GET /v1/customers/{}", of.customer);
    app.sandbox.fault(Fault::new(path.as_str(), FaultKind::ServerError).times(100_000));
    app.disturb("UPDATE payment_methods SET card_last4 = '0000'").await;
    begin_anew(&app).await;
    let made = eventually("the comparison of all", || async { last().await.filter(|at| *at > first) }).await;
    let report = app.service.last_comparison().await.expect("a query").expect("it was made").report;
    assert_eq!(report.expect("a report")["failed"], 1);
    let query = "query($id: ID!) { organization(id: $id) { paymentMethods { card { last4 } } } }";
    let answer = of.owner.send(query, json!({ "id": other })).await;
    assert_eq!(answer.data()["organization"]["paymentMethods"][0]["card"]["last4"], "4242");
    // It is not begun again with every reading of the list.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(last().await, Some(made));
    let failed = command(&app, &["reconcile"]).await;
    assert!(!failed.status.success());
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(said.contains("1 organizations could not be compared"), "{said}");
}

/// What Stripe refuses it refuses again: however many organizations it concerns, it is no outage, and is not tried for ever.
#[tokio::test]
async fn many_organizations_that_stripe_refuses_are_no_outage() {
    let app = sweeping(Duration::from_millis(100)).await;
    let owner = app.client("olivia");
    for number in 0..7 {
        let organization = app.organization(&owner, &format!("gone-{number}")).await;
        app.card(&owner, &organization, "pm_card_visa").await;
    }
    let last = async || app.service.last_comparison().await.expect("a query").and_then(|job| job.finished_at);
    let first = eventually("the first comparison", last).await;
    app.disturb("UPDATE organizations SET stripe_customer_id = 'cus_' || slug").await;
    begin_anew(&app).await;
    let made = eventually("the comparison of all", || async { last().await.filter(|at| *at > first) }).await;
    let report = app.service.last_comparison().await.expect("a query").expect("it was made").report;
    assert_eq!(report.expect("a report")["failed"], 7);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(last().await, Some(made), "it is not begun again");
}

const DRIFTS: &str = "{ billingDrift { nodes { id field local stripe cause resourceType stripeObjectId } } }";

/// The drifts of an object that were found.
async fn drifts_of(app: &TestApp, id: &str) -> Vec<serde_json::Value> {
    let answer = app.staff().send(DRIFTS, json!({})).await;
    let nodes = answer.data()["billingDrift"]["nodes"].as_array().expect("drifts").clone();
    nodes.into_iter().filter(|drift| drift["stripeObjectId"] == id).collect()
}

async fn compare_all(app: &TestApp) -> tollgate::service::Comparison {
    let made = app.service.reconcile(true, chrono::TimeDelta::minutes(1)).await;
    made.expect("a comparison").expect("nobody else compares")
}

/// A customer that was deleted at Stripe while nobody listened is marked, on record, and the others are compared.
#[tokio::test]
async fn a_customer_that_was_deleted_unnoticed_is_marked_and_keeps_nobody_from_being_compared() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let other = app.organization(&of.owner, "bolt").await;
    app.card(&of.owner, &other, "pm_card_visa").await;
    app.settled_so_far().await;
    at_stripe(&app, "DELETE", &format!("/v1/customers/{}", of.customer), &[]).await;
    app.disturb("UPDATE payment_methods SET card_last4 = '0000'").await;
    let made = compare_all(&app).await;
    assert_eq!((made.failed, made.organizations), (0, 2), "{made:?}");
    let seen = shown(&of, "subscription { status } paymentMethods { id }").await;
    assert_eq!(seen["subscription"]["status"], "CANCELED", "{seen:#}");
    assert_eq!(seen["paymentMethods"], json!([]), "{seen:#}");
    let found = drifts_of(&app, &of.customer).await;
    let gone = found.iter().find(|drift| drift["field"] == "deleted").expect("it is on record");
    assert_eq!((&gone["local"], &gone["stripe"]), (&json!(false), &json!(true)));
    let customer = crate::mutations::customer::customer(&of.owner, "customerSync", &of.organization).await;
    assert!(text(&customer["userErrors"][0]["message"]).contains("customerRecreate"), "{customer:#}");
    let query = "query($id: ID!) { organization(id: $id) { paymentMethods { card { last4 } } } }";
    let answer = of.owner.send(query, json!({ "id": other })).await;
    assert_eq!(answer.data()["organization"]["paymentMethods"][0]["card"]["last4"], "4242");
    let again = compare_all(&app).await;
    assert_eq!((again.failed, again.differing), (0, 0), "{again:?}");
}

/// A draft that was deleted while nobody listened is found; an invoice that is no draft and not there is missed, and stays.
#[tokio::test]
async fn a_draft_that_was_deleted_unnoticed_is_found_and_a_paid_invoice_is_missed() {
    let app = TestApp::start().await;
    let of = subscribed(&app).await;
    crate::mutations::invoice_change::sent_invoice(&app, &of.owner, &of.organization, "2500").await;
    app.sandbox.deliver_webhooks(false);
    let invoices = app.sandbox.objects("invoice");
    let draft = text(&invoices.iter().find(|it| it["status"] == "draft").expect("a draft")["id"]);
    at_stripe(&app, "DELETE", &format!("/v1/invoices/{draft}"), &[]).await;
    let paid = text(&invoices.iter().find(|it| it["status"] == "paid").expect("a paid one")["id"]);
    app.disturb(&format!(
        "UPDATE invoices SET stripe_invoice_id = 'in_elsewhere', number = 'X-1' WHERE stripe_invoice_id = '{paid}'"
    ))
    .await;
    compare_all(&app).await;
    let found = drifts_of(&app, &draft).await;
    assert_eq!((&found[0]["local"], &found[0]["stripe"]), (&json!("draft"), &json!("deleted")), "{found:#?}");
    let missed = drifts_of(&app, "in_elsewhere").await;
    assert_eq!(missed[0]["cause"], "MISSING_AT_STRIPE", "{missed:#?}");
    // There is nothing to take over: it is not called mended.
    let repair = "mutation($input: DriftRepairInput!) { driftRepair(input: $input) { userErrors { code } } }";
    let answer = app.staff().send(repair, json!({ "input": { "driftId": missed[0]["id"] } })).await;
    assert_eq!(answer.data()["driftRepair"]["userErrors"][0]["code"], "CONFLICT", "{:#}", answer.body);
    assert_eq!(drifts_of(&app, "in_elsewhere").await.len(), 1);
    let query = "invoices { nodes { stripeInvoiceId status } }";
    let nodes = shown(&of, query).await["invoices"]["nodes"].as_array().expect("nodes").clone();
    let of_id =
        |id: &str| nodes.iter().find(|node| node["stripeInvoiceId"] == id).map(|node| text(&node["status"]));
    assert_eq!(of_id(&draft), None, "{nodes:#?}");
    assert_eq!(of_id("in_elsewhere"), Some("PAID".to_owned()), "{nodes:#?}");
}
