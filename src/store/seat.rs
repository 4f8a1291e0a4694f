//! Seats that members left, and what their organization wants of them.

use entity::organization;
use entity::seat_release::{ActiveModel, Column, Entity};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::error::known;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::OrganizationId;
use crate::domain::seat::SeatRelease;

impl Store {
    /// What becomes of a seat that a member of the organization leaves.
    pub async fn seat_release_of(&self, organization: OrganizationId) -> Result<SeatRelease, StoreError> {
        let found = self.find_organization(organization).await?;
        Ok(found.map_or(SeatRelease::PeriodEnd, |organization| organization.seat_release))
    }

    /// How many seats of an organization Stripe is still to be told of.
    pub async fn count_freed_seats(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        Ok(Entity::find().filter(Column::OrganizationId.eq(organization.0)).count(&self.db).await?)
    }

    /// The next organizations of which Stripe is still to be told of seats, by id, after this one.
    pub async fn organizations_with_freed_seats(
        &self,
        after: Option<OrganizationId>,
        limit: u64,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let mut select = Entity::find().select_only().column(Column::OrganizationId).distinct();
        if let Some(after) = after {
            select = select.filter(Column::OrganizationId.gt(after.0));
        }
        let ids: Vec<uuid::Uuid> =
            select.order_by_asc(Column::OrganizationId).limit(limit).into_tuple().all(&self.db).await?;
        Ok(ids.into_iter().map(OrganizationId).collect())
    }
}

impl WriteTransaction {
    /// Sets what becomes of a seat that a member leaves. Gives what was set before.
    pub async fn set_seat_release(
        &self,
        organization: OrganizationId,
        release: SeatRelease,
    ) -> Result<SeatRelease, StoreError> {
        let row = organization::Entity::find_by_id(organization.0).one(&self.tx).await?;
        let word = row.ok_or(StoreError::Changed("organization"))?.seat_release;
        let old = known("organizations.seat_release", &word, SeatRelease::parse(&word))?;
        organization::Entity::update_many()
            .col_expr(organization::Column::SeatRelease, Expr::value(release.as_str()))
            .col_expr(organization::Column::UpdatedAt, Expr::value(self.now))
            .filter(organization::Column::Id.eq(organization.0))
            .exec(&self.tx)
            .await?;
        Ok(old)
    }

    /// Writes down that Stripe is to be told of a seat less.
    pub async fn free_seat(&self, organization: OrganizationId) -> Result<(), StoreError> {
        let row = ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(organization.0),
            created_at: Set(self.now),
        };
        row.insert(&self.tx).await?;
        Ok(())
    }

    /// Takes one freed seat off the list, the oldest: somebody sits on it again before Stripe was told. Says whether there was
    /// one.
    pub async fn retake_freed_seat(&self, organization: OrganizationId) -> Result<bool, StoreError> {
        let oldest = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .one(&self.tx)
            .await?;
        let Some(oldest) = oldest else { return Ok(false) };
        let taken = Entity::delete_by_id(oldest.id).exec(&self.tx).await?;
        Ok(taken.rows_affected == 1)
    }

    /// Takes the freed seats off the list: an operation has them, or nothing is to be done. Says how many there were.
    pub async fn take_freed_seats(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        let taken =
            Entity::delete_many().filter(Column::OrganizationId.eq(organization.0)).exec(&self.tx).await?;
        Ok(taken.rows_affected)
    }
}
