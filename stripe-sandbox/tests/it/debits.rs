use serde_json::{Value, json};
use stripe_sandbox::{AfterRetries, Settings};

use crate::support::{Answer, DAY, HOUR, START, World, browser, builder, id, world, world_of};

const BACK: (&str, &str) = ("return_url", "http://127.0.0.1/back");
const RENEWAL: i64 = START + 28 * DAY;
const BANK: i64 = 4 * DAY;

async fn debit(world: &World, account: &str, more: &[(&str, &str)]) -> Answer {
    let token = format!("pm_usBankAccount_{account}");
    let mut params = vec![("amount", "2000"), ("currency", "usd"), ("confirm", "true"), BACK];
    params.extend_from_slice(more);
    params.push(("payment_method", &token));
    world.client.post("/v1/payment_intents", &params).await
}

async fn get(world: &World, path: &str) -> Value {
    world.client.get(path, &[("expand[]", "latest_charge")]).await.ok()
}

/// The types and amounts of what happened from the n-th event on.
fn story(world: &World, from: usize) -> Vec<(String, Option<i64>)> {
    let amount = |object: &Value| object["amount"].as_i64().or(object["amount_due"].as_i64());
    let events = world.sandbox.events();
    events[from..]
        .iter()
        .map(|event| (event["type"].as_str().unwrap().to_owned(), amount(&event["data"]["object"])))
        .collect()
}

fn told(expected: &[(&str, Option<i64>)]) -> Vec<(String, Option<i64>)> {
    expected.iter().map(|(kind, amount)| ((*kind).to_owned(), *amount)).collect()
}

/// Makes a payment method the customer's default.
async fn set_default(world: &World, customer: &str, token: &str) -> String {
    let attach = format!("/v1/payment_methods/{token}/attach");
    let method = id(&world.client.post(&attach, &[("customer", customer)]).await.ok());
    let default = [("invoice_settings[default_payment_method]", method.as_str())];
    world.client.post(&format!("/v1/customers/{customer}"), &default).await.ok();
    method
}

/// A subscription to 2900 a month of a customer with this default payment method: its path.
async fn subscribe(world: &World, token: &str, more: &[(&str, &str)]) -> (String, String) {
    let (customer, price) = (world.client.customer(None).await, world.client.monthly("Pro", 2900).await);
    set_default(world, &customer, token).await;
    let subscription = world.client.subscribe(&customer, &price, more).await.ok();
    (format!("/v1/subscriptions/{}", id(&subscription)), customer)
}

async fn subscription(world: &World, path: &str) -> Value {
    world.client.get(path, &[("expand[]", "latest_invoice")]).await.ok()
}

/// The status of a subscription and of its latest invoice.
async fn statuses(world: &World, path: &str) -> (String, String) {
    let found = subscription(world, path).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&found["status"]), text(&found["latest_invoice"]["status"]))
}

fn both(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

#[tokio::test]
async fn a_debit_is_processing_for_four_days_and_then_paid() {
    let world = world().await;
    let before = world.sandbox.events().len();
    let intent = debit(&world, "success", &[("expand[]", "latest_charge")]).await.ok();
    let charge = &intent["latest_charge"];
    assert_eq!((&intent["status"], &intent["amount_received"]), (&json!("processing"), &json!(0)));
    assert_eq!((&charge["status"], &charge["paid"]), (&json!("pending"), &json!(false)));
    assert!(id(charge).starts_with("py_"), "a payment, not a charge of a card");
    assert_eq!(charge["payment_method_details"]["us_bank_account"]["last4"], "6789");
    assert_eq!(intent["payment_method_types"], json!(["card", "us_bank_account"]));
    let path = format!("/v1/payment_intents/{}", id(&intent));
    world.sandbox.set_now(START + BANK - 1);
    assert_eq!(get(&world, &path).await["status"], "processing");
    world.sandbox.set_now(START + BANK);
    let paid = get(&world, &path).await;
    assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("succeeded"), &json!(2000)));
    assert_eq!(
        (&paid["latest_charge"]["status"], &paid["latest_charge"]["paid"], &paid["latest_charge"]["id"]),
        (&json!("succeeded"), &json!(true), &charge["id"])
    );
    let amount = Some(2000);
    assert_eq!(
        story(&world, before),
        told(&[
            ("payment_intent.created", amount),
            ("charge.pending", amount),
            ("payment_intent.processing", amount),
            ("charge.succeeded", amount),
            ("payment_intent.succeeded", amount),
        ])
    );
    assert_eq!(world.sandbox.objects("charge").len(), 1);
    world.check_events();
}

#[tokio::test]
async fn a_debit_that_the_bank_returns_fails_with_its_reason() {
    for (account, code, failure_code) in [
        ("accountClosed", "account_closed", "account_closed"),
        ("noAccount", "no_account", "no_account"),
        ("insufficientFunds", "insufficient_funds", "insufficient_funds"),
        ("debitNotAuthorized", "debit_not_authorized", "debit_not_authorized"),
        ("invalidCurrency", "payment_intent_payment_attempt_failed", "invalid_currency"),
    ] {
        let world = world().await;
        let intent = debit(&world, account, &[]).await.ok();
        assert_eq!(intent["status"], "processing", "{account}");
        let before = world.sandbox.events().len();
        world.sandbox.set_now(START + BANK);
        let failed = get(&world, &format!("/v1/payment_intents/{}", id(&intent))).await;
        assert_eq!(
            (&failed["status"], &failed["payment_method"]),
            (&json!("requires_payment_method"), &json!(null))
        );
        let error = &failed["last_payment_error"];
        assert_eq!((&error["code"], &error["charge"]), (&json!(code), &intent["latest_charge"]));
        assert_eq!(error["payment_method"]["type"], "us_bank_account");
        let charge = &failed["latest_charge"];
        assert_eq!(
            (&charge["status"], &charge["failure_code"], &charge["amount_captured"]),
            (&json!("failed"), &json!(failure_code), &json!(0))
        );
        assert_eq!(
            story(&world, before),
            told(&[("charge.failed", Some(2000)), ("payment_intent.payment_failed", Some(2000))])
        );
        // The intent can be paid otherwise.
        let confirm = format!("/v1/payment_intents/{}/confirm", id(&intent));
        let paid = world.client.post(&confirm, &[("payment_method", "pm_card_visa"), BACK]).await.ok();
        assert_eq!(paid["status"], "succeeded");
        world.check_events();
    }
    let world = world().await;
    let refused = debit(&world, "weeklyLimitExceeded", &[]).await;
    assert_eq!(refused.refusal(), (402, "charge_exceeds_source_limit", ""), "Stripe's own limit, at once");
    assert_eq!(debit(&world, "failMicrodeposits", &[]).await.refusal().1, "sandbox_unsupported");
}

#[tokio::test]
async fn what_is_processing_is_not_confirmed_changed_canceled_or_refunded() {
    let world = world().await;
    let client = &world.client;
    let intent = debit(&world, "success", &[]).await.ok();
    let path = format!("/v1/payment_intents/{}", id(&intent));
    let state = (400, "payment_intent_unexpected_state", "");
    let before = world.sandbox.events().len();
    assert_eq!(client.post(&format!("{path}/confirm"), &[BACK]).await.refusal(), state);
    let card = [("payment_method", "pm_card_visa"), BACK];
    assert_eq!(
        client.post(&format!("{path}/confirm"), &card).await.refusal(),
        state,
        "twice is not paid twice"
    );
    assert_eq!(client.post(&path, &[("amount", "1")]).await.refusal(), state);
    let refused = client.post(&format!("{path}/cancel"), &[]).await;
    assert_eq!(refused.refusal(), state);
    assert_eq!(refused.body["error"]["payment_intent"]["status"], "processing");
    let charge = intent["latest_charge"].as_str().unwrap();
    let refund = client.post("/v1/refunds", &[("charge", charge)]).await;
    assert_eq!(refund.refusal(), (400, "charge_not_refundable", "charge"));
    let refund = client.post("/v1/refunds", &[("payment_intent", &id(&intent))]).await;
    assert_eq!(refund.refusal(), (400, "", "payment_intent"));
    assert_eq!(world.sandbox.events().len(), before);
    // Once it is paid its refund takes its time, too.
    world.sandbox.set_now(START + BANK);
    let refund = client.post("/v1/refunds", &[("payment_intent", &id(&intent))]).await.ok();
    assert_eq!(
        (&refund["status"], &refund["destination_details"]["type"]),
        (&json!("pending"), &json!("us_bank_transfer"))
    );
    world.sandbox.set_now(START + BANK + HOUR);
    assert_eq!(get(&world, &path).await["latest_charge"]["refunded"], true);
}

#[tokio::test]
async fn a_debit_that_no_bank_has_seen_can_be_canceled_and_leaves_nothing_pending() {
    let world = world().await;
    let intent = debit(&world, "processing", &[]).await.ok();
    let path = format!("/v1/payment_intents/{}", id(&intent));
    world.sandbox.set_now(START + 90 * DAY);
    assert_eq!(get(&world, &path).await["status"], "processing", "it stays so");
    let before = world.sandbox.events().len();
    world.client.post(&format!("{path}/cancel"), &[]).await.ok();
    assert_eq!(world.event_types(before), ["charge.failed", "payment_intent.canceled"]);
    let canceled = get(&world, &path).await;
    assert_eq!(
        (&canceled["status"], &canceled["latest_charge"]["status"]),
        (&json!("canceled"), &json!("failed"))
    );
    world.check_events();
}

#[tokio::test]
async fn a_disputed_debit_is_lost_after_it_was_paid() {
    let world = world().await;
    let intent = debit(&world, "dispute", &[]).await.ok();
    let before = world.sandbox.events().len();
    world.sandbox.set_now(START + BANK);
    assert_eq!(
        world.event_types(before),
        [
            "charge.succeeded",
            "payment_intent.succeeded",
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.closed"
        ]
    );
    let disputes = world.client.get("/v1/disputes", &[("payment_intent", &id(&intent))]).await.ok();
    let dispute = &disputes["data"][0];
    assert_eq!((&dispute["status"], &dispute["amount"]), (&json!("lost"), &json!(2000)));
    assert_eq!(dispute["reason"], "debit_not_authorized");
    world.sandbox.set_now(START + 20 * DAY);
    assert_eq!(world.event_types(before).len(), 5, "it is final");
    world.check_events();
}

#[tokio::test]
async fn accounts_are_saved_by_number_and_debited_in_dollars_only() {
    let world = world().await;
    let client = &world.client;
    let typed = |number: &'static str, routing: &'static str| {
        vec![
            ("type", "us_bank_account"),
            ("us_bank_account[account_number]", number),
            ("us_bank_account[routing_number]", routing),
            ("us_bank_account[account_holder_type]", "company"),
            ("billing_details[name]", "Ann"),
        ]
    };
    let create = async |params: &[(&str, &str)]| client.post("/v1/payment_methods", params).await;
    let method = create(&typed("000123456789", "110000000")).await.ok();
    assert_eq!(
        (&method["us_bank_account"]["account_holder_type"], &method["us_bank_account"]["bank_name"]),
        (&json!("company"), &json!("STRIPE TEST BANK"))
    );
    assert_eq!(create(&typed("000123456789", "1")).await.refusal().1, "routing_number_invalid");
    assert_eq!(create(&typed("123456789", "110000000")).await.refusal().1, "account_number_invalid");
    let nameless = create(&typed("000123456789", "110000000")[..4]).await;
    assert_eq!(nameless.refusal(), (400, "parameter_missing", "billing_details[name]"));
    let customer = client.customer(None).await;
    let setup = [
        ("customer", customer.as_str()),
        ("confirm", "true"),
        ("payment_method", method["id"].as_str().unwrap()),
        BACK,
    ];
    let setup = client.post("/v1/setup_intents", &setup).await.ok();
    assert_eq!(setup["status"], "succeeded");
    let list = [("customer", customer.as_str()), ("type", "us_bank_account")];
    let saved = client.get("/v1/payment_methods", &list).await.ok();
    assert_eq!(saved["data"][0]["id"], method["id"]);
    let params =
        [("amount", "2000"), ("confirm", "true"), BACK, ("payment_method", "pm_usBankAccount_success")];
    for refused in
        [("currency", "eur"), ("capture_method", "manual"), ("allowed_payment_method_types[]", "card")]
    {
        let mut params = params.to_vec();
        params.push(refused);
        if refused.0 != "currency" {
            params.push(("currency", "usd"));
        }
        let refusal = client.post("/v1/payment_intents", &params).await;
        assert_eq!(refusal.refusal(), (400, "", "payment_method"), "{refused:?}");
    }
    assert!(world.sandbox.objects("payment_intent").is_empty());
}

#[tokio::test]
async fn a_subscription_that_begins_with_a_debit_is_active_while_the_bank_decides() {
    for (behaviour, account) in [("allow_incomplete", "success"), ("default_incomplete", "success")] {
        let world = world().await;
        let token = format!("pm_usBankAccount_{account}");
        let more = [("payment_behavior", behaviour)];
        let (path, _) = subscribe(&world, &token, &more).await;
        let before = if behaviour == "default_incomplete" {
            assert_eq!(statuses(&world, &path).await, both("incomplete", "open"));
            let intent = world.sandbox.objects("payment_intent")[0].clone();
            let before = world.sandbox.events().len();
            world.client.post(&format!("/v1/payment_intents/{}/confirm", id(&intent)), &[]).await.ok();
            before
        } else {
            world.event_types(0).iter().position(|kind| kind == "charge.pending").unwrap()
        };
        assert_eq!(statuses(&world, &path).await, both("active", "open"));
        world.sandbox.set_now(START + DAY);
        assert_eq!(
            statuses(&world, &path).await,
            both("active", "open"),
            "it does not expire after 23 hours"
        );
        world.sandbox.set_now(START + BANK);
        assert_eq!(statuses(&world, &path).await, both("active", "paid"));
        let amount = Some(2900);
        assert_eq!(
            story(&world, before),
            told(&[
                ("charge.pending", amount),
                ("payment_intent.processing", amount),
                ("invoice.updated", amount),
                ("customer.subscription.updated", None),
                ("charge.succeeded", amount),
                ("payment_intent.succeeded", amount),
                ("invoice_payment.paid", None),
                ("invoice.updated", amount),
                ("invoice.paid", amount),
                ("invoice.payment_succeeded", amount),
            ]),
            "{behaviour}"
        );
        let invoice = &subscription(&world, &path).await["latest_invoice"];
        assert_eq!((&invoice["attempt_count"], &invoice["amount_paid"]), (&json!(1), &json!(2900)));
        world.check_events();
    }
}

#[tokio::test]
async fn a_first_debit_that_fails_makes_the_subscription_past_due_and_is_tried_again() {
    let world = world().await;
    let (path, customer) = subscribe(&world, "pm_usBankAccount_insufficientFunds", &[]).await;
    assert_eq!(statuses(&world, &path).await, both("active", "open"));
    world.sandbox.set_now(START + BANK);
    let late = subscription(&world, &path).await;
    assert_eq!(late["status"], "past_due");
    assert_eq!(
        late["latest_invoice"]["next_payment_attempt"],
        START + BANK + 3 * DAY,
        "from the bank's answer on"
    );
    set_default(&world, &customer, "pm_usBankAccount_success").await;
    world.sandbox.set_now(START + BANK + 3 * DAY);
    assert_eq!(statuses(&world, &path).await, both("past_due", "open"), "a bank is asked again");
    world.sandbox.set_now(START + BANK + 3 * DAY + BANK);
    assert_eq!(statuses(&world, &path).await, both("active", "paid"));
    world.check_events();
}

#[tokio::test]
async fn a_renewal_that_the_bank_returns_is_past_due_until_another_debit_is_paid() {
    let world = world().await;
    let client = &world.client;
    let (path, customer) = subscribe(&world, "pm_card_visa", &[]).await;
    set_default(&world, &customer, "pm_usBankAccount_accountClosed").await;
    let charged = RENEWAL + HOUR;
    world.sandbox.set_now(charged + BANK - 1);
    let waiting = subscription(&world, &path).await;
    let invoice = &waiting["latest_invoice"];
    assert_eq!((&waiting["status"], &invoice["status"]), (&json!("active"), &json!("open")));
    assert_eq!(
        (&invoice["attempted"], &invoice["attempt_count"], &invoice["next_payment_attempt"]),
        (&json!(true), &json!(1), &json!(null)),
        "not retried while the bank decides, though three days are over"
    );
    let pay = format!("/v1/invoices/{}", id(invoice));
    let state = (400, "payment_intent_unexpected_state", "");
    for refused in ["pay", "void"] {
        assert_eq!(client.post(&format!("{pay}/{refused}"), &[]).await.refusal(), state, "{refused}");
    }
    let elsewhere = [("paid_out_of_band", "true")];
    assert_eq!(client.post(&format!("{pay}/pay"), &elsewhere).await.refusal(), state);
    let credit = [("invoice", invoice["id"].as_str().unwrap()), ("amount", "100")];
    assert_eq!(client.post("/v1/credit_notes", &credit).await.refusal(), state);
    let before = world.sandbox.events().len();
    world.sandbox.set_now(charged + BANK);
    let amount = Some(2900);
    assert_eq!(
        story(&world, before),
        told(&[
            ("charge.failed", amount),
            ("payment_intent.payment_failed", amount),
            ("invoice.updated", amount),
            ("invoice.payment_failed", amount),
            ("customer.updated", None),
            ("customer.subscription.updated", None),
        ])
    );
    let late = subscription(&world, &path).await;
    assert_eq!(late["status"], "past_due");
    assert_eq!(late["latest_invoice"]["next_payment_attempt"], charged + BANK + 3 * DAY);
    // Dunning goes on: the second debit fails as well, the third is of another account.
    let second = charged + BANK + 3 * DAY;
    world.sandbox.set_now(second + BANK);
    let late = subscription(&world, &path).await;
    assert_eq!(late["latest_invoice"]["attempt_count"], 2);
    assert_eq!(late["latest_invoice"]["next_payment_attempt"], second + BANK + 5 * DAY);
    set_default(&world, &customer, "pm_usBankAccount_success").await;
    world.sandbox.set_now(second + BANK + 5 * DAY + BANK);
    assert_eq!(statuses(&world, &path).await, both("active", "paid"));
    let charges = world.sandbox.objects("charge");
    let of = |status: &str| charges.iter().filter(|charge| charge["status"] == status).count();
    assert_eq!((of("succeeded"), of("failed"), of("pending")), (2, 2, 0));
    world.check_events();
}

#[tokio::test]
async fn a_renewal_whose_debits_all_fail_ends_as_the_settings_say() {
    let settings = Settings { after_retries: AfterRetries::Unpaid, ..Settings::default() };
    let world = world_of(builder().settings(settings)).await;
    let (path, customer) = subscribe(&world, "pm_card_visa", &[]).await;
    set_default(&world, &customer, "pm_usBankAccount_noAccount").await;
    let last = RENEWAL + HOUR + 4 * BANK + (3 + 5 + 7) * DAY;
    world.sandbox.set_now(last - 1);
    let renewal = |world: &World| {
        let invoices = world.sandbox.objects("invoice");
        let found = invoices.iter().find(|invoice| invoice["created"] == RENEWAL).unwrap();
        (found["status"].clone(), found["attempt_count"].clone(), found["auto_advance"].clone())
    };
    assert_eq!(renewal(&world), (json!("open"), json!(4), json!(true)));
    assert_eq!(world.client.get(&path, &[]).await.ok()["status"], "past_due");
    world.sandbox.set_now(last);
    assert_eq!(renewal(&world), (json!("open"), json!(4), json!(false)));
    assert_eq!(world.client.get(&path, &[]).await.ok()["status"], "unpaid");
}

/// A subscription that is upgraded pending a debit of this account: its path.
async fn upgrade(world: &World, account: &str) -> String {
    let client = &world.client;
    let (path, customer) = subscribe(world, "pm_card_visa", &[]).await;
    let enterprise = client.monthly("Enterprise", 9900).await;
    world.sandbox.set_now(START + 14 * DAY);
    set_default(world, &customer, &format!("pm_usBankAccount_{account}")).await;
    let item = id(&client.get(&path, &[]).await.ok()["items"]["data"][0]);
    let change = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", &enterprise),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "pending_if_incomplete"),
    ];
    client.post(&path, &change).await.ok();
    path
}

fn amount(subscription: &Value) -> i64 {
    subscription["items"]["data"][0]["price"]["unit_amount"].as_i64().unwrap()
}

#[tokio::test]
async fn a_pending_update_waits_for_the_bank_and_does_not_expire_meanwhile() {
    let world = world().await;
    let path = upgrade(&world, "success").await;
    let changed = START + 14 * DAY;
    world.sandbox.set_now(changed + 2 * DAY);
    let waiting = subscription(&world, &path).await;
    assert_eq!((amount(&waiting), &waiting["latest_invoice"]["status"]), (2900, &json!("open")));
    assert_eq!(waiting["pending_update"]["expires_at"], changed + 23 * HOUR);
    let item = id(&waiting["items"]["data"][0]);
    let again = [("items[0][id]", item.as_str()), ("items[0][quantity]", "2")];
    let refused = world.client.post(&path, &again).await;
    assert_eq!(refused.refusal(), (400, "payment_intent_unexpected_state", ""), "its debit is on its way");
    world.sandbox.set_now(changed + BANK);
    let applied = subscription(&world, &path).await;
    assert_eq!((amount(&applied), &applied["pending_update"]), (9900, &json!(null)));
    assert!(world.event_types(0).contains(&"customer.subscription.pending_update_applied".to_owned()));
    world.check_events();
}

#[tokio::test]
async fn a_pending_update_whose_debit_comes_back_late_is_given_up_with_its_invoice() {
    let world = world().await;
    let path = upgrade(&world, "insufficientFunds").await;
    let invoice = subscription(&world, &path).await["latest_invoice"].clone();
    world.sandbox.set_now(START + 14 * DAY + BANK);
    let given_up = subscription(&world, &path).await;
    assert_eq!(
        (amount(&given_up), &given_up["status"], &given_up["pending_update"]),
        (2900, &json!("active"), &json!(null))
    );
    let invoice = world.client.get(&format!("/v1/invoices/{}", id(&invoice)), &[]).await.ok();
    assert_eq!(invoice["status"], "void");
    world.check_events();
}

#[tokio::test]
async fn an_update_that_is_paid_after_a_renewal_keeps_the_new_period() {
    let world = world().await;
    let client = &world.client;
    let (path, customer) = subscribe(&world, "pm_card_visa", &[]).await;
    let enterprise = client.monthly("Enterprise", 9900).await;
    world.sandbox.set_now(RENEWAL - 2 * DAY);
    set_default(&world, &customer, "pm_usBankAccount_success").await;
    let item = id(&client.get(&path, &[]).await.ok()["items"]["data"][0]);
    let change = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", &enterprise),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "pending_if_incomplete"),
    ];
    client.post(&path, &change).await.ok();
    world.sandbox.set_now(RENEWAL + DAY);
    let renewed = subscription(&world, &path).await;
    assert_eq!(amount(&renewed), 2900);
    world.sandbox.set_now(RENEWAL + 3 * DAY);
    let applied = subscription(&world, &path).await;
    assert_eq!(amount(&applied), 9900);
    assert_eq!(applied["items"]["data"][0]["current_period_start"], RENEWAL);
    world.check_events();
}

#[tokio::test]
async fn a_test_clock_brings_the_banks_answer_with_it() {
    let world = world().await;
    let client = &world.client;
    let frozen = START.to_string();
    let clock = id(&client.post("/v1/test_helpers/test_clocks", &[("frozen_time", &frozen)]).await.ok());
    let customer = id(&client.post("/v1/customers", &[("test_clock", &clock)]).await.ok());
    let price = client.monthly("Pro", 2900).await;
    set_default(&world, &customer, "pm_usBankAccount_success").await;
    let path = format!("/v1/subscriptions/{}", id(&client.subscribe(&customer, &price, &[]).await.ok()));
    world.sandbox.set_now(START + 10 * DAY);
    assert_eq!(statuses(&world, &path).await, both("active", "open"), "other people's time is not its own");
    let advance = format!("/v1/test_helpers/test_clocks/{clock}/advance");
    client.post(&advance, &[("frozen_time", &(START + BANK).to_string())]).await.ok();
    assert_eq!(statuses(&world, &path).await, both("active", "paid"));
}

#[tokio::test]
async fn a_checkout_is_completed_unpaid_and_told_when_the_bank_has_answered() {
    for (account, status, event) in
        [("success", "paid", "succeeded"), ("insufficientFunds", "unpaid", "failed")]
    {
        let world = world().await;
        let client = &world.client;
        let price = client.monthly("Pro", 2900).await;
        let params = [
            ("mode", "subscription"),
            ("line_items[0][price]", price.as_str()),
            ("line_items[0][quantity]", "1"),
            ("success_url", "http://127.0.0.1/thanks"),
        ];
        let session = client.post("/v1/checkout/sessions", &params).await.ok();
        let path = format!("/v1/checkout/sessions/{}", id(&session));
        let url = session["url"].as_str().unwrap();
        assert!(client.http.get(url).send().await.unwrap().text().await.unwrap().contains("bank account"));
        let token = format!("pm_usBankAccount_{account}");
        let form = [("email", "ann@example.com"), ("payment_method", &token)];
        assert_eq!(browser().post(url).form(&form).send().await.unwrap().status().as_u16(), 303);
        let done = client.get(&path, &[]).await.ok();
        assert_eq!((&done["status"], &done["payment_status"]), (&json!("complete"), &json!("unpaid")));
        let subscription = format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap());
        assert_eq!(statuses(&world, &subscription).await, both("active", "open"));
        world.sandbox.set_now(START + BANK);
        assert_eq!(client.get(&path, &[]).await.ok()["payment_status"], status);
        let last = world.event_types(0).pop().unwrap();
        assert_eq!(last, format!("checkout.session.async_payment_{event}"));
        world.sandbox.set_now(START + 25 * DAY);
        let told = world.event_types(0).iter().filter(|kind| kind.contains("async_payment")).count();
        assert_eq!(told, 1, "once");
        world.check_events();
    }
}
