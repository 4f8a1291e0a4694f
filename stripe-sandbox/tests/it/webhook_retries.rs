use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::support::{DAY, HOUR, START, World, builder, id, world, world_of};

/// `(attempt, minutes after the start, status)` of each delivery.
fn attempts(world: &World) -> Vec<(usize, i64, Option<u16>)> {
    let log = world.sandbox.deliveries();
    log.iter().map(|attempt| (attempt.attempt, (attempt.due - START) / 60, attempt.status)).collect()
}

async fn listed(world: &World, delivery_success: &str) -> usize {
    let page = world.client.get("/v1/events", &[("delivery_success", delivery_success)]).await.ok();
    page["data"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_the_clock_forward_lets_failed_deliveries_come_again() {
    let receiver = Receiver::start(2).await;
    let world = world_of(builder().webhook_endpoint(receiver.url.clone(), "whsec_a".into())).await;
    world.client.customer(None).await;
    world.sandbox.webhooks_settled().await;
    assert_eq!(attempts(&world), [(1, 0, Some(500))]);
    assert_eq!((listed(&world, "false").await, listed(&world, "true").await), (1, 0));
    world.sandbox.set_now(START + 5 * 60 - 1);
    world.sandbox.webhooks_settled().await;
    assert_eq!(attempts(&world).len(), 1, "nothing comes early");
    world.sandbox.set_now(START + 5 * 60);
    world.sandbox.webhooks_settled().await;
    assert_eq!(attempts(&world)[1..], [(2, 5, Some(500))]);
    assert_eq!(world.sandbox.events()[0]["pending_webhooks"], 1);
    world.sandbox.set_now(START + DAY);
    world.sandbox.webhooks_settled().await;
    assert_eq!(attempts(&world)[2..], [(3, 35, Some(200))]);
    assert_eq!(receiver.events().len(), 1);
    assert_eq!(world.sandbox.events()[0]["pending_webhooks"], 0);
    assert_eq!((listed(&world, "false").await, listed(&world, "true").await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_endpoint_is_given_up_after_three_days() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = world_of(builder().webhook_endpoint(format!("http://{closed}/"), "whsec_a".into())).await;
    world.client.customer(None).await;
    world.sandbox.set_now(START + 3 * DAY);
    world.sandbox.webhooks_settled().await;
    let minutes: Vec<i64> = attempts(&world).iter().map(|(_, minutes, _)| *minutes).collect();
    assert_eq!(minutes, [0, 5, 35, 155, 455, 1055, 1775, 2495, 3215, 3935]);
    assert!(attempts(&world).iter().all(|(.., status)| status.is_none()));
    world.sandbox.set_now(START + 20 * DAY);
    world.sandbox.webhooks_settled().await;
    assert_eq!(attempts(&world).len(), 10);
    assert_eq!(world.sandbox.events()[0]["pending_webhooks"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_pending_at_the_endpoints_that_have_not_taken_it() {
    let (taking, refusing) = (Receiver::start(0).await, Receiver::start(u32::MAX).await);
    let world = world().await;
    let mut ids = Vec::new();
    for (url, events) in
        [(&taking.url, "*"), (&refusing.url, "customer.created"), (&refusing.url, "price.created")]
    {
        let made = world
            .client
            .post("/v1/webhook_endpoints", &[("url", url), ("enabled_events[]", events)])
            .await
            .ok();
        ids.push(id(&made));
    }
    world.sandbox.deliver_webhooks(false);
    world.client.customer(None).await;
    assert_eq!(world.sandbox.events()[0]["pending_webhooks"], 2, "the third does not want it");
    world.sandbox.deliver_webhooks(true);
    world.sandbox.webhooks_settled().await;
    assert_eq!(world.sandbox.events()[0]["pending_webhooks"], 1);
    world.client.delete(&format!("/v1/webhook_endpoints/{}", ids[1]), &[]).await.ok();
    assert_eq!(world.sandbox.events()[0]["pending_webhooks"], 0, "nobody waits for it any more");
    world.sandbox.set_now(START + HOUR);
    world.sandbox.webhooks_settled().await;
    assert_eq!(world.sandbox.deliveries().len(), 2, "a deleted endpoint is not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_keeps_what_waits_for_a_retry() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(1).await;
    let world = world_of(builder().snapshot(folder.path().join("state.json"))).await;
    let made = [("url", receiver.url.as_str()), ("enabled_events[]", "*")];
    world.client.post("/v1/webhook_endpoints", &made).await.ok();
    world.client.customer(None).await;
    world.sandbox.webhooks_settled().await;
    world.sandbox.shutdown().await;
    let world = world_of(builder().snapshot(folder.path().join("state.json"))).await;
    assert!(receiver.events().is_empty());
    world.sandbox.set_now(START + HOUR);
    world.sandbox.webhooks_settled().await;
    assert_eq!(receiver.events()[0]["type"], "customer.created");
    assert_eq!(world.sandbox.events()[0]["pending_webhooks"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_sent_once_more_when_asked_for() {
    let receiver = Receiver::start(0).await;
    let world = world_of(builder().webhook_endpoint(receiver.url.clone(), "whsec_a".into())).await;
    world.client.customer(None).await;
    let event = id(&world.sandbox.events()[0]);
    let ask = async |event: &str| -> u16 {
        let url = format!("{}/_sandbox/events/{event}/resend", world.sandbox.base_url());
        world.client.http.post(url).send().await.unwrap().status().as_u16()
    };
    assert_eq!((ask(&event).await, ask("evt_none").await), (200, 404));
    world.sandbox.webhooks_settled().await;
    let received: Vec<Value> = receiver.events().iter().map(|event| event["id"].clone()).collect();
    assert_eq!(received, [json!(event), json!(event)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_to_be_delivered_is_not_forgotten() {
    let receiver = Receiver::start(0).await;
    let world = world_of(builder().webhook_endpoint(receiver.url.clone(), "whsec_a".into())).await;
    world.sandbox.deliver_webhooks(false);
    world.client.customer(None).await;
    world.sandbox.set_now(START + 40 * DAY);
    world.sandbox.deliver_webhooks(true);
    world.sandbox.webhooks_settled().await;
    assert_eq!(receiver.events()[0]["type"], "customer.created");
    world.sandbox.set_now(START + 40 * DAY + 1);
    assert!(world.sandbox.events().is_empty());
}
