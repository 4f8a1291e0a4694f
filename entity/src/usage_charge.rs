//! What one meter came to in one billing period of a subscription: written before Stripe is asked to bill it.

use sea_orm::entity::prelude::*;

/// A row of `usage_charges`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_charges")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// Of which subscription.
    pub subscription_id: Uuid,
    /// Of which period.
    pub usage_period_id: Uuid,
    /// Of which meter.
    pub meter_id: Uuid,
    /// When the period began.
    pub period_start: DateTimeUtc,
    /// When it ended.
    pub period_end: DateTimeUtc,
    /// Counts what was billed of it: 0 when it was closed, then what came late.
    pub part: i32,
    /// What was used that was not billed before, as a decimal.
    pub quantity: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What it comes to, in minor units; below zero when it gives something back.
    pub amount_minor: i64,
    /// Its lines, a list.
    #[sea_orm(column_type = "JsonBinary")]
    pub lines: Json,
    /// All of the period so far, with the parts before, as it was rated: a list.
    #[sea_orm(column_type = "JsonBinary")]
    pub rated: Json,
    /// Where it is billed.
    pub place: String,
    /// The invoice at Stripe, when it is known.
    pub stripe_invoice_id: Option<String>,
    /// The invoice item at Stripe.
    pub stripe_invoice_item_id: Option<String>,
    /// The operation that bills it.
    pub operation_id: Option<Uuid>,
    /// When it was known to be billed.
    pub billed_at: Option<DateTimeUtc>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last written by a change.
    pub updated_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
