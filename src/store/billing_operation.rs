//! Billing operations: intentions written down before Stripe is asked, one open at a time for each scope.

use chrono::{DateTime, Duration, Utc};
use entity::billing_operation::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Order, Query, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::error::known;
use super::holding::{Held, held};
use super::idempotency::{NewIdempotencyRecord, forget_key, keep_key};
use super::organization::lock_organization;
use super::transaction::was_inserted;
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::audit::{Actor, ActorKind};
use crate::domain::billing_operation::{BillingOperation, OperationState};
use crate::domain::ids::{ApiKeyId, BillingOperationId, OrganizationId, UserId};
use crate::domain::permission::Permission;

/// How often opening an operation is tried while others come and go.
const OPENING_ATTEMPTS: u32 = 16;

/// An intention to be written down.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// The organization, or none for the catalogue.
    pub organization_id: Option<OrganizationId>,
    /// Who asks.
    pub actor: Actor,
    /// What is intended.
    pub kind: &'static str,
    /// Everything that is needed to do it, or to do it again after a crash.
    pub parameters: serde_json::Value,
    /// What it must have for itself: no two open operations share a scope.
    pub scope: String,
    /// How long the process that opens it has, before another takes over.
    pub lease: Duration,
    /// The caller's own key.
    pub idempotency: Option<NewIdempotencyRecord>,
}

/// An operation as it is stored, held by this process.
#[derive(Clone, Debug)]
pub struct OperationRecord {
    /// What callers see of it.
    pub operation: BillingOperation,
    /// Who asked.
    pub actor: Actor,
    /// What was written down.
    pub parameters: serde_json::Value,
    /// What came of it, once settled.
    pub outcome: Option<serde_json::Value>,
    /// Proves that this process holds it: grows with each take-over.
    pub fencing_token: i64,
}

/// What opening an operation came to.
#[derive(Debug)]
pub enum Opened {
    /// It is written down and held by this process.
    Operation(OperationRecord),
    /// Another operation has the scope.
    Busy(BillingOperation),
    /// The caller's key was used meanwhile.
    KeyUsed,
    /// Whoever asks may not do it, or not any more.
    Refused {
        /// What they may do.
        held: Held,
        /// What it needs.
        needs: Permission,
    },
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationSettlement {
    /// CONFIRMED, REQUIRES_ACTION or FAILED; PENDING when the bank decides later.
    pub state: OperationState,
    /// What came of it: ids of what was made.
    pub outcome: serde_json::Value,
    /// The error's code, when it failed.
    pub error_code: Option<String>,
    /// The error's sentence, when it failed.
    pub error_message: Option<String>,
}

fn operation(row: &Model) -> Result<BillingOperation, StoreError> {
    Ok(BillingOperation {
        id: BillingOperationId(row.id),
        organization_id: row.organization_id.map(OrganizationId),
        kind: row.kind.clone(),
        state: known("billing_operations.state", &row.state, OperationState::parse(&row.state))?,
        attempts: row.attempts,
        error_code: row.error_code.clone(),
        error_message: row.error_message.clone(),
        created_at: row.created_at,
        settled_at: row.settled_at,
    })
}

fn record(row: Model) -> Result<OperationRecord, StoreError> {
    Ok(OperationRecord {
        operation: operation(&row)?,
        actor: Actor {
            user_id: row.user_id.map(UserId),
            api_key_id: row.api_key_id.map(ApiKeyId),
            kind: match (row.api_key_id, row.user_id) {
                (Some(_), _) => ActorKind::ApiKey,
                (None, Some(_)) => ActorKind::User,
                (None, None) => ActorKind::System,
            },
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            request_id: row.request_id,
            // They were let in when it was written down, and it is done whatever became of them.
            session: None,
            is_staff: false,
        },
        parameters: row.parameters,
        outcome: row.outcome,
        fencing_token: row.fencing_token,
    })
}

/// A lease until then has run out.
fn past(now: DateTime<Utc>) -> DateTime<Utc> {
    now - Duration::seconds(1)
}

/// Neither settled nor left to a bank, and held by nobody any more.
fn abandoned(now: DateTime<Utc>) -> SimpleExpr {
    Column::State
        .is_in([OperationState::Pending.as_str(), OperationState::Unknown.as_str()])
        .and(Column::OpenScope.is_not_null())
        .and(Column::LeaseUntil.lt(now))
}

impl Store {
    /// Writes an intention down and commits it, before Stripe is asked. It is not the change itself: the audit record
    /// is written when it is settled. With `needs` whoever asks must hold that at this moment, in the session that they came
    /// with: a right that was lost, or a session that was ended, since they were let in opens nothing.
    pub async fn open_operation(
        &self,
        new: NewOperation,
        needs: Option<Permission>,
    ) -> Result<Opened, StoreError> {
        // Whoever had the scope may settle between our insert and our look at it: then it is free, and we try again.
        for _ in 0..OPENING_ATTEMPTS {
            if let Some(opened) = self.try_open_operation(new.clone(), needs).await? {
                return Ok(opened);
            }
        }
        Err(StoreError::Changed("operation"))
    }

    /// One try; `None` when the scope was taken and is free again.
    async fn try_open_operation(
        &self,
        new: NewOperation,
        needs: Option<Permission>,
    ) -> Result<Option<Opened>, StoreError> {
        let now = self.clock.now();
        let id = BillingOperationId(self.ids.next());
        // On SQLite it takes the write lock at once: what is asked first is so when it is written.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = self.db.begin_with_options(options).await?;
        if let Some((needs, organization)) = needs.zip(new.organization_id) {
            lock_organization(&tx, organization).await?;
            let held = held(&tx, now, organization, &new.actor).await?;
            if !held.suffices(needs) {
                tx.rollback().await?;
                return Ok(Some(Opened::Refused { held, needs }));
            }
        }
        match insert_operation(&tx, id, self.ids.next(), now, &new).await? {
            Some(opened @ Opened::Operation(_)) => {
                tx.commit().await?;
                Ok(Some(opened))
            }
            not_opened => {
                tx.rollback().await?;
                Ok(not_opened)
            }
        }
    }

    /// An operation with its outcome.
    pub async fn find_operation(
        &self,
        id: BillingOperationId,
    ) -> Result<Option<OperationRecord>, StoreError> {
        Entity::find_by_id(id.0).one(&self.db).await?.map(record).transpose()
    }

    /// Operations by id, whoever's they are: the caller checks the tenant.
    pub async fn operations(&self, ids: &[BillingOperationId]) -> Result<Vec<BillingOperation>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.iter().map(operation).collect()
    }

    /// Takes over up to `limit` operations whose holder is gone or did not learn the outcome.
    pub async fn take_over_operations(
        &self,
        limit: u64,
        lease: Duration,
    ) -> Result<Vec<OperationRecord>, StoreError> {
        let now = self.clock.now();
        let candidates = Query::select()
            .column(Column::Id)
            .from(Entity)
            .and_where(abandoned(now))
            .order_by(Column::LeaseUntil, Order::Asc)
            .limit(limit)
            .to_owned();
        let mut taken = Vec::new();
        for row in Entity::find().filter(Column::Id.in_subquery(candidates)).all(&self.db).await? {
            let claimed = Entity::update_many()
                .col_expr(Column::FencingToken, Expr::col(Column::FencingToken).add(1))
                .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
                .col_expr(Column::LeaseUntil, Expr::value(now + lease))
                .col_expr(Column::ReleasedAt, Expr::value(Option::<DateTime<Utc>>::None))
                .col_expr(Column::HeardAt, Expr::value(Option::<DateTime<Utc>>::None))
                .col_expr(Column::UpdatedAt, Expr::value(now))
                .filter(Column::Id.eq(row.id))
                .filter(Column::FencingToken.eq(row.fencing_token))
                .filter(abandoned(now))
                .exec(&self.db)
                .await?;
            if claimed.rows_affected == 1 {
                let mut record = record(row)?;
                record.fencing_token += 1;
                record.operation.attempts += 1;
                taken.push(record);
            }
        }
        Ok(taken)
    }

    /// Shows that whoever holds an operation is at it still. `false` when it is settled, was let go of, or is another's by now.
    pub async fn renew_operation(
        &self,
        id: BillingOperationId,
        fencing_token: i64,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let renewed = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(self.clock.now() + lease))
            .filter(Column::Id.eq(id.0))
            .filter(Column::FencingToken.eq(fencing_token))
            .filter(Column::OpenScope.is_not_null())
            .filter(Column::ReleasedAt.is_null())
            .exec(&self.db)
            .await?;
        Ok(renewed.rows_affected == 1)
    }

    /// Notes that Stripe's answer was lost: the operation stays open, and is taken over at `retry_at`, or at once when an event
    /// told of it meanwhile.
    pub async fn mark_operation_unknown(
        &self,
        record: &OperationRecord,
        retry_at: DateTime<Utc>,
        message: &str,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let next =
            Expr::case(Column::HeardAt.is_null(), Expr::value(retry_at)).finally(Expr::value(past(now)));
        Entity::update_many()
            .col_expr(Column::State, Expr::value(OperationState::Unknown.as_str()))
            .col_expr(Column::ErrorMessage, Expr::value(message.to_owned()))
            .col_expr(Column::LeaseUntil, next.into())
            .col_expr(Column::ReleasedAt, Expr::value(now))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .filter(Column::Id.eq(record.operation.id.0))
            .filter(Column::FencingToken.eq(record.fencing_token))
            .filter(Column::OpenScope.is_not_null())
            .exec(&self.db)
            .await?;
        self.tell(changed(record)).await
    }

    /// What is under way of an organization, or is this one, and what nobody knows the outcome of.
    pub async fn unsettled_operations(
        &self,
        organization: Option<OrganizationId>,
        id: Option<BillingOperationId>,
    ) -> Result<Vec<OperationRecord>, StoreError> {
        if organization.is_none() && id.is_none() {
            return Ok(Vec::new());
        }
        let whose = Condition::any()
            .add_option(organization.map(|it| Column::OrganizationId.eq(it.0)))
            .add_option(id.map(|it| Column::Id.eq(it.0)));
        let rows = Entity::find()
            .filter(Column::State.is_in([OperationState::Pending.as_str(), OperationState::Unknown.as_str()]))
            .filter(Column::OpenScope.is_not_null())
            .filter(whose)
            .all(&self.db)
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// Notes that an event told of an operation. One that nobody holds is due now; whoever holds it finds the note when the
    /// answer is lost.
    pub async fn hear_of_operation(&self, record: &OperationRecord) -> Result<(), StoreError> {
        let now = self.clock.now();
        let next = Expr::case(Column::ReleasedAt.is_null(), Expr::col(Column::LeaseUntil))
            .finally(Expr::value(past(now)));
        Entity::update_many()
            .col_expr(Column::HeardAt, Expr::value(now))
            .col_expr(Column::LeaseUntil, next.into())
            .filter(Column::Id.eq(record.operation.id.0))
            .filter(Column::OpenScope.is_not_null())
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Settles an operation that changed nothing: Stripe was not reached, or refused before anything was done. There is
    /// no change, so no audit record.
    pub async fn abandon_operation(
        &self,
        record: &OperationRecord,
        settlement: OperationSettlement,
    ) -> Result<(), StoreError> {
        settle(&self.db, self.clock.now(), record, settlement).await?;
        self.tell(changed(record)).await
    }

    /// The same, and writes down in the same transaction what is to be done because of it. With `forgets_key` the caller's
    /// key of it is forgotten, as [`Store::withdraw_operation`] does.
    pub async fn abandon_operation_for(
        &self,
        record: &OperationRecord,
        settlement: OperationSettlement,
        next: &NewOperation,
        forgets_key: bool,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let tx = self.db.begin().await?;
        settle(&tx, now, record, settlement).await?;
        if forgets_key {
            forget_key(&tx, record.operation.id).await?;
        }
        let id = BillingOperationId(self.ids.next());
        match insert_operation(&tx, id, self.ids.next(), now, next).await? {
            Some(Opened::Operation(_)) => {}
            // Somebody has the scope that this one just gave free.
            _ => return Err(StoreError::Changed("operation")),
        }
        tx.commit().await?;
        self.tell(changed(record)).await
    }
}

/// The mark in an operation's parameters that its checks were passed: from then on something may have been sent, and whoever
/// takes it over goes on without them.
pub const CHECKED: &str = "checked_at";

impl OperationRecord {
    /// Whether the operation's checks were passed when it was read. Nothing is sent before they are.
    pub fn is_checked(&self) -> bool {
        self.parameters.get(CHECKED).is_some()
    }
}

impl Store {
    /// Writes an operation's parameters with what was noted in them, for whoever takes it over. `Changed` when another process
    /// took it over already.
    pub async fn note_operation(
        &self,
        record: &OperationRecord,
        parameters: serde_json::Value,
    ) -> Result<(), StoreError> {
        let noted = Entity::update_many()
            .col_expr(Column::Parameters, Expr::value(parameters))
            .filter(Column::Id.eq(record.operation.id.0))
            .filter(Column::FencingToken.eq(record.fencing_token))
            .filter(Column::OpenScope.is_not_null())
            .exec(&self.db)
            .await?;
        if noted.rows_affected == 0 { Err(StoreError::Changed("operation")) } else { Ok(()) }
    }

    /// Settles an operation of which nothing was sent, or that failed by a fault of ours, and forgets the caller's key of it:
    /// the same request is a new one.
    pub async fn withdraw_operation(
        &self,
        record: &OperationRecord,
        settlement: OperationSettlement,
    ) -> Result<(), StoreError> {
        let tx = self.db.begin().await?;
        settle(&tx, self.clock.now(), record, settlement).await?;
        forget_key(&tx, record.operation.id).await?;
        tx.commit().await?;
        self.tell(changed(record)).await
    }
}

impl WriteTransaction {
    /// The operation that has a scope for itself, if one does.
    pub async fn find_open_operation(&self, scope: &str) -> Result<Option<BillingOperation>, StoreError> {
        let holder = Entity::find().filter(Column::OpenScope.eq(scope)).one(&self.tx).await?;
        holder.map(|row| operation(&row)).transpose()
    }

    /// Writes an intention down together with the change it belongs to. Whatever is not `Operation` must be rolled
    /// back; `None` when the scope was taken and is free again.
    pub async fn open_operation(&self, new: &NewOperation) -> Result<Option<Opened>, StoreError> {
        let id = BillingOperationId(self.next_id());
        insert_operation(&self.tx, id, self.next_id(), self.now, new).await
    }

    /// Settles an operation in the transaction of its effect. `Changed` when another process took it over meanwhile:
    /// then this effect must not be committed.
    pub async fn settle_operation(
        &self,
        record: &OperationRecord,
        settlement: OperationSettlement,
    ) -> Result<(), StoreError> {
        settle(&self.tx, self.now, record, settlement).await?;
        self.will_tell(changed(record));
        Ok(())
    }

    /// Forgets the caller's key of an operation: the same request is a new one.
    pub async fn forget_key_of(&self, record: &OperationRecord) -> Result<(), StoreError> {
        forget_key(&self.tx, record.operation.id).await
    }
}

fn changed(record: &OperationRecord) -> Changed {
    Changed {
        organization_id: record.operation.organization_id,
        kind: ChangedKind::BillingOperation,
        id: record.operation.id.0,
    }
}

/// Let go of, and left to a cardholder or to a bank.
fn waiting() -> SimpleExpr {
    Column::State
        .is_in([OperationState::RequiresAction.as_str(), OperationState::Pending.as_str()])
        .and(Column::OpenScope.is_null())
}

impl WriteTransaction {
    /// The organization's operations that wait for a cardholder or for a bank, oldest first. However old: an invoice may be paid
    /// or given up months after a bank asked for its cardholder.
    pub async fn waiting_operations(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<OperationRecord>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(waiting())
            .order_by_asc(Column::CreatedAt)
            .all(&self.tx)
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// Settles an operation that waited for a cardholder or a bank. `Changed` when another process did.
    pub async fn settle_waiting_operation(
        &self,
        record: &OperationRecord,
        settlement: OperationSettlement,
    ) -> Result<(), StoreError> {
        let settled = Entity::update_many()
            .col_expr(Column::State, Expr::value(settlement.state.as_str()))
            .col_expr(Column::Outcome, Expr::value(settlement.outcome))
            .col_expr(Column::ErrorCode, Expr::value(settlement.error_code))
            .col_expr(Column::ErrorMessage, Expr::value(settlement.error_message))
            .col_expr(Column::UpdatedAt, Expr::value(self.now))
            .col_expr(Column::SettledAt, Expr::value(settlement.state.is_settled().then_some(self.now)))
            .filter(Column::Id.eq(record.operation.id.0))
            .filter(Column::State.eq(record.operation.state.as_str()))
            .filter(waiting())
            .exec(&self.tx)
            .await?;
        if settled.rows_affected == 0 {
            return Err(StoreError::Changed("operation"));
        }
        self.will_tell(changed(record));
        Ok(())
    }
}

/// Writes an intention and the caller's key of it; `None` when the scope was taken and is free again.
async fn insert_operation(
    conn: &DatabaseTransaction,
    id: BillingOperationId,
    key_id: uuid::Uuid,
    now: DateTime<Utc>,
    new: &NewOperation,
) -> Result<Option<Opened>, StoreError> {
    let row = ActiveModel {
        id: Set(id.0),
        organization_id: Set(new.organization_id.map(|id| id.0)),
        user_id: Set(new.actor.user_id.map(|id| id.0)),
        api_key_id: Set(new.actor.api_key_id.map(|id| id.0)),
        kind: Set(new.kind.to_owned()),
        resource_id: Set(None),
        parameters: Set(new.parameters.clone()),
        stripe_idempotency_key: Set(format!("tollgate-{id}")),
        state: Set(OperationState::Pending.as_str().to_owned()),
        attempts: Set(1),
        outcome: Set(None),
        error_code: Set(None),
        error_message: Set(None),
        open_scope: Set(Some(new.scope.clone())),
        lease_until: Set(now + new.lease),
        fencing_token: Set(1),
        released_at: Set(None),
        heard_at: Set(None),
        request_id: Set(new.actor.request_id.clone()),
        ip_address: Set(new.actor.ip_address.clone()),
        user_agent: Set(new.actor.user_agent.clone()),
        created_at: Set(now),
        updated_at: Set(now),
        settled_at: Set(None),
    };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::OpenScope).do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(conn)
        .await?;
    if !was_inserted(&inserted) {
        let holder = Entity::find().filter(Column::OpenScope.eq(&new.scope)).one(conn).await?;
        return Ok(holder.map(|row| operation(&row)).transpose()?.map(Opened::Busy));
    }
    if let Some(key) = &new.idempotency
        && !keep_key(conn, key_id, now, key, Some(id), None).await?
    {
        return Ok(Some(Opened::KeyUsed));
    }
    Ok(Some(Opened::Operation(OperationRecord {
        operation: BillingOperation {
            id,
            organization_id: new.organization_id,
            kind: new.kind.to_owned(),
            state: OperationState::Pending,
            attempts: 1,
            error_code: None,
            error_message: None,
            created_at: now,
            settled_at: None,
        },
        actor: new.actor.clone(),
        parameters: new.parameters.clone(),
        outcome: None,
        fencing_token: 1,
    })))
}

async fn settle(
    conn: &impl sea_orm::ConnectionTrait,
    now: DateTime<Utc>,
    record: &OperationRecord,
    settlement: OperationSettlement,
) -> Result<(), StoreError> {
    let settled = Entity::update_many()
        .col_expr(Column::State, Expr::value(settlement.state.as_str()))
        .col_expr(Column::Outcome, Expr::value(settlement.outcome))
        .col_expr(Column::ErrorCode, Expr::value(settlement.error_code))
        .col_expr(Column::ErrorMessage, Expr::value(settlement.error_message))
        .col_expr(Column::OpenScope, Expr::value(Option::<String>::None))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .col_expr(Column::SettledAt, Expr::value(settlement.state.is_settled().then_some(now)))
        .filter(Column::Id.eq(record.operation.id.0))
        .filter(Column::FencingToken.eq(record.fencing_token))
        .filter(Column::OpenScope.is_not_null())
        .exec(conn)
        .await?;
    if settled.rows_affected == 0 { Err(StoreError::Changed("operation")) } else { Ok(()) }
}
