//! Changes of subscriptions that wait for their payment: paid, still at the bank, or given up.

use reqwest::Method;
use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use super::subscription_change::{Subscribed, change, subscribed};
use crate::hard_cases::lifecycle::set_policy;
use crate::support::{Client, TestApp, eventually, text};

async fn becomes(client: &Client, operation: &Value, state: &str) {
    let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
    eventually(&format!("the operation to be {state}"), || async {
        let answer = client.send(query, json!({ "id": operation["id"] })).await;
        (answer.data()["billingOperation"]["state"] == state).then_some(())
    })
    .await;
}

/// The newest invoice of the one subscription there is.
fn latest_invoice(app: &TestApp) -> String {
    text(&app.sandbox.objects("subscription")[0]["latest_invoice"])
}

async fn void_at_stripe(app: &TestApp) {
    app.at_stripe(Method::POST, &format!("invoices/{}/void", latest_invoice(app)), &[]).await;
}

/// A change that the bank asks the cardholder about.
async fn asked_about(app: &TestApp, it: &Subscribed, input: Value) -> Value {
    app.card(&it.owner, &it.organization, "pm_card_authenticationRequired").await;
    let asked = change(&it.owner, input).await;
    assert_eq!(asked["operation"]["state"], "REQUIRES_ACTION", "{asked:#}");
    asked
}

/// The plan and the seats are those that were asked for all the time: only the price tells.
#[tokio::test]
async fn another_interval_that_is_given_up_is_not_called_made() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let input = json!({ "subscriptionId": it.subscription, "billingInterval": "YEAR" });
    let yearly = asked_about(&app, &it, input).await;
    void_at_stripe(&app).await;
    becomes(&it.owner, &yearly["operation"], "FAILED").await;
}

/// What the bank still thinks about is not withdrawn: it may be paid.
#[tokio::test]
async fn a_change_whose_payment_is_processing_waits() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    app.card(&it.owner, &it.organization, "pm_card_authenticationRequired").await;
    app.settled().await;
    app.sandbox.fault(Fault::new("POST /v1/subscriptions/*", FaultKind::ActThenDelay { ms: 800 }));
    let bank = async {
        let intent = eventually("the payment to be there", || async {
            let intents = app.sandbox.objects("payment_intent");
            intents.into_iter().find(|intent| intent["status"] == "requires_action")
        })
        .await;
        let mut processing = intent;
        processing["status"] = json!("processing");
        processing["next_action"] = Value::Null;
        app.sandbox.import(vec![processing]);
    };
    let input = json!({ "subscriptionId": it.subscription, "planId": it.top });
    let (up, ()) = futures::join!(change(&it.owner, input), bank);
    assert_eq!(up["operation"]["state"], "REQUIRES_ACTION", "{up:#}");
    let invoice = latest_invoice(&app);
    let invoices = app.sandbox.objects("invoice");
    let of_change = invoices.iter().find(|one| one["id"] == invoice.as_str()).expect("the change's invoice");
    assert_eq!(of_change["status"], "open", "not withdrawn");
}

/// Its key is forgotten, its answer was lost, and a bank still thinks about the payment that takes it up.
#[tokio::test]
async fn a_resumption_whose_payment_is_processing_is_not_called_failed() {
    let app = TestApp::start_days_ago(20).await;
    set_policy(&app, "trialEnd", "PAUSE").await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 14).await;
    let begun = app.subscribe(&owner, &organization, &plan).await;
    app.pass_days(15).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.settled().await;
    app.sandbox.fault(Fault::new("POST /v1/subscriptions/*/resume", FaultKind::ActThenDrop).times(2));
    // As Stripe leaves it while a debit is under way.
    let paused = app.sandbox.objects("subscription")[0].clone();
    let resume = "mutation($input: SubscriptionResumeInput!) { subscriptionResume(input: $input) { operation { id state } } }";
    app.sandbox.deliver_webhooks(false);
    let input = json!({ "input": { "subscriptionId": begun["subscription"]["id"] } });
    let asked = owner.send(resume, input).await;
    let operation = asked.data()["subscriptionResume"]["operation"].clone();
    assert_eq!(operation["state"], "UNKNOWN", "{:#}", asked.body);
    let mut resumed = app.sandbox.objects("subscription")[0].clone();
    let invoice = resumed["latest_invoice"].clone();
    resumed["status"] = paused["status"].clone();
    let mut of_it = app.sandbox.objects("invoice").into_iter().find(|one| one["id"] == invoice).expect("it");
    of_it["status"] = json!("open");
    let mut intent = app.sandbox.objects("payment_intent")[0].clone();
    intent["status"] = json!("processing");
    app.sandbox.import(vec![resumed, of_it, intent]);
    app.age_operations().await;
    eventually("it to be looked up", || async {
        app.service.settle_abandoned_operations().await.expect("a sweep");
        app.open_operations().await.is_empty().then_some(())
    })
    .await;
    becomes(&owner, &operation, "REQUIRES_ACTION").await;
}

async fn shown(it: &Subscribed) -> Value {
    let query = "query($id: ID!) { subscription(id: $id) { quantity plan { slug } discounts { endsAt }
        scheduledChange { quantity plan { slug } } } }";
    let answer = it.owner.send(query, json!({ "id": it.subscription })).await;
    answer.data()["subscription"].clone()
}

async fn changed(it: &Subscribed, input: Value) {
    let made = change(&it.owner, input).await;
    assert_eq!(made["userErrors"], json!([]), "{made:#}");
}

/// What a change took away that was given up comes back: the downgrade that waited, and the discounts of before.
#[tokio::test]
async fn a_downgrade_outlives_an_upgrade_that_is_never_paid_and_its_discount_does_not() {
    let app = TestApp::start().await;
    app.promotion_code("HALF", 50).await;
    let it = subscribed(&app).await;
    changed(&it, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    changed(&it, json!({ "subscriptionId": it.subscription, "planId": it.pro })).await;
    app.settled().await;
    let input =
        json!({ "subscriptionId": it.subscription, "billingInterval": "YEAR", "promotionCode": "HALF" });
    let yearly = asked_about(&app, &it, input).await;
    app.settled().await;
    assert_eq!(shown(&it).await["scheduledChange"], json!(null), "let go for the time being");
    void_at_stripe(&app).await;
    becomes(&it.owner, &yearly["operation"], "FAILED").await;
    let before = json!({ "quantity": "3", "plan": { "slug": "top" }, "discounts": [],
        "scheduledChange": { "quantity": "3", "plan": { "slug": "pro" } } });
    eventually("what was there before", || async { (shown(&it).await == before).then_some(()) }).await;
    // Stripe's word of it may be here before its operation is settled.
    eventually("one that put it back", || async {
        let states = app.operation_states(&it.organization, "subscription.restore").await;
        (states == ["CONFIRMED"]).then_some(())
    })
    .await;
}

/// What somebody arranged since is not overwritten.
#[tokio::test]
async fn what_moved_since_is_not_put_back() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    changed(&it, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    changed(&it, json!({ "subscriptionId": it.subscription, "planId": it.pro })).await;
    app.settled().await;
    let input = json!({ "subscriptionId": it.subscription, "billingInterval": "YEAR" });
    let yearly = asked_about(&app, &it, input).await;
    app.settled().await;
    let path = format!("subscriptions/{}", text(&app.sandbox.objects("subscription")[0]["id"]));
    app.at_stripe(Method::POST, &path, &[("cancel_at_period_end", "true")]).await;
    void_at_stripe(&app).await;
    becomes(&it.owner, &yearly["operation"], "FAILED").await;
    eventually("nothing to be put back", || async {
        let states = app.operation_states(&it.organization, "subscription.restore").await;
        (states == ["CONFIRMED"]).then_some(())
    })
    .await;
    assert_eq!(shown(&it).await["scheduledChange"], json!(null));
}

/// What somebody changes in Stripe's own dashboard.
async fn change_at_stripe(app: &TestApp, change: &[(&str, &str)]) {
    let at_stripe = app.sandbox.objects("subscription")[0].clone();
    let path = format!("subscriptions/{}", text(&at_stripe["id"]));
    let item = text(&at_stripe["items"]["data"][0]["id"]);
    let mut form = vec![("items[0][id]", &item[..]), ("proration_behavior", "none")];
    form.extend(change);
    app.at_stripe(Method::POST, &path, &form).await;
    app.settled().await;
}

/// Somebody changes the subscription in Stripe's own dashboard while ours waits for its payment: Stripe gives ours up, the
/// other one counts, nothing stands in anybody's way, and what ours let go is put back.
#[tokio::test]
async fn a_change_that_is_overtaken_at_stripe_is_given_up() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let input = json!({ "subscriptionId": it.subscription, "planId": it.top });
    let asked = asked_about(&app, &it, input.clone()).await;
    app.settled().await;
    change_at_stripe(&app, &[("items[0][quantity]", "5")]).await;
    becomes(&it.owner, &asked["operation"], "FAILED").await;
    let now = shown(&it).await;
    assert_eq!((&now["quantity"], &now["plan"]["slug"]), (&json!("5"), &json!("pro")), "{now:#}");
    assert_eq!(app.open_operations().await, Vec::<String>::new());
    assert_eq!(app.succeeded_charges(), 1, "ours was not paid");
    // And it can be asked for again.
    app.card(&it.owner, &it.organization, "pm_card_visa").await;
    changed(&it, input).await;
    assert_eq!((&shown(&it).await["plan"]["slug"], app.succeeded_charges()), (&json!("top"), 2));
}

/// Somebody makes the very change at Stripe that ours waits with: ours waits no longer. Stripe gives it up first, and then the
/// other one is made; whichever of the two is heard of decides what ours is called.
#[tokio::test]
async fn a_change_that_somebody_makes_at_stripe_meanwhile_waits_no_longer() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let input = json!({ "subscriptionId": it.subscription, "planId": it.top });
    let asked = asked_about(&app, &it, input).await;
    app.settled().await;
    let price = app
        .sandbox
        .objects("price")
        .into_iter()
        .find(|price| price["unit_amount"] == 9_900 && price["recurring"]["interval"] == "month");
    let price = text(&price.expect("the price asked for")["id"]);
    change_at_stripe(&app, &[("items[0][price]", &price)]).await;
    let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
    let answer = it.owner.send(query, json!({ "id": asked["operation"]["id"] })).await;
    let state = text(&answer.data()["billingOperation"]["state"]);
    assert!(["CONFIRMED", "FAILED"].contains(&state.as_str()), "{state}");
    assert_eq!(shown(&it).await["plan"]["slug"], "top");
    assert_eq!(app.open_operations().await, Vec::<String>::new());
    assert_eq!(app.succeeded_charges(), 1, "ours is not paid on top of it");
    let more = json!({ "subscriptionId": it.subscription, "quantity": "4" });
    changed(&it, more).await;
}
