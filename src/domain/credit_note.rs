//! Credit notes: what is taken off an invoice after it was finalised.

use chrono::{DateTime, Utc};

use super::ids::{CreditNoteId, InvoiceId, OrganizationId, StripeCreditNoteId};
use super::money::Money;
use super::string_enum;

/// The state of a credit note. Source: <https://docs.stripe.com/api/credit_notes/object#credit_note_object-status>.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CreditNoteStatus {
    /// It counts.
    Issued,
    /// Withdrawn. Final.
    Void,
    /// A state that Stripe introduced after this version.
    Other(String),
}

impl CreditNoteStatus {
    /// The state of Stripe's word for it.
    pub fn parse(text: &str) -> Self {
        match text {
            "issued" => Self::Issued,
            "void" => Self::Void,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Stripe's word for the state.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Issued => "issued",
            Self::Void => "void",
            Self::Other(text) => text,
        }
    }
}

string_enum! {
    /// Why a credit note is made, in Stripe's words.
    CreditNoteReason {
        /// It was charged twice.
        Duplicate => "duplicate",
        /// The cardholder did not make the order.
        Fraudulent => "fraudulent",
        /// The order was changed.
        OrderChange => "order_change",
        /// The product did not satisfy.
        ProductUnsatisfactory => "product_unsatisfactory",
    }
}

/// A credit note of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditNote {
    /// Our id.
    pub id: CreditNoteId,
    /// Whose invoice it is of.
    pub organization_id: OrganizationId,
    /// The invoice it is of.
    pub invoice_id: InvoiceId,
    /// The credit note at Stripe.
    pub stripe_credit_note_id: StripeCreditNoteId,
    /// Its number, for people.
    pub number: String,
    /// Its state.
    pub status: CreditNoteStatus,
    /// What it takes off.
    pub amount: Money,
    /// The part that makes less to pay of an open invoice, in minor units.
    pub pre_payment_minor: i64,
    /// The part that is given back of a paid one, in minor units.
    pub post_payment_minor: i64,
    /// The part of it that refunds give back, in minor units.
    pub refunded_minor: i64,
    /// Why, in Stripe's word.
    pub reason: Option<String>,
    /// What stands on it.
    pub memo: Option<String>,
    /// The PDF at Stripe.
    pub pdf_url: Option<String>,
    /// When it was voided.
    pub voided_at: Option<DateTime<Utc>>,
    /// When the row was last known to equal Stripe's object.
    pub stripe_synced_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

impl CreditNote {
    /// Whether it takes something off. One in a state that this version does not know may: nobody is given that back again.
    pub fn counts(&self) -> bool {
        self.status != CreditNoteStatus::Void
    }

    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "invoiceId": self.invoice_id,
            "number": self.number,
            "status": self.status.as_str(),
            "currency": self.amount.currency,
            "amountMinor": self.amount.minor,
            "reason": self.reason,
            "memo": self.memo,
            "stripeCreditNoteId": self.stripe_credit_note_id,
        })
    }
}
