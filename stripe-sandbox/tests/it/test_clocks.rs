use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{Client, DAY, HOUR, START, id, world};

/// Long before the sandbox's own time.
const FROZEN: i64 = START - 400 * DAY;

/// A test clock, and a customer of it with a card.
async fn clock(client: &Client, frozen: i64) -> (String, String) {
    let frozen = frozen.to_string();
    let clock =
        client.post("/v1/test_helpers/test_clocks", &[("frozen_time", &frozen), ("name", "x")]).await.ok();
    let customer = client.post("/v1/customers", &[("test_clock", &id(&clock))]).await.ok();
    let customer = id(&customer);
    let method =
        client.post("/v1/payment_methods/pm_card_visa/attach", &[("customer", &customer)]).await.ok();
    let default = [("invoice_settings[default_payment_method]", method["id"].as_str().unwrap())];
    client.post(&format!("/v1/customers/{customer}"), &default).await.ok();
    (format!("/v1/test_helpers/test_clocks/{}", id(&clock)), customer)
}

async fn advance(client: &Client, clock: &str, to: i64) -> Value {
    client.post(&format!("{clock}/advance"), &[("frozen_time", &to.to_string())]).await.ok()
}

#[tokio::test]
async fn a_customer_of_a_test_clock_lives_in_its_time_and_nobody_else_does() {
    let world = world().await;
    let client = &world.client;
    let (clock, bound) = clock(client, FROZEN).await;
    let clock_id = clock.rsplit('/').next().unwrap();
    let free = client.customer(Some("pm_card_visa")).await;
    let price = client.monthly("Pro", 2900).await;
    let subscription = client.subscribe(&bound, &price, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!((&subscription["created"], &subscription["test_clock"]), (&json!(FROZEN), &json!(clock_id)));
    assert_eq!(subscription["latest_invoice"]["test_clock"], json!(clock_id));
    let other = client.subscribe(&free, &price, &[]).await.ok();
    assert_eq!((&other["created"], &other["test_clock"]), (&json!(START), &json!(null)));

    // The sandbox's own time passes by it.
    world.sandbox.set_now(START + 29 * DAY);
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    assert_eq!(client.get(&path, &[]).await.ok()["latest_invoice"], subscription["latest_invoice"]["id"]);
    assert_eq!(world.sandbox.objects("invoice").len(), 3, "the other one was renewed");

    let before = world.sandbox.events().len();
    let period_end = subscription["items"]["data"][0]["current_period_end"].as_i64().unwrap();
    let started = Instant::now();
    let advancing = advance(client, &clock, period_end + HOUR).await;
    assert!(started.elapsed().as_millis() < 1000, "a month takes less than a second");
    assert_eq!(advancing["status"], "advancing");
    assert_eq!(advancing["status_details"]["advancing"]["target_frozen_time"], period_end + HOUR);
    let ready = client.get(&clock, &[]).await.ok();
    assert_eq!((&ready["status"], &ready["frozen_time"]), (&json!("ready"), &json!(period_end + HOUR)));
    let renewed = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    let invoice = &renewed["latest_invoice"];
    assert_eq!(
        (&invoice["status"], &invoice["created"], &invoice["status_transitions"]["paid_at"]),
        (&json!("paid"), &json!(period_end), &json!(period_end + HOUR))
    );
    assert_eq!(world.sandbox.events().len(), before + 14);
    let events = client.get("/v1/events", &[("type", "test_helpers.*")]).await.ok();
    let types: Vec<&str> =
        events["data"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "test_helpers.test_clock.ready",
            "test_helpers.test_clock.advancing",
            "test_helpers.test_clock.created"
        ]
    );
    let charged = client.get("/v1/events", &[("type", "charge.succeeded"), ("limit", "100")]).await.ok();
    let times: Vec<i64> =
        charged["data"].as_array().unwrap().iter().map(|event| event["created"].as_i64().unwrap()).collect();
    assert!(
        times.contains(&(period_end + HOUR)) && times.contains(&FROZEN),
        "events carry the clock's time: {times:?}"
    );

    // Lists leave out what lives by a clock unless it is asked for.
    let listed = async |path: &str, params: &[(&str, &str)]| {
        client.get(path, params).await.ok()["data"].as_array().unwrap().len()
    };
    assert_eq!(listed("/v1/customers", &[]).await, 1);
    assert_eq!(listed("/v1/customers", &[("test_clock", clock_id)]).await, 1);
    assert_eq!(listed("/v1/subscriptions", &[]).await, 1);
    assert_eq!(listed("/v1/subscriptions", &[("test_clock", clock_id)]).await, 1);
    assert_eq!(listed("/v1/subscriptions", &[("customer", &bound)]).await, 1);
    world.check_events();
}

#[tokio::test]
async fn a_clock_goes_forward_only_and_two_intervals_at_once() {
    let world = world().await;
    let client = &world.client;
    let (clock, customer) = clock(client, START + 100 * DAY).await;
    let price = client.monthly("Pro", 2900).await;
    client.subscribe(&customer, &price, &[]).await.ok();
    let path = format!("{clock}/advance");
    for to in [START + 100 * DAY, START, START + 170 * DAY] {
        let refused = client.post(&path, &[("frozen_time", &to.to_string())]).await;
        assert_eq!(refused.refusal(), (400, "", "frozen_time"), "{to}");
    }
    advance(client, &clock, START + 150 * DAY).await;
    assert_eq!(client.get(&clock, &[]).await.ok()["frozen_time"], START + 150 * DAY);
    let nobody = [("test_clock", "clock_none")];
    assert_eq!(
        client.post("/v1/customers", &nobody).await.refusal(),
        (400, "resource_missing", "test_clock")
    );
}

#[tokio::test]
async fn deleting_a_clock_deletes_its_customers_and_ends_their_subscriptions() {
    let world = world().await;
    let client = &world.client;
    let (clock, customer) = clock(client, FROZEN).await;
    let price = client.monthly("Pro", 2900).await;
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    let gone = client.delete(&clock, &[]).await.ok();
    assert_eq!(gone["deleted"], true);
    assert_eq!(client.get(&format!("/v1/customers/{customer}"), &[]).await.ok()["deleted"], true);
    let ended = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
    assert_eq!((&ended["status"], &ended["ended_at"]), (&json!("canceled"), &json!(FROZEN)));
    assert_eq!(client.get(&clock, &[]).await.refusal().0, 404);
    let deleted = client.get("/v1/events", &[("type", "test_helpers.test_clock.deleted")]).await.ok();
    assert_eq!(deleted["data"].as_array().unwrap().len(), 1);

    let (clock, _) = self::clock(client, FROZEN).await;
    world.sandbox.set_now(START + 31 * DAY);
    assert_eq!(client.get(&clock, &[]).await.refusal().0, 404, "after 30 days it goes by itself");
}
