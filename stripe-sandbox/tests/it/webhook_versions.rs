use serde_json::Value;
use stripe_sandbox::{API_VERSION, WebhookEndpoint};

use crate::receiver::Receiver;
use crate::support::{DAY, START, World, builder, id, world, world_of};

/// A subscription whose first invoice was paid.
async fn subscribe(world: &World) -> Value {
    let (customer, price) =
        (world.client.customer(Some("pm_card_visa")).await, world.client.monthly("Pro", 2900).await);
    world.client.subscribe(&customer, &price, &[]).await.ok()
}

fn find<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    events.iter().rfind(|event| event["type"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_an_older_version_is_sent_the_older_shapes() {
    let (old, new) = (Receiver::start(0).await, Receiver::start(0).await);
    let world = world_of(builder().webhook_endpoint(new.url.clone(), "whsec_a".into())).await;
    world.sandbox.add_endpoint(WebhookEndpoint::new(&old.url, "whsec_b").api_version("2024-06-20"));
    let subscription = subscribe(&world).await;
    world.sandbox.set_now(START + 40 * DAY);
    world.sandbox.webhooks_settled().await;
    let (old, new) = (old.events(), new.events());
    let ids = |events: &[Value]| events.iter().map(id).collect::<Vec<_>>();
    assert_eq!(ids(&old), ids(&new), "the same events");
    assert!(old.iter().all(|event| event["api_version"] == "2024-06-20"));
    assert!(new.iter().all(|event| event["api_version"] == API_VERSION));

    let object = &find(&old, "customer.subscription.created")["data"]["object"];
    assert_eq!(object["current_period_start"], subscription["items"]["data"][0]["current_period_start"]);
    assert!(object["current_period_end"].as_i64().unwrap() > START);
    assert!(object["items"]["data"][0].get("current_period_end").is_none());
    let renewed = &find(&old, "customer.subscription.updated")["data"];
    assert_eq!(
        renewed["previous_attributes"]["current_period_end"], object["current_period_end"],
        "what changed is said in the older shape, too"
    );
    assert!(
        find(&new, "customer.subscription.updated")["data"]["object"].get("current_period_end").is_none()
    );

    let (older, newer) =
        (&find(&old, "invoice.paid")["data"]["object"], &find(&new, "invoice.paid")["data"]["object"]);
    assert_eq!(older["subscription"], newer["parent"]["subscription_details"]["subscription"]);
    let intent = &find(&new, "payment_intent.succeeded")["data"]["object"];
    assert_eq!((&older["payment_intent"], &older["charge"]), (&intent["id"], &intent["latest_charge"]));
    assert_eq!((&older["paid"], older.get("parent")), (&Value::Bool(true), None));
    let line = &older["lines"]["data"][0];
    assert_eq!((&line["price"]["unit_amount"], &line["type"]), (&2900.into(), &"subscription".into()));
    assert_eq!(line["subscription_item"], subscription["items"]["data"][0]["id"]);
    assert!(newer.get("payment_intent").is_none() && newer.get("subscription").is_none());
    let charge = &find(&old, "charge.succeeded")["data"]["object"];
    assert_eq!(charge["invoice"], older["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_of_the_account_s_version_unless_an_endpoint_names_another() {
    let (own, new) = (Receiver::start(0).await, Receiver::start(0).await);
    let world = world_of(builder().default_api_version("2025-02-24.acacia")).await;
    assert_eq!(world.sandbox.default_api_version(), "2025-02-24.acacia");
    for (url, version) in [(&own.url, None), (&new.url, Some(API_VERSION))] {
        let mut params = vec![("url", url.as_str()), ("enabled_events[]", "customer.subscription.created")];
        params.extend(version.map(|version| ("api_version", version)));
        let made = world.client.post("/v1/webhook_endpoints", &params).await.ok();
        assert_eq!(made["api_version"].as_str(), version);
    }
    let subscription = subscribe(&world).await;
    assert!(subscription.get("current_period_end").is_none(), "answers are of one version");
    world.sandbox.webhooks_settled().await;
    let (own, new) = (&own.events()[0], &new.events()[0]);
    assert_eq!(own["api_version"], "2025-02-24.acacia");
    assert!(own["data"]["object"]["current_period_end"].is_i64());
    assert_eq!(new["api_version"], API_VERSION);
    assert!(new["data"]["object"]["items"]["data"][0]["current_period_end"].is_i64());
    let url = format!("{}/v1/events/{}", world.sandbox.base_url(), id(own));
    let stored: Value =
        world.client.http.get(url).bearer_auth("sk_test_1").send().await.unwrap().json().await.unwrap();
    assert_eq!((&stored["api_version"], &stored["data"]), (&own["api_version"], &own["data"]));
}

#[tokio::test]
async fn versions_that_are_too_old_are_refused_by_name() {
    let world = world().await;
    let made = async |version: &str| {
        let params = [("url", "http://127.0.0.1:9/"), ("enabled_events[]", "*"), ("api_version", version)];
        world.client.post("/v1/webhook_endpoints", &params).await
    };
    assert_eq!(made("2020-08-27").await.refusal(), (400, "sandbox_unsupported", "api_version"));
    assert_eq!(made("2024-13-01").await.refusal(), (400, "parameter_invalid_enum", "api_version"));
    assert_eq!(made("2022-11-15").await.status, 200);
    assert!(builder().default_api_version("2019-01-01").start(([127, 0, 0, 1], 0).into()).await.is_err());
}
