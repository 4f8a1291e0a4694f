use serde_json::{Value, json};

use crate::support::{DAY, START, World, id, world};

async fn found(world: &World, path: &str, query: &str) -> Vec<String> {
    let answer = world.client.get(&format!("/v1/{path}/search"), &[("query", query)]).await.ok();
    assert_eq!(
        (&answer["object"], &answer["url"]),
        (&json!("search_result"), &json!(format!("/v1/{path}/search")))
    );
    answer["data"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn what_a_subscription_leaves_behind_is_found_by_its_fields() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) =
        (client.customer(Some("pm_card_visa")).await, client.monthly("Pro Plan", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[("metadata[team one]", "A-7")]).await.ok();
    let by = |field: &str, value: &str| format!("{field}:\"{value}\"");
    assert_eq!(
        found(&world, "customers", "email:'ANN@example.com' AND name~'ann'").await,
        [customer.as_str()]
    );
    assert_eq!(
        found(&world, "subscriptions", "status:'active' metadata['team one']:'a-7'").await,
        [id(&subscription)]
    );
    assert!(found(&world, "subscriptions", "-metadata['team one']:'a-7'").await.is_empty());
    let invoice = subscription["latest_invoice"].as_str().unwrap();
    assert_eq!(found(&world, "invoices", &by("subscription", &id(&subscription))).await, [invoice]);
    assert_eq!(found(&world, "invoices", "total>2899 AND total<=2900 AND status:'paid'").await, [invoice]);
    let intents = found(&world, "payment_intents", &(by("customer", &customer) + " amount=2900")).await;
    assert_eq!(intents.len(), 1);
    assert_eq!(
        found(&world, "charges", "payment_method_details.card.last4:'4242' -refunded:'true'").await.len(),
        1
    );
    assert_eq!(found(&world, "prices", &(by("type", "one_time") + " OR type:'recurring'")).await, [price]);
    assert_eq!(found(&world, "products", "name~'plan' active:'true'").await.len(), 1);
    client.delete(&format!("/v1/customers/{customer}"), &[]).await.ok();
    assert!(
        found(&world, "customers", "email:'ann@example.com'").await.is_empty(),
        "deleted ones are not found"
    );
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let world = world().await;
    let mut made = Vec::new();
    for day in 0..7 {
        world.sandbox.set_now(START + day * DAY);
        made.insert(0, world.client.customer(None).await);
    }
    let (mut walked, mut page): (Vec<String>, Option<String>) = (Vec::new(), None);
    loop {
        let mut params = vec![("query", "name:'ann'"), ("limit", "3"), ("expand[]", "total_count")];
        params.extend(page.as_deref().map(|page| ("page", page)));
        let answer = world.client.get("/v1/customers/search", &params).await.ok();
        assert!(answer["total_count"].as_u64().unwrap() >= 7);
        walked.extend(answer["data"].as_array().unwrap().iter().map(id));
        assert_eq!(answer["has_more"], answer["next_page"] != Value::Null);
        let Some(next) = answer["next_page"].as_str() else { break };
        page = Some(next.to_owned());
        world.client.customer(None).await;
    }
    assert_eq!(walked, made, "newest first; what is made meanwhile moves nothing");
    let other = [("query", "name:'bob'"), ("page", page.as_deref().unwrap())];
    assert_eq!(world.client.get("/v1/customers/search", &other).await.refusal(), (400, "", "page"));
}

#[tokio::test]
async fn queries_that_stripe_refuses_are_refused() {
    let world = world().await;
    for (query, said) in [
        ("colour:'red'", "Field `colour` is an unsupported search field for resource `customers`."),
        ("name:'a' AND email:'b' OR phone:'c'", "can't combine AND and OR"),
        ("name:ann", "unable to parse"),
        ("created~'123'", "not supported"),
    ] {
        let answer = world.client.get("/v1/customers/search", &[("query", query)]).await;
        assert_eq!(answer.refusal(), (400, "", "query"));
        assert!(answer.body["error"]["message"].as_str().unwrap().contains(said), "{}", answer.body);
    }
    assert_eq!(
        world.client.get("/v1/customers/search", &[]).await.refusal(),
        (400, "parameter_missing", "query")
    );
}
