//! What recurs, day by day, for platform staff.

use chrono::{Days, NaiveDate, NaiveTime};

use super::Service;
use super::error::{Refusal, ServiceError};
use crate::domain::revenue::{DayInProgress, Revenue, RevenueDay, days_between};

/// Days of one report at most.
const MAXIMUM_DAYS: usize = 400;
/// Records that are read at once.
const BATCH: u64 = 2_000;

impl Service {
    /// What recurs at the end of each day from `since` up to `until`, without it, by currency; today is a day that is not over.
    pub async fn revenue_report(
        &self,
        since: NaiveDate,
        until: NaiveDate,
    ) -> Result<Vec<RevenueDay>, ServiceError> {
        let days: Vec<NaiveDate> = days_between(since, until).take(MAXIMUM_DAYS + 1).collect();
        if days.is_empty() || days.len() > MAXIMUM_DAYS {
            let message = format!("A report is of 1 to {MAXIMUM_DAYS} days.");
            return Err(Refusal::bad_input("since", message).into());
        }
        let before = until.and_time(NaiveTime::MIN).and_utc();
        let (mut revenue, mut progress, mut report) =
            (Revenue::default(), DayInProgress::default(), Vec::new());
        // A day on which something moved, and those behind it on which nothing did.
        let mut close = |revenue: &mut Revenue, progress: &mut DayInProgress, moved: NaiveDate, next| {
            let quiet = moved.checked_add_days(Days::new(1)).unwrap_or(next).max(since);
            for day in std::iter::once(moved).chain(days_between(quiet, next)) {
                let ended = revenue.end(day, std::mem::take(progress));
                // Before the report it is folded, and not told.
                if day >= since {
                    report.extend(ended);
                }
            }
        };
        let (mut open, mut after): (Option<NaiveDate>, _) = (None, None);
        loop {
            let records = self.store.list_subscription_records(before, after, BATCH).await?;
            let Some(last) = records.last() else { break };
            after = Some((last.recorded_at, last.subscription_id));
            for record in records {
                let day = record.recorded_at.date_naive();
                if let Some(moved) = open.replace(day).filter(|moved| *moved < day) {
                    close(&mut revenue, &mut progress, moved, day);
                }
                revenue.take(record, &mut progress);
            }
        }
        if let Some(moved) = open {
            close(&mut revenue, &mut progress, moved, until);
        }
        Ok(report)
    }
}
