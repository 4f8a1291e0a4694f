//! What lasts, a connection or a stream, ends when its caller's session does, or when it no longer suffices.

use std::time::Duration;

use chrono::TimeDelta;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tollgate::domain::membership::Role;

use super::secure;
use crate::live::{self, events, hear, say};
use crate::mutations::member::done;
use crate::support::tokens::SignIn;
use crate::support::{Client, TestApp, TestOptions, text};

const PATIENCE: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An open connection of a client's.
async fn connect(app: &TestApp, client: &Client) -> Socket {
    let mut request = format!("ws://{}/graphql", app.address).into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a word"));
    let mut socket = tokio_tungstenite::connect_async(request).await.expect("it is taken").0;
    let token = client.token.as_deref().expect("a token");
    let init =
        json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
    socket.send(Message::text(init.to_string())).await.expect("it is sent");
    let ack = socket.next().await.expect("an answer").expect("a message");
    assert!(ack.to_text().is_ok_and(|text| text.contains("connection_ack")), "{ack:?}");
    socket
}

/// The code with which a connection is closed.
async fn closed(socket: &mut Socket) -> Option<u16> {
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.expect("it is closed in time") {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            None | Some(Err(_)) => return None,
        }
    }
}

/// Whether a connection still answers.
async fn answers(socket: &mut Socket) -> bool {
    let ping = json!({ "type": "ping" });
    if socket.send(Message::text(ping.to_string())).await.is_err() {
        return false;
    }
    matches!(
        tokio::time::timeout(PATIENCE, socket.next()).await.expect("an answer in time"),
        Some(Ok(Message::Text(text))) if text.contains("pong")
    )
}

/// On PostgreSQL they hang on another process than the one through which it was changed.
#[tokio::test]
async fn connections_end_when_more_is_asked_than_they_can_show() {
    let app = TestApp::start().await;
    let other = if app.store().backend() == tollgate::store::Backend::Postgres {
        let options = crate::support::TestOptions { deliver_webhooks: false, ..Default::default() };
        Some(app.another_process(options).await)
    } else {
        None
    };
    let there = other.as_ref().unwrap_or(&app);
    let owner = app.client_by("olivia", &SignIn { methods: vec!["mfa"], ..SignIn::default() });
    let acme = app.organization(&owner, "acme").await;
    let weak = app.member_as(&acme, "adam", Role::Admin).await;
    let stranger = app.client("stranger");
    let mut strong_socket = connect(there, &owner).await;
    let mut weak_socket = connect(there, &weak).await;
    let mut stranger_socket = connect(there, &stranger).await;
    secure(&owner, &acme, 0, json!({ "mfaRequired": true })).await;
    assert_eq!(closed(&mut weak_socket).await, Some(4403));
    assert!(answers(&mut strong_socket).await && answers(&mut stranger_socket).await);
}

#[tokio::test]
async fn event_streams_end_with_a_sign_out() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.member(&acme, "peter").await;
    let query = "subscription($id: ID!) { notificationAdded(organizationId: $id) { id } }";
    let body = json!({ "query": query, "variables": { "id": acme } });
    let token = peter.token.clone().expect("a token");
    let sign_out = async {
        // Past the second in which the token says that it began.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        done(&owner, "sessionsRevoke", json!({ "organizationId": acme }), "").await;
    };
    let (events, ()) = tokio::join!(events(&app, &token, &body), sign_out);
    let told = events.iter().rev().find(|(name, _)| name == "next").expect("it is told why");
    // The stream or the field that it follows, whichever hears it first.
    let code = told.1["errors"][0]["extensions"]["code"].as_str();
    assert!(matches!(code, Some("UNAUTHENTICATED" | "FORBIDDEN")), "{events:#?}");
    assert_eq!(events.last().map(|(name, _)| name.as_str()), Some("complete"));
}

#[tokio::test]
async fn connections_end_with_a_sign_out_and_with_a_sessions_end() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.member(&acme, "peter").await;
    let id = peter.send("{ viewer { user { id } } }", json!({})).await;
    let id = text(&id.data()["viewer"]["user"]["id"]);
    let (mut peters, mut owners) = (connect(&app, &peter).await, connect(&app, &owner).await);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    done(&owner, "sessionsRevoke", json!({ "organizationId": acme, "userId": id }), "").await;
    assert_eq!(closed(&mut peters).await, Some(4403));
    assert!(answers(&mut owners).await);
    done(&owner, "viewerSessionsRevoke", json!({}), "").await;
    assert_eq!(closed(&mut owners).await, Some(4403));

    // By itself: two seconds before its lifetime is over.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let again = app.client("olivia");
    secure(&again, &acme, 0, json!({ "sessionLifetimeMinutes": 5 })).await;
    let ends_soon = SignIn { authenticated: Some(TimeDelta::seconds(298)), ..SignIn::default() };
    // It began before the sign-out of a moment ago, so it is another member's.
    app.member(&acme, "quinn").await;
    let mut ending = connect(&app, &app.client_by("quinn", &ends_soon)).await;
    assert!(answers(&mut ending).await);
    assert_eq!(closed(&mut ending).await, Some(4403));
    let late =
        app.client_by("quinn", &SignIn { authenticated: Some(TimeDelta::seconds(301)), ..SignIn::default() });
    // Whoever may not act in one organization may still be there, for others.
    let mut elsewhere = connect(&app, &late).await;
    assert!(answers(&mut elsewhere).await);
}

/// Follows, over one connection, what happens in two organizations: all that lasts in the first, and the second's access, as
/// it stands first.
async fn follow_both(socket: &mut Socket, acme: &str, globex: &str, operation: &Value) {
    let of = |field: &str, selection: &str| {
        format!("subscription($id: ID!) {{ {field}(organizationId: $id) {{ {selection} }} }}")
    };
    let streams = [
        ("access", of("accessState", "level"), json!(acme)),
        ("invoices", of("invoiceChanged", "id"), json!(acme)),
        ("notifications", of("notificationAdded", "id"), json!(acme)),
        (
            "operation",
            "subscription($id: ID!) { billingOperation(id: $id) { state } }".to_owned(),
            operation.clone(),
        ),
        ("elsewhere", of("accessState", "level"), json!(globex)),
    ];
    for (name, query, id) in streams {
        let payload = json!({ "query": query, "variables": { "id": id } });
        say(socket, json!({ "id": name, "type": "subscribe", "payload": payload })).await;
    }
    for _ in ["access", "operation", "elsewhere"] {
        let message = hear(socket).await.expect("no close");
        assert!(message["payload"]["errors"].is_null(), "{message:#}");
    }
}

/// Hears until the four streams of the first organization have ended, each with FORBIDDEN and this reason. What was told
/// before it ended may still come.
async fn hear_the_end(socket: &mut Socket, reason: &str) {
    let (mut ended, mut refused) = (Vec::new(), 0);
    while ended.len() < 4 {
        let message = hear(socket).await.unwrap_or_else(|close| panic!("closed: {close:?} after {ended:?}"));
        if message["type"] == "complete" {
            ended.push(text(&message["id"]));
            continue;
        }
        let errors = &message["payload"]["errors"];
        if errors.is_null() {
            continue;
        }
        let extensions = &errors[0]["extensions"];
        assert_eq!(extensions["code"], "FORBIDDEN", "{message:#}");
        assert_eq!(extensions["reason"], reason, "{message:#}");
        refused += 1;
    }
    ended.sort_unstable();
    assert_eq!(
        (ended.as_slice(), refused),
        (["access", "invoices", "notifications", "operation"].map(str::to_owned).as_slice(), 4)
    );
}

/// One organization's rules end what follows that organization, and nothing of another's.
#[tokio::test]
async fn what_one_organization_asks_ends_no_stream_of_another() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..live::impatient() }).await;
    let (_, acme, operation) = live::unknown_operation(&app).await;
    // It stays unknown.
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::FailBefore).times(1_000));
    let owner = app.client_by("olivia", &SignIn { methods: vec!["mfa"], ..SignIn::default() });
    let globex = app.organization(&owner, "globex").await;
    app.card(&owner, &globex, "pm_card_visa").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    for organization in [&acme, &globex] {
        app.member_as(organization, "quinn", Role::Admin).await;
    }
    secure(&owner, &acme, 0, json!({ "sessionLifetimeMinutes": 5 })).await;
    let ends_soon = SignIn { authenticated: Some(TimeDelta::seconds(290)), ..SignIn::default() };
    let mut ending = live::signed_in(&app, &app.client_by("quinn", &ends_soon)).await;
    let mut weak = live::signed_in(&app, &app.client("quinn")).await;
    for socket in [&mut ending, &mut weak] {
        follow_both(socket, &acme, &globex, &operation).await;
    }
    hear_the_end(&mut ending, "SESSION_EXPIRED").await;
    secure(&owner, &acme, 1, json!({ "mfaRequired": true })).await;
    hear_the_end(&mut weak, "MFA_REQUIRED").await;
    // Both hear of the other organization as before.
    app.subscribe(&owner, &globex, &plan).await;
    for socket in [&mut ending, &mut weak] {
        let message = hear(socket).await.expect("no close");
        assert_eq!(message["id"], "elsewhere", "{message:#}");
        assert_eq!(message["payload"]["data"]["accessState"]["level"], "FULL", "{message:#}");
    }
}
