//! Sending webhooks: by the schedule of the Standard Webhooks scheme. Any number of processes; one of them sends.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use metrics::counter;
use tokio_util::sync::CancellationToken;

use super::WorkerOptions;
use super::outbox::{chain, told};
use crate::domain::notification::Fact;
use crate::service::{FailurePatience, OURS, Service, ServiceError, WebhookOutcome, WebhookRetry};
use crate::store::{ChangedKind, ClaimedWebhook, StoreError};

/// What is claimed at once.
const BATCH: u64 = 32;
/// Webhooks that are sent at the same time: a consumer that does not answer takes one place until its time is up.
const AT_ONCE: usize = 16;
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

/// Works until `stop`; what is at hand is finished first.
pub(super) async fn send_webhooks(service: Service, options: WorkerOptions, stop: CancellationToken) {
    let mut changes = service.store().changes();
    let lease = TimeDelta::from_std(options.lease).unwrap_or(TimeDelta::minutes(1)) * WEBHOOKS;
    while !stop.is_cancelled() {
        let claimed = match service.store().claim_webhooks(BATCH, lease).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, source = ?std::error::Error::source(&error), "webhooks could not be claimed");
                Vec::new()
            }
        };
        if claimed.is_empty() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = told(&mut changes, ChangedKind::Delivery) => {}
                () = tokio::time::sleep(options.idle) => {}
            }
            continue;
        }
        futures::stream::iter(claimed)
            .for_each_concurrent(AT_ONCE, |webhook| send(&service, options, webhook))
            .await;
    }
}

async fn send(service: &Service, options: WorkerOptions, claimed: ClaimedWebhook) {
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
    let made = usize::try_from(claimed.delivery.attempts.max(1)).unwrap_or(usize::MAX);
    let pause = options.webhook_schedule.get(made - 1).and_then(|pause| TimeDelta::from_std(*pause).ok());
    let next = pause.map(|pause| service.clock().now() + pause);
    let patience = FailurePatience {
        warn_after: TimeDelta::from_std(options.webhook_warn_after).unwrap_or(TimeDelta::days(2)),
        disable_after: TimeDelta::from_std(options.webhook_disable_after).unwrap_or(TimeDelta::days(5)),
    };
    let now = service.clock().now();
    let retry = WebhookRetry { next, postponed_to: now + postponement(&claimed, now, options), patience };
    if let Err(error) = service.settle_webhook(&claimed, outcome, retry).await {
        tracing::error!(id = %claimed.delivery.id, %error, "what became of a webhook could not be written; it may be sent again");
    }
}

/// How long one is put off that we could not make or send: the longer, the longer that goes on.
fn postponement(claimed: &ClaimedWebhook, now: DateTime<Utc>, options: WorkerOptions) -> TimeDelta {
    let waited = (now - claimed.delivery.waiting_since).to_std().unwrap_or_default() / 4;
    let pause = waited.clamp(options.first_pause, options.longest_pause.max(options.first_pause));
    TimeDelta::from_std(pause).unwrap_or(TimeDelta::minutes(10))
}
