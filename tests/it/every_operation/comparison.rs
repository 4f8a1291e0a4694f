//! Stripe forgets an idempotency key after a day. What an older operation was to do is looked up then, and never said to
//! have failed when Stripe did it.

use serde_json::json;
use stripe_sandbox::{Fault, FaultKind};
use tollgate::domain::billing_operation::OperationKind;

use super::transactions::Watch;
use super::{
    ASKED_AGAIN, Case, SCENARIOS, ask, catalogue, check_against_stripe, is_by_staff, mutate, patient, prepare,
};
use crate::support::{Client, TestApp, eventually, text};

fn caller(app: &TestApp, case: &Case) -> Client {
    if is_by_staff(case.scenario) { app.staff() } else { app.client("olivia") }
}

/// Asks for the operation while the request that completes it is lost, or its answer; lets its keys be forgotten; and
/// gives the state that it comes to.
async fn looked_up(app: &TestApp, case: &Case, fault: FaultKind) -> String {
    let client = caller(app, case);
    app.sandbox.fault(Fault::new(case.scenario.request, fault));
    let asked = ask(&client, case.scenario.mutation, (case.scenario.input)(case)).await;
    assert_eq!(asked["operation"]["state"], "UNKNOWN", "{}: {asked:#}", case.scenario.kind);
    let changes = changes(app);
    app.age_operations().await;
    let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
    let state = eventually("it to be looked up", || async {
        app.service.settle_abandoned_operations().await.expect("a sweep");
        let answer = client.send(query, json!({ "id": asked["operation"]["id"] })).await;
        let state = text(&answer.data()["billingOperation"]["state"]);
        (state != "UNKNOWN").then_some(state)
    })
    .await;
    assert_eq!(changes, self::changes(app), "{}: nothing is asked for again", case.scenario.kind);
    state
}

/// Requests at Stripe that change something.
fn changes(app: &TestApp) -> usize {
    app.sandbox.requests().iter().filter(|request| request.method != "GET").count()
}

#[tokio::test]
async fn what_stripe_did_is_found_whatever_the_kind() {
    let app = TestApp::start_with(patient(false)).await;
    let watch = Watch::on(&app);
    let catalogue = catalogue(&app).await;
    for (number, scenario) in SCENARIOS.iter().enumerate() {
        let case = prepare(&app, &catalogue, scenario, "", format!("case-{number}")).await;
        let state = looked_up(&app, &case, FaultKind::ActThenDrop).await;
        let what = format!("{} {number}", scenario.kind);
        // Stripe shows no portal sessions, and one changes nothing.
        let expected = match scenario.kind {
            OperationKind::PortalSessionCreate => "FAILED",
            _ => scenario.state,
        };
        assert_eq!(state, expected, "{what}");
        check_against_stripe(&app, &case, &what).await;
    }
    watch.check("looked up");
}

#[tokio::test]
async fn what_stripe_did_not_do_is_given_up_and_stands_in_nobodys_way() {
    let app = TestApp::start_with(patient(false)).await;
    let watch = Watch::on(&app);
    let catalogue = catalogue(&app).await;
    for (number, scenario) in SCENARIOS.iter().enumerate() {
        let mut case = prepare(&app, &catalogue, scenario, "", format!("case-{number}")).await;
        let state = looked_up(&app, &case, FaultKind::FailBefore).await;
        let what = format!("{} {number}", scenario.kind);
        assert_eq!(state, "FAILED", "{what}");
        // What a change would have taken away is looked after first.
        eventually("what follows to be done", || async {
            app.service.settle_abandoned_operations().await.expect("a sweep");
            app.open_operations().await.is_empty().then_some(())
        })
        .await;
        if scenario.kind == OperationKind::PaymentRefund {
            let all =
                json!({ "paymentId": case.payment, "amount": { "minorUnits": "1500", "currency": "USD" } });
            mutate(&app.staff(), "paymentRefund", all).await;
            continue;
        }
        let again = ask(&caller(&app, &case), scenario.mutation, (scenario.input)(&case)).await;
        assert_eq!(again["userErrors"], json!([]), "{what}: {again:#}");
        assert_eq!(again["operation"]["state"], scenario.state, "{what}: {again:#}");
        case.place = ASKED_AGAIN;
        check_against_stripe(&app, &case, &what).await;
    }
    watch.check("looked up");
}

/// A customer that Stripe made, and whose answer was lost for more than a day, is the organization's: no second one is made.
#[tokio::test]
async fn a_customer_whose_answer_was_lost_for_a_day_is_taken_over() {
    let app = TestApp::start_with(patient(false)).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.sandbox.fault(Fault::new("POST /v1/customers$", FaultKind::ActThenDrop));
    let input = json!({ "organizationId": organization });
    let asked = ask(&owner, "paymentMethodSetup", input.clone()).await;
    assert_eq!(asked["operation"]["state"], "UNKNOWN", "{asked:#}");
    app.age_operations().await;
    eventually("it to be looked up", || async {
        app.service.settle_abandoned_operations().await.expect("a sweep");
        app.open_operations().await.is_empty().then_some(())
    })
    .await;
    let customer = super::check::customer_of(&app.sandbox, &organization, "looked up");
    assert_eq!(app.stripe_customer(&organization).await, customer);
    mutate_setup(&owner, input).await;
    super::check::customer_of(&app.sandbox, &organization, "asked again");
}

async fn mutate_setup(client: &Client, input: serde_json::Value) {
    let answer = ask(client, "paymentMethodSetup", input).await;
    assert_eq!(answer["operation"]["state"], "CONFIRMED", "{answer:#}");
}

/// The customer is deleted at Stripe while an outcome is unknown, and the keys are forgotten: what can still be found is told,
/// and nothing waits for ever.
#[tokio::test]
async fn what_became_of_a_deleted_customers_operations_is_settled() {
    let app = TestApp::start_with(patient(true)).await;
    let owner = app.client("olivia");
    let plan = app.paid_plan("pro", 2_900, 0).await;
    let amount = json!({ "minorUnits": "1500", "currency": "USD" });
    for (number, fault) in [FaultKind::ActThenDrop, FaultKind::FailBefore].into_iter().enumerate() {
        for (mutation, request) in [
            ("paymentIntentCreate", "POST /v1/payment_intents$"),
            ("subscriptionCreate", "POST /v1/subscriptions$"),
            ("paymentMethodSetup", "POST /v1/setup_intents"),
            ("checkoutSessionCreate", "POST /v1/checkout/sessions"),
            ("subscriptionCancel", "DELETE /v1/subscriptions/*"),
        ] {
            let slug = format!("gone-{}-{number}", mutation.to_lowercase());
            let organization = app.organization(&owner, &slug).await;
            app.card(&owner, &organization, "pm_card_visa").await;
            let input = match mutation {
                "paymentIntentCreate" => {
                    json!({ "organizationId": organization, "confirm": true, "amount": amount })
                }
                "subscriptionCreate" => json!({ "organizationId": organization, "planId": plan }),
                "paymentMethodSetup" => json!({ "organizationId": organization }),
                "checkoutSessionCreate" => json!({ "organizationId": organization, "planId": plan,
                    "successUrl": super::PAGE, "cancelUrl": super::PAGE }),
                _ => {
                    let begun = app.subscribe(&owner, &organization, &plan).await;
                    json!({ "subscriptionId": begun["subscription"]["id"], "when": "NOW" })
                }
            };
            app.settled().await;
            app.sandbox.fault(Fault::new(request, fault));
            let asked = ask(&owner, mutation, input).await;
            assert_eq!(asked["operation"]["state"], "UNKNOWN", "{mutation}: {asked:#}");
            let customer = app.stripe_customer(&organization).await;
            app.at_stripe(reqwest::Method::DELETE, &format!("customers/{customer}"), &[]).await;
            app.settled().await;
            app.age_operations().await;
            app.service.settle_abandoned_operations().await.expect("a sweep");
            assert_eq!(app.open_operations().await, Vec::<String>::new(), "{mutation} {fault:?}");
            let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
            let answer = owner.send(query, json!({ "id": asked["operation"]["id"] })).await;
            // A subscription ends with its customer: that it should end came true.
            let expected = if mutation == "subscriptionCancel" { "CONFIRMED" } else { "FAILED" };
            assert_eq!(answer.data()["billingOperation"]["state"], expected, "{mutation} {fault:?}");
            // Once the customer is made anew, the organization goes on.
            mutate(&owner, "customerRecreate", json!({ "organizationId": organization })).await;
            app.card(&owner, &organization, "pm_card_visa").await;
            let begun = app.subscribe(&owner, &organization, &plan).await;
            assert_eq!(begun["subscription"]["status"], "ACTIVE", "{mutation}: {begun:#}");
        }
    }
}

/// The note of the free plan that comes is part of the change to it: an end without it, which somebody arranged at Stripe, is
/// another one.
#[tokio::test]
async fn an_end_without_the_note_of_the_free_plan_is_not_the_change_to_it() {
    for (fault, by_hand, state) in [
        (FaultKind::ActThenDrop, false, "CONFIRMED"),
        (FaultKind::FailBefore, true, "FAILED"),
        (FaultKind::FailBefore, false, "FAILED"),
    ] {
        let app = TestApp::start_with(patient(true)).await;
        let it = crate::mutations::subscription_change::subscribed(&app).await;
        let free = app.paid_plan("free", 0, 0).await;
        app.sandbox.fault(Fault::new("POST /v1/subscriptions/*", fault));
        let input = json!({ "subscriptionId": it.subscription, "planId": free });
        let asked = ask(&it.owner, "subscriptionChange", input).await;
        assert_eq!(asked["operation"]["state"], "UNKNOWN", "{asked:#}");
        if by_hand {
            let path = format!("subscriptions/{}", text(&app.sandbox.objects("subscription")[0]["id"]));
            app.at_stripe(reqwest::Method::POST, &path, &[("cancel_at_period_end", "true")]).await;
        }
        app.settled().await;
        app.age_operations().await;
        app.service.settle_abandoned_operations().await.expect("a sweep");
        assert_eq!(app.operation_states(&it.organization, "subscription.cancel").await, [state], "{by_hand}");
        let query = "query($id: ID!) { subscription(id: $id) { cancelAtPeriodEnd scheduledChange { plan { slug } } } }";
        let shown = it.owner.send(query, json!({ "id": it.subscription })).await;
        let next = if state == "CONFIRMED" { json!({ "plan": { "slug": "free" } }) } else { json!(null) };
        assert_eq!(
            shown.data()["subscription"],
            json!({ "cancelAtPeriodEnd": by_hand || state == "CONFIRMED", "scheduledChange": next })
        );
    }
}
