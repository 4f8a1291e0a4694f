//! Relay connections: pages tile, whichever way they are read, and stay right while rows are added.

use serde_json::{Value, json};

use crate::support::{Client, TestApp, text};

const PAGE: &str = "query($first: Int, $after: String, $last: Int, $before: String) {
  organizations(first: $first, after: $after, last: $last, before: $before) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { slug } }
    nodes { slug }
  }
}";

async fn page(client: &Client, arguments: Value) -> Value {
    client.send(PAGE, arguments).await.data()["organizations"].clone()
}

fn slugs(page: &Value) -> Vec<String> {
    page["nodes"].as_array().expect("nodes").iter().map(|node| text(&node["slug"])).collect()
}

#[tokio::test]
async fn pages_tile_in_both_directions() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    for number in 0..7 {
        app.organization(&owner, &format!("acme-{number}")).await;
    }
    let all = slugs(&page(&owner, json!({ "first": 100 })).await);
    assert_eq!(all.len(), 7);
    assert_eq!(all[0], "acme-6", "newest first");

    let mut forward = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = page(&owner, json!({ "first": 3, "after": after })).await;
        assert_eq!(page["totalCount"], 7);
        assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(!after.is_null()));
        forward.extend(slugs(&page));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(forward, all);

    let mut backward: Vec<String> = Vec::new();
    let mut before = Value::Null;
    loop {
        let page = page(&owner, json!({ "last": 3, "before": before })).await;
        let mut part = slugs(&page);
        part.extend(backward);
        backward = part;
        before = page["pageInfo"]["startCursor"].clone();
        if page["pageInfo"]["hasPreviousPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(backward, all);
}

#[tokio::test]
async fn a_page_stays_right_while_rows_are_added() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    for number in 0..4 {
        app.organization(&owner, &format!("acme-{number}")).await;
    }
    let first = page(&owner, json!({ "first": 2 })).await;
    app.organization(&owner, "newcomer").await;
    let second = page(&owner, json!({ "first": 2, "after": first["pageInfo"]["endCursor"] })).await;
    assert_eq!(slugs(&first), ["acme-3", "acme-2"]);
    assert_eq!(slugs(&second), ["acme-1", "acme-0"], "nothing twice, nothing left out");
}

#[tokio::test]
async fn the_total_is_counted_only_when_it_is_asked_for() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    app.organization(&owner, "acme").await;
    // The worker counts webhooks meanwhile.
    let is_count = |sql: &&String| sql.contains("COUNT(") && sql.contains("\"organizations\"");
    let counts = |statements: &[String]| statements.iter().filter(is_count).count();
    let (_, without) = app.statements_of(owner.send("{ organizations { nodes { slug } } }", json!({}))).await;
    assert_eq!(counts(&without), 0, "{without:#?}");
    let (_, with) = app.statements_of(owner.send("{ organizations { totalCount } }", json!({}))).await;
    assert_eq!(counts(&with), 1, "{with:#?}");
}

#[tokio::test]
async fn absurd_pages_and_foreign_cursors_are_refused() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let cases = [
        (json!({ "first": 0 }), "first: a page has 1 to 100 rows, and 0 were asked for."),
        (json!({ "first": -1 }), "first: a page has 1 to 100 rows, and -1 were asked for."),
        (json!({ "first": 101 }), "first: a page has 1 to 100 rows, and 101 were asked for."),
        (json!({ "last": 2_000_000_000 }), "last: a page has 1 to 100 rows, and 2000000000 were asked for."),
        (json!({ "first": 1, "last": 1 }), "Give first or last, not both."),
        (
            json!({ "after": "bm90IG91cnM" }),
            "after: This cursor is not one of ours. Take it from pageInfo or from an edge.",
        ),
        (
            json!({ "before": "" }),
            "before: This cursor is not one of ours. Take it from pageInfo or from an edge.",
        ),
    ];
    for (arguments, message) in cases {
        let answer = owner.send(PAGE, arguments.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{arguments}");
        assert_eq!(answer.message(), message, "{arguments}");
    }
}

/// Whatever has an id is found again by it, by those who could read it where it came from.
#[tokio::test]
async fn every_kind_of_id_is_found_again() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    let shown = owner
        .send(
            "query($id: ID!, $plan: ID!) { plan(id: $plan) { prices { id } } organization(id: $id) { members { nodes { id } } } }",
            json!({ "id": organization, "plan": plan }),
        )
        .await;
    let shown = shown.data();
    let member = text(&shown["organization"]["members"]["nodes"][0]["id"]);
    let price = text(&shown["plan"]["prices"][0]["id"]);
    let events = app.staff().send("{ stripeEvents(first: 1) { nodes { id } } }", json!({})).await;
    let event = text(&events.data()["stripeEvents"]["nodes"][0]["id"]);

    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let found = async |client: &crate::support::Client| {
        let answer = client.send(query, json!({ "ids": [member, price, event] })).await;
        answer.data()["nodes"].clone()
    };
    let kind = |kind: &str, id: &str| json!({ "__typename": kind, "id": id });
    let (a_member, a_price) = (kind("Member", &member), kind("Price", &price));
    assert_eq!(found(&owner).await, json!([a_member, a_price, null]), "events are the staff's");
    assert_eq!(found(&app.client("mallory")).await, json!([null, a_price, null]), "the price is public");
    let staffs = found(&app.staff()).await;
    assert_eq!(staffs[2], kind("StripeEvent", &event), "{staffs}");
}
