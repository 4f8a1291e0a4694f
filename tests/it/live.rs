//! What is followed as it changes: over server-sent events and WebSockets, within a process and across processes.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use tollgate::domain::audit::{Actor, AuditEntry};
use tollgate::domain::ids::UserId;
use tollgate::domain::membership::Role;

use crate::mutations::member::{done, member};
use crate::support::{Client, TestApp, TestOptions};

const FOLLOW: &str = "subscription($id: ID!) { billingOperation(id: $id) { state } }";
const CHARGE: &str = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
    operation { id state } userErrors { message } } }";
/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn impatient() -> TestOptions {
    TestOptions { stripe_timeout: Duration::from_millis(300), stripe_attempts: 1, ..TestOptions::default() }
}

/// An operation whose outcome is unknown until the sandbox answers again, its owner and its organization.
pub async fn unknown_operation(app: &TestApp) -> (Client, String, Value) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::ActThenDrop).times(1));
    let input = json!({ "organizationId": organization, "confirm": true,
        "amount": { "minorUnits": "1500", "currency": "USD" } });
    let answer = owner.send(CHARGE, json!({ "input": input })).await;
    let operation = &answer.data()["paymentIntentCreate"]["operation"];
    assert_eq!(operation["state"], "UNKNOWN", "{:#}", answer.body);
    (owner, organization, operation["id"].clone())
}

/// A process that settles nothing itself.
pub fn idle_process() -> TestOptions {
    TestOptions { stripe_timeout: impatient().stripe_timeout, ..TestOptions::patient() }
}

/// The events of one stream, read to its end: names and data.
pub async fn events(app: &TestApp, token: &str, body: &Value) -> Vec<(String, Value)> {
    let request = reqwest::Client::new()
        .post(format!("http://{}/graphql", app.address))
        .header("accept", "text/event-stream")
        .bearer_auth(token)
        .json(body);
    let answer = request.send().await.expect("the gateway answers");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let text = tokio::time::timeout(PATIENCE, answer.text()).await.expect("it ends").expect("text");
    text.split("\n\n")
        .filter_map(|event| {
            let field = |name: &str| {
                event.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
            };
            let data = field("data:").unwrap_or_default();
            Some((field("event:")?, serde_json::from_str(&data).unwrap_or(Value::Null)))
        })
        .collect()
}

#[tokio::test]
async fn an_operation_is_followed_to_its_end_by_events() {
    let app = TestApp::start_with(impatient()).await;
    let (owner, _, operation) = unknown_operation(&app).await;
    let token = owner.token.clone().expect("a token");
    let body = json!({ "query": FOLLOW, "variables": { "id": operation } });
    let events = events(&app, &token, &body).await;
    let states: Vec<&Value> = events
        .iter()
        .filter(|(name, _)| name == "next")
        .map(|(_, data)| &data["data"]["billingOperation"]["state"])
        .collect();
    assert_eq!(states.last().copied(), Some(&json!("CONFIRMED")), "{events:#?}");
    assert_eq!(events.last().map(|(name, _)| name.as_str()), Some("complete"));
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_query_that_asks_for_events_gets_one_and_the_end() {
    let app = TestApp::start().await;
    let token = app.client("olivia").token.expect("a token");
    let events = events(&app, &token, &json!({ "query": "{ viewer { isPlatformStaff } }" })).await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["next", "complete"]);
    assert_eq!(events[0].1["data"]["viewer"]["isPlatformStaff"], false);
}

#[tokio::test]
async fn a_subscription_without_a_stream_is_told_how() {
    let app = TestApp::start().await;
    let answer =
        app.client("olivia").send(FOLLOW, json!({ "id": "op_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b" })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    assert!(answer.message().contains("text/event-stream"), "{}", answer.message());
}

#[tokio::test]
async fn a_stranger_follows_nothing_and_learns_nothing() {
    let app = TestApp::start_with(impatient()).await;
    let (_, _, operation) = unknown_operation(&app).await;
    let stranger = app.client("stranger").token.expect("a token");
    let missing = json!("op_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b");
    let mut told = Vec::new();
    for id in [operation, missing] {
        let events = events(&app, &stranger, &json!({ "query": FOLLOW, "variables": { "id": id } })).await;
        told.push((
            events[0].1["errors"][0]["extensions"]["code"].clone(),
            events[0].1["errors"][0]["message"].clone(),
        ));
    }
    assert_eq!(told[0].0, "NOT_FOUND");
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..impatient() }).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    // An operation that stays open: its answers are lost again and again.
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::FailBefore).times(1_000));
    let input = json!({ "organizationId": organization, "confirm": true,
        "amount": { "minorUnits": "1500", "currency": "USD" } });
    let answer = owner.send(CHARGE, json!({ "input": input })).await;
    let operation = answer.data()["paymentIntentCreate"]["operation"]["id"].clone();
    let token = app.tokens.short_token("olivia", TimeDelta::seconds(2));
    let events = events(&app, &token, &json!({ "query": FOLLOW, "variables": { "id": operation } })).await;
    let last = &events[events.len() - 2].1;
    assert_eq!(last["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{events:#?}");
}

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub async fn connect(app: &TestApp, protocol: Option<&str>) -> Socket {
    let mut request = format!("ws://{}/graphql", app.address).into_client_request().expect("an address");
    if let Some(protocol) = protocol {
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a word"));
    }
    tokio_tungstenite::connect_async(request).await.expect("the gateway takes the connection").0
}

pub async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.expect("it is sent");
}

/// The next message: JSON, or the code and reason of the close.
pub async fn hear(socket: &mut Socket) -> Result<Value, (u16, String)> {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a message in time");
        match message.expect("the connection is open").expect("a message") {
            Message::Text(text) => return Ok(serde_json::from_str(&text).expect("JSON")),
            Message::Close(Some(frame)) => return Err((frame.code.into(), frame.reason.to_string())),
            Message::Close(None) => return Err((1005, String::new())),
            _ => {}
        }
    }
}

pub async fn signed_in(app: &TestApp, client: &Client) -> Socket {
    let mut socket = connect(app, Some("graphql-transport-ws")).await;
    sign_in(&mut socket, client).await;
    socket
}

async fn sign_in(socket: &mut Socket, client: &Client) {
    let token = client.token.as_deref().expect("a token");
    say(
        socket,
        json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }),
    )
    .await;
    assert_eq!(hear(socket).await.expect("an answer")["type"], "connection_ack");
}

async fn follow(socket: &mut Socket, operation: &Value) {
    let payload = json!({ "query": FOLLOW, "variables": { "id": operation } });
    say(socket, json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
}

/// States until the operation is confirmed and the stream complete.
async fn hear_to_the_end(socket: &mut Socket) -> Vec<String> {
    let mut states = Vec::new();
    loop {
        let message = hear(socket).await.expect("no close");
        match message["type"].as_str() {
            Some("next") => states.push(
                message["payload"]["data"]["billingOperation"]["state"]
                    .as_str()
                    .unwrap_or_else(|| panic!("a state, not {message:#}"))
                    .to_owned(),
            ),
            Some("complete") => return states,
            _ => panic!("unexpected: {message:#}"),
        }
    }
}

#[tokio::test]
async fn an_operation_is_followed_to_its_end_over_a_websocket() {
    let app = TestApp::start_with(impatient()).await;
    let (owner, _, operation) = unknown_operation(&app).await;
    let mut socket = signed_in(&app, &owner).await;
    follow(&mut socket, &operation).await;
    let states = hear_to_the_end(&mut socket).await;
    assert_eq!(states.last().map(String::as_str), Some("CONFIRMED"), "{states:?}");
}

/// On PostgreSQL the follower hangs on another process than the one that settles; SQLite has one process.
#[tokio::test]
async fn a_change_through_one_process_reaches_a_follower_of_another() {
    let app = TestApp::start_with(impatient()).await;
    let (owner, _, operation) = unknown_operation(&app).await;
    let other = if app.store().backend() == tollgate::store::Backend::Postgres {
        Some(app.another_process(idle_process()).await)
    } else {
        None
    };
    let mut socket = signed_in(other.as_ref().unwrap_or(&app), &owner).await;
    follow(&mut socket, &operation).await;
    let states = hear_to_the_end(&mut socket).await;
    assert_eq!(states.last().map(String::as_str), Some("CONFIRMED"), "{states:?}");
}

#[tokio::test]
async fn who_is_nobody_over_a_websocket_is_told_so() {
    let app = TestApp::start().await;
    let mut socket = connect(&app, Some("graphql-transport-ws")).await;
    say(&mut socket, json!({ "type": "connection_init" })).await;
    assert_eq!(hear(&mut socket).await.expect("an answer")["type"], "connection_ack");
    follow(&mut socket, &json!("op_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b")).await;
    let message = hear(&mut socket).await.expect("an answer");
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{message:#}");

    let mut forged = connect(&app, Some("graphql-transport-ws")).await;
    say(&mut forged, json!({ "type": "connection_init", "payload": { "authorization": "Bearer x.y.z" } }))
        .await;
    assert_eq!(hear(&mut forged).await.expect_err("a close").0, 4403);

    let mut early = connect(&app, Some("graphql-transport-ws")).await;
    follow(&mut early, &json!("op_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b")).await;
    hear(&mut early).await.expect_err("nothing runs before connection_init");

    let mut other = connect(&app, None).await;
    assert_eq!(hear(&mut other).await.expect_err("a close").0, 4406);
}

/// A connection outlives a membership: what is asked over it later is asked with the roles of that moment.
#[tokio::test]
async fn who_was_removed_reads_nothing_more_over_an_open_websocket() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let mallory = app.member(&organization, "mallory").await;
    let mut socket = signed_in(&app, &mallory).await;
    let query = json!({ "query": "query($id: ID!) { organization(id: $id) { name } }", "variables": { "id": organization } });
    say(&mut socket, json!({ "id": "1", "type": "subscribe", "payload": query })).await;
    let message = hear(&mut socket).await.expect("an answer");
    assert_eq!(message["payload"]["data"]["organization"]["name"], "The acme company", "{message:#}");
    assert_eq!(hear(&mut socket).await.expect("an end")["type"], "complete");

    app.remove_member(&organization, &mallory).await;
    say(&mut socket, json!({ "id": "2", "type": "subscribe", "payload": query })).await;
    let message = hear(&mut socket).await.expect("an answer");
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "NOT_FOUND", "{message:#}");
}

/// Whoever is removed or suspended, and whatever key is revoked: what they had open ends at once, unasked. On PostgreSQL
/// it hangs on another process than the one that did it.
#[tokio::test]
async fn sessions_end_with_the_membership_or_the_key_that_opened_them() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..impatient() }).await;
    let (owner, organization, operation) = unknown_operation(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::FailBefore).times(1_000));
    let other = if app.store().backend() == tollgate::store::Backend::Postgres {
        Some(app.another_process(idle_process()).await)
    } else {
        None
    };
    let there = other.as_ref().unwrap_or(&app);
    let key = json!({ "organizationId": organization, "name": "Watcher", "scopes": ["BILLING_READ"] });
    let key = done(&owner, "apiKeyCreate", key, "secret apiKey { id }").await;
    let program = Client::new(app.address, key["secret"].as_str().map(str::to_owned));
    for (name, mutation) in [("mallory", "memberRemove"), ("sam", "memberSuspend"), ("", "apiKeyRevoke")] {
        let client = if name.is_empty() {
            program.clone()
        } else {
            app.member_as(&organization, name, Role::Admin).await
        };
        let mut socket = signed_in(there, &client).await;
        follow(&mut socket, &operation).await;
        assert_eq!(hear(&mut socket).await.expect("the state")["type"], "next");
        // Nobody else's session ends with it.
        let mut bystander = signed_in(there, &owner).await;
        let input = if name.is_empty() {
            json!({ "apiKeyId": key["apiKey"]["id"] })
        } else {
            json!({ "memberId": member(&owner, &organization, name).await["id"] })
        };
        done(&owner, mutation, input, "").await;
        let closed = loop {
            if let Err(closed) = hear(&mut socket).await {
                break closed;
            }
        };
        assert_eq!(closed.0, 4403, "{mutation}: {}", closed.1);
        follow(&mut bystander, &operation).await;
        assert_eq!(hear(&mut bystander).await.expect("the state")["type"], "next", "{mutation}");
    }
    let sse = app.member_as(&organization, "eve", Role::Admin).await;
    let token = sse.token.clone().expect("a token");
    let body = json!({ "query": FOLLOW, "variables": { "id": operation } });
    let id = member(&owner, &organization, "eve").await["id"].clone();
    let (events, _) = futures::join!(events(there, &token, &body), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        done(&owner, "memberRemove", json!({ "memberId": id }), "").await
    });
    let last = &events[events.len() - 2].1;
    // The stream or the field that it follows, whichever hears it first.
    let code = last["errors"][0]["extensions"]["code"].as_str();
    assert!(matches!(code, Some("UNAUTHENTICATED" | "NOT_FOUND")), "{events:#?}");
}

/// Another token of the same person, with another claim, changes nothing of a stream that runs.
#[tokio::test]
async fn a_stream_is_staffs_as_its_own_token_says() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..impatient() }).await;
    let (_, _, operation) = unknown_operation(&app).await;
    // It stays unknown until the sandbox is well again.
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::FailBefore).times(1_000));
    let staff = Client::new(app.address, Some(app.tokens.staff_token("casey")));
    let plain = app.client("casey");
    let viewer = "{ viewer { isPlatformStaff } }";
    let mut socket = signed_in(&app, &staff).await;
    follow(&mut socket, &operation).await;
    let first = hear(&mut socket).await.expect("the state");
    assert_eq!(first["payload"]["data"]["billingOperation"]["state"], "UNKNOWN", "{first:#}");

    assert_eq!(plain.send(viewer, json!({})).await.data()["viewer"]["isPlatformStaff"], false);
    let faults = format!("{}/_sandbox/faults", app.sandbox.base_url());
    assert!(reqwest::Client::new().delete(faults).send().await.expect("an answer").status().is_success());
    let states = hear_to_the_end(&mut socket).await;
    assert_eq!(states.last().map(String::as_str), Some("CONFIRMED"), "{states:?}");
}

#[tokio::test]
async fn the_document_guard_stands_before_a_websocket_too() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let mut socket = signed_in(&app, &owner).await;
    let fields: String = (0..60)
        .map(|number| format!("a{number}: viewer {{ isPlatformStaff }}"))
        .collect::<Vec<_>>()
        .join(" ");
    say(
        &mut socket,
        json!({ "id": "1", "type": "subscribe", "payload": { "query": format!("{{ {fields} }}") } }),
    )
    .await;
    let message = hear(&mut socket).await.expect("an answer");
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX", "{message:#}");
}

#[tokio::test]
async fn a_connection_follows_only_so_many_at_once() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..impatient() }).await;
    let (owner, _, operation) = unknown_operation(&app).await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::FailBefore).times(1_000));
    let mut socket = signed_in(&app, &owner).await;
    let payload = json!({ "query": FOLLOW, "variables": { "id": operation } });
    for number in 0..=50 {
        say(&mut socket, json!({ "id": number.to_string(), "type": "subscribe", "payload": payload })).await;
    }
    let mut refused = 0;
    let mut answered = 0;
    while answered < 51 {
        let message = hear(&mut socket).await.expect("no close");
        if message["type"] == "next" {
            answered += 1;
            let code = &message["payload"]["errors"][0]["extensions"]["code"];
            refused += usize::from(*code == "QUERY_TOO_COMPLEX");
        }
    }
    assert!(refused >= 1, "the fifty-first was let in");
}

#[tokio::test]
async fn stopping_ends_streams_at_once_and_says_so() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..impatient() }).await;
    let (owner, _, operation) = unknown_operation(&app).await;
    let mut socket = signed_in(&app, &owner).await;
    let silent = signed_in(&app, &owner).await;
    follow(&mut socket, &operation).await;
    hear(&mut socket).await.expect("the state");
    let began = Instant::now();
    app.stop().await;
    assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
    let closed = loop {
        if let Err(closed) = hear(&mut socket).await {
            break closed;
        }
    };
    assert_eq!(closed.0, 1001);
    drop(silent);
}

/// A connection whose reader takes little at once.
async fn narrow(app: &TestApp, client: &Client) -> Socket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let stream = socket.connect(app.address).await.expect("the gateway takes the connection");
    let mut request = format!("ws://{}/graphql", app.address).into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a word"));
    let stream = MaybeTlsStream::Plain(stream);
    let mut socket = tokio_tungstenite::client_async(request, stream).await.expect("the same protocol").0;
    sign_in(&mut socket, client).await;
    socket
}

/// Asks for more than any buffer on the way holds.
async fn ask_for_much(socket: &mut Socket) {
    let query = "{ __schema { types { name description fields { name description args { name description } }
        inputFields { name description } enumValues { name description } } } }";
    for number in 0..40 {
        let payload = json!({ "query": query });
        say(socket, json!({ "id": format!("much-{number}"), "type": "subscribe", "payload": payload })).await;
    }
}

#[tokio::test]
async fn who_reads_too_slowly_is_told_so_and_closed() {
    let mut options = TestOptions::default();
    options.http.send_time = Duration::from_millis(200);
    let app = TestApp::start_with(options).await;
    let mut socket = narrow(&app, &app.client("olivia")).await;
    ask_for_much(&mut socket).await;
    // Until what nobody takes has filled every buffer.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut answers = 0;
    let closed = loop {
        match hear(&mut socket).await {
            Ok(message) if message["type"] == "next" => {
                assert!(message["payload"]["errors"].is_null(), "{:#}", message["payload"]["errors"]);
                answers += 1;
            }
            Ok(_) => {}
            Err(closed) => break closed,
        }
    };
    assert_eq!(closed, (1013, "You read too slowly. Connect again, and read what you follow.".to_owned()));
    assert!((1..40).contains(&answers), "{answers} came before");
}

/// The channel holds 1,024 notices for whoever is busy. Whoever misses one is told, and nothing is made up for them.
#[tokio::test]
async fn who_falls_behind_is_told_to_read_again() {
    let mut options = TestOptions::default();
    options.http.send_time = Duration::from_secs(60);
    let app = TestApp::start_with(options).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let mut socket = narrow(&app, &owner).await;
    for (name, field) in [("invoices", "invoiceChanged"), ("access", "accessState")] {
        let query = format!("subscription($id: ID!) {{ {field}(organizationId: $id) {{ __typename }} }}");
        let payload = json!({ "query": query, "variables": { "id": organization } });
        say(&mut socket, json!({ "id": name, "type": "subscribe", "payload": payload })).await;
    }
    // What is said over one connection is done in order.
    assert_eq!(hear(&mut socket).await.expect("how it stands")["id"], "access");
    say(&mut socket, json!({ "id": "access", "type": "complete" })).await;
    ask_for_much(&mut socket).await;
    // Until what nobody takes has filled every buffer.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let transaction = app.store().begin().await.expect("a transaction");
    for number in 0..1_100 {
        let nobody = UserId(uuid::Uuid::from_u128(number));
        transaction.revoke_sessions_of(nobody).await.expect("an update of nobody");
    }
    let entry = AuditEntry::new(None, "test.tell", "user", "nobody");
    transaction.commit(&Actor::system(), entry).await.expect("a commit");
    // On PostgreSQL they come by way of the database.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut told = Vec::new();
    while told.last().is_none_or(|message: &Value| message["type"] != "complete") {
        let message = hear(&mut socket).await.expect("no close");
        if message["id"] == "invoices" {
            told.push(message);
        }
    }
    assert_eq!(told.len(), 2, "{told:#?}");
    let error = &told[0]["payload"]["errors"][0];
    assert_eq!(error["extensions"]["code"], "RATE_LIMITED", "{told:#?}");
}
