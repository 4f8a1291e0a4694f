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

#[tokio::test]
async fn a_charge_that_was_given_up_cannot_be_made() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let created = create(&owner, json!({ "organizationId": organization, "amount": usd("1234") })).await;
    let payment = text(&created["payment"]["id"]);
    let query = format!(
        "mutation($input: PaymentIntentCancelInput!) {{ paymentIntentCancel(input: $input) {{ {PAYMENT} }} }}"
    );
    let cancel = json!({ "input": { "paymentId": payment } });
    let canceled = owner.send(&query, cancel.clone()).await.data()["paymentIntentCancel"].clone();
    assert_eq!(canceled["payment"]["status"], "CANCELED", "{canceled:#}");
    assert_eq!(canceled["operation"]["state"], "CONFIRMED");
    assert_eq!(canceled["clientSecret"], Value::Null);
    let late = confirm(&owner, json!({ "paymentId": payment })).await;
    assert_eq!(late["userErrors"][0]["code"], "CONFLICT", "{late:#}");
    let again = owner.send(&query, cancel).await.data()["paymentIntentCancel"].clone();
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT", "{again:#}");
    assert_eq!(app.succeeded_charges(), 0);
}

#[tokio::test]
async fn every_attempt_is_kept_with_what_the_bank_said() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    let declined =
        create(&owner, json!({ "organizationId": organization, "amount": usd("1234"), "confirm": true }))
            .await;
    let payment = text(&declined["payment"]["id"]);
    let good = app.card(&owner, &organization, "pm_card_visa").await;
    let paid = confirm(&owner, json!({ "paymentId": payment, "paymentMethodId": good })).await;
    assert_eq!(paid["payment"]["status"], "SUCCEEDED", "{paid:#}");
    app.settled().await;
    let read = owner
        .send(
            "query($id: ID!) { payment(id: $id) { attempts {
               status amount { minorUnits } failure { code declineCode } stripeChargeId } } }",
            json!({ "id": payment }),
        )
        .await;
    let attempts = read.data()["payment"]["attempts"].as_array().expect("attempts").clone();
    assert_eq!(attempts.len(), 2, "{:#}", read.body);
    let mut by_status: Vec<(String, Value)> =
        attempts.iter().map(|one| (text(&one["status"]), one["failure"].clone())).collect();
    by_status.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(by_status[0].0, "FAILED");
    assert_eq!(by_status[0].1["code"], "card_declined");
    assert_eq!(by_status[1], ("SUCCEEDED".to_owned(), Value::Null));
}
