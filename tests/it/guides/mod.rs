//! The README and the guides, tried as they are written: every GraphQL operation and every call of curl on the pages is
//! run, with the ids that the pages leave open filled in, and what the pages say of the answers is asserted.

mod members;
mod notifications;
mod page;
mod rehearsal;
mod settings;
mod usage;

use std::time::Duration;

use serde_json::{Value, json};

use crate::mutations::subscription_change::seat_plan;
use crate::support::{Client, TestApp, TestOptions, eventually, text};
use page::Page;

/// Sends an operation of a page, and gives the answer of its only field when nothing needed mending.
async fn run(client: &Client, query: &str, field: &str) -> Value {
    let payload = ask(client, query, field).await;
    assert!(payload["userErrors"].as_array().is_none_or(Vec::is_empty), "{query}\n{payload:#}");
    payload
}

async fn ask(client: &Client, query: &str, field: &str) -> Value {
    client.send(query, json!({})).await.data()[field].clone()
}

/// Sends what a page sends to the sandbox's own routes.
async fn play(app: &TestApp, (path, body): (String, Value)) {
    let url = format!("{}{path}", app.sandbox.base_url());
    let answer = reqwest::Client::new().post(url).json(&body).send().await.expect("the sandbox answers");
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
}

/// The payment intent that a client secret begins with.
fn intent_of(client_secret: &Value) -> String {
    text(client_secret).split("_secret_").next().expect("an id").to_owned()
}

#[tokio::test]
async fn the_readmes_first_steps() {
    let page = Page::read("README.md");
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let plan = app.paid_plan("pro", 2900, 14).await;

    let created = run(&owner, &page.graphql("organizationCreate", &[]), "organizationCreate").await;
    let organization = text(&created["organization"]["id"]);
    let here = ("org_…", organization.as_str());
    let attached = run(&owner, &page.graphql("paymentMethodAttach", &[here]), "paymentMethodAttach").await;
    assert_eq!(attached["paymentMethod"]["card"]["last4"], "4242");
    let plans = ask(&owner, &page.graphql("plans", &[]), "plans").await;
    assert!(
        plans.as_array().is_some_and(|plans| plans.iter().any(|listed| listed["id"] == plan)),
        "{plans:#}"
    );
    let query = page.graphql("subscriptionCreate", &[here, ("plan_…", &plan)]);
    let subscribed = run(&owner, &query, "subscriptionCreate").await;
    assert_eq!(subscribed["subscription"]["status"], "ACTIVE");
    assert_eq!(subscribed["operation"]["state"], "CONFIRMED");
    app.settled().await;
    let shown = ask(&owner, &page.graphql("organization", &[here]), "organization").await;
    assert_eq!(shown["invoices"]["nodes"][0]["status"], "PAID");
    assert_eq!(shown["invoices"]["nodes"][0]["payments"][0]["status"], "SUCCEEDED");
    assert_ne!(shown["auditLogs"]["nodes"], json!([]));

    // An operation is followed over server-sent events.
    let operation = text(&subscribed["operation"]["id"]);
    let (path, body) = page.curl("subscription { billingOperation", &[("op_…", &operation)]);
    let answer = reqwest::Client::new()
        .post(format!("http://{}{path}", app.address))
        .header("accept", "text/event-stream")
        .bearer_auth(owner.token.as_deref().expect("a token"))
        .json(&body)
        .send()
        .await
        .expect("the gateway answers");
    let stream = tokio::time::timeout(Duration::from_secs(10), answer.text()).await.expect("it ends");
    assert!(stream.expect("text").contains(r#"{"billingOperation":{"state":"CONFIRMED"}}"#));

    // The first query, and its answer from the demo: see `rehearsal`.
    page.curl("{ organizations { nodes", &[]);
    page.assert_tried();
}

#[tokio::test]
async fn errors_and_retries() {
    let page = Page::read("docs/guides/errors-and-retries.md");
    let options = TestOptions { stripe_attempts: 3, deliver_webhooks: false, ..TestOptions::default() };
    let app = TestApp::start_with(options).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;

    play(&app, page.curl("/_sandbox/faults", &[])).await;
    let charge = page.graphql("paymentIntentCreate", &[("org_…", &organization)]);
    let payload = ask(&owner, &charge, "paymentIntentCreate").await;
    assert_eq!(payload["operation"]["state"], "UNKNOWN", "{payload:#}");
    assert_eq!(payload["userErrors"], json!([{ "code": "STRIPE_UNAVAILABLE" }]));
    assert_eq!(app.succeeded_charges(), 1, "it was charged, and nobody knows");

    let operation = text(&payload["operation"]["id"]);
    let query = page.graphql("billingOperation", &[("op_…", &operation)]);
    eventually("the operation to be settled", || async {
        let operation = ask(&owner, &query, "billingOperation").await;
        (operation["state"] == "CONFIRMED").then_some(())
    })
    .await;
    assert_eq!(app.succeeded_charges(), 1);
    page.assert_tried();
}

#[tokio::test]
async fn the_payment_flow() {
    let page = Page::read("docs/guides/payment-flow.md");
    let app = TestApp::start_days_ago(40).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let here = ("org_…", organization.as_str());

    let setup = run(&owner, &page.graphql("paymentMethodSetup", &[here]), "paymentMethodSetup").await;
    assert!(text(&setup["clientSecret"]).starts_with("seti_"));
    let attached = run(&owner, &page.graphql("paymentMethodAttach", &[here]), "paymentMethodAttach").await;
    assert_eq!(attached["paymentMethod"]["isDefault"], true);
    let charge = page.graphql("paymentIntentCreate", &[here]);
    let charged = run(&owner, &charge, "paymentIntentCreate").await;
    assert_eq!(
        (&charged["payment"]["status"], &charged["operation"]["state"]),
        (&json!("SUCCEEDED"), &json!("CONFIRMED"))
    );
    let payment = text(&charged["payment"]["id"]);

    let refund = page.graphql("paymentRefund", &[("pay_…", &payment)]);
    let preview = run(&app.staff(), &refund, "paymentRefund").await;
    assert_eq!(preview["preview"]["refundableAfter"]["amount"], "7.34", "{preview:#}");
    assert_eq!(preview["refund"], Value::Null, "a dry run gives nothing back");

    // Declined: a sentence for the cardholder.
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    let declined = ask(&owner, &charge, "paymentIntentCreate").await;
    assert_eq!(
        (&declined["payment"]["status"], &declined["operation"]["state"]),
        (&json!("FAILED"), &json!("FAILED"))
    );
    assert_eq!(declined["userErrors"][0]["code"], "PAYMENT_DECLINED");

    // 3-D Secure: the cardholder confirms, and the webhook brings the end.
    app.card(&owner, &organization, "pm_card_authenticationRequired").await;
    let asked = ask(&owner, &charge, "paymentIntentCreate").await;
    assert_eq!(
        (&asked["payment"]["status"], &asked["operation"]["state"]),
        (&json!("REQUIRES_ACTION"), &json!("REQUIRES_ACTION"))
    );
    let intent = intent_of(&asked["clientSecret"]);
    play(&app, page.curl("/authenticate", &[("pi_…", &intent)])).await;
    let payment = asked["payment"]["id"].clone();
    eventually("the confirmed payment", || async {
        let query = "query($id: ID!) { payment(id: $id) { status } }";
        let answer = owner.send(query, json!({ "id": payment })).await;
        (answer.data()["payment"]["status"] == "SUCCEEDED").then_some(())
    })
    .await;

    // A subscription begins with it, and renews with it.
    let plan = app.paid_plan("pro", 2900, 0).await;
    let begun = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(begun["subscription"]["status"], "INCOMPLETE");
    assert_eq!(begun["operation"]["state"], "REQUIRES_ACTION");
    app.authenticate(&intent_of(&begun["clientSecret"])).await;
    app.settled().await;
    app.pass_days(33).await;
    let listed = owner
        .send(
            "query($id: ID!) { organization(id: $id) { subscription { status } } invoices(organizationId: $id) { nodes { id status } } }",
            json!({ "id": organization }),
        )
        .await;
    assert_eq!(listed.data()["organization"]["subscription"]["status"], "PAST_DUE");
    let nodes = listed.data()["invoices"]["nodes"].as_array().expect("invoices").clone();
    let open = nodes.iter().find(|invoice| invoice["status"] == "OPEN").expect("an open invoice");
    let query = page.graphql("invoice", &[("inv_…", &text(&open["id"]))]);
    let invoice = ask(&owner, &query, "invoice").await;
    assert_eq!(invoice["status"], "OPEN");
    assert!(text(&invoice["clientSecret"]).starts_with("pi_"), "{invoice:#}");
    assert!(text(&invoice["hostedUrl"]).starts_with("http"), "{invoice:#}");
    page.assert_tried();
}

#[tokio::test]
async fn plans_and_prices() {
    let page = Page::read("docs/guides/plans-and-prices.md");
    let app = TestApp::start().await;
    let staff = app.staff();
    let created = run(&staff, &page.graphql("planCreate", &[]), "planCreate").await;
    assert_eq!(created["operation"]["state"], "CONFIRMED");
    assert_eq!(created["plan"]["prices"].as_array().map(Vec::len), Some(3));
    let plan = text(&created["plan"]["id"]);
    let update = page.graphql("planUpdate", &[("plan_…", &plan)]);
    let updated = run(&staff, &update, "planUpdate").await;
    assert_eq!(updated["plan"]["price"]["amount"], "59.00");
    // A price at Stripe never changes: there is one more, and the old one is archived.
    let archived = app.sandbox.objects("price").into_iter().filter(|price| price["active"] == false);
    assert_eq!(archived.map(|price| price["unit_amount"].clone()).collect::<Vec<_>>(), [json!(4900)]);
    // The version that was read is no longer the plan's.
    let stale = ask(&staff, &update, "planUpdate").await;
    assert_eq!(stale["userErrors"][0]["code"], "CONFLICT", "{stale:#}");
    page.assert_tried();
}

#[tokio::test]
async fn the_life_of_a_subscription() {
    let page = Page::read("docs/guides/subscription-life.md");
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let here = ("org_…", organization.as_str());
    let plan = seat_plan(&app, "seats", 2900).await;
    app.promotion_code("LAUNCH", 20).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let query = page.graphql("subscriptionCreate", &[here, ("plan_…", &plan)]);
    let begun = run(&owner, &query, "subscriptionCreate").await;
    assert_eq!(begun["subscription"]["status"], "ACTIVE");
    let invoice = &app.sandbox.objects("invoice")[0];
    assert_eq!(invoice["amount_paid"], 3 * 2900 * 80 / 100, "three seats, a fifth off");
    let query = page.graphql("organization", &[here]);
    let access = ask(&owner, &query, "organization").await["accessState"].clone();
    assert_eq!(access["level"], "FULL");
    page.assert_tried();
}

#[tokio::test]
async fn billing_periods_and_proration() {
    let page = Page::read("docs/guides/billing-periods-and-proration.md");
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let small = seat_plan(&app, "small", 1000).await;
    let large = seat_plan(&app, "large", 3000).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let begun = app.subscribe(&owner, &organization, &small).await;
    let subscription = text(&begun["subscription"]["id"]);
    app.settled().await;

    let values = [("sub_…", subscription.as_str()), ("plan_…", large.as_str())];
    let query = page.graphql("subscriptionPreviewChange", &values);
    let preview = run(&owner, &query, "subscriptionPreviewChange").await["preview"].clone();
    assert_eq!(preview["isImmediate"], true);
    assert_eq!(preview["seats"]["after"], "5", "{preview:#}");
    let apply = page.graphql("subscriptionApplyChange", &[("…", &text(&preview["token"]))]);
    let applied = run(&owner, &apply, "subscriptionApplyChange").await;
    assert_eq!(applied["operation"]["state"], "CONFIRMED");
    assert_eq!(applied["subscription"]["plan"]["name"], "large");
    // What was shown is what was charged.
    let due = text(&preview["dueNow"]["amount"]);
    let paid: Vec<i64> =
        app.sandbox.objects("invoice").iter().filter_map(|invoice| invoice["amount_paid"].as_i64()).collect();
    let due_minor: i64 = due.replace('.', "").parse().expect("an amount");
    assert!(paid.contains(&due_minor), "{due} is not among {paid:?}");
    // Applied twice, it answers with the same operation.
    let again = run(&owner, &apply, "subscriptionApplyChange").await;
    assert_eq!(again["operation"]["id"], applied["operation"]["id"]);
    page.assert_tried();
}
