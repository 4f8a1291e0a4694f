//! Usage: what an organization records, what may be recorded, and what it adds up to.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::card_number::contains_card_number;
use super::entitlement::MeteredTerms;
use super::ids::MeterId;
use super::meter::{Aggregation, Meter, MeterError, Rollup, UsageEvent};
use super::meter_definition::MeterDefinition;
use super::proration::Span;
use super::quantity::{DecimalError, MAXIMUM_QUANTITY, ONE, Quantity};
use super::usage_bucket::{UsageGranularity, local_day};

/// Days of usage at most in one answer.
pub const MAXIMUM_DAYS: i64 = 400;
/// Hours, days or months at most in one answer.
pub const MAXIMUM_BUCKETS: usize = 800;
/// Events at most that are recorded together.
pub const MAXIMUM_BATCH: usize = 1_000;
/// Characters of an event's id at most.
pub const MAXIMUM_EVENT_ID: usize = 128;
/// Characters at most of what is counted when different ones are.
pub const MAXIMUM_KEY: usize = 128;
/// Bytes at most of what else is said of an event, as JSON.
pub const MAXIMUM_PROPERTIES: usize = 2_048;
/// The largest quantity of one event, in units: many of them still add up to what is kept.
pub const MAXIMUM_EVENT_QUANTITY: i64 = 1_000_000_000_000;
/// How far ahead of our clock an event may be.
pub const AHEAD: Duration = Duration::minutes(5);

/// One meter's total of one day, in whole units of the meter's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageDay {
    /// The meter's name, `api_calls` for instance.
    pub meter: String,
    /// The day, of the organization's calendar.
    pub day: NaiveDate,
    /// How much, rounded down.
    pub quantity: i64,
}

/// An event as somebody sends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object with meter and eventId")]
pub struct UsageRecord {
    /// The meter's name.
    pub meter: String,
    /// Its id, unique for organization and meter.
    pub event_id: String,
    /// When it was; when it is taken in, if nothing is said.
    #[serde(default)]
    pub occurred_at: Option<DateTime<Utc>>,
    /// How much; one, if nothing is said.
    #[serde(default)]
    pub quantity: Option<Quantity>,
    /// What else there is to say of it.
    #[serde(default)]
    pub properties: Option<Map<String, Value>>,
}

/// An event that can be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewUsageEvent {
    /// Of which meter.
    pub meter_id: MeterId,
    /// Its id, unique for organization and meter.
    pub event_id: String,
    /// When it was, to the microsecond.
    pub occurred_at: DateTime<Utc>,
    /// How much.
    pub quantity: Quantity,
    /// What is counted, for a meter that counts different ones.
    pub key: Option<String>,
    /// What else was said of it.
    pub properties: Option<Value>,
}

/// An event as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedUsage {
    /// Its id, unique for organization and meter.
    pub event_id: String,
    /// When it was.
    pub occurred_at: DateTime<Utc>,
    /// How much.
    pub quantity: Quantity,
    /// What is counted, for a meter that counts different ones.
    pub key: Option<String>,
    /// What else was said of it.
    pub properties: Option<Value>,
    /// When it was taken in.
    pub received_at: DateTime<Utc>,
}

/// An event as it came: one that could not be read is known by why.
pub type SentUsage = Result<UsageRecord, UsageProblem>;

/// Why an event cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize)]
pub enum UsageProblem {
    /// It could not be read.
    #[error("{message}")]
    Malformed {
        /// The field that is wrong; empty when it is the whole.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// No such meter, or one that is out of use.
    #[error("There is no meter {0:?}. The query `meters` lists them.")]
    Meter(String),
    /// No id, or none that can be kept.
    #[error("An event has an id of 1 to {MAXIMUM_EVENT_ID} printable ASCII characters without spaces.")]
    EventId,
    /// Too far ahead.
    #[error("The event is more than five minutes ahead of our clock, which shows {0}.")]
    Ahead(DateTime<Utc>),
    /// Too old.
    #[error("The event is too old. Events are taken from {0} on.")]
    TooOld(DateTime<Utc>),
    /// Too much.
    #[error(
        "The quantity of one event must be between -{MAXIMUM_EVENT_QUANTITY} and {MAXIMUM_EVENT_QUANTITY}."
    )]
    Quantity,
    /// Below zero where nothing can be taken back.
    #[error("The quantity must not be below zero: only what is summed up can be taken back.")]
    Negative,
    /// The property that is counted is missing or no short text.
    #[error(
        "This meter counts different values of the property {0:?}: it must be a text of 1 to {MAXIMUM_KEY} characters."
    )]
    Key(String),
    /// Too much said of it.
    #[error("The properties of an event have at most {MAXIMUM_PROPERTIES} bytes as JSON, without U+0000.")]
    Properties,
    /// Something that must never be kept.
    #[error("This looks like a card number. Card numbers must never be entered here.")]
    CardNumber,
}

impl UsageProblem {
    /// The field of the event that is wrong; empty when it is the whole.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Malformed { field, .. } => *field,
            Self::Meter(_) => "meter",
            Self::EventId => "eventId",
            Self::Ahead(_) | Self::TooOld(_) => "occurredAt",
            Self::Quantity | Self::Negative => "quantity",
            Self::Key(_) | Self::Properties | Self::CardNumber => "properties",
        }
    }
}

impl UsageRecord {
    /// The event, if it can be recorded of this meter at `now`; `grace` is how old it may be.
    pub fn check(
        self,
        meter: Option<&MeterDefinition>,
        now: DateTime<Utc>,
        grace: Duration,
    ) -> Result<NewUsageEvent, UsageProblem> {
        let Some(definition) = meter.filter(|meter| meter.archived_at.is_none()) else {
            return Err(UsageProblem::Meter(self.meter.chars().take(64).collect()));
        };
        let is_id = (1..=MAXIMUM_EVENT_ID).contains(&self.event_id.len())
            && self.event_id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_id {
            return Err(UsageProblem::EventId);
        }
        let occurred_at = micros(self.occurred_at.unwrap_or(now));
        if occurred_at > now + AHEAD {
            return Err(UsageProblem::Ahead(now));
        }
        if occurred_at < now - grace {
            return Err(UsageProblem::TooOld(now - grace));
        }
        let quantity = self.quantity.unwrap_or_else(|| Quantity::from(1_u32));
        if quantity.parts().abs() > i128::from(MAXIMUM_EVENT_QUANTITY) * ONE {
            return Err(UsageProblem::Quantity);
        }
        let aggregation = definition.meter.aggregation;
        if quantity < Quantity::ZERO && aggregation != Aggregation::Sum {
            return Err(UsageProblem::Negative);
        }
        let properties = self.properties.filter(|properties| !properties.is_empty()).map(Value::Object);
        if let Some(properties) = &properties {
            let text = properties.to_string();
            if text.len() > MAXIMUM_PROPERTIES || text.contains("\\u0000") {
                return Err(UsageProblem::Properties);
            }
            if holds_card_number(properties) {
                return Err(UsageProblem::CardNumber);
            }
        }
        let key = match (aggregation, &definition.key_property) {
            (Aggregation::UniqueCount, Some(name)) => {
                let value = properties.as_ref().and_then(|properties| properties.get(name)?.as_str());
                let fits = value.filter(|text| (1..=MAXIMUM_KEY).contains(&text.chars().count()));
                Some(fits.ok_or_else(|| UsageProblem::Key(name.clone()))?.to_owned())
            }
            _ => None,
        };
        Ok(NewUsageEvent {
            meter_id: definition.id,
            event_id: self.event_id,
            occurred_at,
            quantity,
            key,
            properties,
        })
    }
}

/// Whether a text anywhere in it looks like a card number.
fn holds_card_number(value: &Value) -> bool {
    match value {
        Value::String(text) => contains_card_number(text),
        Value::Array(values) => values.iter().any(holds_card_number),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| contains_card_number(name) || holds_card_number(value))
        }
        // A time in milliseconds would be one card number in ten.
        Value::Number(_) | Value::Null | Value::Bool(_) => false,
    }
}

/// To the microsecond, as both databases keep it.
fn micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// A quantity as both databases add it exactly: whole units, rounded down, and parts of 10^-12 of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SplitQuantity {
    /// Whole units, rounded down.
    pub units: i64,
    /// Parts of 10^-12 of a unit, from 0 and below 10^12.
    pub fraction: i64,
}

impl From<Quantity> for SplitQuantity {
    fn from(quantity: Quantity) -> Self {
        let parts = quantity.parts();
        let narrow = |parts: i128| i64::try_from(parts).expect("a quantity has less than 2^63 units");
        Self { units: narrow(parts.div_euclid(ONE)), fraction: narrow(parts.rem_euclid(ONE)) }
    }
}

impl SplitQuantity {
    /// The quantity; an error when it is more than one can be.
    pub fn join(self) -> Result<Quantity, DecimalError> {
        Quantity::from_parts(i128::from(self.units) * ONE + i128::from(self.fraction))
    }

    /// The quantity; the largest there is in its direction when it is more than one can be.
    pub fn join_within_bounds(self) -> Quantity {
        let bound = i64::signum(self.units) * MAXIMUM_QUANTITY;
        self.join().unwrap_or_else(|_| bound.try_into().expect("the largest quantity is one"))
    }
}

/// What events of one meter add up to in one hour, day or period, whatever is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageTotals {
    /// How many events.
    pub events: i64,
    /// Their sum.
    pub sum: Quantity,
    /// The largest.
    pub max: Quantity,
    /// When the latest was; of two at one time the one with the greater id.
    pub last_at: DateTime<Utc>,
    /// Its id.
    pub last_event_id: String,
    /// How much it was.
    pub last: Quantity,
}

impl UsageTotals {
    /// Of one event.
    pub fn of(event: &NewUsageEvent) -> Self {
        Self {
            events: 1,
            sum: event.quantity,
            max: event.quantity,
            last_at: event.occurred_at,
            last_event_id: event.event_id.clone(),
            last: event.quantity,
        }
    }

    /// With another event. An error when the sum is more than a quantity can be.
    pub fn add(&mut self, event: &NewUsageEvent) -> Result<(), DecimalError> {
        self.sum = self.sum.checked_add(event.quantity)?;
        self.events += 1;
        self.max = self.max.max(event.quantity);
        if (self.last_at, self.last_event_id.as_str()) < (event.occurred_at, event.event_id.as_str()) {
            self.last_at = event.occurred_at;
            self.last_event_id.clone_from(&event.event_id);
            self.last = event.quantity;
        }
        Ok(())
    }

    /// The level that a limit is held against: what a meter of this kind says was used so far.
    pub fn used(&self, aggregation: Aggregation) -> Quantity {
        match aggregation {
            Aggregation::Sum => self.sum,
            Aggregation::Max => self.max,
            Aggregation::Last | Aggregation::DailyMaxAverage => self.last,
            // Different keys are counted elsewhere.
            Aggregation::UniqueCount => Quantity::ZERO,
        }
    }
}

/// Totals of one stretch of time, with when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageStretch {
    /// When it began.
    pub start: DateTime<Utc>,
    /// What events add up to in it.
    pub totals: UsageTotals,
}

/// What a meter says of a span, from the totals of the stretches in it and the different keys of it.
pub fn quantity_of(
    aggregation: Aggregation,
    stretches: &[&UsageStretch],
    keys: &[&str],
    span: Span,
    zone: Tz,
) -> Result<Quantity, MeterError> {
    let mut rollup = Rollup::empty(aggregation);
    for UsageStretch { start, totals } in stretches {
        let (at, id, quantity) = match aggregation {
            Aggregation::Sum => (*start, "", totals.sum),
            Aggregation::Max | Aggregation::DailyMaxAverage => (*start, "", totals.max),
            Aggregation::Last => (totals.last_at, totals.last_event_id.as_str(), totals.last),
            Aggregation::UniqueCount => continue,
        };
        rollup.add(&UsageEvent { id, at, quantity, key: None }, zone)?;
    }
    if aggregation == Aggregation::UniqueCount {
        for &key in keys {
            let (at, quantity) = (span.start(), Quantity::ZERO);
            rollup.add(&UsageEvent { id: "", at, quantity, key: Some(key) }, zone)?;
        }
    }
    rollup.quantity(span, zone)
}

/// One hour, day or month of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageBucket {
    /// From when until when.
    pub span: Span,
    /// What the meter says of it.
    pub quantity: Quantity,
    /// How many events.
    pub events: i64,
}

/// A meter's usage over a time.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterUsage {
    /// The meter.
    pub meter: MeterDefinition,
    /// How fine.
    pub granularity: UsageGranularity,
    /// Whose hours, days and months.
    pub zone: Tz,
    /// All of it, in order, without a gap.
    pub buckets: Vec<UsageBucket>,
    /// What the meter says of the whole time.
    pub total: Quantity,
    /// What is included of it in each of its periods, and what happens above; `None` when no feature says so.
    pub terms: Option<MeteredTerms>,
}

/// Where an event is counted: the hour, as its start, and the day, of a zone.
pub fn places(at: DateTime<Utc>, zone: Tz) -> (DateTime<Utc>, NaiveDate) {
    (UsageGranularity::Hour.bucket(at, zone).start(), local_day(at, zone))
}

/// The zone of a name, else UTC.
pub fn zone(name: Option<&str>) -> Tz {
    name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}

impl Meter {
    /// Whether what was there before a stretch of time counts in it: a level that is never reset.
    pub fn carries_over(&self) -> bool {
        self.aggregation == Aggregation::Last && self.reset == super::meter::MeterReset::Never
    }
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
