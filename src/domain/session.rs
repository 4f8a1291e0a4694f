//! Sessions: what a token tells of how somebody signed in, and why it may not do in an organization.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::string_enum;

/// When a session acted last is written down at most so often.
pub const SEEN_IS_NOTED: TimeDelta = TimeDelta::seconds(60);

string_enum! {
    /// Why somebody who belongs to an organization may not act in it as they came.
    Bar {
        /// The organization names the addresses from which one may come, and this is none.
        IpAddressNotAllowed => "IP_ADDRESS_NOT_ALLOWED",
        /// The organization's own sign-in is required, and this was another.
        SsoRequired => "SSO_REQUIRED",
        /// More than one factor is required.
        MfaRequired => "MFA_REQUIRED",
        /// Signed in too long ago.
        SessionExpired => "SESSION_EXPIRED",
        /// Not seen for too long.
        SessionIdle => "SESSION_IDLE",
        /// The token does not say when they signed in.
        SessionTimeUnknown => "SESSION_TIME_UNKNOWN",
        /// Signed out: somebody ended the session.
        SessionRevoked => "SESSION_REVOKED",
        /// The organization allows no API keys.
        ApiKeyNotAllowed => "API_KEY_NOT_ALLOWED",
        /// The key has counted longer than the organization lets one.
        ApiKeyTooOld => "API_KEY_TOO_OLD",
        /// The organization lets a key be used only from addresses that it names, and this one names none.
        ApiKeyAddressesRequired => "API_KEY_ADDRESSES_REQUIRED",
    }
}

impl Bar {
    /// What to do about it, for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::IpAddressNotAllowed => {
                "This organization can be used only from addresses that it allows, and yours is none. Come from one of \
                 them, or ask an admin to allow yours."
            }
            Self::SsoRequired => {
                "This organization requires its own single sign-on. Sign in with it, and send that token."
            }
            Self::MfaRequired => {
                "This organization requires a second factor. Sign in again with one, and send that token."
            }
            Self::SessionExpired => "You signed in longer ago than this organization allows. Sign in again.",
            Self::SessionIdle => {
                "Your session was idle for longer than this organization allows. Sign in again."
            }
            Self::SessionTimeUnknown => {
                "Your token does not say when you signed in (auth_time), and it matters here: how long a session lasts is \
                 bounded, or sessions of before were signed out. Let your identity provider tell it, and sign in again."
            }
            Self::SessionRevoked => "You were signed out. Sign in again.",
            Self::ApiKeyNotAllowed => "This organization allows no API keys.",
            Self::ApiKeyTooOld => {
                "This API key has counted longer than this organization allows. Make another."
            }
            Self::ApiKeyAddressesRequired => {
                "This organization requires that an API key names the addresses it is used from, and this one names \
                 none. Make another."
            }
        }
    }
}

/// What a token tells of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Who vouches: `iss`.
    pub issuer: String,
    /// By which connection the issuer knows the person: `tollgate_connection`.
    pub connection: Option<String>,
    /// How the person signed in: `amr`.
    pub methods: Vec<String>,
    /// What the sign-in satisfies: `acr`.
    pub context: Option<String>,
    /// When the person signed in: `auth_time`.
    pub authenticated_at: Option<DateTime<Utc>>,
    /// The session at the issuer: `sid`.
    pub session_id: Option<String>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// The kinds of factors, with the methods of each: what somebody knows, has, is. Several channels (`mca`) may be of one kind.
/// Source: <https://www.rfc-editor.org/rfc/rfc8176#section-2>.
const FACTORS: [&[&str]; 3] = [
    &["pwd", "pin", "kba"],
    &["otp", "sms", "tel", "hwk", "swk", "sc", "pop"],
    &["fpt", "face", "iris", "retina", "vbm"],
];
/// Contexts that are more than one factor: REFEDS' profile, OpenID's policies, Okta's, NIST's levels two and three. A sign-in
/// that resists phishing (`phr`, `phrh`) may be of one factor.
const CONTEXTS: &[&str] = &[
    "https://refeds.org/profile/mfa",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor-physical",
    "urn:okta:loa:2fa:any",
    "http://idmanagement.gov/ns/assurance/aal/2",
    "http://idmanagement.gov/ns/assurance/aal/3",
];
/// Whose contexts say more of the same level behind a question mark: `aal/2?phishing_resistant=true`, `aal/2?hspd12=true`.
const WITH_QUERY: &str = "http://idmanagement.gov/ns/assurance/aal/";

impl Session {
    /// Whether more than one factor was used: the issuer says so, or names methods of two kinds.
    pub fn has_two_factors(&self) -> bool {
        let is_named = |known: &[&str]| self.methods.iter().any(|method| known.contains(&method.as_str()));
        is_named(&["mfa"])
            || FACTORS.iter().filter(|kind| is_named(kind)).count() > 1
            || self.context.as_deref().is_some_and(says_two_factors)
    }

    /// Why the session counts no more, when those that began before `at` were signed out. When its token was made says nothing
    /// of it: one that is renewed is new, and its sign-in is not.
    pub fn bar_since(&self, at: DateTime<Utc>) -> Option<Bar> {
        match self.authenticated_at {
            None => Some(Bar::SessionTimeUnknown),
            Some(began) if began < at => Some(Bar::SessionRevoked),
            Some(_) => None,
        }
    }

    /// What the session is known by, of one person; `None` when the token tells nothing by which it could be.
    pub fn key(&self) -> Option<String> {
        let told = match (&self.session_id, self.authenticated_at) {
            (Some(sid), _) => format!("sid:{sid}"),
            (None, Some(at)) => format!("at:{}", at.timestamp()),
            (None, None) => return None,
        };
        Some(hex::encode(Sha256::digest(told)))
    }
}

fn says_two_factors(context: &str) -> bool {
    let level = match context.split_once('?') {
        Some((level, _)) if level.starts_with(WITH_QUERY) => level,
        _ => context,
    };
    CONTEXTS.contains(&level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(methods: &[&str], context: Option<&str>) -> bool {
        let methods = methods.iter().map(|it| (*it).to_owned()).collect();
        Session { methods, context: context.map(str::to_owned), ..Session::default() }.has_two_factors()
    }

    #[test]
    fn two_factors_are_of_two_kinds_or_the_issuer_says_so() {
        for methods in [&["mfa"][..], &["pwd", "otp"], &["hwk", "fpt"], &["pin", "face"]] {
            assert!(by(methods, None), "{methods:?}");
        }
        for methods in
            [&[][..], &["pwd"], &["otp"], &["fpt"], &["pwd", "pin"], &["otp", "sms"], &["fpt", "face"]]
        {
            assert!(!by(methods, None), "{methods:?}");
        }
        assert!(!by(&["mca", "sms"], None), "several channels are no several kinds");
        let level = |rest: &str| format!("http://idmanagement.gov/ns/assurance/aal/{rest}");
        for context in [
            "https://refeds.org/profile/mfa".to_owned(),
            "urn:okta:loa:2fa:any".to_owned(),
            level("2"),
            level("2?phishing_resistant=true"),
            level("2?hspd12=true"),
            level("3?hspd12=true"),
        ] {
            assert!(by(&[], Some(&context)), "{context}");
        }
        for context in ["phr", "phrh", "1", "urn:okta:loa:1fa:any", "https://refeds.org/profile/sfa?mfa"]
            .map(str::to_owned)
            .into_iter()
            .chain([level("1"), level("1?hspd12=true")])
        {
            assert!(!by(&["hwk"], Some(&context)), "{context}");
        }
    }

    #[test]
    fn a_session_begins_with_the_sign_in_and_not_with_its_newest_token() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0);
        let session = Session { authenticated_at: at(100), ..Session::default() };
        assert_eq!(session.bar_since(at(101).unwrap()), Some(Bar::SessionRevoked));
        assert_eq!(session.bar_since(at(100).unwrap()), None);
        let unknown = Session::default();
        assert_eq!(unknown.bar_since(at(500).unwrap()), Some(Bar::SessionTimeUnknown));
        assert!(unknown.key().is_none());
        assert_ne!(session.key(), Session { session_id: Some("s".into()), ..session.clone() }.key());
    }
}
