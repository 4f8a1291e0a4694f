//! A change of a plan that Stripe refused half-way is taken back there, whenever the process dies that does it.

use reqwest::Method;
use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind, Sandbox};

use super::kill::{gateway, kill_when_reached};
use super::passed::PLAN_TAKEN_BACK;
use super::{patient, price, query_of, quiet};
use crate::support::database::TestDatabase;
use crate::support::detour::{Way, detour};
use crate::support::{TestApp, TestOptions, eventually};

/// What Stripe sells of the plan.
fn sold(sandbox: &Sandbox) -> Value {
    let product = sandbox.objects("product")[0].clone();
    let prices = sandbox.objects("price").into_iter().filter(|price| price["active"] == true);
    let prices: Vec<Value> = prices.map(|price| price["unit_amount"].clone()).collect();
    json!([product["name"], product["active"], prices])
}

/// A gateway whose plan was renamed and given a price at Stripe; that the old price is taken off the list was refused.
pub(super) async fn refused_half_way() -> TestApp {
    let sandbox = TestApp::sandbox_days_ago(1, stripe_sandbox::AfterRetries::Cancel).await;
    let stripe = detour(&sandbox, |method, path| {
        if method == Method::POST && path.starts_with("/v1/prices/") {
            Way::Refused("charge_disputed", "Stripe has its reasons.")
        } else {
            Way::Straight
        }
    })
    .await;
    let options = TestOptions { stripe: Some(stripe), ..patient(false) };
    let app = TestApp::start_on(TestDatabase::create().await, sandbox, options).await;
    let plan = app.paid_plan("pro", 1_900, 0).await;
    let input =
        json!({ "planId": plan, "expectedVersion": "1", "name": "Professional", "price": price("900") });
    let refused = app.staff().send(&query_of("planUpdate"), json!({ "input": input })).await;
    assert_eq!(refused.data()["planUpdate"]["operation"]["state"], "FAILED", "{:#}", refused.body);
    assert_eq!(sold(&app.sandbox), json!(["Professional", true, [900, 1_900]]));
    assert_eq!(restores(&app).await, ["PENDING"], "it is written down to be taken back");
    app
}

pub(super) async fn restores(app: &TestApp) -> Vec<String> {
    let plan = app.store().find_plan_by_slug("pro").await.expect("a query").expect("the plan");
    app.operations_about("plan.restore", &plan.id.to_string()).await
}

async fn check(app: &TestApp, what: &str) {
    assert_eq!(sold(&app.sandbox), json!(["pro", true, [1_900]]), "{what}");
    let records = app.audit_records().await;
    let restored = records.iter().filter(|record| record.action == "plan.restore").count();
    assert_eq!(restored, 1, "{what}: a record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taking_a_plan_back_that_was_killed_is_finished_once() {
    for place in PLAN_TAKEN_BACK.places {
        let app = refused_half_way().await;
        let cheap = app.sandbox.objects("price").into_iter().find(|it| it["unit_amount"] == 900);
        let cheap = cheap.expect("the new price")["id"].as_str().expect("an id").to_owned();
        let (database, sandbox) = app.stop().await;
        let place = if place.ends_with('-') { format!("{place}{cheap}") } else { (*place).to_owned() };
        let point = format!("plan.restore@{place}");
        let (process, _) = gateway(&database, &sandbox, &point).await;
        kill_when_reached(process, &point).await;
        TestApp::let_leases_run_out(&database).await;
        let next = TestApp::start_on(database, sandbox, quiet()).await;
        eventually("it to be settled", || async {
            next.service.settle_abandoned_operations().await.expect("a sweep");
            next.open_operations().await.is_empty().then_some(())
        })
        .await;
        assert_eq!(restores(&next).await, ["CONFIRMED"], "{place}");
        check(&next, &place).await;
    }
}

/// It says how things are to be: older than its keys, it is said again.
#[tokio::test]
async fn taking_a_plan_back_that_is_older_than_its_keys_is_done() {
    for fault in [FaultKind::ActThenDrop, FaultKind::FailBefore] {
        let (database, sandbox) = refused_half_way().await.stop().await;
        sandbox.fault(Fault::new("POST /v1/products/*", fault));
        let app = TestApp::start_on(database, sandbox, patient(false)).await;
        // Whoever sweeps first asks Stripe once.
        eventually("its outcome to be unknown", || async {
            if restores(&app).await == ["PENDING"] {
                app.service.settle_abandoned_operations().await.expect("a sweep");
            }
            (restores(&app).await == ["UNKNOWN"]).then_some(())
        })
        .await;
        app.age_operations().await;
        app.service.settle_abandoned_operations().await.expect("a sweep");
        assert_eq!(restores(&app).await, ["CONFIRMED"], "{fault:?}");
        check(&app, "looked up").await;
    }
}

/// Until it is taken back, nobody changes the plan.
#[tokio::test]
async fn a_plan_that_is_to_be_taken_back_is_changed_by_nobody() {
    let app = refused_half_way().await;
    let plan = app.store().find_plan_by_slug("pro").await.expect("a query").expect("the plan");
    let input =
        json!({ "planId": format!("plan_{}", plan.id.0.simple()), "expectedVersion": "1", "name": "Other" });
    let busy = app.staff().send(&query_of("planUpdate"), json!({ "input": input })).await;
    assert_eq!(busy.data()["planUpdate"]["userErrors"][0]["code"], "CONFLICT", "{:#}", busy.body);
}
