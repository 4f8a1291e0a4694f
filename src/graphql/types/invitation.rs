//! Invitations.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::{loaders, service};
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::enums;
use super::role::CustomRole;
use super::user::User;
use crate::domain;
use crate::domain::invitation::InvitationState;

/// An invitation into an organization. Its token was shown once, to who invited, and is nowhere to be read again.
#[derive(Clone)]
pub struct Invitation(pub domain::invitation::Invitation);

impl From<domain::invitation::Invitation> for Invitation {
    fn from(row: domain::invitation::Invitation) -> Self {
        Self(row)
    }
}

/// An invitation into an organization. Its token was shown once, to who invited, and is nowhere to be read again.
#[Object]
impl Invitation {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Invitation.encode(self.0.id.0)
    }

    /// The invited address, in lower case.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// The role that it gives.
    async fn role(&self) -> enums::Role {
        self.0.role.role.into()
    }

    /// The role that the organization put together, when it gives one.
    async fn custom_role(&self, ctx: &Context<'_>) -> Result<Option<CustomRole>> {
        let Some(id) = self.0.role.role_id else { return Ok(None) };
        let role = loaders(ctx).roles.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(role.map(CustomRole))
    }

    /// What became of it.
    async fn status(&self, ctx: &Context<'_>) -> enums::InvitationStatus {
        use enums::InvitationStatus as S;
        match self.0.state {
            InvitationState::Pending if self.0.is_open(service(ctx).clock().now()) => S::Pending,
            InvitationState::Pending => S::Expired,
            InvitationState::Accepted => S::Accepted,
            InvitationState::Revoked => S::Revoked,
            InvitationState::Replaced => S::Replaced,
        }
    }

    /// Who invited, or sent the invitation again last: whose rights it passes on.
    async fn invited_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let id = self.0.invited_by;
        let user = loaders(ctx).users.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(user.map(User))
    }

    /// Until when it can be accepted, in UTC.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// Counts the changes: what to give as `expectedVersion`.
    async fn version(&self) -> BigInt {
        BigInt(self.0.version)
    }

    /// When it was made, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}
