//! The same key with the same input gives the same answer; with other input it is a conflict.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use stripe_sandbox::{AfterRetries, Fault, FaultKind};

use crate::support::database::TestDatabase;
use crate::support::detour::{Way, detour};
use crate::support::{Client, SUBSCRIBE, TestApp, TestOptions};

#[tokio::test]
async fn the_same_key_gives_the_same_answer_and_charges_once() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let input =
        json!({ "input": { "organizationId": organization, "planId": plan, "idempotencyKey": "order-17" } });
    let first = owner.send(SUBSCRIBE, input.clone()).await;
    let second = owner.send(SUBSCRIBE, input).await;
    assert_eq!(first.data(), second.data());
    assert_eq!(first.data()["subscriptionCreate"]["subscription"]["status"], "ACTIVE");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn the_same_key_at_once_charges_once() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let query = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
        payment { id status } userErrors { code } } }";
    let input = json!({ "input": { "organizationId": organization, "confirm": true, "idempotencyKey": "k",
        "amount": { "minorUnits": "500", "currency": "USD" } } });
    futures::future::join_all((0..8).map(|_| owner.send(query, input.clone()))).await;
    let last = owner.send(query, input).await;
    assert_eq!(last.data()["paymentIntentCreate"]["payment"]["status"], "SUCCEEDED", "{:#}", last.body);
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_refusal_is_repeated_too() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    let input = json!({ "input": { "organizationId": organization, "planId": plan, "idempotencyKey": "k" } });
    let first = owner.send(SUBSCRIBE, input.clone()).await;
    assert_eq!(first.data()["subscriptionCreate"]["userErrors"][0]["code"], "PAYMENT_DECLINED");
    let second = owner.send(SUBSCRIBE, input).await;
    assert_eq!(
        first.data()["subscriptionCreate"]["userErrors"],
        second.data()["subscriptionCreate"]["userErrors"]
    );
    assert_eq!(app.sandbox.objects("subscription").len(), 1);
}

/// Nothing was sent, so the key stands for nothing: the same request may be made again with it.
#[tokio::test]
async fn after_an_outage_in_which_nothing_was_sent_the_same_key_goes_through() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let query = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
        payment { id status } userErrors { code } } }";
    let input = json!({ "input": { "organizationId": organization, "confirm": true, "idempotencyKey": "k",
        "amount": { "minorUnits": "500", "currency": "USD" } } });
    let limited = FaultKind::RateLimit { retry_after: None };
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", limited).times(2));
    let refused = owner.send(query, input.clone()).await;
    assert_eq!(refused.code(), "STRIPE_UNAVAILABLE", "{:#}", refused.body);
    let again = owner.send(query, input.clone()).await;
    assert_eq!(again.data()["paymentIntentCreate"]["payment"]["status"], "SUCCEEDED", "{:#}", again.body);
    let third = owner.send(query, input).await;
    assert_eq!(again.data(), third.data(), "and from then on it is that one");
    assert_eq!(app.succeeded_charges(), 1);
}

/// What Stripe refuses by a fault of ours is told as one, and nothing was done: the same key is a new request.
#[tokio::test]
async fn after_a_fault_of_ours_the_same_key_goes_through() {
    let database = TestDatabase::create().await;
    let sandbox = TestApp::sandbox_days_ago(1, AfterRetries::Cancel).await;
    let refuses = AtomicBool::new(true);
    let stripe = detour(&sandbox, move |method, path| match (method.as_str(), path) {
        ("POST", "/v1/payment_intents") if refuses.swap(false, Ordering::SeqCst) => {
            Way::Refused("parameter_unknown", "Received unknown parameter.")
        }
        _ => Way::Straight,
    })
    .await;
    let app =
        TestApp::start_on(database, sandbox, TestOptions { stripe: Some(stripe), ..TestOptions::default() })
            .await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let query = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
        payment { id status } operation { state } userErrors { code } } }";
    let input = json!({ "input": { "organizationId": organization, "confirm": true, "idempotencyKey": "k",
        "amount": { "minorUnits": "500", "currency": "USD" } } });
    let refused = owner.send(query, input.clone()).await;
    assert_eq!(refused.code(), "INTERNAL", "{:#}", refused.body);
    let again = owner.send(query, input).await;
    assert_eq!(again.data()["paymentIntentCreate"]["payment"]["status"], "SUCCEEDED", "{:#}", again.body);
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn the_same_key_with_other_input_is_a_conflict() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let create = "mutation($input: OrganizationCreateInput!) { organizationCreate(input: $input) {
        organization { slug } userErrors { code path message } } }";
    let first =
        owner.send(create, json!({ "input": { "name": "A", "slug": "aa", "idempotencyKey": "k" } })).await;
    assert_eq!(first.data()["organizationCreate"]["organization"]["slug"], "aa");
    let same =
        owner.send(create, json!({ "input": { "name": "A", "slug": "aa", "idempotencyKey": "k" } })).await;
    assert_eq!(same.data(), first.data());
    let other =
        owner.send(create, json!({ "input": { "name": "B", "slug": "bb", "idempotencyKey": "k" } })).await;
    let (code, path, _) = other.user_error("organizationCreate");
    assert_eq!((code.as_str(), path.as_str()), ("CONFLICT", "idempotencyKey"));
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_organization() {
    let app = TestApp::start().await;
    let create = "mutation($input: OrganizationCreateInput!) { organizationCreate(input: $input) {
        organization { slug } userErrors { code } } }";
    for (subject, slug) in [("olivia", "acme"), ("peter", "globex")] {
        let answer = app
            .client(subject)
            .send(create, json!({ "input": { "name": "X", "slug": slug, "idempotencyKey": "k" } }))
            .await;
        assert_eq!(answer.data()["organizationCreate"]["organization"]["slug"], slug);
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let app = TestApp::start().await;
    let create = "mutation($input: OrganizationCreateInput!) { organizationCreate(input: $input) {
        organization { slug } userErrors { code path message } } }";
    for key in ["", "with space", "ä", &"k".repeat(256)] {
        let answer = app
            .client("olivia")
            .send(create, json!({ "input": { "name": "X", "slug": "xx", "idempotencyKey": key } }))
            .await;
        let (code, path, _) = answer.user_error("organizationCreate");
        assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "idempotencyKey"), "{key:?}");
    }
}

/// Sends the same mutation many times at once. What each was answered.
async fn at_once(client: &Client, query: &str, input: &serde_json::Value) -> Vec<serde_json::Value> {
    let answers = (0..8).map(|_| client.send(query, json!({ "input": input })));
    futures::future::join_all(answers).await.into_iter().map(|answer| answer.body).collect()
}

#[tokio::test]
async fn the_same_key_at_once_gives_the_same_answer_where_stripe_is_not_asked() {
    let app = TestApp::start().await;
    let (owner, staff) = (app.client("olivia"), app.staff());
    owner.send("{ viewer { user { id } } }", json!({})).await;
    staff.send("{ viewer { user { id } } }", json!({})).await;
    let organization = "mutation($input: OrganizationCreateInput!) { organizationCreate(input: $input) {
        organization { id slug } userErrors { code path } } }";
    let plan = "mutation($input: PlanCreateInput!) { planCreate(input: $input) {
        plan { id slug } operation { state } userErrors { code path } } }";
    let limit = "mutation($input: RefundLimitSetInput!) { refundLimitSet(input: $input) {
        limit { daily { minorUnits } } userErrors { code path } } }";
    let policy = "mutation($input: BillingPolicySetInput!) { billingPolicySet(input: $input) {
        billingPolicy { version } userErrors { code path } } }";
    let rules = json!({ "dunning": [{ "afterDays": 0, "reminder": "PAYMENT_FAILED", "access": "FULL" }],
        "unpaid": "NONE", "trialEnded": "LIMITED", "withoutSubscription": "NONE", "disputeOpen": "FULL",
        "disputeLost": "NONE", "quotaExceeded": "LIMITED", "trialEnd": "CANCEL", "openInvoices": "KEEP" });
    for (client, query, input) in [
        (&owner, organization, json!({ "name": "A", "slug": "aa", "idempotencyKey": "k" })),
        (
            &staff,
            plan,
            json!({ "name": "Free", "slug": "free-plan", "idempotencyKey": "k", "prices": [
            { "unitAmount": { "minorUnits": "0", "currency": "USD" }, "billingInterval": "MONTH" }] }),
        ),
        (
            &staff,
            limit,
            json!({ "role": "OWNER", "currency": "USD", "dailyMinorUnits": "500",
            "approvalAboveMinorUnits": "500", "idempotencyKey": "k" }),
        ),
        (&staff, policy, json!({ "policy": rules, "idempotencyKey": "k" })),
    ] {
        let answers = at_once(client, query, &input).await;
        let first = &answers[0];
        assert_eq!(first["errors"], serde_json::Value::Null, "{first:#}");
        for answer in &answers {
            assert_eq!(answer, first, "{query}");
            let payload =
                answer["data"].as_object().and_then(|data| data.values().next()).expect("a payload");
            assert_eq!(payload["userErrors"], json!([]), "{answer:#}");
        }
    }
}

/// While the first is at Stripe, the others find its key and wait for its answer, and no other operation's CONFLICT.
#[tokio::test]
async fn the_same_key_at_once_gives_the_same_answer_where_stripe_is_asked() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let charge = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
        payment { id status } operation { id state } userErrors { code } } }";
    let amount = json!({ "minorUnits": "500", "currency": "USD" });
    for (query, request, input) in [
        (
            charge,
            "POST /v1/payment_intents",
            json!({ "organizationId": organization, "amount": amount, "confirm": true, "idempotencyKey": "k" }),
        ),
        (
            SUBSCRIBE,
            "POST /v1/subscriptions",
            json!({ "organizationId": organization, "planId": plan, "idempotencyKey": "k" }),
        ),
    ] {
        app.sandbox.fault(Fault::new(request, FaultKind::ActThenDelay { ms: 300 }));
        let answers = at_once(&owner, query, &input).await;
        for answer in &answers {
            assert_eq!(answer, &answers[0]);
            let payload =
                answer["data"].as_object().and_then(|data| data.values().next()).expect("a payload");
            assert_eq!(payload["userErrors"], json!([]), "{answer:#}");
            assert_eq!(payload["operation"]["state"], "CONFIRMED", "{answer:#}");
        }
    }
    assert_eq!(app.succeeded_charges(), 2);
}

#[tokio::test]
async fn the_same_key_at_once_makes_one_free_subscription_and_ends_it_once() {
    let app = TestApp::start().await;
    let (owner, staff) = (app.client("olivia"), app.staff());
    let organization = app.organization(&owner, "acme").await;
    let plan = staff
        .send(
            "mutation($input: PlanCreateInput!) { planCreate(input: $input) { plan { id } userErrors { message } } }",
            json!({ "input": { "name": "Free", "slug": "free-plan", "prices": [
                { "unitAmount": { "minorUnits": "0", "currency": "USD" }, "billingInterval": "MONTH" }] } }),
        )
        .await;
    let plan = plan.data()["planCreate"]["plan"]["id"].clone();
    let create = "mutation($input: SubscriptionCreateInput!) { subscriptionCreate(input: $input) {
        subscription { id } userErrors { code } } }";
    let input = json!({ "organizationId": organization, "planId": plan, "idempotencyKey": "k" });
    let answers = at_once(&owner, create, &input).await;
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    let id = answers[0]["data"]["subscriptionCreate"]["subscription"]["id"].clone();
    assert!(id.is_string(), "{:#}", answers[0]);
    let cancel = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) {
        subscription { id status } userErrors { code } } }";
    let input = json!({ "subscriptionId": id, "when": "NOW", "idempotencyKey": "k" });
    let answers = at_once(&owner, cancel, &input).await;
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!(answers[0]["data"]["subscriptionCancel"]["subscription"]["status"], "CANCELED");
}
