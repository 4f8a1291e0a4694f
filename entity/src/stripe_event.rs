//! An event of Stripe's as received: the durable inbox. It has no foreign keys: taking an event in
//! must never fail because of other rows.

use sea_orm::entity::prelude::*;

/// A row of `stripe_events`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stripe_events")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The Stripe account it is about, empty for our own; unique with `livemode` and `event_id`.
    pub account: String,
    /// Whether real money is meant.
    pub livemode: bool,
    /// Stripe's `evt_…`.
    pub event_id: String,
    /// `invoice.paid`, …
    pub event_type: String,
    /// The API version that the payload is written in.
    pub api_version: Option<String>,
    /// The id of the object that it tells of.
    pub object_id: Option<String>,
    /// The customer it is about, as far as the payload says.
    pub stripe_customer_id: Option<String>,
    /// How it came: `webhook` or `sweep`.
    pub source: Option<String>,
    /// The tenant, once it is known.
    pub organization_id: Option<Uuid>,
    /// When Stripe made the event.
    pub stripe_created_at: DateTimeUtc,
    /// The raw body as received, byte for byte.
    #[sea_orm(column_type = "Text")]
    pub payload: String,
    /// `received`, `processing`, `applied`, `ignored` or `dead`.
    pub state: String,
    /// How often applying it was tried.
    pub attempts: i32,
    /// When it may be tried (again).
    pub next_attempt_at: DateTimeUtc,
    /// Until when a worker holds it; null when none does.
    pub lease_until: Option<DateTimeUtc>,
    /// Which worker's claim holds it: a worker that lost its lease cannot write.
    pub lease_token: Option<Uuid>,
    /// What went wrong the last time.
    pub last_error: Option<String>,
    /// When it reached us.
    pub received_at: DateTimeUtc,
    /// When its effects were committed.
    pub applied_at: Option<DateTimeUtc>,
}

/// No joins are made from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
