//! Applying events: several at once, one customer's one after the other, so that a slow one holds up nobody else.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::FutureExt;
use metrics::{counter, gauge, histogram};
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Waker, WorkerOptions};
use crate::service::{EventOutcome, Service, ServiceError};
use crate::store::{BusyLanes, ClaimedEvent};

/// Events a worker claims at once.
const BATCH: u64 = 32;
/// Events that are applied at the same time. The database's connections are shared with requests; whoever waits for Stripe
/// uses none, and leaves its seat to another.
const SEATS: usize = 8;
/// Lanes at the most, with those that wait for Stripe.
const LANES: usize = 64;
/// Events in hand at the most: some are a megabyte large.
const IN_HAND: u64 = 512;
/// How often a seat is looked for while there is none.
const NO_SEAT: Duration = Duration::from_millis(100);
/// What a lane of this process works on.
struct Busy {
    lane: String,
    token: Uuid,
    /// With how many events it began.
    events: u64,
}

/// Works until `stop`: the event at hand is finished, the others are handed back.
pub(super) async fn apply_events(
    service: Service,
    waker: Waker,
    options: &WorkerOptions,
    stop: CancellationToken,
) {
    let seats = Arc::new(Semaphore::new(SEATS));
    let mut lanes = JoinSet::new();
    let mut busy: HashMap<Id, Busy> = HashMap::new();
    let lease = lease_of(options);
    let between_renewals = options.lease / 4;
    let mut renewal = Instant::now();
    while !stop.is_cancelled() {
        // Before more is claimed: events that come without end must not keep it from happening.
        if Instant::now() >= renewal {
            keep_leases(&service, &busy, options).await;
            renewal = Instant::now() + between_renewals;
        }
        while let Some(ended) = lanes.try_join_next_with_id() {
            forget(&mut busy, ended);
        }
        let mut claimed = 0;
        let wanted = room(&busy, &seats);
        if wanted > 0 {
            let taken = BusyLanes(busy.values().map(|busy| busy.lane.clone()).collect());
            match service.store().claim_stripe_events(wanted, lease, &taken).await {
                Ok(events) => {
                    claimed = events.len();
                    for (lane, events) in by_lane(events) {
                        let token = events.first().map_or(Uuid::nil(), |event| event.lease_token);
                        let number = u64::try_from(events.len()).unwrap_or(u64::MAX);
                        let (service, options) = (service.clone(), *options);
                        let (seats, stop) = (Arc::clone(&seats), stop.clone());
                        let work = async move { work_lane(service, events, &options, seats, stop).await };
                        busy.insert(lanes.spawn(work).id(), Busy { lane, token, events: number });
                    }
                }
                Err(error) => {
                    tracing::error!(%error, source = ?std::error::Error::source(&error), "events could not be claimed");
                }
            }
        }
        if claimed > 0 && room(&busy, &seats) > 0 {
            continue;
        }
        // What is due now and was not claimed belongs to a lane that is busy: its end wakes us.
        let pause = if room(&busy, &seats) == 0 {
            NO_SEAT
        } else if lanes.is_empty() {
            pause_until_due(&service, options).await
        } else {
            options.idle
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = waker.woken() => {}
            Some(ended) = lanes.join_next_with_id() => forget(&mut busy, ended),
            () = tokio::time::sleep_until(renewal) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    // What is at hand may wait for Stripe longer than its lease runs.
    while !lanes.is_empty() {
        tokio::select! {
            Some(ended) = lanes.join_next_with_id() => forget(&mut busy, ended),
            () = tokio::time::sleep_until(renewal) => {
                keep_leases(&service, &busy, options).await;
                renewal = Instant::now() + between_renewals;
            }
        }
    }
}

/// How many events may be claimed now: none while nobody could begin with them.
fn room(busy: &HashMap<Id, Busy>, seats: &Semaphore) -> u64 {
    if seats.available_permits() == 0 || busy.len() >= LANES {
        return 0;
    }
    let in_hand: u64 = busy.values().map(|busy| busy.events).sum();
    BATCH.min(IN_HAND.saturating_sub(in_hand))
}

fn forget(busy: &mut HashMap<Id, Busy>, ended: Result<(Id, ()), JoinError>) {
    let id = match ended {
        Ok((id, ())) => id,
        Err(error) => {
            // Its leases run out, and its events are claimed again.
            tracing::error!(%error, "a worker's task failed");
            error.id()
        }
    };
    busy.remove(&id);
}

/// The events of each lane, in the order in which they were made.
fn by_lane(events: Vec<ClaimedEvent>) -> Vec<(String, Vec<ClaimedEvent>)> {
    let mut lanes: Vec<(String, Vec<ClaimedEvent>)> = Vec::new();
    for event in events {
        let name = event.event.event.lane();
        match lanes.iter_mut().find(|(lane, _)| lane == name) {
            Some((_, lane)) => lane.push(event),
            None => lanes.push((name.to_owned(), vec![event])),
        }
    }
    lanes
}

fn lease_of(options: &WorkerOptions) -> TimeDelta {
    TimeDelta::from_std(options.lease).unwrap_or(TimeDelta::minutes(1))
}

async fn keep_leases(service: &Service, busy: &HashMap<Id, Busy>, options: &WorkerOptions) {
    let mut tokens: Vec<Uuid> = busy.values().map(|busy| busy.token).collect();
    tokens.sort_unstable();
    tokens.dedup();
    let renewed = async {
        if !tokens.is_empty() {
            service.store().renew_stripe_event_leases(&tokens, lease_of(options)).await?;
        }
        let again = |attempts| pause(attempts, options);
        let released =
            service.store().release_abandoned_stripe_events(options.maximum_attempts, &again).await?;
        if released > 0 {
            tracing::warn!(released, "events of a worker that is gone are taken over");
        }
        let waiting = service.store().oldest_waiting_stripe_event().await?;
        let lag = waiting.map_or(TimeDelta::zero(), |since| service.clock().now() - since);
        gauge!("tollgate_events_lag_seconds").set(lag.as_seconds_f64().max(0.0));
        Ok::<_, crate::store::StoreError>(())
    };
    if let Err(error) = renewed.await {
        tracing::error!(%error, "the leases of events could not be renewed");
    }
}

async fn work_lane(
    service: Service,
    events: Vec<ClaimedEvent>,
    options: &WorkerOptions,
    seats: Arc<Semaphore>,
    stop: CancellationToken,
) {
    for (index, event) in events.iter().enumerate() {
        let seated = service.seated(&seats).await;
        if stop.is_cancelled() {
            if let Err(error) = service.store().hand_back_stripe_events(&events[index..]).await {
                tracing::warn!(%error, "events could not be handed back; their leases will run out");
            }
            return;
        }
        apply(&seated, event, options).await;
    }
}

/// Until the next event that waits for its retry, but no longer than an idle pause.
async fn pause_until_due(service: &Service, options: &WorkerOptions) -> Duration {
    let due = service.store().next_stripe_event_due().await.ok().flatten();
    let wait = due.map(|due| (due - service.clock().now()).to_std().unwrap_or(Duration::ZERO));
    wait.map_or(options.idle, |wait| wait.clamp(Duration::from_millis(5), options.idle))
}

/// The pause after so many failures of an event.
fn pause(attempts: i32, options: &WorkerOptions) -> TimeDelta {
    let doubled =
        options.first_pause.saturating_mul(1 << attempts.clamp(1, 20).unsigned_abs().saturating_sub(1));
    TimeDelta::from_std(doubled.min(options.longest_pause)).unwrap_or(TimeDelta::minutes(10))
}

/// A fault of ours that one event brings out must not take the events behind it along.
async fn caught(
    applied: impl Future<Output = Result<EventOutcome, ServiceError>>,
) -> Result<EventOutcome, ServiceError> {
    AssertUnwindSafe(applied).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(ServiceError::Panicked(text.unwrap_or_default()))
    })
}

async fn apply(service: &Service, claimed: &ClaimedEvent, options: &WorkerOptions) {
    let event = &claimed.event.event;
    let outcome = match caught(Box::pin(service.apply_event(claimed))).await {
        // Stripe may tell of a customer before we have written down whose it is. What nobody ever writes down belongs to
        // another application on the same account.
        Err(ServiceError::NotOurs { is_named: false, .. })
            if claimed.event.attempts >= options.foreign_attempts =>
        {
            service.ignore_event(claimed, "a customer that is none of ours").await
        }
        outcome => outcome,
    };
    match outcome {
        Ok(EventOutcome::Applied) => {
            counter!("tollgate_events_total", "outcome" => "applied").increment(1);
            let took = service.clock().now() - claimed.event.received_at;
            histogram!("tollgate_event_applied_seconds").record(took.as_seconds_f64().max(0.0));
            tracing::debug!(event_id = event.event_id, event_type = event.event_type, "event applied");
        }
        Ok(EventOutcome::Ignored(reason)) => {
            counter!("tollgate_events_total", "outcome" => "ignored").increment(1);
            tracing::info!(event_id = event.event_id, event_type = event.event_type, reason, "event ignored");
        }
        Err(error) => give_back(service, claimed, &error, options).await,
    }
}

async fn give_back(service: &Service, claimed: &ClaimedEvent, error: &ServiceError, options: &WorkerOptions) {
    let event = &claimed.event.event;
    let attempts = claimed.event.attempts;
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    // An outage of Stripe's is no fault of the event's: it is waited out as long as Stripe itself would send again.
    let is_outage = matches!(error, ServiceError::StripeUnavailable(_));
    let maximum = if is_outage { options.outage_attempts } else { options.maximum_attempts };
    let next = (attempts < maximum).then(|| service.clock().now() + pause(attempts, options));
    let outcome = if next.is_some() { "failed" } else { "dead" };
    counter!("tollgate_events_total", "outcome" => outcome).increment(1);
    match (next, error) {
        (Some(_), ServiceError::NotOurs { .. }) => {
            tracing::debug!(event_id = event.event_id, attempts, "an event waits for its customer");
        }
        (Some(_), _) => tracing::warn!(
            event_id = event.event_id,
            event_type = event.event_type,
            attempts,
            error = text,
            "event failed"
        ),
        (None, _) => tracing::error!(
            event_id = event.event_id,
            event_type = event.event_type,
            attempts,
            error = text,
            "event is dead"
        ),
    }
    let customer = match error {
        ServiceError::NotOurs { customer, .. } => customer.as_ref(),
        _ => None,
    };
    if let Err(error) = service.store().give_back_stripe_event(claimed, &text, next, customer).await {
        // Its lease runs out and it is claimed again.
        tracing::error!(event_id = event.event_id, %error, "an event could not be given back");
    }
}
