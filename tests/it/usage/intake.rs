//! What is recorded counts once, and what is wrong is named without keeping the rest out.

use serde_json::{Value, json};

use super::{app_at, event, number, record, recorded, recorder, subscribed, usage};
use crate::mutations::member::{ask, done};
use crate::support::TestApp;

#[tokio::test]
async fn case_71_an_event_that_comes_again_counts_once_and_the_batch_goes_on() {
    let (app, _) = app_at("2027-03-10T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let key = recorder(&app, &owner, &acme).await;
    recorded(&key, &acme, json!([event("api_calls", "a", "2"), event("api_calls", "b", "3")])).await;
    // Again, with another quantity and time, in one batch and twice in it; another meter's ids are its own.
    let later = json!({ "meter": "api_calls", "eventId": "a", "quantity": "9", "occurredAt": "2027-03-09T00:00:00Z" });
    let again =
        json!([later, event("api_calls", "c", "1"), event("api_calls", "c", "1"), event("seats", "a", "4")]);
    assert_eq!(record(&key, &acme, again).await, (2, json!([0, 2]), Vec::new()));
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "6");
    assert_eq!(usage(&owner, &acme, "meter: \"seats\"").await.1, "4");

    let one = json!({ "organizationId": acme, "event": event("api_calls", "a", "2") });
    let payload = done(&key, "usageRecord", one, "isRecorded isDuplicate").await;
    assert_eq!(payload["isDuplicate"], json!(true));
    assert_eq!(payload["isRecorded"], json!(true));
}

#[tokio::test]
async fn case_72_one_bad_event_is_named_by_its_place_and_does_not_sink_the_batch() {
    let (app, _) = app_at("2027-03-10T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let at = |id: &str, moment: &str| json!({ "meter": "api_calls", "eventId": id, "occurredAt": moment });
    let events = json!([
        event("api_calls", "ok", "1"),
        event("nothing", "x", "1"),
        event("api_calls", "", "1"),
        event("api_calls", "precise", "0.0000000000001"),
        at("ahead", "2027-03-10T12:05:01Z"),
        at("not-ahead", "2027-03-10T12:05:00Z"),
        at("old", "2027-02-03T11:59:59Z"),
        at("not-old", "2027-02-03T12:00:00Z"),
        event("seats", "below", "-1"),
        json!({ "meter": "api_calls", "eventId": "card", "properties": { "note": "4242 4242 4242 4242" } }),
        event("api_calls", "taken-back", "-0.5"),
    ]);
    let (accepted, duplicates, errors) = record(&owner, &acme, events).await;
    assert_eq!((accepted, duplicates), (4, json!([])));
    let places: Vec<&str> = errors.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(
        places,
        [
            "events.1.meter",
            "events.2.eventId",
            "events.3.quantity",
            "events.4.occurredAt",
            "events.6.occurredAt",
            "events.8.quantity",
            "events.9.properties",
        ]
    );
    assert!(errors.iter().all(|(code, _)| code == "BAD_USER_INPUT"));
    let march = "meter: \"api_calls\", granularity: MONTH, since: \"2027-02-01T00:00:00Z\"";
    assert_eq!(usage(&owner, &acme, march).await.1, "2.5");
    let one = json!({ "organizationId": acme, "event": event("nothing", "x", "1") });
    let answer = ask(&owner, "usageRecord", one, "isRecorded").await;
    let (code, path, _) = answer.user_error("usageRecord");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "event.meter"));
}

#[tokio::test]
async fn a_batch_has_one_to_a_thousand_events() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let events = |number: usize| -> Value {
        (0..number).map(|id| json!({ "meter": "api_calls", "eventId": format!("{id}") })).collect()
    };
    for number in [0, 1_001] {
        let (accepted, _, errors) = record(&owner, &acme, events(number)).await;
        assert_eq!(accepted, 0);
        assert_eq!(errors, [("BAD_USER_INPUT".to_owned(), "events".to_owned())]);
    }
    recorded(&owner, &acme, events(1_000)).await;
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "1000");
}

/// Whoever sends the same events at once counts them once, and nothing is lost of what others send beside.
#[tokio::test]
async fn the_same_events_at_the_same_time_count_once() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let shared: Vec<Value> = (0..40).map(|id| event("api_calls", &format!("shared-{id}"), "1")).collect();
    let senders = (0..12).map(|sender| {
        let (owner, acme, mut events) = (owner.clone(), acme.clone(), shared.clone());
        events.push(event("api_calls", &format!("own-{sender}"), "0.25"));
        if sender % 2 == 1 {
            events.reverse();
        }
        async move { record(&owner, &acme, json!(events)).await.0 }
    });
    let accepted: i64 = futures::future::join_all(senders).await.into_iter().sum();
    assert_eq!(accepted, 40 + 12);
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "43");
    for table in ["usage_events", "usage_event_keys"] {
        assert_eq!(number(&app, &format!("SELECT COUNT(*) AS number FROM {table}")).await, 52, "{table}");
    }
    for table in ["usage_hours", "usage_days", "usage_counters"] {
        let sql = format!("SELECT CAST(SUM(events) AS BIGINT) AS number FROM {table}");
        assert_eq!(number(&app, &sql).await, 52, "{table}");
    }
}

/// Hours, days and periods are not the more statements the more events there are.
#[tokio::test]
async fn a_large_batch_takes_as_many_statements_as_a_small_one() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let batch = |name: &str, number: usize| -> Value {
        (0..number).map(|id| event("api_calls", &format!("{name}-{id}"), "1")).collect()
    };
    // What is told of the setup is heard before.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    recorded(&owner, &acme, batch("first", 1)).await;
    let about = |statements: Vec<String>| -> usize {
        let is_ours = |sql: &String| sql.contains("INSERT INTO") && sql.contains("usage_");
        statements.iter().filter(|sql| is_ours(sql)).count()
    };
    let ((), small) = app.statements_of(recorded(&owner, &acme, batch("small", 1))).await;
    let ((), large) = app.statements_of(recorded(&owner, &acme, batch("large", 900))).await;
    let (small, large) = (about(small), about(large));
    assert!((4..=5).contains(&small), "{small}");
    assert_eq!(small, large);
}

#[tokio::test]
async fn recording_needs_its_scope() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let member = app.member(&acme, "peter").await;
    let input = json!({ "organizationId": acme, "event": event("api_calls", "a", "1") });
    let answer = ask(&member, "usageRecord", input, "isRecorded").await;
    assert_eq!(answer.code(), "FORBIDDEN");
    assert!(answer.message().contains("usage:write"), "{}", answer.message());
    // Somebody else's key finds no such organization, whatever it may do in its own.
    let stranger = app.client("nina");
    let theirs = app.organization(&stranger, "theirs").await;
    let key = recorder(&app, &stranger, &theirs).await;
    let input = json!({ "organizationId": acme, "event": event("api_calls", "a", "1") });
    assert_eq!(ask(&key, "usageRecord", input, "isRecorded").await.code(), "NOT_FOUND");
    recorded(&key, &theirs, json!([event("api_calls", "a", "1")])).await;
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "0");
}

#[tokio::test]
async fn a_batch_leaves_one_record_and_one_of_which_nothing_is_new_leaves_none() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let events = json!([event("api_calls", "a", "1"), event("seats", "b", "1"), event("nothing", "c", "1")]);
    record(&owner, &acme, events.clone()).await;
    assert_eq!(record(&owner, &acme, events).await.1, json!([0, 1]));
    let records = app.audit_records().await;
    let ours: Vec<_> = records.iter().filter(|record| record.action == "usage.record").collect();
    assert_eq!(ours.len(), 1);
    let expected = json!({ "events": { "api_calls": 1, "seats": 1 }, "duplicates": 0, "refused": 1 });
    assert_eq!(ours[0].new_values, Some(expected));
}

/// Whoever records more than can be added up is shown the most there is, and everything else goes on.
#[tokio::test]
async fn what_adds_up_to_too_much_breaks_nothing() {
    let (app, _) = app_at("2027-03-10T12:00:00Z").await;
    let features = json!({ "calls": { "meter": "api_calls", "included": 1000, "limit": "soft" } });
    let (owner, acme) = subscribed(&app, features).await;
    for batch in 0..11 {
        let events: Vec<Value> =
            (0..1_000).map(|id| event("api_calls", &format!("{batch}-{id}"), "1000000000000")).collect();
        recorded(&owner, &acme, json!(events)).await;
    }
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "10000000000000000");
    let query = "query($id: ID!) { entitlements(organizationId: $id) { used } }";
    let answer = owner.send(query, json!({ "id": acme })).await;
    assert_eq!(answer.data()["entitlements"], json!([{ "used": "10000000000000000" }]));
    recorded(&owner, &acme, json!([event("seats", "a", "3")])).await;
    // On two days it is more than one answer can show.
    let earlier =
        json!([{ "meter": "api_calls", "eventId": "earlier", "occurredAt": "2027-03-08T12:00:00Z" }]);
    recorded(&owner, &acme, earlier).await;
    let query = "query($id: ID!) { usageByMeter(organizationId: $id, meter: \"api_calls\") { quantity } }";
    assert_eq!(owner.send(query, json!({ "id": acme })).await.code(), "BAD_USER_INPUT");
}
