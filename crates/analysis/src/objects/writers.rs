//! Which audit event wrote which version.
//!
//! Exactly, when the event has the response's resourceVersion (level RequestResponse) and it is that of the observation, and the times
//! allow it. Else by
//! the sort of verb and the time: around the time in `managedFields` (both are the API server's clock), or within the
//! configured tolerance of the observation. Only events of requests that were carried out take part: a 2xx, complete, not a
//! dry run as far as the event tells.

use ahash::{HashMap, HashMapExt};
use records::Timestamp;
use records::tables::objects::ObjectObservation;

use crate::Settings;
use crate::inputs::{NOT_WRITING, WRITE_VERBS, WriteEvent};

/// Whether the event shows a write to an object that was carried out, as far as it can tell by itself.
pub(crate) fn carried_out(event: &WriteEvent<'_>) -> bool {
    event.verb.as_deref().is_some_and(|verb| WRITE_VERBS.contains(&verb))
        && event.response_code.is_some_and(|code| (200..300).contains(&code))
        && event.stage.as_deref().is_none_or(|stage| stage == "ResponseComplete")
        && event.dry_run != Some(true)
        && event.subresource.as_deref().is_none_or(|sub| !NOT_WRITING.contains(&sub))
}

/// Whether the event is about taking the object away.
pub(crate) fn deletes(event: &WriteEvent<'_>) -> bool {
    matches!(event.verb.as_deref(), Some("delete" | "deletecollection"))
        || event.subresource.as_deref() == Some("eviction")
}

/// One object by name: cluster, group, resource, namespace (empty for cluster-scoped), name (empty for a collection).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key<'a>([&'a str; 5]);

impl<'a> Key<'a> {
    fn new(cluster: &'a str, group: &'a str, resource: &'a str, namespace: Option<&'a str>, name: &'a str) -> Self {
        // A request for a Namespace carries its name as the namespace of the object; the object itself has none.
        let own = group.is_empty() && resource == "namespaces";
        Self([cluster, group, resource, namespace.filter(|_| !own).unwrap_or(""), name])
    }

    fn of_event(event: &'a WriteEvent<'_>) -> Option<Self> {
        let name = event.name.as_deref().or(event.response_name.as_deref()).unwrap_or("");
        let group = event.api_group.as_deref().unwrap_or("");
        Some(Self::new(&event.provenance.cluster, group, event.resource.as_deref()?, event.namespace.as_deref(), name))
    }

    fn of_observation(o: &'a ObjectObservation<'_>) -> Self {
        let name = o.name.as_deref().unwrap_or("");
        Self::new(&o.provenance.cluster, &o.api_group, &o.resource, o.namespace.as_deref(), name)
    }

    /// The collection that the object is in.
    fn collection(self) -> Self {
        let [cluster, group, resource, namespace, _] = self.0;
        Self([cluster, group, resource, namespace, ""])
    }
}

/// The writes to one object.
#[derive(Debug)]
struct Writes {
    /// The object's number in a [`Trace`].
    number: usize,
    /// Numbers of events, by ascending time.
    events: Vec<usize>,
}

/// The writes that were carried out, by object.
#[derive(Debug)]
pub(crate) struct WriteIndex<'a, 'r> {
    events: &'a [WriteEvent<'r>],
    by_object: HashMap<Key<'a>, Writes>,
    /// The earliest write of an object (by its number) with this resourceVersion in the response; one that changed nothing has that of the
    /// write before.
    by_version: HashMap<(usize, &'a str), usize>,
    /// By the number of the event.
    places: Vec<Place>,
    matching_seconds: i64,
}

/// What an event is found by.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// The number of its object; `None` when it is no write that was carried out.
    object: Option<usize>,
    /// The earliest write of the same object with the same resourceVersion in the response; `None` without one.
    same_result: Option<usize>,
}

/// What the watches saw of the objects that writes are about.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// By the number of the object.
    sightings: Vec<Vec<Sighting>>,
    /// By the number of the write, for the earliest with its result: whether the object was seen with it.
    results_seen: Vec<bool>,
    /// By the number of the write: whether some version began or ended by it.
    changed: Vec<bool>,
}

/// One observation of an object.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) observed_at: Timestamp,
    /// The newest time in managedFields.
    pub(crate) last_write: Option<Timestamp>,
    /// Whether a version began or ended with it.
    pub(crate) material: bool,
    /// Whether a write is known to have made it.
    pub(crate) attributed: bool,
}

impl<'a, 'r> WriteIndex<'a, 'r> {
    pub(crate) fn new(events: &'a [WriteEvent<'r>], settings: &Settings) -> Self {
        let mut order: Vec<usize> = (0..events.len()).filter(|i| carried_out(&events[*i])).collect();
        order.sort_by_key(|i| {
            let e = &events[*i];
            (e.event_time, &e.provenance.source, e.provenance.segment, e.provenance.seq)
        });
        let mut by_object: HashMap<Key<'a>, Writes> = HashMap::new();
        let mut by_version = HashMap::new();
        let mut places = vec![Place::default(); events.len()];
        for i in order {
            let event = &events[i];
            let Some(key) = Key::of_event(event) else { continue };
            let number = by_object.len();
            let writes = by_object.entry(key).or_insert_with(|| Writes { number, events: Vec::new() });
            writes.events.push(i);
            let version = event.response_resource_version.as_deref();
            places[i] = Place {
                object: Some(writes.number),
                same_result: version.map(|version| *by_version.entry((writes.number, version)).or_insert(i)),
            };
        }
        Self { events, by_object, by_version, places, matching_seconds: settings.matching_seconds }
    }

    pub(crate) fn new_trace(&self) -> Trace {
        let no_write = vec![false; self.events.len()];
        Trace { sightings: vec![Vec::new(); self.by_object.len()], results_seen: no_write.clone(), changed: no_write }
    }

    /// Whether the event is of a write to an object that was carried out.
    pub(crate) fn is_write(&self, event: usize) -> bool {
        self.places[event].object.is_some()
    }

    pub(crate) fn event(&self, write: usize) -> &'a WriteEvent<'r> {
        &self.events[write]
    }

    fn writes<'k>(&'k self, key: Key<'k>) -> Option<&'k Writes> {
        // The map's keys are taken for as short-lived as the one looked for.
        let map: &'k HashMap<Key<'k>, Writes> = &self.by_object;
        map.get(&key)
    }

    /// When the write took effect: when it was complete, but not after it was seen, if the request had come by then.
    pub(crate) fn effective_at(&self, write: usize, observed_at: Timestamp) -> Timestamp {
        let event = &self.events[write];
        match event.request_received_time {
            Some(received) if received <= observed_at => event.event_time.min(observed_at),
            _ => event.event_time,
        }
    }

    fn exact<'k>(&'k self, number: usize, version: &'k str) -> Option<usize> {
        let map: &'k HashMap<(usize, &'k str), usize> = &self.by_version;
        map.get(&(number, version)).copied()
    }

    /// Whether a write whose response has the resourceVersion of the observation made it. A write that changes nothing answers with the
    /// resourceVersion of the write before, which may be older than the audit log.
    fn can_have_made(&self, write: usize, o: &ObjectObservation<'_>, first: bool, deletion_begins: bool) -> bool {
        let event = &self.events[write];
        let received = event.request_received_time.unwrap_or(event.event_time);
        if received > o.observed_at.plus_seconds(self.matching_seconds) || deletes(event) && !deletion_begins {
            return false;
        }
        // Of an object that was just found, managedFields tell whether its last write is as old as the event.
        let fields = o.last_write_time.filter(|_| first && !deletion_begins);
        fields.is_none_or(|at| received.plus_seconds(-1) <= at && at <= event.event_time.plus_seconds(1))
    }

    /// The write that made what was observed; `first` when it is the first observation of its object, `last_write` the time in
    /// managedFields when it is newer than before.
    pub(crate) fn write_of(
        &self,
        o: &ObjectObservation<'_>,
        first: bool,
        deletion_begins: bool,
        last_write: Option<Timestamp>,
        trace: &Trace,
    ) -> Option<usize> {
        let writes = self.writes(Key::of_observation(o))?;
        let exact = o.resource_version.as_deref().and_then(|version| self.exact(writes.number, version));
        if let Some(found) = exact.filter(|found| self.can_have_made(*found, o, first, deletion_begins)) {
            return Some(found);
        }
        let writes = &writes.events;
        let fits = |event: &WriteEvent<'_>| match event.verb.as_deref() {
            _ if deletes(event) => deletion_begins,
            Some("create") => first || event.subresource.is_some(),
            _ => !deletion_begins || first,
        };
        let (near, before, after) = match last_write.filter(|_| !deletion_begins) {
            // Whole seconds, taken while the request was at work.
            Some(at) => (at, 1, 3),
            None => (o.observed_at, self.matching_seconds, self.matching_seconds),
        };
        let start = writes.partition_point(|i| self.events[*i].event_time < near.plus_seconds(-before));
        writes[start..]
            .iter()
            .copied()
            .take_while(|i| self.events[*i].event_time <= near.plus_seconds(after))
            .filter(|i| self.events[*i].response_resource_version.is_none() && !trace.changed(*i))
            .filter(|i| fits(&self.events[*i]))
            .min_by_key(|i| self.events[*i].event_time.micros_since(near).abs())
    }

    /// The write that took the object away: the last deletion by name since the version began, else one of the collection close to
    /// the observation.
    pub(crate) fn deletion_of(&self, o: &ObjectObservation<'_>, since: Timestamp) -> Option<usize> {
        let key = Key::of_observation(o);
        let latest = o.observed_at.plus_seconds(self.matching_seconds);
        let last = |key: Key<'_>, from: Timestamp| {
            let events = &self.writes(key)?.events;
            let end = events.partition_point(|i| self.events[*i].event_time <= latest);
            let since = events[..end].iter().copied().rev().take_while(|i| from <= self.events[*i].event_time);
            { since }.find(|i| deletes(&self.events[*i]))
        };
        // The version's beginning may be by the clock of the observer, so a deletion can seem a little older.
        let since = since.plus_seconds(-1).min(o.observed_at);
        last(key, since).or_else(|| last(key.collection(), o.observed_at.plus_seconds(-self.matching_seconds)))
    }
}

impl Trace {
    /// Keeps an observation, when some write is about the object. `material`: a version began or ended with it; `write`: by this write.
    pub(crate) fn saw(
        &mut self,
        index: &WriteIndex<'_, '_>,
        o: &ObjectObservation<'_>,
        material: bool,
        write: Option<usize>,
    ) {
        let key = Key::of_observation(o);
        for writes in [index.writes(key), index.writes(key.collection())].into_iter().flatten() {
            let version = o.resource_version.as_deref();
            if let Some(write) = version.and_then(|version| index.exact(writes.number, version)) {
                self.results_seen[write] = true;
            }
            self.sightings[writes.number].push(Sighting {
                observed_at: o.observed_at,
                last_write: o.last_write_time,
                material,
                attributed: write.is_some(),
            });
        }
        if let Some(write) = write.filter(|_| material) {
            self.changed[write] = true;
        }
    }

    /// Whether some version began or ended by the write.
    pub(crate) fn changed(&self, write: usize) -> bool {
        self.changed[write]
    }

    /// Whether the very result of the write was seen.
    pub(crate) fn saw_result(&self, index: &WriteIndex<'_, '_>, write: usize) -> bool {
        index.places[write].same_result.is_some_and(|earliest| self.results_seen[earliest])
    }

    /// What was seen of the object (for a write without a name: of any object of the collection) close to the time of the write, by
    /// the observer's clock or by managedFields in the first observation after it.
    pub(crate) fn near<'t>(&'t self, index: &WriteIndex<'_, '_>, write: usize) -> impl Iterator<Item = &'t Sighting> {
        let event = &index.events[write];
        let sightings = index.places[write].object.map_or(&[][..], |number| self.sightings[number].as_slice());
        let (at, seconds) = (event.event_time, index.matching_seconds);
        let start = sightings.partition_point(|s| s.observed_at < at.plus_seconds(-seconds));
        let close = move |time: Timestamp| time.micros_since(at).abs() <= seconds * 1_000_000;
        sightings[start..]
            .iter()
            .enumerate()
            .take_while(move |(i, s)| *i == 0 || s.observed_at <= at.plus_seconds(seconds))
            .filter(move |(_, s)| close(s.observed_at) || s.last_write.is_some_and(close))
            .map(|(_, s)| s)
    }
}
