//! Maps: entries in the order of their keys, found by halving.

use super::Value;
use super::key::Key;

/// A map. Its order is that of its keys, so that evaluation is the same every time.
#[derive(Debug, Clone, Default)]
pub struct Map {
    entries: Vec<(Key, Value)>,
}

impl Map {
    /// From entries in any order.
    ///
    /// # Errors
    /// The key that is there twice.
    pub(crate) fn new(mut entries: Vec<(Key, Value)>) -> Result<Self, Key> {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(pair[0].0.clone()),
            None => Ok(Self { entries }),
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.entries.binary_search_by(|(known, _)| known.cmp(key)).ok().map(|at| &self.entries[at].1)
    }

    /// The value of a text as key.
    pub(crate) fn get_text(&self, key: &str) -> Option<&Value> {
        let found = self.entries.binary_search_by(|(known, _)| match known {
            Key::Text(text) => text.as_ref().cmp(key),
            _ => std::cmp::Ordering::Less,
        });
        found.ok().map(|at| &self.entries[at].1)
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn entries(&self) -> &[(Key, Value)] {
        &self.entries
    }

    /// The entries whose keys are texts.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().filter_map(|(key, value)| match key {
            Key::Text(text) => Some((text.as_ref(), value)),
            _ => None,
        })
    }
}
