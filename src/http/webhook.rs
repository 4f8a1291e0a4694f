//! Stripe's webhook: raw bytes, signature, store, 200. What the event does is the worker's affair.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use metrics::counter;

use crate::domain::clock::Clock;
use crate::jobs::Waker;
use crate::payments::{SignatureError, WebhookVerifier, parse_envelope};
use crate::store::{Store, StoredEvent};

/// What the webhook needs.
#[derive(Clone)]
pub struct StripeWebhook {
    /// Where events are stored.
    pub store: Store,
    /// Checks signatures.
    pub verifier: std::sync::Arc<WebhookVerifier>,
    /// Where the time comes from.
    pub clock: std::sync::Arc<dyn Clock>,
    /// Wakes the worker.
    pub waker: Waker,
    /// Bytes of a body at most.
    pub max_body_bytes: usize,
    /// How long a body may take to come.
    pub read_timeout: std::time::Duration,
    /// How many may be taken in at the same time: each holds a body in memory.
    pub places: std::sync::Arc<tokio::sync::Semaphore>,
}

/// `POST /webhooks/stripe`. Stripe reads only the status: 2xx is delivered, anything else is sent again.
pub async fn receive(State(webhook): State<StripeWebhook>, request: Request) -> Response {
    // Before the body is read: what is shed takes no memory, and Stripe sends it again.
    let Ok(_place) = webhook.places.try_acquire() else {
        counter!("tollgate_webhooks_total", "outcome" => "shed").increment(1);
        tracing::warn!("a webhook was shed: too many are being taken in");
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [(axum::http::header::RETRY_AFTER, "1")],
            "Too many webhooks at once. Send it again.",
        )
            .into_response();
    };
    let (parts, body) = request.into_parts();
    // Whoever does not send what it promised would hold the place for ever, signed or not.
    let Ok(read) = tokio::time::timeout(webhook.read_timeout, read(body, webhook.max_body_bytes)).await
    else {
        count("too_slow");
        return refuse(StatusCode::REQUEST_TIMEOUT, "The body took too long to come. Send it again.");
    };
    let Ok(raw) = read else {
        count("too_large");
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.");
    };
    let signature = signature(&parts.headers);
    if let Err(error) = webhook.verifier.verify(&raw, signature, webhook.clock.now()) {
        counter!("tollgate_webhook_signatures_refused_total", "reason" => reason(error)).increment(1);
        count("refused");
        tracing::warn!(reason = reason(error), "a webhook was refused");
        // Nothing internal: whoever forged it learns only that it did not work.
        return refuse(StatusCode::BAD_REQUEST, "The signature could not be verified.");
    }
    let event = match parse_envelope(&raw) {
        Ok(event) => event,
        Err(error) => {
            count("malformed");
            tracing::warn!(%error, "a signed webhook is no event");
            return refuse(StatusCode::BAD_REQUEST, "The body is not an event of Stripe's.");
        }
    };
    let event_id = event.event_id.clone();
    match webhook.store.store_stripe_event(event).await {
        Ok(StoredEvent::New) => {
            count("stored");
            webhook.waker.wake();
            StatusCode::OK.into_response()
        }
        Ok(StoredEvent::Known) => {
            count("known");
            StatusCode::OK.into_response()
        }
        Err(error) => {
            count("failed");
            tracing::error!(event_id, %error, source = ?std::error::Error::source(&error), "an event could not be stored");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "The event could not be stored. Send it again.")
        }
    }
}

fn count(outcome: &'static str) {
    counter!("tollgate_webhooks_total", "outcome" => outcome).increment(1);
}

async fn read(body: Body, limit: usize) -> Result<axum::body::Bytes, axum::Error> {
    to_bytes(body, limit).await
}

fn signature(headers: &HeaderMap) -> &str {
    headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

const fn reason(error: SignatureError) -> &'static str {
    match error {
        SignatureError::MissingHeader => "missing",
        SignatureError::MalformedHeader => "malformed",
        SignatureError::Mismatch => "mismatch",
        SignatureError::TooOld => "too_old",
        SignatureError::TooNew => "from_the_future",
    }
}

fn refuse(status: StatusCode, message: &'static str) -> Response {
    (status, message).into_response()
}
