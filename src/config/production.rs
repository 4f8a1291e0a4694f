//! What production refuses to start on, each by its name.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;

use super::{Config, ConfigProblem};
use crate::auth::token::DEVELOPMENT_SECRET;
use crate::domain::key_ring::KeyRing;
use crate::domain::loopback::is_loopback;

/// An HS256 secret has as many bytes as its hash, at least (RFC 7518, section 3.2).
const SECRET_BYTES: usize = 32;
/// Fewer different bytes than this are a word written again and again.
const DIFFERENT_BYTES: usize = 10;
/// Of a hundred parts of three bytes, as many are different at least. Random digits, hexadecimal ones too, have more than
/// ninety.
const DIFFERENT_PARTS_PERCENT: usize = 75;

/// The signing secret of the sandbox's endpoint, which everyone knows.
pub const SANDBOX_WEBHOOK_SECRET: &str = "whsec_tollgate_sandbox_signs_with_this";
/// The key that the gateway shows its sandbox, which everyone knows.
pub const SANDBOX_KEY: &str = "sk_test_tollgate_sandbox";

/// Everything that is not fit for production.
pub(super) fn problems(config: &Config, allows_test_keys: bool) -> Vec<ConfigProblem> {
    let mut problems = Vec::new();
    let mut refuse = |name: &'static str, message: &str| {
        problems.push(ConfigProblem { name, message: message.to_owned() });
    };
    match &config.stripe.secret_key {
        None => refuse(
            "STRIPE_SECRET_KEY",
            "production does not run on the sandbox. Set Stripe's live secret key.",
        ),
        // A staging system may use a test key, but none that everyone knows.
        Some(key) if key.expose_secret() == SANDBOX_KEY => {
            refuse("STRIPE_SECRET_KEY", "this is the sandbox's key, which everyone knows. Set Stripe's own.");
        }
        Some(key) if key.expose_secret().contains("_test_") && !allows_test_keys => refuse(
            "STRIPE_SECRET_KEY",
            "this is a test key. Set the live key, or TOLLGATE_ALLOW_TEST_STRIPE=on for a staging system.",
        ),
        Some(_) => {}
    }
    if config.stripe.webhook_secrets.is_empty() {
        refuse(
            "STRIPE_WEBHOOK_SECRETS",
            "without a signing secret no webhook can be believed. Copy it from the endpoint's page at Stripe.",
        );
    }
    if config.stripe.webhook_secrets.iter().any(|secret| secret.expose_secret().len() < 24) {
        refuse(
            "STRIPE_WEBHOOK_SECRETS",
            "a signing secret is too short to be one of Stripe's: those begin with whsec_.",
        );
    }
    if config.stripe.webhook_secrets.iter().any(|secret| secret.expose_secret() == SANDBOX_WEBHOOK_SECRET) {
        refuse(
            "STRIPE_WEBHOOK_SECRETS",
            "this is the sandbox's signing secret, which everyone knows: anybody could sign events with it.",
        );
    }
    if let Ok(url) = url::Url::parse(&config.stripe.api_base) {
        if is_loopback(&url) {
            refuse("STRIPE_API_BASE", "it points at this machine. Leave it out to talk to Stripe.");
        } else if url.scheme() != "https" {
            refuse("STRIPE_API_BASE", "the secret key would be sent in the clear. Use https.");
        }
    }
    match &config.tokens.secret {
        None if config.tokens.published.is_none() => refuse(
            "TOLLGATE_JWKS_URL",
            "nobody's tokens are accepted. Set it with TOLLGATE_JWKS_ISSUER, or set TOLLGATE_JWT_SECRET.",
        ),
        None => {}
        Some(secret) => {
            let secret = secret.expose_secret();
            if secret == DEVELOPMENT_SECRET {
                refuse(
                    "TOLLGATE_JWT_SECRET",
                    "this is the development secret, which everyone knows. Make one with `openssl rand -base64 48`.",
                );
            } else if is_weak(secret) {
                refuse(
                    "TOLLGATE_JWT_SECRET",
                    "it is too weak: at least 32 random bytes are needed, and no word again and again. Make one with `openssl rand -base64 48`.",
                );
            }
            if config.tokens.issuer.is_empty() {
                refuse(
                    "TOLLGATE_JWT_ISSUER",
                    "it must be set with TOLLGATE_JWT_SECRET: the `iss` of the tokens.",
                );
            }
        }
    }
    if config.tokens.audiences.is_empty() {
        refuse(
            "TOLLGATE_JWT_AUDIENCE",
            "it must be set: without it, tokens made for another service would be accepted.",
        );
    }
    match &config.outgoing.encryption_keys {
        None => refuse(
            "TOLLGATE_ENCRYPTION_KEYS",
            "it must be set: secrets at rest are sealed with it. Make a key with `openssl rand -base64 32`, and write it as 2026-11:KEY.",
        ),
        Some(keys) if KeyRing::has_known_key(keys.expose_secret()) => refuse(
            "TOLLGATE_ENCRYPTION_KEYS",
            "this is the development key, which everyone knows. Make one with `openssl rand -base64 32`.",
        ),
        Some(keys) if KeyRing::has_weak_key(keys.expose_secret()) => refuse(
            "TOLLGATE_ENCRYPTION_KEYS",
            "a key is no random one: a word, or a few bytes again and again. Make one with `openssl rand -base64 32`.",
        ),
        Some(_) => {}
    }
    if config.demo_data {
        refuse("TOLLGATE_DEMO_DATA", "production has no demo data. Leave it off.");
    }
    problems
}

fn is_weak(secret: &str) -> bool {
    let bytes = secret.as_bytes();
    let different: BTreeSet<&u8> = bytes.iter().collect();
    let parts: BTreeSet<&[u8]> = bytes.windows(3).collect();
    // `12345678`, `zyxwvu`, `aaaa`: each byte is the one before, or next to it.
    let steps = bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    bytes.len() < SECRET_BYTES
        || different.len() < DIFFERENT_BYTES
        || parts.len() * 100 < bytes.len().saturating_sub(2) * DIFFERENT_PARTS_PERCENT
        || steps * 2 > bytes.len()
}
