//! An issuer's published keys: fetched once for everyone who waits, kept, renewed ahead of time, and used on while
//! the issuer's address is down.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use thiserror::Error;
use tokio::sync::Mutex;

use crate::domain::clock::Clock;

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
    fresh_until: Option<DateTime<Utc>>,
    tried_at: Option<DateTime<Utc>>,
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
        let is_loopback = match address.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if address.scheme() != "https" && !(address.scheme() == "http" && is_loopback) {
            return Err(JwksAddressError(address.to_string()));
        }
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client with a time-out and no redirects can be built");
        Ok(Self { address, http, clock, kept: RwLock::default(), fetching: Mutex::default() })
    }

    /// The key with this id, for this algorithm. A token without an id is given a key only when a single one fits.
    pub async fn key(
        self: &Arc<Self>,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<DecodingKey>, JwksError> {
        match self.find(id, algorithm) {
            (Some(key), true) => return Ok(key),
            // Nobody waits for a renewal: the old key serves until the new set is there.
            (Some(key), false) => {
                if self.may_fetch() {
                    let source = Arc::clone(self);
                    tokio::spawn(async move { source.fetch_once().await });
                }
                return Ok(key);
            }
            (None, _) => {}
        }
        // Unknown: the first token, or a rotation. One fetch for all who wait, and none within the cool-down.
        if self.may_fetch() || self.fetching.try_lock().is_err() {
            self.fetch_once().await;
        }
        let (found, _) = self.find(id, algorithm);
        found.ok_or(if self.is_usable() { JwksError::KeyUnknown } else { JwksError::Unavailable })
    }

    /// Fetches, unless somebody just did: whoever waits here finds what the one before fetched.
    async fn fetch_once(&self) {
        let _fetching = self.fetching.lock().await;
        if self.may_fetch() {
            self.fetch().await;
        }
    }

    /// The key, and whether the set it is from is fresh. A set that is too old to be used has no keys.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> (Option<Arc<DecodingKey>>, bool) {
        if !self.is_usable() {
            return (None, false);
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
        (found, kept.fresh_until.is_some_and(|until| self.clock.now() < until))
    }

    fn is_usable(&self) -> bool {
        let kept = self.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.fetched_at.is_some_and(|at| self.clock.now() < at + USED_WHILE_DOWN)
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
                kept.fresh_until = Some(now + lifetime);
            }
            Err(error) => {
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
        let set: JwkSet =
            serde_json::from_slice(&body).map_err(|error| format!("no set of keys: {error}"))?;
        let keys: Vec<PublishedKey> = set.keys.iter().filter_map(published).collect();
        if keys.is_empty() {
            return Err("there is no key for RS256, ES256 or EdDSA in the answer".to_owned());
        }
        Ok((keys, lifetime))
    }
}

/// How long an answer is kept: what its Cache-Control says, within bounds.
fn lifetime(headers: &reqwest::header::HeaderMap) -> TimeDelta {
    headers
        .get(reqwest::header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| {
            text.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<i64>().ok())
        })
        .and_then(TimeDelta::try_seconds)
        .map_or(KEPT_BY_DEFAULT, |age| age.clamp(KEPT_AT_LEAST, KEPT_AT_MOST))
}

/// A key that signs tokens in one of our algorithms. What the key is decides the algorithm; what it says of itself may
/// only confirm it.
fn published(jwk: &Jwk) -> Option<PublishedKey> {
    if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
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
