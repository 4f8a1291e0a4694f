//! Permissions, sets of them, and which built-in role holds which.

use super::membership::Role;
use super::string_enum;

string_enum! {
    /// What a member may do in an organization.
    Permission {
        /// See that the organization exists, and its name.
        OrganizationRead => "organization:read",
        /// See who belongs to it.
        MembersRead => "members:read",
        /// Invite, suspend and remove members, and give them roles.
        MembersWrite => "members:write",
        /// Put roles together.
        RolesWrite => "roles:write",
        /// See the API keys, never their secrets.
        KeysRead => "keys:read",
        /// Create, rotate and revoke API keys.
        KeysWrite => "keys:write",
        /// See the plan, the subscription and the usage.
        SubscriptionRead => "subscription:read",
        /// Subscribe, cancel, resume.
        SubscriptionWrite => "subscription:write",
        /// See invoices, payments and payment methods.
        BillingRead => "billing:read",
        /// Pay, and change payment methods and billing settings.
        BillingWrite => "billing:write",
        /// See the settings.
        SettingsRead => "settings:read",
        /// Change the settings; those of billing with `billing:write`.
        SettingsWrite => "settings:write",
        /// Read the audit log.
        AuditRead => "audit:read",
        /// Hand the organization over. An owner's alone: no other role and no key can hold it.
        OrganizationTransfer => "organization:transfer",
        /// See the webhook endpoints, never their secrets, and what was sent there.
        WebhooksRead => "webhooks:read",
        /// Make, change and delete webhook endpoints, and send webhooks again.
        WebhooksWrite => "webhooks:write",
        /// Record usage.
        UsageWrite => "usage:write",
    }
}

impl Role {
    /// Whether the built-in role holds `permission`. What a role of the organization's own holds is a row.
    pub const fn holds(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => true,
            Self::Admin => !matches!(permission, P::OrganizationTransfer),
            Self::BillingManager => matches!(
                permission,
                P::OrganizationRead
                    | P::MembersRead
                    | P::SubscriptionRead
                    | P::SubscriptionWrite
                    | P::BillingRead
                    | P::BillingWrite
                    | P::SettingsRead
            ),
            Self::Auditor => matches!(
                permission,
                P::OrganizationRead
                    | P::MembersRead
                    | P::KeysRead
                    | P::SubscriptionRead
                    | P::BillingRead
                    | P::SettingsRead
                    | P::AuditRead
                    | P::WebhooksRead
            ),
            Self::Member => matches!(permission, P::OrganizationRead | P::MembersRead | P::SubscriptionRead),
            Self::Custom => false,
        }
    }

    /// All that the built-in role holds.
    pub fn permissions(self) -> Permissions {
        Permission::ALL.iter().copied().filter(|&permission| self.holds(permission)).collect()
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u32);

impl Permissions {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// Whether `permission` is among them.
    pub const fn holds(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    /// Whether all of `other` are among them.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Those that are in both.
    pub const fn shared_with(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that `other` lacks.
    pub const fn beyond(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Each of them, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |&permission| self.holds(permission))
    }

    /// The set of a stored list of words. A word of a later version gives nothing: less is safer than more.
    pub fn parse(stored: &serde_json::Value) -> Self {
        let words = stored.as_array().map_or(&[][..], Vec::as_slice);
        words.iter().filter_map(|word| Permission::parse(word.as_str()?)).collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | 1 << permission as u32))
    }
}

impl serde::Serialize for Permissions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl std::fmt::Display for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, permission) in self.iter().enumerate() {
            write!(f, "{}{permission}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auditors_and_members_change_nothing() {
        for &permission in Permission::ALL {
            if !permission.as_str().ends_with(":read") {
                assert!(!Role::Auditor.holds(permission), "{permission}");
                assert!(!Role::Member.holds(permission), "{permission}");
            }
        }
    }

    #[test]
    fn a_role_holds_less_than_an_owner() {
        for &role in Role::ALL {
            assert!(Role::Owner.permissions().covers(role.permissions()));
            assert!(role == Role::Owner || !role.permissions().covers(Role::Owner.permissions()), "{role}");
        }
    }

    #[test]
    fn sets_come_back_from_their_words() {
        for bits in 0..1u32 << Permission::ALL.len() {
            if bits.count_ones() > 2 {
                continue;
            }
            let set = Permissions(bits);
            let stored = serde_json::to_value(set).unwrap();
            assert_eq!(Permissions::parse(&stored), set);
            assert_eq!(set.iter().collect::<Permissions>(), set);
        }
        let stored = serde_json::json!(["audit:read", "worlds:rule", 7]);
        assert_eq!(Permissions::parse(&stored).to_string(), "audit:read");
    }

    #[test]
    fn sets_are_compared_as_sets() {
        let (owner, admin) = (Role::Owner.permissions(), Role::Admin.permissions());
        assert_eq!(owner.beyond(admin).to_string(), "organization:transfer");
        assert_eq!(owner.shared_with(admin), admin);
        assert!(admin.covers(Permissions::NONE) && !Permissions::NONE.covers(admin));
    }
}
