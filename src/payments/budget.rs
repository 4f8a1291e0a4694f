//! How many requests a second an account is asked, and who gives way: work in the background waits for its turn and
//! gets what interactive calls leave of the budget; those never wait here.

use std::num::NonZeroU32;

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

/// The budget of one account.
pub(super) struct Budget {
    limiter: DefaultDirectRateLimiter,
    places: Semaphore,
    event_places: Semaphore,
    event_patience: Duration,
}

impl Budget {
    pub(super) fn new(rate: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::direct(Quota::per_second(rate)),
            places: Semaphore::new(BACKGROUND_PLACES),
            event_places: Semaphore::new(EVENT_PLACES),
            event_patience: EVENT_PATIENCE,
        }
    }

    /// An interactive call takes what it needs at once.
    pub(super) fn interactive(&self) {
        let _ = self.limiter.check();
    }

    /// Waits for budget and a place; the place is held until the request is over.
    pub(super) async fn background(&self) -> SemaphorePermit<'_> {
        let place = self.places.acquire().await.expect("the semaphore is never closed");
        while self.limiter.check().is_err() {
            sleep(LOOK).await;
        }
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
