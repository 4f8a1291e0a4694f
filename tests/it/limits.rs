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
    // Nor are names given away to those who guess.
    let guess = app.client("olivia").send("{ organizatons { totalCount } }", json!({})).await;
    assert!(!guess.body.to_string().contains("organizations"), "{:#}", guess.body);
}

/// Two that ask Stripe cannot be one answer, whichever two they are.
#[tokio::test]
async fn case_83_a_request_contains_one_mutation_that_asks_stripe() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let id = |prefix: &str| format!("\"{prefix}_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b\"");
    let refund = format!("paymentRefund(input: {{ paymentId: {} }}) {{ userErrors {{ code }} }}", id("pay"));
    let void = format!("invoiceVoid(input: {{ invoiceId: {} }}) {{ userErrors {{ code }} }}", id("inv"));
    let approve = format!("refundApprove(input: {{ refundId: {} }}) {{ userErrors {{ code }} }}", id("ref"));
    for (first, second) in [(&refund, &void), (&refund, &refund), (&void, &approve)] {
        let answer = staff.send(&format!("mutation {{ a: {first} b: {second} }}"), json!({})).await;
        assert_eq!(answer.code(), "QUERY_TOO_COMPLEX", "{first} and {second}: {:#}", answer.body);
    }
    let alone = staff.send(&format!("mutation {{ {refund} }}"), json!({})).await;
    assert_ne!(alone.code(), "QUERY_TOO_COMPLEX", "{:#}", alone.body);
}

/// Each invoice's client secret and each next bill is a question to Stripe.
#[tokio::test]
async fn what_stripe_is_asked_for_costs_more() {
    let app = TestApp::start().await;
    let client = app.client("olivia");
    for query in [
        "{ organizations(first: 60) { nodes { upcomingInvoice { total { amount } } } } }",
        "{ organizations(first: 1) { nodes { invoices(first: 60) { nodes { clientSecret } } } } }",
    ] {
        let answer = client.send(query, json!({})).await;
        assert_eq!(answer.code(), "QUERY_TOO_COMPLEX", "{query}: {:#}", answer.body);
    }
    let few = "{ organizations(first: 10) { nodes { upcomingInvoice { total { amount } } } } }";
    assert!(client.send(few, json!({})).await.body.get("errors").is_none());
}

/// PostgreSQL stores no U+0000, and neither database compares years of five digits rightly.
#[tokio::test]
async fn what_no_database_holds_is_refused_before_it_is_asked() {
    let app = TestApp::start().await;
    let client = app.client("olivia");
    let organization = app.organization(&client, "acme").await;
    let by_variable = "query($id: ID!, $filter: AuditLogFilter) { auditLogs(organizationId: $id, filter: $filter) { totalCount } }";
    let far = ["+12345-01-01T00:00:00Z", "-4800-01-01T00:00:00Z", "+262000-01-01T00:00:00Z"];
    let mut filters = vec![json!({ "action": "a\u{0}b" })];
    filters.extend(far.map(|until| json!({ "until": until })));
    for filter in filters {
        let answer = client.send(by_variable, json!({ "id": organization, "filter": filter })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{filter}: {:#}", answer.body);
    }
    let literal = format!(
        "{{ auditLogs(organizationId: \"{organization}\", filter: {{ action: \"a\\u0000\" }}) {{ totalCount }} }}"
    );
    let answer = client.send(&literal, json!({})).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{:#}", answer.body);
    let default = "query($id: ID!, $action: String = \"a\\u0000\") { auditLogs(organizationId: $id, filter: { action: $action }) { totalCount } }";
    let answer = client.send(default, json!({ "id": organization })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{:#}", answer.body);
    let invoices = format!(
        "{{ invoices(organizationId: \"{organization}\", filter: {{ dueSince: \"+99999-01-01T00:00:00Z\" }}) {{ totalCount }} }}"
    );
    let answer = client.send(&invoices, json!({})).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT", "{:#}", answer.body);
    assert!(answer.message().contains("filter.dueSince"), "{}", answer.message());
}

/// Half a header holds no connection; whole ones before it are answered.
#[tokio::test]
async fn a_connection_whose_header_does_not_come_is_closed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let http = tollgate::http::HttpOptions {
        header_timeout: Duration::from_millis(500),
        ..tollgate::http::HttpOptions::default()
    };
    let app = TestApp::start_with(crate::support::TestOptions { http, ..Default::default() }).await;
    let mut stream = tokio::net::TcpStream::connect(app.address).await.expect("a connection");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: tollgate\r\n\r\n").await.expect("it is sent");
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).await.expect("an answer");
    assert!(
        answer[..length].starts_with(b"HTTP/1.1 200"),
        "{:?}",
        String::from_utf8_lossy(&answer[..length])
    );
    let began = Instant::now();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: toll").await.expect("it is sent");
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    let _ = closed.expect("the connection is closed");
    assert!(began.elapsed() >= Duration::from_millis(300), "it was closed at once");
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn lists_of_operations_are_taken_as_far_as_the_settings_say() {
    let batch = json!([
        { "query": "{ viewer { isPlatformStaff } }" },
        { "query": "{ organizations { totalCount } }" },
    ]);
    let app = TestApp::start().await;
    let refused = app.client("olivia").post(&batch).await;
    assert_eq!(refused.code(), "BAD_USER_INPUT", "{:#}", refused.body);

    let http = tollgate::http::HttpOptions { max_batch: 2, ..tollgate::http::HttpOptions::default() };
    let app = TestApp::start_with(crate::support::TestOptions { http, ..Default::default() }).await;
    let client = app.client("olivia");
    let answer = client.post(&batch).await;
    assert_eq!(answer.body[0]["data"]["viewer"]["isPlatformStaff"], false, "{:#}", answer.body);
    assert_eq!(answer.body[1]["data"]["organizations"]["totalCount"], 0, "{:#}", answer.body);
    let three = json!([batch[0], batch[0], batch[1]]);
    assert_eq!(client.post(&three).await.code(), "BAD_USER_INPUT");
}
