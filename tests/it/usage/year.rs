//! A year of usage in the sandbox's time. What every invoice bills of it is worked out here anew, from the events alone and by
//! other means: whole numbers of 10^-12, tier by tier, day by day.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::bills::{Billed, per_unit};
use super::recorded;

/// One, in parts of 10^-12.
const ONE: i128 = 1_000_000_000_000;

/// What was recorded.
struct Event {
    meter: &'static str,
    at: DateTime<Utc>,
    /// In thousandths.
    quantity: i64,
}

/// A stream of numbers that is the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % u64::try_from(bound).expect("above zero")).expect("small")
    }
}

/// Half up, of parts of 10^-12 of a minor unit.
fn rounded(parts: i128) -> i64 {
    i64::try_from((2 * parts + ONE).div_euclid(2 * ONE)).expect("an amount")
}

/// 100 calls are included. Up to 1,000 above them half a cent each; from there on an eighth, and 50 cents once.
fn calls(thousandths: i64) -> i64 {
    let above = i128::from((thousandths - 100_000).max(0));
    let (cheap, rest) = (above.min(1_000_000), (above - 1_000_000).max(0));
    // A thousandth at half a cent is 5 * 10^8 parts of 10^-12.
    let parts = cheap * (ONE / 2_000) + rest * (ONE / 8_000) + if rest > 0 { 50 * ONE } else { 0 };
    rounded(parts)
}

/// Two seats are included; each above them costs three dollars.
fn seats(level: i64) -> i64 {
    rounded(i128::from((level - 2_000).max(0)) * (ONE / 1_000) * 300)
}

/// Storage: the largest of each day, averaged over the time of the period; 5 GB are included, each above costs 12.5 cents.
fn storage(events: &[&Event], start: DateTime<Utc>, end: DateTime<Utc>) -> i64 {
    let mut days: BTreeMap<chrono::NaiveDate, i64> = BTreeMap::new();
    for event in events {
        let most = days.entry(event.at.date_naive()).or_default();
        *most = event.quantity.max(*most);
    }
    let micros = |at: DateTime<Utc>| i128::from(at.timestamp_micros());
    let mut weighted = 0_i128;
    for (day, most) in days {
        let midnight = |day: chrono::NaiveDate| day.and_hms_opt(0, 0, 0).expect("midnight").and_utc();
        let next = midnight(day.succ_opt().expect("a day"));
        let overlap = micros(next.min(end)) - micros(midnight(day).max(start));
        weighted += i128::from(most) * (ONE / 1_000) * overlap;
    }
    let length = micros(end) - micros(start);
    let average = (2 * weighted + length).div_euclid(2 * length);
    let above = (average - 5 * ONE).max(0);
    // Parts of 10^-12 GB at 12.5 cents.
    rounded((above * 25 + 1).div_euclid(2))
}

impl Event {
    fn within(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        start <= self.at && self.at < end
    }
}

/// What a period comes to by meter, of these events.
fn expected(events: &[Event], start: DateTime<Utc>, end: DateTime<Utc>) -> BTreeMap<&'static str, i64> {
    let of = |meter: &str| -> Vec<&Event> {
        events.iter().filter(|event| event.meter == meter && event.within(start, end)).collect()
    };
    let level = events.iter().filter(|event| event.meter == "seats" && event.at < end);
    let level = level.max_by_key(|event| event.at).map_or(0, |event| event.quantity);
    [
        ("api_calls", calls(of("api_calls").iter().map(|event| event.quantity).sum())),
        ("storage_gb", storage(&of("storage_gb"), start, end)),
        ("seats", seats(level)),
    ]
    .into()
}

fn decimal(thousandths: i64) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// Begun on the 31st of January, over a leap day: periods tile, each event is billed once, late ones too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_73_a_year_of_bills_is_what_the_events_come_to() {
    let begin = "2027-01-31T10:00:07Z";
    let charges = json!([
        { "meter": "api_calls", "currency": "USD", "model": "GRADUATED", "included": "100", "tiers": [
            { "upTo": "1000", "unitAmount": "0.5" }, { "unitAmount": "0.125", "flatAmount": "50" }] },
        per_unit("storage_gb", "12.5", "5"),
        per_unit("seats", "300", "2"),
    ]);
    let it = Billed::since(begin, charges).await;
    let mut dice = Dice(20_270_131);
    let mut events: Vec<Event> = Vec::new();
    let mut start: DateTime<Utc> = begin.parse().expect("a time");
    let mut owed: Vec<(DateTime<Utc>, Vec<(&'static str, i64)>)> = Vec::new();
    let mut late: Vec<(&'static str, i64)> = Vec::new();
    let mut ends = Vec::new();
    for month in 0..13 {
        let end = it.period_end().await;
        assert_eq!(start.time(), end.time());
        let seconds = (end - start).num_seconds();
        // Four times in a month the product sends what it has noted since.
        for part in 1..=4 {
            let now = if part == 4 {
                end + Duration::minutes(5)
            } else {
                start + Duration::seconds(seconds * part / 4)
            };
            it.move_to(now).await;
            let mut batch = Vec::new();
            for number in 0..12 {
                let (meter, most) =
                    [("api_calls", 90_000), ("storage_gb", 20_000), ("seats", 9_000)][number % 3];
                let from = start + Duration::seconds(seconds * (part - 1) / 4);
                let at = from + Duration::microseconds(dice.below(seconds * 250_000));
                let quantity =
                    if meter == "seats" { dice.below(most) / 1_000 * 1_000 } else { dice.below(most) };
                let id = format!("event-{month}-{part}-{number}");
                batch.push(
                    json!({ "meter": meter, "eventId": id, "quantity": decimal(quantity), "occurredAt": at }),
                );
                events.push(Event { meter, at, quantity });
            }
            recorded(&it.recorder, &it.organization, json!(batch)).await;
        }
        it.pass(Duration::minutes(11)).await;
        it.close().await;
        let billed = expected(&events, start, end);
        let mut lines: Vec<(&'static str, i64)> =
            billed.iter().map(|(meter, amount)| (*meter, *amount)).collect();
        // What came late since the last bill stands on this one: it waited for it.
        lines.append(&mut late);
        lines.retain(|(_, amount)| *amount != 0);
        lines.sort_unstable();
        owed.push((end, lines));
        // Finalised and paid.
        it.pass(Duration::hours(2)).await;
        // Every third month something of the closed period comes after all.
        if month % 3 == 1 {
            let at = end - Duration::hours(30);
            let quantity = 400_000 + dice.below(100_000);
            it.use_at("api_calls", &format!("late-{month}"), &decimal(quantity), at).await;
            events.push(Event { meter: "api_calls", at, quantity });
            assert_eq!(it.close().await, 1);
            let after = expected(&events, start, end);
            late.push(("api_calls", after["api_calls"] - billed["api_calls"]));
        }
        ends.push(end.format("%m-%d").to_string());
        start = end;
    }
    assert_eq!(
        ends.join(" "),
        "02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31 01-31 02-29"
    );
    let bills = it.bills().await;
    assert_eq!(bills.len(), 14, "the first, and one for each renewal");
    assert!(bills[0].usage.is_empty(), "{:#?}", bills[0]);
    for (bill, (end, lines)) in bills[1..].iter().zip(&owed) {
        assert_eq!(bill.period_end.parse::<DateTime<Utc>>().expect("a time"), *end);
        let mut shown: Vec<(&str, i64)> = bill
            .usage
            .iter()
            .map(|(description, amount, ..)| (description.split(':').next().expect("a meter"), *amount))
            .collect();
        shown.sort_unstable();
        let wanted: Vec<(&str, i64)> = lines.clone();
        assert_eq!(shown, wanted, "the bill of {end}: {bill:#?}");
        assert_eq!(bill.status, "PAID");
        assert_eq!(bill.total, 2_900 + lines.iter().map(|(_, amount)| amount).sum::<i64>());
    }
    assert!(owed.iter().any(|(_, lines)| lines.len() == 4), "something came late");
}
