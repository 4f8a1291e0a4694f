//! The Stripe customer: one for each organization, in step with the settings, noticed when it is gone.

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tollgate::domain::audit::{Actor, AuditEntry};
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::setting::SettingSection;
use tollgate::store::NewSetting;

use crate::support::{Client, TestApp, TestOptions, text, uuid_of};

/// A part of the settings, to be written behind the API.
pub fn new_setting(
    id: OrganizationId,
    section: SettingSection,
    expected: i64,
    document: Value,
) -> NewSetting {
    NewSetting {
        organization_id: id,
        section,
        expected,
        unwritten: json!({}),
        document,
        by: None,
        api_key_id: None,
        restored_version: None,
    }
}

/// Writes billing settings behind the API.
pub async fn billing_settings(app: &TestApp, organization: &str, expected: i64, document: Value) {
    let id = OrganizationId(uuid_of(organization));
    let transaction = app.store().begin().await.expect("a transaction");
    transaction
        .write_setting(new_setting(id, SettingSection::Billing, expected, document))
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

const DRIFTS: &str =
    "{ billingDrift { nodes { id resourceType field local stripe cause mendedAt mendedBy } } }";

async fn drifts(app: &TestApp) -> Vec<Value> {
    let answer = app.staff().send(DRIFTS, json!({})).await;
    answer.data()["billingDrift"]["nodes"].as_array().expect("drifts").clone()
}

async fn compare(app: &TestApp, organization: &str) {
    let query =
        "mutation($input: DriftCompareInput!) { driftCompare(input: $input) { userErrors { message } } }";
    let input = json!({ "input": { "organizationId": organization } });
    let compared = app.staff().send(query, input).await;
    assert_eq!(compared.data()["driftCompare"]["userErrors"], json!([]), "{:#}", compared.body);
}

/// The organization's name stands on invoices where no legal name does.
#[tokio::test]
async fn another_name_is_taken_to_stripe_unless_a_legal_name_stands_there() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let rename = async |name: &str, version: &str| {
        let query = "mutation($input: SettingsGeneralUpdateInput!) { settingsGeneralUpdate(input: $input) {
            settings { name } operation { kind state } userErrors { message } } }";
        let input = json!({ "organizationId": organization, "expectedVersion": version, "name": name });
        owner.send(query, json!({ "input": input })).await.data()["settingsGeneralUpdate"].clone()
    };
    let first = rename("Acme", "0").await;
    assert_eq!((&first["operation"], &first["userErrors"]), (&Value::Null, &json!([])), "no customer yet");
    app.card(&owner, &organization, "pm_card_visa").await;
    let name = || app.sandbox.objects("customer")[0]["name"].clone();
    assert_eq!(name(), "Acme");
    let renamed = rename("Acme Corporation", "1").await;
    let operation = json!({ "kind": "customer.sync", "state": "CONFIRMED" });
    assert_eq!(renamed["operation"], operation, "{renamed:#}");
    assert_eq!(
        (name(), &renamed["settings"]["name"]),
        (json!("Acme Corporation"), &json!("Acme Corporation"))
    );
    // Back again, by the history.
    let query = "mutation($input: SettingsRollbackInput!) { settingsRollback(input: $input) {
        operation { state } userErrors { message } } }";
    let input = json!({ "organizationId": organization, "section": "GENERAL", "version": "1",
        "expectedVersion": "2" });
    let back = owner.send(query, json!({ "input": input })).await;
    assert_eq!(back.data()["settingsRollback"]["operation"]["state"], "CONFIRMED", "{:#}", back.body);
    assert_eq!(name(), "Acme");
    billing_settings(&app, &organization, 0, json!({ "legalName": "Acme plc" })).await;
    customer(&owner, "customerSync", &organization).await;
    let again = rename("Acme Worldwide", "3").await;
    assert_eq!((&again["operation"], &again["userErrors"]), (&Value::Null, &json!([])), "{again:#}");
    assert_eq!(name(), "Acme plc");
}

/// Stripe does not answer: the name is written all the same, and reaches Stripe later.
#[tokio::test]
async fn a_name_that_stripe_cannot_be_told_yet_reaches_it_later() {
    let app = TestApp::start_with(TestOptions::patient()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.sandbox.fault(Fault::new("POST /v1/customers/*", FaultKind::ActThenDrop));
    let query = "mutation($input: SettingsGeneralUpdateInput!) { settingsGeneralUpdate(input: $input) {
        settings { name } operation { state } userErrors { message } } }";
    let input = json!({ "organizationId": organization, "expectedVersion": "0", "name": "Acme" });
    let renamed = owner.send(query, json!({ "input": input })).await;
    let renamed = &renamed.data()["settingsGeneralUpdate"];
    assert_eq!(
        (&renamed["settings"]["name"], &renamed["operation"]["state"]),
        (&json!("Acme"), &json!("UNKNOWN"))
    );
    app.let_own_leases_run_out().await;
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(app.operation_states(&organization, "customer.sync").await, ["CONFIRMED"]);
    assert_eq!(app.sandbox.objects("customer")[0]["name"], "Acme");
}

/// What somebody changed in the dashboard is found, field by field, and overwritten only when a person says so.
#[tokio::test]
async fn details_that_were_changed_at_stripe_are_listed_and_mended_on_request() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let details = json!({
        "legalName": "Acme plc", "billingEmails": ["ap@acme.example"],
        "address": { "line1": "1 High Street", "country": "GB" }, "purchaseOrderNumber": "PO-7",
        "invoiceFooter": "Thank you", "taxIds": [{ "type": "gb_vat", "value": "GB123456789" }]
    });
    billing_settings(&app, &organization, 0, details).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    customer(&owner, "customerSync", &organization).await;
    app.settled().await;
    compare(&app, &organization).await;
    assert_eq!(drifts(&app).await, Vec::<Value>::new(), "in step");

    let id = app.stripe_customer(&organization).await;
    let form = [("name", "Acme GmbH"), ("email", "boss@acme.example"), ("address[line1]", "2 Low Street")];
    app.at_stripe(reqwest::Method::POST, &format!("customers/{id}"), &form).await;
    let tax_id = text(&app.sandbox.objects("tax_id")[0]["id"]);
    app.at_stripe(reqwest::Method::DELETE, &format!("customers/{id}/tax_ids/{tax_id}"), &[]).await;
    app.settled().await;
    // A comparison that mends what our rows got wrong overwrites nobody's change at Stripe.
    for _ in 0..2 {
        app.service.reconcile(true, chrono::TimeDelta::minutes(1)).await.expect("a comparison");
    }
    assert_eq!(app.sandbox.objects("customer")[0]["name"], "Acme GmbH");
    let mut found = drifts(&app).await;
    found.sort_by_key(|drift| text(&drift["field"]));
    let fields: Vec<_> = found.iter().map(|drift| text(&drift["field"])).collect();
    assert_eq!(fields, ["address", "email", "name", "taxIds"], "{found:#?}");
    let name = &found[2];
    let told = (&name["resourceType"], &name["cause"], &name["local"], &name["stripe"], &name["mendedAt"]);
    let expected =
        (json!("customer_details"), json!("NOT_IN_STEP"), json!("Acme plc"), json!("Acme GmbH"), Value::Null);
    assert_eq!(told, (&expected.0, &expected.1, &expected.2, &expected.3, &expected.4), "{name:#}");

    let repair = "mutation($input: DriftRepairInput!) { driftRepair(input: $input) {
        drift { mendedBy } userErrors { code message } } }";
    let input = json!({ "input": { "driftId": name["id"], "idempotencyKey": "mend" } });
    for _ in 0..2 {
        let mended = app.staff().send(repair, input.clone()).await;
        let payload = &mended.data()["driftRepair"];
        assert_eq!(
            (&payload["drift"]["mendedBy"], &payload["userErrors"]),
            (&json!("SYNC"), &json!([])),
            "{payload:#}"
        );
    }
    let shown = app.sandbox.objects("customer")[0].clone();
    assert_eq!(
        (&shown["name"], &shown["email"]),
        (&json!("Acme plc"), &json!("ap@acme.example")),
        "{shown:#}"
    );
    assert_eq!(app.sandbox.objects("tax_id").len(), 1);
    let left = drifts(&app).await;
    assert!(left.iter().all(|drift| drift["mendedBy"] == "SYNC"), "{left:#?}");
    let again = app.staff().send(repair, json!({ "input": { "driftId": name["id"] } })).await;
    assert_eq!(again.data()["driftRepair"]["userErrors"][0]["code"], "CONFLICT", "{:#}", again.body);
    compare(&app, &organization).await;
    assert!(drifts(&app).await.iter().all(|drift| drift["mendedBy"] == "SYNC"));
}
