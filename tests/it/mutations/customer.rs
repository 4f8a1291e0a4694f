//! The Stripe customer: one for each organization, in step with the settings, noticed when it is gone.

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tollgate::domain::audit::{Actor, AuditEntry};
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::setting::SettingSection;

use crate::support::{Client, TestApp, TestOptions, text, uuid_of};

/// Writes billing settings behind the API.
pub async fn billing_settings(app: &TestApp, organization: &str, expected: i64, document: Value) {
    let id = OrganizationId(uuid_of(organization));
    let transaction = app.store().begin().await.expect("a transaction");
    transaction
        .write_setting(id, SettingSection::Billing, expected, document, None)
        .await
        .expect("the version is the expected one");
    let entry = AuditEntry::new(Some(id), "settings.update", "setting", "billing");
    transaction.commit(&Actor::system(), entry).await.expect("a commit");
}

pub async fn customer(client: &Client, mutation: &str, organization: &str) -> Value {
    let mut letters = mutation.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let query = format!(
        "mutation($input: {capital}Input!) {{ {mutation}(input: $input) {{
           organization {{ id }} operation {{ state }} userErrors {{ code message }} }} }}"
    );
    let input = json!({ "input": { "organizationId": organization } });
    client.send(&query, input).await.data()[mutation].clone()
}

#[tokio::test]
async fn the_customer_is_brought_in_step_with_the_billing_settings() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let details = json!({
        "legalName": "Acme Corporation Ltd", "billingEmails": ["ap@acme.example", "cfo@acme.example"],
        "address": { "line1": "1 High Street", "city": "London", "postalCode": "N1 1AA", "country": "GB" },
        "taxIds": [{ "type": "gb_vat", "value": "GB123456789" }],
        "purchaseOrderNumber": "PO-7", "invoiceFooter": "Thank you", "netTerms": 30
    });
    billing_settings(&app, &organization, 0, details).await;
    let synced = customer(&owner, "customerSync", &organization).await;
    assert_eq!(synced["userErrors"], json!([]), "{synced:#}");
    assert_eq!(synced["operation"]["state"], "CONFIRMED");
    let shown = app.sandbox.objects("customer")[0].clone();
    assert_eq!(shown["name"], "Acme Corporation Ltd", "{shown:#}");
    assert_eq!(shown["email"], "ap@acme.example");
    assert_eq!(shown["address"]["city"], "London");
    assert_eq!(
        shown["invoice_settings"]["custom_fields"],
        json!([{ "name": "Purchase order", "value": "PO-7" }])
    );
    assert_eq!(shown["invoice_settings"]["footer"], "Thank you");
    let tax_ids = |app: &TestApp| -> Vec<String> {
        app.sandbox.objects("tax_id").iter().map(|it| text(&it["value"])).collect()
    };
    assert_eq!(tax_ids(&app), ["GB123456789"]);
    let fewer = json!({ "legalName": "Acme plc", "taxIds": [{ "type": "eu_vat", "value": "IE1234567A" }] });
    billing_settings(&app, &organization, 1, fewer).await;
    let again = customer(&owner, "customerSync", &organization).await;
    assert_eq!(again["userErrors"], json!([]), "{again:#}");
    let shown = app.sandbox.objects("customer")[0].clone();
    assert_eq!((&shown["name"], &shown["address"]), (&json!("Acme plc"), &Value::Null), "{shown:#}");
    assert_eq!(shown["invoice_settings"]["custom_fields"], Value::Null);
    assert_eq!(tax_ids(&app), ["IE1234567A"]);
    assert_eq!(app.sandbox.objects("customer").len(), 1);
}

/// The first bill has what was said before it.
#[tokio::test]
async fn a_customer_is_made_with_the_billing_details() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let details = json!({
        "legalName": "Acme Corporation Ltd", "billingEmails": ["ap@acme.example"],
        "address": { "line1": "1 High Street", "city": "London", "country": "GB" },
        "taxIds": [{ "type": "gb_vat", "value": "GB123456789" }], "purchaseOrderNumber": "PO-7"
    });
    billing_settings(&app, &organization, 0, details).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let shown = app.sandbox.objects("customer")[0].clone();
    assert_eq!(
        (&shown["name"], &shown["email"]),
        (&json!("Acme Corporation Ltd"), &json!("ap@acme.example")),
        "{shown:#}"
    );
    assert_eq!((&shown["address"]["city"], &shown["address"]["country"]), (&json!("London"), &json!("GB")));
    assert_eq!(shown["invoice_settings"]["custom_fields"][0]["value"], "PO-7");
    let tax_ids: Vec<String> = app.sandbox.objects("tax_id").iter().map(|it| text(&it["value"])).collect();
    assert_eq!(tax_ids, ["GB123456789"]);
}

#[tokio::test]
async fn details_that_stripe_does_not_take_keep_nobody_from_having_a_customer() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let details = json!({ "legalName": "Acme plc", "taxIds": [{ "type": "gb_vat", "value": "GB12" }] });
    billing_settings(&app, &organization, 0, details).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let customers = app.sandbox.objects("customer");
    assert_eq!((customers.len(), &customers[0]["name"]), (1, &json!("Acme plc")), "{customers:#?}");
    assert!(app.sandbox.objects("tax_id").is_empty());
}

/// The settings are other ones by the time it is asked for again: the key is the organization's, and so is what was made.
#[tokio::test]
async fn a_customer_whose_answer_was_lost_is_taken_over_whatever_the_settings_say_then() {
    let app = TestApp::start_with(TestOptions::patient()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.sandbox.fault(Fault::new("POST /v1/customers$", FaultKind::ActThenDrop));
    let query = "mutation($input: PaymentMethodSetupInput!) { paymentMethodSetup(input: $input) { operation { state } } }";
    let asked = owner.send(query, json!({ "input": { "organizationId": organization } })).await;
    assert_eq!(asked.data()["paymentMethodSetup"]["operation"]["state"], "UNKNOWN", "{:#}", asked.body);
    billing_settings(&app, &organization, 0, json!({ "legalName": "Acme plc" })).await;
    app.let_own_leases_run_out().await;
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(app.operation_states(&organization, "payment_method.setup").await, ["CONFIRMED"]);
    assert_eq!(app.sandbox.objects("customer").len(), 1);
}

#[tokio::test]
async fn a_customer_that_is_there_is_not_made_anew() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let none = customer(&owner, "customerRecreate", &organization).await;
    assert_eq!(none["userErrors"][0]["code"], "CONFLICT", "{none:#}");
    app.card(&owner, &organization, "pm_card_visa").await;
    let there = customer(&owner, "customerRecreate", &organization).await;
    assert_eq!(there["userErrors"][0]["code"], "CONFLICT", "{there:#}");
    assert_eq!(app.sandbox.objects("customer").len(), 1);
}

#[tokio::test]
async fn an_organizations_own_plan_is_collected_by_invoice_with_its_terms() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    billing_settings(&app, &organization, 0, json!({ "netTerms": 30 })).await;
    let custom = app
        .staff()
        .send(
            "mutation($input: PlanCreateInput!) { planCreate(input: $input) { plan { id } userErrors { message path } } }",
            json!({ "input": { "name": "Custom", "slug": "custom-acme", "organizationId": organization, "prices": [
                { "unitAmount": { "minorUnits": "250000", "currency": "USD" }, "billingInterval": "MONTH" }] } }),
        )
        .await;
    let plan = text(&custom.data()["planCreate"]["plan"]["id"]);
    let begun = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(begun["subscription"]["status"], "ACTIVE", "{begun:#}");
    app.settled().await;
    let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { status collectionMethod dueDate createdAt } } }";
    let listed = owner.send(query, json!({ "id": organization })).await;
    let invoice = &listed.data()["invoices"]["nodes"][0];
    assert_eq!(invoice["collectionMethod"], "SEND_INVOICE", "{:#}", listed.body);
    assert_ne!(invoice["status"], "PAID");
    assert_eq!(app.succeeded_charges(), 0, "nothing is charged by itself");
    let at_stripe = app.sandbox.objects("subscription")[0].clone();
    assert_eq!(
        (&at_stripe["collection_method"], &at_stripe["days_until_due"]),
        (&json!("send_invoice"), &json!(30))
    );
}
