//! One HTTP request, from its headers to its answer.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::Value;

use crate::errors::{Answer, ApiError, ErrorType};
use crate::events::API_VERSION;
use crate::faults::{Fault, FaultKind};
use crate::idempotency::StoredAnswer;
use crate::routes::Route;
use crate::sandbox::Shared;
use crate::state::{Cause, State};
use crate::{control, expand, form, pages, parameters, routes, time};

const MAXIMUM_BODY: usize = 1 << 20;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer was dropped on purpose")]
pub(crate) struct Dropped;

pub(crate) type HttpAnswer = Result<Response<Full<Bytes>>, Dropped>;

/// A request that came in, as `Sandbox::requests` and `GET /_sandbox/requests` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedRequest {
    /// `GET`, `POST` or `DELETE`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Query and body, decoded; values as they came, that is strings.
    pub params: Value,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// The `Stripe-Version` header.
    pub stripe_version: Option<String>,
    /// The status of the answer; for a fault that dropped it, 0.
    pub status: u16,
    /// The `Request-Id` of the answer.
    pub request_id: String,
    /// Sandbox time, seconds since the epoch.
    pub at: i64,
}

/// A call of one endpoint: its parameters, checked and typed, and the world to change.
pub(crate) struct Call<'a> {
    pub state: &'a mut State,
    pub params: Value,
    pub(crate) ids: Vec<String>,
}

impl Call<'_> {
    /// The n-th id of the address.
    pub(crate) fn id(&self, index: usize) -> &str {
        self.ids.get(index).map(String::as_str).unwrap_or_default()
    }
}

/// Calls an endpoint from inside; `params` as they are after their check.
pub(crate) fn ask(
    state: &mut State,
    run: fn(&mut Call<'_>) -> Answer,
    ids: &[&str],
    params: Value,
) -> Answer {
    run(&mut Call { state, params, ids: ids.iter().map(|id| (*id).to_owned()).collect() })
}

/// What was read of a request.
pub(crate) struct Received {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether neither the name that was asked for nor the page that asked is another machine's. A page that somebody
    /// happens to visit can send requests to this machine, and no key guards the control plane.
    fn is_from_here(&self) -> bool {
        let is_loopback = |address: &str| {
            url::Url::parse(address).is_ok_and(|url| match url.host() {
                Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
                Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
                Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
                None => false,
            })
        };
        let told = |name: &str| self.headers.get(name).map(|value| value.to_str().unwrap_or_default());
        told("host").is_none_or(|host| is_loopback(&format!("http://{host}")))
            && told("origin").is_none_or(is_loopback)
    }

    /// Only what changes something carries a key.
    fn idempotency_key(&self, replay_deletes: bool) -> Option<&str> {
        let keyed = self.method == Method::POST || replay_deletes && self.method == Method::DELETE;
        self.header("idempotency-key").filter(|_| keyed)
    }
}

/// What goes back, before it is a response.
struct Outgoing {
    status: u16,
    body: Bytes,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
}

impl Outgoing {
    fn json(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string())
    }

    fn stored(&self, request_id: &str) -> StoredAnswer {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        StoredAnswer { status: self.status, body, request_id: request_id.to_owned() }
    }

    fn text(status: u16, body: String) -> Self {
        Self { status, body: body.into(), content_type: "application/json", headers: Vec::new() }
    }
}

/// Answers a request. It is worked on in a task of its own, because a client that hangs up does not undo what it asked.
pub(crate) async fn answer(shared: Arc<Shared>, request: http::Request<Incoming>) -> HttpAnswer {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAXIMUM_BODY).collect().await else {
        return Ok(finish(Outgoing::text(
            413,
            "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Request too large.\"}}".into(),
        )));
    };
    let received = Received {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: body.to_bytes(),
    };
    let work = tokio::spawn(async move {
        if let Some(path) = received.path.strip_prefix("/_sandbox/") {
            let answer = if received.is_from_here() {
                control::answer(&shared, &received, path)
            } else {
                Err(ApiError::new(
                    403,
                    ErrorType::InvalidRequest,
                    "The sandbox is controlled from this machine only: by addresses of it, and from no page of another.",
                ))
            };
            return Ok(control_answer(answer));
        }
        if received.path.starts_with("/_pages/") {
            return Ok(pages::answer(&shared, &received));
        }
        api_answer(&shared, &received).await
    });
    work.await.unwrap_or(Err(Dropped))
}

fn control_answer(answer: Answer) -> Response<Full<Bytes>> {
    finish(match answer {
        Ok(body) => Outgoing::json(200, &body),
        Err(error) => Outgoing::json(error.status, &error.body("sandbox")),
    })
}

async fn api_answer(shared: &Shared, received: &Received) -> HttpAnswer {
    if let Some(observer) = shared.observer() {
        let (method, path) = (received.method.to_string(), received.path.clone());
        // One that panics is a test's that failed: it hears of it by the answer that is missing.
        tokio::task::spawn_blocking(move || observer(&method, &path)).await.map_err(|_| Dropped)?;
    }
    let (request_id, fault) = {
        let state = &mut *shared.lock();
        (state.id("req"), state.faults.take(received.method.as_str(), &received.path, &mut state.ids))
    };
    let decoded = form::decode(&received.query, &received.body);
    let params = decoded.as_ref().cloned().unwrap_or_default();
    let kind = fault.as_ref().map(|fault| fault.kind);
    let acts = match (&fault, kind) {
        (Some(fault), Some(FaultKind::ServerError | FaultKind::HtmlBadGateway | FaultKind::Garbage)) => {
            fault.act
        }
        (_, Some(FaultKind::FailBefore | FaultKind::RateLimit { .. } | FaultKind::LockTimeout)) => false,
        _ => true,
    };
    let mut outgoing = None;
    if acts {
        let early = match kind {
            Some(FaultKind::Delay { ms }) => Some(Duration::from_millis(ms)),
            _ => None,
        };
        outgoing = Some(work(shared, received, decoded, &request_id, early).await);
        if let Some(FaultKind::ActThenDelay { ms }) = kind {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }
    let answered = match (fault, outgoing) {
        (Some(fault), done) => faulty(&fault, done, &request_id),
        (None, Some(done)) => Some(done),
        (None, None) => None,
    };
    {
        let mut state = shared.lock();
        let at = state.now();
        if let (true, Some(FaultKind::ServerError), Some(answered)) = (acts, kind, &answered)
            && let Some(key) = received.idempotency_key(shared.replay_deletes)
        {
            // Stripe keeps a 500 under its key as well, whatever had happened by then.
            state.ledger.finish(key, Some(answered.stored(&request_id)));
        }
        state.record(RecordedRequest {
            method: received.method.to_string(),
            path: received.path.clone(),
            params,
            idempotency_key: received.header("idempotency-key").map(str::to_owned),
            stripe_version: received.header("stripe-version").map(str::to_owned),
            status: answered.as_ref().map_or(0, |answered| answered.status),
            request_id: request_id.clone(),
            at,
        });
    }
    let Some(mut answered) = answered else { return Err(Dropped) };
    if answered.content_type == "application/json" {
        answered.headers.push(("request-id", request_id));
        answered.headers.push(("stripe-version", API_VERSION.to_owned()));
        if let Some(key) = received.header("idempotency-key") {
            answered.headers.push(("idempotency-key", key.to_owned()));
        }
    }
    Ok(finish(answered))
}

/// The answer under a fault; none to drop the connection.
fn faulty(fault: &Fault, done: Option<Outgoing>, request_id: &str) -> Option<Outgoing> {
    let error = |error: ApiError| Outgoing::json(error.status, &error.body(request_id));
    match fault.kind {
        FaultKind::FailBefore | FaultKind::ActThenDrop => None,
        FaultKind::Delay { .. } | FaultKind::ActThenDelay { .. } => done,
        FaultKind::RateLimit { retry_after } => {
            let message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.";
            let mut outgoing = error(ApiError::new(429, ErrorType::InvalidRequest, message).code("rate_limit"));
            outgoing.headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
            outgoing.headers.push(("stripe-rate-limited-reason", "global-rate".into()));
            Some(outgoing)
        }
        FaultKind::LockTimeout => {
            let message = "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. \
                           If you see this error intermittently, retry the request. If you see this error frequently and are making multiple \
                           concurrent requests to a single object, make your requests serially or at a lower rate.";
            Some(error(ApiError::new(429, ErrorType::InvalidRequest, message).code("lock_timeout")))
        }
        FaultKind::ServerError => {
            let message = "Sorry! There was an error while talking to Stripe. We have been notified of the problem.";
            Some(error(ApiError::new(500, ErrorType::Api, message)))
        }
        FaultKind::HtmlBadGateway => Some(Outgoing {
            status: 502,
            body: Bytes::from_static(b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"),
            content_type: "text/html",
            headers: Vec::new(),
        }),
        FaultKind::Garbage => Some(Outgoing::text(200, "{\"id\": \"cus_\u{fffd}, <not json".into())),
    }
}

/// Does what the request asks, with its idempotency.
async fn work(
    shared: &Shared,
    received: &Received,
    decoded: Answer,
    request_id: &str,
    delay: Option<Duration>,
) -> Outgoing {
    let refused = |error: &ApiError| Outgoing::json(error.status, &error.body(request_id));
    let prepared = match prepare(received, decoded) {
        Ok(prepared) => prepared,
        Err(error) => return refused(&error),
    };
    let key = received.idempotency_key(shared.replay_deletes).map(str::to_owned);
    if let Some(key) = &key {
        let mut state = shared.lock();
        let now = state.now();
        let endpoint = format!("{} {}", received.method, received.path);
        match state.ledger.begin(key, &endpoint, &prepared.params, now) {
            Ok(None) => {}
            Ok(Some(first)) => {
                let mut outgoing = Outgoing::text(first.status, first.body);
                outgoing.headers =
                    vec![("idempotent-replayed", "true".into()), ("original-request", first.request_id)];
                return outgoing;
            }
            Err(error) => return refused(&error),
        }
    }
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    let mut changed = received.method != Method::GET;
    let outgoing = {
        let mut state = shared.lock();
        changed |= time::catch_up(&mut state);
        let cause = Cause { request_id: Some(request_id.to_owned()), idempotency_key: key.clone() };
        let answer = execute(&mut state, prepared, cause);
        let (outgoing, executed) = match &answer {
            Ok(body) => (Outgoing::json(200, body), true),
            Err(error) => (refused(error), error.executed),
        };
        if let Some(key) = &key {
            state.ledger.finish(key, executed.then(|| outgoing.stored(request_id)));
        }
        outgoing
    };
    if changed {
        shared.changed.notify_one();
    }
    outgoing
}

/// A request that passed every check which needs no state.
struct Prepared {
    route: &'static Route,
    ids: Vec<String>,
    params: Value,
}

fn prepare(received: &Received, decoded: Answer) -> Result<Prepared, ApiError> {
    authenticate(received.header("authorization"))?;
    let (method, path) = (received.method.as_str(), received.path.as_str());
    let unrecognized = || {
        if let Some(pattern) = routes::find_unmodelled(method, path) {
            return ApiError::unsupported(&format!("{method} {pattern}")).without_param();
        }
        let message = format!(
            "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
        );
        ApiError::new(404, ErrorType::InvalidRequest, message)
    };
    let (route, ids) = routes::find(method, path).ok_or_else(unrecognized)?;
    if let Some(version) = received.header("stripe-version").filter(|version| *version != API_VERSION) {
        return Err(ApiError::invalid(format!(
            "Invalid Stripe API version: {version}. The sandbox speaks {API_VERSION} only."
        )));
    }
    if let Some(account) = received.header("stripe-account") {
        let message = format!(
            "The provided key does not have access to account '{account}' (or that account does not exist)."
        );
        return Err(ApiError::new(403, ErrorType::InvalidRequest, message).code("account_invalid"));
    }
    let json_body = received.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if json_body && !received.body.is_empty() {
        return Err(ApiError::invalid(
            "Invalid request: the v1 API takes application/x-www-form-urlencoded, not JSON.",
        ));
    }
    let operation = format!("{method} {}", route.path);
    let params = parameters::check(&operation, decoded?)?;
    expand::check(&operation, &params)?;
    Ok(Prepared { route, ids, params })
}

fn execute(state: &mut State, prepared: Prepared, cause: Cause) -> Answer {
    state.cause = cause;
    let Prepared { route, ids, params } = prepared;
    let test_clock = state.test_clock_of_request(&ids, &params);
    let (answer, params) = state.within(test_clock.as_deref(), |state| {
        let mut call = Call { state, params, ids };
        ((route.run)(&mut call), call.params)
    });
    state.cause = Cause::default();
    match answer {
        Ok(mut object) => {
            expand::apply(state, &mut object, &params);
            Ok(state.render(&object))
        }
        Err(error) => Err(error),
    }
}

/// Only keys of test mode are let in.
fn authenticate(authorization: Option<&str>) -> Result<(), ApiError> {
    let refused = |message: String| Err(ApiError::new(401, ErrorType::InvalidRequest, message));
    let key = match authorization.and_then(|value| value.split_once(' ')) {
        Some(("Bearer", key)) => key.trim().to_owned(),
        Some(("Basic", credentials)) => {
            let decoded =
                base64::engine::general_purpose::STANDARD.decode(credentials.trim()).unwrap_or_default();
            String::from_utf8_lossy(&decoded).split(':').next().unwrap_or_default().to_owned()
        }
        _ => {
            return refused(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. \
                 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at \
                 https://support.stripe.com/."
                    .into(),
            );
        }
    };
    if key.starts_with("sk_test_") || key.starts_with("rk_test_") {
        return Ok(());
    }
    let shown: String = key.chars().take(8).collect();
    refused(format!("Invalid API Key provided: {shown}*****"))
}

fn finish(outgoing: Outgoing) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(outgoing.body));
    *response.status_mut() =
        StatusCode::from_u16(outgoing.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(outgoing.content_type));
    headers.insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-cache, no-store"));
    for (name, value) in outgoing.headers {
        if let Ok(value) = http::HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

/// A page for people.
pub(crate) fn page(status: u16, content_type: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    finish(Outgoing { status, body: body.into(), content_type, headers: Vec::new() })
}

/// Sends a browser on, with GET.
pub(crate) fn redirect(location: String) -> Response<Full<Bytes>> {
    let headers = vec![("location", location)];
    finish(Outgoing { status: 303, body: Bytes::new(), content_type: "text/html; charset=utf-8", headers })
}
