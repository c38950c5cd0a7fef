//! What an earlier run left in the store: where each watch goes on, up to when it claimed to have seen everything, and which
//! cluster it was. The entries are the only memory; there is no second database.

use std::collections::BTreeMap;

use records::{EntryView, SourceName, Statement, Timestamp};
use serde::Deserialize;
use store::{ReadError, StoreReader};

use crate::identity;
use crate::watch::Known;
use crate::watch::frame::name;
use crate::watch::task::DEFINITIONS;

/// How many segments with statements are searched for claims. A source without one in them goes on from its last entry.
const CLAIM_SEGMENTS: usize = 64;

/// What an earlier run left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// By source of the class `watch`.
    pub(crate) known: BTreeMap<String, Known>,
    /// UID of the cluster's `kube-system`, as last stated.
    pub(crate) cluster_uid: Option<String>,
}

/// Where a source stands after some of its entries, read in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Trail {
    /// They do not tell; older ones may.
    #[default]
    Unknown,
    /// A list began and did not end.
    WithinList,
    /// Everything up to this resourceVersion is stored.
    At(String),
    /// The kind was not served.
    NotServed,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a str,
    #[serde(borrow, rename = "resourceVersion")]
    resource_version: Option<&'a str>,
    #[serde(borrow)]
    object: Option<Object<'a>>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, rename = "resourceVersion")]
    resource_version: Option<&'a str>,
}

impl Trail {
    fn follow(&mut self, raw: &[u8]) {
        // A line that cannot be read moved nothing when it was stored either.
        let Ok(line) = serde_json::from_slice::<Line<'_>>(raw) else { return };
        let of_object = || line.object.as_ref()?.metadata.as_ref()?.resource_version;
        match line.kind {
            "LIST_BEGIN" | "LISTED" => *self = Self::WithinList,
            "LIST_END" => *self = line.resource_version.map_or(Self::WithinList, |at| Self::At(at.to_owned())),
            "NOT_SERVED" => *self = Self::NotServed,
            "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" if *self != Self::WithinList => {
                if let Some(at) = line.resource_version.or_else(of_object) {
                    *self = Self::At(at.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// The kind of which a line says that its definition was added or changed.
fn defined(raw: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow, rename = "type")]
        kind: &'a str,
        #[serde(borrow)]
        object: &'a serde_json::value::RawValue,
    }
    let line: Line<'_> = serde_json::from_slice(raw).ok()?;
    if matches!(line.kind, "ADDED" | "MODIFIED") { name(line.object.get()) } else { None }
}

/// What is gathered from one stretch of entries, oldest first.
#[derive(Default)]
struct Stretch {
    trails: BTreeMap<String, (Trail, Timestamp)>,
    claims: BTreeMap<String, Timestamp>,
    /// When the definition of a kind was added or changed last, by `<plural>.<group>`.
    defined: BTreeMap<String, Timestamp>,
    cluster_uid: Option<String>,
}

impl Stretch {
    fn entry(&mut self, entry: &EntryView<'_>, watches: &[SourceName], statements: &SourceName) {
        if entry.source == statements.as_str() {
            let Ok(statement) = serde_json::from_slice::<Statement>(entry.raw) else { return };
            if let Some(uid) = identity::stated(&statement) {
                self.cluster_uid = Some(uid.to_owned());
            }
            if let Statement::Alive { subject, to, .. }
            | Statement::NotServed { subject, to, .. }
            | Statement::Resumed { subject, to, .. }
            | Statement::Gap { subject, to, .. } = statement
            {
                let claim = self.claims.entry(subject.as_str().to_owned()).or_insert(to);
                *claim = to.max(*claim);
            }
        } else if watches.iter().any(|watch| watch.as_str() == entry.source) {
            let (trail, seen) =
                self.trails.entry(entry.source.to_owned()).or_insert_with(|| (Trail::Unknown, entry.received_at));
            trail.follow(entry.raw);
            *seen = entry.received_at;
            if entry.source.ends_with(DEFINITIONS)
                && let Some(name) = defined(entry.raw)
            {
                self.defined.insert(name, entry.received_at);
            }
        }
    }
}

/// Reads what is needed, the newest first, and no more.
pub(crate) fn read(
    reader: &StoreReader,
    watches: &[SourceName],
    statements: &SourceName,
) -> Result<History, ReadError> {
    let mut history = History::default();
    let mut settled = std::collections::BTreeSet::new();
    let mut stretch = Stretch::default();
    reader.unsealed(|entry| stretch.entry(entry, watches, statements))?;
    take(&mut history, &mut settled, stretch);

    let mut statement_segments = 0;
    for manifest in reader.segments().iter().rev() {
        let holds = |source: &SourceName| manifest.sources.iter().any(|range| range.source == *source);
        let open = |watch: &&SourceName| !settled.contains(watch.as_str());
        let wanted_watch = watches.iter().filter(open).any(holds);
        let unclaimed =
            statement_segments < CLAIM_SEGMENTS && history.known.values().any(|known| known.claimed_until.is_none());
        let wanted_statement = (history.cluster_uid.is_none() || unclaimed) && holds(statements);
        if !wanted_watch && !wanted_statement {
            continue;
        }
        statement_segments += usize::from(holds(statements));
        let mut stretch = Stretch::default();
        match reader.read_segment(manifest.segment, |entry| stretch.entry(entry, watches, statements)) {
            // Dropped after its retention: what it told is gone, and an older one may tell more.
            Err(ReadError::Dropped { .. }) => continue,
            other => other?,
        }
        take(&mut history, &mut settled, stretch);
    }
    for known in history.known.values_mut() {
        known.claimed_until = known.claimed_until.or(known.last_seen);
    }
    Ok(history)
}

/// Adds what an older stretch tells.
fn take(history: &mut History, settled: &mut std::collections::BTreeSet<String>, stretch: Stretch) {
    for (source, (trail, seen)) in stretch.trails {
        if settled.contains(&source) {
            continue;
        }
        let known = history.known.entry(source.clone()).or_default();
        known.last_seen = known.last_seen.or(Some(seen));
        match trail {
            Trail::Unknown => continue,
            Trail::WithinList => known.position = None,
            Trail::At(position) => known.position = Some(position),
            Trail::NotServed => known.not_served = true,
        }
        settled.insert(source);
    }
    for (subject, to) in stretch.claims {
        if let Some(known) = history.known.get_mut(&subject) {
            known.claimed_until = known.claimed_until.or(Some(to));
        }
    }
    for (kind, at) in stretch.defined {
        let known = history.known.iter_mut().filter(|(source, _)| source.rsplit('/').next() == Some(&kind));
        for (_, known) in known {
            known.defined_at = known.defined_at.max(Some(at));
        }
    }
    history.cluster_uid = history.cluster_uid.take().or(stretch.cluster_uid);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(lines: &[&str]) -> Trail {
        let mut trail = Trail::default();
        lines.iter().for_each(|line| trail.follow(line.as_bytes()));
        trail
    }

    #[test]
    fn only_a_complete_list_and_what_follows_it_give_a_position() {
        let begin = r#"{"type":"LIST_BEGIN","resourceVersion":"5"}"#;
        let listed = r#"{"type":"LISTED","object":{"metadata":{"resourceVersion":"3"}}}"#;
        let end = r#"{"type":"LIST_END","resourceVersion":"5","count":1}"#;
        let added = r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"9"}}}"#;
        let bookmark = r#"{"type":"BOOKMARK","resourceVersion":"12","at":"2026-11-23T09:00:00.000000Z"}"#;
        assert_eq!(follow(&[]), Trail::Unknown);
        assert_eq!(follow(&[begin, listed]), Trail::WithinList);
        assert_eq!(follow(&[listed]), Trail::WithinList);
        assert_eq!(follow(&[begin, listed, end]), Trail::At("5".into()));
        assert_eq!(follow(&[begin, end, added]), Trail::At("9".into()));
        assert_eq!(follow(&[added, bookmark]), Trail::At("12".into()));
        assert_eq!(follow(&[added, begin]), Trail::WithinList);
        let not_served = r#"{"type":"NOT_SERVED","at":"2026-11-23T09:00:00.000000Z"}"#;
        assert_eq!(follow(&[begin, end, added, not_served]), Trail::NotServed);
        assert_eq!(follow(&[not_served, begin]), Trail::WithinList);
        assert_eq!(follow(&[not_served, begin, end]), Trail::At("5".into()));
        assert_eq!(follow(&["nonsense", "{}", bookmark]), Trail::At("12".into()));
    }
}
