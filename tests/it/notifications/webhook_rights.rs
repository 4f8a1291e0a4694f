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
    done(
        &hugo,
        "webhookDeliveryReplay",
        json!({ "webhookDeliveryId": sent["id"] }),
        "webhookDelivery { id }",
    )
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
    const LATER: &[Duration] = &[Duration::from_secs(3_600)];
    let mut consumer = Receiver::webhooks();
    let elsewhere = Receiver::webhooks();
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
    let input =
        json!({ "organizationId": acme, "url": "https://hooks.example.com/", "selection": "{ __typename }" });
    let made = done(&owner, "webhookEndpointCreate", input, "webhookEndpoint { id }").await;
    // As a version of the schema that lacks a field finds it.
    app.disturb("UPDATE webhook_endpoints SET selection = '{ nonsense }'").await;
    let update = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"], "description": "Deploys" });
    let refused = ask(&owner, "webhookEndpointUpdate", update, "webhookEndpoint { id }").await;
    let (code, path, message) = refused.user_error("webhookEndpointUpdate");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "selection"), "{message}");
    assert!(text(&json!(message)).contains("nonsense"), "{message}");
}

async fn change_role(owner: &Client, organization: &str, name: &str, role: &str) {
    let membership = member(owner, organization, name).await;
    let change =
        json!({ "memberId": membership["id"], "role": role, "expectedVersion": membership["version"] });
    done(owner, "memberRoleChange", change, "member { id }").await;
}

#[tokio::test]
async fn a_body_that_could_not_be_made_in_full_is_made_anew_when_it_is_sent_again() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let adam = app.member_as(&acme, "adam", Role::Admin).await;
    endpoint(&adam, &acme, &mut consumer).await;
    change_role(&owner, &acme, "adam", "MEMBER").await;
    create_key(&owner, &acme, "Deploys").await;
    let (_, body) = consumer.webhook("api_key_created").await;
    assert!(body["data"]["node"].is_null() && body["errors"].is_array(), "{body:#}");
    change_role(&owner, &acme, "adam", "ADMIN").await;
    let query = "query($id: ID!) { webhookDeliveries(organizationId: $id) { nodes { id event } } }";
    let sent = owner.send(query, json!({ "id": acme })).await.data()["webhookDeliveries"]["nodes"].clone();
    let key = sent.as_array().expect("webhooks").iter().find(|it| it["event"] == "API_KEY_CREATED");
    let replay = json!({ "webhookDeliveryId": key.expect("it is logged")["id"] });
    done(&owner, "webhookDeliveryReplay", replay, "webhookDelivery { id }").await;
    eventually("it to be sent in full", || async {
        let taken = consumer.webhooks_of("api_key_created");
        let (_, last) = taken.last()?;
        (last["data"]["node"]["name"] == "Deploys" && last.get("errors").is_none()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_left_out_said_so_and_made_anew_when_it_is_sent_again() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    // A query that asks for itself: so many times sixteen thousand bytes.
    let asking = |times: usize| {
        let fields: Vec<String> = (0..times).map(|number| format!("a{number}: selection")).collect();
        let endpoints = "webhookEndpoints(organizationId: $organizationId)";
        let query =
            format!("query($organizationId: ID!) {{ {endpoints} {{ nodes {{ {} }} }} }} #", fields.join(" "));
        let padding = "x".repeat(16_000 - query.len());
        query + &padding
    };
    let input = json!({ "organizationId": acme, "url": consumer.hook(), "selection": asking(20) });
    let made = done(&owner, "webhookEndpointCreate", input, "secret webhookEndpoint { id }").await;
    consumer.order(&format!("secrets {}", text(&made["secret"]))).await;
    create_key(&owner, &acme, "Deploys").await;
    let (taken, body) = consumer.webhook("api_key_created").await;
    assert_eq!((&body["data"], &taken["signedBy"]), (&json!(null), &json!([0])), "{body:#}");
    assert_eq!(body["errors"][0]["message"], "The answer has more than 256 KiB. Ask for less.");
    let sent = newest_in(&owner, &acme, "DELIVERED").await;
    assert_eq!(sent["payload"], taken["body"], "what was left out is not kept");

    let update = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"], "selection": asking(10) });
    done(&owner, "webhookEndpointUpdate", update, "webhookEndpoint { id }").await;
    let replay = json!({ "webhookDeliveryId": sent["id"] });
    done(&owner, "webhookDeliveryReplay", replay, "webhookDelivery { id }").await;
    eventually("it to be sent whole", || async {
        let taken = consumer.webhooks_of("api_key_created");
        let (_, last) = taken.last()?;
        let whole = &last["data"]["webhookEndpoints"]["nodes"][0];
        (whole["a9"].is_string() && last.get("errors").is_none()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_fault_of_ours_is_neither_sent_nor_held_against_the_consumer() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let selection =
        "query($organizationId: ID!) { organization(id: $organizationId) { slug } plans { slug } }";
    let input = json!({ "organizationId": acme, "url": consumer.hook(), "selection": selection });
    let made = done(&owner, "webhookEndpointCreate", input, "secret").await;
    consumer.order(&format!("secrets {}", text(&made["secret"]))).await;
    app.disturb("ALTER TABLE plans RENAME TO plans_away").await;
    create_key(&owner, &acme, "Deploys").await;
    let waiting = eventually("it to be put off", || async {
        let newest = log(&owner, &acme).await["webhookDeliveries"]["nodes"][0].clone();
        newest["lastError"].is_string().then_some(newest)
    })
    .await;
    assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("PENDING"), &json!(0)), "{waiting:#}");
    assert_eq!(waiting["payload"], json!(null), "what is broken is not kept");
    // Longer than the whole schedule of this test.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let endpoint = log(&owner, &acme).await["webhookEndpoints"]["nodes"][0].clone();
    assert_eq!(endpoint["failingSince"], json!(null), "{endpoint:#}");
    assert!(consumer.taken().is_empty());
    app.disturb("ALTER TABLE plans_away RENAME TO plans").await;
    let (_, body) = consumer.webhook("api_key_created").await;
    assert_eq!(body["data"]["organization"]["slug"], "acme");
    assert!(body.get("errors").is_none(), "{body:#}");
}

#[tokio::test]
async fn a_webhook_that_nobody_here_sends_or_signs_is_put_off() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let input =
        json!({ "organizationId": acme, "url": "https://hooks.example.com/", "selection": "{ __typename }" });
    done(&owner, "webhookEndpointCreate", input, "webhookEndpoint { id }").await;
    create_key(&owner, &acme, "Deploys").await;
    let put_off = async || {
        eventually("it to be put off", || async {
            let newest = log(&owner, &acme).await["webhookDeliveries"]["nodes"][0].clone();
            newest["lastError"].is_string().then_some(newest)
        })
        .await
    };
    let waiting = put_off().await;
    assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("PENDING"), &json!(0)), "{waiting:#}");
    // A key that was taken away too early.
    app.disturb("UPDATE webhook_deliveries SET last_error = NULL").await;
    app.disturb("UPDATE webhook_endpoints SET sealed_secret = 'v1.gone.AAAA.AAAA'").await;
    let other = app.another_process(sending()).await;
    put_off().await;
    let log = log(&owner, &acme).await;
    assert_eq!(log["webhookEndpoints"]["nodes"][0]["failingSince"], json!(null), "{log:#}");
    // For days: then it is given up, and its consumer is not blamed.
    app.disturb("UPDATE webhook_deliveries SET waiting_since = '2020-01-01T00:00:00+00:00'").await;
    let failed = newest_in(&owner, &acme, "FAILED").await;
    assert_eq!(failed["responseStatus"], json!(null));
    drop(other);
}

#[tokio::test]
async fn an_endpoint_whose_chooser_has_gone_is_disabled_and_people_are_told() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let adam = app.member_as(&acme, "adam", Role::Admin).await;
    let made = endpoint(&adam, &acme, &mut consumer).await;
    let id = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"] });
    let membership = member(&owner, &acme, "adam").await["id"].clone();
    done(&owner, "memberRemove", json!({ "memberId": membership }), "memberId").await;
    let endpoint = eventually("the endpoint to be disabled", || async {
        let endpoint = log(&owner, &acme).await["webhookEndpoints"]["nodes"][0].clone();
        (endpoint["state"] == "DISABLED").then_some(endpoint)
    })
    .await;
    assert_eq!(endpoint["disabledReason"], "ORPHANED");
    newest_in(&owner, &acme, "HELD").await;
    assert!(consumer.taken().is_empty(), "nothing is sent with rights that nobody holds");
    let query = "query($id: ID!) { notifications(organizationId: $id) { nodes { title } } }";
    eventually("the owner to be told", || async {
        let told = owner.send(query, json!({ "id": acme })).await.data().to_string();
        told.contains("needs somebody new").then_some(())
    })
    .await;
    let refused = ask(&owner, "webhookEndpointEnable", id.clone(), "webhookEndpoint { id }").await;
    assert_eq!(refused.user_error("webhookEndpointEnable").0, "CONFLICT");
    done(&owner, "webhookEndpointUpdate", id.clone(), "webhookEndpoint { id }").await;
    done(&owner, "webhookEndpointEnable", id, "webhookEndpoint { id }").await;
    let held = log(&owner, &acme).await["webhookDeliveries"]["nodes"][0]["id"].clone();
    done(&owner, "webhookDeliveryReplay", json!({ "webhookDeliveryId": held }), "webhookDelivery { id }")
        .await;
    let (_, body) = consumer.webhook("member_removed").await;
    assert_eq!(body["data"]["organization"]["slug"], "acme");
}
