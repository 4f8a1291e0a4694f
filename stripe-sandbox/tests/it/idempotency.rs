use std::time::Duration;

use serde_json::json;
use stripe_sandbox::{Fault, FaultKind};

use crate::support::{DAY, START, builder, id, world, world_of};

#[tokio::test]
async fn the_same_key_and_parameters_replay_the_first_answer() {
    let world = world().await;
    let client = &world.client;
    let first = client.post_keyed("k", "/v1/customers", &[("name", "Ann")]).await;
    let again = client.post_keyed("k", "/v1/customers", &[("name", "Ann")]).await;
    assert_eq!(first.body, again.body);
    assert_eq!(
        (first.header("idempotent-replayed"), again.header("idempotent-replayed")),
        (None, Some("true"))
    );
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_eq!(again.header("idempotency-key"), Some("k"));
    assert_eq!(world.sandbox.objects("customer").len(), 1);
}

#[tokio::test]
async fn a_decline_is_replayed_and_charges_nothing_again() {
    let world = world().await;
    let params = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("payment_method", "pm_card_chargeDeclined"),
        ("confirm", "true"),
        ("return_url", "http://x/"),
    ];
    let first = world.client.post_keyed("k", "/v1/payment_intents", &params).await;
    let again = world.client.post_keyed("k", "/v1/payment_intents", &params).await;
    assert_eq!((first.status, again.status, &first.body), (402, 402, &again.body));
    assert_eq!(world.sandbox.objects("charge").len(), 1);
}

#[tokio::test]
async fn other_parameters_or_another_path_are_an_idempotency_error() {
    let world = world().await;
    let client = &world.client;
    client.post_keyed("k", "/v1/customers", &[("name", "Ann")]).await.ok();
    for (path, params) in [("/v1/customers", [("name", "Bob")]), ("/v1/products", [("name", "Ann")])] {
        let refused = client.post_keyed("k", path, &params).await;
        assert_eq!((refused.status, &refused.body["error"]["type"]), (400, &json!("idempotency_error")));
    }
}

#[tokio::test]
async fn a_refusal_before_anything_happens_does_not_use_the_key_up() {
    let world = world().await;
    let client = &world.client;
    assert_eq!(
        client.post_keyed("k", "/v1/products", &[]).await.refusal(),
        (400, "parameter_missing", "name")
    );
    client.post_keyed("k", "/v1/products", &[("name", "Pro")]).await.ok();
    world.sandbox.fault(Fault::new("POST /v1/products", FaultKind::RateLimit { retry_after: Some(2) }));
    let limited = client.post_keyed("l", "/v1/products", &[("name", "Pro")]).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("2")));
    client.post_keyed("l", "/v1/products", &[("name", "Other")]).await.ok();
}

#[tokio::test]
async fn a_missing_object_is_an_answer_and_is_replayed() {
    let world = world().await;
    let client = &world.client;
    let first = client.post_keyed("k", "/v1/customers/cus_late", &[("name", "Ann")]).await;
    let late = json!({ "id": "cus_late", "object": "customer" });
    world.sandbox.import(vec![late]);
    let again = client.post_keyed("k", "/v1/customers/cus_late", &[("name", "Ann")]).await;
    assert_eq!((first.status, again.status), (404, 404));
}

#[tokio::test]
async fn a_second_request_while_the_first_is_worked_on_is_a_conflict() {
    let world = world().await;
    world.sandbox.fault(Fault::new("POST /v1/customers", FaultKind::Delay { ms: 300 }));
    let slow = world.client.post_keyed("k", "/v1/customers", &[]);
    let quick = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.client.post_keyed("k", "/v1/customers", &[]).await
    };
    let (slow, quick) = tokio::join!(slow, quick);
    slow.ok();
    assert_eq!((quick.status, &quick.body["error"]["type"]), (409, &json!("idempotency_error")));
    assert_eq!(quick.refusal().1, "idempotency_key_in_use");
    assert_eq!(
        world.client.post_keyed("k", "/v1/customers", &[]).await.header("idempotent-replayed"),
        Some("true")
    );
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_of_sandbox_time() {
    let world = world().await;
    let client = &world.client;
    let first = client.post_keyed("k", "/v1/customers", &[]).await.ok();
    world.sandbox.set_now(START + DAY);
    let later = client.post_keyed("k", "/v1/customers", &[]).await.ok();
    assert_ne!(id(&first), id(&later));
}

#[tokio::test]
async fn a_key_on_a_cancellation_has_no_effect_unless_the_sandbox_is_told_to_be_lenient() {
    let cancel_twice = async |builder: stripe_sandbox::SandboxBuilder| {
        let world = world_of(builder).await;
        let client = &world.client;
        let (customer, price) =
            (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
        let path = format!("/v1/subscriptions/{}", id(&client.subscribe(&customer, &price, &[]).await.ok()));
        let cancel = async || {
            client.send(client.request("DELETE", &path, &[]).header("idempotency-key", "k")).await.status
        };
        (cancel().await, cancel().await)
    };
    assert_eq!(cancel_twice(builder()).await, (200, 404));
    assert_eq!(cancel_twice(builder().replay_deletes(true)).await, (200, 200));
}
