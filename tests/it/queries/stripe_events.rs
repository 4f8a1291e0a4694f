//! The inbox as platform staff see it and act on it.

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::stripe_event::EventState;
use tollgate::jobs::WorkerOptions;

use crate::hard_cases::{change_seats, quantity, quiet, subscribed};
use crate::support::webhook::{apply, event, in_state, send, stored};
use crate::support::{TestApp, TestOptions, eventually, text};

async fn listed(app: &TestApp, filter: Value) -> Vec<String> {
    let query = "query($filter: StripeEventFilter) { stripeEvents(filter: $filter) { totalCount nodes { eventId } } }";
    let answer = app.staff().send(query, json!({ "filter": filter })).await;
    let events = &answer.data()["stripeEvents"];
    let nodes = events["nodes"].as_array().expect("events");
    assert_eq!(events["totalCount"], nodes.len());
    nodes.iter().map(|node| text(&node["eventId"])).collect()
}

#[tokio::test]
async fn events_are_filtered_by_state_type_object_organization_and_time() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let changed = change_seats(&app, &of, "2").await;
    apply(&app, &event("evt_seats", "customer.subscription.updated", 5, &changed)).await;
    assert_eq!(send(&app, &event("evt_unknown", "made.up", 0, &json!({ "id": "x_1" }))).await, 200);
    in_state(&app, "evt_unknown", EventState::Ignored).await;
    let at = stored(&app, "evt_unknown").await.expect("stored").received_at;
    let soon = (at + chrono::TimeDelta::milliseconds(1)).to_rfc3339();
    assert_eq!(listed(&app, json!({})).await, ["evt_unknown", "evt_seats"], "newest first");
    for (filter, expected) in [
        (json!({ "state": "IGNORED" }), "evt_unknown"),
        (json!({ "type": "customer.subscription.updated" }), "evt_seats"),
        (json!({ "objectId": "x_1" }), "evt_unknown"),
        (json!({ "organizationId": of.organization }), "evt_seats"),
        (json!({ "since": at.to_rfc3339(), "until": soon }), "evt_unknown"),
        (json!({ "until": at.to_rfc3339() }), "evt_seats"),
    ] {
        assert_eq!(listed(&app, filter.clone()).await, [expected], "{filter}");
    }
    assert_eq!(listed(&app, json!({ "state": "DEAD" })).await, Vec::<String>::new());
}

/// Payloads name people: whoever owns an organization sees neither them nor the inbox.
#[tokio::test]
async fn events_and_their_payloads_are_for_platform_staff() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let changed = change_seats(&app, &of, "2").await;
    let told = event("evt_seats", "customer.subscription.updated", 5, &changed);
    apply(&app, &told).await;
    let answer = app.staff().send("{ stripeEvents { nodes { id payload } } }", json!({})).await;
    let node = &answer.data()["stripeEvents"]["nodes"][0];
    assert_eq!(node["payload"], told.to_string(), "byte for byte");
    for query in ["{ stripeEvents { nodes { payload } } }", "{ stripeIntake { waiting } }"] {
        let owner = of.owner.send(query, json!({})).await;
        assert!(!owner.body.to_string().contains("cus_"), "{query}: {:#}", owner.body);
        assert_eq!(owner.code(), "FORBIDDEN", "{query}");
    }
    let replay = "mutation($input: StripeEventReplayInput!) { stripeEventReplay(input: $input) { stripeEvent { id } } }";
    let refused = of.owner.send(replay, json!({ "input": { "stripeEventId": node["id"] } })).await;
    assert_eq!(refused.code(), "FORBIDDEN");
}

const REPLAY: &str = "mutation($input: StripeEventsReplayInput!) {
    stripeEventsReplay(input: $input) { events userErrors { message } } }";

/// A replay does the work again: what was spoilt meanwhile is right afterwards, and it is recorded once more.
#[tokio::test]
async fn replaying_a_time_applies_its_events_again() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let changed = change_seats(&app, &of, "7").await;
    apply(&app, &event("evt_seats", "customer.subscription.updated", 5, &changed)).await;
    let before = stored(&app, "evt_seats").await.expect("stored");
    app.disturb("UPDATE subscriptions SET quantity = 99").await;
    let at = before.received_at;
    let range = |since: i64, until: i64| {
        let time = |seconds| (at + chrono::TimeDelta::seconds(seconds)).to_rfc3339();
        json!({ "input": { "since": time(since), "until": time(until) } })
    };
    // Another time has none of it.
    let none = app.staff().send(REPLAY, range(-60, -30)).await;
    assert_eq!(none.data()["stripeEventsReplay"]["events"], 0);
    assert_eq!(quantity(&of).await, "99");
    let replayed = app.staff().send(REPLAY, range(-5, 5)).await;
    assert_eq!(replayed.data()["stripeEventsReplay"], json!({ "events": 1, "userErrors": [] }));
    app.settled_so_far().await;
    assert_eq!(quantity(&of).await, "7");
    let after = stored(&app, "evt_seats").await.expect("stored");
    assert!(after.applied_at > before.applied_at && after.received_at == before.received_at);
    assert_eq!(crate::support::webhook::records_of(&app, "evt_seats").await, 2);
    let backwards = app.staff().send(REPLAY, range(5, -5)).await;
    assert_eq!(backwards.code(), "BAD_USER_INPUT");
}

/// A dead letter is listed with its reason, counted, and applied once what was wrong is mended.
#[tokio::test]
async fn dead_letters_are_listed_counted_and_replayed() {
    let options = TestOptions { deliver_webhooks: false, stripe_attempts: 1, ..TestOptions::default() };
    let app = TestApp::start_with(options).await;
    subscribed(&app).await;
    let invoice = app.sandbox.objects("invoice")[0].clone();
    let path = format!("GET /v1/invoices/{}", text(&invoice["id"]));
    app.sandbox.fault(Fault::new(path.as_str(), FaultKind::ServerError).times(4));
    assert_eq!(send(&app, &event("evt_dead", "invoice.payment_failed", 5, &invoice)).await, 200);
    in_state(&app, "evt_dead", EventState::Dead).await;
    let intake = "{ stripeIntake { waiting deadLetters lagSeconds openDrifts } }";
    let shown = app.staff().send(intake, json!({})).await;
    let expected = json!({ "waiting": 0, "deadLetters": 1, "lagSeconds": null, "openDrifts": 0 });
    assert_eq!(shown.data()["stripeIntake"], expected);
    let dead =
        "{ stripeEvents(filter: { state: DEAD }) { nodes { eventId attempts lastError nextAttemptAt } } }";
    let listed = app.staff().send(dead, json!({})).await.data()["stripeEvents"]["nodes"].clone();
    assert_eq!(listed.as_array().expect("events").len(), 1);
    assert_eq!((&listed[0]["eventId"], &listed[0]["attempts"]), (&json!("evt_dead"), &json!(4)));
    assert!(text(&listed[0]["lastError"]).contains("Stripe"), "{listed:#}");
    assert!(listed[0]["nextAttemptAt"].is_null());
    // Stripe answers again.
    let now = chrono::TimeDelta::minutes(5);
    let at = stored(&app, "evt_dead").await.expect("stored").received_at;
    let input = json!({ "input": { "since": (at - now).to_rfc3339(), "until": (at + now).to_rfc3339(), "state": "DEAD" } });
    let replayed = app.staff().send(REPLAY, input).await;
    assert_eq!(replayed.data()["stripeEventsReplay"]["events"], 1);
    let applied = in_state(&app, "evt_dead", EventState::Applied).await;
    assert_eq!((applied.attempts, applied.last_error), (1, None));
    let shown = app.staff().send(intake, json!({})).await;
    assert_eq!(shown.data()["stripeIntake"]["deadLetters"], 0);
}

/// The versions in play are seen without asking Stripe: the endpoint's, the account's, the library's and the last event's.
#[tokio::test]
async fn the_versions_in_play_and_the_last_sweep_are_shown() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let (url, acacia) = ("http://127.0.0.1:9/webhooks/stripe", "2025-02-24.acacia");
    let form = [("url", url), ("enabled_events[0]", "*"), ("api_version", acacia)];
    crate::support::webhook::at_stripe(&app, "POST", "/v1/webhook_endpoints", &form).await;
    app.service.sweep_events(chrono::TimeDelta::minutes(1)).await.expect("a sweep");
    let mut told =
        event("evt_last", "customer.subscription.updated", 60, &change_seats(&app, &of, "3").await);
    told["api_version"] = json!("2025-06-30.basil");
    apply(&app, &told).await;
    let before = app.sandbox.requests().len();
    let query = "{ stripeIntake { lastSweep { startedAt finishedAt error }
        versions { library account endpoints { url status version } lastEvent } } }";
    let shown = app.staff().send(query, json!({})).await.data()["stripeIntake"].clone();
    assert_eq!(app.sandbox.requests().len(), before, "Stripe is not asked for a look");
    let library = tollgate::service::Service::stripe_version();
    let expected = json!({
        "library": library, "account": library, "lastEvent": "2025-06-30.basil",
        "endpoints": [{ "url": url, "status": "enabled", "version": acacia }],
    });
    assert_eq!(shown["versions"], expected);
    assert!(shown["lastSweep"]["startedAt"].is_string() && shown["lastSweep"]["finishedAt"].is_string());
    assert!(shown["lastSweep"]["error"].is_null());
    // One that fails says so, and when it last came to its end.
    app.sandbox.fault(Fault::new("GET /v1/events", FaultKind::ServerError).times(10));
    app.service.sweep_events(chrono::TimeDelta::minutes(1)).await.expect_err("Stripe does not answer");
    let failed = app.staff().send(query, json!({})).await.data()["stripeIntake"]["lastSweep"].clone();
    assert!(failed["error"].is_string(), "{failed:#}");
    assert_eq!(failed["finishedAt"], shown["lastSweep"]["finishedAt"]);
}

/// What waits is counted, and how long the oldest has waited.
#[tokio::test]
async fn the_lag_is_how_long_the_oldest_has_waited() {
    let options = TestOptions::default();
    let minute = std::time::Duration::from_secs(60);
    let worker = WorkerOptions { first_pause: minute, longest_pause: minute, ..options.worker };
    let options = TestOptions { deliver_webhooks: false, stripe_attempts: 1, worker, ..options };
    let app = TestApp::start_with(options).await;
    subscribed(&app).await;
    let invoice = app.sandbox.objects("invoice")[0].clone();
    let path = format!("GET /v1/invoices/{}", text(&invoice["id"]));
    app.sandbox.fault(Fault::new(path.as_str(), FaultKind::ServerError).times(100));
    for id in ["evt_old", "evt_new"] {
        assert_eq!(send(&app, &event(id, "invoice.payment_failed", 5, &invoice)).await, 200);
        eventually("its first failure", || async {
            stored(&app, id).await.filter(|event| event.last_error.is_some())
        })
        .await;
    }
    let at = (SystemClock.now() - chrono::TimeDelta::seconds(90)).to_rfc3339();
    app.disturb(&format!("UPDATE stripe_events SET received_at = '{at}' WHERE event_id = 'evt_old'")).await;
    let shown = app.staff().send("{ stripeIntake { waiting deadLetters lagSeconds } }", json!({})).await;
    let intake = &shown.data()["stripeIntake"];
    assert_eq!((&intake["waiting"], &intake["deadLetters"]), (&json!(2), &json!(0)));
    let lag = intake["lagSeconds"].as_f64().expect("seconds");
    assert!((90.0..100.0).contains(&lag), "{lag}");
}
