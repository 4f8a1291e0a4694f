//! Usage, day by day, beside the time before.

use std::cmp::Reverse;

use chrono::{DateTime, Days, Utc};

use super::Service;
use super::error::{Refusal, ServiceError};
use super::usage::UsageQuestion;
use crate::domain::ids::OrganizationId;
use crate::domain::proration::Span;
use crate::domain::quantity::Quantity;
use crate::domain::usage::{MeterUsage, UsageBucket};
use crate::domain::usage_bucket::{UsageGranularity, day_start, local_day};

/// Days that are named as those with the most, at most.
pub const MAXIMUM_TOP_DAYS: i32 = 31;

/// What is asked of a meter.
#[derive(Clone, Debug)]
pub struct UsageReportQuestion {
    /// Whose usage.
    pub organization_id: OrganizationId,
    /// The meter's name.
    pub meter: String,
    /// From when on: a time of the first day; thirty days when nothing is said.
    pub since: Option<DateTime<Utc>>,
    /// Until when; now when nothing is said.
    pub until: Option<DateTime<Utc>>,
    /// How many days are named as those with the most.
    pub top: i32,
}

/// A meter's days, beside as many before them.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageReportOfMeter {
    /// The days, and all in all.
    pub usage: MeterUsage,
    /// The days with the most, the most first; none on which nothing was used.
    pub top: Vec<UsageBucket>,
    /// As many days before.
    pub before: Span,
    /// What the meter says of those.
    pub quantity_before: Quantity,
}

impl Service {
    /// A meter's usage by day, the days with the most, and as many days before to compare with.
    pub async fn usage_report(
        &self,
        question: UsageReportQuestion,
    ) -> Result<UsageReportOfMeter, ServiceError> {
        let UsageReportQuestion { organization_id, meter, since, until, top } = question;
        let top = usize::try_from(top).ok().filter(|_| top <= MAXIMUM_TOP_DAYS).ok_or_else(|| {
            ServiceError::from(Refusal::bad_input("top", format!("0 to {MAXIMUM_TOP_DAYS} days are named.")))
        })?;
        let granularity = UsageGranularity::Day;
        let asked = UsageQuestion { organization_id, meter, granularity, since, until };
        let usage = self.usage_of_meter(asked.clone()).await?;
        let first = usage.buckets.first().map(|bucket| bucket.span.start());
        let number = u64::try_from(usage.buckets.len()).unwrap_or(u64::MAX);
        let before = first.and_then(|first| {
            let day = local_day(first, usage.zone).checked_sub_days(Days::new(number))?;
            Span::new(day_start(day, usage.zone), first)
        });
        let before = before.ok_or_else(|| {
            ServiceError::from(Refusal::bad_input("since", "There is no time before it to compare with."))
        })?;
        let question = UsageQuestion { since: Some(before.start()), until: Some(before.end()), ..asked };
        let quantity_before = self.usage_of_meter(question).await?.total;
        let mut days = usage.buckets.clone();
        days.retain(|day| day.quantity != Quantity::ZERO);
        // Of equal ones the earlier day is the first.
        days.sort_by_key(|day| (Reverse(day.quantity), day.span.start()));
        days.truncate(top);
        Ok(UsageReportOfMeter { usage, top: days, before, quantity_before })
    }
}
