//! How far a reading of Stripe has come.

use sea_orm::entity::prelude::*;

/// A row of `sync_cursors`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sync_cursors")]
pub struct Model {
    /// Primary key: which reading, for example the event list.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The position, for example the last event's id.
    pub value: String,
    /// When it last moved.
    pub updated_at: DateTimeUtc,
}

/// No joins are made from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
