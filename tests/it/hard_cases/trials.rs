//! Section E, case 50: a trial is for somebody new.

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use crate::support::{Client, SUBSCRIBE, TestApp, TestOptions, eventually, text};

/// A person with a mail address.
fn person(app: &TestApp, email: &str) -> Client {
    Client::new(app.address, Some(app.tokens.token_with_email(email, email)))
}

async fn ask(client: &Client, organization: &str, plan: &str, trial: bool) -> Value {
    let input = json!({ "organizationId": organization, "planId": plan, "trial": trial });
    client.send(SUBSCRIBE, json!({ "input": input })).await.data()["subscriptionCreate"].clone()
}

fn is_refused(payload: &Value) {
    let error = &payload["userErrors"][0];
    assert_eq!(
        (&error["code"], &error["path"]),
        (&json!("PLAN_UNAVAILABLE"), &json!(["trial"])),
        "{payload:#}"
    );
    assert!(text(&error["message"]).contains("trial: false"), "it says how to go on: {error}");
    assert_eq!(
        (&payload["subscription"], &payload["operation"]),
        (&Value::Null, &Value::Null),
        "{payload:#}"
    );
}

async fn cancel(client: &Client, payload: &Value) {
    let query = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) { userErrors { code } } }";
    let input = json!({ "subscriptionId": payload["subscription"]["id"], "when": "NOW" });
    client.send(query, json!({ "input": input })).await.data();
}

#[tokio::test]
async fn case_50_an_organization_gets_one_trial_and_is_not_charged_in_place_of_a_second() {
    let app = TestApp::start().await;
    let owner = person(&app, "olivia@gmail.com");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 14).await;
    let other = app.paid_plan("other", 3_900, 30).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let first = ask(&owner, &organization, &plan, true).await;
    assert_eq!(first["subscription"]["status"], "TRIALING", "{first:#}");
    cancel(&owner, &first).await;
    is_refused(&ask(&owner, &organization, &other, true).await);
    let checkout = "mutation($input: CheckoutSessionCreateInput!) { checkoutSessionCreate(input: $input) {
        url userErrors { code path } } }";
    let page = "https://app.example.com/billing";
    let input =
        json!({ "organizationId": organization, "planId": other, "successUrl": page, "cancelUrl": page });
    let refused = owner.send(checkout, json!({ "input": input })).await;
    assert_eq!(refused.user_error("checkoutSessionCreate").0, "PLAN_UNAVAILABLE");
    assert_eq!(app.succeeded_charges(), 0);
    let second = ask(&owner, &organization, &other, false).await;
    assert_eq!(second["subscription"]["status"], "ACTIVE", "asked for, it is charged: {second:#}");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn case_50_a_card_that_had_a_trial_gets_no_other_elsewhere() {
    let app = TestApp::start().await;
    let plan = app.paid_plan("pro", 2_900, 14).await;
    let ann = person(&app, "ann@gmail.com");
    let first = app.organization(&ann, "first").await;
    // The card comes when the trial has begun already, and goes again with everything else.
    let trial = ask(&ann, &first, &plan, true).await;
    assert_eq!(trial["subscription"]["status"], "TRIALING", "{trial:#}");
    app.card(&ann, &first, "pm_card_visa").await;
    cancel(&ann, &trial).await;
    app.settled().await;

    let bob = person(&app, "bob@outlook.com");
    let second = app.organization(&bob, "second").await;
    app.card(&bob, &second, "pm_card_visa").await;
    is_refused(&ask(&bob, &second, &plan, true).await);
    assert_eq!(app.sandbox.objects("subscription").len(), 1, "Stripe was not asked");
    let third = app.organization(&bob, "third").await;
    app.card(&bob, &third, "pm_card_mastercard").await;
    let trial = ask(&bob, &third, &plan, true).await;
    assert_eq!(trial["subscription"]["status"], "TRIALING", "another card: {trial:#}");
}

#[tokio::test]
async fn case_50_a_company_is_known_by_its_mail_domain_and_a_providers_customers_are_not() {
    let app = TestApp::start().await;
    let plan = app.paid_plan("pro", 2_900, 14).await;
    for (email, slug, gets_one) in [
        ("ann@acme.example", "one", true),
        ("bob@ACME.example", "two", false),
        ("cid@globex.example", "three", true),
        ("dan@gmail.com", "four", true),
        ("eve@gmail.com", "five", true),
        ("fay@mailinator.com", "six", true),
    ] {
        let owner = person(&app, email);
        let organization = app.organization(&owner, slug).await;
        let payload = ask(&owner, &organization, &plan, true).await;
        if gets_one {
            assert_eq!(payload["subscription"]["status"], "TRIALING", "{email}: {payload:#}");
        } else {
            is_refused(&payload);
        }
    }
}

#[tokio::test]
async fn case_50_of_two_who_ask_at_once_with_one_card_one_gets_the_trial() {
    let app = TestApp::start().await;
    let plan = app.paid_plan("pro", 2_900, 14).await;
    let mut asking = Vec::new();
    for number in 0..4 {
        let owner = person(&app, &format!("person-{number}@gmail.com"));
        let organization = app.organization(&owner, &format!("acme-{number}")).await;
        app.card(&owner, &organization, "pm_card_visa").await;
        asking.push((owner, organization));
    }
    let answers = asking.iter().map(|(owner, organization)| ask(owner, organization, &plan, true));
    let answers = futures::future::join_all(answers).await;
    let trials = answers.iter().filter(|payload| payload["subscription"]["status"] == "TRIALING").count();
    assert_eq!(trials, 1, "{answers:#?}");
    answers.iter().filter(|payload| payload["subscription"].is_null()).for_each(is_refused);
}

#[tokio::test]
async fn case_50_a_trial_that_never_began_is_not_used_up() {
    let options = TestOptions { stripe_attempts: 1, deliver_webhooks: false, ..TestOptions::default() };
    let app = TestApp::start_with(options).await;
    let owner = person(&app, "ann@acme.example");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 14).await;
    app.sandbox.fault(Fault::new("POST /v1/subscriptions$", FaultKind::FailBefore));
    let lost = ask(&owner, &organization, &plan, true).await;
    assert_eq!(lost["operation"]["state"], "UNKNOWN", "{lost:#}");
    app.age_operations().await;
    eventually("it to be given up", || async { app.open_operations().await.is_empty().then_some(()) }).await;
    let again = ask(&owner, &organization, &plan, true).await;
    assert_eq!(again["subscription"]["status"], "TRIALING", "{again:#}");
}
