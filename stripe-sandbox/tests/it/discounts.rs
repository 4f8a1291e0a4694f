use serde_json::{Value, json};

use crate::support::{Client, DAY, HOUR, START, World, id, world};

async fn coupon(client: &Client, params: &[(&str, &str)]) -> String {
    id(&client.post("/v1/coupons", params).await.ok())
}

/// `(subtotal, total, discounts, amount_paid)` of the newest invoice.
fn newest(world: &World) -> Value {
    let invoice = world.sandbox.objects("invoice").remove(0);
    let off: Vec<&Value> =
        invoice["total_discount_amounts"].as_array().unwrap().iter().map(|off| &off["amount"]).collect();
    json!([invoice["subtotal"], invoice["total"], off, invoice["amount_paid"]])
}

#[tokio::test]
async fn a_coupon_counts_once_for_months_or_for_ever() {
    for (duration, months, totals) in [
        ("once", None, [2000, 4000, 4000, 4000]),
        ("repeating", Some("2"), [2000, 2000, 4000, 4000]),
        ("forever", None, [2000, 2000, 2000, 2000]),
    ] {
        let world = world().await;
        let client = &world.client;
        let (customer, price) =
            (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 4000).await);
        let mut params = vec![("percent_off", "50"), ("duration", duration)];
        params.extend(months.map(|months| ("duration_in_months", months)));
        let half = coupon(client, &params).await;
        let subscription = client.subscribe(&customer, &price, &[("discounts[0][coupon]", &half)]).await.ok();
        let mut said = false;
        for (month, total) in totals.into_iter().enumerate() {
            // From 31 January: 28 February, 31 March, 30 April.
            world.sandbox.set_now(START + [0, 28, 59, 89][month] * DAY + HOUR);
            let off = if total == 2000 { json!([2000]) } else { json!([]) };
            assert_eq!(newest(&world), json!([4000, total, off, total]), "{duration}, month {month}");
            said |= world.event_types(0).contains(&"customer.discount.deleted".to_owned());
        }
        let now = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
        let left = now["discounts"].as_array().unwrap().len();
        assert_eq!(left, usize::from(duration == "forever"));
        assert_eq!(said, duration != "forever", "{duration}");
        world.check_events();
    }
}

#[tokio::test]
async fn a_trial_does_not_use_up_a_coupon_that_counts_once() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let half = id(&client.post("/v1/coupons", &[("percent_off", "50"), ("duration", "once")]).await.ok());
    let trial = [("trial_period_days", "7"), ("discounts[0][coupon]", half.as_str())];
    client.subscribe(&customer, &price, &trial).await.ok();
    world.sandbox.set_now(START + 50 * DAY);
    let invoices = world.sandbox.objects("invoice");
    let totals: Vec<&Value> = invoices.iter().rev().map(|invoice| &invoice["total"]).collect();
    assert_eq!(totals, [0, 1400, 2800]);
}

#[tokio::test]
async fn an_amount_is_given_once_an_invoice_and_spread_over_its_lines() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let (a, b) = (client.monthly("A", 1000).await, client.monthly("B", 2001).await);
    let off = coupon(client, &[("amount_off", "1000"), ("currency", "usd"), ("duration", "forever")]).await;
    let more =
        [("items[1][price]", b.as_str()), ("discounts[0][coupon]", &off), ("expand[]", "latest_invoice")];
    let subscription = client.subscribe(&customer, &a, &more).await.ok();
    let invoice = &subscription["latest_invoice"];
    assert_eq!((&invoice["subtotal"], &invoice["total"]), (&json!(3001), &json!(2001)));
    let shares: Vec<i64> = invoice["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["discount_amounts"][0]["amount"].as_i64().unwrap())
        .collect();
    assert_eq!(shares, [333, 667]);
    let euro = [
        ("currency", "eur"),
        ("unit_amount", "900"),
        ("recurring[interval]", "month"),
        ("product_data[name]", "E"),
    ];
    let euro = id(&client.post("/v1/prices", &euro).await.ok());
    let other = client.customer(Some("pm_card_visa")).await;
    let refused = client.subscribe(&other, &euro, &[("discounts[0][coupon]", &off)]).await;
    assert_eq!(refused.refusal(), (400, "", "discounts[0][coupon]"));
}

#[tokio::test]
async fn a_downgrade_credits_what_was_paid_and_not_the_list_price() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let (big, small) = (client.monthly("Big", 8000).await, client.monthly("Small", 2000).await);
    let once = coupon(client, &[("percent_off", "75"), ("duration", "once")]).await;
    let subscription = client.subscribe(&customer, &big, &[("discounts[0][coupon]", &once)]).await.ok();
    assert_eq!(newest(&world), json!([8000, 2000, [6000], 2000]));
    world.sandbox.set_now(START + 14 * DAY);
    let item = id(&subscription["items"]["data"][0]);
    let change = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", &small),
        ("proration_behavior", "always_invoice"),
    ];
    client.post(&format!("/v1/subscriptions/{}", id(&subscription)), &change).await.ok();
    // Half of the 2000 that were paid come back, half of 2000 is due: the coupon was used up.
    assert_eq!(newest(&world), json!([0, 0, [], 0]));
}

#[tokio::test]
async fn a_whole_discount_needs_no_card_and_the_subscription_is_active() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(None).await, client.monthly("Pro", 2900).await);
    let free = coupon(client, &[("percent_off", "100"), ("duration", "forever")]).await;
    let subscription = client.subscribe(&customer, &price, &[("discounts[0][coupon]", &free)]).await.ok();
    assert_eq!(subscription["status"], "active");
    assert_eq!(newest(&world), json!([2900, 0, [2900], 0]));
}

#[tokio::test]
async fn coupons_and_codes_that_are_used_up_late_or_not_for_this_order_are_refused() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let until = (START + DAY).to_string();
    let scarce =
        coupon(client, &[("percent_off", "10"), ("duration", "forever"), ("max_redemptions", "1")]).await;
    let short =
        coupon(client, &[("percent_off", "10"), ("duration", "forever"), ("redeem_by", &until)]).await;
    let with = async |name: &str, value: &str| client.subscribe(&customer, &price, &[(name, value)]).await;
    with("discounts[0][coupon]", &scarce).await.ok();
    assert_eq!(client.get(&format!("/v1/coupons/{scarce}"), &[]).await.ok()["valid"], false);
    let expired = (400, "coupon_expired", "discounts[0][coupon]");
    assert_eq!(with("discounts[0][coupon]", &scarce).await.refusal(), expired);
    assert_eq!(
        with("discounts[0][coupon]", "none").await.refusal(),
        (400, "resource_missing", "discounts[0][coupon]")
    );
    let code = async |coupon: &str, more: &[(&str, &str)]| {
        let mut params = vec![("promotion[type]", "coupon"), ("promotion[coupon]", coupon)];
        params.extend_from_slice(more);
        id(&client.post("/v1/promotion_codes", &params).await.ok())
    };
    let first = code(&short, &[("restrictions[first_time_transaction]", "true")]).await;
    let large = [("restrictions[minimum_amount]", "3000"), ("restrictions[minimum_amount_currency]", "usd")];
    let large = code(&short, &large).await;
    let other = client.customer(None).await;
    let personal = code(&short, &[("customer", &other), ("code", "PERSONAL")]).await;
    let refused = (400, "", "discounts[0][promotion_code]");
    for code in [&first, &large, &personal] {
        assert_eq!(with("discounts[0][promotion_code]", code).await.refusal(), refused);
    }
    let plenty = [("items[0][quantity]", "2"), ("discounts[0][promotion_code]", large.as_str())];
    client.subscribe(&customer, &price, &plenty).await.ok();
    assert_eq!(client.get(&format!("/v1/promotion_codes/{large}"), &[]).await.ok()["times_redeemed"], 1);
    client.post(&format!("/v1/promotion_codes/{large}"), &[("active", "false")]).await.ok();
    assert_eq!(client.subscribe(&customer, &price, &plenty).await.refusal(), refused);
    let twice = [
        ("promotion[type]", "coupon"),
        ("promotion[coupon]", short.as_str()),
        ("code", "personal"),
        ("customer", &other),
    ];
    assert_eq!(
        client.post("/v1/promotion_codes", &twice).await.refusal(),
        (400, "resource_already_exists", "code")
    );
    world.sandbox.set_now(START + 2 * DAY);
    assert_eq!(with("discounts[0][coupon]", &short).await.refusal(), expired);
}

#[tokio::test]
async fn a_refused_update_leaves_no_trace() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    let ten = coupon(client, &[("percent_off", "10"), ("duration", "forever")]).await;
    let events = world.sandbox.events().len();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let change = [("discounts[0][coupon]", ten.as_str()), ("discounts[1][coupon]", "none")];
    assert_eq!(
        client.post(&path, &change).await.refusal(),
        (400, "resource_missing", "discounts[1][coupon]")
    );
    assert_eq!(client.get(&format!("/v1/coupons/{ten}"), &[]).await.ok()["times_redeemed"], 0);
    assert_eq!(world.sandbox.events().len(), events);
    assert_eq!(client.get(&path, &[]).await.ok(), subscription);
}
