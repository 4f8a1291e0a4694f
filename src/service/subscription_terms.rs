//! What changes of a subscription that is not its price: pauses of collection, trials, discounts.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Service;
use super::answer::Answer;
use super::command::{
    Command, SubscriptionCollectionPause, SubscriptionCollectionResume, SubscriptionDiscount,
    SubscriptionTrial,
};
use super::error::{Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::operation::{OperationRequest, Running, billing_scope};
use crate::domain::audit::Actor;
use crate::domain::ids::{OrganizationId, StripeCustomerId, StripeSubscriptionId, SubscriptionId};
use crate::domain::subscription::{Subscription, SubscriptionStatus};
use crate::domain::subscription_change::CollectionPause;
use crate::payments::{ObjectKind, Redeemed};

/// Days that a trial may last in all. Source: <https://docs.stripe.com/billing/subscriptions/trials>.
pub(super) const MAXIMUM_TRIAL_DAYS: i64 = 730;

/// Pausing collection.
#[derive(Clone, Debug, Serialize)]
pub struct SubscriptionCollectionPauseInput {
    /// Whose subscription.
    pub organization_id: OrganizationId,
    /// Which.
    pub subscription_id: SubscriptionId,
    /// What becomes of invoices meanwhile.
    pub behavior: CollectionPause,
    /// When collecting goes on by itself.
    pub resumes_at: Option<DateTime<Utc>>,
}

/// Another end of a trial.
#[derive(Clone, Debug, Serialize)]
pub struct SubscriptionTrialInput {
    /// Whose subscription.
    pub organization_id: OrganizationId,
    /// Which.
    pub subscription_id: SubscriptionId,
    /// When it ends; `None` for now.
    pub until: Option<DateTime<Utc>>,
}

/// What a discount is given for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscountSource {
    /// A promotion code as people type it.
    PromotionCode(String),
    /// A coupon at Stripe, by its id.
    Coupon(String),
}

/// A discount, or none any more.
#[derive(Clone, Debug, Serialize)]
pub struct SubscriptionDiscountInput {
    /// Whose subscription.
    pub organization_id: OrganizationId,
    /// Which.
    pub subscription_id: SubscriptionId,
    /// What it is given for; `None` takes all discounts off.
    pub source: Option<DiscountSource>,
}

/// What needs nothing but the subscription.
#[derive(Clone, Debug, Serialize)]
pub struct SubscriptionInput {
    /// Whose subscription.
    pub organization_id: OrganizationId,
    /// Which.
    pub subscription_id: SubscriptionId,
}

impl Service {
    /// Makes invoices without collecting them.
    pub async fn pause_collection(
        &self,
        actor: &Actor,
        input: SubscriptionCollectionPauseInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let (subscription, id) = self.paid_subscription(input.organization_id, input.subscription_id).await?;
        if subscription.status == SubscriptionStatus::Incomplete {
            return Err(
                Refusal::conflict("The first payment is still due: there is nothing to pause.").into()
            );
        }
        if input.resumes_at.is_some_and(|at| at <= self.clock.now()) {
            return Err(Refusal::bad_input(
                "resumesAt",
                "Collecting resumes in the future, or is resumed by hand.",
            )
            .into());
        }
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::SubscriptionCollectionPause(SubscriptionCollectionPause {
                organization_id: input.organization_id,
                subscription_id: subscription.id,
                stripe_subscription_id: id,
                behavior: input.behavior,
                resumes_at: input.resumes_at,
            }),
        })
        .await
    }

    pub(super) async fn perform_collection_pause(
        &self,
        running: &Running<'_>,
        command: SubscriptionCollectionPause,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        let before = self.watermark(ObjectKind::Subscription, id.as_str()).await?;
        let paused = self
            .stripe
            .pause_collection(id, command.behavior, command.resumes_at, &running.key("pause"))
            .await?;
        self.settle_subscription(running, command.organization_id, paused, before).await
    }

    /// Collects again.
    pub async fn resume_collection(
        &self,
        actor: &Actor,
        input: SubscriptionInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let (subscription, id) = self.paid_subscription(input.organization_id, input.subscription_id).await?;
        if !subscription.collection_paused {
            return Err(Refusal::conflict("Collection is not paused, so there is nothing to resume.").into());
        }
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::SubscriptionCollectionResume(SubscriptionCollectionResume {
                organization_id: input.organization_id,
                subscription_id: subscription.id,
                stripe_subscription_id: id,
            }),
        })
        .await
    }

    pub(super) async fn perform_collection_resume(
        &self,
        running: &Running<'_>,
        command: SubscriptionCollectionResume,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        let before = self.watermark(ObjectKind::Subscription, id.as_str()).await?;
        let resumed = self.stripe.resume_collection(id, &running.key("resume-collection")).await?;
        self.settle_subscription(running, command.organization_id, resumed, before).await
    }

    /// Ends a trial now, or lets it last longer.
    pub async fn change_trial(
        &self,
        actor: &Actor,
        input: SubscriptionTrialInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let (subscription, id) = self.paid_subscription(input.organization_id, input.subscription_id).await?;
        if subscription.status != SubscriptionStatus::Trialing {
            return Err(Refusal::conflict("This subscription is not in its trial.").into());
        }
        let now = self.clock.now();
        match input.until {
            Some(until) if subscription.trial_end.is_some_and(|end| until <= end) => {
                return Err(Refusal::bad_input("until", "A trial is extended beyond its present end.").into());
            }
            Some(until)
                if until - subscription.trial_start.unwrap_or(now)
                    > chrono::Duration::days(MAXIMUM_TRIAL_DAYS) =>
            {
                return Err(Refusal::bad_input(
                    "until",
                    format!("A trial lasts {MAXIMUM_TRIAL_DAYS} days at most."),
                )
                .into());
            }
            None if subscription.default_payment_method.is_none()
                && self.default_payment_method(input.organization_id).await?.is_none() =>
            {
                return Err(Refusal::conflict(
                    "With the trial's end the first bill is charged. Attach a payment method first.",
                )
                .into());
            }
            _ => {}
        }
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::SubscriptionTrial(SubscriptionTrial {
                organization_id: input.organization_id,
                subscription_id: subscription.id,
                stripe_subscription_id: id,
                until: input.until,
            }),
        })
        .await
    }

    pub(super) async fn perform_trial(
        &self,
        running: &Running<'_>,
        command: SubscriptionTrial,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        let before = self.before_change(id).await?;
        let waits = match command.until {
            Some(_) => false,
            // Stripe lets a change wait for its payment when it is charged, not when an invoice is sent.
            None => !self.stripe.retrieve_subscription(id).await?.sends_invoices,
        };
        let key = running.key(if waits { "trial" } else { "trial-unpaid" });
        let changed = self.stripe.set_trial_end(id, command.until, waits, &key).await?;
        if command.until.is_some() {
            return self.settle_subscription(running, command.organization_id, changed, before.at).await;
        }
        self.settle_paid_change(running, command.organization_id, changed, before, None).await
    }

    /// Puts a promotion code's or a coupon's discount on a subscription, or takes all discounts off.
    pub async fn change_discount(
        &self,
        actor: &Actor,
        input: SubscriptionDiscountInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let (subscription, id) = self.paid_subscription(input.organization_id, input.subscription_id).await?;
        let customer = subscription.stripe_customer_id.as_ref();
        let (promotion_code, coupon) = match &input.source {
            None if subscription.discounts.is_empty() => {
                return Err(Refusal::conflict("There is no discount on this subscription.").into());
            }
            None => (None, None),
            Some(DiscountSource::PromotionCode(code)) => (self.redeemable(Some(code), customer).await?, None),
            Some(DiscountSource::Coupon(id)) => (None, Some(self.valid_coupon(id).await?)),
        };
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::SubscriptionDiscount(SubscriptionDiscount {
                organization_id: input.organization_id,
                subscription_id: subscription.id,
                stripe_subscription_id: id,
                promotion_code,
                coupon,
            }),
        })
        .await
    }

    pub(super) async fn perform_discount(
        &self,
        running: &Running<'_>,
        command: SubscriptionDiscount,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        let before = self.watermark(ObjectKind::Subscription, id.as_str()).await?;
        let redeemed = match (&command.promotion_code, &command.coupon) {
            (Some(code), _) => Some(Redeemed::PromotionCode(code)),
            (None, Some(coupon)) => Some(Redeemed::Coupon(coupon)),
            (None, None) => None,
        };
        let changed = self.stripe.set_discount(id, redeemed, &running.key("discount")).await?;
        self.settle_subscription(running, command.organization_id, changed, before).await
    }

    /// Stripe's id of a promotion code that this customer may redeem.
    pub(super) async fn redeemable(
        &self,
        code: Option<&str>,
        customer: Option<&StripeCustomerId>,
    ) -> Result<Option<String>, ServiceError> {
        let Some(code) = code else { return Ok(None) };
        let found = if is_plausible(code) { self.stripe.find_promotion_code(code).await? } else { None };
        match found {
            Some(found) if found.customer.is_none() || found.customer.as_ref() == customer => {
                Ok(Some(found.id))
            }
            _ => {
                Err(Refusal::bad_input("promotionCode", "This code does not exist, is used up, or is over.")
                    .into())
            }
        }
    }

    /// Stripe's id of a coupon that can be redeemed.
    pub(super) async fn valid_coupon(&self, id: &str) -> Result<String, ServiceError> {
        let is_valid = is_plausible(id) && self.stripe.is_valid_coupon(id).await?;
        if is_valid {
            return Ok(id.to_owned());
        }
        Err(Refusal::bad_input("stripeCouponId", "This coupon does not exist, is used up, or is over.")
            .into())
    }

    /// A subscription that Stripe bills and that has not ended.
    pub(super) async fn paid_subscription(
        &self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<(Subscription, StripeSubscriptionId), ServiceError> {
        let subscription = self.subscription_of(organization, id).await?;
        if subscription.status.is_final() {
            return Err(Refusal::conflict("This subscription has ended.").into());
        }
        match subscription.stripe_subscription_id.clone() {
            Some(stripe) => Ok((subscription, stripe)),
            None => Err(Refusal::conflict("A free plan is not billed.").into()),
        }
    }
}

/// Whether it may be a promotion code or the id of a coupon: Stripe is not asked for anything else.
fn is_plausible(text: &str) -> bool {
    (1..=500).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
