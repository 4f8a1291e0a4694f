//! Debits of bank accounts, in each of their states.

use serde_json::Value;

use crate::support::{Client, DAY, World, id};

/// On a test clock, so that nobody else's time passes.
pub(super) async fn debits(world: &World, client: &Client) {
    let now = client.get("/v1/events", &[("limit", "1")]).await.ok()["data"][0]["created"].as_i64().unwrap();
    let clock = client.post("/v1/test_helpers/test_clocks", &[("frozen_time", &now.to_string())]).await.ok();
    let customer = id(&client
        .post("/v1/customers", &[("test_clock", &id(&clock)), ("email", "debit@example.com")])
        .await
        .ok());
    let typed = [
        ("type", "us_bank_account"),
        ("us_bank_account[account_number]", "000222222227"),
        ("us_bank_account[routing_number]", "110000000"),
        ("us_bank_account[account_holder_type]", "company"),
        ("us_bank_account[account_type]", "savings"),
        ("billing_details[name]", "Ann"),
    ];
    let method = id(&client.post("/v1/payment_methods", &typed).await.ok());
    let back = ("return_url", "http://127.0.0.1/back");
    let setup = [
        ("customer", customer.as_str()),
        ("confirm", "true"),
        ("payment_method", &method),
        ("mandate_data[customer_acceptance][type]", "offline"),
        back,
        ("expand[]", "payment_method"),
    ];
    let setup = client.post("/v1/setup_intents", &setup).await.ok();
    assert_eq!(setup["status"], "succeeded");
    let path = format!("/v1/payment_methods/{method}");
    client.post(&path, &[("us_bank_account[account_type]", "checking")]).await.ok();
    client.get("/v1/payment_methods", &[("customer", &customer), ("type", "us_bank_account")]).await.ok();

    let pay = async |account: &str| -> Value {
        let token = format!("pm_usBankAccount_{account}");
        let params = [
            ("amount", "2000"),
            ("currency", "usd"),
            ("customer", &customer),
            ("payment_method", &token),
            ("confirm", "true"),
            back,
            ("expand[]", "latest_charge"),
        ];
        let intent = client.post("/v1/payment_intents", &params).await.ok();
        assert_eq!(intent["status"], "processing", "{account}");
        intent
    };
    let paid = pay("success").await;
    let failed = pay("debitNotAuthorized").await;
    pay("dispute").await;
    let silent = pay("processing").await;
    let path = |intent: &Value| format!("/v1/payment_intents/{}", id(intent));
    assert_eq!(client.post(&format!("{}/confirm", path(&paid)), &[back]).await.status, 400);
    assert_eq!(client.post(&format!("{}/cancel", path(&paid)), &[]).await.status, 400);
    client.get(&format!("/v1/charges/{}", id(&paid["latest_charge"])), &[]).await.ok();
    assert_eq!(client.post("/v1/refunds", &[("charge", &id(&paid["latest_charge"]))]).await.status, 400);
    client.post(&format!("{}/cancel", path(&silent)), &[]).await.ok();
    client.get(&format!("/v1/charges/{}", id(&silent["latest_charge"])), &[]).await.ok();

    let price = client.monthly("Debited", 2900).await;
    let subscription = client
        .subscribe(&customer, &price, &[("default_payment_method", &method), ("expand[]", "latest_invoice")])
        .await
        .ok();
    assert_eq!(
        (subscription["status"].as_str(), subscription["latest_invoice"]["status"].as_str()),
        (Some("active"), Some("open"))
    );
    let invoice = format!("/v1/invoices/{}", id(&subscription["latest_invoice"]));
    assert_eq!(client.post(&format!("{invoice}/pay"), &[]).await.status, 400);
    assert_eq!(client.post(&format!("{invoice}/void"), &[]).await.status, 400);

    let advance = format!("/v1/test_helpers/test_clocks/{}/advance", id(&clock));
    client.post(&advance, &[("frozen_time", &(now + 4 * DAY).to_string())]).await.ok();
    let expand = [("expand[]", "latest_charge"), ("expand[]", "payment_method")];
    assert_eq!(client.get(&path(&paid), &expand).await.ok()["status"], "succeeded");
    let returned = client.get(&path(&failed), &expand).await.ok();
    assert_eq!(returned["last_payment_error"]["code"], "debit_not_authorized");
    let late = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
    assert_eq!(late["status"], "past_due");
    client.get(&invoice, &[("expand[]", "payments")]).await.ok();
    let disputes = client.get("/v1/disputes", &[("limit", "1")]).await.ok();
    assert_eq!(disputes["data"][0]["status"], "lost");
    let refund = [("payment_intent", &*id(&paid)), ("expand[]", "charge")];
    assert_eq!(client.post("/v1/refunds", &refund).await.ok()["status"], "pending");
    assert!(world.event_types(0).contains(&"payment_intent.processing".to_owned()));
}
