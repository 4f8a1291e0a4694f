//! The worker: what it does by itself, and what must not stop it.

mod inbox;
mod reconcile;
mod refetch;
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
