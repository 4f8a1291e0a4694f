//! What an organization was told of its usage.

use sea_orm::entity::prelude::*;

/// A row of `usage_notices`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_notices")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// Of which meter.
    pub meter_id: Uuid,
    /// When the period began in which the threshold was reached.
    pub period_start: DateTimeUtc,
    /// The threshold in one word; with organization, meter, period and kind it comes once.
    pub threshold_key: String,
    /// What the notice says.
    pub kind: String,
    /// The threshold.
    #[sea_orm(column_type = "JsonBinary")]
    pub threshold: Json,
    /// What the meter said.
    #[sea_orm(column_type = "JsonBinary")]
    pub reading: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
