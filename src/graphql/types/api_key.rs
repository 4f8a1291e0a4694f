//! API keys.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::loaders;
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::enums;
use super::role::listed;
use super::user::User;
use crate::domain;

/// A key with which a program acts for a person, in one organization. It can do what it was given as far as its person
/// can do it now: what the person loses, the key loses at once. Its secret was shown once.
#[derive(Clone)]
pub struct ApiKey(pub domain::api_key::ApiKey);

impl From<domain::api_key::ApiKey> for ApiKey {
    fn from(row: domain::api_key::ApiKey) -> Self {
        Self(row)
    }
}

/// A key with which a program acts for a person, in one organization. It can do what it was given as far as its person
/// can do it now: what the person loses, the key loses at once. Its secret was shown once.
#[Object]
impl ApiKey {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::ApiKey.encode(self.0.id.0)
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The beginning of the secret, by which people know it again.
    async fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// Whose it is.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let id = self.0.user_id;
        let user = loaders(ctx).users.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(user.map(User))
    }

    /// What it was given.
    async fn scopes(&self) -> Vec<enums::Permission> {
        listed(self.0.scopes)
    }

    /// The networks it may be used from, `203.0.113.0/24`; from everywhere when empty.
    async fn allowed_addresses(&self) -> Vec<String> {
        self.0.allowed_addresses.iter().map(ToString::to_string).collect()
    }

    /// From then on it does not count, in UTC; null for never.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// When it was used last, in UTC and to the minute; null when it never was.
    async fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_used_at
    }

    /// When it was revoked, in UTC; null when it was not.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.0.revoked_at
    }

    /// Until when the secret before the last rotation counts, in UTC; null when it never was rotated.
    async fn previous_secret_until(&self) -> Option<DateTime<Utc>> {
        self.0.previous_until
    }

    /// Counts the changes: what to give as `expectedVersion`.
    async fn version(&self) -> BigInt {
        BigInt(self.0.version)
    }

    /// When it was created, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}
