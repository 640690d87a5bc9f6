//! Values that are kept for a while, within a number of bytes.
//!
//! Owns what is dropped first. Must not compute values.

use std::collections::HashMap;
use std::hash::Hash;

/// Values by key; those that nobody asked for in a while go first.
///
/// Two generations: values that are asked for move to the young one; when that has half of the
/// bytes, it becomes the old one, and what the old one still had is dropped.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    bytes: usize,
    limit: usize,
}

impl<K: Eq + Hash + Copy, V: Clone> Cache<K, V> {
    /// Makes a cache of values whose weights add up to `limit` bytes at most.
    pub(super) fn within(limit: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bytes: 0, limit }
    }

    /// Returns a value that is still kept.
    pub(super) fn get(&mut self, key: K) -> Option<V> {
        if let Some((value, _)) = self.young.get(&key) {
            return Some(value.clone());
        }
        let (value, weight) = self.old.remove(&key)?;
        self.put(key, value.clone(), weight);
        Some(value)
    }

    /// Keeps a value that weighs so many bytes, unless it alone would drive out the rest.
    pub(super) fn put(&mut self, key: K, value: V, weight: usize) {
        if weight > self.limit / 4 {
            return;
        }
        if self.bytes + weight > self.limit / 2 {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        if self.young.insert(key, (value, weight)).is_none() {
            self.bytes += weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_goes() {
        let mut cache = Cache::within(80);
        cache.put(0, "kept", 10);
        for key in 1..100 {
            cache.put(key, "passing", 10);
            assert_eq!(cache.get(0), Some("kept"));
        }
        assert_eq!(cache.get(1), None);
        assert!(cache.young.len() + cache.old.len() <= 8);
    }

    #[test]
    fn a_value_that_would_drive_out_the_rest_is_not_kept() {
        let mut cache = Cache::within(80);
        cache.put(0, "small", 10);
        cache.put(1, "huge", 30);
        assert_eq!((cache.get(0), cache.get(1)), (Some("small"), None));
    }
}
