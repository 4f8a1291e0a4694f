//! What the endpoint answers: bodies, status codes, and errors with their codes and the request's id.

use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{ErrorExtensionValues, Pos, Response, ServerError, Value};
use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::negotiation::ResponseType;
use super::parameters::ParameterError;
use crate::http::document::Refusal;

/// What a client reads when the fault is ours.
const INTERNAL_MESSAGE: &str = "Something went wrong on our side. It has been logged; tell support the request id if it keeps happening.";

/// How many errors of one invalid document are listed.
const MAX_ERRORS: usize = 20;

/// How long a message about an invalid document may be, in characters: some repeat what was sent.
const MAX_MESSAGE: usize = 500;

/// The codes that the endpoint itself gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    BadUserInput,
    QueryTooComplex,
    Unauthenticated,
    RateLimited,
    Internal,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::RateLimited => "RATE_LIMITED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// A request that is not run.
#[derive(Debug)]
pub(super) struct Refused {
    error: Box<ServerError>,
    kind: Kind,
    allow: Option<&'static str>,
}

/// Which status code an outcome gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It ran; errors of fields are part of the answer.
    Ran,
    /// A GraphQL request whose document cannot be run.
    Document,
    /// Anything else.
    Status(StatusCode),
}

impl Kind {
    fn status(self, media_type: ResponseType) -> StatusCode {
        match (self, media_type) {
            (Self::Ran, _) | (Self::Document, ResponseType::Json) => StatusCode::OK,
            (Self::Document, ResponseType::GraphqlResponse) => StatusCode::BAD_REQUEST,
            (Self::Status(status), _) => status,
        }
    }
}

impl Refused {
    /// A request that is no GraphQL request.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let error = coded(ServerError::new(message, None), Code::BadUserInput.as_str());
        Self { error: Box::new(error), kind: Kind::Status(status), allow: None }
    }

    /// A GraphQL request whose document is refused.
    pub fn document(code: Code, message: impl Into<String>) -> Self {
        let error = coded(ServerError::new(message, None), code.as_str());
        Self { error: Box::new(error), kind: Kind::Document, allow: None }
    }

    /// An operation whose caller has spent their budget.
    pub fn spent(wait: Duration) -> Self {
        let message = format!(
            "This API key has spent its budget, of which each root field takes a part. Try again in {} seconds.",
            wait.as_secs() + 1
        );
        let error = coded(ServerError::new(message, None), Code::RateLimited.as_str());
        Self { error: Box::new(error), kind: Kind::Status(StatusCode::TOO_MANY_REQUESTS), allow: None }
    }

    /// Names the methods that would do.
    pub fn allowing(self, methods: &'static str) -> Self {
        Self { allow: Some(methods), ..self }
    }
}

impl From<ParameterError> for Refused {
    fn from(error: ParameterError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let location: Option<Pos> = refusal.location();
        let error = coded(ServerError::new(refusal.to_string(), location), refusal.code());
        Self { error: Box::new(error), kind: Kind::Document, allow: None }
    }
}

/// What became of one GraphQL request.
#[derive(Debug)]
pub(super) struct Outcome {
    response: Response,
    kind: Kind,
}

impl From<Refused> for Outcome {
    fn from(refused: Refused) -> Self {
        Self { response: Response::from_errors(vec![*refused.error]), kind: refused.kind }
    }
}

/// What is told to whoever followed something and may not any more.
pub const ENDED: &str = "Your access here has ended. Connect again with what you still have.";

impl Outcome {
    /// The schema's response. The schema has found the document invalid when there is neither data nor a field that
    /// an error belongs to.
    pub fn of(response: Response) -> Self {
        let is_invalid = response.data == Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.is_empty());
        Self { response, kind: if is_invalid { Kind::Document } else { Kind::Ran } }
    }

    /// The operation panicked, or the runtime is going down.
    pub fn broken(error: &tokio::task::JoinError) -> Self {
        tracing::error!(%error, "a GraphQL operation broke off");
        Self::failed(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, INTERNAL_MESSAGE.to_owned())
    }

    /// The operation took too long.
    pub fn late(operation: OperationType, time: Duration) -> Self {
        let seconds = time.as_secs_f32();
        if operation == OperationType::Mutation {
            let message = format!(
                "The mutation takes longer than {seconds} s and goes on without you. Look what became of it before \
                 you send it again; with the same idempotencyKey it is not done twice."
            );
            Self::failed(StatusCode::GATEWAY_TIMEOUT, Code::Internal, message)
        } else {
            let message =
                format!("The operation took longer than {seconds} s and was ended. Ask for less at once.");
            Self::failed(StatusCode::GATEWAY_TIMEOUT, Code::QueryTooComplex, message)
        }
    }

    /// The caller's token ended while something was followed.
    pub fn expired() -> Self {
        let message = "Your token has ended. Connect again with a new one.".to_owned();
        Self::failed(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
    }

    /// The caller's membership ended, or their key was revoked, while something was followed.
    pub fn ended() -> Self {
        Self::failed(StatusCode::UNAUTHORIZED, Code::Unauthenticated, ENDED.to_owned())
    }

    /// The response by itself, for a stream: every error with its code and the request's id.
    pub fn into_response(mut self, request_id: Option<&str>) -> Response {
        self.finish(request_id);
        self.response
    }

    fn failed(status: StatusCode, code: Code, message: String) -> Self {
        let error = coded(ServerError::new(message, None), code.as_str());
        Self { response: Response::from_errors(vec![error]), kind: Kind::Status(status) }
    }

    /// Gives every error a code and the request's id, and keeps to ourselves what is not for the caller.
    fn finish(&mut self, request_id: Option<&str>) {
        if self.kind == Kind::Document {
            shorten(&mut self.response.errors);
        }
        for error in &mut self.response.errors {
            let extensions = error.extensions.get_or_insert_default();
            if extensions.get("code").is_none() {
                let code = if self.kind == Kind::Document || is_input_error(&error.message) {
                    Code::BadUserInput
                } else {
                    tracing::error!(request_id, error = error.message, path = ?error.path, "an error without a code");
                    INTERNAL_MESSAGE.clone_into(&mut error.message);
                    Code::Internal
                };
                extensions.set("code", code.as_str());
            }
            if let Some(request_id) = request_id {
                extensions.set("requestId", request_id);
            }
        }
    }
}

/// Whether a resolver could not read an argument: async-graphql gives these no code, but always these words.
fn is_input_error(message: &str) -> bool {
    ["Failed to parse \"", "Expected input type \"", "Invalid value for argument "]
        .iter()
        .any(|beginning| message.starts_with(beginning))
}

fn shorten(errors: &mut Vec<ServerError>) {
    let more = errors.len().saturating_sub(MAX_ERRORS);
    if more > 0 {
        errors.truncate(MAX_ERRORS);
        errors.push(ServerError::new(format!("There are {more} more errors like these."), None));
    }
    for error in errors {
        if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE) {
            error.message.truncate(end);
            error.message.push('…');
        }
    }
}

fn coded(mut error: ServerError, code: &str) -> ServerError {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    error.extensions = Some(extensions);
    error
}

/// What goes back for one HTTP request.
#[derive(Debug)]
pub(super) enum Answer {
    One(Outcome),
    Batch(Vec<Outcome>),
    NotRun(Refused),
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        Self::NotRun(refused)
    }
}

/// A response without `data`: nothing ran.
#[derive(Serialize)]
struct WithoutData<'a> {
    errors: &'a [ServerError],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    WithoutData(WithoutData<'a>),
    Complete(&'a Response),
}

impl<'a> From<&'a Outcome> for Payload<'a> {
    fn from(outcome: &'a Outcome) -> Self {
        match outcome.kind {
            Kind::Ran => Self::Complete(&outcome.response),
            _ => Self::WithoutData(WithoutData { errors: &outcome.response.errors }),
        }
    }
}

impl Answer {
    /// The HTTP response in a media type.
    pub fn into_http(self, media_type: ResponseType, request_id: Option<&str>) -> axum::response::Response {
        let mut headers = HeaderMap::new();
        let (status, body) = match self {
            Self::One(outcome) => one(outcome, media_type, request_id, &mut headers),
            Self::NotRun(refused) => {
                if let Some(methods) = refused.allow {
                    headers.insert(ALLOW, HeaderValue::from_static(methods));
                }
                one(Outcome::from(refused), media_type, request_id, &mut headers)
            }
            Self::Batch(mut outcomes) => {
                for outcome in &mut outcomes {
                    outcome.finish(request_id);
                    headers.extend(std::mem::take(&mut outcome.response.http_headers));
                }
                let payloads: Vec<_> = outcomes.iter().map(Payload::from).collect();
                (StatusCode::OK, serde_json::to_vec(&payloads))
            }
        };
        let body = body.unwrap_or_else(|error| {
            tracing::error!(%error, request_id, "an answer cannot be written as JSON");
            Vec::new()
        });
        let status = if body.is_empty() { StatusCode::INTERNAL_SERVER_ERROR } else { status };
        headers.insert(CONTENT_TYPE, media_type.content_type());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(VARY, HeaderValue::from_static("accept, authorization"));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        let mut response = axum::response::Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

fn one(
    mut outcome: Outcome,
    media_type: ResponseType,
    request_id: Option<&str>,
    headers: &mut HeaderMap,
) -> (StatusCode, serde_json::Result<Vec<u8>>) {
    outcome.finish(request_id);
    headers.extend(std::mem::take(&mut outcome.response.http_headers));
    (outcome.kind.status(media_type), serde_json::to_vec(&Payload::from(&outcome)))
}
