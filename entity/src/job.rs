//! A job that one process at a time runs, and how it went last.

use sea_orm::entity::prelude::*;

/// A row of `jobs`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    /// Primary key: which job, for example the sweep of one account and mode.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Which process's run holds it; null when none does.
    pub lease_token: Option<Uuid>,
    /// Until when it is held.
    pub lease_until: Option<DateTimeUtc>,
    /// When it was last begun.
    pub started_at: Option<DateTimeUtc>,
    /// When it last came to its end.
    pub finished_at: Option<DateTimeUtc>,
    /// Why it last failed; null when it did not.
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
    /// What it did the last time it came to its end.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub report: Option<Json>,
}

/// No joins are made from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
