//! Roles that organizations put together.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::enums;
use crate::domain;
use crate::domain::permission::Permissions;

/// A set's permissions, in the schema's order.
pub fn listed(permissions: Permissions) -> Vec<enums::Permission> {
    permissions.iter().map(Into::into).collect()
}

/// A role that an organization put together: a set of permissions with a name.
#[derive(Clone)]
pub struct CustomRole(pub domain::role::CustomRole);

impl From<domain::role::CustomRole> for CustomRole {
    fn from(row: domain::role::CustomRole) -> Self {
        Self(row)
    }
}

/// A role that an organization put together: a set of permissions with a name.
#[Object]
impl CustomRole {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::CustomRole.encode(self.0.id.0)
    }

    /// The name people read, unique in the organization.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is for; empty when nobody said.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// What it holds.
    async fn permissions(&self) -> Vec<enums::Permission> {
        listed(self.0.permissions)
    }

    /// Counts the changes: what to give as `expectedVersion`.
    async fn version(&self) -> BigInt {
        BigInt(self.0.version)
    }

    /// When it was created, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed, in UTC.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}
