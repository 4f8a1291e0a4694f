//! Subscription schedules: what changes when the paid period is over.

use serde::{Deserialize, Serialize};
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseItems {
    /// The price.
    pub price: StripePriceId,
    /// The quantity.
    pub quantity: u64,
    /// How often it recurs: the length of the phase when it is the last.
    pub interval: BillingInterval,
}

/// The phases that a schedule shall have: the current one to its end, then one more, after which the subscription goes on
/// by itself as that one left it. A phase has the discounts and tax rates that it names and no others, so each names those
/// that the subscription has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulePlan {
    /// The schedule.
    pub schedule: StripeScheduleId,
    /// The running phase, from Stripe.
    pub current: SchedulePhase,
    /// What the running phase bills.
    pub current_items: PhaseItems,
    /// What is billed after it.
    pub next_items: PhaseItems,
    /// How a difference to what the running phase billed is settled.
    pub proration: Proration,
    /// The discounts of both, `di_…`.
    pub discounts: Vec<String>,
    /// The tax rates of both, `txr_…`.
    pub tax_rates: Vec<String>,
}

impl SchedulePlan {
    /// Whether a schedule is as this says.
    pub fn is_shown_by(&self, schedule: &ScheduleMirror) -> bool {
        let [current, next] = schedule.phases.as_deref().unwrap_or_default() else { return false };
        let shows = |phase: &SchedulePhase, items: &PhaseItems| {
            phase.price.as_ref() == Some(&items.price) && u64::try_from(phase.quantity) == Ok(items.quantity)
        };
        schedule.id == self.schedule
            && current.ends_at == self.current.ends_at
            && shows(current, &self.current_items)
            && shows(next, &self.next_items)
    }
}

/// What a subscription has that each phase of a schedule must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseTerms {
    /// Its discounts, `di_…`.
    pub discounts: Vec<String>,
    /// Its tax rates, `txr_…`.
    pub tax_rates: Vec<String>,
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

    /// What the phases of a subscription's schedule must name.
    pub async fn phase_terms(&self, id: &StripeSubscriptionId) -> Result<PhaseTerms, PaymentsError> {
        let subscription = self.read(RetrieveSubscription::new(id.as_str())).await?;
        let rates = subscription.default_tax_rates.iter().flatten();
        Ok(PhaseTerms {
            discounts: subscription.discounts.iter().map(id_of).collect(),
            tax_rates: rates.map(|rate| rate.id.to_string()).collect(),
        })
    }

    /// Says what the phases of a schedule are from now on.
    pub async fn set_schedule_phases(
        &self,
        plan: &SchedulePlan,
        key: &IdempotencyKey,
    ) -> Result<ScheduleMirror, PaymentsError> {
        let discounts: Vec<_> = plan
            .discounts
            .iter()
            .map(|discount| {
                let mut kept = UpdateSubscriptionSchedulePhasesDiscounts::new();
                kept.discount = Some(discount.clone());
                kept
            })
            .collect();
        let end = plan.current.ends_at.timestamp();
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
            phase.default_tax_rates = Some(plan.tax_rates.clone()).filter(|rates| !rates.is_empty());
        }
        let request = UpdateSubscriptionSchedule::new(plan.schedule.as_str())
            .end_behavior(SubscriptionScheduleEndBehavior::Release)
            .phases(vec![current, next])
            .proration_behavior(match plan.proration {
                Proration::None => UpdateSubscriptionScheduleProrationBehavior::None,
                Proration::NextInvoice => UpdateSubscriptionScheduleProrationBehavior::CreateProrations,
                Proration::InvoiceNow => UpdateSubscriptionScheduleProrationBehavior::AlwaysInvoice,
            });
        Ok(schedule_mirror(&self.change(request, key).await?))
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
