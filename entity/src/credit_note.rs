//! The mirror of a credit note of Stripe's. Amounts are in minor units of `currency`.

use sea_orm::entity::prelude::*;

/// A row of `credit_notes`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "credit_notes")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The invoice it is of.
    pub invoice_id: Uuid,
    /// Stripe's `cn_…`; unique.
    pub stripe_credit_note_id: String,
    /// Its number, for people.
    pub number: String,
    /// `issued` or `void`.
    pub status: String,
    /// What it takes off.
    pub amount_minor: i64,
    /// The part that makes less to pay.
    pub pre_payment_minor: i64,
    /// The part that is given back.
    pub post_payment_minor: i64,
    /// The part of it that refunds give back, in minor units.
    pub refunded_minor: i64,
    /// ISO 4217, upper case.
    pub currency: String,
    /// Stripe's `reason`.
    pub reason: Option<String>,
    /// What stands on it.
    pub memo: Option<String>,
    /// The PDF at Stripe.
    pub pdf_url: Option<String>,
    /// When it was voided.
    pub voided_at: Option<DateTimeUtc>,
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
    /// Its invoice.
    #[sea_orm(
        belongs_to = "super::invoice::Entity",
        from = "Column::InvoiceId",
        to = "super::invoice::Column::Id"
    )]
    Invoice,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl Related<super::invoice::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Invoice.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
