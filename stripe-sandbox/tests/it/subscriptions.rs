use serde_json::{Value, json};

use crate::support::{DAY, HOUR, START, World, id, world};

/// Events from the n-th on, and that they have the shapes of the description.
fn since(world: &World, from: usize) -> Vec<String> {
    world.check_events();
    world.event_types(from)
}

#[tokio::test]
async fn the_first_subscription_is_paid_at_once_with_all_its_objects_and_events() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let before = world.sandbox.events().len();
    let expand = ("expand[]", "latest_invoice.payments");
    let subscription = client.subscribe(&customer, &price, &[("items[0][quantity]", "3"), expand]).await.ok();

    assert_eq!(subscription["status"], "active");
    let item = &subscription["items"]["data"][0];
    // 31 January and a month is 28 February; the anchor stays on the 31st.
    assert_eq!(
        (item["current_period_start"].clone(), item["current_period_end"].clone()),
        (json!(START), json!(START + 28 * DAY))
    );
    assert_eq!(subscription["billing_cycle_anchor"], START);
    let invoice = &subscription["latest_invoice"];
    assert_eq!(
        (&invoice["status"], &invoice["billing_reason"]),
        (&json!("paid"), &json!("subscription_create"))
    );
    for field in ["total", "subtotal", "amount_due", "amount_paid"] {
        assert_eq!(invoice[field], 8700, "{field}");
    }
    assert_eq!((&invoice["amount_remaining"], &invoice["attempt_count"]), (&json!(0), &json!(1)));
    let line = &invoice["lines"]["data"][0];
    assert_eq!(
        (&line["amount"], &line["quantity"], &line["description"]),
        (&json!(8700), &json!(3), &json!("3 × Pro (at $29.00 / month)"))
    );
    let payment = &invoice["payments"]["data"][0];
    assert_eq!((&payment["status"], &payment["amount_paid"]), (&json!("paid"), &json!(8700)));
    let intent = payment["payment"]["payment_intent"].as_str().unwrap();
    let intent =
        client.get(&format!("/v1/payment_intents/{intent}"), &[("expand[]", "latest_charge")]).await.ok();
    assert_eq!((&intent["status"], &intent["amount_received"]), (&json!("succeeded"), &json!(8700)));
    assert_eq!(intent["latest_charge"]["payment_method_details"]["card"]["last4"], "4242");

    assert_eq!(
        since(&world, before),
        [
            "customer.subscription.created",
            "invoice.created",
            "customer.updated",
            "invoice.finalized",
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "invoice_payment.paid",
            "invoice.updated",
            "invoice.paid",
            "invoice.payment_succeeded",
            "customer.subscription.updated",
        ]
    );
    let events = world.sandbox.events();
    let updated = events.last().unwrap();
    assert_eq!(updated["data"]["previous_attributes"], json!({ "status": "incomplete" }));
    assert_eq!(events[before]["data"]["object"]["status"], "incomplete");
    assert_eq!(
        updated["request"]["idempotency_key"].as_str().map(|key| key.starts_with("test-")),
        Some(true)
    );
}

#[tokio::test]
async fn a_declined_first_payment_leaves_it_incomplete_and_another_card_makes_it_active() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) =
        (client.customer(Some("pm_card_chargeCustomerFail")).await, client.monthly("Pro", 2900).await);
    let before = world.sandbox.events().len();
    let subscription = client.subscribe(&customer, &price, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(
        (&subscription["status"], &subscription["latest_invoice"]["status"]),
        (&json!("incomplete"), &json!("open"))
    );
    let types = since(&world, before);
    assert_eq!(
        types[types.len() - 4..],
        ["charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed"]
    );

    let pay = format!("/v1/invoices/{}/pay", id(&subscription["latest_invoice"]));
    let declined = client.post(&pay, &[]).await;
    assert_eq!(declined.refusal().0, 402);
    assert_eq!(declined.body["error"]["payment_intent"]["status"], "requires_payment_method");
    let good =
        client.post("/v1/payment_methods/pm_card_mastercard/attach", &[("customer", &customer)]).await.ok();
    let paid = client.post(&pay, &[("payment_method", &id(&good))]).await.ok();
    assert_eq!((&paid["status"], &paid["attempt_count"]), (&json!("paid"), &json!(3)));
    let subscription = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
    assert_eq!(subscription["status"], "active");
    assert_eq!(client.post(&pay, &[]).await.status, 400, "paying twice is refused");
}

#[tokio::test]
async fn error_if_incomplete_makes_nothing_when_the_card_is_declined() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) =
        (client.customer(Some("pm_card_chargeCustomerFail")).await, client.monthly("Pro", 2900).await);
    let refused = client.subscribe(&customer, &price, &[("payment_behavior", "error_if_incomplete")]).await;
    assert_eq!(refused.refusal(), (402, "card_declined", ""));
    assert!(world.sandbox.objects("subscription").is_empty() && world.sandbox.objects("invoice").is_empty());
}

#[tokio::test]
async fn without_any_card_only_default_incomplete_is_let_in() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(None).await, client.monthly("Pro", 2900).await);
    assert_eq!(client.subscribe(&customer, &price, &[]).await.refusal(), (400, "resource_missing", ""));
    let more =
        [("payment_behavior", "default_incomplete"), ("expand[]", "latest_invoice.confirmation_secret")];
    let subscription = client.subscribe(&customer, &price, &more).await.ok();
    assert_eq!(subscription["status"], "incomplete");
    let secret = subscription["latest_invoice"]["confirmation_secret"]["client_secret"].as_str().unwrap();
    let intent = secret.split("_secret_").next().unwrap();
    let confirm = [("payment_method", "pm_card_visa")];
    client.post(&format!("/v1/payment_intents/{intent}/confirm"), &confirm).await.ok();
    let subscription = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
    assert_eq!(subscription["status"], "active");
    let attached = client.get(&format!("/v1/customers/{customer}/payment_methods"), &[]).await.ok();
    assert_eq!(attached["data"].as_array().unwrap().len(), 1, "the card is kept for the renewals");
}

#[tokio::test]
async fn a_card_that_asks_waits_for_the_cardholder_and_then_pays() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) =
        (client.customer(Some("pm_card_authenticationRequired")).await, client.monthly("Pro", 2900).await);
    let before = world.sandbox.events().len();
    let expand = [("expand[]", "latest_invoice.payments")];
    let subscription = client.subscribe(&customer, &price, &expand).await.ok();
    assert_eq!(subscription["status"], "incomplete");
    let intent =
        subscription["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"].as_str().unwrap();
    assert!(since(&world, before).contains(&"invoice.payment_action_required".to_owned()));
    let url = format!("{}/_sandbox/payment_intents/{intent}/authenticate", world.sandbox.base_url());
    let answer = client.http.post(url).json(&json!({ "outcome": "succeed" })).send().await.unwrap();
    let intent: Value = answer.json().await.unwrap();
    assert_eq!(intent["status"], "succeeded");
    let expand = [("expand[]", "latest_invoice")];
    let subscription = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &expand).await.ok();
    assert_eq!(
        (&subscription["status"], &subscription["latest_invoice"]["attempt_count"]),
        (&json!("active"), &json!(1))
    );
}

#[tokio::test]
async fn a_trial_begins_with_an_invoice_of_nothing() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(None).await, client.monthly("Pro", 2900).await);
    let before = world.sandbox.events().len();
    let more = [("trial_period_days", "14"), ("expand[]", "latest_invoice.payments")];
    let subscription = client.subscribe(&customer, &price, &more).await.ok();
    assert_eq!(
        (&subscription["status"], &subscription["trial_end"]),
        (&json!("trialing"), &json!(START + 14 * DAY))
    );
    assert_eq!(subscription["items"]["data"][0]["current_period_end"], START + 14 * DAY);
    let invoice = &subscription["latest_invoice"];
    assert_eq!((&invoice["status"], &invoice["total"]), (&json!("paid"), &json!(0)));
    assert_eq!(invoice["payments"]["data"], json!([]));
    assert!(!since(&world, before).iter().any(|kind| kind.starts_with("payment_intent")));
}

#[tokio::test]
async fn an_upgrade_credits_the_rest_of_the_old_price_and_charges_the_rest_of_the_new() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let (pro, enterprise) = (client.monthly("Pro", 2900).await, client.monthly("Enterprise", 9900).await);
    let subscription = client.subscribe(&customer, &pro, &[]).await.ok();
    world.sandbox.set_now(START + 14 * DAY);
    let (path, item) =
        (format!("/v1/subscriptions/{}", id(&subscription)), id(&subscription["items"]["data"][0]));
    let change = [("items[0][id]", item.as_str()), ("items[0][price]", enterprise.as_str())];
    let mut now = change.to_vec();
    now.extend([("proration_behavior", "always_invoice"), ("expand[]", "latest_invoice")]);
    let upgraded = client.post(&path, &now).await.ok();
    let invoice = &upgraded["latest_invoice"];
    // Half of the 28 days are left.
    let amounts: Vec<i64> = invoice["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["amount"].as_i64())
        .collect();
    assert_eq!(amounts, [-1450, 4950]);
    assert_eq!(
        (&invoice["amount_paid"], &invoice["status"], &invoice["billing_reason"]),
        (&json!(3500), &json!("paid"), &json!("subscription_update"))
    );
    assert_eq!(upgraded["items"]["data"][0]["price"]["id"], json!(enterprise));
    assert_eq!(upgraded["items"]["data"][0]["current_period_end"], START + 28 * DAY, "the period stays");

    let mut later = vec![("items[0][id]", item.as_str()), ("items[0][price]", pro.as_str())];
    later.push(("proration_behavior", "none"));
    let downgraded = client.post(&path, &later).await.ok();
    assert_eq!(downgraded["latest_invoice"], invoice["id"], "without proration nothing is invoiced");
    assert_eq!(client.get("/v1/invoiceitems", &[("pending", "true")]).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn another_interval_starts_a_new_period_at_once() {
    let world = world().await;
    let client = &world.client;
    let (customer, monthly) =
        (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let yearly = [
        ("currency", "usd"),
        ("unit_amount", "29000"),
        ("recurring[interval]", "year"),
        ("product_data[name]", "Pro yearly"),
    ];
    let yearly = id(&client.post("/v1/prices", &yearly).await.ok());
    let subscription = client.subscribe(&customer, &monthly, &[]).await.ok();
    world.sandbox.set_now(START + 7 * DAY);
    let item = id(&subscription["items"]["data"][0]);
    let change = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", yearly.as_str()),
        ("expand[]", "latest_invoice"),
    ];
    let changed = client.post(&format!("/v1/subscriptions/{}", id(&subscription)), &change).await.ok();
    assert_eq!(changed["billing_cycle_anchor"], START + 7 * DAY);
    assert_eq!(changed["items"]["data"][0]["current_period_end"], START + 7 * DAY + 365 * DAY);
    assert_eq!(changed["latest_invoice"]["total"], 29000 - 2100, "three quarters of the month come back");
}

#[tokio::test]
async fn cancelling_now_ends_it_and_cancelling_twice_is_refused() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let canceled = client.delete(&path, &[("cancellation_details[feedback]", "too_expensive")]).await.ok();
    assert_eq!((&canceled["status"], &canceled["ended_at"]), (&json!("canceled"), &json!(START)));
    assert_eq!(canceled["cancellation_details"]["reason"], "cancellation_requested");
    assert_eq!(world.event_types(0).last().unwrap(), "customer.subscription.deleted");
    assert_eq!(client.delete(&path, &[]).await.refusal(), (404, "resource_missing", "id"));
    assert_eq!(
        client.get("/v1/subscriptions", &[]).await.ok()["data"],
        json!([]),
        "canceled ones are left out"
    );
    let all = client.get("/v1/subscriptions", &[("status", "all")]).await.ok();
    assert_eq!(all["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_card_of_somebody_else_and_a_price_without_interval_are_refused() {
    let world = world().await;
    let client = &world.client;
    let (ann, bob) =
        (client.customer(Some("pm_card_visa")).await, client.customer(Some("pm_card_visa")).await);
    let price = client.monthly("Pro", 2900).await;
    let cards = client.get(&format!("/v1/customers/{bob}/payment_methods"), &[]).await.ok();
    let card = id(&cards["data"][0]);
    let refused = client.subscribe(&ann, &price, &[("default_payment_method", &card)]).await;
    assert_eq!(refused.refusal(), (400, "resource_missing", "default_payment_method"));
    let once = client
        .post("/v1/prices", &[("currency", "usd"), ("unit_amount", "1"), ("product_data[name]", "Once")])
        .await
        .ok();
    assert_eq!(client.subscribe(&ann, &id(&once), &[]).await.refusal(), (400, "", "items[0][price]"));
    assert_eq!(
        client.subscribe(&ann, "price_none", &[]).await.refusal(),
        (400, "resource_missing", "items[0][price]")
    );
    assert_eq!(
        client.subscribe("cus_none", &price, &[]).await.refusal(),
        (400, "resource_missing", "customer")
    );
}

#[tokio::test]
async fn ending_within_the_period_credits_the_rest_and_staying_charges_it_again() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let at = (START + 7 * DAY).to_string();
    let ending = client.post(&path, &[("cancel_at", &at)]).await.ok();
    assert_eq!(ending["items"]["data"][0]["current_period_end"], START + 7 * DAY);
    let waiting = async || {
        let items = client.get("/v1/invoiceitems", &[("pending", "true")]).await.ok();
        items["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["amount"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(waiting().await, [-2100]);
    let staying = client.post(&path, &[("cancel_at", "")]).await.ok();
    assert_eq!(staying["items"]["data"][0]["current_period_end"], START + 28 * DAY);
    assert_eq!(waiting().await, [2100, -2100]);
    client.post(&path, &[("cancel_at", &at)]).await.ok();
    world.sandbox.set_now(START + 7 * DAY + HOUR);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "canceled");
    let last = &world.sandbox.objects("invoice")[0];
    assert_eq!(
        (&last["total"], &last["status"], &last["ending_balance"]),
        (&json!(-2100), &json!("paid"), &json!(-2100))
    );
}

#[tokio::test]
async fn the_last_period_is_charged_up_to_the_end() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 3100).await);
    let at = (START + 38 * DAY).to_string();
    client.subscribe(&customer, &price, &[("cancel_at", &at)]).await.ok();
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    let renewal = &world.sandbox.objects("invoice")[0];
    // Ten of the 31 days to 31 March.
    assert_eq!(renewal["total"], 1000);
    assert_eq!(
        renewal["lines"]["data"][0]["period"],
        json!({ "start": START + 28 * DAY, "end": START + 38 * DAY })
    );
    world.sandbox.set_now(START + 38 * DAY);
    assert_eq!(world.sandbox.objects("subscription")[0]["status"], "canceled");
    assert_eq!(world.sandbox.objects("invoice").len(), 2);
}

#[tokio::test]
async fn a_trial_that_is_added_later_gives_back_the_rest_of_the_month() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    world.sandbox.set_now(START + 14 * DAY);
    let end = (START + 20 * DAY).to_string();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let trial = client.post(&path, &[("trial_end", &*end), ("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(
        (&trial["status"], &trial["billing_cycle_anchor"]),
        (&json!("trialing"), &json!(START + 20 * DAY))
    );
    assert_eq!(trial["latest_invoice"]["total"], -1400);
    world.sandbox.set_now(START + 20 * DAY + HOUR);
    let renewal = &world.sandbox.objects("invoice")[0];
    assert_eq!((&renewal["total"], &renewal["amount_paid"]), (&json!(2800), &json!(1400)));
}

#[tokio::test]
async fn items_are_added_changed_and_removed_on_their_own() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await);
    let seats = client.monthly("Seat", 1400).await;
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    world.sandbox.set_now(START + 14 * DAY);
    let total = || world.sandbox.objects("invoice")[0]["total"].clone();
    let new = [
        ("subscription", &*id(&subscription)),
        ("price", &seats),
        ("quantity", "2"),
        ("proration_behavior", "always_invoice"),
    ];
    let item = client.post("/v1/subscription_items", &new).await.ok();
    assert_eq!((&item["quantity"], total()), (&json!(2), json!(1400)));
    let path = format!("/v1/subscription_items/{}", id(&item));
    let more = [("quantity", "5"), ("proration_behavior", "always_invoice")];
    assert_eq!(client.post(&path, &more).await.ok()["quantity"], 5);
    assert_eq!(total(), 3500 - 1400);
    client.delete(&path, &[("proration_behavior", "always_invoice")]).await.ok();
    assert_eq!(total(), -3500);
    assert_eq!(client.get(&path, &[]).await.refusal().0, 404);
    let last = format!("/v1/subscription_items/{}", id(&subscription["items"]["data"][0]));
    assert_eq!(client.delete(&last, &[]).await.refusal(), (400, "", "items"));
}
