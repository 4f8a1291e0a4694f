use serde_json::{Value, json};

use crate::support::{DAY, HOUR, START, World, id, world};

/// The status and `auto_advance` of the newest invoice.
fn newest(world: &World) -> (Value, Value) {
    let invoice = world.sandbox.objects("invoice").remove(0);
    (invoice["status"].clone(), invoice["auto_advance"].clone())
}

#[tokio::test]
async fn while_collection_is_paused_invoices_become_what_the_pause_says() {
    for (behaviour, status) in
        [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible"), ("void", "void")]
    {
        let world = world().await;
        let client = &world.client;
        let (customer, price) =
            (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
        let subscription = client.subscribe(&customer, &price, &[]).await.ok();
        let path = format!("/v1/subscriptions/{}", id(&subscription));
        let resumes = (START + 40 * DAY).to_string();
        let pause = [("pause_collection[behavior]", behaviour), ("pause_collection[resumes_at]", &resumes)];
        let paused = client.post(&path, &pause).await.ok();
        assert_eq!(
            paused["pause_collection"],
            json!({ "behavior": behaviour, "resumes_at": START + 40 * DAY })
        );
        let paid = world.sandbox.objects("charge").len();
        world.sandbox.set_now(START + 28 * DAY + 2 * HOUR);
        assert_eq!(newest(&world), (json!(status), json!(false)), "{behaviour}");
        let now = client.get(&path, &[]).await.ok();
        assert_eq!(now["status"], "active");
        world.sandbox.set_now(START + 40 * DAY);
        assert_eq!(client.get(&path, &[]).await.ok()["pause_collection"], json!(null));
        world.sandbox.set_now(START + 59 * DAY + HOUR);
        assert_eq!(newest(&world).0, "paid", "after the pause");
        assert_eq!(world.sandbox.objects("charge").len(), paid + 1);
        world.check_events();
    }
}

#[tokio::test]
async fn a_pause_can_be_ended_by_hand_and_must_not_end_in_the_past() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let path = format!("/v1/subscriptions/{}", id(&client.subscribe(&customer, &price, &[]).await.ok()));
    let past = [("pause_collection[behavior]", "void"), ("pause_collection[resumes_at]", "1")];
    assert_eq!(client.post(&path, &past).await.refusal(), (400, "", "pause_collection[resumes_at]"));
    client.post(&path, &[("pause_collection[behavior]", "void")]).await.ok();
    let resumed = client.post(&path, &[("pause_collection", "")]).await.ok();
    assert_eq!(resumed["pause_collection"], json!(null));
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    assert_eq!(newest(&world).0, "paid");
}
