//! Changing what a subscription is billed for: plan, interval, seats; now or when the paid period is over. What is decided here
//! is made in `subscription_change_run.rs`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Service;
use super::answer::Answer;
use super::command::{Command, SubscriptionChange};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::operation::{OperationRequest, billing_scope};
use super::subscription::{MAXIMUM_QUANTITY, chosen_price};
use super::subscription_foundation::Foundation;
use crate::domain::audit::Actor;
use crate::domain::ids::{OrganizationId, PlanId, StripePriceId, StripeSubscriptionId, SubscriptionId};
use crate::domain::plan::{BillingInterval, Plan, Price};
use crate::domain::subscription::Subscription;
use crate::domain::subscription_change::{
    ChangeBarrier, ChangeState, ChangeTerms, ChangeTiming, Terms, change_terms, direction,
};

/// A change of what is billed. What is left out stays as it is.
#[derive(Clone, Debug, Serialize)]
pub struct SubscriptionChangeInput {
    /// Whose subscription.
    pub organization_id: OrganizationId,
    /// Which.
    pub subscription_id: SubscriptionId,
    /// To which plan.
    pub plan_id: Option<PlanId>,
    /// At which of its prices.
    pub billing_interval: Option<BillingInterval>,
    /// To how many units.
    pub quantity: Option<i64>,
    /// When.
    pub timing: ChangeTiming,
    /// A promotion code as people type it, redeemed with the change.
    pub promotion_code: Option<String>,
}

/// A change that was looked at: what it starts from, what it leads to, when, and how it is billed.
#[derive(Clone, Debug)]
pub(super) struct DecidedChange {
    pub subscription: Subscription,
    pub stripe_subscription_id: StripeSubscriptionId,
    pub old_plan: Option<Plan>,
    pub old_price: Option<Price>,
    pub plan: Plan,
    pub price: Price,
    pub stripe_price: StripePriceId,
    pub quantity: i64,
    pub terms: ChangeTerms,
    /// People who hold a seat.
    pub members: i64,
    /// What is arranged for the end of the period already.
    pub scheduled: Option<ScheduledTerms>,
    /// Stripe's id of the promotion code that is redeemed with it.
    pub promotion_code: Option<String>,
}

impl Service {
    /// Changes what a subscription is billed for.
    pub async fn change_subscription(
        &self,
        actor: &Actor,
        input: SubscriptionChangeInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        if let Some(plan) = self.free_plan_of(&input).await? {
            let decided = self.decide_free(&input, plan).await?;
            return self.change_to_free(actor, decided, None, idempotency).await;
        }
        let mut decided = self.decide_change(&input).await?;
        decided.promotion_code = self.redeemed_with(&input, &decided).await?;
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::SubscriptionChange(Box::new(decided.command(self.clock.now(), None))),
        })
        .await
    }

    /// Looks at a change without making it, or says why it cannot be made.
    pub(super) async fn decide_change(
        &self,
        input: &SubscriptionChangeInput,
    ) -> Result<DecidedChange, ServiceError> {
        let members =
            i64::try_from(self.store.count_members(input.organization_id).await?).unwrap_or(i64::MAX);
        self.decide_change_for(input, members).await
    }

    /// The same for so many people who hold a seat once it is made.
    pub(super) async fn decide_change_for(
        &self,
        input: &SubscriptionChangeInput,
        members: i64,
    ) -> Result<DecidedChange, ServiceError> {
        let organization = input.organization_id;
        let subscription = self.subscription_of(organization, input.subscription_id).await?;
        let Some(stripe_subscription_id) = subscription.stripe_subscription_id.clone() else {
            return Err(Refusal::conflict(
                "A free plan has nothing to bill. Subscribe to the new plan instead: it takes the free one's place.",
            )
            .into());
        };
        let old_plan = match subscription.plan_id {
            Some(id) => self.store.find_plan(id).await?,
            None => None,
        };
        let plan = match input.plan_id {
            // Who has a plan keeps it, offered or not.
            Some(id) if subscription.plan_id != Some(id) => self.visible_plan(id, organization).await?,
            _ => old_plan.clone(),
        };
        let Some(plan) = plan else {
            return Err(Refusal::at("planId", ErrorCode::NotFound, "There is no such plan.").into());
        };
        let mut prices = self.store.prices_of(&[plan.id]).await?.remove(&plan.id).unwrap_or_default();
        let old_price = match (subscription.price_id, old_plan.as_ref()) {
            (Some(id), Some(old)) if old.id == plan.id => prices.iter().find(|price| price.id == id).cloned(),
            (Some(id), Some(old)) => {
                let of_old = self.store.prices_of(&[old.id]).await?.remove(&old.id).unwrap_or_default();
                of_old.into_iter().find(|price| price.id == id)
            }
            _ => None,
        };
        let interval = input.billing_interval.or(old_price.as_ref().map(|price| price.billing_interval));
        let stays = old_price
            .as_ref()
            .filter(|price| price.plan_id == plan.id && Some(price.billing_interval) == interval);
        let price = match stays {
            // Who has a price keeps it, sold or not, until they choose another.
            Some(price) => price.clone(),
            None => {
                if !plan.is_active {
                    return Err(Refusal::at(
                        "planId",
                        ErrorCode::PlanUnavailable,
                        "This plan is not offered any more.",
                    )
                    .into());
                }
                let currency = old_price.as_ref().map(|price| price.unit_amount.currency);
                prices.retain(|price| price.is_active);
                chosen_price(&plan, &prices, interval, currency)?.clone()
            }
        };
        if price.unit_amount.minor == 0 {
            return Err(Refusal::at(
                "planId",
                ErrorCode::PlanUnavailable,
                "A free plan cannot be changed to. Cancel this subscription, and take the free plan when it has ended.",
            )
            .into());
        }
        let Some(stripe_price) = price.stripe_price_id.clone() else {
            return Err(Refusal::at(
                "planId",
                ErrorCode::PlanUnavailable,
                "This price is not published to Stripe yet.",
            )
            .into());
        };
        let quantity = input
            .quantity
            .unwrap_or_else(|| carried_quantity(&plan, old_plan.as_ref(), subscription.quantity, members));
        if !(1..=MAXIMUM_QUANTITY).contains(&quantity) {
            return Err(Refusal::bad_input("quantity", format!("Seats are 1 to {MAXIMUM_QUANTITY}.")).into());
        }
        check_seats(&plan, quantity, members)?;
        let old =
            Terms { plan: old_plan.as_ref(), price: old_price.as_ref(), quantity: subscription.quantity };
        let new = Terms { plan: Some(&plan), price: Some(&price), quantity };
        if direction(&old, &new) == crate::domain::subscription_change::Direction::Same {
            return Err(Refusal::conflict("This is what the subscription is billed for already.").into());
        }
        let state = ChangeState {
            status: &subscription.status,
            is_ending: subscription.is_cancellation_scheduled(),
            has_pending_update: subscription.pending_update_expires_at.is_some(),
        };
        let terms = change_terms(state, &old, &new, input.timing).map_err(barrier_refusal)?;
        let scheduled = match &subscription.scheduled_change {
            None => None,
            Some(change) => {
                let found = self.store.find_price_at_stripe(&change.stripe_price_id).await?;
                // A price that is none of ours was arranged on Stripe's own pages; what we do takes its place.
                found.map(|(found, _)| ScheduledTerms {
                    price: change.stripe_price_id.clone(),
                    quantity: change.quantity,
                    interval: found.billing_interval,
                    with_seats: change.quantity != subscription.quantity,
                })
            }
        };
        Ok(DecidedChange {
            subscription,
            stripe_subscription_id,
            old_plan,
            old_price,
            plan,
            price,
            stripe_price,
            quantity,
            terms,
            members,
            scheduled,
            promotion_code: None,
        })
    }

    /// Stripe's id of the promotion code that a change brings with it. Its discount counts from now, so that the change must,
    /// too.
    pub(super) async fn redeemed_with(
        &self,
        input: &SubscriptionChangeInput,
        decided: &DecidedChange,
    ) -> Result<Option<String>, ServiceError> {
        if input.promotion_code.is_some() && !decided.terms.now {
            return Err(Refusal::bad_input(
                "promotionCode",
                "This change waits for the period's end, and a code counts from now. Redeem it by itself with \
                 subscriptionDiscountApply.",
            )
            .into());
        }
        let customer = decided.subscription.stripe_customer_id.as_ref();
        self.redeemable(input.promotion_code.as_deref(), customer).await
    }
}

/// What is arranged for the end of the period, with what is needed to arrange it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScheduledTerms {
    pub price: StripePriceId,
    pub quantity: i64,
    pub interval: BillingInterval,
    /// Whether the seats change with it, or the price alone.
    pub with_seats: bool,
}

impl DecidedChange {
    /// The command that makes the change, with differences counted from `from`.
    pub(super) fn command(&self, from: DateTime<Utc>, foundation: Option<Foundation>) -> SubscriptionChange {
        let subscription = &self.subscription;
        SubscriptionChange {
            organization_id: subscription.organization_id,
            subscription_id: subscription.id,
            stripe_subscription_id: self.stripe_subscription_id.clone(),
            plan_id: self.plan.id,
            price: self.stripe_price.clone(),
            quantity: self.quantity,
            interval: self.price.billing_interval,
            old_interval: self
                .old_price
                .as_ref()
                .map_or(self.price.billing_interval, |price| price.billing_interval),
            keeps_price: self.old_price.as_ref().is_some_and(|price| price.id == self.price.id),
            now: self.terms.now,
            proration: self.terms.proration,
            proration_date: within_period(subscription, from),
            scheduled: self.scheduled.clone(),
            foundation,
            due_minor: None,
            promotion_code: self.promotion_code.clone(),
            held_discounts: self.held_discounts(),
            old_price: self.old_price.as_ref().and_then(|price| price.stripe_price_id.clone()),
            old_quantity: Some(subscription.quantity),
            releases_seats: 0,
        }
    }
}

impl DecidedChange {
    /// Stripe's ids of the discounts that the subscription has.
    pub(super) fn held_discounts(&self) -> Vec<String> {
        self.subscription.discounts.iter().map(|discount| discount.id.clone()).collect()
    }
}

/// `at`, moved into the running period: our clock and Stripe's may differ by some seconds, and Stripe takes no other time.
pub(super) fn within_period(subscription: &Subscription, at: DateTime<Utc>) -> DateTime<Utc> {
    let at = subscription.current_period_end.map_or(at, |end| at.min(end));
    subscription.current_period_start.map_or(at, |start| at.max(start))
}

/// Units when nothing is said: as before between plans that count seats alike; one for a plan that does not count them;
/// at least a seat for each member where they are counted for the first time.
pub(super) fn carried_quantity(plan: &Plan, old: Option<&Plan>, quantity: i64, members: i64) -> i64 {
    let counted_before = old.is_some_and(|old| old.seats_included.is_some());
    match plan.seats_included {
        None if counted_before => 1,
        Some(included) if !counted_before => {
            let included = i64::from(included.max(1));
            quantity.max(members.saturating_add(included - 1) / included)
        }
        _ => quantity,
    }
}

/// Refuses fewer seats than there are members.
pub(super) fn check_seats(plan: &Plan, quantity: i64, members: i64) -> Result<(), ServiceError> {
    match plan.seats(quantity) {
        Some(seats) if seats < members => Err(Refusal::at(
            "quantity",
            ErrorCode::LimitExceeded,
            format!(
                "This leaves {seats} seats, and the organization has {members} members. Remove members, or take more seats."
            ),
        )
        .into()),
        _ => Ok(()),
    }
}

/// Why a change cannot be made now, and what to do.
pub(super) fn barrier_refusal(barrier: ChangeBarrier) -> ServiceError {
    Refusal::conflict(match barrier {
        ChangeBarrier::Ended => "This subscription has ended. Create a new one.",
        ChangeBarrier::Incomplete => {
            "The first payment is still due. Pay it, or subscribe anew to another plan: that takes this one's place."
        }
        ChangeBarrier::PaymentDue => "A payment is due. Pay the open invoice first.",
        ChangeBarrier::Paused => {
            "The trial ended without a payment method. Attach one and resume the subscription first."
        }
        ChangeBarrier::Ending => {
            "This subscription is set to end. Resume it first, or make the change at once."
        }
        ChangeBarrier::ChangePending => {
            "Another change waits for its payment. Confirm that payment, or wait until it is given up."
        }
        ChangeBarrier::Unknown => {
            "Stripe has this subscription in a state that this version does not know. Ask support."
        }
    })
    .into()
}
