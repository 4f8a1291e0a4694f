//! What can be subscribed to. A Custom plan belongs to one organization.

use sea_orm::entity::prelude::*;

/// A row of `plans`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plans")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The only organization that may take it; null for the public catalogue.
    pub organization_id: Option<Uuid>,
    /// The name shown to people.
    pub name: String,
    /// The name in code and in `subscriptions.plan_type`; unique.
    pub slug: String,
    /// What it offers, in a sentence or two; may be empty.
    pub description: String,
    /// The list price for one interval, in minor units of `currency`.
    pub price_minor: i64,
    /// ISO 4217, upper case.
    pub currency: String,
    /// `month` or `year`.
    pub billing_interval: String,
    /// Entitlements and limits, by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub features: Json,
    /// Length of the trial in days; 0 for none.
    pub trial_days: i32,
    /// Seats covered by the price; null for no limit.
    pub seats_included: Option<i32>,
    /// Place in the catalogue, ascending.
    pub sort_order: i32,
    /// Whether it is listed for everybody.
    pub is_public: bool,
    /// Whether new subscriptions may take it.
    pub is_active: bool,
    /// Stripe's `prod_…`, once published; unique.
    pub stripe_product_id: Option<String>,
    /// Stripe's `price_…` of the list price, once published.
    pub stripe_price_id: Option<String>,
    /// Grows by one with every write: optimistic concurrency.
    pub version: i64,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last written.
    pub updated_at: DateTimeUtc,
    /// When it left the catalogue; null while it is in it.
    pub archived_at: Option<DateTimeUtc>,
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
    /// Its prices.
    #[sea_orm(has_many = "super::price::Entity")]
    Prices,
    /// Its subscriptions.
    #[sea_orm(has_many = "super::subscription::Entity")]
    Subscriptions,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl Related<super::price::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Prices.def()
    }
}

impl Related<super::subscription::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Subscriptions.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
