//! A way to pay, as Stripe keeps it. Of a card or an account only what may be shown; never its number.

use sea_orm::entity::prelude::*;

/// A row of `payment_methods`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_methods")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// Stripe's `pm_…`; unique.
    pub stripe_payment_method_id: String,
    /// Stripe's `cus_…` it is attached to.
    pub stripe_customer_id: String,
    /// Stripe's `type`: `card`, `us_bank_account`, …
    pub kind: String,
    /// `visa`, `mastercard`, …
    pub card_brand: Option<String>,
    /// The last four digits.
    pub card_last4: Option<String>,
    /// Month of expiry, 1 to 12.
    pub card_exp_month: Option<i32>,
    /// Year of expiry, four digits.
    pub card_exp_year: Option<i32>,
    /// The issuer's country, ISO 3166-1 alpha-2.
    pub card_country: Option<String>,
    /// Stripe's fingerprint: equal for equal cards.
    pub card_fingerprint: Option<String>,
    /// Of a bank account, the bank's name.
    pub bank_name: Option<String>,
    /// Of a bank account, the last digits.
    pub bank_last4: Option<String>,
    /// Whether invoices are charged to it.
    pub is_default: bool,
    /// When it was taken off the customer; null while it can be charged.
    pub detached_at: Option<DateTimeUtc>,
    /// The mirror's watermark: the moment of Stripe's state that this row shows.
    pub stripe_synced_at: DateTimeUtc,
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
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
