//! Refunds.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::loaders;
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::{CurrencyCode, Money};
use super::enums;
use super::payment::Payment;
use super::user::User;
use crate::domain;
use crate::domain::ids::UserId;
use crate::service;

/// What is given back of a payment.
#[derive(Clone)]
pub struct Refund(pub domain::refund::Refund);

async fn person(ctx: &Context<'_>, id: Option<UserId>) -> Result<Option<User>> {
    let Some(id) = id else { return Ok(None) };
    let user = loaders(ctx).users.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
    Ok(user.map(User))
}

/// What is given back of a payment.
#[Object]
impl Refund {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Refund.encode(self.0.id.0)
    }

    /// What is given back.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// Where it stands.
    async fn status(&self) -> enums::RefundStatus {
        self.0.status.into()
    }

    /// Why, in Stripe's word: `duplicate`, `fraudulent`, `requested_by_customer` or Stripe's own.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Why it failed, in Stripe's word or in a sentence of ours. A refund that failed gave nothing back.
    async fn failure_reason(&self) -> Option<&str> {
        self.0.failure_reason.as_deref()
    }

    /// What the person who asked for it noted.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// The payment it is of.
    async fn payment(&self, ctx: &Context<'_>) -> Result<Option<Payment>> {
        let row = loaders(ctx)
            .payments_by_id
            .load_one(self.0.payment_id)
            .await
            .map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(row.map(Payment))
    }

    /// Who asked for it; null when it was made at Stripe.
    async fn requested_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, self.0.requested_by).await
    }

    /// Who approved or rejected it, if it had to wait for that.
    async fn decided_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        person(ctx, self.0.decided_by).await
    }

    /// When that was, in UTC.
    async fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.0.decided_at
    }

    /// The id at Stripe, `re_…`, once it exists there.
    async fn stripe_refund_id(&self) -> Option<&str> {
        self.0.stripe_refund_id.as_ref().map(domain::ids::StripeRefundId::as_str)
    }

    /// When it was asked for, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

impl From<domain::refund::Refund> for Refund {
    fn from(row: domain::refund::Refund) -> Self {
        Self(row)
    }
}

/// What a refund does, or would do.
#[derive(SimpleObject)]
pub struct RefundPreview {
    /// What is given back.
    amount: Money,
    /// What can still be given back of the payment before it.
    refundable_before: Money,
    /// What can still be given back of the payment after it.
    refundable_after: Money,
    /// Whether a second person must approve it: when it, with what the caller gave back of the payment today, is above the
    /// role's bound.
    needs_approval: bool,
    /// What the caller may give back in a day (UTC), over all organizations.
    daily_limit: Money,
    /// What the caller has asked to give back today, without this.
    asked_today: Money,
}

impl From<service::RefundPreview> for RefundPreview {
    fn from(preview: service::RefundPreview) -> Self {
        Self {
            amount: preview.amount.into(),
            refundable_before: preview.refundable_before.into(),
            refundable_after: preview.refundable_after.into(),
            needs_approval: preview.needs_approval,
            daily_limit: preview.daily_limit.into(),
            asked_today: preview.asked_today.into(),
        }
    }
}

/// How much a person in a role may give back, in one currency.
#[derive(SimpleObject)]
pub struct RefundLimit {
    /// Whether it is an organization's own, in place of the platform's.
    is_own: bool,
    /// The role.
    role: enums::RefundRole,
    /// The currency it holds for.
    currency: CurrencyCode,
    /// What one person may give back in a day (UTC); zero: nothing.
    daily: Money,
    /// Above this amount a second person must approve: of one payment by one person in a day (UTC).
    approval_above: Money,
}

impl From<domain::refund::RefundLimit> for RefundLimit {
    fn from(limit: domain::refund::RefundLimit) -> Self {
        let money = |minor| domain::money::Money::new(minor, limit.currency).into();
        Self {
            is_own: limit.organization_id.is_some(),
            role: limit.role.into(),
            currency: CurrencyCode(limit.currency),
            daily: money(limit.daily_minor),
            approval_above: money(limit.approval_above_minor),
        }
    }
}
