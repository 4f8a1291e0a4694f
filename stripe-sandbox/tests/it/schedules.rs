use serde_json::{Value, json};

use crate::support::{Client, DAY, HOUR, Params, START, World, id, world};

const SECOND_PERIOD: i64 = START + 28 * DAY;
const THIRD_PERIOD: i64 = START + 59 * DAY;

/// A world with a customer on Enterprise, and a schedule made from the subscription.
struct Scheduled {
    world: World,
    customer: String,
    subscription: String,
    schedule: String,
    pro: String,
    enterprise: String,
}

impl Scheduled {
    async fn new() -> Self {
        let world = world().await;
        let client = &world.client;
        let customer = client.customer(Some("pm_card_visa")).await;
        let (pro, enterprise) = (client.monthly("Pro", 2900).await, client.monthly("Enterprise", 9900).await);
        let subscription = client.subscribe(&customer, &enterprise, &[]).await.ok();
        let subscription = format!("/v1/subscriptions/{}", id(&subscription));
        let made = from_subscription(client, &subscription, &[]).await.ok();
        let schedule = format!("/v1/subscription_schedules/{}", id(&made));
        Self { world, customer, subscription, schedule, pro, enterprise }
    }

    /// The current phase up to `end`, then Pro for a month.
    async fn downgrade(&self, end: i64, more: Params<'_>) -> Value {
        let (start, end) = (START.to_string(), end.to_string());
        let mut params = vec![
            ("phases[0][items][0][price]", self.enterprise.as_str()),
            ("phases[0][start_date]", &start),
            ("phases[0][end_date]", &end),
            ("phases[1][items][0][price]", &self.pro),
            ("phases[1][duration][interval]", "month"),
        ];
        params.extend_from_slice(more);
        self.world.client.post(&self.schedule, &params).await.ok()
    }

    async fn subscription(&self) -> Value {
        self.world.client.get(&self.subscription, &[("expand[]", "latest_invoice")]).await.ok()
    }

    async fn schedule(&self) -> Value {
        self.world.client.get(&self.schedule, &[]).await.ok()
    }
}

async fn from_subscription(client: &Client, path: &str, more: Params<'_>) -> crate::support::Answer {
    let id = path.rsplit('/').next().unwrap();
    let mut params = vec![("from_subscription", id)];
    params.extend_from_slice(more);
    client.post("/v1/subscription_schedules", &params).await
}

#[tokio::test]
async fn a_schedule_from_a_subscription_holds_its_current_period_as_the_only_phase() {
    let scheduled = Scheduled::new().await;
    let schedule = scheduled.schedule().await;
    assert_eq!((&schedule["status"], &schedule["end_behavior"]), (&json!("active"), &json!("release")));
    assert_eq!(schedule["current_phase"], json!({ "start_date": START, "end_date": SECOND_PERIOD }));
    let phases = schedule["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 1);
    assert_eq!(
        (&phases[0]["items"][0]["price"], &phases[0]["items"][0]["quantity"]),
        (&json!(scheduled.enterprise), &json!(1))
    );
    assert_eq!(scheduled.subscription().await["schedule"], schedule["id"]);
    let events = scheduled.world.event_types(0);
    assert_eq!(
        events[events.len() - 2..],
        ["subscription_schedule.created", "customer.subscription.updated"]
    );
}

#[tokio::test]
async fn a_downgrade_takes_effect_with_the_next_period_and_the_schedule_lets_go_after_its_last_phase() {
    let scheduled = Scheduled::new().await;
    let world = &scheduled.world;
    let more = [("phases[1][proration_behavior]", "none"), ("phases[1][metadata][plan]", "pro")];
    let changed = scheduled.downgrade(SECOND_PERIOD, &more).await;
    assert_eq!(
        (&changed["phases"][1]["start_date"], &changed["phases"][1]["end_date"]),
        (&json!(SECOND_PERIOD), &json!(THIRD_PERIOD)),
        "durations follow the billing cycle"
    );
    let now = scheduled.subscription().await;
    assert_eq!(now["items"]["data"][0]["price"]["id"], json!(scheduled.enterprise), "nothing changes yet");
    let before = world.sandbox.events().len();
    world.sandbox.set_now(SECOND_PERIOD);
    assert_eq!(
        world.event_types(before),
        [
            "invoice.upcoming",
            "subscription_schedule.updated",
            "customer.subscription.updated",
            "invoice.created"
        ]
    );
    let now = scheduled.subscription().await;
    assert_eq!(now["items"]["data"].as_array().unwrap().len(), 1);
    assert_eq!(now["items"]["data"][0]["price"]["id"], json!(scheduled.pro));
    assert_eq!(now["items"]["data"][0]["current_period_end"], THIRD_PERIOD);
    assert_eq!(now["metadata"], json!({ "plan": "pro" }));
    let invoice = &now["latest_invoice"];
    assert_eq!(
        (&invoice["total"], &invoice["billing_reason"], invoice["lines"]["data"].as_array().unwrap().len()),
        (&json!(2900), &json!("subscription_cycle"), 1),
        "only the new price, nothing prorated"
    );
    world.sandbox.set_now(THIRD_PERIOD - 7 * DAY);
    let events = world.event_types(0);
    assert_eq!(events[events.len() - 2..], ["subscription_schedule.expiring", "invoice.upcoming"]);
    world.sandbox.set_now(THIRD_PERIOD + HOUR);
    let schedule = scheduled.schedule().await;
    assert_eq!(
        (
            &schedule["status"],
            &schedule["subscription"],
            &schedule["current_phase"],
            &schedule["released_at"]
        ),
        (&json!("released"), &json!(null), &json!(null), &json!(THIRD_PERIOD))
    );
    let now = scheduled.subscription().await;
    assert_eq!((&now["schedule"], &now["status"]), (&json!(null), &json!("active")));
    assert_eq!(schedule["released_subscription"], now["id"]);
    assert_eq!(now["latest_invoice"]["amount_paid"], 2900);
    world.check_events();
}

#[tokio::test]
async fn a_phase_that_begins_within_a_period_prorates_as_it_says() {
    for (behaviour, pending, invoiced) in [
        ("create_prorations", vec![1450, -4950], false),
        ("always_invoice", vec![], true),
        ("none", vec![], false),
    ] {
        let scheduled = Scheduled::new().await;
        let world = &scheduled.world;
        scheduled.downgrade(START + 14 * DAY, &[("phases[1][proration_behavior]", behaviour)]).await;
        world.sandbox.set_now(START + 14 * DAY);
        let now = scheduled.subscription().await;
        assert_eq!(now["items"]["data"][0]["price"]["id"], json!(scheduled.pro));
        assert_eq!(now["items"]["data"][0]["current_period_end"], SECOND_PERIOD, "the period stays");
        let waiting = world.client.get("/v1/invoiceitems", &[("pending", "true")]).await.ok();
        let amounts: Vec<i64> =
            waiting["data"].as_array().unwrap().iter().filter_map(|item| item["amount"].as_i64()).collect();
        assert_eq!(amounts, pending, "{behaviour}");
        assert_eq!(now["latest_invoice"]["total"] == json!(-3500), invoiced, "{behaviour}");
    }
}

#[tokio::test]
async fn changing_the_current_phase_changes_the_subscription_at_once() {
    let scheduled = Scheduled::new().await;
    let world = &scheduled.world;
    world.sandbox.set_now(START + 14 * DAY);
    let start = START.to_string();
    let more = [
        ("phases[0][items][0][price]", scheduled.enterprise.as_str()),
        ("phases[0][items][0][quantity]", "3"),
        ("phases[0][start_date]", start.as_str()),
        ("proration_behavior", "always_invoice"),
    ];
    let before = world.sandbox.events().len();
    world.client.post(&scheduled.schedule, &more).await.ok();
    let now = scheduled.subscription().await;
    assert_eq!(now["items"]["data"][0]["quantity"], 3);
    assert_eq!(now["latest_invoice"]["amount_paid"], 9900, "half of two more");
    let types = world.event_types(before);
    assert_eq!(types[0], "subscription_schedule.updated");
    assert!(types.contains(&"customer.subscription.updated".to_owned()));
}

#[tokio::test]
async fn a_schedule_that_cancels_sets_cancel_at_and_completes_with_it() {
    let scheduled = Scheduled::new().await;
    let world = &scheduled.world;
    scheduled.downgrade(SECOND_PERIOD, &[("end_behavior", "cancel")]).await;
    assert_eq!(scheduled.subscription().await["cancel_at"], THIRD_PERIOD);
    let refused = world.client.post(&scheduled.subscription, &[("cancel_at_period_end", "true")]).await;
    assert_eq!(refused.refusal(), (400, "", ""));
    assert!(
        refused.body["error"]["message"].as_str().unwrap().contains("managed by the subscription schedule")
    );
    world.sandbox.set_now(THIRD_PERIOD);
    let (now, schedule) = (scheduled.subscription().await, scheduled.schedule().await);
    assert_eq!((&now["status"], &now["ended_at"]), (&json!("canceled"), &json!(THIRD_PERIOD)));
    assert_eq!((&schedule["status"], &schedule["completed_at"]), (&json!("completed"), &json!(THIRD_PERIOD)));
    let events = world.event_types(0);
    assert_eq!(
        events[events.len() - 2..],
        ["customer.subscription.deleted", "subscription_schedule.completed"]
    );
}

#[tokio::test]
async fn releasing_keeps_the_subscription_and_by_wish_its_cancellation() {
    for (preserve, cancel_at) in [("true", json!(THIRD_PERIOD)), ("false", json!(null))] {
        let scheduled = Scheduled::new().await;
        scheduled.downgrade(SECOND_PERIOD, &[("end_behavior", "cancel")]).await;
        let release = format!("{}/release", scheduled.schedule);
        let client = &scheduled.world.client;
        let released = client.post(&release, &[("preserve_cancel_date", preserve)]).await.ok();
        assert_eq!(released["status"], "released");
        let now = scheduled.subscription().await;
        assert_eq!(
            (&now["status"], &now["schedule"], &now["cancel_at"]),
            (&json!("active"), &json!(null), &cancel_at)
        );
        assert_eq!(client.post(&release, &[]).await.refusal().0, 400, "only once");
        client.post(&scheduled.subscription, &[("cancel_at_period_end", "true")]).await.ok();
    }
}

#[tokio::test]
async fn a_schedule_in_the_future_begins_its_subscription_then_with_a_draft_for_an_hour() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let start = (START + 10 * DAY).to_string();
    let params = [
        ("customer", customer.as_str()),
        ("start_date", start.as_str()),
        ("phases[0][items][0][price]", price.as_str()),
        ("phases[0][duration][interval]", "month"),
        ("phases[0][duration][interval_count]", "3"),
        ("phases[0][metadata][from]", "schedule"),
    ];
    let schedule = client.post("/v1/subscription_schedules", &params).await.ok();
    assert_eq!((&schedule["status"], &schedule["subscription"]), (&json!("not_started"), &json!(null)));
    let before = world.sandbox.events().len();
    world.sandbox.set_now(START + 10 * DAY);
    assert_eq!(
        world.event_types(before),
        ["customer.subscription.created", "invoice.created", "subscription_schedule.updated"]
    );
    let path = format!("/v1/subscription_schedules/{}", id(&schedule));
    let schedule = client.get(&path, &[("expand[]", "subscription.latest_invoice")]).await.ok();
    let subscription = &schedule["subscription"];
    assert_eq!((&subscription["status"], &subscription["schedule"]), (&json!("active"), &schedule["id"]));
    assert_eq!(subscription["metadata"], json!({ "from": "schedule" }));
    assert_eq!(subscription["latest_invoice"]["status"], "draft");
    world.sandbox.set_now(START + 10 * DAY + HOUR);
    assert_eq!(world.sandbox.objects("invoice")[0]["amount_paid"], 2900);
    // Three months from 10 February are three invoices; the fourth comes when the schedule has let go.
    world.sandbox.set_now(START + (10 + 89) * DAY + HOUR);
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "released");
    assert_eq!(world.sandbox.objects("invoice").len(), 4);
    world.check_events();
}

#[tokio::test]
async fn a_direct_change_splits_the_current_phase() {
    let scheduled = Scheduled::new().await;
    let world = &scheduled.world;
    scheduled.downgrade(SECOND_PERIOD, &[]).await;
    world.sandbox.set_now(START + 7 * DAY);
    let item = id(&scheduled.subscription().await["items"]["data"][0]);
    let change = [("items[0][id]", item.as_str()), ("items[0][quantity]", "2")];
    world.client.post(&scheduled.subscription, &change).await.ok();
    let schedule = scheduled.schedule().await;
    let frames: Vec<(i64, i64, i64)> = schedule["phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| {
            let at = |name: &str| (phase[name].as_i64().unwrap() - START) / DAY;
            (at("start_date"), at("end_date"), phase["items"][0]["quantity"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(frames, [(0, 7, 1), (7, 28, 2), (28, 59, 1)]);
    assert_eq!(schedule["current_phase"]["start_date"], START + 7 * DAY);
    world.sandbox.set_now(SECOND_PERIOD);
    assert_eq!(scheduled.subscription().await["items"]["data"][0]["quantity"], 1);
}

#[tokio::test]
async fn the_end_of_its_subscription_ends_the_schedule() {
    let scheduled = Scheduled::new().await;
    scheduled.world.client.delete(&scheduled.subscription, &[]).await.ok();
    assert_eq!(scheduled.schedule().await["status"], "canceled");
    assert_eq!(scheduled.world.event_types(0).last().unwrap(), "subscription_schedule.canceled");

    let scheduled = Scheduled::new().await;
    let world = &scheduled.world;
    let end = (START + 300 * DAY).to_string();
    scheduled.downgrade(START + 90 * DAY, &[]).await;
    let start = START.to_string();
    let long = [
        ("phases[0][items][0][price]", scheduled.enterprise.as_str()),
        ("phases[0][start_date]", start.as_str()),
        ("phases[0][end_date]", end.as_str()),
    ];
    world.client.post(&scheduled.schedule, &long).await.ok();
    let bad = ("customer", scheduled.customer.as_str());
    let bad = world.client.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", &[bad]).await.ok();
    let default = [("invoice_settings[default_payment_method]", bad["id"].as_str().unwrap())];
    world.client.post(&format!("/v1/customers/{}", scheduled.customer), &default).await.ok();
    world.sandbox.set_now(SECOND_PERIOD + 16 * DAY);
    assert_eq!(scheduled.schedule().await["status"], "canceled");
    assert!(world.event_types(0).contains(&"subscription_schedule.aborted".to_owned()));

    let scheduled = Scheduled::new().await;
    scheduled.world.sandbox.set_now(START + 14 * DAY);
    let canceled = scheduled.world.client.post(&format!("{}/cancel", scheduled.schedule), &[]).await.ok();
    assert_eq!(canceled["status"], "canceled");
    assert_eq!(scheduled.subscription().await["status"], "canceled");
    let last = scheduled.world.sandbox.objects("invoice")[0].clone();
    assert_eq!(last["total"], -4950, "half of the month comes back unless told otherwise");
}

#[tokio::test]
async fn a_trial_phase_turns_into_a_paid_one() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let params = [
        ("customer", customer.as_str()),
        ("start_date", "now"),
        ("phases[0][items][0][price]", price.as_str()),
        ("phases[0][duration][interval]", "week"),
        ("phases[0][trial]", "true"),
        ("phases[1][items][0][price]", price.as_str()),
        ("phases[1][items][0][quantity]", "2"),
    ];
    let schedule = client.post("/v1/subscription_schedules", &params).await.ok();
    let path = format!("/v1/subscriptions/{}", schedule["subscription"].as_str().unwrap());
    let trial = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!((&trial["status"], &trial["trial_end"]), (&json!("trialing"), &json!(START + 7 * DAY)));
    assert_eq!(
        (&trial["latest_invoice"]["status"], &trial["latest_invoice"]["total"]),
        (&json!("paid"), &json!(0))
    );
    world.sandbox.set_now(START + 7 * DAY + HOUR);
    let paid = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!((&paid["status"], &paid["latest_invoice"]["amount_paid"]), (&json!("active"), &json!(5800)));
    world.check_events();
}

#[tokio::test]
async fn a_current_phase_that_is_no_longer_a_trial_ends_it() {
    let world = world().await;
    let client = &world.client;
    let (customer, price) = (client.customer(Some("pm_card_visa")).await, client.monthly("Pro", 2900).await);
    let trial = client.subscribe(&customer, &price, &[("trial_period_days", "14")]).await.ok();
    let path = format!("/v1/subscriptions/{}", id(&trial));
    let made = from_subscription(client, &path, &[]).await.ok();
    assert_eq!(made["phases"][0]["trial_end"], START + 14 * DAY);
    let schedule = format!("/v1/subscription_schedules/{}", id(&made));
    let (start, end) = (START.to_string(), (START + 14 * DAY).to_string());
    let phase = [
        ("phases[0][items][0][price]", price.as_str()),
        ("phases[0][start_date]", &start),
        ("phases[0][end_date]", &end),
    ];
    let mut kept = phase.to_vec();
    kept.push(("phases[0][trial]", "true"));
    client.post(&schedule, &kept).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["status"], "trialing");
    client.post(&schedule, &phase).await.ok();
    let ended = client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!((&ended["status"], &ended["latest_invoice"]["amount_paid"]), (&json!("active"), &json!(2900)));
}

#[tokio::test]
async fn what_stripe_refuses_of_schedules_is_refused() {
    let scheduled = Scheduled::new().await;
    let client = &scheduled.world.client;
    let again = from_subscription(client, &scheduled.subscription, &[]).await;
    assert_eq!(again.refusal(), (400, "", "from_subscription"));
    assert!(again.body["error"]["message"].as_str().unwrap().contains("already attached to a schedule"));
    let other = client.subscribe(&scheduled.customer, &scheduled.pro, &[]).await.ok();
    let more =
        from_subscription(client, &id(&other), &[("phases[0][items][0][price]", &scheduled.pro)]).await;
    assert_eq!(more.refusal(), (400, "", "phases"));
    let start = START.to_string();
    let (price, item, first) =
        (scheduled.pro.as_str(), "phases[0][items][0][price]", "phases[0][start_date]");
    let cases: [(Params<'_>, &str, &str); 7] = [
        (&[(item, price)], "parameter_missing", "phases[0][start_date]"),
        (&[(item, price), (first, "1801389601")], "", "phases[0][start_date]"),
        (&[(item, price), (first, &start), ("phases[0][end_date]", "1")], "", "phases[0][end_date]"),
        (&[(item, "price_none"), (first, &start)], "resource_missing", item),
        (&[(item, price), (first, &start), ("phases[1][items][0][price]", price)], "", "phases[0][end_date]"),
        (&[("end_behavior", "renew")], "sandbox_unsupported", "end_behavior"),
        (&[("phases[0][start_date]", &start)], "parameter_missing", "phases[0][items]"),
    ];
    for (params, code, param) in cases {
        assert_eq!(
            client.post(&scheduled.schedule, params).await.refusal(),
            (400, code, param),
            "{params:?}"
        );
    }
    let none = client.post("/v1/subscription_schedules", &[("customer", &scheduled.customer)]).await;
    assert_eq!(none.refusal(), (400, "parameter_missing", "phases"));
    assert_eq!(client.get("/v1/subscription_schedules/sub_sched_none", &[]).await.refusal().0, 404);
    assert_eq!(scheduled.schedule().await["phases"].as_array().unwrap().len(), 1, "nothing of it was kept");
}
