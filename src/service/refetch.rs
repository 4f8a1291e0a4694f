//! One fetch for many events: what Stripe showed after an event was in hand shows what the event tells.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use lru::LruCache;
use tokio::sync::OwnedMutexGuard;

use crate::domain::ids::{OrganizationId, StripePaymentIntentId};
use crate::domain::mirror::MirrorObject;
use crate::payments::ObjectKind;

/// Objects that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(8_192).expect("it is not zero");

/// An object at Stripe.
pub(super) type ObjectKey = (ObjectKind, String);

/// A fetch whose result was committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetched {
    pub began: Instant,
    pub organization: OrganizationId,
    /// The watermark it left on the row.
    pub at: DateTime<Utc>,
}

/// The newest fetch of each object whose result was committed, and who fetches now.
///
/// An event is covered by a fetch that began after this process had the event in hand, when the row's watermark is not
/// older than the event: our clock may be behind Stripe's, and a payload of in between would pass for newer.
#[derive(Clone, Default)]
pub(super) struct Refetches(Arc<Inner>);

#[derive(Default)]
struct Inner {
    committed: Mutex<Option<LruCache<ObjectKey, Fetched>>>,
    under_way: Mutex<HashMap<ObjectKey, Arc<tokio::sync::Mutex<()>>>>,
}

impl Refetches {
    /// Whose object it is, when a fetch that shows what happened at `created` began after `in_hand` and was committed.
    pub(super) fn cover(
        &self,
        object: &ObjectKey,
        in_hand: Instant,
        created: DateTime<Utc>,
    ) -> Option<OrganizationId> {
        let mut committed = self.0.committed.lock().unwrap_or_else(PoisonError::into_inner);
        let fetched = committed.as_mut()?.get(object)?;
        (fetched.began > in_hand && fetched.at >= created).then_some(fetched.organization)
    }

    /// Remembers what was fetched and is in the row.
    pub(super) fn committed(&self, object: ObjectKey, fetched: Fetched) {
        let mut committed = self.0.committed.lock().unwrap_or_else(PoisonError::into_inner);
        committed.get_or_insert_with(|| LruCache::new(REMEMBERED)).put(object, fetched);
    }

    /// Waits until nobody else of this process fetches the object for an event. Whoever waited looks at
    /// [`Refetches::cover`] again: the other's fetch may have been enough.
    pub(super) async fn turn(&self, object: &ObjectKey) -> Turn {
        let lock = {
            let mut under_way = self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(under_way.entry(object.clone()).or_default())
        };
        Turn { refetches: self.clone(), object: object.clone(), guard: Some(lock.lock_owned().await) }
    }
}

/// The right to fetch an object, until it is dropped.
pub(super) struct Turn {
    refetches: Refetches,
    object: ObjectKey,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    /// What is fetched.
    pub(super) const fn object(&self) -> &ObjectKey {
        &self.object
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut under_way = self.refetches.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits when the map alone holds the lock: then it is not needed any more.
        if under_way.get(&self.object).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            under_way.remove(&self.object);
        }
    }
}

/// What is asked of Stripe for a payload that only points elsewhere, when it is anything: events of one payment, or of one
/// subscription, share a fetch.
pub(super) fn followed(object: &MirrorObject) -> Option<ObjectKey> {
    match object {
        MirrorObject::Charge(charge) => {
            let intent = charge.payment_intent.as_ref()?;
            Some(if charge.amount_refunded_minor > 0 {
                given_back(intent)
            } else {
                (ObjectKind::PaymentIntent, intent.0.clone())
            })
        }
        MirrorObject::Refund(refund) => refund.payment_intent.as_ref().map(given_back),
        MirrorObject::CheckoutSession(session) => match (&session.subscription, &session.payment_intent) {
            (Some(subscription), None) => Some((ObjectKind::Subscription, subscription.0.clone())),
            (None, Some(intent)) => Some((ObjectKind::PaymentIntent, intent.0.clone())),
            (Some(_), Some(_)) => Some((ObjectKind::CheckoutSession, session.id.clone())),
            (None, None) => None,
        },
        _ => None,
    }
}

/// A payment with everything that was given back of it, as one thing that is asked for. No refund has a payment's id.
fn given_back(payment_intent: &StripePaymentIntentId) -> ObjectKey {
    (ObjectKind::Refund, payment_intent.0.clone())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn object() -> ObjectKey {
        (ObjectKind::Invoice, "in_1".to_owned())
    }

    #[test]
    fn only_a_fetch_that_began_with_the_event_in_hand_covers_it() {
        let refetches = Refetches::default();
        let organization = OrganizationId(Uuid::nil());
        let at = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        let before = Instant::now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let began = Instant::now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert_eq!(refetches.cover(&object(), before, at), None);
        refetches.committed(object(), Fetched { began, organization, at });
        assert_eq!(refetches.cover(&object(), before, at), Some(organization));
        assert_eq!(refetches.cover(&object(), Instant::now(), at), None);
        assert_eq!(refetches.cover(&(ObjectKind::Subscription, "in_1".to_owned()), before, at), None);
        // Our clock is behind: the row would let a payload pass that is older than the event.
        assert_eq!(refetches.cover(&object(), before, at + chrono::TimeDelta::seconds(1)), None);
    }

    #[tokio::test]
    async fn one_at_a_time_fetches_an_object_and_nothing_is_left_behind() {
        let refetches = Refetches::default();
        let turn = refetches.turn(&object()).await;
        let wanted = object();
        let other = tokio::time::timeout(std::time::Duration::from_millis(20), refetches.turn(&wanted));
        assert!(other.await.is_err());
        refetches.turn(&(ObjectKind::Invoice, "in_2".to_owned())).await;
        drop(turn);
        refetches.turn(&object()).await;
        let left = refetches.0.under_way.lock().unwrap().len();
        assert_eq!(left, 0);
    }
}
