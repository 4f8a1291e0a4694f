//! Taking something off invoices.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, caller_key, service, viewer};
use super::super::scalars::MoneyInput;
use super::super::types::{BillingOperation, CreditNote, UserError, enums};
use super::invoice::permitted_invoice;
use super::{Parts, answered, changed_credit_note};
use crate::service;

/// Something to be taken off an invoice.
#[derive(InputObject)]
pub struct CreditNoteCreateInput {
    /// The invoice, open or paid.
    invoice_id: ID,
    /// How much. Of an open invoice it makes less to pay; of a paid one it becomes credit for later invoices.
    amount: MoneyInput,
    /// Why.
    reason: Option<enums::CreditNoteReason>,
    /// What stands on it; at most 500 characters.
    memo: Option<String>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The new credit note.
#[derive(SimpleObject)]
pub struct CreditNoteCreatePayload {
    /// The credit note; null when it was refused.
    credit_note: Option<CreditNote>,
    /// The operation at Stripe.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct CreditNoteMutation;

#[Object]
impl CreditNoteMutation {
    /// Takes something off a finalised invoice. For platform staff. Money goes back by `paymentRefund` alone, which has
    /// limits and approvals.
    async fn credit_note_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invoice, and how much.")] input: CreditNoteCreateInput,
    ) -> Result<CreditNoteCreatePayload> {
        authorize(ctx, "Mutation")?;
        let (invoice_id, organization_id) = permitted_invoice(ctx, &input.invoice_id).await?;
        let new = service::CreditNoteCreateInput {
            organization_id,
            invoice_id,
            amount: input.amount.into(),
            reason: input.reason.map(Into::into),
            memo: input.memo,
        };
        let key = caller_key(ctx, "creditNoteCreate", Some(organization_id), input.idempotency_key);
        let answer = service(ctx).create_credit_note(viewer(ctx).actor(), new, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let credit_note = changed_credit_note(ctx, parts.resource.as_ref()).await?;
        Ok(CreditNoteCreatePayload {
            credit_note,
            operation: parts.operation,
            user_errors: parts.user_errors,
        })
    }
}
