//! What comparisons with Stripe found.

use entity::billing_drift::{ActiveModel, Column, Entity, Model};
use entity::{credit_note, invoice, organization, payment, payment_method, subscription};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};

use super::error::known;
use super::page::{Keyset, ListOrder, page_of};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::billing_drift::{BillingDrift, DriftCause, DriftMend, FieldDrift};
use crate::domain::ids::{BillingDriftId, OrganizationId};
use crate::domain::invoice::InvoiceStatus;
use crate::domain::organization::Organization;
use crate::domain::page::{Page, PageRequest};

/// Which drifts are asked for. Everything given must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BillingDriftFilter {
    /// Of this organization.
    pub organization_id: Option<OrganizationId>,
    /// Mended already, or not yet.
    pub is_mended: Option<bool>,
}

/// The objects at Stripe that an organization has rows of, by their ids there. What is gone at Stripe by our own word,
/// detached methods and deleted drafts, is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirroredIds {
    /// Subscriptions.
    pub subscriptions: Vec<String>,
    /// Invoices.
    pub invoices: Vec<String>,
    /// Payment intents.
    pub payments: Vec<String>,
    /// Payment methods.
    pub payment_methods: Vec<String>,
    /// Credit notes.
    pub credit_notes: Vec<String>,
}

fn drift(row: Model) -> Result<BillingDrift, StoreError> {
    let mended_by = row
        .mended_by
        .as_deref()
        .map(|word| known("billing_drifts.mended_by", word, DriftMend::parse(word)))
        .transpose()?;
    Ok(BillingDrift {
        id: BillingDriftId(row.id),
        organization_id: OrganizationId(row.organization_id),
        resource_type: row.resource_type,
        stripe_object_id: row.stripe_object_id,
        drift: FieldDrift {
            field: row.field,
            local: row.local_value.unwrap_or_default(),
            stripe: row.stripe_value.unwrap_or_default(),
        },
        cause: known("billing_drifts.cause", &row.cause, DriftCause::parse(&row.cause))?,
        found_at: row.found_at,
        seen_at: row.seen_at,
        mended: row.mended_at.zip(mended_by),
    })
}

fn filtered(filter: BillingDriftFilter) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some(organization) = filter.organization_id {
        select = select.filter(Column::OrganizationId.eq(organization.0));
    }
    match filter.is_mended {
        Some(true) => select.filter(Column::MendedAt.is_not_null()),
        Some(false) => select.filter(Column::MendedAt.is_null()),
        None => select,
    }
}

/// An object at Stripe and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// Whose.
    pub organization: OrganizationId,
    /// `subscription`, `invoice`, `payment`, `payment_method`, `credit_note`, `customer` or `customer_details`.
    pub resource_type: &'static str,
    /// Its id at Stripe.
    pub stripe_object_id: &'a str,
}

impl Store {
    /// Writes down in which fields an object was found to differ. One that is known already keeps the time it was found
    /// first. Not a change of the business: no audit record.
    pub async fn note_drift(
        &self,
        object: Compared<'_>,
        fields: &[FieldDrift],
        cause: DriftCause,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        for field in fields {
            let of_field = |update: sea_orm::UpdateMany<Entity>| {
                update
                    .filter(Column::OrganizationId.eq(object.organization.0))
                    .filter(Column::StripeObjectId.eq(object.stripe_object_id))
                    .filter(Column::ResourceType.eq(object.resource_type))
                    .filter(Column::Field.eq(&field.field))
            };
            let seen = || {
                Entity::update_many()
                    .col_expr(Column::LocalValue, Expr::value(field.local.clone()))
                    .col_expr(Column::StripeValue, Expr::value(field.stripe.clone()))
                    .col_expr(Column::Cause, Expr::value(cause.as_str()))
                    .col_expr(Column::SeenAt, Expr::value(now))
            };
            let open = of_field(seen()).filter(Column::MendedAt.is_null()).exec(&self.db).await?;
            if open.rows_affected > 0 {
                continue;
            }
            let again = of_field(seen())
                .col_expr(Column::FoundAt, Expr::value(now))
                .col_expr(Column::MendedAt, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None))
                .col_expr(Column::MendedBy, Expr::value(Option::<String>::None))
                .exec(&self.db)
                .await?;
            if again.rows_affected > 0 {
                continue;
            }
            let row = ActiveModel {
                id: Set(self.ids.next()),
                organization_id: Set(object.organization.0),
                resource_type: Set(object.resource_type.to_owned()),
                stripe_object_id: Set(object.stripe_object_id.to_owned()),
                field: Set(field.field.clone()),
                local_value: Set(Some(field.local.clone())),
                stripe_value: Set(Some(field.stripe.clone())),
                cause: Set(cause.as_str().to_owned()),
                found_at: Set(now),
                seen_at: Set(now),
                mended_at: Set(None),
                mended_by: Set(None),
            };
            Entity::insert(row)
                .on_conflict(
                    OnConflict::columns([Column::OrganizationId, Column::StripeObjectId, Column::Field])
                        .do_nothing()
                        .to_owned(),
                )
                .try_insert()
                .exec_without_returning(&self.db)
                .await?;
        }
        Ok(())
    }

    /// Writes down that an object was found to be equal: what was known to differ is mended.
    pub async fn note_equal(&self, object: Compared<'_>, by: DriftMend) -> Result<(), StoreError> {
        mend(&self.db, self.clock.now(), object, &[], by).await
    }

    /// As [`Store::note_equal`], of all fields but those that differ.
    pub async fn note_equal_but(
        &self,
        object: Compared<'_>,
        differing: &[FieldDrift],
        by: DriftMend,
    ) -> Result<(), StoreError> {
        mend(&self.db, self.clock.now(), object, differing, by).await
    }

    /// A page of the drifts that fit the filter, newest first.
    pub async fn list_billing_drifts(
        &self,
        filter: BillingDriftFilter,
        page: &PageRequest,
    ) -> Result<Page<BillingDrift>, StoreError> {
        let keyset = Keyset {
            at: Expr::col((Entity, Column::FoundAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        let mut select = filtered(filter).into_query();
        keyset.apply(&mut select, page);
        let rows = self.db.query_all(&select).await?;
        let drifts = rows
            .iter()
            .map(|row| drift(Model::from_query_result(row, "")?))
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page_of(drifts, page))
    }

    /// How many drifts fit the filter.
    pub async fn count_billing_drifts(&self, filter: BillingDriftFilter) -> Result<u64, StoreError> {
        use sea_orm::PaginatorTrait;
        Ok(filtered(filter).count(&self.db).await?)
    }

    /// Drifts by id, whoever's they are: the caller checks the tenant.
    pub async fn billing_drifts(&self, ids: &[BillingDriftId]) -> Result<Vec<BillingDrift>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(drift).collect()
    }

    /// The objects at Stripe that an organization has rows of.
    pub async fn mirrored_ids(&self, organization: OrganizationId) -> Result<MirroredIds, StoreError> {
        let id = organization.0;
        Ok(MirroredIds {
            subscriptions: subscription::Entity::find()
                .select_only()
                .column(subscription::Column::StripeSubscriptionId)
                .filter(subscription::Column::OrganizationId.eq(id))
                .filter(subscription::Column::StripeSubscriptionId.is_not_null())
                .into_tuple()
                .all(&self.db)
                .await?,
            invoices: invoice::Entity::find()
                .select_only()
                .column(invoice::Column::StripeInvoiceId)
                .filter(invoice::Column::OrganizationId.eq(id))
                .filter(invoice::Column::Status.ne(InvoiceStatus::Deleted.as_str()))
                .into_tuple()
                .all(&self.db)
                .await?,
            payments: payment::Entity::find()
                .select_only()
                .column(payment::Column::StripePaymentIntentId)
                .filter(payment::Column::OrganizationId.eq(id))
                .into_tuple()
                .all(&self.db)
                .await?,
            payment_methods: payment_method::Entity::find()
                .select_only()
                .column(payment_method::Column::StripePaymentMethodId)
                .filter(payment_method::Column::OrganizationId.eq(id))
                .filter(payment_method::Column::DetachedAt.is_null())
                .into_tuple()
                .all(&self.db)
                .await?,
            credit_notes: credit_note::Entity::find()
                .select_only()
                .column(credit_note::Column::StripeCreditNoteId)
                .filter(credit_note::Column::OrganizationId.eq(id))
                .into_tuple()
                .all(&self.db)
                .await?,
        })
    }

    /// The next organizations that have a customer at Stripe, by id, after this one.
    pub async fn organizations_to_compare(
        &self,
        after: Option<OrganizationId>,
        limit: u64,
    ) -> Result<Vec<Organization>, StoreError> {
        let mut select =
            organization::Entity::find().filter(organization::Column::StripeCustomerId.is_not_null());
        if let Some(after) = after {
            select = select.filter(organization::Column::Id.gt(after.0));
        }
        let rows = select.order_by_asc(organization::Column::Id).limit(limit).all(&self.db).await?;
        rows.into_iter().map(super::organization::organization).collect()
    }
}

async fn mend(
    conn: &impl ConnectionTrait,
    now: chrono::DateTime<chrono::Utc>,
    object: Compared<'_>,
    differing: &[FieldDrift],
    by: DriftMend,
) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::MendedAt, Expr::value(now))
        .col_expr(Column::MendedBy, Expr::value(by.as_str()))
        .filter(Column::OrganizationId.eq(object.organization.0))
        .filter(Column::StripeObjectId.eq(object.stripe_object_id))
        .filter(Column::ResourceType.eq(object.resource_type))
        .filter(Column::Field.is_not_in(differing.iter().map(|it| it.field.as_str())))
        .filter(Column::MendedAt.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

impl WriteTransaction {
    /// Marks what was known to differ of an object as mended, in the transaction that mends it.
    pub async fn mend_drift(&self, object: Compared<'_>, by: DriftMend) -> Result<(), StoreError> {
        mend(&self.tx, self.now, object, &[], by).await
    }
}
