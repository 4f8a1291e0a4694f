//! Webhooks that were sent, or are to be.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::viewer;
use super::super::node::NodeKind;
use super::super::scalars::optional_moment;
use super::enums;
use super::notification::kind_of;
use crate::domain;
use crate::domain::ids::{OrganizationId, WebhookEndpointId};
use crate::domain::permission::Permission;
use crate::domain::webhook_delivery::WebhookDeliveryState;

/// A webhook to one endpoint, with what came of it.
#[derive(Clone)]
pub struct WebhookDelivery(pub domain::webhook_delivery::WebhookDelivery);

impl From<domain::webhook_delivery::WebhookDelivery> for WebhookDelivery {
    fn from(row: domain::webhook_delivery::WebhookDelivery) -> Self {
        Self(row)
    }
}

impl WebhookDelivery {
    /// Whether the caller may see what was sent: whoever reads everything of the organization.
    fn is_for(&self, ctx: &Context<'_>) -> bool {
        let mut reads = Permission::ALL.iter().filter(|permission| permission.as_str().ends_with(":read"));
        reads.all(|&permission| viewer(ctx).holds(permission, self.0.organization_id))
    }
}

/// A webhook to one endpoint, with what came of it.
#[Object]
impl WebhookDelivery {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::WebhookDelivery.encode(self.0.id.0)
    }

    /// The endpoint's id.
    async fn webhook_endpoint_id(&self) -> ID {
        NodeKind::WebhookEndpoint.encode(self.0.webhook_endpoint_id.0)
    }

    /// What its header `webhook-id` says: the same for every attempt, so that a consumer knows it again.
    async fn message_id(&self) -> String {
        self.0.message_id()
    }

    /// What happened.
    async fn event(&self) -> Option<enums::NotificationEvent> {
        self.0.fact.event().map(Into::into)
    }

    /// The id of what it happened to; null where there is no such thing.
    async fn subject_id(&self) -> Option<ID> {
        self.0.fact.about().map(|(subject, id)| kind_of(subject).encode(id))
    }

    /// What became of it.
    async fn state(&self) -> enums::WebhookDeliveryState {
        self.0.state.into()
    }

    /// How often it was tried since it was last to be sent.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When it is tried next, in UTC; null when it is not.
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        Some(self.0.next_attempt_at).filter(|_| self.0.state == WebhookDeliveryState::Pending)
    }

    /// The body, as every attempt sends it; null before the first one. It holds what who chose the endpoint's query may see, so
    /// it is null for those who may not read everything of the organization.
    async fn payload(&self, ctx: &Context<'_>) -> Option<&str> {
        self.0.payload.as_ref().filter(|_| self.is_for(ctx)).map(|payload| payload.body.as_str())
    }

    /// The HTTP status of the last answer; null when there was none.
    async fn response_status(&self) -> Option<i32> {
        self.0.response_status
    }

    /// The beginning of the last answer, 1024 bytes at most. It may repeat the body, and is null for whom that is.
    async fn response_body(&self, ctx: &Context<'_>) -> Option<&str> {
        self.0.response_body.as_deref().filter(|_| self.is_for(ctx))
    }

    /// What went wrong last; null when nothing did.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it was made, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was taken, given up or held, in UTC; null before.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }
}

/// Which webhooks are asked for. Everything given must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct WebhookDeliveryFilter {
    /// To this endpoint.
    webhook_endpoint_id: Option<ID>,
    /// In this state.
    state: Option<enums::WebhookDeliveryState>,
    /// Made from this time on, in UTC.
    since: Option<DateTime<Utc>>,
    /// Made before this time, in UTC.
    until: Option<DateTime<Utc>>,
}

impl WebhookDeliveryFilter {
    /// The store's filter.
    pub fn decode(self, organization_id: OrganizationId) -> Result<crate::store::WebhookDeliveryFilter> {
        let endpoint = self.webhook_endpoint_id.map(|id| {
            NodeKind::WebhookEndpoint.decode("filter.webhookEndpointId", &id).map(WebhookEndpointId)
        });
        Ok(crate::store::WebhookDeliveryFilter {
            organization_id,
            webhook_endpoint_id: endpoint.transpose()?,
            state: self.state.map(Into::into),
            since: optional_moment("filter.since", self.since)?,
            until: optional_moment("filter.until", self.until)?,
        })
    }
}
