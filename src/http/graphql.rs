//! The GraphQL endpoint, by the GraphQL over HTTP specification.
//!
//! It reads a request, lets the document guard judge the document, runs it, and answers with the status code that
//! the media type asks for. It knows no type of ours: what executes stands behind [`GraphqlExecutor`], and what
//! belongs to one request (who is calling, from where) travels in the request's `http::Extensions`, which middleware
//! fills and the executor reads.
//!
//! Forged requests from other sites (CSRF): a GET runs queries only, and a POST must be `application/json`, which a
//! browser does not send across sites without asking first.

mod negotiation;
mod parameters;
mod response;
mod selections;
mod sse;
mod websocket;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{ObjectType, Request, Response, Schema, SubscriptionType};
use async_trait::async_trait;
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{Extensions, Method, StatusCode, request::Parts};
use axum::routing::{MethodRouter, any};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::Instrument;

use super::document::{CheckedDocument, DocumentGuard, DocumentLimits, TypeMapError};
use crate::domain::clock::Clock;
use negotiation::ResponseType;
use parameters::{Body, Parameters};
use response::{Answer, Code, Outcome, Refused};

pub use selections::StoredSelections;

/// The id of a request. Middleware puts it into the request's extensions; every error repeats it as
/// `extensions.requestId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// What runs a GraphQL request: a schema, and whatever stands around it.
#[async_trait]
pub trait GraphqlExecutor: Send + Sync {
    /// Lets an operation with so many root fields in, or says how long its caller has to wait. Each of them is work of its
    /// own: a request that asks for twenty things is not one.
    fn admit(&self, _context: &Extensions, _root_fields: u64) -> Result<(), Duration> {
        Ok(())
    }

    /// Runs the request. `context` holds the extensions of the HTTP request, as middleware filled them.
    async fn execute(&self, request: Request, context: &Extensions) -> Response;

    /// Runs a subscription.
    fn execute_stream(&self, request: Request, context: &Extensions) -> BoxStream<'static, Response>;
}

/// Finds out who opens a connection, from the token that comes in it. A browser cannot send headers with a WebSocket.
#[async_trait]
pub trait SessionStarter: Send + Sync {
    /// The extensions of the connection's requests; the error is the sentence that the client reads.
    async fn start(&self, token: &str, context: &Extensions) -> Result<Extensions, String>;
}

/// Until when who is calling is known: the end of their token. Middleware puts it into the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct ValidUntil(pub tokio::time::Instant);

/// Tells when who is calling stops being who they were before their token ends: a membership that ended, a key that was
/// revoked. Middleware puts it into the request's extensions; what lasts listens to it.
#[derive(Clone)]
pub struct EndsEarly(Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>);

impl EndsEarly {
    /// `listen` begins to listen, and ends when it is over.
    pub fn new(listen: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    /// Begins to listen.
    fn listen(&self) -> BoxFuture<'static, ()> {
        (self.0)()
    }

    /// Waits for the end of whoever made the request; for ever when nothing is known of one.
    fn of(context: &Extensions) -> BoxFuture<'static, ()> {
        context.get::<Self>().map_or_else(|| std::future::pending().boxed(), Self::listen)
    }
}

/// A schema by itself. The HTTP request's extensions do not reach its resolvers.
#[async_trait]
impl<Q, M, S> GraphqlExecutor for Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    async fn execute(&self, request: Request, _context: &Extensions) -> Response {
        Schema::execute(self, request).await
    }

    fn execute_stream(&self, request: Request, _context: &Extensions) -> BoxStream<'static, Response> {
        Schema::execute_stream(self, request)
    }
}

/// Settings of the endpoint.
#[derive(Clone, Debug)]
pub struct GraphqlHttpConfig {
    /// The largest body of a POST, in bytes.
    pub max_body_bytes: usize,
    /// The longest list of requests in one body. 0 allows no list.
    pub max_batch: usize,
    /// How long reading a body may take, and how long one operation may.
    pub execution_timeout: Duration,
    /// What a document may measure.
    pub limits: DocumentLimits,
    /// Event streams and WebSockets at most, together.
    pub max_streams: usize,
    /// How long the reader of a WebSocket may leave a message untaken.
    pub send_time: Duration,
}

impl Default for GraphqlHttpConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: 256 * 1024,
            max_batch: 0,
            execution_timeout: Duration::from_secs(30),
            limits: DocumentLimits::default(),
            max_streams: 1_000,
            send_time: Duration::from_secs(10),
        }
    }
}

/// The endpoint's state, shared by all requests.
pub struct GraphqlEndpoint {
    executor: Arc<dyn GraphqlExecutor>,
    documents: Arc<DocumentGuard>,
    config: GraphqlHttpConfig,
    running: TaskTracker,
    streams: Arc<Semaphore>,
    sessions: Option<Arc<dyn SessionStarter>>,
    closing: CancellationToken,
}

impl GraphqlEndpoint {
    /// An endpoint for the schema of `sdl`. Fails when the SDL cannot be parsed or has no query type.
    pub fn new(
        executor: Arc<dyn GraphqlExecutor>,
        sdl: &str,
        config: GraphqlHttpConfig,
    ) -> Result<Self, TypeMapError> {
        let documents = Arc::new(DocumentGuard::new(sdl, config.limits.clone())?);
        let streams = Arc::new(Semaphore::new(config.max_streams.min(Semaphore::MAX_PERMITS)));
        let (running, closing) = (TaskTracker::new(), CancellationToken::new());
        Ok(Self { executor, documents, config, running, streams, sessions: None, closing })
    }

    /// Lets the guard know what day it is.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.documents.set_clock(clock);
        self
    }

    /// Lets connections say who they are once they are open.
    pub fn with_sessions(self, sessions: Arc<dyn SessionStarter>) -> Self {
        Self { sessions: Some(sessions), ..self }
    }

    /// Ends all streams and connections, with a word to their clients: they would outlast every other request.
    pub fn close_streams(&self) {
        self.closing.cancel();
    }

    /// Waits for the operations that still run. Mutations go on when their client has gone away or their time is up,
    /// so that they end in a known state. To be awaited when no new request can come.
    pub async fn drain(&self) {
        self.running.close();
        self.running.wait().await;
    }
}

/// The route: `Router::new().route("/graphql", graphql::route(endpoint))`.
pub fn route<S>(endpoint: Arc<GraphqlEndpoint>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    any(handle).with_state(endpoint)
}

async fn handle(
    State(endpoint): State<Arc<GraphqlEndpoint>>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let (mut parts, body) = request.into_parts();
    if websocket::is_upgrade(&parts) {
        return websocket::upgrade(endpoint, parts).await;
    }
    let context = Arc::new(std::mem::take(&mut parts.extensions));
    let request_id = context.get::<RequestId>().map(|id| id.0.clone());
    if negotiation::wants_events(&parts.headers) {
        return sse::answer(&endpoint, &parts, body, &context).await;
    }
    let negotiated = ResponseType::negotiate(&parts.headers);
    let answer = match negotiated {
        Some(_) => endpoint.answer(&parts, body, &context).await.unwrap_or_else(Answer::from),
        None => Answer::from(Refused::new(
            StatusCode::NOT_ACCEPTABLE,
            "The answer can be application/graphql-response+json or application/json: accept one of them.",
        )),
    };
    answer.into_http(negotiated.unwrap_or(ResponseType::Json), request_id.as_deref())
}

impl GraphqlEndpoint {
    async fn answer(
        &self,
        parts: &Parts,
        body: HttpBody,
        context: &Arc<Extensions>,
    ) -> Result<Answer, Refused> {
        match parts.method {
            Method::GET | Method::HEAD => {
                let parameters = Parameters::from_query_string(parts.uri.query().unwrap_or_default())?;
                let document = self.check(&parameters)?;
                if document.operation_type() == OperationType::Mutation {
                    return Err(Refused::new(
                        StatusCode::METHOD_NOT_ALLOWED,
                        "Mutations are not run by GET: send a POST.",
                    )
                    .allowing("POST"));
                }
                Ok(Answer::One(self.run(parameters, &document, context).await))
            }
            Method::POST => {
                if !negotiation::is_json_body(&parts.headers) {
                    return Err(Refused::new(
                        StatusCode::UNSUPPORTED_MEDIA_TYPE,
                        "The request body must be JSON in UTF-8: send Content-Type: application/json.",
                    ));
                }
                let body = self.read(body).await?;
                match Body::parse(&body, self.config.max_batch)? {
                    Body::One(parameters) => {
                        let document = self.check(&parameters)?;
                        Ok(Answer::One(self.run(parameters, &document, context).await))
                    }
                    Body::Batch(requests) => self.run_batch(requests, context).await,
                }
            }
            _ => Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "GraphQL is spoken by GET and POST.")
                .allowing("GET, HEAD, POST")),
        }
    }

    async fn read(&self, body: HttpBody) -> Result<axum::body::Bytes, Refused> {
        let max = self.config.max_body_bytes;
        let too_large = || {
            let message = format!("The request body is too large: at most {max} bytes are read.");
            Refused::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        };
        // Said beforehand (Content-Length), it need not be read at all.
        if axum::body::HttpBody::size_hint(&body).lower() > max as u64 {
            return Err(too_large());
        }
        let reading = Limited::new(body, max).collect();
        match tokio::time::timeout(self.config.execution_timeout, reading).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(Refused::new(StatusCode::BAD_REQUEST, "The request body broke off.")),
            Err(_) => {
                Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "The request body did not arrive in time."))
            }
        }
    }

    /// Checks a document of any kind.
    fn check_any(&self, parameters: &Parameters) -> Result<CheckedDocument, Refused> {
        let name = parameters.operation_name.as_deref();
        Ok(self.documents.check(&parameters.query, name, &parameters.variables)?)
    }

    /// Checks a document whose answer is one.
    fn check(&self, parameters: &Parameters) -> Result<CheckedDocument, Refused> {
        let document = self.check_any(parameters)?;
        if document.operation_type() == OperationType::Subscription {
            return Err(Refused::document(
                Code::BadUserInput,
                "A subscription needs a stream: accept text/event-stream, or open a WebSocket (graphql-transport-ws).",
            ));
        }
        Ok(document)
    }

    /// Follows a checked subscription; the stream ends with the operation, the caller's token or
    /// membership, or the server.
    fn follow(
        &self,
        parameters: Parameters,
        document: &CheckedDocument,
        context: &Extensions,
    ) -> BoxStream<'static, Outcome> {
        if let Err(wait) = self.executor.admit(context, document.root_fields()) {
            return stream::iter([Outcome::from(Refused::spent(wait))]).boxed();
        }
        let mut request = parameters.into_request();
        request.set_parsed_query(document.to_executable());
        let responses = self.executor.execute_stream(request, context);
        let end = context.get::<ValidUntil>().map(|until| until.0);
        let start = Some((responses, self.closing.clone(), EndsEarly::of(context)));
        stream::unfold(start, move |state| async move {
            let (mut responses, closing, mut ended) = state?;
            let expiry = async {
                match end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = closing.cancelled() => None,
                // The last word of a stream whose time is up says why it ends.
                () = expiry => Some((Outcome::expired(), None)),
                () = &mut ended => Some((Outcome::ended(), None)),
                response = responses.next() => {
                    Some((Outcome::of(response?), Some((responses, closing, ended))))
                }
            }
        })
        .boxed()
    }

    /// One after the other. What is limited for one operation is limited for all of them together.
    async fn run_batch(
        &self,
        requests: Vec<Parameters>,
        context: &Arc<Extensions>,
    ) -> Result<Answer, Refused> {
        let checked: Vec<_> = requests.into_iter().map(|it| (self.check(&it), it)).collect();
        let limits = &self.config.limits;
        let sum = |of: fn(&CheckedDocument) -> u64| {
            checked.iter().flat_map(|(document, _)| document).map(of).fold(0, u64::saturating_add)
        };
        let (cost, money) = (sum(CheckedDocument::cost), sum(CheckedDocument::money_mutations));
        if cost > limits.cost {
            let message =
                format!("The batch is too complex: its cost is {cost}, and the limit is {}.", limits.cost);
            return Err(Refused::document(Code::QueryTooComplex, message));
        }
        if money > limits.money_mutations {
            let message = format!(
                "The batch has {money} mutations that move money, and at most {} may be in one request.",
                limits.money_mutations
            );
            return Err(Refused::document(Code::QueryTooComplex, message));
        }
        let mut outcomes = Vec::with_capacity(checked.len());
        for (document, parameters) in checked {
            outcomes.push(match document {
                Ok(document) => self.run(parameters, &document, context).await,
                Err(refused) => Outcome::from(refused),
            });
        }
        Ok(Answer::Batch(outcomes))
    }

    /// Runs a checked request in a task of its own: a query ends with its client, a mutation does not, and a panic
    /// stays in the task.
    async fn run(
        &self,
        parameters: Parameters,
        document: &CheckedDocument,
        context: &Arc<Extensions>,
    ) -> Outcome {
        if let Err(wait) = self.executor.admit(context, document.root_fields()) {
            return Outcome::from(Refused::spent(wait));
        }
        let mut request = parameters.into_request();
        request.set_parsed_query(document.to_executable());
        let executor = Arc::clone(&self.executor);
        let context = Arc::clone(context);
        let operation = async move { executor.execute(request, &context).await };
        let task = self.running.spawn(operation.in_current_span());
        let time = self.config.execution_timeout;
        let finished = if document.operation_type() == OperationType::Mutation {
            tokio::time::timeout(time, task).await
        } else {
            tokio::time::timeout(time, AbortOnDropHandle::new(task)).await
        };
        match finished {
            Ok(Ok(response)) => Outcome::of(response),
            Ok(Err(error)) => Outcome::broken(&error),
            Err(_) => Outcome::late(document.operation_type(), time),
        }
    }
}
