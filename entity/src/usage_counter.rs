//! What an organization used of one meter in one period, for limits.

use sea_orm::entity::prelude::*;

/// A row of `usage_counters`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_counters")]
pub struct Model {
    /// The tenant; the primary key with meter and period.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// Of which meter.
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    /// When the period began.
    #[sea_orm(primary_key, auto_increment = false)]
    pub period_start: DateTimeUtc,
    /// How many events.
    pub events: i64,
    /// Their sum: whole units, rounded down.
    pub sum_units: i64,
    /// And parts of 10^-12 of a unit.
    pub sum_fraction: i64,
    /// The largest: whole units, rounded down.
    pub max_units: i64,
    /// And parts of 10^-12 of a unit.
    pub max_fraction: i64,
    /// When the latest was; of two at one time the one with the greater id.
    pub last_at: DateTimeUtc,
    /// Its id.
    pub last_event_id: String,
    /// How much it was: whole units, rounded down.
    pub last_units: i64,
    /// And parts of 10^-12 of a unit.
    pub last_fraction: i64,
    /// When the row was last written.
    pub updated_at: DateTimeUtc,
    /// How many events there were when alerts looked at it last; null before they did.
    pub seen_events: Option<i64>,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
