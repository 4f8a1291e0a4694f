//! Usage.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use super::super::scalars::{BigInt, Date, DecimalNumber};
use super::enums;
use super::meter::Meter;
use crate::domain;

/// One meter's total of one day.
#[derive(Clone, Debug, SimpleObject)]
pub struct UsageDay {
    /// The meter's name, `api_calls` for instance.
    pub meter: String,
    /// The day, of the organization's calendar.
    pub day: Date,
    /// How much, in whole units of the meter's own, rounded down: `usageByMeter` has it exactly.
    pub quantity: BigInt,
}

impl From<domain::usage::UsageDay> for UsageDay {
    fn from(row: domain::usage::UsageDay) -> Self {
        Self { meter: row.meter, day: Date(row.day), quantity: BigInt(row.quantity) }
    }
}

/// A meter's usage over a time.
#[derive(SimpleObject)]
pub struct MeterUsage {
    /// The meter.
    pub meter: Meter,
    /// How fine.
    pub granularity: enums::UsageGranularity,
    /// Whose hours, days and months: the organization's time zone, UTC where it has none.
    pub time_zone: String,
    /// All of it in order, without a gap.
    pub buckets: Vec<UsageBucket>,
    /// What the meter says of the whole time, in its own unit.
    pub quantity: DecimalNumber,
    /// How much the plan, or what overrides it, includes in each period of the meter; null when it says nothing of it.
    pub included: Option<DecimalNumber>,
    /// What happens above it; null when nothing is said of it.
    pub limit_kind: Option<enums::LimitKind>,
}

/// One hour, day or month of a meter.
#[derive(SimpleObject)]
pub struct UsageBucket {
    /// When it begins, in UTC.
    pub start: DateTime<Utc>,
    /// When the next one begins, in UTC.
    pub end: DateTime<Utc>,
    /// What the meter says of it, in its own unit.
    pub quantity: DecimalNumber,
    /// How many events were recorded of it.
    pub events: BigInt,
}

impl From<domain::usage::UsageBucket> for UsageBucket {
    fn from(bucket: domain::usage::UsageBucket) -> Self {
        Self {
            start: bucket.span.start(),
            end: bucket.span.end(),
            quantity: DecimalNumber(bucket.quantity.decimal()),
            events: BigInt(bucket.events),
        }
    }
}

impl From<domain::usage::MeterUsage> for MeterUsage {
    fn from(usage: domain::usage::MeterUsage) -> Self {
        Self {
            meter: usage.meter.into(),
            granularity: usage.granularity.into(),
            time_zone: usage.zone.name().to_owned(),
            buckets: usage.buckets.into_iter().map(Into::into).collect(),
            quantity: DecimalNumber(usage.total.decimal()),
            included: usage.terms.as_ref().map(|terms| DecimalNumber(terms.included.decimal())),
            limit_kind: usage.terms.as_ref().map(|terms| terms.limit.into()),
        }
    }
}
