//! Tokens of the tests' own issuer, and ones that must be refused.

use std::sync::Arc;

use chrono::TimeDelta;
use tollgate::auth::{TokenClaims, TokenIssuer, TokenVerifier, TrustedIssuer};
use tollgate::domain::clock::Clock;

/// What a gateway in a process of its own is configured with.
pub const SECRET: &[u8] = b"the secret of the integration tests, long enough";
pub const ISSUER: &str = "https://id.tests.example";
pub const AUDIENCE: &str = "tollgate-tests";

/// Signs tokens that the gateway under test accepts.
pub struct TestTokens {
    clock: Arc<dyn Clock>,
}

impl TestTokens {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// What the gateway under test trusts.
    pub fn verifier(&self) -> TokenVerifier {
        let issuer = TrustedIssuer::with_secret(ISSUER, vec![AUDIENCE.to_owned()], SECRET).naming_staff();
        TokenVerifier::new([issuer], Arc::clone(&self.clock))
    }

    pub fn token(&self, subject: &str) -> String {
        self.token_with_email(subject, &format!("{subject}@example.com"))
    }

    pub fn token_with_email(&self, subject: &str, email: &str) -> String {
        self.issuer(ISSUER, AUDIENCE).sign(&claims(subject, email, false), TimeDelta::hours(1))
    }

    /// A token that says nothing but who it is.
    pub fn bare_token(&self, subject: &str) -> String {
        let claims = TokenClaims { email: None, name: None, ..claims(subject, "", false) };
        self.issuer(ISSUER, AUDIENCE).sign(&claims, TimeDelta::hours(1))
    }

    pub fn staff_token(&self, subject: &str) -> String {
        let claims = claims(subject, &format!("{subject}@platform.example"), true);
        self.issuer(ISSUER, AUDIENCE).sign(&claims, TimeDelta::hours(1))
    }

    /// A token that ends in a moment.
    pub fn short_token(&self, subject: &str, left: TimeDelta) -> String {
        self.issuer(ISSUER, AUDIENCE).sign(&claims(subject, &format!("{subject}@example.com"), false), left)
    }

    pub fn expired_token(&self, subject: &str) -> String {
        self.issuer(ISSUER, AUDIENCE).sign(&claims(subject, "x@example.com", false), TimeDelta::hours(-1))
    }

    pub fn token_of_issuer(&self, issuer: &str, subject: &str) -> String {
        self.issuer(issuer, AUDIENCE).sign(&claims(subject, "x@example.com", false), TimeDelta::hours(1))
    }

    pub fn token_for_audience(&self, audience: &str, subject: &str) -> String {
        self.issuer(ISSUER, audience).sign(&claims(subject, "x@example.com", false), TimeDelta::hours(1))
    }

    fn issuer(&self, issuer: &str, audience: &str) -> TokenIssuer {
        TokenIssuer::new(issuer, audience, SECRET, Arc::clone(&self.clock))
    }
}

fn claims(subject: &str, email: &str, is_platform_staff: bool) -> TokenClaims {
    TokenClaims {
        subject: subject.to_owned(),
        email: Some(email.to_owned()),
        name: Some(subject.to_owned()),
        is_platform_staff,
    }
}

/// What a token tells of how somebody signed in.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub methods: Vec<&'static str>,
    pub context: Option<&'static str>,
    pub connection: Option<&'static str>,
    pub session_id: Option<&'static str>,
    /// Ago.
    pub authenticated: Option<TimeDelta>,
    pub is_staff: bool,
    /// How they read.
    pub locale: Option<&'static str>,
    /// On which clock.
    pub time_zone: Option<&'static str>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            methods: vec!["pwd"],
            context: None,
            connection: None,
            session_id: None,
            authenticated: Some(TimeDelta::zero()),
            is_staff: false,
            locale: None,
            time_zone: None,
        }
    }
}

impl SignIn {
    /// A sign-in that begins when the second is over in which somebody was signed out.
    pub fn again() -> Self {
        Self { authenticated: Some(TimeDelta::seconds(-2)), ..Self::default() }
    }
}

impl TestTokens {
    /// A token that tells how somebody signed in.
    pub fn token_by(&self, subject: &str, sign_in: &SignIn) -> String {
        let now = self.clock.now();
        let claims = serde_json::json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "name": subject,
            "email": format!("{subject}@example.com"), "tollgate_staff": sign_in.is_staff,
            "iat": now.timestamp(), "exp": (now + TimeDelta::hours(1)).timestamp(),
            "auth_time": sign_in.authenticated.map(|ago| (now - ago).timestamp()),
            "amr": sign_in.methods, "acr": sign_in.context, "sid": sign_in.session_id,
            "tollgate_connection": sign_in.connection,
            "locale": sign_in.locale, "zoneinfo": sign_in.time_zone,
        });
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
        jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256), &claims, &key)
            .expect("plain claims are signed")
    }
}
