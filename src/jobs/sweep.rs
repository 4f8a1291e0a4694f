//! Finding what nobody told us: events that never came, and rows that differ.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Waker, WorkerOptions};
use crate::service::{Service, ServiceError};

/// An organization takes longer to compare than a page of events to store: so many leases.
const COMPARISON: i32 = 6;

fn lease_of(options: &WorkerOptions) -> TimeDelta {
    TimeDelta::from_std(options.lease).unwrap_or(TimeDelta::minutes(1))
}

/// Reads Stripe's list of events at intervals. When it may not tell all, everything is to be compared: `wanted`.
pub(super) async fn sweep_events(
    service: Service,
    waker: Waker,
    wanted: Arc<Notify>,
    options: &WorkerOptions,
    stop: CancellationToken,
) {
    let Some(interval) = options.sweep_events else { return };
    let lease = lease_of(options);
    while !stop.is_cancelled() {
        match service.sweep_events(lease).await {
            Ok(Some(sweep)) => {
                if sweep.found > 0 {
                    waker.wake();
                }
                if sweep.needs_comparison {
                    wanted.notify_one();
                }
            }
            // Another process reads.
            Ok(None) => {}
            Err(error) => report(&error, "Stripe's list of events could not be read"),
        }
        rest(interval, &stop).await;
    }
}

/// Compares everything when that is wanted. By itself: it may take hours, and the sweep makes good within seconds.
pub(super) async fn compare_everything(
    service: Service,
    wanted: Arc<Notify>,
    options: &WorkerOptions,
    stop: CancellationToken,
) {
    let lease = lease_of(options) * COMPARISON;
    let compare = async {
        loop {
            wanted.notified().await;
            // The sweep asks as long as it is not done: what was asked meanwhile may be done already.
            match service.is_comparison_wanted().await {
                Ok(false) => {}
                Ok(true) => {
                    if let Err(error) = service.reconcile(options.mend, lease).await {
                        report(&error, "the comparison with Stripe was not finished");
                    }
                }
                Err(error) => report(&error, "what is to be compared cannot be read"),
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = compare => {}
    }
}

/// Compares one organization after the other, so that in time everything is.
pub(super) async fn compare(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    let Some(interval) = options.compare else { return };
    let lease = lease_of(options);
    while !stop.is_cancelled() {
        rest(interval, &stop).await;
        let compared = tokio::select! {
            () = stop.cancelled() => return,
            compared = service.compare_next(options.mend, lease * COMPARISON) => compared,
        };
        if let Err(error) = compared {
            report(&error, "an organization could not be compared with Stripe");
        }
    }
}

fn report(error: &ServiceError, what: &str) {
    // An outage of Stripe's is reported by everything that meets it.
    if matches!(error, ServiceError::StripeUnavailable(_)) {
        tracing::debug!(%error, "{what}");
    } else {
        tracing::error!(%error, source = ?std::error::Error::source(error), "{what}");
    }
}

async fn rest(interval: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(interval) => {}
    }
}
