//! Hours, days and months of a time zone, as stretches of real time: with daylight saving a day has 23, 24 or 25 hours.

use chrono::{
    DateTime, Datelike, Duration, MappedLocalTime, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset,
    TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

use super::proration::Span;
use super::string_enum;

string_enum! {
    /// How fine usage is summed up.
    UsageGranularity {
        /// Hours of the zone's clock. An hour that the clock repeats is two buckets.
        Hour => "hour",
        /// Days of the zone's calendar.
        Day => "day",
        /// Months of the zone's calendar.
        Month => "month",
    }
}

impl UsageGranularity {
    /// The bucket that an instant lies in. Buckets tile time: each instant lies in exactly one. For years of four
    /// digits.
    pub fn bucket(self, at: DateTime<Utc>, zone: Tz) -> Span {
        let (start, end) = match self {
            Self::Hour => hour(at, zone),
            Self::Day => {
                let day = local_day(at, zone);
                (day_start(day, zone), day_start(following(day), zone))
            }
            Self::Month => {
                let day = local_day(at, zone);
                let first = day.with_day(1).expect("every month has a first day");
                (day_start(first, zone), day_start(first + Months::new(1), zone))
            }
        };
        Span::new(start, end).expect("a bucket has a length")
    }

    /// The buckets that have something in common with a stretch of time, in order, whole. The caller bounds the
    /// stretch.
    pub fn buckets(self, span: Span, zone: Tz) -> impl Iterator<Item = Span> {
        let first = self.bucket(span.start(), zone);
        std::iter::successors(Some(first), move |bucket| Some(self.bucket(bucket.end(), zone)))
            .take_while(move |bucket| bucket.start() < span.end())
    }
}

/// The day of a zone's calendar that an instant counts for: from its midnight up to the next.
pub fn local_day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    let day = at.with_timezone(&zone).date_naive();
    // Where the clock is put back over midnight, it shows the day before again after the day has begun.
    let next = following(day);
    if day_start(next, zone) <= at { next } else { day }
}

/// When a day begins in a zone: at its first midnight or, where the clock skips midnight, right after what it skips.
pub fn day_start(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    match zone.from_local_datetime(&midnight) {
        MappedLocalTime::Single(start) | MappedLocalTime::Ambiguous(start, _) => start.to_utc(),
        MappedLocalTime::None => {
            // No zone is further than 26 hours from another.
            let (before, after) =
                (midnight.and_utc() - Duration::hours(26), midnight.and_utc() + Duration::hours(26));
            first_instant(before, after, |at| local(at, zone) >= midnight)
        }
    }
}

const fn following(day: NaiveDate) -> NaiveDate {
    day.succ_opt().expect("years have four digits")
}

fn local(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

fn offset(at: DateTime<Utc>, zone: Tz) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

/// The longest stretch around an instant in which the clock shows one hour and is not put forward or back.
fn hour(at: DateTime<Utc>, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    let shown = local(at, zone);
    let into = Duration::minutes(shown.minute().into())
        + Duration::seconds(shown.second().into())
        + Duration::nanoseconds(shown.nanosecond().into());
    let (mut start, mut end) = (at - into, at - into + Duration::hours(1));
    let kept = offset(at, zone);
    if offset(start, zone) != kept {
        start = first_instant(start, at, |instant| offset(instant, zone) == kept);
    }
    if offset(end - Duration::nanoseconds(1), zone) != kept {
        end = first_instant(at, end, |instant| offset(instant, zone) != kept);
    }
    (start, end)
}

/// The first instant, in whole seconds, of which `is_after` holds: it does not before that and does at `after`.
fn first_instant(
    before: DateTime<Utc>,
    after: DateTime<Utc>,
    is_after: impl Fn(DateTime<Utc>) -> bool,
) -> DateTime<Utc> {
    let (mut low, mut high) = (before.timestamp(), after.timestamp() + 1);
    let instant = |seconds| DateTime::from_timestamp(seconds, 0).expect("between two instants");
    while high - low > 1 {
        let middle = i64::midpoint(low, high);
        if is_after(instant(middle)) { high = middle } else { low = middle }
    }
    instant(high)
}

#[cfg(test)]
#[path = "usage_bucket_tests.rs"]
mod tests;
