//! Credit notes.

use std::collections::HashMap;

use stripe_billing::credit_note::{CreateCreditNote, RetrieveCreditNote};

use super::client::{IdempotencyKey, Stripe};
use super::convert::credit_note;
use super::error::PaymentsError;
use crate::domain::credit_note::CreditNoteReason;
use crate::domain::ids::StripeInvoiceId;
use crate::domain::mirror::CreditNoteMirror;

/// Something to be taken off an invoice.
#[derive(Clone, Debug)]
pub struct NewCreditNote {
    /// Of which invoice.
    pub invoice: StripeInvoiceId,
    /// How much, in minor units of the invoice's currency.
    pub amount_minor: i64,
    /// How much of it becomes credit for later invoices, in minor units; only of what was paid.
    pub credit_minor: Option<i64>,
    /// Why.
    pub reason: Option<CreditNoteReason>,
    /// What stands on it.
    pub memo: Option<String>,
    /// Our notes.
    pub metadata: HashMap<String, String>,
}

impl Stripe {
    /// Takes something off a finalised invoice.
    pub async fn create_credit_note(
        &self,
        new: NewCreditNote,
        key: &IdempotencyKey,
    ) -> Result<CreditNoteMirror, PaymentsError> {
        let mut request =
            CreateCreditNote::new(new.invoice.0).amount(new.amount_minor).metadata(new.metadata);
        if let Some(amount) = new.credit_minor {
            request = request.credit_amount(amount);
        }
        if let Some(reason) = new.reason {
            request = request.reason(match reason {
                CreditNoteReason::Duplicate => stripe_shared::CreditNoteReason::Duplicate,
                CreditNoteReason::Fraudulent => stripe_shared::CreditNoteReason::Fraudulent,
                CreditNoteReason::OrderChange => stripe_shared::CreditNoteReason::OrderChange,
                CreditNoteReason::ProductUnsatisfactory => {
                    stripe_shared::CreditNoteReason::ProductUnsatisfactory
                }
            });
        }
        if let Some(memo) = new.memo {
            request = request.memo(memo);
        }
        credit_note(self.change(request, key).await?)
    }

    pub(super) async fn retrieve_credit_note(&self, id: &str) -> Result<CreditNoteMirror, PaymentsError> {
        credit_note(self.read(RetrieveCreditNote::new(id)).await?)
    }
}
