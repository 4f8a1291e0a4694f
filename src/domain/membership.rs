//! Memberships: which person acts in which organization, in which role.

use chrono::{DateTime, Utc};

use super::ids::{MembershipId, OrganizationId, UserId};
use super::string_enum;

string_enum! {
    /// The built-in roles.
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
    pub role: Role,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}
