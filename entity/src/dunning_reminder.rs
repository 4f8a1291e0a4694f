//! Reminders that dunning hands to notifications: one row for each step of each unpaid invoice.

use sea_orm::entity::prelude::*;

/// A row of `dunning_reminders`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dunning_reminders")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The subscription whose invoice is unpaid.
    pub subscription_id: Uuid,
    /// Stripe's `in_…` of the unpaid invoice.
    pub stripe_invoice_id: String,
    /// Which step of the policy, from zero.
    pub step: i32,
    /// Days after which the step follows; below zero where that was not kept.
    pub after_days: i32,
    /// What it says: `payment_failed`, `reminder`, `final_notice`, `suspension`.
    pub kind: String,
    /// The access that the step leaves: `full`, `limited`, `none`.
    pub access: String,
    /// When the step fell due.
    pub due_at: DateTimeUtc,
    /// When notifications took it over; null while it waits.
    pub delivered_at: Option<DateTimeUtc>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
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
}

impl ActiveModelBehavior for ActiveModel {}
