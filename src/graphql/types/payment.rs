//! Payments.

use async_graphql::{Context, ID, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::loaders;
use super::super::error::internal;
use super::super::loaders::PaymentKey;
use super::super::node::NodeKind;
use super::super::scalars::Money;
use super::dispute::Dispute;
use super::enums;
use super::invoice::Invoice;
use super::payment_attempt::PaymentAttempt;
use super::refund::Refund;
use crate::domain;

/// A payment: one for every payment intent at Stripe.
#[derive(Clone)]
pub struct Payment(pub domain::payment::Payment);

/// Why a payment was declined.
#[derive(Clone, Debug, SimpleObject)]
pub struct PaymentFailure {
    /// Stripe's error code, `card_declined` for instance.
    pub code: String,
    /// The bank's reason, `insufficient_funds` for instance.
    pub decline_code: Option<String>,
    /// A sentence for the cardholder.
    pub message: String,
}

/// A payment: one for every payment intent at Stripe.
#[Object]
impl Payment {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Payment.encode(self.0.id.0)
    }

    /// The id of the organization whose it is.
    async fn organization_id(&self) -> ID {
        NodeKind::Organization.encode(self.0.organization_id.0)
    }

    /// What is to be paid.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// What has been paid.
    async fn amount_received(&self) -> Money {
        domain::money::Money::new(self.0.amount_received_minor, self.0.amount.currency).into()
    }

    /// What has been given back.
    async fn amount_refunded(&self) -> Money {
        domain::money::Money::new(self.0.amount_refunded_minor, self.0.amount.currency).into()
    }

    /// The state.
    async fn status(&self) -> enums::PaymentStatus {
        self.0.status.into()
    }

    /// The payment method for people, "visa •••• 4242".
    async fn payment_method(&self) -> Option<&str> {
        self.0.payment_method_summary.as_deref()
    }

    /// What it is for.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The caller's own notes.
    async fn metadata(&self) -> Json<serde_json::Map<String, serde_json::Value>> {
        let notes = self.0.metadata.as_object().cloned().unwrap_or_default();
        Json(notes.into_iter().filter(|(key, _)| !key.starts_with("tollgate_")).collect())
    }

    /// Why the last attempt was declined, if it was.
    async fn failure(&self) -> Option<PaymentFailure> {
        self.0.failure.clone().map(PaymentFailure::from)
    }

    /// Every attempt of it, oldest first: one for each charge at Stripe.
    async fn attempts(&self, ctx: &Context<'_>) -> Result<Vec<PaymentAttempt>> {
        let rows = loaders(ctx).attempts_of_payments.load_one(self.key()).await;
        let rows = rows.map_err(|error| internal(ctx, error.as_ref()))?.unwrap_or_default();
        Ok(rows.into_iter().map(PaymentAttempt).collect())
    }

    /// What was given back of it, or is to be, oldest first. Those that failed gave nothing back.
    async fn refunds(&self, ctx: &Context<'_>) -> Result<Vec<Refund>> {
        let rows = loaders(ctx).refunds_of_payments.load_one(self.key()).await;
        let rows = rows.map_err(|error| internal(ctx, error.as_ref()))?.unwrap_or_default();
        Ok(rows.into_iter().map(Refund).collect())
    }

    /// The disputes of it, oldest first.
    async fn disputes(&self, ctx: &Context<'_>) -> Result<Vec<Dispute>> {
        let rows = loaders(ctx).disputes_of_payments.load_one(self.key()).await;
        let rows = rows.map_err(|error| internal(ctx, error.as_ref()))?.unwrap_or_default();
        Ok(rows.into_iter().map(Dispute).collect())
    }

    /// The invoice it pays, if it pays one.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<Invoice>> {
        let Some(id) = self.0.invoice_id else { return Ok(None) };
        let row =
            loaders(ctx).invoices_by_id.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(row.map(Invoice))
    }

    /// The id at Stripe, `pi_…`.
    async fn stripe_payment_intent_id(&self) -> &str {
        self.0.stripe_payment_intent_id.as_str()
    }

    /// When this was last known to equal Stripe's object, in UTC.
    async fn synced_at(&self) -> DateTime<Utc> {
        self.0.stripe_synced_at
    }

    /// When it was created, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

impl Payment {
    const fn key(&self) -> PaymentKey {
        PaymentKey { organization: self.0.organization_id, payment: self.0.id }
    }
}

impl From<domain::payment::PaymentFailure> for PaymentFailure {
    fn from(failure: domain::payment::PaymentFailure) -> Self {
        Self { code: failure.code, decline_code: failure.decline_code, message: failure.message }
    }
}

impl From<domain::payment::Payment> for Payment {
    fn from(row: domain::payment::Payment) -> Self {
        Self(row)
    }
}
