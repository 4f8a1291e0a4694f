//! How fast usage is taken in, beside a bare INSERT of the same rows on the same database in the same run. It prints its
//! numbers; `cargo xtask bench usage` measures the release build.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{ArrayType, Value as SqlValue};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::json;
use tollgate::domain::audit::Actor;
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::quantity::Quantity;
use tollgate::domain::usage::UsageRecord;
use tollgate::service::{Resource, UsageRecordInput};

use super::number;
use crate::support::{TestApp, measure, uuid_of};

/// Batches of each writer on each side, unless `TOLLGATE_TEST_USAGE_ROUNDS` says more.
const ROUNDS: usize = 3;
/// Events of a batch.
const BATCH: u64 = 1_000;
/// Organizations that send at the same time.
const WRITERS: u64 = 4;

const BARE: &str = "INSERT INTO bare_usage (organization_id, meter, event_id, occurred_at, quantity) \
    SELECT $1::uuid, 'api_calls', event_id, occurred_at, quantity \
    FROM UNNEST($2::text[], $3::timestamptz[], $4::int8[]) AS event (event_id, occurred_at, quantity) \
    ON CONFLICT (organization_id, meter, event_id) DO NOTHING";

/// The events of a batch: ids in no order, times of the last two hours.
fn batch(writer: u64, round: u64, now: DateTime<Utc>) -> Vec<(String, DateTime<Utc>, u32)> {
    (0..BATCH)
        .map(|place| {
            let number = (round * WRITERS + writer) * BATCH + place;
            let id = format!("evt_{:016x}", (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let ago = TimeDelta::seconds(i64::try_from(number % 7_200).expect("two hours"));
            (id, now - ago, u32::try_from(number % 9 + 1).expect("small"))
        })
        .collect()
}

async fn insert_bare(
    db: &DatabaseConnection,
    organization: uuid::Uuid,
    events: Vec<(String, DateTime<Utc>, u32)>,
) {
    let array = |kind, value: fn(&(String, DateTime<Utc>, u32)) -> SqlValue| {
        SqlValue::Array(kind, Some(Box::new(events.iter().map(value).collect())))
    };
    let values = [
        organization.into(),
        array(ArrayType::String, |event| event.0.as_str().into()),
        array(ArrayType::ChronoDateTimeUtc, |event| event.1.into()),
        array(ArrayType::BigInt, |event| i64::from(event.2).into()),
    ];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, BARE, values);
    let inserted = db.execute_raw(statement).await.expect("an insert");
    assert_eq!(inserted.rows_affected(), BATCH);
}

async fn record(app: &TestApp, organization: OrganizationId, events: Vec<(String, DateTime<Utc>, u32)>) {
    let events = events.into_iter().map(|(event_id, occurred_at, quantity)| {
        Ok(UsageRecord {
            meter: "api_calls".to_owned(),
            event_id,
            occurred_at: Some(occurred_at),
            quantity: Some(Quantity::from(quantity)),
            properties: None,
        })
    });
    let input = UsageRecordInput { organization_id: organization, events: events.collect() };
    let answer = app.service.record_usage(&Actor::system(), input, None).await.expect("it is recorded");
    let Some(Resource::Usage(report)) = answer.resource else { panic!("no report: {answer:?}") };
    assert_eq!(u64::try_from(report.accepted), Ok(BATCH));
}

/// On PostgreSQL: SQLite has one writer, and nothing to compare with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_is_taken_in_beside_a_bare_insert_of_the_same_rows() {
    let app = TestApp::start().await;
    if app.database_url().starts_with("sqlite") {
        return;
    }
    let rounds = measure::rounds("TOLLGATE_TEST_USAGE_ROUNDS", ROUNDS) as u64;
    // Of an optimised build on a quiet machine half is asked for: tests run beside others, on busy machines.
    let percent = measure::rounds("TOLLGATE_TEST_USAGE_PERCENT", 5) as u64;
    let owner = app.client("olivia");
    let mut organizations = Vec::new();
    for writer in 0..WRITERS {
        organizations.push(uuid_of(&app.organization(&owner, &format!("writer-{writer}")).await));
    }
    let db = Database::connect(app.database_url()).await.expect("the database opens");
    let table = "CREATE TABLE bare_usage (organization_id uuid NOT NULL, meter text NOT NULL, event_id text NOT NULL, \
                 occurred_at timestamptz NOT NULL, quantity bigint NOT NULL, PRIMARY KEY (organization_id, meter, event_id))";
    db.execute_unprepared(table).await.expect("a table");
    let now = SystemClock.now();
    let (mut bare, mut metered) = (Duration::ZERO, Duration::ZERO);
    for round in 0..rounds {
        let writers = || organizations.iter().zip(0..WRITERS);
        let began = Instant::now();
        let inserts = writers().map(|(id, writer)| insert_bare(&db, *id, batch(writer, round, now)));
        futures::future::join_all(inserts).await;
        bare += began.elapsed();
        let began = Instant::now();
        let records =
            writers().map(|(id, writer)| record(&app, OrganizationId(*id), batch(writer, round, now)));
        futures::future::join_all(records).await;
        metered += began.elapsed();
    }
    let events = rounds * WRITERS * BATCH;
    let sql = "SELECT CAST(SUM(events) AS BIGINT) AS number FROM usage_counters";
    assert_eq!(u64::try_from(number(&app, sql).await), Ok(events));
    let rate = |took: Duration| u128::from(events) * 1_000 / took.as_millis().max(1);
    let ratio = bare.as_millis() * 100 / metered.as_millis().max(1);
    eprintln!(
        "{}",
        json!({ "events": events, "writers": WRITERS, "batch": BATCH, "bareEventsPerSecond": rate(bare).to_string(),
                "eventsPerSecond": rate(metered).to_string(), "percent": ratio.to_string() })
    );
    assert!(ratio >= u128::from(percent), "{ratio} % of a bare INSERT, and {percent} % are asked for");
}
