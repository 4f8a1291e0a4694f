//! A fact that people are to be told of, written in the transaction that made it one.

use sea_orm::entity::prelude::*;

/// A row of `outbox_messages`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox_messages")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The word of what happened, `invoice_paid`.
    pub event: String,
    /// What it happened to; unique for the event, so that a fact is told once.
    pub subject: String,
    /// What was known then, a document.
    #[sea_orm(column_type = "JsonBinary")]
    pub fact: Json,
    /// The one address it is told to, when that is no member's: an invitation's.
    pub address: Option<String>,
    /// A secret that the message carries, sealed; taken away once it is told.
    #[sea_orm(column_type = "Text", nullable)]
    pub sealed_secret: Option<String>,
    /// Pending, done or dead.
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
    /// When the fact was written.
    pub created_at: DateTimeUtc,
    /// When it was taken apart into deliveries.
    pub done_at: Option<DateTimeUtc>,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
