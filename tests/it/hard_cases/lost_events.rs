//! A, continued: events that never come.

use std::time::{Duration, Instant};

use super::{change_seats, quantity, shown, subscribed};
use crate::support::webhook::{at_stripe, stored};
use crate::support::{TestApp, TestOptions, eventually};

/// A gateway whose endpoint is down for Stripe, and that reads Stripe's list as often as it does unless told otherwise.
async fn sweeping(interval: Duration) -> TestApp {
    let options = TestOptions::default();
    let worker = tollgate::jobs::WorkerOptions { sweep_events: Some(interval), ..options.worker };
    TestApp::start_with(TestOptions { deliver_webhooks: false, worker, ..options }).await
}

/// The service level is thirty seconds; the list is read every five.
#[tokio::test]
async fn case_10_lost_events_are_found_in_stripes_list() {
    let app = sweeping(Duration::from_secs(5)).await;
    let of = subscribed(&app).await;
    let began = Instant::now();
    change_seats(&app, &of, "12").await;
    let changed = loop {
        if quantity(&of).await == "12" {
            break began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(30), "not made good within thirty seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    println!("from a lost webhook to the applied change: {changed:.1?}, with a sweep every five seconds");
    let answer = app
        .staff()
        .send(
            "{ stripeIntake { lastSweep { finishedAt error report } waiting deadLetters lagSeconds
                 versions { library account endpoints { url version } lastEvent } }
               stripeEvents(filter: { type: \"customer.subscription.updated\" }) { nodes { source payload } } }",
            serde_json::json!({}),
        )
        .await;
    let intake = &answer.data()["stripeIntake"];
    assert!(intake["lastSweep"]["finishedAt"].is_string(), "{intake:#}");
    assert!(intake["lastSweep"]["error"].is_null(), "{intake:#}");
    assert_eq!(intake["versions"]["library"], "2026-09-30.endive");
    assert_eq!(intake["versions"]["account"], "2026-09-30.endive");
    assert_eq!(answer.data()["stripeEvents"]["nodes"][0]["source"], "SWEEP");
}

#[tokio::test]
async fn case_11_a_gap_longer_than_stripes_list() {
    let app = sweeping(Duration::from_millis(100)).await;
    let of = subscribed(&app).await;
    // The sweep has begun, and then the gateway is down.
    eventually("the first comparison", || async {
        let last = app.service.last_comparison().await.expect("a query");
        last.and_then(|job| job.finished_at)
    })
    .await;
    // Nothing of before may wait: applied later, it would show the cancellation.
    let newest = crate::support::text(&app.sandbox.events().last().expect("there are events")["id"]);
    eventually("the newest event", || stored(&app, &newest)).await;
    app.settled_so_far().await;
    let (database, sandbox) = app.stop().await;
    let options = || TestOptions { deliver_webhooks: false, ..TestOptions::default() };
    let app = TestApp::start_on(database, sandbox, options()).await;
    let path = format!("/v1/subscriptions/{}", of.subscription);
    at_stripe(&app, "DELETE", &path, &[]).await;
    app.sandbox.set_now(app.sandbox.now() + 45 * 86_400);
    let (database, sandbox) = app.stop().await;
    let worker = tollgate::jobs::WorkerOptions {
        sweep_events: Some(Duration::from_millis(100)),
        ..TestOptions::default().worker
    };
    let app = TestApp::start_on(database, sandbox, TestOptions { worker, ..options() }).await;
    let of = super::Subscribed { owner: app.client("olivia"), ..of };
    eventually("the canceled subscription to be compared", || async {
        let shown = shown(&of, "subscription { status }").await;
        (shown["subscription"]["status"] == "CANCELED").then_some(())
    })
    .await;
    let told = app.sandbox.events().iter().any(|event| event["type"] == "customer.subscription.deleted");
    assert!(!told, "Stripe lists the event no longer: only the comparison can have found it");
    // What was found and mended is recorded.
    let records = app.audit_records().await;
    let mended =
        records.iter().find(|record| record.action == "drift.mend" && record.resource_id == of.subscription);
    let values = mended.and_then(|record| record.new_values.clone()).unwrap_or_else(|| {
        let actions: Vec<_> =
            records.iter().map(|record| (&record.action, &record.resource_id, &record.request_id)).collect();
        panic!("no record of the mended subscription among {actions:#?}")
    });
    assert_eq!(values["status"], "canceled");
    let query = "{ billingDrift(isMended: true) { nodes { field stripe cause mendedBy } } }";
    let drifts = app.staff().send(query, serde_json::json!({})).await;
    let found = drifts.data()["billingDrift"]["nodes"].as_array().expect("drifts").clone();
    assert!(
        found.iter().any(|drift| drift["field"] == "status" && drift["mendedBy"] == "COMPARISON"),
        "{found:#?}"
    );
}
