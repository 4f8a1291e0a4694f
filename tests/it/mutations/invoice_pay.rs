//! Paying invoices.

use serde_json::{Value, json};

use crate::support::{Client, TestApp};

const PAY: &str = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) {
    invoice { status amountRemaining { minorUnits } attemptCount payments { status failure { declineCode } } subscription { status } }
    clientSecret operation { state } userErrors { code message path } } }";

async fn pay(client: &Client, input: Value) -> Value {
    client.send(PAY, json!({ "input": input })).await.data()["invoicePay"].clone()
}

#[tokio::test]
async fn an_open_invoice_is_paid_with_a_good_card_and_its_subscription_comes_alive() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let open = app.open_invoice(&owner).await;
    let paid = pay(&open.client, json!({ "invoiceId": open.invoice })).await;
    assert_eq!(paid["userErrors"], json!([]), "{paid:#}");
    assert_eq!(paid["invoice"]["status"], "PAID");
    assert_eq!(paid["invoice"]["amountRemaining"]["minorUnits"], "0");
    assert_eq!(paid["invoice"]["subscription"]["status"], "ACTIVE");
    let again = pay(&open.client, json!({ "invoiceId": open.invoice })).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_declined_card_says_so_and_leaves_the_invoice_open() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let open = app.open_invoice(&owner).await;
    let bad = app.card(&open.client, &open.organization, "pm_card_chargeCustomerFail").await;
    let refused = pay(&open.client, json!({ "invoiceId": open.invoice, "paymentMethodId": bad })).await;
    assert_eq!(refused["userErrors"][0]["code"], "PAYMENT_DECLINED", "{refused:#}");
    assert_eq!(refused["operation"]["state"], "FAILED");
    assert_eq!(refused["invoice"]["status"], "OPEN");
    assert_eq!(app.succeeded_charges(), 0);
}

#[tokio::test]
async fn twice_at_once_charges_once() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let open = app.open_invoice(&owner).await;
    let input = json!({ "invoiceId": open.invoice });
    futures::future::join_all((0..6).map(|_| pay(&open.client, input.clone()))).await;
    assert_eq!(app.succeeded_charges(), 1);
}
