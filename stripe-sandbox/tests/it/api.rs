use serde_json::{Value, json};

use crate::support::{Params, START, id, world};

#[tokio::test]
async fn pages_walk_forward_and_back_without_gap_or_repetition() {
    let world = world().await;
    let client = &world.client;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(client.customer(None).await);
    }
    made.reverse();
    let ids = |page: &Value| -> Vec<String> { page["data"].as_array().unwrap().iter().map(id).collect() };
    let first = client.get("/v1/customers", &[("limit", "3")]).await.ok();
    assert_eq!((ids(&first), &first["has_more"]), (made[..3].to_vec(), &json!(true)), "newest first");
    let second = client.get("/v1/customers", &[("limit", "3"), ("starting_after", &made[2])]).await.ok();
    assert_eq!(ids(&second), made[3..6]);
    let last = client.get("/v1/customers", &[("limit", "3"), ("starting_after", &made[5])]).await.ok();
    assert_eq!((ids(&last), &last["has_more"]), (made[6..].to_vec(), &json!(false)));
    let back = client.get("/v1/customers", &[("limit", "2"), ("ending_before", &made[5])]).await.ok();
    assert_eq!((ids(&back), &back["has_more"]), (made[3..5].to_vec(), &json!(true)));
    for (params, code, param) in [
        (vec![("limit", "0")], "parameter_invalid_integer", "limit"),
        (vec![("limit", "101")], "parameter_invalid_integer", "limit"),
        (vec![("starting_after", "cus_none")], "resource_missing", "starting_after"),
        (vec![("starting_after", &*made[0]), ("ending_before", &*made[1])], "", ""),
    ] {
        assert_eq!(client.get("/v1/customers", &params).await.refusal(), (400, code, param));
    }
}

#[tokio::test]
async fn times_filter_lists() {
    let world = world().await;
    let client = &world.client;
    client.customer(None).await;
    world.sandbox.set_now(START + 10);
    let later = client.customer(None).await;
    let (start, end) = (START.to_string(), (START + 10).to_string());
    let found = client.get("/v1/customers", &[("created[gt]", &start), ("created[lte]", &end)]).await.ok();
    assert_eq!((found["data"].as_array().unwrap().len(), id(&found["data"][0])), (1, later));
    let exact = client.get("/v1/customers", &[("created", &start)]).await.ok();
    assert_eq!(exact["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn only_test_keys_are_let_in() {
    let world = world().await;
    let url = format!("{}/v1/account", world.sandbox.base_url());
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    let http = &world.client.http;
    assert_eq!(status(http.get(&url)).await, 401);
    assert_eq!(status(http.get(&url).bearer_auth("sk_live_x")).await, 401);
    assert_eq!(status(http.get(&url).bearer_auth("rk_test_x")).await, 200);
    assert_eq!(status(http.get(&url).basic_auth("sk_test_x", None::<&str>)).await, 200);
    assert_eq!(status(http.get(&url).basic_auth("sk_live_x", None::<&str>)).await, 401);
}

#[tokio::test]
async fn an_endpoint_of_stripes_that_is_not_modelled_is_refused_by_name() {
    let world = world().await;
    let client = &world.client;
    for (path, name) in [
        ("/v1/payouts", "POST /v1/payouts"),
        ("/v1/subscriptions/sub_1/pause", "POST /v1/subscriptions/{}/pause"),
        ("/v1/quotes/qt_1/accept", "POST /v1/quotes/{}/accept"),
    ] {
        let refused = client.post(path, &[("anything", "1")]).await;
        assert_eq!(refused.refusal(), (400, "sandbox_unsupported", ""));
        assert!(refused.body["error"]["message"].as_str().unwrap().contains(name));
    }
    assert_eq!(client.post("/v1/payouts/po_1/nonsense", &[]).await.refusal(), (404, "", ""));
}

#[tokio::test]
async fn every_answer_names_its_request_and_its_version() {
    let world = world().await;
    let client = &world.client;
    let (good, bad) = (client.get("/v1/account", &[]).await, client.get("/v1/nonsense", &[]).await);
    for answer in [&good, &bad] {
        assert!(answer.header("request-id").unwrap().starts_with("req_"));
        assert_eq!(answer.header("stripe-version"), Some(stripe_sandbox::API_VERSION));
    }
    assert_ne!(good.header("request-id"), bad.header("request-id"));
    assert_eq!(bad.body["error"]["type"], "invalid_request_error");
}

#[tokio::test]
async fn unknown_addresses_objects_versions_and_parameters_are_refused_as_stripe_does() {
    let world = world().await;
    let client = &world.client;
    let unknown = client.get("/v1/nonsense", &[]).await;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.body["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Unrecognized request URL (GET: /v1/nonsense)")
    );
    assert_eq!(client.get("/v1/customers/cus_none", &[]).await.refusal(), (404, "resource_missing", "id"));
    let old = client
        .http
        .get(format!("{}/v1/account", client.base))
        .bearer_auth("sk_test_1")
        .header("stripe-version", "2020-08-27");
    assert_eq!(client.send(old).await.status, 400);
    let cases: [(&str, Params<'_>, (u16, &str, &str)); 8] = [
        ("/v1/customers", &[("nonsense", "1")], (400, "parameter_unknown", "nonsense")),
        ("/v1/customers", &[("email", "nobody")], (400, "email_invalid", "email")),
        ("/v1/customers", &[("tax[ip_address]", "1.1.1.1")], (400, "sandbox_unsupported", "tax")),
        ("/v1/payment_intents", &[("currency", "usd")], (400, "parameter_missing", "amount")),
        (
            "/v1/payment_intents",
            &[("amount", "49"), ("currency", "usd")],
            (400, "amount_too_small", "amount"),
        ),
        (
            "/v1/payment_intents",
            &[("amount", "100000000"), ("currency", "usd")],
            (400, "amount_too_large", "amount"),
        ),
        ("/v1/payment_intents", &[("amount", "500"), ("currency", "xyz")], (400, "", "currency")),
        (
            "/v1/payment_intents",
            &[("amount", "1.5"), ("currency", "usd")],
            (400, "parameter_invalid_integer", "amount"),
        ),
    ];
    for (path, params, refusal) in cases {
        assert_eq!(client.post(path, params).await.refusal(), refusal, "{path} {params:?}");
    }
    assert!(world.sandbox.objects("customer").is_empty());
}

#[tokio::test]
async fn expanding_follows_paths_and_refuses_what_is_no_reference() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    client.subscribe(&customer, &price, &[]).await.ok();
    let list = client
        .get(
            "/v1/subscriptions",
            &[("expand[]", "data.customer"), ("expand[]", "data.latest_invoice.payments")],
        )
        .await
        .ok();
    assert_eq!(list["data"][0]["customer"]["email"], "ann@example.com");
    assert_eq!(list["data"][0]["latest_invoice"]["payments"]["data"][0]["status"], "paid");
    let bare = client.get("/v1/subscriptions", &[]).await.ok();
    assert_eq!(bare["data"][0]["customer"], json!(customer), "without expand there is an id");
    let invoice = bare["data"][0]["latest_invoice"].as_str().unwrap();
    let invoice = client.get(&format!("/v1/invoices/{invoice}"), &[]).await.ok();
    assert!(invoice.get("payments").is_none() && invoice.get("confirmation_secret").is_none());
    for path in ["latest_invoice.payment_intent", "nonsense", "status", "a.b.c.d.e"] {
        let refused =
            client.get(&format!("/v1/subscriptions/{}", id(&bare["data"][0])), &[("expand[]", path)]).await;
        assert_eq!(refused.refusal(), (400, "", "expand"), "{path}");
    }
}

#[tokio::test]
async fn a_bad_path_to_expand_is_refused_before_anything_happens() {
    let world = world().await;
    let refused = world.client.post("/v1/customers", &[("name", "Ann"), ("expand[]", "nonsense")]).await;
    assert_eq!(refused.refusal(), (400, "", "expand"));
    assert!(world.sandbox.objects("customer").is_empty());
}

#[tokio::test]
async fn an_amount_of_a_price_never_changes_and_a_lookup_key_belongs_to_one_price() {
    let world = world().await;
    let client = &world.client;
    let price = client.monthly("Pro", 2900).await;
    let path = format!("/v1/prices/{price}");
    assert_eq!(
        client.post(&path, &[("unit_amount", "1")]).await.refusal(),
        (400, "parameter_unknown", "unit_amount")
    );
    client.post(&path, &[("lookup_key", "pro")]).await.ok();
    let other = client.monthly("Pro 2", 3900).await;
    let other = format!("/v1/prices/{other}");
    assert_eq!(client.post(&other, &[("lookup_key", "pro")]).await.refusal().2, "lookup_key");
    client.post(&other, &[("lookup_key", "pro"), ("transfer_lookup_key", "true")]).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["lookup_key"], json!(null));
}

#[tokio::test]
async fn a_deleted_customer_leaves_a_tombstone_and_ends_its_subscriptions() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    client.subscribe(&customer, &price, &[]).await.ok();
    let path = format!("/v1/customers/{customer}");
    client.delete(&path, &[]).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["deleted"], true);
    assert_eq!(client.post(&path, &[("name", "Bob")]).await.refusal().0, 404);
    assert_eq!(client.get("/v1/customers", &[]).await.ok()["data"], json!([]));
    assert_eq!(world.sandbox.objects("subscription")[0]["status"], "canceled");
}

#[tokio::test]
async fn metadata_merges_and_an_empty_value_removes_a_key() {
    let world = world().await;
    let client = &world.client;
    let customer = client.post("/v1/customers", &[("metadata[a]", "1"), ("metadata[b]", "2")]).await.ok();
    let path = format!("/v1/customers/{}", id(&customer));
    let changed = client.post(&path, &[("metadata[a]", ""), ("metadata[c]", "3")]).await.ok();
    assert_eq!(changed["metadata"], json!({ "b": "2", "c": "3" }));
    let event = world.sandbox.events().pop().unwrap();
    assert_eq!(event["data"]["previous_attributes"], json!({ "metadata": { "a": "1", "c": null } }));
    assert_eq!(client.post(&path, &[("metadata", "")]).await.ok()["metadata"], json!({}));
}

#[tokio::test]
async fn imported_objects_are_there_without_events() {
    let world = world().await;
    let customer = json!({ "id": "cus_old", "object": "customer", "created": START - 1000, "livemode": false, "default_source": null,
        "description": null, "email": "old@example.com", "shipping": null });
    world.sandbox.import(vec![customer]);
    let found = world.client.get("/v1/customers/cus_old", &[]).await.ok();
    assert_eq!(found["email"], "old@example.com");
    assert!(world.sandbox.events().is_empty());
    let newer = world.client.customer(None).await;
    let list = world.client.get("/v1/customers", &[]).await.ok();
    assert_eq!((id(&list["data"][0]), id(&list["data"][1])), (newer, "cus_old".to_owned()), "by their time");
}

#[tokio::test]
async fn only_loopback_addresses_are_served() {
    let refused = stripe_sandbox::Sandbox::builder().start(([0, 0, 0, 0], 0).into()).await;
    assert_eq!(refused.err().map(|error| error.kind()), Some(std::io::ErrorKind::InvalidInput));
}
