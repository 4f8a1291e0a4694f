//! How much each API key may ask for: a request, and each root field beyond its first. A program in a loop spends its own budget, not its person's nor another
//! program's. Each process counts by itself.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::domain::ids::ApiKeyId;

/// Keys that are remembered before those with a full budget are forgotten.
const REMEMBERED: usize = 10_000;

/// The budgets of all keys that were used.
pub(super) struct KeyBudgets {
    limiter: DefaultKeyedRateLimiter<ApiKeyId>,
    per_minute: NonZeroU32,
    clock: DefaultClock,
}

impl KeyBudgets {
    /// So many requests a minute for each key, which it may make all at once.
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute));
        Self { limiter, per_minute, clock: DefaultClock::default() }
    }

    /// Takes so much off a key's budget, or nothing and says how long until there is as much. Only keys that were found are
    /// asked about, so that nobody fills the memory with keys of their invention.
    pub(super) fn take(&self, key: ApiKeyId, parts: u64) -> Result<(), Duration> {
        if self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        // What is more than there ever is takes all of it.
        let parts = u32::try_from(parts).unwrap_or(u32::MAX).min(self.per_minute.get());
        let Some(parts) = NonZeroU32::new(parts) else { return Ok(()) };
        match self.limiter.check_key_n(&key, parts) {
            Ok(Err(not_until)) => Err(not_until.wait_time_from(self.clock.now())),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_key_has_a_budget_of_its_own() {
        let budgets = KeyBudgets::new(NonZeroU32::new(2).unwrap());
        let (one, other) = (ApiKeyId(Uuid::from_u128(1)), ApiKeyId(Uuid::from_u128(2)));
        assert!(budgets.take(one, 1).is_ok() && budgets.take(one, 1).is_ok());
        let wait = budgets.take(one, 1).unwrap_err();
        assert!(wait > Duration::from_secs(10) && wait <= Duration::from_secs(30), "{wait:?}");
        assert!(budgets.take(other, 1).is_ok());
    }

    #[test]
    fn what_is_asked_for_together_counts_as_much_as_one_by_one() {
        let budgets = KeyBudgets::new(NonZeroU32::new(6).unwrap());
        let key = ApiKeyId(Uuid::from_u128(1));
        assert!(budgets.take(key, 4).is_ok() && budgets.take(key, 0).is_ok());
        assert!(budgets.take(key, 3).is_err());
        assert!(budgets.take(key, 2).is_ok());
        assert!(budgets.take(ApiKeyId(Uuid::from_u128(2)), 100).is_ok(), "all there is");
        assert!(budgets.take(ApiKeyId(Uuid::from_u128(2)), 1).is_err());
    }
}
