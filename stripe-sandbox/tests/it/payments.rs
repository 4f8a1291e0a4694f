use serde_json::{Value, json};

use crate::support::{Answer, World, browser, id, world};

const BACK: (&str, &str) = ("return_url", "http://127.0.0.1/back");

async fn pay(world: &World, card: &str, more: &[(&str, &str)]) -> Answer {
    let mut params =
        vec![("amount", "2000"), ("currency", "usd"), ("payment_method", card), ("confirm", "true"), BACK];
    params.extend_from_slice(more);
    world.client.post("/v1/payment_intents", &params).await
}

async fn authenticate(world: &World, kind: &str, id: &str, outcome: &str) -> Value {
    let url = format!("{}/_sandbox/{kind}/{id}/authenticate", world.sandbox.base_url());
    let answer = world.client.http.post(url).json(&json!({ "outcome": outcome })).send().await.unwrap();
    answer.json().await.unwrap()
}

#[tokio::test]
async fn each_test_card_fails_with_its_own_code() {
    let world = world().await;
    for (card, code, decline_code) in [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ] {
        let declined = pay(&world, card, &[]).await;
        let error = &declined.body["error"];
        assert_eq!((declined.status, &error["type"]), (402, &json!("card_error")), "{card}");
        assert_eq!((&error["code"], &error["decline_code"]), (&json!(code), &json!(decline_code)), "{card}");
        let intent = &error["payment_intent"];
        assert_eq!(
            (&intent["status"], &intent["payment_method"]),
            (&json!("requires_payment_method"), &json!(null))
        );
        assert_eq!(intent["last_payment_error"]["decline_code"], decline_code);
        assert_eq!(intent["latest_charge"], error["charge"]);
        let charge =
            world.client.get(&format!("/v1/charges/{}", error["charge"].as_str().unwrap()), &[]).await.ok();
        assert_eq!((&charge["status"], &charge["failure_code"]), (&json!("failed"), &json!(code)));
    }
    world.check_events();
}

#[tokio::test]
async fn good_cards_show_their_brand_and_last_digits() {
    let world = world().await;
    for (card, brand, last4) in [
        ("pm_card_visa", "visa", "4242"),
        ("pm_card_mastercard", "mastercard", "4444"),
        ("pm_card_amex", "amex", "0005"),
    ] {
        let paid =
            pay(&world, card, &[("expand[]", "payment_method"), ("expand[]", "latest_charge")]).await.ok();
        assert_eq!(paid["status"], "succeeded");
        let method = &paid["payment_method"];
        assert_eq!((&method["card"]["brand"], &method["card"]["last4"]), (&json!(brand), &json!(last4)));
        assert!(
            method["id"].as_str().unwrap().starts_with("pm_") && method["id"] != card,
            "a fresh one is made"
        );
        assert_eq!(paid["latest_charge"]["payment_method_details"]["card"]["brand"], brand);
    }
    let (a, b) = (pay(&world, "pm_card_visa", &[]).await.ok(), pay(&world, "pm_card_visa", &[]).await.ok());
    assert_ne!(a["payment_method"], b["payment_method"]);
}

#[tokio::test]
async fn declining_cards_cannot_be_attached_except_the_one_that_fails_later() {
    let world = world().await;
    let customer = world.client.customer(None).await;
    let attach = async |card: &str| {
        world.client.post(&format!("/v1/payment_methods/{card}/attach"), &[("customer", &customer)]).await
    };
    assert_eq!(attach("pm_card_chargeDeclined").await.refusal(), (402, "card_declined", ""));
    let method = id(&attach("pm_card_chargeCustomerFail").await.ok());
    let declined = pay(&world, &method, &[("customer", &customer)]).await;
    assert_eq!(declined.refusal().0, 402);
}

#[tokio::test]
async fn a_cardholder_who_passes_pays_and_one_who_fails_starts_again() {
    let world = world().await;
    let waiting = pay(&world, "pm_card_threeDSecure2Required", &[]).await.ok();
    assert_eq!(
        (&waiting["status"], &waiting["next_action"]["type"]),
        (&json!("requires_action"), &json!("redirect_to_url"))
    );
    assert_eq!(waiting["next_action"]["redirect_to_url"]["return_url"], BACK.1);
    let failed = authenticate(&world, "payment_intents", &id(&waiting), "fail").await;
    assert_eq!(failed["status"], "requires_payment_method");
    assert_eq!(failed["last_payment_error"]["code"], "payment_intent_authentication_failure");
    let confirm = format!("/v1/payment_intents/{}/confirm", id(&waiting));
    world.client.post(&confirm, &[("payment_method", "pm_card_threeDSecure2Required"), BACK]).await.ok();
    let passed = authenticate(&world, "payment_intents", &id(&waiting), "succeed").await;
    assert_eq!((&passed["status"], &passed["amount_received"]), (&json!("succeeded"), &json!(2000)));
    assert_eq!(
        world.client.post(&confirm, &[BACK]).await.refusal(),
        (400, "payment_intent_unexpected_state", "")
    );
    let again = authenticate(&world, "payment_intents", &id(&waiting), "succeed").await;
    assert_eq!(again["error"]["code"], "payment_intent_unexpected_state");
}

#[tokio::test]
async fn the_banks_page_completes_an_authentication() {
    let world = world().await;
    let waiting = pay(&world, "pm_card_authenticationRequired", &[]).await.ok();
    let url = waiting["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
    let page = world.client.http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(&format!("/_pages/authenticate/{}/succeed", id(&waiting))));
    let passed = browser().get(format!("{url}/succeed")).send().await.unwrap();
    let back = passed.headers()["location"].to_str().unwrap();
    assert!(back.starts_with(&format!("{}?payment_intent={}&", BACK.1, id(&waiting))), "{back}");
    assert!(back.ends_with("&redirect_status=succeeded"), "{back}");
    let paid = world.client.get(&format!("/v1/payment_intents/{}", id(&waiting)), &[]).await.ok();
    assert_eq!(paid["status"], "succeeded");
}

#[tokio::test]
async fn an_absent_cardholder_cannot_be_asked_unless_the_card_was_set_up() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let attached = client
        .post("/v1/payment_methods/pm_card_authenticationRequiredOnSetup/attach", &[("customer", &customer)])
        .await
        .ok();
    let method = id(&attached);
    let absent = [("customer", customer.as_str()), ("off_session", "true")];
    let declined = pay(&world, &method, &absent).await;
    assert_eq!(declined.refusal(), (402, "authentication_required", ""));
    let setup =
        [("customer", customer.as_str()), ("payment_method", method.as_str()), ("confirm", "true"), BACK];
    let setup = client.post("/v1/setup_intents", &setup).await.ok();
    assert_eq!(setup["status"], "requires_action");
    assert_eq!(authenticate(&world, "setup_intents", &id(&setup), "succeed").await["status"], "succeeded");
    assert_eq!(pay(&world, &method, &absent).await.ok()["status"], "succeeded");
}

#[tokio::test]
async fn a_setup_intent_saves_the_card_and_a_declined_one_says_why() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let setup = client.post("/v1/setup_intents", &[("customer", &customer)]).await.ok();
    let confirm = format!("/v1/setup_intents/{}/confirm", id(&setup));
    let declined = client.post(&confirm, &[("payment_method", "pm_card_chargeDeclined"), BACK]).await;
    assert_eq!(declined.refusal(), (402, "card_declined", ""));
    assert_eq!(declined.body["error"]["setup_intent"]["last_setup_error"]["decline_code"], "generic_decline");
    let saved = client
        .post(&confirm, &[("payment_method", "pm_card_visa"), BACK, ("expand[]", "payment_method")])
        .await
        .ok();
    assert_eq!(
        (&saved["status"], &saved["payment_method"]["customer"]),
        (&json!("succeeded"), &json!(customer))
    );
    let types = world.event_types(0);
    assert_eq!(
        types[types.len() - 4..],
        [
            "setup_intent.created",
            "setup_intent.setup_failed",
            "payment_method.attached",
            "setup_intent.succeeded"
        ]
    );
}

#[tokio::test]
async fn refunds_never_exceed_the_charge() {
    let world = world().await;
    let client = &world.client;
    let paid = pay(&world, "pm_card_visa", &[]).await.ok();
    let intent = id(&paid);
    client.post("/v1/refunds", &[("payment_intent", &intent), ("amount", "500")]).await.ok();
    let over = client.post("/v1/refunds", &[("payment_intent", &intent), ("amount", "1501")]).await;
    assert_eq!(over.refusal(), (400, "", "amount"));
    let rest = client.post("/v1/refunds", &[("payment_intent", &intent), ("expand[]", "charge")]).await.ok();
    assert_eq!((&rest["amount"], &rest["charge"]["refunded"]), (&json!(1500), &json!(true)));
    let none = client.post("/v1/refunds", &[("payment_intent", &intent)]).await;
    assert_eq!(none.refusal(), (400, "charge_already_refunded", ""));
}

#[tokio::test]
async fn held_money_is_captured_once_and_a_canceled_intent_stays_canceled() {
    let world = world().await;
    let client = &world.client;
    let held = pay(&world, "pm_card_visa", &[("capture_method", "manual")]).await.ok();
    assert_eq!((&held["status"], &held["amount_capturable"]), (&json!("requires_capture"), &json!(2000)));
    let capture = format!("/v1/payment_intents/{}/capture", id(&held));
    let taken = client.post(&capture, &[("amount_to_capture", "1200")]).await.ok();
    assert_eq!((&taken["status"], &taken["amount_received"]), (&json!("succeeded"), &json!(1200)));
    assert_eq!(client.post(&capture, &[]).await.refusal().1, "payment_intent_unexpected_state");
    let idle = client.post("/v1/payment_intents", &[("amount", "500"), ("currency", "usd")]).await.ok();
    let path = format!("/v1/payment_intents/{}", id(&idle));
    client.post(&format!("{path}/cancel"), &[]).await.ok();
    assert_eq!(
        client
            .post(&format!("{path}/confirm"), &[("payment_method", "pm_card_visa"), BACK])
            .await
            .refusal()
            .0,
        400
    );
}

#[tokio::test]
async fn a_card_used_without_a_customer_cannot_be_used_again() {
    let world = world().await;
    let paid = pay(&world, "pm_card_visa", &[]).await.ok();
    let method = paid["payment_method"].as_str().unwrap();
    assert_eq!(pay(&world, method, &[]).await.refusal().0, 400);
    let customer = world.client.customer(Some("pm_card_visa")).await;
    let method = id(&world.sandbox.objects("payment_method")[0]);
    assert_eq!(
        pay(&world, &method, &[]).await.refusal(),
        (400, "", "payment_method"),
        "its customer has to be named"
    );
    pay(&world, &method, &[("customer", &customer)]).await.ok();
    world.client.post(&format!("/v1/payment_methods/{method}/detach"), &[]).await.ok();
    assert_eq!(pay(&world, &method, &[]).await.refusal().0, 400);
}

#[tokio::test]
async fn real_looking_numbers_are_declined_and_test_numbers_are_taken() {
    let world = world().await;
    let make = async |number: &str| {
        let card = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2034"),
            ("card[cvc]", "123"),
        ];
        world.client.post("/v1/payment_methods", &card).await
    };
    assert_eq!(make("4000056655665556").await.ok()["card"]["funding"], "debit");
    assert_eq!(make("4929000000006").await.refusal(), (402, "card_declined", "card[number]"));
    let token = world
        .client
        .post("/v1/payment_methods", &[("type", "card"), ("card[token]", "tok_mastercard")])
        .await
        .ok();
    assert_eq!(token["card"]["last4"], "4444");
}
