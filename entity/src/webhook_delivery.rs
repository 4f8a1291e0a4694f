//! A webhook to one address: what is sent, and what came of it.

use sea_orm::entity::prelude::*;

/// A row of `webhook_deliveries`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_deliveries")]
pub struct Model {
    /// Primary key, UUID version 7; its `webhook-id` is made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// Where it is sent.
    pub webhook_endpoint_id: Uuid,
    /// What it tells; once for each address.
    pub outbox_message_id: Uuid,
    /// The body, as it was first sent: every attempt sends the same while the endpoint is the one that it was made for.
    #[sea_orm(column_type = "Text", nullable)]
    pub payload: Option<String>,
    /// With whose rights the body was made.
    pub payload_acts_for: Option<Uuid>,
    /// For which address.
    #[sea_orm(column_type = "Text", nullable)]
    pub payload_url: Option<String>,
    /// With which version of the endpoint's query.
    pub payload_selection_version: Option<i64>,
    /// Whether the query could not be answered in full.
    pub payload_has_errors: bool,
    /// Since when it is to be sent: since it was made, or since somebody let it be sent again.
    pub waiting_since: DateTimeUtc,
    /// Pending, delivered, failed or held.
    pub state: String,
    /// How often it was tried since it was last to be sent.
    pub attempts: i32,
    /// From then on it is due; while somebody works on it, the end of their lease.
    pub next_attempt_at: DateTimeUtc,
    /// Proves the claim.
    pub lease_token: Option<Uuid>,
    /// What went wrong last.
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
    /// The HTTP status of the last answer.
    pub response_status: Option<i32>,
    /// The beginning of the last answer.
    #[sea_orm(column_type = "Text", nullable)]
    pub response_body: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it was taken, or given up.
    pub finished_at: Option<DateTimeUtc>,
}

/// No joins are declared.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
