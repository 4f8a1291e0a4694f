//! A field in which a row and Stripe's object differed when they were compared.

use sea_orm::entity::prelude::*;

/// A row of `billing_drifts`; unique by organization, object and field.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "billing_drifts")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// `subscription`, `invoice`, `payment`, `payment_method`, `credit_note`, `customer` or `customer_details`.
    pub resource_type: String,
    /// The id of the object at Stripe.
    pub stripe_object_id: String,
    /// The field; `exists` when one side lacks the object.
    pub field: String,
    /// What our row said.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub local_value: Option<Json>,
    /// What Stripe's object said.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub stripe_value: Option<Json>,
    /// The probable cause.
    pub cause: String,
    /// When it was first found.
    pub found_at: DateTimeUtc,
    /// When it was last found.
    pub seen_at: DateTimeUtc,
    /// When both sides were equal again; null while they differ.
    pub mended_at: Option<DateTimeUtc>,
    /// What mended it: `comparison`, `repair`, `event` or `sync`.
    pub mended_by: Option<String>,
}

/// No joins are made from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
