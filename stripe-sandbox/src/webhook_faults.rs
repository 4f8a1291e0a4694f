//! Deliveries that go wrong on demand: lost, repeated, late, out of order, signed badly. What happens to which delivery
//! is decided when its event comes about, in the order of events, so that a seed gives the same on every run.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::deliveries::Delivery;
use crate::events;
use crate::ids::IdGenerator;

/// What goes wrong with the delivery of which events, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookFault {
    /// An event type, or the beginning of some with `*` at its end.
    #[serde(rename = "match", default = "everything")]
    pub matching: String,
    /// What happens.
    #[serde(flatten)]
    pub kind: WebhookFaultKind,
    /// To how many deliveries it happens.
    #[serde(default = "one")]
    pub count: u32,
    /// How many matching deliveries go through unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// Chance in percent that a matching delivery is hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability_percent: Option<u8>,
    /// The id or the address of the one endpoint that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Seeds the draws of this fault; unless set, they come from the sandbox's seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// What happens to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WebhookFaultKind {
    /// It never arrives: as if every attempt had failed.
    Drop,
    /// The first attempt is lost; it comes again on the retry schedule.
    Fail,
    /// It arrives more than once.
    Duplicate {
        /// How many times more.
        #[serde(default = "one")]
        copies: u32,
    },
    /// It waits until `window` of them came together; then they arrive in random order. What waits is let go earlier by
    /// `deliver_webhooks(true)` and by clearing the faults. Of several faults, name this one last.
    Shuffle {
        /// How many are mixed; `count` unless set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<u32>,
    },
    /// It arrives late, later ones overtake it.
    Delay {
        /// Milliseconds of real time.
        ms: u64,
    },
    /// It arrives late, later ones overtake it.
    Postpone {
        /// Seconds of sandbox time.
        seconds: i64,
    },
    /// Its signature carries a time that is off.
    Misdate {
        /// Seconds; negative for the past.
        seconds: i64,
    },
    /// It is signed with a secret that nobody has.
    Forge,
}

fn one() -> u32 {
    1
}

fn everything() -> String {
    "*".into()
}

impl WebhookFault {
    /// A fault that happens once, to events of a type, or of those that begin like it when it ends in `*`.
    pub fn new(matching: impl Into<String>, kind: WebhookFaultKind) -> Self {
        let matching = matching.into();
        Self { matching, kind, count: 1, skip: 0, probability_percent: None, endpoint: None, seed: None }
    }

    /// Happens to `count` deliveries.
    pub fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// Spares the first `skip` matching deliveries.
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Happens with this chance only.
    pub fn with_probability(mut self, percent: u8) -> Self {
        self.probability_percent = Some(percent);
        self
    }

    /// Draws from a seed of its own.
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

/// The faults that are still to happen, and the deliveries that wait in them.
#[derive(Debug, Default)]
pub(crate) struct WebhookFaults {
    active: Vec<Active>,
}

#[derive(Debug)]
struct Active {
    fault: WebhookFault,
    draws: IdGenerator,
    held: Vec<Delivery>,
}

impl Active {
    /// Whether this delivery is hit; counts it.
    fn hits(&mut self, event_type: &str, endpoint: &str, url: &str) -> bool {
        let fault = &mut self.fault;
        let meant = fault.count > 0
            && events::matches(&fault.matching, event_type)
            && fault.endpoint.as_deref().is_none_or(|wanted| wanted == endpoint || wanted == url);
        if !meant {
            return false;
        }
        if fault.skip > 0 {
            fault.skip -= 1;
            return false;
        }
        if fault.probability_percent.is_some_and(|percent| self.draws.below(100) >= u64::from(percent)) {
            return false;
        }
        fault.count -= 1;
        true
    }

    /// What waits, in random order.
    fn mixed(&mut self) -> Vec<Delivery> {
        let mut mixed = std::mem::take(&mut self.held);
        for last in (1..mixed.len()).rev() {
            let bound = u64::try_from(last + 1).unwrap_or(u64::MAX);
            mixed.swap(last, usize::try_from(self.draws.below(bound)).unwrap_or_default());
        }
        mixed
    }
}

impl WebhookFaults {
    /// `seed` is drawn on unless the fault brings its own.
    pub(crate) fn add(&mut self, mut fault: WebhookFault, seed: u64) {
        if let WebhookFaultKind::Shuffle { window } = &mut fault.kind {
            window.get_or_insert(fault.count);
        }
        let draws = IdGenerator::new(fault.seed.unwrap_or(seed));
        self.active.push(Active { fault, draws, held: Vec::new() });
    }

    /// What is to be delivered now in place of a delivery.
    pub(crate) fn apply(&mut self, delivery: Delivery, event_type: &str, url: &str) -> Vec<Delivery> {
        let endpoint = delivery.endpoint.clone();
        let mut going = vec![delivery];
        for active in &mut self.active {
            if going.is_empty() {
                break;
            }
            if !active.hits(event_type, &endpoint, url) {
                continue;
            }
            match active.fault.kind {
                WebhookFaultKind::Drop => going.clear(),
                WebhookFaultKind::Fail => going[0].lost = true,
                WebhookFaultKind::Duplicate { copies } => {
                    let mut copy = going[0].clone();
                    copy.copy = true;
                    going.extend((0..copies).map(|_| copy.clone()));
                }
                WebhookFaultKind::Delay { ms } => {
                    for delivery in &mut going {
                        delivery.delay_ms = Some(ms);
                    }
                }
                WebhookFaultKind::Postpone { seconds } => {
                    for delivery in &mut going {
                        delivery.due += seconds;
                        delivery.postponed = true;
                    }
                }
                WebhookFaultKind::Misdate { seconds } => {
                    for delivery in &mut going {
                        delivery.misdated += seconds;
                    }
                }
                WebhookFaultKind::Forge => {
                    for delivery in &mut going {
                        delivery.forged = true;
                    }
                }
                WebhookFaultKind::Shuffle { window } => {
                    active.held.append(&mut going);
                    let full = u32::try_from(active.held.len()).unwrap_or(u32::MAX)
                        >= window.unwrap_or(active.fault.count);
                    if full || active.fault.count == 0 {
                        going = active.mixed();
                    }
                    break;
                }
            }
        }
        self.active.retain(|active| active.fault.count > 0 || !active.held.is_empty());
        going
    }

    /// Whether an event waits to be mixed.
    pub(crate) fn holds(&self, event: &str) -> bool {
        self.active.iter().any(|active| active.held.iter().any(|delivery| delivery.event == event))
    }

    /// Lets go what waits to be mixed.
    pub(crate) fn release(&mut self) -> Vec<Delivery> {
        let going = self.active.iter_mut().flat_map(Active::mixed).collect();
        self.active.retain(|active| active.fault.count > 0);
        going
    }

    /// Forgets every fault; gives what waited in them.
    pub(crate) fn clear(&mut self) -> Vec<Delivery> {
        let going = self.release();
        self.active.clear();
        going
    }

    /// The faults, with the counts that are left.
    pub(crate) fn pending(&self) -> Value {
        let rows = self.active.iter().map(|active| {
            let mut row = json!(active.fault);
            row["waiting"] = active.held.len().into();
            row
        });
        rows.collect()
    }
}
