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

/// Between two looks whether there is budget: at twenty a second, the wait for one.
const LOOK: Duration = Duration::from_millis(10);

/// The budget of one account.
pub(super) struct Budget {
    limiter: DefaultDirectRateLimiter,
    places: Semaphore,
}

impl Budget {
    pub(super) fn new(rate: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::direct(Quota::per_second(rate)),
            places: Semaphore::new(BACKGROUND_PLACES),
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
