//! What an organization used of one meter on one day (UTC).

use sea_orm::entity::prelude::*;

/// A row of `usage_daily`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_daily")]
pub struct Model {
    /// The tenant; the primary key with `day` and `meter`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    /// The day, in UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Date,
    /// What is counted: `api_calls`, `storage_gb`, …
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter: String,
    /// The day's sum, in the meter's unit.
    pub quantity: i64,
    /// When the row was last written.
    pub updated_at: DateTimeUtc,
}

/// The joins that queries make from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its organization.
    #[sea_orm(
        belongs_to = "super::organization::Entity",
        from = "Column::OrganizationId",
        to = "super::organization::Column::Id"
    )]
    Organization,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
