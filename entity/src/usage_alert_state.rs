//! What an organization was told of its usage of a meter in the period that runs.

use sea_orm::entity::prelude::*;

/// A row of `usage_alert_states`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_alert_states")]
pub struct Model {
    /// The tenant; the primary key with the meter.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// Of which meter.
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    /// The period, and the thresholds that were reached in it.
    #[sea_orm(column_type = "JsonBinary")]
    pub state: Json,
    /// Since when a limit that refuses is used up.
    pub used_up_since: Option<DateTimeUtc>,
    /// When it begins anew.
    pub used_up_until: Option<DateTimeUtc>,
    /// When it is to be looked at though nothing is recorded.
    pub look_again_at: Option<DateTimeUtc>,
    /// When the row was last written.
    pub updated_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
