//! Invoices and what is billed by use.

use crate::support::{Client, DAY, START, id};

pub(super) async fn invoices(client: &Client) {
    let customer = client.customer(Some("pm_card_visa")).await;
    let draft = async || {
        let invoice = client
            .post("/v1/invoices", &[("customer", &customer), ("currency", "usd"), ("description", "Work")])
            .await
            .ok();
        let invoice = id(&invoice);
        let item = client
            .post(
                "/v1/invoiceitems",
                &[
                    ("customer", &customer),
                    ("invoice", &invoice),
                    ("amount", "1500"),
                    ("currency", "usd"),
                    ("description", "Hours"),
                ],
            )
            .await
            .ok();
        (format!("/v1/invoices/{invoice}"), format!("/v1/invoiceitems/{}", id(&item)))
    };
    let (invoice, item) = draft().await;
    client.get(&item, &[("expand[]", "invoice")]).await.ok();
    client.post(&item, &[("amount", "1600")]).await.ok();
    client.get("/v1/invoiceitems", &[("customer", &customer), ("pending", "false")]).await.ok();
    client.post(&invoice, &[("footer", "Thanks"), ("metadata[k]", "v")]).await.ok();
    client.post(&format!("{invoice}/finalize"), &[("auto_advance", "false")]).await.ok();
    let paid = client.post(&format!("{invoice}/pay"), &[("expand[]", "payments")]).await.ok();
    assert_eq!(paid["amount_paid"], 1600);
    client.get(&format!("{invoice}/lines"), &[]).await.ok();
    let payment = id(&paid["payments"]["data"][0]);
    client.get("/v1/invoice_payments", &[("invoice", &id(&paid))]).await.ok();
    client.get(&format!("/v1/invoice_payments/{payment}"), &[("expand[]", "invoice")]).await.ok();
    client.get("/v1/invoices", &[("status", "paid"), ("customer", &customer)]).await.ok();
    let (invoice, _) = draft().await;
    client.post(&format!("{invoice}/finalize"), &[]).await.ok();
    client.post(&format!("{invoice}/mark_uncollectible"), &[]).await.ok();
    client.post(&format!("{invoice}/void"), &[]).await.ok();
    let (invoice, item) = draft().await;
    client.delete(&item, &[]).await.ok();
    client.delete(&invoice, &[]).await.ok();
    let (invoice, _) = draft().await;
    client.post(&invoice, &[("collection_method", "send_invoice"), ("days_until_due", "7")]).await.ok();
    client.post(&format!("{invoice}/send"), &[]).await.ok();
    client.post(&format!("{invoice}/pay"), &[("paid_out_of_band", "true")]).await.ok();
}

pub(super) async fn meters(client: &Client) {
    let customer = client.customer(Some("pm_card_visa")).await;
    let meter = client
        .post(
            "/v1/billing/meters",
            &[
                ("display_name", "Calls"),
                ("event_name", "calls"),
                ("default_aggregation[formula]", "sum"),
                ("value_settings[event_payload_key]", "calls"),
            ],
        )
        .await
        .ok();
    let path = format!("/v1/billing/meters/{}", id(&meter));
    client.get(&path, &[]).await.ok();
    client.post(&path, &[("display_name", "API calls")]).await.ok();
    client.post(&format!("{path}/deactivate"), &[]).await.ok();
    client.post(&format!("{path}/reactivate"), &[]).await.ok();
    client.get("/v1/billing/meters", &[("status", "active")]).await.ok();
    let price = client
        .post(
            "/v1/prices",
            &[
                ("currency", "usd"),
                ("unit_amount", "3"),
                ("recurring[interval]", "month"),
                ("recurring[usage_type]", "metered"),
                ("recurring[meter]", &id(&meter)),
                ("product_data[name]", "Calls"),
            ],
        )
        .await
        .ok();
    client.subscribe(&customer, &id(&price), &[("expand[]", "latest_invoice")]).await.ok();
    let event = [
        ("event_name", "calls"),
        ("identifier", "call-1"),
        ("payload[stripe_customer_id]", &customer),
        ("payload[calls]", "25"),
    ];
    client.post("/v1/billing/meter_events", &event).await.ok();
    let range = [
        ("customer", customer.as_str()),
        ("start_time", &(START - START % DAY).to_string()),
        ("end_time", &(START - START % DAY + 40 * DAY).to_string()),
        ("value_grouping_window", "day"),
    ];
    client.get(&format!("{path}/event_summaries"), &range).await.ok();
    let cancel = [("event_name", "calls"), ("type", "cancel"), ("cancel[identifier]", "call-1")];
    client.post("/v1/billing/meter_event_adjustments", &cancel).await.ok();
}

pub(super) async fn described_customer(client: &Client) {
    let price = client.monthly("Described", 2900).await;
    let somebody = [
        ("subscription_details[items][0][price]", price.as_str()),
        ("automatic_tax[enabled]", "true"),
        ("customer_details[address][country]", "DE"),
        ("customer_details[shipping][name]", "Ann"),
        ("customer_details[shipping][address][country]", "DE"),
        ("customer_details[tax_exempt]", "none"),
        ("customer_details[tax_ids][0][type]", "eu_vat"),
        ("customer_details[tax_ids][0][value]", "DE123456789"),
    ];
    let preview = client.post("/v1/invoices/create_preview", &somebody).await.ok();
    assert_eq!(preview["total"], 3190);
}
