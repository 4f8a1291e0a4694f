//! Writing Stripe's objects into the mirror, whatever brought them: an answer, an event or a comparison.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use metrics::counter;

use super::Service;
use super::error::ServiceError;
use super::notification::Learned;
use super::operation::Running;
use super::subscription_free::begin_next_plan;
use crate::domain::credit_note::CreditNote;
use crate::domain::dispute::Dispute;
use crate::domain::ids::{OrganizationId, StripeInvoiceId, StripePaymentIntentId};
use crate::domain::invoice::Invoice;
use crate::domain::mirror::MirrorObject;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::payment_attempt::PaymentAttempt;
use crate::domain::payment_method::PaymentMethod;
use crate::domain::refund::Refund;
use crate::domain::subscription::Subscription;
use crate::payments::{ObjectKind, PaymentsError};
use crate::store::{Mirrored, Watermark, WriteTransaction};

/// How often an object is fetched again because somebody wrote a newer one meanwhile.
pub(super) const ATTEMPTS: u32 = 16;

/// An object as Stripe showed it, and how old our row was when it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub object: MirrorObject,
    /// The row's watermark before; `None` when there was no row.
    pub before: Option<DateTime<Utc>>,
    /// What the watermark becomes: the event's time, or the time the object was asked for.
    pub at: DateTime<Utc>,
    /// The invoice a payment intent pays, when whoever brought it knows.
    pub invoice: Option<StripeInvoiceId>,
}

/// What was written, with what stood there before.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub subscription: Option<(Option<Subscription>, Subscription)>,
    pub invoice: Option<(Option<Invoice>, Invoice)>,
    pub payment: Option<(Option<Payment>, Payment)>,
    /// The attempts of it that are new, or ended.
    pub attempts: Vec<(Option<PaymentAttempt>, PaymentAttempt)>,
    /// Whether a bank has one of the payments, and decides later.
    pub is_with_bank: bool,
    pub payment_method: Option<(Option<PaymentMethod>, PaymentMethod)>,
    /// All that a payment has: they come together.
    pub refunds: Vec<(Option<Refund>, Refund)>,
    pub dispute: Option<(Option<Dispute>, Dispute)>,
    pub credit_note: Option<(Option<CreditNote>, CreditNote)>,
}

impl Rows {
    /// Whether anything that records keep of a row is different now.
    pub(super) fn have_changed(&self) -> bool {
        macro_rules! differs {
            ($($rows:expr),+) => {
                $($rows.iter().any(|(old, new)| {
                    old.as_ref().is_none_or(|old| old.audit_values() != new.audit_values())
                }))||+
            };
        }
        differs!(
            self.subscription,
            self.invoice,
            self.payment,
            self.payment_method,
            self.refunds,
            self.dispute,
            self.credit_note
        )
    }
}

/// Whether all was written.
pub(super) enum Wrote {
    All(Box<Rows>),
    /// Somebody wrote one of the rows meanwhile: see them all again, and write again.
    Moved,
}

impl Service {
    /// The watermark of our row of a Stripe object.
    pub(super) async fn watermark(
        &self,
        kind: ObjectKind,
        id: &str,
    ) -> Result<Option<DateTime<Utc>>, ServiceError> {
        Ok(match kind {
            ObjectKind::Subscription => {
                self.store.find_subscription_at_stripe(&id.into()).await?.and_then(|row| row.stripe_synced_at)
            }
            ObjectKind::Invoice => {
                self.store.find_invoice_at_stripe(&id.into()).await?.map(|row| row.stripe_synced_at)
            }
            ObjectKind::PaymentIntent => {
                self.store.find_payment_at_stripe(&id.into()).await?.map(|row| row.stripe_synced_at)
            }
            ObjectKind::PaymentMethod => {
                self.store.find_payment_method_at_stripe(&id.into()).await?.map(|row| row.stripe_synced_at)
            }
            ObjectKind::Customer => {
                let organization = self.store.find_organization_of_customer(&id.into()).await?;
                organization.and_then(|row| row.stripe_synced_at)
            }
            ObjectKind::Refund => {
                self.store.find_refund_at_stripe(&id.into()).await?.and_then(|row| row.stripe_synced_at)
            }
            ObjectKind::Dispute => {
                self.store.find_dispute_at_stripe(&id.into()).await?.map(|row| row.stripe_synced_at)
            }
            ObjectKind::CreditNote => {
                self.store.find_credit_note_at_stripe(&id.into()).await?.map(|row| row.stripe_synced_at)
            }
            ObjectKind::InvoicePayment
            | ObjectKind::Charge
            | ObjectKind::CheckoutSession
            | ObjectKind::Schedule => None,
        })
    }

    /// Fetches an object from Stripe, remembering how old our row was before.
    pub(super) async fn see(&self, kind: ObjectKind, id: &str) -> Result<Seen, ServiceError> {
        self.see_since(kind, id, None).await
    }

    /// As [`Service::see`], because of something that happened at Stripe at `since`: what is shown now is no older than
    /// that, even when our clock is behind Stripe's.
    pub(super) async fn see_since(
        &self,
        kind: ObjectKind,
        id: &str,
        since: Option<DateTime<Utc>>,
    ) -> Result<Seen, ServiceError> {
        let before = self.watermark(kind, id).await?;
        let now = self.clock.now();
        let at = later(since.map_or(now, |since| now.max(since)), before);
        // On the heap: it holds a request of each kind, and almost everything carries it.
        let object = match Box::pin(self.stripe.fetch(kind, id)).await {
            // Only drafts can be deleted, and then they are gone.
            Err(PaymentsError::NotFound { .. }) if kind == ObjectKind::Invoice => {
                MirrorObject::DeletedInvoice(id.into())
            }
            object => object?,
        };
        Ok(Seen { object, before, at, invoice: None })
    }

    /// Fetches again what `seen` holds.
    pub(super) async fn see_again(&self, seen: &[Seen]) -> Result<Vec<Seen>, ServiceError> {
        let mut fresh = Vec::with_capacity(seen.len());
        for old in seen {
            let Some((kind, id)) = identity(&old.object) else {
                fresh.push(old.clone());
                continue;
            };
            // No older than what was seen before, even when our clock is behind.
            let again = self.see_since(kind, &id, Some(old.at)).await?;
            fresh.push(Seen { invoice: old.invoice.clone(), ..again });
        }
        Ok(fresh)
    }

    /// What an answer of Stripe shows, when nothing of ours stood there before the question.
    pub(super) fn seen_new(&self, object: MirrorObject) -> Seen {
        Seen { object, before: None, at: self.clock.now(), invoice: None }
    }

    /// What an operation's step answered. When the operation was run before, the answer may be that of an earlier attempt,
    /// and the object have moved on since: then it is fetched.
    pub(super) async fn seen_of(
        &self,
        running: &Running<'_>,
        answered: Seen,
        kind: ObjectKind,
        id: &str,
    ) -> Result<Seen, ServiceError> {
        if running.is_first_attempt() { Ok(answered) } else { self.see(kind, id).await }
    }

    /// The payment intents of an invoice, fetched, each knowing its invoice.
    pub(super) async fn see_payments_of(
        &self,
        invoice: &StripeInvoiceId,
        payment_intents: &[StripePaymentIntentId],
    ) -> Result<Vec<Seen>, ServiceError> {
        let mut seen = Vec::with_capacity(payment_intents.len());
        for id in payment_intents {
            let one = self.see(ObjectKind::PaymentIntent, id.as_str()).await?;
            seen.push(Seen { invoice: Some(invoice.clone()), ..one });
        }
        Ok(seen)
    }

    /// The disputes of a payment intent, fetched.
    pub(super) async fn see_disputes_of(
        &self,
        payment_intent: &StripePaymentIntentId,
    ) -> Result<Vec<Seen>, ServiceError> {
        let mut before = HashMap::new();
        // Before Stripe is asked: what is written meanwhile is newer than what it shows.
        if let Some(payment) = self.store.find_payment_at_stripe(payment_intent).await? {
            let known = self.store.disputes_of_payments(&[payment.organization_id], &[payment.id]).await?;
            let known = known.into_values().flatten();
            before.extend(known.map(|dispute| (dispute.stripe_dispute_id.0, dispute.stripe_synced_at)));
        }
        let now = self.clock.now();
        let disputes = self.stripe.disputes_of(payment_intent).await?;
        let seen = disputes.into_iter().filter_map(|object| {
            let (_, id) = identity(&object)?;
            let before = before.get(&id).copied();
            Some(Seen { object, before, at: later(now, before), invoice: None })
        });
        Ok(seen.collect())
    }

    /// Everything that was given back of a payment intent, fetched: what is left of it is the sum over all.
    pub(super) async fn see_refunds_of(
        &self,
        payment_intent: &StripePaymentIntentId,
    ) -> Result<Vec<Seen>, ServiceError> {
        let mut before = HashMap::new();
        if let Some(payment) = self.store.find_payment_at_stripe(payment_intent).await? {
            let known = self.store.refunds_of_payments(&[payment.organization_id], &[payment.id]).await?;
            for refund in known.into_values().flatten() {
                if let (Some(id), Some(at)) = (refund.stripe_refund_id, refund.stripe_synced_at) {
                    before.insert(id, at);
                }
            }
        }
        let now = self.clock.now();
        let refunds = self.stripe.refunds_of(payment_intent).await?;
        let seen = refunds.into_iter().map(|refund| {
            let before = before.get(&refund.id).copied();
            Seen { object: MirrorObject::Refund(refund), before, at: later(now, before), invoice: None }
        });
        Ok(seen.collect())
    }
}

/// Now, or just after the row's watermark when that is ahead of us, because Stripe's clock or a test clock is. Every write
/// moves the watermark: whoever saw the object before the write finds that it moved.
pub(super) fn later(now: DateTime<Utc>, before: Option<DateTime<Utc>>) -> DateTime<Utc> {
    before.map_or(now, |before| now.max(before + TimeDelta::microseconds(1)))
}

/// Counts the words of what was written that nobody here knows, whatever brought them, and says so.
pub(super) fn note_unknown_words(seen: &[Seen]) {
    for (field, word) in seen.iter().flat_map(|one| one.object.unknown_words()) {
        counter!("tollgate_unknown_values_total", "field" => field).increment(1);
        tracing::warn!(field, word, "Stripe uses a word that this version does not know; it gives nothing");
    }
}

/// What an object is and its id, for those that have a row.
pub(super) fn identity(object: &MirrorObject) -> Option<(ObjectKind, String)> {
    match object {
        MirrorObject::Subscription(it) => Some((ObjectKind::Subscription, it.id.0.clone())),
        MirrorObject::Invoice(it) => Some((ObjectKind::Invoice, it.id.0.clone())),
        MirrorObject::DeletedInvoice(id) => Some((ObjectKind::Invoice, id.0.clone())),
        MirrorObject::PaymentIntent(it) => Some((ObjectKind::PaymentIntent, it.id.0.clone())),
        MirrorObject::PaymentMethod(it) => Some((ObjectKind::PaymentMethod, it.id.0.clone())),
        MirrorObject::Customer(it) => Some((ObjectKind::Customer, it.id.0.clone())),
        MirrorObject::Refund(it) => Some((ObjectKind::Refund, it.id.0.clone())),
        MirrorObject::Dispute(it) => Some((ObjectKind::Dispute, it.id.0.clone())),
        MirrorObject::CreditNote(it) => Some((ObjectKind::CreditNote, it.id.0.clone())),
        MirrorObject::InvoicePayment(_)
        | MirrorObject::CheckoutSession(_)
        | MirrorObject::Charge(_)
        | MirrorObject::Schedule { .. }
        | MirrorObject::Product(_)
        | MirrorObject::Price(_) => None,
    }
}

/// Writes all that was seen into one transaction: subscriptions before invoices before payments before what is given
/// back of them, so that each finds what it points to.
pub(super) async fn write_mirrors(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    seen: &[Seen],
) -> Result<Wrote, ServiceError> {
    let mut rows = Rows::default();
    let mut learned = Learned::new(transaction.now());
    for rank in 0..6 {
        for one in seen.iter().filter(|one| rank_of(&one.object) == rank) {
            let watermark = Watermark { before: one.before, after: one.at };
            match &one.object {
                MirrorObject::Customer(customer) => {
                    if customer.deleted {
                        transaction.mark_customer_deleted(organization, &customer.id).await?;
                    } else {
                        if kept(transaction.mirror_customer(organization, customer, watermark).await?)
                            .is_none()
                        {
                            return Ok(Wrote::Moved);
                        }
                        transaction
                            .mark_default_payment_method(
                                organization,
                                customer.default_payment_method.as_ref(),
                            )
                            .await?;
                    }
                }
                MirrorObject::PaymentMethod(method) => {
                    let wrote = transaction.mirror_payment_method(organization, method, watermark).await?;
                    match kept(wrote) {
                        Some(row) => rows.payment_method = Some(row),
                        None => return Ok(Wrote::Moved),
                    }
                }
                MirrorObject::Subscription(subscription) => {
                    let wrote =
                        transaction.mirror_subscription(organization, subscription, watermark).await?;
                    match kept(wrote) {
                        Some((old, new)) => {
                            begin_next_plan(transaction, organization, old.as_ref(), subscription).await?;
                            let row = (old, new);
                            learned.subscription(&row);
                            rows.subscription = Some(row);
                        }
                        None => return Ok(Wrote::Moved),
                    }
                }
                MirrorObject::Invoice(invoice) => {
                    let wrote = transaction.mirror_invoice(organization, invoice, watermark).await?;
                    match kept(wrote) {
                        Some(row) => {
                            learned.invoice(&row);
                            rows.invoice = Some(row);
                        }
                        None => return Ok(Wrote::Moved),
                    }
                }
                MirrorObject::DeletedInvoice(id) => {
                    let Some(wrote) = transaction.mirror_deleted_invoice(id, watermark).await? else {
                        continue;
                    };
                    match kept(wrote) {
                        Some(row) => rows.invoice = Some(row),
                        None => return Ok(Wrote::Moved),
                    }
                }
                MirrorObject::PaymentIntent(intent) => {
                    let wrote = transaction
                        .mirror_payment(organization, intent, one.invoice.as_ref(), watermark)
                        .await?;
                    match kept(wrote) {
                        Some(row) => {
                            rows.is_with_bank |= row.1.status == PaymentStatus::Pending
                                && PaymentStatus::is_with_bank(&intent.stripe_status);
                            learned.payment(&row);
                            rows.payment = Some(row);
                        }
                        None => return Ok(Wrote::Moved),
                    }
                }
                MirrorObject::Charge(charge) => {
                    if let Some((_, payment)) = &rows.payment
                        && charge.payment_intent.as_ref() == Some(&payment.stripe_payment_intent_id)
                    {
                        rows.attempts
                            .extend(transaction.mirror_attempt(organization, payment.id, charge).await?);
                    }
                }
                MirrorObject::Refund(refund) => {
                    match kept(transaction.mirror_refund(organization, refund, watermark).await?) {
                        Some(row) => rows.refunds.push(row),
                        None => return Ok(Wrote::Moved),
                    }
                }
                MirrorObject::Dispute(dispute) => {
                    match kept(transaction.mirror_dispute(organization, dispute, watermark).await?) {
                        Some(row) => {
                            learned.dispute(&row);
                            rows.dispute = Some(row);
                        }
                        None => return Ok(Wrote::Moved),
                    }
                }
                MirrorObject::CreditNote(note) => {
                    match kept(transaction.mirror_credit_note(organization, note, watermark).await?) {
                        Some(row) => rows.credit_note = Some(row),
                        None => return Ok(Wrote::Moved),
                    }
                }
                MirrorObject::InvoicePayment(_)
                | MirrorObject::CheckoutSession(_)
                | MirrorObject::Schedule { .. }
                | MirrorObject::Product(_)
                | MirrorObject::Price(_) => {}
            }
        }
    }
    super::waiting::settle_waiting(transaction, organization, &rows).await?;
    learned.tell(transaction, organization).await?;
    Ok(Wrote::All(Box::new(rows)))
}

/// The order in which objects are written.
const fn rank_of(object: &MirrorObject) -> u8 {
    match object {
        MirrorObject::PaymentMethod(_) => 0,
        MirrorObject::Customer(_) => 1,
        MirrorObject::Subscription(_) => 2,
        MirrorObject::Invoice(_) | MirrorObject::DeletedInvoice(_) => 3,
        MirrorObject::PaymentIntent(_) => 4,
        MirrorObject::Charge(_)
        | MirrorObject::Refund(_)
        | MirrorObject::Dispute(_)
        | MirrorObject::CreditNote(_) => 5,
        MirrorObject::InvoicePayment(_)
        | MirrorObject::CheckoutSession(_)
        | MirrorObject::Schedule { .. }
        | MirrorObject::Product(_)
        | MirrorObject::Price(_) => 6,
    }
}

/// What stood there and what stands there now; `None` when the row must be seen again.
fn kept<T: Clone>(wrote: Mirrored<T>) -> Option<(Option<T>, T)> {
    match wrote {
        Mirrored::Written { old, new } => Some((old, new)),
        Mirrored::Final(row) => Some((Some(row.clone()), row)),
        Mirrored::Moved => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_write_moves_the_watermark_forward_whatever_the_clocks_say() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        let hour = TimeDelta::hours(1);
        assert_eq!(later(now, None), now);
        assert_eq!(later(now, Some(now - hour)), now);
        for before in [now, now + hour] {
            assert!(later(now, Some(before)) > before);
        }
    }
}
