//! What may become of the terms of a subscription at Stripe: its price, a schedule, discounts, how and whether it is collected.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::Value;
use stripe_sandbox::Sandbox;

use super::history::{Change, delete, of_customer, post};
use crate::support::text;

/// The coupons that there are: for ever, for three months and for one bill.
pub const COUPONS: [(&str, &[(&str, &str)]); 3] = [
    ("HALF", &[("percent_off", "50"), ("duration", "forever")]),
    ("SEASON", &[("percent_off", "10"), ("duration", "repeating"), ("duration_in_months", "3")]),
    ("ONCE", &[("amount_off", "500"), ("currency", "usd"), ("duration", "once")]),
];

/// A price of those that are sold, and one that the catalogue does not know.
fn price(draw: &mut StdRng, sandbox: &Sandbox) -> String {
    text(&sandbox.objects("price").choose(draw).expect("a plan was published")["id"])
}

/// Draws what becomes of one of the customer's subscriptions, of those that go on if there are any.
pub fn draw(draw: &mut StdRng, sandbox: &Sandbox, customer: &str) -> Vec<Change> {
    let all = of_customer(sandbox, "subscription", customer);
    let mut live = all.clone();
    live.retain(|it| !matches!(it["status"].as_str(), Some("canceled" | "incomplete_expired")));
    let Some(it) = live.choose(draw).or_else(|| all.first()).cloned() else { return Vec::new() };
    let path = format!("/v1/subscriptions/{}", text(&it["id"]));
    let update = |form: &[(&str, &str)]| vec![post(path.as_str(), form)];
    let item = text(&it["items"]["data"][0]["id"]);
    match draw.random_range(0..46) {
        0..8 => {
            let price = price(draw, sandbox);
            let settled = ["create_prorations", "always_invoice", "none"];
            let settled = settled.choose(draw).expect("there are ways");
            let quantity = draw.random_range(1..20).to_string();
            let mut form = vec![
                ("items[0][id]", item.as_str()),
                ("items[0][price]", price.as_str()),
                ("proration_behavior", *settled),
            ];
            if draw.random_bool(0.4) {
                form.push(("items[0][quantity]", quantity.as_str()));
            }
            update(&form)
        }
        // Made once its bill is paid, which a declined card or an absent cardholder keeps from being.
        8..15 => {
            let (price, quantity) = (price(draw, sandbox), draw.random_range(1..20).to_string());
            update(&[
                ("items[0][id]", &item),
                ("items[0][price]", &price),
                ("items[0][quantity]", &quantity),
                ("proration_behavior", "always_invoice"),
                ("payment_behavior", "pending_if_incomplete"),
            ])
        }
        15..26 => schedule(draw, sandbox, &it),
        26..32 => {
            let (coupon, _) = COUPONS.choose(draw).expect("there are coupons");
            match draw.random_range(0..4) {
                0 => update(&[("discounts", "")]),
                1 => vec![delete(format!("{path}/discount"))],
                _ => update(&[("discounts[0][coupon]", *coupon)]),
            }
        }
        32..37 => {
            let behaviors = ["void", "keep_as_draft", "mark_uncollectible"];
            let behavior = behaviors.choose(draw).expect("there are behaviours");
            let resumes = (sandbox.now() + draw.random_range(86_400..20 * 86_400)).to_string();
            match draw.random_range(0..3) {
                0 => update(&[("pause_collection", "")]),
                1 => update(&[("pause_collection[behavior]", *behavior)]),
                _ => update(&[
                    ("pause_collection[behavior]", *behavior),
                    ("pause_collection[resumes_at]", resumes.as_str()),
                ]),
            }
        }
        37..40 => {
            if it["collection_method"] == "send_invoice" {
                update(&[("collection_method", "charge_automatically")])
            } else {
                update(&[("collection_method", "send_invoice"), ("days_until_due", "14")])
            }
        }
        40..43 => {
            let methods = of_customer(sandbox, "payment_method", customer);
            let method = methods.choose(draw).map(|method| text(&method["id"])).unwrap_or_default();
            update(&[("default_payment_method", &method)])
        }
        43 => update(&[("trial_end", "now")]),
        // Within three days of its end Stripe says so.
        44 => {
            let end = (sandbox.now() + draw.random_range(3_600..6 * 86_400)).to_string();
            update(&[("trial_end", &end), ("proration_behavior", "none")])
        }
        _ => update(&[
            ("cancel_at_period_end", "true"),
            ("cancellation_details[feedback]", "too_expensive"),
            ("cancellation_details[comment]", "Too dear."),
        ]),
    }
}

/// A schedule is attached, says what comes next, lets its subscription go, or ends it.
fn schedule(draw: &mut StdRng, sandbox: &Sandbox, subscription: &Value) -> Vec<Change> {
    let Some(id) = subscription["schedule"].as_str() else {
        let id = text(&subscription["id"]);
        return vec![post("/v1/subscription_schedules", &[("from_subscription", &id)])];
    };
    let path = format!("/v1/subscription_schedules/{id}");
    match draw.random_range(0..8) {
        0 => vec![post(format!("{path}/release"), &[])],
        1 => vec![post(format!("{path}/cancel"), &[])],
        _ => {
            let schedules = sandbox.objects("subscription_schedule");
            let shown = schedules.iter().find(|it| it["id"] == id).cloned().unwrap_or_default();
            let (start, end) = (
                shown["current_phase"]["start_date"].to_string(),
                shown["current_phase"]["end_date"].to_string(),
            );
            let item = &subscription["items"]["data"][0];
            let (price_now, quantity_now) = (text(&item["price"]["id"]), item["quantity"].to_string());
            let (price, quantity) = (price(draw, sandbox), draw.random_range(1..20).to_string());
            let end_behavior = if draw.random_bool(0.8) { "release" } else { "cancel" };
            vec![post(
                path,
                &[
                    ("end_behavior", end_behavior),
                    ("phases[0][start_date]", &start),
                    ("phases[0][end_date]", &end),
                    ("phases[0][items][0][price]", &price_now),
                    ("phases[0][items][0][quantity]", &quantity_now),
                    ("phases[1][items][0][price]", &price),
                    ("phases[1][items][0][quantity]", &quantity),
                    ("phases[1][duration][interval]", "month"),
                    ("phases[1][duration][interval_count]", "1"),
                ],
            )]
        }
    }
}
