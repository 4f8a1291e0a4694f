//! What happens when payments fail and when trials end: the platform's policy, and overrides by organization.

use sea_orm::entity::prelude::*;

/// A row of `billing_policies`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "billing_policies")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The organization that it is for; null for the platform's.
    pub organization_id: Option<Uuid>,
    /// `platform`, or the organization's id: unique where the id alone, being null, could not be.
    pub scope: String,
    /// The policy.
    #[sea_orm(column_type = "JsonBinary")]
    pub document: Json,
    /// Counts the changes, for optimistic concurrency.
    pub version: i64,
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

impl ActiveModelBehavior for ActiveModel {}
