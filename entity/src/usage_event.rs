//! What was recorded once. The database has no key for it: `usage_event_keys` says what was seen.

use sea_orm::entity::prelude::*;

/// A row of `usage_events`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_events")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// Of which meter.
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    /// The id that its sender gave it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: String,
    /// When it was.
    pub occurred_at: DateTimeUtc,
    /// How much: whole units, rounded down.
    pub quantity_units: i64,
    /// And parts of 10^-12 of a unit.
    pub quantity_fraction: i64,
    /// What is counted when different ones are.
    pub key_value: Option<String>,
    /// What else its sender said of it, an object.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub properties: Option<Json>,
    /// When it was taken in.
    pub received_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
