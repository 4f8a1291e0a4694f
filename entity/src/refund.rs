//! What is given back of a payment: asked for here, mirrored from Stripe. Amounts are in minor units of `currency`.

use sea_orm::entity::prelude::*;

/// A row of `refunds`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refunds")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The payment it is of.
    pub payment_id: Uuid,
    /// Stripe's `re_…`, once it exists there; unique.
    pub stripe_refund_id: Option<String>,
    /// What is given back.
    pub amount_minor: i64,
    /// ISO 4217, upper case.
    pub currency: String,
    /// Ours before Stripe has it, Stripe's afterwards.
    pub status: String,
    /// Stripe's `reason`.
    pub reason: Option<String>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// What the person who asked for it noted.
    pub note: Option<String>,
    /// Who asked for it; null when it was made at Stripe.
    pub requested_by: Option<Uuid>,
    /// Who approved or rejected it.
    pub decided_by: Option<Uuid>,
    /// When that was.
    pub decided_at: Option<DateTimeUtc>,
    /// The mirror's watermark; null before Stripe has it.
    pub stripe_synced_at: Option<DateTimeUtc>,
    /// When it was asked for.
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
    /// Its payment.
    #[sea_orm(
        belongs_to = "super::payment::Entity",
        from = "Column::PaymentId",
        to = "super::payment::Column::Id"
    )]
    Payment,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl Related<super::payment::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Payment.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
