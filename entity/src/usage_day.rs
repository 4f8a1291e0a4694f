//! What an organization used of one meter on one day of its calendar.

use sea_orm::entity::prelude::*;

/// A row of `usage_days`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_days")]
pub struct Model {
    /// The tenant; the primary key with meter and day.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// Of which meter.
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    /// The day, of the calendar that the organization had when it was recorded.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Date,
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
}

/// The joins that queries make from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its meter.
    #[sea_orm(belongs_to = "super::meter::Entity", from = "Column::MeterId", to = "super::meter::Column::Id")]
    Meter,
}

impl Related<super::meter::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Meter.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
