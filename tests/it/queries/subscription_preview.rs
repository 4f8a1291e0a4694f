//! The preview is the contract.

use std::sync::Arc;

use serde_json::{Value, json};
use tollgate::domain::clock::{Clock, FixedClock, SystemClock};

use crate::mutations::subscription_change::{Subscribed, change, seat_plan, subscribed};
use crate::support::database::TestDatabase;
use crate::support::detour::{Way, detour};
use crate::support::{Client, TestApp, TestOptions, text};

const PREVIEW: &str = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) {
    preview { isImmediate effectiveAt prorationDate dueNow { minorUnits currency }
      bill { total { minorUnits } tax { minorUnits } discount { minorUnits } lines { description proration amount { minorUnits } } }
      nextBill { total { minorUnits } lines { amount { minorUnits } } } nextBillAt
      plan { slug } quantity seats { before after used } entitlements { feature before after } token expiresAt }
    userErrors { code message path } } }";

const APPLY: &str =
    "mutation($input: SubscriptionApplyChangeInput!) { subscriptionApplyChange(input: $input) {
    subscription { quantity plan { slug } scheduledChange { quantity plan { slug } } }
    operation { id state } userErrors { code message path } } }";

async fn preview(client: &Client, input: Value) -> Value {
    client.send(PREVIEW, json!({ "input": input })).await.data()["subscriptionPreviewChange"].clone()
}

async fn apply(client: &Client, token: &str) -> Value {
    client.send(APPLY, json!({ "input": { "token": token } })).await.data()["subscriptionApplyChange"].clone()
}

async fn upgrade_of(it: &Subscribed) -> Value {
    let shown = preview(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    assert_eq!(shown["userErrors"], json!([]), "{shown:#}");
    shown["preview"].clone()
}

#[tokio::test]
async fn what_is_previewed_is_what_is_charged() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let before = app.sandbox.objects("invoice").len();
    let shown = upgrade_of(&it).await;
    assert_eq!(app.sandbox.objects("invoice").len(), before, "nothing was made");
    assert_eq!(shown["isImmediate"], true);
    assert_eq!(shown["plan"]["slug"], "top");
    assert_eq!(shown["seats"], json!({ "before": "3", "after": "3", "used": "1" }));
    assert_eq!(
        shown["entitlements"],
        json!([
            { "feature": "exports", "before": false, "after": true },
            { "feature": "projects", "before": 29, "after": 99 }
        ])
    );
    assert_eq!(shown["nextBill"]["total"]["minorUnits"], "29700");
    let due: i64 = text(&shown["dueNow"]["minorUnits"]).parse().expect("an amount");
    assert!((20_900..=21_000).contains(&due), "{due}");

    // The bill is that of the moment of the preview, whenever it is applied.
    app.sandbox.set_now(app.sandbox.now() + 600);
    let applied = apply(&it.owner, &text(&shown["token"])).await;
    assert_eq!(applied["userErrors"], json!([]), "{applied:#}");
    assert_eq!(applied["subscription"]["plan"]["slug"], "top");
    let charged: Vec<i64> = app
        .sandbox
        .objects("charge")
        .iter()
        .filter(|charge| charge["status"] == "succeeded")
        .map(|charge| charge["amount"].as_i64().expect("an amount"))
        .collect();
    assert_eq!(charged.len(), 2);
    assert!(charged.contains(&due), "{charged:?} of which none is {due}");
}

/// Stripe shows ten lines of a preview, and says whether there are more.
#[tokio::test]
async fn a_preview_says_whether_its_lines_are_all() {
    let query = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) {
        preview { bill { hasMoreLines } nextBill { hasMoreLines } } userErrors { message } } }";
    for is_cut in [false, true] {
        let database = TestDatabase::create().await;
        let sandbox = TestApp::sandbox_days_ago(0, stripe_sandbox::AfterRetries::Cancel).await;
        let stripe = detour(&sandbox, move |method, path| match (method.as_str(), path) {
            ("POST", "/v1/invoices/create_preview") => {
                Way::Retold(None, Box::new(move |bill| bill["lines"]["has_more"] = is_cut.into()))
            }
            _ => Way::Straight,
        })
        .await;
        let options = TestOptions { stripe: Some(stripe), ..TestOptions::default() };
        let app = TestApp::start_on(database, sandbox, options).await;
        let it = subscribed(&app).await;
        let input = json!({ "subscriptionId": it.subscription, "planId": it.top });
        let shown = it.owner.send(query, json!({ "input": input })).await;
        assert_eq!(
            shown.data()["subscriptionPreviewChange"]["preview"],
            json!({ "bill": { "hasMoreLines": is_cut }, "nextBill": { "hasMoreLines": is_cut } }),
            "{:#}",
            shown.body
        );
    }
}

#[tokio::test]
async fn applying_twice_is_answered_with_the_same_operation() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let token = text(&upgrade_of(&it).await["token"]);
    let (one, two) = futures::join!(apply(&it.owner, &token), apply(&it.owner, &token));
    let third = apply(&it.owner, &token).await;
    assert_eq!(third["operation"]["state"], "CONFIRMED", "{third:#}");
    for answer in [&one, &two] {
        let refused = answer["userErrors"][0]["code"] == "CONFLICT";
        assert!(refused || answer["operation"]["id"] == third["operation"]["id"], "{answer:#}");
    }
    assert_eq!(app.succeeded_charges(), 2, "charged once for it");
}

#[tokio::test]
async fn a_preview_that_something_moved_under_is_refused_and_says_what() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let token = text(&upgrade_of(&it).await["token"]);
    change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "4" })).await;
    let stale = apply(&it.owner, &token).await;
    assert_eq!(stale["userErrors"][0]["code"], "CONFLICT", "{stale:#}");
    let message = text(&stale["userErrors"][0]["message"]);
    assert!(message.contains("the seats") && !message.contains("the price"), "{message}");
    assert_eq!(app.succeeded_charges(), 1);

    let token = text(&upgrade_of(&it).await["token"]);
    app.staff()
        .send(
            "mutation($input: PlanArchiveInput!) { planArchive(input: $input) { plan { isActive } } }",
            json!({ "input": { "planId": it.top } }),
        )
        .await;
    let archived = apply(&it.owner, &token).await;
    assert_eq!(archived["userErrors"][0]["code"], "CONFLICT", "{archived:#}");
    assert!(text(&archived["userErrors"][0]["message"]).contains("not offered any more"), "{archived:#}");
    assert_eq!(app.succeeded_charges(), 1);
}

/// The subscription is as it was, and something else would make another bill of the same change.
#[tokio::test]
async fn a_preview_whose_amount_is_another_by_now_is_refused() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let token = text(&upgrade_of(&it).await["token"]);
    let path = format!("customers/{}/balance_transactions", app.stripe_customer(&it.organization).await);
    let debt = [("amount", "5000"), ("currency", "usd")];
    app.at_stripe(reqwest::Method::POST, &path, &debt).await;
    let stale = apply(&it.owner, &token).await;
    assert_eq!(stale["userErrors"][0]["code"], "CONFLICT", "{stale:#}");
    assert!(text(&stale["userErrors"][0]["message"]).contains("what is due at once"), "{stale:#}");
    assert_eq!(app.succeeded_charges(), 1);
    assert_eq!(app.sandbox.objects("subscription")[0]["items"]["data"][0]["quantity"], 3);

    let shown = upgrade_of(&it).await;
    let due: i64 = text(&shown["dueNow"]["minorUnits"]).parse().expect("an amount");
    assert!((25_900..=26_000).contains(&due), "{due}");
    let applied = apply(&it.owner, &text(&shown["token"])).await;
    assert_eq!(applied["userErrors"], json!([]), "{applied:#}");
    let charged: Vec<i64> =
        app.sandbox.objects("charge").iter().filter_map(|it| it["amount"].as_i64()).collect();
    assert!(charged.contains(&due), "what was shown is charged: {due} among {charged:?}");
}

#[tokio::test]
async fn a_price_that_took_the_place_of_the_one_shown_is_refused() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let token = text(&upgrade_of(&it).await["token"]);
    let query = "mutation($input: PlanUpdateInput!) { planUpdate(input: $input) { userErrors { message } } }";
    let price =
        json!({ "unitAmount": { "minorUnits": "19900", "currency": "USD" }, "billingInterval": "MONTH" });
    let input = json!({ "planId": it.top, "expectedVersion": "1", "price": price });
    let dearer = app.staff().send(query, json!({ "input": input })).await;
    assert_eq!(dearer.data()["planUpdate"]["userErrors"], json!([]), "{:#}", dearer.body);
    let stale = apply(&it.owner, &token).await;
    assert_eq!(stale["userErrors"][0]["code"], "CONFLICT", "{stale:#}");
    assert!(text(&stale["userErrors"][0]["message"]).contains("the price of the plan"), "{stale:#}");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_token_that_is_altered_or_anothers_is_refused() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let token = text(&upgrade_of(&it).await["token"]);
    let mut altered = token.clone().into_bytes();
    altered[10] = if altered[10] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).expect("ASCII");
    for bad in [altered.as_str(), "", ".", "nonsense", &token[1..]] {
        let answer = apply(&it.owner, bad).await;
        assert_eq!(answer["userErrors"][0]["code"], "BAD_USER_INPUT", "{bad}: {answer:#}");
    }
    let stranger = app.client("mallory");
    let answer = stranger.send(APPLY, json!({ "input": { "token": token } })).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    let answer = app.anonymous().send(APPLY, json!({ "input": { "token": token } })).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_downgrade_costs_nothing_now_and_shows_the_next_bill() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    app.settled().await;
    let shown = preview(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.pro })).await;
    let shown = &shown["preview"];
    assert_eq!(shown["isImmediate"], false, "{shown:#}");
    assert_eq!(shown["bill"], json!(null));
    assert_eq!(shown["dueNow"]["minorUnits"], "0");
    assert_eq!(shown["nextBill"]["total"]["minorUnits"], "8700");
    assert_eq!(shown["effectiveAt"], shown["nextBillAt"]);
    let applied = apply(&it.owner, &text(&shown["token"])).await;
    assert_eq!(applied["subscription"]["scheduledChange"]["plan"]["slug"], "pro", "{applied:#}");
}

#[tokio::test]
async fn a_preview_holds_for_fifteen_minutes_and_not_a_second_longer() {
    for (seconds, holds) in [(15 * 60 - 1, true), (15 * 60, false)] {
        let clock = Arc::new(FixedClock::new(SystemClock.now()));
        let options = TestOptions {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            deliver_webhooks: false,
            ..TestOptions::default()
        };
        let app = TestApp::start_with(options).await;
        let owner = app.client("olivia");
        let organization = app.organization(&owner, "acme").await;
        let pro = seat_plan(&app, "pro", 2_900).await;
        let top = seat_plan(&app, "top", 9_900).await;
        app.card(&owner, &organization, "pm_card_visa").await;
        let subscription = app.subscribe(&owner, &organization, &pro).await["subscription"]["id"].clone();
        let shown = preview(&owner, json!({ "subscriptionId": subscription, "planId": top })).await;
        let shown = &shown["preview"];
        let expires: chrono::DateTime<chrono::Utc> = text(&shown["expiresAt"]).parse().expect("a time");
        assert_eq!(expires - clock.now(), chrono::Duration::minutes(15));
        clock.advance(chrono::Duration::seconds(seconds));
        let applied = apply(&owner, &text(&shown["token"])).await;
        if holds {
            assert_eq!(applied["userErrors"], json!([]), "{applied:#}");
        } else {
            assert_eq!(applied["userErrors"][0]["code"], "CONFLICT", "{applied:#}");
            assert!(text(&applied["userErrors"][0]["message"]).contains("15 minutes"), "{applied:#}");
            assert_eq!(app.succeeded_charges(), 1, "nothing but the first bill");
        }
    }
}

#[tokio::test]
async fn a_promotion_code_is_on_the_previewed_bill_and_sealed_into_the_token() {
    let app = TestApp::start().await;
    app.promotion_code("HALF", 50).await;
    let it = subscribed(&app).await;
    let upgrade = json!({ "subscriptionId": it.subscription, "planId": it.top });
    let plain = preview(&it.owner, upgrade.clone()).await["preview"].clone();
    let mut with_code = upgrade.clone();
    with_code["promotionCode"] = "HALF".into();
    let shown = preview(&it.owner, with_code).await;
    assert_eq!(shown["userErrors"], json!([]), "{shown:#}");
    let shown = shown["preview"].clone();
    let minor = |value: &Value| -> i64 { text(&value["minorUnits"]).parse().expect("an amount") };
    let (full, half) = (minor(&plain["dueNow"]), minor(&shown["dueNow"]));
    assert!(half > 0 && half < full, "{half} of {full}");
    assert_eq!(minor(&shown["nextBill"]["total"]), 29_700 / 2);
    assert!(app.sandbox.objects("subscription")[0]["discounts"].as_array().is_none_or(Vec::is_empty));

    let applied = apply(&it.owner, &text(&shown["token"])).await;
    assert_eq!(applied["userErrors"], json!([]), "{applied:#}");
    assert_eq!(applied["subscription"]["plan"]["slug"], "top");
    let charged =
        app.sandbox.objects("charge").iter().filter_map(|it| it["amount"].as_i64()).collect::<Vec<_>>();
    assert!(charged.contains(&half), "what was shown is charged: {half} among {charged:?}");
    app.settled().await;
    let query =
        "query($id: ID!) { organization(id: $id) { subscription { discounts { stripePromotionCodeId } } } }";
    let after = it.owner.send(query, json!({ "id": it.organization })).await;
    let discounts = &after.data()["organization"]["subscription"]["discounts"];
    assert_eq!(discounts.as_array().map(Vec::len), Some(1), "{discounts:#}");

    let mut later = json!({ "subscriptionId": it.subscription, "planId": it.pro });
    later["promotionCode"] = "HALF".into();
    let waits = preview(&it.owner, later).await;
    assert_eq!(
        waits["userErrors"][0]["path"],
        json!(["promotionCode"]),
        "it waits for the period's end: {waits:#}"
    );
    let unknown = json!({ "subscriptionId": it.subscription, "quantity": "9", "promotionCode": "NOBODY" });
    assert_eq!(preview(&it.owner, unknown).await["userErrors"][0]["path"], json!(["promotionCode"]));
}

#[tokio::test]
async fn a_declined_change_leaves_the_discounts_as_they_were() {
    let app = TestApp::start().await;
    app.promotion_code("HALF", 50).await;
    app.promotion_code("TENTH", 10).await;
    let it = subscribed(&app).await;
    let redeem =
        "mutation($input: SubscriptionDiscountApplyInput!) { subscriptionDiscountApply(input: $input) {
        subscription { id } userErrors { message } } }";
    let tenth = json!({ "subscriptionId": it.subscription, "promotionCode": "TENTH" });
    it.owner.send(redeem, json!({ "input": tenth })).await.data();
    let held = app.sandbox.objects("subscription")[0]["discounts"].clone();
    assert_eq!(held.as_array().map(Vec::len), Some(1));
    app.card(&it.owner, &it.organization, "pm_card_chargeCustomerFail").await;
    app.settled().await;
    let input = json!({ "subscriptionId": it.subscription, "planId": it.top, "promotionCode": "HALF" });
    let declined = change(&it.owner, input).await;
    assert_eq!(declined["userErrors"][0]["code"], "PAYMENT_DECLINED", "{declined:#}");
    assert_eq!(
        app.sandbox.objects("subscription")[0]["discounts"],
        held,
        "the one that was there, and no other"
    );
}
