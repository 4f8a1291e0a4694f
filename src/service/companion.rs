//! What the object of an event leads to, and what moves with it: fetched, unless another event's fetch was enough.

use std::time::Instant;

use chrono::{DateTime, Utc};
use metrics::counter;

use super::Service;
use super::error::ServiceError;
use super::mirror::Seen;
use super::refetch::{ObjectKey, Turn};
use crate::domain::ids::StripeCustomerId;
use crate::domain::mirror::{InvoicePaymentMirror, MirrorObject};
use crate::domain::stripe_event::NewStripeEvent;
use crate::payments::ObjectKind;
use crate::store::ClaimedEvent;

/// When Stripe was asked, and the right to ask, which is kept until what it showed is written.
pub(super) struct Asked {
    pub began: Instant,
    pub turn: Turn,
}

/// What must be there before an object can be written, or moves with it.
#[derive(Default)]
pub(super) struct Companions {
    /// Those that were fetched. One whose row is as new as a fetch would be is none of them.
    pub seen: Vec<Seen>,
    pub asked: Option<Asked>,
}

impl Service {
    /// The object as it is at Stripe, with what belongs to it. What only points elsewhere is followed.
    pub(super) async fn fetch_target(
        &self,
        (kind, id): &ObjectKey,
        claimed: &ClaimedEvent,
    ) -> Result<(Vec<Seen>, Option<Asked>), ServiceError> {
        let created = claimed.event.event.stripe_created_at;
        let since = Some(created);
        let one = self.see_since(*kind, id, since).await?;
        let seen = match &one.object {
            MirrorObject::InvoicePayment(InvoicePaymentMirror { invoice, .. }) => {
                let invoice = self.see_since(ObjectKind::Invoice, invoice.as_str(), since).await?;
                self.with_payments(invoice).await?
            }
            MirrorObject::Schedule { subscription } => match subscription {
                Some(id) => vec![self.see_since(ObjectKind::Subscription, id.as_str(), since).await?],
                None => Vec::new(),
            },
            MirrorObject::Invoice(_) => self.with_payments(one).await?,
            object => match self.follow(object, created).await? {
                Some(seen) => seen,
                None => {
                    let Companions { mut seen, asked } = self.companions(object, claimed).await?;
                    seen.push(one);
                    return Ok((seen, asked));
                }
            },
        };
        Ok((seen, None))
    }

    async fn with_payments(&self, invoice: Seen) -> Result<Vec<Seen>, ServiceError> {
        let mut seen = match &invoice.object {
            MirrorObject::Invoice(shown) => {
                let intents = shown.payment_intents.clone().unwrap_or_default();
                self.see_payments_of(&shown.id, &intents).await?
            }
            _ => Vec::new(),
        };
        seen.push(invoice);
        Ok(seen)
    }

    /// Adds what the objects point to and has no row yet, so that no row is left with a loose end.
    pub(super) async fn complete(
        &self,
        seen: &mut Vec<Seen>,
        event: &NewStripeEvent,
    ) -> Result<(), ServiceError> {
        let mut missing: Vec<ObjectKey> = Vec::new();
        for one in seen.iter() {
            match &one.object {
                MirrorObject::Invoice(invoice) => {
                    if let Some(id) = &invoice.subscription
                        && self.store.find_subscription_at_stripe(id).await?.is_none()
                    {
                        missing.push((ObjectKind::Subscription, id.0.clone()));
                    }
                }
                MirrorObject::Customer(customer) => {
                    if let Some(id) = &customer.default_payment_method
                        && self.store.find_payment_method_at_stripe(id).await?.is_none()
                    {
                        missing.push((ObjectKind::PaymentMethod, id.0.clone()));
                    }
                }
                _ => {}
            }
        }
        for (kind, id) in missing {
            counter!("tollgate_refetches_total", "reason" => "missing").increment(1);
            seen.push(self.see_since(kind, &id, Some(event.stripe_created_at)).await?);
        }
        Ok(())
    }

    /// The live subscriptions that we know of a customer, fetched.
    async fn see_subscriptions_of(&self, customer: &StripeCustomerId) -> Result<Vec<Seen>, ServiceError> {
        let Some(organization) = self.store.find_organization_of_customer(customer).await? else {
            return Ok(Vec::new());
        };
        let mut seen = Vec::new();
        let current = self.store.current_subscriptions(&[organization.id]).await?.remove(&organization.id);
        let current = current.map(|view| view.subscription).filter(|row| row.status.is_live());
        if let Some(id) = current.and_then(|row| row.stripe_subscription_id) {
            seen.push(self.see(ObjectKind::Subscription, id.as_str()).await?);
        }
        Ok(seen)
    }

    /// What an object leads to that has no row of its own, or moves more than its own; `None` for all others.
    pub(super) async fn follow(
        &self,
        object: &MirrorObject,
        since: DateTime<Utc>,
    ) -> Result<Option<Vec<Seen>>, ServiceError> {
        let since = Some(since);
        Ok(Some(match object {
            // Charges and refunds of before there were payment intents are none of ours.
            MirrorObject::Charge(charge) => match &charge.payment_intent {
                Some(intent) => {
                    let mut seen =
                        vec![self.see_since(ObjectKind::PaymentIntent, intent.as_str(), since).await?];
                    seen.push(self.seen_new(MirrorObject::Charge(charge.clone())));
                    if charge.amount_refunded_minor > 0 {
                        seen.extend(self.see_refunds_of(intent).await?);
                    }
                    seen
                }
                None => Vec::new(),
            },
            MirrorObject::Refund(refund) => match &refund.payment_intent {
                Some(intent) => {
                    let mut seen =
                        vec![self.see_since(ObjectKind::PaymentIntent, intent.as_str(), since).await?];
                    // Refunds name no customer: whether it is ours shows with the payment.
                    if self.organization_of(&seen).await?.is_some() {
                        seen.extend(self.see_refunds_of(intent).await?);
                    }
                    seen
                }
                None => Vec::new(),
            },
            MirrorObject::CheckoutSession(session) => {
                let mut seen = Vec::new();
                if let Some(subscription) = &session.subscription {
                    seen.push(self.see_since(ObjectKind::Subscription, subscription.as_str(), since).await?);
                }
                if let Some(intent) = &session.payment_intent {
                    seen.push(self.see_since(ObjectKind::PaymentIntent, intent.as_str(), since).await?);
                }
                // One that expired, or is not completed yet, has made nothing.
                if seen.is_empty() {
                    seen.push(self.seen_new(object.clone()));
                }
                seen
            }
            _ => return Ok(None),
        }))
    }

    /// What must be there before the object can be written, or moves with it. Events of many disputes and credit notes share the
    /// fetch of the payment, or the invoice, that they are of. Whoever waits here for it may hold the turn of a dispute or a
    /// credit note, and nobody who holds this one waits for those.
    pub(super) async fn companions(
        &self,
        object: &MirrorObject,
        claimed: &ClaimedEvent,
    ) -> Result<Companions, ServiceError> {
        let created = claimed.event.event.stripe_created_at;
        let target: ObjectKey = match object {
            // Stripe ends the subscriptions of a customer that is deleted.
            MirrorObject::Customer(customer) if customer.deleted => {
                let seen = self.see_subscriptions_of(&customer.id).await?;
                return Ok(Companions { seen, asked: None });
            }
            MirrorObject::Dispute(dispute) => match &dispute.payment_intent {
                Some(intent) => (ObjectKind::PaymentIntent, intent.0.clone()),
                None => return Ok(Companions::default()),
            },
            MirrorObject::CreditNote(note) => (ObjectKind::Invoice, note.invoice.0.clone()),
            _ => return Ok(Companions::default()),
        };
        let turn = self.stripe.away(self.refetches.turn(&target)).await;
        if self.refetches.cover(&target, claimed.claimed_at, created).is_some() {
            counter!("tollgate_refetches_coalesced_total").increment(1);
            return Ok(Companions::default());
        }
        let began = Instant::now();
        let one = self.see_since(target.0, &target.1, Some(created)).await?;
        let seen = match target.0 {
            ObjectKind::Invoice => self.with_payments(one).await?,
            _ => vec![one],
        };
        Ok(Companions { seen, asked: Some(Asked { began, turn }) })
    }
}
