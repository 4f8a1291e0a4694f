//! Members.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::enums;
use super::role::{CustomRole, listed};
use super::user::User;
use crate::store;

/// A person's membership of an organization.
#[derive(Clone)]
pub struct Member(pub store::Member);

impl From<store::Member> for Member {
    fn from(row: store::Member) -> Self {
        Self(row)
    }
}

/// A person's membership of an organization.
#[Object]
impl Member {
    /// The opaque global id of the membership.
    pub async fn id(&self) -> ID {
        NodeKind::Member.encode(self.0.membership.id.0)
    }

    /// What the person may do.
    async fn role(&self) -> enums::Role {
        self.0.membership.role.role.into()
    }

    /// The role that the organization put together, when the member has one.
    async fn custom_role(&self) -> Option<CustomRole> {
        self.0.custom_role.clone().map(CustomRole)
    }

    /// What the role holds. While the member is suspended it gives nothing.
    async fn permissions(&self) -> Vec<enums::Permission> {
        listed(self.0.permissions())
    }

    /// Whether the membership counts.
    async fn status(&self) -> enums::MembershipStatus {
        self.0.membership.status.into()
    }

    /// Counts the changes: what to give as `expectedVersion`.
    async fn version(&self) -> BigInt {
        BigInt(self.0.membership.version)
    }

    /// The person.
    async fn user(&self) -> User {
        User(self.0.user.clone())
    }

    /// Since when, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.membership.created_at
    }
}
