//! D: customers.

use reqwest::Method;
use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use crate::mutations::customer::customer;
use crate::support::{Client, SUBSCRIBE, TestApp, text, webhook};

async fn setup(client: &Client, organization: &str) -> Value {
    let query = "mutation($input: PaymentMethodSetupInput!) { paymentMethodSetup(input: $input) {
        clientSecret userErrors { code message } } }";
    let input = json!({ "input": { "organizationId": organization } });
    client.send(query, input).await.data()["paymentMethodSetup"].clone()
}

async fn subscription(client: &Client, organization: &str) -> Value {
    let query = "query($id: ID!) { organization(id: $id) {
        subscription { status stripeSubscriptionId } paymentMethods { id } currency } }";
    client.send(query, json!({ "id": organization })).await.data()["organization"].clone()
}

#[tokio::test]
async fn case_40_however_many_ask_at_once_there_is_one_customer() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    // They all find no customer: the first answers come late.
    app.sandbox.fault(Fault::new("POST /v1/customers", FaultKind::ActThenDelay { ms: 200 }).times(8));
    let answers = futures::future::join_all((0..8).map(|_| setup(&owner, &organization))).await;
    for answer in answers {
        assert!(answer["clientSecret"].is_string(), "{answer:#}");
    }
    assert_eq!(app.sandbox.objects("customer").len(), 1);
    let made = app.audit_records().await;
    let made = made.iter().filter(|record| record.action == "organization.customer_create").count();
    assert_eq!(made, 1, "it is recorded once");
}

#[tokio::test]
async fn case_41_a_customer_deleted_at_stripe_is_noticed_and_made_anew_only_when_asked() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    let deleted = app.stripe_customer(&organization).await;
    app.at_stripe(Method::DELETE, &format!("customers/{deleted}"), &[]).await;
    app.settled().await;
    let shown = subscription(&owner, &organization).await;
    assert_eq!(shown["subscription"]["status"], "CANCELED", "{shown:#}");
    assert_eq!(shown["paymentMethods"], json!([]), "its payment methods went with it");
    let charges = app.succeeded_charges();
    let refused =
        owner.send(SUBSCRIBE, json!({ "input": { "organizationId": organization, "planId": plan } })).await;
    let (code, _, message) = refused.user_error("subscriptionCreate");
    assert_eq!(code, "CONFLICT");
    assert!(message.contains("customerRecreate"), "{message}");
    let living = || app.sandbox.objects("customer").iter().filter(|it| it["deleted"] != true).count();
    assert_eq!(living(), 0, "none is made by itself");
    let anew = customer(&owner, "customerRecreate", &organization).await;
    assert_eq!(anew["userErrors"], json!([]), "{anew:#}");
    assert_ne!(app.stripe_customer(&organization).await, deleted);
    assert_eq!(living(), 1);
    // The method must be asked for again.
    app.card(&owner, &organization, "pm_card_visa").await;
    let again = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(again["subscription"]["status"], "ACTIVE", "{again:#}");
    assert_eq!(app.succeeded_charges(), charges + 1);
    app.settled().await;
    // What Stripe still says of the old customer neither fails nor takes anything away.
    let shown = subscription(&owner, &organization).await;
    assert_eq!(shown["subscription"]["status"], "ACTIVE", "{shown:#}");
    assert_eq!(shown["paymentMethods"].as_array().map(Vec::len), Some(1));
}

/// Events come in any order: what was said of a customer before it was deleted gives nothing back to it.
#[tokio::test]
async fn case_41_what_was_said_before_a_customer_was_deleted_gives_nothing_back() {
    let app = super::quiet().await;
    let of = super::subscribed(&app).await;
    let before = super::object(&app, "customer", &of.customer);
    let method = app.sandbox.objects("payment_method")[0].clone();
    app.at_stripe(Method::DELETE, &format!("customers/{}", of.customer), &[]).await;
    webhook::apply(&app, &webhook::event("evt_deleted", "customer.deleted", 5, &before)).await;
    // Stripe's clock is ahead of ours, so these look newer than what we saw.
    for (id, event_type, object) in
        [("evt_customer", "customer.updated", &before), ("evt_method", "payment_method.updated", &method)]
    {
        webhook::apply(&app, &webhook::event(id, event_type, 10, object)).await;
        let shown = super::shown(&of, "paymentMethods { id } subscription { status }").await;
        assert_eq!(shown["paymentMethods"], json!([]), "{event_type}: {shown:#}");
        assert_eq!(shown["subscription"]["status"], "CANCELED", "{event_type}: {shown:#}");
    }
}

#[tokio::test]
async fn case_42_another_currency_than_the_customers_is_refused_early() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    assert_eq!(subscription(&owner, &organization).await["currency"], "USD");
    owner
        .send(
            "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) { userErrors { code } } }",
            json!({ "input": { "subscriptionId": current(&owner, &organization).await, "when": "NOW" } }),
        )
        .await;
    app.settled().await;
    let euros = app
        .staff()
        .send(
            "mutation($input: PlanCreateInput!) { planCreate(input: $input) { plan { id } userErrors { message } } }",
            json!({ "input": { "name": "Euro", "slug": "euro", "prices": [
                { "unitAmount": { "minorUnits": "2900", "currency": "EUR" }, "billingInterval": "MONTH" }] } }),
        )
        .await;
    let plan = text(&euros.data()["planCreate"]["plan"]["id"]);
    let requests = app.sandbox.requests().len();
    let refused = owner
        .send(
            SUBSCRIBE,
            json!({ "input": { "organizationId": organization, "planId": plan, "currency": "EUR" } }),
        )
        .await;
    let (code, path, message) = refused.user_error("subscriptionCreate");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "currency"), "{message}");
    assert!(message.contains("USD"), "{message}");
    assert_eq!(app.sandbox.requests().len(), requests, "Stripe was not asked");
}

#[tokio::test]
async fn case_42_a_charge_in_another_currency_than_the_customers_is_refused_early() {
    let app = TestApp::start().await;
    let (owner, organization) = app.subscriber().await;
    let query = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
        payment { status } operation { state } userErrors { code message path } } }";
    let charge = |currency: &str| {
        json!({ "input": { "organizationId": organization, "confirm": true,
            "amount": { "minorUnits": "1500", "currency": currency } } })
    };
    let requests = app.sandbox.requests().len();
    let refused = owner.send(query, charge("EUR")).await;
    let (code, path, message) = refused.user_error("paymentIntentCreate");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "amount.currency"), "{message}");
    assert!(message.contains("USD"), "{message}");
    assert_eq!(app.sandbox.requests().len(), requests, "Stripe was not asked");
    let paid = owner.send(query, charge("USD")).await;
    assert_eq!(paid.data()["paymentIntentCreate"]["payment"]["status"], "SUCCEEDED", "{:#}", paid.body);
    // Nothing is fixed yet for somebody new.
    let fresh = app.organization(&owner, "fresh").await;
    app.card(&owner, &fresh, "pm_card_visa").await;
    let mut input = charge("EUR");
    input["input"]["organizationId"] = fresh.into();
    let paid = owner.send(query, input).await;
    assert_eq!(paid.data()["paymentIntentCreate"]["payment"]["status"], "SUCCEEDED", "{:#}", paid.body);
}

/// Somebody began something in euros in Stripe's dashboard, and nobody here has heard of it.
#[tokio::test]
async fn case_42_a_currency_that_stripe_alone_knows_is_named() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let customer = app.stripe_customer(&organization).await;
    let form = [("customer", &customer[..]), ("amount", "900"), ("currency", "eur")];
    let item = app.at_stripe(Method::POST, "invoiceitems", &form).await;
    let page = "https://app.example.com/billing";
    let checkout = "mutation($input: CheckoutSessionCreateInput!) { checkoutSessionCreate(input: $input) {
        operation { state } userErrors { code message path } } }";
    let subscribes = json!({ "organizationId": organization, "planId": plan });
    let opens =
        json!({ "organizationId": organization, "planId": plan, "successUrl": page, "cancelUrl": page });
    for (mutation, query, input) in
        [("subscriptionCreate", SUBSCRIBE, &subscribes), ("checkoutSessionCreate", checkout, &opens)]
    {
        let refused = owner.send(query, json!({ "input": input })).await;
        let (code, path, message) = refused.user_error(mutation);
        assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "currency"), "{message}");
        assert!(message.contains("eur"), "{message}");
        assert_eq!(refused.data()[mutation]["operation"]["state"], "FAILED");
    }
    assert!(app.sandbox.objects("subscription").is_empty());
    app.at_stripe(Method::DELETE, &format!("invoiceitems/{}", text(&item["id"])), &[]).await;
    let begun = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(begun["subscription"]["status"], "ACTIVE", "nothing is in its way: {begun:#}");
}

async fn current(client: &Client, organization: &str) -> String {
    let query = "query($id: ID!) { organization(id: $id) { subscription { id } } }";
    text(
        &client.send(query, json!({ "id": organization })).await.data()["organization"]["subscription"]["id"],
    )
}

#[tokio::test]
async fn case_43_a_second_live_subscription_is_flagged_and_canceled_and_takes_no_place() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let first = app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    let price = app.sandbox.objects("price")[0]["id"].clone();
    let customer = app.stripe_customer(&organization).await;
    // Another tab, or somebody at Stripe: past the gateway, a second later.
    let second = app
        .at_stripe(
            Method::POST,
            "subscriptions",
            &[("customer", &customer[..]), ("items[0][price]", price.as_str().expect("an id"))],
        )
        .await;
    app.settled().await;
    let query = "query($id: ID!) { organization(id: $id) { subscription { stripeSubscriptionId status } }
        subscriptions(organizationId: $id) { nodes { stripeSubscriptionId status cancellationReason } } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    let kept = &first["subscription"]["stripeSubscriptionId"];
    assert_eq!(
        shown.data()["organization"]["subscription"],
        json!({ "stripeSubscriptionId": kept, "status": "ACTIVE" })
    );
    let nodes = shown.data()["subscriptions"]["nodes"].as_array().expect("subscriptions").clone();
    let flagged = nodes.iter().find(|node| node["stripeSubscriptionId"] == second["id"]).expect("the second");
    assert_eq!(flagged["status"], "CANCELED", "{:#}", shown.body);
    assert!(text(&flagged["cancellationReason"]).contains("canceled by policy"), "{flagged:#}");
    // What was paid for it goes back, by an operation, on record.
    let states = app.operation_states(&organization, "subscription.cancel_duplicate").await;
    assert_eq!(states, ["CONFIRMED"]);
    let query = "query($id: ID!) { refunds(organizationId: $id) { nodes { status amount { minorUnits } reason requestedBy { id } } }
        payments(organizationId: $id) { nodes { status amountRefunded { minorUnits } } } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(
        shown.data()["refunds"]["nodes"],
        json!([{ "status": "SUCCEEDED", "amount": { "minorUnits": "2900" }, "reason": "duplicate", "requestedBy": null }])
    );
    let payments = shown.data()["payments"]["nodes"].as_array().expect("payments");
    let refunded =
        |minor: &str| payments.iter().filter(|it| it["amountRefunded"]["minorUnits"] == minor).count();
    assert_eq!((refunded("2900"), refunded("0")), (1, 1), "{payments:#?}");
    let records = app.audit_records().await;
    let recorded = records.iter().filter(|record| record.action == "subscription.cancel_duplicate");
    assert_eq!(recorded.count(), 1);
    let at_stripe = app.sandbox.objects("subscription");
    let live = at_stripe.iter().filter(|it| it["status"] == "active").count();
    assert_eq!(live, 1, "{at_stripe:#?}");
}
