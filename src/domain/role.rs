//! Roles that organizations put together themselves.

use chrono::{DateTime, Utc};

use super::ids::{OrganizationId, RoleId};
use super::membership::Role;
use super::permission::Permissions;

/// Roles of its own that an organization may have at most.
pub const MAXIMUM_ROLES: u64 = 50;

/// A role as an organization put it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    /// Our id.
    pub id: RoleId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The name people read, unique in the organization.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it holds.
    pub permissions: Permissions,
    /// Counts the changes, for optimistic concurrency.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl CustomRole {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "description": self.description,
            "permissions": self.permissions,
        })
    }
}

/// A role that somebody has or is given: a built-in one, or one of the organization's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct RoleChoice {
    /// The built-in role, or `Custom`.
    pub role: Role,
    /// Which of the organization's own, when `role` says so.
    pub role_id: Option<RoleId>,
}

impl RoleChoice {
    /// A built-in role.
    pub const fn built_in(role: Role) -> Self {
        Self { role, role_id: None }
    }

    /// One of the organization's own.
    pub const fn custom(id: RoleId) -> Self {
        Self { role: Role::Custom, role_id: Some(id) }
    }
}

impl From<Role> for RoleChoice {
    fn from(role: Role) -> Self {
        Self::built_in(role)
    }
}

/// What somebody may do in one organization, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// What it holds.
    pub permissions: Permissions,
}

impl Grant {
    /// A built-in role's.
    pub fn of(role: Role) -> Self {
        Self { role, permissions: role.permissions() }
    }
}
