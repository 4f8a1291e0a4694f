//! How many requests each API key may make. A program in a loop spends its own budget, not its person's nor another
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
    clock: DefaultClock,
}

impl KeyBudgets {
    /// So many requests a minute for each key, which it may make all at once.
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::keyed(Quota::per_minute(per_minute)), clock: DefaultClock::default() }
    }

    /// Takes one request off a key's budget, or says how long until there is one. Only keys that were found are asked
    /// about, so that nobody fills the memory with keys of their invention.
    pub(super) fn take(&self, key: ApiKeyId) -> Result<(), Duration> {
        if self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&key).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
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
        assert!(budgets.take(one).is_ok() && budgets.take(one).is_ok());
        let wait = budgets.take(one).unwrap_err();
        assert!(wait > Duration::from_secs(10) && wait <= Duration::from_secs(30), "{wait:?}");
        assert!(budgets.take(other).is_ok());
    }
}
