//! Stripe customers that are gone.

use entity::deleted_customer::{ActiveModel, Column, Entity};
use entity::{organization, payment_method};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, StripeCustomerId};
use crate::domain::mirror::CustomerMirror;

impl Store {
    /// Whether a customer was deleted at Stripe.
    pub async fn is_deleted_customer(&self, customer: &StripeCustomerId) -> Result<bool, StoreError> {
        Ok(Entity::find().filter(Column::StripeCustomerId.eq(customer.as_str())).count(&self.db).await? > 0)
    }

    /// The organization of a customer that was deleted at Stripe.
    pub(super) async fn organization_of_deleted(
        &self,
        customer: &StripeCustomerId,
    ) -> Result<Option<organization::Model>, StoreError> {
        let gone =
            Entity::find().filter(Column::StripeCustomerId.eq(customer.as_str())).one(&self.db).await?;
        let Some(gone) = gone else { return Ok(None) };
        Ok(organization::Entity::find_by_id(gone.organization_id).one(&self.db).await?)
    }
}

impl WriteTransaction {
    /// Notes that a customer was deleted at Stripe: its payment methods went with it.
    pub async fn mark_customer_deleted(
        &self,
        organization: OrganizationId,
        customer: &StripeCustomerId,
    ) -> Result<(), StoreError> {
        let row = ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(organization.0),
            stripe_customer_id: Set(customer.0.clone()),
            created_at: Set(self.now),
        };
        Entity::insert(row)
            .on_conflict(OnConflict::column(Column::StripeCustomerId).do_nothing().to_owned())
            .try_insert()
            .exec_without_returning(&self.tx)
            .await?;
        payment_method::Entity::update_many()
            .col_expr(payment_method::Column::DetachedAt, Expr::value(self.now))
            .col_expr(payment_method::Column::IsDefault, Expr::value(false))
            .col_expr(payment_method::Column::UpdatedAt, Expr::value(self.now))
            .filter(payment_method::Column::OrganizationId.eq(organization.0))
            .filter(payment_method::Column::StripeCustomerId.eq(customer.as_str()))
            .filter(payment_method::Column::DetachedAt.is_null())
            .exec(&self.tx)
            .await?;
        Ok(())
    }

    /// Gives an organization another customer in place of one that is gone; its currency is open again. `Changed` when
    /// it is another one already.
    pub async fn replace_customer(
        &self,
        organization: OrganizationId,
        deleted: &StripeCustomerId,
        customer: &CustomerMirror,
    ) -> Result<(), StoreError> {
        let replaced = organization::Entity::update_many()
            .col_expr(organization::Column::StripeCustomerId, Expr::value(customer.id.as_str()))
            .col_expr(organization::Column::Currency, Expr::value(Option::<String>::None))
            .col_expr(organization::Column::StripeSyncedAt, Expr::value(self.now))
            .col_expr(organization::Column::UpdatedAt, Expr::value(self.now))
            .filter(organization::Column::Id.eq(organization.0))
            .filter(organization::Column::StripeCustomerId.eq(deleted.as_str()))
            .exec(&self.tx)
            .await?;
        if replaced.rows_affected == 1 {
            Ok(())
        } else {
            Err(StoreError::Changed("organization's Stripe customer"))
        }
    }
}
