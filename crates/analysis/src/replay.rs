//! History as a sequence of moments, and rows that last from one moment to another.
//!
//! Every analysis that depends on many objects at once (who may do what, what can reach what) goes the same way: it walks over the
//! moments at which an object that it looks at changes, works out again what the change touches, and keeps what still holds. [`moments`]
//! gives the walk, [`Lasting`] turns what holds at each moment into intervals.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use records::Timestamp;
use records::tables::objects::ObjectVersion;

/// One instant at which versions of objects begin or end.
#[derive(Debug)]
pub struct Moment<'a, 'r> {
    /// The instant. From it on the versions that end are gone, and those that begin hold.
    pub at: Timestamp,
    /// Versions that end.
    pub ends: Vec<&'a ObjectVersion<'r>>,
    /// Versions that begin.
    pub begins: Vec<&'a ObjectVersion<'r>>,
}

/// The moments of these versions in ascending order. A version that would hold at no instant is in none of them.
#[must_use]
pub fn moments<'a, 'r: 'a>(versions: impl IntoIterator<Item = &'a ObjectVersion<'r>>) -> Vec<Moment<'a, 'r>> {
    let mut changes: Vec<(Timestamp, bool, &ObjectVersion<'r>)> = Vec::new();
    for version in versions {
        if version.valid_to.is_some_and(|to| to <= version.valid_from) {
            continue;
        }
        changes.push((version.valid_from, true, version));
        if let Some(to) = version.valid_to {
            changes.push((to, false, version));
        }
    }
    // Stable: what begins at one instant stays in the order of the history, which depends on nothing but the evidence.
    changes.sort_by_key(|(at, ..)| *at);
    let mut moments: Vec<Moment<'a, 'r>> = Vec::new();
    for (at, begins, version) in changes {
        if moments.last().is_none_or(|moment| moment.at != at) {
            moments.push(Moment { at, ends: Vec::new(), begins: Vec::new() });
        }
        if let Some(moment) = moments.last_mut() {
            if begins { moment.begins.push(version) } else { moment.ends.push(version) }
        }
    }
    moments
}

/// Something that held from an instant until another, or holds still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held<K, V> {
    /// What it is: at any instant at most one value is held for a key.
    pub key: K,
    /// What held.
    pub value: V,
    /// First instant at which it held.
    pub from: Timestamp,
    /// First instant at which it no longer did; `None` while it does.
    pub to: Option<Timestamp>,
}

/// Values by key as they hold in time. An equal value that is set again goes on; another one ends the first.
#[derive(Debug)]
pub struct Lasting<K, V> {
    open: BTreeMap<K, (V, Timestamp)>,
    ended: Vec<Held<K, V>>,
}

impl<K: Ord + Clone, V: PartialEq> Default for Lasting<K, V> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), ended: Vec::new() }
    }
}

impl<K: Ord + Clone, V: PartialEq> Lasting<K, V> {
    /// Nothing holds yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From `at` on, the value holds for the key. Instants must not go backwards.
    pub fn set(&mut self, at: Timestamp, key: K, value: V) {
        if self.open.get(&key).is_some_and(|(held, _)| *held == value) {
            return;
        }
        self.end(at, &key);
        self.open.insert(key, (value, at));
    }

    /// From `at` on, nothing holds for the key. What held for no instant at all is forgotten.
    pub fn end(&mut self, at: Timestamp, key: &K) {
        if let Some((key, (value, from))) = self.open.remove_entry(key)
            && from < at
        {
            self.ended.push(Held { key, value, from, to: Some(at) });
        }
    }

    /// From `at` on, exactly these hold: all others end.
    pub fn replace(&mut self, at: Timestamp, now: impl IntoIterator<Item = (K, V)>) {
        self.replace_among(at, .., |_| true, now);
    }

    /// From `at` on, exactly these hold among the keys that begin a range, as far as `touched` tells of them one after the other: others of these end, all
    /// other keys go on.
    pub fn replace_among(
        &mut self,
        at: Timestamp,
        range: impl RangeBounds<K>,
        touched: impl Fn(&K) -> bool,
        now: impl IntoIterator<Item = (K, V)>,
    ) {
        let now: BTreeMap<K, V> = now.into_iter().collect();
        let held = self.open.range(range).map(|(key, _)| key).take_while(|key| touched(key));
        let gone: Vec<K> = held.filter(|key| !now.contains_key(key)).cloned().collect();
        for key in gone {
            self.end(at, &key);
        }
        for (key, value) in now {
            self.set(at, key, value);
        }
    }

    /// What holds for a key now.
    #[must_use]
    pub fn holds(&self, key: &K) -> Option<&V> {
        self.open.get(key).map(|(value, _)| value)
    }

    /// What holds now, by key.
    pub fn open(&self) -> impl Iterator<Item = (&K, &V)> {
        self.open.iter().map(|(key, (value, _))| (key, value))
    }

    /// All that ever held, by key and beginning.
    #[must_use]
    pub fn finish(mut self) -> Vec<Held<K, V>> {
        self.ended.extend(self.open.into_iter().map(|(key, (value, from))| Held { key, value, from, to: None }));
        self.ended.sort_by(|a, b| a.key.cmp(&b.key).then(a.from.cmp(&b.from)));
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn shown(held: Vec<Held<&str, i32>>) -> Vec<(&str, i32, i64, Option<i64>)> {
        held.into_iter().map(|h| (h.key, h.value, h.from.micros(), h.to.map(Timestamp::micros))).collect()
    }

    #[test]
    fn equal_values_go_on_and_others_end() {
        let mut lasting = Lasting::new();
        lasting.set(at(1), "a", 1);
        lasting.set(at(2), "a", 1);
        lasting.set(at(3), "a", 2);
        lasting.set(at(3), "b", 5);
        lasting.end(at(4), &"b");
        lasting.set(at(6), "b", 5);
        lasting.set(at(7), "c", 9);
        lasting.end(at(7), &"c");
        let expected = [("a", 1, 1, Some(3)), ("a", 2, 3, None), ("b", 5, 3, Some(4)), ("b", 5, 6, None)];
        assert_eq!(shown(lasting.finish()), expected);
    }

    #[test]
    fn replacing_ends_what_is_touched_and_not_told_again() {
        let mut lasting = Lasting::new();
        lasting.replace(at(1), [("0", 0)]);
        lasting.replace(at(1), [("a1", 1), ("a2", 2), ("b1", 3)]);
        lasting.replace_among(at(2), "a".., |key| key.starts_with('a'), [("a2", 2), ("a3", 4)]);
        let open: Vec<_> = lasting.open().map(|(key, value)| (*key, *value)).collect();
        assert_eq!(open, [("a2", 2), ("a3", 4), ("b1", 3)]);
        let expected = [("a1", 1, 1, Some(2)), ("a2", 2, 1, None), ("a3", 4, 2, None), ("b1", 3, 1, None)];
        assert_eq!(shown(lasting.finish()), expected);
    }
}
