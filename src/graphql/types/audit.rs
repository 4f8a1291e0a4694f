//! Audit records.

use async_graphql::{Context, ID, InputObject, Json, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::{authorize_in, loaders};
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::optional_moment;
use super::api_key::ApiKey;
use super::enums;
use super::user::User;
use crate::domain;
use crate::domain::ids::UserId;
use crate::store;

/// Who did what, to what, from where, and what changed. Written in the transaction of the change, and never altered.
#[derive(Clone)]
pub struct AuditLog(pub domain::audit::AuditLog);

/// Who did what, to what, from where, and what changed. Written in the transaction of the change, and never altered.
#[Object]
impl AuditLog {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::AuditLog.encode(self.0.id.0)
    }

    /// Which kind of actor did it.
    async fn actor_kind(&self) -> enums::ActorKind {
        self.0.actor_kind.into()
    }

    /// The API key with which it was done, when a program did it. For those who may read keys.
    async fn api_key(&self, ctx: &Context<'_>) -> Result<Option<ApiKey>> {
        let (Some(id), Some(organization)) = (self.0.api_key_id, self.0.organization_id) else {
            return Ok(None);
        };
        authorize_in(ctx, "AuditLog", organization, "record")?;
        let key = loaders(ctx).api_keys.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(key.map(ApiKey))
    }

    /// The person who did it, or whose API key did.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Some(id) = self.0.user_id else { return Ok(None) };
        let user = loaders(ctx).users.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(user.map(User))
    }

    /// What was done: `subscription.create`, or `stripe.` and the event's type for what Stripe caused.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// On what kind of thing: `subscription`.
    async fn resource_type(&self) -> &str {
        &self.0.resource_type
    }

    /// On which one: our UUID or, where we have none, Stripe's id.
    async fn resource_id(&self) -> &str {
        &self.0.resource_id
    }

    /// How it ended.
    async fn outcome(&self) -> enums::AuditOutcome {
        self.0.outcome.into()
    }

    /// The changed fields before; null when the thing was created. Secrets are left out.
    async fn old_values(&self) -> Option<Json<&serde_json::Value>> {
        self.0.old_values.as_ref().map(Json)
    }

    /// The changed fields after; null when the thing was removed. Secrets are left out.
    async fn new_values(&self) -> Option<Json<&serde_json::Value>> {
        self.0.new_values.as_ref().map(Json)
    }

    /// The address the request came from.
    async fn ip_address(&self) -> Option<&str> {
        self.0.ip_address.as_deref()
    }

    /// The client's own name.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// The request's id; the event's for what Stripe caused.
    async fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// When, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// Which audit records are asked for. Everything given must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AuditLogFilter {
    /// The exact action, `subscription.create`.
    pub action: Option<String>,
    /// The person who did it.
    pub user_id: Option<ID>,
    /// The kind of thing it was done to.
    pub resource_type: Option<String>,
    /// The thing it was done to: our UUID or Stripe's id, as `resourceId` shows it.
    pub resource_id: Option<String>,
    /// From this time on, in UTC.
    pub since: Option<DateTime<Utc>>,
    /// Before this time, in UTC.
    pub until: Option<DateTime<Utc>>,
}

impl AuditLogFilter {
    /// The filter in the store's words.
    pub fn decode(filter: Option<Self>) -> Result<store::AuditLogFilter> {
        let Some(filter) = filter else { return Ok(store::AuditLogFilter::default()) };
        let user_id = match &filter.user_id {
            Some(id) => Some(UserId(NodeKind::User.decode("filter.userId", id)?)),
            None => None,
        };
        Ok(store::AuditLogFilter {
            action: filter.action,
            user_id,
            resource_type: filter.resource_type,
            resource_id: filter.resource_id,
            since: optional_moment("filter.since", filter.since)?,
            until: optional_moment("filter.until", filter.until)?,
        })
    }
}
