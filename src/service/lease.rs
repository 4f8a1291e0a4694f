//! The lease of an operation under way: short, so that what a dead process left is soon taken over, and renewed as long as somebody
//! is at it, however long Stripe takes.

use chrono::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Service;
use crate::store::OperationRecord;

/// How long nobody takes an operation over from a process that shows no sign of life.
pub(super) const LEASE: Duration = Duration::seconds(20);

/// The pause between two signs of life: three may fail before the lease runs out.
const BETWEEN_SIGNS: std::time::Duration = std::time::Duration::from_secs(5);

impl Service {
    /// Renews the lease of an operation until what this gives is dropped. In a task of its own: on SQLite a renewal waits for a
    /// transaction that is open, and the operation's own may be the one.
    pub(super) fn hold(&self, record: &OperationRecord) -> DropGuard {
        let released = CancellationToken::new();
        let (store, id, token) = (self.store.clone(), record.operation.id, record.fencing_token);
        let until = released.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = until.cancelled() => return,
                    () = tokio::time::sleep(BETWEEN_SIGNS) => {}
                }
                match store.renew_operation(id, token, LEASE).await {
                    Ok(true) => {}
                    // Settled, or somebody else's.
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(operation = %id, %error, "the lease of an operation could not be renewed");
                    }
                }
            }
        });
        released.drop_guard()
    }
}
