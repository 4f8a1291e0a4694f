//! Secrets at rest get another key while everything goes on.

use std::process::{Command, Output};

use serde_json::json;
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::ids::SystemIds;
use tollgate::domain::key_ring::KeyRing;
use tollgate::service::{Outgoing, rotate_secrets};

use super::email::column;
use super::webhook::{create_key, endpoint, sending};
use crate::mutations::member::done;
use crate::support::receivers::Receiver;
use crate::support::{TestApp, TestOptions, text};

const OLD: &str = "development:dG9sbGdhdGUgZGV2ZWxvcG1lbnQsIG5vIHNlY3JldCE=";
const NEW: &str = "next:nB8E56g9W2LwyX4RikbTtS72cFyLka00B+JfyGsQ2Xo=";

/// As an operator has it.
fn rotate(app: &TestApp, keys: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["secrets", "rotate"])
        .current_dir(std::env::temp_dir())
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("DATABASE_URL", app.database_url())
        .env("TOLLGATE_ENCRYPTION_KEYS", keys)
        .output()
        .expect("the gateway's own binary")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_signed_alike_after_their_secrets_got_another_key() {
    let mut consumer = Receiver::webhooks();
    // Until every gateway has the new key, it stands behind the old one: it opens, and does not seal.
    let defaults = sending();
    let keys = KeyRing::parse(&format!("{OLD},{NEW}")).expect("keys");
    let outgoing = Outgoing { keys: keys.into(), ..defaults.outgoing };
    let app = TestApp::start_with(TestOptions { outgoing, ..defaults }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    let old = text(&made["secret"]);
    let rotated = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"], "overlapSeconds": 3_600 });
    let new = text(&done(&owner, "webhookEndpointSecretRotate", rotated, "secret").await["secret"]);
    consumer.order(&format!("secrets {old},{new}")).await;
    let secrets = "SELECT sealed_secret || ' ' || sealed_previous FROM webhook_endpoints";
    let sealed = column(&app, secrets).await.pop().flatten().expect("two secrets");
    assert_eq!(sealed.matches("v1.development.").count(), 2, "{sealed}");

    let output = rotate(&app, &format!("{NEW},{OLD}"));
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("2 secrets were sealed anew, 0 had"), "{}", said(&output));
    let sealed = column(&app, secrets).await.pop().flatten().expect("two secrets");
    assert_eq!(sealed.matches("v1.next.").count(), 2, "{sealed}");
    let again = rotate(&app, &format!("{NEW},{OLD}"));
    assert!(said(&again).contains("0 secrets were sealed anew, 2 had"), "{}", said(&again));
    create_key(&owner, &acme, "Deploys").await;
    let (taken, _) = consumer.webhook("api_key_created").await;
    assert_eq!(taken["signedBy"], json!([0, 1]), "a gateway that seals with the old key opens both");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_secret_that_cannot_be_opened_keeps_no_other_from_its_new_key() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let make = async |url: &str| {
        let input = json!({ "organizationId": acme, "url": url, "selection": "{ __typename }" });
        done(&owner, "webhookEndpointCreate", input, "webhookEndpoint { id }").await
    };
    make("https://broken.example.com/").await;
    make("https://whole.example.com/").await;
    app.disturb(
        "UPDATE webhook_endpoints SET sealed_secret = 'v1.lost.AAAA.AAAA' WHERE url = 'https://broken.example.com/'",
    )
    .await;
    let output = rotate(&app, &format!("{NEW},{OLD}"));
    assert!(!output.status.success(), "{}", said(&output));
    let said = said(&output);
    assert!(said.contains("1 secrets were sealed anew"), "{said}");
    assert!(
        said.contains("webhook_endpoints.sealed_secret of the row") && said.contains("the key lost"),
        "{said}"
    );
    let whole = "SELECT sealed_secret FROM webhook_endpoints WHERE url = 'https://whole.example.com/'";
    let sealed = column(&app, whole).await.pop().flatten().expect("a secret");
    assert!(sealed.starts_with("v1.next."), "{sealed}");
    let both = KeyRing::parse(&format!("{NEW},{OLD}")).expect("keys");
    let rotated = rotate_secrets(app.store(), &both, &SystemIds).await.expect("it goes on");
    assert_eq!((rotated.resealed, rotated.kept, rotated.unopened.len()), (0, 1, 1));
}

#[tokio::test]
async fn a_message_that_is_given_up_keeps_no_secret() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    // Nothing is taken apart meanwhile.
    app.stop.cancel();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let fact = tollgate::domain::notification::Fact::Invitation {
        invitation_id: tollgate::domain::ids::InvitationId(uuid::Uuid::from_u128(7)),
        version: 1,
        email: "peter@example.com".to_owned(),
        invited_by: "Olivia".to_owned(),
        expires_at: SystemClock.now(),
    };
    let organization = tollgate::domain::ids::OrganizationId(crate::support::uuid_of(&acme));
    let transaction = app.store().begin().await.expect("a transaction");
    let id = tollgate::domain::ids::OutboxMessageId(transaction.next_id());
    transaction.write_outbox(id, organization, &fact, Some("sealed".to_owned())).await.expect("a row");
    let entry = tollgate::domain::audit::AuditEntry::new(Some(organization), "test", "test", "test");
    transaction.commit(&tollgate::domain::audit::Actor::system(), entry).await.expect("a commit");
    let claimed = app.store().claim_outbox(10, chrono::TimeDelta::hours(1)).await.expect("a claim");
    let claimed = claimed.into_iter().find(|it| it.message.id == id).expect("it is due");
    let kept = "SELECT sealed_secret FROM outbox_messages WHERE event = 'invitation'";
    app.store().give_back_outbox(&claimed, "broken", Some(SystemClock.now())).await.expect("given back");
    assert_eq!(column(&app, kept).await, [Some("sealed".to_owned())]);
    let again = app.store().claim_outbox(10, chrono::TimeDelta::hours(1)).await.expect("a claim");
    app.store().give_back_outbox(&again[0], "broken", None).await.expect("given up");
    assert_eq!(column(&app, kept).await, [None]);
}
