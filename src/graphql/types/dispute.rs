//! Disputes.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::loaders;
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::Money;
use super::enums;
use super::payment::Payment;
use crate::domain;

/// A dispute: a cardholder asked their bank for the money back.
#[derive(Clone)]
pub struct Dispute(pub domain::dispute::Dispute);

/// A dispute: a cardholder asked their bank for the money back.
#[Object]
impl Dispute {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Dispute.encode(self.0.id.0)
    }

    /// Where it stands.
    async fn status(&self) -> enums::DisputeStatus {
        (&self.0.status).into()
    }

    /// Whether it is not decided yet.
    async fn is_open(&self) -> bool {
        self.0.status.is_open()
    }

    /// The cardholder's reason, in Stripe's word: `fraudulent`, `product_not_received` and others.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What is disputed.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// When evidence must be with Stripe, in UTC; null when none is wanted.
    async fn evidence_due_by(&self) -> Option<DateTime<Utc>> {
        self.0.evidence_due_by
    }

    /// Whether evidence was prepared at Stripe.
    async fn has_evidence(&self) -> bool {
        self.0.has_evidence
    }

    /// Whether the payment can still be refunded instead.
    async fn is_refundable(&self) -> bool {
        self.0.is_refundable
    }

    /// The payment it is about.
    async fn payment(&self, ctx: &Context<'_>) -> Result<Option<Payment>> {
        let row = loaders(ctx)
            .payments_by_id
            .load_one(self.0.payment_id)
            .await
            .map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(row.map(Payment))
    }

    /// The id at Stripe, `du_…`.
    async fn stripe_dispute_id(&self) -> &str {
        self.0.stripe_dispute_id.as_str()
    }

    /// When this was last known to equal Stripe's object, in UTC.
    async fn synced_at(&self) -> DateTime<Utc> {
        self.0.stripe_synced_at
    }

    /// When it was opened, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

impl From<domain::dispute::Dispute> for Dispute {
    fn from(row: domain::dispute::Dispute) -> Self {
        Self(row)
    }
}
