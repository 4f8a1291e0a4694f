//! Changing what a subscription is billed for.

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use crate::support::{Client, TestApp, TestOptions, eventually, text};

const CHANGE: &str = "mutation($input: SubscriptionChangeInput!) { subscriptionChange(input: $input) {
    subscription { status quantity plan { slug } currentPeriodEnd pendingChangeExpiresAt
                   scheduledChange { quantity at billingInterval plan { slug } } }
    clientSecret operation { id state kind } userErrors { code message path } } }";

pub async fn change(client: &Client, input: Value) -> Value {
    client.send(CHANGE, json!({ "input": input })).await.data()["subscriptionChange"].clone()
}

/// A plan that counts seats, with a price by the month and one by the year.
pub async fn seat_plan(app: &TestApp, slug: &str, monthly: i64) -> String {
    let price = |minor: i64, interval: &str| json!({ "unitAmount": { "minorUnits": minor.to_string(), "currency": "USD" }, "billingInterval": interval });
    let answer = app
        .staff()
        .send(
            "mutation($input: PlanCreateInput!) { planCreate(input: $input) { plan { id } userErrors { message path } } }",
            json!({ "input": { "name": slug, "slug": slug, "seatsIncluded": 1,
                "features": { "exports": slug == "top", "projects": monthly / 100 },
                "prices": [price(monthly, "MONTH"), price(monthly * 10, "YEAR")] } }),
        )
        .await;
    text(&answer.data()["planCreate"]["plan"]["id"])
}

/// A plan of an organization's own.
pub async fn own_plan(app: &TestApp, organization: &str) -> String {
    let price =
        json!({ "unitAmount": { "minorUnits": "250000", "currency": "USD" }, "billingInterval": "MONTH" });
    let query = "mutation($input: PlanCreateInput!) { planCreate(input: $input) { plan { id } userErrors { message path } } }";
    let input =
        json!({ "name": "Custom", "slug": "custom", "organizationId": organization, "prices": [price] });
    let answer = app.staff().send(query, json!({ "input": input })).await;
    text(&answer.data()["planCreate"]["plan"]["id"])
}

pub struct Subscribed {
    pub owner: Client,
    pub organization: String,
    pub subscription: String,
    pub pro: String,
    pub top: String,
}

/// An organization with three seats of a plan by the month.
pub async fn subscribed(app: &TestApp) -> Subscribed {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let pro = seat_plan(app, "pro", 2_900).await;
    let top = seat_plan(app, "top", 9_900).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let answer = owner
        .send(
            crate::support::SUBSCRIBE,
            json!({ "input": { "organizationId": organization, "planId": pro, "quantity": "3" } }),
        )
        .await;
    let payload = &answer.data()["subscriptionCreate"];
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let subscription = text(&payload["subscription"]["id"]);
    app.settled().await;
    Subscribed { owner, organization, subscription, pro, top }
}

#[tokio::test]
async fn seats_by_the_month_go_onto_the_next_bill() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let more = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "5" })).await;
    assert_eq!(more["userErrors"], json!([]), "{more:#}");
    assert_eq!(more["subscription"]["quantity"], "5");
    assert_eq!(more["operation"]["state"], "CONFIRMED");
    assert_eq!(app.succeeded_charges(), 1, "nothing was charged at once");
    let waiting = app.sandbox.objects("invoiceitem");
    assert!(waiting.iter().any(|item| item["proration"] == true), "{waiting:#?}");
}

#[tokio::test]
async fn seats_below_the_members_are_refused() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    app.member(&it.organization, "mia").await;
    let before = app.sandbox.requests().len();
    let fewer = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "1" })).await;
    assert_eq!(fewer["userErrors"][0]["code"], "LIMIT_EXCEEDED", "{fewer:#}");
    assert_eq!(fewer["userErrors"][0]["path"], json!(["quantity"]));
    assert_eq!(app.sandbox.requests().len(), before, "Stripe was asked");
}

#[tokio::test]
async fn an_upgrade_is_charged_at_once_for_the_rest_of_the_period() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let up = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    assert_eq!(up["userErrors"], json!([]), "{up:#}");
    assert_eq!(up["subscription"]["plan"]["slug"], "top");
    assert_eq!(up["subscription"]["quantity"], "3", "seats are carried over");
    assert_eq!(app.succeeded_charges(), 2);
    let query = "query($id: ID!) { organization(id: $id) { invoices { nodes { billingReason total { minorUnits } status lines { proration } } } } }";
    let shown = it.owner.send(query, json!({ "id": it.organization })).await;
    let nodes = shown.data()["organization"]["invoices"]["nodes"].as_array().expect("invoices").clone();
    let of_change = nodes
        .iter()
        .find(|node| node["billingReason"] == "subscription_update")
        .expect("the change's invoice");
    assert_eq!(of_change["status"], "PAID");
    // Moments after the period began, the difference of 3 seats is nearly whole.
    let total: i64 = text(&of_change["total"]["minorUnits"]).parse().expect("an amount");
    assert!((20_900..=21_000).contains(&total), "{total}");
}

/// Hard case 62.
#[tokio::test]
async fn a_declined_upgrade_leaves_the_old_plan_and_nothing_to_pay() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    app.card(&it.owner, &it.organization, "pm_card_chargeCustomerFail").await;
    let up = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    assert_eq!(up["userErrors"][0]["code"], "PAYMENT_DECLINED", "{up:#}");
    assert_eq!(up["operation"]["state"], "FAILED");
    assert_eq!(up["subscription"]["plan"]["slug"], "pro");
    assert_eq!(up["subscription"]["status"], "ACTIVE");
    assert_eq!(up["subscription"]["pendingChangeExpiresAt"], json!(null), "nothing waits");
    app.settled().await;
    let open: Vec<_> =
        app.sandbox.objects("invoice").into_iter().filter(|invoice| invoice["status"] == "open").collect();
    assert!(open.is_empty(), "{open:#?}");
    assert_eq!(app.sandbox.objects("subscription")[0]["items"]["data"][0]["quantity"], 3);

    // With a card that works it goes through.
    app.card(&it.owner, &it.organization, "pm_card_visa").await;
    let again = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    assert_eq!(again["subscription"]["plan"]["slug"], "top", "{again:#}");
}

#[tokio::test]
async fn an_upgrade_that_the_bank_asks_about_waits_and_is_confirmed_by_the_webhook() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    app.card(&it.owner, &it.organization, "pm_card_authenticationRequired").await;
    let up = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    assert_eq!(up["operation"]["state"], "REQUIRES_ACTION", "{up:#}");
    assert_eq!(up["userErrors"][0]["code"], "PAYMENT_ACTION_REQUIRED");
    assert_eq!(up["subscription"]["plan"]["slug"], "pro", "the old plan until then");
    assert!(up["subscription"]["pendingChangeExpiresAt"].is_string());
    let second = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "4" })).await;
    assert_eq!(second["userErrors"][0]["code"], "CONFLICT", "{second:#}");

    let secret = text(&up["clientSecret"]);
    app.authenticate(secret.split("_secret_").next().expect("an id before the secret")).await;
    let query = "query($id: ID!, $operation: ID!) {
        organization(id: $id) { subscription { plan { slug } pendingChangeExpiresAt } }
        billingOperation(id: $operation) { state errorCode } }";
    eventually("the change to be confirmed", || async {
        let answer =
            it.owner.send(query, json!({ "id": it.organization, "operation": up["operation"]["id"] })).await;
        let data = answer.data().clone();
        (data["organization"]["subscription"]["plan"]["slug"] == "top"
            && data["billingOperation"] == json!({ "state": "CONFIRMED", "errorCode": null }))
        .then_some(())
    })
    .await;
}

#[tokio::test]
async fn another_interval_begins_a_new_period_at_once() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let yearly =
        change(&it.owner, json!({ "subscriptionId": it.subscription, "billingInterval": "YEAR" })).await;
    assert_eq!(yearly["userErrors"], json!([]), "{yearly:#}");
    let end: chrono::DateTime<chrono::Utc> =
        text(&yearly["subscription"]["currentPeriodEnd"]).parse().expect("a time");
    let days = end.timestamp() / 86_400 - app.sandbox.now() / 86_400;
    assert!((360..=370).contains(&days), "{days} days");
    assert_eq!(app.succeeded_charges(), 2);
}

#[tokio::test]
async fn a_downgrade_waits_for_the_end_of_the_period_and_can_be_taken_back() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    let down = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.pro })).await;
    assert_eq!(down["userErrors"], json!([]), "{down:#}");
    assert_eq!(down["subscription"]["plan"]["slug"], "top", "until the period is over");
    assert_eq!(down["subscription"]["scheduledChange"]["plan"]["slug"], "pro");
    assert_eq!(down["subscription"]["scheduledChange"]["at"], down["subscription"]["currentPeriodEnd"]);

    let revoke = "mutation($input: SubscriptionScheduledChangeRevokeInput!) { subscriptionScheduledChangeRevoke(input: $input) {
        subscription { plan { slug } scheduledChange { at } } userErrors { code message } } }";
    let input = json!({ "input": { "subscriptionId": it.subscription } });
    let revoked = it.owner.send(revoke, input.clone()).await;
    let payload = &revoked.data()["subscriptionScheduledChangeRevoke"];
    assert_eq!(
        payload["subscription"],
        json!({ "plan": { "slug": "top" }, "scheduledChange": null }),
        "{payload:#}"
    );
    let again = it.owner.send(revoke, input).await;
    assert_eq!(again.user_error("subscriptionScheduledChangeRevoke").0, "CONFLICT");
}

#[tokio::test]
async fn a_scheduled_downgrade_takes_effect_with_the_new_period() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    let down = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.pro })).await;
    let end: chrono::DateTime<chrono::Utc> =
        text(&down["subscription"]["currentPeriodEnd"]).parse().expect("a time");
    app.settled().await;
    app.sandbox.set_now(end.timestamp() + 2 * 3_600);
    app.settled().await;
    let query = "query($id: ID!) { organization(id: $id) { subscription { status plan { slug } scheduledChange { at } } } }";
    let shown = it.owner.send(query, json!({ "id": it.organization })).await;
    assert_eq!(
        shown.data()["organization"]["subscription"],
        json!({ "status": "ACTIVE", "plan": { "slug": "pro" }, "scheduledChange": null })
    );
}

#[tokio::test]
async fn a_discount_outlives_a_scheduled_downgrade() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    app.promotion_code("LAUNCH", 20).await;
    let apply = "mutation($input: SubscriptionDiscountApplyInput!) { subscriptionDiscountApply(input: $input) { userErrors { message } } }";
    let input = json!({ "subscriptionId": it.subscription, "promotionCode": "LAUNCH" });
    let applied = it.owner.send(apply, json!({ "input": input })).await;
    assert_eq!(applied.data()["subscriptionDiscountApply"]["userErrors"], json!([]), "{:#}", applied.body);
    let fewer = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "1" })).await;
    assert_eq!(fewer["subscription"]["scheduledChange"]["quantity"], "1", "{fewer:#}");
    let discounts = || app.sandbox.objects("subscription")[0]["discounts"].clone();
    let given = discounts();
    assert_eq!(given.as_array().expect("discounts").len(), 1, "while the period lasts");
    let end: chrono::DateTime<chrono::Utc> =
        text(&fewer["subscription"]["currentPeriodEnd"]).parse().expect("a time");
    app.sandbox.set_now(end.timestamp() + 2 * 3_600);
    assert_eq!(discounts(), given, "and after it");
    let renewal = &app.sandbox.objects("invoice")[0];
    assert_eq!((&renewal["subtotal"], &renewal["total"]), (&json!(2_900), &json!(2_320)));
}

#[tokio::test]
async fn what_changes_nothing_or_cannot_be_had_is_refused() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let same = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "3" })).await;
    assert_eq!(same["userErrors"][0]["code"], "CONFLICT", "{same:#}");
    let none = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "0" })).await;
    assert_eq!(none["userErrors"][0]["code"], "BAD_USER_INPUT");
    let free = app.paid_plan("free", 0, 0).await;
    let input = json!({ "subscriptionId": it.subscription, "planId": free, "timing": "NOW" });
    let free = change(&it.owner, input).await;
    assert_eq!(free["userErrors"][0]["path"], json!(["timing"]), "what is paid for is used up: {free:#}");
    app.staff()
        .send(
            "mutation($input: PlanArchiveInput!) { planArchive(input: $input) { plan { isActive } } }",
            json!({ "input": { "planId": it.top } }),
        )
        .await;
    let archived = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    assert_eq!(archived["userErrors"][0]["code"], "PLAN_UNAVAILABLE", "{archived:#}");

    let stranger = app.client("mallory");
    let answer = stranger
        .send(CHANGE, json!({ "input": { "subscriptionId": it.subscription, "quantity": "9" } }))
        .await;
    assert_eq!(answer.code(), "NOT_FOUND");
}

/// A change keeps whether invoices are sent or charged: there and back again it is refused, and says what to do.
#[tokio::test]
async fn a_plan_that_is_collected_otherwise_is_not_changed_to() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    super::customer::billing_settings(&app, &it.organization, 0, json!({ "netTerms": 30 })).await;
    let custom = own_plan(&app, &it.organization).await;
    let input = json!({ "subscriptionId": it.subscription, "planId": custom });
    let preview = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) {
        preview { token } userErrors { code message path } } }";
    let previewed = it.owner.send(preview, json!({ "input": input })).await;
    for refused in [change(&it.owner, input).await, previewed.data()["subscriptionPreviewChange"].clone()] {
        let error = &refused["userErrors"][0];
        assert_eq!((&error["code"], &error["path"]), (&json!("CONFLICT"), &json!(["planId"])), "{refused:#}");
        assert!(text(&error["message"]).contains("subscriptionCreate"), "{refused:#}");
    }
    let cancel = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) { userErrors { message } } }";
    let now = json!({ "subscriptionId": it.subscription, "when": "NOW" });
    it.owner.send(cancel, json!({ "input": now })).await.data();
    let begun = app.subscribe(&it.owner, &it.organization, &custom).await;
    assert_eq!(begun["subscription"]["status"], "ACTIVE", "{begun:#}");
    app.settled().await;
    let back = json!({ "subscriptionId": begun["subscription"]["id"], "planId": it.pro });
    let back = change(&it.owner, back).await;
    assert_eq!(back["userErrors"][0]["path"], json!(["planId"]), "{back:#}");
    assert_eq!(app.succeeded_charges(), 1, "the first bill, and no other");
}

#[tokio::test]
async fn a_lost_answer_of_an_upgrade_is_settled_with_one_charge() {
    let app = TestApp::start_with(TestOptions {
        stripe_timeout: std::time::Duration::from_millis(500),
        stripe_attempts: 1,
        ..TestOptions::default()
    })
    .await;
    let it = subscribed(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/subscriptions/*", FaultKind::ActThenDrop).times(1));
    let up = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    assert_eq!(up["operation"]["state"], "UNKNOWN", "{up:#}");
    let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
    eventually("it to be settled", || async {
        let answer = it.owner.send(query, json!({ "id": up["operation"]["id"] })).await;
        (answer.data()["billingOperation"]["state"] == "CONFIRMED").then_some(())
    })
    .await;
    assert_eq!(app.succeeded_charges(), 2);
}

/// What Stripe refuses leaves what was arranged before as it was.
#[tokio::test]
async fn a_change_that_stripe_refuses_leaves_the_arranged_downgrade() {
    let app = TestApp::start().await;
    app.promotion_code("HALF", 50).await;
    let it = subscribed(&app).await;
    let up = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    assert_eq!(up["userErrors"], json!([]), "{up:#}");
    let down = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.pro })).await;
    assert_eq!(down["subscription"]["scheduledChange"]["plan"]["slug"], "pro", "{down:#}");
    app.settled().await;
    // Somebody takes the yearly price off the list in Stripe's dashboard.
    let price =
        app.sandbox.objects("price").into_iter().find(|it| it["unit_amount"] == 99_000).expect("a price");
    app.at_stripe(reqwest::Method::POST, &format!("prices/{}", text(&price["id"])), &[("active", "false")])
        .await;
    let yearly =
        json!({ "subscriptionId": it.subscription, "billingInterval": "YEAR", "promotionCode": "HALF" });
    let refused = it.owner.send(CHANGE, json!({ "input": yearly })).await;
    assert_ne!(
        refused.body["data"]["subscriptionChange"]["operation"]["state"], "CONFIRMED",
        "{:#}",
        refused.body
    );
    app.settled().await;
    let query = "query($id: ID!) { organization(id: $id) { subscription {
        plan { slug } scheduledChange { plan { slug } } discounts { endsAt } } } }";
    let shown = it.owner.send(query, json!({ "id": it.organization })).await;
    assert_eq!(
        shown.data()["organization"]["subscription"],
        json!({ "plan": { "slug": "top" }, "scheduledChange": { "plan": { "slug": "pro" } }, "discounts": [] })
    );
}

/// What is not there ends the operation: it does not hold the organization until its keys are forgotten.
#[tokio::test]
async fn an_operation_that_cannot_be_done_stands_in_nobodys_way() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let whole = app.sandbox.objects("subscription")[0].clone();
    let mut empty = whole.clone();
    empty["items"]["data"] = json!([]);
    app.sandbox.import(vec![empty]);
    // Time that passes at Stripe ends no period of it, for there is none.
    app.sandbox.set_now(app.sandbox.now() + 2);
    let input = json!({ "input": { "subscriptionId": it.subscription, "planId": it.top } });
    let failed = it.owner.send(CHANGE, input.clone()).await;
    assert!(failed.body["errors"].is_array(), "{:#}", failed.body);
    app.sandbox.import(vec![whole]);
    let changed = it.owner.send(CHANGE, input).await;
    assert_eq!(changed.data()["subscriptionChange"]["userErrors"], json!([]), "{:#}", changed.body);
}

/// A free plan that a paid one replaces ends on record.
#[tokio::test]
async fn the_end_of_a_free_plan_is_on_record() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let free = app.paid_plan("free", 0, 0).await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.subscribe(&owner, &organization, &free).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    let records = app.audit_records().await;
    let ended: Vec<_> = records.iter().filter(|record| record.action == "subscription.replace").collect();
    assert_eq!(ended.len(), 1, "{records:#?}");
    assert!(ended[0].user_id.is_some(), "by whoever subscribed");
}
