//! A walk through every endpoint, by subject.

mod catalog;
mod debits;
mod invoices;
mod pages;
mod payments;
mod subscriptions;

use super::{Client, World, id};

/// Every endpoint, and every state that has a shape of its own.
pub async fn drive(world: &World, client: &Client) {
    client.get("/v1/account", &[]).await.ok();
    catalog::catalog(client).await;
    catalog::currencies(client).await;
    let customer = payments::people(client).await;
    payments::intents(world, client, &customer).await;
    subscriptions::subscriptions(world, client).await;
    subscriptions::schedules(world, client).await;
    subscriptions::terms(world, client).await;
    invoices::invoices(client).await;
    invoices::described_customer(client).await;
    payments::money_back(client).await;
    payments::fraud(client).await;
    debits::debits(world, client).await;
    subscriptions::clocks(client).await;
    pages::checkout(world, client).await;
    pages::portal(client).await;
    invoices::meters(client).await;
    pages::search(client).await;
    catalog::discounts(client).await;
    catalog::taxes(client).await;
    let events = client.get("/v1/events", &[("limit", "3"), ("type", "invoice.*")]).await.ok();
    client.get(&format!("/v1/events/{}", id(&events["data"][0])), &[]).await.ok();
    let endpoint = client
        .post(
            "/v1/webhook_endpoints",
            &[
                ("url", "http://127.0.0.1:9/hook"),
                ("enabled_events[]", "account.updated"),
                ("description", "x"),
            ],
        )
        .await
        .ok();
    let path = format!("/v1/webhook_endpoints/{}", id(&endpoint));
    client.get(&path, &[]).await.ok();
    client.post(&path, &[("disabled", "true")]).await.ok();
    client.get("/v1/webhook_endpoints", &[]).await.ok();
    client.delete(&path, &[]).await.ok();
    let refused = [
        client.get("/v1/customers/cus_none", &[]).await.status,
        client.get("/v1/customers", &[("limit", "3"), ("starting_after", "cus_none")]).await.status,
        client.post("/v1/payment_intents", &[("amount", "3"), ("currency", "usd")]).await.status,
    ];
    assert_eq!(refused, [404, 400, 400]);
}
