//! What a change took away and nobody got anything for is written down with the settlement, and asked for in the same words
//! however often.

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use super::kill::{gateway, kill_when_reached};
use super::{ask, patient, quiet};
use crate::mutations::subscription_change::{Subscribed, change, subscribed};
use crate::support::{TestApp, eventually, text};

fn active_schedules(app: &TestApp) -> usize {
    app.sandbox.objects("subscription_schedule").iter().filter(|it| it["status"] == "active").count()
}

/// An organization whose downgrade was let go for a change that then was lost, more than a day ago.
async fn lost(app: &TestApp) -> Subscribed {
    let it = subscribed(app).await;
    for plan in [&it.top, &it.pro] {
        let made = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": plan })).await;
        assert_eq!(made["userErrors"], json!([]), "{made:#}");
    }
    app.settled().await;
    app.sandbox.fault(Fault::new("POST /v1/subscriptions/*", FaultKind::FailBefore));
    let yearly = json!({ "subscriptionId": it.subscription, "billingInterval": "YEAR" });
    let asked = change(&it.owner, yearly).await;
    assert_eq!(asked["operation"]["state"], "UNKNOWN", "{asked:#}");
    app.settled().await;
    assert_eq!(active_schedules(app), 0, "let go");
    app.age_operations().await;
    it
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_change_took_away_is_put_back_whenever_its_process_dies() {
    for place in ["settling", "settled"] {
        let app = TestApp::start_with(patient(true)).await;
        let it = lost(&app).await;
        let (database, sandbox) = app.stop().await;
        let point = format!("subscription.change@{place}");
        // Its worker compares what is older than its keys.
        let (process, _) = gateway(&database, &sandbox, &point).await;
        kill_when_reached(process, &point).await;
        TestApp::let_leases_run_out(&database).await;
        let next = TestApp::start_on(database, sandbox, quiet()).await;
        eventually("it to be settled", || async {
            next.service.settle_abandoned_operations().await.expect("a sweep");
            next.open_operations().await.is_empty().then_some(())
        })
        .await;
        // The lost one is the oldest by now.
        let states = next.operation_states(&it.organization, "subscription.change").await;
        assert_eq!(states, ["FAILED", "CONFIRMED", "CONFIRMED"], "{place}");
        let restored = next.operation_states(&it.organization, "subscription.restore").await;
        assert_eq!(restored, ["CONFIRMED"], "{place}");
        assert_eq!(active_schedules(&next), 1, "{place}");
    }
}

/// The requests that say what the phases of a schedule are.
fn phases(app: &TestApp) -> Vec<(Option<String>, Value)> {
    let is_phases =
        |path: &str| path.strip_prefix("/v1/subscription_schedules/").is_some_and(|rest| !rest.contains('/'));
    let requests = app.sandbox.requests().into_iter();
    requests
        .filter(|request| request.method == "POST" && is_phases(&request.path))
        .map(|request| (request.idempotency_key, request.params))
        .collect()
}

/// Between two attempts somebody gives a discount at Stripe: the second attempt is the first one said again.
#[tokio::test]
async fn a_schedule_that_is_asked_for_again_is_asked_for_in_the_same_words() {
    let app = TestApp::start_with(patient(true)).await;
    let it = subscribed(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/subscription_schedules/*", FaultKind::ActThenDrop));
    let input = json!({ "subscriptionId": it.subscription, "planId": it.top, "timing": "PERIOD_END" });
    let asked = ask(&it.owner, "subscriptionChange", input).await;
    assert_eq!(asked["operation"]["state"], "UNKNOWN", "{asked:#}");
    let coupon = app
        .at_stripe(reqwest::Method::POST, "coupons", &[("percent_off", "10"), ("duration", "forever")])
        .await;
    let path = format!("subscriptions/{}", text(&app.sandbox.objects("subscription")[0]["id"]));
    app.at_stripe(reqwest::Method::POST, &path, &[("discounts[0][coupon]", &text(&coupon["id"]))]).await;
    app.settled().await;
    app.let_own_leases_run_out().await;
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(app.operation_states(&it.organization, "subscription.change").await, ["CONFIRMED"]);
    let asked = phases(&app);
    assert_eq!(asked.len(), 2, "{asked:#?}");
    assert_eq!(asked[0], asked[1]);
    assert_eq!(active_schedules(&app), 1);
}
