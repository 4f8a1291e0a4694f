use serde_json::{Value, json};

use crate::support::{Client, id, world};

async fn rate(client: &Client, percentage: &str, inclusive: &str) -> String {
    let rate = [("display_name", "Tax"), ("percentage", percentage), ("inclusive", inclusive)];
    id(&client.post("/v1/tax_rates", &rate).await.ok())
}

fn sums(invoice: &Value) -> Value {
    let names = ["subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"];
    let taxes: Vec<Value> = invoice["total_taxes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tax| json!([tax["amount"], tax["taxable_amount"], tax["tax_behavior"]]))
        .collect();
    json!([names.map(|name| invoice[name].clone()), taxes])
}

#[tokio::test]
async fn taxes_come_on_top_or_are_contained_and_are_counted_after_discounts() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2380).await);
    let (on_top, contained) = (rate(client, "19", "false").await, rate(client, "19", "true").await);
    let half = [("percent_off", "50"), ("duration", "forever")];
    let half = id(&client.post("/v1/coupons", &half).await.ok());
    let first = async |more: &[(&str, &str)]| {
        let mut params = vec![("expand[]", "latest_invoice")];
        params.extend_from_slice(more);
        sums(&client.subscribe(&customer, &price, &params).await.ok()["latest_invoice"])
    };
    assert_eq!(
        first(&[("default_tax_rates[]", &on_top)]).await,
        json!([[2380, 2380, 2832, 2380], [[452, 2380, "exclusive"]]])
    );
    assert_eq!(
        first(&[("default_tax_rates[]", &contained)]).await,
        json!([[2380, 2000, 2380, 2000], [[380, 2000, "inclusive"]]])
    );
    assert_eq!(
        first(&[
            ("items[0][tax_rates][]", &on_top),
            ("default_tax_rates[]", &contained),
            ("discounts[0][coupon]", &half)
        ])
        .await,
        json!([[2380, 2380, 1416, 1190], [[226, 1190, "exclusive"]]])
    );
}

#[tokio::test]
async fn automatic_tax_is_a_tenth_where_it_is_known_where_the_customer_is() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let automatic = [("automatic_tax[enabled]", "true"), ("expand[]", "latest_invoice")];
    let refused = client.subscribe(&customer, &price, &automatic).await;
    assert_eq!(refused.refusal(), (400, "customer_tax_location_invalid", "automatic_tax[enabled]"));
    let path = format!("/v1/customers/{customer}");
    client.post(&path, &[("address[country]", "DE")]).await.ok();
    for (exempt, total, reason) in [
        ("none", 3190, "standard_rated"),
        ("reverse", 2900, "reverse_charge"),
        ("exempt", 2900, "customer_exempt"),
    ] {
        client.post(&path, &[("tax_exempt", exempt)]).await.ok();
        let invoice = &client.subscribe(&customer, &price, &automatic).await.ok()["latest_invoice"];
        assert_eq!((&invoice["total"], &invoice["amount_paid"]), (&json!(total), &json!(total)), "{exempt}");
        assert_eq!(invoice["total_taxes"][0]["taxability_reason"], reason);
        assert_eq!(invoice["automatic_tax"]["status"], "complete");
    }
    world.check_events();
}
