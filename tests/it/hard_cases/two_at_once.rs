//! Sections D and E: two who do something to one subscription.

use std::time::Duration;

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use crate::mutations::subscription_change::{change, subscribed};
use crate::support::{Client, TestApp, TestOptions, eventually, text};

async fn cancel(client: &Client, subscription: &str) -> Value {
    let query = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) {
        subscription { status } operation { state }
        userErrors { code message operation { id kind state createdAt } } } }";
    let input = json!({ "subscriptionId": subscription, "when": "NOW" });
    client.send(query, json!({ "input": input })).await.data()["subscriptionCancel"].clone()
}

async fn current(client: &Client, organization: &str) -> Value {
    let query = "query($id: ID!) { organization(id: $id) { subscription { id status plan { slug } } } }";
    client.send(query, json!({ "id": organization })).await.data()["organization"]["subscription"].clone()
}

/// A second subscription that somebody made on Stripe's own pages ends: the first one counts on.
#[tokio::test]
async fn case_44_the_end_of_one_of_two_takes_nothing_away() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let first = app.sandbox.objects("subscription")[0].clone();
    let http = reqwest::Client::new();
    let base = app.sandbox.base_url();
    let form = [
        ("customer", text(&first["customer"])),
        ("items[0][price]", text(&first["items"]["data"][0]["price"]["id"])),
    ];
    let made = http.post(format!("{base}/v1/subscriptions")).bearer_auth("sk_test_x").form(&form);
    let second: Value = made.send().await.expect("an answer").json().await.expect("JSON");
    app.settled().await;
    // It may have been ended already, as one too many.
    http.delete(format!("{base}/v1/subscriptions/{}", text(&second["id"])))
        .bearer_auth("sk_test_x")
        .send()
        .await
        .expect("an answer");
    app.settled().await;
    let shown = current(&it.owner, &it.organization).await;
    assert_eq!(shown["id"], json!(it.subscription), "{shown:#}");
    assert_eq!(shown["status"], "ACTIVE");
}

/// The first one ends before anybody heard of the second: the second one is the organization's, and takes nothing away either.
#[tokio::test]
async fn case_44_the_end_of_the_first_leaves_the_second() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    app.sandbox.deliver_webhooks(false);
    let first = app.sandbox.objects("subscription")[0].clone();
    let (customer, price) = (text(&first["customer"]), text(&first["items"]["data"][0]["price"]["id"]));
    let form = [("customer", &customer[..]), ("items[0][price]", &price)];
    app.sandbox.set_now(app.sandbox.now() + 5);
    let second = app.at_stripe(reqwest::Method::POST, "subscriptions", &form).await;
    app.at_stripe(reqwest::Method::DELETE, &format!("subscriptions/{}", text(&first["id"])), &[]).await;
    app.sandbox.deliver_webhooks(true);
    app.settled().await;
    let query = "query($id: ID!) { organization(id: $id) { accessState { level }
        subscription { stripeSubscriptionId status } } }";
    let shown = it.owner.send(query, json!({ "id": it.organization })).await;
    assert_eq!(
        shown.data()["organization"],
        json!({ "accessState": { "level": "FULL" },
            "subscription": { "stripeSubscriptionId": second["id"], "status": "ACTIVE" } })
    );
    assert!(app.sandbox.objects("refund").is_empty(), "what the living one costs is not given back");
}

#[tokio::test]
async fn case_45_the_late_end_of_a_trial_that_was_replaced_changes_nothing() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let trial = app.paid_plan("trial", 1_900, 14).await;
    let pro = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let first = app.subscribe(&owner, &organization, &trial).await;
    app.settled().await;
    app.sandbox.deliver_webhooks(false);
    cancel(&owner, &text(&first["subscription"]["id"])).await;
    let second = app.subscribe(&owner, &organization, &pro).await;
    assert_eq!(second["subscription"]["status"], "ACTIVE", "{second:#}");
    app.sandbox.deliver_webhooks(true);
    app.settled().await;
    let shown = current(&owner, &organization).await;
    assert_eq!(shown["id"], second["subscription"]["id"], "{shown:#}");
    assert_eq!(shown["status"], "ACTIVE");
}

#[tokio::test]
async fn case_52_the_second_of_two_admins_is_told_what_is_under_way() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/subscriptions/*", FaultKind::ActThenDelay { ms: 1_500 }).times(1));
    let upgrade = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top }));
    let second = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        cancel(&it.owner, &it.subscription).await
    };
    let (upgraded, refused) = futures::join!(upgrade, second);
    assert_eq!(upgraded["operation"]["state"], "CONFIRMED", "{upgraded:#}");
    let error = &refused["userErrors"][0];
    assert_eq!(error["code"], "CONFLICT", "{refused:#}");
    assert_eq!(error["operation"]["kind"], "subscription.change");
    assert_eq!(error["operation"]["state"], "PENDING");
    assert_eq!(error["operation"]["id"], upgraded["operation"]["id"]);
    assert!(error["operation"]["createdAt"].is_string());
    app.settled().await;
    let shown = current(&it.owner, &it.organization).await;
    assert_eq!(shown["plan"]["slug"], "top", "{shown:#}");
    let canceled = cancel(&it.owner, &it.subscription).await;
    assert_eq!(canceled["subscription"]["status"], "CANCELED", "afterwards it can be had: {canceled:#}");
}

/// The lease of a slow operation runs out and another process takes over: the first one's result is fenced off, and the
/// customer is charged once.
#[tokio::test]
async fn case_53_a_lease_that_ran_out_under_its_owner_settles_once() {
    let app = TestApp::start_with(TestOptions {
        stripe_timeout: Duration::from_secs(10),
        // The one that takes over meets a key in use, and waits for it.
        stripe_attempts: 8,
        ..TestOptions::default()
    })
    .await;
    let it = subscribed(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/subscriptions/*", FaultKind::ActThenDelay { ms: 1_500 }).times(1));
    let overtake = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        app.let_own_leases_run_out().await;
        eventually("the other one to settle it", || async {
            app.open_operations().await.is_empty().then_some(())
        })
        .await;
    };
    let query = "mutation($input: SubscriptionChangeInput!) { subscriptionChange(input: $input) { operation { state } userErrors { code } } }";
    let raced = async {
        let input = json!({ "subscriptionId": it.subscription, "planId": it.top });
        it.owner.send(query, json!({ "input": input })).await
    };
    let (answer, ()) = futures::join!(raced, overtake);
    // The overtaken process cannot say how it came out, and says nothing else instead.
    assert!(
        answer.body["errors"][0]["extensions"]["code"] == "INTERNAL"
            || answer.body["data"]["subscriptionChange"]["operation"]["state"] == "CONFIRMED",
        "{:#}",
        answer.body
    );
    app.settled().await;
    assert_eq!(current(&it.owner, &it.organization).await["plan"]["slug"], "top");
    assert_eq!(app.succeeded_charges(), 2);
    let records = app.audit_records().await;
    let changed = records.iter().filter(|record| record.action == "subscription.change").count();
    assert_eq!(changed, 1, "recorded once");
}

/// The one that took over is slow, and the one that was overtaken answers first: it must not settle what it does not hold.
#[tokio::test]
async fn case_53_who_was_overtaken_settles_nothing_while_the_other_is_at_it() {
    let app = TestApp::start_with(TestOptions {
        stripe_timeout: Duration::from_secs(10),
        ..TestOptions::default()
    })
    .await;
    let it = subscribed(&app).await;
    app.settled().await;
    app.sandbox.fault(Fault::new("POST /v1/subscriptions/*", FaultKind::ActThenDelay { ms: 1_000 }).times(1));
    let overtake = async {
        eventually("the operation to be open", || async {
            (!app.open_operations().await.is_empty()).then_some(())
        })
        .await;
        // As another process does that takes it over and then takes its time.
        app.disturb(
            "UPDATE billing_operations SET fencing_token = fencing_token + 1, attempts = attempts + 1, \
             lease_until = '2099-01-01T00:00:00+00:00' WHERE open_scope IS NOT NULL",
        )
        .await;
    };
    let query = "mutation($input: SubscriptionChangeInput!) { subscriptionChange(input: $input) { operation { state } userErrors { code } } }";
    let raced = async {
        let input = json!({ "subscriptionId": it.subscription, "planId": it.top });
        it.owner.send(query, json!({ "input": input })).await
    };
    let (answer, ()) = futures::join!(raced, overtake);
    assert_eq!(answer.body["errors"][0]["extensions"]["code"], "INTERNAL", "{:#}", answer.body);
    assert_eq!(app.open_operations().await, ["PENDING"], "the other one still holds it");
    let changes = async || {
        let records = app.audit_records().await;
        records.iter().filter(|record| record.action == "subscription.change").count()
    };
    assert_eq!(changes().await, 0, "nothing is recorded by the one that was overtaken");
    // The other one dies, and its lease runs out.
    app.let_own_leases_run_out().await;
    eventually("the third to settle it", || async { app.open_operations().await.is_empty().then_some(()) })
        .await;
    app.settled().await;
    assert_eq!(changes().await, 1);
    assert_eq!(app.succeeded_charges(), 2);
    assert_eq!(current(&it.owner, &it.organization).await["plan"]["slug"], "top");
}
