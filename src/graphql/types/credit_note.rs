//! Credit notes.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::loaders;
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::Money;
use super::enums;
use super::invoice::Invoice;
use crate::domain;

/// A credit note: what is taken off an invoice after it was finalised.
#[derive(Clone)]
pub struct CreditNote(pub domain::credit_note::CreditNote);

/// A credit note: what is taken off an invoice after it was finalised.
#[Object]
impl CreditNote {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::CreditNote.encode(self.0.id.0)
    }

    /// Its number, for people.
    async fn number(&self) -> &str {
        &self.0.number
    }

    /// Whether it counts.
    async fn status(&self) -> enums::CreditNoteStatus {
        (&self.0.status).into()
    }

    /// What it takes off.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// The part that makes less to pay of an open invoice.
    async fn pre_payment_amount(&self) -> Money {
        domain::money::Money::new(self.0.pre_payment_minor, self.0.amount.currency).into()
    }

    /// The part that is given back of a paid invoice, to the payment method or as credit.
    async fn post_payment_amount(&self) -> Money {
        domain::money::Money::new(self.0.post_payment_minor, self.0.amount.currency).into()
    }

    /// Why, in Stripe's word.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// What stands on it.
    async fn memo(&self) -> Option<&str> {
        self.0.memo.as_deref()
    }

    /// The invoice it is of.
    async fn invoice(&self, ctx: &Context<'_>) -> Result<Option<Invoice>> {
        let row = loaders(ctx)
            .invoices_by_id
            .load_one(self.0.invoice_id)
            .await
            .map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(row.map(Invoice))
    }

    /// The PDF, at Stripe.
    async fn pdf_url(&self) -> Option<&str> {
        self.0.pdf_url.as_deref()
    }

    /// When it was voided, in UTC.
    async fn voided_at(&self) -> Option<DateTime<Utc>> {
        self.0.voided_at
    }

    /// The id at Stripe, `cn_…`.
    async fn stripe_credit_note_id(&self) -> &str {
        self.0.stripe_credit_note_id.as_str()
    }

    /// When it was made, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

impl From<domain::credit_note::CreditNote> for CreditNote {
    fn from(row: domain::credit_note::CreditNote) -> Self {
        Self(row)
    }
}
