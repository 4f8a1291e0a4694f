//! The route for programs: JSON, JSON Lines, gzip.

use std::io::Write;
use std::num::NonZeroU32;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollgate::http::HttpOptions;

use super::{recorder, subscribed, usage};
use crate::mutations::member::done;
use crate::support::{Client, TestApp, TestOptions, eventually, text};

/// Sends a body. The status, and what was answered.
async fn post(app: &TestApp, client: &Client, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, Value) {
    let mut request = reqwest::Client::new().post(format!("http://{}/v1/usage", app.address)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.expect("the gateway answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_program_records_without_graphql() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let key = recorder(&app, &owner, &acme).await;
    let events = json!({ "events": [
        { "meter": "api_calls", "eventId": "a", "quantity": 2 },
        { "meter": "api_calls", "eventId": "b", "quantity": "0.5", "properties": { "region": "eu" } },
        { "meter": "api_calls", "quantity": 1 },
        { "meter": "nothing", "eventId": "c" },
    ] });
    let (status, answer) = post(&app, &key, &[JSON], events.to_string().into_bytes()).await;
    assert_eq!((status, &answer["accepted"], &answer["duplicates"]), (200, &json!(2), &json!([])));
    let errors = answer["errors"].as_array().expect("errors");
    let shown: Vec<_> = errors.iter().map(|error| (&error["index"], &error["field"])).collect();
    assert_eq!(shown, [(&json!(2), &Value::Null), (&json!(3), &json!("meter"))], "{answer:#}");

    let lines = b"{\"meter\":\"api_calls\",\"eventId\":\"b\"}\n{\"meter\":\"api_calls\",\"eventId\":\"d\"}\n";
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(lines).expect("it is packed");
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
    let (status, answer) = post(&app, &key, &headers, packed.finish().expect("it is packed")).await;
    assert_eq!(status, 200);
    assert_eq!(answer, json!({ "accepted": 1, "duplicates": [0], "errors": [] }));
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "3.5");
}

#[tokio::test]
async fn only_a_key_with_the_scope_records() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let event = json!({ "meter": "api_calls", "eventId": "a" }).to_string().into_bytes();
    let input = json!({ "organizationId": acme, "name": "Reader", "scopes": ["SUBSCRIPTION_READ"] });
    let made = done(&owner, "apiKeyCreate", input, "secret").await;
    let reader = Client::new(app.address, Some(text(&made["secret"])));
    for (client, expected, code) in [
        (app.anonymous(), 401, "UNAUTHENTICATED"),
        (owner.clone(), 401, "UNAUTHENTICATED"),
        (reader, 403, "FORBIDDEN"),
    ] {
        let (status, answer) = post(&app, &client, &[JSON], event.clone()).await;
        assert_eq!((status, &answer["error"]["code"]), (expected, &json!(code)), "{answer:#}");
    }
    let refused = app.audit_records().await.into_iter().find(|record| record.action == "access.refuse");
    assert_eq!(refused.expect("a record").new_values, Some(json!({ "reason": "usage:write" })));
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "0");
}

#[tokio::test]
async fn what_cannot_be_read_at_all_records_nothing() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let key = recorder(&app, &owner, &acme).await;
    let many: Vec<Value> =
        (0..1_001).map(|id| json!({ "meter": "api_calls", "eventId": format!("{id}") })).collect();
    for (headers, body, expected) in [
        (vec![JSON], b"[".to_vec(), 400),
        (vec![JSON], b"[]".to_vec(), 400),
        (vec![JSON], json!(many).to_string().into_bytes(), 400),
        (vec![("content-type", "text/csv")], b"a,b".to_vec(), 415),
        (vec![JSON, ("content-encoding", "br")], b"[]".to_vec(), 415),
        (vec![JSON, ("content-encoding", "gzip")], b"[]".to_vec(), 400),
    ] {
        let (status, answer) = post(&app, &key, &headers, body).await;
        assert_eq!(status, expected, "{answer:#}");
        assert!(answer["error"]["requestId"].is_string(), "{answer:#}");
    }
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "0");
}

async fn app_with(change: impl FnOnce(&mut HttpOptions)) -> TestApp {
    let mut options = TestOptions::default();
    change(&mut options.http);
    TestApp::start_with(options).await
}

/// A sender that promises a body and sends only its beginning.
async fn stalled(app: &TestApp, key: &Client) -> TcpStream {
    let mut stream = TcpStream::connect(app.address).await.expect("a connection");
    let token = key.token.as_deref().expect("a key");
    let head = format!(
        "POST /v1/usage HTTP/1.1\r\nhost: tollgate\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 100000\r\n\r\n["
    );
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    stream
}

async fn status_line(stream: &mut TcpStream) -> String {
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning).await.expect("an answer");
    String::from_utf8_lossy(&beginning).into_owned()
}

/// A body is read only once there is a place for it, and whoever does not send theirs loses it.
#[tokio::test]
async fn with_every_place_taken_the_next_is_told_to_wait_before_its_body_is_read() {
    let app = app_with(|http| {
        http.usage_concurrency = 2;
        http.webhook_read_timeout = Duration::from_secs(4);
    })
    .await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let key = recorder(&app, &owner, &acme).await;
    let event = |id: &str| json!({ "meter": "api_calls", "eventId": id }).to_string().into_bytes();
    let mut held = [stalled(&app, &key).await, stalled(&app, &key).await];
    let (refused, key) = (event("refused"), &key);
    eventually("both places to be taken", || {
        let (app, refused) = (&app, refused.clone());
        async move {
            let url = format!("http://{}/v1/usage", app.address);
            let request = reqwest::Client::new().post(url).header(JSON.0, JSON.1).body(refused);
            let token = key.token.as_deref().expect("a key");
            let answer = request.bearer_auth(token).send().await.expect("an answer");
            let waits = answer.headers().get("retry-after").is_some_and(|value| value == "1");
            (answer.status().as_u16() == 503 && waits).then_some(())
        }
    })
    .await;
    // Even a sender that does not send its body is answered.
    assert_eq!(status_line(&mut stalled(&app, key).await).await, "HTTP/1.1 503");
    for stream in &mut held {
        assert_eq!(status_line(stream).await, "HTTP/1.1 408");
    }
    let (status, answer) = post(&app, key, &[JSON], event("taken")).await;
    assert_eq!((status, &answer["accepted"]), (200, &json!(1)), "{answer:#}");
}

#[tokio::test]
async fn a_small_body_that_means_a_large_one_is_refused() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let key = recorder(&app, &owner, &acme).await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&vec![b' '; 512 * 1024]).expect("it is packed");
    let member = packed.finish().expect("it is packed");
    // More than a gigabyte, in members that each are small.
    let bomb = member.repeat(1_900_000 / member.len());
    for (headers, body, expected) in [
        (vec![JSON, ("content-encoding", "gzip")], bomb, 413),
        (vec![JSON], vec![b' '; 2 * 1024 * 1024 + 1], 413),
        (vec![JSON, ("content-encoding", "gzip")], member[..member.len() / 2].to_vec(), 400),
    ] {
        let (status, answer) = post(&app, &key, &headers, body).await;
        assert_eq!(status, expected, "{answer:#}");
    }
}

#[tokio::test]
async fn a_key_that_sends_too_often_is_told_to_wait() {
    let app = app_with(|http| http.api_key_rate = NonZeroU32::new(2).expect("two")).await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let key = recorder(&app, &owner, &acme).await;
    let event = |id: &str| json!({ "meter": "api_calls", "eventId": id }).to_string().into_bytes();
    for (id, expected) in [("a", 200), ("b", 200), ("c", 429)] {
        assert_eq!(post(&app, &key, &[JSON], event(id)).await.0, expected, "{id}");
    }
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "2");
}
