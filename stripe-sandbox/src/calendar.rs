//! Billing periods: whole intervals counted from an anchor, so that the 31st comes back after February.

use chrono::{DateTime, Datelike, Months, NaiveDate, Timelike};

use crate::clock::Timestamp;
use crate::decimal::divide;

const DAY: i64 = 24 * 3600;

/// A price's interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    unit: Unit,
    count: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

/// From its first second up to, not with, its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Interval {
    /// `unit` is Stripe's word: day, week, month or year.
    pub(crate) fn new(unit: &str, count: i64) -> Self {
        let unit = match unit {
            "day" => Unit::Day,
            "week" => Unit::Week,
            "year" => Unit::Year,
            _ => Unit::Month,
        };
        Self { unit, count: count.max(1) }
    }

    /// The moment `times` intervals after the anchor; before it when negative.
    fn step(self, anchor: Timestamp, times: i64) -> Timestamp {
        let months = match self.unit {
            Unit::Day => return anchor + times * self.count * DAY,
            Unit::Week => return anchor + times * self.count * 7 * DAY,
            Unit::Month => times * self.count,
            Unit::Year => times * self.count * 12,
        };
        let moment = DateTime::from_timestamp(anchor, 0);
        let distance = Months::new(u32::try_from(months.unsigned_abs()).unwrap_or(u32::MAX));
        let moved = moment.and_then(|moment| {
            if months < 0 { moment.checked_sub_months(distance) } else { moment.checked_add_months(distance) }
        });
        moved.map_or(anchor, |moved| moved.timestamp())
    }

    /// The period around `moment`.
    pub(crate) fn period(self, anchor: Timestamp, moment: Timestamp) -> Period {
        let length = match self.unit {
            Unit::Day => DAY,
            Unit::Week => 7 * DAY,
            Unit::Month => 30 * DAY,
            Unit::Year => 365 * DAY,
        };
        let mut times = (moment - anchor).div_euclid(length * self.count);
        while self.step(anchor, times) > moment {
            times -= 1;
        }
        while self.step(anchor, times + 1) <= moment {
            times += 1;
        }
        Period { start: self.step(anchor, times), end: self.step(anchor, times + 1) }
    }
}

impl Period {
    /// In seconds.
    pub(crate) fn length(self) -> i64 {
        self.end - self.start
    }
}

/// A day of the month, or of one month of the year, at a time of day (hour, minute, second). What is not said of the time
/// is as it was when one began to look for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recurring {
    pub month: Option<i64>,
    pub day: i64,
    pub time: [Option<i64>; 3],
}

impl Recurring {
    /// The first such moment that is not before `from`.
    pub(crate) fn next(self, from: Timestamp) -> Option<Timestamp> {
        let begun = DateTime::from_timestamp(from, 0)?;
        let own = [begun.hour(), begun.minute(), begun.second()];
        let [hour, minute, second] = [0, 1, 2].map(|part: usize| {
            self.time[part].and_then(|value| u32::try_from(value).ok()).unwrap_or(own[part])
        });
        let first = begun.date_naive().with_day(1)?;
        // The 29th of February comes every eight years at the latest.
        (0..=8 * 12).find_map(|months| {
            let month = first.checked_add_months(Months::new(months))?;
            if self.month.is_some_and(|wanted| wanted != i64::from(month.month())) {
                return None;
            }
            let day = month.with_day(u32::try_from(self.day).ok()?)?;
            let moment = day.and_hms_opt(hour, minute, second)?.and_utc().timestamp();
            (moment >= from).then_some(moment)
        })
    }
}

/// The part of `amount` that `part` seconds of `whole` are worth, in minor units, rounded half away from zero.
pub(crate) fn prorate(amount: i64, part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return amount;
    }
    let part = divide(i128::from(amount) * i128::from(part), i128::from(whole));
    i64::try_from(part).unwrap_or(if part < 0 { i64::MIN } else { i64::MAX })
}

/// `24 Nov 2026`, as line descriptions say it.
pub(crate) fn day(moment: Timestamp) -> String {
    DateTime::from_timestamp(moment, 0)
        .map(|moment| moment.format("%-d %b %Y").to_string())
        .unwrap_or_default()
}

/// The first moment after a calendar month, in UTC.
pub(crate) fn end_of_month(year: i64, month: i64) -> Option<Timestamp> {
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(month).ok()?, 1)?;
    Some(first.checked_add_months(Months::new(1))?.and_hms_opt(0, 0, 0)?.and_utc().timestamp())
}

/// The calendar year.
pub(crate) fn year(moment: Timestamp) -> i64 {
    DateTime::from_timestamp(moment, 0).map_or(1970, |moment| i64::from(moment.year()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp()
    }

    #[test]
    fn an_anchor_on_the_31st_comes_back_after_short_months() {
        let (anchor, month) = (at("2027-01-31T10:00:00Z"), Interval::new("month", 1));
        assert_eq!(month.period(anchor, anchor), Period { start: anchor, end: at("2027-02-28T10:00:00Z") });
        let second = month.period(anchor, at("2027-02-28T10:00:00Z"));
        assert_eq!(second.end, at("2027-03-31T10:00:00Z"));
        assert_eq!(month.period(anchor, second.end).end, at("2027-04-30T10:00:00Z"));
    }

    #[test]
    fn a_leap_day_anchor_falls_on_the_28th_in_other_years() {
        let year = Interval::new("year", 1);
        assert_eq!(
            year.period(at("2028-02-29T00:00:00Z"), at("2028-02-29T00:00:00Z")).end,
            at("2029-02-28T00:00:00Z")
        );
    }

    #[test]
    fn a_moment_before_the_anchor_has_a_period_too() {
        let month = Interval::new("month", 1);
        let period = month.period(at("2027-05-15T00:00:00Z"), at("2027-05-01T00:00:00Z"));
        assert_eq!(period, Period { start: at("2027-04-15T00:00:00Z"), end: at("2027-05-15T00:00:00Z") });
    }

    #[test]
    fn a_recurring_day_is_looked_for_in_a_month_that_has_it() {
        let day = |month, day, time| Recurring { month, day, time };
        let from = at("2027-02-10T08:30:15Z");
        assert_eq!(day(None, 15, [None; 3]).next(from), Some(at("2027-02-15T08:30:15Z")));
        assert_eq!(day(None, 10, [Some(8), Some(0), Some(0)]).next(from), Some(at("2027-03-10T08:00:00Z")));
        assert_eq!(day(None, 31, [Some(0); 3]).next(from), Some(at("2027-03-31T00:00:00Z")));
        assert_eq!(day(Some(2), 29, [Some(0); 3]).next(from), Some(at("2028-02-29T00:00:00Z")));
        assert_eq!(day(Some(2), 30, [None; 3]).next(from), None);
    }

    #[test]
    fn parts_are_rounded_half_away_from_zero() {
        assert_eq!(prorate(2900, 1, 2), 1450);
        assert_eq!(prorate(1, 1, 2), 1);
        assert_eq!(prorate(-1, 1, 2), -1);
        assert_eq!(prorate(-2900, 1, 3), -967);
    }
}
