//! The mirror of a dispute of Stripe's. Amounts are in minor units of `currency`.

use sea_orm::entity::prelude::*;

/// A row of `disputes`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "disputes")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The payment it is about.
    pub payment_id: Uuid,
    /// Stripe's `du_…`; unique.
    pub stripe_dispute_id: String,
    /// Stripe's `ch_…` that it is about.
    pub stripe_charge_id: String,
    /// What is disputed.
    pub amount_minor: i64,
    /// ISO 4217, upper case.
    pub currency: String,
    /// Stripe's state.
    pub status: String,
    /// The cardholder's reason, in Stripe's word.
    pub reason: String,
    /// When evidence must be with Stripe.
    pub evidence_due_by: Option<DateTimeUtc>,
    /// Whether evidence was prepared.
    pub has_evidence: bool,
    /// Whether the payment can be refunded instead.
    pub is_refundable: bool,
    /// The mirror's watermark: the moment of Stripe's state that this row shows.
    pub stripe_synced_at: DateTimeUtc,
    /// When Stripe made it.
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
