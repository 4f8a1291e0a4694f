//! Webhooks, by HTTPS, to the public internet alone.
//!
//! Names are looked up here, and what they stand for is checked before anything is connected to: the client connects to
//! what was checked, so that a name that means another machine a moment later changes nothing. Redirects are not followed,
//! no proxy is asked, and no connection is kept for a later webhook.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use thiserror::Error;

use crate::domain::webhook_endpoint::{check_url, is_public};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// What is read of an answer, in bytes.
const READ: usize = 1_024;

/// A webhook that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where.
    pub url: String,
    /// The header `webhook-id`.
    pub id: String,
    /// The header `webhook-timestamp`, in seconds.
    pub timestamp: i64,
    /// The header `webhook-signature`.
    pub signature: String,
    /// The body.
    pub body: String,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookResponse {
    /// The HTTP status.
    pub status: u16,
    /// The beginning of the body.
    pub body: String,
    /// The header `retry-after`.
    pub retry_after: Option<String>,
}

/// Why nothing was answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// It may not be sent there.
    #[error("{0}")]
    Forbidden(String),
    /// Nobody answered.
    #[error("{0}")]
    Unreachable(String),
}

/// A name that stands for nothing on the public internet.
#[derive(Clone, Debug, Error)]
#[error("{0} stands for no address on the public internet")]
struct NotPublic(String);

/// What a name stands for.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// As the system has it.
fn by_the_system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|it| it.ip()).collect())
        })
    })
}

/// Looks names up, and gives what is public of them.
struct PublicNames {
    allows_this_machine: bool,
    lookup: Lookup,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let allows = self.allows_this_machine;
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let public: Vec<SocketAddr> = found
                .await?
                .into_iter()
                .filter(|it| is_public(*it) || (allows && it.to_canonical().is_loopback()))
                .map(|it| SocketAddr::new(it, 0))
                .collect();
            if public.is_empty() {
                return Err(NotPublic(name.as_str().to_owned()).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Sends webhooks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WebhookSender {
    http: reqwest::Client,
    allows_this_machine: bool,
}

impl WebhookSender {
    /// A sender that waits for an answer as long as `timeout`. Only development lets it send to this machine.
    pub fn new(timeout: Duration, allows_this_machine: bool) -> Result<Self, WebhookError> {
        Self::with_lookup(timeout, allows_this_machine, by_the_system())
    }

    /// The same, with names that somebody else looks up.
    pub fn with_lookup(
        timeout: Duration,
        allows_this_machine: bool,
        lookup: Lookup,
    ) -> Result<Self, WebhookError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("Tollgate/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT.min(timeout))
            .timeout(timeout)
            .redirect(Policy::none())
            .pool_max_idle_per_host(0)
            .no_proxy()
            .dns_resolver(Arc::new(PublicNames { allows_this_machine, lookup }))
            .build();
        let http = http.map_err(|error| WebhookError::Unreachable(error.to_string()))?;
        Ok(Self { http, allows_this_machine })
    }

    /// Whether it sends to this machine, too.
    pub const fn allows_this_machine(&self) -> bool {
        self.allows_this_machine
    }

    /// Sends a webhook, once.
    pub async fn send(&self, webhook: &Webhook) -> Result<WebhookResponse, WebhookError> {
        // An address that is written as numbers is not looked up.
        let url = check_url(&webhook.url, self.allows_this_machine)
            .map_err(|error| WebhookError::Forbidden(error.to_string()))?;
        let answer = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", &webhook.id)
            .header("webhook-timestamp", webhook.timestamp)
            .header("webhook-signature", &webhook.signature)
            .body(webhook.body.clone())
            .send()
            .await;
        let mut answer = answer.map_err(|error| unreachable_because(&error))?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        let mut read = Vec::new();
        // A body that breaks off, or has no end, changes nothing: the status is the answer.
        while read.len() < READ {
            match answer.chunk().await {
                Ok(Some(part)) => read.extend_from_slice(&part),
                Ok(None) | Err(_) => break,
            }
        }
        read.truncate(READ);
        // PostgreSQL keeps no U+0000.
        let body = String::from_utf8_lossy(&read).replace('\0', "\u{fffd}");
        Ok(WebhookResponse { status, body, retry_after })
    }
}

/// What kept it from being answered, without the address, which may hold a token of the consumer's.
fn unreachable_because(error: &reqwest::Error) -> WebhookError {
    let mut source = std::error::Error::source(error);
    let mut text = if error.is_timeout() { "no answer came in time" } else { "no connection" }.to_owned();
    while let Some(cause) = source {
        if let Some(NotPublic(name)) = cause.downcast_ref::<NotPublic>() {
            return WebhookError::Forbidden(NotPublic(name.clone()).to_string());
        }
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    WebhookError::Unreachable(text)
}
