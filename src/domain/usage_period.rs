//! Billing periods as usage is billed by them: what held in each stretch of one, and where it ends. They tile the time of
//! a subscription, without overlap or gap.

use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{OrganizationId, PlanId, SubscriptionId, UsagePeriodId};
use super::money::Currency;
use super::plan::BillingInterval;
use super::plan_charge::PlanCharge;
use super::proration::Span;

/// Periods that are filled in at most where nobody saw them begin.
const MAXIMUM_MISSED: usize = 120;

/// A stretch of a period, from its start up to the next one's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodSegment {
    /// From when on.
    pub starts_at: DateTime<Utc>,
    /// The plan that held, when it was one of ours.
    pub plan_id: Option<PlanId>,
    /// The currency that it was billed in.
    pub currency: Option<Currency>,
    /// Whether usage costs anything: a trial does not.
    pub is_billed: bool,
}

/// What a segment charges, frozen when the period is closed: late usage is rated by the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentTerms {
    /// When.
    pub span: Span,
    /// The charges that held.
    pub charges: Vec<PlanCharge>,
}

/// A billing period of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsagePeriod {
    /// Our id.
    pub id: UsagePeriodId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Of which subscription.
    pub subscription_id: SubscriptionId,
    /// When it began.
    pub period_start: DateTime<Utc>,
    /// When it ends by the calendar, which proration goes by.
    pub period_end: DateTime<Utc>,
    /// When it did end, once it has: earlier when another one began, or the subscription ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether the subscription ended with it.
    pub is_last: bool,
    /// What held in it.
    pub segments: Vec<PeriodSegment>,
    /// When its end was seen, by our clock.
    pub seen_ended_at: Option<DateTime<Utc>>,
    /// When it was closed: what comes later goes on the next bill.
    pub closed_at: Option<DateTime<Utc>>,
    /// When its usage was last rated.
    pub rated_at: Option<DateTime<Utc>>,
    /// What it was rated by, once closed.
    pub terms: Option<Vec<SegmentTerms>>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What Stripe says of a subscription, as far as its usage is billed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodTerms {
    /// The period that it shows.
    pub period: Span,
    /// How long a period is.
    pub interval: Option<BillingInterval>,
    /// The instant that all periods are counted from.
    pub anchor: DateTime<Utc>,
    /// The plan.
    pub plan_id: Option<PlanId>,
    /// The currency.
    pub currency: Option<Currency>,
    /// Whether usage costs anything now.
    pub is_billed: bool,
    /// When it ended, if it has.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The period of an anchor that an instant lies in: the anchor moved by whole months or years, each counted from the
/// anchor itself, so that the 31st comes back after a short month and 29 February after four years.
pub fn anchored_period(anchor: DateTime<Utc>, interval: BillingInterval, at: DateTime<Utc>) -> Span {
    let step = match interval {
        BillingInterval::Month => 1,
        BillingInterval::Year => 12,
    };
    let months = |at: DateTime<Utc>| i64::from(at.year()) * 12 + i64::from(at.month0());
    let mut number = (months(at) - months(anchor)).div_euclid(step);
    if moved(anchor, number * step) > at {
        number -= 1;
    }
    Span::new(moved(anchor, number * step), moved(anchor, (number + 1) * step))
        .expect("a later month begins later")
}

/// An instant moved by months; a day that a month does not have is its last one.
fn moved(anchor: DateTime<Utc>, months: i64) -> DateTime<Utc> {
    let by = Months::new(u32::try_from(months.unsigned_abs()).unwrap_or(u32::MAX));
    let day: NaiveDate = anchor.date_naive();
    let day = if months < 0 { day.checked_sub_months(by) } else { day.checked_add_months(by) };
    day.map_or(anchor, |day| day.and_time(anchor.time()).and_utc())
}

impl UsagePeriod {
    /// When it ended, or ends by the calendar.
    pub fn end(&self) -> DateTime<Utc> {
        self.ended_at.unwrap_or(self.period_end)
    }

    /// The whole of it by the calendar; `None` when no time lies in it.
    pub fn natural_span(&self) -> Option<Span> {
        Span::new(self.period_start, self.period_end)
    }

    /// All of it that was, or will be; `None` when no time lies in it.
    pub fn span(&self) -> Option<Span> {
        Span::new(self.period_start, self.end())
    }

    /// Its segments with their time, those alone that cost something.
    pub fn billed_segments(&self) -> Vec<(Span, &PeriodSegment)> {
        let ends = self.segments.iter().skip(1).map(|next| next.starts_at).chain([self.end()]);
        let spans = self.segments.iter().zip(ends);
        let billed = spans.filter(|(segment, _)| segment.is_billed);
        billed
            .filter_map(|(segment, end)| Some((Span::new(segment.starts_at, end.min(self.end()))?, segment)))
            .collect()
    }

    fn begin(
        id: UsagePeriodId,
        of: &Owner,
        period: Span,
        segment: PeriodSegment,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            organization_id: of.organization_id,
            subscription_id: of.subscription_id,
            period_start: period.start(),
            period_end: period.end(),
            ended_at: None,
            is_last: false,
            segments: vec![segment],
            seen_ended_at: None,
            closed_at: None,
            rated_at: None,
            terms: None,
            created_at: now,
            updated_at: now,
        }
    }

    fn finish(&mut self, ended_at: DateTime<Utc>, is_last: bool, now: DateTime<Utc>) {
        self.ended_at = Some(ended_at.clamp(self.period_start, self.period_end));
        self.is_last = is_last;
        self.seen_ended_at = Some(now);
        self.updated_at = now;
    }
}

/// Whose periods they are.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The tenant.
    pub organization_id: OrganizationId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// The rows that follow from what Stripe says of a subscription now, of which `last` is the newest row: those that are
/// new or changed. `at` is when it began to be so, as far as that is known, and `now` is our clock.
pub fn follow(
    last: Option<UsagePeriod>,
    of: &Owner,
    terms: &PeriodTerms,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
    mut next_id: impl FnMut() -> UsagePeriodId,
) -> Vec<UsagePeriod> {
    let segment = |starts_at| PeriodSegment {
        starts_at,
        plan_id: terms.plan_id,
        currency: terms.currency,
        is_billed: terms.is_billed,
    };
    let mut rows = Vec::new();
    let current = match last {
        // What has ended does not begin again.
        Some(last) if last.is_last || terms.period.start() < last.period_start => return rows,
        Some(mut last) if last.period_start == terms.period.start() => {
            let before = last.clone();
            if last.ended_at.is_none() {
                last.period_end = terms.period.end();
            }
            let new = segment(at.clamp(last.period_start, last.period_end));
            let is_other = last.segments.last().is_none_or(|old| {
                (old.plan_id, old.currency, old.is_billed) != (new.plan_id, new.currency, new.is_billed)
            });
            // What an ended subscription says of itself changes nothing of what held before.
            if is_other && terms.ended_at.is_none() {
                last.segments.retain(|old| old.starts_at < new.starts_at);
                last.segments.push(new);
            }
            if last != before {
                last.updated_at = now;
                rows.push(last.clone());
            }
            last
        }
        Some(mut last) => {
            let held = last.segments.last().cloned();
            let end = last.period_end.min(terms.period.start());
            last.finish(end, false, now);
            rows.push(last);
            // Periods that nobody saw begin: the process was down, and Stripe shows the newest alone.
            let mut from = end;
            while from < terms.period.start() && rows.len() < MAXIMUM_MISSED {
                let (Some(interval), Some(held)) = (terms.interval, held.clone()) else { break };
                let until = anchored_period(terms.anchor, interval, from).end().min(terms.period.start());
                let Some(span) = Span::new(from, until) else { break };
                let mut missed =
                    UsagePeriod::begin(next_id(), of, span, PeriodSegment { starts_at: from, ..held }, now);
                missed.finish(until, false, now);
                rows.push(missed);
                from = until;
            }
            let start = terms.period.start();
            let begun = UsagePeriod::begin(next_id(), of, terms.period, segment(start), now);
            rows.push(begun.clone());
            begun
        }
        None => {
            let start = terms.period.start();
            let begun = UsagePeriod::begin(next_id(), of, terms.period, segment(start), now);
            rows.push(begun.clone());
            begun
        }
    };
    if let Some(ended_at) = terms.ended_at {
        let mut ended = current;
        ended.finish(ended_at, true, now);
        rows.retain(|row| row.id != ended.id);
        rows.push(ended);
    }
    rows
}

/// How long before now usage may have come that was not rated: a batch that was begun before the rating may be committed
/// after it.
pub const RATED_AGAIN: Duration = Duration::minutes(10);

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const OF: Owner = Owner {
        organization_id: OrganizationId(Uuid::from_u128(1)),
        subscription_id: SubscriptionId(Uuid::from_u128(2)),
    };

    fn terms(start: &str, end: &str) -> PeriodTerms {
        PeriodTerms {
            period: Span::new(at(start), at(end)).unwrap(),
            interval: Some(BillingInterval::Month),
            anchor: at("2027-01-31T10:00:00Z"),
            plan_id: Some(PlanId(Uuid::from_u128(3))),
            currency: Some(Currency::USD),
            is_billed: true,
            ended_at: None,
        }
    }

    fn ids() -> impl FnMut() -> UsagePeriodId {
        let mut next = 10;
        move || {
            next += 1;
            UsagePeriodId(Uuid::from_u128(next))
        }
    }

    #[test]
    fn periods_are_counted_from_the_anchor_and_tile() {
        let ends = |anchor: &str, interval, from: &str, number: usize| {
            let mut ends = Vec::new();
            let mut from = at(from);
            for _ in 0..number {
                let span = anchored_period(at(anchor), interval, from);
                assert_eq!(span.start(), from, "without a gap");
                from = span.end();
                ends.push(from.format("%m-%d").to_string());
            }
            ends.join(" ")
        };
        let month = BillingInterval::Month;
        assert_eq!(
            ends("2027-01-31T10:00:00Z", month, "2027-01-31T10:00:00Z", 14),
            "02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31 01-31 02-29 03-31"
        );
        assert_eq!(
            ends("2028-02-29T00:00:00Z", BillingInterval::Year, "2028-02-29T00:00:00Z", 4),
            "02-28 02-28 02-28 02-29"
        );
        // Before the anchor too, and an instant before the end of a period is in it.
        let before = anchored_period(at("2027-01-31T10:00:00Z"), month, at("2026-11-30T09:59:59Z"));
        assert_eq!((before.start(), before.end()), (at("2026-10-31T10:00:00Z"), at("2026-11-30T10:00:00Z")));
    }

    #[test]
    fn a_renewal_ends_one_period_and_begins_the_next() {
        let now = at("2027-02-28T10:00:05Z");
        let mut id = ids();
        let first =
            follow(None, &OF, &terms("2027-01-31T10:00:00Z", "2027-02-28T10:00:00Z"), now, now, &mut id);
        assert_eq!(first.len(), 1);
        let again = terms("2027-01-31T10:00:00Z", "2027-02-28T10:00:00Z");
        assert_eq!(follow(Some(first[0].clone()), &OF, &again, now, now, &mut id), []);
        let next = terms("2027-02-28T10:00:00Z", "2027-03-31T10:00:00Z");
        let rows = follow(Some(first[0].clone()), &OF, &next, now, now, &mut id);
        assert_eq!(rows[0].ended_at, Some(at("2027-02-28T10:00:00Z")));
        assert_eq!((rows[0].id, rows[0].is_last), (first[0].id, false));
        assert_eq!(rows[1].period_start, at("2027-02-28T10:00:00Z"));
    }

    #[test]
    fn what_nobody_saw_is_filled_in() {
        let now = at("2027-05-31T10:00:05Z");
        let mut id = ids();
        let first =
            follow(None, &OF, &terms("2027-01-31T10:00:00Z", "2027-02-28T10:00:00Z"), now, now, &mut id);
        let later = terms("2027-05-31T10:00:00Z", "2027-06-30T10:00:00Z");
        let rows = follow(Some(first[0].clone()), &OF, &later, now, now, &mut id);
        for pair in rows.windows(2) {
            assert_eq!(pair[0].end(), pair[1].period_start);
        }
        assert_eq!(rows.len(), 5);
    }

    #[test]
    fn a_plan_that_changes_begins_a_segment_and_a_trial_is_not_billed() {
        let now = at("2027-02-10T00:00:00Z");
        let mut id = ids();
        let trial = PeriodTerms { is_billed: false, ..terms("2027-01-31T10:00:00Z", "2027-02-28T10:00:00Z") };
        let first = follow(None, &OF, &trial, now, now, &mut id);
        assert!(first[0].billed_segments().is_empty());
        let paid = terms("2027-01-31T10:00:00Z", "2027-02-28T10:00:00Z");
        let rows = follow(Some(first[0].clone()), &OF, &paid, now, now, &mut id);
        let other = PeriodTerms { plan_id: None, ..paid };
        let later = at("2027-02-20T00:00:00Z");
        let rows = follow(Some(rows[0].clone()), &OF, &other, later, later, &mut id);
        let spans: Vec<_> = rows[0].billed_segments().into_iter().map(|(span, _)| span).collect();
        assert_eq!(
            spans,
            [Span::new(now, later).unwrap(), Span::new(later, at("2027-02-28T10:00:00Z")).unwrap()]
        );
    }

    #[test]
    fn an_end_cuts_the_last_period_and_nothing_begins_after_it() {
        let now = at("2027-02-10T00:00:00Z");
        let mut id = ids();
        let running = terms("2027-01-31T10:00:00Z", "2027-02-28T10:00:00Z");
        let first = follow(None, &OF, &running, now, now, &mut id);
        let ended = PeriodTerms { ended_at: Some(now), is_billed: false, ..running.clone() };
        let rows = follow(Some(first[0].clone()), &OF, &ended, now, now, &mut id);
        assert_eq!((rows.len(), rows[0].ended_at, rows[0].is_last), (1, Some(now), true));
        assert_eq!(rows[0].billed_segments().len(), 1, "what held before the end is billed");
        assert_eq!(follow(Some(rows[0].clone()), &OF, &running, now, now, &mut id), []);
    }
}
