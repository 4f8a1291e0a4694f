use serde_json::json;

use crate::support::{DAY, HOUR, START, id, world};

#[tokio::test]
async fn a_year_of_renewals_follows_the_months_from_the_31st() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    world.sandbox.set_now(START + 365 * DAY - 1);
    let invoices = client.get("/v1/invoices", &[("limit", "100"), ("customer", &customer)]).await.ok();
    let invoices = invoices["data"].as_array().unwrap();
    assert_eq!(invoices.len(), 12);
    assert!(invoices.iter().all(|invoice| invoice["status"] == "paid" && invoice["amount_paid"] == 2900));
    let numbers: Vec<&str> = invoices
        .iter()
        .map(|invoice| invoice["number"].as_str().unwrap().rsplit('-').next().unwrap())
        .collect();
    assert_eq!((numbers[0], numbers[11]), ("0012", "0001"));
    // 31 January, 28 February, 31 March, 30 April, ...
    let starts: Vec<i64> =
        invoices.iter().rev().map(|invoice| (invoice["created"].as_i64().unwrap() - START) / DAY).collect();
    assert_eq!(starts, [0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334]);
    let subscription = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
    assert_eq!(subscription["status"], "active");
    assert_eq!(subscription["items"]["data"][0]["current_period_end"], START + 365 * DAY);
}

#[tokio::test]
async fn a_month_passes_in_under_a_second() {
    let world = world().await;
    let client = &world.client;
    let price = client.monthly("Pro", 2900).await;
    for _ in 0..5 {
        client.subscribe(&client.customer(Some("pm_card_visa")).await, &price, &[]).await.ok();
    }
    let (before, started) = (world.sandbox.events().len(), std::time::Instant::now());
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    let took = started.elapsed();
    eprintln!("a month of five subscriptions and {} events: {took:?}", world.sandbox.events().len() - before);
    let paid = client.get("/v1/invoices", &[("status", "paid"), ("limit", "100")]).await.ok();
    assert_eq!(paid["data"].as_array().unwrap().len(), 10, "all were renewed and charged");
    assert!(took < std::time::Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_renewal_is_drafted_first_and_charged_an_hour_later() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    client.subscribe(&customer, &price, &[]).await.ok();
    let before = world.sandbox.events().len();
    world.sandbox.set_now(START + 28 * DAY);
    assert_eq!(
        world.event_types(before),
        ["invoice.upcoming", "customer.subscription.updated", "invoice.created"]
    );
    let draft = &world.sandbox.objects("invoice")[0];
    assert_eq!((&draft["status"], &draft["billing_reason"]), (&json!("draft"), &json!("subscription_cycle")));
    assert_eq!((&draft["period_start"], &draft["period_end"]), (&json!(START), &json!(START + 28 * DAY)));
    assert_eq!(
        draft["lines"]["data"][0]["period"],
        json!({ "start": START + 28 * DAY, "end": START + 59 * DAY })
    );
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    assert_eq!(world.sandbox.objects("invoice")[0]["status"], "paid");
    let events = world.sandbox.events();
    assert_eq!(
        events.last().unwrap()["request"],
        json!({ "id": null, "idempotency_key": null }),
        "nobody asked for it"
    );
    world.check_events();
}

#[tokio::test]
async fn failing_renewals_are_retried_and_end_the_subscription() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    let bad = client
        .post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", &[("customer", &customer)])
        .await
        .ok();
    let default = [("invoice_settings[default_payment_method]", bad["id"].as_str().unwrap())];
    client.post(&format!("/v1/customers/{customer}"), &default).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let charged = START + 28 * DAY + HOUR;
    for (at, status, attempts, next) in [
        (charged, "past_due", 1, json!(charged + 3 * DAY)),
        (charged + 3 * DAY, "past_due", 2, json!(charged + 8 * DAY)),
        (charged + 8 * DAY, "past_due", 3, json!(charged + 15 * DAY)),
        (charged + 15 * DAY, "canceled", 4, json!(null)),
    ] {
        world.sandbox.set_now(at);
        let subscription = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
        assert_eq!(subscription["status"], status);
        let invoice = &subscription["latest_invoice"];
        assert_eq!((&invoice["attempt_count"], &invoice["next_payment_attempt"]), (&json!(attempts), &next));
    }
    let ended = client.get(&path, &[]).await.ok();
    assert_eq!(ended["cancellation_details"]["reason"], "payment_failed");
    let debtor = client.get(&format!("/v1/customers/{customer}"), &[]).await.ok();
    assert_eq!(debtor["delinquent"], true);
}

#[tokio::test]
async fn a_past_due_subscription_recovers_when_its_invoice_is_paid() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    let good = world.sandbox.objects("payment_method")[0]["id"].as_str().unwrap().to_owned();
    let bad = client
        .post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", &[("customer", &customer)])
        .await
        .ok();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    client.post(&path, &[("default_payment_method", &id(&bad))]).await.ok();
    world.sandbox.set_now(START + 28 * DAY + HOUR);
    let late = client.get(&path, &[]).await.ok();
    assert_eq!(late["status"], "past_due");
    let pay = format!("/v1/invoices/{}/pay", late["latest_invoice"].as_str().unwrap());
    client.post(&pay, &[("payment_method", &good)]).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "active");
}

#[tokio::test]
async fn a_trial_warns_three_days_before_and_ends_by_its_setting() {
    for (setting, status) in [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")] {
        let world = world().await;
        let client = &world.client;
        let (customer, price) = (client.customer(None).await, client.monthly("Pro", 2900).await);
        let more =
            [("trial_period_days", "10"), ("trial_settings[end_behavior][missing_payment_method]", setting)];
        let subscription = client.subscribe(&customer, &price, &more).await.ok();
        let before = world.sandbox.events().len();
        world.sandbox.set_now(START + 7 * DAY);
        let types = world.event_types(before);
        assert_eq!(types, ["invoice.upcoming", "customer.subscription.trial_will_end"]);
        world.sandbox.set_now(START + 10 * DAY + HOUR);
        let ended = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
        assert_eq!(ended["status"], status, "{setting}");
        world.check_events();
    }
}

#[tokio::test]
async fn a_trial_with_a_card_turns_into_a_paid_month() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[("trial_period_days", "14")]).await.ok();
    world.sandbox.set_now(START + 14 * DAY + HOUR);
    let expand = [("expand[]", "latest_invoice")];
    let paid = client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &expand).await.ok();
    assert_eq!((&paid["status"], &paid["latest_invoice"]["amount_paid"]), (&json!("active"), &json!(2900)));
    assert_eq!(paid["billing_cycle_anchor"], START + 14 * DAY);
}

#[tokio::test]
async fn cancelling_at_the_periods_end_can_be_taken_back_until_then() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let ending = client.post(&path, &[("cancel_at_period_end", "true")]).await.ok();
    assert_eq!((&ending["cancel_at"], &ending["status"]), (&json!(START + 28 * DAY), &json!("active")));
    let kept = client.post(&path, &[("cancel_at_period_end", "false")]).await.ok();
    assert_eq!((&kept["cancel_at"], &kept["canceled_at"]), (&json!(null), &json!(null)));
    client.post(&path, &[("cancel_at_period_end", "true")]).await.ok();
    world.sandbox.set_now(START + 28 * DAY);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "canceled");
    assert_eq!(world.sandbox.objects("invoice").len(), 1, "there is no renewal");
}

#[tokio::test]
async fn an_unpaid_beginning_expires_after_23_hours() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(None).await, client.monthly("Pro", 2900).await);
    let subscription =
        client.subscribe(&customer, &price, &[("payment_behavior", "default_incomplete")]).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    world.sandbox.set_now(START + 23 * HOUR - 1);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "incomplete");
    world.sandbox.set_now(START + 23 * HOUR);
    let expired = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(
        (&expired["status"], &expired["latest_invoice"]["status"]),
        (&json!("incomplete_expired"), &json!("void"))
    );
}
