//! A billing period of a subscription, as usage is billed by it.

use sea_orm::entity::prelude::*;

/// A row of `usage_periods`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_periods")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// Of which subscription.
    pub subscription_id: Uuid,
    /// When it began.
    pub period_start: DateTimeUtc,
    /// When it ends by the calendar.
    pub period_end: DateTimeUtc,
    /// When it did end.
    pub ended_at: Option<DateTimeUtc>,
    /// Whether the subscription ended with it.
    pub is_last: bool,
    /// What held in each stretch of it, a list.
    #[sea_orm(column_type = "JsonBinary")]
    pub segments: Json,
    /// When its end was seen, by our clock.
    pub seen_ended_at: Option<DateTimeUtc>,
    /// When it was closed.
    pub closed_at: Option<DateTimeUtc>,
    /// When its usage was last rated.
    pub rated_at: Option<DateTimeUtc>,
    /// What it was rated by, a list, once it is closed.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub terms: Option<Json>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last written by a change.
    pub updated_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
