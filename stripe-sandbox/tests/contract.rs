//! Drives every endpoint once. Each answer is compared with the shapes in `spec/objects.json`. When the environment
//! variable STRIPE_CONTRACT names Stripe's contract checker (`stripe_contract.py`), the same requests go through it,
//! and a single violation in an answer or an event fails the test. STRIPE_CONTRACT_PYTHON names the interpreter with
//! aiohttp, `python3` unless set.

mod support;

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use support::scenario::drive;
use support::{Client, world};

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_answers_as_the_description_says() {
    let world = world().await;
    drive(&world, &world.client).await;
    world.check_events();
    let asked: Vec<String> = world
        .sandbox
        .requests()
        .iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    let operations: Value = serde_json::from_str(include_str!("../spec/parameters.json")).unwrap();
    let missed: Vec<&String> = operations
        .as_object()
        .unwrap()
        .keys()
        .filter(|operation| !asked.iter().any(|asked| is_of(asked, operation)))
        .collect();
    assert!(missed.is_empty(), "never asked for: {missed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_checker_finds_no_violation_when_it_is_at_hand() {
    let Ok(checker) = std::env::var("STRIPE_CONTRACT") else {
        eprintln!("STRIPE_CONTRACT is not set: only the shapes of the other test were compared");
        return;
    };
    let world = world().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let proxy = format!("http://127.0.0.1:{port}");
    let python = std::env::var("STRIPE_CONTRACT_PYTHON").unwrap_or_else(|_| "python3".into());
    let folder = tempfile::tempdir().unwrap();
    let mut process = tokio::process::Command::new(python)
        .args([&checker, "--listen", &format!("127.0.0.1:{port}"), "--upstream", &world.sandbox.base_url()])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the interpreter that STRIPE_CONTRACT_PYTHON names starts");
    let client = Client::new(proxy.clone());
    let mut up = false;
    for _ in 0..300 {
        if client.http.get(format!("{proxy}/_report")).send().await.is_ok() {
            up = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(up, "the contract checker did not start");
    drive(&world, &client).await;
    let report: Value =
        client.http.get(format!("{proxy}/_report")).send().await.unwrap().json().await.unwrap();
    let text =
        client.http.get(format!("{proxy}/_report?format=text")).send().await.unwrap().text().await.unwrap();
    eprintln!("{text}");
    assert_eq!(report["distinct"]["response_violations"], 0, "{text}");
    assert_eq!(report["distinct"]["request_violations"], 0, "{text}");
    let events = world.sandbox.events();
    for event in &events {
        let checked = client.http.post(format!("{proxy}/_validate_event")).json(event).send().await.unwrap();
        let checked: Value = checked.json().await.unwrap();
        let violations: Vec<&Value> = checked["violations"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|v| !v[0].as_str().unwrap().starts_with("note:"))
            .collect();
        assert!(violations.is_empty(), "{}: {violations:?}", event["type"]);
    }
    // Past the test harness, which shows what passing tests print to nobody.
    let summary = format!("contract: {} requests, {} events, 0 violations", report["requests"], events.len());
    writeln!(std::io::stderr(), "{summary}").unwrap();
    process.kill().await.unwrap();
}

/// Whether a request is one of an operation like `GET /v1/customers/{}`.
fn is_of(request: &str, operation: &str) -> bool {
    let (request, operation): (Vec<&str>, Vec<&str>) =
        (request.split('/').collect(), operation.split('/').collect());
    request.len() == operation.len()
        && request.iter().zip(&operation).all(|(sent, part)| *part == "{}" || sent == part)
}
