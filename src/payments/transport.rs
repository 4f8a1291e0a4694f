//! One pooled, keep-alive HTTP transport under async-stripe's client trait: time-outs, our own idempotency keys,
//! retries with jitter that honour what Stripe hints.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use stripe_client_core::{CustomizedStripeRequest, RequestBuilder, StripeClient, StripeMethod, VERSION};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::budget::Budget;
use super::client::IdempotencyKey;
use super::convert::payment_intent;
use super::error::{Outcome, PaymentsError};
use super::events::read_object;
use crate::domain::loopback::is_loopback;
use crate::domain::payment::PaymentFailure;

/// An answer of Stripe's is far smaller; a larger one is something else.
const MAXIMUM_BYTES: usize = 16 * 1024 * 1024;
/// Requests under way at once: a flood waits here instead of opening sockets without bound.
const CONCURRENCY: usize = 64;
/// The pause before the second attempt is drawn from zero to this; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause: an interactive caller waits. When Stripe asks for a longer one we give up, rather than ask again
/// before it is over.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Draws a whole number of milliseconds from zero to the bound.
pub(super) type Jitter = Arc<dyn Fn(u64) -> u64 + Send + Sync>;

/// Randomness from the system.
#[expect(clippy::disallowed_methods, reason = "the one place where real jitter is drawn")]
pub(super) fn system_jitter() -> Jitter {
    use rand::Rng;
    Arc::new(|bound| rand::rng().random_range(0..=bound))
}

pub(super) struct Transport {
    http: reqwest::Client,
    base: String,
    key: SecretString,
    max_attempts: u32,
    /// After this long no further attempt of a request is begun, and nobody waits for a place any longer. Whoever waits for the
    /// answers of several requests has a moment of their own beside it ([`Pace::Interactive`]).
    patience: Duration,
    jitter: Jitter,
    places: Semaphore,
}

impl Transport {
    pub(super) fn new(
        base: &str,
        key: SecretString,
        timeout: Duration,
        max_attempts: u32,
        jitter: Jitter,
    ) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tollgate/", env!("CARGO_PKG_VERSION")));
        // What is on this machine is not behind the proxy that HTTP_PROXY names.
        let is_here = url::Url::parse(base).is_ok_and(|base| is_loopback(&base));
        let http = if is_here { http.no_proxy() } else { http }.build()?;
        let base = base.trim_end_matches('/').trim_end_matches("/v1");
        Ok(Self {
            http,
            base: format!("{base}/v1"),
            key,
            max_attempts: max_attempts.max(1),
            patience: timeout.saturating_mul(2),
            jitter,
            places: Semaphore::new(CONCURRENCY),
        })
    }

    /// Sends until there is an answer worth giving, with the same key each time, and each time in its turn.
    pub(super) async fn send(
        &self,
        request: &RequestBuilder,
        key: Option<&IdempotencyKey>,
        pace: Pace<'_>,
    ) -> Result<Bytes, PaymentsError> {
        if !leads_where_it_says(&request.path) {
            return Err(PaymentsError::NotFound {
                message: "No object of Stripe's has such an id.".to_owned(),
            });
        }
        let began = Instant::now();
        // A GET may be repeated; anything else only when Stripe can tell the repetition from a new request.
        let is_repeatable = matches!(request.method, StripeMethod::Get) || key.is_some();
        let mut may_have_been_done = false;
        let mut attempt = 1;
        loop {
            let failure = match self.attempt_in_turn(request, key, began, pace).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            may_have_been_done |= failure.may_have_been_done;
            // Never sooner than Stripe asks, and never all at the same time.
            let pause = self.pause(attempt).max(failure.pause.unwrap_or_default());
            let goes_on = failure.is_transient
                && (is_repeatable || !failure.may_have_been_done)
                && attempt < self.max_attempts
                && pause <= LONGEST_PAUSE
                && began.elapsed() + pause < self.patience
                && pace.until().is_none_or(|until| Instant::now() + pause < until);
            if !goes_on {
                return Err(match failure.error {
                    error if error.is_kept() => error,
                    // An earlier attempt may have been done even when the last one was not.
                    PaymentsError::Unavailable { .. } | PaymentsError::RateLimited if may_have_been_done => {
                        PaymentsError::Unavailable { outcome: Outcome::Unknown }
                    }
                    error => error,
                });
            }
            tracing::debug!(path = request.path, attempt, ?pause, error = %failure.error, "asking Stripe again");
            tokio::time::sleep(pause).await;
            pace.again().await;
            attempt += 1;
        }
    }

    fn pause(&self, attempt: u32) -> Duration {
        let bound = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
        Duration::from_millis((self.jitter)(u64::try_from(bound.as_millis()).unwrap_or(u64::MAX)))
    }

    /// An attempt, once there is a place for it. No place is held during a pause: in an outage those who wait would take
    /// them all.
    async fn attempt_in_turn(
        &self,
        request: &RequestBuilder,
        key: Option<&IdempotencyKey>,
        began: Instant,
        pace: Pace<'_>,
    ) -> Result<Bytes, Failure> {
        let until = pace.until();
        let not_sent = || Failure::last(PaymentsError::Unavailable { outcome: Outcome::NotSent });
        let patience = began + self.patience;
        let patience = until.map_or(patience, |until| until.min(patience));
        let _place = tokio::time::timeout_at(patience, self.places.acquire())
            .await
            .map_err(|_| not_sent())?
            .expect("the semaphore is never closed");
        let Some(until) = until else { return self.attempt(request, key).await };
        // What could not be waited for is not begun.
        if Instant::now() >= until {
            return Err(not_sent());
        }
        tokio::time::timeout_at(until, self.attempt(request, key)).await.unwrap_or_else(|_| {
            Err(Failure {
                may_have_been_done: true,
                ..Failure::last(PaymentsError::Unavailable { outcome: Outcome::Unknown })
            })
        })
    }

    async fn attempt(
        &self,
        request: &RequestBuilder,
        key: Option<&IdempotencyKey>,
    ) -> Result<Bytes, Failure> {
        let mut url = format!("{}{}", self.base, request.path);
        if let Some(query) = request.query.as_deref().filter(|query| !query.is_empty()) {
            url = format!("{url}?{query}");
        }
        let method = match request.method {
            StripeMethod::Get => reqwest::Method::GET,
            StripeMethod::Post => reqwest::Method::POST,
            StripeMethod::Delete => reqwest::Method::DELETE,
        };
        let mut sending = self
            .http
            .request(method, url)
            .bearer_auth(self.key.expose_secret())
            .header("stripe-version", VERSION.as_str());
        if let Some(key) = key {
            sending = sending.header("idempotency-key", key.as_str());
        }
        if !matches!(request.method, StripeMethod::Get) {
            sending = sending
                .header("content-type", "application/x-www-form-urlencoded")
                .body(request.body.clone().unwrap_or_default());
        }
        let mut response = sending.send().await.map_err(|error| Failure::unanswered(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::unanswered(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAXIMUM_BYTES {
                return Err(Failure::unreadable(false));
            }
        }
        if (200..300).contains(&status) {
            // Something between us and Stripe may answer 200 with a page of its own.
            return match serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
                Ok(_) => Ok(Bytes::from(body)),
                Err(_) => Err(Failure::unreadable(true)),
            };
        }
        Err(refusal(status, &headers, &body))
    }
}

/// Whether each part of a path is an id or a word. Ids stand in paths as they are: one with a slash, a question mark or
/// dots alone would ask for something else.
fn leads_where_it_says(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|path| {
        path.split('/').all(|part| {
            part.bytes().any(|byte| byte != b'.')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        })
    })
}

/// Whose budget the repetitions of a request are of. The first attempt had its turn before it came here.
#[derive(Clone, Copy)]
pub(super) enum Pace<'a> {
    /// Nobody's.
    #[cfg(test)]
    Free,
    /// Somebody waits for the answer: it takes what it needs. `until` is when they are answered, if there is such a moment.
    Interactive { budget: &'a Budget, until: Option<Instant> },
    /// Somebody waits for the answers to many: it waits for budget, before the background.
    Paced(&'a Budget),
    /// Nobody waits for the answer: it waits for budget.
    Background(&'a Budget),
}

impl Pace<'_> {
    const fn until(self) -> Option<Instant> {
        if let Self::Interactive { until, .. } = self { until } else { None }
    }

    async fn again(self) {
        match self {
            #[cfg(test)]
            Self::Free => {}
            Self::Interactive { budget, .. } => budget.interactive(),
            Self::Paced(budget) => budget.paced().await,
            Self::Background(budget) => budget.again().await,
        }
    }
}

/// A transport with the key of one call.
pub(super) struct Keyed<'a> {
    pub transport: &'a Transport,
    pub key: Option<&'a IdempotencyKey>,
    pub pace: Pace<'a>,
}

impl StripeClient for Keyed<'_> {
    type Err = PaymentsError;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, PaymentsError> {
        let (request, _) = request.into_pieces();
        self.transport.send(&request, self.key, self.pace).await
    }
}

/// Why an attempt did not give an answer, and whether another may.
struct Failure {
    error: PaymentsError,
    is_transient: bool,
    may_have_been_done: bool,
    /// How long Stripe asks us to wait.
    pause: Option<Duration>,
}

impl Failure {
    fn unanswered(error: &reqwest::Error) -> Self {
        let outcome =
            if error.is_connect() || error.is_builder() { Outcome::NotSent } else { Outcome::Unknown };
        Self {
            error: PaymentsError::Unavailable { outcome },
            is_transient: !error.is_builder(),
            may_have_been_done: outcome == Outcome::Unknown,
            pause: None,
        }
    }

    const fn unreadable(is_transient: bool) -> Self {
        Self {
            error: PaymentsError::Unavailable { outcome: Outcome::Unknown },
            is_transient,
            may_have_been_done: true,
            pause: None,
        }
    }

    const fn last(error: PaymentsError) -> Self {
        Self { error, is_transient: false, may_have_been_done: false, pause: None }
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorObject,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
    message: Option<String>,
    payment_intent: Option<serde_json::Value>,
}

/// What an answer that is no success means. Sources: <https://docs.stripe.com/api/errors> and
/// <https://docs.stripe.com/error-low-level>.
fn refusal(status: u16, headers: &HeaderMap, body: &[u8]) -> Failure {
    let hint = headers.get("stripe-should-retry").and_then(|value| value.to_str().ok());
    let pause = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .map(Duration::from_secs);
    let Ok(ErrorBody { error }) = serde_json::from_slice::<ErrorBody>(body) else {
        // An error page that is not Stripe's: a proxy's 502 for instance. It may have been done. A redirect or another
        // 4xx would only come again.
        let is_transient = matches!(status, 409 | 424 | 429 | 500..) && hint != Some("false");
        return Failure { pause, ..Failure::unreadable(is_transient) };
    };
    let message = error.message.unwrap_or_else(|| format!("Stripe answered {status}."));
    let code = error.code.as_deref();
    let retried = |error: PaymentsError, may_have_been_done: bool| Failure {
        error,
        is_transient: hint != Some("false"),
        may_have_been_done,
        pause,
    };
    match status {
        409 if code == Some("idempotency_key_in_use")
            || error.kind.as_deref() == Some("idempotency_error") =>
        {
            retried(PaymentsError::Unavailable { outcome: Outcome::Unknown }, true)
        }
        409 | 424 => retried(PaymentsError::Unavailable { outcome: Outcome::Unknown }, true),
        429 => retried(PaymentsError::RateLimited, false),
        // Source: <https://docs.stripe.com/error-low-level#idempotency>.
        500.. if headers.get("idempotent-replayed").is_some_and(|value| value == "true") => {
            Failure::last(PaymentsError::Unavailable { outcome: Outcome::Kept })
        }
        500.. => retried(PaymentsError::Unavailable { outcome: Outcome::Unknown }, true),
        _ if error.kind.as_deref() == Some("idempotency_error") => {
            Failure::last(PaymentsError::IdempotencyConflict)
        }
        401 | 403 => Failure::last(PaymentsError::NotAuthorized),
        404 => Failure::last(PaymentsError::NotFound { message }),
        _ if error.kind.as_deref() == Some("card_error") || status == 402 => {
            Failure::last(PaymentsError::Declined {
                failure: PaymentFailure {
                    code: error.code.unwrap_or_else(|| "card_declined".to_owned()),
                    decline_code: error.decline_code,
                    message,
                },
                payment_intent: error
                    .payment_intent
                    .and_then(|value| read_object::<stripe_shared::PaymentIntent>(&value))
                    .and_then(|intent| payment_intent(intent).ok())
                    .map(Box::new),
            })
        }
        _ => Failure::last(PaymentsError::InvalidRequest { code: error.code, param: error.param, message }),
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
pub(super) mod tests;
