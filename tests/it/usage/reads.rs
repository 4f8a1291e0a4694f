//! Usage by the hours, days and months of the organization's clock.

use serde_json::{Value, json};

use super::{app_at, event, record, recorded, subscribed, usage};
use crate::mutations::member::done;
use crate::support::{Client, TestApp};

fn at(meter: &str, moment: &str, quantity: &str) -> Value {
    json!({ "meter": meter, "eventId": format!("{meter}-{moment}"), "occurredAt": moment, "quantity": quantity })
}

async fn in_zone(owner: &Client, organization: &str, zone: &str) {
    moved_to(owner, organization, zone, 0).await;
}

async fn moved_to(owner: &Client, organization: &str, zone: &str, version: u32) {
    let input =
        json!({ "organizationId": organization, "expectedVersion": version.to_string(), "timeZone": zone });
    done(owner, "settingsGeneralUpdate", input, "settings { timeZone }").await;
}

fn pairs(buckets: &[(String, String)]) -> Vec<(&str, &str)> {
    buckets.iter().map(|(start, quantity)| (start.as_str(), quantity.as_str())).collect()
}

/// On 28 March 2027 Berlin's clock goes from 2 to 3: the day has 23 hours.
#[tokio::test]
async fn days_and_months_begin_at_the_organizations_midnight() {
    let (app, _) = app_at("2027-04-02T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    in_zone(&owner, &acme, "Europe/Berlin").await;
    let events = json!([
        at("api_calls", "2027-03-27T22:59:59Z", "1"),
        at("api_calls", "2027-03-27T23:00:00Z", "10"),
        at("api_calls", "2027-03-28T21:59:59.999999Z", "100"),
        at("api_calls", "2027-03-28T22:00:00Z", "1000"),
        at("api_calls", "2027-03-31T21:59:59Z", "10000"),
        at("api_calls", "2027-03-31T22:00:00Z", "100000"),
    ]);
    recorded(&owner, &acme, events).await;
    let days = "meter: \"api_calls\", since: \"2027-03-27T12:00:00Z\", until: \"2027-03-29T12:00:00Z\"";
    let (buckets, all) = usage(&owner, &acme, days).await;
    assert_eq!(
        pairs(&buckets),
        [
            ("2027-03-26T23:00:00+00:00", "1"),
            ("2027-03-27T23:00:00+00:00", "110"),
            ("2027-03-28T22:00:00+00:00", "1000"),
        ]
    );
    assert_eq!(all, "1111");
    let months = "meter: \"api_calls\", granularity: MONTH, since: \"2027-03-15T00:00:00Z\"";
    let (buckets, all) = usage(&owner, &acme, months).await;
    assert_eq!(
        pairs(&buckets),
        [("2027-02-28T23:00:00+00:00", "11111"), ("2027-03-31T22:00:00+00:00", "100000")]
    );
    assert_eq!(all, "111111");
    // The hour that the clock skips is none: 1 and 3 are neighbours.
    let hours = "meter: \"api_calls\", granularity: HOUR, since: \"2027-03-28T00:30:00Z\", until: \"2027-03-28T02:00:00Z\"";
    let (buckets, _) = usage(&owner, &acme, hours).await;
    let starts: Vec<&str> = buckets.iter().map(|(start, _)| start.as_str()).collect();
    assert_eq!(starts, ["2027-03-28T00:00:00+00:00", "2027-03-28T01:00:00+00:00"]);
}

/// On 31 October 2027 Berlin's clock goes from 3 back to 2: the day has 25 hours, and two of them are called 2.
#[tokio::test]
async fn the_hour_that_the_clock_repeats_is_two() {
    let (app, _) = app_at("2027-11-02T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    in_zone(&owner, &acme, "Europe/Berlin").await;
    let events = json!([
        at("api_calls", "2027-10-30T21:59:59Z", "1"),
        at("api_calls", "2027-10-30T22:00:00Z", "10"),
        at("api_calls", "2027-10-31T00:30:00Z", "100"),
        at("api_calls", "2027-10-31T01:30:00Z", "1000"),
        at("api_calls", "2027-10-31T22:59:59.999999Z", "10000"),
        at("api_calls", "2027-10-31T23:00:00Z", "100000"),
        at("storage_gb", "2027-10-31T12:00:00Z", "25"),
    ]);
    recorded(&owner, &acme, events).await;
    let days = "meter: \"api_calls\", since: \"2027-10-30T12:00:00Z\", until: \"2027-11-01T12:00:00Z\"";
    let (buckets, _) = usage(&owner, &acme, days).await;
    assert_eq!(
        pairs(&buckets),
        [
            ("2027-10-29T22:00:00+00:00", "1"),
            ("2027-10-30T22:00:00+00:00", "11110"),
            ("2027-10-31T23:00:00+00:00", "100000"),
        ]
    );
    let hours = "meter: \"api_calls\", granularity: HOUR, since: \"2027-10-31T00:00:00Z\", until: \"2027-10-31T02:00:00Z\"";
    let (buckets, _) = usage(&owner, &acme, hours).await;
    assert_eq!(
        pairs(&buckets),
        [("2027-10-31T00:00:00+00:00", "100"), ("2027-10-31T01:00:00+00:00", "1000")]
    );
    // The long day weighs 25 of the 73 hours that it and its neighbours have.
    let around = "meter: \"storage_gb\", since: \"2027-10-30T12:00:00Z\", until: \"2027-11-01T12:00:00Z\"";
    assert_eq!(usage(&owner, &acme, around).await.1, "8.561643835616");
    let october = "meter: \"api_calls\", granularity: MONTH, since: \"2027-10-15T00:00:00Z\"";
    let (buckets, _) = usage(&owner, &acme, october).await;
    assert_eq!(
        pairs(&buckets),
        [("2027-09-30T22:00:00+00:00", "11111"), ("2027-10-31T23:00:00+00:00", "100000")]
    );
}

/// Who moves to another zone moves from then on: what was recorded stays on the day that it was, and counts once.
#[tokio::test]
async fn a_change_of_the_time_zone_counts_each_event_once() {
    let (app, _) = app_at("2027-04-02T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let late =
        |id: &str| json!({ "meter": "api_calls", "eventId": id, "occurredAt": "2027-03-31T22:30:00Z" });
    recorded(&owner, &acme, json!([late("in-utc")])).await;
    for (version, zone) in ["Europe/Berlin", "Asia/Kolkata", "America/St_Johns"].into_iter().enumerate() {
        // A zone that was never written has version 0, and is kept as a version of its own.
        moved_to(&owner, &acme, zone, u32::try_from(version).expect("few")).await;
        assert_eq!(record(&owner, &acme, json!([late("in-utc")])).await, (0, json!([0]), Vec::new()));
        recorded(&owner, &acme, json!([late(zone)])).await;
        let number = (version + 2).to_string();
        for (granularity, since, until) in [
            ("HOUR", "2027-03-30T12:00:00Z", "2027-04-02T12:00:00Z"),
            ("DAY", "2027-03-28T12:00:00Z", "2027-04-02T12:00:00Z"),
            ("MONTH", "2027-02-15T12:00:00Z", "2027-04-02T12:00:00Z"),
        ] {
            let arguments = format!(
                "meter: \"api_calls\", granularity: {granularity}, since: \"{since}\", until: \"{until}\""
            );
            assert_eq!(usage(&owner, &acme, &arguments).await.1, number, "{zone} by {granularity}");
        }
    }
    // Two were on the first of April where they were recorded, two on the last of March.
    let months = "meter: \"api_calls\", granularity: MONTH, since: \"2027-03-15T12:00:00Z\"";
    let (buckets, _) = usage(&owner, &acme, months).await;
    let quantities: Vec<&str> = buckets.iter().map(|(_, quantity)| quantity.as_str()).collect();
    assert_eq!(quantities, ["2", "2"]);
}

#[tokio::test]
async fn each_meter_adds_up_in_its_own_way() {
    let (app, _) = app_at("2027-03-03T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    for (name, aggregation, key) in [("peak", "MAX", None), ("active_users", "UNIQUE_COUNT", Some("user"))] {
        let input = json!({ "name": name, "unit": "one", "aggregation": aggregation, "keyProperty": key });
        done(&app.staff(), "meterCreate", input, "meter { id }").await;
    }
    let mut events = Vec::new();
    for (meter, day_1, day_2) in [
        ("api_calls", ["1.5", "2"], ["4", "8"]),
        ("peak", ["3", "5"], ["4", "2"]),
        ("storage_gb", ["30", "10"], ["0", "60"]),
        ("seats", ["5", "4"], ["7", "9"]),
    ] {
        for (day, quantities) in [("01", day_1), ("02", day_2)] {
            for (hour, quantity) in ["08", "16"].into_iter().zip(quantities) {
                events.push(at(meter, &format!("2027-03-{day}T{hour}:00:00Z"), quantity));
            }
        }
    }
    for (number, (moment, user)) in [
        ("2027-03-01T08:00:00Z", "u-1"),
        ("2027-03-01T09:00:00Z", "u-1"),
        ("2027-03-01T10:00:00Z", "u-2"),
        ("2027-03-02T10:00:00Z", "u-2"),
        ("2027-03-02T10:00:00Z", "u-3"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("user-{number}");
        events.push(json!({ "meter": "active_users", "eventId": id, "occurredAt": moment, "properties": { "user": user } }));
    }
    recorded(&owner, &acme, json!(events)).await;
    let time = "since: \"2027-03-01T00:00:00Z\", until: \"2027-03-03T00:00:00Z\"";
    for (meter, days, all) in [
        ("api_calls", ["3.5", "12"], "15.5"),
        ("peak", ["5", "4"], "5"),
        ("storage_gb", ["30", "60"], "45"),
        ("seats", ["4", "9"], "9"),
        ("active_users", ["2", "2"], "3"),
    ] {
        let (buckets, total) = usage(&owner, &acme, &format!("meter: \"{meter}\", {time}")).await;
        let quantities: Vec<&str> = buckets.iter().map(|(_, quantity)| quantity.as_str()).collect();
        assert_eq!((quantities.as_slice(), total.as_str()), (&days[..], all), "{meter}");
    }
    let query = "query($id: ID!) { usageByMeter(organizationId: $id, meter: \"active_users\", granularity: HOUR) { quantity } }";
    assert_eq!(owner.send(query, json!({ "id": acme })).await.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_level_that_is_never_reset_lasts_until_it_changes() {
    let (app, _) = app_at("2027-03-05T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let events = json!([at("seats", "2027-02-25T08:00:00Z", "5"), at("seats", "2027-03-03T08:00:00Z", "8")]);
    recorded(&owner, &acme, events).await;
    let time = "meter: \"seats\", since: \"2027-03-02T00:00:00Z\", until: \"2027-03-05T00:00:00Z\"";
    let (buckets, now) = usage(&owner, &acme, time).await;
    let quantities: Vec<&str> = buckets.iter().map(|(_, quantity)| quantity.as_str()).collect();
    assert_eq!((quantities, now.as_str()), (vec!["5", "8", "8"], "8"));
}

/// Whatever comes in whatever order and batches, hours, days and months say what all events add up to.
#[tokio::test]
async fn hours_days_and_months_say_the_same() {
    let (app, _) = app_at("2027-03-20T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    in_zone(&owner, &acme, "Asia/Kolkata").await;
    let events: Vec<Value> = (0..300_i64)
        .map(|number| {
            let minutes = (number * 7_919) % (30 * 24 * 60);
            let moment = chrono::DateTime::from_timestamp(1_805_544_000 - minutes * 60, 0).expect("a time");
            let quantity = format!("{}.{:03}", number % 7, number);
            json!({ "meter": "api_calls", "eventId": format!("{number}"), "occurredAt": moment.to_rfc3339(),
                    "quantity": quantity })
        })
        .collect();
    for chunk in events.chunks(37) {
        recorded(&owner, &acme, json!(chunk)).await;
    }
    let expected: i64 = (0..300).map(|number| (number % 7) * 1_000 + number).sum();
    let time = "since: \"2027-02-15T00:00:00Z\", until: \"2027-03-20T12:00:00Z\"";
    for granularity in ["HOUR", "DAY", "MONTH"] {
        let arguments = format!("meter: \"api_calls\", granularity: {granularity}, {time}");
        let arguments = if granularity == "HOUR" { arguments.replace("02-15", "02-18") } else { arguments };
        let (buckets, total) = usage(&owner, &acme, &arguments).await;
        let thousandths = |text: &str| -> i64 {
            let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
            format!("{whole}{rest:0<3}").parse().expect("a number")
        };
        assert_eq!(thousandths(&total), expected, "{granularity}");
        assert_eq!(buckets.iter().map(|(_, it)| thousandths(it)).sum::<i64>(), expected, "{granularity}");
    }
}

#[tokio::test]
async fn the_list_by_day_shows_what_was_recorded() {
    let (app, _) = app_at("2027-03-03T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "2.75"), event("seats", "b", "3")])).await;
    let query = "query($id: ID!) { usage(organizationId: $id) { meter day quantity } }";
    let answer = owner.send(query, json!({ "id": acme })).await;
    assert_eq!(
        answer.data()["usage"],
        json!([
            { "meter": "api_calls", "day": "2027-03-03", "quantity": "2" },
            { "meter": "seats", "day": "2027-03-03", "quantity": "3" },
        ])
    );
}

#[tokio::test]
async fn usage_is_shown_beside_what_is_included() {
    let app = TestApp::start().await;
    let features =
        json!({ "calls": { "meter": "api_calls", "included": "10.5", "limit": "hard" }, "seats": 5 });
    let (owner, acme) = subscribed(&app, features).await;
    for (meter, included, kind) in [
        ("api_calls", json!("10.5"), json!("HARD")),
        ("seats", json!("5"), json!("SOFT")),
        ("storage_gb", Value::Null, Value::Null),
    ] {
        let query = "query($id: ID!, $meter: String!) { usageByMeter(organizationId: $id, meter: $meter) { included limitKind } }";
        let answer = owner.send(query, json!({ "id": acme, "meter": meter })).await;
        assert_eq!(
            answer.data()["usageByMeter"],
            json!({ "included": included, "limitKind": kind }),
            "{meter}"
        );
    }
}

#[tokio::test]
async fn a_time_that_cannot_be_shown_is_refused() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    for (arguments, code) in [
        ("meter: \"nothing\"", "NOT_FOUND"),
        (
            "meter: \"api_calls\", since: \"2027-01-02T00:00:00Z\", until: \"2027-01-01T00:00:00Z\"",
            "BAD_USER_INPUT",
        ),
        (
            "meter: \"api_calls\", since: \"2020-01-01T00:00:00Z\", until: \"2027-01-01T00:00:00Z\"",
            "BAD_USER_INPUT",
        ),
    ] {
        let query =
            format!("query($id: ID!) {{ usageByMeter(organizationId: $id, {arguments}) {{ quantity }} }}");
        assert_eq!(owner.send(&query, json!({ "id": acme })).await.code(), code, "{arguments}");
    }
}

#[tokio::test]
async fn a_report_names_the_days_with_the_most_and_compares_with_the_days_before() {
    let (app, _) = app_at("2027-03-31T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    in_zone(&owner, &acme, "Europe/Berlin").await;
    let events = json!([
        // Of the three days before, on whose first the clock stands an hour earlier: 27, 28 (of 23 hours) and 29 March.
        at("api_calls", "2027-03-26T22:30:00Z", "1000"),
        at("api_calls", "2027-03-26T23:30:00Z", "30"),
        at("api_calls", "2027-03-29T21:30:00Z", "10"),
        at("api_calls", "2027-03-29T22:30:00Z", "7"),
        at("api_calls", "2027-03-31T08:00:00Z", "43"),
    ]);
    recorded(&owner, &acme, events).await;
    let query = "query($id: ID!, $top: Int) { usageReport(organizationId: $id, meter: \"api_calls\", top: $top,
        since: \"2027-03-30T00:00:00Z\", until: \"2027-04-01T20:00:00Z\") {
        usage { quantity buckets { start quantity } } topDays { start quantity } previousStart previousQuantity changePercent } }";
    let answer = owner.send(query, json!({ "id": acme, "top": 1 })).await;
    assert_eq!(
        answer.data()["usageReport"],
        json!({
            "usage": { "quantity": "50", "buckets": [
                { "start": "2027-03-29T22:00:00+00:00", "quantity": "7" },
                { "start": "2027-03-30T22:00:00+00:00", "quantity": "43" },
                { "start": "2027-03-31T22:00:00+00:00", "quantity": "0" },
            ] },
            "topDays": [{ "start": "2027-03-30T22:00:00+00:00", "quantity": "43" }],
            "previousStart": "2027-03-26T23:00:00+00:00",
            "previousQuantity": "40",
            "changePercent": "25",
        })
    );
    let answer = owner.send(query, json!({ "id": acme, "top": 9 })).await;
    assert_eq!(
        answer.data()["usageReport"]["topDays"].as_array().map(Vec::len),
        Some(2),
        "none without usage"
    );
    assert_eq!(owner.send(query, json!({ "id": acme, "top": 32 })).await.code(), "BAD_USER_INPUT");
}
