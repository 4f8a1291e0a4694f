//! Security settings: from where, how and how long somebody may act in an organization, and with which keys.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::api_key::{ApiKey, NetworkError, canonical, network};
use super::email;
use super::key_policy::{KeyPolicy, KeyPolicyPatch};
use super::membership::Role;
use super::session::{Bar, Session};
use super::setting::{FieldChecks, Patch, set_flag};
use super::text::required_text;

/// Networks that may be allowed at most.
pub const MAXIMUM_ALLOWED_NETWORKS: usize = 200;
/// Mail domains that may be allowed at most.
pub const MAXIMUM_DOMAINS: usize = 100;
/// Providers of single sign-on at most.
pub const MAXIMUM_PROVIDERS: usize = 10;
/// The shortest lifetime and idle time: less would end a session while it is used.
pub const SHORTEST_MINUTES: i32 = 5;
/// The longest: a year.
pub const LONGEST_MINUTES: i32 = 366 * 24 * 60;

/// A sign-in that an organization requires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsoProvider {
    /// The token's `iss`.
    pub issuer: String,
    /// The connection at that issuer, `tollgate_connection`; any when left out.
    pub connection: Option<String>,
}

/// The document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecuritySettings {
    /// Whether members must come by one of the providers.
    pub sso_required: bool,
    /// The providers.
    pub sso_providers: Vec<SsoProvider>,
    /// Whether owners may come without: a way in when the provider fails.
    pub sso_optional_for_owners: bool,
    /// Whether members must have signed in with more than one factor.
    pub mfa_required: bool,
    /// How long after signing in a session lasts.
    pub session_lifetime_minutes: Option<i32>,
    /// How long a session may be idle.
    pub session_idle_minutes: Option<i32>,
    /// The networks from which one may come; everywhere when empty.
    pub allowed_addresses: Vec<String>,
    /// The mail domains that may be invited; all when empty.
    pub allowed_email_domains: Vec<String>,
    /// What keys must satisfy.
    pub key_policy: KeyPolicy,
}

/// What is kept of somebody in an organization that bounds sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What the organization asks.
    pub security: SecuritySettings,
    /// Who signed in before this is signed out.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When the session was seen last.
    pub last_seen_at: Option<DateTime<Utc>>,
}

fn minutes(minutes: i32) -> TimeDelta {
    TimeDelta::minutes(minutes.into())
}

impl Standing {
    /// Why a person may not act in the organization as they came; `None` when they may.
    pub fn bar(&self, role: Role, session: &Session, now: DateTime<Utc>) -> Option<Bar> {
        let security = &self.security;
        if let Some(bar) = self.revoked_at.and_then(|at| session.bar_since(at)) {
            return Some(bar);
        }
        if !security.admits(session.address) {
            return Some(Bar::IpAddressNotAllowed);
        }
        let is_bound = security.sso_required && !(role == Role::Owner && security.sso_optional_for_owners);
        if is_bound && !security.sso_providers.iter().any(|provider| provider.vouches_for(session)) {
            return Some(Bar::SsoRequired);
        }
        if security.mfa_required && !session.has_two_factors() {
            return Some(Bar::MfaRequired);
        }
        if security.session_lifetime_minutes.is_some() {
            match self.expires_at(session) {
                None => return Some(Bar::SessionTimeUnknown),
                Some(end) if now >= end => return Some(Bar::SessionExpired),
                Some(_) => {}
            }
        }
        if security.session_idle_minutes.is_some() {
            match self.idle_at(session) {
                None => return Some(Bar::SessionTimeUnknown),
                Some(end) if now >= end => return Some(Bar::SessionIdle),
                Some(_) => {}
            }
        }
        None
    }

    /// When the session ends by itself, as far as it is used no more.
    pub fn lapses_at(&self, session: &Session) -> Option<DateTime<Utc>> {
        self.expires_at(session).into_iter().chain(self.idle_at(session)).min()
    }

    fn expires_at(&self, session: &Session) -> Option<DateTime<Utc>> {
        session.authenticated_at?.checked_add_signed(minutes(self.security.session_lifetime_minutes?))
    }

    /// What was never seen has been idle since its sign-in.
    fn idle_at(&self, session: &Session) -> Option<DateTime<Utc>> {
        let limit = minutes(self.security.session_idle_minutes?);
        // By neither is a session known, so that nothing could be noted of it.
        session.key()?;
        let seen = self.last_seen_at.into_iter().chain(session.authenticated_at).max()?;
        seen.checked_add_signed(limit)
    }
}

impl SsoProvider {
    fn vouches_for(&self, session: &Session) -> bool {
        self.issuer == session.issuer
            && self.connection.as_ref().is_none_or(|it| session.connection.as_ref() == Some(it))
    }
}

impl SecuritySettings {
    /// The settings in a document. What cannot be read must not be taken for nothing: it would let everybody in.
    pub fn read(document: &serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(document.clone())
    }

    /// Settings that let nobody in, and no key.
    pub fn closed() -> Self {
        let key_policy = KeyPolicy { allowed: false, ..KeyPolicy::default() };
        Self { sso_required: true, key_policy, ..Self::default() }
    }

    /// Whether one may come from `address`. An IPv4 address is one, however it is written; an unknown one is none.
    fn admits(&self, address: Option<IpAddr>) -> bool {
        self.allowed_addresses.is_empty()
            || address.is_some_and(|address| {
                let address = address.to_canonical();
                let mut networks = self.allowed_addresses.iter().filter_map(|it| it.parse::<IpNet>().ok());
                networks.any(|network| canonical(network).contains(&address))
            })
    }

    /// The field that asks for what a bar misses.
    pub const fn field_of(&self, bar: Bar) -> &'static str {
        match bar {
            Bar::IpAddressNotAllowed => "allowedAddresses",
            Bar::SsoRequired => "ssoRequired",
            Bar::MfaRequired => "mfaRequired",
            Bar::SessionTimeUnknown if self.session_lifetime_minutes.is_none() => "sessionIdleMinutes",
            Bar::SessionExpired | Bar::SessionTimeUnknown => "sessionLifetimeMinutes",
            Bar::SessionIdle => "sessionIdleMinutes",
            Bar::SessionRevoked => "",
            Bar::ApiKeyNotAllowed | Bar::ApiKeyTooOld | Bar::ApiKeyAddressesRequired => "keyPolicy",
        }
    }

    /// Whether addresses at a mail domain may be invited.
    pub fn admits_domain(&self, domain: &str) -> bool {
        self.allowed_email_domains.is_empty()
            || self.allowed_email_domains.iter().any(|it| it.eq_ignore_ascii_case(domain))
    }

    /// Why a key may not be used; `None` when it may.
    pub fn key_bar(&self, key: &ApiKey, address: Option<IpAddr>, now: DateTime<Utc>) -> Option<Bar> {
        let policy = &self.key_policy;
        if !policy.allowed {
            Some(Bar::ApiKeyNotAllowed)
        } else if policy.ends(key.created_at).is_some_and(|end| now >= end) {
            Some(Bar::ApiKeyTooOld)
        } else if policy.addresses_required && key.allowed_addresses.is_empty() {
            Some(Bar::ApiKeyAddressesRequired)
        } else if self.admits(address) {
            None
        } else {
            Some(Bar::IpAddressNotAllowed)
        }
    }

    /// The settings without what keeps people out: how they sign in, from where, for how long. Keys and mail domains keep
    /// nobody out who belongs here.
    pub fn open_to_members(&self) -> Self {
        Self {
            allowed_email_domains: self.allowed_email_domains.clone(),
            key_policy: self.key_policy.clone(),
            ..Self::default()
        }
    }
}

/// What is to become of the security settings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SecuritySettingsPatch {
    /// Whether members must come by one of the providers.
    pub sso_required: Patch<bool>,
    /// The providers, all of them.
    pub sso_providers: Patch<Vec<SsoProvider>>,
    /// Whether owners may come without.
    pub sso_optional_for_owners: Patch<bool>,
    /// Whether more than one factor is required.
    pub mfa_required: Patch<bool>,
    /// How long after signing in a session lasts.
    pub session_lifetime_minutes: Patch<i32>,
    /// How long a session may be idle.
    pub session_idle_minutes: Patch<i32>,
    /// The networks, all of them.
    pub allowed_addresses: Patch<Vec<String>>,
    /// The mail domains, all of them.
    pub allowed_email_domains: Patch<Vec<String>>,
    /// What keys must satisfy.
    pub key_policy: Patch<KeyPolicyPatch>,
}

/// Why a security setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecurityError {
    /// A time that cannot be kept.
    #[error("This is {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes.")]
    Minutes,
    /// Nobody who could vouch.
    #[error("An issuer is the iss of its tokens: an https address of at most 255 characters.")]
    Issuer,
    /// No connection.
    #[error("A connection has 1 to 255 characters.")]
    Connection,
    /// A network that is none.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl SecuritySettings {
    /// The settings with what is asked for, or what is wrong with it.
    pub fn patched(&self, patch: SecuritySettingsPatch) -> Result<Self, FieldChecks> {
        let (mut new, mut checks) = (self.clone(), FieldChecks::default());
        set_flag(&mut new.sso_required, &patch.sso_required, false);
        set_flag(&mut new.sso_optional_for_owners, &patch.sso_optional_for_owners, false);
        set_flag(&mut new.mfa_required, &patch.mfa_required, false);
        let bound = |given: i32| {
            let fits = (SHORTEST_MINUTES..=LONGEST_MINUTES).contains(&given);
            if fits { Ok(Some(given)) } else { Err(SecurityError::Minutes) }
        };
        let lifetime = patch.session_lifetime_minutes;
        lifetime.apply(&mut new.session_lifetime_minutes, "sessionLifetimeMinutes", &mut checks, bound);
        let idle = patch.session_idle_minutes;
        idle.apply(&mut new.session_idle_minutes, "sessionIdleMinutes", &mut checks, bound);
        let (path, most) = ("ssoProviders", MAXIMUM_PROVIDERS);
        listed(&mut new.sso_providers, patch.sso_providers, path, most, &mut checks, provider);
        let (path, most) = ("allowedAddresses", MAXIMUM_ALLOWED_NETWORKS);
        listed(&mut new.allowed_addresses, patch.allowed_addresses, path, most, &mut checks, |it| {
            network(&it).map(|it| it.to_string())
        });
        let (path, most) = ("allowedEmailDomains", MAXIMUM_DOMAINS);
        listed(&mut new.allowed_email_domains, patch.allowed_email_domains, path, most, &mut checks, |it| {
            email::normalized_domain(&it)
        });
        match patch.key_policy {
            Patch::Keep => {}
            Patch::Clear => new.key_policy = KeyPolicy::default(),
            Patch::Set(patch) => new.key_policy.patch(patch, &mut checks),
        }
        if checks.0.is_empty() { Ok(new) } else { Err(checks) }
    }

    /// The settings by the rules of today, or what is wrong with them.
    pub fn checked(self) -> Result<Self, FieldChecks> {
        Self::default().patched(SecuritySettingsPatch {
            sso_required: Patch::Set(self.sso_required),
            sso_providers: Patch::Set(self.sso_providers),
            sso_optional_for_owners: Patch::Set(self.sso_optional_for_owners),
            mfa_required: Patch::Set(self.mfa_required),
            session_lifetime_minutes: self.session_lifetime_minutes.into(),
            session_idle_minutes: self.session_idle_minutes.into(),
            allowed_addresses: Patch::Set(self.allowed_addresses),
            allowed_email_domains: Patch::Set(self.allowed_email_domains),
            key_policy: Patch::Set(self.key_policy.into()),
        })
    }

    /// Whether single sign-on is required and nobody provides it: nobody could come in.
    pub fn requires_what_nobody_provides(&self) -> bool {
        self.sso_required && self.sso_providers.is_empty()
    }
}

/// A list that is given whole; what stands in it twice stands in it once.
fn listed<T, U: PartialEq, E: ToString>(
    field: &mut Vec<U>,
    asked: Patch<Vec<T>>,
    path: &str,
    maximum: usize,
    checks: &mut FieldChecks,
    check: impl Fn(T) -> Result<U, E>,
) {
    let given = match asked {
        Patch::Keep => return,
        Patch::Clear => Vec::new(),
        Patch::Set(given) => given,
    };
    field.clear();
    for item in checks.list(path, given, maximum, check) {
        if !field.contains(&item) {
            field.push(item);
        }
    }
}

fn provider(given: SsoProvider) -> Result<SsoProvider, SecurityError> {
    let issuer = required_text(&given.issuer, 255).map_err(|_| SecurityError::Issuer)?;
    let is_address = Url::parse(&issuer).is_ok_and(|url| url.scheme() == "https" && url.host_str().is_some());
    if !is_address {
        return Err(SecurityError::Issuer);
    }
    let connection =
        given.connection.map(|it| required_text(&it, 255).map_err(|_| SecurityError::Connection));
    Ok(SsoProvider { issuer, connection: connection.transpose()? })
}

#[cfg(test)]
#[path = "security_settings_tests.rs"]
mod tests;
