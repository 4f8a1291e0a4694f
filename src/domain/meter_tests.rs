//! However events are grouped and in whatever order, they come to what all of them come to at once.

use chrono::Duration;
use chrono_tz::Asia::Kathmandu;
use chrono_tz::Europe::Berlin;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

#[derive(Clone, Debug)]
struct Recorded {
    id: String,
    at: DateTime<Utc>,
    quantity: Quantity,
    key: String,
}

impl Recorded {
    fn event(&self) -> UsageEvent<'_> {
        UsageEvent { id: &self.id, at: self.at, quantity: self.quantity, key: Some(&self.key) }
    }
}

fn folded<'a>(aggregation: Aggregation, events: impl IntoIterator<Item = &'a Recorded>, zone: Tz) -> Rollup {
    let mut rollup = Rollup::empty(aggregation);
    for recorded in events {
        rollup.add(&recorded.event(), zone).unwrap();
    }
    rollup
}

/// March 2027 in Berlin, whose last Sunday has 23 hours.
fn march() -> Span {
    Span::new(at("2027-02-28T23:00:00Z"), at("2027-03-31T22:00:00Z")).unwrap()
}

#[test]
fn aggregations_by_hand() {
    let recorded = |id: &str, time: &str, text: &str, key: &str| Recorded {
        id: id.into(),
        at: at(time),
        quantity: quantity(text),
        key: key.into(),
    };
    let events = [
        recorded("a", "2027-03-01T10:00:00Z", "5", "ann"),
        recorded("c", "2027-03-02T10:00:00Z", "2.5", "bob"),
        recorded("b", "2027-03-02T10:00:00Z", "7", "ann"),
        recorded("d", "2027-03-01T12:00:00Z", "-1", "ann"),
    ];
    for (aggregation, expected) in [
        (Aggregation::Sum, "13.5"),
        (Aggregation::Max, "7"),
        // Two at the same time: the greater id.
        (Aggregation::Last, "2.5"),
        (Aggregation::UniqueCount, "2"),
        // (5 + 7) days of 24 hours, of 31 days less one hour: 288 / 743.
        (Aggregation::DailyMaxAverage, "0.387617765814"),
    ] {
        let rollup = folded(aggregation, &events, Berlin);
        assert_eq!(rollup.quantity(march(), Berlin), Ok(quantity(expected)), "{aggregation}");
        assert_eq!((rollup.events, rollup.aggregation()), (4, aggregation));
        assert_eq!(folded(aggregation, events.iter().rev(), Berlin), rollup);
        assert_eq!(Rollup::empty(aggregation).quantity(march(), Berlin), Ok(Quantity::ZERO));
    }
}

#[test]
fn a_day_is_the_organizations_and_weighs_what_it_lasts() {
    let recorded =
        |time: &str| Recorded { id: "a".into(), at: at(time), quantity: quantity("743"), key: "k".into() };
    let average =
        |time| folded(Aggregation::DailyMaxAverage, &[recorded(time)], Berlin).quantity(march(), Berlin);
    assert_eq!(average("2027-03-27T22:59:59Z"), Ok(quantity("24")));
    // Half an hour before midnight by UTC, it is the short day in Berlin already.
    assert_eq!(average("2027-03-27T23:30:00Z"), Ok(quantity("23")));
    // 24 / 743 is 0.0323014804845 and more: the twelfth place is rounded up.
    let one = Recorded { quantity: quantity("1"), ..recorded("2027-03-05T12:00:00Z") };
    let rounded = folded(Aggregation::DailyMaxAverage, &[one], Berlin).quantity(march(), Berlin);
    assert_eq!(rounded, Ok(quantity("0.032301480485")));
    // A period that begins at noon: half of its first day counts.
    let noon = Span::new(at("2027-03-10T11:00:00Z"), at("2027-03-11T11:00:00Z")).unwrap();
    let rollup = folded(Aggregation::DailyMaxAverage, &[recorded("2027-03-10T12:00:00Z")], Berlin);
    assert_eq!(rollup.quantity(noon, Berlin), Ok(quantity("371.5")));
    // A constant level is its own average, in any period.
    let days: Vec<Recorded> = (0..32)
        .map(|day| Recorded {
            at: at("2027-02-28T12:00:00Z") + Duration::days(day),
            ..recorded("2027-03-01T00:00:00Z")
        })
        .collect();
    let rollup = folded(Aggregation::DailyMaxAverage, &days, Berlin);
    assert_eq!(rollup.quantity(march(), Berlin), Ok(quantity("743")));
    assert_eq!(rollup.quantity(noon, Berlin), Ok(quantity("743")));
}

#[test]
fn what_cannot_be_added_leaves_a_rollup_as_it_was() {
    let event = |text: &str| UsageEvent {
        id: "a",
        at: at("2027-03-01T00:00:00Z"),
        quantity: quantity(text),
        key: None,
    };
    let mut unique = Rollup::empty(Aggregation::UniqueCount);
    assert_eq!(unique.add(&event("1"), Berlin), Err(MeterError::MissingKey));
    assert_eq!(unique, Rollup::empty(Aggregation::UniqueCount));
    let mut sum = Rollup::empty(Aggregation::Sum);
    sum.add(&event("10000000000000000"), Berlin).unwrap();
    let before = sum.clone();
    assert_eq!(sum.add(&event("1"), Berlin), Err(MeterError::TooLarge));
    assert_eq!(
        sum.merge(Rollup::empty(Aggregation::Max)),
        Err(MeterError::Aggregations(Aggregation::Sum, Aggregation::Max))
    );
    assert_eq!(sum, before);
}

#[test]
fn names_are_plain() {
    assert!(Meter::defaults().iter().all(|meter| Meter::is_name(&meter.name)));
    for name in ["", "_a", "1a", "Api", "api-calls", "api calls", "é", &"a".repeat(MAXIMUM_NAME + 1)] {
        assert!(!Meter::is_name(name), "{name}");
    }
}

/// Events of about two months around both changes of the clock, in no order, with equal times and equal keys among
/// them.
fn events() -> impl Strategy<Value = Vec<Recorded>> {
    let start = prop_oneof![Just(at("2027-03-01T00:00:00Z")), Just(at("2027-10-05T00:00:00Z"))];
    let quarters = prop_oneof![0_i64..60 * 24 * 4, (0_i64..12).prop_map(|place| place * 500)];
    let one = (quarters, -20_i64..1_000, 0_u8..12);
    (start, proptest::collection::vec(one, 0..60)).prop_map(|(start, all)| {
        let made = all.into_iter().enumerate().map(|(index, (quarters, hundredths, key))| Recorded {
            id: format!("{:03}", (index * 37) % 101),
            at: start + Duration::minutes(15 * quarters),
            quantity: rust_decimal::Decimal::new(hundredths, 2).try_into().unwrap(),
            key: format!("k{key}"),
        });
        made.collect()
    })
}

fn aggregations() -> impl Strategy<Value = Aggregation> {
    proptest::sample::select(Aggregation::ALL)
}

fn zones() -> impl Strategy<Value = Tz> {
    proptest::sample::select(vec![
        Tz::UTC,
        Berlin,
        Kathmandu,
        Tz::America__New_York,
        Tz::Australia__Lord_Howe,
    ])
}

/// The rules once more, in hundredths and floating seconds, without anything that the rollup is made of.
fn naive(aggregation: Aggregation, events: &[Recorded], span: Span, zone: Tz) -> f64 {
    let number = |recorded: &Recorded| recorded.quantity.to_string().parse::<f64>().unwrap();
    match aggregation {
        Aggregation::Sum => events.iter().map(number).sum(),
        Aggregation::Max => events.iter().map(number).reduce(f64::max).unwrap_or(0.0),
        Aggregation::Last => {
            events.iter().max_by_key(|recorded| (recorded.at, recorded.id.clone())).map_or(0.0, number)
        }
        Aggregation::UniqueCount => {
            let mut keys: Vec<&String> = events.iter().map(|recorded| &recorded.key).collect();
            keys.sort();
            keys.dedup();
            f64::from(u32::try_from(keys.len()).unwrap())
        }
        Aggregation::DailyMaxAverage => {
            // Quarter of an hour by quarter: the largest of the date that the clock shows.
            let (mut sum, mut count, mut time) = (0.0, 0.0, span.start());
            while time < span.end() {
                let date = time.with_timezone(&zone).date_naive();
                let same = |recorded: &&Recorded| recorded.at.with_timezone(&zone).date_naive() == date;
                sum += events.iter().filter(same).map(number).reduce(f64::max).unwrap_or(0.0);
                count += 1.0;
                time += Duration::minutes(15);
            }
            sum / count
        }
    }
}

proptest! {
    #[test]
    fn a_rollup_is_what_the_rules_say(
        aggregation in aggregations(), events in events(), zone in zones(), from in 0_i64..400, length in 1_i64..200,
    ) {
        let start = at("2027-03-10T00:00:00Z") + Duration::minutes(15 * from);
        let span = Span::new(start, start + Duration::minutes(15 * length)).unwrap();
        let quantity = folded(aggregation, &events, zone).quantity(span, zone).unwrap();
        let expected = naive(aggregation, &events, span, zone);
        let off = quantity.to_string().parse::<f64>().unwrap() - expected;
        prop_assert!(off.abs() < 1e-8, "{aggregation}: {quantity}, not {expected}");
    }

    /// Hours, then days, then the period.
    #[test]
    fn hourly_and_daily_rollups_come_to_what_the_events_come_to(
        aggregation in aggregations(), events in events(), zone in zones(),
    ) {
        let mut rollups: BTreeMap<Span, Rollup> = BTreeMap::new();
        for recorded in &events {
            let hour = UsageGranularity::Hour.bucket(recorded.at, zone);
            let rollup = rollups.entry(hour).or_insert_with(|| Rollup::empty(aggregation));
            rollup.add(&recorded.event(), zone).unwrap();
        }
        let mut daily: BTreeMap<Span, Rollup> = BTreeMap::new();
        for (hour, rollup) in rollups {
            let day = UsageGranularity::Day.bucket(hour.start(), zone);
            daily.entry(day).or_insert_with(|| Rollup::empty(aggregation)).merge(rollup).unwrap();
        }
        let mut period = Rollup::empty(aggregation);
        for rollup in daily.into_values() {
            period.merge(rollup).unwrap();
        }
        prop_assert_eq!(period, folded(aggregation, &events, zone));
    }

    #[test]
    fn neither_order_nor_grouping_makes_a_difference(
        aggregation in aggregations(), events in events(), zone in zones(),
        (first, second) in (0_usize..60, 0_usize..60), seed in any::<u64>(),
    ) {
        let whole = folded(aggregation, &events, zone);
        let mut shuffled = events.clone();
        let scattered = |at: DateTime<Utc>| (at.timestamp().unsigned_abs() ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        shuffled.sort_by_key(|recorded| scattered(recorded.at));
        let (first, second) = (first.min(events.len()), second.min(events.len()));
        let (low, high) = (first.min(second), first.max(second));
        let part = |range: &[Recorded]| folded(aggregation, range, zone);
        let (a, b, c) = (part(&shuffled[..low]), part(&shuffled[low..high]), part(&shuffled[high..]));
        let merged = |one: &Rollup, other: &Rollup| {
            let mut one = one.clone();
            one.merge(other.clone()).unwrap();
            one
        };
        prop_assert_eq!(&merged(&merged(&a, &b), &c), &whole);
        prop_assert_eq!(&merged(&a, &merged(&b, &c)), &whole);
        prop_assert_eq!(&merged(&merged(&c, &a), &b), &whole);
        prop_assert_eq!(&merged(&whole, &Rollup::empty(aggregation)), &whole);
        prop_assert_eq!(&merged(&Rollup::empty(aggregation), &whole), &whole);
    }

    #[test]
    fn a_rollup_survives_json(aggregation in aggregations(), events in events(), zone in zones()) {
        let rollup = folded(aggregation, &events, zone);
        let json = serde_json::to_string(&rollup).unwrap();
        prop_assert_eq!(serde_json::from_str::<Rollup>(&json).unwrap(), rollup);
    }
}
