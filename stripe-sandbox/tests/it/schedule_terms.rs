//! Discounts and taxes in the phases of schedules.

use serde_json::{Value, json};

use crate::support::{Client, DAY, HOUR, Params, START, World, id, world};

async fn coupon(client: &Client, percent: &str) -> String {
    id(&client.post("/v1/coupons", &[("percent_off", percent), ("duration", "forever")]).await.ok())
}

async fn rate(client: &Client) -> String {
    let rate = [("display_name", "VAT"), ("percentage", "20"), ("inclusive", "false")];
    id(&client.post("/v1/tax_rates", &rate).await.ok())
}

/// Makes a schedule that begins now with two phases of a month each, on a price of 2800. Gives it.
async fn two_phases(world: &World, more: Params<'_>) -> Value {
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let mut params = vec![
        ("customer", customer.as_str()),
        ("start_date", "now"),
        ("phases[0][items][0][price]", &price),
        ("phases[0][duration][interval]", "month"),
        ("phases[1][items][0][price]", &price),
        ("phases[1][duration][interval]", "month"),
    ];
    params.extend_from_slice(more);
    client.post("/v1/subscription_schedules", &params).await.ok()
}

/// The totals of all invoices, oldest first.
fn totals(world: &World) -> Vec<i64> {
    let invoices = world.sandbox.objects("invoice");
    invoices.iter().rev().map(|invoice| invoice["total"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_discount_of_a_phase_ends_with_it() {
    let world = world().await;
    let half = coupon(&world.client, "50").await;
    let schedule = two_phases(&world, &[("phases[0][discounts][0][coupon]", &half)]).await;
    assert_eq!(
        schedule["phases"][0]["discounts"],
        json!([{ "coupon": half, "discount": null, "promotion_code": null }])
    );
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    assert_eq!(totals(&world), [1400, 2800]);
    let events = world.event_types(0);
    assert_eq!(events.iter().filter(|kind| *kind == "customer.discount.created").count(), 1);
    assert_eq!(events.iter().filter(|kind| *kind == "customer.discount.deleted").count(), 1);
    world.check_events();
}

#[tokio::test]
async fn discounts_and_taxes_of_items_and_phases_add_up() {
    let world = world().await;
    let client = &world.client;
    let (half, tenth, vat) = (coupon(client, "50").await, coupon(client, "10").await, rate(client).await);
    two_phases(
        &world,
        &[
            ("phases[0][items][0][discounts][0][coupon]", &half),
            ("phases[0][discounts][0][coupon]", &tenth),
            ("phases[0][default_tax_rates][0]", &vat),
            ("phases[1][items][0][tax_rates][0]", &vat),
        ],
    )
    .await;
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    assert_eq!(totals(&world), [1400 * 9 / 10 * 6 / 5, 2800 * 6 / 5]);
    world.check_events();
}

#[tokio::test]
async fn the_first_phase_of_a_subscription_says_what_discounts_it_has_and_can_pass_them_on() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let half = coupon(client, "50").await;
    let subscription = client.subscribe(&customer, &price, &[("discounts[0][coupon]", &half)]).await.ok();
    let discount = subscription["discounts"][0].as_str().unwrap();
    let made = [("from_subscription", &*id(&subscription)), ("expand[]", "phases.discounts.discount")];
    let schedule = client.post("/v1/subscription_schedules", &made).await.ok();
    assert_eq!(schedule["phases"][0]["discounts"][0]["discount"]["id"], discount);
    let (start, end) = (START.to_string(), (START + 28 * DAY).to_string());
    let phases = [
        ("phases[0][items][0][price]", price.as_str()),
        ("phases[0][start_date]", &start),
        ("phases[0][end_date]", &end),
        ("phases[0][discounts][0][discount]", discount),
        ("phases[1][items][0][price]", &price),
        ("phases[1][items][0][quantity]", "2"),
        ("phases[1][duration][interval]", "month"),
        ("phases[1][discounts][0][discount]", discount),
    ];
    client.post(&format!("/v1/subscription_schedules/{}", id(&schedule)), &phases).await.ok();
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    assert_eq!(totals(&world), [1400, 2800], "half of one and half of two");
    let events = world.event_types(0);
    assert_eq!(events.iter().filter(|kind| *kind == "customer.discount.created").count(), 1, "it is kept");
    // A direct change splits the phase, and the discount goes on.
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let item = id(&subscription["items"]["data"][0]);
    client.post(&path, &[("items[0][id]", &item), ("items[0][quantity]", "4")]).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["discounts"], json!([discount]));
}

#[tokio::test]
async fn a_changed_current_phase_redeems_only_what_is_new() {
    let world = world().await;
    let client = &world.client;
    let (half, tenth) = (coupon(client, "50").await, coupon(client, "10").await);
    let schedule = two_phases(&world, &[("phases[0][discounts][0][coupon]", &half)]).await;
    let path = format!("/v1/subscription_schedules/{}", id(&schedule));
    let (start, end) = (START.to_string(), (START + 28 * DAY).to_string());
    let price = schedule["phases"][0]["items"][0]["price"].as_str().unwrap();
    let change = async |coupon: &str, quantity: &str| {
        let phase = [
            ("phases[0][items][0][price]", price),
            ("phases[0][items][0][quantity]", quantity),
            ("phases[0][start_date]", &start),
            ("phases[0][end_date]", &end),
            ("phases[0][discounts][0][coupon]", coupon),
            ("proration_behavior", "none"),
        ];
        client.post(&path, &phase).await.ok();
        let redeemed = client.get(&format!("/v1/coupons/{coupon}"), &[]).await.ok();
        redeemed["times_redeemed"].as_i64().unwrap()
    };
    assert_eq!(change(&half, "2").await, 1, "the same coupon is not redeemed again");
    assert_eq!(change(&tenth, "2").await, 1);
    let none = [
        ("phases[0][items][0][price]", price),
        ("phases[0][start_date]", &start),
        ("phases[0][discounts][0][coupon]", "none"),
    ];
    let param = "phases[0][discounts][0][coupon]";
    assert_eq!(client.post(&path, &none).await.refusal(), (400, "resource_missing", param));
}

#[tokio::test]
async fn a_refused_schedule_leaves_nothing_behind() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let params = [
        ("customer", customer.as_str()),
        ("start_date", "now"),
        ("phases[0][items][0][price]", &price),
        ("phases[0][add_invoice_items][0][price]", &price),
    ];
    let refused = client.post("/v1/subscription_schedules", &params).await;
    assert_eq!(refused.refusal(), (400, "", "phases[0][add_invoice_items][0][price]"));
    // Good for one of the two, which shows only when the phase begins.
    let last = [("id", "last"), ("percent_off", "50"), ("duration", "forever"), ("max_redemptions", "1")];
    client.post("/v1/coupons", &last).await.ok();
    let twice = [
        ("customer", customer.as_str()),
        ("start_date", "now"),
        ("phases[0][items][0][price]", &price),
        ("phases[0][items][0][discounts][0][coupon]", "last"),
        ("phases[0][discounts][0][coupon]", "last"),
    ];
    let refused = client.post("/v1/subscription_schedules", &twice).await;
    assert_eq!(refused.refusal().1, "coupon_expired");
    assert_eq!(client.get("/v1/coupons/last", &[]).await.ok()["times_redeemed"], 0);
    assert!(world.sandbox.objects("subscription_schedule").is_empty());
    assert!(world.sandbox.objects("subscription").is_empty());
}

#[tokio::test]
async fn automatic_tax_is_a_phase_s_own_or_the_schedule_s() {
    for (setting, taxed) in [
        ("default_settings[automatic_tax][enabled]", [3080, 3080]),
        ("phases[1][automatic_tax][enabled]", [2800, 3080]),
    ] {
        let world = world().await;
        let client = &world.client;
        let customer = client.customer(Some("pm_card_visa")).await;
        client.post(&format!("/v1/customers/{customer}"), &[("address[country]", "DE")]).await.ok();
        let price = client.monthly("Pro", 2800).await;
        let params = [
            ("customer", customer.as_str()),
            ("start_date", "now"),
            ("phases[0][items][0][price]", &price),
            ("phases[0][duration][interval]", "month"),
            ("phases[1][items][0][price]", &price),
            ("phases[1][duration][interval]", "month"),
            (setting, "true"),
        ];
        client.post("/v1/subscription_schedules", &params).await.ok();
        world.sandbox.set_now(START + 28 * DAY + HOUR);
        assert_eq!(totals(&world), taxed, "{setting}");
    }
}

#[tokio::test]
async fn phases_are_charged_in_the_currency_they_name() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let price = [
        ("currency", "usd"),
        ("unit_amount", "2800"),
        ("recurring[interval]", "month"),
        ("product_data[name]", "Pro"),
        ("currency_options[eur][unit_amount]", "2500"),
    ];
    let price = id(&client.post("/v1/prices", &price).await.ok());
    let params = [
        ("customer", customer.as_str()),
        ("start_date", "now"),
        ("phases[0][items][0][price]", &price),
        ("phases[0][currency]", "eur"),
        ("phases[0][duration][interval]", "month"),
        ("phases[1][items][0][price]", &price),
        ("phases[1][items][0][quantity]", "2"),
        ("phases[1][duration][interval]", "month"),
    ];
    let schedule = client.post("/v1/subscription_schedules", &params).await.ok();
    assert_eq!(schedule["phases"][1]["currency"], "eur");
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    assert_eq!(totals(&world), [2500, 5000]);
    assert!(world.sandbox.objects("invoice").iter().all(|invoice| invoice["currency"] == "eur"));
}
