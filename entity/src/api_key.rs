//! A key with which a program acts for a person, in one organization.

use sea_orm::entity::prelude::*;

/// A row of `api_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// Whose key it is: it can do nothing that this person cannot.
    pub user_id: Uuid,
    /// What people call it.
    pub name: String,
    /// The beginning of the secret, by which people know it again.
    pub prefix: String,
    /// SHA-256 of the secret, in hexadecimal; unique.
    pub secret_hash: String,
    /// The hash of the secret before, while that still counts; unique.
    pub previous_hash: Option<String>,
    /// Until when the secret before counts.
    pub previous_until: Option<DateTimeUtc>,
    /// The words of the permissions it was given, a list.
    #[sea_orm(column_type = "JsonBinary")]
    pub scopes: Json,
    /// The networks it may be used from, a list; all when empty.
    #[sea_orm(column_type = "JsonBinary")]
    pub allowed_addresses: Json,
    /// From then on it does not count.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<DateTimeUtc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTimeUtc>,
    /// Counts the changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last written by a change.
    pub updated_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
