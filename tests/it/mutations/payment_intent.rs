//! One-off charges.

use serde_json::{Value, json};

use crate::support::{Client, TestApp, eventually, text};

const PAYMENT: &str =
    "payment { id status amount { amount currency } description metadata failure { code declineCode } }
    clientSecret operation { state } userErrors { code message path }";

async fn create(client: &Client, input: Value) -> Value {
    let query = format!(
        "mutation($input: PaymentIntentCreateInput!) {{ paymentIntentCreate(input: $input) {{ {PAYMENT} }} }}"
    );
    client.send(&query, json!({ "input": input })).await.data()["paymentIntentCreate"].clone()
}

async fn confirm(client: &Client, input: Value) -> Value {
    let query = format!(
        "mutation($input: PaymentIntentConfirmInput!) {{ paymentIntentConfirm(input: $input) {{ {PAYMENT} }} }}"
    );
    client.send(&query, json!({ "input": input })).await.data()["paymentIntentConfirm"].clone()
}

fn usd(minor: &str) -> Value {
    json!({ "minorUnits": minor, "currency": "USD" })
}

#[tokio::test]
async fn a_charge_is_created_then_confirmed_then_read() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let created = create(
        &owner,
        json!({ "organizationId": organization, "amount": usd("1234"), "description": "Onboarding",
                "metadata": [{ "key": "order", "value": "17" }] }),
    )
    .await;
    assert_eq!(created["userErrors"], json!([]), "{created:#}");
    assert_eq!(created["payment"]["status"], "PENDING");
    assert_eq!(created["payment"]["amount"], json!({ "amount": "12.34", "currency": "USD" }));
    assert_eq!(created["payment"]["metadata"], json!({ "order": "17" }));
    assert!(created["clientSecret"].is_string());
    let payment = text(&created["payment"]["id"]);
    let confirmed = confirm(&owner, json!({ "paymentId": payment })).await;
    assert_eq!(confirmed["payment"]["status"], "SUCCEEDED", "{confirmed:#}");
    let read = owner
        .send("query($id: ID!) { payment(id: $id) { status description } }", json!({ "id": payment }))
        .await;
    assert_eq!(read.data()["payment"], json!({ "status": "SUCCEEDED", "description": "Onboarding" }));
    let again = confirm(&owner, json!({ "paymentId": payment })).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_decline_is_a_failed_payment_with_the_banks_reason() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    let declined =
        create(&owner, json!({ "organizationId": organization, "amount": usd("1234"), "confirm": true }))
            .await;
    assert_eq!(declined["userErrors"][0]["code"], "PAYMENT_DECLINED", "{declined:#}");
    assert_eq!(declined["payment"]["status"], "FAILED");
    assert_eq!(declined["payment"]["failure"]["code"], "card_declined");
    assert_eq!(declined["operation"]["state"], "FAILED");
}

#[tokio::test]
async fn three_d_secure_is_an_answer_and_its_end_arrives_by_webhook() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_authenticationRequired").await;
    let waiting =
        create(&owner, json!({ "organizationId": organization, "amount": usd("1234"), "confirm": true }))
            .await;
    assert_eq!(waiting["payment"]["status"], "REQUIRES_ACTION", "{waiting:#}");
    assert_eq!(waiting["operation"]["state"], "REQUIRES_ACTION");
    assert_eq!(waiting["userErrors"][0]["code"], "PAYMENT_ACTION_REQUIRED");
    let secret = text(&waiting["clientSecret"]);
    app.authenticate(secret.split("_secret_").next().expect("an id")).await;
    let payment = waiting["payment"]["id"].clone();
    eventually("the payment to succeed", || async {
        let read =
            owner.send("query($id: ID!) { payment(id: $id) { status } }", json!({ "id": payment })).await;
        (read.data()["payment"]["status"] == "SUCCEEDED").then_some(())
    })
    .await;
}

#[tokio::test]
async fn confirming_without_any_payment_method_is_refused() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let refused =
        create(&owner, json!({ "organizationId": organization, "amount": usd("1234"), "confirm": true }))
            .await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["paymentMethodId"]), "{refused:#}");
    assert_eq!(app.sandbox.objects("payment_intent").len(), 0);
}

#[tokio::test]
async fn yen_have_no_decimals() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let created = create(
        &owner,
        json!({ "organizationId": organization, "amount": { "minorUnits": 500, "currency": "JPY" } }),
    )
    .await;
    assert_eq!(created["payment"]["amount"], json!({ "amount": "500", "currency": "JPY" }), "{created:#}");
}
