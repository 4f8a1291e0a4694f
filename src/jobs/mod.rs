//! The worker: applies Stripe's events and settles what dead processes left. Any number of processes run one each.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::service::{EventOutcome, Service, ServiceError};
use crate::store::ClaimedEvent;

/// How the worker works.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// How long it sleeps when nothing is due and nobody wakes it: another process may have stored an event.
    pub idle: Duration,
    /// The pause after the first failure of an event; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// After so many failures an event is a dead letter.
    pub maximum_attempts: i32,
    /// How often abandoned operations are looked for.
    pub sweep: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(1),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(600),
            // One second doubling to ten minutes: fifteen attempts span an hour and a half of trouble.
            maximum_attempts: 15,
            sweep: Duration::from_secs(2),
        }
    }
}

/// Events a worker claims at once.
const BATCH: u64 = 32;
/// How long a worker may hold them: longer than a batch of slow fetches takes.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// Wakes the worker of this process when an event was stored.
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// There is something to do.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Works until `stop`: events as they come, abandoned operations at intervals. The batch at hand is finished first.
pub async fn run(service: Service, waker: Waker, options: WorkerOptions, stop: CancellationToken) {
    let events = apply_events(service.clone(), waker, options, stop.clone());
    let operations = settle_operations(service, options, stop);
    tokio::join!(events, operations);
}

async fn apply_events(service: Service, waker: Waker, options: WorkerOptions, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let applied = match service.store().claim_stripe_events(BATCH, LEASE).await {
            Ok(claimed) => {
                for event in &claimed {
                    apply(&service, event, options).await;
                }
                claimed.len()
            }
            Err(error) => {
                tracing::error!(%error, source = ?std::error::Error::source(&error), "events could not be claimed");
                0
            }
        };
        if applied == 0 {
            tokio::select! {
                () = stop.cancelled() => {}
                () = waker.0.notified() => {}
                () = tokio::time::sleep(pause_until_due(&service, options).await) => {}
            }
        }
    }
}

/// Until the next event that waits for its retry, but no longer than an idle pause.
async fn pause_until_due(service: &Service, options: WorkerOptions) -> Duration {
    let due = service.store().next_stripe_event_due().await.ok().flatten();
    let wait = due.map(|due| (due - service.clock().now()).to_std().unwrap_or(Duration::ZERO));
    wait.map_or(options.idle, |wait| wait.clamp(Duration::from_millis(5), options.idle))
}

async fn apply(service: &Service, claimed: &ClaimedEvent, options: WorkerOptions) {
    let event = &claimed.event.event;
    match service.apply_event(claimed).await {
        Ok(EventOutcome::Applied) => {
            tracing::debug!(event_id = event.event_id, event_type = event.event_type, "event applied");
        }
        Ok(EventOutcome::Ignored(reason)) => {
            tracing::info!(event_id = event.event_id, event_type = event.event_type, reason, "event ignored");
        }
        Err(error) => give_back(service, claimed, &error, options).await,
    }
}

async fn give_back(service: &Service, claimed: &ClaimedEvent, error: &ServiceError, options: WorkerOptions) {
    let event = &claimed.event.event;
    let attempts = claimed.event.attempts;
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    let next = (attempts < options.maximum_attempts).then(|| {
        let doubled =
            options.first_pause.saturating_mul(1 << attempts.clamp(1, 20).unsigned_abs().saturating_sub(1));
        let pause = doubled.min(options.longest_pause);
        service.clock().now() + TimeDelta::from_std(pause).unwrap_or(TimeDelta::minutes(10))
    });
    if next.is_some() {
        tracing::warn!(
            event_id = event.event_id,
            event_type = event.event_type,
            attempts,
            error = text,
            "event failed"
        );
    } else {
        tracing::error!(
            event_id = event.event_id,
            event_type = event.event_type,
            attempts,
            error = text,
            "event is dead"
        );
    }
    if let Err(error) = service.store().give_back_stripe_event(claimed, &text, next).await {
        // Its lease runs out and it is claimed again.
        tracing::error!(event_id = event.event_id, %error, "an event could not be given back");
    }
}

async fn settle_operations(service: Service, options: WorkerOptions, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = service.settle_abandoned_operations().await {
            tracing::error!(%error, "abandoned operations could not be settled");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(options.sweep) => {}
        }
    }
}
