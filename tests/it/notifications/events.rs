//! Which facts are told, and whom they reach.

use serde_json::{Value, json};
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::membership::Role;

use super::email::column;
use crate::mutations::member::{done, member};
use crate::support::receivers::Receiver;
use crate::support::{Client, TestApp, TestOptions, eventually, text, uuid_of};

async fn mailed() -> (Receiver, TestApp) {
    let server = Receiver::mail();
    let app =
        TestApp::start_with(TestOptions { outgoing: server.outgoing(), ..TestOptions::default() }).await;
    (server, app)
}

/// Writes a part of the settings for the first time.
async fn set(owner: &Client, mutation: &str, organization: &str, mut fields: Value) {
    fields["organizationId"] = organization.into();
    fields["expectedVersion"] = "0".into();
    done(owner, mutation, fields, "settings { version }").await;
}

/// The events that were written into the outbox so far, in order.
async fn told(app: &TestApp) -> Vec<String> {
    column(app, "SELECT event FROM outbox_messages ORDER BY id").await.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_paid_invoice_is_told_to_who_keeps_the_books_in_their_language() {
    let (server, app) = mailed().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    for (name, role) in [("adam", Role::Admin), ("bianca", Role::BillingManager), ("mary", Role::Member)] {
        app.member_as(&acme, name, role).await;
    }
    let general = json!({ "locale": "zh-CN", "timeZone": "Asia/Shanghai" });
    set(&owner, "settingsGeneralUpdate", &acme, general).await;
    let billing = json!({ "billingEmails": ["Books@acme.example", "olivia@example.com"] });
    set(&owner, "settingsBillingUpdate", &acme, billing).await;
    let plan = app.paid_plan("pro", 123_450, 0).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.subscribe(&owner, &acme, &plan).await;
    for reader in ["olivia@example.com", "adam@example.com", "bianca@example.com", "books@acme.example"] {
        let mail = server.mail_about(reader, "已支付").await;
        assert!(text(&mail["subject"]).ends_with("USD 1,234.50"), "{mail:#}");
        assert!(text(&mail["text"]).contains("UTC+08:00"), "{mail:#}");
        assert_eq!(mail["language"], "zh");
    }
    app.settled().await;
    assert_eq!(told(&app).await, ["invoice_paid"], "told once, whatever brought it");
    assert_eq!(server.taken().len(), 4);
}

#[tokio::test]
async fn settings_say_who_hears_of_what() {
    let (server, app) = mailed().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.member_as(&acme, "audrey", Role::Auditor).await;
    let addresses = json!(["soc@acme.example"]);
    let events = json!({ "events": [
        { "event": "API_KEY_CREATED", "channels": ["EMAIL"], "roles": ["AUDITOR"], "addresses": addresses },
        { "event": "MEMBER_JOINED", "channels": ["IN_APP"], "roles": ["OWNER"], "addresses": addresses },
    ] });
    set(&owner, "settingsNotificationsUpdate", &acme, events).await;
    let input = json!({ "organizationId": acme, "email": "peter@example.com", "role": "MEMBER" });
    let token = done(&owner, "memberInvite", input, "token").await["token"].clone();
    done(&app.client("peter"), "invitationAccept", json!({ "token": token }), "member { id }").await;
    let input = json!({ "organizationId": acme, "name": "Deploys", "scopes": [] });
    let key = done(&owner, "apiKeyCreate", input, "apiKey { prefix }").await;
    for reader in ["audrey@example.com", "soc@acme.example"] {
        let mail = server.mail_about(reader, "Deploys").await;
        assert!(text(&mail["text"]).contains(&text(&key["apiKey"]["prefix"])));
    }
    server.mail_to("peter@example.com").await;
    eventually("all to be sent", || async {
        let open = "SELECT state FROM email_deliveries WHERE state = 'pending'";
        let waiting = "SELECT state FROM outbox_messages WHERE state = 'pending'";
        (column(&app, open).await.is_empty() && column(&app, waiting).await.is_empty()).then_some(())
    })
    .await;
    assert_eq!(told(&app).await, ["invitation", "member_joined", "api_key_created"]);
    assert_eq!(server.taken().len(), 3, "who joined is read in the application alone");
}

#[tokio::test]
async fn what_fails_changes_and_ends_is_told() {
    let (server, app) = mailed().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &acme, "pm_card_chargeCustomerFail").await;
    app.subscribe(&owner, &acme, &plan).await;
    let failed = server.mail_about("olivia@example.com", "failed").await;
    assert!(text(&failed["text"]).contains("USD 29.00"), "{failed:#}");

    app.card(&owner, &acme, "pm_card_visa").await;
    let created = app.subscribe(&owner, &acme, &plan).await;
    server.mail_about("olivia@example.com", "is paid").await;
    let subscription = created["subscription"]["id"].clone();
    let input = json!({ "subscriptionId": subscription, "quantity": "3" });
    done(&owner, "subscriptionChange", input, "subscription { quantity }").await;
    let changed = server.mail_about("olivia@example.com", "changed").await;
    assert!(text(&changed["text"]).contains("3 seats"), "{changed:#}");
    let input = json!({ "subscriptionId": subscription });
    done(&owner, "subscriptionCancel", input, "subscription { status }").await;
    server.mail_about("olivia@example.com", "is canceled").await;
    app.settled().await;
    let mut events = told(&app).await;
    events.sort();
    assert_eq!(
        events,
        ["invoice_paid", "invoice_payment_failed", "subscription_canceled", "subscription_changed"]
    );
}

#[tokio::test]
async fn members_who_go_are_told_of_and_hear_nothing_more() {
    let (server, app) = mailed().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.member_as(&acme, "adam", Role::Admin).await;
    let adam = member(&owner, &acme, "adam").await;
    done(&owner, "memberRemove", json!({ "memberId": adam["id"] }), "memberId").await;
    let mail = server.mail_to("olivia@example.com").await;
    assert_eq!(mail["subject"], "adam left The acme company");
    assert!(server.mails_to("adam@example.com").is_empty());
}

#[tokio::test]
async fn a_long_past_is_mirrored_and_not_told() {
    let server = Receiver::mail();
    let database = crate::support::database::TestDatabase::create().await;
    let sandbox = TestApp::sandbox_days_ago(40, stripe_sandbox::AfterRetries::Cancel).await;
    let options = TestOptions { outgoing: server.outgoing(), ..TestOptions::default() };
    let app = TestApp::start_on(database, sandbox, options).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.subscribe(&owner, &acme, &plan).await;
    app.settled().await;
    let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { status } } }";
    let shown = owner.send(query, json!({ "id": acme })).await;
    assert_eq!(shown.data()["invoices"]["nodes"][0]["status"], "PAID");
    assert_eq!(told(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_wants_an_answer_is_told() {
    let (server, app) = mailed().await;
    let owner = app.client("olivia");
    let plan = app.paid_plan("pro", 2900, 0).await;
    let acme = app.organization(&owner, "acme").await;
    app.card(&owner, &acme, "pm_card_createDispute").await;
    app.subscribe(&owner, &acme, &plan).await;
    let disputed = server.mail_about("olivia@example.com", "is disputed").await;
    assert!(text(&disputed["text"]).contains("Evidence can be sent until"), "{disputed:#}");
    let globex = app.organization(&owner, "globex").await;
    app.card(&owner, &globex, "pm_card_authenticationRequired").await;
    app.subscribe(&owner, &globex, &plan).await;
    server.mail_about("olivia@example.com", "waits for your confirmation").await;
    app.settled().await;
    let events = told(&app).await;
    let number = |event: &str| events.iter().filter(|it| *it == event).count();
    assert_eq!((number("dispute_opened"), number("payment_requires_action")), (1, 1), "{events:?}");
    assert_eq!(number("invoice_payment_failed"), 0, "who is asked to confirm has not failed: {events:?}");
}

#[tokio::test]
async fn a_trial_that_ends_soon_is_told_once() {
    let server = Receiver::mail();
    let database = crate::support::database::TestDatabase::create().await;
    // Two days are left when the present is reached.
    let sandbox = TestApp::sandbox_days_ago(12, stripe_sandbox::AfterRetries::Cancel).await;
    let options = TestOptions { outgoing: server.outgoing(), ..TestOptions::default() };
    let app = TestApp::start_on(database, sandbox, options).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 14).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    let created = app.subscribe(&owner, &acme, &plan).await;
    assert_eq!(created["subscription"]["status"], "TRIALING", "{created:#}");
    app.pass_days(12).await;
    server.mail_about("olivia@example.com", "ends soon").await;
    assert_eq!(told(&app).await, ["trial_ending"]);
}

#[tokio::test]
async fn each_dunning_reminder_is_told_with_its_step() {
    let server = Receiver::mail();
    let database = crate::support::database::TestDatabase::create().await;
    let sandbox = TestApp::sandbox_days_ago(40, stripe_sandbox::AfterRetries::Cancel).await;
    let options = TestOptions { outgoing: server.outgoing(), ..TestOptions::default() };
    let app = TestApp::start_on(database, sandbox, options).await;
    let it = crate::dunning::debt(&app).await;
    app.pass_days(32).await;
    let (one, two) = futures::join!(app.service.remind_debtors(), app.service.remind_debtors());
    assert_eq!(one.expect("a round") + two.expect("a round"), 3);
    server.mail_about("olivia@example.com", "Final notice").await;
    eventually("all three to be sent", || async {
        let reminders = server
            .mails_to("olivia@example.com")
            .into_iter()
            .filter(|mail| text(&mail["subject"]).contains("has an unpaid invoice"));
        (reminders.count() == 3).then_some(())
    })
    .await;
    let rows = app.store().dunning_reminders(&[OrganizationId(uuid_of(&it.organization))]).await;
    assert!(rows.expect("reminders").iter().all(|row| row.delivered_at.is_some()));
}
