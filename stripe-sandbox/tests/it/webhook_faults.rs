use serde_json::{Value, json};
use stripe_sandbox::{Sandbox, WebhookFault, WebhookFaultKind};
use stripe_webhook::Webhook;

use crate::receiver::Receiver;
use crate::support::{DAY, HOUR, START, World, anywhere, builder, id, world_of};

async fn with_receiver() -> (World, Receiver) {
    let receiver = Receiver::start(0).await;
    let world = world_of(builder().webhook_endpoint(receiver.url.clone(), "whsec_a".into())).await;
    (world, receiver)
}

async fn customers(world: &World, count: usize) -> Vec<String> {
    let mut made = Vec::new();
    for _ in 0..count {
        made.push(world.client.customer(None).await);
    }
    made
}

/// The ids of the objects whose events arrived.
fn arrived(receiver: &Receiver) -> Vec<String> {
    receiver.events().iter().map(|event| id(&event["data"]["object"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_delivery_never_comes_and_stays_pending() {
    let (world, receiver) = with_receiver().await;
    world.sandbox.webhook_fault(WebhookFault::new("customer.*", WebhookFaultKind::Drop).after(1).times(2));
    let made = customers(&world, 4).await;
    world.sandbox.set_now(START + 4 * DAY);
    world.sandbox.webhooks_settled().await;
    assert_eq!(arrived(&receiver), [made[0].clone(), made[3].clone()]);
    let pending: Vec<Value> =
        world.sandbox.events().iter().map(|event| event["pending_webhooks"].clone()).collect();
    assert_eq!(pending, [json!(0), json!(1), json!(1), json!(0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_delivery_comes_after_later_ones() {
    let (world, receiver) = with_receiver().await;
    world.sandbox.webhook_fault(WebhookFault::new("*", WebhookFaultKind::Fail));
    let made = customers(&world, 2).await;
    world.sandbox.webhooks_settled().await;
    assert_eq!(arrived(&receiver), [made[1].clone()]);
    world.sandbox.set_now(START + 5 * 60);
    world.sandbox.webhooks_settled().await;
    assert_eq!(arrived(&receiver), [made[1].clone(), made[0].clone()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_is_the_same_event_and_counts_once() {
    let (world, receiver) = with_receiver().await;
    world.sandbox.webhook_fault(WebhookFault::new("*", WebhookFaultKind::Duplicate { copies: 2 }));
    let made = customers(&world, 2).await;
    world.sandbox.webhooks_settled().await;
    assert_eq!(arrived(&receiver), [&made[0], &made[0], &made[0], &made[1]].map(Clone::clone));
    let events = receiver.events();
    assert!(events[0]["id"] == events[1]["id"] && events[1]["id"] == events[2]["id"]);
    assert_eq!(world.sandbox.events()[0]["pending_webhooks"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_deliveries_are_overtaken() {
    let (world, receiver) = with_receiver().await;
    world.sandbox.webhook_fault(WebhookFault::new("*", WebhookFaultKind::Delay { ms: 150 }));
    world
        .sandbox
        .webhook_fault(WebhookFault::new("*", WebhookFaultKind::Postpone { seconds: HOUR }).after(1));
    let made = customers(&world, 3).await;
    world.sandbox.webhooks_settled().await;
    assert_eq!(arrived(&receiver), [made[2].clone(), made[0].clone()]);
    world.sandbox.set_now(START + HOUR);
    world.sandbox.webhooks_settled().await;
    assert_eq!(arrived(&receiver)[2..], [made[1].clone()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_can_be_too_old_or_forged() {
    let (world, receiver) = with_receiver().await;
    world.sandbox.webhook_fault(WebhookFault::new("*", WebhookFaultKind::Misdate { seconds: -301 }));
    world.sandbox.webhook_fault(WebhookFault::new("*", WebhookFaultKind::Misdate { seconds: -299 }).after(1));
    world.sandbox.webhook_fault(WebhookFault::new("*", WebhookFaultKind::Forge).after(2));
    customers(&world, 4).await;
    let received = receiver.wait_for(4).await;
    let valid: Vec<bool> = received
        .iter()
        .map(|delivery| {
            Webhook::construct_event_with_timestamp(&delivery.body, &delivery.signature, "whsec_a", START)
                .is_ok()
        })
        .collect();
    assert_eq!(valid, [false, true, false, true]);
    assert!(received[0].signature.starts_with(&format!("t={},", START - 301)));
}

/// Twelve products under several faults: which of them arrive, in order.
async fn storm(seed: u64) -> Vec<String> {
    let receiver = Receiver::start(0).await;
    let sandbox = Sandbox::builder().seed(seed).webhook_endpoint(receiver.url.clone(), "whsec_a".into());
    let world = world_of(sandbox).await;
    let fault = |kind| WebhookFault::new("product.*", kind).times(100);
    world.sandbox.webhook_fault(fault(WebhookFaultKind::Drop).with_probability(30));
    world.sandbox.webhook_fault(fault(WebhookFaultKind::Duplicate { copies: 1 }).with_probability(30));
    world.sandbox.webhook_fault(fault(WebhookFaultKind::Shuffle { window: Some(5) }));
    for name in 0..12 {
        world.client.post("/v1/products", &[("name", &name.to_string())]).await.ok();
    }
    world.sandbox.deliver_webhooks(true);
    world.sandbox.webhooks_settled().await;
    receiver
        .events()
        .iter()
        .map(|event| event["data"]["object"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_decides_what_is_lost_repeated_and_mixed() {
    let first = storm(11).await;
    assert_eq!(first, storm(11).await);
    assert_ne!(first, storm(12).await);
    let mut once = first.clone();
    once.sort_by_key(|name| name.parse::<u32>().unwrap());
    assert_ne!(once, first, "mixed");
    let all = once.len();
    once.dedup();
    assert!(once.len() < all, "some came twice: {first:?}");
    assert!(once.len() < 12, "some were lost: {first:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_deliveries_are_set_over_http() {
    let (world, receiver) = with_receiver().await;
    let url = format!("{}/_sandbox/webhooks", world.sandbox.base_url());
    let send = async |body: Value| {
        let answer = world.client.http.post(&url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, shown) =
        send(json!({ "match": "customer.created", "kind": "shuffle", "count": 4, "seed": 3 })).await;
    assert_eq!((status, &shown["faults"][0]["window"]), (200, &json!(4)));
    for wrong in [
        json!({ "kind": "explode" }),
        json!({ "kind": "drop", "cuont": 2 }),
        json!({}),
        json!({ "retries": "never" }),
    ] {
        assert_eq!(send(wrong).await.0, 400);
    }
    let made = customers(&world, 2).await;
    world.sandbox.webhooks_settled().await;
    assert!(receiver.events().is_empty(), "they wait for two more");
    let shown: Value = world.client.http.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!((&shown["faults"][0]["waiting"], &shown["retries"]), (&json!(2), &json!("sandbox_clock")));
    let shown: Value = world.client.http.delete(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(shown["faults"], json!([]));
    world.sandbox.webhooks_settled().await;
    let mut arrived = arrived(&receiver);
    arrived.sort();
    let mut made = made;
    made.sort();
    assert_eq!(arrived, made);
}

#[tokio::test]
async fn a_seed_gives_the_same_ids_whatever_else_runs() {
    let run = async || {
        let sandbox =
            Sandbox::builder().seed(5).clock(std::sync::Arc::new(|| START)).start(anywhere()).await.unwrap();
        let client = crate::support::Client::new(sandbox.base_url());
        let (customer, price) =
            (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
        client.subscribe(&customer, &price, &[]).await.ok();
        sandbox.set_now(START + 32 * DAY);
        // Links name the port.
        json!(sandbox.events()).to_string().replace(&sandbox.base_url(), "")
    };
    let first = run().await;
    assert!(first.matches("evt_").count() > 10);
    assert_eq!(first, run().await);
}
