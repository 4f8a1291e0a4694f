//! The worker: what it does by itself, and what must not stop it.

mod inbox;
pub mod reconcile;
mod refetch;
mod strange_payloads;
mod sweep;

use std::time::Duration;

use tollgate::jobs::WorkerOptions;

use crate::support::{TestApp, TestOptions};

/// A gateway that reads Stripe's list that often, and to which nothing is delivered.
async fn sweeping(interval: Duration) -> TestApp {
    let options = TestOptions::default();
    let worker = WorkerOptions { sweep_events: Some(interval), ..options.worker };
    TestApp::start_with(TestOptions { deliver_webhooks: false, worker, ..options }).await
}

/// Lets the gateway begin as on its first start with an account that exists: it compares everything.
async fn begin_anew(app: &TestApp) {
    let started =
        async || app.service.last_comparison().await.expect("a query").and_then(|job| job.started_at);
    let before = started().await;
    for _ in 0..5 {
        // A reading that is under way writes its cursor once more.
        app.disturb("DELETE FROM sync_cursors WHERE name = 'events:test'").await;
        for _ in 0..100 {
            if started().await > before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    panic!("nothing is compared");
}
