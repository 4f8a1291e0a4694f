//! What happens while a renewal is not paid: reminders once each, access by policy, recovery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use stripe_sandbox::{AfterRetries, Sandbox};
use tokio::net::TcpListener;
use tollgate::domain::billing_policy::ReminderKind;
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::ids::OrganizationId;

use crate::support::database::TestDatabase;
use crate::support::{Client, TestApp, TestOptions, text, uuid_of};

pub const ACCESS: &str =
    "query($id: ID!) { organization(id: $id) { accessState { level reason since until nextAction }
    subscription { id status } invoices { nodes { id status } } } }";

pub async fn look(client: &Client, organization: &str) -> Value {
    client.send(ACCESS, json!({ "id": organization })).await.data()["organization"].clone()
}

/// An organization whose monthly renewal fails, so many days after the beginning.
pub struct Debt {
    pub owner: Client,
    pub organization: String,
    pub subscription: String,
    pub plan: String,
}

pub async fn debt(app: &TestApp) -> Debt {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let input = json!({ "organizationId": organization, "planId": plan, "quantity": "4" });
    let answer = owner.send(crate::support::SUBSCRIBE, json!({ "input": input })).await;
    let payload = &answer.data()["subscriptionCreate"];
    assert_eq!(payload["subscription"]["status"], "ACTIVE", "{payload:#}");
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    Debt { owner, organization, subscription: text(&payload["subscription"]["id"]), plan }
}

async fn reminders(app: &TestApp, organization: &str) -> Vec<(i32, ReminderKind)> {
    let id = OrganizationId(uuid_of(organization));
    let rows = app.store().dunning_reminders(&[id]).await.expect("reminders");
    rows.iter().map(|reminder| (reminder.step, reminder.kind)).collect()
}

#[tokio::test]
async fn each_step_reminds_once_and_access_follows_the_policy() {
    let app = TestApp::start_days_ago(40).await;
    let it = debt(&app).await;
    app.pass_days(32).await;
    let shown = look(&it.owner, &it.organization).await;
    assert_eq!(shown["subscription"]["status"], "PAST_DUE", "{shown:#}");
    // The renewal failed eight or nine days ago: the step of the seventh day counts.
    assert_eq!(shown["accessState"]["level"], "LIMITED", "{shown:#}");
    assert_eq!(shown["accessState"]["reason"], "PAYMENT_DUE");
    assert_eq!(shown["accessState"]["nextAction"], "PAY_INVOICE");
    assert!(shown["accessState"]["until"].is_string());

    let expected =
        vec![(0, ReminderKind::PaymentFailed), (1, ReminderKind::Reminder), (2, ReminderKind::FinalNotice)];
    // Two processes at once, and again.
    let (one, two) = futures::join!(app.service.remind_debtors(), app.service.remind_debtors());
    assert_eq!(one.expect("a round") + two.expect("a round"), 3);
    assert_eq!(app.service.remind_debtors().await.expect("a round"), 0);
    assert_eq!(reminders(&app, &it.organization).await, expected);
    let records = app.audit_records().await;
    let recorded = records.iter().filter(|record| record.action == "dunning.remind").count();
    assert_eq!(recorded, 3, "a record for each");

    // Paid: everything is back.
    app.card(&it.owner, &it.organization, "pm_card_visa").await;
    let open = shown["invoices"]["nodes"].as_array().expect("invoices");
    let open = open.iter().find(|invoice| invoice["status"] == "OPEN").expect("an open one");
    let pay = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) { userErrors { message } } }";
    it.owner.send(pay, json!({ "input": { "invoiceId": open["id"] } })).await.data();
    app.settled().await;
    let back = look(&it.owner, &it.organization).await;
    assert_eq!(back["subscription"]["status"], "ACTIVE", "{back:#}");
    assert_eq!(back["accessState"]["level"], "FULL");
    assert_eq!(back["accessState"]["reason"], "PAID");
    assert_eq!(app.service.remind_debtors().await.expect("a round"), 0);
}

#[tokio::test]
async fn an_organization_may_have_a_policy_of_its_own() {
    let app = TestApp::start_days_ago(40).await;
    let it = debt(&app).await;
    app.pass_days(32).await;
    let set = "mutation($input: BillingPolicySetInput!) { billingPolicySet(input: $input) {
        billingPolicy { version isOwn dunning { afterDays access } } userErrors { code message path } } }";
    let policy = |steps: Value| {
        json!({ "dunning": steps, "unpaid": "NONE", "trialEnded": "LIMITED", "withoutSubscription": "NONE",
            "disputeOpen": "FULL", "disputeLost": "NONE", "quotaExceeded": "LIMITED", "trialEnd": "CANCEL",
            "openInvoices": "KEEP" })
    };
    let step =
        |days: i64, access: &str| json!({ "afterDays": days, "reminder": "REMINDER", "access": access });
    let staff = app.staff();
    let strict = json!({ "policy": policy(json!([step(1, "NONE")])) });
    let platform = staff.send(set, json!({ "input": strict })).await;
    assert_eq!(platform.data()["billingPolicySet"]["userErrors"], json!([]), "{:#}", platform.body);
    assert_eq!(look(&it.owner, &it.organization).await["accessState"]["level"], "NONE");

    let lenient = policy(json!([step(30, "LIMITED")]));
    let own = json!({ "organizationId": it.organization, "policy": lenient });
    let set_own = staff.send(set, json!({ "input": own.clone() })).await;
    let payload = &set_own.data()["billingPolicySet"];
    assert_eq!(payload["billingPolicy"]["version"], "1", "{payload:#}");
    assert_eq!(payload["billingPolicy"]["isOwn"], true);
    assert_eq!(look(&it.owner, &it.organization).await["accessState"]["level"], "FULL");
    let stale = staff.send(set, json!({ "input": own })).await;
    assert_eq!(stale.user_error("billingPolicySet").0, "CONFLICT", "{:#}", stale.body);

    let rising = json!({ "organizationId": it.organization, "expectedVersion": "1",
        "policy": policy(json!([step(1, "NONE"), step(2, "FULL")])) });
    let refused = staff.send(set, json!({ "input": rising })).await;
    assert_eq!(refused.user_error("billingPolicySet").1, "policy.dunning");
    let cleared = json!({ "organizationId": it.organization, "expectedVersion": "1" });
    let cleared = staff.send(set, json!({ "input": cleared })).await;
    assert_eq!(cleared.data()["billingPolicySet"]["billingPolicy"]["isOwn"], false, "{:#}", cleared.body);
    assert_eq!(look(&it.owner, &it.organization).await["accessState"]["level"], "NONE");
    let answer = it.owner.send(set, json!({ "input": { "expectedVersion": "1" } })).await;
    assert_eq!(answer.code(), "FORBIDDEN");
}

/// Hard case 54: after the debt is paid, the drafts of the unpaid time are collected, and access is back.
#[tokio::test]
async fn case_54_paying_the_old_invoice_collects_what_piled_up() {
    let app = TestApp::start_days_ago_with(100, AfterRetries::Unpaid).await;
    let it = debt(&app).await;
    // The renewal fails, is tried for two weeks, and the next renewal becomes a draft that nobody finalises.
    app.pass_days(50).await;
    app.pass_days(20).await;
    let shown = look(&it.owner, &it.organization).await;
    assert_eq!(shown["subscription"]["status"], "UNPAID", "{shown:#}");
    assert_eq!(shown["accessState"]["level"], "NONE");
    assert_eq!(shown["accessState"]["reason"], "PAYMENT_FAILED");
    let nodes = shown["invoices"]["nodes"].as_array().expect("invoices").clone();
    assert!(nodes.iter().any(|invoice| invoice["status"] == "DRAFT"), "{nodes:#?}");
    assert_eq!(app.service.recover_subscriptions().await.expect("a round"), 0, "nothing is paid yet");

    app.card(&it.owner, &it.organization, "pm_card_visa").await;
    let pay = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) { userErrors { message } } }";
    for open in nodes.iter().filter(|invoice| invoice["status"] == "OPEN") {
        it.owner.send(pay, json!({ "input": { "invoiceId": open["id"] } })).await.data();
    }
    app.settled().await;
    assert_eq!(app.service.recover_subscriptions().await.expect("a round"), 1);
    app.settled().await;
    let back = look(&it.owner, &it.organization).await;
    let open: Vec<_> = back["invoices"]["nodes"]
        .as_array()
        .expect("invoices")
        .iter()
        .filter(|invoice| invoice["status"] != "PAID")
        .collect();
    assert!(open.is_empty(), "{open:#?}");
    assert_eq!(back["subscription"]["status"], "ACTIVE", "{back:#}");
    assert_eq!(back["accessState"]["level"], "FULL");
    assert_eq!(app.service.recover_subscriptions().await.expect("a round"), 0, "once");
}

/// Stripe, but for a reason of its own it finalises nothing until it is told to.
async fn unwilling(sandbox: &Sandbox) -> (String, Arc<AtomicBool>) {
    let refuses = Arc::new(AtomicBool::new(false));
    let (base, flag) = (sandbox.base_url(), Arc::clone(&refuses));
    let forward = move |request: axum::extract::Request| {
        let (base, flag) = (base.clone(), Arc::clone(&flag));
        async move {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
            if path.ends_with("/finalize") && flag.load(Ordering::SeqCst) {
                let error = json!({ "error": { "type": "invalid_request_error", "code": "customer_tax_location_invalid",
                    "message": "The customer's address is not known well enough for tax." } });
                return (StatusCode::BAD_REQUEST, HeaderMap::new(), error.to_string().into_bytes());
            }
            let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
            let mut headers = parts.headers;
            headers.remove("host");
            let sent = reqwest::Client::new().request(parts.method, format!("{base}{path}")).headers(headers);
            let answer = sent.body(body).send().await.expect("the sandbox answers");
            let (status, mut headers) = (answer.status(), answer.headers().clone());
            headers.remove("transfer-encoding");
            (status, headers, answer.bytes().await.expect("a body").to_vec())
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(forward)).await });
    (format!("http://{address}"), refuses)
}

/// The states of the operations that collect drafts, oldest first.
async fn recoveries(app: &TestApp, organization: &str) -> Vec<String> {
    app.operation_states(organization, "subscription.recover").await
}

#[tokio::test]
async fn drafts_that_cannot_be_finalised_are_tried_less_and_less_often() {
    let database = TestDatabase::create().await;
    let sandbox = TestApp::sandbox_days_ago(100, AfterRetries::Unpaid).await;
    let (stripe, refuses) = unwilling(&sandbox).await;
    let options = TestOptions { stripe: Some(stripe), ..TestOptions::default() };
    let app = TestApp::start_on(database, sandbox, options).await;
    let it = debt(&app).await;
    app.pass_days(50).await;
    app.pass_days(20).await;
    let shown = look(&it.owner, &it.organization).await;
    app.card(&it.owner, &it.organization, "pm_card_visa").await;
    let pay = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) { userErrors { message } } }";
    for open in shown["invoices"]["nodes"].as_array().expect("invoices") {
        if open["status"] == "OPEN" {
            it.owner.send(pay, json!({ "input": { "invoiceId": open["id"] } })).await.data();
        }
    }
    app.settled().await;

    refuses.store(true, Ordering::SeqCst);
    let round = async || app.service.recover_subscriptions().await.expect("a round");
    // So many seconds go by since the last try ended.
    let seconds_later = async |seconds: i64| {
        let ended = (SystemClock.now() - chrono::Duration::seconds(seconds)).to_rfc3339();
        let kind = "subscription.recover";
        app.disturb(&format!("UPDATE billing_operations SET settled_at = '{ended}' WHERE kind = '{kind}'"))
            .await;
    };
    assert_eq!(round().await, 1);
    assert_eq!(recoveries(&app, &it.organization).await, ["FAILED"]);
    for (seconds, tried) in [(0, 0), (50, 0), (70, 1), (70, 0), (110, 0), (130, 1), (200, 0), (250, 1)] {
        seconds_later(seconds).await;
        assert_eq!(round().await, tried, "after {seconds} seconds");
    }
    let states = recoveries(&app, &it.organization).await;
    assert_eq!(states, vec!["FAILED"; 4], "one operation a try, each at an end");
    let query = "query($id: ID!) { organization(id: $id) { invoices { nodes { status } } } }";
    let shown = it.owner.send(query, json!({ "id": it.organization })).await;
    let nodes = shown.data()["organization"]["invoices"]["nodes"].as_array().expect("invoices").clone();
    assert!(nodes.iter().any(|invoice| invoice["status"] == "DRAFT"), "{nodes:#?}");

    // Somebody mends it: the next try collects.
    refuses.store(false, Ordering::SeqCst);
    seconds_later(500).await;
    assert_eq!(round().await, 1);
    app.settled().await;
    assert_eq!(recoveries(&app, &it.organization).await.last().map(String::as_str), Some("CONFIRMED"));
    assert_eq!(look(&it.owner, &it.organization).await["accessState"]["level"], "FULL");
    assert_eq!(round().await, 0, "once");
}

/// Somebody who owes two bills is reminded of both, each by its own days.
#[tokio::test]
async fn each_unpaid_invoice_is_reminded_of() {
    let app = TestApp::start_days_ago_with(70, AfterRetries::PastDue).await;
    let it = debt(&app).await;
    app.pass_days(32).await;
    app.pass_days(33).await;
    let shown = look(&it.owner, &it.organization).await;
    assert_eq!(shown["subscription"]["status"], "PAST_DUE", "{shown:#}");
    let nodes = shown["invoices"]["nodes"].as_array().expect("invoices").clone();
    let open: Vec<&Value> = nodes.iter().filter(|invoice| invoice["status"] == "OPEN").collect();
    assert_eq!(open.len(), 2, "{nodes:#?}");
    let (one, two) = futures::join!(app.service.remind_debtors(), app.service.remind_debtors());
    assert_eq!(one.expect("a round") + two.expect("a round"), 7);
    let id = OrganizationId(uuid_of(&it.organization));
    let days = async || {
        let mut of_each: std::collections::BTreeMap<String, Vec<i32>> = std::collections::BTreeMap::new();
        for row in app.store().dunning_reminders(&[id]).await.expect("reminders") {
            of_each.entry(row.stripe_invoice_id.0).or_default().push(row.after_days);
        }
        let mut days: Vec<Vec<i32>> = of_each.into_values().collect();
        for days in &mut days {
            days.sort_unstable();
        }
        days.sort_by_key(Vec::len);
        days
    };
    // One is a month and more overdue, the other a week and more.
    assert_eq!(days().await, [vec![0, 3, 7], vec![0, 3, 7, 14]]);
    assert_eq!(app.service.remind_debtors().await.expect("a round"), 0, "each once");
}
