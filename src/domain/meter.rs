//! Meters, and how their events become one quantity. What is folded by the hour can be merged to days and periods: it
//! comes to what folding every event does, in any order.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::proration::Span;
use super::quantity::Quantity;
use super::rating::UsageKind;
use super::string_enum;
use super::usage_bucket::{UsageGranularity, local_day};

/// Letters of a meter's name at most.
pub const MAXIMUM_NAME: usize = 64;

string_enum! {
    /// What one quantity is made of the events of a period.
    Aggregation {
        /// Their sum. What is below zero takes back.
        Sum => "sum",
        /// The largest.
        Max => "max",
        /// The one with the latest time.
        Last => "last",
        /// How many different keys they have.
        UniqueCount => "unique_count",
        /// The largest of each day, averaged over the time of the period. A day without an event counts as zero.
        DailyMaxAverage => "daily_max_average",
    }
}

impl Aggregation {
    /// What the quantity means for a period that is cut.
    pub const fn usage_kind(self) -> UsageKind {
        match self {
            Self::Sum => UsageKind::Additive,
            Self::Max | Self::Last | Self::UniqueCount | Self::DailyMaxAverage => UsageKind::Level,
        }
    }
}

string_enum! {
    /// When a meter begins anew.
    MeterReset {
        /// With every billing period.
        BillingPeriod => "billing_period",
        /// With every month of the organization's calendar.
        Month => "month",
        /// Never: what was there before counts on.
        Never => "never",
    }
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Its name in events and plans, `api_calls` for instance.
    pub name: String,
    /// What one of it is, for people.
    pub unit: String,
    /// What one quantity is made of its events.
    pub aggregation: Aggregation,
    /// When it begins anew.
    pub reset: MeterReset,
}

impl Meter {
    /// The meters there are before anybody makes one.
    pub fn defaults() -> [Self; 3] {
        let meter = |name: &str, unit: &str, aggregation, reset| Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            aggregation,
            reset,
        };
        [
            meter("api_calls", "call", Aggregation::Sum, MeterReset::BillingPeriod),
            meter("storage_gb", "GB", Aggregation::DailyMaxAverage, MeterReset::BillingPeriod),
            meter("seats", "seat", Aggregation::Last, MeterReset::Never),
        ]
    }

    /// Whether a name can be a meter's: lower-case letters, digits and underscores, a letter first.
    pub fn is_name(name: &str) -> bool {
        name.len() <= MAXIMUM_NAME
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    }
}

/// What was recorded once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageEvent<'a> {
    /// Its id, unique for organization and meter. Of two events at one time the greater id is the later.
    pub id: &'a str,
    /// When it was.
    pub at: DateTime<Utc>,
    /// How much.
    pub quantity: Quantity,
    /// What is counted when different ones are.
    pub key: Option<&'a str>,
}

/// Why events cannot be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MeterError {
    /// Different keys are counted, and an event has none.
    #[error("The meter counts different keys, and the event has none.")]
    MissingKey,
    /// More than a quantity can be.
    #[error("The usage is too large.")]
    TooLarge,
    /// Rollups of two aggregations.
    #[error("A rollup of {0} does not go with one of {1}.")]
    Aggregations(Aggregation, Aggregation),
}

/// Events, folded. It is empty, takes one event after the other, and merges with others of its meter; duplicates are
/// the caller's to leave out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollup {
    /// How many events.
    pub events: u64,
    state: State,
}

/// As much as must be kept so that merging loses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Sum(Quantity),
    Max(Option<Quantity>),
    Last(Option<LastEvent>),
    UniqueCount(BTreeSet<String>),
    DailyMaxAverage(BTreeMap<NaiveDate, Quantity>),
}

/// Ordered by time, then id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct LastEvent {
    at: DateTime<Utc>,
    id: String,
    quantity: Quantity,
}

impl Rollup {
    /// Of no event.
    pub const fn empty(aggregation: Aggregation) -> Self {
        let state = match aggregation {
            Aggregation::Sum => State::Sum(Quantity::ZERO),
            Aggregation::Max => State::Max(None),
            Aggregation::Last => State::Last(None),
            Aggregation::UniqueCount => State::UniqueCount(BTreeSet::new()),
            Aggregation::DailyMaxAverage => State::DailyMaxAverage(BTreeMap::new()),
        };
        Self { events: 0, state }
    }

    /// What it is a rollup for.
    pub const fn aggregation(&self) -> Aggregation {
        match self.state {
            State::Sum(_) => Aggregation::Sum,
            State::Max(_) => Aggregation::Max,
            State::Last(_) => Aggregation::Last,
            State::UniqueCount(_) => Aggregation::UniqueCount,
            State::DailyMaxAverage(_) => Aggregation::DailyMaxAverage,
        }
    }

    /// Adds an event; `zone` says which day it is on. An event that cannot be added leaves the rollup as it was.
    pub fn add(&mut self, event: &UsageEvent<'_>, zone: Tz) -> Result<(), MeterError> {
        let quantity = event.quantity;
        let state = match self.aggregation() {
            Aggregation::Sum => State::Sum(quantity),
            Aggregation::Max => State::Max(Some(quantity)),
            Aggregation::Last => {
                State::Last(Some(LastEvent { at: event.at, id: event.id.to_owned(), quantity }))
            }
            Aggregation::UniqueCount => {
                State::UniqueCount(BTreeSet::from([event.key.ok_or(MeterError::MissingKey)?.to_owned()]))
            }
            Aggregation::DailyMaxAverage => {
                State::DailyMaxAverage(BTreeMap::from([(local_day(event.at, zone), quantity)]))
            }
        };
        self.merge(Self { events: 1, state })
    }

    /// Adds what another holds. Which is added to which makes no difference, nor does the order of several. One that
    /// cannot be added leaves this as it was.
    pub fn merge(&mut self, other: Self) -> Result<(), MeterError> {
        let (mine, theirs) = (self.aggregation(), other.aggregation());
        match (&mut self.state, other.state) {
            (State::Sum(sum), State::Sum(other)) => {
                *sum = sum.checked_add(other).map_err(|_| MeterError::TooLarge)?;
            }
            (State::Max(max), State::Max(other)) => *max = (*max).max(other),
            (State::Last(last), State::Last(other)) => {
                if *last < other {
                    *last = other;
                }
            }
            (State::UniqueCount(keys), State::UniqueCount(mut other)) => keys.append(&mut other),
            (State::DailyMaxAverage(days), State::DailyMaxAverage(other)) => {
                for (day, quantity) in other {
                    days.entry(day).and_modify(|max| *max = quantity.max(*max)).or_insert(quantity);
                }
            }
            _ => return Err(MeterError::Aggregations(mine, theirs)),
        }
        self.events = self.events.saturating_add(other.events);
        Ok(())
    }

    /// The quantity of a period, or of a part of one. Without events it is zero.
    ///
    /// A daily maximum is averaged over time: each day weighs as much as it has in common with `span`, so that a day of
    /// 23 hours weighs 23 and the days at both ends weigh their part. The average is rounded once, half up, to twelve
    /// places.
    pub fn quantity(&self, span: Span, zone: Tz) -> Result<Quantity, MeterError> {
        match &self.state {
            State::Sum(sum) => Ok(*sum),
            State::Max(max) => Ok(max.unwrap_or_default()),
            State::Last(last) => Ok(last.as_ref().map(|last| last.quantity).unwrap_or_default()),
            State::UniqueCount(keys) => i64::try_from(keys.len())
                .ok()
                .and_then(|count| count.try_into().ok())
                .ok_or(MeterError::TooLarge),
            State::DailyMaxAverage(days) => average(days, span, zone),
        }
    }
}

fn average(days: &BTreeMap<NaiveDate, Quantity>, span: Span, zone: Tz) -> Result<Quantity, MeterError> {
    let length = span.micros();
    // Whole quantities and the rests of the division apart: the products stay within 128 bits.
    let (mut whole, mut rest) = (0_i128, 0_i128);
    for bucket in UsageGranularity::Day.buckets(span, zone) {
        let Some(max) = days.get(&local_day(bucket.start(), zone)) else { continue };
        let weight = span.overlap(bucket).map_or(0, Span::micros);
        whole += max.parts().div_euclid(length) * weight;
        rest += max.parts().rem_euclid(length) * weight;
        whole += rest.div_euclid(length);
        rest = rest.rem_euclid(length);
    }
    let is_up = i128::from(2 * rest >= length);
    Quantity::from_parts(whole + is_up).map_err(|_| MeterError::TooLarge)
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
