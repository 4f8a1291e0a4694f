//! Subscriptions.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::{authorize_in, loaders, store};
use super::super::error::{internal, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::enums;
use super::invoice::Invoice;
use super::plan::Plan;
use crate::domain;
use crate::store::SubscriptionView;

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

    /// The id at Stripe, `sub_…`; null for a free plan.
    async fn stripe_subscription_id(&self) -> Option<&str> {
        self.row.stripe_subscription_id.as_ref().map(domain::ids::StripeSubscriptionId::as_str)
    }

    /// The newest invoice.
    async fn latest_invoice(&self, ctx: &Context<'_>) -> Result<Option<Invoice>> {
        authorize_in(ctx, "Subscription", self.row.organization_id, "subscription")?;
        let Some(id) = &self.row.latest_stripe_invoice_id else { return Ok(None) };
        let invoice = store(ctx).find_invoice_at_stripe(id).await.map_err(store_error(ctx))?;
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
