//! Members: memberships with their people, always in one statement.

use std::collections::HashMap;

use entity::{membership, user};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult,
    PaginatorTrait, QueryFilter, QueryResult,
};

use super::error::known;
use super::organization::select_columns;
use super::page::{Keyset, ListOrder, counts_by, pages_by};
use super::user::user as user_of;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{MembershipId, OrganizationId, UserId};
use crate::domain::membership::{Membership, Role};
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::user::User;

/// A membership and the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The membership.
    pub membership: Membership,
    /// The person.
    pub user: User,
}

impl Member {
    /// Where the member stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.membership.created_at, id: self.membership.id.0 }
    }
}

fn membership(row: &membership::Model) -> Result<Membership, StoreError> {
    Ok(Membership {
        id: MembershipId(row.id),
        organization_id: OrganizationId(row.organization_id),
        user_id: UserId(row.user_id),
        role: known("memberships.role", &row.role, Role::parse(&row.role))?,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn members() -> SelectStatement {
    let mut select = Query::select();
    select_columns::<membership::Entity>(&mut select, "memberships", "m_");
    select_columns::<user::Entity>(&mut select, "users", "u_");
    select.from(membership::Entity).join(
        JoinType::InnerJoin,
        user::Entity,
        Expr::col((user::Entity, user::Column::Id)).equals((membership::Entity, membership::Column::UserId)),
    );
    select
}

fn members_of(organization: OrganizationId) -> SelectStatement {
    let mut select = members();
    select.and_where(Expr::col((membership::Entity, membership::Column::OrganizationId)).eq(organization.0));
    select
}

fn member(row: &QueryResult) -> Result<Member, StoreError> {
    let membership = membership(&membership::Model::from_query_result(row, "m_")?)?;
    Ok(Member { membership, user: user_of(user::Model::from_query_result(row, "u_")?) })
}

impl Store {
    /// A page of each organization's members, oldest membership first.
    pub async fn list_members(
        &self,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<HashMap<OrganizationId, Page<Member>>, StoreError> {
        let keyset = Keyset {
            at: Expr::col((membership::Entity, membership::Column::CreatedAt)),
            id: Expr::col((membership::Entity, membership::Column::Id)),
            order: ListOrder::OldestFirst,
        };
        pages_by(
            &self.db,
            organizations,
            &keyset,
            page,
            |&id| members_of(id),
            |row| member(row).map(|member| (member.membership.organization_id, member)),
        )
        .await
    }

    /// Members by the ids of their memberships, whoever's they are: the caller checks the tenant.
    pub async fn members(&self, ids: &[MembershipId]) -> Result<Vec<Member>, StoreError> {
        let mut select = members();
        let id = Expr::col((membership::Entity, membership::Column::Id));
        select.and_where(id.is_in(ids.iter().map(|id| id.0)));
        self.db.query_all(&select).await?.iter().map(member).collect()
    }

    /// How many members each organization has.
    pub async fn count_members_of(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        let organization = membership::Column::OrganizationId;
        counts_by(&self.db, organizations, organization, membership::Entity::find()).await
    }

    /// How many members an organization has.
    pub async fn count_members(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        let members =
            membership::Entity::find().filter(membership::Column::OrganizationId.eq(organization.0));
        Ok(members.count(&self.db).await?)
    }
}

impl WriteTransaction {
    /// The role of a person in an organization, if they are a member.
    pub async fn role_of(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Role>, StoreError> {
        let row = membership::Entity::find()
            .filter(membership::Column::OrganizationId.eq(organization.0))
            .filter(membership::Column::UserId.eq(user.0))
            .one(&self.tx)
            .await?;
        row.map(|row| known("memberships.role", &row.role, Role::parse(&row.role))).transpose()
    }

    /// Makes a person a member. `Duplicate` when they are one.
    pub async fn create_membership(
        &self,
        organization: OrganizationId,
        user: UserId,
        role: Role,
    ) -> Result<Membership, StoreError> {
        let row = membership::ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(organization.0),
            user_id: Set(user.0),
            role: Set(role.as_str().to_owned()),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        membership(&row.insert(&self.tx).await?)
    }
}
