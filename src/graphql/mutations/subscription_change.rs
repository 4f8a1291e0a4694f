//! Changing what a subscription is billed for.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize_in, caller_key, service, viewer};
use super::super::error::denied;
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, moment, optional_moment};
use super::super::types::{BillingOperation, Subscription, UserError, enums};
use super::subscription::permitted;
use super::{Parts, answered, changed_subscription};
use crate::auth::Denial;
use crate::domain::ids::PlanId;
use crate::service::{self, Answer, ServiceError};

/// A change of what a subscription is billed for. What is left out stays as it is.
#[derive(InputObject)]
pub struct SubscriptionChangeInput {
    /// The subscription.
    pub subscription_id: ID,
    /// The plan to change to.
    pub plan_id: Option<ID>,
    /// At which of the plan's prices.
    pub billing_interval: Option<enums::BillingInterval>,
    /// Units, 1 to 1,000,000: seats, where the plan counts them. Never fewer seats than members.
    pub quantity: Option<BigInt>,
    /// When it takes effect. What costs more is made at once when it is paid, and what costs less when the paid period is
    /// over, unless something else is said.
    #[graphql(default_with = "enums::ChangeTiming::Automatic")]
    pub timing: enums::ChangeTiming,
    /// A promotion code as people type it, redeemed with a change that is made at once. Its discount comes on top of those that
    /// are there; it is on the bill of the change, and not kept when that is declined.
    pub promotion_code: Option<String>,
    /// The same key with the same input gives the same answer for 24 hours.
    pub idempotency_key: Option<String>,
}

/// A previewed change to be made.
#[derive(InputObject)]
pub struct SubscriptionApplyChangeInput {
    /// The preview's token.
    token: String,
    /// Not needed here, and not looked at: the token is its own key, whoever sends it.
    #[graphql(name = "idempotencyKey")]
    _idempotency_key: Option<String>,
}

/// Taking back a change that is arranged for the end of the period.
#[derive(InputObject)]
pub struct SubscriptionScheduledChangeRevokeInput {
    /// The subscription.
    subscription_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Pausing collection.
#[derive(InputObject)]
pub struct SubscriptionCollectionPauseInput {
    /// The subscription.
    subscription_id: ID,
    /// What becomes of invoices meanwhile.
    #[graphql(default_with = "enums::CollectionPause::KeepAsDraft")]
    behavior: enums::CollectionPause,
    /// When collecting goes on by itself, in UTC; by hand alone when left out.
    resumes_at: Option<DateTime<Utc>>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Collecting again.
#[derive(InputObject)]
pub struct SubscriptionCollectionResumeInput {
    /// The subscription.
    subscription_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// A longer trial.
#[derive(InputObject)]
pub struct SubscriptionTrialExtendInput {
    /// The subscription, which is in its trial.
    subscription_id: ID,
    /// When the trial shall end, in UTC: later than now arranged, and at most 730 days after it began.
    until: DateTime<Utc>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The end of a trial.
#[derive(InputObject)]
pub struct SubscriptionTrialEndInput {
    /// The subscription, which is in its trial.
    subscription_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// A promotion code to redeem.
#[derive(InputObject)]
pub struct SubscriptionDiscountApplyInput {
    /// The subscription.
    subscription_id: ID,
    /// The code as people type it. Its discount takes the place of those that are there.
    promotion_code: String,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// A coupon to redeem.
#[derive(InputObject)]
pub struct SubscriptionCouponApplyInput {
    /// The subscription.
    subscription_id: ID,
    /// The coupon's id at Stripe. Its discount takes the place of those that are there.
    stripe_coupon_id: String,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Taking all discounts off.
#[derive(InputObject)]
pub struct SubscriptionDiscountRemoveInput {
    /// The subscription.
    subscription_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

macro_rules! payloads {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The subscription as it is now; null when it was refused.
            subscription: Option<Subscription>,
            /// The secret with which Stripe.js goes on when the cardholder must act. Never log it.
            client_secret: Option<String>,
            /// The operation at Stripe; null when it was refused before Stripe was asked.
            operation: Option<BillingOperation>,
            /// What must be mended.
            user_errors: Vec<UserError>,
        }

        impl $name {
            async fn from_answer(ctx: &Context<'_>, answer: Result<Answer, ServiceError>) -> Result<Self> {
                let parts = Parts::from(answered(ctx, answer)?);
                Ok(Self {
                    subscription: changed_subscription(ctx, parts.resource.as_ref()).await?,
                    client_secret: parts.client_secret,
                    operation: parts.operation,
                    user_errors: parts.user_errors,
                })
            }
        }
    )+ };
}

payloads! {
    /// The changed subscription.
    SubscriptionChangePayload,
    /// The subscription after the previewed change.
    SubscriptionApplyChangePayload,
    /// The subscription without the change that was arranged.
    SubscriptionScheduledChangeRevokePayload,
    /// The subscription whose invoices are not collected.
    SubscriptionCollectionPausePayload,
    /// The subscription whose invoices are collected again.
    SubscriptionCollectionResumePayload,
    /// The subscription with its longer trial.
    SubscriptionTrialExtendPayload,
    /// The subscription after its trial.
    SubscriptionTrialEndPayload,
    /// The subscription with its discount.
    SubscriptionDiscountApplyPayload,
    /// The subscription with the coupon's discount.
    SubscriptionCouponApplyPayload,
    /// The subscription without discounts.
    SubscriptionDiscountRemovePayload,
}

#[derive(Default)]
pub struct SubscriptionChangeMutation;

impl SubscriptionChangeInput {
    /// The use case's input, once the caller may change the subscription.
    pub async fn decode(&self, ctx: &Context<'_>, parent: &str) -> Result<service::SubscriptionChangeInput> {
        let (organization_id, subscription_id) = permitted(ctx, parent, &self.subscription_id).await?;
        let plan_id = match &self.plan_id {
            Some(id) => Some(PlanId(NodeKind::Plan.decode("input.planId", id)?)),
            None => None,
        };
        Ok(service::SubscriptionChangeInput {
            organization_id,
            subscription_id,
            plan_id,
            billing_interval: self.billing_interval.map(Into::into),
            quantity: self.quantity.as_ref().map(|quantity| quantity.0),
            timing: self.timing.into(),
            promotion_code: self.promotion_code.clone(),
        })
    }
}

#[Object]
impl SubscriptionChangeMutation {
    /// Changes the plan, the interval or the seats of a subscription. When the bank declines what it costs, the old plan
    /// stays.
    async fn subscription_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What, and when.")] input: SubscriptionChangeInput,
    ) -> Result<SubscriptionChangePayload> {
        let change = input.decode(ctx, "Mutation").await?;
        let key = caller_key(
            ctx,
            "subscriptionChange",
            Some(change.organization_id),
            input.idempotency_key.clone(),
        );
        let answer = service(ctx).change_subscription(viewer(ctx).actor(), change, key).await;
        SubscriptionChangePayload::from_answer(ctx, answer).await
    }

    /// Makes exactly the change that a preview showed: the same price, seats and proration to the second. When anything it
    /// was shown on has moved since, it is refused, and says what moved. The same token again is answered with the same
    /// operation.
    async fn subscription_apply_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The preview's token.")] input: SubscriptionApplyChangeInput,
    ) -> Result<SubscriptionApplyChangePayload> {
        let opened = match service(ctx).open_preview(&input.token) {
            Ok(opened) => opened,
            Err(error) if viewer(ctx).is_signed_in() => {
                return SubscriptionApplyChangePayload::from_answer(ctx, Err(error)).await;
            }
            Err(_) => return Err(denied(Denial::Unauthenticated, "subscription")),
        };
        authorize_in(ctx, "Mutation", opened.organization_id(), "subscription")?;
        let user = viewer(ctx).holder_id().ok_or_else(|| denied(Denial::Unauthenticated, "subscription"))?;
        let answer = service(ctx).apply_change(viewer(ctx).actor(), user, opened).await;
        SubscriptionApplyChangePayload::from_answer(ctx, answer).await
    }

    /// Takes back a change that is arranged for the end of the period.
    async fn subscription_scheduled_change_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which subscription.")] input: SubscriptionScheduledChangeRevokeInput,
    ) -> Result<SubscriptionScheduledChangeRevokePayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key = caller_key(
            ctx,
            "subscriptionScheduledChangeRevoke",
            Some(organization_id),
            input.idempotency_key,
        );
        let revoke = service::SubscriptionInput { organization_id, subscription_id };
        let answer = service(ctx).revoke_scheduled_change(viewer(ctx).actor(), revoke, key).await;
        SubscriptionScheduledChangeRevokePayload::from_answer(ctx, answer).await
    }

    /// Makes a subscription's invoices without collecting them. The subscription stays in its state, with full access, so it is
    /// for platform staff.
    async fn subscription_collection_pause(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, how and until when.")] input: SubscriptionCollectionPauseInput,
    ) -> Result<SubscriptionCollectionPausePayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key =
            caller_key(ctx, "subscriptionCollectionPause", Some(organization_id), input.idempotency_key);
        let pause = service::SubscriptionCollectionPauseInput {
            organization_id,
            subscription_id,
            behavior: input.behavior.into(),
            resumes_at: optional_moment("input.resumesAt", input.resumes_at)?,
        };
        let answer = service(ctx).pause_collection(viewer(ctx).actor(), pause, key).await;
        SubscriptionCollectionPausePayload::from_answer(ctx, answer).await
    }

    /// Collects a subscription's invoices again. For platform staff.
    async fn subscription_collection_resume(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which subscription.")] input: SubscriptionCollectionResumeInput,
    ) -> Result<SubscriptionCollectionResumePayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key =
            caller_key(ctx, "subscriptionCollectionResume", Some(organization_id), input.idempotency_key);
        let resume = service::SubscriptionInput { organization_id, subscription_id };
        let answer = service(ctx).resume_collection(viewer(ctx).actor(), resume, key).await;
        SubscriptionCollectionResumePayload::from_answer(ctx, answer).await
    }

    /// Lets a trial last longer.
    async fn subscription_trial_extend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and until when.")] input: SubscriptionTrialExtendInput,
    ) -> Result<SubscriptionTrialExtendPayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key = caller_key(ctx, "subscriptionTrialExtend", Some(organization_id), input.idempotency_key);
        let until = Some(moment("input.until", input.until)?);
        let trial = service::SubscriptionTrialInput { organization_id, subscription_id, until };
        let answer = service(ctx).change_trial(viewer(ctx).actor(), trial, key).await;
        SubscriptionTrialExtendPayload::from_answer(ctx, answer).await
    }

    /// Ends a trial now, with the first bill. When the bank declines it, the trial goes on.
    async fn subscription_trial_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which subscription.")] input: SubscriptionTrialEndInput,
    ) -> Result<SubscriptionTrialEndPayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key = caller_key(ctx, "subscriptionTrialEnd", Some(organization_id), input.idempotency_key);
        let trial = service::SubscriptionTrialInput { organization_id, subscription_id, until: None };
        let answer = service(ctx).change_trial(viewer(ctx).actor(), trial, key).await;
        SubscriptionTrialEndPayload::from_answer(ctx, answer).await
    }

    /// Redeems a promotion code for a subscription that runs. It counts from the next invoice.
    async fn subscription_discount_apply(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and the code.")] input: SubscriptionDiscountApplyInput,
    ) -> Result<SubscriptionDiscountApplyPayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key = caller_key(ctx, "subscriptionDiscountApply", Some(organization_id), input.idempotency_key);
        let discount = service::SubscriptionDiscountInput {
            organization_id,
            subscription_id,
            source: Some(service::DiscountSource::PromotionCode(input.promotion_code)),
        };
        let answer = service(ctx).change_discount(viewer(ctx).actor(), discount, key).await;
        SubscriptionDiscountApplyPayload::from_answer(ctx, answer).await
    }

    /// Gives a subscription that runs the discount of a coupon, which needs no code. It counts from the next invoice.
    async fn subscription_coupon_apply(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and the coupon.")] input: SubscriptionCouponApplyInput,
    ) -> Result<SubscriptionCouponApplyPayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key = caller_key(ctx, "subscriptionCouponApply", Some(organization_id), input.idempotency_key);
        let discount = service::SubscriptionDiscountInput {
            organization_id,
            subscription_id,
            source: Some(service::DiscountSource::Coupon(input.stripe_coupon_id)),
        };
        let answer = service(ctx).change_discount(viewer(ctx).actor(), discount, key).await;
        SubscriptionCouponApplyPayload::from_answer(ctx, answer).await
    }

    /// Takes all discounts off a subscription. It counts from the next invoice.
    async fn subscription_discount_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which subscription.")] input: SubscriptionDiscountRemoveInput,
    ) -> Result<SubscriptionDiscountRemovePayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key = caller_key(ctx, "subscriptionDiscountRemove", Some(organization_id), input.idempotency_key);
        let discount = service::SubscriptionDiscountInput { organization_id, subscription_id, source: None };
        let answer = service(ctx).change_discount(viewer(ctx).actor(), discount, key).await;
        SubscriptionDiscountRemovePayload::from_answer(ctx, answer).await
    }
}
