//! A bounded memory of what was used lately.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// A map of at most so many entries that forgets what was not used for longest, roughly: entries are in two
/// generations; a full young one becomes the old one, and the old one is forgotten. What is used is young again.
/// Every operation takes constant time, which an exact order of use would pay for with a list.
#[derive(Debug)]
pub(super) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Entries of one generation.
    size: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// Holds at most `limit` entries, and the last half of that whatever happens.
    pub(super) fn new(limit: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), size: (limit / 2).max(1) }
    }

    /// What is known under `key`; it counts as used.
    pub(super) fn get<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// Remembers `value` under `key` in the place of what was there.
    pub(super) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.size && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Forgets what is known under `key`.
    pub(super) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let old = self.old.remove(key);
        self.young.remove(key).or(old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_no_more_than_its_limit_and_what_is_used_stays() {
        let mut generations = Generations::new(10);
        for n in 0..1000 {
            generations.insert(n, n);
            assert_eq!(generations.get(&0), Some(&mut 0), "used each time");
            assert!(generations.young.len() + generations.old.len() <= 10);
        }
        assert_eq!(generations.get(&999), Some(&mut 999), "the last one");
        assert_eq!(generations.get(&500), None, "not used for long");
    }

    #[test]
    fn a_newer_value_takes_the_place_of_an_older_one_in_either_generation() {
        let mut generations = Generations::new(2);
        generations.insert("a", 1);
        generations.insert("b", 2);
        generations.insert("a", 3);
        assert_eq!(generations.get("a"), Some(&mut 3));
        assert_eq!(generations.remove("a"), Some(3));
        assert_eq!(generations.get("a"), None);
    }
}
