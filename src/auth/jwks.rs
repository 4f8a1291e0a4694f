//! An issuer's published keys: fetched once for everyone who waits, kept, renewed ahead of time, and used on while
//! the issuer's address is down.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use thiserror::Error;
use tokio::sync::Mutex;

use crate::domain::clock::Clock;
use crate::domain::loopback::is_loopback;

/// Keys are not fetched more often than this, however many unknown keys are asked for.
const COOL_DOWN: TimeDelta = TimeDelta::seconds(30);
/// The shortest time that an answer is kept, whatever it says.
const KEPT_AT_LEAST: TimeDelta = TimeDelta::seconds(60);
/// The longest, and the time for an answer that says nothing is an hour.
const KEPT_AT_MOST: TimeDelta = TimeDelta::hours(24);
const KEPT_BY_DEFAULT: TimeDelta = TimeDelta::hours(1);
/// How long old keys are used while the address is down.
const USED_WHILE_DOWN: TimeDelta = TimeDelta::hours(24);
/// A set of keys is small; a larger answer is something else.
const MAXIMUM_BYTES: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JwksError {
    /// The issuer publishes no such key.
    #[error("the issuer publishes no such key")]
    KeyUnknown,
    /// The keys could not be fetched, and there are none from before.
    #[error("the issuer's keys cannot be fetched")]
    Unavailable,
}

/// Why a key address was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("keys are fetched over https, or over http from this machine; not from {0}")]
pub struct JwksAddressError(String);

struct PublishedKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: Arc<DecodingKey>,
}

#[derive(Default)]
struct Kept {
    keys: Vec<PublishedKey>,
    fetched_at: Option<DateTime<Utc>>,
    /// From here on the keys are fetched ahead, while the old ones serve.
    renew_at: Option<DateTime<Utc>>,
    fresh_until: Option<DateTime<Utc>>,
    tried_at: Option<DateTime<Utc>>,
    /// Whether the last fetch failed: then what is kept is not all that the issuer may publish.
    has_failed: bool,
}

/// How old the keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// Just right.
    Fresh,
    /// Soon over, or over while the address is down: they serve until the new ones are there.
    Renewable,
    /// Over: a key may have been withdrawn since, so the new ones are waited for.
    Over,
}

/// A set of keys as published. Each key is read by itself: one that is of a kind of its own spoils no other.
#[derive(serde::Deserialize)]
struct PublishedSet {
    keys: Vec<serde_json::Value>,
}

/// The keys that one address publishes.
pub struct JwksSource {
    address: url::Url,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    kept: RwLock<Kept>,
    /// Held while fetching: whoever waits for it finds what the holder fetched.
    fetching: Mutex<()>,
}

impl std::fmt::Debug for JwksSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwksSource").field("address", &self.address.as_str()).finish_non_exhaustive()
    }
}

impl JwksSource {
    /// The keys at `address`. Nothing is fetched before the first token.
    pub fn new(address: url::Url, clock: Arc<dyn Clock>) -> Result<Self, JwksAddressError> {
        let is_here = is_loopback(&address);
        if address.scheme() != "https" && !(address.scheme() == "http" && is_here) {
            return Err(JwksAddressError(address.to_string()));
        }
        let http = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        // What is on this machine is not behind the proxy that HTTP_PROXY names.
        let http = if is_here { http.no_proxy() } else { http }
            .build()
            .expect("a client with a time-out and no redirects can be built");
        Ok(Self { address, http, clock, kept: RwLock::default(), fetching: Mutex::default() })
    }

    /// How many keys that we can use are at the address now, or why there are none.
    pub async fn examine(&self) -> Result<usize, String> {
        self.ask().await.map(|(keys, _)| keys.len())
    }

    /// The key with this id, for this algorithm. A token without an id is given a key only when a single one fits.
    pub async fn key(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<DecodingKey>, JwksError> {
        match self.find(id, algorithm) {
            (Some(key), Age::Fresh) => return Ok(key),
            // Nobody waits for a renewal: the old key serves until the new set is there.
            (Some(key), Age::Renewable) => {
                if self.may_fetch() {
                    self.start_fetch();
                }
                return Ok(key);
            }
            (Some(_), Age::Over) | (None, _) => {}
        }
        // The first token, a rotation, or a set that is over. One fetch for all who wait, none within the cool-down.
        if self.may_fetch() {
            // Waited for, not awaited in place: a caller who hangs up must not break off the fetch of all the others,
            // which would cost them the cool-down.
            let _ = self.start_fetch().await;
        } else {
            drop(self.fetching.lock().await);
        }
        let (found, _) = self.find(id, algorithm);
        found.ok_or(if self.is_complete() { JwksError::KeyUnknown } else { JwksError::Unavailable })
    }

    fn start_fetch(self: &Arc<Self>) -> tokio::task::JoinHandle<()> {
        let source = Arc::clone(self);
        tokio::spawn(async move { source.fetch_once().await })
    }

    /// Fetches, unless somebody just did: whoever waits here finds what the one before fetched.
    async fn fetch_once(&self) {
        let _fetching = self.fetching.lock().await;
        if self.may_fetch() {
            self.fetch().await;
        }
    }

    /// The key, and how old the set is that it is from. A set that is too old to be used has no keys.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> (Option<Arc<DecodingKey>>, Age) {
        if !self.is_usable() {
            return (None, Age::Over);
        }
        let kept = self.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut fitting = kept
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let found = match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(Arc::clone(&key.key)),
            // Two keys with one id, or a token without an id and several keys: which one is meant is a guess.
            _ => None,
        };
        let now = self.clock.now();
        let age = if kept.renew_at.is_some_and(|at| now < at) {
            Age::Fresh
        } else if kept.has_failed || kept.fresh_until.is_some_and(|until| now < until) {
            Age::Renewable
        } else {
            Age::Over
        };
        (found, age)
    }

    fn is_usable(&self) -> bool {
        let kept = self.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.fetched_at.is_some_and(|at| self.clock.now() < at + USED_WHILE_DOWN)
    }

    /// Whether a key that is not among those kept is one that the issuer does not publish.
    fn is_complete(&self) -> bool {
        let has_failed = self.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner).has_failed;
        self.is_usable() && !has_failed
    }

    fn may_fetch(&self) -> bool {
        let kept = self.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.tried_at.is_none_or(|at| self.clock.now() >= at + COOL_DOWN)
    }

    async fn fetch(&self) {
        let now = self.clock.now();
        self.kept.write().unwrap_or_else(std::sync::PoisonError::into_inner).tried_at = Some(now);
        match self.ask().await {
            Ok((keys, lifetime)) => {
                let mut kept = self.kept.write().unwrap_or_else(std::sync::PoisonError::into_inner);
                kept.keys = keys;
                kept.fetched_at = Some(now);
                kept.renew_at = Some(now + lifetime * 4 / 5);
                kept.fresh_until = Some(now + lifetime);
                kept.has_failed = false;
            }
            Err(error) => {
                self.kept.write().unwrap_or_else(std::sync::PoisonError::into_inner).has_failed = true;
                tracing::warn!(address = %self.address, error, "an issuer's keys could not be fetched; old ones are used on");
            }
        }
    }

    async fn ask(&self) -> Result<(Vec<PublishedKey>, TimeDelta), String> {
        let mut response = self
            .http
            .get(self.address.clone())
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| error.without_url().to_string())?;
        let lifetime = lifetime(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
            body.extend_from_slice(&chunk);
            if body.len() > MAXIMUM_BYTES {
                return Err("the answer is too large to be a set of keys".to_owned());
            }
        }
        let set: PublishedSet =
            serde_json::from_slice(&body).map_err(|error| format!("no set of keys: {error}"))?;
        let keys: Vec<PublishedKey> = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok())
            .filter_map(|key| published(&key))
            .collect();
        if keys.is_empty() {
            return Err("there is no key for RS256, ES256 or EdDSA in the answer".to_owned());
        }
        Ok((keys, lifetime))
    }
}

/// How long an answer is kept: what its Cache-Control says, within bounds.
fn lifetime(headers: &reqwest::header::HeaderMap) -> TimeDelta {
    let Some(text) = headers.get(reqwest::header::CACHE_CONTROL).and_then(|value| value.to_str().ok()) else {
        return KEPT_BY_DEFAULT;
    };
    let text = text.to_ascii_lowercase();
    let mut directives = text.split(',').map(str::trim);
    if directives.clone().any(|directive| matches!(directive, "no-store" | "no-cache")) {
        return KEPT_AT_LEAST;
    }
    directives
        .find_map(|directive| directive.strip_prefix("max-age=")?.trim_matches('"').parse::<i64>().ok())
        .and_then(TimeDelta::try_seconds)
        .map_or(KEPT_BY_DEFAULT, |age| age.clamp(KEPT_AT_LEAST, KEPT_AT_MOST))
}

/// A key that signs tokens in one of our algorithms. What the key is decides the algorithm; what it says of itself may
/// only confirm it.
fn published(jwk: &Jwk) -> Option<PublishedKey> {
    if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return None;
    }
    if jwk
        .common
        .key_operations
        .as_ref()
        .is_some_and(|operations| !operations.contains(&KeyOperations::Verify))
    {
        return None;
    }
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    if jwk.common.key_algorithm.as_ref().is_some_and(|said| *said != named) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(PublishedKey { id: jwk.common.key_id.clone(), algorithm, key: Arc::new(key) })
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
