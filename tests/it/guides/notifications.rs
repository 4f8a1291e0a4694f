//! Notifications and webhooks, as their page has it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tollgate::delivery::{Lookup, WebhookSender};
use tollgate::service::Outgoing;

use super::page::Page;
use super::run;
use crate::mutations::member::done;
use crate::support::{TestApp, TestOptions, eventually, text};

#[tokio::test]
async fn notifications_and_webhooks() {
    let page = Page::read("docs/guides/notifications-and-webhooks.md");
    // Its endpoint stands in the documentation: no name of it is looked up.
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Err(std::io::Error::other("no such name")) }));
    let sender = WebhookSender::with_lookup(Duration::from_secs(1), false, lookup).expect("a sender");
    let defaults = TestOptions::default();
    let outgoing = Outgoing { webhooks: Some(sender), ..defaults.outgoing };
    let app = TestApp::start_with(TestOptions { outgoing, ..defaults }).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let here = ("org_…", organization.as_str());

    let made = run(&owner, &page.graphql("webhookEndpointCreate", &[here]), "webhookEndpointCreate").await;
    assert!(text(&made["secret"]).starts_with("whsec_"));
    let endpoint = text(&made["webhookEndpoint"]["id"]);
    let there = ("whe_…", endpoint.as_str());
    let rotate = page.graphql("webhookEndpointSecretRotate", &[there]);
    let rotated = run(&owner, &rotate, "webhookEndpointSecretRotate").await;
    assert!(rotated["webhookEndpoint"]["previousSecretUntil"].is_string());
    let updated =
        run(&owner, &page.graphql("webhookEndpointUpdate", &[there]), "webhookEndpointUpdate").await;
    assert_eq!(updated["webhookEndpoint"]["events"], json!(["INVOICE_PAID"]));
    let disabled =
        run(&owner, &page.graphql("webhookEndpointDisable", &[there]), "webhookEndpointDisable").await;
    assert_eq!(disabled["webhookEndpoint"]["state"], "DISABLED");

    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    let query = page.graphql("webhookDeliveries", &[here]);
    let held = eventually("the webhook to be held", || async {
        let held = run(&owner, &query, "webhookDeliveries").await["nodes"][0].clone();
        (held["event"] == "INVOICE_PAID").then_some(held)
    })
    .await;
    let enabled =
        run(&owner, &page.graphql("webhookEndpointEnable", &[there]), "webhookEndpointEnable").await;
    assert_eq!(enabled["webhookEndpoint"]["state"], "ENABLED");
    let replay = page.graphql("webhookDeliveriesReplay", &[there]);
    assert_eq!(run(&owner, &replay, "webhookDeliveriesReplay").await["replayedCount"], 1);
    let webhook = text(&held["id"]);
    eventually("it to be given up: nobody takes it", || async {
        let query = "query($id: ID!) { node(id: $id) { ... on WebhookDelivery { state } } }";
        let answer = owner.send(query, json!({ "id": webhook })).await;
        (answer.data()["node"]["state"] == "FAILED").then_some(())
    })
    .await;
    let again = page.graphql("webhookDeliveryReplay", &[("whd_…", &webhook)]);
    run(&owner, &again, "webhookDeliveryReplay").await;
    let endpoints = run(&owner, &page.graphql("webhookEndpoints", &[here]), "webhookEndpoints").await;
    assert!(endpoints["nodes"][0]["failingSince"].is_string());
    run(&owner, &page.graphql("webhookEndpointDelete", &[there]), "webhookEndpointDelete").await;

    let input = json!({ "organizationId": organization, "name": "Deploys", "scopes": [] });
    done(&owner, "apiKeyCreate", input, "apiKey { id }").await;
    let query = page.graphql("notifications", &[here]);
    let told = eventually("both to be told", || async {
        let told = run(&owner, &query, "notifications").await["nodes"].clone();
        (told.as_array().is_some_and(|told| told.len() == 2)).then_some(told)
    })
    .await;
    assert!(told.to_string().contains("已支付：USD 29.00"), "{told:#}");
    let answer = owner.send(&page.graphql("notificationUnreadCount", &[here]), json!({})).await;
    assert_eq!(answer.data()["notificationUnreadCount"], 2);
    let mark = page.graphql("notificationMarkRead", &[("ntf_…", &text(&told[0]["id"]))]);
    assert!(run(&owner, &mark, "notificationMarkRead").await["notification"]["readAt"].is_string());
    let marked = page.graphql("notificationsMarkAllRead", &[here]);
    let marked = run(&owner, &marked, "notificationsMarkAllRead").await;
    assert_eq!((&marked["markedCount"], &marked["unreadCount"]), (&json!(1), &json!(0)));
    page.assert_tried();
}
