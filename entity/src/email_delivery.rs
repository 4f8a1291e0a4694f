//! A mail that is to be sent to one address.

use sea_orm::entity::prelude::*;

/// A row of `email_deliveries`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_deliveries")]
pub struct Model {
    /// Primary key, UUID version 7; its Message-ID is made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// What it tells.
    pub outbox_message_id: Uuid,
    /// The address; once for each message.
    pub recipient: String,
    /// Whose address it is, when they are told as a member: they are not when they have ceased to be one.
    pub user_id: Option<Uuid>,
    /// The reader's locale, a BCP 47 tag.
    pub locale: String,
    /// The reader's time zone, by its IANA name.
    pub time_zone: String,
    /// Pending, sent, logged, canceled or dead.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// From then on it is due; while somebody works on it, the end of their lease.
    pub next_attempt_at: DateTimeUtc,
    /// Proves the claim.
    pub lease_token: Option<Uuid>,
    /// What went wrong last.
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it was sent, or given up.
    pub finished_at: Option<DateTimeUtc>,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
