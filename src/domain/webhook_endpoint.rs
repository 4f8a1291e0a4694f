//! Addresses that webhooks are sent to: what may be one, how what is sent is signed, and how long one may fail.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use ipnet::IpNet;
use sha2::Sha256;
use thiserror::Error;
use url::{Host, Url};

use super::card_number::contains_card_number;
use super::ids::{OrganizationId, UserId, WebhookEndpointId};
use super::loopback::is_loopback;
use super::notification_event::NotificationEvent;
use super::string_enum;
use super::webhook_delivery::MadeFor;

/// Endpoints that an organization may have at most.
pub const MAXIMUM_ENDPOINTS: u64 = 20;
/// Bytes of a stored query at most.
pub const MAXIMUM_SELECTION: usize = 16 * 1024;
/// How long the old secret signs on when nothing is said.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// The longest that it may.
pub const OVERLAP_AT_MOST: TimeDelta = TimeDelta::days(7);
/// What a signing secret begins with, in the Standard Webhooks scheme.
const SECRET_PREFIX: &str = "whsec_";

string_enum! {
    /// Whether an endpoint is sent anything.
    WebhookEndpointState {
        /// It is.
        Enabled => "enabled",
        /// It is not: what it would be sent is held.
        Disabled => "disabled",
    }
}

string_enum! {
    /// Why an endpoint is disabled.
    DisabledReason {
        /// Somebody disabled it.
        ByHand => "by_hand",
        /// It took nothing for days.
        Failing => "failing",
        /// It said that it is gone (410).
        Gone => "gone",
        /// Whose rights its query is run with is no member any more.
        Orphaned => "orphaned",
    }
}

/// An endpoint. Its secrets are kept apart, sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookEndpoint {
    /// Our id.
    pub id: WebhookEndpointId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The address.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What is sent there; everything when it is empty.
    pub events: Vec<NotificationEvent>,
    /// The query whose answer is sent.
    pub selection: String,
    /// Counts the changes of the query.
    pub selection_version: i64,
    /// Whose rights the query is run with.
    pub acts_for: UserId,
    /// The secret, sealed; none once it is deleted.
    pub sealed_secret: Option<String>,
    /// The secret before, sealed, while it signs too.
    pub sealed_previous: Option<String>,
    /// Until when the secret before signs.
    pub previous_until: Option<DateTime<Utc>>,
    /// Whether it is sent anything.
    pub state: WebhookEndpointState,
    /// Why not.
    pub disabled_reason: Option<DisabledReason>,
    /// Since when it takes nothing.
    pub failing_since: Option<DateTime<Utc>>,
    /// When people were warned of that.
    pub warned_at: Option<DateTime<Utc>>,
    /// How often in a row it took nothing.
    pub failures: i32,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Counts the changes, for optimistic concurrency.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl WebhookEndpoint {
    /// Whether it wants to hear of an event.
    pub fn wants(&self, event: NotificationEvent) -> bool {
        self.events.is_empty() || self.events.contains(&event)
    }

    /// What a body that is made now is made for.
    pub fn makes_for(&self) -> MadeFor {
        MadeFor { acts_for: self.acts_for, url: self.url.clone(), selection_version: self.selection_version }
    }

    /// What audit records keep of it. Never a secret, and no password that somebody wrote into the address.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "url": self.url,
            "description": self.description,
            "events": self.events,
            "selection": self.selection,
            "actsFor": self.acts_for,
            "state": self.state,
            "disabledReason": self.disabled_reason,
            "previousUntil": self.previous_until,
            "deletedAt": self.deleted_at,
        })
    }
}

/// Why an address cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WebhookUrlError {
    /// It is no address.
    #[error("This is no https address.")]
    NoAddress,
    /// It is not encrypted.
    #[error("Webhooks are sent over https.")]
    NoTls,
    /// Addresses are logged and shown.
    #[error(
        "The address holds a user name or a password, and addresses are shown. Check the signature instead."
    )]
    Credentials,
    /// It is longer than anybody needs.
    #[error("The address has 2000 characters at most.")]
    TooLong,
    /// It is in a network that nobody outside reaches.
    #[error("{0} is not on the public internet, and webhooks are sent nowhere else.")]
    Private(String),
}

/// Checks the address of an endpoint. What its name stands for is looked up each time something is sent.
pub fn check_url(text: &str, allows_this_machine: bool) -> Result<Url, WebhookUrlError> {
    let text = text.trim();
    if text.len() > 2_000 {
        return Err(WebhookUrlError::TooLong);
    }
    let url = Url::parse(text).map_err(|_| WebhookUrlError::NoAddress)?;
    if contains_card_number(text) || !matches!(url.scheme(), "http" | "https") {
        return Err(WebhookUrlError::NoAddress);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(WebhookUrlError::Credentials);
    }
    if is_loopback(&url) && allows_this_machine {
        return Ok(url);
    }
    let private = || WebhookUrlError::Private(url.host_str().unwrap_or_default().to_owned());
    let is_public = match url.host() {
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        // A name without a point is one of a local network.
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.contains('.') && !is_loopback(&url) && !LOCAL_NAMES.iter().any(|end| name.ends_with(end))
        }
        None => return Err(WebhookUrlError::NoAddress),
    };
    if !is_public {
        return Err(private());
    }
    if url.scheme() != "https" {
        return Err(WebhookUrlError::NoTls);
    }
    Ok(url)
}

/// Ends of names that stand for something nearby (RFC 6762, 8375, 6761; and what clouds call their own).
const LOCAL_NAMES: [&str; 6] = [".local", ".home.arpa", ".internal", ".localhost", ".invalid", ".test"];

/// Networks that are not the public internet: the registries of special addresses of IANA, and what translates into them.
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>
static SPECIAL: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        // Of version 6 the global unicast ones are public, without these.
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    ]
    .iter()
    .map(|net| net.parse().expect("a network"))
    .collect()
});

/// Whether an address is on the public internet.
pub fn is_public(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_special = SPECIAL.iter().any(|net| net.contains(&address));
    match address {
        IpAddr::V4(address) => !is_special && address != Ipv4Addr::BROADCAST,
        // 2000::/3 is all that was given out; what is mapped, translated, local or multicast lies outside of it.
        IpAddr::V6(address) => {
            !is_special && (address.segments()[0] & 0xE000) == 0x2000 && address != Ipv6Addr::LOCALHOST
        }
    }
}

/// A signing secret of these random bits, as the Standard Webhooks scheme writes it.
pub fn signing_secret(bits: [u8; 32]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(bits))
}

/// The header `webhook-signature`: what each of the secrets says of id, time and body.
pub fn signatures(secrets: &[String], id: &str, at: DateTime<Utc>, body: &str) -> String {
    let signed = secrets.iter().filter_map(|secret| {
        let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(format!("{id}.{}.{body}", at.timestamp()).as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    });
    signed.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_scheme() {
        // The example of the specification: https://github.com/standard-webhooks/standard-webhooks
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let at = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let body = "{\"test\": 2432232314}";
        let header = signatures(&[secret.clone()], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body);
        assert_eq!(header, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let two = signatures(&[secret, signing_secret([7; 32])], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body);
        assert!(two.starts_with(&format!("{header} v1,")) && two.split(' ').count() == 2, "{two}");
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.2.7",
            "198.19.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "2001::1",
            "3fff::1",
            "::10.0.0.1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn addresses_are_checked_however_they_are_written() {
        use WebhookUrlError as E;
        for url in ["https://hooks.example.com/a?b=c", "https://1.1.1.1:8443/"] {
            assert!(check_url(url, false).is_ok(), "{url}");
        }
        for url in [
            "https://localhost/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest",
            "https://intranet/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://a.localhost/",
            "https://localhost./",
        ] {
            assert!(matches!(check_url(url, false), Err(E::Private(_))), "{url}");
        }
        assert_eq!(check_url("http://hooks.example.com/", false), Err(E::NoTls));
        assert_eq!(check_url("http://hooks.example.com/", true), Err(E::NoTls));
        assert_eq!(check_url("https://me:secret@hooks.example.com/", false), Err(E::Credentials));
        for text in ["", "hooks.example.com", "ftp://hooks.example.com/", "https://"] {
            assert_eq!(check_url(text, false), Err(E::NoAddress), "{text}");
        }
        assert!(check_url("http://127.0.0.1:8090/hook", true).is_ok());
        assert!(matches!(check_url("https://10.0.0.1/", true), Err(E::Private(_))));
        assert_eq!(check_url(&format!("https://a.example/{}", "x".repeat(2_000)), false), Err(E::TooLong));
    }
}
