//! Misbehaviour on demand.

use serde::{Deserialize, Serialize};

use crate::ids::IdGenerator;

/// What goes wrong, for which requests and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `METHOD /v1/path`, METHOD may be `*`. The path matches from its start up to a whole segment, so
    /// `POST /v1/subscriptions` also means `POST /v1/subscriptions/sub_1`; with a `*` (any text) or a closing `$` it has
    /// to match to its end.
    #[serde(rename = "match")]
    pub matching: String,
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// To how many requests it happens.
    #[serde(default = "one")]
    pub count: u32,
    /// How many matching requests go through unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// Whether `ServerError`, `HtmlBadGateway` and `Garbage` come after the request took effect.
    #[serde(default)]
    pub act: bool,
    /// Chance in percent that a matching request is hit, drawn from the sandbox's seeded generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability_percent: Option<u8>,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The connection closes; nothing was done.
    FailBefore,
    /// The request takes effect, then the connection closes without an answer.
    ActThenDrop,
    /// The answer and its effect come late.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// The effect comes at once, the answer late.
    ActThenDelay {
        /// Milliseconds.
        ms: u64,
    },
    /// 429, code `rate_limit`.
    RateLimit {
        /// Seconds for the `Retry-After` header, if it is to be sent.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// 429, code `lock_timeout`.
    LockTimeout,
    /// 500, `api_error`.
    ServerError,
    /// 502 with an HTML page, as a proxy in between gives.
    HtmlBadGateway,
    /// 200 with a body that is no JSON.
    Garbage,
}

fn one() -> u32 {
    1
}

impl Fault {
    /// A fault that happens once.
    pub fn new(matching: impl Into<String>, kind: FaultKind) -> Self {
        Self { matching: matching.into(), kind, count: 1, skip: 0, act: false, probability_percent: None }
    }

    /// Happens to `count` requests.
    pub fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// Spares the first `skip` matching requests.
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Hits a matching request only with a chance of so many percent, drawn from the sandbox's seed.
    pub fn with_probability(mut self, percent: u8) -> Self {
        self.probability_percent = Some(percent);
        self
    }

    /// Lets the request take effect first.
    pub fn acting(mut self) -> Self {
        self.act = true;
        self
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        let (wanted_method, wanted) = self.matching.split_once(' ').unwrap_or(("*", &self.matching));
        if wanted_method != "*" && !wanted_method.eq_ignore_ascii_case(method) {
            return false;
        }
        if let Some(exact) = wanted.strip_suffix('$') {
            return glob(exact, path);
        }
        if wanted.contains('*') {
            return glob(wanted, path);
        }
        path.strip_prefix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || wanted.ends_with('/'))
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|cut| rest.is_char_boundary(cut) && glob(tail, &rest[cut..]))
        }),
    }
}

/// The faults that are still to happen.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pending: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.pending.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.pending.clear();
    }

    pub(crate) fn pending(&self) -> &[Fault] {
        &self.pending
    }

    /// The fault that hits this request, if any; it is used up by it.
    pub(crate) fn take(&mut self, method: &str, path: &str, ids: &mut IdGenerator) -> Option<Fault> {
        let fault = self.pending.iter_mut().find(|fault| fault.count > 0 && fault.matches(method, path))?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        if fault.probability_percent.is_some_and(|percent| ids.below(100) >= u64::from(percent)) {
            return None;
        }
        fault.count -= 1;
        let hit = fault.clone();
        self.pending.retain(|fault| fault.count > 0);
        Some(hit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_segments() {
        let matches =
            |pattern: &str, method, path| Fault::new(pattern, FaultKind::FailBefore).matches(method, path);
        assert!(matches("POST /v1/subscriptions", "POST", "/v1/subscriptions"));
        assert!(matches("POST /v1/subscriptions", "POST", "/v1/subscriptions/sub_1"));
        assert!(!matches("POST /v1/subscriptions", "GET", "/v1/subscriptions"));
        assert!(!matches("POST /v1/subscriptions", "POST", "/v1/subscriptions_of_others"));
        assert!(!matches("POST /v1/subscriptions$", "POST", "/v1/subscriptions/sub_1"));
        assert!(matches("POST /v1/invoices/*/pay", "POST", "/v1/invoices/in_1/pay"));
        assert!(!matches("POST /v1/invoices/*/pay", "POST", "/v1/invoices/in_1/void"));
        assert!(matches("* /v1/", "DELETE", "/v1/customers/cus_1"));
    }

    #[test]
    fn a_fault_is_used_up_after_its_skips_and_counts() {
        let mut faults = Faults::default();
        faults.add(Fault::new("* /v1/", FaultKind::ServerError).after(1).times(2));
        let mut ids = IdGenerator::new(1);
        let hits: Vec<bool> = (0..4).map(|_| faults.take("GET", "/v1/account", &mut ids).is_some()).collect();
        assert_eq!(hits, [false, true, true, false]);
    }
}
