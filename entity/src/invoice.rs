//! The mirror of an invoice of Stripe's. Amounts are in minor units of `currency`.

use sea_orm::entity::prelude::*;

/// A row of `invoices`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invoices")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The subscription it bills; null for a one-off, or until the subscription is mirrored.
    pub subscription_id: Option<Uuid>,
    /// Stripe's `in_…`; unique.
    pub stripe_invoice_id: String,
    /// The number printed on it, unique; null while it is a draft.
    pub number: Option<String>,
    /// `draft`, `open`, `paid`, `void` or `uncollectible`.
    pub status: String,
    /// Stripe's word for why it was made: `subscription_create`, `subscription_cycle`, …
    pub billing_reason: Option<String>,
    /// ISO 4217, upper case.
    pub currency: String,
    /// Before tax.
    pub subtotal_minor: i64,
    /// Tax, as Stripe computed it.
    pub tax_minor: i64,
    /// After discounts and tax.
    pub total_minor: i64,
    /// What is asked for, after credit balance.
    pub amount_due_minor: i64,
    /// What has been paid.
    pub amount_paid_minor: i64,
    /// What is still owed.
    pub amount_remaining_minor: i64,
    /// When it is due; null when it is charged automatically.
    pub due_date: Option<DateTimeUtc>,
    /// Start of the period it bills.
    pub period_start: DateTimeUtc,
    /// End of the period it bills.
    pub period_end: DateTimeUtc,
    /// Its lines, a JSON array.
    #[sea_orm(column_type = "JsonBinary")]
    pub line_items: Json,
    /// Stripe's PDF.
    pub pdf_url: Option<String>,
    /// Stripe's page where it can be paid.
    pub hosted_url: Option<String>,
    /// How often payment was tried.
    pub attempt_count: i32,
    /// When payment is tried next; null when it is not.
    pub next_payment_attempt_at: Option<DateTimeUtc>,
    /// When it stopped being a draft.
    pub finalized_at: Option<DateTimeUtc>,
    /// When it was paid.
    pub paid_at: Option<DateTimeUtc>,
    /// When it was voided.
    pub voided_at: Option<DateTimeUtc>,
    /// The mirror's watermark: the moment of Stripe's state that this row shows.
    pub stripe_synced_at: DateTimeUtc,
    /// When Stripe made it.
    pub created_at: DateTimeUtc,
    /// When the row was last written.
    pub updated_at: DateTimeUtc,
    /// `charge_automatically` or `send_invoice`; null for rows of before it was kept.
    pub collection_method: Option<String>,
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
    /// Its subscription.
    #[sea_orm(
        belongs_to = "super::subscription::Entity",
        from = "Column::SubscriptionId",
        to = "super::subscription::Column::Id"
    )]
    Subscription,
    /// Its payments.
    #[sea_orm(has_many = "super::payment::Entity")]
    Payments,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl Related<super::subscription::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Subscription.def()
    }
}

impl Related<super::payment::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Payments.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
