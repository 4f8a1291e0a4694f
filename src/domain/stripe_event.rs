//! Stripe's events, as they wait in the inbox.

use chrono::{DateTime, Utc};

use super::ids::{OrganizationId, StripeEventId};
use super::string_enum;

string_enum! {
    /// Where an event stands.
    EventState {
        /// Stored, waiting.
        Received => "received",
        /// A worker holds it.
        Processing => "processing",
        /// Its effect and this mark were committed together.
        Applied => "applied",
        /// Nothing of ours: an unknown type, a foreign customer.
        Ignored => "ignored",
        /// It failed too often; an admin must look.
        Dead => "dead",
    }
}

string_enum! {
    /// How an event came to us.
    EventSource {
        /// Stripe sent it.
        Webhook => "webhook",
        /// It was missing, and found in Stripe's list.
        Sweep => "sweep",
    }
}

/// An event to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStripeEvent {
    /// The account the event belongs to, empty for our own.
    pub account: String,
    /// Live or test mode.
    pub livemode: bool,
    /// Stripe's id, `evt_…`.
    pub event_id: String,
    /// Stripe's type, `invoice.paid`.
    pub event_type: String,
    /// The version the payload was rendered in.
    pub api_version: Option<String>,
    /// The id of the object it is about.
    pub object_id: Option<String>,
    /// The customer it is about, as far as the payload says.
    pub stripe_customer_id: Option<String>,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
    /// The body as it was received. Empty in lists, which leave it out.
    pub payload: String,
}

/// A stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeEvent {
    /// Our id.
    pub id: StripeEventId,
    /// What was received.
    pub event: NewStripeEvent,
    /// How it came.
    pub source: EventSource,
    /// Whose object it is about, once known.
    pub organization_id: Option<OrganizationId>,
    /// Where it stands.
    pub state: EventState,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next.
    pub next_attempt_at: DateTime<Utc>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// When it was applied or ignored.
    pub applied_at: Option<DateTime<Utc>>,
}

impl NewStripeEvent {
    /// What its events are applied one after the other by: the customer, else the object, else the event alone.
    pub fn lane(&self) -> &str {
        self.stripe_customer_id.as_deref().or(self.object_id.as_deref()).unwrap_or(&self.event_id)
    }
}
