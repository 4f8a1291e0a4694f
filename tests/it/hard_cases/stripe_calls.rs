//! Section C: calls to Stripe, beyond the life of their keys.

use std::time::Duration;

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};

use crate::support::{Client, TestApp, TestOptions, eventually, text};

fn impatient() -> TestOptions {
    TestOptions { stripe_timeout: Duration::from_millis(400), stripe_attempts: 1, ..TestOptions::default() }
}

async fn ready(app: &TestApp) -> (Client, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    (owner, organization)
}

fn keys_of(app: &TestApp, path: &str) -> Vec<String> {
    app.sandbox
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST" && request.path == path)
        .filter_map(|request| request.idempotency_key)
        .collect()
}

async fn state_of(client: &Client, id: &Value) -> String {
    let query = "query($id: ID!) { billingOperation(id: $id) { state } }";
    text(&client.send(query, json!({ "id": id })).await.data()["billingOperation"]["state"])
}

/// Stripe forgets a key after a day. Then nothing is sent again: what it was to do is looked up.
#[tokio::test]
async fn an_operation_older_than_its_keys_is_looked_up_and_settled() {
    for was_done in [true, false] {
        let app = TestApp::start_with(impatient()).await;
        let (owner, organization) = ready(&app).await;
        let plan = app.paid_plan("pro", 2_900, 0).await;
        let fault = if was_done { FaultKind::ActThenDrop } else { FaultKind::FailBefore };
        app.sandbox.fault(Fault::new("POST /v1/subscriptions$", fault).times(1_000));
        let input = json!({ "organizationId": organization, "planId": plan });
        let answer = owner.send(crate::support::SUBSCRIBE, json!({ "input": input })).await;
        let id = answer.data()["subscriptionCreate"]["operation"]["id"].clone();
        assert_eq!(answer.data()["subscriptionCreate"]["operation"]["state"], "UNKNOWN", "{:#}", answer.body);
        app.age_operations().await;
        let expected = if was_done { "CONFIRMED" } else { "FAILED" };
        eventually("it to be compared", || async { (state_of(&owner, &id).await == expected).then_some(()) })
            .await;
        let posts = keys_of(&app, "/v1/subscriptions").len();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(keys_of(&app, "/v1/subscriptions").len(), posts, "it is asked for no more");
        let query = "query($id: ID!) { organization(id: $id) { subscription { status plan { slug } } } }";
        let shown = owner.send(query, json!({ "id": organization })).await;
        let shown = &shown.data()["organization"]["subscription"];
        if was_done {
            assert_eq!(*shown, json!({ "status": "ACTIVE", "plan": { "slug": "pro" } }));
        } else {
            assert_eq!(*shown, json!(null));
        }
        assert_eq!(app.succeeded_charges(), usize::from(was_done));
    }
}
