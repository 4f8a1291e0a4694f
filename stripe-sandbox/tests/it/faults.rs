use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use crate::support::world;

#[tokio::test]
async fn fail_before_does_nothing_and_act_then_drop_does_everything_but_answer() {
    let world = world().await;
    let client = &world.client;
    let send = async |key: &str| {
        client.request("POST", "/v1/customers", &[]).header("idempotency-key", key).send().await
    };
    world.sandbox.fault(Fault::new("POST /v1/customers", FaultKind::FailBefore));
    assert!(send("a").await.is_err());
    assert!(world.sandbox.objects("customer").is_empty());
    world.sandbox.fault(Fault::new("POST /v1/customers", FaultKind::ActThenDrop));
    assert!(send("b").await.is_err());
    assert_eq!(world.sandbox.objects("customer").len(), 1);
    let replay = client.post_keyed("b", "/v1/customers", &[]).await;
    assert_eq!(replay.header("idempotent-replayed"), Some("true"), "the same key finds what was done");
    assert_eq!(world.sandbox.objects("customer").len(), 1);
    let seen: Vec<u16> = world.sandbox.requests().iter().map(|request| request.status).collect();
    assert_eq!(seen, [0, 0, 200]);
}

#[tokio::test]
async fn each_kind_of_answer_looks_like_stripes() {
    let world = world().await;
    let client = &world.client;
    let cases = [
        (Fault::new("GET /v1/account", FaultKind::RateLimit { retry_after: None }), 429, "rate_limit"),
        (Fault::new("GET /v1/account", FaultKind::LockTimeout), 429, "lock_timeout"),
        (Fault::new("GET /v1/account", FaultKind::ServerError), 500, ""),
    ];
    for (fault, status, code) in cases {
        world.sandbox.fault(fault);
        let answer = client.get("/v1/account", &[]).await;
        assert_eq!(answer.refusal(), (status, code, ""));
    }
    let raw = async || client.request("GET", "/v1/account", &[]).send().await.unwrap();
    world.sandbox.fault(Fault::new("GET /v1/account", FaultKind::HtmlBadGateway));
    let html = raw().await;
    assert_eq!(
        (html.status().as_u16(), html.headers()["content-type"].to_str().unwrap()),
        (502, "text/html")
    );
    world.sandbox.fault(Fault::new("GET /v1/account", FaultKind::Garbage));
    let garbage = raw().await;
    assert_eq!(garbage.status(), 200);
    assert!(serde_json::from_slice::<Value>(&garbage.bytes().await.unwrap()).is_err());
    client.get("/v1/account", &[]).await.ok();
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_undo_its_request() {
    let world = world().await;
    world.sandbox.fault(Fault::new("POST /v1/customers", FaultKind::Delay { ms: 200 }));
    let request = world.client.request("POST", "/v1/customers", &[]).timeout(Duration::from_millis(50));
    assert!(request.send().await.is_err_and(|error| error.is_timeout()));
    let started = Instant::now();
    while world.sandbox.objects("customer").is_empty() && started.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.sandbox.objects("customer").len(), 1);
}

#[tokio::test]
async fn a_server_error_that_took_effect_is_replayed_under_its_key() {
    let world = world().await;
    let client = &world.client;
    world.sandbox.fault(Fault::new("POST /v1/customers", FaultKind::ServerError).acting());
    assert_eq!(client.post_keyed("a", "/v1/customers", &[]).await.status, 500);
    let again = client.post_keyed("a", "/v1/customers", &[]).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (500, Some("true")));
    assert_eq!(world.sandbox.objects("customer").len(), 1);
    world.sandbox.fault(Fault::new("POST /v1/customers", FaultKind::ServerError));
    assert_eq!(client.post_keyed("b", "/v1/customers", &[]).await.status, 500);
    client.post_keyed("b", "/v1/customers", &[]).await.ok();
    assert_eq!(world.sandbox.objects("customer").len(), 2);
}

#[tokio::test]
async fn an_acting_server_error_took_effect_and_skips_spare_the_first_requests() {
    let world = world().await;
    let client = &world.client;
    world.sandbox.fault(Fault::new("POST /v1/customers$", FaultKind::ServerError).acting().after(1));
    client.post("/v1/customers", &[]).await.ok();
    assert_eq!(client.post("/v1/customers", &[]).await.status, 500);
    assert_eq!(world.sandbox.objects("customer").len(), 2);
}

#[tokio::test]
async fn faults_and_the_rest_can_be_controlled_over_http() {
    let world = world().await;
    let (base, http) = (world.sandbox.base_url(), &world.client.http);
    let control = async |path: &str, body: Value| {
        http.post(format!("{base}/_sandbox/{path}")).json(&body).send().await.unwrap().status().as_u16()
    };
    let fault = json!({ "match": "GET /v1/account", "kind": "act_then_delay", "ms": 1000, "count": 2 });
    assert_eq!(control("faults", fault).await, 200);
    let started = Instant::now();
    world.client.get("/v1/account", &[]).await.ok();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(control("faults", json!({ "match": "*", "kind": "nonsense" })).await, 400);
    let requests: Value =
        http.get(format!("{base}/_sandbox/requests")).send().await.unwrap().json().await.unwrap();
    assert_eq!(requests["data"][0]["path"], "/v1/account");
    assert_eq!(control("clock", json!({ "now": 1 })).await, 400, "time does not run backwards");
    assert_eq!(control("nonsense", json!({})).await, 404);
    world.client.customer(None).await;
    assert_eq!(control("reset", json!({})).await, 200);
    assert!(world.sandbox.objects("customer").is_empty() && world.sandbox.requests().is_empty());
    let started = Instant::now();
    world.client.get("/v1/account", &[]).await.ok();
    assert!(started.elapsed() < Duration::from_secs(1), "the second fault is gone");
}
