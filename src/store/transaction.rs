//! The one way to write: a transaction that commits only with its audit record.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use metrics::gauge;
use sea_orm::{
    ActiveModelTrait, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    TryInsertResult,
};
use uuid::Uuid;

use super::audit::audit_row;
use super::{Changed, Store, StoreError};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::OrganizationId;

/// A transaction that writes. Dropped without [`WriteTransaction::commit`] it leaves nothing behind.
///
/// No transaction may be open while Stripe is asked: take what is needed, drop it, ask, begin again.
pub struct WriteTransaction {
    pub(super) tx: DatabaseTransaction,
    pub(super) now: DateTime<Utc>,
    pub(super) store: Store,
    /// What readers are told once it is committed.
    pub(super) changes: Mutex<Vec<Changed>>,
    /// Counted as open until here: fields are dropped in their order, and the transaction ends first.
    _counted: Counted,
}

/// How many write transactions of a store are open.
#[derive(Clone, Default)]
pub(super) struct OpenTransactions(Arc<AtomicUsize>);

/// One of them, as long as it lives.
pub(super) struct Counted(OpenTransactions);

impl OpenTransactions {
    fn count(&self) -> Counted {
        self.0.fetch_add(1, Ordering::SeqCst);
        gauge!("tollgate_write_transactions").increment(1.0);
        Counted(self.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
        gauge!("tollgate_write_transactions").decrement(1.0);
    }
}

impl Store {
    /// How many write transactions are open in this process. None is while whoever began it asks Stripe. The store's own
    /// short ones are not counted: they begin and end within one of its functions, and the store cannot ask Stripe.
    pub fn open_transactions(&self) -> usize {
        self.open.0.load(Ordering::SeqCst)
    }

    /// Begins a transaction. On SQLite it takes the write lock at once, so that it never fails half-way.
    pub async fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = self.db.begin_with_options(options).await?;
        Ok(WriteTransaction {
            tx,
            now: self.clock.now(),
            store: self.clone(),
            changes: Mutex::default(),
            _counted: self.open.count(),
        })
    }

    /// Begins a transaction on one organization's rows, and lets no other one like it go on before it ends. Whoever
    /// writes several rows of an organization begins so: rows are reached in the order in which Stripe's objects come,
    /// and without a first row that all of them take, two such transactions could wait for each other for ever.
    pub async fn begin_in(&self, organization: OrganizationId) -> Result<WriteTransaction, StoreError> {
        let transaction = self.begin().await?;
        transaction.lock_organization(organization).await?;
        Ok(transaction)
    }
}

impl WriteTransaction {
    /// The time of the transaction: every row it writes carries it.
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// A new id.
    pub fn next_id(&self) -> Uuid {
        self.store.ids.next()
    }

    /// Records a change that comes with another one, beside the record that the commit takes.
    pub async fn record(&self, actor: &Actor, entry: AuditEntry) -> Result<(), StoreError> {
        audit_row(self.next_id(), self.now, actor, entry).insert(&self.tx).await?;
        Ok(())
    }

    /// Commits the change together with its one audit record. There is no other way to commit.
    pub async fn commit(self, actor: &Actor, entry: AuditEntry) -> Result<(), StoreError> {
        audit_row(self.next_id(), self.now, actor, entry).insert(&self.tx).await?;
        let changes = self.tell_with_commit().await?;
        self.tx.commit().await?;
        Self::tell_committed(&self.store, changes);
        Ok(())
    }

    /// Gives everything back, without waiting for the drop.
    pub async fn rollback(self) -> Result<(), StoreError> {
        Ok(self.tx.rollback().await?)
    }
}

/// Whether an insert that gives way to an existing row wrote one. sea-orm counts the rows instead of naming the
/// conflict when nothing is returned.
pub(super) const fn was_inserted(result: &TryInsertResult<u64>) -> bool {
    matches!(result, TryInsertResult::Inserted(1..))
}
