//! Nobody is told twice, nobody is left untold.

use chrono::Duration;
use proptest::prelude::*;

use super::super::money::Currency;
use super::*;

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

fn units(number: u32) -> Threshold {
    Threshold::Units(Quantity::from(number))
}

fn month(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(30 * number)
}

/// Of the first month, with a limit of 1,000; a unit costs two cents.
fn reading(usage: u32) -> UsageReading {
    UsageReading {
        period_start: month(0),
        usage: Quantity::from(usage),
        limit: Some(Quantity::from(1_000)),
        spend: Some(usd(i64::from(usage) * 2)),
    }
}

/// Everything that readings lead to, one after the other.
fn told(thresholds: &[Threshold], readings: &[UsageReading]) -> Vec<Vec<UsageNotice>> {
    let mut state = UsageAlertState::default();
    let told = readings.iter().map(|reading| {
        let (next, notices) = state.observe(thresholds, reading);
        state = next;
        notices
    });
    told.collect()
}

fn said(notices: &[UsageNotice]) -> Vec<(Threshold, UsageNoticeKind)> {
    notices.iter().map(|notice| (notice.threshold, notice.kind)).collect()
}

use UsageNoticeKind::{Reached, Recovered, Reset};

#[test]
fn several_at_once_are_told_highest_first() {
    let thresholds = [
        Threshold::Percent(50),
        units(600),
        Threshold::Percent(100),
        Threshold::Spend(usd(1_000)),
        units(400),
        Threshold::Spend(usd(2_500)),
        Threshold::Spend(usd(1_500)),
    ];
    let notices = told(&thresholds, &[reading(1_000)]).remove(0);
    let order: Vec<Threshold> = notices.iter().map(|notice| notice.threshold).collect();
    assert_eq!(
        order,
        [
            Threshold::Spend(usd(1_500)),
            Threshold::Spend(usd(1_000)),
            Threshold::Percent(100),
            units(600),
            Threshold::Percent(50),
            units(400),
        ]
    );
}

#[test]
fn the_threshold_itself_is_reached_and_just_below_is_not() {
    let thresholds = [Threshold::Percent(80), units(801), Threshold::Spend(usd(1_602))];
    let steps = told(&thresholds, &[reading(799), reading(800), reading(801)]);
    assert_eq!(steps[0], []);
    assert_eq!(said(&steps[1]), [(Threshold::Percent(80), Reached)]);
    assert_eq!(said(&steps[2]), [(Threshold::Spend(usd(1_602)), Reached), (units(801), Reached)]);
}

#[test]
fn what_goes_up_and_down_is_told_once_each_way() {
    let thresholds = [units(100)];
    let steps = told(&thresholds, &[100, 99, 101, 96, 95, 94, 100, 90, 100].map(reading));
    let said: Vec<_> = steps.iter().map(|notices| said(notices)).collect();
    let (reached, recovered) = (vec![(units(100), Reached)], vec![(units(100), Recovered)]);
    let quiet = Vec::new;
    assert_eq!(
        said,
        [
            reached,
            quiet(),
            quiet(),
            quiet(),
            // Ninety-five is five percent below, which is the margin and not beyond it.
            quiet(),
            recovered,
            quiet(),
            quiet(),
            quiet()
        ]
    );
}

#[test]
fn a_new_period_begins_anew() {
    let thresholds = [units(100), units(200), units(300)];
    let next = |usage| UsageReading { period_start: month(1), ..reading(usage) };
    let steps = told(&thresholds, &[reading(250), reading(150), next(150), next(200), reading(500)]);
    assert_eq!(said(&steps[0]), [(units(200), Reached), (units(100), Reached)]);
    assert_eq!(said(&steps[1]), [(units(200), Recovered)]);
    // The first is reached again at once; the second had recovered.
    assert_eq!(said(&steps[2]), [(units(100), Reached)]);
    assert_eq!(said(&steps[3]), [(units(200), Reached)]);
    // Late usage of the period before.
    assert_eq!(steps[4], []);
    let steps = told(&thresholds, &[reading(250), next(150)]);
    assert_eq!(said(&steps[1]), [(units(200), Reset), (units(100), Reached)]);
    assert_eq!(steps[1][0].period_start, month(0));
}

#[test]
fn a_limit_may_change_or_be_none() {
    let thresholds = [Threshold::Percent(100)];
    let with =
        |limit: Option<u32>, usage| UsageReading { limit: limit.map(Quantity::from), ..reading(usage) };
    let steps = told(
        &thresholds,
        &[with(None, 5_000), with(Some(0), 0), with(Some(5_000), 5_000), with(None, 5_000)],
    );
    let said: Vec<_> = steps.iter().map(|notices| said(notices)).collect();
    assert_eq!(said, [vec![], vec![], vec![(thresholds[0], Reached)], vec![(thresholds[0], Recovered)]]);
    let steps = told(&thresholds, &[with(Some(0), 1), with(Some(0), 0)]);
    assert_eq!(steps.concat().iter().map(|notice| notice.kind).collect::<Vec<_>>(), [Reached, Recovered]);
}

#[test]
fn money_of_another_currency_or_unknown_says_nothing() {
    let thresholds = [Threshold::Spend(usd(100))];
    let with = |spend| UsageReading { spend, ..reading(1_000) };
    let euro = Money::new(1_000, Currency::parse("EUR").unwrap());
    let steps = told(
        &thresholds,
        &[with(Some(euro)), with(None), with(Some(usd(100))), with(None), with(Some(usd(0)))],
    );
    assert_eq!(steps.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 1, 0, 1]);
}

#[test]
fn a_threshold_taken_away_and_back_is_not_told_again() {
    let (state, notices) = UsageAlertState::default().observe(&[units(100)], &reading(150));
    assert_eq!(notices.len(), 1);
    let (state, notices) = state.observe(&[], &reading(50));
    assert_eq!(notices, []);
    let (state, notices) = state.observe(&[units(100)], &reading(150));
    assert_eq!(notices, []);
    let (_, notices) = state.observe(&[units(100), units(120)], &reading(150));
    assert_eq!(said(&notices), [(units(120), Reached)]);
}

#[test]
fn thresholds_that_cannot_be_meant_are_refused() {
    assert_eq!(check(&[units(1), Threshold::Percent(1_000), Threshold::Spend(usd(1))]), Ok(()));
    assert_eq!(check(&[units(1); MAXIMUM_THRESHOLDS + 1]), Err(ThresholdError::TooMany));
    assert_eq!(check(&[units(1), units(0)]), Err(ThresholdError::NotAboveZero { index: 1 }));
    assert_eq!(check(&[Threshold::Percent(0)]), Err(ThresholdError::NotAboveZero { index: 0 }));
    assert_eq!(check(&[Threshold::Spend(usd(-1))]), Err(ThresholdError::NotAboveZero { index: 0 }));
    assert_eq!(check(&[Threshold::Percent(1_001)]), Err(ThresholdError::AboveMaximum { index: 0 }));
    assert_eq!(check(&[units(1), units(2), units(1)]), Err(ThresholdError::Twice { index: 2 }));
}

fn threshold() -> impl Strategy<Value = Threshold> {
    prop_oneof![
        (1_u32..200).prop_map(units),
        (1_u16..200).prop_map(Threshold::Percent),
        (1_i64..400).prop_map(|minor| Threshold::Spend(usd(minor))),
    ]
}

fn thresholds() -> impl Strategy<Value = Vec<Threshold>> {
    proptest::collection::vec(threshold(), 0..8).prop_map(|mut thresholds| {
        let all = thresholds.clone();
        let mut index = 0;
        thresholds.retain(|threshold| {
            index += 1;
            !all[..index - 1].contains(threshold)
        });
        thresholds
    })
}

/// Readings of several periods, in order, with limits that change.
fn readings() -> impl Strategy<Value = Vec<UsageReading>> {
    let one = (0_i64..4, 0_u32..220, proptest::option::weighted(0.9, 50_u32..150));
    proptest::collection::vec(one, 0..60).prop_map(|mut all| {
        all.sort_by_key(|(period, ..)| *period);
        let made = all.into_iter().map(|(period, usage, limit)| UsageReading {
            period_start: month(period),
            limit: limit.map(Quantity::from),
            ..reading(usage)
        });
        made.collect()
    })
}

/// Written down from the rule, in whole numbers: what a threshold means beside a reading.
fn stands_at(threshold: Threshold, reading: &UsageReading) -> bool {
    let number = |quantity: Quantity| quantity.to_string().parse::<u64>().unwrap();
    let usage = number(reading.usage);
    usage > 0
        && match threshold {
            Threshold::Units(units) => usage >= number(units),
            Threshold::Percent(percent) => {
                reading.limit.is_some_and(|limit| usage * 100 >= number(limit) * u64::from(percent))
            }
            Threshold::Spend(spend) => reading.spend.unwrap().minor >= spend.minor,
        }
}

proptest! {
    #[test]
    fn a_threshold_is_told_once_in_a_period_at_the_first_reading_that_reaches_it(
        thresholds in thresholds(), readings in readings(),
    ) {
        let steps = told(&thresholds, &readings);
        for threshold in &thresholds {
            for period in (0..4).map(month) {
                let in_period = || readings.iter().zip(&steps).filter(|(reading, _)| reading.period_start == period);
                let first = in_period().position(|(reading, _)| stands_at(*threshold, reading));
                let reached = |notices: &[UsageNotice]| {
                    notices.iter().filter(|notice| notice.threshold == *threshold && notice.kind == Reached).count()
                };
                for (index, (_, notices)) in in_period().enumerate() {
                    prop_assert_eq!(reached(notices), usize::from(first == Some(index)));
                }
            }
        }
    }

    #[test]
    fn what_is_over_was_reached_and_is_told_once(thresholds in thresholds(), readings in readings()) {
        let notices: Vec<UsageNotice> = told(&thresholds, &readings).concat();
        for (index, notice) in notices.iter().enumerate() {
            let same = |other: &&UsageNotice| {
                other.threshold == notice.threshold && other.period_start == notice.period_start
            };
            let before: Vec<UsageNoticeKind> = notices[..index].iter().filter(same).map(|other| other.kind).collect();
            match notice.kind {
                Reached => prop_assert!(before.is_empty()),
                Recovered | Reset => prop_assert_eq!(before, [Reached]),
            }
        }
    }

    #[test]
    fn who_was_told_that_it_is_over_can_rely_on_it(thresholds in thresholds(), readings in readings()) {
        for (reading, notices) in readings.iter().zip(told(&thresholds, &readings)) {
            for notice in notices {
                prop_assert_eq!(stands_at(notice.threshold, reading), notice.kind == Reached);
            }
        }
    }

    #[test]
    fn notices_come_highest_first(numbers in proptest::collection::btree_set(1_u32..300, 0..15), usage in 0_u32..300) {
        let thresholds: Vec<Threshold> = numbers.iter().copied().map(units).collect();
        let notices = told(&thresholds, &[reading(usage)]).remove(0);
        let expected: Vec<Threshold> = numbers.into_iter().rev().filter(|number| *number <= usage).map(units).collect();
        prop_assert_eq!(notices.iter().map(|notice| notice.threshold).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_same_reading_again_says_nothing(thresholds in thresholds(), readings in readings()) {
        let mut state = UsageAlertState::default();
        for reading in &readings {
            state = state.observe(&thresholds, reading).0;
            prop_assert_eq!(state.observe(&thresholds, reading), (state.clone(), vec![]));
        }
    }

    /// While usage grows it makes no difference how often it is read.
    #[test]
    fn what_was_told_does_not_depend_on_how_often_the_meter_is_read(
        thresholds in thresholds(), mut usage in proptest::collection::vec(0_u32..220, 1..30), every in 1_usize..5,
    ) {
        usage.sort_unstable();
        let all: Vec<UsageReading> = usage.iter().copied().map(reading).collect();
        let mut some: Vec<UsageReading> = all.iter().copied().step_by(every).collect();
        some.extend(all.last());
        let sorted = |readings: &[UsageReading]| {
            let notices = told(&thresholds, readings).concat();
            let mut told: Vec<String> = notices.iter().map(|notice| format!("{notice:?}")).collect();
            told.sort();
            told
        };
        prop_assert_eq!(sorted(&all), sorted(&some));
    }

    #[test]
    fn a_state_survives_json(thresholds in thresholds(), readings in readings()) {
        let state = readings
            .iter()
            .fold(UsageAlertState::default(), |state, reading| state.observe(&thresholds, reading).0);
        let json = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<UsageAlertState>(&json).unwrap(), state);
    }
}
