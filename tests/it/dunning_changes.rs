//! Reminders and recovery while the policy changes, or somebody else writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use stripe_sandbox::AfterRetries;
use tollgate::domain::billing_policy::ReminderKind;
use tollgate::domain::ids::OrganizationId;

use crate::dunning::{debt, look};
use crate::support::database::TestDatabase;
use crate::support::{TestApp, TestOptions, text, uuid_of};

/// Sets the platform's steps of dunning: the day, and what the reminder says.
async fn set_steps(app: &TestApp, version: &str, steps: &[(i64, &str)]) {
    let steps: Vec<Value> = steps
        .iter()
        .map(|(days, reminder)| json!({ "afterDays": days, "reminder": reminder, "access": "FULL" }))
        .collect();
    let policy = json!({ "dunning": steps, "unpaid": "NONE", "trialEnded": "LIMITED", "withoutSubscription": "NONE",
        "disputeOpen": "FULL", "disputeLost": "NONE", "quotaExceeded": "LIMITED", "trialEnd": "CANCEL",
        "openInvoices": "KEEP" });
    let query = "mutation($input: BillingPolicySetInput!) { billingPolicySet(input: $input) { userErrors { message } } }";
    let input = json!({ "policy": policy, "expectedVersion": version });
    let answer = app.staff().send(query, json!({ "input": input })).await;
    assert_eq!(answer.data()["billingPolicySet"]["userErrors"], json!([]), "{:#}", answer.body);
}

async fn reminders(app: &TestApp, organization: &str) -> Vec<(i32, ReminderKind)> {
    let id = OrganizationId(uuid_of(organization));
    let mut rows = app.store().dunning_reminders(&[id]).await.expect("reminders");
    rows.sort_by_key(|reminder| reminder.after_days);
    rows.iter().map(|reminder| (reminder.after_days, reminder.kind)).collect()
}

#[tokio::test]
async fn a_policy_that_changes_repeats_no_reminder_and_skips_none() {
    use ReminderKind::{FinalNotice, PaymentFailed, Reminder};
    let app = TestApp::start_days_ago(40).await;
    let it = debt(&app).await;
    set_steps(&app, "0", &[(0, "PAYMENT_FAILED"), (5, "REMINDER")]).await;
    // The renewal fails about eight days ago.
    app.pass_days(32).await;
    assert_eq!(app.service.remind_debtors().await.expect("a round"), 2);
    assert_eq!(reminders(&app, &it.organization).await, [(0, PaymentFailed), (5, Reminder)]);
    // The first step goes: what was the second is the first, and was sent.
    set_steps(&app, "1", &[(5, "REMINDER")]).await;
    assert_eq!(app.service.remind_debtors().await.expect("a round"), 0);
    // Another comes before it: the one in the old one's place is due, and what was sent is not sent again.
    set_steps(&app, "2", &[(0, "PAYMENT_FAILED"), (5, "REMINDER"), (6, "FINAL_NOTICE")]).await;
    assert_eq!(app.service.remind_debtors().await.expect("a round"), 1);
    set_steps(&app, "3", &[(6, "FINAL_NOTICE"), (7, "REMINDER")]).await;
    assert_eq!(app.service.remind_debtors().await.expect("a round"), 1);
    assert_eq!(
        reminders(&app, &it.organization).await,
        [(0, PaymentFailed), (5, Reminder), (6, FinalNotice), (7, Reminder)]
    );
}

#[tokio::test]
async fn who_pays_while_reminders_are_looked_for_gets_none() {
    let database = TestDatabase::create().await;
    let url = database.url().to_owned();
    let sandbox = TestApp::sandbox_days_ago(40, AfterRetries::Cancel).await;
    let pays = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&pays);
    // As soon as it was looked which reminders there are, the invoice is paid.
    let on_statement = move |sql: &str| {
        let is_look = sql.starts_with("SELECT") && sql.contains("dunning_reminders");
        if is_look && flag.swap(false, Ordering::SeqCst) {
            let url = url.clone();
            let pay = async move {
                let db = sea_orm::Database::connect(url).await.expect("the database opens");
                let sql = "UPDATE invoices SET status = 'paid' WHERE status = 'open'";
                sea_orm::ConnectionTrait::execute_unprepared(&db, sql).await.expect("an update");
                db.close().await.expect("the connection closes");
            };
            let paying = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(pay);
            });
            paying.join().expect("it is paid");
        }
    };
    let options = TestOptions { on_statement: Some(Arc::new(on_statement)), ..TestOptions::default() };
    let app = TestApp::start_on(database, sandbox, options).await;
    let it = debt(&app).await;
    app.pass_days(32).await;
    pays.store(true, Ordering::SeqCst);
    assert_eq!(app.service.remind_debtors().await.expect("a round"), 0);
    assert!(!pays.load(Ordering::SeqCst), "it was paid in between");
    assert_eq!(reminders(&app, &it.organization).await, []);
}

/// Hard case 54, its other side: a draft that somebody is still writing is nobody's to collect.
#[tokio::test]
async fn case_54_a_draft_that_somebody_writes_is_not_collected() {
    let app = TestApp::start_days_ago_with(100, AfterRetries::Unpaid).await;
    let it = debt(&app).await;
    app.pass_days(50).await;
    app.pass_days(20).await;
    let subscription = text(&app.sandbox.objects("subscription")[0]["id"]);
    let customer = app.stripe_customer(&it.organization).await;
    let form = [("customer", &customer[..]), ("subscription", &subscription[..]), ("auto_advance", "false")];
    let manual = app.at_stripe(Method::POST, "invoices", &form).await;
    assert_eq!(manual["status"], "draft", "{manual:#}");
    assert_ne!(manual["billing_reason"], "subscription_cycle", "{manual:#}");
    app.settled().await;
    let shown = look(&it.owner, &it.organization).await;
    app.card(&it.owner, &it.organization, "pm_card_visa").await;
    let pay = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) { userErrors { message } } }";
    for open in shown["invoices"]["nodes"].as_array().expect("invoices") {
        if open["status"] == "OPEN" {
            it.owner.send(pay, json!({ "input": { "invoiceId": open["id"] } })).await.data();
        }
    }
    app.settled().await;
    // What a renewal made is collected, the other stays.
    assert_eq!(app.service.recover_subscriptions().await.expect("a round"), 1);
    app.settled().await;
    let invoices = app.sandbox.objects("invoice");
    let drafts: Vec<&Value> = invoices.iter().filter(|invoice| invoice["status"] == "draft").collect();
    assert_eq!(drafts.len(), 1, "{drafts:#?}");
    assert_eq!(drafts[0]["id"], manual["id"]);
    assert_eq!(app.service.recover_subscriptions().await.expect("a round"), 0, "nothing is left to collect");
}
