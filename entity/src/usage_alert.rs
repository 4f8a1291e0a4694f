//! What an organization wants to be told of its usage of a meter.

use sea_orm::entity::prelude::*;

/// A row of `usage_alerts`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_alerts")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// Of which meter.
    pub meter_id: Uuid,
    /// From where on, as a list.
    #[sea_orm(column_type = "JsonBinary")]
    pub thresholds: Json,
    /// What usage may come to in a period, in minor units.
    pub spend_limit_minor: Option<i64>,
    /// The currency of that, ISO 4217.
    pub spend_limit_currency: Option<String>,
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
