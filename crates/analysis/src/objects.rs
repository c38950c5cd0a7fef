//! Histories of objects: material versions as intervals, who wrote them, how they ended.
//!
//! Observations are read source by source in the order of the store. What an interval rests on:
//!
//! - **Beginning.** The audit event of the write when one matches (module `writers`); else the newest time in `managedFields` (whole
//!   seconds, so up to a second early) when it is newer than that of the version before; else `creationTimestamp` when
//!   the watch saw the object being added; else the time of observation. A version that is first seen in a list may be younger than its
//!   object: `creationTimestamp` is not used for it.
//! - **End.** The beginning of the next version; the deletion (at the audit event's time where an immediate deletion matches); or,
//!   for an object that is missing from a later complete list, the time of that list. The true end then lies between the
//!   last moment at which the source was covered and the list: the row says `vanished` and the source has a gap there.
//! - **Identity** is the UID. An object that is created again under the same name is another one, and ends the first.
//!
//! Secrets are observed as metadata only: each of their resourceVersions is a version.
//!
//! A list proves absence only when it is complete: begun, ended with the same identifier, and with as many observed objects
//! as the end says. A kind that the API server does not serve has no objects, as if it had been listed and were empty.

use ahash::{HashMap, HashMapExt, HashSet, HashSetExt};
use records::Timestamp;
use records::tables::objects::{ObjectObservation, ObjectVersion};

pub(crate) mod writers;

use writers::{Trace, WriteIndex};

/// A kind of object in one cluster: cluster, API group, resource.
type Kind = (String, String, String);

/// By cluster, API group and resource: looked up for every observation, without a text made for it.
type KnownFrom = HashMap<String, HashMap<String, HashMap<String, Timestamp>>>;

/// The histories and what other modules need to know of how they were put together.
#[derive(Debug, Default)]
pub(crate) struct History<'r> {
    /// The versions, by source and the order of their first observations.
    pub(crate) versions: Vec<ObjectVersion<'r>>,
    /// For each kind that is watched: from when absence means that there was no such object (end of the first complete list, else the
    /// first observation).
    known_from: KnownFrom,
    /// What the watches saw of the objects that audit events are about.
    pub(crate) trace: Trace,
}

impl History<'_> {
    /// From when absence of an object of this kind in this cluster is knowledge; `None` when the kind is not watched.
    pub(crate) fn known_from(&self, cluster: &str, group: &str, resource: &str) -> Option<Timestamp> {
        self.known_from.get(cluster)?.get(group)?.get(resource).copied()
    }

    fn know_from(&mut self, (cluster, group, resource): Kind, at: Timestamp) {
        self.known_from.entry(cluster).or_default().entry(group).or_default().insert(resource, at);
    }
}

/// Puts the histories together.
pub(crate) fn histories<'r>(mut observations: Vec<ObjectObservation<'r>>, index: &WriteIndex<'_, 'r>) -> History<'r> {
    let order = |o: &ObjectObservation<'_>| (o.provenance.segment, o.provenance.seq);
    observations.sort_by(|a, b| a.provenance.source.cmp(&b.provenance.source).then(order(a).cmp(&order(b))));
    observations.dedup_by(|a, b| a.provenance.source == b.provenance.source && a.provenance.seq == b.provenance.seq);
    let mut history = History { trace: index.new_trace(), ..History::default() };
    let mut stream: Option<(String, Stream<'_, 'r>)> = None;
    for observation in observations {
        let same = stream.as_ref().is_some_and(|(source, _)| *source == *observation.provenance.source);
        if !same {
            stream = Some((observation.provenance.source.clone().into_owned(), Stream::new(index)));
        }
        if let Some((_, stream)) = &mut stream {
            stream.observe(observation, &mut history);
        }
    }
    history
}

/// One object as far as its source has been read.
#[derive(Debug, Clone, Copy)]
struct Track {
    /// Its newest version.
    version: usize,
    open: bool,
    last_write: Option<Timestamp>,
    deleting: bool,
}

/// A list that has begun and not ended.
#[derive(Debug)]
struct List {
    id: Option<String>,
    began_at: Timestamp,
    listed: i64,
    present: HashSet<String>,
}

/// The state of reading one source.
#[derive(Debug)]
struct Stream<'a, 'r> {
    index: &'a WriteIndex<'a, 'r>,
    tracks: HashMap<String, Track>,
    /// UID of the newest object with a name, by namespace and name.
    names: HashMap<(Option<String>, String), String>,
    list: Option<List>,
    listed_once: HashSet<Kind>,
}

impl<'a, 'r> Stream<'a, 'r> {
    fn new(index: &'a WriteIndex<'a, 'r>) -> Self {
        Self { index, tracks: HashMap::new(), names: HashMap::new(), list: None, listed_once: HashSet::new() }
    }

    fn observe(&mut self, o: ObjectObservation<'r>, history: &mut History<'r>) {
        let kind = || (o.provenance.cluster.to_string(), o.api_group.to_string(), o.resource.to_string());
        if history.known_from(&o.provenance.cluster, &o.api_group, &o.resource).is_none() {
            history.know_from(kind(), o.observed_at);
        }
        match &*o.observation {
            "list_begin" => {
                let id = o.list_id.map(std::borrow::Cow::into_owned);
                self.list = Some(List { id, began_at: o.observed_at, listed: 0, present: HashSet::new() });
            }
            "list_end" => {
                let complete = self
                    .list
                    .take()
                    .filter(|list| list.id.as_deref() == o.list_id.as_deref() && o.list_count == Some(list.listed));
                if let Some(list) = complete {
                    if self.listed_once.insert(kind()) {
                        history.know_from(kind(), o.observed_at);
                    }
                    self.end_missing(&list, history);
                }
            }
            "not_served" => {
                // It is a complete list of nothing.
                if self.listed_once.insert(kind()) {
                    history.know_from(kind(), o.observed_at);
                }
                self.list = None;
                let list = List { id: None, began_at: o.observed_at, listed: 0, present: HashSet::new() };
                self.end_missing(&list, history);
            }
            "deleted" => self.deleted(o, history),
            "listed" | "added" | "modified" => {
                if let Some(list) = &mut self.list {
                    list.listed += i64::from(o.observation == "listed");
                    list.present.extend(o.uid.as_deref().map(str::to_owned));
                }
                self.seen(o, history);
            }
            // An observation of another sort is none of an object; the normaliser lists it as a fault.
            _ => {}
        }
    }

    /// Ends the objects that a complete list does not hold.
    fn end_missing(&mut self, list: &List, history: &mut History<'r>) {
        for (uid, track) in &mut self.tracks {
            if track.open && !list.present.contains(uid) {
                track.open = false;
                let version = &mut history.versions[track.version];
                version.valid_to = Some(list.began_at.max(version.valid_from.plus_micros(1)));
                version.ended_by = Some("vanished".into());
            }
        }
    }

    /// Takes an observation of an object that exists.
    fn seen(&mut self, o: ObjectObservation<'r>, history: &mut History<'r>) {
        let (Some(uid), Some(name), Some(digest)) = (o.uid.as_deref(), o.name.as_deref(), o.material_digest.as_deref())
        else {
            return; // Without these it is no object that can be followed; the normaliser lists it as a fault.
        };
        let known = self.tracks.get(uid).copied();
        let same = |track: &Track| {
            let version = &history.versions[track.version];
            let hidden_change =
                is_metadata_only(&o) && o.resource_version.as_deref() != Some(&*version.resource_version);
            track.open && version.material_digest == digest && !hidden_change
        };
        if let Some(track) = known.filter(same) {
            let version = &mut history.versions[track.version];
            version.refreshed_time = version.refreshed_time.max(o.refreshed_time);
            history.trace.saw(self.index, &o, false, None);
            self.tracks.insert(uid.to_owned(), Track { last_write: track.last_write.max(o.last_write_time), ..track });
            return;
        }
        let key = (o.namespace.as_deref().map(str::to_owned), name.to_owned());
        let uid = uid.to_owned();
        let earlier_uid = self.names.insert(key, uid.clone()).filter(|other| *other != uid);
        let namesake = earlier_uid.as_ref().and_then(|other| self.tracks.get(other)).copied();

        let (write, from, basis) = self.beginning(&o, known, &history.trace);
        let (from, basis) = match (known, namesake) {
            (Some(track), _) => {
                // Two writes within one second are not told apart by managedFields; the observation tells.
                let before = &history.versions[track.version];
                let floor = before.valid_to.unwrap_or_else(|| before.valid_from.plus_micros(1));
                if from < floor { (floor.max(o.observed_at), "observed") } else { (from, basis) }
            }
            (None, Some(track)) => {
                // One name, one object at a time. The audit log moves the end of the first; else its end holds.
                let before = &history.versions[track.version];
                let start = before.valid_from.plus_micros(1);
                let floor = before.valid_to.filter(|_| basis != "audit").unwrap_or(start);
                (from.max(floor), basis)
            }
            (None, None) => (from, basis),
        };
        if let (None, Some(track), Some(other)) = (known, namesake, earlier_uid) {
            let before = &mut history.versions[track.version];
            if track.open {
                before.ended_by = Some("deleted".into());
            }
            before.valid_to = Some(before.valid_to.map_or(from, |end| end.min(from)));
            self.tracks.insert(other, Track { open: false, ..track });
        }
        if let Some(track) = known.filter(|track| track.open) {
            let before = &mut history.versions[track.version];
            before.valid_to = Some(from);
            before.ended_by = Some("replaced".into());
        }
        let version = history.versions.len();
        history.trace.saw(self.index, &o, true, write);
        let last_write = o.last_write_time.max(known.and_then(|track| track.last_write));
        self.tracks.insert(uid, Track { version, open: true, last_write, deleting: o.deletion_time.is_some() });
        history.versions.push(self.version(o, from, basis, write));
    }

    /// The write that made a version, since when it holds, and what that rests on.
    fn beginning(
        &self,
        o: &ObjectObservation<'_>,
        known: Option<Track>,
        trace: &Trace,
    ) -> (Option<usize>, Timestamp, &'static str) {
        let first = known.is_none();
        let deletion_begins = o.deletion_time.is_some() && known.is_none_or(|track| !track.deleting);
        let newer = |at: &Timestamp| known.and_then(|track| track.last_write).is_none_or(|last| last < *at);
        let last_write = o.last_write_time.filter(newer);
        if let Some(write) = self.index.write_of(o, first, deletion_begins, last_write, trace) {
            return (Some(write), self.index.effective_at(write, o.observed_at), "audit");
        }
        // The beginning of a deletion is in no managedFields.
        let by_fields = last_write.filter(|at| (first || !deletion_begins) && o.created_time.is_none_or(|c| c <= *at));
        match (by_fields, o.created_time) {
            (Some(at), _) => (None, at, "managed_fields"),
            (None, Some(created)) if first && o.observation == "added" => (None, created, "created"),
            _ => (None, o.observed_at, "observed"),
        }
    }

    fn version(
        &self,
        o: ObjectObservation<'r>,
        valid_from: Timestamp,
        basis: &'static str,
        write: Option<usize>,
    ) -> ObjectVersion<'r> {
        let event = write.map(|write| self.index.event(write));
        let owned = |text: Option<&str>| text.map(|t| t.to_owned().into());
        let resource = o.resource;
        ObjectVersion {
            provenance: o.provenance,
            valid_from,
            valid_to: None,
            valid_from_basis: basis.into(),
            observed_at: o.observed_at,
            kind: o.kind.unwrap_or_else(|| kind_of(&resource).unwrap_or(&resource).to_owned().into()),
            api_group: o.api_group,
            api_version: o.api_version,
            resource,
            namespace: o.namespace,
            name: o.name.unwrap_or_default(),
            uid: o.uid.unwrap_or_default(),
            resource_version: o.resource_version.unwrap_or_default(),
            ended_by: None,
            writer: owned(event.and_then(|e| e.user_name.as_deref())),
            writer_audit_id: owned(event.and_then(|e| e.audit_id.as_deref())),
            field_manager: o.last_write_manager,
            content_write_time: o.content_write_time,
            refreshed_time: o.refreshed_time,
            material_digest: o.material_digest.unwrap_or_default(),
            body_json: o.body_json.unwrap_or_default(),
        }
    }

    /// Takes the observation of a deletion. An object that was never seen before existed until then, too.
    fn deleted(&mut self, o: ObjectObservation<'r>, history: &mut History<'r>) {
        let Some(uid) = o.uid.as_deref().map(str::to_owned) else { return };
        if let Some(list) = &mut self.list {
            list.present.remove(&uid);
        }
        if !self.tracks.contains_key(&uid) {
            self.seen(o.clone(), history);
        }
        let Some(track) = self.tracks.get_mut(&uid).filter(|track| track.open) else { return };
        track.open = false;
        let version = &mut history.versions[track.version];
        let deletion = self.index.deletion_of(&o, version.valid_from);
        let at = match deletion {
            Some(write) if o.deletion_time.is_none() => self.index.effective_at(write, o.observed_at),
            _ => o.observed_at,
        };
        version.valid_to = Some(at.max(version.valid_from.plus_micros(1)));
        version.ended_by = Some("deleted".into());
        history.trace.saw(self.index, &o, true, deletion);
    }
}

/// Secrets are observed without their bodies. They have no status and no heartbeats, so that each new resourceVersion is a change, seen or not.
fn is_metadata_only(o: &ObjectObservation<'_>) -> bool {
    o.api_group.is_empty() && o.resource == "secrets"
}

/// The kind of a resource of Kubernetes itself, for objects of a list, which carry none.
fn kind_of(resource: &str) -> Option<&'static str> {
    Some(match resource {
        "clusterrolebindings" => "ClusterRoleBinding",
        "clusterroles" => "ClusterRole",
        "configmaps" => "ConfigMap",
        "cronjobs" => "CronJob",
        "daemonsets" => "DaemonSet",
        "deployments" => "Deployment",
        "jobs" => "Job",
        "namespaces" => "Namespace",
        "networkpolicies" => "NetworkPolicy",
        "nodes" => "Node",
        "pods" => "Pod",
        "replicasets" => "ReplicaSet",
        "replicationcontrollers" => "ReplicationController",
        "rolebindings" => "RoleBinding",
        "roles" => "Role",
        "secrets" => "Secret",
        "serviceaccounts" => "ServiceAccount",
        "services" => "Service",
        "statefulsets" => "StatefulSet",
        "validatingadmissionpolicies" => "ValidatingAdmissionPolicy",
        "validatingadmissionpolicybindings" => "ValidatingAdmissionPolicyBinding",
        _ => return None,
    })
}
