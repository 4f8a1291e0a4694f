//! From a paid plan to a free one: the paid period is used up, and the free plan begins when it is over. Stripe keeps the note
//! of it, so that whoever hears of the end begins the free plan with it.

use super::Service;
use super::answer::Answer;
use super::command::{Command, SubscriptionCancel};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::operation::{OperationRequest, billing_scope};
use super::subscription_change::{SubscriptionChangeInput, barrier_refusal, carried_quantity, check_seats};
use super::subscription_foundation::Foundation;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, PlanId, StripeSubscriptionId};
use crate::domain::mirror::SubscriptionMirror;
use crate::domain::plan::Plan;
use crate::domain::subscription::{CancellationTime, Subscription, SubscriptionStatus};
use crate::domain::subscription_change::{ChangeBarrier, ChangeTiming};
use crate::payments::CancellationReason;
use crate::store::{NewIdempotencyRecord, WriteTransaction};

/// A change to a free plan that was looked at.
pub(super) struct DecidedFree {
    pub subscription: Subscription,
    pub stripe_subscription_id: StripeSubscriptionId,
    pub old_plan: Option<Plan>,
    pub plan: Plan,
    pub quantity: i64,
    pub members: i64,
}

impl Service {
    /// The free plan that a change leads to, if it leads to one.
    pub(super) async fn free_plan_of(
        &self,
        input: &SubscriptionChangeInput,
    ) -> Result<Option<Plan>, ServiceError> {
        let Some(id) = input.plan_id else { return Ok(None) };
        let plan = self.visible_plan(id, input.organization_id).await?;
        Ok(plan.filter(Plan::is_free))
    }

    /// Looks at a change to a free plan without making it, or says why it cannot be made.
    pub(super) async fn decide_free(
        &self,
        input: &SubscriptionChangeInput,
        plan: Plan,
    ) -> Result<DecidedFree, ServiceError> {
        let organization = input.organization_id;
        let subscription = self.subscription_of(organization, input.subscription_id).await?;
        let Some(stripe_subscription_id) = subscription.stripe_subscription_id.clone() else {
            return Err(Refusal::conflict(
                "A free plan has nothing to bill. Cancel it, and subscribe to the other one.",
            )
            .into());
        };
        if !plan.is_active {
            return Err(Refusal::at(
                "planId",
                ErrorCode::PlanUnavailable,
                "This plan is not offered any more.",
            )
            .into());
        }
        if input.timing == ChangeTiming::Now {
            return Err(Refusal::bad_input(
                "timing",
                "The paid period is used up first: a free plan begins when it is over.",
            )
            .into());
        }
        if input.promotion_code.is_some() {
            return Err(Refusal::bad_input("promotionCode", "There is nothing to discount.").into());
        }
        let barrier = match subscription.status {
            ref status if status.is_final() => Some(ChangeBarrier::Ended),
            SubscriptionStatus::Incomplete => Some(ChangeBarrier::Incomplete),
            SubscriptionStatus::Paused => Some(ChangeBarrier::Paused),
            SubscriptionStatus::Other(_) => Some(ChangeBarrier::Unknown),
            _ if subscription.pending_update_expires_at.is_some() => Some(ChangeBarrier::ChangePending),
            _ => None,
        };
        if let Some(barrier) = barrier {
            return Err(barrier_refusal(barrier));
        }
        let old_plan = match subscription.plan_id {
            Some(id) => self.store.find_plan(id).await?,
            None => None,
        };
        let members = i64::try_from(self.store.count_members(organization).await?).unwrap_or(i64::MAX);
        let quantity = input
            .quantity
            .unwrap_or_else(|| carried_quantity(&plan, old_plan.as_ref(), subscription.quantity, members));
        check_seats(&plan, quantity, members)?;
        Ok(DecidedFree { subscription, stripe_subscription_id, old_plan, plan, quantity, members })
    }

    /// Lets a paid subscription end with its period, and a free plan begin then.
    pub(super) async fn change_to_free(
        &self,
        actor: &Actor,
        decided: DecidedFree,
        foundation: Option<Foundation>,
        idempotency: Option<NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        let organization_id = decided.subscription.organization_id;
        self.operate(OperationRequest {
            organization_id: Some(organization_id),
            actor: actor.clone(),
            scope: billing_scope(organization_id),
            idempotency,
            command: Command::SubscriptionCancel(SubscriptionCancel {
                organization_id,
                subscription_id: decided.subscription.id,
                stripe_subscription_id: decided.stripe_subscription_id,
                when: CancellationTime::PeriodEnd,
                reason: CancellationReason::default(),
                next_plan: Some((decided.plan.id, decided.quantity)),
                foundation,
            }),
        })
        .await
    }

    /// Looks again now that the operation holds the organization's billing.
    pub(super) async fn check_free(&self, command: &SubscriptionCancel) -> Result<(), ServiceError> {
        let Some((plan, quantity)) = command.next_plan else { return Ok(()) };
        let plan = self.store.find_plan(plan).await?.ok_or(ServiceError::NotFound("plan"))?;
        let members =
            i64::try_from(self.store.count_members(command.organization_id).await?).unwrap_or(i64::MAX);
        check_seats(&plan, quantity, members)?;
        if let Some(foundation) = &command.foundation {
            let now = self.stripe.retrieve_subscription(&command.stripe_subscription_id).await?;
            foundation.check(&Foundation::of_mirror(&now))?;
        }
        Ok(())
    }
}

/// The free plan that begins when a subscription has ended with its period, as the notes on it say.
pub(super) fn next_plan(ended: &SubscriptionMirror) -> Option<(PlanId, i64)> {
    let has_used_it_up = ended.status == SubscriptionStatus::Canceled
        && ended.ended_at.zip(ended.current_period_end).is_some_and(|(ended, end)| ended >= end);
    ended.next_plan.filter(|_| has_used_it_up).map(|next| (next.plan_id, next.quantity))
}

/// Begins the free plan that follows a subscription, in the transaction that learns of its end.
pub(super) async fn begin_next_plan(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    old: Option<&Subscription>,
    ended: &SubscriptionMirror,
) -> Result<(), ServiceError> {
    // Once, with the end itself; and not beside another subscription that was begun meanwhile.
    if old.is_none_or(|old| old.status.is_final()) {
        return Ok(());
    }
    let Some((plan, quantity)) = next_plan(ended) else { return Ok(()) };
    if transaction.has_live_subscription(organization).await? {
        return Ok(());
    }
    let Some(plan) = transaction.find_plan(plan).await?.filter(Plan::is_free) else { return Ok(()) };
    let begun = transaction.create_free_subscription(organization, &plan, quantity).await?;
    let entry = AuditEntry::new(Some(organization), "subscription.create", "subscription", begun.id)
        .created(begun.audit_values());
    transaction.record(&Actor::system(), entry).await?;
    Ok(())
}
