//! Drafts that wait for those who are to hear of them.

use serde_json::json;
use stripe_sandbox::{Settings, WebhookFault, WebhookFaultKind};

use crate::receiver::Receiver;
use crate::support::{DAY, HOUR, START, World, builder, world_of};

const RENEWAL: i64 = START + 28 * DAY;

/// A sandbox that waits for its one endpoint, and a subscription that was renewed while deliveries fared as told.
async fn renewed(fault: Option<WebhookFaultKind>) -> (World, Receiver) {
    let receiver = Receiver::start(0).await;
    let settings = Settings { wait_for_webhooks: true, upcoming_days: 0, ..Settings::default() };
    let world =
        world_of(builder().settings(settings).webhook_endpoint(receiver.url.clone(), "whsec_1".into())).await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    client.subscribe(&customer, &price, &[]).await.ok();
    world.sandbox.webhooks_settled().await;
    if let Some(kind) = fault {
        world.sandbox.webhook_fault(WebhookFault::new("invoice.created", kind));
    }
    world.sandbox.set_now(RENEWAL);
    world.sandbox.webhooks_settled().await;
    (world, receiver)
}

fn status(world: &World) -> String {
    world.sandbox.objects("invoice")[0]["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_draft_is_finalised_an_hour_after_its_endpoint_took_it() {
    let (world, _receiver) = renewed(None).await;
    let draft = &world.sandbox.objects("invoice")[0];
    assert_eq!(
        (&draft["webhooks_delivered_at"], &draft["automatically_finalizes_at"]),
        (&json!(RENEWAL), &json!(RENEWAL + HOUR))
    );
    world.sandbox.set_now(RENEWAL + HOUR);
    assert_eq!(status(&world), "paid");
}

#[tokio::test]
async fn a_draft_nobody_took_is_finalised_after_three_days() {
    let (world, _receiver) = renewed(Some(WebhookFaultKind::Drop)).await;
    let draft = &world.sandbox.objects("invoice")[0];
    assert_eq!(
        (&draft["webhooks_delivered_at"], &draft["automatically_finalizes_at"]),
        (&json!(null), &json!(RENEWAL + 72 * HOUR))
    );
    let announced = world.sandbox.events().into_iter().rfind(|event| event["type"] == "invoice.created");
    assert_eq!(announced.unwrap()["data"]["object"]["webhooks_delivered_at"], json!(null));
    world.sandbox.set_now(RENEWAL + 72 * HOUR - 1);
    assert_eq!(status(&world), "draft");
    world.sandbox.set_now(RENEWAL + 72 * HOUR);
    assert_eq!(status(&world), "paid");
    world.check_events();
}

#[tokio::test]
async fn a_draft_that_is_taken_late_is_finalised_an_hour_after_that() {
    let (world, _receiver) = renewed(Some(WebhookFaultKind::Fail)).await;
    // It comes again after five minutes.
    world.sandbox.set_now(RENEWAL + 10 * 60);
    world.sandbox.webhooks_settled().await;
    let draft = &world.sandbox.objects("invoice")[0];
    assert_eq!(draft["webhooks_delivered_at"], RENEWAL + 10 * 60);
    world.sandbox.set_now(RENEWAL + 10 * 60 + HOUR);
    assert_eq!(status(&world), "paid");
}
