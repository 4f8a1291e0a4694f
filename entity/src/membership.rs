//! A person's place in an organization, with a role.

use sea_orm::entity::prelude::*;

/// A row of `memberships`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "memberships")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The member; unique with `organization_id`.
    pub user_id: Uuid,
    /// `owner`, `admin`, `billing_manager`, `auditor` or `member`; `custom` for one of the organization's own.
    pub role: String,
    /// The organization's own role, when `role` says so.
    pub role_id: Option<Uuid>,
    /// `active` or `suspended`.
    pub status: String,
    /// Counts the changes.
    pub version: i64,
    /// Who signed in before this is signed out of this organization; null when nobody asked for it.
    pub sessions_revoked_at: Option<DateTimeUtc>,
    /// When the person joined.
    pub created_at: DateTimeUtc,
    /// When the row was last written.
    pub updated_at: DateTimeUtc,
}

/// The joins that queries make from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its organization.
    #[sea_orm(
        belongs_to = "super::organization::Entity",
        from = "Column::OrganizationId",
        to = "super::organization::Column::Id"
    )]
    Organization,
    /// Its user.
    #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
    User,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
