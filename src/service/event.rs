//! Applying Stripe's events: payloads are hints, Stripe's objects are the truth.

use std::time::Instant;

use metrics::counter;

use super::Service;
use super::companion::{Asked, Companions};
use super::error::ServiceError;
use super::mirror::{ATTEMPTS, Rows, Seen, Wrote, identity, later, note_unknown_words, write_mirrors};
use super::notification::tell;
use super::operation::{ORGANIZATION_METADATA, recorded, replaced_entry};
use super::refetch::{Fetched, ObjectKey, followed};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, StripeCustomerId, StripeRefundId};
use crate::domain::invoice::InvoiceStatus;
use crate::domain::mirror::{ChargeMirror, CustomerMirror, MirrorObject, PaymentMethodMirror};
use crate::domain::notification::Fact;
use crate::domain::stripe_event::NewStripeEvent;
use crate::domain::subscription::{Subscription, SubscriptionStatus};
use crate::payments::{ObjectKind, PaymentsError, Unreadable, mirror_of, named_organization};
use crate::store::{ClaimedEvent, WriteTransaction};

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// Its effect, its audit record and its mark were committed together.
    Applied,
    /// It is none of ours, for the reason given.
    Ignored(&'static str),
}

/// Types whose payload lacks what the mirror needs: the payment that finalising an invoice or an attempt made.
const PAYLOAD_IS_NOT_ENOUGH: [&str; 4] = [
    "invoice.finalized",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.payment_attempt_required",
];

/// What Stripe tells three days before a trial ends.
const TRIAL_WILL_END: &str = "customer.subscription.trial_will_end";

/// What is to be written for an event.
enum Sight {
    /// These objects.
    Seen {
        seen: Vec<Seen>,
        /// The fetches that made them; none when the payload was enough.
        asked: Vec<Asked>,
        /// Which of them is the payload's, and was not asked for.
        payload: Option<ObjectKey>,
    },
    /// Nothing that a fetch shows: one that began after the event was in hand is in the rows of this organization already.
    /// An attempt of a payment is written all the same: a payment shows the last of its attempts alone.
    Covered(OrganizationId, Option<Box<ChargeMirror>>),
}

impl Sight {
    /// Nothing to write.
    const fn nothing() -> Self {
        Self::Seen { seen: Vec::new(), asked: Vec::new(), payload: None }
    }
}

impl Service {
    /// Applies an event that this worker holds, and lets the operations that it tells of be settled.
    pub async fn apply_event(&self, claimed: &ClaimedEvent) -> Result<EventOutcome, ServiceError> {
        let outcome = Box::pin(self.apply(claimed)).await;
        // One that is tried again has told of them already.
        if claimed.event.attempts <= 1 {
            self.hear_of_operations(&claimed.event.event).await;
        }
        outcome
    }

    async fn apply(&self, claimed: &ClaimedEvent) -> Result<EventOutcome, ServiceError> {
        let event = &claimed.event.event;
        let Some(kind) = ObjectKind::of_event_type(&event.event_type) else {
            return self.ignore_event(claimed, "a type that Tollgate does not handle").await;
        };
        if event.livemode != self.stripe.livemode() {
            return self.ignore_event(claimed, "an event of the other mode").await;
        }
        if !event.account.is_empty() {
            return self.ignore_event(claimed, "an event of another account").await;
        }
        let Some(object_id) = event.object_id.clone() else {
            return self.ignore_event(claimed, "an event without an object").await;
        };
        // Before Stripe is asked: events of another application's customers must not use up what ours may ask.
        if let Some(customer) = &event.stripe_customer_id
            && self.store.find_organization_of_customer(&customer.as_str().into()).await?.is_none()
        {
            let is_named = self.will_be_ours(event).await?;
            return Err(ServiceError::NotOurs { is_named, customer: None });
        }
        let (mut seen, mut asked, payload) = match Box::pin(self.see_event(claimed, kind, &object_id)).await {
            Ok(Sight::Seen { seen, asked, payload }) => (seen, asked, payload),
            Ok(Sight::Covered(organization, attempt)) => {
                counter!("tollgate_refetches_coalesced_total").increment(1);
                self.mark_covered(claimed, organization, &object_id, attempt.as_deref()).await?;
                return Ok(EventOutcome::Applied);
            }
            Err(ServiceError::Stripe(PaymentsError::NotFound { .. })) => {
                return self.ignore_event(claimed, "an object that Stripe does not have").await;
            }
            Err(error) => return Err(error),
        };
        let Some(organization) = self.organization_of(&seen).await? else {
            if seen.iter().all(|one| matches!(one.object, MirrorObject::DeletedInvoice(_))) {
                return self.ignore_event(claimed, "nothing that has a row here").await;
            }
            // Everything of ours has a customer.
            let Some(customer) = seen.iter().find_map(|one| customer_of(&one.object)).cloned() else {
                return self.ignore_event(claimed, "an object without a customer").await;
            };
            let is_named = self.will_be_ours(event).await?;
            return Err(ServiceError::NotOurs { is_named, customer: Some(customer) });
        };
        let mut is_settled = false;
        for _ in 0..ATTEMPTS {
            let transaction = self.store.begin_in(organization).await?;
            match write_mirrors(&transaction, organization, &seen).await? {
                Wrote::All(rows) => {
                    if !is_settled
                        && let Some(duplicate) =
                            self.duplicate_subscription(&transaction, organization, &seen).await?
                    {
                        transaction.rollback().await?;
                        asked.clear();
                        // Once: while its outcome is not known, what is seen is written as it is.
                        is_settled = true;
                        Box::pin(self.end_duplicate(organization, &duplicate)).await?;
                        seen = self.see_again(&seen).await?;
                        continue;
                    }
                    // Bought on Stripe's page, it takes the place of a free plan.
                    if has_live_subscription(&seen) {
                        for (old, new) in transaction.end_free_subscriptions(organization).await? {
                            let actor = Actor::stripe(&event.event_id);
                            transaction.record(&actor, replaced_entry(&old, &new)).await?;
                        }
                    }
                    if event.event_type == TRIAL_WILL_END
                        && let Some((_, subscription)) = &rows.subscription
                    {
                        tell_of_trial(&transaction, organization, subscription).await?;
                    }
                    transaction.mark_event_applied(claimed, organization).await?;
                    let entry = event_entry(event, organization, &object_id, &rows);
                    transaction.commit(&Actor::stripe(&event.event_id), entry).await?;
                    self.note_applied(&seen, &asked, payload.as_ref(), organization);
                    return Ok(EventOutcome::Applied);
                }
                Wrote::Moved => transaction.rollback().await?,
            }
            counter!("tollgate_refetches_total", "reason" => "moved").increment(1);
            // What is seen now is these objects alone, and not what may belong to them by now: it covers no other event.
            asked.clear();
            seen = self.see_again(&seen).await?;
        }
        Err(ServiceError::Restless)
    }

    /// Marks an event as none of ours.
    pub async fn ignore_event(
        &self,
        claimed: &ClaimedEvent,
        reason: &'static str,
    ) -> Result<EventOutcome, ServiceError> {
        self.store.ignore_stripe_event(claimed, reason).await?;
        Ok(EventOutcome::Ignored(reason))
    }

    /// Marks an event whose effect is in the rows already, with its record.
    async fn mark_covered(
        &self,
        claimed: &ClaimedEvent,
        organization: OrganizationId,
        object_id: &str,
        attempt: Option<&ChargeMirror>,
    ) -> Result<(), ServiceError> {
        let event = &claimed.event.event;
        let payment = match attempt.and_then(|charge| charge.payment_intent.as_ref()) {
            Some(intent) => self.store.find_payment_at_stripe(intent).await?,
            None => None,
        };
        // What it says is in no row: that a trial ends soon is this event's alone to tell.
        let trial = if event.event_type == TRIAL_WILL_END {
            self.store.find_subscription_at_stripe(&object_id.into()).await?
        } else {
            None
        };
        let transaction = self.store.begin_in(organization).await?;
        if let (Some(charge), Some(payment)) = (attempt, payment) {
            transaction.mirror_attempt(organization, payment.id, charge).await?;
        }
        if let Some(subscription) = &trial {
            tell_of_trial(&transaction, organization, subscription).await?;
        }
        transaction.mark_event_applied(claimed, organization).await?;
        let entry = event_entry(event, organization, object_id, &Rows::default());
        transaction.commit(&Actor::stripe(&event.event_id), entry).await?;
        Ok(())
    }

    /// Remembers what needs no further fetch, and counts words that nobody here knows.
    fn note_applied(
        &self,
        seen: &[Seen],
        asked: &[Asked],
        payload: Option<&ObjectKey>,
        organization: OrganizationId,
    ) {
        // What was asked for together was asked for no earlier than the first of the fetches began.
        if let Some(began) = asked.iter().map(|one| one.began).min() {
            let rows = seen.iter().filter_map(|one| Some((identity(&one.object)?, one.at)));
            let rows = rows.filter(|(object, _)| Some(object) != payload);
            // What was asked for may be no row of its own, but a payment with all that was given back of it. Refunds are never
            // written from a payload: none can pass for newer than they are.
            let of_payloads = rows.clone().filter(|((kind, _), _)| *kind != ObjectKind::Refund);
            if let Some(at) = of_payloads.map(|(_, at)| at).min() {
                for Asked { turn, .. } in asked {
                    self.refetches.committed(turn.object().clone(), Fetched { began, organization, at });
                }
            }
            for (object, at) in rows {
                self.refetches.committed(object, Fetched { began, organization, at });
            }
        }
        note_unknown_words(seen);
    }

    /// Whether the object says itself that it is an organization's of ours that has no customer yet.
    async fn will_be_ours(&self, event: &NewStripeEvent) -> Result<bool, ServiceError> {
        let Some(id) = named_organization(event, ORGANIZATION_METADATA) else { return Ok(false) };
        let organization = self.store.find_organization(id).await?;
        Ok(organization.is_some_and(|organization| organization.stripe_customer_id.is_none()))
    }

    /// What the event is about, and what else it moves: from the payload when that is certainly newer than our row,
    /// else from Stripe. Events of one second cannot be ordered, so an equal time is not newer.
    async fn see_event(
        &self,
        claimed: &ClaimedEvent,
        kind: ObjectKind,
        object_id: &str,
    ) -> Result<Sight, ServiceError> {
        let event = &claimed.event.event;
        let payload = mirror_of(event);
        if let Ok(object) = &payload
            && self.is_a_guests(object).await?
        {
            return Ok(Sight::nothing());
        }
        // What moves more than one object is followed to all that have rows.
        if let Ok(object) = &payload {
            if let Some(target) = followed(object) {
                return self.see_in_turn(claimed, target, "link", Some(object)).await;
            }
            if let Some(seen) = self.follow(object, event.stripe_created_at).await? {
                return Ok(Sight::Seen { seen, asked: Vec::new(), payload: None });
            }
        }
        let target: ObjectKey = match &payload {
            // What links one object to another is followed to the object that has a row.
            Ok(MirrorObject::InvoicePayment(link)) => (ObjectKind::Invoice, link.invoice.0.clone()),
            Ok(MirrorObject::Schedule { subscription: Some(id) }) => (ObjectKind::Subscription, id.0.clone()),
            Ok(MirrorObject::Schedule { subscription: None }) => return Ok(Sight::nothing()),
            _ => (kind, object_id.to_owned()),
        };
        let reason = match payload {
            Ok(object) => match self.newer_payload(claimed, &target, object).await? {
                Ok((mut seen, asked)) => {
                    self.complete(&mut seen, event).await?;
                    return Ok(Sight::Seen {
                        seen,
                        asked: asked.into_iter().collect(),
                        payload: Some(target),
                    });
                }
                Err(reason) => reason,
            },
            Err(Unreadable::OtherVersion) => "version",
            Err(_) => "shape",
        };
        self.see_in_turn(claimed, target, reason, None).await
    }

    /// Asks Stripe for the target, or for what a payload leads to, unless another one's fetch was enough.
    async fn see_in_turn(
        &self,
        claimed: &ClaimedEvent,
        target: ObjectKey,
        reason: &'static str,
        payload: Option<&MirrorObject>,
    ) -> Result<Sight, ServiceError> {
        let event = &claimed.event.event;
        let turn = self.stripe.away(self.refetches.turn(&target)).await;
        let cover = self.refetches.cover(&target, claimed.claimed_at, event.stripe_created_at);
        if let Some(organization) = cover {
            let attempt = match payload {
                Some(MirrorObject::Charge(charge)) => Some(Box::new(charge.clone())),
                _ => None,
            };
            return Ok(Sight::Covered(organization, attempt));
        }
        counter!("tollgate_refetches_total", "reason" => reason).increment(1);
        let began = Instant::now();
        let (mut seen, companions) = match payload {
            Some(object) => (self.follow(object, event.stripe_created_at).await?.unwrap_or_default(), None),
            None => self.fetch_target(&target, claimed).await?,
        };
        self.complete(&mut seen, event).await?;
        let asked = std::iter::once(Asked { began, turn }).chain(companions).collect();
        Ok(Sight::Seen { seen, asked, payload: None })
    }

    /// Whether it belongs to a buyer without a customer: another application's on the same account. Nothing is asked of
    /// Stripe for it.
    async fn is_a_guests(&self, object: &MirrorObject) -> Result<bool, ServiceError> {
        Ok(match object {
            MirrorObject::CheckoutSession(session) => session.customer.is_none(),
            // The customer may have been deleted since: then we have the payment.
            MirrorObject::Charge(charge) if charge.customer.is_none() => match &charge.payment_intent {
                Some(intent) => self.store.find_payment_at_stripe(intent).await?.is_none(),
                None => true,
            },
            _ => false,
        })
    }

    /// The payload's object when it may be written as it is, else why the object must be fetched.
    async fn newer_payload(
        &self,
        claimed: &ClaimedEvent,
        target: &ObjectKey,
        object: MirrorObject,
    ) -> Result<Result<(Vec<Seen>, Option<Asked>), &'static str>, ServiceError> {
        let event = &claimed.event.event;
        if matches!(object, MirrorObject::InvoicePayment(_) | MirrorObject::Schedule { .. }) {
            return Ok(Err("link"));
        }
        if PAYLOAD_IS_NOT_ENOUGH.contains(&event.event_type.as_str()) {
            return Ok(Err("incomplete"));
        }
        // What a payload says of a customer that is gone, or has in its hands, was said before it went.
        if let MirrorObject::Customer(CustomerMirror { id, deleted: false, .. })
        | MirrorObject::PaymentMethod(PaymentMethodMirror { customer: Some(id), .. }) = &object
            && self.store.is_deleted_customer(id).await?
        {
            return Ok(Err("deleted"));
        }
        let before = self.watermark(target.0, &target.1).await?;
        match (&object, before) {
            (MirrorObject::Invoice(invoice), _) if !invoice.lines_complete => return Ok(Err("incomplete")),
            // Events carry the ids of discounts and schedules alone.
            (MirrorObject::Subscription(subscription), _) if !subscription.is_whole() => {
                return Ok(Err("incomplete"));
            }
            // Without a row nobody knows whether it is gone by now: a draft can be deleted, a method detached.
            (MirrorObject::Invoice(invoice), None) if invoice.status == InvoiceStatus::Draft => {
                return Ok(Err("unknown"));
            }
            (MirrorObject::PaymentMethod(_), None) => return Ok(Err("unknown")),
            (_, Some(before)) if event.stripe_created_at <= before => return Ok(Err("older")),
            _ => {}
        }
        let at = later(event.stripe_created_at, before);
        let Companions { mut seen, asked } = self.companions(&object, claimed).await?;
        seen.push(Seen { object, before, at, invoice: None });
        Ok(Ok((seen, asked)))
    }

    /// The organization whose customer the objects belong to.
    pub(super) async fn organization_of(
        &self,
        seen: &[Seen],
    ) -> Result<Option<OrganizationId>, ServiceError> {
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
            // A dispute names none at all; the payment's row does.
            if let MirrorObject::Dispute(dispute) = &one.object
                && let Some(intent) = &dispute.payment_intent
                && let Some(row) = self.store.find_payment_at_stripe(intent).await?
            {
                return Ok(Some(row.organization_id));
            }
            // Neither does a payment whose customer was deleted.
            if let MirrorObject::PaymentIntent(intent) = &one.object
                && let Some(row) = self.store.find_payment_at_stripe(&intent.id).await?
            {
                return Ok(Some(row.organization_id));
            }
            if let MirrorObject::DeletedInvoice(id) = &one.object
                && let Some(row) = self.store.find_invoice_at_stripe(id).await?
            {
                return Ok(Some(row.organization_id));
            }
        }
        Ok(None)
    }
}

/// Writes down that a trial ends soon, as long as it has not ended.
async fn tell_of_trial(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    subscription: &Subscription,
) -> Result<(), ServiceError> {
    let is_trial = subscription.status == SubscriptionStatus::Trialing;
    match subscription.trial_end.filter(|end| is_trial && *end > transaction.now()) {
        Some(trial_end) => {
            let fact = Fact::TrialEnding { subscription_id: subscription.id, trial_end };
            tell(transaction, organization, &fact).await
        }
        None => Ok(()),
    }
}

/// Whether a subscription that is paid for, or will be, is among what was seen.
pub(super) fn has_live_subscription(seen: &[Seen]) -> bool {
    seen.iter().any(|one| matches!(&one.object, MirrorObject::Subscription(it) if it.status.is_live()))
}

fn customer_of(object: &MirrorObject) -> Option<&StripeCustomerId> {
    match object {
        MirrorObject::Customer(it) => Some(&it.id),
        MirrorObject::PaymentMethod(it) => it.customer.as_ref(),
        MirrorObject::Subscription(it) => Some(&it.customer),
        MirrorObject::Invoice(it) => Some(&it.customer),
        MirrorObject::PaymentIntent(it) => it.customer.as_ref(),
        MirrorObject::Charge(it) => it.customer.as_ref(),
        MirrorObject::CreditNote(it) => Some(&it.customer),
        MirrorObject::CheckoutSession(it) => it.customer.as_ref(),
        MirrorObject::DeletedInvoice(_)
        | MirrorObject::InvoicePayment(_)
        | MirrorObject::Schedule { .. }
        | MirrorObject::Refund(_)
        | MirrorObject::Dispute(_)
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
    if let Some((old, new)) = &rows.dispute {
        let old = old.as_ref().map(crate::domain::dispute::Dispute::audit_values);
        return recorded(entry("dispute", new.id.to_string()), old, new.audit_values());
    }
    if let Some((old, new)) = &rows.credit_note {
        let old = old.as_ref().map(crate::domain::credit_note::CreditNote::audit_values);
        return recorded(entry("credit_note", new.id.to_string()), old, new.audit_values());
    }
    let of_event = |id: &StripeRefundId| id.as_str() == object_id;
    if let Some((old, new)) =
        rows.refunds.iter().find(|(_, refund)| refund.stripe_refund_id.as_ref().is_some_and(of_event))
    {
        let old = old.as_ref().map(crate::domain::refund::Refund::audit_values);
        return recorded(entry("refund", new.id.to_string()), old, new.audit_values());
    }
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
