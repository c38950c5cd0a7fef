//! The tables of the network over history: what changes at a moment is worked out again, and no more than it touches.
//!
//! A pod that comes or goes changes nothing while others of its class are there. Other classes in a namespace change its pairs; a NetworkPolicy
//! those of its namespace; a policy of the cluster, or one that is not modelled and of no namespace, all.
//!
//! What history does not have: addresses of pods, and whether a pod has ended. A pod counts until it is deleted.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use records::table::Provenance;
use records::tables::network::{EntryPoint, NetworkIsolation, NetworkPath, NetworkRule, TrustBoundary};
use records::tables::objects::ObjectVersion;

use super::entries::{self, Entry};
use super::history::isolation::Isolation;
use super::history::live::Live;
use super::history::paths::{PathKey, Paths};
use super::history::rules::Breadth;
use super::trust::{self, Boundary};
use super::{Options, pods, world};
use crate::identifier::identifier;
use crate::replay::{Held, Lasting, Moment, moments};
use crate::snapshot::{Object, Snapshot};

mod isolation;
mod live;
mod paths;
mod rules;

/// The rows of all tables of the network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkTables<'r> {
    /// Rows of `network_isolation`.
    pub isolation: Vec<NetworkIsolation<'r>>,
    /// Rows of `network_rules`.
    pub rules: Vec<NetworkRule<'r>>,
    /// Rows of `network_paths`.
    pub paths: Vec<NetworkPath<'r>>,
    /// Rows of `trust_boundaries`.
    pub boundaries: Vec<TrustBoundary<'r>>,
    /// Rows of `entry_points`.
    pub entries: Vec<EntryPoint<'r>>,
}

/// The rows of the network's tables.
#[must_use]
pub fn network_tables<'r>(versions: &[ObjectVersion<'r>], options: &Options) -> NetworkTables<'r> {
    let mut by_cluster: BTreeMap<&str, Vec<&ObjectVersion<'r>>> = BTreeMap::new();
    for version in versions.iter().filter(|version| is_looked_at(version)) {
        by_cluster.entry(&version.provenance.cluster).or_default().push(version);
    }
    let mut tables = NetworkTables::default();
    for (cluster, versions) in by_cluster {
        let mut replay = Replay::new(options);
        for moment in moments(versions) {
            replay.step(&moment);
        }
        replay.finish(cluster, &mut tables);
    }
    tables
}

fn is_looked_at(version: &ObjectVersion<'_>) -> bool {
    let (group, resource) = (&*version.api_group, &*version.resource);
    pods::is_workload(group, resource)
        || (group.is_empty() && resource == "namespaces")
        || is_policy(group, resource)
        || super::unmodelled::reach(group, resource, None).is_some()
        || entries::is_entry(group, resource)
}

fn is_policy(group: &str, resource: &str) -> bool {
    (group == super::policy::networking::GROUP && resource == "networkpolicies")
        || group == super::policy::tiered::GROUP
}

/// One cluster while its history goes by.
struct Replay<'o, 'r> {
    options: &'o Options,
    live: Live,
    paths: Paths,
    objects: Snapshot,
    causes: BTreeMap<Timestamp, Provenance<'r>>,
    isolation: Isolation,
    rules: Lasting<String, Breadth>,
    levels: BTreeMap<String, i64>,
    boundaries: Lasting<(String, String), Boundary>,
    entries: Lasting<String, Entry>,
}

/// What a moment touched.
#[derive(Debug, Default, PartialEq, Eq)]
struct Touched {
    /// Policies, labels of namespaces or what is not modelled changed: the policies are to be made ready again.
    policies: bool,
    /// Everything is to be worked out again.
    everything: bool,
    /// Namespaces whose pairs are to be worked out again.
    namespaces: BTreeSet<String>,
    /// Namespaces came, went, or have other labels.
    trust: bool,
    entries: bool,
}

impl<'o, 'r> Replay<'o, 'r> {
    fn new(options: &'o Options) -> Self {
        Self {
            options,
            live: Live::default(),
            paths: Paths::new(options),
            objects: Snapshot::new(),
            causes: BTreeMap::new(),
            isolation: Isolation::default(),
            rules: Lasting::new(),
            levels: BTreeMap::new(),
            boundaries: Lasting::new(),
            entries: Lasting::new(),
        }
    }

    fn step(&mut self, moment: &Moment<'_, 'r>) {
        let mut touched = Touched::default();
        for version in &moment.ends {
            // A version that another one follows at once is replaced by it, not taken away before.
            let followed = moment.begins.iter().any(|next| same_object(next, version));
            if !followed {
                self.end(version, moment.at, &mut touched);
            }
        }
        for version in &moment.begins {
            self.begin(version, moment.at, &mut touched);
        }
        if touched == Touched::default() && !self.live.has_changed() {
            return;
        }
        if let Some(cause) = moment.begins.first().or(moment.ends.first()) {
            self.causes.insert(moment.at, cause.provenance.clone());
        }
        self.work_out(moment.at, touched);
    }

    fn begin(&mut self, version: &ObjectVersion<'r>, at: Timestamp, touched: &mut Touched) {
        let (group, resource) = (&*version.api_group, &*version.resource);
        let namespace = version.namespace.as_deref().unwrap_or_default();
        if pods::is_workload(group, resource) {
            let mut json = serde_json::Deserializer::from_str(&version.body_json);
            let runs = pods::read(resource, &mut json);
            let key = (version.kind.to_string(), namespace.to_owned(), version.name.to_string());
            self.live.put(key, Some(runs));
            return;
        }
        // A body that is no JSON was listed as a fault by the normaliser.
        let Some(object) = Object::from_version(version) else { return };
        if resource == "namespaces" {
            let labels = world::namespace_labels(&object);
            if self.live.world.namespaces.insert(object.name.clone(), labels.clone()).as_ref() != Some(&labels) {
                (touched.policies, touched.trust) = (true, true);
                touched.namespaces.insert(object.name);
            }
        } else if let Some(policy) = world::read_policy(&object, "") {
            self.touch_policy(policy.namespace.as_deref(), touched);
            self.rules.replace_among(
                at,
                policy.label.clone()..,
                |key| rules::is_of(key, &policy.label),
                rules::breadths(&policy),
            );
            self.live.world.policies.insert(policy.label.clone(), policy);
        } else if let Some((label, reach)) = world::read_unmodelled(&object) {
            self.touch_policy(reach.as_deref(), touched);
            self.live.world.unmodelled.insert(label, reach);
        } else if entries::is_entry(group, resource) {
            self.objects.add(object);
            touched.entries = true;
        }
    }

    fn end(&mut self, version: &ObjectVersion<'r>, at: Timestamp, touched: &mut Touched) {
        let (group, resource) = (&*version.api_group, &*version.resource);
        let namespace = version.namespace.as_deref().unwrap_or_default();
        if pods::is_workload(group, resource) {
            let key = (version.kind.to_string(), namespace.to_owned(), version.name.to_string());
            self.live.put(key, None);
            return;
        }
        let Some(object) = Object::from_version(version) else { return };
        if resource == "namespaces" {
            touched.trust = true;
            touched.policies = true;
            touched.namespaces.insert(object.name.clone());
            self.live.world.namespaces.remove(&object.name);
            // Pods of it that are still there stand in a namespace of that name.
            if self.live.has_workloads(&object.name) {
                self.live.world.namespaces.insert(object.name.clone(), world::named(&object.name));
            }
        } else if let Some(policy) = world::read_policy(&object, "") {
            self.touch_policy(policy.namespace.as_deref(), touched);
            self.rules.replace_among(at, policy.label.clone().., |key| rules::is_of(key, &policy.label), []);
            self.live.world.policies.remove(&policy.label);
        } else if let Some((label, reach)) = world::read_unmodelled(&object) {
            self.touch_policy(reach.as_deref(), touched);
            self.live.world.unmodelled.remove(&label);
        } else if entries::is_entry(group, resource) {
            self.objects.remove(&object);
            touched.entries = true;
        }
    }

    fn touch_policy(&self, namespace: Option<&str>, touched: &mut Touched) {
        touched.policies = true;
        match namespace {
            Some(namespace) => {
                touched.namespaces.insert(namespace.to_owned());
            }
            None => touched.everything = true,
        }
    }

    fn work_out(&mut self, at: Timestamp, mut touched: Touched) {
        let changes = self.live.take_changes();
        for namespace in changes.iter().map(|change| &change.workload.namespace) {
            // A namespace that was not observed as an object has its name for a label, as every one has.
            if !self.live.world.namespaces.contains_key(namespace) && self.live.has_workloads(namespace) {
                self.live.world.namespaces.insert(namespace.clone(), world::named(namespace));
                touched.policies = true;
            }
        }
        if touched.everything {
            touched.namespaces.extend(self.live.world.namespaces.keys().cloned());
        }
        let world = &self.live.world;
        let changed = self.paths.update(at, world, touched.policies, &touched.namespaces, &changes);
        for namespace in &changed.namespaces {
            self.isolation.tell_namespace(at, world, namespace);
        }
        self.isolation.tell_workloads(at, world, &changed.workloads);
        if touched.trust {
            let levels = trust::levels(&self.live.world, self.options);
            if levels != self.levels {
                self.boundaries.replace(at, trust::boundaries(&levels));
                self.levels = levels;
            }
        }
        if touched.entries {
            let now = entries::entries(&self.objects).into_iter().map(|entry| (entry.key(), entry));
            self.entries.replace(at, now);
        }
    }

    fn finish(self, cluster: &str, tables: &mut NetworkTables<'r>) {
        let causes = &self.causes;
        let provenance = |at: &Timestamp| causes.get(at).cloned().unwrap_or_default();
        for Held { key, value, from, to } in self.isolation.finish() {
            let workload = key.workload.as_ref().map(ToString::to_string);
            let direction = key.direction.name();
            tables.isolation.push(NetworkIsolation {
                provenance: provenance(&from),
                isolation_id: identifier(&[cluster, &key.namespace, workload.as_deref().unwrap_or(""), direction])
                    .into(),
                valid_from: from,
                valid_to: to,
                namespace: key.namespace.into(),
                workload: workload.map(Into::into),
                direction: direction.into(),
                state: value.state.into(),
                policies: value.policies.join(", ").into(),
                open_workloads: value.open_workloads.join(", ").into(),
            });
        }
        for Held { key, value, from, to } in self.rules.finish() {
            tables.rules.push(NetworkRule {
                provenance: provenance(&from),
                rule_id: identifier(&[cluster, &key]).into(),
                valid_from: from,
                valid_to: to,
                policy: value.policy.into(),
                namespace: value.namespace.map(Into::into),
                direction: value.direction.name().into(),
                everybody: value.everybody,
                all_namespaces: value.all_namespaces,
                all_addresses: value.all_addresses,
                every_port: value.every_port,
            });
        }
        for Held { key, value, from, to } in self.paths.finish() {
            let PathKey { from: peer, to: other, protocol, first_port, last_port } = key;
            let protocol = protocol.map_or("ANY", super::ports::Protocol::name);
            let ports = format!("{first_port}-{last_port}");
            tables.paths.push(NetworkPath {
                provenance: provenance(&from),
                path_id: identifier(&[cluster, &peer.name, &other.name, protocol, &ports]).into(),
                valid_from: from,
                valid_to: to,
                from_peer: peer.name.into(),
                from_namespace: peer.namespace.map(Into::into),
                to_peer: other.name.into(),
                to_namespace: other.namespace.map(Into::into),
                protocol: protocol.into(),
                first_port: i64::from(first_port),
                last_port: i64::from(last_port),
                state: value.name().into(),
            });
        }
        for Held { key: (lower, higher), value, from, to } in self.boundaries.finish() {
            tables.boundaries.push(TrustBoundary {
                provenance: provenance(&from),
                boundary_id: identifier(&[cluster, &lower, &higher]).into(),
                valid_from: from,
                valid_to: to,
                from_namespace: lower.into(),
                from_level: value.from_level,
                to_namespace: higher.into(),
                to_level: value.to_level,
            });
        }
        for Held { key, value, from, to } in self.entries.finish() {
            tables.entries.push(EntryPoint {
                provenance: provenance(&from),
                entry_id: identifier(&[cluster, &key]).into(),
                valid_from: from,
                valid_to: to,
                entry: format!("{}:{}/{}", value.kind, value.namespace, value.name).into(),
                kind: value.kind.into(),
                namespace: value.namespace.into(),
                exposure: value.exposure.into(),
                hosts: value.hosts.join(", ").into(),
                protocol: value.protocol.into(),
                port: value.port.map(i64::from),
                tls: value.tls,
                sources: value.sources.join(", ").into(),
                targets: value.targets.join(", ").into(),
            });
        }
    }
}

fn same_object(a: &ObjectVersion<'_>, b: &ObjectVersion<'_>) -> bool {
    (&a.api_group, &a.resource, &a.namespace, &a.name) == (&b.api_group, &b.resource, &b.namespace, &b.name)
}
