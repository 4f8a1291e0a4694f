//! Credit notes, mirrored from Stripe.

use std::collections::HashMap;

use entity::credit_note::{ActiveModel, Column, Entity, Model};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::error::currency;
use super::{Mirrored, Store, StoreError, Watermark, WriteTransaction, mirror as mirrored};
use crate::domain::credit_note::{CreditNote, CreditNoteStatus};
use crate::domain::ids::{CreditNoteId, InvoiceId, OrganizationId, StripeCreditNoteId};
use crate::domain::mirror::CreditNoteMirror;
use crate::domain::money::Money;

fn credit_note(row: Model) -> Result<CreditNote, StoreError> {
    Ok(CreditNote {
        id: CreditNoteId(row.id),
        organization_id: OrganizationId(row.organization_id),
        invoice_id: InvoiceId(row.invoice_id),
        stripe_credit_note_id: StripeCreditNoteId(row.stripe_credit_note_id),
        number: row.number,
        status: CreditNoteStatus::parse(&row.status),
        amount: Money::new(row.amount_minor, currency("credit_notes.currency", &row.currency)?),
        pre_payment_minor: row.pre_payment_minor,
        post_payment_minor: row.post_payment_minor,
        refunded_minor: row.refunded_minor,
        reason: row.reason,
        memo: row.memo,
        pdf_url: row.pdf_url,
        voided_at: row.voided_at,
        stripe_synced_at: row.stripe_synced_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn active_model(row: &CreditNote) -> ActiveModel {
    ActiveModel {
        id: Set(row.id.0),
        organization_id: Set(row.organization_id.0),
        invoice_id: Set(row.invoice_id.0),
        stripe_credit_note_id: Set(row.stripe_credit_note_id.0.clone()),
        number: Set(row.number.clone()),
        status: Set(row.status.as_str().to_owned()),
        amount_minor: Set(row.amount.minor),
        pre_payment_minor: Set(row.pre_payment_minor),
        post_payment_minor: Set(row.post_payment_minor),
        refunded_minor: Set(row.refunded_minor),
        currency: Set(row.amount.currency.code().to_owned()),
        reason: Set(row.reason.clone()),
        memo: Set(row.memo.clone()),
        pdf_url: Set(row.pdf_url.clone()),
        voided_at: Set(row.voided_at),
        stripe_synced_at: Set(row.stripe_synced_at),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
    }
}

impl Store {
    /// The credit notes of invoices, oldest first. The organizations narrow the search to the tenant's rows.
    pub async fn credit_notes_of_invoices(
        &self,
        organizations: &[OrganizationId],
        invoices: &[InvoiceId],
    ) -> Result<HashMap<InvoiceId, Vec<CreditNote>>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(Column::InvoiceId.is_in(invoices.iter().map(|id| id.0)))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?;
        let mut notes: HashMap<InvoiceId, Vec<CreditNote>> = HashMap::new();
        for row in rows {
            let note = credit_note(row)?;
            notes.entry(note.invoice_id).or_default().push(note);
        }
        Ok(notes)
    }

    /// Credit notes by id, whoever owns them: the caller checks the tenant.
    pub async fn credit_notes(&self, ids: &[CreditNoteId]) -> Result<Vec<CreditNote>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(credit_note).collect()
    }

    /// A credit note by Stripe's id.
    pub async fn find_credit_note_at_stripe(
        &self,
        id: &StripeCreditNoteId,
    ) -> Result<Option<CreditNote>, StoreError> {
        find_at_stripe(&self.db, id).await
    }
}

async fn find_at_stripe(
    conn: &impl ConnectionTrait,
    id: &StripeCreditNoteId,
) -> Result<Option<CreditNote>, StoreError> {
    let row = Entity::find().filter(Column::StripeCreditNoteId.eq(id.as_str())).one(conn).await?;
    row.map(credit_note).transpose()
}

impl WriteTransaction {
    /// Writes what Stripe says of a credit note, when the row is still as old as the watermark says.
    pub async fn mirror_credit_note(
        &self,
        organization: OrganizationId,
        mirror: &CreditNoteMirror,
        watermark: Watermark,
    ) -> Result<Mirrored<CreditNote>, StoreError> {
        let old = find_at_stripe(&self.tx, &mirror.id).await?;
        if mirrored::has_moved(old.as_ref().map(|old| old.stripe_synced_at), watermark) {
            return Ok(Mirrored::Moved);
        }
        if let Some(old) = &old
            && old.status == CreditNoteStatus::Void
            && mirror.status != CreditNoteStatus::Void
        {
            return Ok(Mirrored::Final(old.clone()));
        }
        let invoice_id = match &old {
            Some(old) => old.invoice_id,
            None => {
                let row = entity::invoice::Entity::find()
                    .filter(entity::invoice::Column::StripeInvoiceId.eq(mirror.invoice.as_str()))
                    .one(&self.tx)
                    .await?;
                InvoiceId(row.ok_or(StoreError::Changed("credit note's invoice"))?.id)
            }
        };
        let new = CreditNote {
            id: old.as_ref().map_or_else(|| CreditNoteId(self.next_id()), |old| old.id),
            organization_id: organization,
            invoice_id,
            stripe_credit_note_id: mirror.id.clone(),
            number: mirror.number.clone(),
            status: mirror.status.clone(),
            amount: mirror.amount,
            pre_payment_minor: mirror.pre_payment_minor,
            post_payment_minor: mirror.post_payment_minor,
            refunded_minor: mirror.refunded_minor,
            reason: mirror.reason.clone(),
            memo: mirror.memo.clone(),
            pdf_url: mirror.pdf_url.clone(),
            voided_at: mirror.voided_at,
            stripe_synced_at: watermark.after,
            created_at: mirror.created_at,
            updated_at: self.now,
        };
        let seen = old.as_ref().map(|old| (old.id.0, Some(old.stripe_synced_at)));
        let written = mirrored::write(&self.tx, seen, active_model(&new)).await?;
        Ok(if written { Mirrored::Written { old, new } } else { Mirrored::Moved })
    }
}
