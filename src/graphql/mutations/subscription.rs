//! Subscribing, canceling, resuming.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_as, authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, CurrencyCode};
use super::super::types::{BillingOperation, Subscription, UserError, enums};
use super::{Parts, answered, changed_subscription};
use crate::auth::Denial;
use crate::domain::ids::{OrganizationId, PaymentMethodId, PlanId, SubscriptionId};
use crate::service;

/// A new subscription.
#[derive(InputObject)]
pub struct SubscriptionCreateInput {
    /// The organization that subscribes.
    organization_id: ID,
    /// The plan.
    plan_id: ID,
    /// At which of the plan's prices; by the default price's interval when left out.
    billing_interval: Option<enums::BillingInterval>,
    /// In which currency; the organization's, else the default price's, when left out.
    currency: Option<CurrencyCode>,
    /// Seats, 1 to 1,000,000.
    #[graphql(default_with = "BigInt(1)")]
    quantity: BigInt,
    /// What is charged; the organization's default when left out. Without any, the front end collects the first
    /// payment with the client secret.
    payment_method_id: Option<ID>,
    /// Whether to start with the plan's trial. A trial is taken once: an organization that had one, or whose payment card or
    /// owner's mail domain had one elsewhere, is refused with PLAN_UNAVAILABLE, and nothing is charged.
    #[graphql(default = true)]
    trial: bool,
    /// A promotion code to redeem, as people type it.
    promotion_code: Option<String>,
    /// A coupon's id at Stripe, whose discount it starts with; instead of a promotion code. For platform staff.
    stripe_coupon_id: Option<String>,
    /// Days of trial, 1 to 730, whatever the plan has and whoever had one before. For platform staff.
    trial_days: Option<i32>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The new subscription.
#[derive(SimpleObject)]
pub struct SubscriptionCreatePayload {
    /// The subscription; null when it was refused. With a declined card it is there, INCOMPLETE; a free plan goes on beside it.
    subscription: Option<Subscription>,
    /// The secret with which Stripe.js goes on when the cardholder must act. Never log it.
    client_secret: Option<String>,
    /// The operation at Stripe; null for a free plan.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A cancellation.
#[derive(InputObject)]
pub struct SubscriptionCancelInput {
    /// The subscription.
    subscription_id: ID,
    /// When it takes effect.
    #[graphql(default_with = "enums::CancellationTime::PeriodEnd")]
    when: enums::CancellationTime,
    /// Why, as the customer chose.
    feedback: Option<enums::CancellationFeedback>,
    /// Why, in the customer's words; at most 500 characters.
    reason: Option<String>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The canceled subscription.
#[derive(SimpleObject)]
pub struct SubscriptionCancelPayload {
    /// The subscription as it is now; null when it was refused.
    subscription: Option<Subscription>,
    /// The operation at Stripe; null for a free plan.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Taking back a cancellation.
#[derive(InputObject)]
pub struct SubscriptionResumeInput {
    /// The subscription.
    subscription_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The resumed subscription.
#[derive(SimpleObject)]
pub struct SubscriptionResumePayload {
    /// The subscription as it is now; null when it was refused.
    subscription: Option<Subscription>,
    /// The secret with which Stripe.js goes on when the cardholder must act. Never log it.
    client_secret: Option<String>,
    /// The operation at Stripe.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct SubscriptionMutation;

/// The organization of a subscription that the caller may change.
pub async fn permitted(ctx: &Context<'_>, parent: &str, id: &ID) -> Result<(OrganizationId, SubscriptionId)> {
    let id = SubscriptionId(NodeKind::Subscription.decode("input.subscriptionId", id)?);
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "subscription"));
    }
    let row = store(ctx).subscriptions(&[id]).await.map_err(store_error(ctx))?.pop();
    let organization = row.ok_or_else(|| not_found("subscription"))?.organization_id;
    authorize_in(ctx, parent, organization, "subscription")?;
    Ok((organization, id))
}

#[Object]
impl SubscriptionMutation {
    /// Subscribes an organization to a plan. It has one live subscription at a time. Platform staff may do it for an organization, with
    /// a coupon or a trial of their own giving.
    async fn subscription_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new subscription.")] input: SubscriptionCreateInput,
    ) -> Result<SubscriptionCreatePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        if input.stripe_coupon_id.is_some() {
            authorize_as(ctx, "Mutation.subscriptionCouponApply", "Mutation", organization_id)?;
        }
        if input.trial_days.is_some() {
            authorize_as(ctx, "Mutation.subscriptionTrialExtend", "Mutation", organization_id)?;
        }
        let payment_method_id = match &input.payment_method_id {
            Some(id) => Some(PaymentMethodId(NodeKind::PaymentMethod.decode("input.paymentMethodId", id)?)),
            None => None,
        };
        let new = service::SubscriptionCreateInput {
            organization_id,
            plan_id: PlanId(NodeKind::Plan.decode("input.planId", &input.plan_id)?),
            billing_interval: input.billing_interval.map(Into::into),
            currency: input.currency.map(|code| code.0),
            quantity: input.quantity.0,
            payment_method_id,
            trial: input.trial,
            promotion_code: input.promotion_code,
            coupon: input.stripe_coupon_id,
            trial_days: input.trial_days,
        };
        let key = caller_key(ctx, "subscriptionCreate", Some(organization_id), input.idempotency_key);
        let answer = service(ctx).create_subscription(viewer(ctx).actor(), new, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let subscription = changed_subscription(ctx, parts.resource.as_ref()).await?;
        Ok(SubscriptionCreatePayload {
            subscription,
            client_secret: parts.client_secret,
            operation: parts.operation,
            user_errors: parts.user_errors,
        })
    }

    /// Cancels a subscription, now or when its paid period is over.
    async fn subscription_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, when and why.")] input: SubscriptionCancelInput,
    ) -> Result<SubscriptionCancelPayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key = caller_key(ctx, "subscriptionCancel", Some(organization_id), input.idempotency_key);
        let cancel = service::SubscriptionCancelInput {
            organization_id,
            subscription_id,
            when: input.when.into(),
            feedback: input.feedback.map(Into::into),
            reason: input.reason,
        };
        let answer = service(ctx).cancel_subscription(viewer(ctx).actor(), cancel, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let subscription = changed_subscription(ctx, parts.resource.as_ref()).await?;
        Ok(SubscriptionCancelPayload {
            subscription,
            operation: parts.operation,
            user_errors: parts.user_errors,
        })
    }

    /// Takes back a cancellation that has not taken effect yet, or goes on after a trial that ended without a payment
    /// method: then a new period begins, and is billed.
    async fn subscription_resume(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which subscription.")] input: SubscriptionResumeInput,
    ) -> Result<SubscriptionResumePayload> {
        let (organization_id, subscription_id) = permitted(ctx, "Mutation", &input.subscription_id).await?;
        let key = caller_key(ctx, "subscriptionResume", Some(organization_id), input.idempotency_key);
        let resume = service::SubscriptionResumeInput { organization_id, subscription_id };
        let answer = service(ctx).resume_subscription(viewer(ctx).actor(), resume, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let subscription = changed_subscription(ctx, parts.resource.as_ref()).await?;
        Ok(SubscriptionResumePayload {
            subscription,
            client_secret: parts.client_secret,
            operation: parts.operation,
            user_errors: parts.user_errors,
        })
    }
}
