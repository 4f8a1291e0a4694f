//! Usage, taken away as CSV and JSON Lines.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::domain::membership::Role;

use super::{app_at, event, recorded, subscribed};
use crate::mutations::member::done;
use crate::support::{Client, TestApp, text, uuid_of};

async fn get(app: &TestApp, client: &Client, path: &str) -> reqwest::Response {
    let mut request = reqwest::Client::new().get(format!("http://{}{path}", app.address));
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    request.send().await.expect("the gateway answers")
}

/// The status, what it is, and the text.
async fn taken(app: &TestApp, client: &Client, path: &str) -> (u16, String, String) {
    let answer = get(app, client, path).await;
    let media_type = answer.headers()["content-type"].to_str().expect("a word").to_owned();
    (answer.status().as_u16(), media_type, answer.text().await.expect("a text"))
}

#[tokio::test]
async fn usage_by_day_is_taken_away_without_a_gap() {
    let (app, _) = app_at("2027-03-04T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let at = |id: &str, moment: &str, quantity: &str| json!({ "meter": "api_calls", "eventId": id, "occurredAt": moment, "quantity": quantity });
    let events = json!([at("a", "2027-03-01T08:00:00Z", "1.5"), at("b", "2027-03-03T09:00:00Z", "2")]);
    recorded(&owner, &acme, events).await;
    let path = format!(
        "/v1/usage?organizationId={acme}&meter=api_calls&since=2027-03-01T00:00:00Z&until=2027-03-04T00:00:00Z"
    );
    let (status, media_type, csv) = taken(&app, &owner, &path).await;
    assert_eq!((status, media_type.as_str()), (200, "text/csv; charset=utf-8"));
    assert_eq!(
        csv,
        "meter,unit,start,end,quantity,events\r\n\
         api_calls,call,2027-03-01T00:00:00Z,2027-03-02T00:00:00Z,1.5,1\r\n\
         api_calls,call,2027-03-02T00:00:00Z,2027-03-03T00:00:00Z,0,0\r\n\
         api_calls,call,2027-03-03T00:00:00Z,2027-03-04T00:00:00Z,2,1\r\n"
    );
    let (_, media_type, lines) = taken(&app, &owner, &format!("{path}&format=jsonl")).await;
    assert_eq!(media_type, "application/x-ndjson");
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0]["quantity"], &rows[0]["start"]), (&json!("1.5"), &json!("2027-03-01T00:00:00Z")));
    // More than one page of hours, each once.
    let path = format!(
        "/v1/usage?organizationId={acme}&meter=api_calls&granularity=hour&since=2027-01-01T00:00:00Z&until=2027-03-04T00:00:00Z"
    );
    let (_, _, csv) = taken(&app, &owner, &path).await;
    let starts: Vec<&str> = csv.lines().skip(1).map(|row| row.split(',').nth(2).expect("a start")).collect();
    assert_eq!(starts.len(), 62 * 24);
    assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
    let sum: f64 = csv.lines().skip(1).filter_map(|row| row.split(',').nth(4)?.parse::<f64>().ok()).sum();
    assert!((sum - 3.5).abs() < f64::EPSILON);
}

#[tokio::test]
async fn events_are_taken_away_and_no_spreadsheet_runs_them() {
    let (app, _) = app_at("2027-03-04T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    let events = json!([
        { "meter": "api_calls", "eventId": "=HYPERLINK(\"http://evil\")", "quantity": "-2.5",
          "occurredAt": "2027-03-03T08:00:00Z", "properties": { "note": "a, \"quoted\"\nline" } },
        { "meter": "api_calls", "eventId": "@b", "occurredAt": "2027-03-03T08:00:00.000001Z" },
        { "meter": "seats", "eventId": "other" },
    ]);
    recorded(&owner, &acme, events).await;
    let path = format!("/v1/usage/events?organizationId={acme}&meter=api_calls");
    let (status, _, csv) = taken(&app, &owner, &path).await;
    assert_eq!(status, 200);
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(rows[0], "meter,eventId,occurredAt,quantity,key,properties,receivedAt");
    assert!(
        rows[1].starts_with("api_calls,\"'=HYPERLINK(\"\"http://evil\"\")\",2027-03-03T08:00:00Z,-2.5,,"),
        "{csv}"
    );
    assert!(rows[2].starts_with("api_calls,'@b,2027-03-03T08:00:00.000001Z,1,,,"), "{csv}");
    assert_eq!(rows.len(), 4, "and the end: {csv}");
    let (_, _, lines) = taken(&app, &owner, &format!("{path}&format=jsonl")).await;
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows[0]["eventId"], "=HYPERLINK(\"http://evil\")", "what is no spreadsheet's stays as it was");
    assert_eq!(
        (&rows[0]["properties"]["note"], &rows[0]["quantity"]),
        (&json!("a, \"quoted\"\nline"), &json!("-2.5"))
    );
    let records = app.audit_records().await;
    let exports: Vec<_> = records.iter().filter(|record| record.action == "usage.export").collect();
    assert_eq!(exports.len(), 2);
    assert_eq!(exports[0].new_values.as_ref().expect("values")["of"], "events");
}

#[tokio::test]
async fn usage_is_taken_away_by_whoever_may_see_it() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    recorded(&owner, &acme, json!([event("api_calls", "secret-of-acme", "1")])).await;
    let neighbour = app.client("nadia");
    let globex = app.organization(&neighbour, "globex").await;
    let of = |organization: &str| format!("/v1/usage/events?organizationId={organization}&meter=api_calls");
    let ghost = "org_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b";
    let code = async |client: &Client, path: &str| {
        let (status, _, body) = taken(&app, client, path).await;
        assert!(!body.contains("secret-of-acme"), "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        (status, text(&body["error"]["code"]))
    };
    assert_eq!(code(&app.anonymous(), &of(&acme)).await, (401, "UNAUTHENTICATED".to_owned()));
    for organization in [acme.as_str(), ghost] {
        assert_eq!(code(&neighbour, &of(organization)).await, (404, "NOT_FOUND".to_owned()));
    }
    for wrong in [
        "/v1/usage?meter=api_calls".to_owned(),
        format!("{}&granularity=day", of(&acme)),
        format!("/v1/usage?organizationId={acme}&meter=api_calls&granularity=week"),
        format!("/v1/usage?organizationId={acme}&meter=api_calls&format=pdf"),
        format!(
            "/v1/usage?organizationId={acme}&meter=api_calls&until=2020-01-01T00:00:00Z&since=2027-01-01T00:00:00Z"
        ),
        format!("/v1/usage?organizationId={acme}&metre=api_calls"),
    ] {
        assert_eq!(code(&owner, &wrong).await, (400, "BAD_USER_INPUT".to_owned()), "{wrong}");
    }
    assert_eq!(code(&owner, &of(&acme).replace("api_calls", "nothing")).await.0, 404);
    // Members see it, and staff, and a key with the scope: of its own organization, which need not be said.
    let member = app.member_as(&acme, "mary", Role::Member).await;
    for client in [&owner, &member, &app.staff()] {
        let (status, _, body) = taken(&app, client, &of(&acme)).await;
        assert!(status == 200 && body.contains("secret-of-acme"), "{status}: {body}");
    }
    let key = async |scopes: Value| {
        let input = json!({ "organizationId": acme, "name": "Export", "scopes": scopes });
        Client::new(app.address, Some(text(&done(&owner, "apiKeyCreate", input, "secret").await["secret"])))
    };
    let reader = key(json!(["SUBSCRIPTION_READ"])).await;
    let (status, _, body) = taken(&app, &reader, "/v1/usage/events?meter=api_calls").await;
    assert!(status == 200 && body.contains("secret-of-acme"), "{status}: {body}");
    assert_eq!(code(&reader, &of(&globex)).await.0, 404);
    assert_eq!(
        code(&key(json!(["USAGE_WRITE"])).await, "/v1/usage/events?meter=api_calls").await,
        (403, "FORBIDDEN".to_owned())
    );
}

/// So many events, behind the API.
async fn fill(app: &TestApp, organization: &str, number: u32) {
    let id = uuid_of(organization);
    let (organization, meter, series) = if app.database_url().starts_with("sqlite") {
        let series =
            format!("WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {number})");
        (format!("X'{}'", id.simple()), "(SELECT id FROM meters WHERE name = 'api_calls')", series)
    } else {
        let series = format!("WITH s (n) AS (SELECT generate_series(1, {number}))");
        (format!("'{id}'::uuid"), "(SELECT id FROM meters WHERE name = 'api_calls')", series)
    };
    let at = if app.database_url().starts_with("sqlite") {
        "strftime('%Y-%m-%dT%H:%M:%S+00:00', 1803859200 + n, 'unixepoch')"
    } else {
        "to_timestamp(1803859200 + n)"
    };
    let (id, properties) = if app.database_url().starts_with("sqlite") {
        ("printf('event-%09d', n)", "json_object('note', printf('%.*c', 200, 'x'))")
    } else {
        ("'event-' || lpad(n::text, 9, '0')", "jsonb_build_object('note', repeat('x', 200))")
    };
    app.disturb(&format!(
        "INSERT INTO usage_events (organization_id, meter_id, event_id, occurred_at, quantity_units, quantity_fraction, \
         properties, received_at) {series} SELECT {organization}, {meter}, {id}, {at}, 1, 0, {properties}, {at} FROM s"
    ))
    .await;
}

/// What nobody takes is not read: the gateway holds a page, and what the connection holds, however much there is.
#[tokio::test]
async fn a_large_export_is_read_as_it_is_taken() {
    const EVENTS: u32 = 120_000;
    let (app, _) = app_at("2027-03-04T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({})).await;
    fill(&app, &acme, EVENTS).await;
    let path = format!("/v1/usage/events?organizationId={acme}&meter=api_calls&format=jsonl");
    let pages =
        |statements: &[String]| statements.iter().filter(|sql| sql.contains("FROM \"usage_events\"")).count();
    let (answer, statements) = app
        .statements_of(async {
            let answer = get(&app, &owner, &path).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            answer
        })
        .await;
    let read = pages(&statements);
    let all = usize::try_from(EVENTS / 1_000).expect("few");
    assert!(read < all * 3 / 4, "{read} of {all} pages were read though nobody took them");
    let (mut answer, mut lines, mut last) = (answer, 0, Vec::new());
    while let Some(chunk) = answer.chunk().await.expect("it goes on") {
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
        last.extend_from_slice(&chunk);
        let kept = last.len().saturating_sub(400);
        last.drain(..kept);
    }
    assert_eq!(lines, usize::try_from(EVENTS).expect("few"), "each once");
    assert!(String::from_utf8_lossy(&last).contains("event-000120000"));
}
