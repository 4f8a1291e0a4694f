//! Paying invoices.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, InvoicePay};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::operation::{OperationRequest, Running, Settlement, billing_scope, recorded, written};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{InvoiceId, OrganizationId, PaymentMethodId, StripePaymentMethodId};
use crate::domain::invoice::{InvoicePreview, InvoiceStatus};
use crate::domain::mirror::MirrorObject;
use crate::domain::payment::{PaymentFailure, PaymentStatus};
use crate::payments::{ObjectKind, PaymentsError};

/// A payment of an invoice.
#[derive(Clone, Debug, Serialize)]
pub struct InvoicePayInput {
    /// Whose invoice.
    pub organization_id: OrganizationId,
    /// Which.
    pub invoice_id: InvoiceId,
    /// What is charged; the subscription's or the organization's default when not given.
    pub payment_method_id: Option<PaymentMethodId>,
}

impl Service {
    /// Pays an open invoice now.
    pub async fn pay_invoice(
        &self,
        actor: &Actor,
        input: InvoicePayInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let invoice = self
            .store
            .find_invoice(input.organization_id, input.invoice_id)
            .await?
            .ok_or(ServiceError::NotFound("invoice"))?;
        if let Some(refusal) = over(&invoice.status) {
            return Err(refusal.into());
        }
        let payment_method = self.attached_method(input.organization_id, input.payment_method_id).await?;
        let stripe_subscription_id = self.stripe_subscription_of(&invoice).await?;
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::InvoicePay(InvoicePay {
                organization_id: input.organization_id,
                invoice_id: invoice.id,
                stripe_invoice_id: invoice.stripe_invoice_id,
                payment_method,
                stripe_subscription_id,
            }),
        })
        .await
    }

    pub(super) async fn perform_invoice_pay(
        &self,
        running: &Running<'_>,
        command: InvoicePay,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        let id = &command.stripe_invoice_id;
        // Looked at again under the lease: another operation may have paid it after this one was asked for.
        let row = self.store.find_invoice(organization_id, command.invoice_id).await?;
        if running.is_first_attempt() {
            if let Some(refusal) = row.and_then(|row| over(&row.status)) {
                return Err(refusal.into());
            }
            self.check_no_bank_decides(organization_id, command.invoice_id).await?;
        }
        let paid = self.stripe.pay_invoice(id, command.payment_method.as_ref(), &running.key("pay")).await;
        let failure = match paid {
            Ok(_) => None,
            Err(PaymentsError::Declined { failure, .. }) => Some(failure),
            Err(error @ PaymentsError::InvalidRequest { .. }) => {
                // It may be over at Stripe, and its event be on its way.
                let now = self.stripe.retrieve_invoice(id).await?;
                return Err(over(&now.status).map_or_else(|| error.into(), ServiceError::from));
            }
            Err(error) => return Err(error.into()),
        };
        // Paid or not, the attempt changed the invoice, its payment and perhaps its subscription.
        let invoice = self.see(ObjectKind::Invoice, id.as_str()).await?;
        let MirrorObject::Invoice(shown) = &invoice.object else {
            return Err(ServiceError::NotFound("invoice"));
        };
        let secret = shown.client_secret.clone();
        let intents = shown.payment_intents.clone().unwrap_or_default();
        let mut seen = self.see_payments_of(id, &intents).await?;
        seen.push(invoice);
        if let Some(subscription) = &command.stripe_subscription_id {
            seen.push(self.see(ObjectKind::Subscription, subscription.as_str()).await?);
        }
        self.settle(running, organization_id, seen, None, |rows| {
            let (old, new) = written(rows.invoice.as_ref());
            let entry = AuditEntry::new(Some(organization_id), "invoice.pay", "invoice", new.id);
            let entry = recorded(entry, old.map(|old| old.audit_values()), new.audit_values());
            let payment = rows.payment.as_ref().map(|(_, payment)| payment);
            // By the time it is written, more may be known than the answer said.
            let failure = failure.as_ref().or_else(|| match payment {
                Some(payment) if payment.status == PaymentStatus::Failed && !rows.is_with_bank => {
                    payment.failure.as_ref()
                }
                _ => None,
            });
            let must_act = payment.is_some_and(|payment| payment.status == PaymentStatus::RequiresAction);
            let settlement = |state, client_secret, refusals, audit| Settlement {
                state,
                resource: Some(Resource::Invoice(new.id)),
                client_secret,
                refusals,
                audit,
            };
            if new.status == InvoiceStatus::Paid {
                return settlement(OperationState::Confirmed, None, Vec::new(), entry);
            }
            if must_act || failure.is_some_and(asks_for_action) {
                let asks = Refusal::at(
                    "",
                    ErrorCode::PaymentActionRequired,
                    "The bank asks the cardholder to confirm this payment. Go on with the client secret.",
                );
                return settlement(OperationState::RequiresAction, secret.clone(), vec![asks], entry);
            }
            match failure {
                Some(failure) => {
                    settlement(OperationState::Failed, None, vec![Refusal::declined(failure)], entry.failed())
                }
                // A bank has the payment and decides later: the mirror learns it.
                None if rows.is_with_bank => settlement(OperationState::Pending, None, Vec::new(), entry),
                // It was voided, or its payment given up, before this was written: nothing will come any more.
                None => {
                    let unpaid =
                        Refusal::conflict("The invoice was not paid, and its payment is over. Look at it.");
                    settlement(OperationState::Failed, None, vec![unpaid], entry.failed())
                }
            }
        })
        .await
    }

    /// Refuses to charge an invoice once more while a bank decides about a payment of it. Stripe is asked, for only those
    /// payments that may be with a bank.
    async fn check_no_bank_decides(
        &self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<(), ServiceError> {
        let payments = self.store.payments_of_invoices(&[organization], &[invoice]).await?;
        let undecided = payments.into_values().flatten().filter(|row| row.status == PaymentStatus::Pending);
        for payment in undecided {
            let now = self.stripe.retrieve_payment_intent(&payment.stripe_payment_intent_id).await?;
            if PaymentStatus::is_with_bank(&now.stripe_status) {
                return Err(Refusal::conflict(
                    "A payment of this invoice is with the bank, which has not decided yet. Nothing was charged again.",
                )
                .into());
            }
        }
        Ok(())
    }

    /// The next bill of the organization's subscription as it would be now, with what was used of the running period; `None` when there will be none: no paid
    /// subscription, or one that ends with the period.
    pub async fn upcoming_invoice(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<InvoicePreview>, ServiceError> {
        let current = self.store.current_subscriptions(&[organization]).await?.remove(&organization);
        let subscription = current.map(|view| view.subscription).filter(|row| row.status.is_live());
        let Some(id) = subscription.and_then(|row| row.stripe_subscription_id) else { return Ok(None) };
        let usage = self.upcoming_usage(organization).await?;
        Ok(self.stripe.upcoming_invoice(&id, usage).await?)
    }

    /// Stripe's id of a payment method of the organization, when one was named.
    pub(super) async fn attached_method(
        &self,
        organization: OrganizationId,
        id: Option<PaymentMethodId>,
    ) -> Result<Option<StripePaymentMethodId>, ServiceError> {
        let Some(id) = id else { return Ok(None) };
        match self.store.find_payment_method(organization, id).await? {
            Some(method) if method.detached_at.is_none() => Ok(Some(method.stripe_payment_method_id)),
            _ => Err(Refusal::at(
                "paymentMethodId",
                ErrorCode::NotFound,
                "The organization has no such payment method.",
            )
            .into()),
        }
    }
}

/// Why an invoice in a state cannot be paid; `None` when it can.
fn over(status: &InvoiceStatus) -> Option<Refusal> {
    match status {
        InvoiceStatus::Open | InvoiceStatus::Uncollectible => None,
        InvoiceStatus::Paid => Some(Refusal::conflict("This invoice is paid already.")),
        status => Some(Refusal::conflict(format!(
            "Only an open invoice can be paid; this one is {}.",
            status.as_str()
        ))),
    }
}

/// Stripe's codes for a payment that the cardholder must confirm.
fn asks_for_action(failure: &PaymentFailure) -> bool {
    matches!(
        failure.code.as_str(),
        "invoice_payment_intent_requires_action"
            | "authentication_required"
            | "subscription_payment_intent_requires_action"
    )
}
