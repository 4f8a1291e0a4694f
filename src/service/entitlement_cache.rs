//! What decides entitlements, kept in the process until somebody changes it.
//!
//! Whoever looks first hears all that was committed so far, and forgets what it is about: so nothing that was known before
//! a change is used after it was heard of. In the process that made the change that is before its answer; in the others with
//! the notice that PostgreSQL delivers with the commit. A process that hears no notices keeps nothing.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use tokio::sync::broadcast::{self, error::TryRecvError};

use super::Service;
use super::error::ServiceError;
use crate::domain::entitlement::EntitlementRules;
use crate::domain::ids::OrganizationId;
use crate::store::{Changed, ChangedKind, Notice};

/// Organizations that are kept at most.
const KEPT: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");
/// How long anything is kept: as long as changes may go unheard on a connection that died without a word.
const LASTS: Duration = Duration::from_secs(30);

/// What is kept.
#[derive(Clone)]
pub(super) struct EntitlementCache(Arc<Mutex<Kept>>);

struct Kept {
    notices: [broadcast::Receiver<Notice>; 2],
    rules: LruCache<OrganizationId, (Arc<EntitlementRules>, Instant)>,
    /// Counts what was heard: what was read before is not kept after.
    heard: u64,
}

impl EntitlementCache {
    /// Of what this process commits, and of what all do.
    pub(super) fn new(notices: [broadcast::Receiver<Notice>; 2]) -> Self {
        Self(Arc::new(Mutex::new(Kept { notices, rules: LruCache::new(KEPT), heard: 0 })))
    }

    /// What is known of an organization.
    fn find(&self, organization: OrganizationId) -> Option<Arc<EntitlementRules>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.hear();
        let (rules, read_at) = kept.rules.get(&organization)?;
        (read_at.elapsed() < LASTS).then(|| Arc::clone(rules))
    }

    /// How much was heard so far.
    fn heard(&self) -> u64 {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.hear();
        kept.heard
    }

    /// Keeps what was read after so much was heard, unless more was heard since.
    fn keep(&self, organization: OrganizationId, rules: Arc<EntitlementRules>, read_at: Instant, heard: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.hear();
        if kept.heard == heard {
            kept.rules.put(organization, (rules, read_at));
        }
    }
}

impl Kept {
    fn hear(&mut self) {
        for from in 0..self.notices.len() {
            loop {
                match self.notices[from].try_recv() {
                    Ok(Notice::Changed(changed)) => self.forget(changed),
                    // Something was lost, and it may have been about anybody.
                    Ok(Notice::Missed) | Err(TryRecvError::Lagged(_)) => self.forget_all(),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
        }
    }

    fn forget(&mut self, changed: Changed) {
        match (changed.kind, changed.organization_id) {
            (ChangedKind::Plan | ChangedKind::Meter, _) => self.forget_all(),
            (
                ChangedKind::Subscription
                | ChangedKind::Entitlement
                | ChangedKind::GeneralSettings
                | ChangedKind::UsageAlert,
                Some(organization),
            ) => {
                self.heard += 1;
                self.rules.pop(&organization);
            }
            _ => {}
        }
    }

    fn forget_all(&mut self) {
        self.heard += 1;
        self.rules.clear();
    }
}

impl Service {
    /// What decides what an organization may use: as it was kept, else as the database has it.
    pub(super) async fn entitlement_rules(
        &self,
        organization: OrganizationId,
    ) -> Result<Arc<EntitlementRules>, ServiceError> {
        let hears = self.store.hears_others();
        match self.entitlement_cache.find(organization).filter(|_| hears) {
            Some(rules) => Ok(rules),
            None => self.fresh_entitlement_rules(organization).await,
        }
    }

    /// The same, as the database has it now: for whoever is about to refuse what a change may have made right.
    pub(super) async fn fresh_entitlement_rules(
        &self,
        organization: OrganizationId,
    ) -> Result<Arc<EntitlementRules>, ServiceError> {
        // Asked before anything is heard: what was missed until it hears again is told then.
        let hears = self.store.hears_others();
        let heard = self.entitlement_cache.heard();
        let read_at = Instant::now();
        let rules = Arc::new(self.store.entitlement_rules(organization).await?);
        if hears {
            self.entitlement_cache.keep(organization, Arc::clone(&rules), read_at, heard);
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use uuid::Uuid;

    use super::*;

    const OURS: OrganizationId = OrganizationId(Uuid::from_u128(1));
    const THEIRS: OrganizationId = OrganizationId(Uuid::from_u128(2));

    fn rules() -> Arc<EntitlementRules> {
        Arc::new(EntitlementRules {
            features: serde_json::Value::Null,
            overrides: Vec::new(),
            meters: Vec::new(),
            period: None,
            zone: Tz::UTC,
            charges: Vec::new(),
            alerts: Vec::new(),
        })
    }

    fn changed(organization_id: Option<OrganizationId>, kind: ChangedKind) -> Notice {
        Notice::Changed(Changed { organization_id, kind, id: Uuid::nil() })
    }

    #[test]
    fn what_changes_is_forgotten_and_nothing_else() {
        let (sender, notices) = broadcast::channel(16);
        let (_own, own) = broadcast::channel(1);
        let cache = EntitlementCache::new([own, notices]);
        let fill = || {
            for organization in [OURS, THEIRS] {
                if cache.find(organization).is_none() {
                    cache.keep(organization, rules(), Instant::now(), cache.heard());
                }
            }
        };
        let known = || [OURS, THEIRS].map(|organization| cache.find(organization).is_some());
        for (notice, expected) in [
            (changed(Some(OURS), ChangedKind::Invoice), [true, true]),
            (changed(Some(OURS), ChangedKind::Subscription), [false, true]),
            (changed(Some(THEIRS), ChangedKind::Entitlement), [true, false]),
            (changed(Some(OURS), ChangedKind::UsageAlert), [false, true]),
            (changed(Some(OURS), ChangedKind::UsageNotice), [true, true]),
            (changed(None, ChangedKind::Plan), [false, false]),
            (Notice::Missed, [false, false]),
        ] {
            fill();
            assert_eq!(known(), [true, true]);
            sender.send(notice).expect("there is a listener");
            assert_eq!(known(), expected, "{notice:?}");
        }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let (sender, notices) = broadcast::channel(16);
        let (_own, own) = broadcast::channel(1);
        let cache = EntitlementCache::new([own, notices]);
        let heard = cache.heard();
        sender.send(changed(Some(OURS), ChangedKind::Subscription)).expect("there is a listener");
        cache.keep(OURS, rules(), Instant::now(), heard);
        assert!(cache.find(OURS).is_none());
    }

    #[test]
    fn whoever_falls_behind_forgets_everything() {
        let (sender, notices) = broadcast::channel(2);
        let (_own, own) = broadcast::channel(1);
        let cache = EntitlementCache::new([own, notices]);
        let heard = cache.heard();
        cache.keep(OURS, rules(), Instant::now(), heard);
        for _ in 0..5 {
            sender.send(changed(Some(THEIRS), ChangedKind::Invoice)).expect("there is a listener");
        }
        assert!(cache.find(OURS).is_none());
    }
}
