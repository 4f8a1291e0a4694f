//! How many requests a second an account is asked, and who gives way: work in the background waits for its turn and
//! gets what interactive calls leave of the budget. Those never wait here, but for one that asks as much as work in the
//! background does, a comparison that a person waits for: it stays inside the budget, and comes first there.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Duration, sleep};

/// Stripe takes 25 reads a second in test mode and 100 in live mode: background work leaves room in either.
/// Source: <https://docs.stripe.com/rate-limits>.
pub(super) const DEFAULT_BACKGROUND_RATE: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");

/// Requests of background work under way at once: a slow Stripe must not let it take every place.
const BACKGROUND_PLACES: usize = 16;

/// Of those, at most so many for events: what finds lost events and compares always finds a place.
const EVENT_PLACES: usize = 12;

/// So long an event waits for a place. Longer than that Stripe hangs, and the event comes again later.
const EVENT_PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks whether there is budget: at twenty a second, the wait for one.
const LOOK: Duration = Duration::from_millis(10);

/// The budget of one account, or this process's share of it.
pub(super) struct Budget {
    /// Of the whole account.
    rate: NonZeroU32,
    share: RwLock<Share>,
    places: Semaphore,
    event_places: Semaphore,
    event_patience: Duration,
    /// Calls that wait for budget and come before the background.
    foremost: AtomicUsize,
}

/// A call that waits before the background, until it has its turn or is given up.
struct Foremost<'a>(&'a AtomicUsize);

impl<'a> Foremost<'a> {
    fn among(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Foremost<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What this process may ask a second.
struct Share {
    rate: NonZeroU32,
    limiter: DefaultDirectRateLimiter,
}

impl Share {
    fn of(rate: NonZeroU32) -> Self {
        Self { rate, limiter: RateLimiter::direct(Quota::per_second(rate)) }
    }
}

impl Budget {
    pub(super) fn new(rate: NonZeroU32) -> Self {
        Self {
            rate,
            share: RwLock::new(Share::of(rate)),
            places: Semaphore::new(BACKGROUND_PLACES),
            event_places: Semaphore::new(EVENT_PLACES),
            event_patience: EVENT_PATIENCE,
            foremost: AtomicUsize::new(0),
        }
    }

    /// Shares the account's budget among so many processes, this one among them. Each has one request a second at the least.
    pub(super) fn share_among(&self, processes: u32) {
        let rate = NonZeroU32::new(self.rate.get() / processes.max(1)).unwrap_or(NonZeroU32::MIN);
        let mut share = self.share.write().unwrap_or_else(PoisonError::into_inner);
        if share.rate != rate {
            *share = Share::of(rate);
        }
    }

    fn is_spent(&self) -> bool {
        self.share.read().unwrap_or_else(PoisonError::into_inner).limiter.check().is_err()
    }

    /// An interactive call takes what it needs at once.
    pub(super) fn interactive(&self) {
        let _ = self.is_spent();
    }

    /// An interactive call that asks as much as work in the background does waits for budget, before that work.
    pub(super) async fn paced(&self) {
        let _waits = Foremost::among(&self.foremost);
        while self.is_spent() {
            sleep(LOOK).await;
        }
    }

    /// Waits for budget for one request more, of work that has its place: Stripe counts a repetition like any other request.
    pub(super) async fn again(&self) {
        while self.foremost.load(Ordering::SeqCst) > 0 || self.is_spent() {
            sleep(LOOK).await;
        }
    }

    /// Waits for budget and a place; the place is held until the request is over.
    pub(super) async fn background(&self) -> SemaphorePermit<'_> {
        let place = self.places.acquire().await.expect("the semaphore is never closed");
        self.again().await;
        place
    }

    /// As [`Budget::background`], for one of many events; `None` when all places are taken for too long.
    pub(super) async fn event(&self) -> Option<(SemaphorePermit<'_>, SemaphorePermit<'_>)> {
        let place = tokio::time::timeout(self.event_patience, self.event_places.acquire()).await.ok()?;
        Some((place.expect("the semaphore is never closed"), self.background().await))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn background_work_waits_for_budget_and_interactive_calls_never_do() {
        let budget = Budget::new(NonZeroU32::new(10).unwrap());
        // Interactive calls have used up this second's budget, and more.
        let began = Instant::now();
        for _ in 0..50 {
            budget.interactive();
        }
        assert!(began.elapsed() < Duration::from_millis(50));
        let _place = budget.background().await;
        assert!(began.elapsed() >= Duration::from_millis(90), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn who_waits_for_a_comparison_stays_inside_the_budget_and_before_the_background() {
        let budget = Budget::new(NonZeroU32::new(20).unwrap());
        // This second's budget is used up.
        for _ in 0..20 {
            budget.interactive();
        }
        let began = Instant::now();
        let (paced, background) = tokio::join!(
            async {
                for _ in 0..6 {
                    budget.paced().await;
                }
                began.elapsed()
            },
            async {
                let _place = budget.background().await;
                began.elapsed()
            }
        );
        assert!(paced >= Duration::from_millis(290), "six at twenty a second within {paced:?}");
        assert!(background >= paced, "the background had its turn after {background:?}, before {paced:?}");
        // One that is given up keeps nobody from their turn.
        for _ in 0..20 {
            budget.interactive();
        }
        assert!(tokio::time::timeout(Duration::from_millis(1), budget.paced()).await.is_err());
        let _place = budget.background().await;
    }

    #[tokio::test]
    async fn processes_share_the_budget_and_each_has_something() {
        let budget = Budget::new(NonZeroU32::new(20).unwrap());
        let rate = || budget.share.read().unwrap().rate.get();
        for (processes, share) in [(1, 20), (2, 10), (3, 6), (100, 1), (0, 20)] {
            budget.share_among(processes);
            assert_eq!(rate(), share, "{processes} processes");
        }
        budget.share_among(4);
        let began = Instant::now();
        for _ in 0..7 {
            drop(budget.background().await);
        }
        // Five at once, then five a second.
        assert!(began.elapsed() >= Duration::from_millis(390), "{:?}", began.elapsed());
        // What is told again changes nothing: nobody gets a second's worth anew.
        budget.share_among(4);
        drop(budget.background().await);
        assert!(began.elapsed() >= Duration::from_millis(590), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn events_that_hang_leave_places_to_the_sweep_and_are_not_waited_for_without_end() {
        let patience = Duration::from_millis(100);
        let budget = Budget { event_patience: patience, ..Budget::new(NonZeroU32::new(1_000).unwrap()) };
        let mut held = Vec::new();
        for _ in 0..EVENT_PLACES {
            held.push(budget.event().await.expect("a place"));
        }
        let waited = Instant::now();
        assert!(budget.event().await.is_none());
        assert!(waited.elapsed() >= patience);
        let sweep = tokio::time::timeout(Duration::from_millis(50), budget.background()).await;
        assert!(sweep.is_ok(), "the sweep waits for events that hang");
        held.pop();
        assert!(budget.event().await.is_some());
    }

    #[tokio::test]
    async fn background_work_does_not_take_every_place() {
        let budget = Budget::new(NonZeroU32::new(1_000).unwrap());
        let mut held = Vec::new();
        for _ in 0..BACKGROUND_PLACES {
            held.push(budget.background().await);
        }
        let one_more = tokio::time::timeout(Duration::from_millis(50), budget.background()).await;
        assert!(one_more.is_err());
        held.pop();
        let _place = budget.background().await;
    }
}
