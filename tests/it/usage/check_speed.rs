//! How long the gateway itself takes to say whether something may be used. It prints its numbers; `cargo xtask bench
//! entitlements` measures the release build.

use std::time::{Duration, Instant};

use serde_json::json;
use tollgate::domain::entitlement::EntitlementReason;
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::quantity::Quantity;

use super::{event, recorded, subscribed};
use crate::support::{TestApp, measure, uuid_of};

/// Measured checks of each feature, unless `TOLLGATE_TEST_ENTITLEMENT_ROUNDS` says more.
const ROUNDS: usize = 200;
/// Far above what is asked of an optimised build on a quiet machine, 1 ms, which `cargo xtask bench entitlements` sets as
/// `TOLLGATE_TEST_ENTITLEMENT_BOUND_MS`: tests run beside others, on busy machines.
const BOUND: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entitlement_is_checked_soon() {
    let app = TestApp::start().await;
    let features = json!({
        "sso": true,
        "projects": 10,
        "calls": { "meter": "api_calls", "included": 1000, "limit": "hard" },
    });
    let (owner, acme) = subscribed(&app, features).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "7.5")])).await;
    let (organization, one) = (OrganizationId(uuid_of(&acme)), Quantity::from(1_u32));
    let bound = measure::bound("TOLLGATE_TEST_ENTITLEMENT_BOUND_MS", BOUND);
    for (feature, what) in [("projects", "a check of what is kept"), ("calls", "a check of what is metered")]
    {
        let mut took = Vec::new();
        for _ in 0..measure::rounds("TOLLGATE_TEST_ENTITLEMENT_ROUNDS", ROUNDS) {
            let began = Instant::now();
            let checked = app.service.check_entitlement(organization, feature, one).await;
            took.push(began.elapsed());
            assert_eq!(checked.expect("it is checked").reason, EntitlementReason::Included);
        }
        measure::report(what, took, bound);
    }
}
