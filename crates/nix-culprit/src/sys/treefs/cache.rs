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
    /// The last one that was too large to be among the others: a file is read piece by piece.
    large: Option<(K, V)>,
    bytes: usize,
    limit: usize,
}

impl<K: Eq + Hash + Copy, V: Clone> Cache<K, V> {
    /// Makes a cache of values whose weights add up to `limit` bytes at most, not counting one large one.
    pub(super) fn within(limit: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), large: None, bytes: 0, limit }
    }

    /// Returns a value that is still kept.
    pub(super) fn get(&mut self, key: K) -> Option<V> {
        if let Some((value, _)) = self.young.get(&key) {
            return Some(value.clone());
        }
        if let Some((_, value)) = self.large.as_ref().filter(|(large, _)| *large == key) {
            return Some(value.clone());
        }
        let (value, weight) = self.old.remove(&key)?;
        self.put(key, value.clone(), weight);
        Some(value)
    }

    /// Keeps a value that weighs so many bytes; one that would drive out the others only until the next such.
    pub(super) fn put(&mut self, key: K, value: V, weight: usize) {
        if weight > self.limit / 4 {
            self.large = Some((key, value));
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
    fn a_large_value_drives_out_no_small_ones_and_stays_until_the_next_large_one() {
        let mut cache = Cache::within(80);
        cache.put(0, "small", 10);
        cache.put(1, "huge", 30);
        assert_eq!((cache.get(0), cache.get(1)), (Some("small"), Some("huge")));
        cache.put(2, "huge too", 100);
        assert_eq!((cache.get(0), cache.get(1), cache.get(2)), (Some("small"), None, Some("huge too")));
    }
}
