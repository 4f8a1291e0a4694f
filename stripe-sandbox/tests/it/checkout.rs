use serde_json::{Value, json};

use crate::support::{DAY, HOUR, START, World, browser, id, world};

const BACK: (&str, &str) = ("success_url", "http://127.0.0.1/thanks?session={CHECKOUT_SESSION_ID}");

/// A session for two books of 15 dollars.
async fn books(world: &World, more: &[(&str, &str)]) -> Value {
    let mut params = vec![
        ("mode", "payment"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "1500"),
        ("line_items[0][price_data][product_data][name]", "<b>Book</b>"),
        ("line_items[0][quantity]", "2"),
        BACK,
    ];
    params.extend_from_slice(more);
    world.client.post("/v1/checkout/sessions", &params).await.ok()
}

/// Fills the page in: the status, where it leads, and what it shows.
async fn submit(world: &World, session: &Value, card: &str) -> (u16, String, String) {
    let url = format!("{}/_pages/checkout/{}", world.sandbox.base_url(), id(session));
    let form = [("email", "ann@example.com"), ("name", "Ann"), ("payment_method", card)];
    let answer = browser().post(url).form(&form).send().await.unwrap();
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location.unwrap_or_default(), answer.text().await.unwrap())
}

async fn read(world: &World, session: &Value) -> Value {
    world.client.get(&format!("/v1/checkout/sessions/{}", id(session)), &[]).await.ok()
}

fn thanks(session: &Value) -> String {
    format!("http://127.0.0.1/thanks?session={}", id(session))
}

#[tokio::test]
async fn a_payment_is_taken_on_the_page_after_a_decline() {
    let world = world().await;
    let session = books(&world, &[("payment_intent_data[metadata][order]", "7")]).await;
    assert_eq!((&session["amount_total"], &session["payment_status"]), (&json!(3000), &json!("unpaid")));
    assert_eq!(session["url"], format!("{}/_pages/checkout/{}", world.sandbox.base_url(), id(&session)));
    let page =
        world.client.http.get(session["url"].as_str().unwrap()).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("&lt;b&gt;Book&lt;/b&gt;") && !page.contains("<b>"), "{page}");
    let (status, _, shown) = submit(&world, &session, "pm_card_chargeDeclined").await;
    assert!(status == 402 && shown.contains("Your card was declined."), "{shown}");
    let open = read(&world, &session).await;
    assert_eq!(open["status"], "open");
    let (status, location, _) = submit(&world, &session, "pm_card_visa").await;
    assert_eq!((status, location), (303, thanks(&session)));
    let done = read(&world, &session).await;
    assert_eq!(
        (&done["status"], &done["payment_status"], &done["url"]),
        (&json!("complete"), &json!("paid"), &Value::Null)
    );
    assert_eq!(done["customer_details"]["email"], "ann@example.com");
    assert_eq!(done["payment_intent"], open["payment_intent"], "one intent for both tries");
    let intent = format!("/v1/payment_intents/{}", done["payment_intent"].as_str().unwrap());
    let intent = world.client.get(&intent, &[]).await.ok();
    assert_eq!((&intent["amount_received"], &intent["metadata"]["order"]), (&json!(3000), &json!("7")));
    let last = world.event_types(0).pop().unwrap();
    assert_eq!(last, "checkout.session.completed");
    let (status, location, _) = submit(&world, &session, "pm_card_visa").await;
    assert_eq!((status, location.as_str()), (402, ""), "it is paid once");
    assert_eq!(world.sandbox.objects("charge").iter().filter(|charge| charge["paid"] == true).count(), 1);
}

#[tokio::test]
async fn the_bank_is_asked_on_the_way() {
    let world = world().await;
    let session = books(&world, &[("customer_creation", "always")]).await;
    let browser = browser();
    for (outcome, ends) in [("fail", 402), ("succeed", 303)] {
        let (status, bank, _) = submit(&world, &session, "pm_card_authenticationRequired").await;
        assert!(status == 303 && bank.starts_with("/_pages/authenticate/pi_"), "{bank}");
        let base = world.sandbox.base_url();
        let decided = browser.get(format!("{base}{bank}/{outcome}")).send().await.unwrap();
        let back = decided.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(browser.get(format!("{base}{back}")).send().await.unwrap().status().as_u16(), ends);
    }
    let done = read(&world, &session).await;
    assert_eq!(done["status"], "complete");
    let customer = format!("/v1/customers/{}", done["customer"].as_str().unwrap());
    assert_eq!(world.client.get(&customer, &[]).await.ok()["email"], "ann@example.com");
}

#[tokio::test]
async fn a_subscription_begins_on_the_page_and_keeps_the_card() {
    let world = world().await;
    let price = world.client.monthly("Pro", 2900).await;
    let params = [
        ("mode", "subscription"),
        ("customer_email", "ann@example.com"),
        ("line_items[0][price]", price.as_str()),
        ("line_items[0][quantity]", "3"),
        ("subscription_data[metadata][team]", "a"),
        BACK,
    ];
    let session = world.client.post("/v1/checkout/sessions", &params).await.ok();
    let (status, ..) = submit(&world, &session, "pm_card_chargeCustomerFail").await;
    assert_eq!(status, 402);
    assert_eq!(read(&world, &session).await["subscription"], Value::Null);
    assert_eq!(submit(&world, &session, "pm_card_visa").await.0, 303);
    let done = read(&world, &session).await;
    let path = format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap());
    let subscription = world.client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(
        (&subscription["status"], &subscription["items"]["data"][0]["quantity"]),
        (&json!("active"), &json!(3))
    );
    assert_eq!(
        (&subscription["metadata"]["team"], &subscription["latest_invoice"]["amount_paid"]),
        (&json!("a"), &json!(8700))
    );
    assert_eq!(subscription["latest_invoice"]["id"], done["invoice"]);
    world.sandbox.set_now(START + 29 * DAY);
    let renewed = world.client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(
        (&renewed["latest_invoice"]["status"], &renewed["status"]),
        (&json!("paid"), &json!("active"))
    );
    assert_ne!(renewed["latest_invoice"]["id"], done["invoice"]);
    assert_eq!(world.sandbox.objects("subscription").len(), 1, "both tries were for one");
}

#[tokio::test]
async fn a_discount_is_shown_on_the_page_and_redeemed_by_the_subscription() {
    let world = world().await;
    let price = world.client.monthly("Pro", 2900).await;
    let coupon = [("percent_off", "50"), ("duration", "forever")];
    let coupon = id(&world.client.post("/v1/coupons", &coupon).await.ok());
    let code = [("promotion[type]", "coupon"), ("promotion[coupon]", coupon.as_str()), ("code", "HALF")];
    let code = id(&world.client.post("/v1/promotion_codes", &code).await.ok());
    for (name, given) in [("discounts[0][coupon]", &coupon), ("discounts[0][promotion_code]", &code)] {
        let params = [
            ("mode", "subscription"),
            ("line_items[0][price]", price.as_str()),
            ("line_items[0][quantity]", "3"),
            (name, given.as_str()),
            BACK,
        ];
        let session = world.client.post("/v1/checkout/sessions", &params).await.ok();
        assert_eq!(
            (
                &session["amount_subtotal"],
                &session["amount_total"],
                &session["total_details"]["amount_discount"]
            ),
            (&json!(8700), &json!(4350), &json!(4350))
        );
        assert_eq!(submit(&world, &session, "pm_card_visa").await.0, 303);
        let done = read(&world, &session).await;
        let path = format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap());
        let expand = [("expand[]", "latest_invoice"), ("expand[]", "discounts")];
        let subscription = world.client.get(&path, &expand).await.ok();
        assert_eq!(subscription["latest_invoice"]["amount_paid"], 4350);
        assert_eq!(subscription["discounts"][0]["source"]["coupon"], coupon.as_str());
    }
    let wrong = [
        ("mode", "subscription"),
        ("line_items[0][price]", price.as_str()),
        ("line_items[0][quantity]", "1"),
        ("discounts[0][coupon]", "nobody"),
        BACK,
    ];
    let refused = world.client.post("/v1/checkout/sessions", &wrong).await;
    assert_eq!(refused.body["error"]["param"], "discounts[0][coupon]", "{:#}", refused.body);
}

#[tokio::test]
async fn a_trial_costs_nothing_today_and_sets_the_card_up() {
    let world = world().await;
    let (customer, price) = (world.client.customer(None).await, world.client.monthly("Pro", 2900).await);
    let params = [
        ("mode", "subscription"),
        ("customer", customer.as_str()),
        ("line_items[0][price]", price.as_str()),
        ("line_items[0][quantity]", "1"),
        ("subscription_data[trial_period_days]", "7"),
        BACK,
    ];
    let session = world.client.post("/v1/checkout/sessions", &params).await.ok();
    assert_eq!(session["amount_total"], 0);
    assert_eq!(submit(&world, &session, "pm_card_visa").await.0, 303);
    let done = read(&world, &session).await;
    assert_eq!(done["payment_status"], "no_payment_required");
    let path = format!("/v1/subscriptions/{}", done["subscription"].as_str().unwrap());
    let trialing = world.client.get(&path, &[("expand[]", "default_payment_method")]).await.ok();
    assert_eq!(
        (&trialing["status"], &trialing["default_payment_method"]["card"]["last4"]),
        (&json!("trialing"), &json!("4242"))
    );
    world.sandbox.set_now(START + 7 * DAY + 2 * HOUR);
    let paying = world.client.get(&path, &[("expand[]", "latest_invoice")]).await.ok();
    assert_eq!(
        (&paying["status"], &paying["latest_invoice"]["amount_paid"]),
        (&json!("active"), &json!(2900))
    );
}

#[tokio::test]
async fn a_card_is_saved_without_a_payment() {
    let world = world().await;
    let customer = world.client.customer(None).await;
    let params =
        [("mode", "setup"), ("customer", customer.as_str()), ("setup_intent_data[metadata][k]", "v"), BACK];
    let session = world.client.post("/v1/checkout/sessions", &params).await.ok();
    assert_eq!(submit(&world, &session, "pm_card_visa").await.0, 303);
    let intent = format!("/v1/setup_intents/{}", session["setup_intent"].as_str().unwrap());
    let intent = world.client.get(&intent, &[("expand[]", "payment_method")]).await.ok();
    assert_eq!(
        (&intent["status"], &intent["payment_method"]["customer"]),
        (&json!("succeeded"), &json!(customer))
    );
    assert_eq!(intent["metadata"]["k"], "v");
}

#[tokio::test]
async fn a_session_expires_by_request_or_by_itself() {
    let world = world().await;
    let (asked, waiting) = (books(&world, &[]).await, books(&world, &[]).await);
    let path = format!("/v1/checkout/sessions/{}/expire", id(&asked));
    assert_eq!(world.client.post(&path, &[]).await.ok()["status"], "expired");
    assert_eq!(world.client.post(&path, &[]).await.refusal().0, 400);
    world.sandbox.set_now(START + DAY - 1);
    assert_eq!(read(&world, &waiting).await["status"], "open");
    world.sandbox.set_now(START + DAY);
    let expired = read(&world, &waiting).await;
    assert_eq!((&expired["status"], &expired["url"]), (&json!("expired"), &Value::Null));
    assert_eq!(submit(&world, &waiting, "pm_card_visa").await.0, 402);
    let kinds = world.event_types(0);
    assert_eq!(kinds.iter().filter(|kind| *kind == "checkout.session.expired").count(), 2);
}

#[tokio::test]
async fn what_a_mode_cannot_hold_is_refused() {
    let world = world().await;
    let monthly = world.client.monthly("Pro", 2900).await;
    let soon = (START + 60).to_string();
    let item = [("line_items[0][price]", monthly.as_str()), ("line_items[0][quantity]", "1")];
    let refused = async |params: &[(&str, &str)], items: bool| {
        let mut params = params.to_vec();
        if items {
            params.extend_from_slice(&item);
        }
        let answer = world.client.post("/v1/checkout/sessions", &params).await;
        let (status, _, param) = answer.refusal();
        assert_eq!(status, 400);
        param.to_owned()
    };
    let payment = ("mode", "payment");
    let subscription = ("mode", "subscription");
    assert_eq!(refused(&[payment, BACK], true).await, "line_items[0][price]");
    assert_eq!(refused(&[payment, BACK], false).await, "line_items");
    assert_eq!(refused(&[("mode", "setup"), BACK], true).await, "line_items");
    assert_eq!(refused(&[subscription], true).await, "success_url");
    assert_eq!(refused(&[subscription, ("success_url", "thanks")], true).await, "success_url");
    assert_eq!(refused(&[BACK], true).await, "mode");
    assert_eq!(refused(&[subscription, BACK, ("expires_at", &soon)], true).await, "expires_at");
    assert_eq!(
        refused(&[subscription, BACK, ("payment_intent_data[description]", "x")], true).await,
        "payment_intent_data"
    );
    assert_eq!(
        refused(&[subscription, BACK, ("shipping_options[0][shipping_rate]", "shr_1")], true).await,
        "shipping_options"
    );
    assert_eq!(refused(&[subscription, BACK, ("ui_mode", "embedded_page")], true).await, "ui_mode");
}
