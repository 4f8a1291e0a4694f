//! What breaks billing integrations in real life, by the numbers of `docs/hard-cases.md`.

mod calls;
mod changes;
mod customers;
mod intake;
pub mod lifecycle;
mod listed;
mod lost_events;
mod money;
mod stripe_calls;
mod trials;
mod two_at_once;
mod versions;

use serde_json::{Value, json};

use crate::support::{Client, TestApp, TestOptions, text};

/// A gateway to which the sandbox delivers nothing by itself.
pub async fn quiet() -> TestApp {
    TestApp::start_with(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await
}

/// An organization with a customer, a card and an active subscription.
pub struct Subscribed {
    pub owner: Client,
    pub organization: String,
    pub customer: String,
    /// The subscription at Stripe.
    pub subscription: String,
}

pub async fn subscribed(app: &TestApp) -> Subscribed {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let payload = app.subscribe(&owner, &organization, &plan).await;
    let subscription = text(&payload["subscription"]["stripeSubscriptionId"]);
    let customer = text(&app.sandbox.objects("customer")[0]["id"]);
    Subscribed { owner, organization, customer, subscription }
}

/// The object as it is at Stripe.
pub fn object(app: &TestApp, kind: &str, id: &str) -> Value {
    let found = app.sandbox.objects(kind).into_iter().find(|object| object["id"] == id);
    found.unwrap_or_else(|| panic!("no {kind} {id}"))
}

/// What the organization's own people see.
pub async fn shown(of: &Subscribed, selection: &str) -> Value {
    let query = format!("query($id: ID!) {{ organization(id: $id) {{ {selection} }} }}");
    let answer = of.owner.send(&query, json!({ "id": of.organization })).await;
    answer.data()["organization"].clone()
}

pub async fn quantity(of: &Subscribed) -> String {
    text(&shown(of, "subscription { quantity }").await["subscription"]["quantity"])
}

/// Changes the seats at Stripe, and gives the subscription back as it is then.
pub async fn change_seats(app: &TestApp, of: &Subscribed, seats: &str) -> Value {
    let item = text(&object(app, "subscription", &of.subscription)["items"]["data"][0]["id"]);
    let path = format!("/v1/subscriptions/{}", of.subscription);
    let form = [("items[0][id]", item.as_str()), ("items[0][quantity]", seats)];
    crate::support::webhook::at_stripe(app, "POST", &path, &form).await;
    object(app, "subscription", &of.subscription)
}
