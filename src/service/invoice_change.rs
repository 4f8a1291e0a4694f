//! What is done to an invoice besides paying it: sending, voiding, giving it up.

use serde::{Deserialize, Serialize};

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, InvoiceChange};
use super::error::{Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::mirror::Seen;
use super::operation::{OperationRequest, Running, Settlement, billing_scope, recorded, written};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::{OperationKind, OperationState};
use crate::domain::ids::{InvoiceId, OrganizationId, StripeSubscriptionId};
use crate::domain::invoice::{CollectionMethod, Invoice, InvoiceStatus};
use crate::domain::mirror::MirrorObject;
use crate::payments::ObjectKind;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceAct {
    /// Send it to the customer by email.
    Send,
    /// Withdraw it: it is not to be paid any more.
    Void,
    /// Give it up: it is not expected to be paid any more.
    MarkUncollectible,
}

/// Something to be done to an invoice.
#[derive(Clone, Debug, Serialize)]
pub struct InvoiceChangeInput {
    /// Whose invoice.
    pub organization_id: OrganizationId,
    /// Which.
    pub invoice_id: InvoiceId,
    /// What.
    pub act: InvoiceAct,
}

impl InvoiceAct {
    /// The operation's kind, and the action of its audit record.
    pub(super) const fn kind(self) -> OperationKind {
        match self {
            Self::Send => OperationKind::InvoiceSend,
            Self::Void => OperationKind::InvoiceVoid,
            Self::MarkUncollectible => OperationKind::InvoiceMarkUncollectible,
        }
    }

    /// Whether the invoice is in a state for it.
    fn check(self, invoice: &Invoice) -> Result<(), Refusal> {
        use InvoiceStatus::{Draft, Open, Uncollectible};
        let (fits, what) = match self {
            Self::Send => (matches!(invoice.status, Draft | Open | Uncollectible), "sent"),
            Self::Void => (matches!(invoice.status, Open | Uncollectible), "voided"),
            Self::MarkUncollectible => (matches!(invoice.status, Open), "marked uncollectible"),
        };
        if !fits {
            return Err(Refusal::conflict(format!(
                "This invoice is {}, so it cannot be {what}.",
                invoice.status.as_str()
            )));
        }
        if self == Self::Send && invoice.collection_method == Some(CollectionMethod::ChargeAutomatically) {
            return Err(Refusal::conflict(
                "This invoice is charged by itself. Only invoices that are collected by invoice can be sent.",
            ));
        }
        Ok(())
    }
}

impl Service {
    /// Sends, voids or gives up an invoice.
    pub async fn change_invoice(
        &self,
        actor: &Actor,
        input: InvoiceChangeInput,
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
        input.act.check(&invoice)?;
        let stripe_subscription_id = self.stripe_subscription_of(&invoice).await?;
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::InvoiceChange(InvoiceChange {
                organization_id: input.organization_id,
                invoice_id: invoice.id,
                stripe_invoice_id: invoice.stripe_invoice_id,
                act: input.act,
                stripe_subscription_id,
            }),
        })
        .await
    }

    pub(super) async fn perform_invoice_change(
        &self,
        running: &Running<'_>,
        command: InvoiceChange,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        let id = &command.stripe_invoice_id;
        // Looked at again under the lease: it may have been paid after this was asked for.
        let row = self.store.find_invoice(organization_id, command.invoice_id).await?;
        if let Some(row) = row.filter(|_| running.is_first_attempt()) {
            command.act.check(&row)?;
        }
        let key = running.key("change");
        match command.act {
            InvoiceAct::Send => self.stripe.send_invoice(id, &key).await?,
            InvoiceAct::Void => self.stripe.void_invoice(id, &key).await?,
            InvoiceAct::MarkUncollectible => self.stripe.mark_invoice_uncollectible(id, &key).await?,
        };
        let seen = self.see_changed_invoice(&command).await?;
        self.settle(running, organization_id, seen, None, |rows| {
            let (old, new) = written(rows.invoice.as_ref());
            let entry =
                AuditEntry::new(Some(organization_id), command.act.kind().as_str(), "invoice", new.id);
            Settlement {
                state: OperationState::Confirmed,
                resource: Some(Resource::Invoice(new.id)),
                client_secret: None,
                refusals: Vec::new(),
                audit: recorded(entry, old.map(|old| old.audit_values()), new.audit_values()),
            }
        })
        .await
    }

    /// What a change of an invoice may have moved: itself, its payments, which end with it, and its subscription, which may
    /// be collected again without it.
    pub(super) async fn see_changed_invoice(
        &self,
        command: &InvoiceChange,
    ) -> Result<Vec<Seen>, ServiceError> {
        let id = &command.stripe_invoice_id;
        let invoice = self.see(ObjectKind::Invoice, id.as_str()).await?;
        let mut seen = match &invoice.object {
            MirrorObject::Invoice(now) if command.act != InvoiceAct::Send => {
                self.see_payments_of(id, &now.payment_intents.clone().unwrap_or_default()).await?
            }
            _ => Vec::new(),
        };
        seen.push(invoice);
        if let Some(subscription) = &command.stripe_subscription_id {
            seen.push(self.see(ObjectKind::Subscription, subscription.as_str()).await?);
        }
        Ok(seen)
    }

    /// Stripe's id of the subscription that made an invoice, if one did.
    pub(super) async fn stripe_subscription_of(
        &self,
        invoice: &Invoice,
    ) -> Result<Option<StripeSubscriptionId>, ServiceError> {
        let Some(id) = invoice.subscription_id else { return Ok(None) };
        let subscription = self.store.find_subscription(invoice.organization_id, id).await?;
        Ok(subscription.and_then(|subscription| subscription.stripe_subscription_id))
    }

    /// The secret with which Stripe.js pays an open invoice, for instance with 3-D Secure; `None` when there is nothing
    /// to pay, or the front end has no part in it. Stripe's to keep, so it is fetched.
    pub async fn invoice_client_secret(&self, invoice: &Invoice) -> Result<Option<String>, ServiceError> {
        if invoice.status != InvoiceStatus::Open {
            return Ok(None);
        }
        Ok(self.stripe.retrieve_invoice(&invoice.stripe_invoice_id).await?.client_secret)
    }
}
