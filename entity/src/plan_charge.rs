//! What a plan charges for usage, from a time on.

use sea_orm::entity::prelude::*;

/// A row of `plan_charges`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plan_charges")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Of which plan.
    pub plan_id: Uuid,
    /// From when on.
    pub since: DateTimeUtc,
    /// The charges, a list.
    #[sea_orm(column_type = "JsonBinary")]
    pub charges: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
