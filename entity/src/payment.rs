//! The mirror of a payment intent of Stripe's. Amounts are in minor units of `currency`.

use sea_orm::entity::prelude::*;

/// A row of `payments`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payments")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The invoice it pays; null for a payment on its own, or until the invoice is mirrored.
    pub invoice_id: Option<Uuid>,
    /// Stripe's `pi_…`; unique.
    pub stripe_payment_intent_id: String,
    /// Stripe's `cus_…`.
    pub stripe_customer_id: Option<String>,
    /// Stripe's `in_…`: known before the invoice itself is mirrored.
    pub stripe_invoice_id: Option<String>,
    /// What was asked for.
    pub amount_minor: i64,
    /// What was collected.
    pub amount_received_minor: i64,
    /// What was given back.
    pub amount_refunded_minor: i64,
    /// ISO 4217, upper case.
    pub currency: String,
    /// `succeeded`, `pending`, `failed` or `canceled`, and what Stripe has between them.
    pub status: String,
    /// Stripe's `pm_…`.
    pub payment_method: Option<String>,
    /// For people: `visa •••• 4242`.
    pub payment_method_summary: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Stripe's metadata, a JSON object of strings.
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
    /// Stripe's `code` of the last failure.
    pub failure_code: Option<String>,
    /// The issuer's reason for the last decline.
    pub decline_code: Option<String>,
    /// A sentence about the last failure, for people.
    pub failure_message: Option<String>,
    /// Stripe's `ch_…` of the latest attempt.
    pub stripe_charge_id: Option<String>,
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
