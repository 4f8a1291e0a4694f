//! The route for programs: JSON, JSON Lines, gzip.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{recorder, subscribed, usage};
use crate::mutations::member::done;
use crate::support::{Client, TestApp, text};

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
