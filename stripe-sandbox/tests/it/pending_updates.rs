use serde_json::{Value, json};

use crate::support::{DAY, HOUR, START, World, id, world};

/// A subscription to Pro whose customer's default card is now `card`, and the parameters that upgrade it to Enterprise.
async fn upgrade(world: &World, card: &str) -> (String, Vec<(&'static str, String)>) {
    let client = &world.client;
    let (pro, enterprise) = (client.monthly("Pro", 2800).await, client.monthly("Enterprise", 9800).await);
    let customer = client.customer(Some("pm_card_visa")).await;
    let subscription = client.subscribe(&customer, &pro, &[]).await.ok();
    world.sandbox.set_now(START + 14 * DAY);
    let method =
        client.post(&format!("/v1/payment_methods/{card}/attach"), &[("customer", &customer)]).await.ok();
    let default = [("invoice_settings[default_payment_method]", &*id(&method))];
    client.post(&format!("/v1/customers/{customer}"), &default).await.ok();
    let params = vec![
        ("items[0][id]", id(&subscription["items"]["data"][0])),
        ("items[0][price]", enterprise),
        ("proration_behavior", "always_invoice".to_owned()),
        ("payment_behavior", "pending_if_incomplete".to_owned()),
        ("expand[]", "latest_invoice".to_owned()),
    ];
    (format!("/v1/subscriptions/{}", id(&subscription)), params)
}

fn amount(subscription: &Value) -> &Value {
    &subscription["items"]["data"][0]["price"]["unit_amount"]
}

async fn post(world: &World, path: &str, params: &[(&'static str, String)]) -> Value {
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.client.post(path, &params).await.ok()
}

#[tokio::test]
async fn a_change_that_is_paid_at_once_is_made_at_once() {
    let world = world().await;
    let (path, params) = upgrade(&world, "pm_card_visa").await;
    let changed = post(&world, &path, &params).await;
    assert_eq!((amount(&changed), &changed["pending_update"]), (&json!(9800), &json!(null)));
    assert_eq!(changed["latest_invoice"]["amount_paid"], 3500);
    assert!(!world.event_types(0).iter().any(|kind| kind.contains("pending_update")));
}

#[tokio::test]
async fn a_declined_change_waits_and_is_made_when_its_invoice_is_paid() {
    let world = world().await;
    let (path, params) = upgrade(&world, "pm_card_chargeCustomerFail").await;
    let waiting = post(&world, &path, &params).await;
    assert_eq!((amount(&waiting), &waiting["status"]), (&json!(2800), &json!("active")));
    let pending = &waiting["pending_update"];
    assert_eq!(pending["expires_at"], START + 14 * DAY + 23 * HOUR);
    assert_eq!(pending["subscription_items"][0]["price"]["unit_amount"], 9800);
    assert_eq!(waiting["latest_invoice"]["status"], "open");
    let good = world.sandbox.objects("payment_method").into_iter().last().unwrap();
    let pay = format!("/v1/invoices/{}/pay", id(&waiting["latest_invoice"]));
    world.client.post(&pay, &[("payment_method", good["id"].as_str().unwrap())]).await.ok();
    let applied = world.client.get(&path, &[]).await.ok();
    assert_eq!((amount(&applied), &applied["pending_update"]), (&json!(9800), &json!(null)));
    assert!(world.event_types(0).contains(&"customer.subscription.pending_update_applied".to_owned()));
    world.check_events();
}

#[tokio::test]
async fn a_change_that_is_not_paid_in_time_is_given_up_with_its_invoice() {
    let world = world().await;
    let (path, params) = upgrade(&world, "pm_card_chargeCustomerFail").await;
    let waiting = post(&world, &path, &params).await;
    world.sandbox.set_now(START + 14 * DAY + 23 * HOUR);
    let given_up = world.client.get(&path, &[]).await.ok();
    assert_eq!((amount(&given_up), &given_up["pending_update"]), (&json!(2800), &json!(null)));
    assert_eq!(given_up["status"], "active");
    let invoice = format!("/v1/invoices/{}", id(&waiting["latest_invoice"]));
    assert_eq!(world.client.get(&invoice, &[]).await.ok()["status"], "void");
    assert!(world.event_types(0).contains(&"customer.subscription.pending_update_expired".to_owned()));
    // The renewal charges what was there before, and nothing of the change.
    world.sandbox.set_now(START + 28 * DAY);
    assert_eq!(world.sandbox.objects("invoice")[0]["total"], 2800);
    world.check_events();
}

#[tokio::test]
async fn only_what_is_paid_for_can_wait() {
    let world = world().await;
    let (path, mut params) = upgrade(&world, "pm_card_visa").await;
    params.push(("description", "v".to_owned()));
    let refused = params.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
    assert_eq!(world.client.post(&path, &refused).await.refusal(), (400, "", "description"));
    *params.last_mut().unwrap() = ("cancel_at_period_end", "true".to_owned());
    let refused = params.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
    let refusal = (400, "sandbox_unsupported", "cancel_at_period_end");
    assert_eq!(world.client.post(&path, &refused).await.refusal(), refusal);
    let customer = world.client.customer(Some("pm_card_visa")).await;
    let new = [("payment_behavior", "pending_if_incomplete")];
    let price = world.client.monthly("Other", 100).await;
    assert_eq!(
        world.client.subscribe(&customer, &price, &new).await.refusal(),
        (400, "", "payment_behavior")
    );
}
