//! Tax, as Stripe computes it: in previews, in the bill to come, and in what is charged then.

use reqwest::Method;
use serde_json::{Value, json};

use crate::mutations::subscription_change::{Subscribed, subscribed};
use crate::support::{TestApp, text};

fn minor(value: &Value) -> i64 {
    text(&value["minorUnits"]).parse().expect("an amount")
}

/// Has Stripe tax what the organization's subscription is billed, as the operator sets it there.
async fn taxed(app: &TestApp, it: &Subscribed, form: &[(&str, &str)]) {
    let subscription = text(&app.sandbox.objects("subscription")[0]["id"]);
    let customer = app.stripe_customer(&it.organization).await;
    app.at_stripe(Method::POST, &format!("customers/{customer}"), &[("address[country]", "DE")]).await;
    app.at_stripe(Method::POST, &format!("subscriptions/{subscription}"), form).await;
    app.settled().await;
}

async fn rate(app: &TestApp, percentage: &str) -> String {
    let form = [("display_name", "VAT"), ("percentage", percentage), ("inclusive", "false")];
    text(&app.at_stripe(Method::POST, "tax_rates", &form).await["id"])
}

#[tokio::test]
async fn a_preview_shows_the_tax_that_is_charged() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let rate = rate(&app, "19").await;
    taxed(&app, &it, &[("default_tax_rates[0]", &rate)]).await;
    let query = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) {
        preview { dueNow { minorUnits } token
          bill { subtotal { minorUnits } tax { minorUnits } total { minorUnits } amountDue { minorUnits } }
          nextBill { subtotal { minorUnits } tax { minorUnits } total { minorUnits } } }
        userErrors { message } } }";
    let input = json!({ "subscriptionId": it.subscription, "planId": it.top });
    let answer = it.owner.send(query, json!({ "input": input })).await;
    let preview = &answer.data()["subscriptionPreviewChange"]["preview"];
    let next = &preview["nextBill"];
    assert_eq!([&next["subtotal"], &next["tax"], &next["total"]].map(minor), [29_700, 5_643, 35_343]);
    let bill = &preview["bill"];
    let (subtotal, tax, total) = (minor(&bill["subtotal"]), minor(&bill["tax"]), minor(&bill["total"]));
    assert!(tax > 0, "{bill:#}");
    assert_eq!(subtotal + tax, total, "{bill:#}");
    // Each line is rounded by itself.
    assert!((tax * 100 - subtotal * 19).abs() <= 100, "{bill:#}");
    assert_eq!(minor(&preview["dueNow"]), total, "due with its tax");

    let apply = "mutation($input: SubscriptionApplyChangeInput!) { subscriptionApplyChange(input: $input) {
        operation { state } userErrors { message } } }";
    let applied = it.owner.send(apply, json!({ "input": { "token": preview["token"] } })).await;
    assert_eq!(
        applied.data()["subscriptionApplyChange"]["operation"]["state"],
        "CONFIRMED",
        "{:#}",
        applied.body
    );
    app.settled().await;
    let invoices = "query($id: ID!) { invoices(organizationId: $id) { nodes {
        billingReason tax { minorUnits } total { minorUnits } amountPaid { minorUnits } } } }";
    let shown = it.owner.send(invoices, json!({ "id": it.organization })).await;
    let nodes = shown.data()["invoices"]["nodes"].as_array().expect("invoices").clone();
    let made = nodes.iter().find(|node| node["billingReason"] == "subscription_update").expect("the bill");
    assert_eq!(
        [&made["tax"], &made["total"], &made["amountPaid"]].map(minor),
        [tax, total, total],
        "{made:#}"
    );
}

#[tokio::test]
async fn the_bill_to_come_shows_the_tax_of_the_renewal() {
    let app = TestApp::start_days_ago(40).await;
    let it = subscribed(&app).await;
    taxed(&app, &it, &[("automatic_tax[enabled]", "true")]).await;
    let query = "query($id: ID!) { upcomingInvoice(organizationId: $id) {
        subtotal { minorUnits } tax { minorUnits } total { minorUnits } amountDue { minorUnits } } }";
    let answer = it.owner.send(query, json!({ "id": it.organization })).await;
    let bill = &answer.data()["upcomingInvoice"];
    // A tenth, wherever the sandbox's own Stripe Tax knows the customer to be.
    assert_eq!(
        [&bill["subtotal"], &bill["tax"], &bill["total"], &bill["amountDue"]].map(minor),
        [8_700, 870, 9_570, 9_570],
        "{bill:#}"
    );
    app.pass_days(32).await;
    let invoices = "query($id: ID!) { invoices(organizationId: $id) { nodes {
        billingReason status tax { minorUnits } total { minorUnits } } } }";
    let shown = it.owner.send(invoices, json!({ "id": it.organization })).await;
    let nodes = shown.data()["invoices"]["nodes"].as_array().expect("invoices").clone();
    let renewal = nodes.iter().find(|node| node["billingReason"] == "subscription_cycle").expect("a renewal");
    assert_eq!([&renewal["tax"], &renewal["total"]].map(minor), [870, 9_570], "{renewal:#}");
    assert_eq!(renewal["status"], "PAID");
}
