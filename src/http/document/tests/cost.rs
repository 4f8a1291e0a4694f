//! What operations cost.

use async_graphql::Variables;

use super::super::DocumentLimits;
use super::guard;

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
