//! An organization's subscription: the mirror of Stripe's, or a local one for the free plan.

use sea_orm::entity::prelude::*;

/// A row of `subscriptions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subscriptions")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The plan; null when Stripe's price is not in the catalogue.
    pub plan_id: Option<Uuid>,
    /// The price it is billed at; null for the free plan and for unknown prices.
    pub price_id: Option<Uuid>,
    /// Stripe's `sub_…`, unique; null for the free plan and until Stripe has answered.
    pub stripe_subscription_id: Option<String>,
    /// Stripe's `cus_…`.
    pub stripe_customer_id: Option<String>,
    /// The plan's slug; empty when the plan is unknown.
    pub plan_type: String,
    /// Stripe's word: `incomplete`, `incomplete_expired`, `trialing`, `active`, `past_due`,
    /// `canceled`, `unpaid`, `paused`.
    pub status: String,
    /// Seats.
    pub quantity: i64,
    /// Start of the paid period.
    pub current_period_start: Option<DateTimeUtc>,
    /// End of the paid period.
    pub current_period_end: Option<DateTimeUtc>,
    /// Start of the trial.
    pub trial_start: Option<DateTimeUtc>,
    /// End of the trial.
    pub trial_end: Option<DateTimeUtc>,
    /// When it is due to be cancelled.
    pub cancel_at: Option<DateTimeUtc>,
    /// Whether it ends with the current period.
    pub cancel_at_period_end: bool,
    /// When cancelling was asked for.
    pub canceled_at: Option<DateTimeUtc>,
    /// When it was over.
    pub ended_at: Option<DateTimeUtc>,
    /// Why, in Stripe's word or the customer's.
    pub cancellation_reason: Option<String>,
    /// Stripe's word for the reason that the customer chose: `too_expensive`, `unused`, ….
    pub cancellation_feedback: Option<String>,
    /// Whether collecting payment is paused.
    pub collection_paused: bool,
    /// What becomes of invoices meanwhile: `keep_as_draft`, `mark_uncollectible`, `void`.
    pub collection_pause_behavior: Option<String>,
    /// When collecting goes on by itself.
    pub collection_resumes_at: Option<DateTimeUtc>,
    /// When a change that waits for its payment is given up; null when none waits.
    pub pending_update_expires_at: Option<DateTimeUtc>,
    /// The discounts on it, as a list; null before the first synchronisation that knew them.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub discounts: Option<Json>,
    /// Stripe's `sub_sched_…` that is attached.
    pub stripe_schedule_id: Option<String>,
    /// The price at Stripe that it changes to; null when nothing is scheduled.
    pub scheduled_stripe_price_id: Option<String>,
    /// The seats that it changes to.
    pub scheduled_quantity: Option<i64>,
    /// When it changes.
    pub scheduled_at: Option<DateTimeUtc>,
    /// The free plan that begins when it ends with its period; null when none does.
    pub next_plan_id: Option<Uuid>,
    /// The units of that plan.
    pub next_quantity: Option<i64>,
    /// Stripe's `pm_…` that pays its invoices.
    pub default_payment_method: Option<String>,
    /// Stripe's `in_…` of its newest invoice.
    pub latest_stripe_invoice_id: Option<String>,
    /// The mirror's watermark: the moment of Stripe's state that this row shows; null while it is
    /// only local.
    pub stripe_synced_at: Option<DateTimeUtc>,
    /// When it began.
    pub started_at: Option<DateTimeUtc>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
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
    /// Its plan.
    #[sea_orm(belongs_to = "super::plan::Entity", from = "Column::PlanId", to = "super::plan::Column::Id")]
    Plan,
    /// Its price.
    #[sea_orm(belongs_to = "super::price::Entity", from = "Column::PriceId", to = "super::price::Column::Id")]
    Price,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl Related<super::plan::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Plan.def()
    }
}

impl Related<super::price::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Price.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
