//! When a person was a member of an organization last.

use sea_orm::entity::prelude::*;

/// A row of `membership_ends`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "membership_ends")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The person; unique with `organization_id`.
    pub user_id: Uuid,
    /// When their membership ended last.
    pub ended_at: DateTimeUtc,
}

/// No joins are declared: it is looked at by itself, when a person becomes a member again.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
