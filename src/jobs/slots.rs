//! Work that is claimed one by one, as places become free: what is slow takes one place, and nobody waits for the rest of a
//! batch. What was claimed is begun at once. When the worker stops, what was begun is finished; what comes of a claim that was
//! under way then, and what is not finished in time, is handed back, so that no other process waits for its lease to run out.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use tokio::sync::broadcast::Receiver;

use super::Stopping;
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
    /// When nothing more is claimed, and when what is under way is handed back.
    pub stopping: Stopping,
}

/// Works until it is told to stop; what was begun is finished first, as long as there is time.
pub(super) async fn fill<T, Claimed, Worked, HandedBack>(
    mut slots: Slots,
    claim: impl Fn(u64) -> Claimed,
    work: impl Fn(Arc<T>) -> Worked,
    hand_back: impl Fn(Arc<T>) -> HandedBack,
) where
    Claimed: Future<Output = Vec<T>>,
    Worked: Future<Output = ()>,
    HandedBack: Future<Output = ()>,
{
    let Stopping { stop, hand_over } = slots.stopping.clone();
    let (work, hand_back) = (&work, &hand_back);
    // Handing back waits for the database as work does: it stands in the same queue, so that neither holds up the other.
    let begin = |number: u64, one: Arc<T>, is_late: bool| async move {
        if is_late {
            hand_back(one).await;
        } else {
            work(one).await;
        }
        number
    };
    let mut running = FuturesUnordered::new();
    let mut held: HashMap<u64, Arc<T>> = HashMap::new();
    let mut begun = 0;
    loop {
        let stops = stop.is_cancelled();
        let free = slots.places - running.len();
        if free > 0 && !stops {
            let mut claiming = pin!(claim(u64::try_from(free).unwrap_or(u64::MAX)));
            // What runs may hold what the claim waits for, SQLite's write lock for instance: it goes on meanwhile.
            let claimed = loop {
                tokio::select! {
                    claimed = &mut claiming => break claimed,
                    Some(number) = running.next() => { held.remove(&number); }
                }
            };
            let is_late = stop.is_cancelled();
            for one in claimed.into_iter().map(Arc::new) {
                begun += 1;
                held.insert(begun, Arc::clone(&one));
                running.push(begin(begun, one, is_late));
            }
        }
        if stops && running.is_empty() {
            return;
        }
        let may_take = running.len() < slots.places && !stops;
        tokio::select! {
            Some(number) = running.next() => { held.remove(&number); }
            () = hand_over.cancelled() => break,
            () = stop.cancelled(), if !stops => {}
            () = told(&mut slots.changes, ChangedKind::Delivery), if may_take => {}
            () = tokio::time::sleep(slots.idle), if may_take => {}
        }
    }
    // Broken off: whoever got it already gets it again under the same id.
    drop(running);
    join_all(held.into_values().map(hand_back)).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn slots(stopping: &Stopping) -> Slots {
        let (_, changes) = tokio::sync::broadcast::channel(1);
        Slots { places: 4, idle: Duration::from_millis(5), changes, stopping: stopping.clone() }
    }

    /// What was worked on and what was handed back, in order.
    #[derive(Default)]
    struct Seen(Mutex<(Vec<u32>, Vec<u32>)>);

    impl Seen {
        fn worked(&self, one: u32) {
            self.0.lock().unwrap().0.push(one);
        }

        fn handed_back(&self, one: u32) {
            self.0.lock().unwrap().1.push(one);
        }

        fn both(&self) -> (Vec<u32>, Vec<u32>) {
            let (mut worked, mut handed_back) = self.0.lock().unwrap().clone();
            worked.sort_unstable();
            handed_back.sort_unstable();
            (worked, handed_back)
        }
    }

    /// Claims 1 and 2 first, and 3 the second time, in the middle of which it is told to stop.
    async fn run(stopping: &Stopping, seen: &Seen, work: impl AsyncFn(u32)) {
        let claims = Mutex::new(0);
        let claim = |_| {
            let claim = {
                let mut claims = claims.lock().unwrap();
                *claims += 1;
                *claims
            };
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if claim == 1 {
                    return vec![1, 2];
                }
                stopping.stop.cancel();
                vec![3]
            }
        };
        let work = &work;
        let work = |one: Arc<u32>| async move {
            work(*one).await;
            seen.worked(*one);
        };
        let hand_back = |one: Arc<u32>| async move { seen.handed_back(*one) };
        let done = fill(slots(stopping), claim, work, hand_back);
        tokio::time::timeout(Duration::from_secs(5), done).await.expect("it ends");
    }

    #[tokio::test]
    async fn what_was_begun_is_finished_and_what_was_claimed_too_late_is_handed_back() {
        let (stopping, seen) = (Stopping::default(), Seen::default());
        run(&stopping, &seen, async |_| tokio::time::sleep(Duration::from_millis(50)).await).await;
        assert_eq!(seen.both(), (vec![1, 2], vec![3]));
    }

    #[tokio::test]
    async fn what_is_not_finished_in_time_is_handed_back_too() {
        let (stopping, seen) = (Stopping::default(), Seen::default());
        let late = stopping.clone();
        tokio::spawn(async move {
            late.stop.cancelled().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            late.hand_over.cancel();
        });
        let work = async |one: u32| {
            if one == 2 {
                std::future::pending::<()>().await;
            }
        };
        run(&stopping, &seen, work).await;
        assert_eq!(seen.both(), (vec![1], vec![2, 3]));
    }
}
