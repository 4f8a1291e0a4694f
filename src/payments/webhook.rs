//! Webhooks: the signature over the raw bytes, before anything is parsed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use thiserror::Error;

use crate::domain::stripe_event::NewStripeEvent;

/// Why a signature is not believed. Told apart for logs and metrics, never to whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("there is no signature")]
    MissingHeader,
    /// The header is not `t=…,v1=…`.
    #[error("the signature header is malformed")]
    MalformedHeader,
    /// None of our secrets made it.
    #[error("the signature is wrong")]
    Mismatch,
    /// Made too long ago: perhaps replayed.
    #[error("the signature is too old")]
    TooOld,
    /// Made too far ahead: a clock is wrong.
    #[error("the signature is from the future")]
    TooNew,
}

/// Checks the signatures of webhooks. Source: <https://docs.stripe.com/webhooks#verify-manually>.
pub struct WebhookVerifier {
    secrets: Vec<SecretString>,
    tolerance: Duration,
}

impl std::fmt::Debug for WebhookVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookVerifier").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

impl WebhookVerifier {
    /// A verifier that believes any of the secrets. Without one nothing is believed.
    pub fn new(secrets: Vec<SecretString>, tolerance: Duration) -> Self {
        Self {
            secrets: secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect(),
            tolerance,
        }
    }

    /// Checks the header against the bytes as they came.
    pub fn verify(&self, raw: &[u8], header: &str, now: DateTime<Utc>) -> Result<(), SignatureError> {
        if header.is_empty() {
            return Err(SignatureError::MissingHeader);
        }
        let mut timestamp = None;
        let mut signatures = Vec::new();
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", text)) => timestamp = Some(text),
                Some(("v1", text)) => {
                    signatures.push(hex::decode(text).map_err(|_| SignatureError::MalformedHeader)?);
                }
                // Other schemes, such as v0 of test mode, are not believed.
                _ => {}
            }
        }
        let timestamp = timestamp.ok_or(SignatureError::MalformedHeader)?;
        let made_at: i64 = timestamp.parse().map_err(|_| SignatureError::MalformedHeader)?;
        if signatures.is_empty() {
            return Err(SignatureError::MalformedHeader);
        }
        let believed = self.secrets.iter().any(|secret| {
            let mac = mac(secret.expose_secret().as_bytes(), timestamp, raw);
            signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
        });
        if !believed {
            return Err(SignatureError::Mismatch);
        }
        // Only a time that was signed means anything.
        let tolerance = i64::try_from(self.tolerance.as_secs()).unwrap_or(i64::MAX);
        let age = now.timestamp().saturating_sub(made_at);
        if age > tolerance {
            Err(SignatureError::TooOld)
        } else if age < -tolerance {
            Err(SignatureError::TooNew)
        } else {
            Ok(())
        }
    }
}

fn mac(secret: &[u8], timestamp: &str, raw: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(raw);
    mac
}

/// The header that Stripe would send. For tests, and for `doctor` to try the route.
pub fn sign(raw: &[u8], secret: &str, at: DateTime<Utc>) -> String {
    let timestamp = at.timestamp().to_string();
    let signature = mac(secret.as_bytes(), &timestamp, raw).finalize().into_bytes();
    format!("t={timestamp},v1={}", hex::encode(signature))
}

/// Why a body is no event.
#[derive(Debug, Error)]
pub enum EnvelopeError {
    /// Not JSON, or without what every event has.
    #[error("the body is not an event: {0}")]
    NotAnEvent(#[from] serde_json::Error),
    /// Not text.
    #[error("the body is not UTF-8")]
    NotText,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    created: i64,
    livemode: bool,
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    account: Option<String>,
    data: EnvelopeData,
}

#[derive(Deserialize)]
struct EnvelopeData {
    object: EnvelopeObject,
}

#[derive(Deserialize)]
struct EnvelopeObject {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    customer: Option<EnvelopeCustomer>,
}

/// A reference to a customer: its id, or the customer itself where it was expanded.
#[derive(Deserialize)]
#[serde(untagged)]
enum EnvelopeCustomer {
    Id(String),
    Object {
        id: String,
    },
    /// Whatever else another version writes there.
    Other(serde::de::IgnoredAny),
}

impl EnvelopeObject {
    fn customer(&self) -> Option<String> {
        match &self.customer {
            Some(EnvelopeCustomer::Id(id) | EnvelopeCustomer::Object { id }) => Some(id.clone()),
            _ if self.object.as_deref() == Some("customer") => self.id.clone(),
            _ => None,
        }
    }
}

/// Reads what every event has, whatever its type and version; the payload is kept as it came.
pub fn parse_envelope(raw: &[u8]) -> Result<NewStripeEvent, EnvelopeError> {
    let payload = std::str::from_utf8(raw).map_err(|_| EnvelopeError::NotText)?;
    let envelope: Envelope = serde_json::from_str(payload)?;
    Ok(NewStripeEvent {
        stripe_customer_id: envelope.data.object.customer(),
        account: envelope.account.unwrap_or_default(),
        livemode: envelope.livemode,
        event_id: envelope.id,
        event_type: envelope.event_type,
        api_version: envelope.api_version,
        object_id: envelope.data.object.id,
        stripe_created_at: super::convert::time(envelope.created),
        payload: payload.to_owned(),
    })
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
