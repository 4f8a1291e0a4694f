//! Work that is claimed one by one, as places become free: what is slow takes one place, and nobody waits for the rest of a
//! batch. What was claimed is begun at once, so nothing is left untried when the worker stops.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;

use super::outbox::told;
use crate::store::{ChangedKind, Notice};

/// Where work is done.
pub(super) struct Slots {
    /// How much is done at the same time.
    pub places: usize,
    /// How long it sleeps when nothing is due and nobody wakes it.
    pub idle: Duration,
    /// What wakes it.
    pub changes: Receiver<Notice>,
    /// When nothing more is claimed.
    pub stop: CancellationToken,
}

/// Works until `stop`; what was begun is finished first.
pub(super) async fn fill<T, Claimed, Worked>(
    mut slots: Slots,
    claim: impl Fn(u64) -> Claimed,
    work: impl Fn(T) -> Worked,
) where
    Claimed: Future<Output = Vec<T>>,
    Worked: Future<Output = ()>,
{
    let mut running = FuturesUnordered::new();
    loop {
        let stops = slots.stop.is_cancelled();
        let free = slots.places - running.len();
        if free > 0 && !stops {
            let claimed = claim(u64::try_from(free).unwrap_or(u64::MAX)).await;
            running.extend(claimed.into_iter().map(&work));
        }
        if stops && running.is_empty() {
            return;
        }
        let may_take = running.len() < slots.places && !stops;
        tokio::select! {
            Some(()) = running.next() => {}
            () = slots.stop.cancelled(), if !stops => {}
            () = told(&mut slots.changes, ChangedKind::Delivery), if may_take => {}
            () = tokio::time::sleep(slots.idle), if may_take => {}
        }
    }
}
