//! A customer of the product: the tenant that every other row belongs to.

use sea_orm::entity::prelude::*;

/// A row of `organizations`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The name shown to people.
    pub name: String,
    /// The name in addresses; unique.
    pub slug: String,
    /// Stripe's `cus_…`, once the customer exists there; unique.
    pub stripe_customer_id: Option<String>,
    /// ISO 4217, upper case: the one currency Stripe has fixed for this customer, null before the
    /// first charge.
    pub currency: Option<String>,
    /// When what stands here of the Stripe customer was last known to equal it; null before there is one.
    pub stripe_synced_at: Option<DateTimeUtc>,
    /// Whether `seed` made it: demonstration data, never a paying customer.
    pub is_demo: bool,
    /// What becomes of a seat that a member leaves: `now`, `period_end` or `keep`.
    pub seat_release: String,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last written.
    pub updated_at: DateTimeUtc,
}

/// The joins that queries make from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its memberships.
    #[sea_orm(has_many = "super::membership::Entity")]
    Memberships,
    /// Its subscriptions.
    #[sea_orm(has_many = "super::subscription::Entity")]
    Subscriptions,
    /// Its invoices.
    #[sea_orm(has_many = "super::invoice::Entity")]
    Invoices,
    /// Its payment methods.
    #[sea_orm(has_many = "super::payment_method::Entity")]
    PaymentMethods,
    /// Its payments.
    #[sea_orm(has_many = "super::payment::Entity")]
    Payments,
}

impl Related<super::membership::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Memberships.def()
    }
}

impl Related<super::subscription::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Subscriptions.def()
    }
}

impl Related<super::invoice::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Invoices.def()
    }
}

impl Related<super::payment_method::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::PaymentMethods.def()
    }
}

impl Related<super::payment::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Payments.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
