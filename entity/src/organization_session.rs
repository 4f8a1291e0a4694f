//! When a person's session last acted where an organization bounds how long one may be idle.

use sea_orm::entity::prelude::*;

/// A row of `organization_sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_sessions")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The person.
    pub user_id: Uuid,
    /// Hash of what the token tells of its session; unique with `organization_id` and `user_id`.
    pub session_key: String,
    /// When it acted last, to the minute.
    pub last_seen_at: DateTimeUtc,
    /// When the row was made.
    pub created_at: DateTimeUtc,
}

/// No joins are declared: who is calling is read with one made by hand.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
