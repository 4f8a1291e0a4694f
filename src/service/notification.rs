//! Writing down what people are to be told, in the transaction that makes it a fact.

use chrono::{DateTime, Utc};

use super::Service;
use super::error::ServiceError;
use crate::domain::dispute::Dispute;
use crate::domain::ids::{InvoiceId, OrganizationId, OutboxMessageId, UserId};
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

/// What the mirror has just learned that people are told of, whatever brought it: an answer, an event or a comparison.
pub(super) struct Learned {
    now: DateTime<Utc>,
    /// Each with when it happened.
    facts: Vec<(Fact, DateTime<Utc>)>,
    /// Invoices whose payer is asked to act: their attempt has not failed.
    waiting: Vec<InvoiceId>,
}

impl Learned {
    /// Nothing yet.
    pub(super) const fn new(now: DateTime<Utc>) -> Self {
        Self { now, facts: Vec::new(), waiting: Vec::new() }
    }

    /// An invoice was written.
    pub(super) fn invoice(&mut self, (old, new): &(Option<Invoice>, Invoice)) {
        let money = |minor| Money::new(minor, new.currency);
        let was_paid = old.as_ref().is_some_and(|old| old.status == InvoiceStatus::Paid);
        // A trial's first invoice asks for nothing: there is nothing to thank for.
        if new.status == InvoiceStatus::Paid && !was_paid && new.amount_paid_minor > 0 {
            let paid_at = new.paid_at.unwrap_or(self.now);
            let fact = Fact::InvoicePaid {
                invoice_id: new.id,
                number: new.number.clone(),
                amount: money(new.amount_paid_minor),
                paid_at,
            };
            self.facts.push((fact, paid_at));
        }
        let attempts = old.as_ref().map_or(0, |old| old.attempt_count);
        if new.status == InvoiceStatus::Open && new.attempt_count > attempts {
            let fact = Fact::InvoicePaymentFailed {
                invoice_id: new.id,
                number: new.number.clone(),
                amount: money(new.amount_remaining_minor),
                attempt: new.attempt_count,
                next_attempt_at: new.next_payment_attempt_at,
            };
            self.facts.push((fact, self.since(old.is_some(), new.created_at)));
        }
    }

    /// A payment was written.
    pub(super) fn payment(&mut self, (old, new): &(Option<Payment>, Payment)) {
        if new.status != PaymentStatus::RequiresAction {
            return;
        }
        self.waiting.extend(new.invoice_id);
        if old.as_ref().is_none_or(|old| old.status != PaymentStatus::RequiresAction) {
            let fact = Fact::PaymentRequiresAction { payment_id: new.id, amount: new.amount };
            self.facts.push((fact, self.since(old.is_some(), new.created_at)));
        }
    }

    /// A dispute was written.
    pub(super) fn dispute(&mut self, (old, new): &(Option<Dispute>, Dispute)) {
        if old.is_none() && new.status.is_open() {
            let fact = Fact::DisputeOpened {
                dispute_id: new.id,
                amount: new.amount,
                reason: new.reason.clone(),
                evidence_due_by: new.evidence_due_by,
            };
            self.facts.push((fact, new.created_at));
        }
    }

    /// A subscription was written. One that begins is told by its invoice, or by whoever began it.
    pub(super) fn subscription(&mut self, (old, new): &(Option<Subscription>, Subscription)) {
        let Some(old) = old else { return };
        let (now, subscription_id) = (self.now, new.id);
        if new.status == SubscriptionStatus::Canceled && old.status.is_live() {
            let ends_at = new.ended_at.or(new.canceled_at).unwrap_or(now);
            let fact = Fact::SubscriptionCanceled { subscription_id, ends_at, has_ended: true };
            self.facts.push((fact, ends_at));
        }
        if !new.status.is_live() {
            return;
        }
        let is_newly_canceled = new.is_cancellation_scheduled() && !old.is_cancellation_scheduled();
        if let Some(ends_at) = new.ends_at().filter(|_| is_newly_canceled) {
            let fact = Fact::SubscriptionCanceled { subscription_id, ends_at, has_ended: false };
            self.facts.push((fact, now));
        }
        if (old.plan_id, old.price_id, old.quantity) != (new.plan_id, new.price_id, new.quantity) {
            let fact = Fact::SubscriptionChanged {
                subscription_id,
                plan: new.plan_type.clone(),
                quantity: new.quantity,
                // Every write of the row moves this on, so that a plan that comes back is told again.
                changed_at: new.stripe_synced_at.unwrap_or(now),
            };
            self.facts.push((fact, now));
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
        for (fact, at) in &self.facts {
            let waits = matches!(fact, Fact::InvoicePaymentFailed { invoice_id, .. } if self.waiting.contains(invoice_id));
            if !waits && self.now - *at <= STALE {
                tell(transaction, organization, fact).await?;
            }
        }
        Ok(())
    }
}
