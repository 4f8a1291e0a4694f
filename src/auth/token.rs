//! Access tokens: who vouches for a caller is decided by configuration, never by the token.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use super::jwks::{JwksError, JwksSource};
use crate::domain::clock::Clock;
use crate::domain::general_settings;

/// How far the clocks of issuer and gateway may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// A token is a header line: longer ones are no tokens.
const MAXIMUM_BYTES: usize = 8 * 1024;

/// Ids of people and sessions are at most this long, in bytes.
const MAXIMUM_ID_BYTES: usize = 255;

/// Ways of signing in, at most. A person uses two or three.
const MAXIMUM_METHODS: usize = 16;

/// What a verified token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Who vouches: `iss`.
    pub issuer: String,
    /// The person's id there: `sub`.
    pub subject: String,
    /// The person's address, unless the issuer says that it has not verified it.
    pub email: Option<String>,
    /// The person's address, when the issuer says that it has verified it.
    pub verified_email: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// How the person reads: `locale`, as a BCP 47 tag of a language that there is.
    pub locale: Option<String>,
    /// On which clock the person reads: `zoneinfo`, a name of the IANA's database.
    pub time_zone: Option<String>,
    /// When the token was made: `iat`.
    pub issued_at: Option<DateTime<Utc>>,
    /// When it ends: `exp`.
    pub expires_at: DateTime<Utc>,
    /// When the person signed in: `auth_time`.
    pub authenticated_at: Option<DateTime<Utc>>,
    /// How the person signed in: `amr`.
    pub methods: Vec<String>,
    /// What the sign-in satisfies: `acr`.
    pub context: Option<String>,
    /// By which connection the issuer knows the person: `tollgate_connection`.
    pub connection: Option<String>,
    /// The session at the issuer: `sid`.
    pub session_id: Option<String>,
    /// Whether a staff issuer says that the person works for the platform.
    pub is_platform_staff: bool,
}

/// Why a token was refused. The sentences are fit for clients.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// No token, or none that can be read.
    #[error("The token is malformed. Send a JWT as Authorization: Bearer ….")]
    Malformed,
    /// Signed in a way that is not on the list.
    #[error("The token's algorithm is not accepted here.")]
    UnsupportedAlgorithm,
    /// Not signed by who it says.
    #[error("The token's signature is wrong.")]
    BadSignature,
    /// Over.
    #[error("The token has expired. Sign in again.")]
    Expired,
    /// Not begun.
    #[error("The token is not valid yet. Check the clock of who issued it.")]
    NotYetValid,
    /// From somebody who is not trusted here.
    #[error("The token's issuer is not trusted here.")]
    WrongIssuer,
    /// Made for another service.
    #[error("The token's audience is another service.")]
    WrongAudience,
    /// A claim that must be there is not, or is none.
    #[error("The token lacks the claim {0}, or it is malformed.")]
    MissingClaim(&'static str),
    /// Signed with a key that the issuer does not publish.
    #[error("The token was signed with a key that its issuer does not publish.")]
    KeyUnknown,
    /// The issuer's keys cannot be had: the fault is not the caller's.
    #[error("The keys of the token's issuer cannot be fetched right now. Try again in a minute.")]
    KeysUnavailable,
}

impl TokenError {
    /// Whether the fault is ours, or the issuer's, and not the caller's.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::KeysUnavailable)
    }
}

/// Where an issuer's keys come from.
#[derive(Clone)]
enum Keys {
    /// One shared secret.
    Secret(Arc<DecodingKey>),
    /// The public keys that the issuer publishes.
    Published(Arc<JwksSource>),
}

/// Somebody whose tokens are accepted.
#[derive(Clone)]
pub struct TrustedIssuer {
    issuer: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    keys: Keys,
    may_name_staff: bool,
}

impl TrustedIssuer {
    /// An issuer that signs HS256 with a shared secret.
    pub fn with_secret(issuer: &str, audiences: Vec<String>, secret: &[u8]) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audiences,
            algorithms: vec![Algorithm::HS256],
            keys: Keys::Secret(Arc::new(DecodingKey::from_secret(secret))),
            may_name_staff: false,
        }
    }

    /// An issuer that publishes its keys. `algorithms` are those of RS256, ES256 and EdDSA that are accepted; HS256 is
    /// left out whatever is given, since a published key is no secret.
    pub fn with_published_keys(
        issuer: &str,
        audiences: Vec<String>,
        algorithms: &[Algorithm],
        keys: Arc<JwksSource>,
    ) -> Self {
        let asymmetric = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
        Self {
            issuer: issuer.to_owned(),
            audiences,
            algorithms: algorithms
                .iter()
                .copied()
                .filter(|algorithm| asymmetric.contains(algorithm))
                .collect(),
            keys: Keys::Published(keys),
            may_name_staff: false,
        }
    }

    /// Lets the issuer say, by the claim `tollgate_staff`, who works for the platform.
    pub fn naming_staff(mut self) -> Self {
        self.may_name_staff = true;
        self
    }
}

/// Checks access tokens.
pub struct TokenVerifier {
    issuers: HashMap<String, TrustedIssuer>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenVerifier").field("issuers", &self.issuers.keys()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct UnverifiedIssuer {
    iss: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<serde_json::Number>,
    nbf: Option<serde_json::Number>,
    iat: Option<serde_json::Number>,
    auth_time: Option<serde_json::Number>,
    #[serde(default, deserialize_with = "words")]
    amr: Vec<String>,
    #[serde(default, deserialize_with = "text")]
    acr: Option<String>,
    #[serde(default, deserialize_with = "text")]
    tollgate_connection: Option<String>,
    #[serde(default, deserialize_with = "text")]
    sid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    email: Option<String>,
    #[serde(default, deserialize_with = "answer")]
    email_verified: Option<bool>,
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    locale: Option<String>,
    #[serde(default, deserialize_with = "text")]
    zoneinfo: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    tollgate_staff: bool,
}

// Issuers differ in how they write what is optional (Amazon Cognito sends `"email_verified": "true"`). An odd value is
// left out: it locks nobody out, and it never says more than the claim would have.

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Some(text),
        _ => None,
    })
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(word) => vec![word],
        serde_json::Value::Array(words) => {
            words.into_iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    })
}

/// Yes, no, or not said. What is said and cannot be understood is no.
fn answer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => None,
        serde_json::Value::Bool(answer) => Some(answer),
        other => Some(other.as_str() == Some("true")),
    })
}

/// Only a plain `true` is true.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)? == serde_json::Value::Bool(true))
}

impl TokenVerifier {
    /// A verifier that trusts these issuers.
    pub fn new(issuers: impl IntoIterator<Item = TrustedIssuer>, clock: Arc<dyn Clock>) -> Self {
        Self { issuers: issuers.into_iter().map(|issuer| (issuer.issuer.clone(), issuer)).collect(), clock }
    }

    /// Whose tokens are accepted.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.issuers.keys().map(String::as_str)
    }

    /// Verifies a token and says who is calling.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        if token.len() > MAXIMUM_BYTES {
            return Err(TokenError::Malformed);
        }
        // `none` and other words that name no signature are no `Algorithm`, so such a header cannot be read.
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            ErrorKind::Json(_) | ErrorKind::InvalidAlgorithmName if names_algorithm(token) => {
                TokenError::UnsupportedAlgorithm
            }
            _ => TokenError::Malformed,
        })?;
        // What is critical and not understood must be refused (RFC 7515, section 4.1.11); we understand none.
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        let named: UnverifiedIssuer =
            jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| TokenError::Malformed)?;
        let named = named.iss.ok_or(TokenError::MissingClaim("iss"))?;
        let issuer = self.issuers.get(&named).ok_or(TokenError::WrongIssuer)?;
        if !issuer.algorithms.contains(&header.alg) {
            return Err(TokenError::UnsupportedAlgorithm);
        }
        let key = match &issuer.keys {
            Keys::Secret(key) => Arc::clone(key),
            Keys::Published(source) => {
                source.key(header.kid.as_deref(), header.alg).await.map_err(|error| match error {
                    JwksError::KeyUnknown => TokenError::KeyUnknown,
                    JwksError::Unavailable => TokenError::KeysUnavailable,
                })?
            }
        };
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation(issuer, header.alg))
            .map_err(|error| refusal(error.kind()))?
            .claims;
        self.accepted(issuer, claims)
    }

    /// Checks what the signature vouches for, by our clock.
    fn accepted(&self, issuer: &TrustedIssuer, claims: Claims) -> Result<VerifiedToken, TokenError> {
        let now = self.clock.now();
        let expires_at = time(claims.exp.as_ref()).ok_or(TokenError::MissingClaim("exp"))?;
        // The leeway is taken from our own time: a claim may be so far away that adding to it overflows.
        if expires_at <= now - LEEWAY {
            return Err(TokenError::Expired);
        }
        if let Some(nbf) = &claims.nbf {
            let not_before = time(Some(nbf)).ok_or(TokenError::MissingClaim("nbf"))?;
            if not_before > now + LEEWAY {
                return Err(TokenError::NotYetValid);
            }
        }
        let subject = claims.sub.filter(|sub| is_id(sub)).ok_or(TokenError::MissingClaim("sub"))?;
        let short = |text: Option<String>| {
            text.map(|text| text.replace('\0', "")).filter(|text| !text.is_empty() && text.len() <= 320)
        };
        // An address that the issuer says it has not verified is anybody's. One of which it says nothing is good for showing:
        // some issuers let people write it themselves, so nothing is given for it.
        let email = short(claims.email).filter(|_| claims.email_verified != Some(false));
        Ok(VerifiedToken {
            issuer: issuer.issuer.clone(),
            subject,
            verified_email: email.clone().filter(|_| claims.email_verified == Some(true)),
            email,
            name: short(claims.name),
            // Some issuers write en_US, which OpenID Connect lets them. What names nothing that there is says nothing.
            locale: short(claims.locale).and_then(|it| general_settings::locale(&it.replace('_', "-")).ok()),
            time_zone: short(claims.zoneinfo).and_then(|it| general_settings::known_zone(&it)),
            issued_at: time(claims.iat.as_ref()),
            expires_at,
            // Nobody signed in later than now: what says so, in milliseconds for instance, says nothing.
            authenticated_at: time(claims.auth_time.as_ref()).filter(|at| *at <= now + LEEWAY),
            methods: claims.amr.into_iter().filter(|method| is_id(method)).take(MAXIMUM_METHODS).collect(),
            context: claims.acr.filter(|acr| is_id(acr)),
            connection: claims.tollgate_connection.filter(|connection| is_id(connection)),
            session_id: claims.sid.filter(|sid| is_id(sid)),
            is_platform_staff: claims.tollgate_staff && issuer.may_name_staff,
        })
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAXIMUM_ID_BYTES && !text.contains('\0')
}

/// Whether an unreadable header is a header all the same, of an algorithm that we do not know.
fn names_algorithm(token: &str) -> bool {
    let header = token.split('.').next().unwrap_or_default();
    base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header)
        .ok()
        .and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok())
        .is_some_and(|header| header["alg"].is_string())
}

/// What jsonwebtoken checks: signature, issuer, audience. Times are checked against our own clock.
fn validation(issuer: &TrustedIssuer, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.algorithms = vec![algorithm];
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    validation.set_issuer(&[&issuer.issuer]);
    validation.set_audience(&issuer.audiences);
    validation
}

fn refusal(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature => TokenError::BadSignature,
        ErrorKind::InvalidIssuer => TokenError::WrongIssuer,
        ErrorKind::InvalidAudience => TokenError::WrongAudience,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => TokenError::UnsupportedAlgorithm,
        ErrorKind::MissingRequiredClaim(claim) => TokenError::MissingClaim(match claim.as_str() {
            "exp" => "exp",
            "sub" => "sub",
            "aud" => "aud",
            _ => "iss",
        }),
        _ => TokenError::Malformed,
    }
}

/// A NumericDate: seconds since 1970, fractions allowed (RFC 7519, section 2).
fn time(number: Option<&serde_json::Number>) -> Option<DateTime<Utc>> {
    let number = number?;
    let seconds = number.as_i64().or_else(|| {
        // A fraction of a second matters to nobody here: the whole part is taken from the text.
        number.to_string().split(['.', 'e', 'E']).next()?.parse().ok()
    })?;
    DateTime::from_timestamp(seconds, 0)
}

/// What development signs its own tokens with, when no other secret is configured. Production refuses it.
pub const DEVELOPMENT_SECRET: &str = "tollgate-development-secret-do-not-use-in-production";
/// The issuer of development's own tokens.
pub const DEVELOPMENT_ISSUER: &str = "https://tollgate.localhost";
/// The audience of development's own tokens.
pub const DEVELOPMENT_AUDIENCE: &str = "tollgate";

/// Signs tokens for development: the demo's people and `tollgate token`.
#[derive(Clone)]
pub struct TokenIssuer {
    issuer: String,
    audience: String,
    key: EncodingKey,
    clock: Arc<dyn Clock>,
}

/// What a development token says.
#[derive(Clone, Debug, Serialize)]
pub struct TokenClaims {
    /// The person's id.
    #[serde(rename = "sub")]
    pub subject: String,
    /// The person's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The person's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the person works for the platform.
    #[serde(rename = "tollgate_staff")]
    pub is_platform_staff: bool,
}

#[derive(Serialize)]
struct SignedClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    auth_time: i64,
    exp: i64,
    /// Development vouches for the addresses that it makes up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    email_verified: bool,
    #[serde(flatten)]
    claims: &'a TokenClaims,
}

impl TokenIssuer {
    /// Signs HS256 with `secret`.
    pub fn new(issuer: &str, audience: &str, secret: &[u8], clock: Arc<dyn Clock>) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            key: EncodingKey::from_secret(secret),
            clock,
        }
    }

    /// A token that is valid for `lifetime` from now; a negative one has expired already.
    pub fn sign(&self, claims: &TokenClaims, lifetime: TimeDelta) -> String {
        let now = self.clock.now();
        let signed = SignedClaims {
            iss: &self.issuer,
            aud: &self.audience,
            iat: now.timestamp(),
            // Whoever is given it signs in with it.
            auth_time: now.timestamp(),
            exp: (now + lifetime).timestamp(),
            email_verified: claims.email.is_some(),
            claims,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &signed, &self.key)
            .expect("plain claims are signed with a secret of any length")
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "token_claims_tests.rs"]
mod claims_tests;
