//! What a plan costs in one currency and interval. Like Stripe's, a price never changes: a new
//! amount is a new row.

use sea_orm::entity::prelude::*;

/// A row of `prices`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "prices")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The plan it prices.
    pub plan_id: Uuid,
    /// ISO 4217, upper case.
    pub currency: String,
    /// For one seat and interval, in minor units of `currency`.
    pub unit_amount_minor: i64,
    /// `month` or `year`.
    pub billing_interval: String,
    /// Stripe's `price_…`, once published; unique.
    pub stripe_price_id: Option<String>,
    /// Whether it is sold; at most one is, of a plan, currency and interval.
    pub is_active: bool,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When a newer price replaced it; null while it is sold.
    pub archived_at: Option<DateTimeUtc>,
}

/// The joins that queries make from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its plan.
    #[sea_orm(belongs_to = "super::plan::Entity", from = "Column::PlanId", to = "super::plan::Column::Id")]
    Plan,
}

impl Related<super::plan::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Plan.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
