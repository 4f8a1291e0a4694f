//! Applying Stripe's events: payloads are hints, Stripe's objects are the truth.

use super::Service;
use super::error::ServiceError;
use super::mirror::{ATTEMPTS, Rows, Seen, Wrote, later, write_mirrors};
use super::operation::recorded;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, StripeCustomerId};
use crate::domain::mirror::MirrorObject;
use crate::domain::stripe_event::NewStripeEvent;
use crate::payments::{ObjectKind, mirror_of};
use crate::store::ClaimedEvent;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// Its effect, its audit record and its mark were committed together.
    Applied,
    /// It is none of ours, for the reason given.
    Ignored(&'static str),
}

/// Types whose payload lacks what the mirror needs: the payment that an invoice's attempt made.
const PAYLOAD_IS_NOT_ENOUGH: [&str; 3] =
    ["invoice.payment_failed", "invoice.payment_action_required", "invoice.payment_attempt_required"];

impl Service {
    /// Applies an event that this worker holds.
    pub async fn apply_event(&self, claimed: &ClaimedEvent) -> Result<EventOutcome, ServiceError> {
        let event = &claimed.event.event;
        let Some(kind) = ObjectKind::of_event_type(&event.event_type) else {
            return self.ignore(claimed, "a type that Tollgate does not handle").await;
        };
        if event.livemode != self.stripe.livemode() {
            return self.ignore(claimed, "an event of the other mode").await;
        }
        let Some(object_id) = event.object_id.clone() else {
            return self.ignore(claimed, "an event without an object").await;
        };
        let mut seen = self.see_event(event, kind, &object_id).await?;
        let Some(organization) = self.organization_of(&seen).await? else {
            return self.ignore(claimed, "a customer that is none of ours").await;
        };
        for _ in 0..ATTEMPTS {
            let transaction = self.store.begin_in(organization).await?;
            match write_mirrors(&transaction, organization, &seen).await? {
                Wrote::All(rows) => {
                    transaction.mark_event_applied(claimed, organization).await?;
                    let entry = event_entry(event, organization, &object_id, &rows);
                    transaction.commit(&Actor::stripe(&event.event_id), entry).await?;
                    return Ok(EventOutcome::Applied);
                }
                Wrote::Moved => transaction.rollback().await?,
            }
            seen = self.see_again(&seen).await?;
        }
        Err(ServiceError::Restless)
    }

    async fn ignore(
        &self,
        claimed: &ClaimedEvent,
        reason: &'static str,
    ) -> Result<EventOutcome, ServiceError> {
        self.store.ignore_stripe_event(claimed, reason).await?;
        Ok(EventOutcome::Ignored(reason))
    }

    /// What the event is about, and what else it moves: from the payload when that is certainly newer than our row,
    /// else from Stripe. Events of one second cannot be ordered, so an equal time is not newer.
    async fn see_event(
        &self,
        event: &NewStripeEvent,
        kind: ObjectKind,
        object_id: &str,
    ) -> Result<Vec<Seen>, ServiceError> {
        let payload = mirror_of(event).ok();
        // What links one object to another is followed to the object that has a row.
        match &payload {
            Some(MirrorObject::InvoicePayment(link)) => {
                let mut seen = vec![self.see(ObjectKind::Invoice, link.invoice.as_str()).await?];
                if let Some(intent) = &link.payment_intent {
                    seen.extend(self.see_payments_of(&link.invoice, std::slice::from_ref(intent)).await?);
                }
                return Ok(seen);
            }
            Some(MirrorObject::Charge { payment_intent }) => {
                return Ok(match payment_intent {
                    Some(id) => vec![self.see(ObjectKind::PaymentIntent, id.as_str()).await?],
                    None => Vec::new(),
                });
            }
            _ => {}
        }
        let before = self.watermark(kind, object_id).await?;
        let is_newer = before.is_none_or(|before| event.stripe_created_at > before);
        if let Some(object) = payload
            && is_newer
            && is_whole(&object)
            && !PAYLOAD_IS_NOT_ENOUGH.contains(&event.event_type.as_str())
        {
            return Ok(vec![Seen {
                object,
                before,
                at: later(event.stripe_created_at, before),
                invoice: None,
            }]);
        }
        let one = self.see(kind, object_id).await?;
        // An object that only points elsewhere is followed, as above.
        let mut seen = match &one.object {
            MirrorObject::InvoicePayment(link) => {
                let mut seen = vec![self.see(ObjectKind::Invoice, link.invoice.as_str()).await?];
                if let Some(intent) = &link.payment_intent {
                    seen.extend(self.see_payments_of(&link.invoice, std::slice::from_ref(intent)).await?);
                }
                return Ok(seen);
            }
            MirrorObject::Charge { payment_intent } => {
                return Ok(match payment_intent {
                    Some(id) => vec![self.see(ObjectKind::PaymentIntent, id.as_str()).await?],
                    None => Vec::new(),
                });
            }
            MirrorObject::Invoice(invoice) => {
                let intents = invoice.payment_intents.clone().unwrap_or_default();
                self.see_payments_of(&invoice.id, &intents).await?
            }
            _ => Vec::new(),
        };
        seen.push(one);
        Ok(seen)
    }

    /// The organization whose customer the objects belong to.
    async fn organization_of(&self, seen: &[Seen]) -> Result<Option<OrganizationId>, ServiceError> {
        for one in seen {
            if let Some(customer) = customer_of(&one.object)
                && let Some(organization) = self.store.find_organization_of_customer(customer).await?
            {
                return Ok(Some(organization.id));
            }
            // A detached payment method names no customer any more; our row knows whose it was.
            if let MirrorObject::PaymentMethod(method) = &one.object
                && let Some(row) = self.store.find_payment_method_at_stripe(&method.id).await?
            {
                return Ok(Some(row.organization_id));
            }
        }
        Ok(None)
    }
}

/// Whether nothing was cut from the object: Stripe embeds at most ten of a list.
const fn is_whole(object: &MirrorObject) -> bool {
    match object {
        MirrorObject::Invoice(invoice) => invoice.lines_complete,
        _ => true,
    }
}

fn customer_of(object: &MirrorObject) -> Option<&StripeCustomerId> {
    match object {
        MirrorObject::Customer(it) => Some(&it.id),
        MirrorObject::PaymentMethod(it) => it.customer.as_ref(),
        MirrorObject::Subscription(it) => Some(&it.customer),
        MirrorObject::Invoice(it) => Some(&it.customer),
        MirrorObject::PaymentIntent(it) => it.customer.as_ref(),
        MirrorObject::InvoicePayment(_)
        | MirrorObject::Charge { .. }
        | MirrorObject::Product(_)
        | MirrorObject::Price(_) => None,
    }
}

/// The record of an applied event: what it is about, and what it changed there.
fn event_entry(
    event: &NewStripeEvent,
    organization: OrganizationId,
    object_id: &str,
    rows: &Rows,
) -> AuditEntry {
    let action = format!("stripe.{}", event.event_type);
    let entry = |resource_type: &'static str, id: String| {
        AuditEntry::new(Some(organization), action.clone(), resource_type, id)
    };
    if let Some((old, new)) = &rows.subscription {
        let old = old.as_ref().map(crate::domain::subscription::Subscription::audit_values);
        return recorded(entry("subscription", new.id.to_string()), old, new.audit_values());
    }
    if let Some((old, new)) = &rows.invoice {
        let old = old.as_ref().map(crate::domain::invoice::Invoice::audit_values);
        return recorded(entry("invoice", new.id.to_string()), old, new.audit_values());
    }
    if let Some((old, new)) = &rows.payment {
        let old = old.as_ref().map(crate::domain::payment::Payment::audit_values);
        return recorded(entry("payment", new.id.to_string()), old, new.audit_values());
    }
    if let Some((old, new)) = &rows.payment_method {
        let old = old.as_ref().map(crate::domain::payment_method::PaymentMethod::audit_values);
        return recorded(entry("payment_method", new.id.to_string()), old, new.audit_values());
    }
    entry("stripe_object", object_id.to_owned())
}
