//! One section of an organization's settings, as a versioned document.

use sea_orm::entity::prelude::*;

/// A row of `organization_settings`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_settings")]
pub struct Model {
    /// The tenant; the primary key with `section`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// `general`, `billing`, `notifications` or `security`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub section: String,
    /// Grows by one with every write: a stale write is a conflict.
    pub version: i64,
    /// The settings, a JSON object.
    #[sea_orm(column_type = "JsonBinary")]
    pub document: Json,
    /// Who wrote it last; null for the system.
    pub updated_by: Option<Uuid>,
    /// When the row was made.
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
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
