//! Pauses of collection, trials and discounts.

use serde_json::{Value, json};

use super::subscription_change::subscribed;
use crate::support::{Client, TestApp, text};

async fn mutate(client: &Client, mutation: &str, input: Value) -> Value {
    let mut letters = mutation.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let query = format!(
        "mutation($input: {capital}Input!) {{ {mutation}(input: $input) {{
           subscription {{ status trialEnd isCollectionPaused collectionPause collectionResumesAt
                           discounts {{ stripeCouponId stripePromotionCodeId }} }}
           operation {{ state }} userErrors {{ code message path }} }} }}"
    );
    client.send(&query, json!({ "input": input })).await.data()[mutation].clone()
}

async fn in_trial(app: &TestApp, card: Option<&str>) -> (Client, String, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 14).await;
    if let Some(card) = card {
        app.card(&owner, &organization, card).await;
    }
    let payload = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(payload["subscription"]["status"], "TRIALING", "{payload:#}");
    (owner, organization, text(&payload["subscription"]["id"]))
}

#[tokio::test]
async fn collection_is_paused_and_resumed() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let staff = app.staff();
    let input = json!({ "subscriptionId": it.subscription, "behavior": "VOID" });
    let paused = mutate(&staff, "subscriptionCollectionPause", input).await;
    assert_eq!(paused["userErrors"], json!([]), "{paused:#}");
    assert_eq!(paused["subscription"]["isCollectionPaused"], true);
    assert_eq!(paused["subscription"]["collectionPause"], "VOID");
    let past = json!({ "subscriptionId": it.subscription, "resumesAt": "2020-01-01T00:00:00Z" });
    let refused = mutate(&staff, "subscriptionCollectionPause", past).await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["resumesAt"]), "{refused:#}");
    let id = json!({ "subscriptionId": it.subscription });
    let resumed = mutate(&staff, "subscriptionCollectionResume", id.clone()).await;
    assert_eq!(resumed["subscription"]["isCollectionPaused"], false, "{resumed:#}");
    let again = mutate(&staff, "subscriptionCollectionResume", id).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT");
}

/// Access stays full while nothing is collected: a customer must not grant themselves that.
#[tokio::test]
async fn collection_is_not_the_customers_to_pause() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    for (mutation, input) in [
        ("subscriptionCollectionPause", "SubscriptionCollectionPauseInput"),
        ("subscriptionCollectionResume", "SubscriptionCollectionResumeInput"),
    ] {
        let query =
            format!("mutation($input: {input}!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}");
        let answer = it.owner.send(&query, json!({ "input": { "subscriptionId": it.subscription } })).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{mutation}: {:#}", answer.body);
    }
    assert_eq!(app.sandbox.objects("subscription")[0]["pause_collection"], Value::Null);
}

#[tokio::test]
async fn a_trial_is_extended_by_staff_and_ended_by_the_customer() {
    let app = TestApp::start().await;
    let (owner, _, subscription) = in_trial(&app, Some("pm_card_visa")).await;
    let until = |days: i64| {
        chrono::DateTime::from_timestamp(app.sandbox.now() + days * 86_400, 0).expect("a time").to_rfc3339()
    };
    let input = json!({ "subscriptionId": subscription, "until": until(40) });
    let query = "mutation($input: SubscriptionTrialExtendInput!) { subscriptionTrialExtend(input: $input) { userErrors { code } } }";
    assert_eq!(owner.send(query, json!({ "input": input })).await.code(), "FORBIDDEN");
    let staff = app.staff();
    let extended = mutate(&staff, "subscriptionTrialExtend", input).await;
    assert_eq!(extended["userErrors"], json!([]), "{extended:#}");
    assert_eq!(extended["subscription"]["status"], "TRIALING");
    let end: chrono::DateTime<chrono::Utc> =
        text(&extended["subscription"]["trialEnd"]).parse().expect("a time");
    assert_eq!((end.timestamp() - app.sandbox.now() + 3_600) / 86_400, 40);
    for days in [10, 800] {
        let input = json!({ "subscriptionId": subscription, "until": until(days) });
        let refused = mutate(&staff, "subscriptionTrialExtend", input).await;
        assert_eq!(refused["userErrors"][0]["path"], json!(["until"]), "{days}: {refused:#}");
    }

    let ended = mutate(&owner, "subscriptionTrialEnd", json!({ "subscriptionId": subscription })).await;
    assert_eq!(ended["subscription"]["status"], "ACTIVE", "{ended:#}");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_trial_whose_first_bill_is_declined_goes_on() {
    let app = TestApp::start().await;
    let (owner, organization, subscription) = in_trial(&app, None).await;
    let id = json!({ "subscriptionId": subscription });
    let nothing = mutate(&owner, "subscriptionTrialEnd", id.clone()).await;
    assert_eq!(nothing["userErrors"][0]["code"], "CONFLICT", "nothing to charge: {nothing:#}");
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    let declined = mutate(&owner, "subscriptionTrialEnd", id).await;
    assert_eq!(declined["userErrors"][0]["code"], "PAYMENT_DECLINED", "{declined:#}");
    assert_eq!(declined["subscription"]["status"], "TRIALING");
    assert_eq!(app.succeeded_charges(), 0);
}

#[tokio::test]
async fn a_promotion_code_is_redeemed_and_taken_off() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    app.promotion_code("LAUNCH", 20).await;
    for wrong in ["NOPE", "", "a b", "x;y"] {
        let input = json!({ "subscriptionId": it.subscription, "promotionCode": wrong });
        let refused = mutate(&it.owner, "subscriptionDiscountApply", input).await;
        assert_eq!(refused["userErrors"][0]["path"], json!(["promotionCode"]), "{wrong}: {refused:#}");
    }
    let input = json!({ "subscriptionId": it.subscription, "promotionCode": "LAUNCH" });
    let applied = mutate(&it.owner, "subscriptionDiscountApply", input).await;
    assert_eq!(applied["userErrors"], json!([]), "{applied:#}");
    assert!(applied["subscription"]["discounts"][0]["stripePromotionCodeId"].is_string(), "{applied:#}");
    app.settled().await;
    let query =
        "query($id: ID!) { subscription(id: $id) { discounts { stripeCouponId stripePromotionCodeId } } }";
    let shown = it.owner.send(query, json!({ "id": it.subscription })).await;
    assert_eq!(
        shown.data()["subscription"]["discounts"],
        applied["subscription"]["discounts"],
        "events, which carry ids alone, leave it"
    );
    let id = json!({ "subscriptionId": it.subscription });
    let removed = mutate(&it.owner, "subscriptionDiscountRemove", id.clone()).await;
    assert_eq!(removed["subscription"]["discounts"], json!([]), "{removed:#}");
    let again = mutate(&it.owner, "subscriptionDiscountRemove", id).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT");
}

#[tokio::test]
async fn a_promotion_code_counts_from_the_first_bill() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 10_000, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.promotion_code("LAUNCH", 20).await;
    let input = json!({ "organizationId": organization, "planId": plan, "promotionCode": "LAUNCH" });
    let answer = owner.send(crate::support::SUBSCRIBE, json!({ "input": input })).await;
    assert_eq!(answer.data()["subscriptionCreate"]["userErrors"], json!([]), "{:#}", answer.body);
    let charges = app.sandbox.objects("charge");
    assert_eq!(charges[0]["amount"], 8_000);
}

#[tokio::test]
async fn a_coupon_is_given_by_staff_alone_and_recorded() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let make = async |form: &[(&str, &str)]| app.at_stripe(reqwest::Method::POST, "coupons", form).await;
    make(&[("id", "GOODWILL"), ("percent_off", "25"), ("duration", "forever")]).await;
    let input = json!({ "subscriptionId": it.subscription, "stripeCouponId": "GOODWILL" });
    let query = "mutation($input: SubscriptionCouponApplyInput!) { subscriptionCouponApply(input: $input) { userErrors { code } } }";
    assert_eq!(it.owner.send(query, json!({ "input": input })).await.code(), "FORBIDDEN");
    let staff = app.staff();
    let given = mutate(&staff, "subscriptionCouponApply", input).await;
    assert_eq!(given["userErrors"], json!([]), "{given:#}");
    assert_eq!(given["operation"]["state"], "CONFIRMED");
    assert_eq!(
        given["subscription"]["discounts"],
        json!([{ "stripeCouponId": "GOODWILL", "stripePromotionCodeId": null }])
    );
    let at_stripe = app.sandbox.objects("subscription")[0]["discounts"].clone();
    assert_eq!(at_stripe.as_array().map(Vec::len), Some(1), "{at_stripe:#}");
    let records = app.audit_records().await;
    let record = records.iter().find(|record| record.action == "subscription.discount_apply");
    let kept = serde_json::to_string(&record.expect("a record").new_values).expect("JSON");
    assert!(kept.contains("GOODWILL"), "{kept}");
    // From the next bill on.
    let query = "query($id: ID!) { upcomingInvoice(organizationId: $id) { total { minorUnits } } }";
    let next = it.owner.send(query, json!({ "id": it.organization })).await;
    assert_eq!(next.data()["upcomingInvoice"]["total"]["minorUnits"], "6525", "{:#}", next.body);
}

#[tokio::test]
async fn a_coupon_that_cannot_be_redeemed_is_refused_at_its_field() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let make = async |form: &[(&str, &str)]| app.at_stripe(reqwest::Method::POST, "coupons", form).await;
    make(&[("id", "ONCE"), ("percent_off", "25"), ("duration", "forever"), ("max_redemptions", "1")]).await;
    make(&[("id", "EUROS"), ("amount_off", "500"), ("currency", "eur"), ("duration", "forever")]).await;
    let staff = app.staff();
    let give = async |coupon: &str| {
        let input = json!({ "subscriptionId": it.subscription, "stripeCouponId": coupon });
        mutate(&staff, "subscriptionCouponApply", input).await
    };
    assert_eq!(give("ONCE").await["userErrors"], json!([]));
    // Used up, unknown, no id at all, and of another currency, which Stripe says.
    for coupon in ["ONCE", "NONE", "", "../customers", "EUROS"] {
        let refused = give(coupon).await;
        let error = &refused["userErrors"][0];
        assert_eq!(error["code"], "BAD_USER_INPUT", "{coupon}: {refused:#}");
        assert_eq!(error["path"], json!(["stripeCouponId"]), "{coupon}: {refused:#}");
    }
}
