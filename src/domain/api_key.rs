//! API keys: programs that act for a person, in one organization, with no more than both may do.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::{IpNet, Ipv4Net};
use thiserror::Error;

use super::ids::{ApiKeyId, OrganizationId, UserId};
use super::permission::{Permission, Permissions};

/// Keys that an organization may have at most, those that still count.
pub const MAXIMUM_KEYS: u64 = 100;
/// Networks that one key may name at most.
pub const MAXIMUM_NETWORKS: usize = 50;
/// How long the old secret counts on when nothing is said.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// The longest that it may.
pub const OVERLAP_AT_MOST: TimeDelta = TimeDelta::days(7);
/// The use of a key is written down at most so often.
pub const USE_IS_NOTED: TimeDelta = TimeDelta::seconds(60);

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Our id.
    pub id: ApiKeyId,
    /// In which organization it acts.
    pub organization_id: OrganizationId,
    /// Whose it is.
    pub user_id: UserId,
    /// What people call it.
    pub name: String,
    /// The beginning of the secret.
    pub prefix: String,
    /// What it was given. It holds as much of this as its person holds.
    pub scopes: Permissions,
    /// The networks it may be used from; all when empty.
    pub allowed_addresses: Vec<IpNet>,
    /// Until when the secret before a rotation counts.
    pub previous_until: Option<DateTime<Utc>>,
    /// From then on it does not count.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Counts the changes, for optimistic concurrency.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl ApiKey {
    /// Whether it counts at `now`.
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it may be used from `address`. An IPv4 address is one, however it is written.
    pub fn may_come_from(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed_addresses.is_empty()
            || self.allowed_addresses.iter().any(|&network| canonical(network).contains(&address))
    }

    /// What audit records keep of it. Nothing of the secret but its beginning.
    pub fn audit_values(&self) -> serde_json::Value {
        let networks: Vec<String> = self.allowed_addresses.iter().map(ToString::to_string).collect();
        serde_json::json!({
            "name": self.name,
            "prefix": self.prefix,
            "userId": self.user_id,
            "scopes": self.scopes,
            "allowedAddresses": networks,
            "expiresAt": self.expires_at,
            "previousUntil": self.previous_until,
            "revokedAt": self.revoked_at,
        })
    }
}

/// What no key can be given: handing the organization over is a person's.
pub fn never_in_scopes() -> Permissions {
    [Permission::OrganizationTransfer].into_iter().collect()
}

/// Why a network was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// It is no network.
    #[error("{0:?} is no address and no network. Write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.")]
    Malformed(String),
    /// Bits are set behind the prefix, so that what was meant is a guess.
    #[error("{given} has bits behind its prefix. Did you mean {meant}?")]
    HostBits {
        /// What was given.
        given: String,
        /// The network it lies in.
        meant: String,
    },
}

/// Reads a network, or a single address as the network of itself alone.
pub fn network(text: &str) -> Result<IpNet, NetworkError> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network: IpNet = text.parse().map_err(|_| NetworkError::Malformed(text.to_owned()))?;
    if network.trunc() != network {
        return Err(NetworkError::HostBits { given: text.to_owned(), meant: network.trunc().to_string() });
    }
    Ok(canonical(network))
}

/// A network of IPv4 addresses that are written as IPv6 ones, as what it is: addresses are compared as what they are.
pub fn canonical(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    let IpNet::V6(written) = network else { return network };
    let IpAddr::V4(address) = IpAddr::V6(written.addr()).to_canonical() else { return network };
    let prefix = written.prefix_len().checked_sub(MAPPED);
    prefix.and_then(|prefix| Ipv4Net::new(address, prefix).ok()).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_exactly() {
        assert_eq!(network(" 203.0.113.7 ").unwrap().to_string(), "203.0.113.7/32");
        assert_eq!(network("203.0.113.0/24").unwrap().to_string(), "203.0.113.0/24");
        assert_eq!(network("2001:db8::/32").unwrap().to_string(), "2001:db8::/32");
        assert_eq!(network("::ffff:203.0.113.0/120").unwrap().to_string(), "203.0.113.0/24");
        assert_eq!(network("::ffff:0:0/96").unwrap().to_string(), "0.0.0.0/0");
        assert_eq!(network("::/0").unwrap().to_string(), "::/0");
        assert_eq!(
            network("203.0.113.7/24").unwrap_err().to_string(),
            "203.0.113.7/24 has bits behind its prefix. Did you mean 203.0.113.0/24?"
        );
        for text in ["", "example.com", "203.0.113.0/33", "203.0.113", "*"] {
            assert!(matches!(network(text), Err(NetworkError::Malformed(_))), "{text}");
        }
    }
}
