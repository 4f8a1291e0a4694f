//! Steps that a kind of operation has on some of its ways alone: a process is killed at each of them, and the next one
//! finishes what it left, once.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use stripe_sandbox::Sandbox;
use tollgate::domain::billing_operation::OperationKind as K;

use super::check::customer_of;
use super::kill::{ask_and_kill, gateway, kill_when_reached};
use super::passed::{
    BEGUN_ANEW, BILLED_LATER, CODE_TAKEN_OFF, DEBT_GIVEN_UP, DECLINED, MAKES_CUSTOMER, PAID_MEANWHILE,
    RESUMED_FROM_PAUSE, TAX_ID_TAKEN_OFF, WITH_CODE,
};
use super::recovery::RESTORE;
use super::{patient, quiet};
use crate::dunning::{debt, look};
use crate::hard_cases::lifecycle::set_policy;
use crate::mutations::subscription_change::{Subscribed, change, subscribed};
use crate::support::{TestApp, eventually, text};

/// The owner asks a process of its own, which is killed at the place; the gateway that finished what it left.
async fn finished(app: TestApp, kind: K, place: &str, mutation: &str, input: Value) -> TestApp {
    let token = app.tokens.token("olivia");
    let (database, sandbox) = app.stop().await;
    let point = format!("{kind}@{place}");
    ask_and_kill(&database, &sandbox, token, (mutation, input), &point).await;
    TestApp::let_leases_run_out(&database).await;
    let next = TestApp::start_on(database, sandbox, quiet()).await;
    all_settled(&next).await;
    next
}

async fn all_settled(app: &TestApp) {
    eventually("it to be settled", || async {
        app.service.settle_abandoned_operations().await.expect("a sweep");
        app.open_operations().await.is_empty().then_some(())
    })
    .await;
}

async fn last_state(app: &TestApp, organization: &str, kind: K) -> String {
    app.operation_states(organization, kind.as_str()).await.pop().expect("an operation")
}

/// What the organization's subscription is at Stripe.
fn at_stripe(app: &TestApp) -> Value {
    app.sandbox.objects("subscription")[0].clone()
}

fn discounts(subscription: &Value) -> usize {
    subscription["discounts"].as_array().map_or(0, Vec::len)
}

fn amount(subscription: &Value) -> i64 {
    subscription["items"]["data"][0]["price"]["unit_amount"].as_i64().expect("an amount")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_whose_making_was_killed_is_made_once() {
    for place in MAKES_CUSTOMER.places {
        let app = TestApp::start_with(quiet()).await;
        let organization = app.organization(&app.client("olivia"), "acme").await;
        let input = json!({ "organizationId": organization });
        let next = finished(app, K::PaymentMethodSetup, place, "paymentMethodSetup", input).await;
        assert_eq!(last_state(&next, &organization, K::PaymentMethodSetup).await, "CONFIRMED", "{place}");
        let customer = customer_of(&next.sandbox, &organization, place);
        assert_eq!(next.stripe_customer(&organization).await, customer, "{place}");
        let records = next.audit_records().await;
        let made = records.iter().filter(|record| record.action == "organization.customer_create").count();
        assert_eq!(made, 1, "{place}: a record");
        assert_eq!(next.sandbox.objects("setup_intent").len(), 1, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_with_a_code_that_was_killed_redeems_it_once() {
    for place in WITH_CODE.places {
        let app = TestApp::start().await;
        app.promotion_code("HALF", 50).await;
        let it = subscribed(&app).await;
        let input = json!({ "subscriptionId": it.subscription, "planId": it.top, "promotionCode": "HALF" });
        let next = finished(app, K::SubscriptionChange, place, "subscriptionChange", input).await;
        assert_eq!(last_state(&next, &it.organization, K::SubscriptionChange).await, "CONFIRMED", "{place}");
        let shown = at_stripe(&next);
        assert_eq!((amount(&shown), discounts(&shown)), (9_900, 1), "{place}: {shown:#}");
        assert_eq!(next.succeeded_charges(), 2, "{place}");
    }
}

/// Seats by the month go onto the next bill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_billed_later_and_was_killed_is_made_once() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let input = json!({ "subscriptionId": it.subscription, "quantity": "5" });
    let place = BILLED_LATER.places[0];
    let next = finished(app, K::SubscriptionChange, place, "subscriptionChange", input).await;
    assert_eq!(last_state(&next, &it.organization, K::SubscriptionChange).await, "CONFIRMED");
    assert_eq!(at_stripe(&next)["items"]["data"][0]["quantity"], 5);
    assert_eq!(next.succeeded_charges(), 1);
}

/// The card is declined: what was begun of the change is withdrawn, and the code that came with it taken off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_change_that_was_killed_is_taken_back() {
    for place in DECLINED.places {
        let app = TestApp::start().await;
        app.promotion_code("HALF", 50).await;
        let it = subscribed(&app).await;
        app.card(&it.owner, &it.organization, "pm_card_chargeCustomerFail").await;
        app.settled().await;
        let input = json!({ "subscriptionId": it.subscription, "planId": it.top, "promotionCode": "HALF" });
        let next = finished(app, K::SubscriptionChange, place, "subscriptionChange", input).await;
        assert_eq!(last_state(&next, &it.organization, K::SubscriptionChange).await, "FAILED", "{place}");
        let shown = at_stripe(&next);
        assert_eq!((amount(&shown), discounts(&shown)), (2_900, 0), "{place}: {shown:#}");
        assert!(shown["pending_update"].is_null(), "{place}: {shown:#}");
        let open = next.sandbox.objects("invoice").iter().filter(|it| it["status"] == "open").count();
        assert_eq!(open, 0, "{place}: nothing is left to be paid");
        assert_eq!(next.succeeded_charges(), 1, "{place}");
    }
}

/// An organization whose cardholder did not confirm a change that came with a code: taking that off is written down.
pub(super) async fn code_given_up(app: &TestApp) -> Subscribed {
    app.promotion_code("HALF", 50).await;
    let it = subscribed(app).await;
    app.card(&it.owner, &it.organization, "pm_card_authenticationRequired").await;
    let input = json!({ "subscriptionId": it.subscription, "planId": it.top, "promotionCode": "HALF" });
    let asked = change(&it.owner, input).await;
    assert_eq!(asked["operation"]["state"], "REQUIRES_ACTION", "{asked:#}");
    let invoice = text(&at_stripe(app)["latest_invoice"]);
    app.at_stripe(Method::POST, &format!("invoices/{invoice}/void"), &[]).await;
    app.settled().await;
    assert_eq!(app.operation_states(&it.organization, RESTORE).await, ["PENDING"]);
    it
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taking_a_code_off_that_was_killed_is_finished() {
    let app = TestApp::start_with(patient(true)).await;
    let it = code_given_up(&app).await;
    let (database, sandbox) = app.stop().await;
    let point = format!("{RESTORE}@{}", CODE_TAKEN_OFF.places[0]);
    let (process, _) = gateway(&database, &sandbox, &point).await;
    kill_when_reached(process, &point).await;
    TestApp::let_leases_run_out(&database).await;
    let next = TestApp::start_on(database, sandbox, quiet()).await;
    all_settled(&next).await;
    assert_eq!(next.operation_states(&it.organization, RESTORE).await, ["CONFIRMED"]);
    assert_eq!(discounts(&at_stripe(&next)), 0);
}

/// An organization whose first payment failed begins anew with another card.
async fn begun_anew() -> (TestApp, String, Value) {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    let declined = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(declined["subscription"]["status"], "INCOMPLETE", "{declined:#}");
    app.card(&owner, &organization, "pm_card_visa").await;
    app.settled().await;
    let input = json!({ "organizationId": organization, "planId": plan });
    (app, organization, input)
}

fn statuses(app: &TestApp) -> Vec<String> {
    app.sandbox.objects("subscription").iter().map(|it| text(&it["status"])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ending_what_was_never_paid_that_was_killed_is_finished_once() {
    for place in BEGUN_ANEW.places {
        let (app, organization, input) = begun_anew().await;
        let next = finished(app, K::SubscriptionCreate, place, "subscriptionCreate", input).await;
        assert_eq!(last_state(&next, &organization, K::SubscriptionCreate).await, "CONFIRMED", "{place}");
        let statuses = statuses(&next);
        assert_eq!(statuses.iter().filter(|it| *it == "active").count(), 1, "{place}: {statuses:?}");
        assert_eq!(statuses.len(), 2, "{place}: {statuses:?}");
        assert_eq!(next.succeeded_charges(), 1, "{place}");
        assert!(next.sandbox.objects("refund").is_empty(), "{place}");
    }
}

/// Pays an invoice at Stripe in the moment in which its subscription is about to be ended.
fn pay_meanwhile(sandbox: &Sandbox, invoice: String) {
    let (runtime, base) = (tokio::runtime::Handle::current(), sandbox.base_url());
    let is_paid = AtomicBool::new(false);
    sandbox.on_request(move |method, path| {
        if method == "DELETE"
            && path.starts_with("/v1/subscriptions/")
            && !is_paid.swap(true, Ordering::SeqCst)
        {
            let pay = reqwest::Client::new()
                .post(format!("{base}/v1/invoices/{invoice}/pay"))
                .bearer_auth("sk_test_dashboard")
                .send();
            let answer = runtime.block_on(pay).expect("the sandbox answers");
            assert!(answer.status().is_success(), "{}", answer.status());
        }
    });
}

/// Somebody pays the first one while it is ended: that money is given back, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_paid_meanwhile_is_given_back_once_when_that_was_killed() {
    let (app, organization, input) = begun_anew().await;
    let invoice = text(&app.sandbox.objects("invoice")[0]["id"]);
    let intent = text(&app.sandbox.objects("payment_intent")[0]["id"]);
    pay_meanwhile(&app.sandbox, invoice);
    let place = format!("{}{intent}", PAID_MEANWHILE.places[0]);
    let next = finished(app, K::SubscriptionCreate, &place, "subscriptionCreate", input).await;
    assert_eq!(last_state(&next, &organization, K::SubscriptionCreate).await, "CONFIRMED");
    let statuses = statuses(&next);
    assert_eq!(statuses.iter().filter(|it| *it == "active").count(), 1, "{statuses:?}");
    assert_eq!(next.succeeded_charges(), 2, "the first one and the second");
    let refunds = next.sandbox.objects("refund");
    assert_eq!(refunds.len(), 1, "given back once: {refunds:#?}");
    assert_eq!(refunds[0]["amount"], 2_900);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn giving_up_a_debt_that_was_killed_is_finished() {
    let app = TestApp::start_days_ago(40).await;
    set_policy(&app, "openInvoices", "VOID").await;
    let it = debt(&app).await;
    app.pass_days(32).await;
    let open = app.sandbox.objects("invoice").into_iter().find(|it| it["status"] == "open");
    let invoice = text(&open.expect("a debt")["id"]);
    let place = format!("{}{invoice}", DEBT_GIVEN_UP.places[0]);
    let input = json!({ "subscriptionId": it.subscription, "when": "NOW" });
    let next = finished(app, K::SubscriptionCancel, &place, "subscriptionCancel", input).await;
    assert_eq!(last_state(&next, &it.organization, K::SubscriptionCancel).await, "CONFIRMED");
    assert_eq!(at_stripe(&next)["status"], "canceled");
    let voided = next.sandbox.objects("invoice").into_iter().find(|it| it["id"] == invoice.as_str());
    assert_eq!(voided.expect("the debt")["status"], "void");
    let shown = look(&next.client("olivia"), &it.organization).await;
    let rows = shown["invoices"]["nodes"].as_array().expect("invoices");
    assert!(rows.iter().all(|row| row["status"] != "OPEN"), "{shown:#}");
    assert_eq!(next.succeeded_charges(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taking_a_tax_id_off_that_was_killed_is_finished() {
    let app = TestApp::start_with(quiet()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let customer = app.stripe_customer(&organization).await;
    let form = [("type", "gb_vat"), ("value", "GB123456789")];
    let tax_id = app.at_stripe(Method::POST, &format!("customers/{customer}/tax_ids"), &form).await;
    let place = format!("{}{}", TAX_ID_TAKEN_OFF.places[0], text(&tax_id["id"]));
    let input = json!({ "organizationId": organization });
    let next = finished(app, K::CustomerSync, &place, "customerSync", input).await;
    assert_eq!(last_state(&next, &organization, K::CustomerSync).await, "CONFIRMED");
    let listed = next.at_stripe(Method::GET, &format!("customers/{customer}/tax_ids"), &[]).await;
    assert_eq!(listed["data"], json!([]), "the settings have none");
}

/// The trial ended without a card, and one came since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_what_was_paused_that_was_killed_is_charged_once() {
    for place in RESUMED_FROM_PAUSE.places {
        let app = TestApp::start_days_ago(20).await;
        set_policy(&app, "trialEnd", "PAUSE").await;
        let owner = app.client("olivia");
        let organization = app.organization(&owner, "acme").await;
        let plan = app.paid_plan("pro", 2_900, 14).await;
        let begun = app.subscribe(&owner, &organization, &plan).await;
        app.pass_days(15).await;
        assert_eq!(look(&owner, &organization).await["subscription"]["status"], "PAUSED", "{place}");
        app.card(&owner, &organization, "pm_card_visa").await;
        app.settled().await;
        let input = json!({ "subscriptionId": begun["subscription"]["id"] });
        let next = finished(app, K::SubscriptionResume, place, "subscriptionResume", input).await;
        assert_eq!(last_state(&next, &organization, K::SubscriptionResume).await, "CONFIRMED", "{place}");
        let shown = look(&next.client("olivia"), &organization).await;
        assert_eq!(shown["subscription"]["status"], "ACTIVE", "{place}: {shown:#}");
        assert_eq!(at_stripe(&next)["status"], "active", "{place}");
        assert_eq!(next.succeeded_charges(), 1, "{place}");
    }
}

/// The words of a folder's sources.
fn sources(folder: &Path) -> String {
    let files =
        fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    files.map(|path| fs::read_to_string(path).expect("a source")).collect::<Vec<_>>().join("\n")
}

/// The strings that stand in a piece of code, each as far as it is fixed.
fn strings(code: &str) -> impl Iterator<Item = &str> {
    code.split('"').skip(1).step_by(2).map(|text| text.split('{').next().unwrap_or_default())
}

/// A step is what is asked of Stripe under a key of its own. None is forgotten that somebody adds, on a way that no scenario goes:
/// its word is among those at which a process is killed. That each kind is killed at each of its own is `passed.rs`'s to see.
#[test]
fn every_step_is_one_at_which_some_process_is_killed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (service, tests) =
        (sources(&root.join("src/service")), sources(&root.join("tests/it/every_operation")));
    let keys = service.split("running.key(").skip(1).map(|rest| rest.split(");").next().unwrap_or_default());
    // The word stands in a variable where it depends on something.
    let chosen = service.split("let step = ").skip(1).map(|rest| rest.split(';').next().unwrap_or_default());
    let keys = keys.map(|key| key.split_once("))").map_or(key, |(key, _)| key));
    let mut steps: Vec<&str> = keys.chain(chosen).flat_map(strings).collect();
    steps.retain(|step| step.starts_with(|first: char| first.is_ascii_lowercase()));
    steps.push("customer");
    steps.sort_unstable();
    steps.dedup();
    assert!(steps.len() > 30, "the steps were found: {steps:?}");
    let is_killed = |step: &&str| {
        tests.contains(&format!("\"before-{step}\""))
            || step.ends_with('-') && tests.contains(&format!("\"before-{step}"))
    };
    let forgotten: Vec<&&str> = steps.iter().filter(|step| !is_killed(step)).collect();
    assert!(forgotten.is_empty(), "no process is killed at {forgotten:?}");
}
