//! What Tollgate is for, through HTTP from end to end.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{TestApp, eventually, text};

/// An organization subscribes to the Pro plan with a test card: the request goes through the real client to a Stripe
/// API over HTTP, the webhooks come back signed, are stored, applied and shown, and the audit record is written.
#[tokio::test]
async fn main_job() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;

    let payload = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    assert_eq!(payload["subscription"]["status"], "ACTIVE");
    assert_eq!(payload["operation"]["state"], "CONFIRMED");

    let dashboard = "query($id: ID!) {
        organization(id: $id) {
          name
          subscription { status plan { slug price { amount minorUnits currency } } latestInvoice { status } }
          invoices(first: 10) { totalCount nodes { number status amountPaid { amount } lines { amount { minorUnits } }
            payments { status amount { amount } paymentMethod } } }
          paymentMethods { card { brand last4 } isDefault }
          auditLogs(first: 50) { nodes { action actorKind outcome user { id } resourceType } }
        }
      }";
    // The webhooks of all that are applied, so that what is shown is Stripe's word and not only our own answer's.
    let started = Instant::now();
    let shown = eventually("the paid invoice and the events' records", || async {
        let answer = owner.send(dashboard, json!({ "id": organization })).await;
        let shown = answer.data()["organization"].clone();
        let actions: Vec<String> = shown["auditLogs"]["nodes"]
            .as_array()
            .expect("records")
            .iter()
            .map(|record| text(&record["action"]))
            .collect();
        let all_there = [
            "stripe.customer.subscription.created",
            "stripe.invoice.paid",
            "stripe.payment_intent.succeeded",
        ]
        .iter()
        .all(|action| actions.iter().any(|there| there == action));
        all_there.then_some(shown)
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(5), "webhooks took {:?}", started.elapsed());

    assert_eq!(shown["subscription"]["status"], "ACTIVE");
    assert_eq!(shown["subscription"]["plan"]["slug"], "pro");
    assert_eq!(
        shown["subscription"]["plan"]["price"],
        json!({ "amount": "29.00", "minorUnits": "2900", "currency": "USD" })
    );
    assert_eq!(shown["subscription"]["latestInvoice"]["status"], "PAID");
    assert_eq!(shown["invoices"]["totalCount"], 1);
    let invoice = &shown["invoices"]["nodes"][0];
    assert_eq!(invoice["status"], "PAID");
    assert_eq!(invoice["amountPaid"]["amount"], "29.00");
    assert_eq!(invoice["lines"], json!([{ "amount": { "minorUnits": "2900" } }]));
    assert_eq!(invoice["payments"][0]["status"], "SUCCEEDED");
    assert_eq!(invoice["payments"][0]["amount"]["amount"], "29.00");
    assert_eq!(
        shown["paymentMethods"],
        json!([{ "card": { "brand": "visa", "last4": "4242" }, "isDefault": true }])
    );

    let records = shown["auditLogs"]["nodes"].as_array().expect("records");
    let mine: Vec<_> = records.iter().filter(|record| record["actorKind"] == "USER").collect();
    let created = mine.iter().filter(|record| record["action"] == "subscription.create").count();
    assert_eq!(created, 1, "{records:#?}");

    // Stripe was really asked, once for each thing, with our idempotency keys.
    let creations: Vec<_> = app
        .sandbox
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST" && request.path == "/v1/subscriptions")
        .collect();
    assert_eq!(creations.len(), 1);
    assert!(creations[0].idempotency_key.as_deref().unwrap_or_default().starts_with("tollgate-"));
}
