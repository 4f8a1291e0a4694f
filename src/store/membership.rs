//! Members: memberships with their people, always in one statement.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{membership, membership_end, role, user};
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult,
    PaginatorTrait, QueryFilter, QueryResult,
};

use super::error::known;
use super::organization::select_columns;
use super::page::{Keyset, ListOrder, counts_by, pages_by};
use super::role::custom_role;
use super::user::user as user_of;
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::ids::{MembershipId, OrganizationId, RoleId, UserId};
use crate::domain::membership::{Membership, MembershipStatus, Role};
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::permission::Permissions;
use crate::domain::role::{CustomRole, Grant, RoleChoice};
use crate::domain::user::User;

/// A membership and the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The membership.
    pub membership: Membership,
    /// The person.
    pub user: User,
    /// The organization's own role, when the membership has one.
    pub custom_role: Option<CustomRole>,
}

impl Member {
    /// Where the member stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.membership.created_at, id: self.membership.id.0 }
    }

    /// What the role holds, whether the membership counts or not.
    pub fn permissions(&self) -> Permissions {
        permissions(self.membership.role.role, self.custom_role.as_ref().map(|role| role.permissions))
    }
}

/// What a role holds: a built-in one by itself, the organization's own by its row.
pub(super) fn permissions(role: Role, own: Option<Permissions>) -> Permissions {
    if role == Role::Custom { own.unwrap_or(Permissions::NONE) } else { role.permissions() }
}

fn membership(row: &membership::Model) -> Result<Membership, StoreError> {
    Ok(Membership {
        id: MembershipId(row.id),
        organization_id: OrganizationId(row.organization_id),
        user_id: UserId(row.user_id),
        role: RoleChoice {
            role: known("memberships.role", &row.role, Role::parse(&row.role))?,
            role_id: row.role_id.map(RoleId),
        },
        status: known("memberships.status", &row.status, MembershipStatus::parse(&row.status))?,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn members() -> SelectStatement {
    let mut select = Query::select();
    select_columns::<membership::Entity>(&mut select, "memberships", "m_");
    select_columns::<user::Entity>(&mut select, "users", "u_");
    select_columns::<role::Entity>(&mut select, "roles", "r_");
    select
        .from(membership::Entity)
        .join(
            JoinType::InnerJoin,
            user::Entity,
            Expr::col((user::Entity, user::Column::Id))
                .equals((membership::Entity, membership::Column::UserId)),
        )
        .join(
            JoinType::LeftJoin,
            role::Entity,
            Expr::col((role::Entity, role::Column::Id))
                .equals((membership::Entity, membership::Column::RoleId)),
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
    let custom_role = match row.try_get::<Option<uuid::Uuid>>("", "r_id")? {
        Some(_) => Some(custom_role(role::Model::from_query_result(row, "r_")?)),
        None => None,
    };
    Ok(Member { membership, user: user_of(user::Model::from_query_result(row, "u_")?), custom_role })
}

/// The memberships that count: the others hold no seat, and their people are nobody.
pub(super) fn active() -> sea_orm::sea_query::SimpleExpr {
    membership::Column::Status.eq(MembershipStatus::Active.as_str())
}

async fn find_by_user(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
    user: UserId,
) -> Result<Option<Member>, StoreError> {
    let mut select = members_of(organization);
    select.and_where(Expr::col((membership::Entity, membership::Column::UserId)).eq(user.0));
    conn.query_one(&select).await?.as_ref().map(member).transpose()
}

/// What a person may do in an organization; `None` when their membership does not count or is not there.
pub(super) async fn grant_of(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
    user: UserId,
) -> Result<Option<Grant>, StoreError> {
    let member = find_by_user(conn, organization, user).await?;
    Ok(member
        .filter(|member| member.membership.status == MembershipStatus::Active)
        .map(|member| Grant { role: member.membership.role.role, permissions: member.permissions() }))
}

async fn count_active(conn: &impl ConnectionTrait, organization: OrganizationId) -> Result<u64, StoreError> {
    let members = membership::Entity::find()
        .filter(membership::Column::OrganizationId.eq(organization.0))
        .filter(active());
    Ok(members.count(conn).await?)
}

impl Store {
    /// A page of each organization's members, suspended ones included, oldest membership first.
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

    /// A person's membership of the organization, whether it counts or not.
    pub async fn find_member_by_user(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Member>, StoreError> {
        find_by_user(&self.db, organization, user).await
    }

    /// The members of an organization that count, in one of these roles.
    pub async fn members_in_roles(
        &self,
        organization: OrganizationId,
        roles: &[Role],
    ) -> Result<Vec<Member>, StoreError> {
        let mut select = members_of(organization);
        select
            .and_where(active())
            .and_where(membership::Column::Role.is_in(roles.iter().map(|role| role.as_str())));
        self.db.query_all(&select).await?.iter().map(member).collect()
    }

    /// How many members each organization has, suspended ones included.
    pub async fn count_members_of(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        let organization = membership::Column::OrganizationId;
        counts_by(&self.db, organizations, organization, membership::Entity::find()).await
    }

    /// How many people hold a seat in an organization: its members that are not suspended.
    pub async fn count_members(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        count_active(&self.db, organization).await
    }
}

impl WriteTransaction {
    /// How many people hold a seat in an organization.
    pub async fn count_members(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        count_active(&self.tx, organization).await
    }

    /// How many owners whose membership counts an organization has besides `except`.
    pub async fn count_other_owners(
        &self,
        organization: OrganizationId,
        except: MembershipId,
    ) -> Result<u64, StoreError> {
        let owners = membership::Entity::find()
            .filter(membership::Column::OrganizationId.eq(organization.0))
            .filter(membership::Column::Role.eq(Role::Owner.as_str()))
            .filter(membership::Column::Id.ne(except.0))
            .filter(active());
        Ok(owners.count(&self.tx).await?)
    }

    /// A member of the organization.
    pub async fn find_member(
        &self,
        organization: OrganizationId,
        id: MembershipId,
    ) -> Result<Option<Member>, StoreError> {
        let mut select = members_of(organization);
        select.and_where(Expr::col((membership::Entity, membership::Column::Id)).eq(id.0));
        self.tx.query_one(&select).await?.as_ref().map(member).transpose()
    }

    /// A person's membership of the organization.
    pub async fn find_member_by_user(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Member>, StoreError> {
        find_by_user(&self.tx, organization, user).await
    }

    /// What a person may do in an organization; `None` when their membership does not count or is not there.
    pub async fn grant_of(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Grant>, StoreError> {
        grant_of(&self.tx, organization, user).await
    }

    /// Makes a person a member. `Duplicate` when they are one.
    pub async fn create_membership(
        &self,
        organization: OrganizationId,
        user: UserId,
        role: impl Into<RoleChoice>,
    ) -> Result<Membership, StoreError> {
        let role = role.into();
        let row = membership::ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(organization.0),
            user_id: Set(user.0),
            role: Set(role.role.as_str().to_owned()),
            role_id: Set(role.role_id.map(|id| id.0)),
            status: Set(MembershipStatus::Active.as_str().to_owned()),
            version: Set(1),
            // What signed in before they went does not come back with them.
            sessions_revoked_at: Set(self.membership_ended_at(organization, user).await?),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        membership(&row.insert(&self.tx).await?)
    }

    /// Gives a member another role, suspends or reinstates them. `Changed` when the membership is not as it was read.
    pub async fn change_membership(
        &self,
        old: &Membership,
        role: RoleChoice,
        status: MembershipStatus,
    ) -> Result<Membership, StoreError> {
        let new = Membership { role, status, version: old.version + 1, updated_at: self.now, ..old.clone() };
        let mut update = membership::Entity::update_many();
        if status == MembershipStatus::Suspended {
            // For good: reinstating lets the person in, and none of the tokens of before.
            update = update.col_expr(membership::Column::SessionsRevokedAt, Expr::value(self.now));
        }
        let changed = update
            .col_expr(membership::Column::Role, Expr::value(role.role.as_str()))
            .col_expr(membership::Column::RoleId, Expr::value(role.role_id.map(|id| id.0)))
            .col_expr(membership::Column::Status, Expr::value(status.as_str()))
            .col_expr(membership::Column::Version, Expr::value(new.version))
            .col_expr(membership::Column::UpdatedAt, Expr::value(self.now))
            .filter(membership::Column::Id.eq(old.id.0))
            .filter(membership::Column::OrganizationId.eq(old.organization_id.0))
            .filter(membership::Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if changed.rows_affected == 0 {
            return Err(StoreError::Changed("membership"));
        }
        self.will_tell_of_member(old);
        Ok(new)
    }

    /// Ends a membership. `Changed` when it is not as it was read.
    pub async fn delete_membership(&self, old: &Membership) -> Result<(), StoreError> {
        let deleted = membership::Entity::delete_many()
            .filter(membership::Column::Id.eq(old.id.0))
            .filter(membership::Column::OrganizationId.eq(old.organization_id.0))
            .filter(membership::Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if deleted.rows_affected == 0 {
            return Err(StoreError::Changed("membership"));
        }
        let ended = membership_end::ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(old.organization_id.0),
            user_id: Set(old.user_id.0),
            ended_at: Set(self.now),
        };
        let columns = [membership_end::Column::OrganizationId, membership_end::Column::UserId];
        membership_end::Entity::insert(ended)
            .on_conflict(
                OnConflict::columns(columns).update_column(membership_end::Column::EndedAt).to_owned(),
            )
            .exec_without_returning(&self.tx)
            .await?;
        self.will_tell_of_member(old);
        Ok(())
    }

    /// When a person was a member of the organization last; `None` when they never ceased to be one.
    pub async fn membership_ended_at(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let ended = membership_end::Entity::find()
            .filter(membership_end::Column::OrganizationId.eq(organization.0))
            .filter(membership_end::Column::UserId.eq(user.0));
        Ok(ended.one(&self.tx).await?.map(|row| row.ended_at))
    }

    fn will_tell_of_member(&self, member: &Membership) {
        self.will_tell(Changed {
            organization_id: Some(member.organization_id),
            kind: ChangedKind::Membership,
            id: member.user_id.0,
        });
    }
}
