//! Operations that are older than their idempotency keys: what they were to do is compared with what Stripe has. Nothing is
//! asked of Stripe but to show, so nothing can be done twice.

use super::Service;
use super::answer::{Answer, Resource};
use super::command::Command;
use super::error::{ErrorCode, Refusal, ServiceError};
use super::mirror::Seen;
use super::operation::{OPERATION_METADATA, Running, Settlement, recorded, written};
use crate::domain::audit::AuditEntry;
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, StripeSubscriptionId};
use crate::domain::invoice::InvoiceStatus;
use crate::domain::mirror::{MirrorObject, SubscriptionMirror};
use crate::domain::payment::PaymentStatus;
use crate::domain::subscription::{CancellationTime, SubscriptionStatus};
use crate::payments::{ObjectKind, PaymentsError};
use crate::store::OperationRecord;

/// What Stripe shows of an operation.
enum Trace {
    /// It was done.
    Done(OrganizationId, Vec<Seen>),
    /// Its object is there, and it was not done to it.
    NotDone(OrganizationId, Vec<Seen>),
    /// There is nothing of it.
    Nothing,
}

impl Service {
    /// Settles an operation by what Stripe has of it.
    pub(super) async fn compare_with_stripe(&self, record: &OperationRecord) -> Result<Answer, ServiceError> {
        let command: Command = serde_json::from_value(record.parameters.clone())?;
        let running = Running::new(record);
        let refusal = Refusal::at(
            "",
            ErrorCode::StripeUnavailable,
            "Stripe did not answer for a day, and has no sign that this was done. Look at the result, and ask again if it is \
             still wanted.",
        );
        let (organization, seen, state) = match self.trace(record, &command).await? {
            Trace::Done(organization, seen) => (organization, seen, OperationState::Confirmed),
            Trace::NotDone(organization, seen) => (organization, seen, OperationState::Failed),
            Trace::Nothing => return self.fail(record, vec![refusal]).await,
        };
        let free = match &command {
            Command::SubscriptionCreate(create) if state == OperationState::Confirmed => {
                match create.replaces_free {
                    Some(id) => self.store.find_subscription(organization, id).await?,
                    None => None,
                }
            }
            _ => None,
        };
        let kind = record.operation.kind.clone();
        self.settle(&running, organization, seen, free.as_ref(), |rows| {
            let entry = |resource: &'static str, id: String| {
                AuditEntry::new(Some(organization), kind.clone(), resource, id)
            };
            let (resource, audit) = if rows.subscription.is_some() {
                let (old, new) = written(rows.subscription.as_ref());
                let entry = entry("subscription", new.id.to_string());
                let old = old.map(|old| old.audit_values());
                (Resource::Subscription(new.id), recorded(entry, old, new.audit_values()))
            } else if rows.invoice.is_some() {
                let (old, new) = written(rows.invoice.as_ref());
                let entry = entry("invoice", new.id.to_string());
                let old = old.map(|old| old.audit_values());
                (Resource::Invoice(new.id), recorded(entry, old, new.audit_values()))
            } else if rows.payment.is_some() {
                let (old, new) = written(rows.payment.as_ref());
                let entry = entry("payment", new.id.to_string());
                let old = old.map(|old| old.audit_values());
                (Resource::Payment(new.id), recorded(entry, old, new.audit_values()))
            } else {
                let (old, new) = written(rows.payment_method.as_ref());
                let entry = entry("payment_method", new.id.to_string());
                let old = old.map(|old| old.audit_values());
                (Resource::PaymentMethod(new.id), recorded(entry, old, new.audit_values()))
            };
            let was_done = state == OperationState::Confirmed;
            Settlement {
                state,
                resource: Some(resource),
                client_secret: None,
                refusals: if was_done { Vec::new() } else { vec![refusal.clone()] },
                audit: if was_done { audit } else { audit.failed() },
            }
        })
        .await
    }

    async fn trace(&self, record: &OperationRecord, command: &Command) -> Result<Trace, ServiceError> {
        let done = |is_done: bool, organization, seen| {
            if is_done { Trace::Done(organization, seen) } else { Trace::NotDone(organization, seen) }
        };
        Ok(match command {
            Command::SubscriptionCreate(create) => {
                let organization = create.organization_id;
                let row = self.store.find_organization(organization).await?;
                let Some(customer) = row.and_then(|row| row.stripe_customer_id) else {
                    return Ok(Trace::Nothing);
                };
                let id = record.operation.id.to_string();
                match self.stripe.find_subscription_by_metadata(&customer, OPERATION_METADATA, &id).await? {
                    None => Trace::Nothing,
                    Some(found) => {
                        let seen = self.see(ObjectKind::Subscription, found.id.as_str()).await?;
                        // The first payment could be made for 23 hours: what is not paid by now will not be.
                        let is_paid =
                            !found.status.is_final() && found.status != SubscriptionStatus::Incomplete;
                        done(is_paid, organization, vec![seen])
                    }
                }
            }
            Command::SubscriptionCancel(it) => {
                let is_done = |now: &SubscriptionMirror| match it.when {
                    CancellationTime::Now => now.status.is_final(),
                    CancellationTime::PeriodEnd => now.status.is_final() || now.cancel_at_period_end,
                };
                self.trace_subscription(it.organization_id, &it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionResume(it) => {
                let is_done = |now: &SubscriptionMirror| {
                    let goes_on = !now.cancel_at_period_end && now.cancel_at.is_none();
                    goes_on && !now.status.is_final() && now.status != SubscriptionStatus::Paused
                };
                self.trace_subscription(it.organization_id, &it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionChange(it) => {
                let is_done = |now: &SubscriptionMirror| {
                    if it.now {
                        now.price.as_ref() == Some(&it.price) && now.quantity == it.quantity
                    } else {
                        now.scheduled_change().is_some_and(|change| {
                            change.stripe_price_id == it.price && change.quantity == it.quantity
                        })
                    }
                };
                self.trace_subscription(it.organization_id, &it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionScheduledChangeRevoke(it) => {
                let is_done = |now: &SubscriptionMirror| {
                    now.schedule.as_ref().is_none_or(|schedule| schedule.id != it.schedule)
                };
                self.trace_subscription(it.organization_id, &it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionCollectionPause(it) => {
                let is_done = |now: &SubscriptionMirror| now.collection_paused;
                self.trace_subscription(it.organization_id, &it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionCollectionResume(it) => {
                let is_done = |now: &SubscriptionMirror| !now.collection_paused;
                self.trace_subscription(it.organization_id, &it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionTrial(it) => {
                let is_done = |now: &SubscriptionMirror| match it.until {
                    None => now.status != SubscriptionStatus::Trialing,
                    Some(until) => now.trial_end.is_some_and(|end| end.timestamp() == until.timestamp()),
                };
                self.trace_subscription(it.organization_id, &it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionDiscount(it) => {
                let is_done = |now: &SubscriptionMirror| {
                    let codes = now.discounts.iter().flatten().map(|one| one.promotion_code.as_ref());
                    match &it.promotion_code {
                        None => codes.count() == 0,
                        Some(code) => codes.flatten().any(|held| held == code),
                    }
                };
                self.trace_subscription(it.organization_id, &it.stripe_subscription_id, is_done).await?
            }
            Command::InvoicePay(it) => {
                let seen = self.see(ObjectKind::Invoice, it.stripe_invoice_id.as_str()).await?;
                let is_paid =
                    matches!(&seen.object, MirrorObject::Invoice(now) if now.status == InvoiceStatus::Paid);
                done(is_paid, it.organization_id, vec![seen])
            }
            Command::PaymentIntentCreate(it) => {
                let row = self.store.find_organization(it.organization_id).await?;
                let Some(customer) = row.and_then(|row| row.stripe_customer_id) else {
                    return Ok(Trace::Nothing);
                };
                let id = record.operation.id.to_string();
                match self.stripe.find_payment_intent_by_metadata(&customer, OPERATION_METADATA, &id).await? {
                    None => Trace::Nothing,
                    Some(found) => {
                        let seen = self.see(ObjectKind::PaymentIntent, found.as_str()).await?;
                        let is_done = matches!(&seen.object, MirrorObject::PaymentIntent(now)
                            if !it.confirm || now.status == PaymentStatus::Succeeded);
                        done(is_done, it.organization_id, vec![seen])
                    }
                }
            }
            Command::PaymentIntentConfirm(it) => {
                let seen = self.see(ObjectKind::PaymentIntent, it.stripe_payment_intent_id.as_str()).await?;
                let is_done = matches!(&seen.object, MirrorObject::PaymentIntent(now)
                    if now.status == PaymentStatus::Succeeded);
                done(is_done, it.organization_id, vec![seen])
            }
            Command::PaymentMethodAttach(it) => {
                let row = self.store.find_organization(it.organization_id).await?;
                let customer = row.and_then(|row| row.stripe_customer_id);
                let seen = self.see(ObjectKind::PaymentMethod, it.payment_method.as_str()).await?;
                match &seen.object {
                    MirrorObject::PaymentMethod(now)
                        if now.customer.is_some() && now.customer == customer =>
                    {
                        Trace::Done(it.organization_id, vec![seen])
                    }
                    _ => Trace::Nothing,
                }
            }
            // What these would have made is no money and nobody's subscription: it is asked for again.
            _ => Trace::Nothing,
        })
    }

    async fn trace_subscription(
        &self,
        organization: OrganizationId,
        id: &StripeSubscriptionId,
        is_done: impl Fn(&SubscriptionMirror) -> bool,
    ) -> Result<Trace, ServiceError> {
        let seen = match self.see(ObjectKind::Subscription, id.as_str()).await {
            Err(ServiceError::Stripe(PaymentsError::NotFound { .. })) => return Ok(Trace::Nothing),
            seen => seen?,
        };
        let MirrorObject::Subscription(now) = &seen.object else { return Ok(Trace::Nothing) };
        let was_done = is_done(now);
        let seen = vec![seen];
        Ok(if was_done { Trace::Done(organization, seen) } else { Trace::NotDone(organization, seen) })
    }
}
