//! Billing cycle anchors: given, described, reset and left where they are; trials before them; the ends of periods.

use serde_json::{Value, json};

use crate::support::{Client, DAY, HOUR, Params, START, World, id, world};

/// 2027-02-15T00:00:00Z.
const MID_FEBRUARY: i64 = START + 14 * DAY + 14 * HOUR;

async fn subscriber(world: &World) -> (String, String) {
    let client = &world.client;
    (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2800).await)
}

async fn begin(world: &World, more: Params<'_>) -> Value {
    let (customer, price) = subscriber(world).await;
    let mut params = vec![("expand[]", "latest_invoice")];
    params.extend_from_slice(more);
    world.client.subscribe(&customer, &price, &params).await.ok()
}

fn end(subscription: &Value) -> &Value {
    &subscription["items"]["data"][0]["current_period_end"]
}

#[tokio::test]
async fn the_time_up_to_a_given_anchor_is_prorated_or_free() {
    let anchor = (START + 14 * DAY).to_string();
    // The period before 14 February begins on 14 January and has 31 days.
    for (behaviour, total) in [("create_prorations", 2800 * 14 / 31), ("none", 0)] {
        let world = world().await;
        let begun =
            begin(&world, &[("billing_cycle_anchor", &anchor), ("proration_behavior", behaviour)]).await;
        assert_eq!(end(&begun), START + 14 * DAY);
        let rounded = begun["latest_invoice"]["total"].as_i64().unwrap();
        assert!((rounded - total).abs() <= 1, "{behaviour}: {rounded}");
        world.sandbox.set_now(START + 14 * DAY + HOUR);
        assert_eq!(world.sandbox.objects("invoice")[0]["amount_paid"], 2800);
    }
}

#[tokio::test]
async fn an_anchor_lies_ahead_and_within_a_period() {
    let world = world().await;
    let (customer, price) = subscriber(&world).await;
    for at in [START - 1, START + 28 * DAY + 1] {
        let at = at.to_string();
        let refused = world.client.subscribe(&customer, &price, &[("billing_cycle_anchor", &at)]).await;
        assert_eq!(refused.refusal(), (400, "", "billing_cycle_anchor"));
    }
    let last = (START + 28 * DAY).to_string();
    world.client.subscribe(&customer, &price, &[("billing_cycle_anchor", &last)]).await.ok();
}

#[tokio::test]
async fn an_anchor_is_found_by_the_day_that_describes_it() {
    let world = world().await;
    let begun = begin(
        &world,
        &[
            ("billing_cycle_anchor_config[day_of_month]", "15"),
            ("billing_cycle_anchor_config[hour]", "0"),
            ("billing_cycle_anchor_config[minute]", "0"),
            ("billing_cycle_anchor_config[second]", "0"),
        ],
    )
    .await;
    assert_eq!((&begun["billing_cycle_anchor"], end(&begun)), (&json!(MID_FEBRUARY), &json!(MID_FEBRUARY)));
    assert_eq!(
        begun["billing_cycle_anchor_config"],
        json!({ "day_of_month": 15, "hour": 0, "minute": 0, "month": null, "second": 0 })
    );
    let (customer, price) = subscriber(&world).await;
    let day = "billing_cycle_anchor_config[day_of_month]";
    let weekly = [
        ("currency", "usd"),
        ("unit_amount", "700"),
        ("recurring[interval]", "week"),
        ("product_data[name]", "Weekly"),
    ];
    let weekly = id(&world.client.post("/v1/prices", &weekly).await.ok());
    let anchor = MID_FEBRUARY.to_string();
    let cases: [(&str, Params<'_>, &str, &str); 4] = [
        (&price, &[(day, "32")], "", day),
        (&price, &[(day, "1"), ("billing_cycle_anchor", &anchor)], "", "billing_cycle_anchor_config"),
        (&weekly, &[(day, "1")], "", "billing_cycle_anchor_config"),
        (
            &price,
            &[(day, "1"), ("billing_cycle_anchor_config[month]", "6")],
            "sandbox_unsupported",
            "billing_cycle_anchor_config[month]",
        ),
    ];
    for (price, params, code, param) in cases {
        assert_eq!(world.client.subscribe(&customer, price, params).await.refusal(), (400, code, param));
    }
}

#[tokio::test]
async fn a_trial_before_the_anchor_is_followed_by_part_of_a_period() {
    let (trial, anchor) = ((START + 7 * DAY).to_string(), (START + 14 * DAY).to_string());
    for (behaviour, total) in [("create_prorations", 632), ("none", 0)] {
        let world = world().await;
        let begun = begin(
            &world,
            &[("trial_end", &trial), ("billing_cycle_anchor", &anchor), ("proration_behavior", behaviour)],
        )
        .await;
        assert_eq!((&begun["status"], &begun["latest_invoice"]["total"]), (&json!("trialing"), &json!(0)));
        assert_eq!(begun["billing_cycle_anchor"], START + 14 * DAY);
        world.sandbox.set_now(START + 7 * DAY + HOUR);
        let path = format!("/v1/subscriptions/{}", id(&begun));
        let after = world.client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
        let period = &after["items"]["data"][0];
        assert_eq!(
            (&period["current_period_start"], end(&after)),
            (&json!(START + 7 * DAY), &json!(START + 14 * DAY))
        );
        // Seven days of a period of 31.
        assert_eq!(after["latest_invoice"]["total"], total, "{behaviour}");
        world.sandbox.set_now(START + 14 * DAY + HOUR);
        assert_eq!(world.sandbox.objects("invoice")[0]["total"], 2800);
    }
}

#[tokio::test]
async fn a_trial_that_ends_early_starts_a_period_or_leaves_the_anchor() {
    for (setting, total, period_end) in
        [("now", 2800, START + 4 * DAY + 28 * DAY), ("unchanged", 903, START + 14 * DAY)]
    {
        let world = world().await;
        let begun = begin(
            &world,
            &[
                ("trial_period_days", "14"),
                ("trial_settings[end_behavior][billing_cycle_anchor]", setting),
                ("trial_settings[end_behavior][missing_payment_method]", "create_invoice"),
            ],
        )
        .await;
        assert_eq!(begun["trial_settings"]["end_behavior"]["billing_cycle_anchor"], setting);
        world.sandbox.set_now(START + 4 * DAY);
        let path = format!("/v1/subscriptions/{}", id(&begun));
        let ended =
            world.client.post(&path, &[("trial_end", "now"), ("expand[]", "latest_invoice")]).await.ok();
        // Ten days of the period of 31 that ends on 14 February.
        assert_eq!((&ended["status"], &ended["latest_invoice"]["total"]), (&json!("active"), &json!(total)));
        assert_eq!(end(&ended), period_end, "{setting}");
    }
}

#[tokio::test]
async fn an_anchor_that_is_reset_starts_a_period_and_one_left_unchanged_does_not() {
    for (kind, behaviour, total) in [
        ("now", "create_prorations", Some(2800 - 1400)),
        ("now", "none", Some(2800)),
        ("unchanged", "create_prorations", None),
    ] {
        let world = world().await;
        let begun = begin(&world, &[]).await;
        world.sandbox.set_now(START + 14 * DAY);
        let path = format!("/v1/subscriptions/{}", id(&begun));
        let change = [
            ("billing_cycle_anchor[type]", kind),
            ("proration_behavior", behaviour),
            ("expand[]", "latest_invoice"),
        ];
        let changed = world.client.post(&path, &change).await.ok();
        match total {
            Some(total) => {
                assert_eq!(changed["latest_invoice"]["total"], total, "{kind} {behaviour}");
                assert_eq!(changed["billing_cycle_anchor"], START + 14 * DAY);
            }
            None => {
                assert_eq!(changed["latest_invoice"]["id"], begun["latest_invoice"]["id"]);
                assert_eq!(changed["billing_cycle_anchor"], START);
            }
        }
    }
}

#[tokio::test]
async fn every_proration_behaviour_settles_an_upgrade_in_its_own_way() {
    for (behaviour, now, then) in
        [("always_invoice", Some(3500), 9800), ("create_prorations", None, 9800 + 3500), ("none", None, 9800)]
    {
        let world = world().await;
        let begun = begin(&world, &[]).await;
        let dear = world.client.monthly("Enterprise", 9800).await;
        world.sandbox.set_now(START + 14 * DAY);
        let upgrade = [
            ("items[0][id]", &*id(&begun["items"]["data"][0])),
            ("items[0][price]", &dear),
            ("proration_behavior", behaviour),
            ("expand[]", "latest_invoice"),
        ];
        let path = format!("/v1/subscriptions/{}", id(&begun));
        let changed = world.client.post(&path, &upgrade).await.ok();
        match now {
            Some(total) => assert_eq!(changed["latest_invoice"]["amount_paid"], total),
            None => assert_eq!(changed["latest_invoice"]["id"], begun["latest_invoice"]["id"], "{behaviour}"),
        }
        world.sandbox.set_now(START + 28 * DAY + HOUR);
        assert_eq!(world.sandbox.objects("invoice")[0]["amount_paid"], then, "{behaviour}");
    }
}

#[tokio::test]
async fn a_subscription_can_end_with_its_period_by_every_name_for_it() {
    for name in ["min_period_end", "max_period_end", "max_billed_until"] {
        let world = world().await;
        let begun = begin(&world, &[("cancel_at", name)]).await;
        assert_eq!(begun["cancel_at"], START + 28 * DAY, "{name}");
        let path = format!("/v1/subscriptions/{}", id(&begun));
        let kept = world.client.post(&path, &[("cancel_at", "")]).await.ok();
        assert_eq!(kept["cancel_at"], json!(null));
        assert_eq!(
            world.client.post(&path, &[("cancel_at", name)]).await.ok()["cancel_at"],
            START + 28 * DAY
        );
        world.sandbox.set_now(START + 28 * DAY);
        assert_eq!(world.client.get(&path, &[]).await.ok()["status"], "canceled");
    }
}

/// How a new subscription fares with a card, by each payment behaviour: its status, or the refusal.
async fn outcome(client: &Client, card: Option<&str>, behaviour: &str) -> String {
    let (customer, price) = (client.customer(card).await, client.monthly("Pro", 2800).await);
    let answer = client.subscribe(&customer, &price, &[("payment_behavior", behaviour)]).await;
    match answer.status {
        200 => answer.body["status"].as_str().unwrap().to_owned(),
        status => format!("{status} {}", answer.refusal().1),
    }
}

#[tokio::test]
async fn every_payment_behaviour_meets_every_kind_of_card() {
    let world = world().await;
    let cards = [
        Some("pm_card_visa"),
        Some("pm_card_chargeCustomerFail"),
        Some("pm_card_authenticationRequired"),
        None,
    ];
    let expected = [
        ("allow_incomplete", ["active", "incomplete", "incomplete", "400 resource_missing"]),
        ("default_incomplete", ["incomplete"; 4]),
        (
            "error_if_incomplete",
            [
                "active",
                "402 card_declined",
                "402 subscription_payment_intent_requires_action",
                "400 resource_missing",
            ],
        ),
        ("pending_if_incomplete", ["400 "; 4]),
    ];
    for (behaviour, outcomes) in expected {
        for (card, wanted) in cards.into_iter().zip(outcomes) {
            assert_eq!(outcome(&world.client, card, behaviour).await, wanted, "{behaviour} with {card:?}");
        }
    }
}
