//! An intention to change something at Stripe, recorded before Stripe is called, and what came of
//! it.

use sea_orm::entity::prelude::*;

/// A row of `billing_operations`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "billing_operations")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The tenant; null for operations on the catalogue.
    pub organization_id: Option<Uuid>,
    /// Who asked; null for the system.
    pub user_id: Option<Uuid>,
    /// The key with which it was asked for, when one was.
    pub api_key_id: Option<Uuid>,
    /// What is intended: `subscription_create`, `invoice_pay`, …
    pub kind: String,
    /// The id of the thing it acts on.
    pub resource_id: Option<String>,
    /// All that is needed to make the call again.
    #[sea_orm(column_type = "JsonBinary")]
    pub parameters: Json,
    /// The key sent to Stripe, the same on every attempt; unique.
    pub stripe_idempotency_key: String,
    /// `PENDING`, `CONFIRMED`, `REQUIRES_ACTION`, `FAILED` or `UNKNOWN`.
    pub state: String,
    /// How often Stripe was called.
    pub attempts: i32,
    /// What Stripe answered.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub outcome: Option<Json>,
    /// The code of the refusal.
    pub error_code: Option<String>,
    /// The sentence of the refusal.
    pub error_message: Option<String>,
    /// What it locks while it is open, unique; null once it is settled. So a scope has one open
    /// operation.
    pub open_scope: Option<String>,
    /// Until when its worker may act; after it a sweeper takes over.
    pub lease_until: DateTimeUtc,
    /// Grows by one with every claim: a worker with an older one cannot write.
    pub fencing_token: i64,
    /// When whoever held it let go of it without knowing its outcome; null while somebody holds it.
    pub released_at: Option<DateTimeUtc>,
    /// When an event told of it since somebody began to run it.
    pub heard_at: Option<DateTimeUtc>,
    /// The request that asked, as in the log.
    pub request_id: Option<String>,
    /// Where that request came from.
    pub ip_address: Option<String>,
    /// What that request was made with.
    pub user_agent: Option<String>,
    /// When it was recorded.
    pub created_at: DateTimeUtc,
    /// When the row was last written.
    pub updated_at: DateTimeUtc,
    /// When its outcome was certain.
    pub settled_at: Option<DateTimeUtc>,
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
    /// Its user.
    #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
    User,
}

impl Related<super::organization::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Organization.def()
    }
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
