//! Opening the database, and keeping its schema.

use std::sync::Arc;
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, TransactionTrait};

use super::{Store, StoreError};
use crate::domain::clock::Clock;
use crate::domain::ids::IdGenerator;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// One file, one process.
    Sqlite,
    /// A server, any number of processes.
    Postgres,
}

/// Called with the SQL of each statement.
pub type StatementObserver = Arc<dyn Fn(&str) + Send + Sync>;

/// How to open the database.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite://…` or `postgres://…`.
    pub url: String,
    /// Connections at most.
    pub max_connections: u32,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdGenerator>,
    /// Called with the SQL of each statement after it ran; tests count with it, telemetry measures.
    pub on_statement: Option<StatementObserver>,
}

/// The key of the lock that processes hold while they migrate; any number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x0074_6f6c_6c67_6174;

impl Store {
    /// Opens the database. The schema is not touched: see [`Store::migrate`].
    pub async fn connect(options: StoreOptions) -> Result<Self, StoreError> {
        let mut connect = ConnectOptions::new(options.url);
        connect
            .max_connections(options.max_connections.max(2))
            .min_connections(1)
            .acquire_timeout(Duration::from_secs(10))
            .sqlx_logging(false)
            // A write waits for another's commit instead of failing at once; readers never wait (WAL).
            .map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(10))
                    .pragma("journal_mode", "WAL")
                    // NORMAL would lose the last commits to a power cut, and an answer to a client means "on disk".
                    .pragma("synchronous", "FULL")
            });
        let mut db: DatabaseConnection = Database::connect(connect).await?;
        if let Some(on_statement) = options.on_statement {
            db.set_metric_callback(move |info| on_statement(&info.statement.sql));
        }
        let has_others = db.get_database_backend() != DbBackend::Sqlite;
        Ok(Self {
            db,
            clock: options.clock,
            ids: options.ids,
            feed: super::changes::Feed::new(has_others),
            intake: super::intake::Intake::default(),
            open: super::transaction::OpenTransactions::default(),
        })
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        match self.db.get_database_backend() {
            DbBackend::Sqlite => Backend::Sqlite,
            _ => Backend::Postgres,
        }
    }

    /// Applies the migrations that are missing. Safe to call from several processes at once: on PostgreSQL the second
    /// waits for the first and finds nothing to do; SQLite has one writer anyway.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if self.backend() == Backend::Sqlite {
            return Ok(Migrator::up(&self.db, None).await?);
        }
        let lock = self.db.begin().await?;
        lock.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
        Migrator::up(&self.db, None).await?;
        Ok(lock.commit().await?)
    }

    /// The names of the migrations that are not applied yet.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        let pending = Migrator::get_pending_migrations(&self.db).await?;
        Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
    }

    /// Whether no migration was ever applied.
    pub async fn is_new(&self) -> Result<bool, StoreError> {
        Ok(Migrator::get_applied_migrations(&self.db).await?.is_empty())
    }

    /// Asks the database for one row, to know that it answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.db.ping().await?)
    }

    /// Closes the connections after the statements under way.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.db.close().await?)
    }
}
