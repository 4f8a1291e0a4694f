use serde_json::json;

use crate::support::{Client, DAY, START, id, world};

async fn open_invoice(client: &Client, customer: &str, amount: &str) -> String {
    let invoice = id(&client.post("/v1/invoices", &[("customer", customer), ("currency", "usd")]).await.ok());
    let item = [
        ("customer", customer),
        ("invoice", &invoice),
        ("amount", amount),
        ("currency", "usd"),
        ("description", "Work"),
    ];
    client.post("/v1/invoiceitems", &item).await.ok();
    client.post(&format!("/v1/invoices/{invoice}/finalize"), &[]).await.ok();
    invoice
}

#[tokio::test]
async fn a_manual_invoice_gathers_items_and_is_paid() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    client
        .post("/v1/invoiceitems", &[("customer", &customer), ("amount", "700"), ("currency", "usd")])
        .await
        .ok();
    let product = client.post("/v1/products", &[("name", "Hour")]).await.ok();
    let price = [("currency", "usd"), ("unit_amount", "1500"), ("product", product["id"].as_str().unwrap())];
    let price = id(&client.post("/v1/prices", &price).await.ok());
    client
        .post("/v1/invoiceitems", &[("customer", &customer), ("pricing[price]", &price), ("quantity", "2")])
        .await
        .ok();
    let include =
        [("customer", customer.as_str()), ("currency", "usd"), ("pending_invoice_items_behavior", "include")];
    let invoice = client.post("/v1/invoices", &include).await.ok();
    assert_eq!((&invoice["status"], &invoice["total"]), (&json!("draft"), &json!(3700)));
    assert_eq!(client.get("/v1/invoiceitems", &[("pending", "true")]).await.ok()["data"], json!([]));
    let paid = client.post(&format!("/v1/invoices/{}/pay", id(&invoice)), &[]).await.ok();
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(3700)));
    let lines = client.get(&format!("/v1/invoices/{}/lines", id(&invoice)), &[("limit", "1")]).await.ok();
    assert_eq!((&lines["has_more"], &lines["data"][0]["amount"]), (&json!(true), &json!(700)));
}

#[tokio::test]
async fn an_invoice_without_a_card_cannot_be_paid_and_a_void_one_neither() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let invoice = open_invoice(client, &customer, "900").await;
    let pay = format!("/v1/invoices/{invoice}/pay");
    assert_eq!(client.post(&pay, &[]).await.refusal(), (400, "resource_missing", ""));
    let voided = client.post(&format!("/v1/invoices/{invoice}/void"), &[]).await.ok();
    assert_eq!(
        (&voided["status"], &voided["status_transitions"]["voided_at"]),
        (&json!("void"), &json!(START))
    );
    assert_eq!(client.post(&pay, &[]).await.refusal().0, 400);
    let payments = client.get("/v1/invoice_payments", &[("invoice", &invoice)]).await.ok();
    assert_eq!(payments["data"][0]["status"], "canceled");
    assert_eq!(world.sandbox.objects("payment_intent")[0]["cancellation_reason"], "void_invoice");
}

#[tokio::test]
async fn an_uncollectible_invoice_can_still_be_paid() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let invoice = open_invoice(client, &customer, "900").await;
    let given_up = client.post(&format!("/v1/invoices/{invoice}/mark_uncollectible"), &[]).await.ok();
    assert_eq!(given_up["status"], "uncollectible");
    assert_eq!(client.post(&format!("/v1/invoices/{invoice}/pay"), &[]).await.ok()["status"], "paid");
}

#[tokio::test]
async fn an_open_invoice_keeps_its_lines_and_number() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let invoice = open_invoice(client, &customer, "900").await;
    let item = [("customer", customer.as_str()), ("invoice", &invoice), ("amount", "1"), ("currency", "usd")];
    assert_eq!(
        client.post("/v1/invoiceitems", &item).await.refusal(),
        (400, "invoice_not_editable", "invoice")
    );
    assert_eq!(client.post(&format!("/v1/invoices/{invoice}/finalize"), &[]).await.refusal().0, 400);
    assert_eq!(client.delete(&format!("/v1/invoices/{invoice}"), &[]).await.refusal().0, 400);
    let second = open_invoice(client, &customer, "900").await;
    let number = async |id: &str| {
        client.get(&format!("/v1/invoices/{id}"), &[]).await.ok()["number"].as_str().unwrap().to_owned()
    };
    assert!(number(&invoice).await.ends_with("-0001") && number(&second).await.ends_with("-0002"));
}

#[tokio::test]
async fn its_links_open_a_page_and_a_pdf() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let invoice = open_invoice(client, &customer, "900").await;
    let invoice = client.get(&format!("/v1/invoices/{invoice}"), &[]).await.ok();
    let page = client
        .http
        .get(invoice["hosted_invoice_url"].as_str().unwrap())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains(invoice["number"].as_str().unwrap()) && page.contains("$9.00"));
    let pdf = client.http.get(invoice["invoice_pdf"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(pdf.headers()["content-type"], "application/pdf");
    assert!(pdf.bytes().await.unwrap().starts_with(b"%PDF-1.4"));
}

#[tokio::test]
async fn a_credit_larger_than_the_invoice_stays_on_the_customers_balance() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(Some("pm_card_visa")).await;
    let (enterprise, pro) = (client.monthly("Enterprise", 9900).await, client.monthly("Pro", 2900).await);
    let subscription = client.subscribe(&customer, &enterprise, &[]).await.ok();
    world.sandbox.set_now(START + 14 * DAY);
    let item = id(&subscription["items"]["data"][0]);
    let change = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", &pro),
        ("proration_behavior", "always_invoice"),
        ("expand[]", "latest_invoice"),
    ];
    let changed = client.post(&format!("/v1/subscriptions/{}", id(&subscription)), &change).await.ok();
    let invoice = &changed["latest_invoice"];
    assert_eq!(
        (&invoice["total"], &invoice["amount_due"], &invoice["ending_balance"]),
        (&json!(-3500), &json!(0), &json!(-3500))
    );
    world.sandbox.set_now(START + 29 * DAY);
    let renewal = &world.sandbox.objects("invoice")[0];
    assert_eq!(
        (&renewal["total"], &renewal["starting_balance"], &renewal["amount_due"]),
        (&json!(2900), &json!(-3500), &json!(0))
    );
    let customer = client.get(&format!("/v1/customers/{customer}"), &[]).await.ok();
    assert_eq!(customer["balance"], -600);
}

#[tokio::test]
async fn a_unit_of_a_fraction_stays_exact_when_the_quantity_changes() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let item = [
        ("customer", customer.as_str()),
        ("currency", "usd"),
        ("unit_amount_decimal", "10.5"),
        ("quantity", "3"),
    ];
    let item = client.post("/v1/invoiceitems", &item).await.ok();
    assert_eq!((&item["amount"], &item["pricing"]["unit_amount_decimal"]), (&json!(32), &json!("10.5")));
    let path = format!("/v1/invoiceitems/{}", id(&item));
    assert_eq!(client.post(&path, &[("quantity", "4")]).await.ok()["amount"], 42);
    let dearer = client.post(&path, &[("unit_amount_decimal", "0.25")]).await.ok();
    assert_eq!((&dearer["amount"], &dearer["pricing"]["unit_amount_decimal"]), (&json!(1), &json!("0.25")));
    let whole = client.post(&path, &[("amount", "500"), ("quantity", "1")]).await.ok();
    assert_eq!((&whole["amount"], &whole["pricing"]["unit_amount_decimal"]), (&json!(500), &json!("500")));
}
