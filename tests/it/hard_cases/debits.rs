//! Debits of bank accounts, which the bank decides about days after Stripe took them.

use serde_json::{Value, json};
use stripe_sandbox::AfterRetries;

use super::object;
use crate::dunning::look;
use crate::support::{Answer, Client, TestApp, text};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// How long the bank takes in the sandbox.
const BANK: i64 = 4 * DAY;

const PAY: &str = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) {
    invoice { id status } operation { state } userErrors { code message path } } }";
const CREATE: &str = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
    payment { id status } userErrors { code message path } } }";
const CONFIRM: &str = "mutation($input: PaymentIntentConfirmInput!) { paymentIntentConfirm(input: $input) {
    payment { id status amountReceived { minorUnits } } operation { state } userErrors { code message path } } }";
const CANCEL: &str = "mutation($input: PaymentIntentCancelInput!) { paymentIntentCancel(input: $input) {
    payment { id status } userErrors { code message path } } }";

/// Lets Stripe's time go on to a moment, and what that brings arrive.
async fn pass_until(app: &TestApp, moment: i64) {
    app.settled().await;
    app.sandbox.set_now(moment);
    app.settled().await;
}

/// The payments as the table has them, newest first.
async fn payments(client: &Client, organization: &str) -> Vec<Value> {
    let query = "query($id: ID!) { payments(organizationId: $id) { nodes {
        id status amountReceived { minorUnits } failure { code } attempts { status } } } }";
    let answer = client.send(query, json!({ "id": organization })).await;
    answer.data()["payments"]["nodes"].as_array().expect("payments").clone()
}

/// How many charges Stripe has in a state.
fn charges(app: &TestApp, status: &str) -> usize {
    app.sandbox.objects("charge").iter().filter(|charge| charge["status"] == status).count()
}

/// A second mutation of what the bank has is refused somehow, and asks the bank for nothing more.
fn assert_refused(answer: &Answer, mutation: &str) {
    let refused =
        answer.body["data"][mutation]["userErrors"].as_array().is_some_and(|errors| !errors.is_empty());
    assert!(refused || answer.body["errors"].is_array(), "{mutation}: {:#}", answer.body);
}

#[tokio::test]
async fn case_65_a_renewal_by_debit_keeps_access_until_the_bank_says_no() {
    let app = TestApp::start_days_ago_with(60, AfterRetries::PastDue).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let made = app.subscribe(&owner, &organization, &plan).await;
    let subscription = text(&made["subscription"]["stripeSubscriptionId"]);
    app.card(&owner, &organization, "pm_usBankAccount_insufficientFunds").await;
    let at_stripe = object(&app, "subscription", &subscription);
    let renewal = at_stripe["items"]["data"][0]["current_period_end"].as_i64().expect("a period");
    let charged = renewal + HOUR;

    // The renewal is with the bank: nothing is paid, and nothing is due either.
    pass_until(&app, charged + DAY).await;
    let invoice_of = |shown: &Value, status: &str| -> String {
        let all = shown["invoices"]["nodes"].as_array().expect("invoices").clone();
        text(&all.into_iter().find(|it| it["status"] == status).expect("such an invoice")["id"])
    };
    let waiting = look(&owner, &organization).await;
    assert_eq!(waiting["subscription"]["status"], "ACTIVE", "{waiting:#}");
    assert_eq!(waiting["accessState"]["level"], "FULL", "{waiting:#}");
    assert_eq!(
        waiting["accessState"]["nextAction"], "NONE",
        "to pay again would be to pay twice: {waiting:#}"
    );
    let invoice = invoice_of(&waiting, "OPEN");
    let payment = &payments(&owner, &organization).await[0];
    assert_eq!(
        (&payment["status"], &payment["amountReceived"]["minorUnits"], &payment["failure"]),
        (&json!("PENDING"), &json!("0"), &json!(null)),
        "{payment:#}"
    );
    // Paying it once more takes nothing more, by whatever means.
    let count = app.sandbox.objects("charge").len();
    let again = owner.send(PAY, json!({ "input": { "invoiceId": invoice } })).await;
    assert_refused(&again, "invoicePay");
    assert_eq!(app.sandbox.objects("charge").len(), count);

    // Days later the bank says no: the debt is shown, and access goes as the policy has it.
    pass_until(&app, charged + BANK).await;
    let late = look(&owner, &organization).await;
    assert_eq!(late["subscription"]["status"], "PAST_DUE", "{late:#}");
    assert_eq!(
        (&late["accessState"]["reason"], &late["accessState"]["nextAction"]),
        (&json!("PAYMENT_DUE"), &json!("PAY_INVOICE")),
        "{late:#}"
    );
    let payment = &payments(&owner, &organization).await[0];
    assert_eq!(
        (&payment["status"], &payment["failure"]["code"], &payment["amountReceived"]["minorUnits"]),
        (&json!("FAILED"), &json!("insufficient_funds"), &json!("0"))
    );

    // Another account pays it through `invoicePay`. Until its bank answers, it is neither paid nor charged again.
    app.card(&owner, &organization, "pm_usBankAccount_success").await;
    let paying = owner.send(PAY, json!({ "input": { "invoiceId": invoice } })).await;
    let payload = &paying.data()["invoicePay"];
    assert_eq!((&payload["userErrors"], &payload["invoice"]["status"]), (&json!([]), &json!("OPEN")));
    app.settled().await;
    let between = look(&owner, &organization).await;
    assert_eq!(
        between["subscription"]["status"], "PAST_DUE",
        "asking the bank recovers nothing: {between:#}"
    );
    let payment = &payments(&owner, &organization).await[0];
    assert_eq!(
        (&payment["status"], &payment["amountReceived"]["minorUnits"]),
        (&json!("PENDING"), &json!("0")),
        "{payment:#}"
    );
    assert_refused(&owner.send(PAY, json!({ "input": { "invoiceId": invoice } })).await, "invoicePay");
    assert_eq!((charges(&app, "pending"), charges(&app, "failed"), charges(&app, "succeeded")), (1, 1, 1));
    pass_until(&app, app.sandbox.now() + BANK).await;
    let back = look(&owner, &organization).await;
    assert_eq!(back["subscription"]["status"], "ACTIVE", "{back:#}");
    assert_eq!(back["accessState"]["level"], "FULL");
    let payment = &payments(&owner, &organization).await[0];
    assert_eq!(
        (&payment["status"], &payment["amountReceived"]["minorUnits"]),
        (&json!("SUCCEEDED"), &json!("2900"))
    );
    assert_eq!((charges(&app, "pending"), charges(&app, "failed"), charges(&app, "succeeded")), (0, 1, 2));
}

#[tokio::test]
async fn case_65_a_debit_that_was_confirmed_is_neither_confirmed_again_nor_canceled() {
    let app = TestApp::start_days_ago(20).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let account = app.card(&owner, &organization, "pm_usBankAccount_success").await;
    let input = json!({ "organizationId": organization, "confirm": false,
                        "amount": { "minorUnits": "4900", "currency": "USD" } });
    let created = owner.send(CREATE, json!({ "input": input })).await;
    let payment = text(&created.data()["paymentIntentCreate"]["payment"]["id"]);
    let confirm = json!({ "input": { "paymentId": payment, "paymentMethodId": account } });
    let confirmed = owner.send(CONFIRM, confirm.clone()).await;
    let payload = &confirmed.data()["paymentIntentConfirm"];
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    assert_eq!(
        (&payload["payment"]["status"], &payload["payment"]["amountReceived"]["minorUnits"]),
        (&json!("PENDING"), &json!("0"))
    );
    // Neither is wrong input: they lost to the bank.
    let again = owner.send(CONFIRM, confirm).await;
    let (code, _, message) = again.user_error("paymentIntentConfirm");
    assert_eq!(code, "CONFLICT", "{message}");
    let cancel = json!({ "input": { "paymentId": payment } });
    let canceled = owner.send(CANCEL, cancel).await;
    let (code, _, message) = canceled.user_error("paymentIntentCancel");
    assert_eq!(code, "CONFLICT", "{message}");
    assert!(message.contains("processing"), "the state that it lost to: {message}");
    assert_eq!((charges(&app, "pending"), charges(&app, "succeeded")), (1, 0));
    assert_eq!(payments(&owner, &organization).await[0]["status"], "PENDING");
    let now = app.sandbox.now();
    pass_until(&app, now + BANK).await;
    let paid = &payments(&owner, &organization).await[0];
    assert_eq!(
        (&paid["status"], &paid["amountReceived"]["minorUnits"]),
        (&json!("SUCCEEDED"), &json!("4900"))
    );
    assert_eq!((charges(&app, "pending"), charges(&app, "succeeded")), (0, 1));
}

const CHANGE: &str = "mutation($input: SubscriptionChangeInput!) { subscriptionChange(input: $input) {
    subscription { id } operation { id state } userErrors { code message path } } }";

/// Subscribed to Pro by card, and changed to Enterprise by a debit: the organization, the operation, and how it came out.
async fn changed_by_debit(account: &str) -> (String, Value) {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let pro = app.paid_plan("pro", 2900, 0).await;
    let enterprise = app.paid_plan("enterprise", 9900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let made = app.subscribe(&owner, &organization, &pro).await;
    app.card(&owner, &organization, account).await;
    app.settled().await;
    let input = json!({ "subscriptionId": made["subscription"]["id"], "planId": enterprise });
    let changed = owner.send(CHANGE, json!({ "input": input })).await;
    let payload = &changed.data()["subscriptionChange"];
    let operation = &payload["operation"];
    assert!(
        matches!(operation["state"].as_str(), Some("PENDING" | "REQUIRES_ACTION")),
        "the bank has not decided: {payload:#}"
    );
    let plan = "query($id: ID!) { organization(id: $id) { subscription { status plan { slug } } } }";
    let before = owner.send(plan, json!({ "id": organization })).await;
    assert_eq!(before.data()["organization"]["subscription"]["plan"]["slug"], "pro");
    // A second change meanwhile would be a second bill.
    let again = owner.send(CHANGE, json!({ "input": input })).await;
    assert_refused(&again, "subscriptionChange");

    pass_until(&app, app.sandbox.now() + BANK).await;
    let follow = "query($id: ID!) { billingOperation(id: $id) { state } }";
    let came = owner.send(follow, json!({ "id": operation["id"] })).await;
    let after = owner.send(plan, json!({ "id": organization })).await;
    (text(&came.data()["billingOperation"]["state"]), after.data()["organization"]["subscription"].clone())
}

#[tokio::test]
async fn case_65_a_change_paid_by_debit_is_made_when_the_bank_has_paid() {
    let (state, subscription) = changed_by_debit("pm_usBankAccount_success").await;
    assert_eq!((state.as_str(), &subscription["plan"]["slug"]), ("CONFIRMED", &json!("enterprise")));
    assert_eq!(subscription["status"], "ACTIVE");
}

#[tokio::test]
async fn case_65_a_change_by_a_debit_that_bounces_leaves_the_old_plan() {
    let (state, subscription) = changed_by_debit("pm_usBankAccount_insufficientFunds").await;
    assert_eq!((state.as_str(), &subscription["plan"]["slug"]), ("FAILED", &json!("pro")));
    assert_eq!(subscription["status"], "ACTIVE");
}
