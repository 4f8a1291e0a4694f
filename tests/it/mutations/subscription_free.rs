//! From a paid plan to a free one.

use reqwest::Method;
use serde_json::{Value, json};

use super::subscription_change::{Subscribed, change, subscribed};
use crate::support::{TestApp, text};

async fn current(it: &Subscribed) -> Value {
    let query = "query($id: ID!) { organization(id: $id) { subscription { status cancelAtPeriodEnd plan { slug } } } }";
    let answer = it.owner.send(query, json!({ "id": it.organization })).await;
    answer.data()["organization"]["subscription"].clone()
}

async fn use_up(app: &TestApp) {
    app.settled().await;
    let item = app.sandbox.objects("subscription")[0]["items"]["data"][0].clone();
    app.sandbox.set_now(item["current_period_end"].as_i64().expect("a time") + 2 * 3_600);
    app.settled().await;
}

#[tokio::test]
async fn what_is_paid_is_used_up_and_the_free_plan_begins_then() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let free = app.paid_plan("free", 0, 0).await;
    let preview = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) {
        preview { isImmediate dueNow { minorUnits } nextBill { total { minorUnits } } nextBillAt plan { slug } token }
        userErrors { message } } }";
    let input = json!({ "subscriptionId": it.subscription, "planId": free });
    let shown = it.owner.send(preview, json!({ "input": input })).await;
    let shown = shown.data()["subscriptionPreviewChange"]["preview"].clone();
    assert_eq!(
        (&shown["isImmediate"], &shown["dueNow"]["minorUnits"], &shown["nextBill"]["total"]["minorUnits"]),
        (&json!(false), &json!("0"), &json!("0")),
        "{shown:#}"
    );
    let apply = "mutation($input: SubscriptionApplyChangeInput!) { subscriptionApplyChange(input: $input) {
        subscription { status plan { slug } cancelAtPeriodEnd } operation { state } userErrors { message } } }";
    let applied = it.owner.send(apply, json!({ "input": { "token": shown["token"] } })).await;
    assert_eq!(
        applied.data()["subscriptionApplyChange"],
        json!({ "subscription": { "status": "ACTIVE", "plan": { "slug": "pro" }, "cancelAtPeriodEnd": true },
            "operation": { "state": "CONFIRMED" }, "userErrors": [] })
    );
    use_up(&app).await;
    let then = json!({ "status": "ACTIVE", "cancelAtPeriodEnd": false, "plan": { "slug": "free" } });
    assert_eq!(current(&it).await, then);
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_preview_of_it_that_something_moved_under_is_refused() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let free = app.paid_plan("free", 0, 0).await;
    let preview = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) { preview { token } } }";
    let input = json!({ "subscriptionId": it.subscription, "planId": free });
    let shown = it.owner.send(preview, json!({ "input": input })).await;
    let token = shown.data()["subscriptionPreviewChange"]["preview"]["token"].clone();
    change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "4" })).await;
    let apply = "mutation($input: SubscriptionApplyChangeInput!) { subscriptionApplyChange(input: $input) {
        userErrors { code message } } }";
    let stale = it.owner.send(apply, json!({ "input": { "token": token } })).await;
    let error = &stale.data()["subscriptionApplyChange"]["userErrors"][0];
    assert_eq!(error["code"], "CONFLICT", "{:#}", stale.body);
    assert!(text(&error["message"]).contains("the seats"), "{:#}", stale.body);
    assert_eq!(current(&it).await["cancelAtPeriodEnd"], false);
}

/// Taken back, nothing of it stays: a later end is an end.
#[tokio::test]
async fn what_was_taken_back_does_not_follow_a_later_end() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let free = app.paid_plan("free", 0, 0).await;
    let asked = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": free })).await;
    assert_eq!(asked["userErrors"], json!([]), "{asked:#}");
    let resume = "mutation($input: SubscriptionResumeInput!) { subscriptionResume(input: $input) { userErrors { message } } }";
    let input = json!({ "input": { "subscriptionId": it.subscription } });
    let resumed = it.owner.send(resume, input).await;
    assert_eq!(resumed.data()["subscriptionResume"]["userErrors"], json!([]), "{:#}", resumed.body);
    let path = format!("subscriptions/{}", text(&app.sandbox.objects("subscription")[0]["id"]));
    app.at_stripe(Method::POST, &path, &[("cancel_at_period_end", "true")]).await;
    use_up(&app).await;
    assert_eq!(current(&it).await["status"], "CANCELED");
}

/// Ended at once, it is not followed by anything.
#[tokio::test]
async fn an_end_before_its_time_is_not_followed_by_the_free_plan() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let free = app.paid_plan("free", 0, 0).await;
    change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": free })).await;
    let path = format!("subscriptions/{}", text(&app.sandbox.objects("subscription")[0]["id"]));
    app.at_stripe(Method::DELETE, &path, &[]).await;
    app.settled().await;
    assert_eq!(current(&it).await["status"], "CANCELED");
}

async fn scheduled(it: &Subscribed) -> Value {
    let query = "query($id: ID!) { subscription(id: $id) { status currentPeriodEnd
        scheduledChange { plan { slug } billingInterval quantity at } } }";
    let answer = it.owner.send(query, json!({ "id": it.subscription })).await;
    answer.data()["subscription"].clone()
}

/// The free plan that comes is shown like any other change that is arranged, until it is taken back or has come.
#[tokio::test]
async fn a_free_plan_that_comes_is_a_scheduled_change() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let free = app.paid_plan("free", 0, 0).await;
    let to_free = || change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": free }));
    let asked = to_free().await;
    assert_eq!(asked["userErrors"], json!([]), "{asked:#}");
    assert_eq!(asked["subscription"]["scheduledChange"]["plan"]["slug"], "free", "{asked:#}");
    // What the events say of it says the same.
    app.settled().await;
    let shown = scheduled(&it).await;
    assert_eq!(
        shown["scheduledChange"],
        json!({ "plan": { "slug": "free" }, "billingInterval": null, "quantity": "1",
            "at": shown["currentPeriodEnd"] })
    );
    let records = app.audit_records().await;
    let canceled = records.iter().find(|record| record.action == "subscription.cancel").expect("a record");
    assert!(canceled.new_values.as_ref().expect("values")["nextPlanId"].is_string(), "{canceled:#?}");

    let resume = "mutation($input: SubscriptionResumeInput!) { subscriptionResume(input: $input) { userErrors { message } } }";
    it.owner.send(resume, json!({ "input": { "subscriptionId": it.subscription } })).await.data();
    assert_eq!(scheduled(&it).await["scheduledChange"], Value::Null, "taken back");
    let end = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) { userErrors { message } } }";
    it.owner.send(end, json!({ "input": { "subscriptionId": it.subscription } })).await.data();
    assert_eq!(scheduled(&it).await["scheduledChange"], Value::Null, "an end is followed by nothing");
    it.owner.send(resume, json!({ "input": { "subscriptionId": it.subscription } })).await.data();
    // It is taken back as any change that waits.
    to_free().await;
    let revoke = "mutation($input: SubscriptionScheduledChangeRevokeInput!) { subscriptionScheduledChangeRevoke(input: $input) {
        subscription { cancelAtPeriodEnd scheduledChange { at } } userErrors { message } } }";
    let revoked = it.owner.send(revoke, json!({ "input": { "subscriptionId": it.subscription } })).await;
    assert_eq!(
        revoked.data()["subscriptionScheduledChangeRevoke"],
        json!({ "subscription": { "cancelAtPeriodEnd": false, "scheduledChange": null }, "userErrors": [] })
    );
    let asked = to_free().await;
    assert_eq!(asked["userErrors"], json!([]), "{asked:#}");
    use_up(&app).await;
    let ended = scheduled(&it).await;
    assert_eq!(
        (&ended["status"], &ended["scheduledChange"]),
        (&json!("CANCELED"), &Value::Null),
        "it has come"
    );
}
