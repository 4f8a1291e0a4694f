//! Usage: metered, recorded once, read by the organization's clock, held to limits.

mod alerts;
pub mod bills;
mod check_speed;
mod crash;
mod entitlements;
mod export;
mod intake;
mod limits;
mod meters;
mod reads;
mod retention;
mod route;
mod speed;
mod year;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tollgate::domain::clock::FixedClock;

use crate::mutations::member::done;
use crate::support::{Client, TestApp, TestOptions, text};

/// A gateway whose clock stands until it is moved.
async fn app_at(moment: &str) -> (TestApp, Arc<FixedClock>) {
    let moment: DateTime<Utc> = moment.parse().expect("a time");
    let clock = Arc::new(FixedClock::new(moment));
    let options = TestOptions { clock: Arc::clone(&clock) as _, ..TestOptions::default() };
    (TestApp::start_with(options).await, clock)
}

/// A free plan with these features. Its global id.
async fn plan_with(app: &TestApp, slug: &str, features: Value) -> String {
    let input = json!({ "name": slug, "slug": slug, "features": features, "prices": [
        { "unitAmount": { "minorUnits": "0", "currency": "USD" }, "billingInterval": "MONTH" }] });
    text(&done(&app.staff(), "planCreate", input, "plan { id }").await["plan"]["id"])
}

/// An owner, and their organization, which has a plan with these features.
async fn subscribed(app: &TestApp, features: Value) -> (Client, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = plan_with(app, "metered", features).await;
    let payload = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(payload["subscription"]["status"], "ACTIVE", "{payload:#}");
    (owner, organization)
}

/// A client with an API key that may record usage.
pub async fn recorder(app: &TestApp, owner: &Client, organization: &str) -> Client {
    let input = json!({ "organizationId": organization, "name": "Recorder", "scopes": ["USAGE_WRITE"] });
    let made = done(owner, "apiKeyCreate", input, "secret").await;
    Client::new(app.address, Some(text(&made["secret"])))
}

pub fn event(meter: &str, id: &str, quantity: &str) -> Value {
    json!({ "meter": meter, "eventId": id, "quantity": quantity })
}

/// Records a batch, whatever becomes of its events: accepted, duplicates, and what was refused as code and path.
async fn record(client: &Client, organization: &str, events: Value) -> (i64, Value, Vec<(String, String)>) {
    let query = "mutation($input: UsageRecordBatchInput!) { usageRecordBatch(input: $input) {
        acceptedCount duplicates userErrors { code path } } }";
    let input = json!({ "input": { "organizationId": organization, "events": events } });
    let answer = client.send(query, input).await;
    let payload = &answer.data()["usageRecordBatch"];
    let errors = payload["userErrors"].as_array().expect("userErrors").iter().map(|error| {
        let path = error["path"].as_array().expect("a path").iter().map(text).collect::<Vec<_>>();
        (text(&error["code"]), path.join("."))
    });
    (payload["acceptedCount"].as_i64().expect("a count"), payload["duplicates"].clone(), errors.collect())
}

/// Records a batch of which nothing may be refused or known.
pub async fn recorded(client: &Client, organization: &str, events: Value) {
    let number = i64::try_from(events.as_array().expect("events").len()).expect("few");
    assert_eq!(record(client, organization, events).await, (number, json!([]), Vec::new()));
}

/// A number of the database, behind the API.
async fn number(app: &TestApp, sql: &str) -> i64 {
    use sea_orm::ConnectionTrait;
    let connection = sea_orm::Database::connect(app.database_url()).await.expect("the database opens");
    let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.expect("an answer").expect("a row");
    row.try_get("", "number").expect("a number")
}

/// What a meter says: its buckets as start and quantity, and all in all.
async fn usage(client: &Client, organization: &str, arguments: &str) -> (Vec<(String, String)>, String) {
    let query = format!(
        "query($id: ID!) {{ usageByMeter(organizationId: $id, {arguments}) {{ buckets {{ start end quantity }} quantity }} }}"
    );
    let answer = client.send(&query, json!({ "id": organization })).await;
    let usage = &answer.data()["usageByMeter"];
    let buckets = usage["buckets"].as_array().expect("buckets");
    for pair in buckets.windows(2) {
        assert_eq!(pair[0]["end"], pair[1]["start"], "without a gap");
    }
    let buckets = buckets.iter().map(|bucket| (text(&bucket["start"]), text(&bucket["quantity"])));
    (buckets.collect(), text(&usage["quantity"]))
}
