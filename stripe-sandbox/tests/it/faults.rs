use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use crate::support::{World, builder, world, world_of};

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

/// What a request met: its status, or none without an answer; how many customers there are more; what it took.
async fn meet(world: &World) -> (Option<u16>, usize, Duration) {
    let (before, started) = (world.sandbox.objects("customer").len(), Instant::now());
    let answer = world.client.request("POST", "/v1/customers", &[]).send().await;
    let status = answer.ok().map(|answer| answer.status().as_u16());
    (status, world.sandbox.objects("customer").len() - before, started.elapsed())
}

#[tokio::test]
async fn every_kind_does_the_same_from_rust_and_over_http() {
    let world = world().await;
    let url = format!("{}/_sandbox/faults", world.sandbox.base_url());
    let limited = FaultKind::RateLimit { retry_after: Some(7) };
    let cases = [
        (FaultKind::FailBefore, false, None, 0, 0),
        (FaultKind::ActThenDrop, false, None, 1, 0),
        (FaultKind::Delay { ms: 150 }, false, Some(200), 1, 150),
        (FaultKind::ActThenDelay { ms: 150 }, false, Some(200), 1, 150),
        (limited, false, Some(429), 0, 0),
        (FaultKind::LockTimeout, false, Some(429), 0, 0),
        (FaultKind::ServerError, false, Some(500), 0, 0),
        (FaultKind::ServerError, true, Some(500), 1, 0),
        (FaultKind::HtmlBadGateway, false, Some(502), 0, 0),
        (FaultKind::HtmlBadGateway, true, Some(502), 1, 0),
        (FaultKind::Garbage, false, Some(200), 0, 0),
        (FaultKind::Garbage, true, Some(200), 1, 0),
    ];
    for (kind, act, status, made, least) in cases {
        let mut fault = Fault::new("POST /v1/customers", kind);
        fault.act = act;
        let written = serde_json::to_value(&fault).unwrap();
        for over_http in [false, true] {
            if over_http {
                let set = world.client.http.post(&url).json(&written).send().await.unwrap();
                assert_eq!(set.status(), 200, "{written}");
            } else {
                world.sandbox.fault(fault.clone());
            }
            let (met, more, took) = meet(&world).await;
            assert_eq!((met, more), (status, made), "{written}");
            assert!(took >= Duration::from_millis(least), "{written}: {took:?}");
            assert_eq!(meet(&world).await.0, Some(200), "{written}: it happens once");
        }
    }
    let http = &world.client.http;
    let pending =
        json!({ "match": "GET /v1/account", "kind": "rate_limit", "retry_after": 7, "count": 2, "skip": 1 });
    http.post(&url).json(&pending).send().await.unwrap();
    let listed: Value = http.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!((&listed["data"][0]["kind"], &listed["data"][0]["count"]), (&json!("rate_limit"), &json!(2)));
    assert_eq!(http.delete(&url).send().await.unwrap().status(), 200);
    let listed: Value = http.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(listed["data"], json!([]));
}

#[tokio::test]
async fn a_seed_decides_which_requests_a_chance_hits() {
    let pattern = async |seed: u64| {
        let world = world_of(builder().seed(seed)).await;
        world
            .sandbox
            .fault(Fault::new("GET /v1/account", FaultKind::ServerError).times(100).with_probability(50));
        let mut hits = Vec::new();
        for _ in 0..20 {
            hits.push(world.client.get("/v1/account", &[]).await.status == 500);
        }
        hits
    };
    let (first, again, other) = (pattern(1).await, pattern(1).await, pattern(2).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!((4..=16).contains(&first.iter().filter(|hit| **hit).count()), "{first:?}");
}

/// A page that somebody visits can send requests to this machine, under a name that it points here.
#[tokio::test]
async fn only_this_machine_controls_the_sandbox() {
    let world = world().await;
    let reset = async |header: (&str, &str)| {
        let request = world.client.http.post(format!("{}/_sandbox/reset", world.sandbox.base_url()));
        let answer = request.header(header.0, header.1).send().await.unwrap();
        answer.status().as_u16()
    };
    world.client.post("/v1/customers", &[]).await.ok();
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1.evil.example"),
        ("origin", "null"),
        ("host", "evil.example"),
        ("host", "evil.example:12111"),
    ] {
        assert_eq!(reset(header).await, 403, "{header:?}");
    }
    assert_eq!(world.sandbox.objects("customer").len(), 1, "nothing was reset");
    for header in [("origin", "http://localhost:3000"), ("host", "localhost:12111"), ("host", "[::1]:12111")]
    {
        assert_eq!(reset(header).await, 200, "{header:?}");
    }
    assert_eq!(world.sandbox.objects("customer").len(), 0);
}
