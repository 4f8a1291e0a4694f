//! Organizations, with what a list or a dashboard joins to them.

use entity::{organization, plan, subscription};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Order, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult,
    IdenStatic, Iterable, QueryFilter, QueryResult,
};

use super::error::{currency, known};
use super::page::{Keyset, ListOrder, is_any_of, page_of};
use super::subscription::{SubscriptionView, current_first};
use super::{Mirrored, Store, StoreError, Watermark, WriteTransaction};
use crate::domain::ids::{OrganizationId, StripeCustomerId};
use crate::domain::mirror::CustomerMirror;
use crate::domain::organization::Organization;
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::seat::SeatRelease;

/// Which organizations a caller may list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrganizationScope {
    /// All of them: platform staff.
    All,
    /// These, in which the caller acts.
    Among(Vec<OrganizationId>),
}

/// An organization and, when it was asked for, its current subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct OrganizationView {
    /// The organization.
    pub organization: Organization,
    /// `None` when it was not asked for, `Some(None)` when there is none.
    pub subscription: Option<Option<SubscriptionView>>,
}

/// A new organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrganization {
    /// The name people read.
    pub name: String,
    /// The name in addresses.
    pub slug: String,
}

pub(super) fn organization(row: organization::Model) -> Result<Organization, StoreError> {
    Ok(Organization {
        id: OrganizationId(row.id),
        name: row.name,
        slug: row.slug,
        stripe_customer_id: row.stripe_customer_id.map(StripeCustomerId),
        currency: row.currency.as_deref().map(|code| currency("organizations.currency", code)).transpose()?,
        seat_release: known(
            "organizations.seat_release",
            &row.seat_release,
            SeatRelease::parse(&row.seat_release),
        )?,
        stripe_synced_at: row.stripe_synced_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Adds the columns of `E`, read from table or alias `table`, each under `prefix` and its name.
pub(super) fn select_columns<E: EntityTrait>(select: &mut SelectStatement, table: &str, prefix: &str) {
    for column in E::Column::iter() {
        select.expr_as(
            Expr::col((Alias::new(table), Alias::new(column.as_str()))),
            Alias::new(format!("{prefix}{}", column.as_str())),
        );
    }
}

/// Organizations, with the current subscription and its plan joined in when they are asked for.
fn select(with_subscription: bool) -> SelectStatement {
    let mut select = Query::select();
    select.from(organization::Entity);
    select_columns::<organization::Entity>(&mut select, "organizations", "o_");
    if with_subscription {
        select_columns::<subscription::Entity>(&mut select, "s", "s_");
        select_columns::<plan::Entity>(&mut select, "p", "p_");
        let mut current = Query::select();
        current
            .expr(Expr::col((Alias::new("c"), subscription::Column::Id)))
            .from_as(subscription::Entity, Alias::new("c"))
            .and_where(
                Expr::col((Alias::new("c"), subscription::Column::OrganizationId))
                    .equals((organization::Entity, organization::Column::Id)),
            )
            .limit(1);
        current_first(&mut current, "c");
        select
            .join_as(
                JoinType::LeftJoin,
                subscription::Entity,
                Alias::new("s"),
                Expr::col((Alias::new("s"), subscription::Column::Id))
                    .eq(Expr::SubQuery(None, Box::new(current.into()))),
            )
            .join_as(
                JoinType::LeftJoin,
                plan::Entity,
                Alias::new("p"),
                Expr::col((Alias::new("p"), plan::Column::Id))
                    .equals((Alias::new("s"), subscription::Column::PlanId)),
            );
    }
    select
}

fn view(row: &QueryResult, with_subscription: bool) -> Result<OrganizationView, StoreError> {
    Ok(OrganizationView {
        organization: organization(organization::Model::from_query_result(row, "o_")?)?,
        subscription: if with_subscription { Some(SubscriptionView::from_joined(row)?) } else { None },
    })
}

fn keyset() -> Keyset {
    Keyset {
        at: Expr::col((organization::Entity, organization::Column::CreatedAt)),
        id: Expr::col((organization::Entity, organization::Column::Id)),
        order: ListOrder::NewestFirst,
    }
}

fn within(select: &mut SelectStatement, scope: &OrganizationScope) {
    if let OrganizationScope::Among(ids) = scope {
        let id = Expr::col((organization::Entity, organization::Column::Id));
        select.and_where(is_any_of(id, ids.iter().map(|id| id.0)));
    }
}

impl Store {
    /// Organizations by id, with the current subscription when it is asked for. Missing ones are left out.
    pub async fn organizations(
        &self,
        ids: &[OrganizationId],
        with_subscription: bool,
    ) -> Result<Vec<OrganizationView>, StoreError> {
        let mut select = select(with_subscription);
        select.and_where(is_any_of(
            Expr::col((organization::Entity, organization::Column::Id)),
            ids.iter().map(|id| id.0),
        ));
        let rows = self.db.query_all(&select).await?;
        rows.iter().map(|row| view(row, with_subscription)).collect()
    }

    /// An organization by id.
    pub async fn find_organization(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        organization::Entity::find_by_id(id.0).one(&self.db).await?.map(organization).transpose()
    }

    /// An organization by the name that it has in addresses.
    pub async fn find_organization_by_slug(&self, slug: &str) -> Result<Option<Organization>, StoreError> {
        let found =
            organization::Entity::find().filter(organization::Column::Slug.eq(slug)).one(&self.db).await?;
        found.map(organization).transpose()
    }

    /// The organization of a Stripe customer.
    pub async fn find_organization_of_customer(
        &self,
        customer: &StripeCustomerId,
    ) -> Result<Option<Organization>, StoreError> {
        let found = organization::Entity::find()
            .filter(organization::Column::StripeCustomerId.eq(customer.as_str()))
            .one(&self.db)
            .await?;
        let found = match found {
            Some(row) => Some(row),
            // What is still said of a customer that is gone is said of its organization.
            None => self.organization_of_deleted(customer).await?,
        };
        found.map(organization).transpose()
    }

    /// A page of the organizations in `scope`, newest first.
    pub async fn list_organizations(
        &self,
        scope: &OrganizationScope,
        with_subscription: bool,
        page: &PageRequest,
    ) -> Result<Page<OrganizationView>, StoreError> {
        let mut select = select(with_subscription);
        within(&mut select, scope);
        keyset().apply(&mut select, page);
        let rows = self.db.query_all(&select).await?;
        let views = rows.iter().map(|row| view(row, with_subscription)).collect::<Result<Vec<_>, _>>()?;
        Ok(page_of(views, page))
    }

    /// How many organizations are in `scope`.
    pub async fn count_organizations(&self, scope: &OrganizationScope) -> Result<u64, StoreError> {
        let mut select = Query::select();
        select
            .expr_as(Expr::col((organization::Entity, organization::Column::Id)).count(), Alias::new("n"))
            .from(organization::Entity);
        within(&mut select, scope);
        let row = self.db.query_one(&select).await?;
        let count: i64 = row.map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0);
        Ok(count.unsigned_abs())
    }
}

/// Lets no other transaction that locks the same organization go on before this one ends: an update that changes nothing
/// holds the row on PostgreSQL, and SQLite has one writer anyway.
pub(super) async fn lock_organization(
    conn: &impl ConnectionTrait,
    id: OrganizationId,
) -> Result<(), StoreError> {
    organization::Entity::update_many()
        .col_expr(organization::Column::UpdatedAt, Expr::col(organization::Column::UpdatedAt))
        .filter(organization::Column::Id.eq(id.0))
        .exec(conn)
        .await?;
    Ok(())
}

impl WriteTransaction {
    /// Creates an organization. `Duplicate` of `slug` when the slug is taken.
    pub async fn create_organization(&self, new: NewOrganization) -> Result<Organization, StoreError> {
        let created = Organization {
            id: OrganizationId(self.next_id()),
            name: new.name,
            slug: new.slug,
            stripe_customer_id: None,
            currency: None,
            seat_release: SeatRelease::PeriodEnd,
            stripe_synced_at: None,
            created_at: self.now,
            updated_at: self.now,
        };
        organization::ActiveModel {
            id: Set(created.id.0),
            name: Set(created.name.clone()),
            slug: Set(created.slug.clone()),
            stripe_customer_id: Set(None),
            currency: Set(None),
            stripe_synced_at: Set(None),
            is_demo: Set(false),
            seat_release: Set(created.seat_release.as_str().to_owned()),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        }
        .insert(&self.tx)
        .await?;
        Ok(created)
    }

    /// An organization by id.
    pub async fn find_organization(&self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        organization::Entity::find_by_id(id.0).one(&self.tx).await?.map(organization).transpose()
    }

    /// Gives an organization another name and slug. `Duplicate` of `slug` when the slug is taken.
    pub async fn rename_organization(
        &self,
        id: OrganizationId,
        name: &str,
        slug: &str,
    ) -> Result<(), StoreError> {
        organization::Entity::update_many()
            .col_expr(organization::Column::Name, Expr::value(name))
            .col_expr(organization::Column::Slug, Expr::value(slug))
            .col_expr(organization::Column::UpdatedAt, Expr::value(self.now))
            .filter(organization::Column::Id.eq(id.0))
            .exec(&self.tx)
            .await?;
        Ok(())
    }

    /// As [`lock_organization`], for this transaction.
    pub(super) async fn lock_organization(&self, id: OrganizationId) -> Result<(), StoreError> {
        lock_organization(&self.tx, id).await
    }

    /// Takes over what Stripe says of the organization's customer, when the row is still as old as the watermark says:
    /// its id, and the currency it is fixed to. An organization that already has another customer is `Changed`: it
    /// never gets a second one.
    pub async fn mirror_customer(
        &self,
        id: OrganizationId,
        customer: &CustomerMirror,
        watermark: Watermark,
    ) -> Result<Mirrored<()>, StoreError> {
        let Some(row) = organization::Entity::find_by_id(id.0).one(&self.tx).await? else {
            return Err(StoreError::Changed("organization"));
        };
        if row.stripe_customer_id.as_ref().is_some_and(|known| *known != customer.id.0) {
            return Err(StoreError::Changed("organization's Stripe customer"));
        }
        if row.stripe_synced_at != watermark.before {
            return Ok(Mirrored::Moved);
        }
        let unchanged = match row.stripe_synced_at {
            Some(at) => organization::Column::StripeSyncedAt.eq(at),
            None => organization::Column::StripeSyncedAt.is_null(),
        };
        let mut update = organization::Entity::update_many()
            .col_expr(organization::Column::StripeCustomerId, Expr::value(customer.id.as_str()))
            .col_expr(organization::Column::StripeSyncedAt, Expr::value(watermark.after))
            .col_expr(organization::Column::UpdatedAt, Expr::value(self.now));
        if let Some(currency) = customer.currency {
            update = update.col_expr(organization::Column::Currency, Expr::value(currency.code()));
        }
        let written =
            update.filter(organization::Column::Id.eq(id.0)).filter(unchanged).exec(&self.tx).await?;
        Ok(if written.rows_affected == 1 {
            Mirrored::Written { old: Some(()), new: () }
        } else {
            Mirrored::Moved
        })
    }
}

impl Organization {
    /// Where the organization stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}

/// `ORDER BY` one expression more, descending; both databases sort NULLs apart, and no list of ours has them.
pub(super) fn newest(select: &mut SelectStatement, table: &str, at: &str, id: &str) {
    select
        .order_by_expr(Expr::col((Alias::new(table), Alias::new(at))), Order::Desc)
        .order_by_expr(Expr::col((Alias::new(table), Alias::new(id))), Order::Desc);
}
