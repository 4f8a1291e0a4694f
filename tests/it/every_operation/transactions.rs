//! No transaction is open while Stripe is asked: it would hold rows, and on SQLite every writer, for as long as Stripe takes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use stripe_sandbox::{AfterRetries, Fault, FaultKind};
use tollgate::domain::billing_operation::OperationKind;

use super::plan_restore::{refused_half_way, restores};
use super::recovery::{DUPLICATE, RESTORE, given_up, paid_debt, subscribed_twice};
use super::{CONFIRMED, SCENARIOS, ask, catalogue, is_by_staff, patient, prepare};
use crate::support::{TestApp, eventually, webhook};

/// How long another writer of the same process, the one that tells people for instance, may take to end. Whoever waits for
/// Stripe ends nothing meanwhile.
const OTHERS: Duration = Duration::from_secs(2);

/// Looks, whenever Stripe is asked, how many write transactions are open.
pub(super) struct Watch {
    asked: Arc<AtomicUsize>,
    open: Arc<Mutex<Vec<String>>>,
}

impl Watch {
    pub(super) fn on(app: &TestApp) -> Self {
        let watch = Self { asked: Arc::default(), open: Arc::default() };
        let (asked, open, store) = (Arc::clone(&watch.asked), Arc::clone(&watch.open), app.store().clone());
        app.sandbox.on_request(move |method, path| {
            asked.fetch_add(1, Ordering::SeqCst);
            let deadline = Instant::now() + OTHERS;
            while store.open_transactions() > 0 {
                if Instant::now() > deadline {
                    let request = format!("{method} {path}");
                    open.lock().expect("nobody panics while holding it").push(request);
                    return;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        watch
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// What was asked of Stripe inside a transaction.
    fn found(&self) -> Vec<String> {
        self.open.lock().expect("nobody panics while holding it").clone()
    }

    #[track_caller]
    pub(super) fn check(&self, what: &str) {
        assert!(self.asked() > 0, "{what}: Stripe was not asked");
        assert_eq!(self.found(), [""; 0], "{what}: asked with a transaction open");
    }
}

/// What the watch is good for: it sees one that is held.
#[tokio::test]
async fn a_transaction_that_is_open_while_stripe_is_asked_is_seen() {
    let app = TestApp::start_with(patient(false)).await;
    let watch = Watch::on(&app);
    let held = app.store().begin().await.expect("a transaction");
    app.at_stripe(Method::GET, "customers", &[]).await;
    assert_eq!(watch.found(), ["GET /v1/customers"]);
    held.rollback().await.expect("it ends");
    app.at_stripe(Method::GET, "customers", &[]).await;
    assert_eq!(watch.found().len(), 1, "and none that has ended");
}

#[tokio::test]
async fn no_transaction_is_open_while_stripe_is_asked_whatever_the_kind() {
    let app = TestApp::start_with(patient(false)).await;
    let watch = Watch::on(&app);
    let catalogue = catalogue(&app).await;
    for (number, scenario) in SCENARIOS.iter().enumerate() {
        let case = prepare(&app, &catalogue, scenario, "", format!("case-{number}")).await;
        let client = if is_by_staff(scenario) { app.staff() } else { app.client("olivia") };
        let before = watch.asked();
        let asked = ask(&client, scenario.mutation, (scenario.input)(&case)).await;
        let what = format!("{} {number}", scenario.kind);
        assert_eq!(asked["operation"]["state"], scenario.state, "{what}: {asked:#}");
        assert!(watch.asked() > before, "{what}: Stripe was not asked");
        watch.check(&what);
    }
}

#[tokio::test]
async fn no_transaction_is_open_while_a_recovery_asks_stripe() {
    let app = TestApp::start_days_ago_with(100, AfterRetries::Unpaid).await;
    let (it, _) = paid_debt(&app).await;
    let watch = Watch::on(&app);
    app.service.recover_subscriptions().await.expect("a round");
    let kind = OperationKind::SubscriptionRecover.as_str();
    assert_eq!(app.operation_states(&it.organization, kind).await, [CONFIRMED]);
    watch.check(kind);
}

#[tokio::test]
async fn no_transaction_is_open_while_the_end_of_a_second_subscription_asks_stripe() {
    let app = TestApp::start_with(patient(false)).await;
    let (organization, _) = subscribed_twice(&app).await;
    let watch = Watch::on(&app);
    let second = &app.sandbox.objects("subscription")[0];
    webhook::apply(&app, &webhook::event("evt_second", "customer.subscription.created", 0, second)).await;
    assert_eq!(app.operation_states(&organization, DUPLICATE).await, [CONFIRMED]);
    watch.check(DUPLICATE);
}

#[tokio::test]
async fn no_transaction_is_open_while_putting_back_asks_stripe() {
    let app = TestApp::start_with(patient(true)).await;
    let it = given_up(&app).await;
    let watch = Watch::on(&app);
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(app.operation_states(&it.organization, RESTORE).await, [CONFIRMED]);
    watch.check(RESTORE);
}

#[tokio::test]
async fn no_transaction_is_open_while_taking_a_plan_back_asks_stripe() {
    let (database, sandbox) = refused_half_way().await.stop().await;
    // Whoever sweeps first is not watched yet: its answer is lost.
    sandbox.fault(Fault::new("POST /v1/products/*", FaultKind::ActThenDrop));
    let app = TestApp::start_on(database, sandbox, patient(false)).await;
    eventually("its outcome to be unknown", || async { (restores(&app).await == ["UNKNOWN"]).then_some(()) })
        .await;
    let watch = Watch::on(&app);
    app.let_own_leases_run_out().await;
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(restores(&app).await, [CONFIRMED]);
    watch.check(OperationKind::PlanRestore.as_str());
}
