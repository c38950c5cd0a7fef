//! The risks of a history as intervals.

use std::collections::BTreeMap;

use records::Timestamp;
use records::tables::objects::ObjectVersion;
use records::tables::rbac::RbacRisk;

use super::engine::Engine;
use super::options::Options;
use super::risk::RiskKey;
use super::row;
use super::special::Known;
use super::world::{Body, Seen, Touched};
use crate::objects::History;
use crate::rbac::GROUP;
use crate::rbac::subject::Subject;
use crate::replay::{Lasting, moments};

/// Whether risks depend on objects of this kind.
fn matters(version: &ObjectVersion<'_>) -> bool {
    matches!(
        (&*version.api_group, &*version.resource),
        (GROUP, "roles" | "clusterroles" | "rolebindings" | "clusterrolebindings")
            | (
                "",
                "pods"
                    | "serviceaccounts"
                    | "namespaces"
                    | "secrets"
                    | "nodes"
                    | "configmaps"
                    | "replicationcontrollers"
            )
            | ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets")
            | ("batch", "jobs" | "cronjobs")
    )
}

fn seen<'a>(version: &'a ObjectVersion<'_>) -> Seen<'a> {
    Seen {
        group: &version.api_group,
        resource: &version.resource,
        namespace: version.namespace.as_deref(),
        name: &version.name,
        body: Body::Text(&version.body_json),
        entry: Some(&version.provenance),
    }
}

/// What is known to be complete at an instant.
fn known(history: &History<'_>, cluster: &str, at: Timestamp) -> Known {
    let is = |group: &str, resource: &str| history.known_from(cluster, group, resource).is_some_and(|from| from <= at);
    Known { cluster_roles: is(GROUP, "clusterroles"), roles: is(GROUP, "roles"), accounts: is("", "serviceaccounts") }
}

/// The rows of `rbac_risks`.
pub(crate) fn intervals(history: &History<'_>, options: &Options) -> Vec<RbacRisk<'static>> {
    let mut by_cluster: BTreeMap<&str, Vec<&ObjectVersion<'_>>> = BTreeMap::new();
    for version in history.versions.iter().filter(|version| matters(version)) {
        by_cluster.entry(&version.provenance.cluster).or_default().push(version);
    }
    let mut rows = Vec::new();
    for (cluster, versions) in by_cluster {
        let mut lasting = Lasting::new();
        let mut engine = Engine::new(Options { whole_cluster: false, ..options.clone() });
        let mut known_from: Vec<Timestamp> = [(GROUP, "clusterroles"), (GROUP, "roles"), ("", "serviceaccounts")]
            .into_iter()
            .filter_map(|(group, resource)| history.known_from(cluster, group, resource))
            .collect();
        known_from.sort();
        let mut known_from = known_from.into_iter().peekable();
        for moment in moments(versions) {
            // Knowledge may begin between two moments.
            while let Some(at) = known_from.next_if(|at| *at < moment.at) {
                let mut touched = Touched::default();
                engine.know(known(history, cluster, at), &mut touched);
                keep(&mut engine, touched, at, &mut lasting);
            }
            let mut touched = Touched::default();
            engine.know(known(history, cluster, moment.at), &mut touched);
            for version in &moment.ends {
                // A version that another one follows at once is replaced by it.
                let follows = moment.begins.iter().any(|next| {
                    (&next.api_group, &next.resource, &next.namespace, &next.name)
                        == (&version.api_group, &version.resource, &version.namespace, &version.name)
                });
                if !follows {
                    engine.world.remove(seen(version), &mut touched);
                }
            }
            for version in &moment.begins {
                engine.world.take(seen(version), &mut touched);
            }
            keep(&mut engine, touched, moment.at, &mut lasting);
        }
        for at in known_from {
            let mut touched = Touched::default();
            engine.know(known(history, cluster, at), &mut touched);
            keep(&mut engine, touched, at, &mut lasting);
        }
        rows.extend(lasting.finish().into_iter().map(|held| {
            let (subject, key): (Subject, RiskKey) = held.key;
            row(cluster, &subject, &key, held.value, (held.from, held.to))
        }));
    }
    rows
}

fn keep(
    engine: &mut Engine,
    touched: Touched,
    at: Timestamp,
    lasting: &mut Lasting<(Subject, RiskKey), super::risk::Risk>,
) {
    for (subject, key, risk) in engine.update(touched) {
        match risk {
            Some(risk) => lasting.set(at, (subject, key), risk),
            None => lasting.end(at, &(subject, key)),
        }
    }
}
