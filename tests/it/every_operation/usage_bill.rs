//! The close of a billing period: a process is killed at each of its steps, and the next one finishes what it left, once.

use chrono::Duration;
use serde_json::{Value, json};
use tollgate::domain::billing_operation::OperationKind as K;
use tollgate::domain::clock::{Clock, SystemClock};

use super::kill::{gateway, kill_when_reached};
use super::quiet;
use crate::mutations::member::done;
use crate::support::{TestApp, eventually, text};
use crate::usage::bills::{paid_plan, per_unit};
use crate::usage::{event, recorded, recorder};

/// An organization that used something of two meters in a period that has just ended; or in its last.
struct Used {
    app: TestApp,
    organization: String,
}

async fn used(is_last: bool) -> Used {
    let app = TestApp::start_days_ago(35).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let charges = json!([per_unit("api_calls", "2", "0"), per_unit("seats", "300", "0")]);
    let plan = paid_plan(&app, "metered", 0, charges).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let payload = app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    let client = recorder(&app, &owner, &organization).await;
    let at = SystemClock.now() - Duration::days(10);
    let mut events = json!([event("api_calls", "a", "50"), event("seats", "b", "2")]);
    for event in events.as_array_mut().expect("events") {
        event["occurredAt"] = json!(at);
    }
    recorded(&client, &organization, events).await;
    if is_last {
        app.pass_days(28).await;
        let input = json!({ "subscriptionId": payload["subscription"]["id"], "when": "NOW" });
        done(&owner, "subscriptionCancel", input, "subscription { status }").await;
    } else {
        // To a few minutes after the renewal: its invoice is a draft.
        let end: chrono::DateTime<chrono::Utc> =
            text(&payload["subscription"]["currentPeriodEnd"]).parse().expect("a time");
        app.sandbox.set_now(end.timestamp() + 300);
    }
    app.settled().await;
    // As it is ten minutes later.
    app.disturb("UPDATE usage_periods SET seen_ended_at = '2026-01-01T00:00:00+00:00' WHERE seen_ended_at IS NOT NULL").await;
    Used { app, organization }
}

/// A process that looks for periods to close is killed at the place; the gateway that finished what it left.
async fn finished(it: Used, place: &str) -> Used {
    let (database, sandbox) = it.app.stop().await;
    let point = format!("{}@{place}", K::UsageBill);
    let (process, _) = gateway(&database, &sandbox, &point).await;
    kill_when_reached(process, &point).await;
    TestApp::let_leases_run_out(&database).await;
    let next = TestApp::start_on(database, sandbox, quiet()).await;
    eventually("it to be settled", || async {
        next.service.settle_abandoned_operations().await.expect("a sweep");
        next.service.close_usage_periods().await.expect("a look");
        next.open_operations().await.is_empty().then_some(())
    })
    .await;
    Used { app: next, organization: it.organization }
}

fn amounts(items: &[Value]) -> Vec<i64> {
    let mut amounts: Vec<i64> = items.iter().filter_map(|item| item["amount"].as_i64()).collect();
    amounts.sort_unstable();
    amounts
}

async fn meter_ids(app: &TestApp) -> Vec<String> {
    let meters = app.store().list_meters().await.expect("meters");
    let charged = meters.iter().filter(|meter| ["api_calls", "seats"].contains(&meter.meter.name.as_str()));
    charged.map(|meter| meter.id.to_string()).collect()
}

/// A level that did not last for the whole period costs its part of it.
async fn check(it: &Used, place: &str, is_last: bool) {
    let states = it.app.operation_states(&it.organization, "usage.bill").await;
    assert_eq!(states, ["CONFIRMED"], "{place}");
    let items = it.app.sandbox.objects("invoiceitem");
    let billed = amounts(&items);
    assert_eq!((billed.len(), billed[0]), (2, 100), "{place}: once each: {billed:?}");
    let seats = if is_last { 500..600 } else { 600..601 };
    assert!(seats.contains(&billed[1]), "{place}: {billed:?}");
    let query = "query($id: ID!) { usageCharges(organizationId: $id) { place billedAt } }";
    let answer = it.app.client("olivia").send(query, json!({ "id": it.organization })).await;
    let charges = answer.data()["usageCharges"].as_array().expect("charges").clone();
    assert_eq!(charges.len(), 2, "{place}");
    assert!(charges.iter().all(|charge| charge["billedAt"].is_string()), "{place}: {charges:#?}");
    let records = it.app.audit_records().await;
    let of_bill = records.iter().filter(|record| record.action == "usage.bill");
    assert_eq!(of_bill.count(), 1, "{place}: a record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_a_period_that_was_killed_is_finished_once() {
    let mut places =
        vec!["opened".to_owned(), "answered".to_owned(), "settling".to_owned(), "settled".to_owned()];
    let first = used(false).await;
    places.extend(meter_ids(&first.app).await.iter().map(|id| format!("before-item-{id}")));
    let mut it = Some(first);
    for place in places {
        let it = match it.take() {
            Some(it) => it,
            None => used(false).await,
        };
        let it = finished(it, &place).await;
        check(&it, &place, false).await;
        let items = it.app.sandbox.objects("invoiceitem");
        let invoice = items[0]["invoice"].as_str().expect("it is on an invoice").to_owned();
        assert!(items.iter().all(|item| item["invoice"] == invoice.as_str()), "{place}");
        let bill = it.app.sandbox.objects("invoice").into_iter().find(|bill| bill["id"] == invoice.as_str());
        let bill = bill.expect("the renewal's");
        assert_eq!(
            (&bill["billing_reason"], &bill["total"]),
            (&json!("subscription_cycle"), &json!(3_600)),
            "{place}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_bill_that_was_killed_is_made_once() {
    let first = used(true).await;
    let mut places =
        vec!["before-usage-invoice".to_owned(), "before-usage-collect".to_owned(), "answered".to_owned()];
    places.extend(meter_ids(&first.app).await.iter().take(1).map(|id| format!("before-item-{id}")));
    let mut it = Some(first);
    for place in places {
        let it = match it.take() {
            Some(it) => it,
            None => used(true).await,
        };
        let it = finished(it, &place).await;
        check(&it, &place, true).await;
        let own = it.app.sandbox.objects("invoice");
        let own: Vec<_> = own.iter().filter(|bill| bill["billing_reason"] == "manual").collect();
        assert_eq!(own.len(), 1, "{place}");
        let total = json!(amounts(&it.app.sandbox.objects("invoiceitem")).iter().sum::<i64>());
        assert_eq!((&own[0]["total"], &own[0]["status"]), (&total, &json!("paid")), "{place}");
        assert_eq!(it.app.succeeded_charges(), 2, "{place}: the first month, and the usage");
    }
}

/// Killed between Stripe's answer and our note of it, and found a day later by what the items say of themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_billed_under_keys_that_are_forgotten_is_found() {
    for is_last in [false, true] {
        let it = used(is_last).await;
        let (database, sandbox) = it.app.stop().await;
        let point = format!("{}@answered", K::UsageBill);
        let (process, _) = gateway(&database, &sandbox, &point).await;
        kill_when_reached(process, &point).await;
        // Stripe forgets its keys after a day.
        sandbox.set_now(sandbox.now() + 25 * 3_600);
        let next = TestApp::start_on(database, sandbox, quiet()).await;
        next.age_operations().await;
        next.disturb("UPDATE usage_charges SET created_at = '2026-01-01T00:00:00+00:00'").await;
        eventually("it to be found", || async {
            next.service.settle_abandoned_operations().await.expect("a sweep");
            next.open_operations().await.is_empty().then_some(())
        })
        .await;
        let it = Used { app: next, organization: it.organization };
        check(&it, "answered", is_last).await;
        let own = it
            .app
            .sandbox
            .objects("invoice")
            .iter()
            .filter(|bill| bill["billing_reason"] == "manual")
            .count();
        assert_eq!(own, usize::from(is_last));
    }
}
