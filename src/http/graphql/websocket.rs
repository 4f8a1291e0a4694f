//! Subscriptions over WebSocket, by the protocol `graphql-transport-ws`. Messages are async-graphql's to read and write;
//! ours are who is calling, the document guard, the limits, and the end.
//!
//! Forged connections from other sites: nothing is taken from a cookie. Who is calling comes in a header, which a browser
//! cannot set, or in `connection_init`, which another site's page does not know.

use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::http::{ClientMessage, WebSocket as Protocol, WebSocketProtocols, WsMessage};
use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Executor, Request, Response};
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::header::{AUTHORIZATION, UPGRADE};
use axum::http::{Extensions, StatusCode, request::Parts};
use axum::response::IntoResponse;
use futures::stream::{self, BoxStream};
use futures::{SinkExt, StreamExt};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::parameters::Parameters;
use super::response::{Answer, Code, ENDED, Outcome, Refused};
use super::{EndsEarly, GraphqlEndpoint, RequestId, ValidUntil};
use crate::http::graphql::negotiation::ResponseType;

/// The one protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to say who it is.
const INIT_TIME: Duration = Duration::from_secs(10);
/// How often a silent connection is asked whether it is still there.
const PING: Duration = Duration::from_secs(25);
/// How long a connection without a token lasts: there is little to follow for nobody, and places are few.
const ANONYMOUS_TIME: Duration = Duration::from_secs(60);
/// How long whoever reads too slowly, or is closed, has for the last word.
const LAST_WORD: Duration = Duration::from_secs(10);
/// How long a client may take to close its side.
const LINGER: Duration = Duration::from_secs(2);
/// What whoever reads too slowly is told.
const TOO_SLOW: &str = "You read too slowly. Connect again, and read what you follow.";
/// What one connection may follow at once.
const OPERATIONS: usize = 50;

/// Whether a request wants to become a WebSocket.
pub(super) fn is_upgrade(parts: &Parts) -> bool {
    parts.headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Turns the request into a WebSocket.
pub(super) async fn upgrade(endpoint: Arc<GraphqlEndpoint>, mut parts: Parts) -> axum::response::Response {
    let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let Ok(permit) = Arc::clone(&endpoint.streams).try_acquire_owned() else {
        let message = "Too many streams are open. Try again in a moment.";
        let refused = Refused::new(StatusCode::SERVICE_UNAVAILABLE, message);
        return Answer::from(refused).into_http(ResponseType::GraphqlResponse, request_id.as_deref());
    };
    let max = endpoint.config.max_body_bytes;
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(max)
        .max_frame_size(max)
        .on_upgrade(move |socket| serve(endpoint, socket, parts.extensions, header, permit))
}

async fn serve(
    endpoint: Arc<GraphqlEndpoint>,
    mut socket: WebSocket,
    context: Extensions,
    header: Option<String>,
    _permit: OwnedSemaphorePermit,
) {
    if socket.protocol().is_none_or(|protocol| protocol != PROTOCOL) {
        close(&mut socket, 4406, &format!("Subprotocol not acceptable: speak {PROTOCOL}.")).await;
        return;
    }
    let (mut sink, source) = socket.split();
    let source = Arc::new(Mutex::new(source));
    let messages = stream::unfold(Arc::clone(&source), |source| async move {
        let message = source.lock().await.next().await?;
        Some((message, source))
    });
    let messages = messages
        .take_while(|message| std::future::ready(message.is_ok()))
        .filter_map(|message| async move {
            match message {
                Ok(Message::Text(text)) => Some(ClientMessage::from_bytes(text.as_bytes())),
                Ok(Message::Binary(bytes)) => Some(ClientMessage::from_bytes(&bytes)),
                _ => None,
            }
        })
        .boxed();
    let (started, mut starting) = watch::channel(Started::default());
    let connection =
        Connection { endpoint: Arc::clone(&endpoint), operations: Arc::new(Semaphore::new(OPERATIONS)) };
    let opener = Arc::clone(&endpoint);
    let mut protocol = Protocol::from_message_stream(connection, messages, WebSocketProtocols::GraphQLWS)
        .on_connection_init(move |payload| async move {
            let session = Session::new(&payload, context, header).map_err(async_graphql::Error::new)?;
            let context = session.context(&opener).await.map_err(async_graphql::Error::new)?;
            let until = context.get::<ValidUntil>().map(|until| until.0);
            let is_anonymous = until.is_none();
            let until = until.or_else(|| Some(Instant::now() + ANONYMOUS_TIME));
            let ends = context.get::<EndsEarly>().cloned();
            started.send_replace(Started { is_done: true, is_anonymous, until, ends });
            let mut data = Data::default();
            data.insert(Arc::new(session));
            Ok(data)
        });
    let init_by = Instant::now() + INIT_TIME;
    let mut ping = tokio::time::interval_at(Instant::now() + PING, PING);
    let mut ended = None;
    loop {
        let known = starting.borrow_and_update().clone();
        if ended.is_none() && known.is_done {
            ended = known.ends.as_ref().map(EndsEarly::listen);
        }
        let is_ended = async {
            match &mut ended {
                Some(ended) => ended.await,
                None => std::future::pending().await,
            }
        };
        let end = if known.is_done { known.until } else { Some(init_by) };
        let time_is_up = async {
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            () = endpoint.closing.cancelled() => close_frame(1001, "The server is stopping. Connect again."),
            () = time_is_up => if known.is_anonymous {
                close_frame(4401, "Unauthorized: without a token a connection lasts a minute.")
            } else if known.is_done {
                close_frame(4403, "Your token has ended. Connect again with a new one.")
            } else {
                close_frame(4408, "Connection initialisation timeout")
            },
            () = is_ended => close_frame(4403, ENDED),
            Ok(()) = starting.changed() => continue,
            _ = ping.tick() => Message::Ping(axum::body::Bytes::new()),
            message = protocol.next() => match message {
                Some(WsMessage::Text(text)) => Message::text(text),
                // What async-graphql closes with when somebody could not be identified says that the protocol was
                // broken; the protocol's own word is Forbidden.
                Some(WsMessage::Close(1002, reason)) if !known.is_done => close_frame(4403, &reason),
                Some(WsMessage::Close(code, reason)) => close_frame(code, &reason),
                None => break,
            },
        };
        let is_last = matches!(message, Message::Close(_));
        // While it waits, the connection's end is not looked at, and nothing more is read for it.
        let sent = tokio::time::timeout(endpoint.config.send_time, sink.send(message)).await;
        if sent.is_err() && !is_last {
            // Behind what waits already: whoever reads on comes to it, and whoever does not is gone.
            let _ = tokio::time::timeout(LAST_WORD, sink.send(close_frame(1013, TOO_SLOW))).await;
        }
        if !matches!(sent, Ok(Ok(()))) || is_last {
            break;
        }
    }
    drop(protocol);
    // A connection that is closed while something of the client's is unread is reset, and the last word is lost with it.
    let _ = tokio::time::timeout(LAST_WORD, sink.close()).await;
    let unread = async {
        let mut source = source.lock().await;
        while let Some(Ok(_)) = source.next().await {}
    };
    let _ = tokio::time::timeout(LINGER, unread).await;
}

/// Whether the client said who it is, and until when that holds.
#[derive(Clone, Default)]
struct Started {
    is_done: bool,
    /// Nobody in particular.
    is_anonymous: bool,
    until: Option<Instant>,
    /// What tells that it does not hold any more.
    ends: Option<EndsEarly>,
}

/// Who holds a connection.
struct Session {
    /// The extensions of the request that opened it.
    context: Extensions,
    /// The token, from `connection_init` or the request's header.
    token: Option<String>,
}

impl Session {
    /// Takes the token from `connection_init`'s `authorization`, else from the request's header.
    fn new(
        payload: &serde_json::Value,
        context: Extensions,
        header: Option<String>,
    ) -> Result<Self, &'static str> {
        let token = ["authorization", "Authorization"].iter().find_map(|name| payload.get(name));
        let token = match token {
            Some(serde_json::Value::String(token)) => Some(token.clone()),
            Some(serde_json::Value::Null) | None => header,
            Some(_) => return Err("authorization must be a string: \"Bearer …\"."),
        };
        Ok(Self { context, token })
    }

    /// The extensions of a request of this moment: a connection may outlive its holder's roles.
    async fn context(&self, endpoint: &GraphqlEndpoint) -> Result<Extensions, String> {
        match (&self.token, &endpoint.sessions) {
            (Some(token), Some(sessions)) => sessions.start(token, &self.context).await,
            _ => Ok(self.context.clone()),
        }
    }
}

fn close_frame(code: u16, reason: &str) -> Message {
    // A close frame holds 123 bytes of reason.
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    Message::Close(Some(CloseFrame { code, reason: reason[..end].into() }))
}

async fn close(socket: &mut WebSocket, code: u16, reason: &str) {
    // The client may be gone, and then there is nobody to tell.
    let _ = socket.send(close_frame(code, reason)).await;
}

/// Runs what comes over one connection.
#[derive(Clone)]
struct Connection {
    endpoint: Arc<GraphqlEndpoint>,
    operations: Arc<Semaphore>,
}

impl Executor for Connection {
    async fn execute(&self, request: Request) -> Response {
        // The protocol runs everything as a stream; without a session nothing runs.
        let mut stream = self.execute_stream(request, None);
        stream.next().await.unwrap_or_default()
    }

    fn execute_stream(&self, request: Request, data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let found = data.as_ref().and_then(|data| data.get(&TypeId::of::<Arc<Session>>()));
        let session = found.and_then(|session| session.downcast_ref::<Arc<Session>>()).map(Arc::clone);
        let connection = self.clone();
        let outcomes = async move {
            let Some(session) = session else {
                let refused = Refused::document(Code::Unauthenticated, "Say connection_init first.");
                return (None, stream::iter([Outcome::from(refused)]).boxed());
            };
            let request_id = session.context.get::<RequestId>().map(|id| id.0.clone());
            let outcomes = match session.context(&connection.endpoint).await {
                Ok(context) => connection.start(request, context),
                Err(reason) => Err(Refused::document(Code::Unauthenticated, reason)),
            };
            let outcomes = outcomes.unwrap_or_else(|refused| stream::iter([Outcome::from(refused)]).boxed());
            (request_id, outcomes)
        };
        let responses = stream::once(outcomes)
            .flat_map(|(request_id, outcomes)| {
                outcomes.map(move |outcome| outcome.into_response(request_id.as_deref()))
            })
            .boxed();
        beside(responses)
    }
}

/// The same, made beside the connection and one ahead of it: while somebody does not read, what is under way for them must not
/// stand still in the middle, with a connection of the database in its hands.
fn beside(mut responses: BoxStream<'static, Response>) -> BoxStream<'static, Response> {
    let (sender, receiver) = mpsc::channel(1);
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(response) = responses.next().await {
            if sender.send(response).await.is_err() {
                return;
            }
        }
    }));
    stream::unfold((receiver, task), |(mut receiver, task)| async move {
        let response = receiver.recv().await?;
        Some((response, (receiver, task)))
    })
    .boxed()
}

impl Connection {
    fn start(&self, request: Request, context: Extensions) -> Result<BoxStream<'static, Outcome>, Refused> {
        let permit = Arc::clone(&self.operations).try_acquire_owned().map_err(|_| {
            let message = format!("At most {OPERATIONS} operations run over one connection.");
            Refused::document(Code::QueryTooComplex, message)
        })?;
        let parameters = Parameters {
            query: request.query,
            operation_name: request.operation_name,
            variables: request.variables,
            extensions: request.extensions,
        };
        let document = self.endpoint.check_any(&parameters)?;
        let outcomes = if document.operation_type() == OperationType::Subscription {
            self.endpoint.follow(parameters, &document, &context)
        } else {
            let (endpoint, context) = (Arc::clone(&self.endpoint), Arc::new(context));
            stream::once(async move { endpoint.run(parameters, &document, &context).await }).boxed()
        };
        // The permit is given back with the stream, however that ends.
        Ok(outcomes.inspect(move |_| _ = &permit).boxed())
    }
}
