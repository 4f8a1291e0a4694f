//! Subscriptions, schedules and test clocks.

use crate::support::{Client, DAY, HOUR, START, World, id};

pub(super) async fn subscriptions(world: &World, client: &Client) {
    let (customer, pro, enterprise) = (
        client.customer(Some("pm_card_visa")).await,
        client.monthly("Pro", 2900).await,
        client.monthly("Enterprise", 9900).await,
    );
    let expand = [
        ("expand[]", "latest_invoice.payments"),
        ("expand[]", "latest_invoice.confirmation_secret"),
        ("expand[]", "customer"),
        ("expand[]", "items.data.price.product"),
    ];
    let subscription = client.subscribe(&customer, &pro, &expand).await.ok();
    let invoice = format!("/v1/invoices/{}", id(&subscription["latest_invoice"]));
    let invoice = client.get(&invoice, &[("expand[]", "payments.data.payment.payment_intent")]).await.ok();
    assert_eq!(invoice["payments"]["data"][0]["payment"]["payment_intent"]["status"], "succeeded");
    let (path, item) =
        (format!("/v1/subscriptions/{}", id(&subscription)), id(&subscription["items"]["data"][0]));
    client
        .get(&path, &[("expand[]", "default_payment_method"), ("expand[]", "pending_setup_intent")])
        .await
        .ok();
    client.post(&path, &[("cancel_at_period_end", "true")]).await.ok();
    client.post(&path, &[("cancel_at_period_end", "false"), ("metadata[k]", "v")]).await.ok();
    world.sandbox.set_now(START + 10 * DAY);
    let preview = [
        ("subscription", &*id(&subscription)),
        ("subscription_details[items][0][id]", &item),
        ("subscription_details[items][0][price]", &enterprise),
    ];
    client.post("/v1/invoices/create_preview", &preview).await.ok();
    let upgrade = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", enterprise.as_str()),
        ("proration_behavior", "always_invoice"),
        ("expand[]", "latest_invoice"),
    ];
    let upgraded = client.post(&path, &upgrade).await.ok();
    assert_eq!(upgraded["latest_invoice"]["status"], "paid");
    world.sandbox.set_now(START + 29 * DAY);
    client.get(&format!("/v1/subscription_items/{item}"), &[]).await.ok();
    client.get("/v1/subscription_items", &[("subscription", &id(&subscription))]).await.ok();
    client
        .get(
            "/v1/subscriptions",
            &[
                ("status", "all"),
                ("customer", &customer),
                ("expand[]", "data.latest_invoice"),
                ("expand[]", "data.customer"),
            ],
        )
        .await
        .ok();
    client
        .delete(
            &path,
            &[("invoice_now", "true"), ("prorate", "true"), ("cancellation_details[comment]", "bye")],
        )
        .await
        .ok();

    let bare = client.customer(None).await;
    let trial = [
        ("trial_period_days", "7"),
        ("trial_settings[end_behavior][missing_payment_method]", "pause"),
        ("payment_behavior", "default_incomplete"),
        ("expand[]", "pending_setup_intent"),
    ];
    let trial = client.subscribe(&bare, &pro, &trial).await.ok();
    assert_eq!(trial["status"], "trialing");
    let incomplete = client
        .subscribe(
            &bare,
            &enterprise,
            &[("payment_behavior", "default_incomplete"), ("expand[]", "latest_invoice.confirmation_secret")],
        )
        .await
        .ok();
    assert_eq!(incomplete["latest_invoice"]["confirmation_secret"]["type"], "payment_intent");
    world.sandbox.set_now(START + 37 * DAY);
    let method = client.post("/v1/payment_methods/pm_card_visa/attach", &[("customer", &bare)]).await.ok();
    client
        .post(&format!("/v1/customers/{bare}"), &[("invoice_settings[default_payment_method]", &id(&method))])
        .await
        .ok();
    let resumed = client.post(&format!("/v1/subscriptions/{}/resume", id(&trial)), &[]).await.ok();
    assert_eq!(resumed["status"], "active");
    let sent = client
        .subscribe(&bare, &enterprise, &[("collection_method", "send_invoice"), ("days_until_due", "14")])
        .await
        .ok();
    world.sandbox.set_now(START + 37 * DAY + 2 * HOUR);
    client.get(&format!("/v1/subscriptions/{}", id(&sent)), &[("expand[]", "latest_invoice")]).await.ok();
}

pub(super) async fn schedules(world: &World, client: &Client) {
    let now = world.sandbox.now();
    let (customer, pro, enterprise) = (
        client.customer(Some("pm_card_visa")).await,
        client.monthly("Pro", 2900).await,
        client.monthly("Enterprise", 9900).await,
    );
    let subscription = id(&client.subscribe(&customer, &enterprise, &[]).await.ok());
    let schedule =
        client.post("/v1/subscription_schedules", &[("from_subscription", &subscription)]).await.ok();
    let path = format!("/v1/subscription_schedules/{}", id(&schedule));
    let (start, end) = (
        schedule["current_phase"]["start_date"].to_string(),
        schedule["current_phase"]["end_date"].to_string(),
    );
    let phases = [
        ("phases[0][items][0][price]", enterprise.as_str()),
        ("phases[0][start_date]", start.as_str()),
        ("phases[0][end_date]", end.as_str()),
        ("phases[1][items][0][price]", pro.as_str()),
        ("phases[1][duration][interval]", "month"),
        ("phases[1][proration_behavior]", "none"),
        ("phases[1][metadata][plan]", "pro"),
        ("metadata[k]", "v"),
        ("expand[]", "subscription"),
        ("expand[]", "phases.items.price"),
        ("expand[]", "phases.items.plan"),
    ];
    let changed = client.post(&path, &phases).await.ok();
    assert_eq!(changed["phases"][1]["items"][0]["plan"]["object"], "plan");
    client.get(&path, &[("expand[]", "customer")]).await.ok();
    client.post(&format!("{path}/release"), &[]).await.ok();
    let later = (now + 40 * DAY).to_string();
    let future = [
        ("customer", customer.as_str()),
        ("start_date", later.as_str()),
        ("end_behavior", "cancel"),
        ("default_settings[collection_method]", "send_invoice"),
        ("default_settings[invoice_settings][days_until_due]", "7"),
        ("phases[0][items][0][price]", pro.as_str()),
        ("phases[0][items][0][quantity]", "2"),
        ("phases[0][trial]", "true"),
    ];
    let future = client.post("/v1/subscription_schedules", &future).await.ok();
    client.get("/v1/subscription_schedules", &[("customer", &customer), ("scheduled", "true")]).await.ok();
    let canceled = client.post(&format!("/v1/subscription_schedules/{}/cancel", id(&future)), &[]).await.ok();
    assert_eq!(canceled["status"], "canceled");
}

pub(super) async fn clocks(client: &Client) {
    let frozen = START.to_string();
    let params = [("frozen_time", frozen.as_str()), ("name", "A year")];
    let clock = client.post("/v1/test_helpers/test_clocks", &params).await.ok();
    let path = format!("/v1/test_helpers/test_clocks/{}", id(&clock));
    let customer = client.post("/v1/customers", &[("test_clock", &id(&clock))]).await.ok();
    client.get(&format!("/v1/customers/{}", id(&customer)), &[("expand[]", "test_clock")]).await.ok();
    client.get(&path, &[]).await.ok();
    client.get("/v1/test_helpers/test_clocks", &[]).await.ok();
    let later = (START + DAY).to_string();
    let advancing = client.post(&format!("{path}/advance"), &[("frozen_time", &later)]).await.ok();
    assert_eq!(advancing["status"], "advancing");
    client.delete(&path, &[]).await.ok();
}

/// What subscriptions and phases may say besides: fees, anchors, trials' ends, discounts and taxes.
pub(super) async fn terms(world: &World, client: &Client) {
    let (customer, price) =
        (client.customer(Some("pm_card_visa")).await, client.monthly("Terms", 2900).await);
    let fee = [("currency", "usd"), ("unit_amount", "900"), ("product_data[name]", "Setup")];
    let fee = client.post("/v1/prices", &fee).await.ok();
    let product = fee["product"].as_str().unwrap().to_owned();
    let fee = id(&fee);
    let coupon =
        id(&client.post("/v1/coupons", &[("percent_off", "10"), ("duration", "forever")]).await.ok());
    let rate = [("display_name", "VAT"), ("percentage", "20"), ("inclusive", "false")];
    let rate = id(&client.post("/v1/tax_rates", &rate).await.ok());
    let begun = [
        ("billing_cycle_anchor_config[day_of_month]", "15"),
        ("billing_cycle_anchor_config[hour]", "12"),
        ("add_invoice_items[0][price]", fee.as_str()),
        ("add_invoice_items[0][quantity]", "2"),
        ("add_invoice_items[0][tax_rates][]", &rate),
        ("add_invoice_items[0][discounts][0][coupon]", &coupon),
        ("add_invoice_items[0][metadata][k]", "v"),
        ("trial_settings[end_behavior][billing_cycle_anchor]", "unchanged"),
        ("trial_settings[end_behavior][missing_payment_method]", "pause"),
        ("cancel_at", "max_period_end"),
        ("expand[]", "latest_invoice"),
    ];
    let begun = client.subscribe(&customer, &price, &begun).await.ok();
    assert_eq!(begun["billing_cycle_anchor_config"]["day_of_month"], 15);
    let path = format!("/v1/subscriptions/{}", id(&begun));
    let added = [
        ("add_invoice_items[0][price_data][currency]", "usd"),
        ("add_invoice_items[0][price_data][product]", product.as_str()),
        ("add_invoice_items[0][price_data][unit_amount]", "100"),
        ("add_invoice_items[0][period][start][type]", "now"),
        ("add_invoice_items[0][period][end][type]", "min_item_period_end"),
        ("proration_behavior", "always_invoice"),
        ("expand[]", "latest_invoice"),
    ];
    client.post(&path, &added).await.ok();
    let phases = [
        ("customer", customer.as_str()),
        ("start_date", "now"),
        ("end_behavior", "release"),
        ("phases[0][items][0][price]", &price),
        ("phases[0][items][0][tax_rates][]", &rate),
        ("phases[0][items][0][discounts][0][coupon]", &coupon),
        ("phases[0][duration][interval]", "month"),
        ("phases[0][default_tax_rates][]", &rate),
        ("phases[0][discounts][0][coupon]", &coupon),
        ("phases[0][add_invoice_items][0][price]", &fee),
        ("phases[0][add_invoice_items][0][period][start][type]", "phase_start"),
        ("phases[0][add_invoice_items][0][period][end][type]", "phase_end"),
        ("phases[1][items][0][price]", &price),
        ("phases[1][automatic_tax][enabled]", "false"),
        ("phases[1][duration][interval]", "month"),
        ("expand[]", "subscription"),
        ("expand[]", "phases.discounts.coupon"),
        ("expand[]", "phases.add_invoice_items.price"),
    ];
    let schedule = client.post("/v1/subscription_schedules", &phases).await.ok();
    assert_eq!(schedule["phases"][0]["discounts"][0]["coupon"]["id"], coupon);
    client
        .post(
            "/v1/subscription_schedules",
            &[("from_subscription", &id(&begun)), ("expand[]", "phases.add_invoice_items.price")],
        )
        .await
        .ok();
    let bare = client.customer(None).await;
    let pause =
        [("trial_period_days", "3"), ("trial_settings[end_behavior][missing_payment_method]", "pause")];
    let paused = client.subscribe(&bare, &price, &pause).await.ok();
    world.sandbox.set_now(world.sandbox.now() + 4 * DAY);
    let method = client.post("/v1/payment_methods/pm_card_visa/attach", &[("customer", &bare)]).await.ok();
    let default = [("invoice_settings[default_payment_method]", &*id(&method))];
    client.post(&format!("/v1/customers/{bare}"), &default).await.ok();
    let preview = [
        ("subscription", &*id(&paused)),
        ("subscription_details[resume_at]", "now"),
        ("subscription_details[billing_cycle_anchor][type]", "unchanged"),
        ("subscription_details[proration_behavior]", "always_invoice"),
    ];
    client.post("/v1/invoices/create_preview", &preview).await.ok();
    let resume = [
        ("billing_cycle_anchor[type]", "unchanged"),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "resume_on_payment_success"),
        ("expand[]", "latest_invoice"),
    ];
    let path = format!("/v1/subscriptions/{}/resume", id(&paused));
    assert_eq!(client.post(&path, &resume).await.ok()["status"], "active");
}
