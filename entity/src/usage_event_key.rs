//! Which events were seen: an id counts once for organization and meter.

use sea_orm::entity::prelude::*;

/// A row of `usage_event_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_event_keys")]
pub struct Model {
    /// The tenant; the primary key with meter and event.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// Of which meter.
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    /// The id that its sender gave it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: String,
    /// When it was taken in.
    pub received_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
