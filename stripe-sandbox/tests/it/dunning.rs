use serde_json::{Value, json};
use stripe_sandbox::{AfterRetries, Settings};

use crate::support::{DAY, HOUR, START, World, builder, id, world, world_of};

const RENEWAL: i64 = START + 28 * DAY;

/// A subscription whose card is declined from the first renewal on; its path, and a card that would pay.
async fn declining(world: &World) -> (String, String) {
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &price, &[]).await.ok();
    let good = id(&world.sandbox.objects("payment_method")[0]);
    let attach = "/v1/payment_methods/pm_card_chargeCustomerFail/attach";
    let bad = id(&client.post(attach, &[("customer", &customer)]).await.ok());
    let default = [("invoice_settings[default_payment_method]", bad.as_str())];
    client.post(&format!("/v1/customers/{customer}"), &default).await.ok();
    (format!("/v1/subscriptions/{}", id(&subscription)), good)
}

async fn settings(world: &World, wanted: Value) -> (u16, Value) {
    let url = format!("{}/_sandbox/settings", world.sandbox.base_url());
    let answer = world.client.http.post(url).json(&wanted).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn an_unpaid_subscription_keeps_its_invoices_as_drafts_until_the_latest_is_paid() {
    let world =
        world_of(builder().settings(Settings { after_retries: AfterRetries::Unpaid, ..Settings::default() }))
            .await;
    let client = &world.client;
    let (path, good) = declining(&world).await;
    world.sandbox.set_now(RENEWAL + HOUR + 15 * DAY);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "unpaid");
    assert_eq!(world.event_types(0).last().unwrap(), "customer.subscription.updated");
    world.sandbox.set_now(START + 70 * DAY);
    let unpaid = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    let draft = &unpaid["latest_invoice"];
    assert_eq!(
        (&unpaid["status"], &draft["status"], &draft["auto_advance"], &draft["automatically_finalizes_at"]),
        (&json!("unpaid"), &json!("draft"), &json!(false), &json!(null))
    );
    let invoice = format!("/v1/invoices/{}", id(draft));
    client.post(&format!("{invoice}/finalize"), &[]).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "unpaid");
    client.post(&format!("{invoice}/pay"), &[("payment_method", &good)]).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "active");
    world.check_events();
}

#[tokio::test]
async fn a_subscription_may_be_left_past_due_and_is_invoiced_on() {
    let world = world().await;
    let (status, changed) = settings(&world, json!({ "after_retries": "past_due" })).await;
    assert_eq!(
        (status, &changed["after_retries"], &changed["upcoming_days"]),
        (200, &json!("past_due"), &json!(7))
    );
    assert_eq!(settings(&world, json!({ "after_retries": "pray" })).await.0, 400);
    assert_eq!(settings(&world, json!({ "nonsense": 1 })).await.0, 400);
    let client = &world.client;
    let (path, _) = declining(&world).await;
    world.sandbox.set_now(RENEWAL + HOUR + 15 * DAY);
    let late = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(
        (&late["status"], &late["latest_invoice"]["auto_advance"]),
        (&json!("past_due"), &json!(false))
    );
    world.sandbox.set_now(START + 59 * DAY + HOUR);
    let next = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(
        (&next["status"], &next["latest_invoice"]["status"], &next["latest_invoice"]["attempt_count"]),
        (&json!("past_due"), &json!("open"), &json!(1))
    );
    assert_ne!(next["latest_invoice"]["id"], late["latest_invoice"]["id"]);
}

#[tokio::test]
async fn a_sent_invoice_is_overdue_after_its_date_and_given_up_a_month_later() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(None).await, client.monthly("Pro", 2900).await);
    let sent = [("collection_method", "send_invoice"), ("days_until_due", "14")];
    let subscription = client.subscribe(&customer, &price, &sent).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let expand = [("expand[]", "latest_invoice")];
    world.sandbox.set_now(START + 14 * DAY - 1);
    let waiting = client.get(&path, &expand).await.ok();
    assert_eq!(
        (&waiting["status"], &waiting["latest_invoice"]["status"]),
        (&json!("active"), &json!("open"))
    );
    assert_eq!(waiting["latest_invoice"]["due_date"], START + 14 * DAY);
    let before = world.sandbox.events().len();
    world.sandbox.set_now(START + 14 * DAY);
    assert_eq!(world.event_types(before), ["invoice.overdue", "customer.subscription.updated"]);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "past_due");
    let invoice = format!("/v1/invoices/{}", id(&waiting["latest_invoice"]));
    client.post(&format!("{invoice}/pay"), &[("paid_out_of_band", "true")]).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "active");
    // The renewal's invoice is due two weeks after it, and is not paid.
    world.sandbox.set_now(RENEWAL + (14 + 30) * DAY - 1);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "past_due");
    world.sandbox.set_now(RENEWAL + (14 + 30) * DAY);
    let ended = client.get(&path, &[]).await.ok();
    assert_eq!(
        (&ended["status"], &ended["cancellation_details"]["reason"]),
        (&json!("canceled"), &json!("payment_failed"))
    );
    world.check_events();
}

#[tokio::test]
async fn an_open_invoice_says_that_it_will_be_due_where_that_is_set() {
    for (days, said) in [(3, 1), (0, 0), (20, 0)] {
        let world = world().await;
        let client = &world.client;
        settings(&world, json!({ "due_soon_days": days })).await;
        let (customer, price) = (client.customer(None).await, client.monthly("Pro", 2900).await);
        let sent = [("collection_method", "send_invoice"), ("days_until_due", "14")];
        client.subscribe(&customer, &price, &sent).await.ok();
        world.sandbox.set_now(START + 11 * DAY - 1);
        let soon =
            |world: &World| world.event_types(0).iter().filter(|kind| *kind == "invoice.will_be_due").count();
        assert_eq!(soon(&world), 0);
        world.sandbox.set_now(START + 11 * DAY + HOUR);
        assert_eq!(soon(&world), said, "{days} days before");
        world.sandbox.set_now(START + 20 * DAY);
        assert_eq!(soon(&world), said);
        assert!(world.event_types(0).contains(&"invoice.overdue".to_owned()));
    }
}

#[tokio::test]
async fn a_renewal_is_announced_with_its_invoice_some_days_before() {
    for (days, expected) in [(7, Some(RENEWAL - 7 * DAY)), (3, Some(RENEWAL - 3 * DAY)), (0, None)] {
        let world =
            world_of(builder().settings(Settings { upcoming_days: days, ..Settings::default() })).await;
        let client = &world.client;
        let (customer, price) =
            (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
        client.subscribe(&customer, &price, &[]).await.ok();
        let extra = [("customer", customer.as_str()), ("amount", "100"), ("currency", "usd")];
        client.post("/v1/invoiceitems", &extra).await.ok();
        world.sandbox.set_now(RENEWAL - 1);
        let events = world.sandbox.events();
        let upcoming: Vec<&Value> =
            events.iter().filter(|event| event["type"] == "invoice.upcoming").collect();
        assert_eq!(upcoming.first().map(|event| event["created"].as_i64().unwrap()), expected);
        if let [event] = upcoming[..] {
            let invoice = &event["data"]["object"];
            assert_eq!(
                (&invoice["amount_due"], &invoice["billing_reason"]),
                (&json!(3000), &json!("upcoming"))
            );
            assert!(invoice["id"].as_str().unwrap().starts_with("upcoming_"));
        }
        assert_eq!(world.sandbox.objects("invoice").len(), 1, "announcing makes nothing");
        world.check_events();
    }
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    client.subscribe(&customer, &price, &[("cancel_at_period_end", "true")]).await.ok();
    world.sandbox.set_now(RENEWAL);
    assert!(!world.event_types(0).contains(&"invoice.upcoming".to_owned()), "there will be none");
}

#[tokio::test]
async fn a_card_is_declined_after_its_date_until_its_network_sends_a_new_one() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(None).await, client.monthly("Pro", 2900).await);
    let typed = [
        ("type", "card"),
        ("card[number]", "4242424242424242"),
        ("card[exp_month]", "2"),
        ("card[exp_year]", "2027"),
    ];
    let method = id(&client.post("/v1/payment_methods", &typed).await.ok());
    client.post(&format!("/v1/payment_methods/{method}/attach"), &[("customer", &customer)]).await.ok();
    let subscription = client.subscribe(&customer, &price, &[("default_payment_method", &method)]).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    world.sandbox.set_now(RENEWAL + HOUR);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "active", "28 February is not too late");
    world.sandbox.set_now(START + 59 * DAY + HOUR);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "past_due");
    let charge = &world.sandbox.objects("charge")[0];
    assert_eq!((&charge["failure_code"], &charge["status"]), (&json!("expired_card"), &json!("failed")));
    let url = format!("{}/_sandbox/payment_methods/{method}/update_card", world.sandbox.base_url());
    let updated =
        client.http.post(url).json(&json!({ "exp_month": 2, "exp_year": 2031 })).send().await.unwrap();
    assert_eq!(updated.status(), 200);
    let event = world.sandbox.events().pop().unwrap();
    assert_eq!(event["type"], "payment_method.automatically_updated");
    assert_eq!(event["data"]["previous_attributes"], json!({ "card": { "exp_year": 2027 } }));
    world.sandbox.set_now(START + 62 * DAY + HOUR);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "active");
}
