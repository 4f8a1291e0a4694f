//! What changed, for those who look on: in this process through a channel, between processes through PostgreSQL's
//! LISTEN and NOTIFY. A notice says only what to read again: it carries nothing that could be told to the wrong one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{ConnectionTrait, Statement};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Backend, Store, StoreError, WriteTransaction};
use crate::domain::ids::OrganizationId;

/// The channel of PostgreSQL that all processes of one database share.
const CHANNEL: &str = "tollgate_changes";
/// Notices that wait for a slow reader before it loses its place.
const WAITING: usize = 1024;
/// The pause before the listener tries again to connect.
const RECONNECT: Duration = Duration::from_millis(500);

/// The kind of row that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedKind {
    /// A billing operation.
    BillingOperation,
    /// A subscription.
    Subscription,
    /// An invoice.
    Invoice,
    /// A payment.
    Payment,
    /// A dispute.
    Dispute,
    /// A payment method, or which one is the default; the id is the organization's when many may differ.
    PaymentMethod,
    /// An organization's billing policy, or the platform's.
    BillingPolicy,
    /// A membership, or its end; the id is the person's.
    Membership,
    /// An API key.
    ApiKey,
    /// An organization's security settings; the id is the organization's.
    SecuritySettings,
    /// A fact that is to be told: there is something to take apart.
    Outbox,
    /// A mail or a webhook that is to be sent.
    Delivery,
    /// Something new to read in the application; the id is the person's who reads it.
    Notification,
    /// A plan of the catalogue.
    Plan,
    /// A meter of the catalogue.
    Meter,
    /// What overrides an organization's plan; the id is the organization's.
    Entitlement,
    /// An organization's general settings; the id is the organization's.
    GeneralSettings,
    /// What an organization wants to be told of its usage; the id is the organization's.
    UsageAlert,
    /// What an organization was told of its usage.
    UsageNotice,
    /// Whether a limit of an organization is used up; the id is the organization's.
    UsageLimit,
}

/// One row that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Changed {
    /// The tenant; none for the catalogue.
    pub organization_id: Option<OrganizationId>,
    /// What it is.
    pub kind: ChangedKind,
    /// Its id.
    pub id: Uuid,
}

/// What a reader is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This row was written, and the write is committed.
    Changed(Changed),
    /// Notices may have been lost while the database was away: read everything again.
    Missed,
}

/// The process's own end of the feed.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    told: broadcast::Sender<Notice>,
    /// What this process committed, as soon as it did.
    own: broadcast::Sender<Notice>,
    /// Whether everything that others commit is heard.
    hears: Arc<AtomicBool>,
}

impl Feed {
    /// Of a database with one process there is nobody else to hear.
    pub(super) fn new(has_others: bool) -> Self {
        let (told, own) = (broadcast::channel(WAITING).0, broadcast::channel(WAITING).0);
        Self { told, own, hears: Arc::new(AtomicBool::new(!has_others)) }
    }

    fn tell(&self, notice: Notice) {
        // Without readers there is nobody to tell.
        let _ = self.told.send(notice);
    }
}

/// Hears others, until it is dropped.
struct Hearing(Arc<AtomicBool>);

impl Hearing {
    fn begin(feed: &Feed) -> Self {
        feed.hears.store(true, Ordering::SeqCst);
        Self(Arc::clone(&feed.hears))
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Store {
    /// What is committed from now on, in this process and, on PostgreSQL, in all others while [`Store::listen`] runs. A
    /// reader that falls far behind loses its place and is told so by the channel.
    pub fn changes(&self) -> broadcast::Receiver<Notice> {
        self.feed.told.subscribe()
    }

    /// What this process itself commits, before whoever committed it goes on. [`Store::changes`] tells it too, on PostgreSQL
    /// a moment later.
    pub fn own_changes(&self) -> broadcast::Receiver<Notice> {
        self.feed.own.subscribe()
    }

    /// Whether what other processes commit is heard now. What is read meanwhile may be kept until a notice; what is read
    /// while nothing is heard may be old without a word.
    pub fn hears_others(&self) -> bool {
        self.feed.hears.load(Ordering::SeqCst)
    }

    /// Hears what all processes on this PostgreSQL commit, until `stop`. On SQLite there is one process, and nothing to
    /// hear.
    pub async fn listen(&self, stop: CancellationToken) {
        if self.backend() == Backend::Sqlite {
            return;
        }
        let mut is_first = true;
        while !stop.is_cancelled() {
            let result = tokio::select! {
                () = stop.cancelled() => return,
                result = self.hear(is_first) => result,
            };
            is_first = false;
            if let Err(error) = result {
                tracing::warn!(%error, "changes of other processes cannot be heard");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(RECONNECT) => {}
            }
        }
    }

    async fn hear(&self, is_first: bool) -> Result<(), sea_orm::sqlx::Error> {
        let mut listener = PgListener::connect_with(self.db.get_postgres_connection_pool()).await?;
        // Whoever asks is to know that nothing is heard until it is again.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        if !is_first {
            self.feed.tell(Notice::Missed);
        }
        let _hearing = Hearing::begin(&self.feed);
        loop {
            match listener.try_recv().await? {
                Some(notification) => match serde_json::from_str(notification.payload()) {
                    Ok(changed) => self.feed.tell(Notice::Changed(changed)),
                    // Of a newer version: it tells us of something, so what we know may be old.
                    Err(_) => self.feed.tell(Notice::Missed),
                },
                // The connection is lost. What is missed from here on is told when there is another.
                None => return Ok(()),
            }
        }
    }

    /// Tells of a write that was made outside a [`WriteTransaction`].
    pub(super) async fn tell(&self, changed: Changed) -> Result<(), StoreError> {
        match self.backend() {
            Backend::Sqlite => self.feed.tell(Notice::Changed(changed)),
            Backend::Postgres => notify(&self.db, &changed).await?,
        }
        Ok(())
    }
}

impl Store {
    /// Tells of writes with the commit of their transaction, where PostgreSQL delivers with it. What is given back is told
    /// after the commit, with [`Store::tell_after`].
    pub(super) async fn tell_with(
        &self,
        tx: &impl ConnectionTrait,
        changes: Vec<Changed>,
    ) -> Result<Vec<Changed>, StoreError> {
        if self.backend() == Backend::Sqlite {
            return Ok(changes);
        }
        for changed in &changes {
            notify(tx, changed).await?;
        }
        Ok(Vec::new())
    }

    /// Tells what [`Store::tell_with`] gave back.
    pub(super) fn tell_after(&self, changes: Vec<Changed>) {
        self.feed.tell_all(changes);
    }
}

impl WriteTransaction {
    /// Tells of a row once the transaction is committed, and not when it is rolled back.
    pub(super) fn will_tell(&self, changed: Changed) {
        let mut changes = self.changes.lock().expect("nothing panics while it holds this");
        if !changes.contains(&changed) {
            changes.push(changed);
        }
    }

    /// Before the commit: PostgreSQL delivers with it. Gives back what to tell after it.
    pub(super) async fn tell_with_commit(&self) -> Result<Vec<Changed>, StoreError> {
        let changes = std::mem::take(&mut *self.changes.lock().expect("nothing panics while it holds this"));
        if self.store.backend() == Backend::Postgres {
            for changed in &changes {
                notify(&self.tx, changed).await?;
            }
        }
        Ok(changes)
    }

    /// After the commit.
    pub(super) fn tell_committed(store: &Store, changes: Vec<Changed>) {
        for changed in &changes {
            let _ = store.feed.own.send(Notice::Changed(*changed));
        }
        // PostgreSQL delivers to this process as to the others.
        if store.backend() == Backend::Sqlite {
            store.feed.tell_all(changes);
        }
    }
}

impl Feed {
    /// After the commit: what PostgreSQL has not delivered.
    pub(super) fn tell_all(&self, changes: Vec<Changed>) {
        for changed in changes {
            self.tell(Notice::Changed(changed));
        }
    }
}

async fn notify(conn: &impl ConnectionTrait, changed: &Changed) -> Result<(), StoreError> {
    let payload = serde_json::to_string(changed).expect("ids and a word are plain data");
    let statement = Statement::from_sql_and_values(
        conn.get_database_backend(),
        "SELECT pg_notify($1, $2)",
        [CHANNEL.into(), payload.into()],
    );
    conn.execute_raw(statement).await?;
    Ok(())
}
