//! Writing down what people are to be told, in the transaction that makes it a fact.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::Service;
use super::error::ServiceError;
use crate::domain::dispute::Dispute;
use crate::domain::ids::{InvoiceId, OrganizationId, OutboxMessageId, PlanId, SubscriptionId, UserId};
use crate::domain::invoice::{Invoice, InvoiceStatus};
use crate::domain::key_ring::Place;
use crate::domain::money::Money;
use crate::domain::notification::{Fact, STALE};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::secret::Secret;
use crate::domain::subscription::{Subscription, SubscriptionStatus};
use crate::domain::user::User;
use crate::store::WriteTransaction;

/// Where a message's secret stands.
pub(super) const fn place_of(id: OutboxMessageId) -> Place {
    Place { table: "outbox_messages", column: "sealed_secret", row: id.0 }
}

/// What people are called who have told no name.
pub(super) fn name_of(user: &User) -> String {
    user.name.clone().or_else(|| user.email.clone()).unwrap_or_else(|| user.subject.clone())
}

/// Writes down that a fact is to be told, once, and only if the transaction is committed.
pub(super) async fn tell(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    fact: &Fact,
) -> Result<(), ServiceError> {
    let id = OutboxMessageId(transaction.next_id());
    transaction.write_outbox(id, organization, fact, None).await?;
    Ok(())
}

impl Service {
    /// What a person is called.
    pub(super) async fn name_of_person(&self, id: UserId) -> Result<String, ServiceError> {
        let user = self.store.users(&[id]).await?.pop().ok_or(ServiceError::NotFound("person"))?;
        Ok(name_of(&user))
    }

    /// As [`tell`], with a secret that its reader alone is told.
    pub(super) async fn tell_with(
        &self,
        transaction: &WriteTransaction,
        organization: OrganizationId,
        fact: &Fact,
        secret: &Secret,
    ) -> Result<(), ServiceError> {
        let id = OutboxMessageId(transaction.next_id());
        let sealed = self.outgoing.keys.seal(place_of(id), secret.expose(), self.ids.secret())?;
        transaction.write_outbox(id, organization, fact, Some(sealed)).await?;
        Ok(())
    }
}

/// An attempt to collect an invoice that failed.
struct FailedAttempt {
    invoice: InvoiceId,
    amount: Money,
    attempt: String,
    at: DateTime<Utc>,
}

impl FailedAttempt {
    /// The last attempt of a payment that failed. One that reached the bank has a charge of its own; one that its cardholder did
    /// not confirm has none, and is known by the write that showed it: a row is written once at each moment.
    fn of(payment: &Payment, before: Option<&Payment>, invoice: InvoiceId, at: DateTime<Utc>) -> Self {
        let known = before.and_then(|before| before.stripe_charge_id.as_ref());
        let charge = payment.stripe_charge_id.as_ref().filter(|charge| Some(*charge) != known);
        let moment = payment.stripe_synced_at.timestamp_micros();
        let attempt = charge.map_or_else(|| format!("{}:{moment}", payment.id), ToString::to_string);
        Self { invoice, amount: payment.amount, attempt, at }
    }
}

/// What the mirror has just learned that people are told of, whatever brought it: an answer, an event or a comparison.
pub(super) struct Learned {
    now: DateTime<Utc>,
    /// Each with when it happened.
    facts: Vec<(Fact, DateTime<Utc>)>,
    failed: Vec<FailedAttempt>,
    /// Invoices that were not here before: what is known of their payments is looked for.
    new_invoices: Vec<InvoiceId>,
    /// The plans of subscriptions that changed: people are told what they are called.
    plans: HashMap<SubscriptionId, PlanId>,
}

impl Learned {
    /// Nothing yet.
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self { now, facts: Vec::new(), failed: Vec::new(), new_invoices: Vec::new(), plans: HashMap::new() }
    }

    /// An invoice was written. Whether collecting it failed is its payments' to tell: Stripe counts an attempt when it is begun,
    /// and a bank or a cardholder may still be asked.
    pub(super) fn invoice(&mut self, (old, new): &(Option<Invoice>, Invoice)) {
        let was_paid = old.as_ref().is_some_and(|old| old.status == InvoiceStatus::Paid);
        // A trial's first invoice asks for nothing: there is nothing to thank for.
        if new.status == InvoiceStatus::Paid && !was_paid && new.amount_paid_minor > 0 {
            let paid_at = new.paid_at.unwrap_or(self.now);
            let fact = Fact::InvoicePaid {
                invoice_id: new.id,
                number: new.number.clone(),
                amount: Money::new(new.amount_paid_minor, new.currency),
                paid_at,
            };
            self.facts.push((fact, paid_at));
        }
        if old.is_none() {
            self.new_invoices.push(new.id);
        }
    }

    /// A payment was written.
    pub(super) fn payment(&mut self, (old, new): &(Option<Payment>, Payment)) {
        let at = self.since(old.is_some(), new.created_at);
        let was = old.as_ref().map(|old| old.status);
        match new.status {
            PaymentStatus::RequiresAction if was != Some(PaymentStatus::RequiresAction) => {
                let fact = Fact::PaymentRequiresAction {
                    payment_id: new.id,
                    amount: new.amount,
                    asked_at: new.stripe_synced_at,
                };
                self.facts.push((fact, at));
            }
            PaymentStatus::Failed => {
                let Some(invoice) = new.invoice_id else { return };
                // Between two failures that were seen, others may have been missed; one attempt shows in many writes.
                let is_told = old.as_ref().is_some_and(|old| {
                    old.status == PaymentStatus::Failed
                        && old.invoice_id.is_some()
                        && old.stripe_charge_id == new.stripe_charge_id
                        && old.failure == new.failure
                });
                if !is_told {
                    self.failed.push(FailedAttempt::of(new, old.as_ref(), invoice, at));
                }
            }
            _ => {}
        }
    }

    /// A dispute was written.
    pub(super) fn dispute(&mut self, (old, new): &(Option<Dispute>, Dispute)) {
        let is_inquiry = new.status.is_inquiry();
        // An inquiry asks; a chargeback takes the money, and wants evidence of its own.
        let is_known = old.as_ref().is_some_and(|old| is_inquiry || !old.status.is_inquiry());
        if !is_known && new.status.is_open() {
            let fact = Fact::DisputeOpened {
                dispute_id: new.id,
                is_inquiry,
                amount: new.amount,
                reason: new.reason.clone(),
                evidence_due_by: new.evidence_due_by,
            };
            self.facts.push((fact, self.since(old.is_some(), new.created_at)));
        }
    }

    /// A subscription was written. One that begins is told by its invoice, or by whoever began it.
    pub(super) fn subscription(&mut self, (old, new): &(Option<Subscription>, Subscription)) {
        let Some(old) = old else { return };
        let (now, subscription_id) = (self.now, new.id);
        // Every write of the row moves this on, so that what comes back is told again.
        let changed_at = new.stripe_synced_at.unwrap_or(now);
        if new.status == SubscriptionStatus::Canceled && old.status.is_live() {
            let ends_at = new.ended_at.or(new.canceled_at).unwrap_or(now);
            let fact = Fact::SubscriptionCanceled { subscription_id, ends_at, has_ended: true, changed_at };
            self.facts.push((fact, ends_at));
        }
        if !new.status.is_live() {
            return;
        }
        let is_newly_canceled = new.is_cancellation_scheduled() && !old.is_cancellation_scheduled();
        if let Some(ends_at) = new.ends_at().filter(|_| is_newly_canceled) {
            let fact = Fact::SubscriptionCanceled { subscription_id, ends_at, has_ended: false, changed_at };
            self.facts.push((fact, now));
        }
        if (old.plan_id, old.price_id, old.quantity) != (new.plan_id, new.price_id, new.quantity) {
            let fact = Fact::SubscriptionChanged {
                subscription_id,
                plan: new.plan_type.clone(),
                quantity: new.quantity,
                changed_at,
            };
            self.facts.push((fact, now));
            self.plans.extend(new.plan_id.map(|plan| (subscription_id, plan)));
        }
    }

    /// When it happened: now, when the row was there and differs; when the row was made, when it is new to us.
    const fn since(&self, was_there: bool, created_at: DateTime<Utc>) -> DateTime<Utc> {
        if was_there { self.now } else { created_at }
    }

    /// Writes it down in the transaction that learned it. What is long over is in the rows, and is not told.
    pub(super) async fn tell(
        self,
        transaction: &WriteTransaction,
        organization: OrganizationId,
    ) -> Result<(), ServiceError> {
        for (mut fact, at) in self.facts {
            if self.now - at > STALE {
                continue;
            }
            if let Fact::SubscriptionChanged { subscription_id, plan: named, .. } = &mut fact
                && let Some(&id) = self.plans.get(subscription_id)
                && let Some(plan) = transaction.find_plan(id).await?
            {
                *named = plan.name;
            }
            tell(transaction, organization, &fact).await?;
        }
        let mut failed = self.failed;
        for invoice in self.new_invoices {
            // A payment that failed before its invoice was here was no invoice's then.
            if failed.iter().all(|attempt| attempt.invoice != invoice) {
                let payments = transaction.failed_payments_of(organization, invoice).await?;
                failed.extend(payments.iter().map(|it| FailedAttempt::of(it, None, invoice, it.created_at)));
            }
        }
        for attempt in failed.into_iter().filter(|attempt| self.now - attempt.at <= STALE) {
            tell_of_failure(transaction, organization, self.now, attempt).await?;
        }
        Ok(())
    }
}

/// Tells that an invoice was not collected, unless it is settled by now.
async fn tell_of_failure(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    now: DateTime<Utc>,
    failed: FailedAttempt,
) -> Result<(), ServiceError> {
    let Some(invoice) = transaction.find_invoice(organization, failed.invoice).await? else { return Ok(()) };
    if !matches!(invoice.status, InvoiceStatus::Draft | InvoiceStatus::Open | InvoiceStatus::Uncollectible) {
        return Ok(());
    }
    let fact = Fact::InvoicePaymentFailed {
        invoice_id: invoice.id,
        number: invoice.number,
        amount: failed.amount,
        attempt: failed.attempt,
        // The payment may be here before what Stripe plans for the invoice.
        next_attempt_at: invoice.next_payment_attempt_at.filter(|at| *at > now),
    };
    tell(transaction, organization, &fact).await
}
