//! Invoices, mirrored from Stripe.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::invoice::{ActiveModel, Column, Entity, Model};
use entity::organization;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QueryTrait, Select,
};

use super::error::currency;
use super::organization::newest;
use super::page::{Keyset, ListOrder, counts_by, pages_by};
use super::{
    Changed, ChangedKind, Mirrored, Store, StoreError, Watermark, WriteTransaction, mirror as mirrored,
};
use crate::domain::ids::{InvoiceId, OrganizationId, StripeInvoiceId, StripePaymentIntentId, SubscriptionId};
use crate::domain::invoice::{CollectionMethod, Invoice, InvoiceStatus};
use crate::domain::mirror::InvoiceMirror;
use crate::domain::money::Currency;
use crate::domain::page::{Page, PageRequest, Place};

/// Which invoices are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct InvoiceFilter {
    /// In one of these states, in Stripe's words; in any when empty.
    pub statuses: Vec<String>,
    /// Made by this subscription.
    pub subscription_id: Option<SubscriptionId>,
    /// Made at or after.
    pub created_since: Option<DateTime<Utc>>,
    /// Made before.
    pub created_until: Option<DateTime<Utc>>,
    /// To be paid at or after.
    pub due_since: Option<DateTime<Utc>>,
    /// To be paid before.
    pub due_until: Option<DateTime<Utc>>,
    /// With this number.
    pub number: Option<String>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// With a total of at least so many minor units.
    pub minimum_total_minor: Option<i64>,
    /// With a total of at most so many minor units.
    pub maximum_total_minor: Option<i64>,
}

fn invoice(row: Model) -> Result<Invoice, StoreError> {
    Ok(Invoice {
        id: InvoiceId(row.id),
        organization_id: OrganizationId(row.organization_id),
        subscription_id: row.subscription_id.map(SubscriptionId),
        stripe_invoice_id: StripeInvoiceId(row.stripe_invoice_id),
        number: row.number,
        status: InvoiceStatus::parse(&row.status),
        billing_reason: row.billing_reason,
        currency: currency("invoices.currency", &row.currency)?,
        subtotal_minor: row.subtotal_minor,
        tax_minor: row.tax_minor,
        total_minor: row.total_minor,
        amount_due_minor: row.amount_due_minor,
        amount_paid_minor: row.amount_paid_minor,
        amount_remaining_minor: row.amount_remaining_minor,
        collection_method: row.collection_method.as_deref().and_then(CollectionMethod::parse),
        due_date: row.due_date,
        period_start: row.period_start,
        period_end: row.period_end,
        lines: serde_json::from_value(row.line_items).map_err(|error| StoreError::UnknownValue {
            column: "invoices.line_items",
            value: error.to_string(),
        })?,
        pdf_url: row.pdf_url,
        hosted_url: row.hosted_url,
        attempt_count: row.attempt_count,
        next_payment_attempt_at: row.next_payment_attempt_at,
        finalized_at: row.finalized_at,
        paid_at: row.paid_at,
        voided_at: row.voided_at,
        stripe_synced_at: row.stripe_synced_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(super) fn active_model(row: &Invoice) -> ActiveModel {
    ActiveModel {
        id: Set(row.id.0),
        organization_id: Set(row.organization_id.0),
        subscription_id: Set(row.subscription_id.map(|id| id.0)),
        stripe_invoice_id: Set(row.stripe_invoice_id.0.clone()),
        number: Set(row.number.clone()),
        status: Set(row.status.as_str().to_owned()),
        billing_reason: Set(row.billing_reason.clone()),
        currency: Set(row.currency.code().to_owned()),
        subtotal_minor: Set(row.subtotal_minor),
        tax_minor: Set(row.tax_minor),
        total_minor: Set(row.total_minor),
        amount_due_minor: Set(row.amount_due_minor),
        amount_paid_minor: Set(row.amount_paid_minor),
        amount_remaining_minor: Set(row.amount_remaining_minor),
        collection_method: Set(row.collection_method.map(|method| method.as_str().to_owned())),
        due_date: Set(row.due_date),
        period_start: Set(row.period_start),
        period_end: Set(row.period_end),
        line_items: Set(serde_json::to_value(&row.lines).expect("lines are plain data")),
        pdf_url: Set(row.pdf_url.clone()),
        hosted_url: Set(row.hosted_url.clone()),
        attempt_count: Set(row.attempt_count),
        next_payment_attempt_at: Set(row.next_payment_attempt_at),
        finalized_at: Set(row.finalized_at),
        paid_at: Set(row.paid_at),
        voided_at: Set(row.voided_at),
        stripe_synced_at: Set(row.stripe_synced_at),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
    }
}

fn filtered(filter: &InvoiceFilter) -> Select<Entity> {
    let mut select = Entity::find();
    select = match &filter.statuses[..] {
        // A deleted draft was never anybody's bill.
        [] => select.filter(Column::Status.ne(InvoiceStatus::Deleted.as_str())),
        [status] => select.filter(Column::Status.eq(status)),
        statuses => select.filter(Column::Status.is_in(statuses)),
    };
    for bound in [
        filter.created_since.map(|at| Column::CreatedAt.gte(at)),
        filter.created_until.map(|at| Column::CreatedAt.lt(at)),
        filter.due_since.map(|at| Column::DueDate.gte(at)),
        filter.due_until.map(|at| Column::DueDate.lt(at)),
        filter.number.as_ref().map(|number| Column::Number.eq(number)),
        filter.currency.map(|currency| Column::Currency.eq(currency.code())),
        filter.minimum_total_minor.map(|minor| Column::TotalMinor.gte(minor)),
        filter.maximum_total_minor.map(|minor| Column::TotalMinor.lte(minor)),
    ]
    .into_iter()
    .flatten()
    {
        select = select.filter(bound);
    }
    if let Some(subscription) = filter.subscription_id {
        select = select.filter(Column::SubscriptionId.eq(subscription.0));
    }
    select
}

impl Store {
    /// A page of each organization's invoices, newest first.
    pub async fn list_invoices(
        &self,
        organizations: &[OrganizationId],
        filter: &InvoiceFilter,
        page: &PageRequest,
    ) -> Result<HashMap<OrganizationId, Page<Invoice>>, StoreError> {
        let keyset = Keyset {
            at: Expr::col((Entity, Column::CreatedAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        pages_by(
            &self.db,
            organizations,
            &keyset,
            page,
            |&id| filtered(filter).filter(Column::OrganizationId.eq(id.0)).into_query(),
            |row| {
                let row = invoice(Model::from_query_result(row, "")?)?;
                Ok((row.organization_id, row))
            },
        )
        .await
    }

    /// How many of each organization's invoices fit the filter.
    pub async fn count_invoices(
        &self,
        organizations: &[OrganizationId],
        filter: &InvoiceFilter,
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        counts_by(&self.db, organizations, Column::OrganizationId, filtered(filter)).await
    }

    /// The newest invoice of each organization.
    pub async fn latest_invoices(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, Invoice>, StoreError> {
        // One index probe for each organization, instead of a window over all their invoices.
        let mut newest_id = Query::select();
        newest_id
            .expr(Expr::col((Alias::new("n"), Column::Id)))
            .from_as(Entity, Alias::new("n"))
            .and_where(
                Expr::col((Alias::new("n"), Column::OrganizationId))
                    .equals((organization::Entity, organization::Column::Id)),
            )
            .limit(1);
        newest(&mut newest_id, "n", "created_at", "id");
        let ids = Query::select()
            .expr(Expr::SubQuery(None, Box::new(newest_id.into())))
            .from(organization::Entity)
            .and_where(organization::Column::Id.is_in(organizations.iter().map(|id| id.0)))
            .to_owned();
        let rows = Entity::find().filter(Column::Id.in_subquery(ids)).all(&self.db).await?;
        rows.into_iter().map(|row| invoice(row).map(|invoice| (invoice.organization_id, invoice))).collect()
    }

    /// An invoice of the organization.
    pub async fn find_invoice(
        &self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<Option<Invoice>, StoreError> {
        let row =
            Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization.0)).one(&self.db).await?;
        row.map(invoice).transpose()
    }

    /// The open invoices of a subscription, due already or not, oldest first.
    pub async fn open_invoices_of(
        &self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Vec<StripeInvoiceId>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::SubscriptionId.eq(subscription.0))
            .filter(Column::Status.eq("open"))
            .order_by_asc(Column::CreatedAt)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|row| StripeInvoiceId(row.stripe_invoice_id)).collect())
    }

    /// Invoices by id, whoever owns them: the caller checks the tenant.
    pub async fn invoices(&self, ids: &[InvoiceId]) -> Result<Vec<Invoice>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(invoice).collect()
    }

    /// Invoices by Stripe's ids, whoever owns them: the caller checks the tenant.
    pub async fn invoices_at_stripe(&self, ids: &[StripeInvoiceId]) -> Result<Vec<Invoice>, StoreError> {
        let ids = ids.iter().map(StripeInvoiceId::as_str);
        let rows = Entity::find().filter(Column::StripeInvoiceId.is_in(ids)).all(&self.db).await?;
        rows.into_iter().map(invoice).collect()
    }

    /// An invoice by Stripe's id.
    pub async fn find_invoice_at_stripe(&self, id: &StripeInvoiceId) -> Result<Option<Invoice>, StoreError> {
        find_at_stripe(&self.db, id).await
    }
}

async fn find_at_stripe(
    conn: &impl ConnectionTrait,
    id: &StripeInvoiceId,
) -> Result<Option<Invoice>, StoreError> {
    let row = Entity::find().filter(Column::StripeInvoiceId.eq(id.as_str())).one(conn).await?;
    row.map(invoice).transpose()
}

impl WriteTransaction {
    /// Writes what Stripe says of an invoice, when the row is still as old as the watermark says, and ties the payments
    /// it names to it.
    pub async fn mirror_invoice(
        &self,
        organization: OrganizationId,
        mirror: &InvoiceMirror,
        watermark: Watermark,
    ) -> Result<Mirrored<Invoice>, StoreError> {
        let old = find_at_stripe(&self.tx, &mirror.id).await?;
        if mirrored::has_moved(old.as_ref().map(|old| old.stripe_synced_at), watermark) {
            return Ok(Mirrored::Moved);
        }
        if let Some(old) = &old
            && old.status.is_final()
            && old.status != mirror.status
        {
            return Ok(Mirrored::Final(old.clone()));
        }
        let subscription_id = match &mirror.subscription {
            Some(id) => entity::subscription::Entity::find()
                .filter(entity::subscription::Column::StripeSubscriptionId.eq(id.as_str()))
                .one(&self.tx)
                .await?
                .map(|row| SubscriptionId(row.id)),
            None => None,
        };
        let id = old.as_ref().map_or_else(|| InvoiceId(self.next_id()), |old| old.id);
        let subscription_id = subscription_id.or(old.as_ref().and_then(|old| old.subscription_id));
        let new = Invoice::from_mirror(id, organization, subscription_id, mirror, watermark.after, self.now);
        let seen = old.as_ref().map(|old| (old.id.0, Some(old.stripe_synced_at)));
        let written = mirrored::write(&self.tx, seen, active_model(&new)).await?;
        if !written {
            return Ok(Mirrored::Moved);
        }
        self.will_tell(Changed {
            organization_id: Some(organization),
            kind: ChangedKind::Invoice,
            id: new.id.0,
        });
        self.tie_payments(&new, mirror.payment_intents.as_deref().unwrap_or_default()).await?;
        Ok(Mirrored::Written { old, new })
    }

    /// As [`Store::find_invoice`].
    pub async fn find_invoice(
        &self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<Option<Invoice>, StoreError> {
        let row =
            Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization.0)).one(&self.tx).await?;
        row.map(invoice).transpose()
    }

    /// Marks a draft that Stripe deleted, when the row is still as old as the watermark says. `None` when there never
    /// was a row.
    pub async fn mirror_deleted_invoice(
        &self,
        id: &StripeInvoiceId,
        watermark: Watermark,
    ) -> Result<Option<Mirrored<Invoice>>, StoreError> {
        let Some(old) = find_at_stripe(&self.tx, id).await? else {
            return Ok(watermark.before.map(|_| Mirrored::Moved));
        };
        if mirrored::has_moved(Some(old.stripe_synced_at), watermark) {
            return Ok(Some(Mirrored::Moved));
        }
        // Only drafts can be deleted: what is more than one and not at Stripe is missed, not deleted.
        if old.status != InvoiceStatus::Draft {
            return Ok(Some(Mirrored::Final(old)));
        }
        let new = Invoice {
            status: InvoiceStatus::Deleted,
            stripe_synced_at: watermark.after,
            updated_at: self.now,
            ..old.clone()
        };
        let seen = Some((old.id.0, Some(old.stripe_synced_at)));
        Ok(Some(if mirrored::write(&self.tx, seen, active_model(&new)).await? {
            Mirrored::Written { old: Some(old), new }
        } else {
            Mirrored::Moved
        }))
    }

    /// Ties payments to an invoice: those that name it, and those it names.
    async fn tie_payments(
        &self,
        invoice: &Invoice,
        payment_intents: &[StripePaymentIntentId],
    ) -> Result<(), StoreError> {
        use entity::payment;
        payment::Entity::update_many()
            .col_expr(payment::Column::InvoiceId, Expr::value(invoice.id.0))
            .col_expr(payment::Column::StripeInvoiceId, Expr::value(invoice.stripe_invoice_id.as_str()))
            .filter(payment::Column::OrganizationId.eq(invoice.organization_id.0))
            .filter(payment::Column::InvoiceId.is_null())
            .filter(
                payment::Column::StripeInvoiceId
                    .eq(invoice.stripe_invoice_id.as_str())
                    .or(payment::Column::StripePaymentIntentId
                        .is_in(payment_intents.iter().map(StripePaymentIntentId::as_str))),
            )
            .exec(&self.tx)
            .await?;
        Ok(())
    }
}

impl Invoice {
    /// Where the invoice stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
