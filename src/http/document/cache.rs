//! Documents that were accepted, ready for the next time: clients send the same few again and again.

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

/// SHA-256 of a document's text.
pub(super) type DocumentHash = [u8; 32];

/// Holds values until their weights come to more than a bound; those not used for longest go first.
pub(super) struct DocumentCache<T> {
    entries: Mutex<Entries<T>>,
    max_weight: u64,
}

struct Entries<T> {
    by_hash: LruCache<DocumentHash, (Arc<T>, u64)>,
    weight: u64,
}

impl<T> DocumentCache<T> {
    /// An empty cache for a total weight of `max_weight`. 0 keeps nothing.
    pub fn new(max_weight: u64) -> Self {
        Self { entries: Mutex::new(Entries { by_hash: LruCache::unbounded(), weight: 0 }), max_weight }
    }

    /// What is kept under a hash.
    pub fn find(&self, hash: &DocumentHash) -> Option<Arc<T>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.by_hash.get(hash).map(|(value, _)| Arc::clone(value))
    }

    /// Keeps a value, and lets go of others until there is room.
    pub fn insert(&self, hash: DocumentHash, value: Arc<T>, weight: u64) {
        if weight > self.max_weight {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, replaced)) = entries.by_hash.put(hash, (value, weight)) {
            entries.weight -= replaced;
        }
        entries.weight += weight;
        while entries.weight > self.max_weight {
            let Some((_, (_, freed))) = entries.by_hash.pop_lru() else { break };
            entries.weight -= freed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(of: u8) -> DocumentHash {
        [of; 32]
    }

    #[test]
    fn the_one_not_used_for_longest_goes_first() {
        let cache = DocumentCache::new(10);
        cache.insert(hash(1), Arc::new("a"), 4);
        cache.insert(hash(2), Arc::new("b"), 4);
        assert_eq!(cache.find(&hash(1)).as_deref(), Some(&"a"));
        cache.insert(hash(3), Arc::new("c"), 4);
        assert_eq!(cache.find(&hash(2)), None);
        assert_eq!(cache.find(&hash(1)).as_deref(), Some(&"a"));
        assert_eq!(cache.find(&hash(3)).as_deref(), Some(&"c"));
    }

    #[test]
    fn what_is_heavier_than_the_cache_is_not_kept_and_moves_nothing_out() {
        let cache = DocumentCache::new(10);
        cache.insert(hash(1), Arc::new("a"), 4);
        cache.insert(hash(2), Arc::new("b"), 11);
        assert_eq!(cache.find(&hash(2)), None);
        assert!(cache.find(&hash(1)).is_some());
    }

    #[test]
    fn replacing_does_not_count_twice() {
        let cache = DocumentCache::new(10);
        for _ in 0..100 {
            cache.insert(hash(1), Arc::new("a"), 5);
        }
        cache.insert(hash(2), Arc::new("b"), 5);
        assert!(cache.find(&hash(1)).is_some() && cache.find(&hash(2)).is_some());
    }
}
