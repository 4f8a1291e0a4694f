//! Who did what to what. Written in the transaction of the change and never changed; it names rows
//! that may be gone, so it has no foreign keys.

use sea_orm::entity::prelude::*;

/// A row of `audit_logs`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_logs")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant; null for what the platform did to itself.
    pub organization_id: Option<Uuid>,
    /// `user`, `api_key`, `system` or `stripe`.
    pub actor_kind: String,
    /// The person, or whose key it is, when `actor_kind` has one.
    pub user_id: Option<Uuid>,
    /// The key, when `actor_kind` is one.
    pub api_key_id: Option<Uuid>,
    /// What was done: `subscription.cancel`, …
    pub action: String,
    /// The noun: `subscription`, `plan`, …
    pub resource_type: String,
    /// The thing's id, ours or, before we have one, Stripe's.
    pub resource_id: String,
    /// `success` or `failure`.
    pub outcome: String,
    /// What it was, redacted.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub old_values: Option<Json>,
    /// What it became, redacted.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub new_values: Option<Json>,
    /// Where the request came from.
    pub ip_address: Option<String>,
    /// What the request was made with.
    pub user_agent: Option<String>,
    /// The request's id, as in the log.
    pub request_id: Option<String>,
    /// When it happened.
    pub created_at: DateTimeUtc,
}

/// No joins are made from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
