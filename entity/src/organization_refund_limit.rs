//! How much a person in a role may give back of one organization's payments, in place of what holds for all.

use sea_orm::entity::prelude::*;

/// A row of `organization_refund_limits`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization_refund_limits")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant that paid; unique with the role and the currency.
    pub organization_id: Uuid,
    /// The role.
    pub role: String,
    /// ISO 4217, upper case.
    pub currency: String,
    /// What one person may give back in a day.
    pub daily_minor: i64,
    /// Above this a second person must approve.
    pub approval_above_minor: i64,
    /// Who said so last; null for the system.
    pub updated_by: Option<Uuid>,
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
