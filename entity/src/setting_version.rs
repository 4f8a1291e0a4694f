//! One section of an organization's settings as it was at one version: appended, never changed.

use sea_orm::entity::prelude::*;

/// A row of `setting_versions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "setting_versions")]
pub struct Model {
    /// Primary key, UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// `general`, `billing`, `notifications` or `security`.
    pub section: String,
    /// The version, unique with `organization_id` and `section`; zero is what there was before anybody wrote.
    pub version: i64,
    /// The settings, a JSON object.
    #[sea_orm(column_type = "JsonBinary")]
    pub document: Json,
    /// Who wrote it; null for the system.
    pub changed_by: Option<Uuid>,
    /// With which API key, when a program wrote it.
    pub api_key_id: Option<Uuid>,
    /// The version that was brought back by it, when one was.
    pub restored_version: Option<i64>,
    /// When it was written.
    pub created_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
