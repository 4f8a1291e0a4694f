//! By what somebody who took a trial is known again.

use sea_orm::entity::prelude::*;

/// A row of `trial_marks`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "trial_marks")]
pub struct Model {
    /// `card` or `mail_domain`; the primary key with `value`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// The card's fingerprint, or the domain.
    #[sea_orm(primary_key, auto_increment = false)]
    pub value: String,
    /// The tenant that took the trial, or asks for it.
    pub organization_id: Uuid,
    /// When it was asked for last.
    pub claimed_at: DateTimeUtc,
    /// When the trial was taken; null while it is only asked for.
    pub consumed_at: Option<DateTimeUtc>,
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
