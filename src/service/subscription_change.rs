//! Changing what a subscription is billed for: plan, interval, seats; now or when the paid period is over.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, SubscriptionChange, SubscriptionScheduledChangeRevoke};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::mirror::Seen;
use super::operation::{OperationRequest, Running, Settlement, billing_scope, recorded, written};
use super::subscription::{MAXIMUM_QUANTITY, chosen_price};
use super::subscription_terms::SubscriptionInput;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, PlanId, StripePriceId, StripeSubscriptionId, SubscriptionId};
use crate::domain::mirror::{MirrorObject, PaymentIntentMirror, SubscriptionMirror};
use crate::domain::payment::{PaymentFailure, PaymentStatus};
use crate::domain::plan::{BillingInterval, Plan, Price};
use crate::domain::subscription::{ScheduledChange, Subscription, SubscriptionStatus};
use crate::domain::subscription_change::{
    ChangeBarrier, ChangeState, ChangeTerms, ChangeTiming, Proration, Terms, change_terms, direction,
};
use crate::payments::{ObjectKind, PhaseItems, SchedulePlan, SubscriptionItemChange};

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
}

/// What a change is decided on. When any of it is different later, the decision does not hold any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Foundation {
    status: String,
    price: Option<StripePriceId>,
    quantity: i64,
    period_end: Option<i64>,
    trial_end: Option<i64>,
    is_ending: bool,
    is_paused: bool,
    scheduled: Option<(StripePriceId, i64, i64)>,
    pending_update: bool,
    discounts: Vec<String>,
}

impl Foundation {
    /// As our row has it.
    pub(super) fn of_row(row: &Subscription, price: Option<&Price>) -> Self {
        Self {
            status: row.status.as_str().to_owned(),
            price: price.and_then(|price| price.stripe_price_id.clone()),
            quantity: row.quantity,
            period_end: row.current_period_end.map(|at| at.timestamp()),
            trial_end: row.trial_end.map(|at| at.timestamp()),
            is_ending: row.is_cancellation_scheduled(),
            is_paused: row.collection_paused,
            scheduled: row.scheduled_change.as_ref().map(scheduled),
            pending_update: row.pending_update_expires_at.is_some(),
            discounts: row.discounts.iter().map(|discount| discount.id.clone()).collect(),
        }
    }

    /// As Stripe has it.
    pub(super) fn of_mirror(mirror: &SubscriptionMirror) -> Self {
        Self {
            status: mirror.status.as_str().to_owned(),
            price: mirror.price.clone(),
            quantity: mirror.quantity,
            period_end: mirror.current_period_end.map(|at| at.timestamp()),
            trial_end: mirror.trial_end.map(|at| at.timestamp()),
            is_ending: mirror.cancel_at_period_end || mirror.cancel_at.is_some(),
            is_paused: mirror.collection_paused,
            scheduled: mirror.scheduled_change().as_ref().map(scheduled),
            pending_update: mirror.pending_update_expires_at.is_some(),
            discounts: mirror.discounts.iter().flatten().map(|discount| discount.id.clone()).collect(),
        }
    }

    /// What is different in `now`, in words.
    fn moved(&self, now: &Self) -> Vec<&'static str> {
        let mut moved = Vec::new();
        let mut compare = |same: bool, name| {
            if !same {
                moved.push(name);
            }
        };
        compare(self.status == now.status, "the status");
        compare(self.price == now.price, "the price");
        compare(self.quantity == now.quantity, "the seats");
        compare(self.period_end == now.period_end, "the billing period");
        compare(self.trial_end == now.trial_end, "the trial");
        compare(self.is_ending == now.is_ending, "the arranged end");
        compare(self.is_paused == now.is_paused, "the pause of collection");
        compare(self.scheduled == now.scheduled, "the scheduled change");
        compare(self.pending_update == now.pending_update, "a change that waits for its payment");
        compare(self.discounts == now.discounts, "the discounts");
        moved
    }

    /// Refuses when anything moved.
    pub(super) fn check(&self, now: &Self) -> Result<(), ServiceError> {
        let moved = self.moved(now);
        if moved.is_empty() { Ok(()) } else { Err(moved_refusal(&moved).into()) }
    }
}

fn scheduled(change: &ScheduledChange) -> (StripePriceId, i64, i64) {
    (change.stripe_price_id.clone(), change.quantity, change.at.timestamp())
}

/// A decision that does not hold any more, and why.
pub(super) fn moved_refusal(moved: &[&str]) -> Refusal {
    Refusal::conflict(format!(
        "Since the preview something has changed: {}. Preview the change again.",
        moved.join(", ")
    ))
}

/// What a change that had to be paid first came to.
enum PaidChange {
    Made,
    MustConfirm,
    Declined(Option<PaymentFailure>),
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
        if let Some(answer) = self.answered_before(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let decided = self.decide_change(&input).await?;
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
        let members = i64::try_from(self.store.count_members(organization).await?).unwrap_or(i64::MAX);
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
        })
    }

    pub(super) async fn perform_subscription_change(
        &self,
        running: &Running<'_>,
        command: SubscriptionChange,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        if running.is_first_attempt() {
            self.check_change(&command).await?;
        }
        let before = self.watermark(ObjectKind::Subscription, id.as_str()).await?;
        // Stripe's own state decides, not the row: an event may be on its way.
        let now = self.stripe.retrieve_subscription(id).await?;
        if running.is_first_attempt() {
            if now.status.is_final() {
                return Err(Refusal::conflict("This subscription has ended already.").into());
            }
            if let Some(foundation) = &command.foundation {
                foundation.check(&Foundation::of_mirror(&now))?;
            }
        }
        if !command.now {
            self.schedule_change(running, &command, &now, None).await?;
            let shown = self.stripe.retrieve_subscription(id).await?;
            return self.settle_subscription(running, command.organization_id, shown, before).await;
        }
        let seats_alone = now.price.as_ref() == Some(&command.price);
        if seats_alone && let Some(kept) = command.scheduled.as_ref().filter(|_| now.schedule.is_some()) {
            // A downgrade that waits survives a change of seats: both go into the schedule.
            self.schedule_change(running, &command, &now, Some(kept)).await?;
            let shown = self.stripe.retrieve_subscription(id).await?;
            return self.settle_subscription(running, command.organization_id, shown, before).await;
        }
        if let Some(schedule) = &now.schedule {
            self.stripe.release_schedule(&schedule.id, &running.key("release")).await?;
        }
        let Some(item) = now.item.clone() else {
            return Err(ServiceError::NotFound("subscription item"));
        };
        let waits_for_payment = !now.sends_invoices
            && (command.proration == Proration::InvoiceNow || now.status == SubscriptionStatus::Trialing);
        let step = if waits_for_payment { "change" } else { "change-unpaid" };
        let changed = self
            .stripe
            .change_subscription(
                SubscriptionItemChange {
                    id: id.clone(),
                    item,
                    price: command.price.clone(),
                    quantity: u64::try_from(command.quantity).unwrap_or(1),
                    proration: command.proration,
                    proration_date: command.proration_date,
                    waits_for_payment,
                },
                &running.key(step),
            )
            .await?;
        self.settle_paid_change(running, command.organization_id, changed, before, Some(&command)).await
    }

    /// Looks again now that the operation holds the organization's billing.
    async fn check_change(&self, command: &SubscriptionChange) -> Result<(), ServiceError> {
        let plan = self.store.find_plan(command.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
        let members =
            i64::try_from(self.store.count_members(command.organization_id).await?).unwrap_or(i64::MAX);
        let previewed = command.foundation.is_some();
        if previewed && plan.seats(command.quantity).is_some_and(|seats| seats < members) {
            return Err(moved_refusal(&["the members, who are more than the seats"]).into());
        }
        check_seats(&plan, command.quantity, members)?;
        if !command.keeps_price {
            let prices = self.store.prices_of(&[plan.id]).await?.remove(&plan.id).unwrap_or_default();
            let is_sold = prices
                .iter()
                .any(|price| price.is_active && price.stripe_price_id.as_ref() == Some(&command.price));
            if previewed && (!plan.is_active || !is_sold) {
                return Err(moved_refusal(&["the plan, or its price, which is not offered any more"]).into());
            }
            if !plan.is_active || !is_sold {
                return Err(Refusal::at(
                    "planId",
                    ErrorCode::PlanUnavailable,
                    "This plan, or its price, is not offered any more. Look at the plans again.",
                )
                .into());
            }
        }
        Ok(())
    }

    /// Arranges a change for the end of the period; or, with `kept`, changes the seats now and keeps what is arranged.
    async fn schedule_change(
        &self,
        running: &Running<'_>,
        command: &SubscriptionChange,
        now: &SubscriptionMirror,
        kept: Option<&ScheduledTerms>,
    ) -> Result<(), ServiceError> {
        let schedule = match &now.schedule {
            Some(schedule) => schedule.clone(),
            None => {
                self.stripe.create_schedule(&command.stripe_subscription_id, &running.key("schedule")).await?
            }
        };
        let Some(current) = schedule.phases.as_deref().and_then(<[_]>::first).cloned() else {
            return Err(ServiceError::NotFound("schedule phase"));
        };
        let units = |quantity: i64| u64::try_from(quantity).unwrap_or(1);
        let Some(current_price) = current.price.clone() else {
            return Err(ServiceError::NotFound("schedule phase's price"));
        };
        let (current_items, next_items, proration) = match kept {
            None => (
                PhaseItems {
                    price: current_price,
                    quantity: units(current.quantity),
                    interval: command.old_interval,
                },
                PhaseItems {
                    price: command.price.clone(),
                    quantity: units(command.quantity),
                    interval: command.interval,
                },
                Proration::None,
            ),
            Some(kept) => (
                PhaseItems {
                    price: current_price,
                    quantity: units(command.quantity),
                    interval: command.interval,
                },
                PhaseItems {
                    price: kept.price.clone(),
                    // Fewer seats that were arranged stay arranged; the plan alone takes the new number with it.
                    quantity: units(if kept.with_seats { kept.quantity } else { command.quantity }),
                    interval: kept.interval,
                },
                command.proration,
            ),
        };
        let subscription = command.stripe_subscription_id.clone();
        let plan = SchedulePlan { subscription, current, current_items, next_items, proration };
        self.stripe.set_schedule_phases(&schedule.id, &plan, &running.key("phases")).await?;
        Ok(())
    }

    /// Settles a change that is made only when it is paid. One that is declined is withdrawn, so that it cannot be paid
    /// later behind anybody's back: the old plan stays.
    pub(super) async fn settle_paid_change(
        &self,
        running: &Running<'_>,
        organization: OrganizationId,
        changed: SubscriptionMirror,
        before: Option<DateTime<Utc>>,
        command: Option<&SubscriptionChange>,
    ) -> Result<Answer, ServiceError> {
        let waits =
            changed.pending_update_expires_at.is_some() || changed.status == SubscriptionStatus::Paused;
        let invoice = changed.latest_invoice_id.clone();
        let (mut seen, secret) = self.see_changed(changed, before).await?;
        let outcome = if waits { paid_change(&seen) } else { PaidChange::Made };
        if let (PaidChange::Declined(_), Some(invoice)) = (&outcome, &invoice) {
            self.stripe.withdraw_invoice(invoice, &running.key("withdraw")).await?;
            if let Some(command) = command
                && let Some(scheduled) = &command.scheduled
            {
                self.restore_schedule(running, command, scheduled).await?;
            }
            seen = self.see_again(&seen).await?;
        }
        let kind = running.record.operation.kind.clone();
        self.settle(running, organization, seen, None, |rows| {
            let (old, new) = written(rows.subscription.as_ref());
            let entry = AuditEntry::new(Some(organization), kind.clone(), "subscription", new.id);
            let entry = recorded(entry, old.map(|old| old.audit_values()), new.audit_values());
            let resource = Some(Resource::Subscription(new.id));
            match &outcome {
                PaidChange::Made => Settlement {
                    state: OperationState::Confirmed,
                    resource,
                    client_secret: None,
                    refusals: Vec::new(),
                    audit: entry,
                },
                PaidChange::MustConfirm => Settlement {
                    state: OperationState::RequiresAction,
                    resource,
                    client_secret: secret.clone(),
                    refusals: vec![Refusal::at(
                        "",
                        ErrorCode::PaymentActionRequired,
                        "The bank asks the cardholder to confirm this payment. Go on with the client secret; until then the old plan stays.",
                    )],
                    audit: entry,
                },
                PaidChange::Declined(failure) => Settlement {
                    state: OperationState::Failed,
                    resource,
                    client_secret: None,
                    refusals: vec![match failure {
                        Some(failure) => Refusal::declined(failure),
                        None => Refusal::at(
                            "",
                            ErrorCode::PaymentDeclined,
                            "There is nothing to charge. Attach a payment method first.",
                        ),
                    }],
                    audit: entry.failed(),
                },
            }
        })
        .await
    }

    /// Arranges again what was arranged before a change that came to nothing.
    async fn restore_schedule(
        &self,
        running: &Running<'_>,
        command: &SubscriptionChange,
        scheduled: &ScheduledTerms,
    ) -> Result<(), ServiceError> {
        let id = &command.stripe_subscription_id;
        let again = SubscriptionChange {
            price: scheduled.price.clone(),
            quantity: scheduled.quantity,
            interval: scheduled.interval,
            now: false,
            ..command.clone()
        };
        let now = self.stripe.retrieve_subscription(id).await?;
        self.schedule_change(running, &again, &now, None).await
    }

    /// What the answer of a change shows: the subscription, its newest invoice, and the payments of that.
    async fn see_changed(
        &self,
        mut subscription: SubscriptionMirror,
        before: Option<DateTime<Utc>>,
    ) -> Result<(Vec<Seen>, Option<String>), ServiceError> {
        let at = super::mirror::later(self.clock.now(), before);
        let invoice = subscription.latest_invoice.take();
        let mut seen = Vec::new();
        let mut secret = None;
        if let Some(invoice) = invoice {
            let before = self.watermark(ObjectKind::Invoice, invoice.id.as_str()).await?;
            secret.clone_from(&invoice.client_secret);
            let intents = invoice.payment_intents.clone().unwrap_or_default();
            seen.extend(self.see_payments_of(&invoice.id, &intents).await?);
            let at = super::mirror::later(self.clock.now(), before);
            seen.push(Seen { object: MirrorObject::Invoice(*invoice), before, at, invoice: None });
        }
        seen.push(Seen { object: MirrorObject::Subscription(subscription), before, at, invoice: None });
        Ok((seen, secret))
    }

    /// Takes back a change that was arranged for the end of the period.
    pub async fn revoke_scheduled_change(
        &self,
        actor: &Actor,
        input: SubscriptionInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_before(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let subscription = self.subscription_of(input.organization_id, input.subscription_id).await?;
        let (Some(stripe_subscription_id), Some(schedule)) =
            (subscription.stripe_subscription_id.clone(), subscription.stripe_schedule_id.clone())
        else {
            return Err(Refusal::conflict("No change is arranged for this subscription.").into());
        };
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::SubscriptionScheduledChangeRevoke(SubscriptionScheduledChangeRevoke {
                organization_id: input.organization_id,
                subscription_id: subscription.id,
                stripe_subscription_id,
                schedule,
            }),
        })
        .await
    }

    pub(super) async fn perform_scheduled_change_revoke(
        &self,
        running: &Running<'_>,
        command: SubscriptionScheduledChangeRevoke,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        let before = self.watermark(ObjectKind::Subscription, id.as_str()).await?;
        self.stripe.release_schedule(&command.schedule, &running.key("release")).await?;
        let shown = self.stripe.retrieve_subscription(id).await?;
        self.settle_subscription(running, command.organization_id, shown, before).await
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
        }
    }
}

/// `at`, moved into the running period: our clock and Stripe's may differ by some seconds, and Stripe takes no other time.
pub(super) fn within_period(subscription: &Subscription, at: DateTime<Utc>) -> DateTime<Utc> {
    let at = subscription.current_period_end.map_or(at, |end| at.min(end));
    subscription.current_period_start.map_or(at, |start| at.max(start))
}

/// What a change came to, seen from its invoice's payments.
fn paid_change(seen: &[Seen]) -> PaidChange {
    let payment: Option<&PaymentIntentMirror> = seen.iter().rev().find_map(|one| match &one.object {
        MirrorObject::PaymentIntent(intent) => Some(intent),
        _ => None,
    });
    match payment {
        Some(intent) if intent.status == PaymentStatus::RequiresAction => PaidChange::MustConfirm,
        Some(intent) => PaidChange::Declined(intent.failure.clone()),
        None => PaidChange::Declined(None),
    }
}

/// Units when nothing is said: as before between plans that count seats alike; one for a plan that does not count them;
/// at least a seat for each member where they are counted for the first time.
fn carried_quantity(plan: &Plan, old: Option<&Plan>, quantity: i64, members: i64) -> i64 {
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
fn check_seats(plan: &Plan, quantity: i64, members: i64) -> Result<(), ServiceError> {
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
fn barrier_refusal(barrier: ChangeBarrier) -> ServiceError {
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
