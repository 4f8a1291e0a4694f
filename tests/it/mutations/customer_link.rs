//! A customer that the Stripe account had before Tollgate becomes an organization's, and gets its rows.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate::domain::audit::ActorKind;

use crate::support::{Client, TestApp, TestOptions, text};

const LINK: &str = "mutation($input: CustomerLinkInput!) { customerLink(input: $input) {
    organization { id } userErrors { code path message } } }";

const SHOWN: &str = "query($id: ID!) { organization(id: $id) {
    subscription { status quantity plan { slug } } invoices { nodes { status } } payments { nodes { status } }
    paymentMethods { card { last4 } isDefault } } }";

async fn link(client: &Client, organization: &str, customer: &str) -> Value {
    let input = json!({ "input": { "organizationId": organization, "stripeCustomerId": customer } });
    client.send(LINK, input).await.data()["customerLink"].clone()
}

/// The code and the path of what was refused.
async fn refused(client: &Client, organization: &str, customer: &str) -> (String, String) {
    let payload = link(client, organization, customer).await;
    let error = &payload["userErrors"][0];
    assert!(payload["organization"].is_null() && !error.is_null(), "{payload:#}");
    (text(&error["code"]), text(&error["path"][0]))
}

/// A customer with a card and a subscription, made in the dashboard before anybody heard of Tollgate.
async fn of_before(app: &TestApp, price: &str) -> String {
    let customer = app.at_stripe(Method::POST, "customers", &[("name", "Older than Tollgate")]).await;
    let customer = text(&customer["id"]);
    let attach = [("customer", customer.as_str())];
    let card = app.at_stripe(Method::POST, "payment_methods/pm_card_visa/attach", &attach).await;
    let default = [("invoice_settings[default_payment_method]", card["id"].as_str().expect("an id"))];
    app.at_stripe(Method::POST, &format!("customers/{customer}"), &default).await;
    subscribe(app, &customer, price).await;
    customer
}

async fn subscribe(app: &TestApp, customer: &str, price: &str) {
    let form = [("customer", customer), ("items[0][price]", price), ("items[0][quantity]", "3")];
    app.at_stripe(Method::POST, "subscriptions", &form).await;
}

async fn world() -> (TestApp, Client, String, String) {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.paid_plan("pro", 2_900, 0).await;
    let price = text(&app.sandbox.objects("price")[0]["id"]);
    let customer = of_before(&app, &price).await;
    (app, owner, organization, customer)
}

#[tokio::test]
async fn a_customer_of_before_is_linked_and_compared_in_full() {
    let (app, owner, organization, customer) = world().await;
    let changes = |app: &TestApp| app.sandbox.requests().iter().filter(|it| it.method != "GET").count();
    let before = changes(&app);
    let linked = link(&app.staff(), &organization, &customer).await;
    assert_eq!(linked["userErrors"], json!([]), "{linked:#}");
    assert_eq!(changes(&app), before, "nothing is changed at Stripe");
    let answer = owner.send(SHOWN, json!({ "id": organization })).await;
    let shown = &answer.data()["organization"];
    let subscription = json!({ "status": "ACTIVE", "quantity": "3", "plan": { "slug": "pro" } });
    assert_eq!(shown["subscription"], subscription, "{shown:#}");
    assert_eq!(shown["invoices"]["nodes"], json!([{ "status": "PAID" }]));
    assert_eq!(shown["payments"]["nodes"], json!([{ "status": "SUCCEEDED" }]));
    assert_eq!(shown["paymentMethods"], json!([{ "card": { "last4": "4242" }, "isDefault": true }]));
    let records = app.audit_records().await;
    let linked = records.iter().filter(|record| record.action == "customer.link").count();
    assert_eq!(linked, 1, "a record");
    assert_eq!(app.stripe_customer(&organization).await, customer);
    // What stands on its invoices is left as it is, and listed.
    let drifts = "{ billingDrift(isMended: false) { nodes { resourceType field local stripe cause } } }";
    let answer = app.staff().send(drifts, json!({})).await;
    let expected = json!([{ "resourceType": "customer_details", "field": "name", "local": "The acme company",
        "stripe": "Older than Tollgate", "cause": "NOT_IN_STEP" }]);
    assert_eq!(answer.data()["billingDrift"]["nodes"], expected, "{:#}", answer.body);
    // From here on it is like any other: the next operation makes no second customer.
    app.card(&owner, &organization, "pm_card_mastercard").await;
    assert_eq!(app.sandbox.objects("customer").len(), 1);
}

#[tokio::test]
async fn what_may_not_be_linked_is_refused() {
    let (app, owner, organization, customer) = world().await;
    let staff = app.staff();
    let at = |code: &str, path: &str| (code.to_owned(), path.to_owned());
    let field = "stripeCustomerId";
    assert_eq!(refused(&staff, &organization, "cus_of_nobody").await, at("BAD_USER_INPUT", field));
    assert_eq!(refused(&staff, &organization, "sub_1").await, at("BAD_USER_INPUT", field));

    // Of the other mode, deleted, and another organization's by our notes.
    let made = app.at_stripe(Method::POST, "customers", &[("name", "Live")]).await;
    let mut live = made.clone();
    live["livemode"] = json!(true);
    app.sandbox.import(vec![live]);
    assert_eq!(refused(&staff, &organization, &text(&made["id"])).await, at("CONFLICT", field));
    let gone = text(&app.at_stripe(Method::POST, "customers", &[]).await["id"]);
    app.at_stripe(Method::DELETE, &format!("customers/{gone}"), &[]).await;
    assert_eq!(refused(&staff, &organization, &gone).await, at("CONFLICT", field));
    let other = app.organization(&owner, "bolt").await;
    let id = crate::support::uuid_of(&other).to_string();
    let noted =
        app.at_stripe(Method::POST, "customers", &[("metadata[tollgate_organization_id]", &id)]).await;
    assert_eq!(refused(&staff, &organization, &text(&noted["id"])).await, at("CONFLICT", field));

    // Two subscriptions: one of them would be ended and given back.
    let price = text(&app.sandbox.objects("price")[0]["id"]);
    let twice = of_before(&app, &price).await;
    subscribe(&app, &twice, &price).await;
    assert_eq!(refused(&staff, &organization, &twice).await, at("CONFLICT", field));

    assert_eq!(link(&staff, &organization, &customer).await["userErrors"], json!([]));
    assert_eq!(refused(&staff, &other, &customer).await, at("CONFLICT", field));
    let again = link(&staff, &organization, &customer).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT", "{again:#}");
    let second = of_before(&app, &price).await;
    assert_eq!(refused(&staff, &organization, &second).await, at("CONFLICT", "organizationId"));

    // What nobody took has no rows, and nothing of it was touched.
    let answer = owner.send(SHOWN, json!({ "id": other })).await;
    assert_eq!(answer.data()["organization"]["subscription"], Value::Null, "{:#}", answer.body);
    let live = app.sandbox.objects("subscription").iter().filter(|it| it["status"] == "active").count();
    assert_eq!(live, 4);
    assert!(app.sandbox.objects("refund").is_empty());
}

#[tokio::test]
async fn the_customers_own_people_link_nothing_and_a_repeated_key_is_answered_again() {
    let (app, owner, organization, customer) = world().await;
    let input =
        json!({ "organizationId": organization, "stripeCustomerId": customer, "idempotencyKey": "once" });
    let forbidden = owner.send(LINK, json!({ "input": input })).await;
    assert_eq!(forbidden.code(), "FORBIDDEN");
    for _ in 0..2 {
        let answer = app.staff().send(LINK, json!({ "input": input })).await;
        let payload = &answer.data()["customerLink"];
        assert_eq!(payload["organization"]["id"], organization.as_str(), "{payload:#}");
    }
}

/// Two at once give two organizations one customer, or none of them two.
#[tokio::test]
async fn one_customer_is_linked_once_whoever_asks_at_the_same_time() {
    let (app, owner, organization, customer) = world().await;
    let other = app.organization(&owner, "bolt").await;
    let staff = app.staff();
    let (first, second) =
        tokio::join!(link(&staff, &organization, &customer), link(&staff, &other, &customer));
    let done = [&first, &second].into_iter().filter(|it| it["userErrors"] == json!([])).count();
    assert_eq!(done, 1, "{first:#} {second:#}");
}

#[tokio::test]
async fn the_command_links_by_slug_and_compares() {
    let (app, owner, organization, customer) = world().await;
    let link = format!("acme={customer}");
    let arguments = vec!["reconcile".to_owned(), "--link".to_owned(), link];
    let done = crate::jobs::reconcile::command_of(&app, arguments.clone()).await;
    let (said, why) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(said.contains(&format!("acme has {customer} now.")), "{said}{why}");
    assert!(said.contains("1 organizations"), "{said}");
    let answer = owner.send(SHOWN, json!({ "id": organization })).await;
    assert_eq!(answer.data()["organization"]["subscription"]["status"], "ACTIVE", "{:#}", answer.body);
    let records = app.audit_records().await;
    let record = records.iter().find(|record| record.action == "customer.link").expect("a record");
    assert_eq!(record.actor_kind, ActorKind::System);
    let again = crate::jobs::reconcile::command_of(&app, arguments).await;
    assert!(!again.status.success());
    let why = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(why.contains("has this customer already"), "{why}");
}
