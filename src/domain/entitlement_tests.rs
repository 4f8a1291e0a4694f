use chrono::{TimeZone, Utc};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::domain::ids::MeterId;

fn meters() -> Vec<MeterDefinition> {
    Meter::defaults()
        .into_iter()
        .map(|meter| MeterDefinition {
            id: MeterId(Uuid::nil()),
            meter,
            description: String::new(),
            key_property: None,
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            archived_at: None,
        })
        .collect()
}

fn at(day: u32, hour: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2027, 3, day, hour, 0, 0).unwrap()
}

fn own(feature: &str, value: Value, expires_at: Option<DateTime<Utc>>) -> EntitlementOverride {
    EntitlementOverride {
        id: EntitlementOverrideId(Uuid::nil()),
        organization_id: OrganizationId(Uuid::nil()),
        feature: feature.to_owned(),
        value,
        reason: String::new(),
        expires_at,
        updated_by: None,
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn rules(features: Value, overrides: Vec<EntitlementOverride>) -> EntitlementRules {
    let (charges, alerts) = (Vec::new(), Vec::new());
    EntitlementRules { features, overrides, meters: meters(), period: None, zone: Tz::UTC, charges, alerts }
}

fn units(number: i64) -> Quantity {
    number.try_into().unwrap()
}

#[test]
fn features_are_read_as_they_are_written() {
    let read = |name: &str, value: Value| FeatureTerms::read(name, &value, &meters());
    assert_eq!(read("sso", json!(true)), Ok(FeatureTerms::Boolean(true)));
    assert_eq!(read("sso", json!(null)), Ok(FeatureTerms::Boolean(false)));
    assert_eq!(read("projects", json!(3)), Ok(FeatureTerms::Number(units(3))));
    assert_eq!(read("support", json!("phone")), Ok(FeatureTerms::Opaque));
    let metered = |included, limit| {
        Ok(FeatureTerms::Metered(MeteredTerms { meter: "api_calls".to_owned(), included, limit }))
    };
    assert_eq!(read("api_calls", json!(1000)), metered(units(1000), LimitKind::Soft));
    let written = json!({ "meter": "api_calls", "included": "0.5", "limit": "hard" });
    assert_eq!(read("calls", written), metered("0.5".parse().unwrap(), LimitKind::Hard));
    for wrong in [
        json!({ "meter": "api_calls" }),
        json!({ "meter": "api_calls", "included": 1, "limit": "firm" }),
        json!({ "meter": "api_calls", "included": 1, "more": 1 }),
    ] {
        assert!(matches!(read("calls", wrong.clone()), Err(FeatureError::Metered(_))), "{wrong}");
    }
    let unknown = read("calls", json!({ "meter": "exports", "included": 1 }));
    assert_eq!(unknown, Err(FeatureError::Meter("exports".to_owned())));
    assert_eq!(read("api_calls", json!(-1)), Err(FeatureError::Negative));
}

#[test]
fn an_override_counts_until_it_expires() {
    let rules = rules(
        json!({ "sso": false, "projects": 3 }),
        vec![own("sso", json!(true), Some(at(2, 0))), own("beta", json!(true), None)],
    );
    let terms = |feature: &str, now| rules.entitlements(now).get(feature).map(|it| it.terms.clone());
    assert_eq!(terms("sso", at(1, 23)), Some(FeatureTerms::Boolean(true)));
    assert_eq!(terms("sso", at(2, 0)), Some(FeatureTerms::Boolean(false)));
    assert_eq!(terms("beta", at(9, 0)), Some(FeatureTerms::Boolean(true)));
    assert_eq!(terms("projects", at(9, 0)), Some(FeatureTerms::Number(units(3))));
    assert_eq!(terms("other", at(9, 0)), None);
}

#[test]
fn hard_limits_refuse_and_soft_ones_bill() {
    let metered = |limit| {
        FeatureTerms::Metered(MeteredTerms { meter: "api_calls".to_owned(), included: units(10), limit })
    };
    let reason = |terms: &FeatureTerms, used, more| check(Some(terms), units(used), units(more)).reason;
    for (used, more, hard, soft) in [
        (9, 1, EntitlementReason::Included, EntitlementReason::Included),
        (9, 2, EntitlementReason::LimitExceeded, EntitlementReason::Overage),
        (11, 0, EntitlementReason::LimitExceeded, EntitlementReason::Overage),
    ] {
        assert_eq!(reason(&metered(LimitKind::Hard), used, more), hard);
        assert_eq!(reason(&metered(LimitKind::Soft), used, more), soft);
    }
    let over = check(Some(&metered(LimitKind::Hard)), units(11), units(1));
    assert_eq!((over.is_allowed(), over.remaining()), (false, Some(Quantity::ZERO)));
    assert_eq!(check(None, units(0), units(1)).reason, EntitlementReason::NotIncluded);
    assert_eq!(reason(&FeatureTerms::Number(units(3)), 0, 3), EntitlementReason::Included);
    assert_eq!(reason(&FeatureTerms::Number(units(3)), 0, 4), EntitlementReason::LimitExceeded);
}

#[test]
fn what_takes_back_always_fits_and_a_level_stands_for_itself() {
    let fit = |aggregation, used, quantity| fits(aggregation, units(used), units(quantity), units(10));
    assert!(fit(Aggregation::Sum, 9, 1) && !fit(Aggregation::Sum, 10, 1));
    assert!(fit(Aggregation::Sum, 50, -1) && fit(Aggregation::Sum, 50, 0));
    assert!(fit(Aggregation::Last, 10, 10) && !fit(Aggregation::DailyMaxAverage, 0, 11));
}

#[test]
fn the_lowest_hard_limit_of_a_meter_counts() {
    let metered =
        |included: i64, limit: &str| json!({ "meter": "api_calls", "included": included, "limit": limit });
    let rules = rules(
        json!({ "calls": metered(100, "hard"), "more": metered(50, "hard"), "soft": metered(1, "soft") }),
        vec![own("more", metered(500, "hard"), Some(at(2, 0)))],
    );
    assert_eq!(rules.hard_limits(at(1, 0)).get("api_calls").copied(), Some(units(100)));
    assert_eq!(rules.hard_limits(at(3, 0)).get("api_calls").copied(), Some(units(50)));
    assert_eq!(rules.hard_limits(at(3, 0)).get("seats").copied(), None);
}

#[test]
fn what_goes_on_as_it_did_is_foretold() {
    let span = Span::new(at(1, 0), at(11, 0)).unwrap();
    let sum = |used, now| forecast(Aggregation::Sum, units(used), span, now);
    assert_eq!(sum(10, at(2, 0)), Some(units(100)));
    assert_eq!(sum(100, at(11, 0)), Some(units(100)));
    assert_eq!(sum(100, at(12, 0)), Some(units(100)), "it is over");
    assert_eq!(sum(10, at(1, 0)), None, "nothing can be told yet");
    assert_eq!(sum(-10, at(6, 0)), Some(units(-20)));
    let most = crate::domain::quantity::MAXIMUM_QUANTITY;
    assert_eq!(sum(most, at(1, 1)), None, "more than there can be");
    assert_eq!(forecast(Aggregation::Last, units(7), span, at(1, 0)), Some(units(7)));
}

#[test]
fn a_period_has_an_end_unless_the_meter_has_none() {
    let [calls, _, seats] = Meter::defaults();
    let mut rules = rules(json!({}), Vec::new());
    let span = |rules: &EntitlementRules, meter, when| rules.counting_span(meter, when);
    assert_eq!(span(&rules, &seats, at(9, 5)), None);
    let march = span(&rules, &calls, at(9, 5)).unwrap();
    assert_eq!((march.start(), march.end()), (at(1, 0), Utc.with_ymd_and_hms(2027, 4, 1, 0, 0, 0).unwrap()));
    rules.period = Span::new(at(5, 0), at(8, 0));
    for (when, expected) in [
        (at(4, 0), None),
        (at(6, 0), Span::new(at(5, 0), at(8, 0))),
        (at(8, 0), Span::new(at(8, 0), at(11, 0))),
    ] {
        assert_eq!(span(&rules, &calls, when), expected, "{when}");
    }
}

#[test]
fn an_event_counts_in_the_period_that_runs_or_in_the_next() {
    let [calls, _, seats] = Meter::defaults();
    let mut rules = rules(json!({}), Vec::new());
    assert_eq!(rules.counting_period(&calls, at(9, 5)), Some(at(1, 0)), "a month without a period");
    assert_eq!(rules.counting_period(&seats, at(9, 5)), Some(DateTime::UNIX_EPOCH));
    rules.period = Span::new(at(5, 0), at(8, 0));
    for (when, period) in [(at(4, 23), None), (at(5, 0), Some(at(5, 0))), (at(8, 0), Some(at(8, 0)))] {
        assert_eq!(rules.counting_period(&calls, when), period, "{when}");
    }
    let monthly = Meter { reset: MeterReset::Month, ..calls };
    assert_eq!(rules.counting_period(&monthly, at(4, 23)), Some(at(1, 0)));
}
