use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::WebhookRetries;
use stripe_webhook::Webhook;

use crate::receiver::Receiver;
use crate::support::{DAY, START, World, builder, id, world, world_of};

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_signed_in_order_and_at_once() {
    let receiver = Receiver::start(0).await;
    let world = world_of(
        builder()
            .webhook_endpoint(receiver.url.clone(), "whsec_a".into())
            .webhook_endpoint(receiver.url.clone(), "whsec_b".into()),
    )
    .await;
    let (customer, price) =
        (world.client.customer(Some("pm_card_visa")).await, world.client.monthly("Pro", 2900).await);
    let asked = Instant::now();
    world.client.subscribe(&customer, &price, &[]).await.ok();
    let events = world.sandbox.events();
    let received = receiver.wait_for(events.len()).await;
    assert!(received.last().unwrap().at.duration_since(asked) < Duration::from_secs(2), "no delay is added");
    let bodies: Vec<Value> =
        received.iter().map(|delivery| serde_json::from_str(&delivery.body).unwrap()).collect();
    assert_eq!(ids(&bodies), ids(&events), "each once, in order");
    for delivery in &received {
        for secret in ["whsec_a", "whsec_b"] {
            Webhook::construct_event_with_timestamp(&delivery.body, &delivery.signature, secret, START)
                .unwrap();
        }
        assert!(
            Webhook::construct_event_with_timestamp(&delivery.body, &delivery.signature, "whsec_c", START)
                .is_err()
        );
    }
    let settled = Instant::now();
    while world.sandbox.events().iter().any(|event| event["pending_webhooks"] != 0) {
        assert!(settled.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_delivery_comes_again_quickly_when_asked_to() {
    let receiver = Receiver::start(2).await;
    let quick = builder().webhook_retries(WebhookRetries::Quick);
    let world = world_of(quick.webhook_endpoint(receiver.url.clone(), "whsec_a".into())).await;
    world.client.customer(None).await;
    let received = receiver.wait_for(1).await;
    assert!(received[0].body.contains("customer.created"));
    assert_eq!(*receiver.refusals.lock().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn held_back_deliveries_are_sent_when_they_are_let_go() {
    let receiver = Receiver::start(0).await;
    let world = world().await;
    world.sandbox.add_webhook_endpoint(receiver.url.clone(), "whsec_a".into());
    world.sandbox.deliver_webhooks(false);
    world.client.customer(None).await;
    world.client.customer(None).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(receiver.received.lock().unwrap().is_empty());
    world.sandbox.deliver_webhooks(true);
    receiver.wait_for(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_made_through_the_api_gets_what_it_enabled_and_shows_its_secret_once() {
    let receiver = Receiver::start(0).await;
    let world = world().await;
    let client = &world.client;
    let made = [
        ("url", receiver.url.as_str()),
        ("enabled_events[]", "product.created"),
        ("enabled_events[]", "price.created"),
    ];
    let made = client.post("/v1/webhook_endpoints", &made).await.ok();
    let secret = made["secret"].as_str().unwrap();
    let path = format!("/v1/webhook_endpoints/{}", id(&made));
    assert!(client.get(&path, &[]).await.ok().get("secret").is_none());
    client.customer(None).await;
    client.monthly("Pro", 2900).await;
    let received = receiver.wait_for(2).await;
    let first: Value = serde_json::from_str(&received[0].body).unwrap();
    assert_eq!(first["type"], "product.created");
    Webhook::construct_event_with_timestamp(&received[0].body, &received[0].signature, secret, START)
        .unwrap();
    client.delete(&path, &[]).await.ok();
    client.monthly("Pro 2", 2900).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.received.lock().unwrap().len(), 2);
    let outside = client
        .post("/v1/webhook_endpoints", &[("url", "https://example.com/hook"), ("enabled_events[]", "*")])
        .await;
    assert_eq!(outside.refusal(), (400, "url_invalid", "url"), "nothing leaves the machine");
}

async fn some_events() -> World {
    let world = world().await;
    let (customer, price) =
        (world.client.customer(Some("pm_card_visa")).await, world.client.monthly("Pro", 2900).await);
    world.client.subscribe(&customer, &price, &[]).await.ok();
    world
}

#[tokio::test]
async fn events_are_listed_by_cursor_type_and_time() {
    let world = some_events().await;
    let client = &world.client;
    let mut all = ids(&world.sandbox.events());
    all.reverse();
    let mut walked: Vec<String> = Vec::new();
    loop {
        let mut params = vec![("limit", "4")];
        if let Some(last) = walked.last() {
            params.push(("starting_after", last));
        }
        let page = client.get("/v1/events", &params).await.ok();
        let found: Vec<String> = page["data"].as_array().unwrap().iter().map(id).collect();
        walked.extend(found);
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(walked, all, "newest first, nothing twice, nothing left out");
    let newer = client.get("/v1/events", &[("ending_before", &all[2])]).await.ok();
    assert_eq!(newer["data"].as_array().unwrap().iter().map(id).collect::<Vec<_>>(), all[..2]);
    let types = async |params: &[(&str, &str)]| -> Vec<String> {
        let page = client.get("/v1/events", params).await.ok();
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        types(&[("types[]", "price.created"), ("types[]", "product.created")]).await,
        ["price.created", "product.created"]
    );
    assert!(
        types(&[("type", "customer.subscription.*")])
            .await
            .iter()
            .all(|kind| kind.starts_with("customer.subscription."))
    );
    assert!(types(&[("created[gt]", &START.to_string())]).await.is_empty());
}

#[tokio::test]
async fn an_event_keeps_what_its_object_was_then() {
    let world = world().await;
    let customer = world.client.post("/v1/customers", &[("name", "Ann")]).await.ok();
    world.client.post(&format!("/v1/customers/{}", id(&customer)), &[("name", "Bob")]).await.ok();
    let events = world.sandbox.events();
    assert_eq!(events[0]["data"]["object"]["name"], "Ann");
    assert_eq!(
        (&events[1]["data"]["object"]["name"], &events[1]["data"]["previous_attributes"]),
        (&json!("Bob"), &json!({ "name": "Ann" }))
    );
    assert_eq!(events[1]["api_version"], stripe_sandbox::API_VERSION);
    world.client.post(&format!("/v1/customers/{}", id(&customer)), &[("name", "Bob")]).await.ok();
    assert_eq!(world.sandbox.events().len(), 2, "a change of nothing is no event");
}

#[tokio::test]
async fn events_are_kept_for_thirty_days() {
    let world = world().await;
    let customer = world.client.customer(None).await;
    let event = id(&world.sandbox.events()[0]);
    world.sandbox.set_now(START + 30 * DAY);
    world.client.get(&format!("/v1/events/{event}"), &[]).await.ok();
    world.sandbox.set_now(START + 30 * DAY + 1);
    assert_eq!(world.client.get(&format!("/v1/events/{event}"), &[]).await.refusal().0, 404);
    world.client.get(&format!("/v1/customers/{customer}"), &[]).await.ok();
}
