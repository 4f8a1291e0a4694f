//! Roles that organizations put together themselves.

use entity::role::{ActiveModel, Column, Entity, Model};
use entity::{invitation, membership};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
};

use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, RoleId};
use crate::domain::permission::Permissions;
use crate::domain::role::CustomRole;

/// A role to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleTerms {
    /// The name people read.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it holds.
    pub permissions: Permissions,
}

pub(super) fn custom_role(row: Model) -> CustomRole {
    CustomRole {
        id: RoleId(row.id),
        organization_id: OrganizationId(row.organization_id),
        permissions: Permissions::parse(&row.permissions),
        name: row.name,
        description: row.description,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn words(permissions: Permissions) -> serde_json::Value {
    serde_json::to_value(permissions).expect("words are plain data")
}

impl Store {
    /// The roles that an organization put together, by name. There are few.
    pub async fn roles_of(&self, organization: OrganizationId) -> Result<Vec<CustomRole>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .order_by_asc(Column::Name)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(custom_role).collect())
    }

    /// Roles by id, whoever's they are: the caller checks the tenant.
    pub async fn roles(&self, ids: &[RoleId]) -> Result<Vec<CustomRole>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        Ok(rows.into_iter().map(custom_role).collect())
    }
}

impl WriteTransaction {
    /// A role of the organization.
    pub async fn find_role(
        &self,
        organization: OrganizationId,
        id: RoleId,
    ) -> Result<Option<CustomRole>, StoreError> {
        let row =
            Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization.0)).one(&self.tx).await?;
        Ok(row.map(custom_role))
    }

    /// How many roles the organization put together.
    pub async fn count_roles(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        Ok(Entity::find().filter(Column::OrganizationId.eq(organization.0)).count(&self.tx).await?)
    }

    /// Puts a role together. `Duplicate` of `name` when the organization has one of that name.
    pub async fn create_role(
        &self,
        organization: OrganizationId,
        terms: RoleTerms,
    ) -> Result<CustomRole, StoreError> {
        let row = ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(organization.0),
            name: Set(terms.name),
            description: Set(terms.description),
            permissions: Set(words(terms.permissions)),
            version: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        Ok(custom_role(row.insert(&self.tx).await?))
    }

    /// Changes a role. `Changed` when it is not as it was read, `Duplicate` of `name` when the name is taken.
    pub async fn update_role(&self, old: &CustomRole, terms: RoleTerms) -> Result<CustomRole, StoreError> {
        let changed = Entity::update_many()
            .col_expr(Column::Name, Expr::value(terms.name.clone()))
            .col_expr(Column::Description, Expr::value(terms.description.clone()))
            .col_expr(Column::Permissions, Expr::value(words(terms.permissions)))
            .col_expr(Column::Version, Expr::value(old.version + 1))
            .col_expr(Column::UpdatedAt, Expr::value(self.now))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if changed.rows_affected == 0 {
            return Err(StoreError::Changed("role"));
        }
        let RoleTerms { name, description, permissions } = terms;
        let version = old.version + 1;
        Ok(CustomRole { name, description, permissions, version, updated_at: self.now, ..old.clone() })
    }

    /// Takes a role away. `Changed` when it is not as it was read.
    pub async fn delete_role(&self, old: &CustomRole) -> Result<(), StoreError> {
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if deleted.rows_affected == 0 { Err(StoreError::Changed("role")) } else { Ok(()) }
    }

    /// How many members have a role, and how many open invitations give it.
    pub async fn count_holders_of_role(&self, role: &CustomRole) -> Result<(u64, u64), StoreError> {
        let members = membership::Entity::find()
            .filter(membership::Column::OrganizationId.eq(role.organization_id.0))
            .filter(membership::Column::RoleId.eq(role.id.0))
            .count(&self.tx)
            .await?;
        let invitations = invitation::Entity::find()
            .filter(invitation::Column::OrganizationId.eq(role.organization_id.0))
            .filter(invitation::Column::RoleId.eq(role.id.0))
            .filter(invitation::Column::OpenEmail.is_not_null())
            .filter(invitation::Column::ExpiresAt.gt(self.now))
            .count(&self.tx)
            .await?;
        Ok((members, invitations))
    }
}
