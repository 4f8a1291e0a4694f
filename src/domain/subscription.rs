//! Subscriptions, in Stripe's states.

use chrono::{DateTime, Utc};

use super::ids::{
    OrganizationId, PlanId, PriceId, StripeCustomerId, StripeInvoiceId, StripePaymentMethodId, StripePriceId,
    StripeScheduleId, StripeSubscriptionId, SubscriptionId,
};
use super::mirror::SubscriptionMirror;
use super::plan::{Plan, Price};
use super::subscription_change::{CancellationFeedback, Discount};

/// The state of a subscription.
/// Source: <https://docs.stripe.com/api/subscriptions/object#subscription_object-status>.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SubscriptionStatus {
    /// The first payment has not gone through; it can for 23 hours.
    Incomplete,
    /// The first payment was not made in time. Final.
    IncompleteExpired,
    /// In its trial.
    Trialing,
    /// Paid.
    Active,
    /// A renewal was not paid yet.
    PastDue,
    /// Over. Final.
    Canceled,
    /// A renewal was not paid, and Stripe has stopped trying.
    Unpaid,
    /// A trial ended without a payment method.
    Paused,
    /// A state that Stripe introduced after this version: kept as it is, and treated as no access.
    Other(String),
}

impl SubscriptionStatus {
    /// The state of Stripe's word for it.
    pub fn parse(text: &str) -> Self {
        match text {
            "incomplete" => Self::Incomplete,
            "incomplete_expired" => Self::IncompleteExpired,
            "trialing" => Self::Trialing,
            "active" => Self::Active,
            "past_due" => Self::PastDue,
            "canceled" => Self::Canceled,
            "unpaid" => Self::Unpaid,
            "paused" => Self::Paused,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Stripe's word for the state.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Canceled => "canceled",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
            Self::Other(text) => text,
        }
    }

    /// Whether the state is final: nothing changes a subscription in it.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }

    /// Whether a subscription in this state takes the organization's one place. An incomplete one does not: its
    /// customer may start anew at once.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue | Self::Unpaid | Self::Paused)
    }
}

/// A subscription of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Our id.
    pub id: SubscriptionId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The plan, when its price is one of ours.
    pub plan_id: Option<PlanId>,
    /// The price, when it is one of ours.
    pub price_id: Option<PriceId>,
    /// The subscription at Stripe. A free plan has none.
    pub stripe_subscription_id: Option<StripeSubscriptionId>,
    /// The customer at Stripe.
    pub stripe_customer_id: Option<StripeCustomerId>,
    /// The plan's slug at the time, empty when it is none of ours.
    pub plan_type: String,
    /// Stripe's state.
    pub status: SubscriptionStatus,
    /// Seats.
    pub quantity: i64,
    /// Start of the period that is paid or being paid.
    pub current_period_start: Option<DateTime<Utc>>,
    /// Its end: the next bill.
    pub current_period_end: Option<DateTime<Utc>>,
    /// Start of the trial.
    pub trial_start: Option<DateTime<Utc>>,
    /// End of the trial.
    pub trial_end: Option<DateTime<Utc>>,
    /// When it will end, if that is arranged for a date.
    pub cancel_at: Option<DateTime<Utc>>,
    /// Whether it will end with the period.
    pub cancel_at_period_end: bool,
    /// When the cancellation was asked for.
    pub canceled_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What the customer said.
    pub cancellation_reason: Option<String>,
    /// The reason that the customer chose.
    pub cancellation_feedback: Option<CancellationFeedback>,
    /// Whether invoices are made but not collected.
    pub collection_paused: bool,
    /// What becomes of them, in Stripe's word.
    pub collection_pause_behavior: Option<String>,
    /// When collecting goes on by itself.
    pub collection_resumes_at: Option<DateTime<Utc>>,
    /// When a change that waits for its payment is given up; `None` when none waits.
    pub pending_update_expires_at: Option<DateTime<Utc>>,
    /// The discounts on it.
    pub discounts: Vec<Discount>,
    /// The schedule at Stripe that is attached.
    pub stripe_schedule_id: Option<StripeScheduleId>,
    /// What it will change to by that schedule.
    pub scheduled_change: Option<ScheduledChange>,
    /// The free plan that begins when it ends with its period.
    pub next_plan: Option<NextPlan>,
    /// The payment method at Stripe that renewals charge, when it is not the customer's default.
    pub default_payment_method: Option<StripePaymentMethodId>,
    /// Its newest invoice at Stripe.
    pub latest_stripe_invoice_id: Option<StripeInvoiceId>,
    /// When the row was last known to equal Stripe's object; `None` for a free plan.
    pub stripe_synced_at: Option<DateTime<Utc>>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A free plan that begins when a paid period is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NextPlan {
    /// Which.
    pub plan_id: PlanId,
    /// Units of it.
    pub quantity: i64,
}

/// A change that is arranged for the end of the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledChange {
    /// The price at Stripe.
    pub stripe_price_id: StripePriceId,
    /// Units.
    pub quantity: i64,
    /// When it takes effect.
    pub at: DateTime<Utc>,
}

impl Subscription {
    /// When it ends, as far as that is arranged; `None` when no end is.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.cancel_at.or(self.current_period_end).filter(|_| self.is_cancellation_scheduled())
    }

    /// Whether an end is arranged, by flag or by date. Stripe's portal sets the date alone.
    pub fn is_cancellation_scheduled(&self) -> bool {
        !self.status.is_final() && (self.cancel_at_period_end || self.cancel_at.is_some())
    }
}

/// When a cancellation takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancellationTime {
    /// At once.
    Now,
    /// When the paid period is over.
    PeriodEnd,
}

impl Subscription {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "planId": self.plan_id,
            "planType": self.plan_type,
            "status": self.status.as_str(),
            "quantity": self.quantity,
            "currentPeriodStart": self.current_period_start,
            "currentPeriodEnd": self.current_period_end,
            "trialEnd": self.trial_end,
            "cancelAt": self.cancel_at,
            "cancelAtPeriodEnd": self.cancel_at_period_end,
            "canceledAt": self.canceled_at,
            "endedAt": self.ended_at,
            "cancellationReason": self.cancellation_reason,
            "cancellationFeedback": self.cancellation_feedback,
            "collectionPaused": self.collection_paused,
            "collectionPauseBehavior": self.collection_pause_behavior,
            "collectionResumesAt": self.collection_resumes_at,
            "pendingUpdateExpiresAt": self.pending_update_expires_at,
            "discounts": self.discounts,
            "scheduledStripePriceId": self.scheduled_change.as_ref().map(|change| &change.stripe_price_id),
            "scheduledQuantity": self.scheduled_change.as_ref().map(|change| change.quantity),
            "scheduledAt": self.scheduled_change.as_ref().map(|change| change.at),
            "nextPlanId": self.next_plan.map(|next| next.plan_id),
            "nextQuantity": self.next_plan.map(|next| next.quantity),
            "stripeSubscriptionId": self.stripe_subscription_id,
        })
    }
}

impl Subscription {
    /// The row that Stripe's object makes, of a price and plan when they are ours. A price that is none of ours gives no
    /// plan, and so no entitlements.
    pub fn from_mirror(
        id: SubscriptionId,
        organization_id: OrganizationId,
        mirror: &SubscriptionMirror,
        price: Option<(&Price, &Plan)>,
        synced_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            organization_id,
            plan_id: price.map(|(_, plan)| plan.id),
            price_id: price.map(|(price, _)| price.id),
            stripe_subscription_id: Some(mirror.id.clone()),
            stripe_customer_id: Some(mirror.customer.clone()),
            plan_type: price.map(|(_, plan)| plan.slug.clone()).unwrap_or_default(),
            status: mirror.status.clone(),
            quantity: mirror.quantity,
            current_period_start: mirror.current_period_start,
            current_period_end: mirror.current_period_end,
            trial_start: mirror.trial_start,
            trial_end: mirror.trial_end,
            cancel_at: mirror.cancel_at,
            cancel_at_period_end: mirror.cancel_at_period_end,
            canceled_at: mirror.canceled_at,
            ended_at: mirror.ended_at,
            cancellation_reason: mirror.cancellation_reason.clone(),
            cancellation_feedback: mirror.cancellation_feedback,
            collection_paused: mirror.collection_paused,
            collection_pause_behavior: mirror.collection_pause_behavior.clone(),
            collection_resumes_at: mirror.collection_resumes_at,
            pending_update_expires_at: mirror.pending_update_expires_at,
            discounts: mirror.discounts.clone().unwrap_or_default(),
            stripe_schedule_id: mirror.schedule.as_ref().map(|schedule| schedule.id.clone()),
            scheduled_change: mirror.scheduled_change(),
            next_plan: mirror.next_plan.filter(|_| mirror.cancel_at_period_end && !mirror.status.is_final()),
            default_payment_method: mirror.default_payment_method.clone(),
            latest_stripe_invoice_id: mirror.latest_invoice_id.clone(),
            stripe_synced_at: Some(synced_at),
            started_at: Some(mirror.started_at),
            created_at: mirror.created_at,
            updated_at,
        }
    }
}

impl Subscription {
    /// What must equal Stripe's object.
    pub fn mirrored_values(&self) -> serde_json::Value {
        let mut values = self.audit_values();
        values["stripeCustomerId"] = serde_json::json!(self.stripe_customer_id);
        values["trialStart"] = serde_json::json!(self.trial_start);
        values["defaultPaymentMethod"] = serde_json::json!(self.default_payment_method);
        values["latestInvoice"] = serde_json::json!(self.latest_stripe_invoice_id);
        values["startedAt"] = serde_json::json!(self.started_at);
        values
    }
}

impl SubscriptionMirror {
    /// Whether nothing is missing: answers carry discounts and schedules whole when they are asked to, events never.
    pub fn is_whole(&self) -> bool {
        self.items_complete
            && self.discounts.is_some()
            && self.schedule.as_ref().is_none_or(|schedule| schedule.phases.is_some())
    }

    /// What the attached schedule changes next, if it differs from what is billed now.
    pub fn scheduled_change(&self) -> Option<ScheduledChange> {
        let phases = self.schedule.as_ref()?.phases.as_ref()?;
        let next = phases.get(1)?;
        let stripe_price_id = next.price.clone()?;
        if self.price.as_ref() == Some(&stripe_price_id) && self.quantity == next.quantity {
            return None;
        }
        Some(ScheduledChange { stripe_price_id, quantity: next.quantity, at: next.starts_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_state_is_kept_and_gives_nothing() {
        let status = SubscriptionStatus::parse("hibernating");
        assert_eq!(status.as_str(), "hibernating");
        assert!(!status.is_live() && !status.is_final());
    }

    #[test]
    fn every_state_survives_its_word() {
        for word in [
            "incomplete",
            "incomplete_expired",
            "trialing",
            "active",
            "past_due",
            "canceled",
            "unpaid",
            "paused",
        ] {
            let status = SubscriptionStatus::parse(word);
            assert!(!matches!(status, SubscriptionStatus::Other(_)), "{word}");
            assert_eq!(status.as_str(), word);
        }
    }
}
