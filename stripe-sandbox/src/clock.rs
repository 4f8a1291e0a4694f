//! The sandbox's time: a source that can be injected, moved forward by an offset, pinned while due work is done.

use std::fmt;
use std::sync::Arc;

/// Seconds since the epoch.
pub(crate) type Timestamp = i64;

/// Where the time comes from.
pub(crate) type TimeSource = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The sandbox's clock.
#[derive(Clone)]
pub(crate) struct Clock {
    source: TimeSource,
    /// Seconds that `set_now` moved the sandbox ahead of its source.
    offset: i64,
    pinned: Option<Timestamp>,
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Clock")
            .field("offset", &self.offset)
            .field("pinned", &self.pinned)
            .finish_non_exhaustive()
    }
}

impl Clock {
    pub(crate) fn new(source: TimeSource, offset: i64) -> Self {
        Self { source, offset, pinned: None }
    }

    /// Sandbox time.
    pub(crate) fn now(&self) -> Timestamp {
        self.pinned.unwrap_or_else(|| self.unpinned())
    }

    /// Sandbox time without the pin.
    pub(crate) fn unpinned(&self) -> Timestamp {
        (self.source)() + self.offset
    }

    /// The source's time. Webhook signatures carry it: Stripe signs with real time whatever its test clocks say, and
    /// the receiver compares with its own clock.
    pub(crate) fn source_now(&self) -> Timestamp {
        (self.source)()
    }

    pub(crate) fn offset(&self) -> i64 {
        self.offset
    }

    /// Moves sandbox time to `now`; it flows on from there as the source does.
    pub(crate) fn set(&mut self, now: Timestamp) {
        self.offset = now - (self.source)();
    }

    /// Holds time still at the moment at which work fell due, or lets it go.
    pub(crate) fn pin(&mut self, at: Option<Timestamp>) {
        self.pinned = at;
    }
}

/// The machine's time.
pub(crate) fn system() -> TimeSource {
    Arc::new(|| i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX))
}

/// A seed that differs from run to run.
pub(crate) fn arbitrary_seed() -> u64 {
    let nanos = since_epoch().as_nanos();
    u64::try_from(nanos & u128::from(u64::MAX)).expect("masked to 64 bits")
        ^ (u64::from(std::process::id()) << 32)
}

#[expect(clippy::disallowed_methods, reason = "the one place where the sandbox reads the real clock")]
fn since_epoch() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}
