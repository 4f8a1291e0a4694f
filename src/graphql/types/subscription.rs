//! Subscriptions.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize_in, loaders};
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::enums;
use super::invoice::Invoice;
use super::plan::Plan;
use crate::domain;
use crate::store::SubscriptionView;

/// A discount on a subscription.
#[derive(Clone, SimpleObject)]
pub struct SubscriptionDiscount {
    /// The coupon's id at Stripe.
    stripe_coupon_id: Option<String>,
    /// The id at Stripe of the promotion code it came by, `promo_…`.
    stripe_promotion_code_id: Option<String>,
    /// Until when it counts, in UTC; null when it never ends, or counts once.
    ends_at: Option<DateTime<Utc>>,
}

/// A change that is arranged for the end of the period.
#[derive(Clone)]
pub enum ScheduledChange {
    /// To another price, by a schedule at Stripe.
    Price(domain::subscription::ScheduledChange),
    /// To a free plan, which begins when the paid one has ended.
    Free(domain::subscription::NextPlan, DateTime<Utc>),
}

/// A change that is arranged for the end of the period.
#[Object]
impl ScheduledChange {
    /// The plan after it; null when its price at Stripe is none of the catalogue's.
    async fn plan(&self, ctx: &Context<'_>) -> Result<Option<Plan>> {
        if let Self::Free(next, _) = self {
            let plan = loaders(ctx).plans.load_one(next.plan_id).await;
            return Ok(plan.map_err(|error| internal(ctx, error.as_ref()))?.map(Plan));
        }
        Ok(self.price(ctx).await?.map(|(_, plan)| Plan(plan)))
    }

    /// How often it is billed after it; null when its price at Stripe is none of the catalogue's, and for a free plan.
    async fn billing_interval(&self, ctx: &Context<'_>) -> Result<Option<enums::BillingInterval>> {
        Ok(self.price(ctx).await?.map(|(price, _)| price.billing_interval.into()))
    }

    /// Units after it.
    async fn quantity(&self) -> BigInt {
        BigInt(match self {
            Self::Price(change) => change.quantity,
            Self::Free(next, _) => next.quantity,
        })
    }

    /// When it takes effect, in UTC.
    async fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Price(change) => change.at,
            Self::Free(_, at) => *at,
        }
    }
}

impl ScheduledChange {
    async fn price(&self, ctx: &Context<'_>) -> Result<Option<(domain::plan::Price, domain::plan::Plan)>> {
        let Self::Price(change) = self else { return Ok(None) };
        let loaded = loaders(ctx).prices_at_stripe.load_one(change.stripe_price_id.clone()).await;
        loaded.map_err(|error| internal(ctx, error.as_ref()))
    }
}

/// An organization's subscription to a plan.
#[derive(Clone)]
pub struct Subscription {
    pub row: domain::subscription::Subscription,
    /// The plan, when it was joined in.
    pub plan: Option<Option<domain::plan::Plan>>,
}

impl From<SubscriptionView> for Subscription {
    fn from(view: SubscriptionView) -> Self {
        Self { row: view.subscription, plan: Some(view.plan) }
    }
}

impl From<domain::subscription::Subscription> for Subscription {
    fn from(row: domain::subscription::Subscription) -> Self {
        Self { row, plan: None }
    }
}

/// An organization's subscription to a plan.
#[Object]
impl Subscription {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Subscription.encode(self.row.id.0)
    }

    /// The id of the organization whose it is.
    async fn organization_id(&self) -> ID {
        NodeKind::Organization.encode(self.row.organization_id.0)
    }

    /// The plan; null when its price at Stripe is none of the catalogue's.
    async fn plan(&self, ctx: &Context<'_>) -> Result<Option<Plan>> {
        if let Some(plan) = &self.plan {
            return Ok(plan.clone().map(Plan));
        }
        let Some(id) = self.row.plan_id else { return Ok(None) };
        let plan = loaders(ctx).plans.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(plan.map(Plan))
    }

    /// The state, as Stripe has it.
    async fn status(&self) -> enums::SubscriptionStatus {
        (&self.row.status).into()
    }

    /// Seats.
    async fn quantity(&self) -> BigInt {
        BigInt(self.row.quantity)
    }

    /// Start of the period that is paid or being paid, in UTC; null for a free plan.
    async fn current_period_start(&self) -> Option<DateTime<Utc>> {
        self.row.current_period_start
    }

    /// Its end, which is the next bill, in UTC; null for a free plan.
    async fn current_period_end(&self) -> Option<DateTime<Utc>> {
        self.row.current_period_end
    }

    /// Start of the trial, in UTC.
    async fn trial_start(&self) -> Option<DateTime<Utc>> {
        self.row.trial_start
    }

    /// End of the trial, in UTC.
    async fn trial_end(&self) -> Option<DateTime<Utc>> {
        self.row.trial_end
    }

    /// Whether an end is arranged. Until then it can be resumed.
    async fn is_cancellation_scheduled(&self) -> bool {
        self.row.is_cancellation_scheduled()
    }

    /// When it will end, in UTC, if a date was set.
    async fn cancel_at(&self) -> Option<DateTime<Utc>> {
        self.row.cancel_at
    }

    /// Whether it ends with its period.
    async fn cancel_at_period_end(&self) -> bool {
        self.row.cancel_at_period_end
    }

    /// When the cancellation was asked for, in UTC.
    async fn canceled_at(&self) -> Option<DateTime<Utc>> {
        self.row.canceled_at
    }

    /// When it ended, in UTC.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.row.ended_at
    }

    /// What the customer said when it was canceled.
    async fn cancellation_reason(&self) -> Option<&str> {
        self.row.cancellation_reason.as_deref()
    }

    /// The reason that the customer chose when it was canceled.
    async fn cancellation_feedback(&self) -> Option<enums::CancellationFeedback> {
        self.row.cancellation_feedback.map(Into::into)
    }

    /// Whether invoices are made but not collected.
    async fn is_collection_paused(&self) -> bool {
        self.row.collection_paused
    }

    /// What becomes of invoices while collection is paused; null while it is not.
    async fn collection_pause(&self) -> Option<enums::CollectionPause> {
        let word = self.row.collection_pause_behavior.as_deref()?;
        domain::subscription_change::CollectionPause::parse(word).map(Into::into)
    }

    /// When collecting goes on by itself, in UTC.
    async fn collection_resumes_at(&self) -> Option<DateTime<Utc>> {
        self.row.collection_resumes_at
    }

    /// When a change that waits for its payment is given up, in UTC; null when none waits.
    async fn pending_change_expires_at(&self) -> Option<DateTime<Utc>> {
        self.row.pending_update_expires_at
    }

    /// The discounts on it.
    async fn discounts(&self) -> Vec<SubscriptionDiscount> {
        let shown = |discount: &domain::subscription_change::Discount| SubscriptionDiscount {
            stripe_coupon_id: discount.coupon.clone(),
            stripe_promotion_code_id: discount.promotion_code.clone(),
            ends_at: discount.ends_at,
        };
        self.row.discounts.iter().map(shown).collect()
    }

    /// The change that is arranged for the end of the period: to another price, or to a free plan that begins then.
    async fn scheduled_change(&self) -> Option<ScheduledChange> {
        if let Some((next, at)) = self.row.next_plan.zip(self.row.ends_at()) {
            return Some(ScheduledChange::Free(next, at));
        }
        self.row.scheduled_change.clone().map(ScheduledChange::Price)
    }

    /// The id at Stripe, `sub_…`; null for a free plan.
    async fn stripe_subscription_id(&self) -> Option<&str> {
        self.row.stripe_subscription_id.as_ref().map(domain::ids::StripeSubscriptionId::as_str)
    }

    /// The newest invoice.
    async fn latest_invoice(&self, ctx: &Context<'_>) -> Result<Option<Invoice>> {
        authorize_in(ctx, "Subscription", self.row.organization_id, "subscription")?;
        let Some(id) = &self.row.latest_stripe_invoice_id else { return Ok(None) };
        let loaded = loaders(ctx).invoices_at_stripe.load_one(id.clone()).await;
        let invoice = loaded.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(invoice.filter(|invoice| invoice.organization_id == self.row.organization_id).map(Invoice))
    }

    /// When this was last known to equal Stripe's object, in UTC; null for a free plan.
    async fn synced_at(&self) -> Option<DateTime<Utc>> {
        self.row.stripe_synced_at
    }

    /// When it was created, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }
}
