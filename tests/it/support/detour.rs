//! A Stripe in front of the sandbox that answers some requests in its own way.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use stripe_sandbox::Sandbox;
use tokio::net::TcpListener;

/// What becomes of a request.
pub enum Way {
    /// The sandbox answers.
    Straight,
    /// It is refused, with this code and sentence.
    Refused(&'static str, &'static str),
    /// Stripe fails, and says that it keeps that under the request's key.
    Kept,
    /// The sandbox is asked that instead, when there is such; and something else is told.
    Retold(Option<(Method, String)>, Box<dyn FnOnce(&mut Value) + Send>),
}

type Choose = dyn Fn(&Method, &str) -> Way + Send + Sync;

/// Where Stripe is; `choose` is given each request's method and path with its query.
pub async fn detour(
    sandbox: &Sandbox,
    choose: impl Fn(&Method, &str) -> Way + Send + Sync + 'static,
) -> String {
    let (base, choose): (String, Arc<Choose>) = (sandbox.base_url(), Arc::new(choose));
    let forward = move |request: axum::extract::Request| answer(base.clone(), Arc::clone(&choose), request);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(forward)).await });
    format!("http://{address}")
}

async fn answer(
    base: String,
    choose: Arc<Choose>,
    request: axum::extract::Request,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let (mut method, mut target, mut retell) = (parts.method.clone(), path.clone(), None);
    match choose(&parts.method, &path) {
        Way::Straight => {}
        Way::Refused(code, message) => {
            let error =
                json!({ "error": { "type": "invalid_request_error", "code": code, "message": message } });
            return (StatusCode::BAD_REQUEST, HeaderMap::new(), error.to_string().into_bytes());
        }
        Way::Kept => {
            let error = json!({ "error": { "type": "api_error", "message": "Sorry!" } });
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static("idempotent-replayed"),
                HeaderValue::from_static("true"),
            )]);
            return (StatusCode::INTERNAL_SERVER_ERROR, headers, error.to_string().into_bytes());
        }
        Way::Retold(instead, how) => {
            retell = Some(how);
            if let Some(instead) = instead {
                (method, target) = instead;
            }
        }
    }
    let mut headers = parts.headers;
    headers.remove("host");
    let mut sent = reqwest::Client::new().request(method.clone(), format!("{base}{target}"));
    if method == parts.method {
        sent = sent.body(body);
    } else {
        for name in ["content-length", "content-type", "idempotency-key"] {
            headers.remove(name);
        }
    }
    let answer = sent.headers(headers).send().await.expect("the sandbox answers");
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove("transfer-encoding");
    let mut bytes = answer.bytes().await.expect("a body").to_vec();
    if let Some(retell) = retell {
        let mut told: Value = serde_json::from_slice(&bytes).expect("JSON");
        retell(&mut told);
        bytes = told.to_string().into_bytes();
        headers.remove("content-length");
    }
    (status, headers, bytes)
}
