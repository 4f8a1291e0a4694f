use serde_json::{Value, json};

use crate::support::{HOUR, START, World, browser, id, world};

/// A customer with a subscription and a portal session of this configuration.
async fn open(world: &World, features: &[(&str, &str)]) -> (String, Value, Value) {
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    let configuration = client.post("/v1/billing_portal/configurations", features).await.ok();
    let session = [
        ("customer", customer.as_str()),
        ("configuration", &id(&configuration)),
        ("return_url", "http://127.0.0.1/?a=1&b=\"2\""),
    ];
    let session = client.post("/v1/billing_portal/sessions", &session).await.ok();
    (customer, subscription, session)
}

async fn press(session: &Value, action: &str, form: &[(&str, &str)]) -> u16 {
    let url = format!("{}/{action}", session["url"].as_str().unwrap());
    browser().post(url).form(form).send().await.unwrap().status().as_u16()
}

async fn page(world: &World, session: &Value) -> (u16, String) {
    let answer = world.client.http.get(session["url"].as_str().unwrap()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_customer_cancels_at_the_period_s_end_and_thinks_again() {
    let world = world().await;
    let features = [
        ("features[subscription_cancel][enabled]", "true"),
        ("features[subscription_cancel][cancellation_reason][enabled]", "true"),
        ("features[subscription_cancel][cancellation_reason][options][]", "too_expensive"),
    ];
    let (_, subscription, session) = open(&world, &features).await;
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let cancel = format!("subscriptions/{}/cancel", id(&subscription));
    assert_eq!(press(&session, &cancel, &[("feedback", "unused")]).await, 400, "not offered");
    assert_eq!(press(&session, &cancel, &[("feedback", "too_expensive")]).await, 303);
    let ending = world.client.get(&path, &[]).await.ok();
    assert_eq!(
        (&ending["cancel_at_period_end"], &ending["cancellation_details"]["feedback"]),
        (&json!(true), &json!("too_expensive"))
    );
    let (status, shown) = page(&world, &session).await;
    assert!(
        status == 200 && shown.contains("Keep it") && shown.contains("?a=1&amp;b=&quot;2&quot;"),
        "{shown}"
    );
    assert_eq!(press(&session, &format!("subscriptions/{}/keep", id(&subscription)), &[]).await, 303);
    assert_eq!(world.client.get(&path, &[]).await.ok()["cancel_at"], Value::Null);
}

#[tokio::test]
async fn a_configuration_decides_what_the_page_does() {
    let world = world().await;
    let features = [
        ("features[subscription_cancel][enabled]", "true"),
        ("features[subscription_cancel][mode]", "immediately"),
        ("features[subscription_cancel][proration_behavior]", "create_prorations"),
    ];
    let (customer, subscription, session) = open(&world, &features).await;
    assert_eq!(press(&session, "payment_methods", &[("card", "pm_card_mastercard")]).await, 404);
    assert_eq!(press(&session, "customer", &[("email", "bob@example.com")]).await, 404);
    let (_, other, _) = open(&world, &features).await;
    assert_eq!(press(&session, &format!("subscriptions/{}/cancel", id(&other)), &[]).await, 404, "another's");
    world.sandbox.set_now(START + HOUR);
    assert_eq!(press(&session, &format!("subscriptions/{}/cancel", id(&subscription)), &[]).await, 303);
    let ended = world.client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
    assert_eq!(ended["status"], "canceled");
    let credit =
        world.client.get("/v1/invoiceitems", &[("customer", &customer), ("pending", "true")]).await.ok();
    assert!(credit["data"][0]["amount"].as_i64().unwrap() < 0);
    world.sandbox.set_now(START + HOUR + 1);
    assert_eq!(page(&world, &session).await.0, 410, "a link is good for an hour");
}

#[tokio::test]
async fn a_customer_changes_the_card_and_pays_what_is_open() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_chargeCustomerFail")).await;
    let price = client.monthly("Pro", 2900).await;
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    assert_eq!(subscription["status"], "incomplete");
    let session = client.post("/v1/billing_portal/sessions", &[("customer", &customer)]).await.ok();
    let invoice = format!("invoices/{}/pay", subscription["latest_invoice"].as_str().unwrap());
    assert_eq!(press(&session, &invoice, &[]).await, 402);
    assert_eq!(press(&session, "payment_methods", &[("card", "pm_card_mastercard")]).await, 303);
    let known = client
        .get(&format!("/v1/customers/{customer}"), &[("expand[]", "invoice_settings.default_payment_method")])
        .await
        .ok();
    assert_eq!(known["invoice_settings"]["default_payment_method"]["card"]["brand"], "mastercard");
    assert_eq!(press(&session, &invoice, &[]).await, 303);
    let paid = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
    assert_eq!(paid["status"], "active");
    assert_eq!(press(&session, "customer", &[("name", "<i>Bob</i>")]).await, 303);
    let (_, shown) = page(&world, &session).await;
    assert!(shown.contains("&lt;i&gt;Bob&lt;/i&gt;") && !shown.contains("<i>"), "{shown}");
    let configurations =
        client.get("/v1/billing_portal/configurations", &[("is_default", "true")]).await.ok();
    assert_eq!(configurations["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_portal_cannot_do_here_is_refused_by_name() {
    let world = world().await;
    let refused = world
        .client
        .post("/v1/billing_portal/configurations", &[("features[subscription_update][enabled]", "true")])
        .await;
    assert_eq!(refused.refusal(), (400, "sandbox_unsupported", "features[subscription_update]"));
    let customer = world.client.customer(None).await;
    let flow = [("customer", customer.as_str()), ("flow_data[type]", "payment_method_update")];
    let refused = world.client.post("/v1/billing_portal/sessions", &flow).await;
    assert_eq!(refused.refusal(), (400, "sandbox_unsupported", "flow_data"));
    let missing = world.client.post("/v1/billing_portal/sessions", &[("customer", "cus_none")]).await;
    assert_eq!(missing.refusal(), (400, "resource_missing", "customer"));
}
