//! What operations cost.

use async_graphql::Variables;

use super::super::{DayRange, DocumentLimits};
use super::guard;
use crate::domain::clock::FixedClock;

#[track_caller]
fn cost(query: &str, variables: serde_json::Value) -> u64 {
    let limits = DocumentLimits { cost: u64::MAX, ..DocumentLimits::default() };
    guard(limits).check(query, None, &Variables::from_json(variables)).unwrap().cost()
}

#[track_caller]
fn plain(query: &str) -> u64 {
    cost(query, serde_json::json!({}))
}

#[test]
fn each_field_costs_one() {
    assert_eq!(plain("{ viewer { id name best { id } } }"), 5);
    assert_eq!(plain("{ viewer { id id a: id } }"), 4);
}

#[test]
fn a_connection_multiplies_its_items_and_not_its_page_info() {
    assert_eq!(plain("{ organizations(first: 5) { nodes { id } } }"), 1 + 1 + 5);
    assert_eq!(
        plain("{ organizations(first: 5) { nodes { id } pageInfo { hasNextPage } totalCount } }"),
        7 + 3
    );
    assert_eq!(plain("{ organizations(last: 5) { edges { cursor node { id } } } }"), 1 + 1 + 5 * 3);
}

#[test]
fn pages_in_pages_multiply() {
    assert_eq!(
        plain("{ organizations(first: 5) { nodes { members(first: 7) { nodes { id } } } } }"),
        1 + 1 + 5 * (1 + 1 + 7)
    );
}

#[test]
fn the_page_size_may_come_from_a_variable_or_a_default() {
    let query = "query Q($n: Int) { organizations(first: $n) { nodes { id } } }";
    assert_eq!(cost(query, serde_json::json!({ "n": 3 })), 5);
    assert_eq!(cost(query, serde_json::json!({})), 22, "the default page");
    assert_eq!(cost(query, serde_json::json!({ "n": null })), 22);
    let query = "query Q($n: Int = 4) { organizations(first: $n) { nodes { id } } }";
    assert_eq!(cost(query, serde_json::json!({})), 6, "the operation's default");
    assert_eq!(plain("{ pages { id } }"), 1 + 50, "the schema's default");
    assert_eq!(plain("{ organizations { nodes { id } } }"), 22);
}

#[test]
fn the_page_size_is_cut_as_the_schema_cuts_it() {
    assert_eq!(plain("{ organizations(first: 100000) { nodes { id } } }"), 102);
    assert_eq!(plain("{ organizations(first: 0) { nodes { id } } }"), 2);
    for nonsense in ["-1", "1.5", "\"many\"", "[1]"] {
        assert_eq!(plain(&format!("{{ organizations(first: {nonsense}) {{ nodes {{ id }} }} }}")), 102);
    }
    assert_eq!(plain("{ organizations(first: 3, last: 7) { nodes { id } } }"), 9);
}

#[test]
fn a_plain_list_multiplies_by_the_assumed_size() {
    assert_eq!(plain("{ viewer { friends { id } } }"), 1 + 1 + 10);
    assert_eq!(plain("{ viewer { friends { friends { id } } } }"), 1 + 1 + 10 * (1 + 10));
    assert_eq!(
        plain("{ organizations(first: 2) { nodes { tags owner { friends { id } } } } }"),
        2 + 2 * (2 + 1 + 10)
    );
}

/// As our schema's usage, with the day that it is.
fn of_days(query: &str, variables: serde_json::Value, today: Option<&str>) -> u64 {
    let range = DayRange { rows_a_day: 3, default_days: 30, max_days: 400 };
    let day_ranges = [("usage".to_owned(), range)].into();
    let guard = guard(DocumentLimits { cost: u64::MAX, day_ranges, ..DocumentLimits::default() });
    if let Some(today) = today {
        let now = format!("{today}T12:00:00Z").parse().unwrap();
        guard.set_clock(std::sync::Arc::new(FixedClock::new(now)));
    }
    guard.check(query, None, &Variables::from_json(variables)).unwrap().cost()
}

#[test]
fn days_are_counted_as_they_are_asked_for() {
    let literal = |arguments: &str| {
        of_days(&format!("{{ usage{arguments} {{ id }} }}"), serde_json::json!({}), Some("2026-11-27"))
    };
    assert_eq!(literal(""), 1 + 90);
    assert_eq!(literal("(until: \"2026-11-01\")"), 1 + 90);
    assert_eq!(literal("(since: \"2026-11-01\", until: \"2026-11-01\")"), 1 + 3);
    assert_eq!(literal("(since: \"2025-11-28\", until: \"2026-11-27\")"), 1 + 365 * 3);
    assert_eq!(literal("(since: \"2026-11-18\")"), 1 + 10 * 3, "up to today");
    assert_eq!(literal("(since: \"2020-01-01\")"), 1 + 400 * 3, "the schema refuses more");
    assert_eq!(literal("(since: \"2026-11-27\", until: \"2026-11-01\")"), 1 + 3, "the schema refuses it");
    for nonsense in ["5", "\"soon\"", "[1]"] {
        assert_eq!(literal(&format!("(since: {nonsense})")), 1 + 400 * 3, "{nonsense}");
    }
    let query = "query Q($since: String, $until: String = \"2026-11-27\") { usage(since: $since, until: $until) { id } }";
    let variable = |variables| of_days(query, variables, None);
    assert_eq!(variable(serde_json::json!({ "since": "2026-11-26" })), 1 + 6);
    assert_eq!(variable(serde_json::json!({ "since": null })), 1 + 90);
    assert_eq!(
        variable(serde_json::json!({ "since": "2026-11-26", "until": null })),
        1 + 400 * 3,
        "no clock"
    );
}

/// What a document cost yesterday is not what it costs today.
#[test]
fn a_range_that_ends_today_grows() {
    let range = DayRange { rows_a_day: 3, default_days: 30, max_days: 400 };
    let day_ranges = [("usage".to_owned(), range)].into();
    let guard = guard(DocumentLimits { day_ranges, ..DocumentLimits::default() });
    let clock = std::sync::Arc::new(FixedClock::new("2026-11-27T12:00:00Z".parse().unwrap()));
    guard.set_clock(std::sync::Arc::clone(&clock) as std::sync::Arc<dyn crate::domain::clock::Clock>);
    let cost = || {
        let query = "{ usage(since: \"2026-11-27\") { id } }";
        guard.check(query, None, &Variables::default()).unwrap().cost()
    };
    assert_eq!(cost(), 1 + 3);
    clock.advance(chrono::Duration::days(9));
    assert_eq!(cost(), 1 + 30);
}

#[test]
fn objects_asked_for_by_id_are_counted() {
    assert_eq!(plain("{ nodes(ids: [\"a\", \"b\", \"c\"]) { id } }"), 4);
    let query = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    assert_eq!(cost(query, serde_json::json!({ "ids": ["a", "b"] })), 3);
}

#[test]
fn a_fragment_costs_what_it_would_where_it_is_spread() {
    let fragments = "fragment C on OrganizationConnection { nodes { ...O } pageInfo { hasNextPage } }
                     fragment O on Organization { id name }";
    assert_eq!(plain(&format!("{{ organizations(first: 5) {{ ...C }} }} {fragments}")), 1 + 1 + 5 * 2 + 2);
    assert_eq!(
        plain(&format!(
            "{{ organizations(first: 5) {{ ...C }} viewer {{ organizations(first: 7) {{ ...C }} }} }} {fragments}"
        )),
        (1 + 1 + 5 * 2 + 2) + 1 + (1 + 1 + 7 * 2 + 2)
    );
}

#[test]
fn astronomical_costs_stop_at_the_largest_number() {
    let depth = 15;
    let query = format!(
        "{{ organizations(first: 100) {{ nodes {{ {} id {} }} }} }}",
        "members(first: 100) { nodes { organizations(first: 100) { nodes { ".repeat(depth),
        "} } } } ".repeat(depth)
    );
    let limits = DocumentLimits { depth: 1000, nesting: 1000, brackets: 1000, ..DocumentLimits::default() };
    let refusal = guard(limits).check(&query, None, &Variables::default()).unwrap_err();
    assert!(refusal.to_string().contains(&format!("its cost reaches {}", u64::MAX)), "{refusal}");
}
