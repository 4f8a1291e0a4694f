//! A: what happens to webhooks on their way in.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::stripe_event::EventState;
use tollgate::http::HttpOptions;
use tollgate::payments::{SignatureError, WebhookVerifier, sign};

use super::{change_seats, object, quantity, quiet, shown, subscribed};
use crate::convergence::process::Process;
use crate::support::webhook::{apply, at_stripe, event, in_state, post, records_of, send, stored};
use crate::support::{TestApp, TestOptions, WEBHOOK_SECRET, eventually, text};

#[tokio::test]
async fn case_01_updated_before_created() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    at_stripe(&app, "DELETE", &format!("/v1/subscriptions/{}", of.subscription), &[]).await;
    let price = text(&app.sandbox.objects("price")[0]["id"]);
    let form = [("customer", of.customer.as_str()), ("items[0][price]", &price)];
    let created = at_stripe(&app, "POST", "/v1/subscriptions", &form).await;
    let id = text(&created["id"]);
    at_stripe(&app, "POST", &format!("/v1/subscriptions/{id}"), &[("cancel_at_period_end", "true")]).await;
    let updated = object(&app, "subscription", &id);
    apply(&app, &event("evt_updated", "customer.subscription.updated", 5, &updated)).await;
    let row = app.store().find_subscription_at_stripe(&id.as_str().into()).await.expect("a query");
    assert!(row.expect("the update made the row").cancel_at_period_end);
    // The creation comes last, and takes nothing back.
    apply(&app, &event("evt_created", "customer.subscription.created", -5, &created)).await;
    let row = app.store().find_subscription_at_stripe(&id.as_str().into()).await.expect("a query");
    assert!(row.expect("the row").cancel_at_period_end);
}

#[tokio::test]
async fn case_02_an_older_payload_after_a_newer_one() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let older = object(&app, "subscription", &of.subscription);
    let newer = change_seats(&app, &of, "7").await;
    apply(&app, &event("evt_newer", "customer.subscription.updated", 10, &newer)).await;
    assert_eq!(quantity(&of).await, "7");
    apply(&app, &event("evt_older", "customer.subscription.updated", 4, &older)).await;
    assert_eq!(quantity(&of).await, "7");
}

#[tokio::test]
async fn case_03_contradictory_payloads_of_one_second() {
    for reversed in [false, true] {
        let app = quiet().await;
        let of = subscribed(&app).await;
        let first = change_seats(&app, &of, "3").await;
        let second = change_seats(&app, &of, "9").await;
        let mut events = vec![
            event("evt_first", "customer.subscription.updated", 60, &first),
            event("evt_second", "customer.subscription.updated", 60, &second),
        ];
        events[1]["created"] = events[0]["created"].clone();
        if reversed {
            events.reverse();
        }
        for event in &events {
            apply(&app, event).await;
        }
        assert_eq!(quantity(&of).await, "9", "reversed: {reversed}");
    }
}

#[tokio::test]
async fn case_04_the_same_event_at_two_instances_at_once() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let changed = change_seats(&app, &of, "4").await;
    let twice = event("evt_twice", "customer.subscription.updated", 30, &changed);
    let (database, sandbox) = (app.database_url().to_owned(), app.sandbox.base_url());
    // Other instances on the same database; their runtimes may not be started or dropped inside this one.
    let others = tokio::task::spawn_blocking(move || {
        [Process::start(&database, &sandbox, false), Process::start(&database, &sandbox, false)]
    })
    .await
    .expect("they start");
    let body = twice.to_string();
    let mut addresses = vec![app.address];
    addresses.extend(others.iter().map(|other| other.address));
    let sends = addresses.iter().cycle().take(12).map(|address| {
        let signature = sign(body.as_bytes(), WEBHOOK_SECRET, SystemClock.now());
        let request = reqwest::Client::new().post(format!("http://{address}/webhooks/stripe"));
        request.header("stripe-signature", signature).body(body.clone()).send()
    });
    for answer in futures::future::join_all(sends).await {
        assert_eq!(answer.expect("an answer").status().as_u16(), 200);
    }
    in_state(&app, "evt_twice", EventState::Applied).await;
    assert_eq!(records_of(&app, "evt_twice").await, 1);
    assert_eq!(quantity(&of).await, "4");
    tokio::task::spawn_blocking(move || drop(others)).await.expect("they end");
}

#[tokio::test]
async fn case_05_two_events_for_one_fact() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let invoice = app.sandbox.objects("invoice")[0].clone();
    let intent = app.sandbox.objects("payment_intent")[0].clone();
    let charge = app.sandbox.objects("charge")[0].clone();
    for (id, event_type, object) in [
        ("evt_charge", "charge.succeeded", &charge),
        ("evt_intent", "payment_intent.succeeded", &intent),
        ("evt_paid", "invoice.paid", &invoice),
        ("evt_succeeded", "invoice.payment_succeeded", &invoice),
    ] {
        apply(&app, &event(id, event_type, 5, object)).await;
    }
    let shown = shown(&of, "payments { totalCount nodes { amount { minorUnits } } } invoices { nodes { amountPaid { minorUnits } } }").await;
    assert_eq!(shown["payments"]["totalCount"], 1);
    assert_eq!(shown["payments"]["nodes"][0]["amount"]["minorUnits"], "2900");
    assert_eq!(shown["invoices"]["nodes"][0]["amountPaid"]["minorUnits"], "2900");
}

/// A process dies after each of the first statements of applying an event, and the next one finishes it: once.
#[tokio::test]
async fn case_06_a_crash_between_effect_and_mark() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let (sandbox, customer) = (app.sandbox.base_url(), of.customer.clone());
    let database = app.database_url().to_owned();
    // Nobody but the doomed processes works.
    app.stop.cancel();
    let changed = object(&app, "subscription", &of.subscription);
    for statements in 0..14 {
        let id = format!("evt_crash_{statements}");
        let mut told = event(&id, "customer.subscription.updated", 60 + statements, &changed);
        told["data"]["object"]["items"]["data"][0]["quantity"] = json!(10 + statements);
        assert_eq!(told["data"]["object"]["customer"], customer);
        let new = tollgate::payments::parse_envelope(told.to_string().as_bytes()).expect("an event");
        app.store().store_stripe_event(new).await.expect("stored");
        let (database, sandbox) = (database.clone(), sandbox.clone());
        let doomed = tokio::task::spawn_blocking(move || {
            let doomed = Process::start(&database, &sandbox, false);
            doomed.die_after(statements);
            doomed
        })
        .await
        .expect("it starts");
        eventually("the process to die or to be done", || async {
            let state = stored(&app, &id).await.map(|event| event.state);
            (doomed.is_dead() || state == Some(EventState::Applied)).then_some(())
        })
        .await;
        tokio::task::spawn_blocking(move || drop(doomed)).await.expect("it ends");
    }
    let survivor = tokio::task::spawn_blocking(move || Process::start(&database, &sandbox, false))
        .await
        .expect("it starts");
    for statements in 0..14 {
        let id = format!("evt_crash_{statements}");
        in_state(&app, &id, EventState::Applied).await;
        assert_eq!(records_of(&app, &id).await, 1, "{id}");
    }
    tokio::task::spawn_blocking(move || drop(survivor)).await.expect("it ends");
}

#[tokio::test]
async fn case_07_what_is_not_stored_is_answered_5xx_and_comes_again() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let changed = change_seats(&app, &of, "5").await;
    let told = event("evt_again", "customer.subscription.updated", 5, &changed);
    app.disturb("ALTER TABLE stripe_events RENAME TO stripe_events_away").await;
    let signature = sign(told.to_string().as_bytes(), WEBHOOK_SECRET, SystemClock.now());
    let (status, answer) = post(&app, told.to_string().as_bytes(), Some(signature)).await;
    assert_eq!(status, 500);
    assert!(!answer.contains("stripe_events"), "nothing internal is told: {answer}");
    app.disturb("ALTER TABLE stripe_events_away RENAME TO stripe_events").await;
    apply(&app, &told).await;
    assert_eq!(quantity(&of).await, "5");
}

/// Applying an event has no effect outside our own database: at Stripe it only reads. So nothing can be half done there.
#[tokio::test]
async fn case_08_applying_an_event_only_reads_at_stripe() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    change_seats(&app, &of, "6").await;
    let before = app.sandbox.requests().len();
    for told in app.sandbox.events() {
        assert_eq!(send(&app, &told).await, 200);
    }
    app.settled().await;
    let asked: Vec<String> =
        app.sandbox.requests().into_iter().skip(before).map(|request| request.method).collect();
    assert!(!asked.is_empty(), "something was fetched");
    assert!(asked.iter().all(|method| method == "GET"), "{asked:?}");
}

#[tokio::test]
async fn case_09_a_webhook_before_our_own_row_is_committed() {
    let app = TestApp::start_with(TestOptions {
        deliver_webhooks: false,
        worker: tollgate::jobs::WorkerOptions { maximum_attempts: 10_000, ..TestOptions::default().worker },
        ..TestOptions::default()
    })
    .await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let ours = crate::support::uuid_of(&organization).to_string();
    let form = [("metadata[tollgate_organization_id]", ours.as_str()), ("name", "Acme")];
    let customer = at_stripe(&app, "POST", "/v1/customers", &form).await;
    assert_eq!(send(&app, &event("evt_early", "customer.created", 0, &customer)).await, 200);
    let waiting = eventually("a second attempt", || async {
        stored(&app, "evt_early").await.filter(|event| event.attempts > 3)
    })
    .await;
    assert!(matches!(waiting.state, EventState::Received | EventState::Processing), "{waiting:?}");
    // The row is committed: what waited is applied.
    let id = text(&customer["id"]);
    app.disturb(&format!("UPDATE organizations SET stripe_customer_id = '{id}'")).await;
    in_state(&app, "evt_early", EventState::Applied).await;
}

#[tokio::test]
async fn case_12_a_redelivery_after_weeks_is_known() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let changed = change_seats(&app, &of, "8").await;
    let told = event("evt_old", "customer.subscription.updated", 5, &changed);
    apply(&app, &told).await;
    app.disturb("UPDATE stripe_events SET received_at = '2026-01-02T03:04:05+00:00', applied_at = '2026-01-02T03:04:05+00:00'").await;
    let requests = app.sandbox.requests().len();
    assert_eq!(send(&app, &told).await, 200);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let event = stored(&app, "evt_old").await.expect("it is there");
    assert_eq!((event.state, event.attempts), (EventState::Applied, 1));
    assert_eq!(records_of(&app, "evt_old").await, 1);
    assert_eq!(app.sandbox.requests().len(), requests, "Stripe was not asked again");
}

#[tokio::test]
async fn case_13_events_of_objects_that_are_not_ours() {
    let app = quiet().await;
    let stranger = at_stripe(&app, "POST", "/v1/customers", &[("name", "Another application's")]).await;
    assert_eq!(send(&app, &event("evt_foreign", "customer.created", 0, &stranger)).await, 200);
    let ignored = in_state(&app, "evt_foreign", EventState::Ignored).await;
    assert_eq!(ignored.last_error.as_deref(), Some("a customer that is none of ours"));
    // Another environment's note of its own organization is none of ours either.
    let form = [("metadata[tollgate_organization_id]", "0190a3b2-c4d5-7e8f-9a0b-1c2d3e4f5a6b")];
    let stranger = at_stripe(&app, "POST", "/v1/customers", &form).await;
    assert_eq!(send(&app, &event("evt_staging", "customer.created", 0, &stranger)).await, 200);
    in_state(&app, "evt_staging", EventState::Ignored).await;
    let mut connected = event("evt_connected", "customer.created", 0, &stranger);
    connected["account"] = json!("acct_another");
    assert_eq!(send(&app, &connected).await, 200);
    let ignored = in_state(&app, "evt_connected", EventState::Ignored).await;
    assert_eq!(ignored.last_error.as_deref(), Some("an event of another account"));
}

#[tokio::test]
async fn case_14_an_unknown_event_type() {
    let app = quiet().await;
    let unknown = event("evt_unknown", "telepathy.session.started", 0, &json!({ "id": "tele_1" }));
    assert_eq!(send(&app, &unknown).await, 200);
    let ignored = in_state(&app, "evt_unknown", EventState::Ignored).await;
    assert_eq!(ignored.event.payload, unknown.to_string(), "stored as it came");
}

#[tokio::test]
async fn case_15_invoice_created_is_acknowledged_before_any_work() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let form = [("customer", of.customer.as_str())];
    let draft = at_stripe(&app, "POST", "/v1/invoices", &form).await;
    // Stripe does not answer any question: the acknowledgement waits for none.
    app.sandbox.fault(Fault::new("GET *", FaultKind::Delay { ms: 3_000 }).times(100));
    let began = std::time::Instant::now();
    assert_eq!(send(&app, &event("evt_draft", "invoice.created", 0, &draft)).await, 200);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn case_16_the_signature_is_over_the_raw_bytes() {
    let app = quiet().await;
    let raw =
        r#"{ "id":"evt_raw",  "object":"event","type":"made.up","created":1790000000.0e0,"livemode":false,
        "data":{"object":{"id":"x_1","name":"Gr\u00fcn \/ caf\u00e9"}} }"#
            .replace("1790000000.0e0", "1790000000");
    let signature = sign(raw.as_bytes(), WEBHOOK_SECRET, SystemClock.now());
    // What a proxy that parses and writes it again would send.
    let reencoded = serde_json::from_str::<Value>(&raw).expect("JSON").to_string();
    assert_eq!(post(&app, reencoded.as_bytes(), Some(signature.clone())).await.0, 400);
    assert_eq!(post(&app, raw.as_bytes(), Some(signature)).await.0, 200);
    let event = stored(&app, "evt_raw").await.expect("stored");
    assert_eq!(event.event.payload, raw, "byte for byte");
}

#[tokio::test]
async fn case_17_a_clock_that_is_wrong_either_way() {
    let app = TestApp::start_with(TestOptions {
        deliver_webhooks: false,
        http: HttpOptions { metrics: true, ..HttpOptions::default() },
        ..TestOptions::default()
    })
    .await;
    let told = event("evt_skewed", "made.up", 0, &json!({ "id": "x_1" })).to_string();
    let refused = async |reason: &str| -> u64 {
        let url = format!("http://{}/metrics", app.address);
        let text = reqwest::get(url).await.expect("metrics").text().await.expect("text");
        let name = format!("tollgate_webhook_signatures_refused_total{{reason=\"{reason}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
    };
    for (seconds, reason) in [(-301, "too_old"), (310, "from_the_future")] {
        let before = refused(reason).await;
        let at = SystemClock.now() + TimeDelta::seconds(seconds);
        let signature = sign(told.as_bytes(), WEBHOOK_SECRET, at);
        let (status, answer) = post(&app, told.as_bytes(), Some(signature)).await;
        assert_eq!((status, answer.as_str()), (400, "The signature could not be verified."));
        assert!(refused(reason).await > before, "{reason} has a count of its own");
    }
    // Within the tolerance it is taken in, and never verified again, however late it is applied.
    let signature = sign(told.as_bytes(), WEBHOOK_SECRET, SystemClock.now() - TimeDelta::seconds(290));
    assert_eq!(post(&app, told.as_bytes(), Some(signature)).await.0, 200);
    in_state(&app, "evt_skewed", EventState::Ignored).await;
}

#[test]
fn case_18_secrets_overlap_while_one_takes_the_place_of_another() {
    let (now, body) = (SystemClock.now(), b"{}".as_slice());
    let tolerance = Duration::from_secs(300);
    let both =
        WebhookVerifier::new(vec!["whsec_new".to_owned().into(), "whsec_old".to_owned().into()], tolerance);
    for secret in ["whsec_old", "whsec_new"] {
        assert_eq!(both.verify(body, &sign(body, secret, now), now), Ok(()), "{secret}");
    }
    assert_eq!(both.verify(body, &sign(body, "whsec_other", now), now), Err(SignatureError::Mismatch));
    // Without a secret nothing is believed, not even what an empty one would sign.
    let none = WebhookVerifier::new(vec![String::new().into()], tolerance);
    assert_eq!(none.verify(body, &sign(body, "", now), now), Err(SignatureError::Mismatch));
}

#[tokio::test]
async fn case_19_a_payload_of_half_a_megabyte() {
    let app = quiet().await;
    let object = json!({ "id": "x_1", "filling": "x".repeat(512 * 1024) });
    assert_eq!(send(&app, &event("evt_big", "made.up", 0, &object)).await, 200);
    in_state(&app, "evt_big", EventState::Ignored).await;
}

#[tokio::test]
async fn case_20_nested_lists_cut_at_ten() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    for number in 0..13 {
        let amount = (100 + number).to_string();
        let form = [("customer", of.customer.as_str()), ("amount", &amount), ("currency", "usd")];
        at_stripe(&app, "POST", "/v1/invoiceitems", &form).await;
    }
    let form = [("customer", of.customer.as_str()), ("pending_invoice_items_behavior", "include")];
    let draft = at_stripe(&app, "POST", "/v1/invoices", &form).await;
    let path = format!("/v1/invoices/{}/finalize", text(&draft["id"]));
    let invoice = at_stripe(&app, "POST", &path, &[]).await;
    // As Stripe sends it: ten lines, and that there are more.
    let mut cut = invoice.clone();
    cut["lines"]["data"].as_array_mut().expect("lines").truncate(10);
    cut["lines"]["has_more"] = json!(true);
    apply(&app, &event("evt_long", "invoice.updated", 5, &cut)).await;
    let id = text(&invoice["id"]);
    let row =
        app.store().find_invoice_at_stripe(&id.as_str().into()).await.expect("a query").expect("the row");
    assert_eq!(row.lines.len(), 13);
    assert_eq!(row.lines.iter().map(|line| line.amount_minor).sum::<i64>(), row.subtotal_minor);
}

#[tokio::test]
async fn case_21_test_and_live_do_not_mix() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let mut changed = change_seats(&app, &of, "2").await;
    changed["items"]["data"][0]["quantity"] = json!(99);
    let mut live = event("evt_mode", "customer.subscription.updated", 60, &changed);
    live["livemode"] = json!(true);
    assert_eq!(send(&app, &live).await, 200);
    let ignored = in_state(&app, "evt_mode", EventState::Ignored).await;
    assert_eq!(ignored.last_error.as_deref(), Some("an event of the other mode"));
    assert_ne!(quantity(&of).await, "99");
    // The same id in our mode is another event.
    let ours = change_seats(&app, &of, "3").await;
    assert_eq!(send(&app, &event("evt_mode", "customer.subscription.updated", 61, &ours)).await, 200);
    eventually("the other to be applied", || async { (quantity(&of).await == "3").then_some(()) }).await;
}

#[tokio::test]
async fn case_22_invoice_upcoming_has_no_id() {
    let app = quiet().await;
    for id in ["evt_upcoming_1", "evt_upcoming_2"] {
        let upcoming = event(id, "invoice.upcoming", 0, &json!({ "object": "invoice", "customer": "cus_1" }));
        assert_eq!(send(&app, &upcoming).await, 200);
        in_state(&app, id, EventState::Ignored).await;
    }
}

#[tokio::test]
async fn case_23_a_cancellation_that_arrives_as_two_updates() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let path = format!("/v1/subscriptions/{}", of.subscription);
    at_stripe(&app, "POST", &path, &[("cancel_at_period_end", "true")]).await;
    let first = object(&app, "subscription", &of.subscription);
    at_stripe(&app, "POST", &path, &[("cancellation_details[feedback]", "too_expensive")]).await;
    let second = object(&app, "subscription", &of.subscription);
    apply(&app, &event("evt_canceled", "customer.subscription.updated", 5, &first)).await;
    apply(&app, &event("evt_feedback", "customer.subscription.updated", 12, &second)).await;
    let records = app.audit_records().await;
    let of_event = |id: &str| {
        let record = records.iter().find(|record| record.request_id.as_deref() == Some(id));
        record.and_then(|record| record.new_values.clone()).unwrap_or_default()
    };
    assert_eq!(of_event("evt_canceled")["cancelAtPeriodEnd"], true);
    // The second enriches the first, and does not tell of the cancellation again.
    let feedback = json!({ "cancellationFeedback": "too_expensive", "cancellationReason": "too_expensive" });
    assert_eq!(of_event("evt_feedback"), feedback);
}
