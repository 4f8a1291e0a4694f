//! Stripe's events, for platform staff.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use super::super::node::NodeKind;
use super::enums;
use crate::domain;

/// An event of Stripe's in the inbox.
pub struct StripeEvent(pub domain::stripe_event::StripeEvent);

/// An event of Stripe's in the inbox.
#[Object]
impl StripeEvent {
    /// The opaque global id.
    async fn id(&self) -> ID {
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
