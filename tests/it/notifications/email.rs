//! Mails, at a real mail server: each fact once, and none that was not committed.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tollgate::delivery::{Letter, MailError, MailOptions, Mailer, WebhookSender};
use tollgate::domain::audit::{Actor, AuditEntry};
use tollgate::domain::clock::{Clock as _, SystemClock};
use tollgate::domain::ids::{MembershipId, OrganizationId, OutboxMessageId};
use tollgate::domain::key_ring::{KeyRing, Place};
use tollgate::domain::notification::{EmailState, Fact};
use tollgate::service::{Mail, Outgoing, rotate_secrets};

use crate::mutations::member::{ask, done, refused};
use crate::support::receivers::{Receiver, TestCertificate};
use crate::support::{Client, TestApp, TestOptions, eventually, text, uuid_of};

fn mailing(server: &Receiver) -> TestOptions {
    TestOptions { outgoing: server.outgoing(), ..TestOptions::default() }
}

async fn invite(client: &Client, organization: &str, email: &str) -> Value {
    let input = json!({ "organizationId": organization, "email": email, "role": "MEMBER" });
    done(client, "memberInvite", input, "token invitation { id }").await
}

/// Waits until so many mails are in a state.
async fn wait_for(app: &TestApp, state: EmailState, number: u64) {
    eventually(&format!("{number} mails to be {state}"), || async {
        (app.store().count_emails(state).await.expect("a count") == number).then_some(())
    })
    .await;
}

/// One column of all rows, behind the API.
pub async fn column(app: &TestApp, sql: &str) -> Vec<Option<String>> {
    use sea_orm::ConnectionTrait;
    let connection = sea_orm::Database::connect(app.database_url()).await.expect("the database opens");
    let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.expect("rows");
    rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect()
}

#[tokio::test]
async fn an_invitation_is_mailed_with_the_token_that_accepts_it() {
    let server = Receiver::mail();
    let app = TestApp::start_with(mailing(&server)).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let token = text(&invite(&owner, &acme, "peter@example.com").await["token"]);

    let mail = server.mail_to("peter@example.com").await;
    assert_eq!(mail["from"][0], json!({ "name": "Tollgate", "address": "no-reply@tollgate.example" }));
    assert_eq!(mail["envelope"], json!(["peter@example.com"]));
    assert_eq!(mail["subject"], "olivia invites you to The acme company");
    assert_eq!((&mail["autoSubmitted"], &mail["language"]), (&json!("auto-generated"), &json!("en")));
    assert_eq!(mail["user"], "tollgate", "it says who it is");
    let message_id = text(&mail["messageId"]);
    assert!(message_id.starts_with('<') && message_id.ends_with("@tollgate.example>"), "{message_id}");
    let link = format!("https://app.example.com/invitations#token={token}");
    for part in ["text", "html"] {
        assert!(mail[part].as_str().is_some_and(|part| part.contains(&link)), "{part}: {mail:#}");
    }
    let input = json!({ "token": token });
    done(&app.client("peter"), "invitationAccept", input, "member { id }").await;

    // Nothing that is kept has the token, sealed or not.
    wait_for(&app, EmailState::Sent, 1).await;
    let sealed = "SELECT sealed_secret FROM outbox_messages WHERE event = 'invitation'";
    assert_eq!(column(&app, sealed).await, [None]);
}

#[tokio::test]
async fn a_token_that_waits_for_the_mail_server_is_sealed_and_can_get_another_key() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let token = text(&invite(&owner, &acme, "peter@example.com").await["token"]);
    wait_for(&app, EmailState::Pending, 1).await;
    let all = "SELECT CAST(fact AS TEXT) || sealed_secret FROM outbox_messages WHERE event = 'invitation'";
    let kept = column(&app, all).await.pop().flatten().expect("a row");
    assert!(!kept.contains(&token) && kept.contains("v1.development."), "{kept}");

    let old = KeyRing::development();
    let key = "c29tZXRoaW5nIG9mIHRoaXJ0eS10d28gYnl0ZXMhISE=";
    let both =
        KeyRing::parse(&format!("next:{key},development:dG9sbGdhdGUgZGV2ZWxvcG1lbnQsIG5vIHNlY3JldCE="))
            .unwrap();
    let ids = tollgate::domain::ids::SystemIds;
    let rotated = rotate_secrets(app.store(), &both, &ids).await.expect("it rotates");
    assert_eq!((rotated.resealed, rotated.kept), (1, 0));
    let again = rotate_secrets(app.store(), &both, &ids).await.expect("it rotates");
    assert_eq!((again.resealed, again.kept), (0, 1));
    let (id, sealed) = app.store().list_sealed_outbox(None, 10).await.expect("rows").pop().expect("a row");
    let place = Place { table: "outbox_messages", column: "sealed_secret", row: id.0 };
    assert!(old.open(place, &sealed).is_err(), "the old key opens it no more");
    let next = KeyRing::parse(&format!("next:{key}")).unwrap();
    assert_eq!(next.open(place, &sealed).expect("the new key opens it"), token);
}

#[tokio::test]
async fn two_processes_mail_each_fact_once() {
    let server = Receiver::mail();
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let one = app.another_process(mailing(&server)).await;
    let other = app.another_process(mailing(&server)).await;
    let addresses: Vec<String> = (0..12).map(|number| format!("guest-{number}@example.com")).collect();
    for address in &addresses {
        invite(&owner, &acme, address).await;
    }
    wait_for(&app, EmailState::Sent, 12).await;
    let mut mailed: Vec<String> = server.taken().iter().map(|mail| text(&mail["to"][0]["address"])).collect();
    mailed.sort();
    let mut expected = addresses;
    expected.sort();
    assert_eq!(mailed, expected);
    drop((one, other));
}

#[tokio::test]
async fn what_is_not_committed_is_not_told() {
    let server = Receiver::mail();
    let app = TestApp::start_with(mailing(&server)).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    invite(&owner, &acme, "peter@example.com").await;
    let again = json!({ "organizationId": acme, "email": "peter@example.com", "role": "MEMBER" });
    assert_eq!(refused(&owner, "memberInvite", again).await.0, "CONFLICT");

    let organization = OrganizationId(uuid_of(&acme));
    let fact = |name: &str| Fact::MemberJoined {
        membership_id: MembershipId(uuid::Uuid::from_u128(name.len() as u128)),
        name: name.to_owned(),
    };
    let write = async |name: &str, commits: bool| {
        let transaction = app.store().begin().await.expect("a transaction");
        let id = OutboxMessageId(transaction.next_id());
        let is_new = transaction.write_outbox(id, organization, &fact(name), None).await.expect("a row");
        if commits {
            let entry = AuditEntry::new(Some(organization), "test", "test", "test");
            transaction.commit(&Actor::system(), entry).await.expect("a commit");
        } else {
            transaction.rollback().await.expect("a rollback");
        }
        is_new
    };
    assert!(write("Never", false).await);
    assert!(write("Really", true).await);
    assert!(!write("Really", true).await, "a fact is written once");
    server.mail_about("olivia@example.com", "Really").await;
    wait_for(&app, EmailState::Sent, 2).await;
    let subjects: Vec<String> = server.taken().iter().map(|mail| text(&mail["subject"])).collect();
    assert!(!subjects.iter().any(|subject| subject.contains("Never")), "{subjects:?}");
    assert_eq!(server.mails_to("peter@example.com").len(), 1);
}

#[tokio::test]
async fn a_mail_that_was_sent_and_not_marked_comes_again_as_the_same_mail() {
    let server = Receiver::mail();
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    invite(&owner, &acme, "peter@example.com").await;
    wait_for(&app, EmailState::Pending, 1).await;
    // A process that dies after the mail server has the mail, and before it is marked.
    let lease = chrono::TimeDelta::hours(1);
    let claimed = app.store().claim_emails(10, lease).await.expect("a claim");
    let dying = app.service.clone().with_outgoing(server.outgoing());
    dying.send_email(&claimed[0]).await.expect("it is sent");
    assert!(app.store().claim_emails(10, lease).await.expect("a claim").is_empty(), "it is held");
    app.disturb("UPDATE email_deliveries SET next_attempt_at = created_at").await;
    let next = app.another_process(mailing(&server)).await;
    wait_for(&app, EmailState::Sent, 1).await;
    let mails = server.mails_to("peter@example.com");
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0]["messageId"], mails[1]["messageId"]);
    assert_eq!(mails[0]["date"], mails[1]["date"]);
    // Who comes back from the dead has lost its lease, and marks nothing.
    assert!(app.store().finish_email(&claimed[0], EmailState::Dead, None).await.is_err());
    drop(next);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_an_unknown_mailbox_is_not() {
    let server = Receiver::mail();
    let app = TestApp::start_with(mailing(&server)).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    invite(&owner, &acme, "busy-2@example.com").await;
    invite(&owner, &acme, "busy-99@example.com").await;
    invite(&owner, &acme, "unknown@example.com").await;
    server.mail_to("busy-2@example.com").await;
    wait_for(&app, EmailState::Sent, 1).await;
    wait_for(&app, EmailState::Dead, 2).await;
    let dead = |name: &str| {
        format!(
            "SELECT attempts || ' ' || last_error FROM email_deliveries WHERE recipient = '{name}@example.com'"
        )
    };
    let unknown = column(&app, &dead("unknown")).await.pop().flatten().expect("a row");
    assert!(unknown.starts_with("1 ") && unknown.contains("no such mailbox"), "{unknown}");
    let query = "query($id: ID!) { emailDeliveries(organizationId: $id, state: DEAD) {
        totalCount nodes { recipient event attempts lastError finishedAt nextAttemptAt } } }";
    let shown = owner.send(query, json!({ "id": acme })).await.data()["emailDeliveries"].clone();
    assert_eq!(shown["totalCount"], 2);
    let refused = shown["nodes"].as_array().expect("mails").iter().find(|it| it["attempts"] == 1);
    let refused = refused.expect("one was tried once");
    assert_eq!(
        (&refused["recipient"], &refused["event"]),
        (&json!("unknown@example.com"), &json!("INVITATION"))
    );
    assert!(refused["finishedAt"].is_string() && refused["nextAttemptAt"].is_null());
    let busy = column(&app, &dead("busy-99")).await.pop().flatten().expect("a row");
    assert!(busy.starts_with("4 ") && busy.contains("come again later"), "{busy}");
}

#[tokio::test]
async fn a_wrong_password_loses_no_mail() {
    let server = Receiver::mail();
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    invite(&owner, &acme, "peter@example.com").await;
    wait_for(&app, EmailState::Pending, 1).await;
    let claimed = app.store().claim_emails(10, chrono::TimeDelta::hours(1)).await.expect("a claim");
    let stranger = app.service.clone().with_outgoing(server.outgoing_as("tollgate:wrong@"));
    let outcome = stranger.send_email(&claimed[0]).await.expect("an outcome");
    assert!(
        matches!(&outcome, tollgate::service::EmailOutcome::Failed(why) if why.contains("535")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_invitation_that_was_taken_back_meanwhile_is_not_mailed() {
    let server = Receiver::mail();
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let revoked = invite(&owner, &acme, "peter@example.com").await;
    let resent = invite(&owner, &acme, "mary@example.com").await;
    let input = json!({ "invitationId": revoked["invitation"]["id"] });
    done(&owner, "invitationRevoke", input, "invitation { status }").await;
    let input = json!({ "invitationId": resent["invitation"]["id"] });
    let again = ask(&owner, "invitationResend", input, "token").await;
    let token = text(&again.data()["invitationResend"]["token"]);
    let next = app.another_process(mailing(&server)).await;
    wait_for(&app, EmailState::Sent, 1).await;
    wait_for(&app, EmailState::Canceled, 2).await;
    let mails = server.taken();
    assert_eq!(mails.len(), 1, "{mails:#?}");
    assert_eq!(mails[0]["to"][0]["address"], "mary@example.com");
    assert!(mails[0]["text"].as_str().is_some_and(|text| text.contains(&token)), "the newest token counts");
    drop(next);
}

#[tokio::test]
async fn mails_go_by_tls_from_the_first_byte_and_by_starttls_and_passwords_under_it_alone() {
    let certificate = TestCertificate::new();
    for (mode, scheme, asks) in [("--tls", "smtps", ""), ("--starttls", "smtp", "?tls=required")] {
        let server = Receiver::mail_over(mode, &certificate);
        let outgoing = Receiver::outgoing_by(&server.address(scheme, asks), vec![certificate.root()]);
        let app = TestApp::start_with(TestOptions { outgoing, ..TestOptions::default() }).await;
        let owner = app.client("olivia");
        let acme = app.organization(&owner, "acme").await;
        invite(&owner, &acme, "peter@example.com").await;
        let mail = server.mail_to("peter@example.com").await;
        assert_eq!(mail["user"], "tollgate", "{mode}");
        let sign_ins = server.sign_ins();
        assert!(!sign_ins.is_empty() && sign_ins.iter().all(|is_secure| *is_secure), "{mode}: {sign_ins:?}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_password_and_no_mail_and_the_mail_waits() {
    let (certificate, other) = (TestCertificate::new(), TestCertificate::new());
    for (mode, scheme, asks) in [("--tls", "smtps", ""), ("--starttls", "smtp", "?tls=required")] {
        let server = Receiver::mail_over(mode, &certificate);
        let app = TestApp::start().await;
        let owner = app.client("olivia");
        let acme = app.organization(&owner, "acme").await;
        invite(&owner, &acme, "peter@example.com").await;
        wait_for(&app, EmailState::Pending, 1).await;
        let claimed = app.store().claim_emails(10, chrono::TimeDelta::hours(1)).await.expect("a claim");
        // By the system's authorities alone, and by one that vouches for another server of this name.
        for roots in [Vec::new(), vec![other.root()]] {
            let outgoing = Receiver::outgoing_by(&server.address(scheme, asks), roots);
            let outcome = app.service.clone().with_outgoing(outgoing).send_email(&claimed[0]).await;
            let outcome = outcome.expect("an outcome");
            assert!(
                matches!(&outcome, tollgate::service::EmailOutcome::Failed(why) if why.contains("did not take it")),
                "{mode}: {outcome:?}"
            );
        }
        assert!(server.sign_ins().is_empty() && server.taken().is_empty(), "{mode}");
        wait_for(&app, EmailState::Pending, 1).await;
    }
}

#[tokio::test]
async fn where_protection_is_required_a_server_without_it_is_told_no_password() {
    let server = Receiver::mail();
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    invite(&owner, &acme, "peter@example.com").await;
    wait_for(&app, EmailState::Pending, 1).await;
    let claimed = app.store().claim_emails(10, chrono::TimeDelta::hours(1)).await.expect("a claim");
    let outgoing = Receiver::outgoing_by(&server.address("smtp", "?tls=required"), Vec::new());
    let outcome = app.service.clone().with_outgoing(outgoing).send_email(&claimed[0]).await;
    let outcome = outcome.expect("an outcome");
    assert!(matches!(outcome, tollgate::service::EmailOutcome::Failed(_)), "{outcome:?}");
    assert!(server.sign_ins().is_empty() && server.taken().is_empty());
    // Without being told to, the same server takes the same mail: it was the protection that was missing.
    let outcome = app.service.clone().with_outgoing(server.outgoing()).send_email(&claimed[0]).await;
    let sent = tollgate::service::EmailOutcome::Finished(EmailState::Sent, None);
    assert_eq!(outcome.expect("an outcome"), sent);
    assert_eq!(server.sign_ins(), [false]);
}

/// A mail server that takes connections and never says a word. Its port.
async fn silent_server() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            taken.push(stream);
        }
    });
    port
}

fn mailer_at(port: u16, timeout: Duration) -> Mailer {
    let url = format!("smtp://127.0.0.1:{port}");
    let from = "no-reply@tollgate.example".to_owned();
    Mailer::new(&MailOptions { url, from, timeout, roots: Vec::new() }).expect("the options are right")
}

#[tokio::test]
async fn a_silent_mail_server_holds_up_nothing_else() {
    let mut consumer = Receiver::webhooks();
    let sender = WebhookSender::new(Duration::from_secs(1), true).expect("a sender");
    // Longer than this test waits for anything.
    let mailer = mailer_at(silent_server().await, Duration::from_secs(60));
    let defaults = TestOptions::default();
    let outgoing =
        Outgoing { mail: Mail::Sent(Box::new(mailer)), webhooks: Some(sender), ..defaults.outgoing };
    let app = TestApp::start_with(TestOptions { outgoing, ..defaults }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let endpoint = json!({ "organizationId": acme, "url": consumer.hook(), "selection": "{ __typename }" });
    let made = done(&owner, "webhookEndpointCreate", endpoint, "secret").await;
    consumer.order(&format!("secrets {}", text(&made["secret"]))).await;
    // More than there are places for mails.
    for number in 0..8 {
        let input = json!({ "organizationId": acme, "name": format!("Key {number}"), "scopes": [] });
        done(&owner, "apiKeyCreate", input, "apiKey { id }").await;
    }
    eventually("all webhooks to be taken", || async {
        (consumer.webhooks_of("api_key_created").len() == 8).then_some(())
    })
    .await;
    let query = "query($id: ID!) { notificationUnreadCount(organizationId: $id) }";
    let unread = owner.send(query, json!({ "id": acme })).await;
    assert_eq!(unread.data()["notificationUnreadCount"], 8);
    assert_eq!(app.store().count_emails(EmailState::Pending).await.expect("a count"), 8);
}

/// Told to stop, a gateway hands back what its slow mail server has not taken: the next one does not wait for the lease.
#[tokio::test]
async fn a_mail_that_is_being_sent_when_the_gateway_stops_is_sent_by_the_next_one_at_once() {
    let mailer = mailer_at(silent_server().await, Duration::from_secs(60));
    let defaults = TestOptions::default();
    let outgoing = Outgoing { mail: Mail::Sent(Box::new(mailer)), ..defaults.outgoing };
    let app = TestApp::start_with(TestOptions { outgoing, ..defaults }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    invite(&owner, &acme, "peter@example.com").await;
    let held = "SELECT recipient FROM email_deliveries WHERE lease_token IS NOT NULL";
    eventually("the mail to be on its way", || async { (column(&app, held).await.len() == 1).then_some(()) })
        .await;
    let (database, sandbox) = app.stop().await;
    let server = Receiver::mail();
    let next = TestApp::start_on(database, sandbox, mailing(&server)).await;
    // Its lease would have lasted two minutes.
    server.mail_to("peter@example.com").await;
    wait_for(&next, EmailState::Sent, 1).await;
    let attempts = "SELECT CAST(attempts AS TEXT) FROM email_deliveries";
    assert_eq!(column(&next, attempts).await, [Some("1".to_owned())]);
}

#[tokio::test]
async fn a_silent_mail_server_is_not_waited_for_without_end() {
    let mailer = mailer_at(silent_server().await, Duration::from_millis(300));
    let letter = Letter {
        id: "1".to_owned(),
        to: "peter@example.com".to_owned(),
        date: chrono::DateTime::from_timestamp(1_790_000_000, 0).expect("a time"),
        language: "en",
        subject: "A subject".to_owned(),
        text: "A text".to_owned(),
        html: "<p>A text</p>".to_owned(),
    };
    let patience = Duration::from_secs(5);
    let sent = tokio::time::timeout(patience, mailer.send(&letter)).await.expect("it gives up");
    assert!(matches!(&sent, Err(MailError::Unavailable(why)) if why.contains("within")), "{sent:?}");
    let examined = tokio::time::timeout(patience, mailer.examine()).await.expect("it gives up");
    assert!(matches!(examined, Err(MailError::Unavailable(_))), "{examined:?}");
}

#[tokio::test]
async fn who_is_no_member_any_more_when_the_mail_server_is_back_gets_no_mail() {
    let server = Receiver::mail();
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.member_as(&acme, "adam", tollgate::domain::membership::Role::Admin).await;
    let input = json!({ "organizationId": acme, "name": "Deploys", "scopes": [] });
    done(&owner, "apiKeyCreate", input, "apiKey { id }").await;
    wait_for(&app, EmailState::Pending, 2).await;
    let adam = crate::mutations::member::member(&owner, &acme, "adam").await;
    done(&owner, "memberRemove", json!({ "memberId": adam["id"] }), "memberId").await;
    wait_for(&app, EmailState::Pending, 3).await;
    let next = app.another_process(mailing(&server)).await;
    wait_for(&app, EmailState::Sent, 2).await;
    wait_for(&app, EmailState::Canceled, 1).await;
    assert!(server.mails_to("adam@example.com").is_empty());
    assert_eq!(server.mails_to("olivia@example.com").len(), 2);
    drop(next);
}

#[tokio::test]
async fn what_waited_for_a_mail_server_for_days_is_not_sent() {
    let server = Receiver::mail();
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let key = async |name: &str| {
        let input = json!({ "organizationId": acme, "name": name, "scopes": [] });
        done(&owner, "apiKeyCreate", input, "apiKey { id }").await;
    };
    key("Old").await;
    wait_for(&app, EmailState::Pending, 1).await;
    // Too old to be told, and not so old that it is cleared away once it is canceled.
    let days_ago = (SystemClock.now() - TimeDelta::days(4)).to_rfc3339();
    app.disturb(&format!("UPDATE email_deliveries SET created_at = '{days_ago}'")).await;
    key("New").await;
    wait_for(&app, EmailState::Pending, 2).await;
    let next = app.another_process(mailing(&server)).await;
    wait_for(&app, EmailState::Sent, 1).await;
    wait_for(&app, EmailState::Canceled, 1).await;
    server.mail_to("olivia@example.com").await;
    let mails = server.mails_to("olivia@example.com");
    assert_eq!(mails.len(), 1);
    assert!(text(&mails[0]["subject"]).contains("New"), "{mails:#?}");
    drop(next);
}

#[tokio::test]
async fn a_row_of_a_newer_version_keeps_nobody_from_the_others() {
    let server = Receiver::mail();
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let endpoint =
        json!({ "organizationId": acme, "url": "https://hooks.example.com/", "selection": "{ __typename }" });
    done(&owner, "webhookEndpointCreate", endpoint, "webhookEndpoint { id }").await;
    for name in ["Strange", "Plain"] {
        let input = json!({ "organizationId": acme, "name": name, "scopes": [] });
        done(&owner, "apiKeyCreate", input, "apiKey { id }").await;
    }
    wait_for(&app, EmailState::Pending, 2).await;
    let strange = if app.store().backend() == tollgate::store::Backend::Sqlite {
        "UPDATE outbox_messages SET fact = '{\"kind\":\"of_tomorrow\"}' WHERE fact LIKE '%Strange%'"
    } else {
        "UPDATE outbox_messages SET fact = '{\"kind\":\"of_tomorrow\"}' WHERE CAST(fact AS TEXT) LIKE '%Strange%'"
    };
    app.disturb(strange).await;
    let next = app.another_process(mailing(&server)).await;
    wait_for(&app, EmailState::Sent, 1).await;
    // Each list shows what can be read.
    let query = "query($id: ID!) { notifications(organizationId: $id) { nodes { title } }
        emailDeliveries(organizationId: $id) { nodes { state } }
        webhookDeliveries(organizationId: $id) { nodes { state attempts } } }";
    let shown = owner.send(query, json!({ "id": acme })).await.data().clone();
    for list in ["notifications", "emailDeliveries", "webhookDeliveries"] {
        assert_eq!(shown[list]["nodes"].as_array().map(Vec::len), Some(1), "{list}: {shown:#}");
    }
    // Nobody tried what nobody could read.
    let tried = "SELECT CAST(SUM(attempts) AS TEXT) FROM email_deliveries";
    assert_eq!(column(&app, tried).await, [Some("1".to_owned())]);
    drop(next);
}

#[tokio::test]
async fn nobody_is_mailed_invitations_without_end() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let globex = app.organization(&owner, "globex").await;
    let invited = invite(&owner, &acme, "peter@example.com").await;
    let again = json!({ "invitationId": invited["invitation"]["id"] });
    for _ in 0..4 {
        done(&owner, "invitationResend", again.clone(), "invitation { id }").await;
    }
    let limited = refused(&owner, "invitationResend", again.clone()).await;
    assert_eq!((limited.0.as_str(), limited.1.as_str()), ("RATE_LIMITED", "invitationId"));
    // By whatever organization.
    let input = json!({ "organizationId": globex, "email": "Peter@example.com", "role": "MEMBER" });
    let limited = refused(&owner, "memberInvite", input.clone()).await;
    assert_eq!((limited.0.as_str(), limited.1.as_str()), ("RATE_LIMITED", "email"));
    for number in 0..45 {
        invite(&owner, &acme, &format!("guest-{number}@example.com")).await;
    }
    let one_more = json!({ "organizationId": acme, "email": "mary@example.com", "role": "MEMBER" });
    let limited = refused(&owner, "memberInvite", one_more.clone()).await;
    assert_eq!((limited.0.as_str(), limited.1.as_str()), ("RATE_LIMITED", ""));
    invite(&owner, &globex, "mary@example.com").await;
    app.disturb("UPDATE outbox_messages SET created_at = '2020-01-01T00:00:00+00:00'").await;
    invite(&owner, &acme, "mary@example.com").await;
    done(&owner, "invitationResend", again, "invitation { id }").await;
}
