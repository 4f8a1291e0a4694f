//! Sending webhooks: by the schedule of the Standard Webhooks scheme. Any number of processes; one of them sends.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::counter;
use tokio_util::sync::CancellationToken;

use super::outbox::chain;
use super::slots::{Slots, fill};
use super::{Stopping, WorkerOptions};
use crate::domain::notification::Fact;
use crate::service::{FailurePatience, OURS, Service, ServiceError, WebhookOutcome, WebhookRetry};
use crate::store::{ClaimedWebhook, StoreError, WebhookPlaces};

/// Webhooks that are sent at the same time: a consumer that does not answer takes one place until its time is up.
const AT_ONCE: usize = 32;
/// Of one endpoint at the same time, by all processes.
const OF_ONE_ENDPOINT: u64 = 4;
/// Of one organization at the same time, by all processes.
const OF_ONE_ORGANIZATION: u64 = 8;
/// A webhook takes longer than a row. So many leases.
const WEBHOOKS: i32 = 6;

/// When a webhook is tried again, after each failure: the schedule that the scheme recommends, three days in all.
pub const SCHEDULE: &[Duration] = &[
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(14 * 3_600),
    Duration::from_secs(20 * 3_600),
    Duration::from_secs(24 * 3_600),
];

/// Sends webhooks until it is told to stop; what was begun is finished first.
pub(super) async fn send_webhooks(service: Service, options: &WorkerOptions, stopping: Stopping) {
    let lease = TimeDelta::from_std(options.lease).unwrap_or(TimeDelta::minutes(1)) * WEBHOOKS;
    let slots = Slots { places: AT_ONCE, idle: options.idle, changes: service.store().changes(), stopping };
    let claim = |free| claim(&service, free, lease);
    fill(slots, claim, |webhook| send(&service, options, webhook), |webhook| hand_back(&service, webhook))
        .await;
}

async fn claim(service: &Service, free: u64, lease: TimeDelta) -> Vec<ClaimedWebhook> {
    let places =
        WebhookPlaces { limit: free, per_endpoint: OF_ONE_ENDPOINT, per_organization: OF_ONE_ORGANIZATION };
    match service.store().claim_webhooks(places, lease).await {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "webhooks could not be claimed");
            Vec::new()
        }
    }
}

/// Judges endpoints that take nothing, until `stop`.
pub(super) async fn judge_endpoints(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = service.judge_failing_endpoints(patience_of(options)).await {
            tracing::error!(error = chain(&error), "endpoints that take nothing could not be looked at");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(options.webhook_judge) => {}
        }
    }
}

fn patience_of(options: &WorkerOptions) -> FailurePatience {
    let delta = |duration, otherwise| TimeDelta::from_std(duration).unwrap_or(otherwise);
    FailurePatience {
        warn_after: delta(options.webhook_warn_after, TimeDelta::days(2)),
        disable_after: delta(options.webhook_disable_after, TimeDelta::days(5)),
        failures: options.webhook_failures,
        first_pause: delta(options.first_pause, TimeDelta::seconds(1)),
        longest_pause: delta(options.longest_pause, TimeDelta::minutes(10)),
    }
}

/// Hands a webhook back that was not sent, or of which nobody knows whether it was: another process takes it at once.
async fn hand_back(service: &Service, claimed: Arc<ClaimedWebhook>) {
    if let Err(error) = service.store().hand_back_webhook(&claimed).await {
        tracing::error!(id = %claimed.delivery.id, %error, "a webhook could not be handed back; its lease will run out");
    }
}

async fn send(service: &Service, options: &WorkerOptions, claimed: Arc<ClaimedWebhook>) {
    let outcome = match service.send_webhook(&claimed).await {
        Ok(outcome) => outcome,
        // Another worker took it over, or somebody disabled its endpoint meanwhile.
        Err(ServiceError::Store(StoreError::Changed(_))) => return,
        // What went wrong is ours: it is not for the consumer to read, and not held against them.
        Err(error) => {
            let error = chain(&error);
            tracing::error!(id = %claimed.delivery.id, error, "a webhook could not be made");
            WebhookOutcome::Postponed(OURS.to_owned())
        }
    };
    let word = match &outcome {
        WebhookOutcome::Delivered(_) => "delivered",
        WebhookOutcome::Failed(_) => "failed",
        WebhookOutcome::Postponed(_) => "postponed",
        WebhookOutcome::Orphaned => "orphaned",
        WebhookOutcome::Held => "held",
    };
    counter!("tollgate_webhook_deliveries_total", "outcome" => word).increment(1);
    if let WebhookOutcome::Failed(answer) = &outcome {
        tracing::debug!(
            id = %claimed.delivery.id,
            event = Fact::word(&claimed.delivery.fact),
            attempts = claimed.delivery.attempts,
            error = answer.error,
            "a webhook was not taken"
        );
    }
    let now = service.clock().now();
    let retry = WebhookRetry {
        next: next_attempt(&claimed, &outcome, options).map(|pause| now + pause),
        postponed_to: now + postponement(&claimed, now, options),
        patience: patience_of(options),
    };
    if let Err(error) = service.settle_webhook(&claimed, outcome, retry).await {
        tracing::error!(id = %claimed.delivery.id, %error, "what became of a webhook could not be written; it may be sent again");
    }
}

/// How long it is until a webhook that was not taken is tried again; `None` when it was tried often enough.
fn next_attempt(
    claimed: &ClaimedWebhook,
    outcome: &WebhookOutcome,
    options: &WorkerOptions,
) -> Option<TimeDelta> {
    let before = usize::try_from(claimed.delivery.attempts).unwrap_or_default();
    let pause = TimeDelta::from_std(*options.webhook_schedule.get(before)?).ok()?;
    let pause = claimed.delivery.spread(pause, claimed.delivery.attempts);
    let asked = match outcome {
        WebhookOutcome::Failed(answer) => answer.retry_after,
        _ => None,
    };
    Some(pause.max(asked.unwrap_or_default()))
}

/// How long one is put off that we could not make or send: the longer, the longer that goes on.
fn postponement(claimed: &ClaimedWebhook, now: DateTime<Utc>, options: &WorkerOptions) -> TimeDelta {
    let waited = (now - claimed.delivery.waiting_since).to_std().unwrap_or_default() / 4;
    let pause = waited.clamp(options.first_pause, options.longest_pause.max(options.first_pause));
    TimeDelta::from_std(pause).unwrap_or(TimeDelta::minutes(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_the_one_that_the_guide_promises() {
        let minutes: Vec<u64> = SCHEDULE.iter().skip(1).map(|pause| pause.as_secs() / 60).collect();
        assert_eq!(SCHEDULE[0], Duration::from_secs(5));
        assert_eq!(minutes, [5, 30, 120, 300, 600, 840, 1_200, 1_440]);
        assert_eq!(WorkerOptions::default().webhook_schedule, SCHEDULE);
    }
}
