//! From a webhook's receipt to what it says in a query's answer. It prints its numbers; `cargo xtask bench visible` measures
//! the release build.

use std::time::{Duration, Instant};

use serde_json::json;
use tollgate::jobs::WorkerOptions;

use crate::support::webhook::send;
use crate::support::{TestApp, TestOptions, measure, text};

/// Measured webhooks, unless `TOLLGATE_TEST_VISIBLE_ROUNDS` says more.
const ROUNDS: usize = 20;
/// Far above what is asked of an optimised build on a quiet machine, 100 ms, which `cargo xtask bench visible` sets as
/// `TOLLGATE_TEST_VISIBLE_BOUND_MS`: tests run beside others, on busy machines.
const BOUND: Duration = Duration::from_secs(5);
/// What never becomes visible fails.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stripe_sends_is_visible_soon() {
    let options = TestOptions {
        // Sent here by hand, so that the clock starts with the receipt.
        deliver_webhooks: false,
        // As in production, but that nothing else than the webhook brings the change.
        worker: WorkerOptions { sweep_events: None, compare: None, ..WorkerOptions::default() },
        ..TestOptions::default()
    };
    let app = TestApp::start_with(options).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let subscribed = app.subscribe(&owner, &organization, &plan).await;
    let id = text(&subscribed["subscription"]["id"]);
    let at_stripe = format!("subscriptions/{}", text(&subscribed["subscription"]["stripeSubscriptionId"]));
    let query = "query($id: ID!) { subscription(id: $id) { cancelAtPeriodEnd } }";

    let mut took = Vec::new();
    for round in 0..measure::rounds("TOLLGATE_TEST_VISIBLE_ROUNDS", ROUNDS) {
        let ends = round % 2 == 0;
        let known = app.sandbox.events().len();
        let form = [("cancel_at_period_end", if ends { "true" } else { "false" })];
        app.at_stripe(reqwest::Method::POST, &at_stripe, &form).await;
        let events = app.sandbox.events();
        let event = events[known..].iter().find(|event| event["type"] == "customer.subscription.updated");
        let event = event.expect("Stripe tells of it");
        let began = Instant::now();
        assert_eq!(send(&app, event).await, 200);
        loop {
            let answer = owner.send(query, json!({ "id": id })).await;
            if answer.data()["subscription"]["cancelAtPeriodEnd"] == ends {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{:#}", answer.body);
        }
        took.push(began.elapsed());
    }
    let bound = measure::bound("TOLLGATE_TEST_VISIBLE_BOUND_MS", BOUND);
    measure::report("from a webhook's receipt to a query's answer", took, bound);
}
