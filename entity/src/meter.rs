//! What is measured.

use sea_orm::entity::prelude::*;

/// A row of `meters`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "meters")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Its name in events and plans, unique.
    pub name: String,
    /// What one of it is.
    pub unit: String,
    /// What it is, in people's words.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// What one quantity is made of the events of a period.
    pub aggregation: String,
    /// When it begins anew.
    pub reset_period: String,
    /// The property of events whose different values are counted.
    pub key_property: Option<String>,
    /// Counts the changes.
    pub version: i64,
    /// When it was taken out of use.
    pub archived_at: Option<DateTimeUtc>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last written by a change.
    pub updated_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
