//! Billing operations.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use super::super::node::NodeKind;
use super::enums;
use crate::domain;

/// What was intended at Stripe: written down before Stripe was asked, and settled whatever happens.
#[derive(Clone, Debug)]
pub struct BillingOperation(pub domain::billing_operation::BillingOperation);

/// What was intended at Stripe: written down before Stripe was asked, and settled whatever happens.
#[Object]
impl BillingOperation {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::BillingOperation.encode(self.0.id.0)
    }

    /// What was intended: `subscription.create`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Where it stands.
    async fn state(&self) -> enums::BillingOperationState {
        self.0.state.into()
    }

    /// How often it was run.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// The error's code, when it failed.
    async fn error_code(&self) -> Option<&str> {
        self.0.error_code.as_deref()
    }

    /// The error's sentence, when it failed or while its outcome is unknown.
    async fn error_message(&self) -> Option<&str> {
        self.0.error_message.as_deref()
    }

    /// When it was written down, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its outcome was known, in UTC.
    async fn settled_at(&self) -> Option<DateTime<Utc>> {
        self.0.settled_at
    }
}
