//! The same key with the same input gives the same answer; with other input it is a conflict.

use serde_json::json;
use stripe_sandbox::{Fault, FaultKind};

use crate::support::{SUBSCRIBE, TestApp};

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
