//! Permissions, and which built-in role holds which.

use super::membership::Role;
use super::string_enum;

string_enum! {
    /// What a member may do in an organization.
    Permission {
        /// See that the organization exists, and its name.
        OrganizationRead => "organization:read",
        /// See who belongs to it.
        MembersRead => "members:read",
        /// See the plan, the subscription and the usage.
        SubscriptionRead => "subscription:read",
        /// Subscribe, cancel, resume.
        SubscriptionWrite => "subscription:write",
        /// See invoices, payments and payment methods.
        BillingRead => "billing:read",
        /// Pay, and change payment methods.
        BillingWrite => "billing:write",
        /// See the settings.
        SettingsRead => "settings:read",
        /// Change the settings.
        SettingsWrite => "settings:write",
        /// Read the audit log.
        AuditRead => "audit:read",
    }
}

impl Role {
    /// Whether the role holds `permission`.
    pub const fn holds(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner | Self::Admin => true,
            Self::BillingManager => !matches!(permission, P::SettingsWrite | P::AuditRead),
            Self::Auditor => matches!(
                permission,
                P::OrganizationRead
                    | P::MembersRead
                    | P::SubscriptionRead
                    | P::BillingRead
                    | P::SettingsRead
                    | P::AuditRead
            ),
            Self::Member => matches!(permission, P::OrganizationRead | P::MembersRead | P::SubscriptionRead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auditors_and_members_change_nothing() {
        for &permission in Permission::ALL {
            if permission.as_str().ends_with(":write") {
                assert!(!Role::Auditor.holds(permission), "{permission}");
                assert!(!Role::Member.holds(permission), "{permission}");
            }
        }
    }

    #[test]
    fn a_role_never_holds_more_than_an_owner() {
        for &role in Role::ALL {
            for &permission in Permission::ALL {
                assert!(Role::Owner.holds(permission) || !role.holds(permission));
            }
        }
    }
}
