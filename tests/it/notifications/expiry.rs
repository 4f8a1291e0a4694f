//! What expires soon is told once.

use chrono::{TimeDelta, Utc};
use serde_json::json;

use super::email::column;
use crate::mutations::member::done;
use crate::support::{TestApp, eventually};

const TOLD: &str = "SELECT event FROM outbox_messages WHERE event LIKE '%_expiring' ORDER BY event";

#[tokio::test]
async fn cards_and_keys_that_expire_soon_are_told_once() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.settled().await;
    let key = async |name: &str, days: i64| {
        let expires_at = tollgate_now() + TimeDelta::days(days);
        let input = json!({ "organizationId": acme, "name": name, "scopes": [], "expiresAt": expires_at });
        done(&owner, "apiKeyCreate", input, "apiKey { id }").await;
    };
    key("Far", 90).await;
    assert_eq!(app.service.tell_of_expiry().await.expect("it is looked"), 0);
    key("Near", 3).await;
    // The card, behind the mirror's back: it counts until the end of this month.
    let now = tollgate_now();
    let (year, month) = (now.format("%Y"), now.format("%-m"));
    app.disturb(&format!("UPDATE payment_methods SET card_exp_year = {year}, card_exp_month = {month}"))
        .await;
    assert_eq!(app.service.tell_of_expiry().await.expect("it is looked"), 2);
    assert_eq!(app.service.tell_of_expiry().await.expect("it is looked"), 0);
    let told: Vec<_> = column(&app, TOLD).await.into_iter().flatten().collect();
    assert_eq!(told, ["api_key_expiring", "card_expiring"]);
    let query = "query($id: ID!) { notifications(organizationId: $id) { nodes { title } } }";
    eventually("both to be read", || async {
        let answer = owner.send(query, json!({ "id": acme })).await;
        let all = answer.data().to_string();
        (all.contains("The API key Near expires soon") && all.contains("4242 expires soon")).then_some(())
    })
    .await;
    let records = app.audit_records().await;
    for action in ["api_key.expiring", "payment_method.expiring"] {
        assert_eq!(records.iter().filter(|record| record.action == action).count(), 1, "{action}");
    }
}

fn tollgate_now() -> chrono::DateTime<Utc> {
    use tollgate::domain::clock::{Clock, SystemClock};
    SystemClock.now()
}
