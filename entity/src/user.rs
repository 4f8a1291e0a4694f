//! A person, known by the identity provider that vouches for them; never by an email address.

use sea_orm::entity::prelude::*;

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The token's `iss`.
    pub issuer: String,
    /// The token's `sub`; unique with `issuer`.
    pub subject: String,
    /// The address as the newest token told it: for display, never for looking a person up.
    pub email: Option<String>,
    /// The name as the newest token told it.
    pub name: Option<String>,
    /// The locale that the newest token told, a BCP 47 tag: how texts for the person are written.
    pub locale: Option<String>,
    /// The time zone that the newest token told, a name of the IANA's database.
    pub time_zone: Option<String>,
    /// Whether a token ever said that the person works for the company that runs the gateway. What a person may do is what
    /// the token at hand says.
    pub is_platform_staff: bool,
    /// When the token was made that told this; an older one says nothing new.
    pub told_at: Option<DateTimeUtc>,
    /// Who signed in before this is signed out, everywhere; null when nobody asked for it.
    pub sessions_revoked_at: Option<DateTimeUtc>,
    /// When the person was first seen.
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
}

impl Related<super::membership::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Memberships.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
