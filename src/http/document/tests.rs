mod cost;
mod random;
mod worst;

use async_graphql::Variables;
use async_graphql_parser::types::OperationType;

use super::*;

/// A schema with what the limits are about: recursion, connections, lists, inputs, mutations.
pub(super) const SDL: &str = r"
    type Query {
      viewer: User
      user(id: ID!): User
      node(id: ID!): Node
      nodes(ids: [ID!]!): [Node]!
      organizations(first: Int, after: String, last: Int, before: String): OrganizationConnection!
      search(filter: Filter!, limit: Int = 5, tags: [String!]): [User!]!
      pages(first: Int = 50): [User!]!
      usage(since: String, until: String): [User!]!
    }
    type Mutation {
      pay(input: PayInput!): User!
      refund(input: PayInput!): User!
      rename(name: String!): User!
    }
    interface Node { id: ID! }
    type User implements Node { id: ID! name: String friends: [User!]! best: User organizations(first: Int): OrganizationConnection! }
    type Organization implements Node { id: ID! name: String members(first: Int, last: Int): UserConnection! owner: User tags: [String!]! }
    type OrganizationConnection { edges: [OrganizationEdge!]! nodes: [Organization!]! pageInfo: PageInfo! totalCount: Int }
    type OrganizationEdge { cursor: String! node: Organization! }
    type UserConnection { edges: [UserEdge!]! nodes: [User!]! pageInfo: PageInfo! totalCount: Int }
    type UserEdge { cursor: String! node: User! }
    type PageInfo { hasNextPage: Boolean! endCursor: String }
    enum Kind { ONE TWO }
    scalar Decimal
    input Filter { text: String! kind: Kind kinds: [Kind!] amount: Decimal and: [Filter!] strict: Boolean! = true size: Float count: Int }
    input PayInput { amount: Decimal! key: String }
";

pub(super) fn guard(limits: DocumentLimits) -> DocumentGuard {
    DocumentGuard::new(SDL, limits).unwrap()
}

fn money_limits() -> DocumentLimits {
    let money_mutation_names = ["pay", "refund"].map(str::to_owned).into();
    DocumentLimits { money_mutation_names, ..DocumentLimits::default() }
}

fn variables(json: serde_json::Value) -> Variables {
    Variables::from_json(json)
}

#[track_caller]
fn refused(limits: &DocumentLimits, query: &str) -> (Limit, u64, u64) {
    match guard(limits.clone()).check(query, None, &Variables::default()) {
        Err(Refusal::TooComplex { limit, measured, bound }) => (limit, measured, bound),
        other => panic!("{query} gave {other:?}"),
    }
}

#[track_caller]
fn accepted(limits: &DocumentLimits, query: &str) -> CheckedDocument {
    guard(limits.clone())
        .check(query, None, &Variables::default())
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// Checks that `query` measures `bound` by `limit`: accepted at the bound, refused one below.
#[track_caller]
fn measures(limit: Limit, bound: u64, query: &str, set: impl Fn(&mut DocumentLimits, u64)) {
    let mut limits = DocumentLimits::default();
    set(&mut limits, bound);
    accepted(&limits, query);
    set(&mut limits, bound - 1);
    assert_eq!(refused(&limits, query), (limit, bound, bound - 1));
}

#[test]
fn every_limit_lets_through_what_is_at_the_bound_and_nothing_above() {
    measures(Limit::Bytes, 17, "{ viewer { id } }", |limits, bound| limits.bytes = bound);
    measures(Limit::Tokens, 6, "{ viewer { id } }", |limits, bound| limits.tokens = bound);
    measures(Limit::NameBytes, 6, "{ viewer { id } }", |limits, bound| limits.name_bytes = bound);
    measures(
        Limit::Brackets,
        5,
        "{ search(filter: {and: [{text: \"a\"}], text: \"b\"}) { id } }",
        |limits, bound| {
            limits.brackets = bound;
        },
    );
    measures(Limit::Directives, 2, "query @a { viewer @b { id } }", |limits, bound| {
        limits.directives = bound;
    });
    measures(
        Limit::Fragments,
        2,
        "{ viewer { ...A } } fragment A on User { ...B } fragment B on User { id }",
        |l, b| {
            l.fragments = b;
        },
    );
    measures(Limit::Variables, 2, "query ($a: Int, $b: Int) { viewer { id } }", |limits, bound| {
        limits.variables = bound;
    });
    measures(Limit::Depth, 3, "{ viewer { best { id } } }", |limits, bound| limits.depth = bound);
    measures(
        Limit::Depth,
        3,
        "{ ...A } fragment A on Query { viewer { ...B } } fragment B on User { best { id } }",
        |l, b| {
            l.depth = b;
        },
    );
    measures(Limit::Nesting, 3, "{ viewer { best { id } } }", |limits, bound| limits.nesting = bound);
    measures(Limit::Nesting, 4, "{ viewer { ... { ... on User { id } } } }", |limits, bound| {
        limits.nesting = bound;
    });
    measures(
        Limit::Selections,
        6,
        "{ viewer { ...A best { ...A } } } fragment A on User { id }",
        |limits, bound| {
            limits.selections = bound;
        },
    );
    measures(
        Limit::Aliases,
        3,
        "{ a: viewer { ...A } b: viewer { id } } fragment A on User { c: id }",
        |l, b| {
            l.aliases = b;
        },
    );
    measures(
        Limit::RootFields,
        3,
        "{ viewer { id } ...A ...A } fragment A on Query { viewer { id } }",
        |l, b| {
            l.root_fields = b;
        },
    );
    measures(
        Limit::InputValues,
        4,
        "{ search(filter: {text: \"a\", size: 1, count: 2}) { id } }",
        |limits, bound| {
            limits.input_values = bound;
        },
    );
    measures(Limit::Mistakes, 2, "{ viewer(no: 1) { id nothing } }", |limits, bound| limits.mistakes = bound);
}

#[test]
fn operations_are_limited_even_if_one_is_chosen() {
    let limits = DocumentLimits { operations: 1, ..DocumentLimits::default() };
    let refusal = guard(limits).check(
        "query A { viewer { id } } query B { viewer { id } }",
        Some("A"),
        &Variables::default(),
    );
    assert!(matches!(refusal, Err(Refusal::TooComplex { limit: Limit::Operations, measured: 2, bound: 1 })));
}

#[test]
fn a_refusal_names_the_limit_the_measure_and_the_bound() {
    let limits = DocumentLimits { depth: 2, ..DocumentLimits::default() };
    let refusal = guard(limits).check("{ viewer { best { id } } }", None, &Variables::default()).unwrap_err();
    assert_eq!(refusal.to_string(), "The operation is too complex: its depth reaches 3, and the limit is 2.");
    assert_eq!(refusal.code(), "QUERY_TOO_COMPLEX");
}

#[test]
fn the_standard_introspection_passes_and_a_multiple_of_it_does_not() {
    accepted(&DocumentLimits::default(), STANDARD_INTROSPECTION);
    let at_cost = DocumentLimits { introspection_percent: 100, ..DocumentLimits::default() };
    accepted(&at_cost, STANDARD_INTROSPECTION);
    let below_cost = DocumentLimits { introspection_percent: 99, ..DocumentLimits::default() };
    assert_eq!(refused(&below_cost, STANDARD_INTROSPECTION).0, Limit::Introspection);
    let thrice = STANDARD_INTROSPECTION.replacen(
        "__schema {",
        "__schema { ...S } b: __schema { ...S } c: __schema {",
        1,
    ) + " fragment S on __Schema { types { ...FullType } }";
    assert_eq!(refused(&DocumentLimits::default(), &thrice).0, Limit::Introspection);
    let round = format!(
        "{{ __schema {{ types {{ {} name {} }} }} }}",
        "fields { type { ".repeat(6),
        "} } ".repeat(6)
    );
    assert_eq!(refused(&DocumentLimits::default(), &round).0, Limit::Introspection);
}

#[test]
fn introspection_does_not_count_against_the_cost_of_fields() {
    assert_eq!(accepted(&DocumentLimits::default(), STANDARD_INTROSPECTION).cost(), 0);
    assert_eq!(
        accepted(&DocumentLimits::default(), "{ viewer { id } __schema { types { name } } }").cost(),
        2
    );
}

#[test]
fn a_fragment_that_spreads_itself_is_refused() {
    let guard = guard(DocumentLimits::default());
    for query in [
        "{ viewer { ...A } } fragment A on User { ...A }",
        "{ viewer { ...A } } fragment A on User { best { ...B } } fragment B on User { friends { ...A } }",
        "{ viewer { id } } fragment A on User { ... { ...A } }",
    ] {
        let refusal = guard.check(query, None, &Variables::default()).unwrap_err();
        assert!(matches!(refusal, Refusal::FragmentCycle { .. }), "{refusal:?}");
        assert_eq!(refusal.code(), "BAD_USER_INPUT");
    }
}

#[test]
fn only_one_mutation_that_moves_money_is_let_through() {
    let limits = money_limits();
    let one = accepted(&limits, "mutation { pay(input: {amount: 1}) { id } rename(name: \"a\") { id } }");
    assert_eq!(one.money_mutations(), 1);
    assert_eq!(one.operation_type(), OperationType::Mutation);
    for query in [
        "mutation { pay(input: {amount: 1}) { id } refund(input: {amount: 1}) { id } }",
        "mutation { a: pay(input: {amount: 1}) { id } b: pay(input: {amount: 1}) { id } }",
        "mutation { pay(input: {amount: 1}) { id } pay(input: {amount: 1}) { id } }",
        "mutation { ...P ...P } fragment P on Mutation { pay(input: {amount: 1}) { id } }",
        "mutation { pay(input: {amount: 1}) { id } ... { ... on Mutation { a: pay(input: {amount: 1}) { id } } } }",
    ] {
        assert_eq!(refused(&limits, query), (Limit::MoneyMutations, 2, 1), "{query}");
    }
    let free = accepted(&limits, "mutation { a: rename(name: \"a\") { id } b: rename(name: \"b\") { id } }");
    assert_eq!(free.money_mutations(), 0);
}

#[test]
fn a_field_of_a_query_called_like_a_mutation_moves_no_money() {
    let document = accepted(&money_limits(), "{ pay { id } refund { id } }");
    assert_eq!(document.money_mutations(), 0);
}

#[test]
fn what_is_no_graphql_is_explained_without_repeating_it() {
    let guard = guard(DocumentLimits::default());
    let message = |query: &str| guard.check(query, None, &Variables::default()).unwrap_err().to_string();
    assert_eq!(message("{"), "The document is not valid GraphQL: expected selection, line 1 column 2.");
    assert_eq!(
        message(""),
        "The document is not valid GraphQL: expected executable_definition, line 1 column 1."
    );
    let secret = message("{ viewer }\n  4242424242424242");
    assert!(!secret.contains("4242") && secret.contains("line 2 column 3"), "{secret}");
    assert!(message("fragment A on User { id }").contains("does not contain an operation"));
    assert!(message("query A { a } query A { b }").contains("operation A is defined twice"));
}

#[test]
fn the_operation_is_chosen_by_name() {
    let guard = guard(DocumentLimits::default());
    let both = "query A { viewer { id } } mutation B { rename(name: \"a\") { id } }";
    let none = Variables::default();
    assert_eq!(guard.check(both, Some("A"), &none).unwrap().operation_type(), OperationType::Query);
    assert_eq!(guard.check(both, Some("B"), &none).unwrap().operation_type(), OperationType::Mutation);
    assert_eq!(guard.check(both, Some("C"), &none).unwrap_err(), Refusal::UnknownOperation("C".into()));
    assert_eq!(guard.check(both, None, &none).unwrap_err(), Refusal::OperationNameRequired);
    assert_eq!(
        guard.check("{ viewer { id } }", Some("A"), &none).unwrap_err(),
        Refusal::UnknownOperation("A".into())
    );
}

#[test]
fn variables_are_held_to_their_types() {
    let guard = guard(DocumentLimits::default());
    let check = |definition: &str, json: serde_json::Value| {
        let query = format!("query Q($v: {definition}) {{ viewer {{ id }} }}");
        guard.check(&query, None, &variables(json)).map(|_| ()).map_err(|refusal| refusal.to_string())
    };
    let fine = [
        ("Int", serde_json::json!({ "v": 1 })),
        ("Int", serde_json::json!({ "v": null })),
        ("Int", serde_json::json!({})),
        ("Int! = 3", serde_json::json!({})),
        ("Float", serde_json::json!({ "v": 1 })),
        ("ID!", serde_json::json!({ "v": 7 })),
        ("[Int!]", serde_json::json!({ "v": 1 })),
        ("[[Int]]", serde_json::json!({ "v": [[1, null], null] })),
        ("Decimal", serde_json::json!({ "v": { "any": ["thing"] } })),
        ("Kind", serde_json::json!({ "v": "ONE" })),
        ("Filter", serde_json::json!({ "v": { "text": "a", "and": [{ "text": "b" }] } })),
        ("Int", serde_json::json!({ "v": 1, "undefined": [] })),
        // For the schema to name.
        ("Nowhere", serde_json::json!({ "v": 1 })),
        ("User", serde_json::json!({ "v": 1 })),
    ];
    for (definition, json) in fine {
        assert_eq!(check(definition, json.clone()), Ok(()), "{definition} {json}");
    }
    let wrong = [
        ("ID!", serde_json::json!({}), "\"$v\" of the required type ID! was not given"),
        ("ID!", serde_json::json!({ "v": null }), "\"$v\" must not be null: it is ID!"),
        ("Int", serde_json::json!({ "v": 1.5 }), "\"$v\" must be Int, not a fraction"),
        ("Int", serde_json::json!({ "v": "4242" }), "\"$v\" must be Int, not a string"),
        ("String", serde_json::json!({ "v": 1 }), "\"$v\" must be String, not a number"),
        ("[Int!]", serde_json::json!({ "v": [1, null] }), "\"$v[1]\" must not be null: it is Int!"),
        ("Kind", serde_json::json!({ "v": "THREE" }), "\"$v\" must be one of the values of Kind"),
        ("Filter", serde_json::json!({ "v": [] }), "\"$v\" must be an object, Filter, not a list"),
        ("Filter", serde_json::json!({ "v": {} }), "\"$v.text\" of the required type String! was not given"),
        ("Filter", serde_json::json!({ "v": { "text": "a", "no": 1 } }), "\"$v.no\" does not exist"),
        (
            "[Filter]",
            serde_json::json!({ "v": [{ "text": "a", "and": [{ "text": "b" }, { "text": 1 }] }] }),
            "\"$v[0].and[1].text\" must be String, not a number",
        ),
    ];
    for (definition, json, expected) in wrong {
        let message = check(definition, json).unwrap_err();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("4242"), "{message}");
    }
}

#[test]
fn input_is_weighed_as_often_as_it_is_used() {
    let limits = DocumentLimits { input_values: 100, ..DocumentLimits::default() };
    let guard = guard(limits);
    let check = |uses: usize, length: usize| {
        let fields = "search(filter: {text: \"a\"}, tags: $tags) { id } ".repeat(uses);
        let query = format!("query Q($tags: [String!]) {{ {fields} }}");
        guard.check(&query, None, &variables(serde_json::json!({ "tags": vec!["a"; length] }))).is_ok()
    };
    assert!(check(1, 90));
    assert!(!check(1, 110));
    assert!(check(5, 10));
    assert!(!check(5, 20));
}

#[test]
fn a_document_seen_before_is_parsed_once_and_judged_by_its_variables_again() {
    let guard = guard(DocumentLimits { cost: 100, ..DocumentLimits::default() });
    let query = "query Q($first: Int) { organizations(first: $first) { nodes { id } } }";
    let cost = |first: u64| guard.check(query, None, &variables(serde_json::json!({ "first": first })));
    let ten = cost(10).unwrap();
    assert_eq!(ten.cost(), 12);
    let twenty = cost(20).unwrap();
    assert_eq!(twenty.cost(), 22);
    assert!(Arc::ptr_eq(&ten.parsed, &twenty.parsed));
    assert!(matches!(cost(100), Err(Refusal::TooComplex { limit: Limit::Cost, measured: 102, bound: 100 })));
}

#[test]
fn a_guard_without_a_cache_judges_the_same() {
    let guard = guard(DocumentLimits { cached_tokens: 0, ..DocumentLimits::default() });
    let check = || guard.check("{ viewer { id } }", None, &Variables::default()).unwrap();
    let (one, two) = (check(), check());
    assert!(!Arc::ptr_eq(&one.parsed, &two.parsed));
    assert_eq!(one.cost(), two.cost());
}
