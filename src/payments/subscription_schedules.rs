//! Subscription schedules: what changes when the paid period is over.

use stripe_billing::subscription::RetrieveSubscription;
use stripe_billing::subscription_schedule::{
    CreateSubscriptionSchedule, ReleaseSubscriptionSchedule, RetrieveSubscriptionSchedule,
    UpdateSubscriptionSchedule, UpdateSubscriptionSchedulePhases, UpdateSubscriptionSchedulePhasesDiscounts,
    UpdateSubscriptionSchedulePhasesDuration, UpdateSubscriptionSchedulePhasesDurationInterval,
    UpdateSubscriptionSchedulePhasesEndDate, UpdateSubscriptionSchedulePhasesItems,
    UpdateSubscriptionSchedulePhasesProrationBehavior, UpdateSubscriptionSchedulePhasesStartDate,
    UpdateSubscriptionScheduleProrationBehavior,
};
use stripe_shared::SubscriptionScheduleEndBehavior;

use super::client::{IdempotencyKey, Stripe};
use super::convert::id_of;
use super::convert_subscription::schedule_mirror;
use super::error::PaymentsError;
use crate::domain::ids::{StripePriceId, StripeScheduleId, StripeSubscriptionId};
use crate::domain::mirror::{ScheduleMirror, SchedulePhase};
use crate::domain::plan::BillingInterval;
use crate::domain::subscription_change::Proration;

/// What is billed in a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseItems {
    /// The price.
    pub price: StripePriceId,
    /// The quantity.
    pub quantity: u64,
    /// How often it recurs: the length of the phase when it is the last.
    pub interval: BillingInterval,
}

/// The phases that a schedule shall have: the current one to its end, then one more, after which the subscription goes on
/// by itself as that one left it.
#[derive(Clone, Debug)]
pub struct SchedulePlan {
    /// The subscription.
    pub subscription: StripeSubscriptionId,
    /// The running phase, from Stripe.
    pub current: SchedulePhase,
    /// What the running phase bills.
    pub current_items: PhaseItems,
    /// What is billed after it.
    pub next_items: PhaseItems,
    /// How a difference to what the running phase billed is settled.
    pub proration: Proration,
}

fn items(items: &PhaseItems) -> Vec<UpdateSubscriptionSchedulePhasesItems> {
    let mut item = UpdateSubscriptionSchedulePhasesItems::new();
    item.price = Some(items.price.0.clone());
    item.quantity = Some(items.quantity);
    vec![item]
}

impl Stripe {
    /// Attaches a schedule that begins as the subscription is.
    pub async fn create_schedule(
        &self,
        subscription: &StripeSubscriptionId,
        key: &IdempotencyKey,
    ) -> Result<ScheduleMirror, PaymentsError> {
        let request = CreateSubscriptionSchedule::new().from_subscription(subscription.as_str());
        Ok(schedule_mirror(&self.change(request, key).await?))
    }

    /// Says what the phases of a schedule are from now on. Discounts and tax rates are those of the time, and so is the key:
    /// with other ones it is another request. A phase has the discounts and tax rates that it names and no
    /// others, so each names those that the subscription has.
    pub async fn set_schedule_phases(
        &self,
        id: &StripeScheduleId,
        plan: &SchedulePlan,
        key: &IdempotencyKey,
    ) -> Result<ScheduleMirror, PaymentsError> {
        let subscription = self.read(RetrieveSubscription::new(plan.subscription.as_str())).await?;
        let discounts: Vec<_> = subscription
            .discounts
            .iter()
            .map(|discount| {
                let mut kept = UpdateSubscriptionSchedulePhasesDiscounts::new();
                kept.discount = Some(id_of(discount));
                kept
            })
            .collect();
        let rates: Vec<String> =
            subscription.default_tax_rates.iter().flatten().map(|rate| rate.id.to_string()).collect();
        let end = plan.current.ends_at.timestamp();
        let key = key.of_body(&format!(
            "{plan:?} {rates:?} {:?}",
            subscription.discounts.iter().map(id_of).collect::<Vec<_>>()
        ));
        let mut current = UpdateSubscriptionSchedulePhases::new(items(&plan.current_items));
        current.start_date =
            Some(UpdateSubscriptionSchedulePhasesStartDate::Timestamp(plan.current.starts_at.timestamp()));
        current.end_date = Some(UpdateSubscriptionSchedulePhasesEndDate::Timestamp(end));
        let mut next = UpdateSubscriptionSchedulePhases::new(items(&plan.next_items));
        next.start_date = Some(UpdateSubscriptionSchedulePhasesStartDate::Timestamp(end));
        next.duration = Some(UpdateSubscriptionSchedulePhasesDuration::new(match plan.next_items.interval {
            BillingInterval::Month => UpdateSubscriptionSchedulePhasesDurationInterval::Month,
            BillingInterval::Year => UpdateSubscriptionSchedulePhasesDurationInterval::Year,
        }));
        // The phase begins with a period, so there is no part of one to settle.
        next.proration_behavior = Some(UpdateSubscriptionSchedulePhasesProrationBehavior::None);
        for phase in [&mut current, &mut next] {
            phase.discounts = Some(discounts.clone()).filter(|discounts| !discounts.is_empty());
            phase.default_tax_rates = Some(rates.clone()).filter(|rates| !rates.is_empty());
        }
        let request = UpdateSubscriptionSchedule::new(id.as_str())
            .end_behavior(SubscriptionScheduleEndBehavior::Release)
            .phases(vec![current, next])
            .proration_behavior(match plan.proration {
                Proration::None => UpdateSubscriptionScheduleProrationBehavior::None,
                Proration::NextInvoice => UpdateSubscriptionScheduleProrationBehavior::CreateProrations,
                Proration::InvoiceNow => UpdateSubscriptionScheduleProrationBehavior::AlwaysInvoice,
            });
        Ok(schedule_mirror(&self.change(request, &key).await?))
    }

    /// Lets a subscription go on without its schedule, as it is now. One that is not attached any more was let go.
    pub async fn release_schedule(
        &self,
        id: &StripeScheduleId,
        key: &IdempotencyKey,
    ) -> Result<(), PaymentsError> {
        match self.change(ReleaseSubscriptionSchedule::new(id.as_str()), key).await {
            Ok(_) => Ok(()),
            Err(error @ PaymentsError::InvalidRequest { .. }) => {
                let now = self.read(RetrieveSubscriptionSchedule::new(id.as_str())).await?;
                if now.subscription.is_none() { Ok(()) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// The subscription that a schedule is attached to, or was released from.
    pub(super) async fn subscription_of_schedule(
        &self,
        id: &str,
    ) -> Result<Option<StripeSubscriptionId>, PaymentsError> {
        let schedule = self.read(RetrieveSubscriptionSchedule::new(id)).await?;
        let attached = schedule.subscription.map(|subscription| id_of(&subscription));
        Ok(attached.or(schedule.released_subscription).map(Into::into))
    }
}
