//! Every instant lies in exactly one bucket, and daylight saving makes days longer and shorter, not wrong.

use chrono_tz::America::{Havana, New_York, Sao_Paulo, St_Johns};
use chrono_tz::Asia::{Kathmandu, Kolkata};
use chrono_tz::Australia::Lord_Howe;
use chrono_tz::Europe::Berlin;
use chrono_tz::Pacific::Apia;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn span(start: &str, end: &str) -> Span {
    Span::new(at(start), at(end)).unwrap()
}

const HOUR: i128 = 3_600_000_000;

#[test]
fn days_by_hand() {
    for (zone, instant, start, end) in [
        // 24, 23 and 25 hours.
        (Berlin, "2027-01-15T23:30:00Z", "2027-01-15T23:00:00Z", "2027-01-16T23:00:00Z"),
        (Berlin, "2027-03-28T12:00:00Z", "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z"),
        (Berlin, "2027-10-31T12:00:00Z", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z"),
        (New_York, "2027-03-14T06:59:59Z", "2027-03-14T05:00:00Z", "2027-03-15T04:00:00Z"),
        // Midnight was skipped: the day began at one.
        (Sao_Paulo, "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
        // The clock was put back at midnight to 23:00: the hour belongs to the day before.
        (Sao_Paulo, "2018-02-18T02:30:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"),
        // Midnight came twice: the day begins with the first.
        (Havana, "2027-11-07T04:30:00Z", "2027-11-07T04:00:00Z", "2027-11-08T05:00:00Z"),
        // Put back at one minute past midnight: the day before does not begin again.
        (St_Johns, "2010-11-07T02:45:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"),
        // Thirty-first after twenty-ninth: Samoa crossed the date line.
        (Apia, "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
        (Apia, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
        (Kathmandu, "2027-05-01T18:15:00Z", "2027-05-01T18:15:00Z", "2027-05-02T18:15:00Z"),
    ] {
        assert_eq!(UsageGranularity::Day.bucket(at(instant), zone), span(start, end), "{zone} {instant}");
    }
}

#[test]
fn months_begin_at_the_zones_midnight() {
    let months: Vec<Span> = UsageGranularity::Month
        .buckets(span("2027-03-15T00:00:00Z", "2027-05-01T00:00:00Z"), Berlin)
        .collect();
    assert_eq!(
        months,
        [
            span("2027-02-28T23:00:00Z", "2027-03-31T22:00:00Z"),
            span("2027-03-31T22:00:00Z", "2027-04-30T22:00:00Z"),
            span("2027-04-30T22:00:00Z", "2027-05-31T22:00:00Z"),
        ]
    );
    // March has an hour less than 31 days, February of a leap year 29 days.
    assert_eq!(months[0].micros(), (31 * 24 - 1) * HOUR);
    assert_eq!(UsageGranularity::Month.bucket(at("2028-02-10T00:00:00Z"), Berlin).micros(), 29 * 24 * HOUR);
}

#[test]
fn hours_by_hand() {
    for (zone, instant, start, end) in [
        (Kolkata, "2027-05-01T12:15:00Z", "2027-05-01T11:30:00Z", "2027-05-01T12:30:00Z"),
        // The hour that comes twice is two hours.
        (Berlin, "2027-10-31T00:30:00Z", "2027-10-31T00:00:00Z", "2027-10-31T01:00:00Z"),
        (Berlin, "2027-10-31T01:30:00Z", "2027-10-31T01:00:00Z", "2027-10-31T02:00:00Z"),
        // The clock is put back a minute into the hour.
        (St_Johns, "2010-11-07T02:30:30Z", "2010-11-07T02:30:00Z", "2010-11-07T02:31:00Z"),
        (St_Johns, "2010-11-07T02:45:00Z", "2010-11-07T02:31:00Z", "2010-11-07T03:30:00Z"),
        // Half an hour is skipped and repeated.
        (Lord_Howe, "2027-10-02T15:45:00Z", "2027-10-02T15:30:00Z", "2027-10-02T16:00:00Z"),
        (Lord_Howe, "2027-04-03T14:45:00Z", "2027-04-03T14:00:00Z", "2027-04-03T15:00:00Z"),
        (Lord_Howe, "2027-04-03T15:10:00Z", "2027-04-03T15:00:00Z", "2027-04-03T15:30:00Z"),
    ] {
        assert_eq!(UsageGranularity::Hour.bucket(at(instant), zone), span(start, end), "{zone} {instant}");
    }
}

#[test]
fn a_year_has_the_hours_it_has() {
    let year = span("2027-12-31T23:00:00Z", "2028-12-31T23:00:00Z");
    let hours: Vec<Span> = UsageGranularity::Hour.buckets(year, Berlin).collect();
    assert_eq!(hours.len(), 366 * 24);
    assert!(hours.iter().all(|hour| hour.micros() == HOUR));
    let days: Vec<i128> = UsageGranularity::Day
        .buckets(year, Berlin)
        .map(|day| day.micros() / HOUR)
        .filter(|hours| *hours != 24)
        .collect();
    assert_eq!(days, [23, 25]);
}

/// Every zone there is, since 1970.
fn any_moment() -> impl Strategy<Value = (Tz, i64)> {
    (proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]), 0_i64..2_500_000_000)
}

/// The hours in which the clock of some did what is rare, too.
fn moments() -> impl Strategy<Value = (Tz, i64)> {
    let rare = vec![
        (Sao_Paulo, "2018-11-04T03:00:00Z"),
        (Sao_Paulo, "2018-02-18T02:00:00Z"),
        (Havana, "2027-11-07T05:00:00Z"),
        (St_Johns, "2010-11-07T02:31:00Z"),
        (St_Johns, "2010-03-14T03:31:00Z"),
        (Apia, "2011-12-30T10:00:00Z"),
        (Lord_Howe, "2027-10-02T15:30:00Z"),
        (Lord_Howe, "2027-04-03T15:00:00Z"),
    ];
    let rare = (proptest::sample::select(rare), -10_000_i64..10_000)
        .prop_map(|((zone, instant), seconds)| (zone, at(instant).timestamp() + seconds));
    prop_oneof![any_moment(), rare]
}

proptest! {
    #[test]
    fn buckets_tile_time((zone, seconds) in moments(), nanos in 0_u32..1_000_000_000) {
        let instant = DateTime::from_timestamp(seconds, nanos).unwrap();
        for &granularity in UsageGranularity::ALL {
            let bucket = granularity.bucket(instant, zone);
            prop_assert!(bucket.contains(instant), "{granularity}: {bucket:?}");
            prop_assert_eq!(granularity.bucket(bucket.start(), zone), bucket);
            prop_assert_eq!(granularity.bucket(bucket.end() - Duration::nanoseconds(1), zone), bucket);
            prop_assert_eq!(granularity.bucket(bucket.end(), zone).start(), bucket.end());
            let before = granularity.bucket(bucket.start() - Duration::nanoseconds(1), zone);
            prop_assert_eq!(before.end(), bucket.start());
        }
    }

    #[test]
    fn hours_fill_days_and_days_fill_months((zone, seconds) in moments()) {
        let instant = DateTime::from_timestamp(seconds, 0).unwrap();
        let month = UsageGranularity::Month.bucket(instant, zone);
        let days: Vec<Span> = UsageGranularity::Day.buckets(month, zone).collect();
        prop_assert_eq!(days[0].start(), month.start());
        prop_assert_eq!(days[days.len() - 1].end(), month.end());
        for pair in days.windows(2) {
            prop_assert_eq!(pair[0].end(), pair[1].start());
        }
        let day = UsageGranularity::Day.bucket(instant, zone);
        let hours: Vec<Span> = UsageGranularity::Hour.buckets(day, zone).collect();
        let total: i128 = hours.iter().map(|hour| day.overlap(*hour).unwrap().micros()).sum();
        prop_assert_eq!(total, day.micros());
        prop_assert!(hours.iter().all(|hour| hour.micros() <= HOUR));
    }

    /// Away from midnight the day is what the clock shows.
    #[test]
    fn a_day_is_the_clocks_date((zone, seconds) in any_moment()) {
        let instant = DateTime::from_timestamp(seconds, 0).unwrap();
        let shown = instant.with_timezone(&zone);
        if (2..22).contains(&shown.hour()) {
            prop_assert_eq!(local_day(instant, zone), shown.date_naive());
        }
    }
}
