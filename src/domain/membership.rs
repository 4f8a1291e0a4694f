//! Memberships: which person acts in which organization, in which role.

use chrono::{DateTime, Utc};

use super::ids::{MembershipId, OrganizationId, UserId};
use super::role::RoleChoice;
use super::string_enum;

string_enum! {
    /// The roles: five that are built in, and those that organizations put together.
    Role {
        /// Everything, and the only one who may hand the organization over.
        Owner => "owner",
        /// Everything but what only an owner may do.
        Admin => "admin",
        /// Plans, payment methods, invoices and payments.
        BillingManager => "billing_manager",
        /// Reads all, the audit log included; changes nothing.
        Auditor => "auditor",
        /// Sees the organization, its members and its plan.
        Member => "member",
        /// One that the organization put together: what it holds is a row.
        Custom => "custom",
    }
}

impl Role {
    /// The roles that every organization has.
    pub const BUILT_IN: &'static [Self] =
        &[Self::Owner, Self::Admin, Self::BillingManager, Self::Auditor, Self::Member];
}

string_enum! {
    /// Whether a membership counts.
    MembershipStatus {
        /// It does.
        Active => "active",
        /// It does not, until it is given back: the person is nobody here meanwhile.
        Suspended => "suspended",
    }
}

/// One person's membership of one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Our id.
    pub id: MembershipId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The person.
    pub user_id: UserId,
    /// What the person may do there.
    pub role: RoleChoice,
    /// Whether it counts.
    pub status: MembershipStatus,
    /// Counts the changes, for optimistic concurrency.
    pub version: i64,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

impl Membership {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "userId": self.user_id,
            "role": self.role.role,
            "roleId": self.role.role_id,
            "status": self.status,
        })
    }
}
