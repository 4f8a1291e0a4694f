use serde_json::{Value, json};

use crate::support::{DAY, HOUR, START, World, id, world};

const PREVIEW: &str = "/v1/invoices/create_preview";

/// What of an invoice's money a preview promises.
fn money(invoice: &Value) -> Value {
    let lines = invoice["lines"]["data"].as_array().unwrap().iter();
    let lines: Vec<Value> =
        lines.map(|line| json!([line["amount"], line["description"], line["period"]])).collect();
    let totals = ["subtotal", "total", "amount_due", "starting_balance", "ending_balance", "currency"];
    json!({ "lines": lines, "totals": totals.map(|name| invoice[name].clone()) })
}

/// A customer with a subscription to Pro, at half of its first period; and the id of Enterprise.
async fn half_a_month(world: &World) -> (String, Value, String) {
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let (pro, enterprise) = (client.monthly("Pro", 2900).await, client.monthly("Enterprise", 9900).await);
    let subscription = client.subscribe(&customer, &pro, &[]).await.ok();
    world.sandbox.set_now(START + 14 * DAY);
    (customer, subscription, enterprise)
}

#[tokio::test]
async fn a_preview_shows_the_renewal_and_changes_nothing() {
    let world = world().await;
    let (customer, subscription, _) = half_a_month(&world).await;
    let (events, invoices) = (world.sandbox.events().len(), world.sandbox.objects("invoice").len());
    let subscription = id(&subscription);
    let preview = world.client.post(PREVIEW, &[("subscription", &subscription)]).await.ok();
    assert_eq!((&preview["billing_reason"], &preview["status"]), (&json!("upcoming"), &json!("draft")));
    assert!(id(&preview).starts_with("upcoming_in_"));
    assert_eq!(preview["customer"], json!(customer));
    assert_eq!(world.sandbox.events().len(), events);
    assert_eq!(world.sandbox.objects("invoice").len(), invoices);
    assert_eq!(world.sandbox.now(), START + 14 * DAY);
    // An hour after it is drafted, the renewal is finalised with the customer's balance.
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    let renewal = world.sandbox.objects("invoice").remove(0);
    assert_eq!(renewal["billing_reason"], "subscription_cycle");
    assert_eq!(money(&preview), money(&renewal));
}

#[tokio::test]
async fn a_previewed_upgrade_costs_what_the_upgrade_at_the_same_moment_costs() {
    let world = world().await;
    let client = &world.client;
    let (_, subscription, enterprise) = half_a_month(&world).await;
    let (path, item) =
        (format!("/v1/subscriptions/{}", id(&subscription)), id(&subscription["items"]["data"][0]));
    let at = (START + 14 * DAY).to_string();
    let preview = [
        ("subscription", id(&subscription)),
        ("subscription_details[items][0][id]", item.clone()),
        ("subscription_details[items][0][price]", enterprise.clone()),
        ("subscription_details[items][0][quantity]", "2".into()),
        ("subscription_details[proration_behavior]", "always_invoice".into()),
        ("subscription_details[proration_date]", at.clone()),
    ];
    let preview: Vec<(&str, &str)> = preview.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let preview = client.post(PREVIEW, &preview).await.ok();
    assert_eq!(preview["total"], 9900 - 1450);
    // An hour later, and still counted from the moment that was previewed.
    world.sandbox.set_now(START + 14 * DAY + HOUR);
    let upgrade = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", &enterprise),
        ("items[0][quantity]", "2"),
        ("proration_behavior", "always_invoice"),
        ("proration_date", &at),
        ("expand[]", "latest_invoice"),
    ];
    let upgraded = client.post(&path, &upgrade).await.ok();
    let invoice = &upgraded["latest_invoice"];
    assert_eq!(money(&preview), money(invoice));
    assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&json!("paid"), &json!(8450)));
}

#[tokio::test]
async fn prorations_are_previewed_on_the_renewal_unless_only_what_recurs_is_asked_for() {
    let world = world().await;
    let client = &world.client;
    let (_, subscription, enterprise) = half_a_month(&world).await;
    let (subscription, item) = (id(&subscription), id(&subscription["items"]["data"][0]));
    let change = [
        ("subscription", subscription.as_str()),
        ("subscription_details[items][0][id]", &item),
        ("subscription_details[items][0][price]", &enterprise),
    ];
    let preview = client.post(PREVIEW, &change).await.ok();
    assert_eq!(preview["total"], 9900 + 4950 - 1450);
    let mut recurring = change.to_vec();
    recurring.push(("preview_mode", "recurring"));
    assert_eq!(client.post(PREVIEW, &recurring).await.ok()["total"], 9900);
    let path = format!("/v1/subscriptions/{subscription}");
    client.post(&path, &[("items[0][id]", &item), ("items[0][price]", &enterprise)]).await.ok();
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    assert_eq!(money(&preview), money(&world.sandbox.objects("invoice")[0]));
}

#[tokio::test]
async fn a_first_invoice_can_be_previewed_and_its_subscription_does_not_come_to_be() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(None).await, client.monthly("Pro", 2900).await);
    let new = [
        ("customer", customer.as_str()),
        ("subscription_details[items][0][price]", &price),
        ("subscription_details[items][0][quantity]", "3"),
        ("invoice_items[0][amount]", "500"),
        ("invoice_items[0][currency]", "usd"),
    ];
    let preview = client.post(PREVIEW, &new).await.ok();
    assert_eq!(preview["total"], 3 * 2900 + 500);
    assert!(world.sandbox.objects("subscription").is_empty());
    let trial = (START + 10 * DAY).to_string();
    let mut trial = vec![("subscription_details[trial_end]", trial.as_str())];
    trial.extend(&new[..3]);
    assert_eq!(client.post(PREVIEW, &trial).await.ok()["total"], 0);
}

#[tokio::test]
async fn where_no_invoice_comes_of_it_there_is_no_preview() {
    let world = world().await;
    let client = &world.client;
    let (customer, subscription, _) = half_a_month(&world).await;
    let subscription = id(&subscription);
    let nothing = (404, "invoice_upcoming_none", "");
    let ending =
        [("subscription", subscription.as_str()), ("subscription_details[cancel_at_period_end]", "true")];
    assert_eq!(client.post(PREVIEW, &ending).await.refusal(), nothing);
    assert_eq!(client.post(PREVIEW, &[("customer", &customer)]).await.refusal(), nothing);
    assert_eq!(client.post(PREVIEW, &[]).await.refusal(), (400, "parameter_missing", "customer"));
    let before = (START - 1).to_string();
    let past = [("subscription", subscription.as_str()), ("subscription_details[proration_date]", &before)];
    assert_eq!(client.post(PREVIEW, &past).await.refusal().0, 400);
    let cancelled = client
        .post(PREVIEW, &[("subscription", &subscription), ("subscription_details[cancel_now]", "true")])
        .await
        .ok();
    assert_eq!((&cancelled["total"], &cancelled["ending_balance"]), (&json!(-1450), &json!(-1450)));
    client
        .post("/v1/invoiceitems", &[("customer", &customer), ("amount", "700"), ("currency", "usd")])
        .await
        .ok();
    assert_eq!(client.post(PREVIEW, &[("customer", &customer)]).await.ok()["total"], 700);
}

#[tokio::test]
async fn a_schedule_is_previewed_before_it_begins_and_as_it_is_changed() {
    let world = world().await;
    let client = &world.client;
    let (customer, pro) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let enterprise = client.monthly("Enterprise", 9900).await;
    let start = (START + 5 * DAY).to_string();
    let new = [
        ("customer", customer.as_str()),
        ("schedule_details[phases][0][start_date]", &start),
        ("schedule_details[phases][0][duration][interval]", "month"),
        ("schedule_details[phases][0][duration][interval_count]", "2"),
        ("schedule_details[phases][0][items][0][price]", &pro),
    ];
    assert_eq!(client.post(PREVIEW, &new).await.ok()["total"], 2900);
    assert!(world.sandbox.objects("subscription_schedule").is_empty());
    let subscription = client.subscribe(&customer, &pro, &[]).await.ok();
    let schedule =
        client.post("/v1/subscription_schedules", &[("from_subscription", &*id(&subscription))]).await.ok();
    let phase = &schedule["phases"][0];
    let (starts, ends) = (phase["start_date"].to_string(), phase["end_date"].to_string());
    let change = [
        ("schedule", &*id(&schedule)),
        ("schedule_details[phases][0][start_date]", &starts),
        ("schedule_details[phases][0][end_date]", &ends),
        ("schedule_details[phases][0][items][0][price]", &pro),
        ("schedule_details[phases][1][duration][interval]", "month"),
        ("schedule_details[phases][1][items][0][price]", &enterprise),
    ];
    assert_eq!(client.post(PREVIEW, &change).await.ok()["total"], 9900);
    let plain = [("schedule", &*id(&schedule))];
    assert_eq!(client.post(PREVIEW, &plain).await.ok()["total"], 2900);
    let both = [("schedule", &*id(&schedule)), ("subscription", &*id(&subscription))];
    assert_eq!(client.post(PREVIEW, &both).await.refusal(), (400, "", "schedule"));
}

#[tokio::test]
async fn a_customer_can_be_described_for_a_preview_instead_of_named() {
    let world = world().await;
    let client = &world.client;
    let price = client.monthly("Pro", 2900).await;
    let item = ("subscription_details[items][0][price]", price.as_str());
    let somebody = [
        item,
        ("automatic_tax[enabled]", "true"),
        ("customer_details[address][country]", "DE"),
        ("customer_details[tax_ids][0][type]", "eu_vat"),
        ("customer_details[tax_ids][0][value]", "DE123456789"),
    ];
    let preview = client.post("/v1/invoices/create_preview", &somebody).await.ok();
    assert_eq!((&preview["customer"], &preview["total"]), (&json!(null), &json!(3190)));
    assert_eq!(preview["customer_tax_ids"][0]["value"], "DE123456789");
    assert_eq!(preview["customer_address"]["country"], "DE");
    let nowhere = [item, ("automatic_tax[enabled]", "true"), ("customer_details[tax_exempt]", "none")];
    let refused = client.post("/v1/invoices/create_preview", &nowhere).await;
    assert_eq!(refused.refusal(), (400, "customer_tax_location_invalid", "automatic_tax[enabled]"));
    // A customer who is named can be described otherwise, and stays as they are.
    let customer = client.customer(None).await;
    let exempt = [
        item,
        ("customer", &customer),
        ("automatic_tax[enabled]", "true"),
        ("customer_details[address][country]", "DE"),
        ("customer_details[tax_exempt]", "exempt"),
    ];
    let preview = client.post("/v1/invoices/create_preview", &exempt).await.ok();
    assert_eq!((&preview["customer"], &preview["total"]), (&json!(customer), &json!(2900)));
    assert_eq!(preview["customer_tax_exempt"], "exempt");
    let kept = client.get(&format!("/v1/customers/{customer}"), &[]).await.ok();
    assert_eq!((&kept["address"], &kept["tax_exempt"]), (&json!(null), &json!("none")));
    assert_eq!(client.get("/v1/customers", &[]).await.ok()["data"].as_array().unwrap().len(), 1);
}
