//! `add_invoice_items`, on subscriptions and in phases.

use serde_json::{Value, json};

use crate::support::{Client, DAY, HOUR, Params, START, id, world};

/// A one-time price. Gives its id.
async fn once(client: &Client, amount: &str) -> String {
    let price = [("currency", "usd"), ("unit_amount", amount), ("product_data[name]", "Setup")];
    id(&client.post("/v1/prices", &price).await.ok())
}

fn amounts(invoice: &Value) -> Vec<i64> {
    invoice["lines"]["data"].as_array().unwrap().iter().map(|line| line["amount"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_setup_fee_stands_on_the_first_invoice() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let fee = once(client, "1000").await;
    let added = [
        ("add_invoice_items[0][price]", fee.as_str()),
        ("add_invoice_items[0][quantity]", "2"),
        ("add_invoice_items[0][metadata][kind]", "setup"),
        ("expand[]", "latest_invoice"),
    ];
    let subscription = client.subscribe(&customer, &price, &added).await.ok();
    let invoice = &subscription["latest_invoice"];
    assert_eq!((amounts(invoice), &invoice["amount_paid"]), (vec![2800, 2000], &json!(4800)));
    let line = &invoice["lines"]["data"][1];
    assert_eq!(line["period"], json!({ "start": START, "end": START + 28 * DAY }), "the items' period");
    assert_eq!((&line["metadata"]["kind"], &line["quantity"]), (&json!("setup"), &json!(2)));
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    assert_eq!(amounts(&world.sandbox.objects("invoice")[0]), [2800], "it is charged once");
    world.check_events();
}

#[tokio::test]
async fn a_trial_with_a_fee_begins_when_the_fee_is_paid() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) =
        (client.customer(Some("pm_card_chargeCustomerFail")).await, client.monthly("Pro", 2800).await);
    let fee = once(client, "1000").await;
    let added = [
        ("trial_period_days", "14"),
        ("add_invoice_items[0][price]", fee.as_str()),
        ("expand[]", "latest_invoice"),
    ];
    let subscription = client.subscribe(&customer, &price, &added).await.ok();
    assert_eq!(subscription["status"], "incomplete");
    assert_eq!(amounts(&subscription["latest_invoice"]), [0, 1000]);
    let pay = format!("/v1/invoices/{}/pay", id(&subscription["latest_invoice"]));
    client.post(&pay, &[("payment_method", "pm_card_visa")]).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "trialing");
    world.sandbox.set_now(START + 14 * DAY);
    assert_eq!(amounts(&world.sandbox.objects("invoice")[0]), [2800]);
}

#[tokio::test]
async fn an_update_adds_to_the_next_invoice_or_makes_one_at_once() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let (fee, subscription) =
        (once(client, "500").await, client.subscribe(&customer, &price, &[]).await.ok());
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    world.sandbox.set_now(START + DAY);
    let at = (START + 3 * DAY).to_string();
    let added = [
        ("add_invoice_items[0][price]", fee.as_str()),
        ("add_invoice_items[0][period][start][type]", "now"),
        ("add_invoice_items[0][period][end][type]", "timestamp"),
        ("add_invoice_items[0][period][end][timestamp]", &at),
    ];
    let later = client.post(&path, &added).await.ok();
    assert_eq!(later["latest_invoice"], subscription["latest_invoice"], "it waits");
    let waiting = client.get("/v1/invoiceitems", &[("pending", "true")]).await.ok();
    assert_eq!(waiting["data"][0]["period"], json!({ "start": START + DAY, "end": START + 3 * DAY }));
    let now = [
        ("add_invoice_items[0][price_data][currency]", "usd"),
        ("add_invoice_items[0][price_data][product]", price_product(client, &fee).await.as_str()),
        ("add_invoice_items[0][price_data][unit_amount]", "700"),
        ("proration_behavior", "always_invoice"),
        ("expand[]", "latest_invoice"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let now: Vec<(&str, &str)> = now.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let invoiced = client.post(&path, &now).await.ok();
    let invoice = &invoiced["latest_invoice"];
    assert_eq!((amounts(invoice), &invoice["status"]), (vec![500, 700], &json!("paid")));
}

async fn price_product(client: &Client, price: &str) -> String {
    client.get(&format!("/v1/prices/{price}"), &[]).await.ok()["product"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_added_item_that_cannot_be_is_refused_by_its_name_and_nothing_is_made() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let euros = [("currency", "eur"), ("unit_amount", "100"), ("product_data[name]", "Setup")];
    let euros = id(&client.post("/v1/prices", &euros).await.ok());
    let fee = once(client, "500").await;
    let first = "add_invoice_items[0][price]";
    let cases: [(Params<'_>, &str, &str); 6] = [
        (&[(first, &price)], "", first),
        (&[(first, &euros)], "", first),
        (&[(first, "price_none")], "resource_missing", first),
        (&[("add_invoice_items[0][quantity]", "1")], "parameter_missing", first),
        (
            &[(first, &fee), ("add_invoice_items[0][discounts][0][coupon]", "none")],
            "resource_missing",
            "add_invoice_items[0][discounts][0][coupon]",
        ),
        (
            &[
                (first, &fee),
                ("add_invoice_items[1][price]", &fee),
                ("add_invoice_items[1][tax_rates][0]", "x"),
            ],
            "resource_missing",
            "add_invoice_items[1][tax_rates][0]",
        ),
    ];
    for (params, code, param) in cases {
        assert_eq!(
            client.subscribe(&customer, &price, params).await.refusal(),
            (400, code, param),
            "{params:?}"
        );
    }
    assert!(
        world.sandbox.objects("subscription").is_empty() && world.sandbox.objects("invoiceitem").is_empty()
    );
}

#[tokio::test]
async fn a_phase_adds_to_its_first_invoice_once() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let (fee, bigger) = (once(client, "500").await, once(client, "900").await);
    let phases = [
        ("customer", customer.as_str()),
        ("start_date", "now"),
        ("phases[0][items][0][price]", &price),
        ("phases[0][duration][interval]", "month"),
        ("phases[0][add_invoice_items][0][price]", &fee),
        ("phases[1][items][0][price]", &price),
        ("phases[1][duration][interval]", "month"),
        ("phases[1][duration][interval_count]", "2"),
        ("phases[1][add_invoice_items][0][price]", &bigger),
        ("phases[1][add_invoice_items][0][period][start][type]", "phase_start"),
        ("phases[1][add_invoice_items][0][period][end][type]", "phase_end"),
        ("expand[]", "phases.add_invoice_items.price"),
    ];
    let schedule = client.post("/v1/subscription_schedules", &phases).await.ok();
    assert_eq!(schedule["phases"][1]["add_invoice_items"][0]["price"]["unit_amount"], 900);
    world.sandbox.set_now(START + 60 * DAY);
    let mut invoices = world.sandbox.objects("invoice");
    invoices.reverse();
    let invoiced: Vec<Vec<i64>> = invoices.iter().map(amounts).collect();
    assert_eq!(invoiced, [vec![2800, 500], vec![2800, 900], vec![2800]]);
    let line = &invoices[1]["lines"]["data"][1];
    assert_eq!(line["period"], json!({ "start": START + 28 * DAY, "end": START + 89 * DAY }));
    world.check_events();
}
