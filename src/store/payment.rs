//! Payments, mirrored from Stripe's payment intents.

use std::collections::HashMap;

use entity::payment::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QueryTrait, Select,
};

use super::error::{currency, known};
use super::page::{Keyset, ListOrder, counts_by, pages_by};
use super::{
    Changed, ChangedKind, Mirrored, Store, StoreError, Watermark, WriteTransaction, mirror as mirrored,
};
use crate::domain::ids::{
    InvoiceId, OrganizationId, PaymentId, StripeChargeId, StripeInvoiceId, StripePaymentIntentId,
    StripePaymentMethodId,
};
use crate::domain::mirror::PaymentIntentMirror;
use crate::domain::money::Money;
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::payment::{Payment, PaymentFailure, PaymentStatus};

/// Which payments are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PaymentFilter {
    /// In this state.
    pub status: Option<PaymentStatus>,
}

fn payment(row: Model) -> Result<Payment, StoreError> {
    Ok(Payment {
        id: PaymentId(row.id),
        organization_id: OrganizationId(row.organization_id),
        invoice_id: row.invoice_id.map(InvoiceId),
        stripe_payment_intent_id: StripePaymentIntentId(row.stripe_payment_intent_id),
        amount: Money::new(row.amount_minor, currency("payments.currency", &row.currency)?),
        amount_received_minor: row.amount_received_minor,
        amount_refunded_minor: row.amount_refunded_minor,
        status: known("payments.status", &row.status, PaymentStatus::parse(&row.status))?,
        payment_method: row.payment_method.map(StripePaymentMethodId),
        payment_method_summary: row.payment_method_summary,
        stripe_charge_id: row.stripe_charge_id.map(StripeChargeId),
        description: row.description,
        metadata: row.metadata,
        failure: row.failure_code.map(|code| PaymentFailure {
            code,
            decline_code: row.decline_code,
            message: row.failure_message.unwrap_or_default(),
        }),
        stripe_synced_at: row.stripe_synced_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// What a payment's row holds beyond the payment: ids at Stripe that only the mirror needs.
pub(super) struct PaymentLinks {
    pub stripe_customer_id: Option<String>,
    pub stripe_invoice_id: Option<String>,
    pub stripe_charge_id: Option<String>,
}

pub(super) fn active_model(row: &Payment, links: PaymentLinks) -> ActiveModel {
    let failure = row.failure.clone();
    ActiveModel {
        id: Set(row.id.0),
        organization_id: Set(row.organization_id.0),
        invoice_id: Set(row.invoice_id.map(|id| id.0)),
        stripe_payment_intent_id: Set(row.stripe_payment_intent_id.0.clone()),
        stripe_customer_id: Set(links.stripe_customer_id),
        stripe_invoice_id: Set(links.stripe_invoice_id),
        amount_minor: Set(row.amount.minor),
        amount_received_minor: Set(row.amount_received_minor),
        amount_refunded_minor: Set(row.amount_refunded_minor),
        currency: Set(row.amount.currency.code().to_owned()),
        status: Set(row.status.as_str().to_owned()),
        payment_method: Set(row.payment_method.as_ref().map(|id| id.0.clone())),
        payment_method_summary: Set(row.payment_method_summary.clone()),
        description: Set(row.description.clone()),
        metadata: Set(row.metadata.clone()),
        failure_code: Set(failure.as_ref().map(|failure| failure.code.clone())),
        decline_code: Set(failure.as_ref().and_then(|failure| failure.decline_code.clone())),
        failure_message: Set(failure.map(|failure| failure.message)),
        stripe_charge_id: Set(links.stripe_charge_id),
        stripe_synced_at: Set(row.stripe_synced_at),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
    }
}

fn filtered(filter: PaymentFilter) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some(status) = filter.status {
        select = select.filter(Column::Status.eq(status.as_str()));
    }
    select
}

impl Store {
    /// A page of each organization's payments, newest first.
    pub async fn list_payments(
        &self,
        organizations: &[OrganizationId],
        filter: PaymentFilter,
        page: &PageRequest,
    ) -> Result<HashMap<OrganizationId, Page<Payment>>, StoreError> {
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
                let row = payment(Model::from_query_result(row, "")?)?;
                Ok((row.organization_id, row))
            },
        )
        .await
    }

    /// How many of each organization's payments fit the filter.
    pub async fn count_payments(
        &self,
        organizations: &[OrganizationId],
        filter: PaymentFilter,
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        counts_by(&self.db, organizations, Column::OrganizationId, filtered(filter)).await
    }

    /// The payments of invoices, oldest first. The organizations narrow the search to the tenant's rows.
    pub async fn payments_of_invoices(
        &self,
        organizations: &[OrganizationId],
        invoices: &[InvoiceId],
    ) -> Result<HashMap<InvoiceId, Vec<Payment>>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(Column::InvoiceId.is_in(invoices.iter().map(|id| id.0)))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?;
        let mut payments: HashMap<InvoiceId, Vec<Payment>> = HashMap::new();
        for row in rows {
            let payment = payment(row)?;
            if let Some(invoice) = payment.invoice_id {
                payments.entry(invoice).or_default().push(payment);
            }
        }
        Ok(payments)
    }

    /// A payment of the organization.
    pub async fn find_payment(
        &self,
        organization: OrganizationId,
        id: PaymentId,
    ) -> Result<Option<Payment>, StoreError> {
        let row =
            Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization.0)).one(&self.db).await?;
        row.map(payment).transpose()
    }

    /// Payments by id, whoever owns them: the caller checks the tenant.
    pub async fn payments(&self, ids: &[PaymentId]) -> Result<Vec<Payment>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(payment).collect()
    }

    /// A payment by Stripe's id.
    pub async fn find_payment_at_stripe(
        &self,
        id: &StripePaymentIntentId,
    ) -> Result<Option<Payment>, StoreError> {
        find_at_stripe(&self.db, id).await?.map(payment).transpose()
    }
}

async fn find_at_stripe(
    conn: &impl ConnectionTrait,
    id: &StripePaymentIntentId,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::StripePaymentIntentId.eq(id.as_str())).one(conn).await?)
}

impl WriteTransaction {
    /// Writes what Stripe says of a payment intent, when the row is still as old as the watermark says. `invoice` is
    /// the invoice it pays, when that is known; what was known before is kept.
    pub async fn mirror_payment(
        &self,
        organization: OrganizationId,
        mirror: &PaymentIntentMirror,
        invoice: Option<&StripeInvoiceId>,
        watermark: Watermark,
    ) -> Result<Mirrored<Payment>, StoreError> {
        let old_row = find_at_stripe(&self.tx, &mirror.id).await?;
        if mirrored::has_moved(old_row.as_ref().map(|old| old.stripe_synced_at), watermark) {
            return Ok(Mirrored::Moved);
        }
        let known_invoice = old_row.as_ref().and_then(|old| old.stripe_invoice_id.clone());
        let stripe_invoice_id = invoice.map(|id| id.0.clone()).or(known_invoice);
        let known_charge = old_row.as_ref().and_then(|old| old.stripe_charge_id.clone());
        let old = old_row.map(payment).transpose()?;
        // A payment that succeeded stays so, but what was given back of it still grows.
        if let Some(old) = &old
            && old.status.is_final()
            && old.status != mirror.status
        {
            return Ok(Mirrored::Final(old.clone()));
        }
        let invoice_id = match &stripe_invoice_id {
            Some(id) => entity::invoice::Entity::find()
                .filter(entity::invoice::Column::StripeInvoiceId.eq(id))
                .one(&self.tx)
                .await?
                .map(|row| InvoiceId(row.id)),
            None => None,
        };
        let id = old.as_ref().map_or_else(|| PaymentId(self.next_id()), |old| old.id);
        let mut new = Payment {
            updated_at: self.now,
            ..Payment::from_mirror(id, organization, invoice_id, mirror, old.as_ref(), watermark.after)
        };
        // The refunds themselves know better than the charge, which may count one that has failed.
        if let Some(given_back) = self.given_back(id).await? {
            new.amount_refunded_minor = given_back;
        }
        let row = active_model(
            &new,
            PaymentLinks {
                stripe_customer_id: mirror.customer.as_ref().map(|id| id.0.clone()),
                stripe_invoice_id,
                stripe_charge_id: mirror.latest_charge.clone().or(known_charge),
            },
        );
        let seen = old.as_ref().map(|old| (old.id.0, Some(old.stripe_synced_at)));
        let written = mirrored::write(&self.tx, seen, row).await?;
        if !written {
            return Ok(Mirrored::Moved);
        }
        if let Some(attempt) = &mirror.latest_attempt {
            self.mirror_attempt(organization, id, attempt).await?;
        }
        self.will_tell(Changed {
            organization_id: Some(organization),
            kind: ChangedKind::Payment,
            id: new.id.0,
        });
        Ok(Mirrored::Written { old, new })
    }
}

impl WriteTransaction {
    /// The payments of an invoice whose last attempt failed.
    pub async fn failed_payments_of(
        &self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Vec<Payment>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::InvoiceId.eq(invoice.0))
            .filter(Column::Status.eq(PaymentStatus::Failed.as_str()))
            .all(&self.tx)
            .await?;
        rows.into_iter().map(payment).collect()
    }
}

impl Payment {
    /// Where the payment stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
