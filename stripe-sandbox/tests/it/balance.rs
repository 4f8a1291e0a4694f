use serde_json::{Value, json};

use crate::support::{Client, DAY, HOUR, START, id, world};

/// `(type, amount, ending_balance)` of a customer's transactions, oldest first.
async fn transactions(client: &Client, customer: &str) -> Vec<Value> {
    let list = client.get(&format!("/v1/customers/{customer}/balance_transactions"), &[]).await.ok();
    let rows = list["data"].as_array().unwrap().iter().rev();
    rows.map(|row| json!([row["type"], row["amount"], row["ending_balance"]])).collect()
}

#[tokio::test]
async fn credit_is_used_up_by_invoices_and_comes_back_from_a_void_one() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let path = format!("/v1/customers/{customer}/balance_transactions");
    let gift = [("amount", "-1500"), ("currency", "usd"), ("description", "Sorry")];
    let gift = client.post(&path, &gift).await.ok();
    assert_eq!((&gift["ending_balance"], &gift["type"]), (&json!(-1500), &json!("adjustment")));
    let item = [("customer", customer.as_str()), ("amount", "2000"), ("currency", "usd")];
    client.post("/v1/invoiceitems", &item).await.ok();
    let include = [("customer", customer.as_str()), ("pending_invoice_items_behavior", "include")];
    let invoice = format!("/v1/invoices/{}", id(&client.post("/v1/invoices", &include).await.ok()));
    let open = client.post(&format!("{invoice}/finalize"), &[("auto_advance", "false")]).await.ok();
    assert_eq!(
        (&open["amount_due"], &open["starting_balance"], &open["ending_balance"]),
        (&json!(500), &json!(-1500), &json!(0))
    );
    client.post(&format!("{invoice}/void"), &[]).await.ok();
    assert_eq!(
        transactions(client, &customer).await,
        [
            json!(["adjustment", -1500, -1500]),
            json!(["applied_to_invoice", 1500, 0]),
            json!(["unapplied_from_invoice", -1500, -1500]),
        ]
    );
    assert_eq!(client.get(&format!("/v1/customers/{customer}"), &[]).await.ok()["balance"], -1500);
    let euro = [("amount", "100"), ("currency", "eur")];
    assert_eq!(client.post(&path, &euro).await.refusal(), (400, "", "currency"));
}

#[tokio::test]
async fn what_is_too_little_to_be_charged_waits_for_the_next_invoice() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Little", 30).await);
    client.subscribe(&customer, &price, &[]).await.ok();
    assert_eq!(transactions(client, &customer).await, [json!(["invoice_too_small", 30, 30])]);
    assert!(world.sandbox.objects("charge").is_empty());
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    let invoice = &world.sandbox.objects("invoice")[0];
    assert_eq!(
        (&invoice["total"], &invoice["starting_balance"], &invoice["amount_paid"]),
        (&json!(30), &json!(30), &json!(60))
    );
}

#[tokio::test]
async fn amounts_are_whole_minor_units_in_currencies_of_no_and_of_three_decimals() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    for (currency, amount, half) in [("jpy", "1001", 501), ("kwd", "12345", 6173)] {
        let price = [
            ("currency", currency),
            ("unit_amount", amount),
            ("recurring[interval]", "month"),
            ("product_data[name]", "X"),
        ];
        let price = id(&client.post("/v1/prices", &price).await.ok());
        let anchor = (world.sandbox.now() + 14 * DAY).to_string();
        let new = [
            ("customer", customer.as_str()),
            ("subscription_details[items][0][price]", &price),
            ("subscription_details[billing_cycle_anchor][type]", "timestamp"),
            ("subscription_details[billing_cycle_anchor][timestamp]", &anchor),
        ];
        // The period before 14 February begins on 14 January: 14 of its 31 days are left.
        let preview = client.post("/v1/invoices/create_preview", &new).await.ok();
        let whole: i64 = amount.parse().unwrap();
        assert_eq!(preview["total"], (whole * 14 * 2 + 31) / 62, "{currency}");
        let discounted = [("percent_off", "50"), ("duration", "once")];
        let coupon = id(&client.post("/v1/coupons", &discounted).await.ok());
        let new = [
            ("customer", customer.as_str()),
            ("subscription_details[items][0][price]", &price),
            ("discounts[0][coupon]", &coupon),
        ];
        let preview = client.post("/v1/invoices/create_preview", &new).await.ok();
        assert_eq!(preview["total_discount_amounts"][0]["amount"], half, "{currency}");
    }
}

#[tokio::test]
async fn tax_ids_are_kept_and_shown_on_invoices() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let path = format!("/v1/customers/{customer}/tax_ids");
    let refused = client.post(&path, &[("type", "eu_vat"), ("value", "123")]).await;
    assert_eq!(refused.refusal(), (400, "tax_id_invalid", "value"));
    let made = client.post(&path, &[("type", "eu_vat"), ("value", "DE 123456789")]).await.ok();
    assert_eq!((&made["country"], &made["value"]), (&json!("DE"), &json!("DE123456789")));
    assert_eq!(made["verification"]["status"], "verified");
    let invoice = client.post("/v1/invoices", &[("customer", &customer)]).await.ok();
    assert_eq!(invoice["customer_tax_ids"], json!([{ "type": "eu_vat", "value": "DE123456789" }]));
    let shown = client.get(&format!("/v1/customers/{customer}"), &[("expand[]", "tax_ids")]).await.ok();
    assert_eq!(shown["tax_ids"]["data"][0]["id"], made["id"]);
    let own = format!("{path}/{}", id(&made));
    client.delete(&own, &[]).await.ok();
    assert_eq!(client.get(&own, &[]).await.refusal().0, 404);
}
