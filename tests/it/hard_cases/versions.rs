//! B: API versions that drift.

use serde_json::{Value, json};
use tollgate::domain::mirror::MirrorObject;
use tollgate::domain::subscription::SubscriptionStatus;
use tollgate::payments::{Unreadable, mirror_of, parse_envelope};

use super::{change_seats, object, quantity, quiet, shown, subscribed};
use crate::convergence::delivery::{before_basil, newer};
use crate::support::webhook::{apply, at_stripe, event};
use crate::support::{TestApp, TestOptions, text};

async fn row(app: &crate::support::TestApp, id: &str) -> tollgate::domain::subscription::Subscription {
    let row = app.store().find_subscription_at_stripe(&id.into()).await.expect("a query");
    row.expect("the row")
}

#[tokio::test]
async fn case_24_the_period_moved_to_the_items() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let current = object(&app, "subscription", &of.subscription);
    let end = current["items"]["data"][0]["current_period_end"].as_i64().expect("an end");
    let told = event("evt_basil", "customer.subscription.updated", 5, &current);
    apply(&app, &told).await;
    assert_eq!(row(&app, &of.subscription).await.current_period_end.map(|at| at.timestamp()), Some(end));
    // An endpoint of before says it at the root; it is understood without asking Stripe.
    let requests = app.sandbox.requests().len();
    let mut old = before_basil(&event("evt_acacia", "customer.subscription.updated", 20, &current));
    old["data"]["object"]["current_period_end"] = json!(end + 86_400);
    assert!(old["data"]["object"]["items"]["data"][0].get("current_period_end").is_none());
    apply(&app, &old).await;
    assert_eq!(
        row(&app, &of.subscription).await.current_period_end.map(|at| at.timestamp()),
        Some(end + 86_400)
    );
    assert_eq!(app.sandbox.requests().len(), requests);
    // Of items with different intervals the earliest end counts, and no items give no period.
    let mut mixed = event("evt_mixed", "customer.subscription.updated", 30, &current);
    let mut longer = mixed["data"]["object"]["items"]["data"][0].clone();
    longer["current_period_end"] = json!(end + 300 * 86_400);
    mixed["data"]["object"]["items"]["data"].as_array_mut().expect("items").insert(0, longer);
    apply(&app, &mixed).await;
    assert_eq!(row(&app, &of.subscription).await.current_period_end.map(|at| at.timestamp()), Some(end));
    let mut bare = event("evt_bare", "customer.subscription.updated", 40, &current);
    bare["data"]["object"]["items"]["data"] = json!([]);
    apply(&app, &bare).await;
    assert_eq!(row(&app, &of.subscription).await.current_period_end, None);
}

#[tokio::test]
async fn case_25_the_payment_of_an_invoice_moved() {
    for old in [false, true] {
        let app = quiet().await;
        let of = subscribed(&app).await;
        app.disturb("UPDATE payments SET invoice_id = NULL, stripe_invoice_id = NULL").await;
        let invoice = app.sandbox.objects("invoice")[0].clone();
        let told = event("evt_finalized", "invoice.finalized", 5, &invoice);
        apply(&app, &if old { before_basil(&told) } else { told }).await;
        let shown = shown(&of, "invoices { nodes { payments { status amount { minorUnits } } } }").await;
        assert_eq!(
            shown["invoices"]["nodes"][0]["payments"],
            json!([{ "status": "SUCCEEDED", "amount": { "minorUnits": "2900" } }]),
            "old: {old}"
        );
    }
}

#[tokio::test]
async fn case_26_the_subscription_of_an_invoice_moved() {
    for old in [false, true] {
        let app = quiet().await;
        let of = subscribed(&app).await;
        // A renewal, told of in either version, is the subscription's.
        app.sandbox.set_now(app.sandbox.now() + 32 * 86_400);
        let renewal = app
            .sandbox
            .objects("invoice")
            .into_iter()
            .find(|it| it["billing_reason"] == "subscription_cycle");
        let renewal = renewal.expect("a renewal");
        let told = event("evt_renewal", "invoice.paid", 40 * 86_400, &renewal);
        apply(&app, &if old { before_basil(&told) } else { told }).await;
        let id = text(&renewal["id"]);
        let row =
            app.store().find_invoice_at_stripe(&id.as_str().into()).await.expect("a query").expect("a row");
        let subscription = super::versions::row(&app, &of.subscription).await;
        assert_eq!(row.subscription_id, Some(subscription.id), "old: {old}");
        assert!(!row.lines.is_empty());
    }
}

#[tokio::test]
async fn case_27_an_end_by_date_without_the_flag() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let at = (app.sandbox.now() + 10 * 86_400).to_string();
    let path = format!("/v1/subscriptions/{}", of.subscription);
    at_stripe(&app, "POST", &path, &[("cancel_at", &at)]).await;
    let current = object(&app, "subscription", &of.subscription);
    assert_eq!(current["cancel_at_period_end"], false);
    apply(&app, &event("evt_portal", "customer.subscription.updated", 5, &current)).await;
    let shown = shown(&of, "subscription { cancelAtPeriodEnd isCancellationScheduled cancelAt }").await;
    assert_eq!(shown["subscription"]["cancelAtPeriodEnd"], false);
    assert_eq!(shown["subscription"]["isCancellationScheduled"], true);
}

#[tokio::test]
async fn case_28_an_endpoint_of_another_version_than_the_client() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    let changed = change_seats(&app, &of, "11").await;
    let told = event("evt_zinnia", "customer.subscription.updated", 5, &changed);
    // Nothing of a version that nobody here knows is believed but which object it is about: that one is fetched.
    let applied = apply(&app, &newer(&told)).await;
    assert_eq!(applied.event.api_version.as_deref(), Some("2031-01-01.zinnia"));
    assert_eq!(quantity(&of).await, "11");
    let answer = app.staff().send("{ stripeIntake { versions { library lastEvent } } }", json!({})).await;
    assert_eq!(
        answer.data()["stripeIntake"]["versions"],
        json!({ "library": "2026-09-30.endive", "lastEvent": "2031-01-01.zinnia" })
    );
}

/// What a version looks like is decided by these files, not by whoever reviews the code.
#[test]
fn case_29_each_version_has_its_fixture() {
    let read = |text: &str| mirror_of(&parse_envelope(text.as_bytes()).expect("an event"));
    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!("../../payments/fixtures/", $name, ".json"))
        };
    }
    let period = |text: &str| match read(text) {
        Ok(MirrorObject::Subscription(it)) => it.current_period_end.map(|at| at.timestamp()),
        other => panic!("{other:?}"),
    };
    let has_item_period = |text: &str| {
        let event: Value = serde_json::from_str(text).expect("JSON");
        event["data"]["object"]["items"]["data"][0].get("current_period_end").is_some()
    };
    assert!(has_item_period(fixture!("subscription_updated")));
    assert_eq!(period(fixture!("subscription_updated")), Some(1_792_000_000));
    assert!(!has_item_period(fixture!("subscription_updated_before_2025-03-31")));
    assert_eq!(period(fixture!("subscription_updated_before_2025-03-31")), Some(1_792_000_000));
    let Ok(MirrorObject::Invoice(invoice)) = read(fixture!("invoice_paid")) else { panic!() };
    assert!(invoice.subscription.is_some() && invoice.payment_intents.is_some());
    assert_eq!(read(fixture!("invoice_paid_before_2025-03-31")), Err(Unreadable::OtherVersion));
}

async fn with_metrics() -> TestApp {
    TestApp::start_with(TestOptions {
        deliver_webhooks: false,
        http: tollgate::http::HttpOptions { metrics: true, ..Default::default() },
        ..Default::default()
    })
    .await
}

/// So many unknown words of a field were counted, in this process.
async fn counted(app: &TestApp, field: &str) -> u64 {
    let url = format!("http://{}/metrics", app.address);
    let text = reqwest::get(url).await.expect("metrics").text().await.expect("text");
    let name = format!("tollgate_unknown_values_total{{field=\"{field}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn case_30_a_word_that_stripe_introduced_later() {
    let app = with_metrics().await;
    let of = subscribed(&app).await;
    let count = async || counted(&app, "subscription.status").await;
    let before = count().await;
    let mut current = object(&app, "subscription", &of.subscription);
    current["status"] = json!("hibernating");
    apply(&app, &event("evt_word", "customer.subscription.updated", 5, &current)).await;
    let row = row(&app, &of.subscription).await;
    assert_eq!(row.status, SubscriptionStatus::Other("hibernating".to_owned()), "kept as it is");
    assert!(!row.status.is_live(), "and gives nothing");
    let shown = shown(&of, "subscription { status } accessState { level }").await;
    assert_eq!(shown["subscription"]["status"], "UNKNOWN");
    assert_ne!(shown["accessState"]["level"], "FULL", "least privilege");
    assert!(count().await > before, "somebody is told");
}

/// It is kept and counted whatever object has it, and whatever brings it: an event, or a comparison.
#[tokio::test]
async fn case_30_a_new_word_of_what_is_given_back_and_one_that_no_event_told_of() {
    let app = with_metrics().await;
    let of = subscribed(&app).await;
    let invoice = text(&app.sandbox.objects("invoice")[0]["id"]);
    let form = [("invoice", invoice.as_str()), ("amount", "300"), ("credit_amount", "300")];
    let mut note = at_stripe(&app, "POST", "/v1/credit_notes", &form).await;
    note["status"] = json!("suspended");
    let mut charge = app.sandbox.objects("charge")[0].clone();
    charge["id"] = json!("ch_hovering");
    charge["status"] = json!("hovering");
    let before = (counted(&app, "credit_note.status").await, counted(&app, "charge.status").await);
    apply(&app, &event("evt_note", "credit_note.created", 5, &note)).await;
    apply(&app, &event("evt_charge", "charge.updated", 5, &charge)).await;
    let row =
        app.store().find_credit_note_at_stripe(&text(&note["id"]).as_str().into()).await.expect("a query");
    let row = row.expect("the row");
    assert_eq!(row.status.as_str(), "suspended", "kept as it is");
    assert!(row.counts(), "what may be given back is not given back again");
    let query = "invoices { nodes { creditNotes { status } } } payments { nodes { attempts { status } } }";
    let seen = shown(&of, query).await;
    assert_eq!(seen["invoices"]["nodes"][0]["creditNotes"], json!([{ "status": "UNKNOWN" }]), "{seen:#}");
    let attempts = &seen["payments"]["nodes"][0]["attempts"];
    assert!(attempts.as_array().is_some_and(|all| all.contains(&json!({ "status": "PENDING" }))), "{seen:#}");
    assert!(counted(&app, "credit_note.status").await > before.0, "somebody is told");
    assert!(counted(&app, "charge.status").await > before.1, "somebody is told");
    // No event told of this one.
    let before = counted(&app, "subscription.status").await;
    let mut current = object(&app, "subscription", &of.subscription);
    current["status"] = json!("hibernating");
    app.sandbox.import(vec![current]);
    let made = app.service.reconcile(true, chrono::TimeDelta::minutes(1)).await;
    assert!(made.expect("a comparison").expect("nobody else compares").mended > 0);
    assert_eq!(super::versions::row(&app, &of.subscription).await.status.as_str(), "hibernating");
    assert!(counted(&app, "subscription.status").await > before, "somebody is told");
}
