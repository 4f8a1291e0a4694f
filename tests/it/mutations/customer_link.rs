//! An organization that was Stripe's customer before it came here.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, text};

const LINK: &str = "mutation($input: CustomerLinkInput!) { customerLink(input: $input) {
    organization { id } userErrors { code message path } } }";

async fn link(client: &Client, organization: &str, customer: &Value) -> crate::support::Answer {
    let input = json!({ "organizationId": organization, "stripeCustomerId": customer });
    client.send(LINK, json!({ "input": input })).await
}

/// A customer who subscribed at Stripe before Tollgate was there.
pub async fn customer_of_before(app: &TestApp) -> Value {
    let customer = text(&app.at_stripe(Method::POST, "customers", &[("name", "Acme")]).await["id"]);
    let form = [("customer", &customer[..])];
    let card = app.at_stripe(Method::POST, "payment_methods/pm_card_visa/attach", &form).await;
    let price = text(&app.sandbox.objects("price")[0]["id"]);
    let form = [
        ("customer", &customer[..]),
        ("items[0][price]", &price),
        ("items[0][quantity]", "4"),
        ("default_payment_method", card["id"].as_str().expect("an id")),
    ];
    let subscription = app.at_stripe(Method::POST, "subscriptions", &form).await;
    assert_eq!(subscription["status"], "active", "{subscription:#}");
    customer.into()
}

async fn billing(client: &Client, organization: &str) -> Value {
    let query =
        "query($id: ID!) { organization(id: $id) { currency subscription { status quantity plan { slug } }
        invoices { nodes { status } } payments { nodes { status } } paymentMethods { card { last4 } } } }";
    client.send(query, json!({ "id": organization })).await.data()["organization"].clone()
}

#[tokio::test]
async fn a_linked_customer_is_taken_over_with_all_that_stripe_has_of_it() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.paid_plan("pro", 2_900, 0).await;
    let customer = customer_of_before(&app).await;
    app.settled().await;
    let staff = app.staff();
    assert_eq!(link(&owner, &organization, &customer).await.code(), "FORBIDDEN");
    let linked = link(&staff, &organization, &customer).await;
    assert_eq!(linked.data()["customerLink"]["userErrors"], json!([]), "{:#}", linked.body);
    assert_eq!(
        billing(&owner, &organization).await,
        json!({ "currency": "USD",
            "subscription": { "status": "ACTIVE", "quantity": "4", "plan": { "slug": "pro" } },
            "invoices": { "nodes": [{ "status": "PAID" }] },
            "payments": { "nodes": [{ "status": "SUCCEEDED" }] },
            "paymentMethods": [{ "card": { "last4": "4242" } }] })
    );
    let records = app.audit_records().await;
    let record = records.iter().find(|record| record.action == "organization.customer_link");
    let kept = serde_json::to_string(&record.expect("a record").new_values).expect("JSON");
    assert!(kept.contains(customer.as_str().expect("an id")), "{kept}");
    // It goes on as if it had begun here: no second customer is made.
    app.card(&owner, &organization, "pm_card_mastercard").await;
    assert_eq!(app.sandbox.objects("customer").len(), 1);
    let again = link(&staff, &organization, &customer).await;
    assert_eq!(again.user_error("customerLink").0, "CONFLICT", "{:#}", again.body);
}

#[tokio::test]
async fn a_customer_that_is_not_the_organizations_is_refused() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let staff = app.staff();
    let (acme, other) = (app.organization(&owner, "acme").await, app.organization(&owner, "other").await);
    app.card(&owner, &other, "pm_card_visa").await;
    app.settled().await;
    let others = app.stripe_customer(&other).await;
    let taken = link(&staff, &acme, &json!(others)).await;
    let (code, path, _) = taken.user_error("customerLink");
    assert_eq!((code.as_str(), path.as_str()), ("CONFLICT", "stripeCustomerId"));
    let gone = app.at_stripe(Method::POST, "customers", &[("name", "Gone")]).await;
    app.at_stripe(Method::DELETE, &format!("customers/{}", text(&gone["id"])), &[]).await;
    let form = [("metadata[tollgate_organization_id]", "0190a3b2-c4d5-7e8f-9a0b-1c2d3e4f5a6b")];
    let noted = app.at_stripe(Method::POST, "customers", &form).await;
    // Of another account or mode, no id at all, deleted, and noted to be somebody else's.
    for wrong in
        [json!("cus_nobody"), json!("sub_1"), json!("cus_../x"), gone["id"].clone(), noted["id"].clone()]
    {
        let refused = link(&staff, &acme, &wrong).await;
        let (code, path, message) = refused.user_error("customerLink");
        assert_eq!(
            (code.as_str(), path.as_str()),
            ("BAD_USER_INPUT", "stripeCustomerId"),
            "{wrong}: {message}"
        );
    }
    let free = app.at_stripe(Method::POST, "customers", &[("name", "Free")]).await;
    let second = link(&staff, &other, &free["id"]).await;
    assert_eq!(second.user_error("customerLink").0, "CONFLICT", "it has one: {:#}", second.body);
}
