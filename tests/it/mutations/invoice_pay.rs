//! Paying invoices.

use serde_json::{Value, json};

use crate::support::{Client, OpenInvoice, TestApp, text};

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

/// Does something with the one invoice there is, past the gateway.
async fn at_stripe(app: &TestApp, act: &str) {
    let invoice = text(&app.sandbox.objects("invoice")[0]["id"]);
    app.at_stripe(reqwest::Method::POST, &format!("invoices/{invoice}/{act}"), &[]).await;
}

async fn refused(app: &TestApp, open: &OpenInvoice, word: &str) {
    let payload = pay(&open.client, json!({ "invoiceId": open.invoice })).await;
    let error = &payload["userErrors"][0];
    assert_eq!(error["code"], "CONFLICT", "{word}: {payload:#}");
    assert!(text(&error["message"]).contains(word), "{word}: {payload:#}");
    assert_eq!(payload["clientSecret"], Value::Null);
    assert_eq!(app.open_operations().await, Vec::<String>::new(), "{word}");
}

#[tokio::test]
async fn an_invoice_that_is_over_is_not_paid() {
    for (act, word) in [("void", "void"), ("pay", "paid")] {
        let app = TestApp::start().await;
        let open = app.open_invoice(&app.client("olivia")).await;
        at_stripe(&app, act).await;
        app.settled().await;
        let (charges, asked) = (app.succeeded_charges(), app.sandbox.requests().len());
        refused(&app, &open, word).await;
        assert_eq!(app.sandbox.requests().len(), asked, "{act}: Stripe was asked");
        assert_eq!(app.succeeded_charges(), charges, "{act}");
    }
}

/// It is over at Stripe, and its event is not here yet.
#[tokio::test]
async fn an_invoice_that_is_over_at_stripe_alone_is_not_paid_either() {
    for (act, word) in [("void", "void"), ("pay", "paid")] {
        let app = TestApp::start().await;
        let open = app.open_invoice(&app.client("olivia")).await;
        app.sandbox.deliver_webhooks(false);
        at_stripe(&app, act).await;
        let charges = app.succeeded_charges();
        refused(&app, &open, word).await;
        assert_eq!(app.succeeded_charges(), charges, "{act}");
    }
}

/// Given up is not over: whoever pays late pays.
#[tokio::test]
async fn an_uncollectible_invoice_can_be_paid() {
    let app = TestApp::start().await;
    let open = app.open_invoice(&app.client("olivia")).await;
    at_stripe(&app, "mark_uncollectible").await;
    app.settled().await;
    let query = "query($id: ID!) { invoice(id: $id) { status } }";
    let shown = open.client.send(query, json!({ "id": open.invoice })).await;
    assert_eq!(shown.data()["invoice"]["status"], "UNCOLLECTIBLE");
    let paid = pay(&open.client, json!({ "invoiceId": open.invoice })).await;
    assert_eq!((&paid["userErrors"], &paid["invoice"]["status"]), (&json!([]), &json!("PAID")), "{paid:#}");
    assert_eq!(app.succeeded_charges(), 1);
}
