//! Addresses that webhooks are sent to.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::{loaders, service};
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::enums;
use super::user::User;
use crate::domain;

/// An address that webhooks are sent to, signed by the Standard Webhooks scheme. Its signing secret was shown once.
#[derive(Clone)]
pub struct WebhookEndpoint(pub domain::webhook_endpoint::WebhookEndpoint);

impl From<domain::webhook_endpoint::WebhookEndpoint> for WebhookEndpoint {
    fn from(row: domain::webhook_endpoint::WebhookEndpoint) -> Self {
        Self(row)
    }
}

/// An address that webhooks are sent to, signed by the Standard Webhooks scheme. Its signing secret was shown once.
#[Object]
impl WebhookEndpoint {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::WebhookEndpoint.encode(self.0.id.0)
    }

    /// The address.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// What it is for; empty when nobody said.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// What is sent there; everything when it is empty.
    async fn events(&self) -> Vec<enums::NotificationEvent> {
        self.0.events.iter().copied().map(Into::into).collect()
    }

    /// The query whose answer is sent as `data`. It is given the variables `$organizationId` and `$subjectId`, both `ID!`.
    async fn selection(&self) -> &str {
        &self.0.selection
    }

    /// Whose rights the query is run with, as far as they hold them when it is sent: who changed the endpoint last.
    async fn acts_for(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let id = self.0.acts_for;
        let user = loaders(ctx).users.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(user.map(User))
    }

    /// Whether it is sent anything.
    async fn state(&self) -> enums::WebhookEndpointState {
        self.0.state.into()
    }

    /// Why it is sent nothing; null while it is.
    async fn disabled_reason(&self) -> Option<enums::WebhookDisabledReason> {
        self.0.disabled_reason.map(Into::into)
    }

    /// Since when it has not taken a webhook, in UTC; null while it does. After two days people are warned, after five it is
    /// disabled.
    async fn failing_since(&self) -> Option<DateTime<Utc>> {
        self.0.failing_since
    }

    /// Until when the secret before the last rotation signs too, in UTC; null when it does not.
    async fn previous_secret_until(&self, ctx: &Context<'_>) -> Option<DateTime<Utc>> {
        let now = service(ctx).clock().now();
        self.0.previous_until.filter(|until| now < *until)
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
