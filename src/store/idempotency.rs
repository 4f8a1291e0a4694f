//! The callers' own idempotency keys: the same key with the same input gives the same answer for 24 hours.

use chrono::{DateTime, Duration, Utc};
use entity::idempotency_key::{ActiveModel, Column, Entity};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::transaction::was_inserted;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{BillingOperationId, OrganizationId, UserId};

/// How long a key is kept.
const KEPT: Duration = Duration::hours(24);

/// A key to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIdempotencyRecord {
    /// Who called.
    pub user_id: UserId,
    /// On which organization, if on one.
    pub organization_id: Option<OrganizationId>,
    /// Hash of caller, organization, mutation and key.
    pub scope_hash: String,
    /// The mutation's field name.
    pub mutation: &'static str,
    /// Hash of the input without the key.
    pub input_hash: String,
}

/// A key that was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct IdempotencyRecord {
    /// Hash of the input that came with the key.
    pub input_hash: String,
    /// The operation that answers, when Stripe was needed.
    pub operation_id: Option<BillingOperationId>,
    /// The answer, when Stripe was not needed.
    pub answer: Option<serde_json::Value>,
}

pub(super) async fn keep_key(
    tx: &DatabaseTransaction,
    id: Uuid,
    now: DateTime<Utc>,
    new: &NewIdempotencyRecord,
    operation: Option<BillingOperationId>,
    answer: Option<serde_json::Value>,
) -> Result<bool, StoreError> {
    Entity::delete_many()
        .filter(Column::ScopeHash.eq(&new.scope_hash))
        .filter(Column::ExpiresAt.lt(now))
        .exec(tx)
        .await?;
    let inserted = Entity::insert(ActiveModel {
        id: Set(id),
        user_id: Set(new.user_id.0),
        organization_id: Set(new.organization_id.map(|id| id.0)),
        scope_hash: Set(new.scope_hash.clone()),
        mutation: Set(new.mutation.to_owned()),
        input_hash: Set(new.input_hash.clone()),
        operation_id: Set(operation.map(|id| id.0)),
        answer: Set(answer),
        created_at: Set(now),
        expires_at: Set(now + KEPT),
    })
    .on_conflict(OnConflict::column(Column::ScopeHash).do_nothing().to_owned())
    .try_insert()
    .exec_without_returning(tx)
    .await?;
    Ok(was_inserted(&inserted))
}

/// Forgets the key of an operation that was not begun.
pub(super) async fn forget_key(
    tx: &DatabaseTransaction,
    operation: BillingOperationId,
) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::OperationId.eq(operation.0)).exec(tx).await?;
    Ok(())
}

impl Store {
    /// The kept key of this scope, unless it has expired.
    pub async fn find_idempotency_record(
        &self,
        scope_hash: &str,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let row = Entity::find()
            .filter(Column::ScopeHash.eq(scope_hash))
            .filter(Column::ExpiresAt.gte(self.clock.now()))
            .one(&self.db)
            .await?;
        Ok(row.map(|row| IdempotencyRecord {
            input_hash: row.input_hash,
            operation_id: row.operation_id.map(BillingOperationId),
            answer: row.answer,
        }))
    }
}

impl WriteTransaction {
    /// Keeps a key with its answer, in the transaction of the change. `Changed` when the key was used meanwhile.
    pub async fn keep_answer(
        &self,
        new: &NewIdempotencyRecord,
        answer: serde_json::Value,
    ) -> Result<(), StoreError> {
        let kept = keep_key(&self.tx, self.next_id(), self.now, new, None, Some(answer)).await?;
        if kept { Ok(()) } else { Err(StoreError::Changed("idempotency key")) }
    }
}
