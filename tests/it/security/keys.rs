//! API keys and invitations, as the security settings let them be.

use serde_json::{Value, json};

use super::{behind_proxy, from, reason, secure};
use crate::mutations::member::{ask, done, refused};
use crate::support::{Client, TestApp};

async fn key(app: &TestApp, owner: &Client, organization: &str, mut fields: Value) -> Client {
    fields["organizationId"] = json!(organization);
    fields["name"] = json!("Program");
    let made = done(owner, "apiKeyCreate", fields, "secret").await;
    Client::new(app.address, made["secret"].as_str().map(str::to_owned))
}

/// The reason for which a key is refused, which ends the request before anything of it is read.
async fn key_reason(client: &Client) -> Option<String> {
    let answer = client.send("{ viewer { apiKey { name } } }", json!({})).await;
    let error = answer.body["errors"].as_array().and_then(|errors| errors.first().cloned())?;
    assert_eq!((answer.status, &error["extensions"]["code"]), (403, &json!("FORBIDDEN")), "{error:#}");
    error["extensions"]["reason"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn keys_are_bound_to_the_addresses_that_the_organization_allows() {
    let app = behind_proxy().await;
    let office = from(&app.client("olivia"), "198.51.100.7");
    let acme = app.organization(&office, "acme").await;
    let program = key(&app, &office, &acme, json!({ "scopes": [] })).await;
    secure(&office, &acme, 0, json!({ "allowedAddresses": ["198.51.100.0/24"] })).await;
    assert_eq!(key_reason(&from(&program, "198.51.100.80")).await, None);
    let elsewhere = from(&program, "203.0.113.9");
    assert_eq!(key_reason(&elsewhere).await.as_deref(), Some("IP_ADDRESS_NOT_ALLOWED"));
}

#[tokio::test]
async fn keys_that_are_there_are_held_to_a_policy_that_comes_later() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let program = key(&app, &owner, &acme, json!({ "scopes": ["BILLING_READ", "SETTINGS_READ"] })).await;
    let named = json!({ "scopes": ["SETTINGS_READ"], "allowedAddresses": ["127.0.0.0/8"] });
    let named = key(&app, &owner, &acme, named).await;
    assert_eq!(reason(&program, &acme).await, None);
    secure(&owner, &acme, 0, json!({ "keyPolicy": { "scopes": ["SETTINGS_READ"] } })).await;
    let read = async |client: &Client, field: &str| {
        let query = format!("query($id: ID!) {{ {field} }}");
        let answer = client.send(&query, json!({ "id": acme })).await;
        answer.body["errors"][0]["extensions"]["code"].as_str().map(str::to_owned)
    };
    assert_eq!(read(&program, "settingsGeneral(organizationId: $id) { version }").await, None);
    let invoices = read(&program, "invoices(organizationId: $id) { totalCount }").await;
    assert_eq!(invoices.as_deref(), Some("FORBIDDEN"), "beyond what keys may hold");
    secure(&owner, &acme, 1, json!({ "keyPolicy": { "addressesRequired": true } })).await;
    assert_eq!(key_reason(&program).await.as_deref(), Some("API_KEY_ADDRESSES_REQUIRED"));
    assert_eq!(key_reason(&named).await, None);
    secure(&owner, &acme, 2, json!({ "keyPolicy": { "allowed": false } })).await;
    assert_eq!(key_reason(&named).await.as_deref(), Some("API_KEY_NOT_ALLOWED"));
    // And back: nothing of the keys was lost.
    secure(&owner, &acme, 3, json!({ "keyPolicy": null })).await;
    assert_eq!(key_reason(&program).await, None);
    assert_eq!(read(&program, "invoices(organizationId: $id) { totalCount }").await, None);
}

#[tokio::test]
async fn a_key_lives_no_longer_than_the_policy_says() {
    let clock = std::sync::Arc::new(tollgate::domain::clock::FixedClock::new(
        tollgate::domain::clock::Clock::now(&tollgate::domain::clock::SystemClock),
    ));
    let options = crate::support::TestOptions {
        clock: std::sync::Arc::<tollgate::domain::clock::FixedClock>::clone(&clock),
        ..crate::support::TestOptions::default()
    };
    let app = TestApp::start_with(options).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let program = key(&app, &owner, &acme, json!({ "scopes": [] })).await;
    secure(&owner, &acme, 0, json!({ "keyPolicy": { "longestLifeDays": 7 } })).await;
    clock.advance(chrono::TimeDelta::days(6));
    assert_eq!(key_reason(&program).await, None);
    clock.advance(chrono::TimeDelta::days(1));
    assert_eq!(key_reason(&program).await.as_deref(), Some("API_KEY_TOO_OLD"));
}

#[tokio::test]
async fn no_key_is_made_that_could_not_be_used() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let policy = json!({ "scopes": ["SETTINGS_READ"], "addressesRequired": true, "longestLifeDays": 30 });
    secure(&owner, &acme, 0, json!({ "keyPolicy": policy })).await;
    let input = |extra: Value| {
        let mut input = json!({ "organizationId": acme, "name": "Program", "scopes": ["SETTINGS_READ"],
            "allowedAddresses": ["203.0.113.0/24"],
            "expiresAt": (chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(365 * 200)).to_rfc3339() });
        input.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        input
    };
    let bad = |path: &str| ("BAD_USER_INPUT".to_owned(), path.to_owned());
    assert_eq!(refused(&owner, "apiKeyCreate", input(json!({}))).await, bad("expiresAt"));
    assert_eq!(refused(&owner, "apiKeyCreate", input(json!({ "expiresAt": null }))).await, bad("expiresAt"));
    let soon = tollgate::domain::clock::Clock::now(&tollgate::domain::clock::SystemClock)
        + chrono::TimeDelta::days(29);
    let fits = |extra: Value| {
        let mut fits = input(extra);
        fits["expiresAt"] = json!(soon.to_rfc3339());
        fits
    };
    let wide = fits(json!({ "scopes": ["SETTINGS_READ", "BILLING_READ"] }));
    assert_eq!(refused(&owner, "apiKeyCreate", wide).await, bad("scopes"));
    let open = fits(json!({ "allowedAddresses": [] }));
    assert_eq!(refused(&owner, "apiKeyCreate", open).await, bad("allowedAddresses"));
    done(&owner, "apiKeyCreate", fits(json!({})), "secret").await;
    let made = done(&owner, "apiKeyCreate", fits(json!({})), "apiKey { id }").await;
    secure(&owner, &acme, 1, json!({ "keyPolicy": { "allowed": false } })).await;
    assert_eq!(refused(&owner, "apiKeyCreate", fits(json!({}))).await.0, "FORBIDDEN");
    // Nor is one that is there given another secret.
    let rotate = json!({ "apiKeyId": made["apiKey"]["id"] });
    assert_eq!(refused(&owner, "apiKeyRotate", rotate).await.0, "FORBIDDEN");
}

#[tokio::test]
async fn an_invitation_to_a_domain_that_is_not_allowed_fails_when_it_is_made_and_when_it_is_accepted() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let invite = |email: &str| json!({ "organizationId": acme, "email": email });
    let early = done(&owner, "memberInvite", invite("peter@example.com"), "token invitation { id }").await;
    secure(&owner, &acme, 0, json!({ "allowedEmailDomains": ["@ACME.example"] })).await;
    let bad = |path: &str| ("BAD_USER_INPUT".to_owned(), path.to_owned());
    assert_eq!(refused(&owner, "memberInvite", invite("eve@example.com")).await, bad("email"));
    let resend = json!({ "invitationId": early["invitation"]["id"] });
    assert_eq!(refused(&owner, "invitationResend", resend).await, bad("invitationId"));
    let accept = json!({ "token": early["token"] });
    let peter = app.client("peter");
    assert_eq!(refused(&peter, "invitationAccept", accept.clone()).await, bad("token"));
    secure(&owner, &acme, 1, json!({ "allowedEmailDomains": ["acme.example", "example.com"] })).await;
    done(&peter, "invitationAccept", accept, "member { role }").await;
    assert_eq!(ask(&peter, "organizationLeave", json!({ "organizationId": acme }), "").await.status, 200);
}
