//! Webhook endpoints: what may be one, who may make one, and what its query may ask.

use serde_json::{Value, json};

use super::email::column;
use crate::mutations::member::{ask, done};
use crate::support::{Client, TestApp, text};

fn endpoint(organization: &str, url: &str, selection: &str) -> Value {
    json!({ "organizationId": organization, "url": url, "selection": selection })
}

async fn refused(client: &Client, input: Value) -> (String, String, String) {
    ask(client, "webhookEndpointCreate", input, "secret").await.user_error("webhookEndpointCreate")
}

#[tokio::test]
async fn an_endpoint_is_on_the_public_internet() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    for url in [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "http://127.0.0.1:8080/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https://intranet/",
        "https://me:secret@hooks.example.com/",
        "not an address",
    ] {
        let (code, path, _) = refused(&owner, endpoint(&acme, url, "{ __typename }")).await;
        assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "url"), "{url}");
    }
    let input = endpoint(&acme, "https://hooks.example.com/in?a=b", "{ __typename }");
    let made =
        done(&owner, "webhookEndpointCreate", input, "secret webhookEndpoint { id url state events }").await;
    assert_eq!(made["webhookEndpoint"]["url"], "https://hooks.example.com/in?a=b");
    assert_eq!(
        (&made["webhookEndpoint"]["state"], &made["webhookEndpoint"]["events"]),
        (&json!("ENABLED"), &json!([]))
    );
    let secret = text(&made["secret"]);
    assert!(secret.starts_with("whsec_") && secret.len() > 40, "{secret}");
    let sealed =
        column(&app, "SELECT sealed_secret FROM webhook_endpoints").await.pop().flatten().expect("a secret");
    assert!(sealed.starts_with("v1.") && !sealed.contains(&secret[6..]), "{sealed}");
    let records = format!("{:?}", app.audit_records().await);
    assert!(
        records.contains("webhook_endpoint.create") && !records.contains(&secret),
        "the secret is in a record"
    );
}

#[tokio::test]
async fn a_stored_query_is_one_that_the_schema_can_answer() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let url = "https://hooks.example.com/";
    let deep = format!("{}id{}", "{ organizations { nodes ".repeat(30), "}".repeat(60));
    for (selection, why) in [
        ("", "not valid GraphQL"),
        ("{ invoices", "not valid GraphQL"),
        ("{ nonsense }", "nonsense"),
        ("query($id: ID!) { node(id: $id) { id } }", "$id"),
        ("query($subjectId: Int!) { node(id: $subjectId) { id } }", "subjectId"),
        ("mutation { organizationLeave(input: { organizationId: \"x\" }) { userErrors { code } } }", "query"),
        ("subscription { billingOperation(id: \"op_1\") { state } }", "query"),
        ("query a { __typename } query b { __typename }", "several operations"),
        ("query($subjectId: ID!) { invoice(id: $subjectId) { mine: clientSecret } }", "client secret"),
        (deep.as_str(), ""),
    ] {
        let (code, path, message) = refused(&owner, endpoint(&acme, url, selection)).await;
        assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "selection"), "{selection}: {message}");
        assert!(message.contains(why), "{selection}: {message}");
    }
    let long = format!("{{ __typename }} #{}", "x".repeat(17_000));
    assert_eq!(refused(&owner, endpoint(&acme, url, &long)).await.1, "selection");
    let fit = "query($organizationId: ID!, $subjectId: ID!) {
        organization(id: $organizationId) { name }
        node(id: $subjectId) { id ... on Invoice { number total { amount currency } } } }";
    done(&owner, "webhookEndpointCreate", endpoint(&acme, url, fit), "secret").await;
}

#[tokio::test]
async fn a_program_makes_no_endpoint_and_a_mere_member_sees_none() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let scopes = json!(["WEBHOOKS_READ", "WEBHOOKS_WRITE"]);
    let input = json!({ "organizationId": acme, "name": "Deploys", "scopes": scopes });
    let key = done(&owner, "apiKeyCreate", input, "secret").await;
    let program = Client::new(app.address, Some(text(&key["secret"])));
    let input = endpoint(&acme, "https://hooks.example.com/", "{ __typename }");
    assert_eq!(ask(&program, "webhookEndpointCreate", input.clone(), "secret").await.code(), "FORBIDDEN");
    let made = done(&owner, "webhookEndpointCreate", input.clone(), "webhookEndpoint { id }").await;
    let query = "query($id: ID!) { webhookEndpoints(organizationId: $id) { totalCount nodes { url actsFor { name } } } }";
    let seen = program.send(query, json!({ "id": acme })).await;
    assert_eq!(seen.data()["webhookEndpoints"]["nodes"][0]["actsFor"]["name"], "olivia");
    let member = app.member(&acme, "mary").await;
    assert_eq!(member.send(query, json!({ "id": acme })).await.code(), "FORBIDDEN");
    assert_eq!(ask(&member, "webhookEndpointCreate", input, "secret").await.code(), "FORBIDDEN");
    // Nor does a program come by the secret, or let anything be sent that a person has stopped. Stopping it may.
    let id = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"] });
    done(&program, "webhookEndpointDisable", id.clone(), "webhookEndpoint { id }").await;
    for mutation in ["webhookEndpointUpdate", "webhookEndpointSecretRotate", "webhookEndpointEnable"] {
        let refused = ask(&program, mutation, id.clone(), "webhookEndpoint { id }").await;
        assert_eq!(refused.code(), "FORBIDDEN", "{mutation}: {:#}", refused.body);
        assert!(refused.message().contains("A person does this"), "{mutation}: {}", refused.message());
    }
    done(&owner, "webhookEndpointEnable", id.clone(), "webhookEndpoint { id }").await;
    let mut replay = id.clone();
    (replay["since"], replay["until"]) = (json!("2020-01-01T00:00:00Z"), json!("2020-01-02T00:00:00Z"));
    done(&program, "webhookDeliveriesReplay", replay, "").await;
    done(&program, "webhookEndpointDelete", id, "webhookEndpoint { id }").await;
}

#[tokio::test]
async fn whoever_changes_an_endpoint_lends_it_their_own_rights() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let adam = app.member_as(&acme, "adam", tollgate::domain::membership::Role::Admin).await;
    let input = endpoint(&acme, "https://hooks.example.com/", "{ __typename }");
    let selection = "webhookEndpoint { id version actsFor { name } url selection events }";
    let made = done(&owner, "webhookEndpointCreate", input, selection).await["webhookEndpoint"].clone();
    assert_eq!(made["actsFor"]["name"], "olivia");
    let update = json!({
        "webhookEndpointId": made["id"], "expectedVersion": made["version"],
        "url": "https://elsewhere.example.com/", "events": ["INVOICE_PAID", "INVOICE_PAID"],
    });
    let changed =
        done(&adam, "webhookEndpointUpdate", update.clone(), selection).await["webhookEndpoint"].clone();
    assert_eq!(changed["actsFor"]["name"], "adam");
    assert_eq!(changed["events"], json!(["INVOICE_PAID"]));
    assert_eq!(changed["selection"], made["selection"], "what is left out stays");
    let stale = ask(&owner, "webhookEndpointUpdate", update, selection).await;
    let (code, path, _) = stale.user_error("webhookEndpointUpdate");
    assert_eq!((code.as_str(), path.as_str()), ("CONFLICT", "expectedVersion"));
    let gone = json!({ "webhookEndpointId": made["id"] });
    done(&owner, "webhookEndpointDelete", gone.clone(), "webhookEndpoint { id }").await;
    assert_eq!(
        ask(&owner, "webhookEndpointEnable", gone, "webhookEndpoint { id }").await.code(),
        "NOT_FOUND"
    );
    let kept = column(&app, "SELECT sealed_secret FROM webhook_endpoints").await;
    assert_eq!(kept, [None], "a deleted endpoint has no secret");
}
