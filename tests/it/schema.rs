//! The contract: committed, described, listed in the policy.

use serde_json::{Value, json};
use tollgate::auth::{POLICY, Rule};

use crate::support::TestApp;

const INTROSPECTION: &str = "{ __schema {
  queryType { name } mutationType { name }
  types { name kind description
    fields(includeDeprecated: true) { name description args { name description } }
    inputFields { name description }
    enumValues(includeDeprecated: true) { name description } } } }";

async fn types() -> Vec<Value> {
    let app = TestApp::start().await;
    let answer = app.anonymous().send(INTROSPECTION, json!({})).await;
    answer.data()["__schema"]["types"].as_array().expect("types").clone()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn the_committed_schema_is_the_one_that_the_code_prints() {
    let committed = include_str!("../../schema.graphql");
    assert_eq!(committed, tollgate::graphql::sdl(), "renew it with `cargo xtask schema`");
}

#[tokio::test]
async fn everything_in_the_schema_is_described() {
    let mut bare = Vec::new();
    for kind in types().await {
        let name = kind["name"].as_str().expect("a name");
        // The specification's own scalars say what they are there.
        if name.starts_with("__") || name == "ID" {
            continue;
        }
        let mut check = |what: String, described: &Value| {
            if described["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
                bare.push(what);
            }
        };
        check(name.to_owned(), &kind);
        for field in list(&kind, "fields") {
            let field_name = format!("{name}.{}", field["name"].as_str().expect("a name"));
            check(field_name.clone(), field);
            for argument in list(field, "args") {
                check(format!("{field_name}({})", argument["name"].as_str().expect("a name")), argument);
            }
        }
        for part in list(&kind, "inputFields").iter().chain(list(&kind, "enumValues")) {
            check(format!("{name}.{}", part["name"].as_str().expect("a name")), part);
        }
    }
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}

#[tokio::test]
async fn every_root_field_is_in_the_policy_and_nothing_else_is() {
    let types = types().await;
    let fields_of = |name: &str| -> Vec<String> {
        let kind = types.iter().find(|kind| kind["name"] == name).unwrap_or_else(|| panic!("no type {name}"));
        list(kind, "fields")
            .iter()
            .map(|field| format!("{name}.{}", field["name"].as_str().expect("a name")))
            .collect()
    };
    for root in ["Query", "Mutation", "Live"] {
        for field in fields_of(root) {
            assert!(POLICY.iter().any(|(listed, _)| *listed == field), "{field} is not in the policy");
        }
    }
    for (listed, _) in POLICY {
        let parent = listed.split('.').next().expect("a type and a field");
        assert!(
            fields_of(parent).iter().any(|field| field == listed),
            "the policy lists {listed}, which is not there"
        );
    }
}

/// A field of an organization that shows more than the organization itself must have a rule of its own.
#[tokio::test]
async fn everything_below_an_organization_is_in_the_policy() {
    let plain = ["id", "name", "slug", "currency", "viewerRole", "createdAt"];
    for kind in types().await.iter().filter(|kind| kind["name"] == "Organization") {
        for field in list(kind, "fields") {
            let name = field["name"].as_str().expect("a name");
            let listed = POLICY.iter().find(|(listed, _)| *listed == format!("Organization.{name}"));
            assert_eq!(listed.is_none(), plain.contains(&name), "Organization.{name}");
            assert!(listed.is_none_or(|(_, rule)| matches!(rule, Rule::Member(_))));
        }
    }
}

#[tokio::test]
async fn each_mutation_takes_one_input_and_returns_a_payload_with_user_errors() {
    let types = types().await;
    let mutations = types.iter().find(|kind| kind["name"] == "Mutation").expect("mutations");
    for mutation in list(mutations, "fields") {
        let name = mutation["name"].as_str().expect("a name");
        let arguments: Vec<&str> =
            list(mutation, "args").iter().filter_map(|argument| argument["name"].as_str()).collect();
        assert_eq!(arguments, ["input"], "{name}");
        let mut letters = name.chars();
        let capital: String =
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let payload = types
            .iter()
            .find(|kind| kind["name"] == format!("{capital}Payload"))
            .unwrap_or_else(|| panic!("no {capital}Payload"));
        assert!(list(payload, "fields").iter().any(|field| field["name"] == "userErrors"), "{name}");
        let input = types
            .iter()
            .find(|kind| kind["name"] == format!("{capital}Input"))
            .unwrap_or_else(|| panic!("no {capital}Input"));
        assert!(list(input, "inputFields").iter().any(|field| field["name"] == "idempotencyKey"), "{name}");
    }
}
