//! Usage.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

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

/// A meter's usage by day, beside as many days before.
#[derive(SimpleObject)]
pub struct UsageReport {
    /// The days, and all in all.
    pub usage: MeterUsage,
    /// The days with the most, the most first; none on which nothing was used.
    pub top_days: Vec<UsageBucket>,
    /// When the days begin that it is compared with, in UTC: as many as are shown, right before them.
    pub previous_start: DateTime<Utc>,
    /// What the meter says of those.
    pub previous_quantity: DecimalNumber,
    /// How much more it is than then, in percent, with two places; below zero when it is less. Null when nothing was used then.
    pub change_percent: Option<DecimalNumber>,
}

impl From<crate::service::UsageReportOfMeter> for UsageReport {
    fn from(report: crate::service::UsageReportOfMeter) -> Self {
        let (now, before) = (report.usage.total.decimal(), report.quantity_before.decimal());
        let hundred = Decimal::ONE_HUNDRED;
        let change = now.checked_sub(before).and_then(|more| more.checked_mul(hundred)?.checked_div(before));
        Self {
            usage: report.usage.into(),
            top_days: report.top.into_iter().map(Into::into).collect(),
            previous_start: report.before.start(),
            previous_quantity: DecimalNumber(before),
            change_percent: change.map(|percent| DecimalNumber(percent.round_dp(2).normalize())),
        }
    }
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
