//! The way of an event to an endpoint: signed, in order while all goes well, again after a failure.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use crate::clock::Timestamp;
use crate::json::Fields;
use crate::sandbox::Shared;
use crate::state::{HIDDEN, State};
use crate::webhook_faults::WebhookFaults;
use crate::webhooks;

const MINUTE: Timestamp = 60;
const HOUR: Timestamp = 60 * MINUTE;
/// Waits between attempts, in sandbox time. Stripe goes on for up to three days with longer and longer waits, and does
/// not publish them.
const RETRIES: [Timestamp; 9] =
    [5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR];
/// Waits between attempts in real time, for somebody who watches.
const QUICK_RETRIES_MS: [u64; 7] = [200, 1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000];
/// How long an endpoint may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Attempts that the log keeps.
const LOG: usize = 10_000;

/// When a failed delivery is tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookRetries {
    /// Over three days of sandbox time, ten attempts in all; moving the clock forward makes them happen.
    #[default]
    SandboxClock,
    /// After 0.2, 1, 5, 30, 120, 600 and 3600 seconds of real time.
    Quick,
}

/// One event for one endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// Id of the webhook endpoint.
    pub endpoint: String,
    /// Id of the event.
    pub event: String,
    /// When it is to happen, in sandbox time.
    pub due: Timestamp,
    /// Attempts that failed.
    pub failed: usize,
    /// One more than there should be; it is not tried again.
    pub copy: bool,
    /// The attempt is lost on its way.
    pub lost: bool,
    /// Signed with a secret that nobody has.
    pub forged: bool,
    /// Seconds by which the signature's time is off.
    pub misdated: i64,
    /// Waits for the sandbox clock.
    pub postponed: bool,
    /// Real time it waits first.
    pub delay_ms: Option<u64>,
    /// Counted as under way.
    #[serde(skip)]
    counted: bool,
}

impl Delivery {
    pub(crate) fn new(endpoint: String, event: String, due: Timestamp) -> Self {
        Self {
            endpoint,
            event,
            due,
            failed: 0,
            copy: false,
            lost: false,
            forged: false,
            misdated: 0,
            postponed: false,
            delay_ms: None,
            counted: false,
        }
    }
}

/// An attempt to deliver an event, as `Sandbox::deliveries` and `GET /_sandbox/webhooks` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryAttempt {
    /// Id of the event.
    pub event: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Id of the endpoint.
    pub endpoint: String,
    /// Counts the attempts of this delivery from 1.
    pub attempt: usize,
    /// When it was due, in seconds of sandbox time.
    pub due: i64,
    /// What the endpoint answered; nothing when it did not.
    pub status: Option<u16>,
}

/// What is on its way.
#[derive(Debug)]
pub(crate) struct Deliveries {
    outbox: UnboundedSender<Delivery>,
    /// How many are on their way; those that wait for a retry are not.
    pub under_way: watch::Sender<usize>,
    pub faults: WebhookFaults,
    pub retries: WebhookRetries,
    /// What waits for the sandbox clock, by time and number.
    waiting: BTreeMap<(Timestamp, u64), Delivery>,
    count: u64,
    /// Events that are still to be delivered somewhere, with how often.
    open: HashMap<String, usize>,
    log: VecDeque<DeliveryAttempt>,
}

impl Deliveries {
    pub(crate) fn new(outbox: UnboundedSender<Delivery>) -> Self {
        Self {
            outbox,
            under_way: watch::Sender::new(0),
            faults: WebhookFaults::default(),
            retries: WebhookRetries::default(),
            waiting: BTreeMap::new(),
            count: 0,
            open: HashMap::new(),
            log: VecDeque::new(),
        }
    }

    /// Sends what is to go now and keeps what waits for the clock.
    pub(crate) fn send(&mut self, now: Timestamp, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            *self.open.entry(delivery.event.clone()).or_default() += 1;
            if delivery.postponed && delivery.due > now {
                self.wait(delivery);
            } else {
                self.post(delivery);
            }
        }
    }

    fn wait(&mut self, delivery: Delivery) {
        self.count += 1;
        self.waiting.insert((delivery.due, self.count), delivery);
    }

    fn post(&mut self, mut delivery: Delivery) {
        if delivery.failed == 0 || delivery.delay_ms.is_none() {
            self.depart(&mut delivery);
        }
        // A send fails only when the dispatcher has stopped, which is when the sandbox shuts down.
        let _ = self.outbox.send(delivery);
    }

    fn depart(&self, delivery: &mut Delivery) {
        if !delivery.counted {
            delivery.counted = true;
            self.under_way.send_modify(|count| *count += 1);
        }
    }

    /// Sends what fell due.
    pub(crate) fn release_due(&mut self, now: Timestamp) {
        let later = self.waiting.split_off(&(now + 1, 0));
        for delivery in std::mem::replace(&mut self.waiting, later).into_values() {
            self.post(delivery);
        }
    }

    /// How many wait for the clock.
    pub(crate) fn waiting(&self) -> Vec<&Delivery> {
        self.waiting.values().collect()
    }

    pub(crate) fn restore(&mut self, waiting: Vec<Delivery>) {
        // All of them are postponed, and nothing lies before the first second.
        self.send(Timestamp::MIN, waiting);
    }

    /// Whether an event is still to be delivered somewhere: then it is not forgotten, however far the clock moves.
    pub(crate) fn is_open(&self, event: &str) -> bool {
        self.open.contains_key(event) || self.faults.holds(event)
    }

    fn close(&mut self, event: &str) {
        if let Some(count) = self.open.get_mut(event) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(event);
            }
        }
    }

    /// The last attempts, oldest first.
    pub(crate) fn log(&self) -> impl Iterator<Item = &DeliveryAttempt> {
        self.log.iter()
    }

    /// Forgets faults, retries and the log.
    pub(crate) fn reset(&mut self) {
        self.faults.clear();
        self.waiting.clear();
        self.open.clear();
        self.log.clear();
    }

    fn record(&mut self, attempt: DeliveryAttempt) {
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        self.log.push_back(attempt);
    }

    /// Plans the next attempt of a failed delivery. False when it was the last.
    fn try_again(&mut self, now: Timestamp, failed: Delivery) -> bool {
        let Delivery { endpoint, event, due, failed: earlier, .. } = failed;
        let mut next = Delivery { failed: earlier + 1, ..Delivery::new(endpoint, event, due) };
        match self.retries {
            WebhookRetries::SandboxClock => {
                let Some(wait) = RETRIES.get(earlier) else { return false };
                next.due += wait;
                next.postponed = true;
            }
            WebhookRetries::Quick => {
                let Some(wait) = QUICK_RETRIES_MS.get(earlier) else { return false };
                next.delay_ms = Some(*wait);
            }
        }
        self.send(now, vec![next]);
        true
    }
}

/// Hands every delivery to the line of its endpoint, until the sandbox stops.
pub(crate) async fn dispatch(shared: Arc<Shared>, mut deliveries: UnboundedReceiver<Delivery>) {
    let mut lines: HashMap<String, UnboundedSender<Delivery>> = HashMap::new();
    loop {
        let delivery = tokio::select! {
            () = shared.stop.cancelled() => return,
            delivery = deliveries.recv() => delivery,
        };
        let Some(mut delivery) = delivery else { return };
        let line = lines.entry(delivery.endpoint.clone()).or_insert_with(|| {
            let (sender, receiver) = unbounded_channel();
            shared.tasks.spawn(serve_line(Arc::clone(&shared), receiver));
            sender
        });
        let Some(delay) = delivery.delay_ms.take() else {
            // The line ends only when the sandbox stops.
            let _ = line.send(delivery);
            continue;
        };
        let (late, line) = (Arc::clone(&shared), line.clone());
        shared.tasks.spawn(async move {
            tokio::select! {
                () = late.stop.cancelled() => {}
                () = tokio::time::sleep(Duration::from_millis(delay)) => {
                    late.lock().deliveries.depart(&mut delivery);
                    let _ = line.send(delivery);
                }
            }
        });
    }
}

/// Delivers one endpoint's events in their order. One that fails steps out of the line and is tried again later.
async fn serve_line(shared: Arc<Shared>, mut deliveries: UnboundedReceiver<Delivery>) {
    loop {
        let delivery = tokio::select! {
            () = shared.stop.cancelled() => return,
            delivery = deliveries.recv() => delivery,
        };
        let Some(delivery) = delivery else { return };
        let outcome = tokio::select! {
            () = shared.stop.cancelled() => return,
            outcome = attempt(&shared, &delivery) => outcome,
        };
        let under_way = {
            let state = &mut *shared.lock();
            let event = delivery.event.clone();
            settle(state, delivery, outcome);
            state.deliveries.close(&event);
            state.deliveries.under_way.clone()
        };
        shared.changed.notify_one();
        under_way.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// How an attempt ended.
enum Outcome {
    /// The endpoint answered with this status.
    Answered(u16),
    /// It did not answer.
    Silent,
    /// The endpoint or the event is no longer there.
    Gone,
}

fn settle(state: &mut State, delivery: Delivery, outcome: Outcome) {
    let status = match outcome {
        Outcome::Gone => return,
        Outcome::Answered(status) => Some(status),
        Outcome::Silent => None,
    };
    let event = state.store.find("event", &delivery.event);
    state.deliveries.record(DeliveryAttempt {
        event: delivery.event.clone(),
        event_type: event.and_then(|event| event.text("type")).unwrap_or_default().to_owned(),
        endpoint: delivery.endpoint.clone(),
        attempt: delivery.failed + 1,
        due: delivery.due,
        status,
    });
    if status.is_some_and(|status| (200..300).contains(&status)) {
        webhooks::mark_delivered(state, &delivery.event, &delivery.endpoint);
        return;
    }
    tracing::debug!(event = delivery.event, endpoint = delivery.endpoint, ?status, "a webhook failed");
    if !delivery.copy {
        let (now, event) = (state.clock.unpinned(), delivery.event.clone());
        if !state.deliveries.try_again(now, delivery) {
            tracing::warn!(event, "a webhook was given up");
        }
    }
}

/// Posts the event once.
async fn attempt(shared: &Shared, delivery: &Delivery) -> Outcome {
    let mut deliver = shared.deliver.subscribe();
    if deliver.wait_for(|deliver| *deliver).await.is_err() {
        return Outcome::Gone;
    }
    let (url, signature, body) = {
        let state = shared.lock();
        let target = state.store.find("webhook_endpoint", &delivery.endpoint);
        let Some(target) = target.filter(|target| target.text("status") == Some("enabled")) else {
            return Outcome::Gone;
        };
        let Some(event) = state.store.find("event", &delivery.event) else { return Outcome::Gone };
        if delivery.lost {
            return Outcome::Silent;
        }
        let body = webhooks::payload(&state, event, target).to_string();
        let secrets: Vec<&str> = if delivery.forged {
            vec!["whsec_forged"]
        } else {
            target.at(HIDDEN).list("secrets").iter().filter_map(Value::as_str).collect()
        };
        let signed_at = state.clock.source_now() + delivery.misdated;
        let signature = webhooks::signature_header(&secrets, signed_at, body.as_bytes());
        (target.text("url").unwrap_or_default().to_owned(), signature, body)
    };
    let request =
        shared.client.post(&url).timeout(PATIENCE).header("content-type", "application/json; charset=utf-8");
    let request = request
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", signature)
        .body(body);
    match request.send().await {
        Ok(response) => Outcome::Answered(response.status().as_u16()),
        Err(error) => {
            tracing::debug!(url, event = delivery.event, %error, "a webhook did not arrive");
            Outcome::Silent
        }
    }
}
