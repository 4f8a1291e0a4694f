//! Telling what the outbox holds: taking messages apart, and sending mails beside it. Any number of processes; one of them
//! sends.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use metrics::counter;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::slots::{Slots, fill};
use super::{Stopping, WorkerOptions};
use crate::domain::notification::EmailState;
use crate::service::{EmailOutcome, Service, ServiceError};
use crate::store::{ChangedKind, ClaimedEmail, ClaimedMessage, Notice, StoreError};

/// What is taken apart in one round.
const BATCH: u64 = 20;
/// Mails that are sent at the same time.
const AT_ONCE: usize = 4;
/// A mail takes longer than a row: connecting, saying who we are, and a slow server. So many leases.
const MAILS: i32 = 6;
/// A message that no attempt could take apart is given up after so many.
const MESSAGE_ATTEMPTS: i32 = 15;

/// Takes messages apart until `stop`. Nothing is sent here: whoever is slow to take a mail or a webhook holds up no other way.
pub(super) async fn tell(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    let mut changes = service.store().changes();
    while !stop.is_cancelled() {
        if take_apart(&service, options, &stop).await {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = told(&mut changes, ChangedKind::Outbox) => {}
            () = tokio::time::sleep(options.idle) => {}
        }
    }
}

/// Sends mails until it is told to stop.
pub(super) async fn send_mails(service: Service, options: &WorkerOptions, stopping: Stopping) {
    if !service.sends_mail() {
        return;
    }
    // Longer than a server can take over a mail: nobody else begins with it meanwhile.
    let longest = TimeDelta::from_std(service.mail_timeout()).unwrap_or(TimeDelta::minutes(1));
    let lease = (lease_of(options) * MAILS).max(longest * 2);
    let slots = Slots { places: AT_ONCE, idle: options.idle, changes: service.store().changes(), stopping };
    let claim = |free| claim(&service, free, lease);
    fill(slots, claim, |email| send(&service, options, email), |email| hand_back_mail(&service, email)).await;
}

/// Until something of this kind is written, here or by another process.
pub(super) async fn told(changes: &mut tokio::sync::broadcast::Receiver<Notice>, kind: ChangedKind) {
    loop {
        match changes.recv().await {
            Ok(Notice::Changed(changed)) if changed.kind != kind => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // The store is closing: the idle pause is left.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn lease_of(options: &WorkerOptions) -> TimeDelta {
    TimeDelta::from_std(options.lease).unwrap_or(TimeDelta::minutes(1))
}

/// The pause after so many failures.
fn pause(attempts: i32, options: &WorkerOptions) -> TimeDelta {
    let doublings = attempts.clamp(1, 20).unsigned_abs() - 1;
    let doubled: Duration = options.first_pause.saturating_mul(1 << doublings);
    TimeDelta::from_std(doubled.min(options.longest_pause)).unwrap_or(TimeDelta::minutes(10))
}

/// An error with its causes.
pub(super) fn chain(error: &ServiceError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Whether there was something to do.
async fn take_apart(service: &Service, options: &WorkerOptions, stop: &CancellationToken) -> bool {
    let claimed = match service.store().claim_outbox(BATCH, lease_of(options)).await {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "the outbox could not be read");
            return false;
        }
    };
    for message in &claimed {
        if stop.is_cancelled() {
            hand_back(service, message).await;
        } else {
            take_one_apart(service, options, message).await;
        }
    }
    !claimed.is_empty()
}

/// Hands a message back untried: another process takes it at once.
async fn hand_back(service: &Service, claimed: &ClaimedMessage) {
    if let Err(error) = service.store().hand_back_outbox(claimed).await {
        tracing::error!(id = %claimed.message.id, %error, "a message could not be handed back; its lease will run out");
    }
}

async fn take_one_apart(service: &Service, options: &WorkerOptions, claimed: &ClaimedMessage) {
    let message = &claimed.message;
    let error = match service.fan_out(claimed).await {
        Ok(()) => return,
        // Another worker took it over.
        Err(ServiceError::Store(StoreError::Changed(_))) => return,
        Err(error) => chain(&error),
    };
    let is_over = message.attempts >= MESSAGE_ATTEMPTS;
    let next = (!is_over).then(|| service.clock().now() + pause(message.attempts, options));
    tracing::error!(id = %message.id, event = message.fact.word(), error, is_over, "a notification failed");
    if let Err(error) = service.store().give_back_outbox(claimed, &error, next).await {
        tracing::error!(id = %message.id, %error, "a message could not be given back; its lease will run out");
    }
}

async fn claim(service: &Service, free: u64, lease: TimeDelta) -> Vec<ClaimedEmail> {
    match service.store().claim_emails(free, lease).await {
        Ok(emails) => emails,
        Err(error) => {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "mails could not be claimed");
            Vec::new()
        }
    }
}

/// Hands a mail back that was not sent, or of which nobody knows whether it was: another process takes it at once.
async fn hand_back_mail(service: &Service, email: Arc<ClaimedEmail>) {
    if let Err(error) = service.store().hand_back_email(&email).await {
        tracing::error!(id = %email.id, %error, "a mail could not be handed back; its lease will run out");
    }
}

async fn send(service: &Service, options: &WorkerOptions, email: Arc<ClaimedEmail>) {
    let email = email.as_ref();
    let outcome = match service.send_email(email).await {
        Ok(outcome) => outcome,
        Err(error) => EmailOutcome::Failed(chain(&error)),
    };
    let event = email.message.fact.word();
    let outcome = match outcome {
        EmailOutcome::Failed(error) if email.attempts >= options.mail_attempts => {
            EmailOutcome::Finished(EmailState::Dead, Some(error))
        }
        outcome => outcome,
    };
    let written = match outcome {
        EmailOutcome::Finished(state, error) => {
            counter!("tollgate_mails_total", "outcome" => state.as_str()).increment(1);
            if state == EmailState::Dead {
                tracing::error!(id = %email.id, event, error, "a mail was given up");
            }
            service.store().finish_email(email, state, error.as_deref()).await
        }
        EmailOutcome::Failed(error) => {
            counter!("tollgate_mails_total", "outcome" => "failed").increment(1);
            tracing::warn!(id = %email.id, event, attempts = email.attempts, error, "a mail was not sent");
            let next = service.clock().now() + pause(email.attempts, options);
            service.store().give_back_email(email, &error, next).await
        }
    };
    if let Err(error) = written {
        tracing::error!(id = %email.id, %error, "what became of a mail could not be written; it may be sent again");
    }
}
