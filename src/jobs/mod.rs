//! The worker: applies Stripe's events, finds lost ones, compares with Stripe, and settles what dead processes left. Any
//! number of processes run one each.

mod expiry;
mod intake;
mod outbox;
mod presence;
mod slots;
mod sweep;
mod usage;
mod usage_alert;
mod webhook_delivery;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use presence::share_budget;

use crate::domain::security_settings::LONGEST_MINUTES;
use crate::service::{SETTLED_AT_ONCE, Service};
use crate::store::{OperationRecord, StoreError, ToldRetention};

/// Rows of one table that are taken away by one statement.
const FORGOTTEN_AT_ONCE: u64 = 200;

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
    /// After so many failures for want of Stripe's answer.
    pub outage_attempts: i32,
    /// How often an event is tried whose customer is none of ours: ours may be written down a little later.
    pub foreign_attempts: i32,
    /// How long a worker holds what it works on unless it renews: so long after its death another one goes on.
    pub lease: Duration,
    /// How often abandoned operations are looked for.
    pub sweep: Duration,
    /// Whether an operation of unknown outcome is settled as soon as an event tells of it, and not only at the next look.
    pub settle_when_told: bool,
    /// How often Stripe's list of events is read for what did not come; `None` for never.
    pub sweep_events: Option<Duration>,
    /// How often another organization is compared with Stripe; `None` for never.
    pub compare: Option<Duration>,
    /// Whether what is found to differ is mended at once, or only written down.
    pub mend: bool,
    /// How long events that were applied or ignored are kept.
    pub event_retention: Duration,
    /// How often it is looked for what was used, for alerts; `None` for never.
    pub usage_alerts: Option<Duration>,
    /// How long usage events are kept.
    pub usage_retention: Duration,
    /// How long what people read in the application is kept.
    pub notification_retention: Duration,
    /// How long mails and webhooks that are done with are kept, with what webhooks carried.
    pub delivery_retention: Duration,
    /// How often what is older is looked for.
    pub retention: Duration,
    /// How often unpaid renewals are looked at: reminders that fell due, and debts that were paid.
    pub dunning: Duration,
    /// How often it is looked for billing periods that are over, and for what came late of them.
    pub usage_close: Duration,
    /// After so many failures a mail is given up.
    pub mail_attempts: i32,
    /// The pause after each failure of a webhook; after the last of them it is given up.
    pub webhook_schedule: &'static [Duration],
    /// How long an endpoint takes nothing before people are warned.
    pub webhook_warn_after: Duration,
    /// How long it takes nothing before it is disabled.
    pub webhook_disable_after: Duration,
    /// How often in a row an endpoint takes nothing at least before people are warned or it is disabled.
    pub webhook_failures: i32,
    /// How often endpoints that take nothing are looked at.
    pub webhook_judge: Duration,
    /// How often it is looked for what expires soon: cards and API keys.
    pub expiry: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(1),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(600),
            // One second doubling to ten minutes: fifteen attempts span an hour and a half of trouble.
            maximum_attempts: 15,
            // Three days, as long as Stripe sends a webhook again.
            outage_attempts: 440,
            // Half a minute.
            foreign_attempts: 6,
            lease: Duration::from_secs(20),
            sweep: Duration::from_secs(2),
            settle_when_told: true,
            sweep_events: Some(Duration::from_secs(5)),
            compare: Some(Duration::from_secs(10)),
            mend: true,
            event_retention: Duration::from_secs(90 * 86_400),
            notification_retention: Duration::from_secs(180 * 86_400),
            delivery_retention: Duration::from_secs(90 * 86_400),
            usage_alerts: Some(Duration::from_secs(1)),
            usage_retention: Duration::from_secs(400 * 86_400),
            retention: Duration::from_secs(3_600),
            dunning: Duration::from_secs(60),
            usage_close: Duration::from_secs(60),
            // A day and more of a mail server that is away.
            mail_attempts: 160,
            webhook_schedule: webhook_delivery::SCHEDULE,
            webhook_warn_after: Duration::from_secs(2 * 86_400),
            webhook_disable_after: Duration::from_secs(5 * 86_400),
            webhook_failures: 5,
            webhook_judge: Duration::from_secs(60),
            expiry: Duration::from_secs(3_600),
        }
    }
}

/// How a worker is told that it is over.
#[derive(Clone, Debug, Default)]
pub struct Stopping {
    /// Nothing more is begun; what is at hand is finished.
    pub stop: CancellationToken,
    /// What is still at hand is handed back: there is no time left to finish it.
    pub hand_over: CancellationToken,
}

/// Wakes the worker of this process when an event was stored.
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// There is something to do.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    async fn woken(&self) {
        self.0.notified().await;
    }
}

/// Works until it is told to stop: events as they come, the rest at intervals. What is at hand is finished first.
pub async fn run(service: Service, waker: Waker, options: WorkerOptions, stopping: Stopping) {
    let stop = stopping.stop.clone();
    let background = service.in_background();
    let budget = presence::share_budget(background.clone(), options, stop.clone());
    let options = &options;
    let events = intake::apply_events(background.clone(), waker.clone(), options, stop.clone());
    let wanted = Arc::new(Notify::new());
    let sweep = sweep::sweep_events(background.clone(), waker, Arc::clone(&wanted), options, stop.clone());
    let everything = sweep::compare_everything(background.clone(), wanted, options, stop.clone());
    let compare = sweep::compare(background, options, stop.clone());
    let retention = forget_events(service.clone(), options, stop.clone());
    let operations = settle_operations(service.clone(), options, stop.clone());
    let outbox = outbox::tell(service.clone(), options, stop.clone());
    let mails = outbox::send_mails(service.clone(), options, stopping.clone());
    let webhooks = webhook_delivery::send_webhooks(service.clone(), options, stopping);
    let judge = webhook_delivery::judge_endpoints(service.clone(), options, stop.clone());
    let expiry = expiry::warn_of_expiry(service.clone(), options, stop.clone());
    let usage = usage::keep_usage(service.clone(), options, stop.clone());
    let alerts = usage_alert::look_at_usage(service.clone(), options, stop.clone());
    let bills = usage::bill_usage(service.clone(), options, stop.clone());
    let dunning = dun(service, options, stop);
    tokio::join!(
        budget, events, sweep, everything, compare, retention, operations, outbox, mails, webhooks, judge,
        expiry, usage, alerts, bills, dunning
    );
}

/// Takes old events and sessions away, so that neither grows for ever.
async fn forget_events(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    let age = TimeDelta::from_std(options.event_retention).unwrap_or(TimeDelta::days(90));
    while !stop.is_cancelled() {
        let forgotten = tokio::select! {
            () = stop.cancelled() => return,
            forgotten = service.store().forget_stripe_events(service.clock().now() - age) => forgotten,
        };
        match forgotten {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "old events were taken out of the inbox"),
            Err(error) => tracing::error!(%error, "old events could not be taken out of the inbox"),
        }
        // As long as any organization may let one be idle: one that was forgotten too early would count as idle since its
        // sign-in.
        let unseen = TimeDelta::minutes(LONGEST_MINUTES.into());
        if let Err(error) = service.store().forget_sessions(service.clock().now() - unseen).await {
            tracing::error!(%error, "sessions that nobody comes back with could not be forgotten");
        }
        if let Err(error) = forget_told(&service, options, &stop).await {
            tracing::error!(%error, "what was told long ago could not be taken away");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(options.retention) => {}
        }
    }
}

/// Takes away what was told long ago, a little at a time: on SQLite everybody else's write waits meanwhile.
async fn forget_told(
    service: &Service,
    options: &WorkerOptions,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let now = service.clock().now();
    let before = |age| now - TimeDelta::from_std(age).unwrap_or(TimeDelta::days(180));
    let kept = ToldRetention {
        notifications: before(options.notification_retention),
        deliveries: before(options.delivery_retention),
    };
    while !stop.is_cancelled() && service.store().forget_told(kept, FORGOTTEN_AT_ONCE).await? > 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Settles what dead processes left and what ended without an answer, several at once. What was taken over is begun at once, and
/// finished when the worker stops.
async fn settle_operations(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    let service = &service;
    let mut running = FuturesUnordered::new();
    loop {
        let stops = stop.is_cancelled();
        let free = SETTLED_AT_ONCE - running.len();
        if free > 0 && !stops {
            let mut claiming = pin!(take_over(service, free));
            // What runs may hold what the claim waits for, SQLite's write lock for instance: it goes on meanwhile.
            let taken = loop {
                tokio::select! {
                    taken = &mut claiming => break taken,
                    Some(()) = running.next() => {}
                }
            };
            running.extend(taken.into_iter().map(|record| async move {
                service.settle_taken_over(&record).await;
            }));
        }
        if stops && running.is_empty() {
            return;
        }
        let may_take = running.len() < SETTLED_AT_ONCE && !stops;
        tokio::select! {
            Some(()) = running.next() => {}
            () = stop.cancelled(), if !stops => {}
            () = service.operation_due(), if may_take && options.settle_when_told => {}
            () = tokio::time::sleep(options.sweep), if may_take => {}
        }
    }
}

async fn take_over(service: &Service, free: usize) -> Vec<OperationRecord> {
    // First, so that what it opens is run in the same round.
    if let Err(error) = service.release_freed_seats().await {
        tracing::error!(%error, "seats that members left could not be released");
    }
    service.take_over_operations(free).await.unwrap_or_else(|error| {
        tracing::error!(%error, "abandoned operations could not be taken over");
        Vec::new()
    })
}

async fn dun(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match service.remind_debtors().await {
            Ok(0) => {}
            Ok(reminders) => tracing::info!(reminders, "dunning reminders written"),
            Err(error) => tracing::error!(%error, "unpaid renewals could not be looked at"),
        }
        if let Err(error) = service.recover_subscriptions().await {
            tracing::error!(%error, "drafts of paid subscriptions could not be finalised");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(options.dunning) => {}
        }
    }
}
