//! What a subscription came to, from when it was learned until the next row.

use sea_orm::entity::prelude::*;

/// A row of `subscription_records`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription_records")]
pub struct Model {
    /// Which subscription; the primary key with the time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subscription_id: Uuid,
    /// When it was learned.
    #[sea_orm(primary_key, auto_increment = false)]
    pub recorded_at: DateTimeUtc,
    /// The tenant.
    pub organization_id: Uuid,
    /// Stripe's word for the state.
    pub status: String,
    /// The plan, when it was one of ours.
    pub plan_id: Option<Uuid>,
    /// The currency of its price, when that was one of ours.
    pub currency: Option<String>,
    /// What its price comes to in a month, in minor units, whatever the state.
    pub monthly_minor: i64,
    /// Seats.
    pub quantity: i64,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
