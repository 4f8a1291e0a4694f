//! Billing operations: what was intended at Stripe, written down before Stripe was asked.

use chrono::{DateTime, Utc};

use super::ids::{BillingOperationId, OrganizationId};
use super::string_enum;

string_enum! {
    /// Where an operation stands.
    OperationState {
        /// Written down; Stripe may or may not have been asked.
        Pending => "PENDING",
        /// Done.
        Confirmed => "CONFIRMED",
        /// Done as far as we can: the cardholder must act.
        RequiresAction => "REQUIRES_ACTION",
        /// Refused, for good.
        Failed => "FAILED",
        /// Stripe was asked and its answer was lost; the same key will be sent again.
        Unknown => "UNKNOWN",
    }
}

impl OperationState {
    /// Whether the outcome is known and will not change by itself.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Confirmed | Self::RequiresAction | Self::Failed)
    }
}

/// An operation, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingOperation {
    /// Our id, and the stem of the idempotency keys sent to Stripe.
    pub id: BillingOperationId,
    /// The organization, or none for the catalogue.
    pub organization_id: Option<OrganizationId>,
    /// What was intended: `subscription.create`.
    pub kind: String,
    /// Where it stands.
    pub state: OperationState,
    /// How often Stripe was asked.
    pub attempts: i32,
    /// The error's code, when it failed.
    pub error_code: Option<String>,
    /// The error's sentence, when it failed.
    pub error_message: Option<String>,
    /// When it was written down.
    pub created_at: DateTime<Utc>,
    /// When its outcome was known.
    pub settled_at: Option<DateTime<Utc>>,
}
