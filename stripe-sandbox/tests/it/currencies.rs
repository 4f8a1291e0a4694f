//! Prices in several currencies, and customers who are charged in one.

use serde_json::json;

use crate::support::{Client, DAY, HOUR, START, id, world};

/// 28.00 USD or 25.00 EUR a month.
async fn both(client: &Client) -> String {
    let price = [
        ("currency", "usd"),
        ("unit_amount", "2800"),
        ("recurring[interval]", "month"),
        ("product_data[name]", "Pro"),
        ("currency_options[eur][unit_amount]", "2500"),
        ("currency_options[eur][tax_behavior]", "inclusive"),
        ("expand[]", "currency_options"),
    ];
    let price = client.post("/v1/prices", &price).await.ok();
    assert_eq!(price["currency_options"]["eur"]["unit_amount"], 2500);
    assert_eq!(price["currency_options"]["usd"]["unit_amount"], 2800);
    id(&price)
}

#[tokio::test]
async fn a_subscription_is_charged_in_the_currency_it_asks_for() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, both(client).await);
    let euros = [("currency", "eur"), ("expand[]", "latest_invoice")];
    let subscription = client.subscribe(&customer, &price, &euros).await.ok();
    let invoice = &subscription["latest_invoice"];
    assert_eq!((&subscription["currency"], &invoice["currency"]), (&json!("eur"), &json!("eur")));
    assert_eq!(invoice["amount_paid"], 2500);
    assert_eq!(invoice["lines"]["data"][0]["description"], "1 × Pro (at €25.00 / month)");
    assert_eq!(subscription["items"]["data"][0]["price"]["currency"], "usd", "the price is what it is");
    // A change is prorated in that currency, too.
    world.sandbox.set_now(START + 14 * DAY);
    let more = [
        ("items[0][id]", &*id(&subscription["items"]["data"][0])),
        ("items[0][quantity]", "3"),
        ("proration_behavior", "always_invoice"),
        ("expand[]", "latest_invoice"),
    ];
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let changed = client.post(&path, &more).await.ok();
    let invoice = &changed["latest_invoice"];
    assert_eq!((&invoice["currency"], &invoice["amount_paid"]), (&json!("eur"), &json!(2500)));
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    assert_eq!(world.sandbox.objects("invoice")[0]["amount_paid"], 7500);
    let dollars = client.subscribe(&client.customer(Some("pm_card_visa")).await, &price, &[]).await.ok();
    assert_eq!(dollars["currency"], "usd");
    world.check_events();
}

#[tokio::test]
async fn a_currency_that_a_price_does_not_have_is_refused_and_can_be_added() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, both(client).await);
    let yen = [("currency", "jpy")];
    let refused = client.subscribe(&customer, &price, &yen).await;
    assert_eq!(refused.refusal(), (400, "", "items[0][price]"));
    let path = format!("/v1/prices/{price}");
    client.post(&path, &[("currency_options[jpy][unit_amount_decimal]", "3000.5")]).await.ok();
    let subscription = client.subscribe(&customer, &price, &yen).await.ok();
    assert_eq!(subscription["currency"], "jpy");
    let own = client.post(&path, &[("currency_options[usd][unit_amount]", "1")]).await;
    assert_eq!(own.refusal(), (400, "", "currency_options[usd]"));
    let none = client.post(&path, &[("currency_options[xyz][unit_amount]", "1")]).await;
    assert_eq!(none.refusal(), (400, "", "currency"));
}

#[tokio::test]
async fn tiers_have_a_currency_of_their_own() {
    let world = world().await;
    let client = &world.client;
    let tiers = [
        ("currency", "usd"),
        ("recurring[interval]", "month"),
        ("product_data[name]", "Seats"),
        ("billing_scheme", "tiered"),
        ("tiers_mode", "graduated"),
        ("tiers[0][up_to]", "2"),
        ("tiers[0][unit_amount]", "1000"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount]", "500"),
        ("currency_options[eur][tiers][0][up_to]", "2"),
        ("currency_options[eur][tiers][0][unit_amount]", "900"),
        ("currency_options[eur][tiers][1][up_to]", "inf"),
        ("currency_options[eur][tiers][1][unit_amount]", "400"),
    ];
    let price = id(&client.post("/v1/prices", &tiers).await.ok());
    let customer = client.customer(Some("pm_card_visa")).await;
    let euros = [("currency", "eur"), ("items[0][quantity]", "3"), ("expand[]", "latest_invoice")];
    let subscription = client.subscribe(&customer, &price, &euros).await.ok();
    assert_eq!(subscription["latest_invoice"]["amount_paid"], 2 * 900 + 400);
}

#[tokio::test]
async fn an_invoice_item_and_a_checkout_take_the_currency_of_what_they_are_for() {
    let world = world().await;
    let client = &world.client;
    let once = [
        ("currency", "usd"),
        ("unit_amount", "1000"),
        ("product_data[name]", "Book"),
        ("currency_options[eur][unit_amount]", "900"),
    ];
    let once = id(&client.post("/v1/prices", &once).await.ok());
    let customer = client.customer(None).await;
    let draft = id(&client.post("/v1/invoices", &[("customer", &customer), ("currency", "eur")]).await.ok());
    let item = [("customer", customer.as_str()), ("invoice", &draft), ("pricing[price]", &once)];
    let item = client.post("/v1/invoiceitems", &item).await.ok();
    assert_eq!((&item["currency"], &item["amount"]), (&json!("eur"), &json!(900)));
    let session = [
        ("mode", "payment"),
        ("currency", "eur"),
        ("line_items[0][price]", &once),
        ("line_items[0][quantity]", "2"),
        ("success_url", "http://127.0.0.1/"),
    ];
    let session = client.post("/v1/checkout/sessions", &session).await.ok();
    assert_eq!((&session["currency"], &session["amount_total"]), (&json!("eur"), &json!(1800)));
}

#[tokio::test]
async fn a_customer_has_one_currency_at_a_time() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, both(client).await);
    let dollars = client.subscribe(&customer, &price, &[]).await.ok();
    let refused = client.subscribe(&customer, &price, &[("currency", "eur")]).await;
    assert_eq!(refused.refusal(), (400, "", ""));
    assert!(refused.body["error"]["message"].as_str().unwrap().starts_with("You cannot combine currencies"));
    let item = [("customer", customer.as_str()), ("amount", "100"), ("currency", "eur")];
    assert_eq!(client.post("/v1/invoiceitems", &item).await.refusal(), (400, "", ""));
    client.delete(&format!("/v1/subscriptions/{}", id(&dollars)), &[]).await.ok();
    let euros = client.subscribe(&customer, &price, &[("currency", "eur")]).await.ok();
    assert_eq!(euros["currency"], "eur");
    let customer = client.get(&format!("/v1/customers/{customer}"), &[]).await.ok();
    assert_eq!(customer["currency"], "eur");
}

#[tokio::test]
async fn a_balance_has_no_part_in_invoices_of_another_currency() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let balance = format!("/v1/customers/{customer}/balance_transactions");
    client.post(&balance, &[("amount", "-500"), ("currency", "usd")]).await.ok();
    let draft = id(&client.post("/v1/invoices", &[("customer", &customer), ("currency", "eur")]).await.ok());
    let item = [("customer", customer.as_str()), ("invoice", &draft), ("amount", "900"), ("currency", "eur")];
    client.post("/v1/invoiceitems", &item).await.ok();
    let paid = client.post(&format!("/v1/invoices/{draft}/pay"), &[]).await.ok();
    assert_eq!((&paid["amount_paid"], &paid["starting_balance"]), (&json!(900), &json!(0)));
    let after = client.get(&format!("/v1/customers/{customer}"), &[]).await.ok();
    assert_eq!((&after["balance"], &after["currency"]), (&json!(-500), &json!("usd")));
}

#[tokio::test]
async fn what_card_networks_do_not_move_is_not_charged() {
    let world = world().await;
    let client = &world.client;
    for (amount, currency, code) in [
        ("1505", "kwd", "invalid_charge_amount"),
        ("150", "isk", "invalid_charge_amount_no_decimal_compatible"),
        ("550", "ugx", "invalid_charge_amount_no_decimal_compatible"),
    ] {
        let intent = [("amount", amount), ("currency", currency)];
        assert_eq!(client.post("/v1/payment_intents", &intent).await.refusal(), (400, code, "amount"));
    }
    let paid = [
        ("amount", "1510"),
        ("currency", "kwd"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
        ("return_url", "http://127.0.0.1/"),
    ];
    let paid = client.post("/v1/payment_intents", &paid).await.ok();
    let refund = [("payment_intent", &*id(&paid)), ("amount", "505")];
    assert_eq!(client.post("/v1/refunds", &refund).await.refusal(), (400, "invalid_charge_amount", "amount"));
}

#[tokio::test]
async fn an_invoice_item_stays_with_its_invoice_in_customer_and_currency() {
    let world = world().await;
    let client = &world.client;
    let (ann, bob) = (client.customer(None).await, client.customer(None).await);
    let draft = id(&client.post("/v1/invoices", &[("customer", &ann), ("currency", "usd")]).await.ok());
    let item = |customer: &str, currency: &str| {
        [("customer", customer), ("invoice", &draft), ("amount", "100"), ("currency", currency)]
            .map(|(name, value)| (name, value.to_owned()))
    };
    for (customer, currency, param) in [(&ann, "eur", "currency"), (&bob, "usd", "invoice")] {
        let item = item(customer, currency);
        let item: Vec<(&str, &str)> = item.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(client.post("/v1/invoiceitems", &item).await.refusal(), (400, "", param));
    }
    assert_eq!(client.get(&format!("/v1/invoices/{draft}"), &[]).await.ok()["total"], 0);
}

#[tokio::test]
async fn another_quantity_of_an_item_in_tiers_costs_what_the_tiers_say() {
    let world = world().await;
    let client = &world.client;
    let tiers = [
        ("currency", "usd"),
        ("product_data[name]", "Seats"),
        ("billing_scheme", "tiered"),
        ("tiers_mode", "volume"),
        ("tiers[0][up_to]", "5"),
        ("tiers[0][unit_amount]", "1000"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount]", "800"),
    ];
    let price = id(&client.post("/v1/prices", &tiers).await.ok());
    let customer = client.customer(None).await;
    let item = [("customer", customer.as_str()), ("pricing[price]", &price), ("quantity", "2")];
    let item = client.post("/v1/invoiceitems", &item).await.ok();
    assert_eq!(item["amount"], 2000);
    let more = client.post(&format!("/v1/invoiceitems/{}", id(&item)), &[("quantity", "6")]).await.ok();
    assert_eq!(more["amount"], 4800);
}
