//! An invitation into an organization.

use sea_orm::entity::prelude::*;

/// A row of `invitations`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitations")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The invited address, in lower case.
    pub email: String,
    /// The address while the invitation is open, else null; unique with `organization_id`: one is open at a time.
    pub open_email: Option<String>,
    /// The role it gives, as in `memberships.role`.
    pub role: String,
    /// The organization's own role, when `role` says so.
    pub role_id: Option<Uuid>,
    /// SHA-256 of the token, in hexadecimal; unique.
    pub token_hash: String,
    /// `pending`, `accepted`, `revoked` or `replaced`.
    pub state: String,
    /// Whose rights it passes on.
    pub invited_by: Uuid,
    /// Who accepted it.
    pub accepted_by: Option<Uuid>,
    /// From then on it cannot be accepted.
    pub expires_at: DateTimeUtc,
    /// When it was accepted, revoked or replaced.
    pub closed_at: Option<DateTimeUtc>,
    /// Counts the changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last written.
    pub updated_at: DateTimeUtc,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
