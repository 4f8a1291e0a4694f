//! Bad input gets a clear error that names the field and the mend, with its code; nothing is lost.

use serde_json::json;

use crate::support::{Client, TestApp};

#[tokio::test]
async fn malformed_requests_are_told_what_is_wrong() {
    let app = TestApp::start().await;
    let client = app.client("olivia");
    let cases = [
        ("{\"query\": ", "JSON"),
        ("[]", "Batches"),
        ("\"{ viewer { isPlatformStaff } }\"", "object"),
        ("{\"query\": 7}", "query"),
        ("{\"variables\": {}}", "query"),
        ("{\"query\": \"{ viewer { isPlatformStaff } }\", \"variables\": []}", "variables"),
    ];
    for (body, named) in cases {
        let answer = client.post_raw(body).await;
        assert_eq!(answer.status, 400, "{body}: {:#}", answer.body);
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{body}");
        assert!(answer.message().contains(named), "{body}: {}", answer.message());
        assert!(answer.body["errors"][0]["extensions"]["requestId"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn unknown_fields_and_wrong_types_are_named() {
    let app = TestApp::start().await;
    let client = app.client("olivia");
    for (query, named) in [
        ("{ viewer { shoeSize } }", "shoeSize"),
        ("{ plan(id: \"x\", colour: RED) { id } }", "colour"),
        ("{ organizations(first: \"ten\") { totalCount } }", "first"),
        ("{ viewer { isPlatformStaff }", "expected"),
    ] {
        let answer = client.send(query, json!({})).await;
        let errors = answer.body["errors"].as_array().expect("errors").clone();
        assert_eq!(errors[0]["extensions"]["code"], "BAD_USER_INPUT", "{query}: {:#}", answer.body);
        assert!(
            errors[0]["message"].as_str().is_some_and(|text| text.contains(named)),
            "{query}: {:#}",
            answer.body
        );
    }
}

#[tokio::test]
async fn ids_that_are_none_and_ids_of_other_types_are_refused_with_what_is_wanted() {
    let app = TestApp::start().await;
    let client = app.client("olivia");
    let query = "query($id: ID!) { invoice(id: $id) { id } }";
    for id in ["", "1", "inv_", "inv_zz", "in_1Nabc", "INV_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b", "🙂"] {
        let answer = client.send(query, json!({ "id": id })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{id}");
        assert!(answer.message().contains("inv_"), "{id}: {}", answer.message());
    }
    let other = client.send(query, json!({ "id": "org_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b" })).await;
    assert_eq!(other.code(), "BAD_USER_INPUT");
    assert_eq!(
        other.message(),
        "id: this is the id of a Organization, and the id of a Invoice (inv_…) is wanted."
    );
}

#[tokio::test]
async fn expired_forged_and_foreign_tokens_are_unauthenticated_each_with_its_reason() {
    let app = TestApp::start().await;
    let good = app.tokens.token("olivia");
    let mut forged = good.clone();
    forged.replace_range(forged.len() - 4.., "AAAA");
    let cases = [
        (app.tokens.expired_token("olivia"), "expired"),
        (forged, "signature"),
        (app.tokens.token_of_issuer("https://elsewhere.example", "olivia"), "issuer"),
        (app.tokens.token_for_audience("another-service", "olivia"), "audience"),
        ("not-a-token".to_owned(), "token"),
    ];
    for (token, named) in cases {
        let answer =
            Client::new(app.address, Some(token)).send("{ viewer { isPlatformStaff } }", json!({})).await;
        assert_eq!(answer.status, 401, "{named}: {:#}", answer.body);
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{named}");
        assert!(answer.message().to_lowercase().contains(named), "{named}: {}", answer.message());
    }
    let answer = Client::new(app.address, Some(good)).send("{ viewer { isPlatformStaff } }", json!({})).await;
    assert_eq!(answer.data()["viewer"]["isPlatformStaff"], false);
}

/// Another client of the same person may ask its issuer for fewer claims.
#[tokio::test]
async fn a_token_that_leaves_claims_out_takes_nothing_back() {
    let app = TestApp::start().await;
    let viewer = "{ viewer { user { email name } } }";
    let told = app.client("olivia").send(viewer, json!({})).await;
    let bare = Client::new(app.address, Some(app.tokens.bare_token("olivia"))).send(viewer, json!({})).await;
    assert_eq!(bare.data()["viewer"]["user"]["email"], "olivia@example.com");
    assert_eq!(bare.data(), told.data());
}

#[tokio::test]
async fn amounts_that_cannot_be_charged_are_refused_at_their_field() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let create = "mutation($input: PaymentIntentCreateInput!) {
        paymentIntentCreate(input: $input) { userErrors { code message path } } }";
    let amount = |minor: &str, currency: &str| json!({ "input": { "organizationId": organization, "amount": { "minorUnits": minor, "currency": currency } } });
    for (minor, currency, message) in [
        ("-1", "USD", "The amount must not be below zero."),
        ("0", "USD", "The amount must be above zero."),
        ("100000000", "USD", "The amount must not exceed 99999999 minor units of USD."),
        ("9223372036854775807", "JPY", "The amount must not exceed 99999999 minor units of JPY."),
        ("1005", "KWD", "Amounts in KWD must be a multiple of 10 minor units."),
    ] {
        let answer = owner.send(create, amount(minor, currency)).await;
        let (code, path, said) = answer.user_error("paymentIntentCreate");
        assert_eq!((code.as_str(), path.as_str(), said.as_str()), ("BAD_USER_INPUT", "amount", message));
    }
    for (minor, currency, named) in [
        ("500", "ZZZ", "ZZZ"),
        ("500", "XAU", "XAU"),
        ("500", "dollars", "dollars"),
        ("1.5", "USD", "BigInt"),
        ("9223372036854775808", "USD", "BigInt"),
    ] {
        let answer = owner.send(create, amount(minor, currency)).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{minor} {currency}");
        assert!(answer.message().contains(named), "{minor} {currency}: {}", answer.message());
    }
    let posts =
        app.sandbox.requests().into_iter().filter(|request| request.path == "/v1/payment_intents").count();
    assert_eq!(posts, 0, "Stripe was asked");
}

#[tokio::test]
async fn stripes_own_minimum_is_told_as_the_amounts_fault() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let answer = owner
        .send(
            "mutation($input: PaymentIntentCreateInput!) {
               paymentIntentCreate(input: $input) { operation { state } userErrors { code message path } } }",
            json!({ "input": { "organizationId": organization, "amount": { "minorUnits": "10", "currency": "USD" } } }),
        )
        .await;
    let (code, path, _) = answer.user_error("paymentIntentCreate");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "amount"));
    assert_eq!(answer.data()["paymentIntentCreate"]["operation"]["state"], "FAILED");
}

#[tokio::test]
async fn all_that_is_wrong_with_an_input_is_said_at_once() {
    let app = TestApp::start().await;
    let answer = app
        .client("olivia")
        .send(
            "mutation($input: OrganizationCreateInput!) {
               organizationCreate(input: $input) { organization { id } userErrors { code path message } } }",
            json!({ "input": { "name": "  ", "slug": "Not A Slug" } }),
        )
        .await;
    let payload = &answer.data()["organizationCreate"];
    assert_eq!(payload["organization"], json!(null));
    let paths: Vec<_> =
        payload["userErrors"].as_array().expect("errors").iter().map(|error| error["path"].clone()).collect();
    assert_eq!(paths, [json!(["name"]), json!(["slug"])]);
}

#[tokio::test]
async fn a_card_number_never_enters_free_text() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let answer = owner
        .send(
            "mutation($input: PaymentIntentCreateInput!) {
               paymentIntentCreate(input: $input) { userErrors { code path message } } }",
            json!({ "input": { "organizationId": organization, "description": "my card is 4242 4242 4242 4242",
                "amount": { "minorUnits": "500", "currency": "USD" } } }),
        )
        .await;
    let (code, path, message) = answer.user_error("paymentIntentCreate");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "description"));
    assert!(!message.contains("4242"));
}

#[tokio::test]
async fn a_taken_slug_is_a_conflict() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    app.organization(&owner, "acme").await;
    let answer = owner
        .send(
            "mutation($input: OrganizationCreateInput!) {
               organizationCreate(input: $input) { userErrors { code path message } } }",
            json!({ "input": { "name": "Acme", "slug": "acme" } }),
        )
        .await;
    let (code, path, message) = answer.user_error("organizationCreate");
    assert_eq!(
        (code.as_str(), path.as_str(), message.as_str()),
        ("CONFLICT", "slug", "This slug is taken. Choose another.")
    );
}

#[tokio::test]
async fn an_internal_error_tells_only_the_request_id() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    // A role that no version knows: what a newer process, or a hand in the database, may leave.
    app.break_roles().await;
    let answer =
        owner.send("query($id: ID!) { organization(id: $id) { id } }", json!({ "id": organization })).await;
    assert_eq!(answer.status, 500, "{:#}", answer.body);
    assert_eq!(answer.code(), "INTERNAL");
    assert!(!answer.body.to_string().contains("memberships"), "{:#}", answer.body);
    assert!(answer.body["errors"][0]["extensions"]["requestId"].is_string());
}
