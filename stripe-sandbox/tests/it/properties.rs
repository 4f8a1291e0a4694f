//! What holds for any sequence of changes.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::support::{DAY, START, World, id, world};

const MONTH: i64 = 28 * DAY;
const PRICES: [i64; 3] = [1999, 2800, 12_345];

/// After how many seconds, to which price and quantity, and whether it is invoiced at once.
type Change = (i64, usize, i64, bool);

fn int(object: &Value, name: &str) -> i64 {
    object[name].as_i64().unwrap()
}

fn sum(rows: &Value, of: impl Fn(&Value) -> i64) -> i64 {
    rows.as_array().unwrap().iter().map(of).sum()
}

/// That an invoice's sums are those of its lines.
fn check_sums(invoice: &Value) {
    let lines = &invoice["lines"]["data"];
    let discounts = sum(lines, |line| sum(&line["discount_amounts"], |off| int(off, "amount")));
    let taxes = |behaviour: Option<&str>| {
        sum(lines, |line| {
            let meant = |tax: &Value| behaviour.is_none_or(|behaviour| tax["tax_behavior"] == behaviour);
            sum(&line["taxes"], |tax| if meant(tax) { int(tax, "amount") } else { 0 })
        })
    };
    let subtotal = sum(lines, |line| int(line, "amount"));
    assert_eq!(int(invoice, "subtotal"), subtotal);
    assert_eq!(int(invoice, "total"), subtotal - discounts + taxes(Some("exclusive")));
    assert_eq!(int(invoice, "total_excluding_tax"), int(invoice, "total") - taxes(None));
    assert_eq!(sum(&invoice["total_discount_amounts"], |off| int(off, "amount")), discounts);
    assert_eq!(sum(&invoice["total_taxes"], |tax| int(tax, "amount")), taxes(None));
    for line in lines.as_array().unwrap() {
        let off = sum(&line["discount_amounts"], |off| int(off, "amount"));
        assert!(off >= 0 && off <= int(line, "amount").max(0));
    }
}

async fn play(world: &World, changes: &[Change], discounts: &[(&str, &str)]) -> (i64, i128, i128) {
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let mut prices = Vec::new();
    for amount in PRICES {
        prices.push(client.monthly("Plan", amount).await);
    }
    let mut params = vec![("expand[]", "latest_invoice")];
    params.extend_from_slice(discounts);
    let subscription = client.subscribe(&customer, &prices[0], &params).await.ok();
    let item = id(&subscription["items"]["data"][0]);
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let net = i128::from(int(&subscription["latest_invoice"], "total"));
    let (mut rate, mut since, mut used) = (PRICES[0], START, 0_i128);
    for (after, price, quantity, at_once) in changes {
        let at = (world.sandbox.now() + after).min(START + MONTH - 1);
        world.sandbox.set_now(at);
        let quantity_text = quantity.to_string();
        let change = [
            ("items[0][id]", item.as_str()),
            ("items[0][price]", &prices[*price]),
            ("items[0][quantity]", &quantity_text),
            ("proration_behavior", if *at_once { "always_invoice" } else { "create_prorations" }),
        ];
        client.post(&path, &change).await.ok();
        used += i128::from(rate) * i128::from(at - since);
        (rate, since) = (PRICES[*price] * quantity, at);
    }
    used += i128::from(rate) * i128::from(START + MONTH - since);
    world.sandbox.set_now(START + MONTH);
    let mut invoices = world.sandbox.objects("invoice");
    invoices.reverse();
    let mut balance = 0;
    for invoice in &invoices {
        check_sums(invoice);
        for line in invoice["lines"]["data"].as_array().unwrap() {
            let renews = invoice["billing_reason"] == "subscription_cycle"
                && line["parent"]["type"] == "subscription_item_details";
            if !renews {
                balance += int(line, "amount") - sum(&line["discount_amounts"], |off| int(off, "amount"));
            }
        }
        assert!(balance >= 0, "more was credited than charged");
    }
    (balance, used, net)
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec((1..10 * DAY, 0..PRICES.len(), 0_i64..6, any::<bool>()), 0..6)
}

fn run(discounts: &'static [(&'static str, &'static str)], percent_kept: i128, coupon: Option<&'static str>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
    let result = runner.run(&changes(), |changes| {
        runtime.block_on(async {
            let world = world().await;
            if let Some(percent) = coupon {
                let coupon = [("id", "off"), ("percent_off", percent), ("duration", "forever")];
                world.client.post("/v1/coupons", &coupon).await.ok();
            }
            let (balance, used, _) = play(&world, &changes, discounts).await;
            let exact = used * percent_kept;
            let whole = i128::from(MONTH) * 100;
            let off = i128::from(balance) * whole - exact;
            // One minor unit a change, and with a coupon one more for the rounding of each net amount.
            let slack = if coupon.is_some() { 2 } else { 1 };
            let allowed =
                whole * slack * (i128::try_from(changes.len()).unwrap() + i128::from(coupon.is_some()));
            assert!(off.abs() <= allowed, "{balance} was charged, off by {off} of {allowed}");
            world.sandbox.shutdown().await;
        });
        Ok(())
    });
    result.unwrap();
}

#[test]
fn what_is_charged_and_not_credited_is_the_price_of_the_time_used() {
    run(&[], 100, None);
}

#[test]
fn with_a_coupon_it_is_the_discounted_price() {
    run(&[("discounts[0][coupon]", "off")], 75, Some("25"));
}
