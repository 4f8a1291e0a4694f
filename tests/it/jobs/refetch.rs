//! What events ask of Stripe: once for many, inside a budget, and after whoever waits for an answer.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate::domain::stripe_event::{EventSource, EventState, NewStripeEvent};
use tollgate::payments::parse_envelope;
use tollgate::store::StripeEventFilter;

use crate::hard_cases::{quiet, subscribed};
use crate::support::webhook::{at_stripe, event, records_of};
use crate::support::{TestApp, TestOptions, text};

async fn store_all(app: &TestApp, events: &[Value]) {
    let events: Vec<NewStripeEvent> =
        events.iter().map(|event| parse_envelope(event.to_string().as_bytes()).expect("an event")).collect();
    app.store().store_missing_stripe_events(&events, EventSource::Webhook).await.expect("stored");
}

async fn applied(app: &TestApp) -> u64 {
    let filter = StripeEventFilter::in_state(EventState::Applied);
    app.store().count_stripe_events(&filter).await.expect("a count")
}

#[tokio::test]
async fn many_events_of_one_object_are_answered_by_few_fetches() {
    let app = quiet().await;
    subscribed(&app).await;
    let invoice = app.sandbox.objects("invoice")[0].clone();
    let before = app.sandbox.requests().len();
    let burst: Vec<Value> = (0..60)
        .map(|number| event(&format!("evt_{number}"), "invoice.payment_failed", 5, &invoice))
        .collect();
    store_all(&app, &burst).await;
    app.settled_so_far().await;
    assert_eq!(applied(&app).await, 60);
    let path = format!("/v1/invoices/{}", text(&invoice["id"]));
    let requests = app.sandbox.requests();
    let fetches = requests.iter().skip(before).filter(|request| request.path == path).count();
    assert!((1..=6).contains(&fetches), "{fetches} fetches for sixty events");
    // Each has its record all the same.
    for number in [0, 31, 59] {
        assert_eq!(records_of(&app, &format!("evt_{number}")).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_stay_inside_the_rate_budget_and_interactive_calls_go_first() {
    let app = TestApp::start_with(TestOptions {
        deliver_webhooks: false,
        background_rate: NonZeroU32::new(10),
        ..TestOptions::default()
    })
    .await;
    let of = subscribed(&app).await;
    let mut burst = Vec::new();
    for number in 0..40 {
        let draft = at_stripe(&app, "POST", "/v1/invoices", &[("customer", &of.customer)]).await;
        burst.push(event(&format!("evt_{number}"), "invoice.payment_failed", 5, &draft));
    }
    let before = app.sandbox.requests().len();
    let began = Instant::now();
    store_all(&app, &burst).await;
    // A person asks meanwhile, and waits for nobody.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = Instant::now();
    app.card(&of.owner, &of.organization, "pm_card_mastercard").await;
    let answered = asked.elapsed();
    let left = 40 - applied(&app).await;
    assert!(left > 5, "the events were done already: nothing was in the person's way");
    assert!(answered < Duration::from_secs(1), "a person waited {answered:?}");
    while applied(&app).await < 40 {
        assert!(began.elapsed() < Duration::from_secs(20), "the events are not applied");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A second's worth at once, then ten a second.
    let took = began.elapsed();
    assert!(took > Duration::from_millis(2_800), "forty fetches within {took:?}");
    let gets =
        app.sandbox.requests().into_iter().skip(before).filter(|it| it.path.starts_with("/v1/invoices/"));
    assert!(gets.count() >= 40, "each was another invoice");
    let shown = app.staff().send("{ stripeIntake { deadLetters } }", json!({})).await;
    assert_eq!(shown.data()["stripeIntake"]["deadLetters"], 0);
}
