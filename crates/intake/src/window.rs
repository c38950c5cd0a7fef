//! The events received lately, to recognise what is delivered again.
//!
//! An API server repeats a batch when its answer was late or lost. What comes again has equal bytes, so the digest of an event
//! tells; its audit ID cannot, for callers choose it, and two events under one audit ID must both be kept.

use std::collections::{HashMap, HashSet, VecDeque};

use ahash::RandomState;
use normalize::audit::{Identity, identity};
use records::{EntryView, SourceName, Timestamp};
use sha2::{Digest, Sha256};
use store::{ReadError, Store, StoreReader};

/// What is known of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// Not seen lately.
    New,
    /// These bytes were seen: not to be stored again.
    Repeated,
    /// Other bytes were seen under the same audit ID and stage: to be stored, and stated.
    Reused,
}

/// The last events of one source, oldest forgotten first.
#[derive(Debug)]
pub struct Window {
    most: usize,
    order: VecDeque<(Print, u64)>,
    /// Keyed with randomness of the process, so that nobody can choose events that fall into one place of the table.
    prints: HashSet<Print, RandomState>,
    /// How many events of each audit ID and stage (hashed) are in the window.
    names: HashMap<u64, u32, RandomState>,
}

/// The first half of the SHA-256 of an event: 128 bits, so that nobody can make two events meet in it.
type Print = [u8; 16];

/// An event's identity in the form that the window holds.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    print: Print,
    name: Option<u64>,
}

impl Mark {
    /// Of this identity.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        let print = identity.digest[..16].try_into().expect("a digest has 32 bytes");
        let name = identity.audit_id.as_ref().map(|audit_id| {
            let stage = identity.stage.as_deref().unwrap_or_default();
            let digest = Sha256::new().chain_update(audit_id).chain_update([0]).chain_update(stage).finalize();
            u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
        });
        Self { print, name }
    }
}

impl Window {
    /// An empty window of this many events.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, order: VecDeque::new(), prints: HashSet::default(), names: HashMap::default() }
    }

    /// What is known of an event.
    #[must_use]
    pub fn look(&self, mark: &Mark) -> Novelty {
        if self.prints.contains(&mark.print) {
            Novelty::Repeated
        } else if mark.name.is_some_and(|name| self.names.contains_key(&name)) {
            Novelty::Reused
        } else {
            Novelty::New
        }
    }

    /// Remembers an event that is stored.
    pub fn remember(&mut self, mark: Mark) {
        if !self.prints.insert(mark.print) {
            return;
        }
        // Events without an audit ID share no name; zero stands for none and is not counted.
        let name = mark.name.unwrap_or(0);
        if mark.name.is_some() {
            *self.names.entry(name).or_default() += 1;
        }
        self.order.push_back((mark.print, name));
        while self.order.len() > self.most {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((print, name)) = self.order.pop_front() else { return };
        self.prints.remove(&print);
        if let Some(count) = self.names.get_mut(&name) {
            *count -= 1;
            if *count == 0 {
                self.names.remove(&name);
            }
        }
    }

    /// How many events are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Whether the window is full: older events are not known any more.
    #[must_use]
    pub fn full(&self) -> bool {
        self.order.len() >= self.most
    }
}

/// Fills windows from the newest entries of the store, back to `since` or until each is full. Entries that were received
/// earlier may be read with them.
///
/// # Errors
/// [`ReadError`] when the store cannot be read.
pub fn rebuild(
    store: &Store,
    sources: &[SourceName],
    most: usize,
    since: Timestamp,
) -> Result<HashMap<SourceName, Window>, ReadError> {
    let reader = store.reader()?;
    let mut found: HashMap<&str, Vec<Vec<Mark>>> = sources.iter().map(|s| (s.as_str(), Vec::new())).collect();
    // Newest first: what is not sealed, then segments backwards.
    collect(&mut found, |each| reader.unsealed(each))?;
    for manifest in reader.segments().iter().rev() {
        let wanted = manifest.sources.iter().any(|range| {
            range.last_received_at >= since
                && found
                    .get(range.source.as_str())
                    .is_some_and(|parts| parts.iter().map(Vec::len).sum::<usize>() < most)
        });
        if wanted {
            read(&reader, manifest.segment, &mut found)?;
        } else if manifest.sources.iter().all(|range| range.last_received_at < since) {
            break;
        }
    }
    let mut windows = HashMap::new();
    for source in sources {
        let mut window = Window::new(most);
        for mark in found.remove(source.as_str()).unwrap_or_default().into_iter().rev().flatten() {
            window.remember(mark);
        }
        windows.insert(source.clone(), window);
    }
    Ok(windows)
}

fn read(reader: &StoreReader, segment: u64, found: &mut HashMap<&str, Vec<Vec<Mark>>>) -> Result<(), ReadError> {
    match collect(found, |each| reader.read_segment(segment, each)) {
        // A segment whose retention ended is too old to matter.
        Err(ReadError::Dropped { .. }) => Ok(()),
        other => other,
    }
}

/// Puts the marks of one part of the store in front of those of later parts.
fn collect(
    found: &mut HashMap<&str, Vec<Vec<Mark>>>,
    entries: impl FnOnce(&mut dyn FnMut(&EntryView<'_>)) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut part: HashMap<String, Vec<Mark>> = HashMap::new();
    entries(&mut |entry| {
        if found.contains_key(entry.source) {
            let mark = Mark::of(&identity(entry.raw));
            match part.get_mut(entry.source) {
                Some(marks) => marks.push(mark),
                None => drop(part.insert(entry.source.to_owned(), vec![mark])),
            }
        }
    })?;
    for (source, marks) in part {
        if let Some(parts) = found.get_mut(source.as_str()) {
            parts.push(marks);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark(id: &str, bytes: &str) -> Mark {
        Mark::of(&Identity {
            audit_id: Some(id.to_owned()),
            stage: Some("ResponseComplete".to_owned()),
            digest: Sha256::digest(bytes).into(),
        })
    }

    #[test]
    fn an_audit_id_cannot_hide_an_event() {
        let mut window = Window::new(10);
        window.remember(mark("a", "one"));
        assert_eq!(window.look(&mark("a", "one")), Novelty::Repeated);
        assert_eq!(window.look(&mark("a", "two")), Novelty::Reused);
        assert_eq!(window.look(&mark("b", "two")), Novelty::New);
    }

    proptest! {
        #[test]
        fn the_window_is_bounded_and_holds_the_newest(events in proptest::collection::vec((0u8..6, 0u8..40), 1..200), most in 1usize..20) {
            let mut window = Window::new(most);
            for (id, bytes) in &events {
                window.remember(mark(&id.to_string(), &bytes.to_string()));
                prop_assert!(window.len() <= most && window.prints.len() == window.len());
                prop_assert!(window.names.values().map(|n| *n as usize).sum::<usize>() == window.len());
            }
            let (id, bytes) = events.last().unwrap();
            prop_assert_eq!(window.look(&mark(&id.to_string(), &bytes.to_string())), Novelty::Repeated);
        }
    }
}
