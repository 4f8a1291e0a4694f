use chrono::TimeZone;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2027, 3, 10, 12, 0, 0).unwrap()
}

fn meter(aggregation: Aggregation, key_property: Option<&str>) -> MeterDefinition {
    let [calls, ..] = Meter::defaults();
    MeterDefinition {
        id: MeterId(Uuid::nil()),
        meter: Meter { aggregation, ..calls },
        description: String::new(),
        key_property: key_property.map(str::to_owned),
        version: 1,
        created_at: now(),
        updated_at: now(),
        archived_at: None,
    }
}

fn record() -> UsageRecord {
    UsageRecord {
        meter: "api_calls".to_owned(),
        event_id: "evt-1".to_owned(),
        occurred_at: None,
        quantity: None,
        properties: None,
    }
}

fn check(record: UsageRecord, meter: &MeterDefinition) -> Result<NewUsageEvent, UsageProblem> {
    record.check(Some(meter), now(), Duration::days(35))
}

#[test]
fn what_is_left_out_is_one_and_now() {
    let event = check(record(), &meter(Aggregation::Sum, None)).unwrap();
    assert_eq!((event.quantity, event.occurred_at), (Quantity::from(1_u32), now()));
}

#[test]
fn an_event_is_neither_of_the_future_nor_too_old() {
    let sum = meter(Aggregation::Sum, None);
    let of = |occurred_at| check(UsageRecord { occurred_at: Some(occurred_at), ..record() }, &sum);
    assert!(of(now() + Duration::minutes(5)).is_ok() && of(now() - Duration::days(35)).is_ok());
    assert_eq!(of(now() + Duration::seconds(301)), Err(UsageProblem::Ahead(now())));
    let oldest = now() - Duration::days(35);
    assert_eq!(of(oldest - Duration::seconds(1)), Err(UsageProblem::TooOld(oldest)));
    let nanos = now() - Duration::nanoseconds(1);
    assert_eq!(of(nanos).unwrap().occurred_at.timestamp_subsec_nanos() % 1_000, 0);
}

#[test]
fn what_is_wrong_is_named_with_its_field() {
    let (sum, last) = (meter(Aggregation::Sum, None), meter(Aggregation::Last, None));
    let users = meter(Aggregation::UniqueCount, Some("user"));
    let properties = |value: Value| value.as_object().cloned();
    let quantity = |text: &str| Some(text.parse().unwrap());
    for (record, meter, field) in [
        (UsageRecord { event_id: String::new(), ..record() }, &sum, "eventId"),
        (UsageRecord { event_id: "a b".to_owned(), ..record() }, &sum, "eventId"),
        (UsageRecord { event_id: "x".repeat(129), ..record() }, &sum, "eventId"),
        (UsageRecord { quantity: quantity("1000000000001"), ..record() }, &sum, "quantity"),
        (UsageRecord { quantity: quantity("-1"), ..record() }, &last, "quantity"),
        (record(), &users, "properties"),
        (UsageRecord { properties: properties(json!({ "user": 7 })), ..record() }, &users, "properties"),
        (
            UsageRecord { properties: properties(json!({ "a": "x".repeat(2_100) })), ..record() },
            &sum,
            "properties",
        ),
        (UsageRecord { properties: properties(json!({ "a": "\u{0}" })), ..record() }, &sum, "properties"),
        (
            UsageRecord { properties: properties(json!({ "a": ["4242 4242 4242 4242"] })), ..record() },
            &sum,
            "properties",
        ),
    ] {
        assert_eq!(check(record.clone(), meter).unwrap_err().field(), field, "{record:?}");
    }
    assert!(check(UsageRecord { quantity: quantity("-1"), ..record() }, &sum).is_ok(), "it takes back");
    assert_eq!(record().check(None, now(), AHEAD), Err(UsageProblem::Meter("api_calls".to_owned())));
    let archived = MeterDefinition { archived_at: Some(now()), ..sum };
    assert!(check(record(), &archived).is_err());
    let with_user = UsageRecord { properties: properties(json!({ "user": "u-7" })), ..record() };
    assert_eq!(check(with_user, &users).unwrap().key.as_deref(), Some("u-7"));
}

#[test]
fn an_event_of_json_may_say_little() {
    let event: UsageRecord = serde_json::from_value(json!({ "meter": "api_calls", "eventId": "e" })).unwrap();
    assert_eq!((event.quantity, event.occurred_at), (None, None));
    assert!(serde_json::from_value::<UsageRecord>(json!({ "meter": "m", "eventId": "e", "at": 1 })).is_err());
}

#[test]
fn what_adds_up_to_more_than_can_be_is_the_most_there_is() {
    for (units, fraction, shown) in [
        (MAXIMUM_QUANTITY, 1, "10000000000000000"),
        (i64::MAX, 999_999_999_999, "10000000000000000"),
        (i64::MIN, 0, "-10000000000000000"),
        (MAXIMUM_QUANTITY - 1, 500_000_000_000, "9999999999999999.5"),
    ] {
        let split = SplitQuantity { units, fraction };
        assert_eq!(split.join_within_bounds().to_string(), shown, "{split:?}");
    }
}

proptest! {
    /// What databases add by parts is what exact numbers add up to.
    #[test]
    fn split_quantities_add_up(texts in proptest::collection::vec("-?[0-9]{1,9}\\.[0-9]{1,12}", 1..20)) {
        let (mut exact, mut split) = (Quantity::ZERO, SplitQuantity::default());
        for text in texts {
            let quantity: Quantity = text.parse().unwrap();
            let part = SplitQuantity::from(quantity);
            prop_assert!((0..1_000_000_000_000).contains(&part.fraction));
            prop_assert_eq!(part.join(), Ok(quantity));
            exact = exact.checked_add(quantity).unwrap();
            let fraction = split.fraction + part.fraction;
            split.units += part.units + fraction / 1_000_000_000_000;
            split.fraction = fraction % 1_000_000_000_000;
        }
        prop_assert_eq!(split.join(), Ok(exact));
        prop_assert_eq!(SplitQuantity::from(exact), split);
    }

    /// Halves are ordered as wholes are.
    #[test]
    fn split_quantities_keep_their_order(a in "-?[0-9]{1,3}\\.[0-9]{1,3}", b in "-?[0-9]{1,3}\\.[0-9]{1,3}") {
        let (a, b): (Quantity, Quantity) = (a.parse().unwrap(), b.parse().unwrap());
        prop_assert_eq!(a.cmp(&b), SplitQuantity::from(a).cmp(&SplitQuantity::from(b)));
    }
}
