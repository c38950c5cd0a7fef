//! Writes to governed objects that were carried out, held against the history of the objects.
//!
//! An audit event says that a request was answered well, not that anything changed: a dry run of a delete looks like a delete, and an
//! update may change nothing. The history tells. Where a version began or ended by the write, it is material and confirmed. Where the watch covered the
//! time of the write and saw no change, an update or patch changed nothing (`material` false, confirmed); a create or delete that
//! should have been seen and was not is unconfirmed, and a delete whose event cannot say whether it was a dry run then stays
//! unknown in that, too.

use std::borrow::Cow;
use std::fmt;

use ahash::{HashMap, HashMapExt, HashSet, HashSetExt};
use records::table::Provenance;
use records::tables::audit::ObjectWrite;
use records::{Period, PeriodSet, SourceClass, SourceName, Timestamp};

use crate::Settings;
use crate::identifier::identifier_bytes;
use crate::inputs::WriteEvent;
use crate::objects::History;
use crate::objects::writers::{WriteIndex, deletes};

/// The rows of `object_writes`, by time and identifier. There may be millions: each is put together from its event when it is asked for.
#[derive(Clone, Default)]
pub struct ObjectWrites<'r> {
    events: Vec<WriteEvent<'r>>,
    found: Vec<Found>,
}

/// What was found of one event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    at: Timestamp,
    id: [u8; 16],
    event: usize,
    told: Told,
}

impl<'r> ObjectWrites<'r> {
    pub(crate) fn new(events: Vec<WriteEvent<'r>>, found: Vec<Found>) -> Self {
        Self { events, found }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ObjectWrite<'_>> {
        self.found.iter().map(|found| self.row(found))
    }

    fn row(&self, found: &Found) -> ObjectWrite<'_> {
        let event = &self.events[found.event];
        fn text<'a>(text: &'a Option<Cow<'_, str>>) -> Option<Cow<'a, str>> {
            text.as_deref().map(Cow::Borrowed)
        }
        let entry = &event.provenance;
        ObjectWrite {
            provenance: Provenance {
                cluster: Cow::Borrowed(&entry.cluster),
                source: Cow::Borrowed(&entry.source),
                segment: entry.segment,
                seq: entry.seq,
                normaliser_version: entry.normaliser_version,
            },
            write_id: hex::encode(found.id).into(),
            at: found.at,
            verb: text(&event.verb).unwrap_or_default(),
            api_group: text(&event.api_group).unwrap_or_default(),
            resource: text(&event.resource).unwrap_or_default(),
            subresource: text(&event.subresource),
            namespace: text(&event.namespace),
            name: text(&event.name).or_else(|| text(&event.response_name)),
            user_name: text(&event.user_name).unwrap_or_default(),
            impersonated_user: text(&event.impersonated_user),
            actor_class: Cow::Borrowed(&event.actor_class),
            authentication: Cow::Borrowed(&event.authentication),
            material: found.told.material,
            resource_version: text(&event.response_resource_version),
            dry_run: found.told.dry_run,
            confirmation: found.told.confirmation.into(),
        }
    }
}

/// The same rows, whatever else is kept for them.
impl PartialEq for ObjectWrites<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for ObjectWrites<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What [`ObjectWrites`] are made of. `covered` is the coverage of the watches, by source.
pub(crate) fn object_writes(
    events: &[WriteEvent<'_>],
    index: &WriteIndex<'_, '_>,
    history: &History<'_>,
    covered: &std::collections::HashMap<String, PeriodSet>,
    settings: &Settings,
) -> Vec<Found> {
    let governed: HashSet<(&str, &str)> =
        settings.governed_resources.iter().map(|g| (g.group.as_str(), g.resource.as_str())).collect();
    let kinds = Kinds::of(events, history, covered);
    let mut seen = HashSet::with_capacity(events.len());
    let mut rows: Vec<Found> = Vec::with_capacity(events.len());
    for (number, event) in events.iter().enumerate() {
        let group = event.api_group.as_deref().unwrap_or("");
        let Some(resource) = event.resource.as_deref() else { continue };
        if !index.is_write(number) || !(governed.contains(&(group, resource)) || governed.contains(&(group, "*"))) {
            continue;
        }
        let stage = event.stage.as_deref().unwrap_or_default();
        let audit_id = event.audit_id.as_deref().unwrap_or_default();
        let id = identifier_bytes(&[&event.provenance.source, audit_id, stage, &event.event_digest]);
        if !seen.insert(id) {
            continue; // The same event, by webhook and by file.
        }
        let told = Told::of(number, event, index, history, kinds.known(event), settings);
        rows.push(Found { at: event.event_time, id, event: number, told });
    }
    rows.sort_unstable_by_key(|found| (found.at, found.id));
    rows
}

/// What is known of the kinds of objects that writes are about: a handful, for any number of writes.
struct Kinds<'a>(HashMap<KindKey<'a>, Known<'a>>);

/// Cluster, API group, resource.
type KindKey<'a> = (&'a str, &'a str, &'a str);

/// What is known of one kind.
struct Known<'a> {
    watched: bool,
    /// Coverage of its watch; `None` when nothing covers it.
    covered: Option<&'a PeriodSet>,
}

fn kind<'a>(event: &'a WriteEvent<'_>) -> KindKey<'a> {
    let group = event.api_group.as_deref().unwrap_or("");
    (&event.provenance.cluster, group, event.resource.as_deref().unwrap_or(""))
}

impl<'a> Kinds<'a> {
    fn of(
        events: &'a [WriteEvent<'_>],
        history: &History<'_>,
        covered: &'a std::collections::HashMap<String, PeriodSet>,
    ) -> Self {
        let mut kinds = HashMap::new();
        for event in events {
            let (cluster, group, resource) = kind(event);
            kinds.entry((cluster, group, resource)).or_insert_with(|| {
                let detail = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
                let source = SourceName::new(cluster, SourceClass::Watch, &detail).ok();
                Known {
                    watched: history.known_from(cluster, group, resource).is_some(),
                    covered: source.and_then(|source| covered.get(source.as_str())),
                }
            });
        }
        Self(kinds)
    }

    fn known<'k>(&'k self, event: &'k WriteEvent<'_>) -> &'k Known<'a> {
        self.0.get(&kind(event)).expect("the kinds of all events were looked up")
    }
}

impl Known<'_> {
    /// Whether the watch of the kind was observed without interruption around the write, long enough for its effect to be seen.
    fn was_covered(&self, event: &WriteEvent<'_>, settings: &Settings) -> bool {
        let around = Period::new(
            event.request_received_time.unwrap_or(event.event_time),
            event.event_time.plus_seconds(settings.matching_seconds),
        );
        match (self.covered, around) {
            (Some(covered), Some(around)) => covered.covers(around),
            _ => false,
        }
    }
}

/// What history tells of a write.
#[derive(Debug, Clone, Copy)]
struct Told {
    material: Option<bool>,
    dry_run: Option<bool>,
    confirmation: &'static str,
}

impl Told {
    fn of(
        number: usize,
        event: &WriteEvent<'_>,
        index: &WriteIndex<'_, '_>,
        history: &History<'_>,
        kind: &Known<'_>,
        settings: &Settings,
    ) -> Self {
        let told = |material, dry_run, confirmation| Self { material, dry_run, confirmation };
        let by_itself = matches!(event.verb.as_deref(), Some("create" | "delete")) && event.dry_run == Some(false);
        if !kind.watched {
            return told(by_itself.then_some(true), event.dry_run, "not_watched");
        }
        if history.trace.changed(number) {
            return told(Some(true), Some(false), "confirmed");
        }
        if history.trace.saw_result(index, number) {
            // It was no new version: the write changed nothing that is material.
            return told(Some(false), Some(false), "confirmed");
        }
        let nameless = event.name.is_none() && event.response_name.is_none();
        let removes = deletes(event);
        let mut near = history.trace.near(index, number);
        if (nameless || !removes) && near.any(|s| s.material && !s.attributed) {
            return told(Some(true), Some(false), "confirmed");
        }
        let creates = event.verb.as_deref() == Some("create") && event.subresource.is_none();
        let changes = !removes && !creates;
        let watched = kind.was_covered(event, settings);
        if watched && event.response_resource_version.is_none() && (changes || nameless && removes) {
            return told(Some(false), event.dry_run.or(Some(false)).filter(|_| !removes), "confirmed");
        }
        told(if by_itself && !watched { Some(true) } else { None }, event.dry_run, "unconfirmed")
    }
}
