//! What events ask of Stripe: once for many, inside a budget, and after whoever waits for an answer.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tollgate::domain::stripe_event::{EventSource, EventState, NewStripeEvent};
use tollgate::jobs::WorkerOptions;
use tollgate::payments::parse_envelope;
use tollgate::store::StripeEventFilter;

use crate::hard_cases::{quiet, shown, subscribed};
use crate::support::webhook::{at_stripe, event, records_of};
use crate::support::{TestApp, TestOptions, eventually, text};

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

/// How often each path was asked for since so many requests ago.
fn asked(app: &TestApp, before: usize) -> HashMap<String, usize> {
    let mut asked = HashMap::new();
    for request in app.sandbox.requests().into_iter().skip(before) {
        *asked.entry(request.path).or_default() += 1;
    }
    asked
}

/// Charges, refunds and checkout sessions have no row that is fetched for them: what they lead to is fetched once for many.
#[tokio::test]
async fn many_events_that_lead_to_one_object_are_answered_by_few_fetches() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let charge = app.sandbox.objects("charge")[0].clone();
    let intent = text(&charge["payment_intent"]);
    let mut refunds = Vec::new();
    for amount in ["100", "200", "300"] {
        let form = [("payment_intent", intent.as_str()), ("amount", amount)];
        refunds.push(at_stripe(&app, "POST", "/v1/refunds", &form).await);
    }
    let price = text(&app.sandbox.objects("price")[0]["id"]);
    let form = [
        ("mode", "subscription"),
        ("customer", of.customer.as_str()),
        ("line_items[0][price]", price.as_str()),
        ("line_items[0][quantity]", "1"),
        ("success_url", "https://app.example.com/billing"),
    ];
    let mut session = at_stripe(&app, "POST", "/v1/checkout/sessions", &form).await;
    session["status"] = json!("complete");
    session["subscription"] = json!(of.subscription);
    let before = app.sandbox.requests().len();
    let mut burst = Vec::new();
    for number in 0..30 {
        // Attempts of the one payment, each another one that the bank declined.
        let mut declined = charge.clone();
        declined["id"] = json!(format!("ch_declined_{number}"));
        declined["status"] = json!("failed");
        declined["failure_code"] = json!("card_declined");
        burst.push(event(&format!("evt_charge_{number}"), "charge.failed", 5, &declined));
        let refund = &refunds[number % refunds.len()];
        burst.push(event(&format!("evt_refund_{number}"), "refund.updated", 5, refund));
        let completed = "checkout.session.completed";
        burst.push(event(&format!("evt_session_{number}"), completed, 5, &session));
    }
    store_all(&app, &burst).await;
    app.settled_so_far().await;
    assert_eq!(applied(&app).await, 90);
    let asked = asked(&app, before);
    for path in [
        format!("/v1/payment_intents/{intent}"),
        "/v1/refunds".to_owned(),
        format!("/v1/subscriptions/{}", of.subscription),
    ] {
        let fetches = asked.get(&path).copied().unwrap_or_default();
        assert!((1..=10).contains(&fetches), "{fetches} fetches of {path} for ninety events: {asked:#?}");
    }
    // Each has its record all the same, and its effect.
    for id in ["evt_charge_0", "evt_charge_29", "evt_refund_17", "evt_session_29"] {
        assert_eq!(records_of(&app, id).await, 1, "{id}");
    }
    let query = "payments { nodes { amountRefunded { minorUnits } refunds { status } attempts { status } } }";
    let payment = shown(&of, query).await["payments"]["nodes"][0].clone();
    assert_eq!(payment["amountRefunded"]["minorUnits"], "600", "{payment:#}");
    assert_eq!(payment["refunds"].as_array().map(Vec::len), Some(3), "{payment:#}");
    let attempts = payment["attempts"].as_array().expect("attempts");
    let declined = attempts.iter().filter(|attempt| attempt["status"] == "FAILED").count();
    assert_eq!(declined, 30, "an attempt was lost with the fetch that was spared: {attempts:#?}");
}

/// Neither have disputes and credit notes what they are of: the payment, and the invoice, are fetched once for many.
#[tokio::test]
async fn many_events_of_disputes_and_credit_notes_share_the_fetch_of_what_they_are_of() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    app.card(&of.owner, &of.organization, "pm_card_createDispute").await;
    let form = [("customer", of.customer.as_str()), ("amount", "4000"), ("currency", "usd")];
    at_stripe(&app, "POST", "/v1/invoiceitems", &form).await;
    let form = [("customer", of.customer.as_str()), ("pending_invoice_items_behavior", "include")];
    let invoice = text(&at_stripe(&app, "POST", "/v1/invoices", &form).await["id"]);
    at_stripe(&app, "POST", &format!("/v1/invoices/{invoice}/finalize"), &[]).await;
    let mut notes = Vec::new();
    for _ in 0..20 {
        let form = [("invoice", invoice.as_str()), ("amount", "10")];
        notes.push(at_stripe(&app, "POST", "/v1/credit_notes", &form).await);
    }
    at_stripe(&app, "POST", &format!("/v1/invoices/{invoice}/pay"), &[]).await;
    let disputed = text(&app.sandbox.objects("dispute")[0]["id"]);
    let form = [("evidence[uncategorized_text]", "It was delivered."), ("submit", "false")];
    let dispute = at_stripe(&app, "POST", &format!("/v1/disputes/{disputed}"), &form).await;
    let intent = text(&dispute["payment_intent"]);
    let before = app.sandbox.requests().len();
    let mut burst = Vec::new();
    for (number, note) in notes.iter().enumerate() {
        burst.push(event(&format!("evt_note_{number}"), "credit_note.created", 5, note));
        // Each is newer than the one before, so that its payload may be used; none is of a time that is still to come.
        let number = i64::try_from(number).expect("a small number");
        let id = format!("evt_dispute_{number}");
        burst.push(event(&id, "charge.dispute.updated", number - 60, &dispute));
    }
    store_all(&app, &burst).await;
    app.settled_so_far().await;
    assert_eq!(applied(&app).await, 40);
    let asked = asked(&app, before);
    for path in [format!("/v1/payment_intents/{intent}"), format!("/v1/invoices/{invoice}")] {
        let fetches = asked.get(&path).copied().unwrap_or_default();
        assert!((1..=8).contains(&fetches), "{fetches} fetches of {path} for forty events: {asked:#?}");
    }
    for id in ["evt_note_0", "evt_note_19", "evt_dispute_0", "evt_dispute_19"] {
        assert_eq!(records_of(&app, id).await, 1, "{id}");
    }
    let query = "invoices { nodes { stripeInvoiceId creditNotes { amount { minorUnits } } } }
        disputes { nodes { hasEvidence } } payments { nodes { stripePaymentIntentId status } }";
    let rows = shown(&of, query).await;
    let nodes = rows["invoices"]["nodes"].as_array().expect("invoices");
    let row = nodes.iter().find(|row| row["stripeInvoiceId"] == invoice.as_str()).expect("the invoice");
    assert_eq!(row["creditNotes"].as_array().map(Vec::len), Some(20), "{row:#}");
    assert_eq!(rows["disputes"]["nodes"], json!([{ "hasEvidence": true }]), "{rows:#}");
    let nodes = rows["payments"]["nodes"].as_array().expect("payments");
    assert!(nodes.iter().any(|row| row["stripePaymentIntentId"] == intent.as_str()), "{rows:#}");
}

/// A person's comparison asks as much as one in turn: it stays inside the budget, and comes before events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_that_a_person_waits_for_stays_inside_the_rate_budget_and_goes_first() {
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
    let compare =
        "mutation($input: DriftCompareInput!) { driftCompare(input: $input) { userErrors { code } } }";
    let input = json!({ "input": { "organizationId": of.organization } });
    // What this second has left of the budget goes to the events.
    store_all(&app, &burst).await;
    eventually("the events to be under way", || async { (applied(&app).await > 0).then_some(()) }).await;
    let before = app.sandbox.requests().len();
    let began = Instant::now();
    let answer = app.staff().send(compare, input).await;
    let took = began.elapsed();
    assert_eq!(answer.data()["driftCompare"]["userErrors"], json!([]), "{:#}", answer.body);
    let left = 40 - applied(&app).await;
    assert!(left > 5, "it came after the events: {left} of them are left");
    // The comparison fetches each draft once more; ten a second, and what was left of the first second.
    let asked = app.sandbox.requests().len() - before;
    let fastest = Duration::from_millis(u64::try_from(asked.saturating_sub(12)).expect("few") * 100);
    assert!(asked > 20, "{asked} requests");
    assert!(took >= fastest, "{asked} requests within {took:?}");
}

/// The budget is the account's, however many processes ask it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_on_one_account_share_its_rate_budget() {
    let options = || {
        let worker = WorkerOptions { lease: Duration::from_millis(1_200), ..TestOptions::default().worker };
        TestOptions {
            deliver_webhooks: false,
            background_rate: NonZeroU32::new(20),
            worker,
            ..TestOptions::default()
        }
    };
    let app = TestApp::start_with(options()).await;
    let of = subscribed(&app).await;
    let mut burst = Vec::new();
    for number in 0..100 {
        let draft = at_stripe(&app, "POST", "/v1/invoices", &[("customer", &of.customer)]).await;
        let mut told = event(&format!("evt_{number}"), "invoice.payment_failed", 5, &draft);
        // A lane each, and more than one process takes: both find work.
        told["data"]["object"]["customer"] = json!(null);
        burst.push(told);
    }
    let other = app.another_process(options()).await;
    eventually("both to know of each other", || async {
        let processes = app.store().announce("process:test:", uuid::Uuid::nil(), TimeDelta::zero()).await;
        // This look is counted, too, and is gone with the next.
        (processes.expect("a count") == 3).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let began = Instant::now();
    store_all(&app, &burst).await;
    while applied(&app).await < 100 {
        assert!(began.elapsed() < Duration::from_secs(20), "the events are not applied");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A second's worth at once, then twenty a second. Each for itself, the one with sixty-four would be done in two and a half.
    let took = began.elapsed();
    assert!(took > Duration::from_millis(3_500), "a hundred fetches by two processes within {took:?}");
    drop(other);
}
