//! Stripe's events, for platform staff.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::{authorize, loaders};
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::optional_moment;
use super::enums;
use crate::domain;
use crate::domain::ids::OrganizationId;
use crate::store;

/// An event of Stripe's in the inbox.
#[derive(Clone)]
pub struct StripeEvent(pub domain::stripe_event::StripeEvent);

/// An event of Stripe's in the inbox.
#[Object]
impl StripeEvent {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::StripeEvent.encode(self.0.id.0)
    }

    /// Stripe's id, `evt_…`.
    async fn event_id(&self) -> &str {
        &self.0.event.event_id
    }

    /// Stripe's type, `invoice.paid`.
    #[graphql(name = "type")]
    async fn event_type(&self) -> &str {
        &self.0.event.event_type
    }

    /// The API version its payload was rendered in.
    async fn api_version(&self) -> Option<&str> {
        self.0.event.api_version.as_deref()
    }

    /// Live or test mode.
    async fn livemode(&self) -> bool {
        self.0.event.livemode
    }

    /// The id of the object it is about.
    async fn object_id(&self) -> Option<&str> {
        self.0.event.object_id.as_deref()
    }

    /// The customer it is about, as far as the payload says.
    async fn stripe_customer_id(&self) -> Option<&str> {
        self.0.event.stripe_customer_id.as_deref()
    }

    /// How it came.
    async fn source(&self) -> enums::StripeEventSource {
        self.0.source.into()
    }

    /// The id of the organization it was applied to.
    async fn organization_id(&self) -> Option<ID> {
        self.0.organization_id.map(|id| NodeKind::Organization.encode(id.0))
    }

    /// The body as it was received: JSON in the shape of its API version. It may name people. For platform staff.
    async fn payload(&self, ctx: &Context<'_>) -> Result<String> {
        authorize(ctx, "StripeEvent")?;
        let payload = loaders(ctx).stripe_event_payloads.load_one(self.0.id).await;
        // It has just left the inbox.
        Ok(payload.map_err(|error| internal(ctx, error.as_ref()))?.unwrap_or_default())
    }

    /// When it is tried next, in UTC; null when it is not.
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        (self.0.state == domain::stripe_event::EventState::Received).then_some(self.0.next_attempt_at)
    }

    /// Where it stands.
    async fn state(&self) -> enums::StripeEventState {
        self.0.state.into()
    }

    /// How often it was tried.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// Why the last attempt failed, or why it was ignored.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When Stripe made it, in UTC.
    async fn stripe_created_at(&self) -> DateTime<Utc> {
        self.0.event.stripe_created_at
    }

    /// When it was received, in UTC.
    async fn received_at(&self) -> DateTime<Utc> {
        self.0.received_at
    }

    /// When it was applied or ignored, in UTC.
    async fn applied_at(&self) -> Option<DateTime<Utc>> {
        self.0.applied_at
    }
}

/// Which events are asked for. Everything given must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct StripeEventFilter {
    /// In this state.
    pub state: Option<enums::StripeEventState>,
    /// Of this type of Stripe's, `invoice.paid`.
    #[graphql(name = "type")]
    pub event_type: Option<String>,
    /// About the object with this id of Stripe's.
    pub object_id: Option<String>,
    /// Applied to this organization.
    pub organization_id: Option<ID>,
    /// Received from this time on, in UTC.
    pub since: Option<DateTime<Utc>>,
    /// Received before this time, in UTC.
    pub until: Option<DateTime<Utc>>,
}

impl StripeEventFilter {
    /// The filter in the store's words. `argument` is named when an id in it is wrong.
    pub fn decode(self, argument: &str) -> Result<store::StripeEventFilter> {
        let organization_id = match &self.organization_id {
            Some(id) => {
                let id = NodeKind::Organization.decode(&format!("{argument}.organizationId"), id)?;
                Some(OrganizationId(id))
            }
            None => None,
        };
        Ok(store::StripeEventFilter {
            state: self.state.map(Into::into),
            event_type: self.event_type,
            object_id: self.object_id,
            organization_id,
            since: optional_moment(&format!("{argument}.since"), self.since)?,
            until: optional_moment(&format!("{argument}.until"), self.until)?,
        })
    }
}
