//! One attempt of a payment: the mirror of a charge of Stripe's. Amounts are in minor units of `currency`.

use sea_orm::entity::prelude::*;

/// A row of `payment_attempts`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_attempts")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The payment that was attempted.
    pub payment_id: Uuid,
    /// Stripe's `ch_…`; unique.
    pub stripe_charge_id: String,
    /// `pending`, `succeeded` or `failed`.
    pub status: String,
    /// What was tried to be charged.
    pub amount_minor: i64,
    /// ISO 4217, upper case.
    pub currency: String,
    /// Stripe's `pm_…`.
    pub payment_method: Option<String>,
    /// For people: `visa •••• 4242`.
    pub payment_method_summary: Option<String>,
    /// Stripe's `code` of the failure.
    pub failure_code: Option<String>,
    /// The issuer's reason for the decline.
    pub decline_code: Option<String>,
    /// A sentence about the failure, for people.
    pub failure_message: Option<String>,
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
