//! A gateway that dies while it takes usage in: what it answered for is on disk, and what is sent again counts once.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{event, number, recorder, subscribed, usage};
use crate::every_operation::kill::gateway;
use crate::support::{TestApp, TestOptions, text};

/// Batches that are sent, each again until it was answered for, and after that too.
const BATCHES: usize = 60;
/// Batches on their way at the same time.
const AT_ONCE: usize = 8;
/// Events of each meter in a batch.
const EVENTS: usize = 15;
/// Answers after which a process is killed with SIGKILL; the last one lives.
const KILLED_AFTER: [usize; 4] = [3, 20, 35, usize::MAX];

/// A batch of two meters, one of them with a limit that refuses, which it does not reach.
fn batch(place: usize) -> Value {
    (0..EVENTS)
        .flat_map(|number| {
            let id = format!("e-{place}-{number}");
            [event("api_calls", &id, "1.25"), event("exports", &id, "2")]
        })
        .collect()
}

/// Sends a batch: how many events were recorded, and how many had been; nothing when nobody answered.
async fn send(http: &reqwest::Client, port: u16, key: &str, place: usize) -> Option<(usize, usize)> {
    let request = http.post(format!("http://127.0.0.1:{port}/v1/usage")).bearer_auth(key).json(&batch(place));
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    let answer: Value = answer.json().await.ok()?;
    assert_eq!((status, &answer["errors"]), (200, &json!([])), "{answer:#}");
    let accepted = answer["accepted"].as_u64().and_then(|count| usize::try_from(count).ok());
    Some((accepted.expect("a count"), answer["duplicates"].as_array().expect("a list").len()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_answered_for_is_kept_and_what_is_sent_again_counts_once() {
    let quiet = || TestOptions { deliver_webhooks: false, ..TestOptions::default() };
    let app = TestApp::start_with(quiet()).await;
    let input = json!({ "name": "exports", "unit": "export", "aggregation": "SUM" });
    crate::mutations::member::done(&app.staff(), "meterCreate", input, "meter { id }").await;
    let features = json!({ "exports": { "meter": "exports", "included": 1_000_000, "limit": "hard" } });
    let (owner, acme) = subscribed(&app, features).await;
    let key = text(&json!(recorder(&app, &owner, &acme).await.token));
    let (database, sandbox) = app.stop().await;

    let mut answered = BTreeSet::new();
    for killed_after in KILLED_AFTER {
        let (process, port) = gateway(&database, &sandbox, "nowhere").await;
        let (http, mut process) = (reqwest::Client::new(), Some(process));
        let (http, key) = (&http, &key);
        let sent = stream::iter(0..BATCHES)
            .map(|place| async move { (place, send(http, port, key, place).await) })
            .buffer_unordered(AT_ONCE);
        let mut sent = std::pin::pin!(sent);
        let mut answers = 0;
        while let Some((place, answer)) = sent.next().await {
            let Some((accepted, duplicates)) = answer else { continue };
            // A batch is recorded whole or not at all, and what was answered for is there.
            let whole = 2 * EVENTS;
            let is_new = (accepted, duplicates) == (whole, 0);
            assert!(is_new || (accepted, duplicates) == (0, whole), "{place}: {accepted}, {duplicates}");
            assert!(!(is_new && answered.contains(&place)), "{place} was answered for, and was not there");
            answered.insert(place);
            answers += 1;
            if answers == killed_after {
                // In the midst of what others are at.
                tokio::time::sleep(Duration::from_micros(700)).await;
                drop(process.take());
            }
        }
    }
    assert_eq!(answered.len(), BATCHES);

    let app = TestApp::start_on(database, sandbox, quiet()).await;
    let owner = app.client("olivia");
    let events = BATCHES * EVENTS;
    for (meter, quarters) in [("api_calls", 5), ("exports", 8)] {
        let (_, all) = usage(&owner, &acme, &format!("meter: \"{meter}\"")).await;
        let expected = events * quarters / 4;
        let rest = ["", ".25", ".5", ".75"][events * quarters % 4];
        assert_eq!(all, format!("{expected}{rest}"), "{meter}");
    }
    let stored = i64::try_from(2 * events).expect("few");
    for table in ["usage_events", "usage_event_keys"] {
        assert_eq!(number(&app, &format!("SELECT COUNT(*) AS number FROM {table}")).await, stored, "{table}");
    }
    for table in ["usage_hours", "usage_days", "usage_counters"] {
        let sql = format!("SELECT CAST(SUM(events) AS BIGINT) AS number FROM {table}");
        assert_eq!(number(&app, &sql).await, stored, "{table}");
    }
    let records = app.audit_records().await;
    let of_usage = records.iter().filter(|record| record.action == "usage.record").count();
    assert_eq!(of_usage, BATCHES, "a record for each batch that counted");
}
