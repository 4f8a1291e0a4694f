//! What one organization may use, in the place of what its plan says.

use sea_orm::entity::prelude::*;

/// A row of `entitlement_overrides`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "entitlement_overrides")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The feature's name in plans.
    pub feature: String,
    /// What counts in the place of the plan's value.
    #[sea_orm(column_type = "JsonBinary")]
    pub value: Json,
    /// Why.
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    /// From when on the plan's value counts again.
    pub expires_at: Option<DateTimeUtc>,
    /// Who wrote it last.
    pub updated_by: Option<Uuid>,
    /// Counts the changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last written by a change.
    pub updated_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
