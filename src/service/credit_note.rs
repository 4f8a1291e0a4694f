//! Taking something off invoices that were finalised.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, CreditNoteCreate};
use super::error::{Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::mirror::{Seen, later};
use super::operation::{
    OPERATION_METADATA, ORGANIZATION_METADATA, OperationRequest, Running, Settlement, billing_scope,
    recorded, written,
};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::credit_note::CreditNoteReason;
use crate::domain::ids::{InvoiceId, OrganizationId};
use crate::domain::invoice::{Invoice, InvoiceStatus};
use crate::domain::mirror::MirrorObject;
use crate::domain::money::Money;
use crate::domain::text::optional_text;
use crate::payments::{NewCreditNote, ObjectKind};

/// Something to be taken off an invoice.
#[derive(Clone, Debug, Serialize)]
pub struct CreditNoteCreateInput {
    /// Whose invoice.
    pub organization_id: OrganizationId,
    /// Which.
    pub invoice_id: InvoiceId,
    /// How much. Of an open invoice it makes less to pay; of a paid one it becomes credit for later invoices.
    pub amount: Money,
    /// Why.
    pub reason: Option<CreditNoteReason>,
    /// What stands on it, at most 500 characters.
    pub memo: Option<String>,
}

impl Service {
    /// Takes something off a finalised invoice. Money goes back by refunds alone, which have their guards: of a paid
    /// invoice it becomes credit.
    pub async fn create_credit_note(
        &self,
        actor: &Actor,
        input: CreditNoteCreateInput,
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
        let mut refusals = Refusals::default();
        let memo = refusals.check("memo", optional_text(input.memo.as_deref(), 500)).flatten();
        if input.amount.currency == invoice.currency {
            refusals.check("amount", input.amount.check_charge());
        } else {
            refusals.add(Refusal::bad_input(
                "amount.currency",
                format!("This invoice is in {}.", invoice.currency),
            ));
        }
        refusals.finish()?;
        let is_paid = self.check_creditable(&invoice, input.amount).await?;
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::CreditNoteCreate(CreditNoteCreate {
                organization_id: input.organization_id,
                invoice_id: Some(invoice.id),
                stripe_invoice_id: invoice.stripe_invoice_id,
                amount: input.amount,
                is_paid,
                reason: input.reason,
                memo,
            }),
        })
        .await
    }

    /// Whether an invoice is paid, when so much can be taken off it. Of a paid one, refunds and credit notes together give
    /// back no more than it was; what they took off an open one is off its rest already.
    async fn check_creditable(&self, invoice: &Invoice, amount: Money) -> Result<bool, ServiceError> {
        let (is_paid, left) = match invoice.status {
            InvoiceStatus::Open => (false, invoice.amount_remaining_minor),
            InvoiceStatus::Paid => (true, self.store.left_of_invoice(invoice.id).await?),
            ref status => {
                return Err(Refusal::conflict(format!(
                    "A credit note needs an open or a paid invoice; this one is {}.",
                    status.as_str()
                ))
                .into());
            }
        };
        if amount.minor > left {
            return Err(Refusal::bad_input(
                "amount",
                format!("Only {} of this invoice is left to be credited.", invoice.money(left.max(0))),
            )
            .into());
        }
        Ok(is_paid)
    }

    pub(super) async fn perform_credit_note_create(
        &self,
        running: &Running<'_>,
        command: CreditNoteCreate,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        if let Some(id) = command.invoice_id.filter(|_| running.is_first_attempt()) {
            // Looked at again under the lease: it may have been paid, credited or given back after this was asked for.
            let row = self.store.find_invoice(organization_id, id).await?;
            let row = row.ok_or(ServiceError::NotFound("invoice"))?;
            if self.check_creditable(&row, command.amount).await? != command.is_paid {
                return Err(
                    Refusal::conflict("This invoice was paid meanwhile. Look at it, and ask again.").into()
                );
            }
        }
        let metadata = [
            (ORGANIZATION_METADATA.to_owned(), organization_id.to_string()),
            (OPERATION_METADATA.to_owned(), running.record.operation.id.to_string()),
        ];
        let new = NewCreditNote {
            invoice: command.stripe_invoice_id.clone(),
            amount_minor: command.amount.minor,
            credit_minor: command.is_paid.then_some(command.amount.minor),
            reason: command.reason,
            memo: command.memo,
            metadata: metadata.into(),
        };
        let note = self.stripe.create_credit_note(new, &running.key("create")).await?;
        let before = self.watermark(ObjectKind::CreditNote, note.id.as_str()).await?;
        let at = later(self.clock.now(), before);
        let seen = vec![
            self.see(ObjectKind::Invoice, command.stripe_invoice_id.as_str()).await?,
            Seen { object: MirrorObject::CreditNote(note), before, at, invoice: None },
        ];
        self.settle(running, organization_id, seen, None, |rows| {
            let (old, new) = written(rows.credit_note.as_ref());
            let entry = AuditEntry::new(Some(organization_id), "credit_note.create", "credit_note", new.id);
            Settlement {
                state: OperationState::Confirmed,
                resource: Some(Resource::CreditNote(new.id)),
                client_secret: None,
                refusals: Vec::new(),
                audit: recorded(entry, old.map(|old| old.audit_values()), new.audit_values()),
            }
        })
        .await
    }
}
