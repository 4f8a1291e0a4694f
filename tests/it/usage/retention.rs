//! Events are kept for a time; what they add up to stays.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use tollgate::domain::clock::{Clock, SystemClock};

use super::{event, record, recorded, subscribed, usage};
use crate::support::{TestApp, TestOptions, eventually};

#[tokio::test]
async fn old_events_go_and_what_they_add_up_to_stays() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "2")])).await;
    let now = SystemClock.now();
    assert_eq!(app.store().forget_usage_events(now - TimeDelta::hours(1)).await.expect("it is looked"), 0);
    assert_eq!(record(&owner, &acme, json!([event("api_calls", "a", "2")])).await.1, json!([0]));
    let gone = app.store().forget_usage_events(now + TimeDelta::hours(1)).await.expect("they are taken away");
    assert_eq!(gone, 2, "the event, and that it was seen");
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "2");
}

/// On SQLite a little at a time: others write in between.
#[tokio::test]
async fn all_that_is_old_goes_however_much_it_is() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    for batch in 0..6 {
        let events: Vec<_> = (0..1_000).map(|id| event("api_calls", &format!("{batch}-{id}"), "1")).collect();
        recorded(&owner, &acme, json!(events)).await;
    }
    let until = SystemClock.now() + TimeDelta::hours(1);
    let mut gone = Vec::new();
    while let rows @ 1.. = app.store().forget_usage_events(until).await.expect("they are taken away") {
        gone.push(rows);
    }
    let expected: &[u64] =
        if app.database_url().starts_with("sqlite") { &[10_000, 2_000] } else { &[12_000] };
    assert_eq!(gone, expected);
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "6000");
}

#[tokio::test]
async fn the_worker_takes_old_events_away() {
    let mut options = TestOptions::default();
    options.worker.usage_retention = Duration::ZERO;
    options.worker.retention = Duration::from_millis(100);
    let app = TestApp::start_with(options).await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "2")])).await;
    // Once it is forgotten that it was seen, it counts as another.
    eventually("the event to be forgotten", || async {
        let again = record(&owner, &acme, json!([event("api_calls", "a", "2")])).await;
        (again.0 == 1).then_some(())
    })
    .await;
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "4");
}

#[tokio::test]
async fn months_have_partitions_that_are_made_once_and_dropped_when_they_are_over() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let at = |text: &str| text.parse().expect("a time");
    let (since, until) = (at("2030-01-15T00:00:00Z"), at("2030-03-01T00:00:00Z"));
    let made = app.store().prepare_usage_partitions(since, until).await.expect("they are made");
    assert_eq!(made, if app.database_url().starts_with("sqlite") { 0 } else { 3 });
    assert_eq!(app.store().prepare_usage_partitions(since, until).await.expect("they are there"), 0);
    recorded(&owner, &acme, json!([event("api_calls", "a", "1")])).await;
    app.store().drop_usage_partitions(at("2030-02-15T00:00:00Z")).await.expect("they are dropped");
    let made = app.store().prepare_usage_partitions(since, until).await.expect("they are made");
    assert_eq!(made, if app.database_url().starts_with("sqlite") { 0 } else { 1 }, "January was over");
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "1");
}
