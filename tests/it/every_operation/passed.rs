//! At which places of which kind a process is killed, and that there are no others: what a process passes when nobody kills it,
//! and what any that is killed passed before, is in the list.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::sync::{Arc, Mutex};

use serde_json::json;
use stripe_sandbox::{AfterRetries, Sandbox};
use tollgate::domain::billing_operation::OperationKind as K;

use super::further_steps::code_given_up;
use super::kill::{Gateway, gateway};
use super::plan_restore::refused_half_way;
use super::recovery::{given_up, paid_debt, subscribed_twice};
use super::{SCENARIOS, catalogue, is_by_staff, patient, prepare, query_of, quiet};
use crate::support::database::TestDatabase;
use crate::support::{Client, TestApp, eventually};

/// What a line of standard error begins with that tells of a place.
const PASSED: &str = "fault point passed: ";

/// Places that only some ways of a kind have, or a kind that nobody asks for: a test of its own kills a process at each. One that
/// ends with a hyphen goes on with an id.
pub(super) struct Way {
    kind: K,
    pub places: &'static [&'static str],
}

const fn way(kind: K, places: &'static [&'static str]) -> Way {
    Way { kind, places }
}

pub(super) const MAKES_CUSTOMER: Way = way(K::PaymentMethodSetup, &["before-customer", "customer-answered"]);
pub(super) const WITH_CODE: Way = way(K::SubscriptionChange, &["before-discount", "before-change"]);
pub(super) const BILLED_LATER: Way = way(K::SubscriptionChange, &["before-change-unpaid"]);
pub(super) const DECLINED: Way = way(K::SubscriptionChange, &["before-withdraw", "before-undiscount"]);
pub(super) const CODE_TAKEN_OFF: Way = way(K::SubscriptionRestore, &["before-undiscount"]);
pub(super) const BEGUN_ANEW: Way = way(K::SubscriptionCreate, &["before-cancel-incomplete", "before-create"]);
pub(super) const PAID_MEANWHILE: Way = way(K::SubscriptionCreate, &["before-refund-"]);
pub(super) const DEBT_GIVEN_UP: Way = way(K::SubscriptionCancel, &["before-void-"]);
pub(super) const TAX_ID_TAKEN_OFF: Way = way(K::CustomerSync, &["before-untax-"]);
pub(super) const RESUMED_FROM_PAUSE: Way = way(K::SubscriptionResume, &["before-resume-paused", "answered"]);
pub(super) const RECOVERED: Way =
    way(K::SubscriptionRecover, &["opened", "before-collect-", "answered", "settling", "settled"]);
pub(super) const DUPLICATE_ENDED: Way = way(
    K::SubscriptionCancelDuplicate,
    &["opened", "before-cancel", "before-refund-", "answered", "settling", "settled"],
);
pub(super) const PUT_BACK: Way = way(
    K::SubscriptionRestore,
    &["opened", "before-schedule", "before-phases", "answered", "settling", "settled"],
);
pub(super) const PLAN_TAKEN_BACK: Way =
    way(K::PlanRestore, &["opened", "before-product", "before-price-", "settling", "settled"]);

/// Each is gone through by the test that kills at its places.
const WAYS: [&Way; 14] = [
    &MAKES_CUSTOMER,
    &WITH_CODE,
    &BILLED_LATER,
    &DECLINED,
    &CODE_TAKEN_OFF,
    &BEGUN_ANEW,
    &PAID_MEANWHILE,
    &DEBT_GIVEN_UP,
    &TAX_ID_TAKEN_OFF,
    &RESUMED_FROM_PAUSE,
    &RECOVERED,
    &DUPLICATE_ENDED,
    &PUT_BACK,
    &PLAN_TAKEN_BACK,
];

/// Whether a process is killed at a place of a kind, by any test.
fn is_killed_at(point: &str) -> bool {
    let Some((kind, place)) = point.split_once('@') else { return false };
    let of_scenarios = SCENARIOS.iter().map(|scenario| (scenario.kind, scenario.places));
    let mut all = of_scenarios.chain(WAYS.iter().map(|way| (way.kind, way.places)));
    all.any(|(of, places)| {
        let is_one = |known: &&str| *known == place || known.ends_with('-') && place.starts_with(*known);
        of.as_str() == kind && places.iter().any(is_one)
    })
}

/// The place that a line tells of.
pub(super) fn told(line: &str) -> Option<&str> {
    line.strip_prefix(PASSED)
}

#[track_caller]
pub(super) fn check<'a>(passed: impl IntoIterator<Item = &'a String>) {
    let forgotten: BTreeSet<&String> = passed.into_iter().filter(|point| !is_killed_at(point)).collect();
    assert!(forgotten.is_empty(), "no process is killed at {forgotten:#?}");
}

/// A process that tells what it passes, and is killed nowhere.
struct Telling {
    process: Gateway,
    port: u16,
    passed: Arc<Mutex<BTreeSet<String>>>,
}

impl Telling {
    async fn start(database: &TestDatabase, sandbox: &Sandbox) -> Self {
        let (mut process, port) = gateway(database, sandbox, "*").await;
        let passed: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let stderr = process.0.stderr.take().expect("a pipe");
        let kept = Arc::clone(&passed);
        // It ends with the process, whose pipe this is.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Some(point) = told(&line) {
                    kept.lock().expect("nobody panics while holding it").insert(point.to_owned());
                }
            }
        });
        Self { process, port, passed }
    }

    async fn until(&self, point: &str) {
        eventually(point, || async {
            self.passed.lock().expect("nobody panics while holding it").contains(point).then_some(())
        })
        .await;
    }

    fn end(self) -> BTreeSet<String> {
        drop(self.process);
        self.passed.lock().expect("nobody panics while holding it").clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_is_killed_at_every_place_that_a_kind_passes() {
    let app = TestApp::start_with(quiet()).await;
    let catalogue = catalogue(&app).await;
    let mut cases = Vec::new();
    for (number, scenario) in SCENARIOS.iter().enumerate() {
        cases.push(prepare(&app, &catalogue, scenario, "", format!("case-{number}")).await);
    }
    let (owner, staff) = (app.tokens.token("olivia"), app.tokens.staff_token("staff"));
    let (database, sandbox) = app.stop().await;
    let telling = Telling::start(&database, &sandbox).await;
    for case in &cases {
        let scenario = case.scenario;
        let token = if is_by_staff(scenario) { &staff } else { &owner };
        let client = Client::new(([127, 0, 0, 1], telling.port).into(), Some(token.clone()));
        let variables = json!({ "input": (scenario.input)(case) });
        let answer = client.send(&query_of(scenario.mutation), variables).await;
        let state = &answer.data()[scenario.mutation]["operation"]["state"];
        assert_eq!(*state, scenario.state, "{}: {:#}", scenario.kind, answer.body);
    }
    let passed = telling.end();
    for scenario in SCENARIOS {
        for place in ["opened", "settling", "settled"] {
            let point = format!("{}@{place}", scenario.kind);
            assert!(passed.contains(&point), "{point} was not told: {passed:#?}");
        }
        let step = format!("{}@before-", scenario.kind);
        assert!(passed.iter().any(|point| point.starts_with(&step)), "{} has no step", scenario.kind);
    }
    check(&passed);
}

/// Of what nobody asks for, whose worker begins it by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_is_killed_at_every_place_of_what_nobody_asks_for() {
    let mut all = BTreeSet::new();
    let (debtor, duplicate, restored, coded, plan) = (
        TestApp::start_days_ago_with(100, AfterRetries::Unpaid).await,
        TestApp::start_with(quiet()).await,
        TestApp::start_with(patient(true)).await,
        TestApp::start_with(patient(true)).await,
        refused_half_way().await,
    );
    paid_debt(&debtor).await;
    subscribed_twice(&duplicate).await;
    given_up(&restored).await;
    code_given_up(&coded).await;
    for (app, kind) in [
        (debtor, K::SubscriptionRecover),
        (duplicate, K::SubscriptionCancelDuplicate),
        (restored, K::SubscriptionRestore),
        (coded, K::SubscriptionRestore),
        (plan, K::PlanRestore),
    ] {
        let (database, sandbox) = app.stop().await;
        let telling = Telling::start(&database, &sandbox).await;
        telling.until(&format!("{kind}@settled")).await;
        all.extend(telling.end());
    }
    for kind in super::UNASKED {
        let step = format!("{kind}@before-");
        assert!(all.iter().any(|point| point.starts_with(&step)), "{kind} has no step: {all:#?}");
    }
    check(&all);
}

#[test]
fn a_place_is_known_by_its_kind_and_its_name() {
    assert!(is_killed_at("subscription.create@before-create"));
    assert!(is_killed_at("subscription.create@before-refund-pi_1"));
    for point in ["subscription.create@before-pay", "invoice.pay@before-create", "invoice.pay", "@before-pay"]
    {
        assert!(!is_killed_at(point), "{point}");
    }
}
