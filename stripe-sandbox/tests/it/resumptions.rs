//! Taking up a subscription whose trial ended without a card.

use serde_json::{Value, json};

use crate::support::{DAY, HOUR, Params, START, World, id, world};

const PAUSED: i64 = START + 7 * DAY;

/// A subscription of 2800 a month, paused when its trial of a week ended. Gives the world, its address and its customer.
async fn paused() -> (World, String, String) {
    let world = world().await;
    let (customer, price) = (world.client.customer(None).await, world.client.monthly("Pro", 2800).await);
    let trial =
        [("trial_period_days", "7"), ("trial_settings[end_behavior][missing_payment_method]", "pause")];
    let subscription = world.client.subscribe(&customer, &price, &trial).await.ok();
    world.sandbox.set_now(PAUSED);
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    assert_eq!(world.client.get(&path, &[]).await.ok()["status"], "paused");
    (world, path, customer)
}

async fn give_card(world: &World, customer: &str, card: &str) {
    let attach = format!("/v1/payment_methods/{card}/attach");
    let method = world.client.post(&attach, &[("customer", customer)]).await.ok();
    let default = [("invoice_settings[default_payment_method]", &*id(&method))];
    world.client.post(&format!("/v1/customers/{customer}"), &default).await.ok();
}

async fn resume(world: &World, path: &str, more: Params<'_>) -> Value {
    let mut params = vec![("expand[]", "latest_invoice")];
    params.extend_from_slice(more);
    world.client.post(&format!("{path}/resume"), &params).await.ok()
}

#[tokio::test]
async fn from_now_on_a_whole_period_is_charged_and_nothing_is_prorated() {
    let (world, path, customer) = paused().await;
    give_card(&world, &customer, "pm_card_visa").await;
    world.sandbox.set_now(PAUSED + 3 * DAY);
    let resumed = resume(&world, &path, &[("proration_behavior", "always_invoice")]).await;
    assert_eq!(
        (&resumed["status"], &resumed["latest_invoice"]["amount_paid"]),
        (&json!("active"), &json!(2800))
    );
    assert_eq!(resumed["billing_cycle_anchor"], PAUSED + 3 * DAY);
    assert!(world.event_types(0).contains(&"customer.subscription.resumed".to_owned()));
    let items = world.client.get("/v1/invoiceitems", &[]).await.ok();
    assert_eq!(items["data"], json!([]));
}

#[tokio::test]
async fn an_unchanged_anchor_prorates_what_is_left_as_it_is_told() {
    let unchanged = ("billing_cycle_anchor[type]", "unchanged");
    // The period that the anchor gives began when the trial ended, on 7 February, and has 28 days.
    for (behaviour, total, waiting) in
        [("always_invoice", Some(1400), 0), ("create_prorations", None, 1400), ("none", None, 0)]
    {
        let (world, path, customer) = paused().await;
        give_card(&world, &customer, "pm_card_visa").await;
        world.sandbox.set_now(PAUSED + 14 * DAY);
        let before = world.client.get(&path, &[]).await.ok()["latest_invoice"].clone();
        let resumed = resume(&world, &path, &[unchanged, ("proration_behavior", behaviour)]).await;
        assert_eq!(
            (&resumed["status"], &resumed["billing_cycle_anchor"]),
            (&json!("active"), &json!(PAUSED))
        );
        assert_eq!(resumed["items"]["data"][0]["current_period_end"], PAUSED + 28 * DAY);
        match total {
            Some(total) => assert_eq!(resumed["latest_invoice"]["amount_paid"], total, "{behaviour}"),
            None => assert_eq!(resumed["latest_invoice"]["id"], before, "{behaviour}: nothing is invoiced"),
        }
        assert_eq!(world.event_types(0).iter().filter(|kind| kind.ends_with(".resumed")).count(), 1);
        world.sandbox.set_now(PAUSED + 28 * DAY + HOUR);
        assert_eq!(world.sandbox.objects("invoice")[0]["amount_paid"], 2800 + waiting, "{behaviour}");
        world.check_events();
    }
}

#[tokio::test]
async fn a_date_of_proration_is_counted_from() {
    let (world, path, customer) = paused().await;
    give_card(&world, &customer, "pm_card_visa").await;
    world.sandbox.set_now(PAUSED + 14 * DAY);
    let at = (PAUSED + 7 * DAY).to_string();
    let late = (PAUSED + 29 * DAY).to_string();
    let unchanged = ("billing_cycle_anchor[type]", "unchanged");
    let always = ("proration_behavior", "always_invoice");
    let refused =
        world.client.post(&format!("{path}/resume"), &[unchanged, always, ("proration_date", &late)]).await;
    assert_eq!(refused.refusal(), (400, "", "proration_date"));
    assert_eq!(world.client.get(&path, &[]).await.ok()["status"], "paused", "a refusal changes nothing");
    let resumed = resume(&world, &path, &[unchanged, always, ("proration_date", &at)]).await;
    assert_eq!(resumed["latest_invoice"]["amount_paid"], 2100);
}

#[tokio::test]
async fn a_declined_attempt_takes_it_up_unless_it_waits_for_the_payment() {
    for (behaviour, status) in
        [("resume_on_payment_attempt", "past_due"), ("resume_on_payment_success", "paused")]
    {
        let (world, path, customer) = paused().await;
        give_card(&world, &customer, "pm_card_chargeCustomerFail").await;
        let resumed = resume(&world, &path, &[("payment_behavior", behaviour)]).await;
        assert_eq!(
            (&resumed["status"], &resumed["latest_invoice"]["status"]),
            (&json!(status), &json!("open"))
        );
        let pay = format!("/v1/invoices/{}/pay", id(&resumed["latest_invoice"]));
        world.client.post(&pay, &[("payment_method", "pm_card_visa")]).await.ok();
        assert_eq!(world.client.get(&path, &[]).await.ok()["status"], "active", "{behaviour}");
        assert_eq!(world.event_types(0).iter().filter(|kind| kind.ends_with(".resumed")).count(), 1);
        world.check_events();
    }
}

#[tokio::test]
async fn without_an_attempt_the_invoice_is_voided_after_23_hours() {
    let (world, path, _) = paused().await;
    let waiting = resume(&world, &path, &[]).await;
    assert_eq!(
        (&waiting["status"], &waiting["latest_invoice"]["status"]),
        (&json!("paused"), &json!("open"))
    );
    assert_eq!(world.client.post(&format!("{path}/resume"), &[]).await.status, 400, "one at a time");
    world.sandbox.set_now(PAUSED + 23 * HOUR);
    let invoice = format!("/v1/invoices/{}", id(&waiting["latest_invoice"]));
    assert_eq!(world.client.get(&invoice, &[]).await.ok()["status"], "void");
    assert_eq!(world.client.get(&path, &[]).await.ok()["status"], "paused");
    let again = resume(&world, &path, &[]).await;
    let given_up = format!("/v1/invoices/{}/mark_uncollectible", id(&again["latest_invoice"]));
    world.client.post(&given_up, &[]).await.ok();
    assert_eq!(world.client.get(&path, &[]).await.ok()["status"], "active", "nobody waits for it any more");
}

#[tokio::test]
async fn a_resumption_is_previewed() {
    let (world, path, customer) = paused().await;
    give_card(&world, &customer, "pm_card_visa").await;
    world.sandbox.set_now(PAUSED + 14 * DAY);
    let subscription = path.rsplit('/').next().unwrap();
    let whole = [("subscription", subscription), ("subscription_details[resume_at]", "now")];
    let preview = world.client.post("/v1/invoices/create_preview", &whole).await.ok();
    assert_eq!(preview["total"], 2800);
    let mut part = whole.to_vec();
    part.push(("subscription_details[billing_cycle_anchor][type]", "unchanged"));
    part.push(("subscription_details[proration_behavior]", "always_invoice"));
    let preview = world.client.post("/v1/invoices/create_preview", &part).await.ok();
    assert_eq!(preview["total"], 1400);
    assert_eq!(world.client.get(&path, &[]).await.ok()["status"], "paused");
}
