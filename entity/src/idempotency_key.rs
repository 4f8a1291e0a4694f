//! A client's idempotency key: the same key with the same input gives the same answer until it
//! expires.

use sea_orm::entity::prelude::*;

/// A row of `idempotency_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// Primary key, UUID version 7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The caller.
    pub user_id: Uuid,
    /// The tenant; null for mutations that have none.
    pub organization_id: Option<Uuid>,
    /// Hash of caller, organization, mutation and client key, hexadecimal; unique.
    pub scope_hash: String,
    /// The mutation's field name.
    pub mutation: String,
    /// Hash of the input: another one under the same key is a conflict.
    pub input_hash: String,
    /// The billing operation that it began.
    pub operation_id: Option<Uuid>,
    /// What was answered; null while it is being worked on.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub answer: Option<Json>,
    /// When the key was first used.
    pub created_at: DateTimeUtc,
    /// When it may be forgotten.
    pub expires_at: DateTimeUtc,
}

/// The joins that queries make from here.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its user.
    #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
    User,
    /// Its billing operation.
    #[sea_orm(
        belongs_to = "super::billing_operation::Entity",
        from = "Column::OperationId",
        to = "super::billing_operation::Column::Id"
    )]
    BillingOperation,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl Related<super::billing_operation::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::BillingOperation.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
