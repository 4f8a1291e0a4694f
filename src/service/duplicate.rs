//! A second live subscription of an organization: two tabs of a checkout, or one made past the gateway. The oldest stays;
//! the other is canceled, and what was paid for it is given back.

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, SubscriptionCancelDuplicate};
use super::error::{Refusal, ServiceError};
use super::event::has_live_subscription;
use super::mirror::{Seen, later};
use super::operation::{
    OPERATION_METADATA, ORGANIZATION_METADATA, OperationRequest, Running, Settlement, recorded, written,
};
use super::refused_step::refused_step;
use super::trace::Trace;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, StripePaymentIntentId, StripeSubscriptionId};
use crate::domain::mirror::{MirrorObject, PaymentIntentMirror, SubscriptionMirror};
use crate::domain::payment::PaymentStatus;
use crate::domain::refund::RefundReason;
use crate::payments::{CancellationReason, NewRefund, ObjectKind, PaymentsError};
use crate::store::WriteTransaction;

/// What Stripe is told of it.
const DUPLICATE: &str = "A second live subscription of the organization: canceled by policy.";

/// What of a payment can be given back.
fn left_of(intent: &PaymentIntentMirror) -> i64 {
    if intent.status != PaymentStatus::Succeeded {
        return 0;
    }
    intent.amount_received_minor.saturating_sub(intent.amount_refunded_minor.unwrap_or(0)).max(0)
}

/// Whether the bank has not decided about a payment yet.
fn is_under_way(intent: &PaymentIntentMirror) -> bool {
    matches!(intent.stripe_status.as_str(), "processing" | "requires_capture")
}

impl Service {
    /// The subscription that is one too many, when what was just written left an organization with two live ones.
    pub(super) async fn duplicate_subscription(
        &self,
        transaction: &WriteTransaction,
        organization: OrganizationId,
        seen: &[Seen],
    ) -> Result<Option<StripeSubscriptionId>, ServiceError> {
        if !has_live_subscription(seen) {
            return Ok(None);
        }
        let live = transaction.live_paid_subscriptions(organization).await?;
        let newest = if live.len() > 1 { live.into_iter().next_back() } else { None };
        Ok(newest.and_then(|row| row.stripe_subscription_id))
    }

    /// Ends a subscription that is one too many, by an operation of its own: whatever dies on the way, it is finished.
    pub(super) async fn end_duplicate(
        &self,
        organization: OrganizationId,
        duplicate: &StripeSubscriptionId,
    ) -> Result<(), ServiceError> {
        tracing::warn!(%organization, subscription = %duplicate, "a second live subscription is canceled by policy");
        let request = OperationRequest {
            organization_id: Some(organization),
            actor: Actor::system(),
            // It touches nothing that the organization's other operations do.
            scope: format!("duplicate:{duplicate}"),
            idempotency: None,
            command: Command::SubscriptionCancelDuplicate(SubscriptionCancelDuplicate {
                organization_id: organization,
                stripe_subscription_id: duplicate.clone(),
            }),
        };
        match self.operate(request).await {
            // Under way already, or its outcome is not known yet: it settles by itself.
            Ok(_) | Err(ServiceError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn perform_cancel_duplicate(
        &self,
        running: &Running<'_>,
        command: SubscriptionCancelDuplicate,
    ) -> Result<Answer, ServiceError> {
        let organization = command.organization_id;
        let id = &command.stripe_subscription_id;
        let before = self.watermark(ObjectKind::Subscription, id.as_str()).await?;
        // Stripe decides, not the rows: the other one may have ended, and its event be on its way.
        let now = self.stripe.retrieve_subscription(id).await?;
        let canceled = if now.status.is_final() {
            now
        } else {
            self.check_not_the_only_one(&now).await?;
            let reason = CancellationReason { feedback: None, comment: Some(DUPLICATE.to_owned()) };
            match self.stripe.cancel_subscription_now(id, &reason, false, &running.key("cancel")).await {
                Ok(canceled) => canceled,
                // Somebody was faster.
                Err(error @ PaymentsError::InvalidRequest { .. }) => {
                    let now = self.stripe.retrieve_subscription(id).await?;
                    if now.status.is_final() { now } else { return Err(error.into()) }
                }
                Err(error) => return Err(error.into()),
            }
        };
        let refusals = self.give_back_paid_for(running, organization, &canceled).await?;
        if !refusals.is_empty() {
            tracing::error!(%organization, subscription = %id, ?refusals, "what was paid for a duplicate subscription could not be given back");
        }
        let mut seen = self.see_paid_for(&canceled).await?;
        let processing = seen.iter().find_map(|one| match &one.object {
            MirrorObject::PaymentIntent(intent) if is_under_way(intent) => Some(intent.id.clone()),
            _ => None,
        });
        let at = later(self.clock.now(), before);
        seen.push(Seen { object: MirrorObject::Subscription(canceled), before, at, invoice: None });
        self.settle(running, organization, seen, None, |rows| {
            let (old, new) = written(rows.subscription.as_ref());
            let mut values = new.audit_values();
            let refunds: Vec<_> = rows.refunds.iter().map(|(_, refund)| refund.audit_values()).collect();
            values["refunds"] = refunds.into();
            let entry =
                AuditEntry::new(Some(organization), "subscription.cancel_duplicate", "subscription", new.id);
            let audit = recorded(entry, old.map(|old| old.audit_values()), values);
            // What the bank has not decided cannot be given back yet: the operation waits for that payment.
            let waits_for = rows.payment.as_ref().map(|(_, payment)| payment).filter(|payment| {
                processing.as_ref() == Some(&payment.stripe_payment_intent_id) && !payment.status.is_final()
            });
            let is_done = refusals.is_empty();
            let (state, resource) = match waits_for {
                Some(payment) => (OperationState::RequiresAction, Resource::Payment(payment.id)),
                None if is_done => (OperationState::Confirmed, Resource::Subscription(new.id)),
                None => (OperationState::Failed, Resource::Subscription(new.id)),
            };
            Settlement {
                state,
                resource: Some(resource),
                client_secret: None,
                refusals: refusals.clone(),
                audit: if is_done { audit } else { audit.failed() },
            }
        })
        .await
    }

    /// Refuses to end a subscription that is the only live one by now, or the one that was there first.
    async fn check_not_the_only_one(&self, duplicate: &SubscriptionMirror) -> Result<(), ServiceError> {
        let all = self.stripe.list_objects_of(ObjectKind::Subscription, &duplicate.customer).await?;
        let is_second = all.iter().any(|one| {
            matches!(one, MirrorObject::Subscription(other) if other.id != duplicate.id
                && other.status.is_live()
                && other.created_at <= duplicate.created_at)
        });
        if is_second {
            return Ok(());
        }
        Err(Refusal::conflict("The other subscription has ended meanwhile: this one stays.").into())
    }

    /// Gives back what was paid for a subscription that was ended because there is another. What Stripe refuses to give
    /// back keeps nothing else from it.
    pub(super) async fn give_back_paid_for(
        &self,
        running: &Running<'_>,
        organization: OrganizationId,
        canceled: &SubscriptionMirror,
    ) -> Result<Vec<Refusal>, ServiceError> {
        let mut refusals = Vec::new();
        for intent in self.intents_of(canceled).await? {
            let paid = self.stripe.retrieve_payment_intent(&intent).await?;
            let left = left_of(&paid);
            if left > 0 {
                let metadata = [
                    (ORGANIZATION_METADATA.to_owned(), organization.to_string()),
                    (OPERATION_METADATA.to_owned(), running.record.operation.id.to_string()),
                ];
                let refund = NewRefund {
                    payment_intent: intent.clone(),
                    amount_minor: left,
                    reason: Some(RefundReason::Duplicate),
                    refund_id: None,
                    metadata: metadata.into(),
                };
                let key = running.key(&format!("refund-{intent}"));
                // It is canceled all the same: that its money could not be given back is told and recorded.
                if let Err(error) = self.stripe.create_refund(refund, &key).await {
                    refusals.push(refused_step(error)?);
                }
            }
        }
        Ok(refusals)
    }

    /// Whether a bank has a payment of a subscription's newest invoice.
    pub(super) async fn is_with_bank(&self, subscription: &SubscriptionMirror) -> Result<bool, ServiceError> {
        for intent in self.intents_of(subscription).await? {
            if is_under_way(&self.stripe.retrieve_payment_intent(&intent).await?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The payment intents of a subscription's newest invoice: a subscription that was noticed at once has no other.
    async fn intents_of(
        &self,
        subscription: &SubscriptionMirror,
    ) -> Result<Vec<StripePaymentIntentId>, ServiceError> {
        let Some(invoice) = &subscription.latest_invoice_id else { return Ok(Vec::new()) };
        Ok(self.stripe.retrieve_invoice(invoice).await?.payment_intents.unwrap_or_default())
    }

    /// The newest invoice, its payments, and what was given back of them.
    async fn see_paid_for(&self, subscription: &SubscriptionMirror) -> Result<Vec<Seen>, ServiceError> {
        let Some(id) = &subscription.latest_invoice_id else { return Ok(Vec::new()) };
        let invoice = self.see(ObjectKind::Invoice, id.as_str()).await?;
        let MirrorObject::Invoice(shown) = &invoice.object else { return Ok(vec![invoice]) };
        let intents = shown.payment_intents.clone().unwrap_or_default();
        let mut seen = self.see_payments_of(id, &intents).await?;
        for intent in &intents {
            seen.extend(self.see_refunds_of(intent).await?);
        }
        seen.push(invoice);
        Ok(seen)
    }

    pub(super) async fn trace_duplicate(
        &self,
        command: &SubscriptionCancelDuplicate,
    ) -> Result<Trace, ServiceError> {
        let subscription =
            self.see(ObjectKind::Subscription, command.stripe_subscription_id.as_str()).await?;
        let MirrorObject::Subscription(now) = &subscription.object else { return Ok(Trace::Nothing) };
        let mut seen = self.see_paid_for(now).await?;
        let is_paid = seen
            .iter()
            .any(|one| matches!(&one.object, MirrorObject::PaymentIntent(intent) if left_of(intent) > 0));
        let is_under_way = seen
            .iter()
            .any(|one| matches!(&one.object, MirrorObject::PaymentIntent(intent) if is_under_way(intent)));
        if is_paid || is_under_way || !now.status.is_final() {
            return Ok(Trace::AskAgain);
        }
        seen.push(subscription);
        Ok(Trace::Shown(OperationState::Confirmed, seen))
    }
}
