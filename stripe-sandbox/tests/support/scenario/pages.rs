//! What people see of it: checkout and the portal; and the search.

use crate::support::{Client, World, browser, id};

pub(super) async fn checkout(world: &World, client: &Client) {
    let (customer, pro) = (client.customer(None).await, client.monthly("Pro", 2900).await);
    let back = ("success_url", "http://127.0.0.1/thanks?session={CHECKOUT_SESSION_ID}");
    let payment = [
        ("mode", "payment"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "1500"),
        ("line_items[0][price_data][product_data][name]", "Book"),
        ("line_items[0][quantity]", "2"),
        ("payment_intent_data[description]", "Books"),
        ("customer_creation", "always"),
        ("cancel_url", "http://127.0.0.1/cart"),
        ("metadata[k]", "v"),
        back,
    ];
    let subscription = [
        ("mode", "subscription"),
        ("customer", &customer),
        ("line_items[0][price]", &pro),
        ("line_items[0][quantity]", "3"),
        ("subscription_data[metadata][k]", "v"),
        back,
    ];
    let setup = [("mode", "setup"), ("customer", customer.as_str()), ("currency", "usd"), back];
    for params in [&payment[..], &subscription[..], &setup[..]] {
        let session = client.post("/v1/checkout/sessions", params).await.ok();
        let path = format!("/v1/checkout/sessions/{}", id(&session));
        client.get(&path, &[("expand[]", "line_items")]).await.ok();
        client.get(&format!("{path}/line_items"), &[]).await.ok();
        client.post(&path, &[("metadata[order]", "7")]).await.ok();
        let page = format!("{}/_pages/checkout/{}", world.sandbox.base_url(), id(&session));
        let form = [("email", "ann@example.com"), ("name", "Ann"), ("payment_method", "pm_card_visa")];
        let paid = browser().post(page).form(&form).send().await.unwrap();
        assert_eq!(paid.status(), 303);
        let expand = [
            ("expand[]", "payment_intent"),
            ("expand[]", "setup_intent"),
            ("expand[]", "subscription"),
            ("expand[]", "invoice"),
            ("expand[]", "customer"),
        ];
        assert_eq!(client.get(&path, &expand).await.ok()["status"], "complete");
    }
    let open = client.post("/v1/checkout/sessions", &payment).await.ok();
    client.post(&format!("/v1/checkout/sessions/{}/expire", id(&open)), &[]).await.ok();
    client.get("/v1/checkout/sessions", &[("customer", &customer), ("status", "complete")]).await.ok();
}

pub(super) async fn portal(client: &Client) {
    let customer = client.customer(None).await;
    let configuration = client
        .post(
            "/v1/billing_portal/configurations",
            &[
                ("features[invoice_history][enabled]", "true"),
                ("features[subscription_cancel][enabled]", "true"),
                ("features[subscription_cancel][mode]", "immediately"),
                ("business_profile[headline]", "Your plan"),
                ("name", "Short"),
            ],
        )
        .await
        .ok();
    let path = format!("/v1/billing_portal/configurations/{}", id(&configuration));
    client.get(&path, &[]).await.ok();
    client.post(&path, &[("features[payment_method_update][enabled]", "true")]).await.ok();
    let own = [
        ("customer", customer.as_str()),
        ("configuration", &id(&configuration)),
        ("return_url", "http://127.0.0.1/account"),
        ("expand[]", "configuration"),
    ];
    client.post("/v1/billing_portal/sessions", &own).await.ok();
    client.post("/v1/billing_portal/sessions", &[("customer", &customer)]).await.ok();
    client.get("/v1/billing_portal/configurations", &[("is_default", "true")]).await.ok();
}

pub(super) async fn search(client: &Client) {
    for (resource, query) in [
        ("charges", "amount>100 status:'succeeded'"),
        ("customers", "email~'example'"),
        ("invoices", "status:'paid'"),
        ("payment_intents", "status:'succeeded'"),
        ("prices", "type:'recurring'"),
        ("products", "name~'pro'"),
        ("subscriptions", "status:'active' OR status:'canceled'"),
    ] {
        let params = [("query", query), ("limit", "2"), ("expand[]", "total_count")];
        let found = client.get(&format!("/v1/{resource}/search"), &params).await.ok();
        assert!(found["total_count"].as_u64().is_some_and(|count| count > 0), "{found}");
    }
}
