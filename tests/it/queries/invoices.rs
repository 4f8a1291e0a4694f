//! Lists of invoices, and the bill that is to come.

use serde_json::{Value, json};

use crate::mutations::invoice_change::sent_invoice;
use crate::support::{TestApp, text};

#[tokio::test]
async fn a_list_is_narrowed_by_state_time_amount_and_number() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    sent_invoice(&app, &owner, &organization, "25000").await;
    let query = "query($id: ID!, $filter: InvoiceFilter) { invoices(organizationId: $id, filter: $filter) {
        totalCount nodes { number status total { minorUnits } subscription { id } } } }";
    let fitting = async |filter: Value| -> Vec<String> {
        let answer = owner.send(query, json!({ "id": organization, "filter": filter })).await;
        let shown = &answer.data()["invoices"];
        let nodes = shown["nodes"].as_array().expect("nodes").clone();
        assert_eq!(shown["totalCount"], nodes.len(), "{filter}");
        let mut statuses: Vec<String> = nodes.iter().map(|node| text(&node["status"])).collect();
        statuses.sort();
        statuses
    };
    let usd = |minor: i64| json!({ "minorUnits": minor, "currency": "USD" });
    let all = owner.send(query, json!({ "id": organization })).await;
    let nodes = all.data()["invoices"]["nodes"].as_array().expect("nodes").clone();
    let paid = nodes.iter().find(|node| node["status"] == "PAID").expect("the first invoice").clone();
    assert_eq!(fitting(json!({})).await, ["DRAFT", "PAID"]);
    assert_eq!(fitting(json!({ "status": ["PAID"] })).await, ["PAID"]);
    assert_eq!(fitting(json!({ "status": ["PAID", "DRAFT", "VOID"] })).await, ["DRAFT", "PAID"]);
    assert_eq!(fitting(json!({ "number": paid["number"] })).await, ["PAID"]);
    assert!(fitting(json!({ "number": "NONE-1" })).await.is_empty());
    assert_eq!(fitting(json!({ "minimumTotal": usd(2900), "maximumTotal": usd(2900) })).await, ["PAID"]);
    assert_eq!(fitting(json!({ "minimumTotal": usd(2901) })).await, ["DRAFT"]);
    assert!(
        fitting(json!({ "minimumTotal": { "minorUnits": 1, "currency": "EUR" } })).await.is_empty(),
        "amounts of other currencies are not compared"
    );
    assert_eq!(fitting(json!({ "subscriptionId": paid["subscription"]["id"] })).await, ["PAID"]);
    assert_eq!(fitting(json!({ "createdSince": "2020-01-01T00:00:00Z" })).await, ["DRAFT", "PAID"]);
    assert!(fitting(json!({ "createdUntil": "2020-01-01T00:00:00Z" })).await.is_empty());
    let mixed = json!({ "minimumTotal": usd(1), "maximumTotal": { "minorUnits": 9, "currency": "EUR" } });
    let refused = owner.send(query, json!({ "id": organization, "filter": mixed })).await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn the_next_bill_is_shown_before_it_exists() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let query = "query($id: ID!) { upcomingInvoice(organizationId: $id) {
        total { minorUnits } amountDue { minorUnits } tax { minorUnits } discount { minorUnits }
        lines { description amount { minorUnits } } hasMoreLines dueAt }
        organization(id: $id) { upcomingInvoice { total { minorUnits } } } }";
    let none = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(none.data()["upcomingInvoice"], Value::Null, "without a subscription there is no bill");
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    let invoices = app.sandbox.objects("invoice").len();
    let answer = owner.send(query, json!({ "id": organization })).await;
    let bill = &answer.data()["upcomingInvoice"];
    assert_eq!(bill["total"]["minorUnits"], "2900", "{:#}", answer.body);
    assert_eq!(bill["lines"].as_array().expect("lines").len(), 1);
    assert_eq!(bill["hasMoreLines"], false);
    assert_eq!(answer.data()["organization"]["upcomingInvoice"]["total"]["minorUnits"], "2900");
    assert_eq!(app.sandbox.objects("invoice").len(), invoices, "nothing was made");
}
