//! Sending, voiding, giving up and crediting invoices.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, text};

const PARTS: &str = "operation { state } userErrors { code message path }";

async fn act(client: &Client, mutation: &str, input: Value) -> Value {
    let mut letters = mutation.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let query = format!(
        "mutation($input: {capital}Input!) {{ {mutation}(input: $input) {{
           invoice {{ status collectionMethod dueDate amountRemaining {{ minorUnits }} }} {PARTS} }} }}"
    );
    client.send(&query, json!({ "input": input })).await.data()[mutation].clone()
}

async fn credit(client: &Client, input: Value) -> Value {
    let query = format!(
        "mutation($input: CreditNoteCreateInput!) {{ creditNoteCreate(input: $input) {{
           creditNote {{ number status amount {{ minorUnits }} reason memo
             prePaymentAmount {{ minorUnits }} postPaymentAmount {{ minorUnits }}
             invoice {{ amountRemaining {{ minorUnits }} }} }} {PARTS} }} }}"
    );
    client.send(&query, json!({ "input": input })).await.data()["creditNoteCreate"].clone()
}

/// An invoice without a subscription, made at Stripe and collected by invoice. Its global id.
pub async fn sent_invoice(app: &TestApp, owner: &Client, organization: &str, minor: &str) -> String {
    let customer = app.stripe_customer(organization).await;
    let form = [("customer", &customer[..]), ("collection_method", "send_invoice"), ("days_until_due", "30")];
    let made = app.at_stripe(Method::POST, "invoices", &form).await;
    let id = text(&made["id"]);
    let item = [
        ("customer", &customer[..]),
        ("invoice", &id),
        ("amount", minor),
        ("currency", "usd"),
        ("description", "Onboarding workshop"),
    ];
    app.at_stripe(Method::POST, "invoiceitems", &item).await;
    app.settled().await;
    let listed = owner
        .send(
            "query($id: ID!) { invoices(organizationId: $id) { nodes { id stripeInvoiceId } } }",
            json!({ "id": organization }),
        )
        .await;
    let nodes = listed.data()["invoices"]["nodes"].as_array().expect("invoices").clone();
    let found = nodes.iter().find(|node| node["stripeInvoiceId"] == id.as_str());
    text(&found.unwrap_or_else(|| panic!("{id} is not among {nodes:#?}"))["id"])
}

#[tokio::test]
async fn an_invoice_is_sent_with_its_terms_and_then_voided() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let invoice = sent_invoice(&app, &owner, &organization, "25000").await;
    let sent = act(&owner, "invoiceSend", json!({ "invoiceId": invoice })).await;
    assert_eq!(sent["userErrors"], json!([]), "{sent:#}");
    assert_eq!(sent["invoice"]["status"], "OPEN");
    assert_eq!(sent["invoice"]["collectionMethod"], "SEND_INVOICE");
    assert!(sent["invoice"]["dueDate"].is_string(), "{sent:#}");
    let refused = owner
        .send(
            "mutation($input: InvoiceVoidInput!) { invoiceVoid(input: $input) { userErrors { code } } }",
            json!({ "input": { "invoiceId": invoice } }),
        )
        .await;
    assert_eq!(refused.code(), "FORBIDDEN", "a customer does not withdraw what they owe");
    let voided = act(&app.staff(), "invoiceVoid", json!({ "invoiceId": invoice })).await;
    assert_eq!(voided["invoice"]["status"], "VOID", "{voided:#}");
    let again = act(&app.staff(), "invoiceVoid", json!({ "invoiceId": invoice })).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT");
    let late = act(&owner, "invoiceSend", json!({ "invoiceId": invoice })).await;
    assert_eq!(late["userErrors"][0]["code"], "CONFLICT");
}

#[tokio::test]
async fn an_invoice_that_was_given_up_can_still_be_paid() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let open = app.open_invoice(&owner).await;
    let automatic = act(&owner, "invoiceSend", json!({ "invoiceId": open.invoice })).await;
    assert_eq!(automatic["userErrors"][0]["code"], "CONFLICT", "{automatic:#}");
    let given_up = act(&app.staff(), "invoiceMarkUncollectible", json!({ "invoiceId": open.invoice })).await;
    assert_eq!(given_up["invoice"]["status"], "UNCOLLECTIBLE", "{given_up:#}");
    let paid = owner
        .send(
            "mutation($input: InvoicePayInput!) { invoicePay(input: $input) { invoice { status } userErrors { message } } }",
            json!({ "input": { "invoiceId": open.invoice } }),
        )
        .await;
    assert_eq!(paid.data()["invoicePay"]["invoice"]["status"], "PAID", "{:#}", paid.body);
}

#[tokio::test]
async fn a_credit_note_makes_less_to_pay_and_never_more_than_there_is() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let invoice = sent_invoice(&app, &owner, &organization, "25000").await;
    act(&owner, "invoiceSend", json!({ "invoiceId": invoice })).await;
    let usd = |minor: &str| json!({ "minorUnits": minor, "currency": "USD" });
    let staff = app.staff();
    let credited = credit(
        &staff,
        json!({ "invoiceId": invoice, "amount": usd("4000"), "reason": "ORDER_CHANGE", "memo": "One seat less" }),
    )
    .await;
    assert_eq!(credited["userErrors"], json!([]), "{credited:#}");
    assert_eq!(credited["creditNote"]["amount"]["minorUnits"], "4000");
    assert_eq!(credited["creditNote"]["prePaymentAmount"]["minorUnits"], "4000");
    assert_eq!(credited["creditNote"]["reason"], "order_change");
    assert_eq!(credited["creditNote"]["invoice"]["amountRemaining"]["minorUnits"], "21000");
    let too_much = credit(&staff, json!({ "invoiceId": invoice, "amount": usd("21001") })).await;
    assert_eq!(too_much["userErrors"][0]["path"], json!(["amount"]), "{too_much:#}");
    let foreign =
        credit(&staff, json!({ "invoiceId": invoice, "amount": { "minorUnits": "1", "currency": "EUR" } }))
            .await;
    assert_eq!(foreign["userErrors"][0]["path"], json!(["amount", "currency"]));
    app.settled().await;
    let read = owner
        .send(
            "query($id: ID!) { invoice(id: $id) { creditNotes { amount { minorUnits } status } } }",
            json!({ "id": invoice }),
        )
        .await;
    assert_eq!(
        read.data()["invoice"]["creditNotes"],
        json!([{ "amount": { "minorUnits": "4000" }, "status": "ISSUED" }])
    );
}

#[tokio::test]
async fn the_secret_of_an_invoice_is_for_those_who_may_pay() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let open = app.open_invoice(&owner).await;
    let query = "query($id: ID!) { invoice(id: $id) { status clientSecret } }";
    let mine = owner.send(query, json!({ "id": open.invoice })).await;
    assert!(mine.data()["invoice"]["clientSecret"].is_string(), "{:#}", mine.body);
    let auditor = app.member_as(&open.organization, "ada", tollgate::domain::membership::Role::Auditor).await;
    let theirs = auditor.send(query, json!({ "id": open.invoice })).await;
    assert_eq!(theirs.code(), "FORBIDDEN");
}
