//! Webhooks: each to one address, with what came of it.

use chrono::{DateTime, Utc};

use super::ids::{OrganizationId, UserId, WebhookDeliveryId, WebhookEndpointId};
use super::notification::Fact;
use super::string_enum;

string_enum! {
    /// What became of a webhook.
    WebhookDeliveryState {
        /// It is to be sent, or sent again.
        Pending => "pending",
        /// It was taken: answered with a status from 200 to 299.
        Delivered => "delivered",
        /// It was tried as often as it may.
        Failed => "failed",
        /// Its endpoint is disabled: it was not tried to the end.
        Held => "held",
    }
}

/// What a body was made for. It holds what one person may see, for one address, and is sent nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeFor {
    /// With whose rights.
    pub acts_for: UserId,
    /// The address.
    pub url: String,
    /// The version of the endpoint's query.
    pub selection_version: i64,
}

/// The body of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// JSON.
    pub body: String,
    /// What it was made for.
    pub made_for: MadeFor,
    /// Whether the query could not be answered in full.
    pub has_errors: bool,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookDelivery {
    /// Our id.
    pub id: WebhookDeliveryId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Where it is sent.
    pub webhook_endpoint_id: WebhookEndpointId,
    /// What it tells.
    pub fact: Fact,
    /// When that happened.
    pub happened_at: DateTime<Utc>,
    /// The body, once it was made.
    pub payload: Option<Payload>,
    /// Since when it is to be sent.
    pub waiting_since: DateTime<Utc>,
    /// What became of it.
    pub state: WebhookDeliveryState,
    /// How often it was tried since it was last to be sent.
    pub attempts: i32,
    /// When it is due.
    pub next_attempt_at: DateTime<Utc>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// The HTTP status of the last answer.
    pub response_status: Option<i32>,
    /// The beginning of the last answer.
    pub response_body: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was taken, or given up.
    pub finished_at: Option<DateTime<Utc>>,
}

impl WebhookDelivery {
    /// What the scheme calls `webhook-id`: the same for every attempt.
    pub fn message_id(&self) -> String {
        format!("msg_{}", self.id.0.simple())
    }
}
