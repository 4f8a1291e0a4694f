//! Which facts are told, and whom they reach.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::delivery::WebhookSender;
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::membership::Role;
use tollgate::service::Outgoing;

use super::email::column;
use crate::mutations::member::{done, member};
use crate::support::receivers::Receiver;
use crate::support::tokens::SignIn;
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

/// Three people of one organization: one whose identity provider tells nothing of how she reads, and two of whom it does.
#[tokio::test]
async fn each_reads_one_invoice_in_their_own_language_and_on_their_own_clock() {
    let (server, app) = mailed().await;
    let shanghai = SignIn { locale: Some("zh_CN"), time_zone: Some("Asia/Shanghai"), ..SignIn::default() };
    let owner = app.client_by("olivia", &shanghai);
    let acme = app.organization(&owner, "acme").await;
    app.member_as(&acme, "adam", Role::Admin).await;
    app.member_as(&acme, "bianca", Role::BillingManager).await;
    let general = json!({ "locale": "en-US", "timeZone": "America/New_York" });
    set(&owner, "settingsGeneralUpdate", &acme, general).await;
    // A member who is listed reads in their language, too; whom nobody knows reads as the organization writes.
    let billing = json!({ "billingEmails": ["books@acme.example", "olivia@example.com"] });
    set(&owner, "settingsBillingUpdate", &acme, billing).await;
    // What a newer token tells is what counts.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let london = SignIn { locale: Some("en-GB"), time_zone: Some("Europe/London"), ..SignIn::default() };
    let adam = app.client_by("adam", &london);
    let seen = adam.send("{ viewer { user { id } } }", json!({})).await;
    assert!(seen.data()["viewer"]["user"]["id"].is_string());
    let plan = app.paid_plan("pro", 123_450, 0).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.subscribe(&owner, &acme, &plan).await;

    let paid_at = async |client: &Client, zone: &str| {
        let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { paidAt } } }";
        let shown = client.send(query, json!({ "id": acme })).await;
        let at = text(&shown.data()["invoices"]["nodes"][0]["paidAt"]);
        let at: chrono::DateTime<chrono::Utc> = at.parse().expect("a time");
        at.with_timezone(&zone.parse::<chrono_tz::Tz>().expect("a zone")).format("%H:%M (UTC%:z)").to_string()
    };
    let chinese = server.mail_about("olivia@example.com", "已支付").await;
    assert_eq!(chinese["language"], "zh");
    let at = paid_at(&owner, "Asia/Shanghai").await;
    assert!(text(&chinese["text"]).contains(&at), "{at}: {chinese:#}");
    let english = server.mail_about("adam@example.com", "is paid").await;
    assert_eq!(english["language"], "en");
    let at = paid_at(&owner, "Europe/London").await;
    assert!(text(&english["text"]).contains(&format!(" at {at}")), "{at}: {english:#}");
    for reader in ["bianca@example.com", "books@acme.example"] {
        let usual = server.mail_about(reader, "is paid").await;
        let text = text(&usual["text"]);
        assert!(text.contains("M (UTC-05:00)") || text.contains("M (UTC-04:00)"), "{usual:#}");
    }
    assert_eq!(server.mails_to("olivia@example.com").len(), 1, "a member who is listed gets it once");

    // In the application likewise, unless something else is asked for.
    let list = "query($id: ID!, $zone: String, $locale: String) {
        notifications(organizationId: $id, timeZone: $zone, locale: $locale) { nodes { title body } } }";
    let told = async |client: &Client, zone: Value, locale: Value| {
        let asked = json!({ "id": acme, "zone": zone, "locale": locale });
        let nodes = client.send(list, asked).await.data()["notifications"]["nodes"].clone();
        let paid = nodes.as_array().expect("notifications").iter().find(|it| {
            let title = text(&it["title"]);
            title.contains("已支付") || title.contains("is paid")
        });
        paid.expect("the invoice is told").clone()
    };
    let own = told(&owner, Value::Null, Value::Null).await;
    assert!(text(&own["title"]).contains("已支付") && text(&own["body"]).contains("UTC+08:00"), "{own:#}");
    let own = told(&adam, Value::Null, Value::Null).await;
    assert!(text(&own["body"]).contains(&at), "{own:#}");
    let asked = told(&owner, json!("Asia/Tokyo"), json!("en-US")).await;
    assert!(text(&asked["title"]).contains("is paid"), "{asked:#}");
    assert!(text(&asked["body"]).contains("UTC+09:00"), "{asked:#}");
    let nowhere = owner.send(list, json!({ "id": acme, "zone": "Asia/Shangai" })).await;
    assert_eq!(nowhere.code(), "BAD_USER_INPUT");
    assert!(nowhere.message().contains("Asia/Shanghai"), "{}", nowhere.message());
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
    // What people call it, and not the word by which programs do.
    let seen = app.staff().send("query($id: ID!) { plan(id: $id) { version } }", json!({ "id": plan })).await;
    let input =
        json!({ "planId": plan, "name": "Pro for teams", "expectedVersion": seen.data()["plan"]["version"] });
    let renamed = done(&app.staff(), "planUpdate", input, "plan { name slug }").await;
    assert_eq!(renamed["plan"], json!({ "name": "Pro for teams", "slug": "pro" }), "{renamed:#}");
    let input = json!({ "subscriptionId": subscription, "quantity": "3" });
    done(&owner, "subscriptionChange", input, "subscription { quantity }").await;
    let changed = server.mail_about("olivia@example.com", "changed").await;
    assert!(text(&changed["text"]).contains("the plan Pro for teams with 3 seats"), "{changed:#}");
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
async fn who_is_suspended_and_reinstated_and_what_becomes_of_roles_is_told_each_time_on_every_channel() {
    let (server, mut consumer) = (Receiver::mail(), Receiver::webhooks());
    let sender = WebhookSender::new(Duration::from_secs(1), true).expect("a sender");
    let outgoing = Outgoing { webhooks: Some(sender), ..server.outgoing() };
    let app = TestApp::start_with(TestOptions { outgoing, ..TestOptions::default() }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.member_as(&acme, "adam", Role::Admin).await;
    app.member_as(&acme, "mary", Role::Member).await;
    let endpoint = json!({ "organizationId": acme, "url": consumer.hook(),
        "events": ["MEMBER_SUSPENDED", "MEMBER_REINSTATED", "ROLE_CHANGED"],
        "selection": "query($subjectId: ID!) { node(id: $subjectId) { id ... on CustomRole { name } } }" });
    let made = done(&owner, "webhookEndpointCreate", endpoint, "secret").await;
    consumer.order(&format!("secrets {}", text(&made["secret"]))).await;

    let mary = member(&owner, &acme, "mary").await["id"].clone();
    for _ in 0..2 {
        for step in ["memberSuspend", "memberReinstate"] {
            done(&owner, step, json!({ "memberId": mary }), "member { status }").await;
        }
    }
    let role = json!({ "organizationId": acme, "name": "Support", "permissions": ["ORGANIZATION_READ"] });
    let role = done(&owner, "roleCreate", role, "role { id }").await["role"]["id"].clone();
    let rename = json!({ "roleId": role, "expectedVersion": "1", "name": "First line" });
    done(&owner, "roleUpdate", rename, "role { name }").await;
    done(&owner, "roleDelete", json!({ "roleId": role }), "roleId").await;

    let mut subjects = vec![
        "A new role in The acme company: Support",
        "The role First line of The acme company changed",
        "The role First line of The acme company was deleted",
        "mary was reinstated in The acme company",
        "mary was reinstated in The acme company",
        "mary was suspended in The acme company",
        "mary was suspended in The acme company",
    ];
    for reader in ["olivia@example.com", "adam@example.com"] {
        let mut mailed = eventually(&format!("all mails to {reader}"), || async {
            let mails = server.mails_to(reader);
            (mails.len() >= subjects.len()).then_some(mails)
        })
        .await;
        mailed.sort_by_key(|mail| text(&mail["subject"]));
        let mailed: Vec<String> = mailed.iter().map(|mail| text(&mail["subject"])).collect();
        assert_eq!(mailed, subjects, "{reader}");
    }
    assert!(server.mails_to("mary@example.com").is_empty(), "whoever is nobody there is told nothing");
    let list = "query($id: ID!) { notifications(organizationId: $id) { nodes { title event subjectId } } }";
    let shown = owner.send(list, json!({ "id": acme })).await.data()["notifications"]["nodes"].clone();
    let shown = shown.as_array().expect("notifications").clone();
    let mut titles: Vec<String> = shown.iter().map(|it| text(&it["title"])).collect();
    titles.sort();
    subjects.sort_unstable();
    assert_eq!(titles, subjects);
    for it in &shown {
        let of_role = it["event"] == "ROLE_CHANGED";
        assert_eq!(it["subjectId"], if of_role { role.clone() } else { mary.clone() }, "{it:#}");
    }
    for (kind, number) in [("member_suspended", 2), ("member_reinstated", 2), ("role_changed", 3)] {
        eventually(kind, || async { (consumer.webhooks_of(kind).len() == number).then_some(()) }).await;
    }
    assert_eq!(consumer.webhooks_of("member_suspended")[0].1["data"]["node"]["id"], mary);
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
    let said = text(&disputed["text"]);
    assert!(said.contains("Evidence can be sent until"), "{disputed:#}");
    assert!(said.contains("did not authorise it") && !said.contains("fraudulent"), "{disputed:#}");
    // A bank that only asks has taken nothing.
    let initech = app.organization(&owner, "initech").await;
    set(&owner, "settingsGeneralUpdate", &initech, json!({ "locale": "zh-CN" })).await;
    app.card(&owner, &initech, "pm_card_createDisputeInquiry").await;
    app.subscribe(&owner, &initech, &plan).await;
    let asked = server.mail_about("olivia@example.com", "提出询问").await;
    let said = text(&asked["text"]);
    assert!(said.contains("款项尚未扣回") && !said.contains("fraudulent"), "{asked:#}");
    let globex = app.organization(&owner, "globex").await;
    app.card(&owner, &globex, "pm_card_authenticationRequired").await;
    app.subscribe(&owner, &globex, &plan).await;
    server.mail_about("olivia@example.com", "waits for your confirmation").await;
    app.settled().await;
    let events = told(&app).await;
    let number = |event: &str| events.iter().filter(|it| *it == event).count();
    assert_eq!((number("dispute_opened"), number("payment_requires_action")), (2, 1), "{events:?}");
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
