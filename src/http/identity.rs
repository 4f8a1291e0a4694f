//! Who is calling, and from where: found once for each request, before anything of it is read.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use tracing::Instrument;

use super::graphql::{RequestId, SessionStarter, ValidUntil};
use super::key_budget::KeyBudgets;
use super::session_end::ends_early;
use crate::auth::{TokenError, TokenVerifier, VerifiedToken, Viewer};
use crate::domain::audit::{Actor, ActorKind};
use crate::domain::clock::Clock;
use crate::domain::ids::{IdGenerator, OrganizationId};
use crate::domain::secret::{API_KEY_PREFIX, hash};
use crate::domain::security_settings::Standing;
use crate::domain::session::{Bar, Session};
use crate::store::{Identity, KeyPrincipal, SeenSession, Store, StoreError};

/// What finding out needs.
#[derive(Clone)]
pub(super) struct Identification {
    pub tokens: Arc<TokenVerifier>,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub trusted_proxies: Arc<[IpAddr]>,
    pub key_budgets: Arc<KeyBudgets>,
}

/// How long a connection that an API key opened lasts at most: then it is opened again, and the key is looked at anew.
const KEY_LASTS: TimeDelta = TimeDelta::hours(24);

/// The longest id of a request that a proxy may have given.
const MAXIMUM_REQUEST_ID: usize = 128;
/// As much of the client's own name as is kept.
const MAXIMUM_USER_AGENT: usize = 512;

/// Puts the request's id and its viewer into the extensions; a request with a token that is not valid ends here.
pub(super) async fn identify(
    State(state): State<Identification>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = &request.headers().clone();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let request_id = request_id(headers).unwrap_or_else(|| format!("req_{}", state.ids.next().simple()));
    let actor = Actor {
        kind: ActorKind::User,
        user_id: None,
        api_key_id: None,
        ip_address: peer.map(|peer| client_address(peer, headers, &state.trusted_proxies).to_string()),
        user_agent: user_agent(headers),
        request_id: Some(request_id.clone()),
        session: None,
    };
    let span = tracing::info_span!("request", id = request_id);
    let mut response = async {
        let viewer = match bearer(headers) {
            Ok(None) => Ok((Viewer::anonymous(actor), None)),
            Ok(Some(token)) => state.viewer(token, actor).await.map(|(viewer, until)| (viewer, Some(until))),
            Err(error) => Err(Unidentified::Token(error)),
        };
        match viewer {
            Ok((viewer, until)) => {
                let extensions = request.extensions_mut();
                extensions.insert(RequestId(request_id.clone()));
                if let Some(until) = until {
                    extensions.insert(until);
                    extensions.insert(ends_early(&state.store, &state.clock, &viewer));
                }
                extensions.insert(viewer);
                next.run(request).await
            }
            Err(unidentified) => unidentified.into_answer(&request_id),
        }
    }
    .instrument(span)
    .await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// Why there is no viewer.
enum Unidentified {
    Token(TokenError),
    /// Signed out, everywhere; or nobody can tell whether it is.
    SignedOut(Bar),
    Key(&'static str),
    /// The key's organization does not take it as it comes.
    Barred(Bar),
    /// The key may not be used from this address.
    Address(String),
    /// The key's budget is spent for so long.
    Budget(Duration),
    Store(StoreError),
}

impl Identification {
    async fn viewer(&self, token: &str, actor: Actor) -> Result<(Viewer, ValidUntil), Unidentified> {
        if token.starts_with(API_KEY_PREFIX) {
            return self.key_viewer(token, actor).await;
        }
        let token = self.tokens.verify(token).await.map_err(Unidentified::Token)?;
        let until = self.valid_until(token.expires_at);
        let now = self.clock.now();
        let (email, session) = (token.verified_email.clone(), session(&token, &actor));
        let mut identity = identity(token);
        // An issuer whose clock is ahead must not keep later tokens from telling anything.
        identity.told_at = identity.told_at.map(|at| at.min(now));
        let principal =
            self.store.principal(&identity, &session, &actor).await.map_err(Unidentified::Store)?;
        if let Some(bar) = principal.bar(&session) {
            return Err(Unidentified::SignedOut(bar));
        }
        let standings = principal.standings;
        let viewer = Viewer::signed_in(principal.user, email, principal.grants, actor)
            .in_session(session, &standings, now);
        self.note_session(&viewer, &standings).await.map_err(Unidentified::Store)?;
        Ok((viewer, until))
    }

    /// Notes that a session acts, wherever its idle time is bounded. Where it has been idle for too long it stays so,
    /// whatever it does elsewhere.
    async fn note_session(
        &self,
        viewer: &Viewer,
        standings: &HashMap<OrganizationId, Standing>,
    ) -> Result<(), StoreError> {
        let key = viewer.session().and_then(Session::key);
        let (Some(user_id), Some(key)) = (viewer.user_id(), key) else { return Ok(()) };
        for (&organization_id, standing) in standings {
            if standing.security.session_idle_minutes.is_some() && viewer.acts_in(organization_id) {
                let seen = SeenSession { organization_id, user_id, key: key.clone() };
                self.store.note_session(&seen, standing.last_seen_at).await?;
            }
        }
        Ok(())
    }

    fn valid_until(&self, end: DateTime<Utc>) -> ValidUntil {
        let left = (end - self.clock.now()).to_std().unwrap_or_default();
        ValidUntil(tokio::time::Instant::now() + left)
    }

    /// Who is calling with an API key. Who has the secret may know what became of the key.
    async fn key_viewer(&self, secret: &str, actor: Actor) -> Result<(Viewer, ValidUntil), Unidentified> {
        let now = self.clock.now();
        let found = self.store.find_key_by_secret(&hash(secret)).await.map_err(Unidentified::Store)?;
        let Some(KeyPrincipal { key, user, grant, by_previous_secret, security }) = found else {
            return Err(Unidentified::Key("There is no such API key, or its secret was replaced."));
        };
        if key.revoked_at.is_some() {
            return Err(Unidentified::Key("This API key was revoked."));
        }
        if !key.counts(now) {
            return Err(Unidentified::Key("This API key has expired."));
        }
        let Some(grant) = grant else {
            return Err(Unidentified::Key("The person whose API key this is is no member any more."));
        };
        let address = actor.ip_address.clone().unwrap_or_default();
        if !address.parse().map_or(key.allowed_addresses.is_empty(), |address| key.may_come_from(address)) {
            return Err(Unidentified::Address(address));
        }
        if let Some(bar) = security.key_bar(&key, address.parse().ok(), now) {
            return Err(Unidentified::Barred(bar));
        }
        self.key_budgets.take(key.id, 1).map_err(Unidentified::Budget)?;
        self.store.note_key_use(&key).await.map_err(Unidentified::Store)?;
        // The secret before a rotation opens nothing that outlasts it.
        let previous = key.previous_until.filter(|_| by_previous_secret);
        let ends = [key.expires_at, previous, security.key_policy.ends(key.created_at)];
        let end = ends.into_iter().flatten().fold(now + KEY_LASTS, DateTime::min);
        Ok((Viewer::api_key(key, user, grant, actor), self.valid_until(end)))
    }
}

#[async_trait]
impl SessionStarter for Identification {
    async fn start(&self, token: &str, context: &Extensions) -> Result<Extensions, String> {
        let before = context.get::<Viewer>().expect("the middleware puts a viewer into every request");
        let actor = Actor { user_id: None, api_key_id: None, session: None, ..before.actor().clone() };
        let token = match token.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => token.trim(),
        };
        let (viewer, until) = self.viewer(token, actor).await.map_err(|error| error.describe().2)?;
        let mut extensions = context.clone();
        extensions.insert(ends_early(&self.store, &self.clock, &viewer));
        extensions.insert(viewer);
        extensions.insert(until);
        Ok(extensions)
    }
}

/// What the token tells of how somebody signed in, and where they come from.
fn session(token: &VerifiedToken, actor: &Actor) -> Session {
    Session {
        issuer: token.issuer.clone(),
        connection: token.connection.clone(),
        methods: token.methods.clone(),
        context: token.context.clone(),
        authenticated_at: token.authenticated_at,
        session_id: token.session_id.clone(),
        address: actor.ip_address.as_deref().and_then(|it| it.parse().ok()),
    }
}

fn identity(token: VerifiedToken) -> Identity {
    Identity {
        issuer: token.issuer,
        subject: token.subject,
        email: token.email,
        name: token.name,
        locale: token.locale,
        time_zone: token.time_zone,
        is_platform_staff: token.is_platform_staff,
        told_at: token.issued_at,
    }
}

impl Unidentified {
    fn describe(&self) -> (StatusCode, &'static str, String) {
        match self {
            Self::Token(error) if error.is_unavailable() => {
                (StatusCode::SERVICE_UNAVAILABLE, "INTERNAL", error.to_string())
            }
            Self::Token(error) => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", error.to_string()),
            Self::SignedOut(bar) => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", bar.sentence().to_owned()),
            Self::Key(message) => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", (*message).to_owned()),
            Self::Barred(bar) => (StatusCode::FORBIDDEN, "FORBIDDEN", bar.sentence().to_owned()),
            Self::Address(address) => (
                StatusCode::FORBIDDEN,
                "FORBIDDEN",
                format!(
                    "This API key may not be used from {address}: it names the addresses from which it may."
                ),
            ),
            Self::Budget(wait) => (
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMITED",
                format!("This API key has spent its budget. Try again in {} seconds.", wait.as_secs() + 1),
            ),
            Self::Store(error) => {
                tracing::error!(%error, source = ?std::error::Error::source(error), "who is calling could not be found out");
                let message = "Something went wrong on our side. It has been logged; tell support the request id if it keeps happening.";
                (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message.to_owned())
            }
        }
    }

    /// The reason, for programs, where there is one of its own.
    const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::SignedOut(bar) | Self::Barred(bar) => Some(bar.as_str()),
            Self::Address(_) => Some(Bar::IpAddressNotAllowed.as_str()),
            Self::Token(_) | Self::Key(_) | Self::Budget(_) | Self::Store(_) => None,
        }
    }

    fn into_answer(self, request_id: &str) -> Response {
        let (status, code, message) = self.describe();
        let mut extensions = serde_json::json!({ "code": code, "requestId": request_id });
        if let Some(reason) = self.reason() {
            extensions["reason"] = reason.into();
        }
        let body = serde_json::json!({ "errors": [{ "message": message, "extensions": extensions }] });
        let mut response = (
            status,
            [(header::CONTENT_TYPE, "application/graphql-response+json; charset=utf-8")],
            body.to_string(),
        )
            .into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Self::Budget(wait) = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        }
        response
    }
}

/// The token of the Authorization header, if there is one. Another scheme than Bearer is no token of ours.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let (Ok(text), None) = (value.to_str(), values.next()) else { return Err(TokenError::Malformed) };
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(TokenError::Malformed),
    }
}

/// The id that a proxy gave the request, when it is fit for logs.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let fits = (1..=MAXIMUM_REQUEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    fits.then(|| id.to_owned())
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(MAXIMUM_USER_AGENT).collect())
}

/// Where the request came from: the peer or, behind trusted proxies, the last address before them. What a client writes
/// into X-Forwarded-For itself stands further left and is never reached.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    // On a listener for both families an IPv4 peer is written as an IPv6 address.
    let mut address = peer.to_canonical();
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .collect();
    for hop in forwarded.into_iter().rev() {
        if !trusted.iter().any(|proxy| proxy.to_canonical() == address) {
            break;
        }
        // Some proxies write the port, too.
        let next = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|hop| hop.ip()));
        let Ok(next) = next else { break };
        address = next.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", text.parse().unwrap());
        headers
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_cannot_choose_its_address() {
        let proxy = ip("10.0.0.1");
        let claims = forwarded("1.1.1.1, 2.2.2.2");
        assert_eq!(client_address(ip("9.9.9.9"), &claims, &[proxy]), ip("9.9.9.9"), "not from a proxy");
        assert_eq!(client_address(proxy, &claims, &[proxy]), ip("2.2.2.2"), "what the proxy saw");
        assert_eq!(client_address(proxy, &claims, &[]), proxy, "no proxy is trusted");
        assert_eq!(
            client_address(proxy, &forwarded("2.2.2.2, 10.0.0.2"), &[proxy, ip("10.0.0.2")]),
            ip("2.2.2.2")
        );
        assert_eq!(client_address(proxy, &forwarded("nonsense"), &[proxy]), proxy);
        let mapped = ip("::ffff:10.0.0.1");
        for (peer, trusted) in [(mapped, proxy), (proxy, mapped), (mapped, mapped)] {
            assert_eq!(client_address(peer, &claims, &[trusted]), ip("2.2.2.2"), "{peer} and {trusted}");
        }
        for hop in ["2.2.2.2:5678", "::ffff:2.2.2.2", "[::ffff:2.2.2.2]:5678"] {
            assert_eq!(client_address(proxy, &forwarded(hop), &[proxy]), ip("2.2.2.2"), "{hop}");
        }
    }

    #[test]
    fn a_request_id_that_is_not_fit_for_logs_is_not_taken() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", text.parse().unwrap());
            request_id(&headers)
        };
        assert_eq!(id("abc-1.2:3_4").as_deref(), Some("abc-1.2:3_4"));
        assert_eq!(id("a b"), None);
        assert_eq!(id(&"a".repeat(129)), None);
    }

    #[test]
    fn only_one_bearer_token_is_a_token() {
        let with = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).map(|token| token.map(str::to_owned))
        };
        assert_eq!(with(&[]), Ok(None));
        assert_eq!(with(&["bearer abc"]), Ok(Some("abc".to_owned())));
        for values in [&["Basic abc"][..], &["abc"], &["Bearer a", "Bearer b"]] {
            assert_eq!(with(values), Err(TokenError::Malformed), "{values:?}");
        }
    }
}
