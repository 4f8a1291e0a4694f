//! An address of a consumer's that webhooks are sent to.

use sea_orm::entity::prelude::*;

/// A row of `webhook_endpoints`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoints")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant.
    pub organization_id: Uuid,
    /// The address.
    #[sea_orm(column_type = "Text")]
    pub url: String,
    /// What it is for, in people's words.
    pub description: String,
    /// The words of the events that are sent, a list; all when it is empty.
    #[sea_orm(column_type = "JsonBinary")]
    pub events: Json,
    /// What is sent: a GraphQL query.
    #[sea_orm(column_type = "Text")]
    pub selection: String,
    /// Counts the changes of the query.
    pub selection_version: i64,
    /// Whose rights the query is run with: who chose address and query.
    pub acts_for: Uuid,
    /// The signing secret, sealed; none once it is deleted.
    #[sea_orm(column_type = "Text", nullable)]
    pub sealed_secret: Option<String>,
    /// The secret before, sealed, while it signs too.
    #[sea_orm(column_type = "Text", nullable)]
    pub sealed_previous: Option<String>,
    /// Until when the secret before signs.
    pub previous_until: Option<DateTimeUtc>,
    /// Enabled or disabled.
    pub state: String,
    /// Why it is disabled.
    pub disabled_reason: Option<String>,
    /// Since when nothing was taken; none while it answers.
    pub failing_since: Option<DateTimeUtc>,
    /// When people were warned of that.
    pub warned_at: Option<DateTimeUtc>,
    /// How often in a row nothing was taken.
    pub failures: i32,
    /// Nothing is sent there before.
    pub backoff_until: Option<DateTimeUtc>,
    /// When something of it was last claimed: who waited longest comes first.
    pub claimed_at: DateTimeUtc,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
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
