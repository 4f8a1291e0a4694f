//! What a document may ask for, before the schema sees it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn documents_that_ask_for_too_much_are_refused_with_the_limit_and_the_measure() {
    let app = TestApp::start().await;
    let client = app.client("olivia");
    let deep = format!(
        "{{ viewer {{ {} id {} }} }}",
        "organizations { nodes { members { nodes { user { ".repeat(6),
        "} } } } }".repeat(6)
    );
    let wide = (0..200)
        .map(|number| format!("a{number}: viewer {{ isPlatformStaff }}"))
        .collect::<Vec<_>>()
        .join(" ");
    let costly = "{ organizations(first: 100) { nodes { members(first: 100) { nodes { user { email } } } invoices(first: 100) { nodes { number payments { status } } } } } }";
    for (what, query) in [
        ("deep", deep),
        ("wide", format!("{{ {wide} }}")),
        ("costly", costly.to_owned()),
        ("long", format!("{{ viewer {{ {} }} }}", "isPlatformStaff ".repeat(6_000))),
    ] {
        let began = Instant::now();
        let answer = client.send(&query, json!({})).await;
        assert_eq!(answer.code(), "QUERY_TOO_COMPLEX", "{what}: {:#}", answer.body);
        assert!(
            answer.message().chars().any(|letter| letter.is_ascii_digit()),
            "{what}: {}",
            answer.message()
        );
        assert!(began.elapsed() < Duration::from_secs(2), "{what}");
    }
}

/// The document of about 1 kB that held a worker for over 15 seconds: thirty spreads, nested five deep.
#[tokio::test]
async fn nested_fragment_spreads_do_not_hold_a_worker() {
    let app = TestApp::start().await;
    let client = app.client("olivia");
    let normal = "{ viewer { isPlatformStaff } }".to_owned();
    let mut attack = String::from("{ viewer { ...F0 } } ");
    for level in 0..5 {
        let spread = format!("...F{} ", level + 1);
        attack = format!("{attack}fragment F{level} on Viewer {{ {} }} ", spread.repeat(30));
    }
    attack += "fragment F5 on Viewer { isPlatformStaff }";
    client.send(&normal, json!({})).await;
    let began = Instant::now();
    client.send(&normal, json!({})).await;
    let ordinary = began.elapsed();
    let began = Instant::now();
    let answer = client.send(&attack, json!({})).await;
    let attacked = began.elapsed();
    assert_eq!(answer.code(), "QUERY_TOO_COMPLEX", "{:#}", answer.body);
    assert!(attacked < ordinary * 20 + Duration::from_millis(50), "{attacked:?} beside {ordinary:?}");
}

#[tokio::test]
async fn a_megabyte_of_garbage_is_refused() {
    let app = TestApp::start().await;
    let answer = app.client("olivia").post_raw(vec![b'{'; 1_048_576]).await;
    assert_eq!(answer.status, 413, "{:#}", answer.body);
}

#[tokio::test]
async fn the_schema_is_read_by_those_who_may() {
    let options = crate::support::TestOptions {
        http: tollgate::http::HttpOptions::default(),
        ..crate::support::TestOptions::default()
    };
    let app = TestApp::start_with(options).await;
    let query = "{ __schema { queryType { name } } }";
    let stranger = app.client("olivia").send(query, json!({})).await;
    assert!(!stranger.body.to_string().contains("queryType\":{\"name\":\"Query"), "{:#}", stranger.body);
    let staff = app.staff().send(query, json!({})).await;
    assert_eq!(staff.data()["__schema"]["queryType"]["name"], "Query");
}
