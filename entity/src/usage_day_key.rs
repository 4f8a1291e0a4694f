//! A key that a meter counted on one day.

use sea_orm::entity::prelude::*;

/// A row of `usage_day_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_day_keys")]
pub struct Model {
    /// The tenant; the primary key with all the rest.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// Of which meter.
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    /// The day, of the calendar that the organization had when it was recorded.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Date,
    /// The key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_value: String,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
