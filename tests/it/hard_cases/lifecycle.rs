//! Section E: the life of a subscription.

use serde_json::{Value, json};

use crate::dunning::{debt, look};
use crate::mutations::subscription_change::change;
use crate::support::{Client, TestApp, eventually, text};

/// Says one thing of the platform's policy.
pub async fn set_policy(app: &TestApp, key: &str, value: &str) {
    let mut policy = json!({ "dunning": [{ "afterDays": 0, "reminder": "PAYMENT_FAILED", "access": "FULL" }],
        "unpaid": "NONE", "trialEnded": "LIMITED", "withoutSubscription": "NONE", "disputeOpen": "FULL",
        "disputeLost": "NONE", "quotaExceeded": "LIMITED", "trialEnd": "CANCEL", "openInvoices": "KEEP" });
    policy[key] = json!(value);
    let query = "mutation($input: BillingPolicySetInput!) { billingPolicySet(input: $input) { userErrors { message } } }";
    let answer = app.staff().send(query, json!({ "input": { "policy": policy } })).await;
    assert_eq!(answer.data()["billingPolicySet"]["userErrors"], json!([]), "{:#}", answer.body);
}

async fn pay(client: &Client, invoice: &Value) -> Value {
    let query = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) {
        clientSecret operation { id state } invoice { status } userErrors { code } } }";
    client.send(query, json!({ "input": { "invoiceId": invoice } })).await.data()["invoicePay"].clone()
}

fn open_invoice(shown: &Value) -> Value {
    let nodes = shown["invoices"]["nodes"].as_array().expect("invoices");
    nodes.iter().find(|invoice| invoice["status"] == "OPEN").expect("an open one")["id"].clone()
}

fn intent_of(secret: &Value) -> String {
    text(secret).split("_secret_").next().expect("an id before the secret").to_owned()
}

#[tokio::test]
async fn case_46_an_unpaid_beginning_expires_and_one_starts_anew() {
    let app = TestApp::start_days_ago(3).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    let first = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(first["subscription"]["status"], "INCOMPLETE", "{first:#}");
    app.pass_days(1).await;
    let shown = look(&owner, &organization).await;
    assert_eq!(shown["subscription"]["status"], "INCOMPLETE_EXPIRED", "{shown:#}");
    assert_eq!(shown["accessState"]["reason"], "ENDED");
    let late =
        change(&owner, json!({ "subscriptionId": first["subscription"]["id"], "quantity": "2" })).await;
    assert_eq!(late["userErrors"][0]["code"], "CONFLICT", "final: {late:#}");
    app.card(&owner, &organization, "pm_card_visa").await;
    let second = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(second["subscription"]["status"], "ACTIVE", "{second:#}");
}

#[tokio::test]
async fn case_47_a_cardholder_who_fails_once_may_try_again() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_authenticationRequired").await;
    let first = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(first["operation"]["state"], "REQUIRES_ACTION", "{first:#}");
    app.settled().await;
    let shown = look(&owner, &organization).await;
    assert_eq!(shown["subscription"]["status"], "INCOMPLETE", "it waits: {shown:#}");
    assert_eq!(shown["accessState"]["reason"], "FIRST_PAYMENT_DUE");

    app.card(&owner, &organization, "pm_card_visa").await;
    let paid = pay(&owner, &open_invoice(&shown)).await;
    assert_eq!(paid["operation"]["state"], "CONFIRMED", "{paid:#}");
    let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
    eventually("the first operation to be confirmed with it", || async {
        let answer = owner.send(query, json!({ "id": first["operation"]["id"] })).await;
        (answer.data()["billingOperation"]["state"] == "CONFIRMED").then_some(())
    })
    .await;
    assert_eq!(look(&owner, &organization).await["accessState"]["level"], "FULL");
}

#[tokio::test]
async fn case_48_a_renewal_that_the_bank_asks_about_is_confirmed_on_session() {
    let app = TestApp::start_days_ago(40).await;
    let it = debt(&app).await;
    app.card(&it.owner, &it.organization, "pm_card_authenticationRequired").await;
    app.pass_days(32).await;
    let shown = look(&it.owner, &it.organization).await;
    assert_eq!(shown["subscription"]["status"], "PAST_DUE", "{shown:#}");
    let asked = pay(&it.owner, &open_invoice(&shown)).await;
    assert_eq!(asked["operation"]["state"], "REQUIRES_ACTION", "{asked:#}");
    let waiting = look(&it.owner, &it.organization).await;
    assert_eq!(waiting["accessState"]["nextAction"], "CONFIRM_PAYMENT", "{waiting:#}");
    app.authenticate(&intent_of(&asked["clientSecret"])).await;
    app.settled().await;
    let back = look(&it.owner, &it.organization).await;
    assert_eq!(back["subscription"]["status"], "ACTIVE", "{back:#}");
    assert_eq!(back["accessState"]["level"], "FULL");
    let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
    let answer = it.owner.send(query, json!({ "id": asked["operation"]["id"] })).await;
    assert_eq!(answer.data()["billingOperation"]["state"], "CONFIRMED", "the webhook settled it");
}

#[tokio::test]
async fn case_49_a_trial_without_a_card_ends_as_the_policy_says() {
    for (trial_end, status, reason) in [
        ("CANCEL", "CANCELED", "ENDED"),
        ("PAUSE", "PAUSED", "TRIAL_ENDED"),
        ("INVOICE", "PAST_DUE", "PAYMENT_DUE"),
    ] {
        let app = TestApp::start_days_ago(20).await;
        set_policy(&app, "trialEnd", trial_end).await;
        let owner = app.client("olivia");
        let organization = app.organization(&owner, "acme").await;
        let plan = app.paid_plan("pro", 2_900, 14).await;
        let payload = app.subscribe(&owner, &organization, &plan).await;
        let subscription = payload["subscription"]["id"].clone();
        app.pass_days(15).await;
        let shown = look(&owner, &organization).await;
        assert_eq!(shown["subscription"]["status"], status, "{trial_end}: {shown:#}");
        assert_eq!(shown["accessState"]["reason"], reason, "{trial_end}: {shown:#}");
        if trial_end == "PAUSE" {
            let resume = "mutation($input: SubscriptionResumeInput!) { subscriptionResume(input: $input) {
                subscription { id status } userErrors { code message } } }";
            let input = json!({ "input": { "subscriptionId": subscription } });
            let early = owner.send(resume, input.clone()).await;
            assert_eq!(early.user_error("subscriptionResume").0, "CONFLICT", "nothing to charge");
            app.card(&owner, &organization, "pm_card_visa").await;
            let resumed = owner.send(resume, input).await;
            assert_eq!(
                resumed.data()["subscriptionResume"]["subscription"],
                json!({ "id": subscription, "status": "ACTIVE" }),
                "the same one: {:#}",
                resumed.body
            );
        }
    }
}

#[tokio::test]
async fn case_51_canceling_while_past_due_stops_dunning_and_the_debt_follows_the_policy() {
    for (open_invoices, expected) in [("KEEP", "OPEN"), ("VOID", "VOID")] {
        let app = TestApp::start_days_ago(40).await;
        set_policy(&app, "openInvoices", open_invoices).await;
        let it = debt(&app).await;
        app.pass_days(32).await;
        let shown = look(&it.owner, &it.organization).await;
        let invoice = open_invoice(&shown);
        let cancel = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) {
            subscription { status } userErrors { code message } } }";
        let input = json!({ "subscriptionId": it.subscription, "when": "NOW" });
        let canceled = it.owner.send(cancel, json!({ "input": input })).await;
        assert_eq!(
            canceled.data()["subscriptionCancel"]["subscription"]["status"],
            "CANCELED",
            "{:#}",
            canceled.body
        );
        app.settled().await;
        let after = look(&it.owner, &it.organization).await;
        let nodes = after["invoices"]["nodes"].as_array().expect("invoices");
        let of_debt = nodes.iter().find(|node| node["id"] == invoice).expect("the invoice");
        assert_eq!(of_debt["status"], expected, "{open_invoices}");
        assert_eq!(app.service.remind_debtors().await.expect("a round"), 0, "no reminders any more");
    }
}

#[tokio::test]
async fn case_55_a_new_checkout_while_past_due_is_led_to_paying() {
    let app = TestApp::start_days_ago(40).await;
    let it = debt(&app).await;
    app.pass_days(32).await;
    let again = app.subscribe(&it.owner, &it.organization, &it.plan).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT", "{again:#}");
    let checkout = "mutation($input: CheckoutSessionCreateInput!) { checkoutSessionCreate(input: $input) {
        url userErrors { code } } }";
    let page = "https://app.example.com/billing";
    let input = json!({ "organizationId": it.organization, "planId": it.plan, "quantity": "4",
        "successUrl": page, "cancelUrl": page });
    let refused = it.owner.send(checkout, json!({ "input": input })).await;
    assert_eq!(refused.user_error("checkoutSessionCreate").0, "CONFLICT", "{:#}", refused.body);
    assert!(app.sandbox.objects("checkout.session").is_empty());
    assert_eq!(app.sandbox.objects("subscription").len(), 1);
    assert_eq!(look(&it.owner, &it.organization).await["accessState"]["nextAction"], "PAY_INVOICE");
}
