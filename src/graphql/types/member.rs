//! Members.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use super::super::node::NodeKind;
use super::enums;
use super::user::User;
use crate::store;

/// A person's membership of an organization.
#[derive(Clone)]
pub struct Member(pub store::Member);

/// A person's membership of an organization.
#[Object]
impl Member {
    /// The opaque global id of the membership.
    pub async fn id(&self) -> ID {
        NodeKind::Member.encode(self.0.membership.id.0)
    }

    /// What the person may do.
    async fn role(&self) -> enums::Role {
        self.0.membership.role.into()
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
