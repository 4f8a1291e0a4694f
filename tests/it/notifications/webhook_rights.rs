//! Webhooks carry what one person may see to the address that this person chose, and nothing more.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::domain::membership::Role;
use tollgate::jobs::WorkerOptions;

use super::webhook::{create_key, endpoint, log, newest_in, sending};
use crate::mutations::member::{ask, done, member};
use crate::support::receivers::Receiver;
use crate::support::{Client, TestApp, TestOptions, eventually, text};

/// Somebody who may change endpoints, and sees no keys.
async fn helper(app: &TestApp, owner: &Client, organization: &str) -> Client {
    let permissions = ["ORGANIZATION_READ", "WEBHOOKS_READ", "WEBHOOKS_WRITE"];
    let role = json!({ "organizationId": organization, "name": "Hooks", "permissions": permissions });
    let role = done(owner, "roleCreate", role, "role { id }").await["role"]["id"].clone();
    let helper = app.member_as(organization, "hugo", Role::Member).await;
    let membership = member(owner, organization, "hugo").await["id"].clone();
    let change = json!({ "memberId": membership, "role": "CUSTOM", "roleId": role, "expectedVersion": "1" });
    done(owner, "memberRoleChange", change, "member { id }").await;
    helper
}

async fn point_to(client: &Client, endpoint: &Value, consumer: &Receiver) {
    let input = json!({ "webhookEndpointId": endpoint["webhookEndpoint"]["id"], "url": consumer.hook() });
    done(client, "webhookEndpointUpdate", input, "webhookEndpoint { id }").await;
}

#[tokio::test]
async fn what_was_made_with_the_owners_rights_is_not_replayed_to_an_address_of_somebody_elses() {
    let mut consumer = Receiver::webhooks();
    let elsewhere = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    create_key(&owner, &acme, "Deploys").await;
    let (taken, body) = consumer.webhook("api_key_created").await;
    assert_eq!(body["data"]["node"]["name"], "Deploys");
    let sent = newest_in(&owner, &acme, "DELIVERED").await;
    let hugo = helper(&app, &owner, &acme).await;
    point_to(&hugo, &made, &elsewhere).await;
    done(&hugo, "webhookDeliveryReplay", json!({ "webhookDeliveryId": sent["id"] }), "webhookDelivery { id }")
        .await;
    let again = eventually("it to be sent again", || async {
        elsewhere.webhooks_of("api_key_created").into_iter().next()
    })
    .await;
    assert_eq!(again.0["id"], taken["id"]);
    assert_eq!(again.1["data"]["node"], json!(null), "hugo sees no keys: {:#}", again.1);
    assert!(!again.1.to_string().contains("Deploys"), "{:#}", again.1);
}

#[tokio::test]
async fn what_waits_to_be_tried_again_is_made_anew_for_another_address() {
    let mut consumer = Receiver::webhooks();
    let elsewhere = Receiver::webhooks();
    const LATER: &[Duration] = &[Duration::from_secs(3_600)];
    let defaults = sending();
    let worker = WorkerOptions { webhook_schedule: LATER, ..defaults.worker };
    let app = TestApp::start_with(TestOptions { worker, ..defaults }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    consumer.order("answer 503").await;
    create_key(&owner, &acme, "Deploys").await;
    eventually("the first attempt to be logged", || async {
        (log(&owner, &acme).await["webhookDeliveries"]["nodes"][0]["responseStatus"] == 503).then_some(())
    })
    .await;
    let hugo = helper(&app, &owner, &acme).await;
    point_to(&hugo, &made, &elsewhere).await;
    app.disturb("UPDATE webhook_deliveries SET next_attempt_at = created_at").await;
    let (_, body) = elsewhere.webhook("api_key_created").await;
    assert_eq!(body["data"]["node"], json!(null), "hugo sees no keys: {body:#}");
}

#[tokio::test]
async fn a_query_that_stays_is_checked_again_for_who_changes_the_endpoint() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let input = json!({ "organizationId": acme, "url": "https://hooks.example.com/", "selection": "{ __typename }" });
    let made = done(&owner, "webhookEndpointCreate", input, "webhookEndpoint { id }").await;
    // As a version of the schema that lacks a field finds it.
    app.disturb("UPDATE webhook_endpoints SET selection = '{ nonsense }'").await;
    let update = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"], "description": "Deploys" });
    let refused = ask(&owner, "webhookEndpointUpdate", update, "webhookEndpoint { id }").await;
    let (code, path, message) = refused.user_error("webhookEndpointUpdate");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "selection"), "{message}");
    assert!(text(&json!(message)).contains("nonsense"), "{message}");
}
