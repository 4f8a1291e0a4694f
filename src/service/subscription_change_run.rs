//! Making a change of a subscription at Stripe: at once, when it is paid, or by a schedule.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Service;
use super::answer::{Answer, Resource};
use super::command::SubscriptionChange;
use super::error::{ErrorCode, Refusal, ServiceError};
use super::mirror::Seen;
use super::operation::{Running, Settlement, recorded, written};
use super::subscription_change::check_seats;
use super::subscription_foundation::{Foundation, moved_refusal};
use crate::domain::audit::AuditEntry;
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, StripeInvoiceId, StripeSubscriptionId};
use crate::domain::mirror::{MirrorObject, PaymentIntentMirror, SubscriptionMirror};
use crate::domain::payment::{PaymentFailure, PaymentStatus};
use crate::domain::plan::BillingInterval;
use crate::domain::subscription::SubscriptionStatus;
use crate::domain::subscription_change::Proration;
use crate::payments::{ObjectKind, PaymentsError, PhaseItems, SchedulePlan, SubscriptionItemChange};

/// What a change that had to be paid first came to.
enum PaidChange {
    Made,
    MustConfirm,
    /// The bank is still at it, or Stripe about to apply it.
    Processing,
    Declined(Option<PaymentFailure>),
}

/// How old our rows of a subscription and its newest invoice were before it was changed.
pub(super) struct BeforeChange {
    /// The subscription's.
    pub at: Option<DateTime<Utc>>,
    /// The invoice's.
    pub invoice: Option<(StripeInvoiceId, Option<DateTime<Utc>>)>,
}

/// The note of what the phases of a schedule were asked to be.
const ASKED_PHASES: &str = "asked_phases";

/// What a schedule was asked to be. It is made of what Stripe shows at the time, so that it is written down before it is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct AskedPhases {
    plan: SchedulePlan,
    /// In how many different words it was asked for.
    times: u32,
}

/// What is arranged for the end of the period.
pub(super) struct Arrangement {
    /// Units from now on, when they change now.
    pub quantity: Option<i64>,
    /// How often what runs now recurs.
    pub interval: BillingInterval,
    /// What is billed then.
    pub next: PhaseItems,
    /// How a difference to what is billed now is settled.
    pub proration: Proration,
}

fn units(quantity: i64) -> u64 {
    u64::try_from(quantity).unwrap_or(1)
}

impl Service {
    pub(super) async fn perform_subscription_change(
        &self,
        running: &Running<'_>,
        command: SubscriptionChange,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        if running.is_unchecked() {
            self.check_change(&command).await?;
        }
        let before = self.before_change(id).await?;
        // Stripe's own state decides, not the row: an event may be on its way.
        let now = self.stripe.retrieve_subscription(id).await?;
        if running.is_unchecked() {
            if now.status.is_final() {
                return Err(Refusal::conflict("This subscription has ended already.").into());
            }
            let is_paid = matches!(now.status, SubscriptionStatus::Active | SubscriptionStatus::Trialing);
            if command.releases_seats > 0 && !is_paid {
                // What was used is paid before anything is billed less, whenever the payment fell due.
                return self.put_seats_off(running, &command).await;
            }
            if let Some(foundation) = &command.foundation {
                foundation.check(&Foundation::of_mirror(&now))?;
            }
            let plan = self.store.find_plan(command.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
            Box::pin(self.check_collection(command.organization_id, &plan, &now)).await?;
        }
        let Some(item) = now.item.clone() else {
            return Err(ServiceError::NotFound("subscription item"));
        };
        if running.is_unchecked() {
            Box::pin(self.check_due(&command, item.clone())).await?;
            self.checked(running).await?;
        }
        if let Some(code) = &command.promotion_code {
            // Before the change, so that its bill has the discount. A change that waits for its payment takes none along.
            let key = running.key("discount");
            self.stripe.set_discounts(id, &command.held_discounts, Some(code), &key).await?;
        }
        if !command.now {
            let arrangement = Arrangement {
                quantity: None,
                interval: command.old_interval,
                next: PhaseItems {
                    price: command.price.clone(),
                    quantity: units(command.quantity),
                    interval: command.interval,
                },
                proration: Proration::None,
            };
            self.arrange(running, &now, arrangement).await?;
            let shown = self.stripe.retrieve_subscription(id).await?;
            return self.settle_subscription(running, command.organization_id, shown, before.at).await;
        }
        let is_invoiced_now = command.proration == Proration::InvoiceNow && !now.sends_invoices;
        let seats_alone = now.price.as_ref() == Some(&command.price);
        if seats_alone
            && !is_invoiced_now
            && let Some(kept) = command.scheduled.as_ref().filter(|_| now.schedule.is_some())
        {
            // A downgrade that waits survives a change of seats: both go into the schedule.
            let arrangement = Arrangement {
                quantity: Some(command.quantity),
                interval: command.interval,
                next: PhaseItems {
                    price: kept.price.clone(),
                    // Fewer seats that were arranged stay arranged; the plan alone takes the new number with it.
                    quantity: units(if kept.with_seats { kept.quantity } else { command.quantity }),
                    interval: kept.interval,
                },
                proration: command.proration,
            };
            self.arrange(running, &now, arrangement).await?;
            let shown = self.stripe.retrieve_subscription(id).await?;
            return self.settle_subscription(running, command.organization_id, shown, before.at).await;
        }
        // Made by an earlier attempt: what it released may have been arranged again, and stays.
        let is_made =
            seats_alone && now.quantity == command.quantity && now.pending_update_expires_at.is_none();
        if is_made && !running.is_first_attempt() {
            return self
                .settle_paid_change(running, command.organization_id, now, before, Some(&command))
                .await;
        }
        if let Some(schedule) = &now.schedule {
            // A schedule lets no change wait for its payment: it is let go, and what it arranged put back afterwards.
            let key = running.key("release").in_other_words(schedule.id.as_str());
            self.stripe.release_schedule(&schedule.id, &key).await?;
        }
        let waits_for_payment =
            is_invoiced_now || !now.sends_invoices && now.status == SubscriptionStatus::Trialing;
        let step = if waits_for_payment { "change" } else { "change-unpaid" };
        let changed = self
            .stripe
            .change_subscription(
                SubscriptionItemChange {
                    id: id.clone(),
                    item,
                    price: command.price.clone(),
                    quantity: units(command.quantity),
                    proration: command.proration,
                    proration_date: command.proration_date,
                    waits_for_payment,
                },
                &running.key(step),
            )
            .await;
        let changed = match changed {
            Ok(changed) => changed,
            // Whether it was made is not known: it is asked for again.
            Err(error @ (PaymentsError::Unavailable { .. } | PaymentsError::RateLimited)) => {
                return Err(error.into());
            }
            Err(error) => {
                if let Some(undone) = command.undone() {
                    self.restore(running, &undone).await?;
                }
                return Err(error.into());
            }
        };
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
            match self.check_sold(&plan, &command.price).await {
                Err(ServiceError::Refused(_)) if previewed => {
                    let moved = ["the plan, or its price, which is not offered any more"];
                    return Err(moved_refusal(&moved).into());
                }
                is_sold => is_sold?,
            }
        }
        Ok(())
    }

    /// Arranges a change for the end of the period, and with it perhaps one of the seats now.
    pub(super) async fn arrange(
        &self,
        running: &Running<'_>,
        now: &SubscriptionMirror,
        arrangement: Arrangement,
    ) -> Result<(), ServiceError> {
        let schedule = match &now.schedule {
            Some(schedule) => schedule.clone(),
            None => self.stripe.create_schedule(&now.id, &running.key("schedule")).await?,
        };
        let Some(current) = schedule.phases.as_deref().and_then(<[_]>::first).cloned() else {
            return Err(ServiceError::NotFound("schedule phase"));
        };
        let Some(price) = current.price.clone() else {
            return Err(ServiceError::NotFound("schedule phase's price"));
        };
        let quantity = units(arrangement.quantity.unwrap_or(current.quantity));
        let terms = self.stripe.phase_terms(&now.id).await?;
        let plan = SchedulePlan {
            schedule: schedule.id.clone(),
            current,
            current_items: PhaseItems { price, quantity, interval: arrangement.interval },
            next_items: arrangement.next,
            proration: arrangement.proration,
            discounts: terms.discounts,
            tax_rates: terms.tax_rates,
        };
        let asked = match running.noted::<AskedPhases>(ASKED_PHASES)? {
            // Asked for in the same words again: Stripe says what it said, and does nothing.
            Some(asked) if asked.plan == plan || asked.plan.is_shown_by(&schedule) => asked,
            // It was not done, and what it was made of has moved since: these are other words, under another key.
            Some(asked) => AskedPhases { plan, times: asked.times + 1 },
            None => AskedPhases { plan, times: 1 },
        };
        self.note(running, ASKED_PHASES, &asked).await?;
        let key = running.key("phases");
        let key = if asked.times > 1 { key.in_other_words(&asked.times.to_string()) } else { key };
        self.stripe.set_schedule_phases(&asked.plan, &key).await?;
        Ok(())
    }

    /// Settles a change that is made only when it is paid. One that is declined is withdrawn, so that it cannot be paid
    /// later behind anybody's back: the old plan stays.
    pub(super) async fn settle_paid_change(
        &self,
        running: &Running<'_>,
        organization: OrganizationId,
        changed: SubscriptionMirror,
        before: BeforeChange,
        command: Option<&SubscriptionChange>,
    ) -> Result<Answer, ServiceError> {
        let waited = waits(&changed);
        let (mut seen, secret, now) = if running.is_first_attempt() {
            self.see_changed(changed, before).await?
        } else {
            // The answer may be that of an earlier attempt: what it shows may have passed.
            self.see_changed_anew(&changed.id).await?
        };
        let is_made = match command {
            Some(command) => now.price.as_ref() == Some(&command.price) && now.quantity == command.quantity,
            None => now.status == SubscriptionStatus::Active,
        };
        let outcome = match (waits(&now), waited) {
            (true, _) => paid_change(&seen),
            (false, true) if !is_made => PaidChange::Declined(None),
            (false, _) => PaidChange::Made,
        };
        if let (PaidChange::Declined(_), Some(invoice), true) =
            (&outcome, &now.latest_invoice_id, waits(&now))
        {
            self.stripe.withdraw_invoice(invoice, &running.key("withdraw")).await?;
        }
        if let PaidChange::Declined(_) = &outcome {
            if let Some(undone) = command.and_then(SubscriptionChange::undone) {
                self.restore(running, &undone).await?;
            }
            seen = self.see_again(&seen).await?;
        }
        if let (PaidChange::Made, Some(carried_on)) =
            (&outcome, command.and_then(SubscriptionChange::carried_on))
        {
            self.restore(running, &carried_on).await?;
            seen = self.see_again(&seen).await?;
        }
        let wanted = match command {
            None => None,
            Some(command) => {
                let price = self.store.find_price_at_stripe(&command.price).await?;
                Some((price.map(|(price, _)| price.id), command.quantity))
            }
        };
        let kind = running.record.operation.kind.clone();
        self.settle_leaving(running, organization, seen, None, |rows| {
            let (old, new) = written(rows.subscription.as_ref());
            let entry = AuditEntry::new(Some(organization), kind.clone(), "subscription", new.id);
            let entry = recorded(entry, old.map(|old| old.audit_values()), new.audit_values());
            let resource = Some(Resource::Subscription(new.id));
            // What it waited for may have come since the answer was looked at: its event settled nothing, as nothing waited.
            let still_waits =
                new.pending_update_expires_at.is_some() || new.status == SubscriptionStatus::Paused;
            let is_made = match wanted {
                Some((price, quantity)) => new.price_id == price && new.quantity == quantity,
                None => new.status == SubscriptionStatus::Active,
            };
            let overtaken = match &outcome {
                PaidChange::MustConfirm | PaidChange::Processing if !still_waits && is_made => {
                    Some(PaidChange::Made)
                }
                PaidChange::MustConfirm | PaidChange::Processing if !still_waits => {
                    Some(PaidChange::Declined(None))
                }
                _ => None,
            };
            // Otherwise it was put back above.
            let left = match &overtaken {
                Some(PaidChange::Made) => command.and_then(SubscriptionChange::carried_on),
                Some(_) => command.and_then(SubscriptionChange::undone),
                None => None,
            };
            let settlement = match overtaken.as_ref().unwrap_or(&outcome) {
                PaidChange::Processing => Settlement {
                    state: OperationState::RequiresAction,
                    resource,
                    client_secret: None,
                    refusals: Vec::new(),
                    audit: entry,
                },
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
            };
            (settlement, left)
        })
        .await
    }

    /// How old our rows are before a change is asked for.
    pub(super) async fn before_change(
        &self,
        id: &StripeSubscriptionId,
    ) -> Result<BeforeChange, ServiceError> {
        let Some(row) = self.store.find_subscription_at_stripe(id).await? else {
            return Ok(BeforeChange { at: None, invoice: None });
        };
        let invoice = match row.latest_stripe_invoice_id {
            None => None,
            Some(id) => {
                let at = self.watermark(ObjectKind::Invoice, id.as_str()).await?;
                Some((id, at))
            }
        };
        Ok(BeforeChange { at: row.stripe_synced_at, invoice })
    }

    /// The same as [`Service::see_changed`], asked for now.
    pub(super) async fn see_changed_anew(
        &self,
        id: &StripeSubscriptionId,
    ) -> Result<(Vec<Seen>, Option<String>, SubscriptionMirror), ServiceError> {
        let subscription = self.see(ObjectKind::Subscription, id.as_str()).await?;
        let MirrorObject::Subscription(now) = subscription.object.clone() else {
            return Err(ServiceError::NotFound("subscription"));
        };
        let mut seen = Vec::new();
        let mut secret = None;
        if let Some(id) = &now.latest_invoice_id {
            let invoice = self.see(ObjectKind::Invoice, id.as_str()).await?;
            if let MirrorObject::Invoice(shown) = &invoice.object {
                secret.clone_from(&shown.client_secret);
                let intents = shown.payment_intents.clone().unwrap_or_default();
                seen.extend(self.see_payments_of(id, &intents).await?);
            }
            seen.push(invoice);
        }
        seen.push(subscription);
        Ok((seen, secret, now))
    }

    /// What the answer of a change shows: the subscription, its newest invoice, and the payments of that.
    async fn see_changed(
        &self,
        mut subscription: SubscriptionMirror,
        before: BeforeChange,
    ) -> Result<(Vec<Seen>, Option<String>, SubscriptionMirror), ServiceError> {
        let BeforeChange { at: before, invoice: known } = before;
        let at = super::mirror::later(self.clock.now(), before);
        let invoice = subscription.latest_invoice.take();
        let now = subscription.clone();
        let mut seen = Vec::new();
        let mut secret = None;
        if let Some(invoice) = invoice {
            // One that the change made had no row before it.
            let before = known.filter(|(id, _)| *id == invoice.id).and_then(|(_, at)| at);
            secret.clone_from(&invoice.client_secret);
            let intents = invoice.payment_intents.clone().unwrap_or_default();
            seen.extend(self.see_payments_of(&invoice.id, &intents).await?);
            let at = super::mirror::later(self.clock.now(), before);
            seen.push(Seen { object: MirrorObject::Invoice(*invoice), before, at, invoice: None });
        }
        seen.push(Seen { object: MirrorObject::Subscription(subscription), before, at, invoice: None });
        Ok((seen, secret, now))
    }
}

/// Whether a change of a subscription waits for its payment.
fn waits(subscription: &SubscriptionMirror) -> bool {
    subscription.pending_update_expires_at.is_some() || subscription.status == SubscriptionStatus::Paused
}

/// What a change came to, seen from its invoice's payments.
fn paid_change(seen: &[Seen]) -> PaidChange {
    let payment: Option<&PaymentIntentMirror> = seen.iter().rev().find_map(|one| match &one.object {
        MirrorObject::PaymentIntent(intent) => Some(intent),
        _ => None,
    });
    match payment {
        Some(intent) if intent.status == PaymentStatus::RequiresAction => PaidChange::MustConfirm,
        // Withdrawn now, it would be paid all the same.
        Some(intent)
            if intent.status == PaymentStatus::Succeeded
                || matches!(intent.stripe_status.as_str(), "processing" | "requires_capture") =>
        {
            PaidChange::Processing
        }
        Some(intent) => PaidChange::Declined(intent.failure.clone()),
        None => PaidChange::Declined(None),
    }
}
