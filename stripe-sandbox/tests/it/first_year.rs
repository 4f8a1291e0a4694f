//! One subscription from its trial to its end: every event in order, every amount.

use serde_json::{Value, json};

use crate::support::{Client, DAY, HOUR, START, World, id, world};

/// 14 February 2027, 10:00 UTC: the trial ends, and the months are counted from here.
const FEBRUARY: i64 = START + 14 * DAY;
const MARCH: i64 = FEBRUARY + 28 * DAY;
const APRIL: i64 = MARCH + 31 * DAY;
const MAY: i64 = APRIL + 30 * DAY;
const JUNE: i64 = MAY + 31 * DAY;
const JULY: i64 = JUNE + 30 * DAY;

/// Reads events as they come: those of one reading are never read again.
struct Log {
    last: Option<String>,
}

impl Log {
    fn new(world: &World) -> Self {
        let mut log = Self { last: None };
        log.new_types(world);
        log
    }

    fn new_types(&mut self, world: &World) -> Vec<String> {
        let events = world.sandbox.events();
        let read =
            self.last.as_ref().and_then(|last| events.iter().position(|event| event["id"] == json!(last)));
        let new = &events[read.map_or(0, |read| read + 1)..];
        if let Some(event) = new.last() {
            self.last = Some(id(event));
        }
        new.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    fn expect(&mut self, world: &World, types: &[&str]) {
        assert_eq!(self.new_types(world), types);
    }
}

const UPCOMING: &str = "invoice.upcoming";
const RENEWED: [&str; 2] = ["customer.subscription.updated", "invoice.created"];
const PAID: [&str; 8] = [
    "invoice.finalized",
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "invoice_payment.paid",
    "invoice.updated",
    "invoice.paid",
    "invoice.payment_succeeded",
];

/// The events of an invoice's first attempt: the customer's next invoice number, then the payment.
fn charged() -> Vec<&'static str> {
    [&["customer.updated"][..], &PAID].concat()
}

async fn card(client: &Client, customer: &str, card: &str) -> String {
    let attach = format!("/v1/payment_methods/{card}/attach");
    let method = id(&client.post(&attach, &[("customer", customer)]).await.ok());
    let default = [("invoice_settings[default_payment_method]", method.as_str())];
    client.post(&format!("/v1/customers/{customer}"), &default).await.ok();
    method
}

#[tokio::test]
async fn a_subscriptions_first_year() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let (pro, enterprise) = (client.monthly("Pro", 2900).await, client.monthly("Enterprise", 9900).await);
    let mut log = Log::new(&world);

    // A trial of two weeks.
    let begun = client.subscribe(&customer, &pro, &[("trial_period_days", "14")]).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&begun));
    let now = async || -> Value { client.get(&path, &[("expand[]", "latest_invoice")]).await.ok() };
    let state = |subscription: &Value| {
        let invoice = &subscription["latest_invoice"];
        (
            subscription["status"].as_str().unwrap().to_owned(),
            invoice["status"].as_str().unwrap().to_owned(),
            invoice["total"].as_i64().unwrap(),
            invoice["amount_paid"].as_i64().unwrap(),
        )
    };
    assert_eq!(state(&now().await), ("trialing".into(), "paid".into(), 0, 0));
    log.expect(
        &world,
        &[
            "customer.subscription.created",
            "invoice.created",
            "customer.updated",
            "invoice.finalized",
            "invoice.updated",
            "invoice.paid",
            "invoice.payment_succeeded",
        ],
    );
    world.sandbox.set_now(FEBRUARY - 3 * DAY);
    log.expect(&world, &[UPCOMING, "customer.subscription.trial_will_end"]);

    // It turns into a paid month.
    world.sandbox.set_now(FEBRUARY);
    assert_eq!(state(&now().await), ("active".into(), "draft".into(), 2900, 0));
    log.expect(&world, &RENEWED);
    world.sandbox.set_now(FEBRUARY + HOUR);
    assert_eq!(state(&now().await), ("active".into(), "paid".into(), 2900, 2900));
    log.expect(&world, &charged());

    // The first renewal.
    world.sandbox.set_now(MARCH);
    log.expect(&world, &[UPCOMING, RENEWED[0], RENEWED[1]]);
    world.sandbox.set_now(MARCH + HOUR);
    assert_eq!(state(&now().await), ("active".into(), "paid".into(), 2900, 2900));
    log.expect(&world, &charged());

    // An upgrade, 7 of 31 days before the next: 2900 and 9900 times 7/31, each rounded.
    world.sandbox.set_now(APRIL - 7 * DAY);
    let item = id(&now().await["items"]["data"][0]);
    let upgrade = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", enterprise.as_str()),
        ("proration_behavior", "always_invoice"),
    ];
    client.post(&path, &upgrade).await.ok();
    let upgraded = now().await;
    assert_eq!(state(&upgraded), ("active".into(), "paid".into(), 2235 - 655, 1580));
    let lines = upgraded["latest_invoice"]["lines"]["data"].as_array().unwrap();
    assert_eq!(lines.iter().map(|line| line["amount"].as_i64().unwrap()).collect::<Vec<_>>(), [-655, 2235]);
    let mut expected = vec![UPCOMING, "invoiceitem.created", "invoiceitem.created"];
    expected.extend(RENEWED);
    expected.extend(charged());
    log.expect(&world, &expected);

    // The card is declined at the renewal, and again three days later.
    world.sandbox.set_now(APRIL);
    log.expect(&world, &RENEWED);
    card(client, &customer, "pm_card_chargeCustomerFail").await;
    log.expect(&world, &["payment_method.attached", "customer.updated"]);
    world.sandbox.set_now(APRIL + HOUR);
    assert_eq!(state(&now().await), ("past_due".into(), "open".into(), 9900, 0));
    let failed =
        ["charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed"];
    let mut expected = vec!["customer.updated", "invoice.finalized", "payment_intent.created"];
    expected.extend(failed);
    expected.extend(["customer.updated", "customer.subscription.updated"]);
    log.expect(&world, &expected);
    assert_eq!(client.get(&format!("/v1/customers/{customer}"), &[]).await.ok()["delinquent"], true);
    world.sandbox.set_now(APRIL + HOUR + 3 * DAY);
    log.expect(&world, &failed);
    let late = now().await;
    assert_eq!(late["latest_invoice"]["attempt_count"], 2);
    assert_eq!(late["latest_invoice"]["next_payment_attempt"], APRIL + HOUR + 8 * DAY);

    // Another card recovers it at the next attempt.
    card(client, &customer, "pm_card_mastercard").await;
    log.expect(&world, &["payment_method.attached", "customer.updated"]);
    world.sandbox.set_now(APRIL + HOUR + 8 * DAY);
    assert_eq!(state(&now().await), ("active".into(), "paid".into(), 9900, 9900));
    let mut expected = PAID[2..].to_vec();
    expected.extend(["customer.updated", "customer.subscription.updated"]);
    log.expect(&world, &expected);

    // Back to Pro with the next period.
    world.sandbox.set_now(APRIL + 20 * DAY);
    let schedule =
        client.post("/v1/subscription_schedules", &[("from_subscription", &id(&begun))]).await.ok();
    log.expect(&world, &["subscription_schedule.created", "customer.subscription.updated"]);
    let schedule = format!("/v1/subscription_schedules/{}", id(&schedule));
    let (start, end) = (APRIL.to_string(), MAY.to_string());
    let phases = [
        ("phases[0][items][0][price]", enterprise.as_str()),
        ("phases[0][start_date]", &start),
        ("phases[0][end_date]", &end),
        ("phases[1][items][0][price]", &pro),
        ("phases[1][proration_behavior]", "none"),
        ("phases[1][duration][interval]", "month"),
    ];
    client.post(&schedule, &phases).await.ok();
    log.expect(&world, &["subscription_schedule.updated"]);
    world.sandbox.set_now(MAY);
    log.expect(&world, &[UPCOMING, "subscription_schedule.updated", RENEWED[0], RENEWED[1]]);
    world.sandbox.set_now(MAY + HOUR);
    let downgraded = now().await;
    assert_eq!(state(&downgraded), ("active".into(), "paid".into(), 2900, 2900));
    assert_eq!(downgraded["items"]["data"][0]["price"]["id"], json!(pro));
    log.expect(&world, &charged());
    world.sandbox.set_now(JUNE - DAY);
    log.expect(&world, &["subscription_schedule.expiring", UPCOMING]);
    world.sandbox.set_now(JUNE);
    log.expect(
        &world,
        &["customer.subscription.updated", "subscription_schedule.released", RENEWED[0], RENEWED[1]],
    );
    world.sandbox.set_now(JUNE + HOUR);
    log.expect(&world, &charged());

    // Cancelled with the period's end.
    client.post(&path, &[("cancel_at_period_end", "true")]).await.ok();
    log.expect(&world, &["customer.subscription.updated"]);
    world.sandbox.set_now(JULY);
    log.expect(&world, &["customer.subscription.deleted"]);
    let ended = now().await;
    assert_eq!((&ended["status"], &ended["ended_at"]), (&json!("canceled"), &json!(JULY)));
    world.sandbox.set_now(START + 365 * DAY);
    log.expect(&world, &[]);
    world.check_events();

    // 2900 in February, March, May and June, the upgrade, and 9900 in April.
    let invoices = client.get("/v1/invoices", &[("customer", &customer), ("limit", "100")]).await.ok();
    let paid: Vec<i64> = invoices["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|invoice| invoice["amount_paid"].as_i64().unwrap())
        .collect();
    assert_eq!(paid, [2900, 2900, 9900, 1580, 2900, 2900, 0]);
}
