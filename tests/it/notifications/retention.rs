//! What was told long ago is taken away.

use std::time::Duration;

use serde_json::json;
use tollgate::jobs::WorkerOptions;

use super::email::column;
use super::webhook::create_key;
use crate::mutations::member::done;
use crate::support::{TestApp, TestOptions, eventually};

const TABLES: [&str; 4] = ["outbox_messages", "email_deliveries", "notifications", "webhook_deliveries"];

async fn counts(app: &TestApp) -> Vec<String> {
    let mut counts = Vec::new();
    for table in TABLES {
        let count = column(app, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await;
        counts.extend(count.into_iter().flatten());
    }
    counts
}

#[tokio::test]
async fn what_is_old_and_done_with_goes_and_what_waits_stays() {
    let defaults = TestOptions::default();
    let worker = WorkerOptions { retention: Duration::from_millis(50), ..defaults.worker };
    let app = TestApp::start_with(TestOptions { worker, ..defaults }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let endpoint =
        json!({ "organizationId": acme, "url": "https://hooks.example.com/", "selection": "{ __typename }" });
    done(&owner, "webhookEndpointCreate", endpoint, "webhookEndpoint { id }").await;
    for name in ["Old", "Waiting", "New"] {
        create_key(&owner, &acme, name).await;
    }
    eventually("all to be taken apart", || async {
        (counts(&app).await == ["3", "3", "3", "3"]).then_some(())
    })
    .await;
    let of =
        |name: &str| format!("(SELECT id FROM outbox_messages WHERE CAST(fact AS TEXT) LIKE '%\"{name}\"%')");
    // The second is old as well, and its mail and webhook still wait.
    for table in ["email_deliveries", "webhook_deliveries"] {
        let old = of("Old");
        app.disturb(&format!("UPDATE {table} SET state = 'held' WHERE outbox_message_id IN {old}")).await;
    }
    for name in ["Old", "Waiting"] {
        let message = of(name);
        let at = "'2020-01-01T00:00:00+00:00'";
        for table in &TABLES[1..] {
            app.disturb(&format!(
                "UPDATE {table} SET created_at = {at} WHERE outbox_message_id IN {message}"
            ))
            .await;
        }
        app.disturb(&format!("UPDATE outbox_messages SET created_at = {at} WHERE id IN {message}")).await;
    }
    eventually("the old to be gone", || async { (counts(&app).await == ["2", "2", "1", "2"]).then_some(()) })
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(counts(&app).await, ["2", "2", "1", "2"], "what waits to be sent is kept, with what it tells");
}
