//! Claims, leases and lanes: no event is lost, none holds up another customer's, none stops the worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use entity::stripe_event;
use sea_orm::{ColumnTrait, Database, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::stripe_event::{EventSource, EventState, NewStripeEvent};
use tollgate::jobs::WorkerOptions;
use tollgate::payments::parse_envelope;
use tollgate::store::BusyLanes;

use crate::hard_cases::{change_seats, object, quantity, quiet, subscribed};
use crate::support::webhook::{at_stripe, event, in_state, records_of, send, stored};
use crate::support::{TestApp, TestOptions, eventually, text};

fn new(event: &Value) -> NewStripeEvent {
    parse_envelope(event.to_string().as_bytes()).expect("an event")
}

async fn store_all(app: &TestApp, events: &[Value]) {
    let events: Vec<NewStripeEvent> = events.iter().map(new).collect();
    let stored = app.store().store_missing_stripe_events(&events, EventSource::Webhook).await;
    assert_eq!(stored.expect("they are stored"), events.len() as u64);
}

/// A fault of ours that one event brings out: the events behind it are applied all the same, and an admin is told.
#[tokio::test]
async fn an_event_that_panics_ends_as_a_dead_letter_and_holds_up_none() {
    let armed = Arc::new(AtomicBool::new(false));
    let observed = Arc::clone(&armed);
    let app = TestApp::start_with(TestOptions {
        deliver_webhooks: false,
        on_statement: Some(Arc::new(move |sql: &str| {
            if observed.load(Ordering::SeqCst) && sql.contains("\"credit_notes\"") {
                std::panic::resume_unwind(Box::new("nobody thought of this"));
            }
        })),
        ..TestOptions::default()
    })
    .await;
    let of = subscribed(&app).await;
    app.settled_so_far().await;
    let changed = change_seats(&app, &of, "4").await;
    let note = json!({ "id": "cn_1", "object": "credit_note", "customer": of.customer });
    armed.store(true, Ordering::SeqCst);
    let began = Instant::now();
    // One customer's events are applied one after the other: the faulty one comes first.
    store_all(
        &app,
        &[
            event("evt_faulty", "credit_note.created", 1, &note),
            event("evt_behind", "customer.subscription.updated", 60, &changed),
        ],
    )
    .await;
    in_state(&app, "evt_behind", EventState::Applied).await;
    assert!(began.elapsed() < Duration::from_secs(4), "it waited for a lease: {:?}", began.elapsed());
    assert_eq!(quantity(&of).await, "4");
    let dead = in_state(&app, "evt_faulty", EventState::Dead).await;
    assert_eq!(dead.attempts, 4);
    let error = dead.last_error.expect("a reason");
    assert!(error.contains("nobody thought of this"), "{error}");
}

/// A process that one event kills each time would die for ever.
#[tokio::test]
async fn an_event_with_which_workers_die_again_and_again_is_a_dead_letter() {
    let app = quiet().await;
    app.stop.cancel();
    store_all(&app, &[event("evt_deadly", "made.up", 0, &json!({ "id": "x_1" }))]).await;
    let mut claims = 0;
    let dead = loop {
        // A lease that has run out already: its worker is dead.
        let claimed = app.store().claim_stripe_events(1, TimeDelta::seconds(-1), &BusyLanes::default()).await;
        claims += claimed.expect("a claim").len();
        app.store().release_abandoned_stripe_events(5, &|_| TimeDelta::seconds(-1)).await.expect("a release");
        let event = stored(&app, "evt_deadly").await.expect("it is there");
        if event.state == EventState::Dead {
            break event;
        }
        assert!(claims < 20, "it is tried for ever");
    };
    assert_eq!((claims, dead.attempts), (5, 5));
    assert_eq!(dead.last_error.as_deref(), Some("the worker that held it died"));
}

/// Whoever was killed neither finishes nor hands back: when the lease runs out, another one does it.
#[tokio::test]
async fn what_a_killed_worker_held_is_taken_over_when_its_lease_runs_out() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    app.stop.cancel();
    let changed = change_seats(&app, &of, "6").await;
    store_all(&app, &[event("evt_held", "customer.subscription.updated", 60, &changed)]).await;
    let lease = Duration::from_millis(1_500);
    let claimed = app
        .store()
        .claim_stripe_events(32, TimeDelta::from_std(lease).expect("short"), &BusyLanes::default())
        .await
        .expect("a claim");
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    let began = Instant::now();
    let options = TestOptions::default();
    // It looks after leases four times in its own.
    let worker = WorkerOptions { lease: Duration::from_millis(400), ..options.worker };
    let other = app.another_process(TestOptions { deliver_webhooks: false, worker, ..options }).await;
    let applied = in_state(&app, "evt_held", EventState::Applied).await;
    assert!(began.elapsed() + Duration::from_millis(300) > lease, "taken away while it was held");
    assert_eq!(applied.attempts, 2);
    assert_eq!(records_of(&app, "evt_held").await, 1);
    // The dead one's ghost comes back, and cannot write.
    app.store()
        .give_back_stripe_event(&claimed[0], "too late", None, None)
        .await
        .expect("nothing to give back");
    assert_eq!(stored(&app, "evt_held").await.expect("it is there").state, EventState::Applied);
    drop(other);
}

/// The event's row, however many came after it.
async fn row_of(app: &TestApp, event_id: &str) -> stripe_event::Model {
    let db = Database::connect(app.database_url()).await.expect("the database opens");
    let row = stripe_event::Entity::find()
        .filter(stripe_event::Column::EventId.eq(event_id))
        .one(&db)
        .await
        .expect("a query")
        .expect("the event");
    db.close().await.expect("the connection closes");
    row
}

/// While events come without end, the leases of what is slow are renewed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_busy_without_end_keeps_its_leases() {
    let options = TestOptions::default();
    let worker = WorkerOptions { lease: Duration::from_millis(1_200), ..options.worker };
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, worker, ..options }).await;
    subscribed(&app).await;
    let invoice = app.sandbox.objects("invoice")[0].clone();
    let path = format!("GET /v1/invoices/{}", text(&invoice["id"]));
    app.sandbox.fault(Fault::new(path.as_str(), FaultKind::Delay { ms: 4_000 }));
    assert_eq!(send(&app, &event("evt_slow", "invoice.payment_failed", 60, &invoice)).await, 200);
    in_state(&app, "evt_slow", EventState::Processing).await;
    let began = Instant::now();
    let (mut number, mut looks) = (0, 0);
    while began.elapsed() < Duration::from_secs(3) {
        let more: Vec<Value> = (number..number + 8)
            .map(|number| {
                event(&format!("evt_{number}"), "made.up", 0, &json!({ "id": format!("x_{number}") }))
            })
            .collect();
        number += 8;
        store_all(&app, &more).await;
        // Once Stripe has answered, it is not held any more.
        let Some(lease) = row_of(&app, "evt_slow").await.lease_until else { break };
        assert!(lease > SystemClock.now(), "the lease ran out after {:?}", began.elapsed());
        looks += 1;
    }
    assert!(looks > 3, "it was done too soon");
    let applied = eventually("the slow one to be applied", || async {
        Some(row_of(&app, "evt_slow").await).filter(|row| row.state == EventState::Applied.as_str())
    })
    .await;
    assert_eq!(applied.attempts, 1);
}

/// A customer whose events wait for Stripe, and hundreds behind them, holds up no other one.
#[tokio::test]
async fn one_customers_flood_does_not_hold_up_another() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let current = object(&app, "subscription", &of.subscription);
    let other = app.organization(&of.owner, "bolt").await;
    app.card(&of.owner, &other, "pm_card_visa").await;
    let customers = app.sandbox.objects("customer");
    let quick = customers.iter().find(|it| it["id"] != of.customer).expect("the other's customer");
    let path = format!("GET /v1/subscriptions/{}", of.subscription);
    app.sandbox.fault(Fault::new(path.as_str(), FaultKind::Delay { ms: 3_000 }).times(1_000));
    // Older than the row: each must ask Stripe, or wait for whoever does.
    let flood: Vec<Value> = (0..300)
        .map(|number| event(&format!("evt_{number}"), "customer.subscription.updated", -3_600, &current))
        .collect();
    store_all(&app, &flood).await;
    let began = Instant::now();
    assert_eq!(send(&app, &event("evt_other", "customer.updated", 60, quick)).await, 200);
    eventually("the other's event", || async {
        let filter = tollgate::store::StripeEventFilter {
            event_type: Some("customer.updated".to_owned()),
            state: Some(EventState::Applied),
            ..Default::default()
        };
        (app.store().count_stripe_events(&filter).await.expect("a count") == 1).then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(2), "it waited {:?}", began.elapsed());
}

/// However many customers' events wait for a Stripe that hangs, what needs no answer of it goes on.
#[tokio::test]
async fn events_that_wait_for_stripe_leave_their_places_to_others() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let mut burst = Vec::new();
    for number in 0..20 {
        let organization = app.organization(&of.owner, &format!("hung-{number}")).await;
        app.card(&of.owner, &organization, "pm_card_visa").await;
    }
    for (number, customer) in app.sandbox.objects("customer").iter().enumerate() {
        if customer["id"] == of.customer {
            continue;
        }
        // Older than the row: Stripe is asked.
        burst.push(event(&format!("evt_{number}"), "customer.updated", -3_600, customer));
    }
    assert_eq!(burst.len(), 20);
    app.sandbox.fault(Fault::new("GET /v1/customers", FaultKind::Delay { ms: 9_000 }).times(1_000));
    store_all(&app, &burst).await;
    eventually("all of them to be at work", || async {
        let filter = tollgate::store::StripeEventFilter::in_state(EventState::Processing);
        (app.store().count_stripe_events(&filter).await.expect("a count") == 20).then_some(())
    })
    .await;
    let current = object(&app, "subscription", &of.subscription);
    let began = Instant::now();
    assert_eq!(send(&app, &event("evt_quick", "customer.subscription.updated", 60, &current)).await, 200);
    in_state(&app, "evt_quick", EventState::Applied).await;
    assert!(began.elapsed() < Duration::from_secs(4), "it waited {:?}", began.elapsed());
    let filter = tollgate::store::StripeEventFilter::in_state(EventState::Processing);
    let waiting = app.store().count_stripe_events(&filter).await.expect("a count");
    assert_eq!(waiting, 20, "they wait for Stripe still");
}

/// Stripe's rate is for what is ours: events of another application on the account ask nothing.
#[tokio::test]
async fn events_of_foreign_customers_ask_stripe_nothing() {
    let app = quiet().await;
    let stranger = at_stripe(&app, "POST", "/v1/customers", &[("name", "Another application's")]).await;
    let customer = text(&stranger["id"]);
    let path = "/v1/payment_methods/pm_card_visa/attach";
    let card = at_stripe(&app, "POST", path, &[("customer", &customer)]).await;
    let form = [
        ("customer", customer.as_str()),
        ("amount", "500"),
        ("currency", "usd"),
        ("payment_method", card["id"].as_str().expect("an id")),
        ("confirm", "true"),
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
    ];
    at_stripe(&app, "POST", "/v1/payment_intents", &form).await;
    let draft = at_stripe(&app, "POST", "/v1/invoices", &[("customer", &customer)]).await;
    let charge = app.sandbox.objects("charge")[0].clone();
    let before = app.sandbox.requests().len();
    for (id, event_type, object) in [
        ("evt_card", "payment_method.attached", &card),
        ("evt_charge", "charge.succeeded", &charge),
        ("evt_draft", "invoice.created", &draft),
    ] {
        assert_eq!(send(&app, &event(id, event_type, 0, object)).await, 200);
        let ignored = in_state(&app, id, EventState::Ignored).await;
        assert_eq!(ignored.last_error.as_deref(), Some("a customer that is none of ours"), "{id}");
    }
    let asked: Vec<String> =
        app.sandbox.requests().into_iter().skip(before).map(|request| request.path).collect();
    assert!(asked.is_empty(), "{asked:?}");
}

/// Neither do those of buyers without a customer, but for a refund, which does not tell whose payment it is of: that is asked
/// for once, and not with every attempt.
#[tokio::test]
async fn events_of_guests_and_of_foreign_payments_ask_stripe_little() {
    let app = quiet().await;
    let paid = async |customer: Option<&str>| {
        let mut form = vec![
            ("amount", "500"),
            ("currency", "usd"),
            ("payment_method", "pm_card_visa"),
            ("confirm", "true"),
            ("automatic_payment_methods[enabled]", "true"),
            ("automatic_payment_methods[allow_redirects]", "never"),
        ];
        form.extend(customer.map(|id| ("customer", id)));
        at_stripe(&app, "POST", "/v1/payment_intents", &form).await
    };
    let stranger = at_stripe(&app, "POST", "/v1/customers", &[("name", "Another application's")]).await;
    let guest = paid(None).await;
    let foreign = paid(stranger["id"].as_str()).await;
    let back = async |intent: &Value| {
        at_stripe(&app, "POST", "/v1/refunds", &[("payment_intent", &text(&intent["id"]))]).await
    };
    let (of_guest, of_foreign) = (back(&guest).await, back(&foreign).await);
    let charge = app.sandbox.objects("charge").into_iter().find(|it| it["customer"].is_null());
    let before = app.sandbox.requests().len();
    for (id, event_type, object, reason) in [
        ("evt_charge", "charge.succeeded", &charge.expect("a guest's charge"), "nothing that has a row here"),
        ("evt_guest", "refund.created", &of_guest, "an object without a customer"),
        ("evt_foreign", "refund.created", &of_foreign, "a customer that is none of ours"),
    ] {
        assert_eq!(send(&app, &event(id, event_type, 0, object)).await, 200);
        let ignored = in_state(&app, id, EventState::Ignored).await;
        assert_eq!(ignored.last_error.as_deref(), Some(reason), "{id}");
    }
    let asked: Vec<String> =
        app.sandbox.requests().into_iter().skip(before).map(|request| request.path).collect();
    let payment = |intent: &Value| format!("/v1/payment_intents/{}", text(&intent["id"]));
    assert_eq!(asked, [payment(&guest)]);
}

/// Two processes store the same events at the same time, in opposite orders: neither waits for the other for ever, and
/// each event is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_store_the_same_events_at_once_store_each_once() {
    let app = quiet().await;
    let other = app.another_process(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await;
    for round in 0..20 {
        let mut events: Vec<NewStripeEvent> = (0..60)
            .map(|number| {
                let object = json!({ "id": format!("x_{number}"), "filling": "x".repeat(2_000) });
                new(&event(&format!("evt_{round}_{number}"), "made.up", 0, &object))
            })
            .collect();
        let forth = events.clone();
        events.reverse();
        let (one, two) = tokio::join!(
            app.store().store_missing_stripe_events(&forth, EventSource::Sweep),
            other.store().store_missing_stripe_events(&events, EventSource::Webhook),
        );
        assert_eq!(one.expect("stored") + two.expect("stored"), 60, "round {round}");
    }
    drop(other);
}

/// The inbox does not grow for ever: what is done with goes, long after Stripe has forgotten it; dead letters stay.
#[tokio::test]
async fn old_events_leave_the_inbox_and_dead_letters_stay() {
    let options = TestOptions::default();
    let day = Duration::from_secs(86_400);
    let worker =
        WorkerOptions { event_retention: 40 * day, retention: Duration::from_millis(100), ..options.worker };
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, worker, ..options }).await;
    let ids = ["evt_ignored", "evt_recent", "evt_dead"];
    for id in ids {
        assert_eq!(send(&app, &event(id, "made.up", 0, &json!({ "id": "x_1" }))).await, 200);
        in_state(&app, id, EventState::Ignored).await;
    }
    // Written as both databases read it.
    let age = |id: &str, days: i64, state: &str| {
        let at = (SystemClock.now() - TimeDelta::days(days)).to_rfc3339();
        format!("UPDATE stripe_events SET received_at = '{at}', state = '{state}' WHERE event_id = '{id}'")
    };
    app.disturb(&age("evt_recent", 39, "ignored")).await;
    app.disturb(&age("evt_dead", 41, "dead")).await;
    app.disturb(&age("evt_ignored", 41, "ignored")).await;
    eventually("the old event to go", || async { stored(&app, "evt_ignored").await.is_none().then_some(()) })
        .await;
    for id in ["evt_recent", "evt_dead"] {
        assert!(stored(&app, id).await.is_some(), "{id} stays");
    }
}
