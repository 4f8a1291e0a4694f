use serde_json::{Value, json};

use crate::support::{DAY, HOUR, START, World, id, world};

async fn meter(world: &World, formula: &str) -> Value {
    let params = [
        ("display_name", "Calls"),
        ("event_name", "calls"),
        ("default_aggregation[formula]", formula),
        ("customer_mapping[event_payload_key]", "customer"),
        ("customer_mapping[type]", "by_id"),
    ];
    world.client.post("/v1/billing/meters", &params).await.ok()
}

async fn metered_price(world: &World, meter: &Value, cents: &str) -> String {
    let params = [
        ("currency", "usd"),
        ("unit_amount", cents),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
        ("recurring[meter]", &id(meter)),
        ("product_data[name]", "Calls"),
    ];
    let price = world.client.post("/v1/prices", &params).await.ok();
    assert_eq!(
        (&price["recurring"]["meter"], &price["recurring"]["usage_type"]),
        (&meter["id"], &json!("metered"))
    );
    id(&price)
}

async fn report(world: &World, customer: &str, value: &str, more: &[(&str, &str)]) -> crate::support::Answer {
    let mut params =
        vec![("event_name", "calls"), ("payload[customer]", customer), ("payload[value]", value)];
    params.extend_from_slice(more);
    world.client.post("/v1/billing/meter_events", &params).await
}

async fn total(world: &World, meter: &Value, customer: &str) -> Value {
    let (start, end) = ((START - 40 * DAY).to_string(), (START + 40 * DAY).to_string());
    let params = [("customer", customer), ("start_time", start.as_str()), ("end_time", end.as_str())];
    let path = format!("/v1/billing/meters/{}/event_summaries", id(meter));
    world.client.get(&path, &params).await.ok()["data"][0]["aggregated_value"].clone()
}

#[tokio::test]
async fn usage_is_summed_counted_or_taken_last_by_customer() {
    for (formula, expected) in [("sum", 12), ("count", 3), ("last", 3)] {
        let world = world().await;
        let meter = meter(&world, formula).await;
        let (ann, bob) = (world.client.customer(None).await, world.client.customer(None).await);
        let earlier = (START - HOUR).to_string();
        report(&world, &ann, "4", &[]).await.ok();
        report(&world, &ann, "5", &[("timestamp", &earlier)]).await.ok();
        report(&world, &bob, "70", &[]).await.ok();
        let later = (START + 60).to_string();
        report(&world, &ann, "3", &[("timestamp", &later)]).await.ok();
        assert_eq!(total(&world, &meter, &ann).await, expected, "{formula}");
        let hours = [
            ("customer", ann.as_str()),
            ("start_time", &(START - START % HOUR - HOUR).to_string()),
            ("end_time", &(START - START % HOUR + HOUR).to_string()),
            ("value_grouping_window", "hour"),
        ];
        let path = format!("/v1/billing/meters/{}/event_summaries", id(&meter));
        let hourly = world.client.get(&path, &hours).await.ok();
        let values: Vec<&Value> =
            hourly["data"].as_array().unwrap().iter().map(|hour| &hour["aggregated_value"]).collect();
        let now = match formula {
            "sum" => 7,
            "count" => 2,
            _ => 3,
        };
        assert_eq!(values, [&json!(now), &json!(if formula == "count" { 1 } else { 5 })], "{formula}");
    }
}

#[tokio::test]
async fn an_identifier_counts_once_within_a_day() {
    let world = world().await;
    let (meter, customer) = (meter(&world, "sum").await, world.client.customer(None).await);
    let same = [("identifier", "call-1")];
    report(&world, &customer, "5", &same).await.ok();
    assert_eq!(
        report(&world, &customer, "5", &same).await.refusal(),
        (400, "duplicate_meter_event", "identifier")
    );
    world.sandbox.set_now(START + DAY);
    report(&world, &customer, "6", &same).await.ok();
    assert_eq!(report(&world, &customer, "6", &same).await.refusal().0, 400);
    assert_eq!(total(&world, &meter, &customer).await, 11);
    let cancel = [("event_name", "calls"), ("type", "cancel"), ("cancel[identifier]", "call-1")];
    world.client.post("/v1/billing/meter_event_adjustments", &cancel).await.ok();
    assert_eq!(total(&world, &meter, &customer).await, 5);
    let again = world.client.post("/v1/billing/meter_event_adjustments", &cancel).await;
    assert_eq!(again.refusal().0, 400);
}

#[tokio::test]
async fn events_that_no_meter_can_take_are_refused() {
    let world = world().await;
    let (meter, customer) = (meter(&world, "sum").await, world.client.customer(None).await);
    let code = async |value: &str, more: &[(&str, &str)], who: &str| {
        let answer = report(&world, who, value, more).await;
        let (status, code, _) = answer.refusal();
        (status, code.to_owned())
    };
    let time = |at: i64| at.to_string();
    let (old, ahead) = (time(START - 35 * DAY - 1), time(START + 301));
    assert_eq!(code("1", &[("timestamp", &old)], &customer).await, (400, "timestamp_too_far_in_past".into()));
    assert_eq!(code("1", &[("timestamp", &ahead)], &customer).await, (400, "timestamp_in_future".into()));
    assert_eq!(code("1", &[], "cus_none").await, (400, "meter_event_customer_not_found".into()));
    assert_eq!(code("many", &[], &customer).await, (400, "meter_event_invalid_value".into()));
    assert_eq!(code("1.5", &[], &customer).await, (400, "sandbox_unsupported".into()));
    let nobody = [("event_name", "calls"), ("payload[value]", "1")];
    let nobody = world.client.post("/v1/billing/meter_events", &nobody).await;
    assert_eq!(nobody.refusal().1, "meter_event_no_customer_defined");
    for at in [START - 35 * DAY, START + 300] {
        report(&world, &customer, "1", &[("timestamp", &time(at))]).await.ok();
    }
    let path = format!("/v1/billing/meters/{}", id(&meter));
    assert_eq!(world.client.post(&format!("{path}/deactivate"), &[]).await.ok()["status"], "inactive");
    assert_eq!(code("1", &[], &customer).await, (400, "no_meter".into()));
    world.client.post(&format!("{path}/reactivate"), &[]).await.ok();
    report(&world, &customer, "1", &[]).await.ok();
    assert_eq!(total(&world, &meter, &customer).await, 3);
    let twice = [("display_name", "Calls"), ("event_name", "calls"), ("default_aggregation[formula]", "sum")];
    assert_eq!(world.client.post("/v1/billing/meters", &twice).await.refusal().1, "resource_already_exists");
    let bare = [
        ("currency", "usd"),
        ("unit_amount", "5"),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
        ("product_data[name]", "Calls"),
    ];
    assert_eq!(
        world.client.post("/v1/prices", &bare).await.refusal(),
        (400, "parameter_missing", "recurring[meter]")
    );
}

/// `(description, quantity, amount, period start, period end)` of an invoice's lines.
fn lines(invoice: &Value) -> Vec<(String, i64, i64, i64, i64)> {
    let int = |line: &Value, path: &str| line.pointer(path).unwrap().as_i64().unwrap();
    invoice["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let text = line["description"].as_str().unwrap().to_owned();
            (
                text,
                int(line, "/quantity"),
                int(line, "/amount"),
                int(line, "/period/start"),
                int(line, "/period/end"),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_renewal_bills_what_was_used_beside_the_flat_fee() {
    let world = world().await;
    let client = &world.client;
    let meter = meter(&world, "sum").await;
    let (customer, flat, calls) = (
        client.customer(Some("pm_card_visa")).await,
        client.monthly("Pro", 2900).await,
        metered_price(&world, &meter, "7").await,
    );
    let items = [("items[1][price]", calls.as_str()), ("expand[]", "latest_invoice")];
    let subscription = client.subscribe(&customer, &flat, &items).await.ok();
    assert_eq!(subscription["latest_invoice"]["amount_paid"], 2900, "usage is paid for afterwards");
    assert!(subscription["items"]["data"][1].get("quantity").is_none());
    report(&world, &customer, "100", &[]).await.ok();
    world.sandbox.set_now(START + 10 * DAY);
    report(&world, &customer, "20", &[]).await.ok();
    let end = subscription["items"]["data"][0]["current_period_end"].as_i64().unwrap();
    world.sandbox.set_now(end);
    report(&world, &customer, "1", &[]).await.ok();
    world.sandbox.set_now(end + 2 * HOUR);
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let renewed = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    let invoice = &renewed["latest_invoice"];
    assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&json!("paid"), &json!(2900 + 120 * 7)));
    let used = lines(invoice).into_iter().find(|line| line.0.contains("Calls")).unwrap();
    assert_eq!((used.1, used.2, used.3, used.4), (120, 840, START, end));
    let next = renewed["items"]["data"][0]["current_period_end"].as_i64().unwrap();
    world.sandbox.set_now(next + 2 * HOUR);
    let renewed = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(renewed["latest_invoice"]["amount_paid"], 2900 + 7, "each unit is billed once");
}

#[tokio::test]
async fn usage_of_a_trial_is_free_and_the_last_usage_is_billed_at_the_end() {
    let world = world().await;
    let client = &world.client;
    let meter = meter(&world, "sum").await;
    let (customer, calls) =
        (client.customer(Some("pm_card_visa")).await, metered_price(&world, &meter, "100").await);
    let subscription = client.subscribe(&customer, &calls, &[("trial_period_days", "7")]).await.ok();
    report(&world, &customer, "50", &[]).await.ok();
    world.sandbox.set_now(START + 7 * DAY + 2 * HOUR);
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let active = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!((&active["status"], &active["latest_invoice"]["total"]), (&json!("active"), &json!(0)));
    report(&world, &customer, "3", &[]).await.ok();
    client.post(&path, &[("cancel_at_period_end", "true")]).await.ok();
    world.sandbox.set_now(START + 60 * DAY);
    let ended = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(
        (&ended["status"], &ended["latest_invoice"]["amount_paid"]),
        (&json!("canceled"), &json!(300))
    );
}

#[tokio::test]
async fn a_metered_item_has_no_quantity() {
    let world = world().await;
    let meter = meter(&world, "sum").await;
    let (customer, calls) = (world.client.customer(None).await, metered_price(&world, &meter, "100").await);
    let refused = world.client.subscribe(&customer, &calls, &[("items[0][quantity]", "2")]).await;
    assert_eq!(refused.refusal(), (400, "", "items[0][quantity]"));
    let subscription = world.client.subscribe(&customer, &calls, &[]).await.ok();
    assert_eq!(subscription["status"], "active", "there is nothing to pay yet");
    let item = id(&subscription["items"]["data"][0]);
    let change = [("items[0][id]", item.as_str()), ("items[0][quantity]", "2")];
    let refused = world.client.post(&format!("/v1/subscriptions/{}", id(&subscription)), &change).await;
    assert_eq!(refused.refusal(), (400, "", "items[0][quantity]"));
}
