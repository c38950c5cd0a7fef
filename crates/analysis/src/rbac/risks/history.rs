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

/// From when it is known what there is of each kind; `None` while it is not.
#[derive(Debug, Clone, Copy, Default)]
struct KnownFrom {
    cluster_roles: Option<Timestamp>,
    roles: Option<Timestamp>,
    accounts: Option<Timestamp>,
}

impl KnownFrom {
    fn at(self, at: Timestamp) -> Known {
        let is = |from: Option<Timestamp>| from.is_some_and(|from| from <= at);
        Known { cluster_roles: is(self.cluster_roles), roles: is(self.roles), accounts: is(self.accounts) }
    }

    /// The instants at which more becomes known.
    fn instants(self) -> Vec<Timestamp> {
        let mut instants: Vec<Timestamp> =
            [self.cluster_roles, self.roles, self.accounts].into_iter().flatten().collect();
        instants.sort();
        instants
    }
}

/// The rows of `rbac_risks`.
pub(crate) fn intervals(history: &History<'_>, options: &Options) -> Vec<RbacRisk<'static>> {
    let known = |cluster: &str| KnownFrom {
        cluster_roles: history.known_from(cluster, GROUP, "clusterroles"),
        roles: history.known_from(cluster, GROUP, "roles"),
        accounts: history.known_from(cluster, "", "serviceaccounts"),
    };
    walk(&history.versions, known, options)
}

/// The risks of a history of objects as intervals. With [`Options::whole_cluster`] what is not in it did not exist.
#[must_use]
pub fn over(versions: &[ObjectVersion<'_>], options: &Options) -> Vec<RbacRisk<'static>> {
    let from = options.whole_cluster.then_some(Timestamp::MIN);
    walk(versions, |_| KnownFrom { cluster_roles: from, roles: from, accounts: from }, options)
}

fn walk(
    versions: &[ObjectVersion<'_>],
    known: impl Fn(&str) -> KnownFrom,
    options: &Options,
) -> Vec<RbacRisk<'static>> {
    let mut by_cluster: BTreeMap<&str, Vec<&ObjectVersion<'_>>> = BTreeMap::new();
    for version in versions.iter().filter(|version| matters(version)) {
        by_cluster.entry(&version.provenance.cluster).or_default().push(version);
    }
    let mut rows = Vec::new();
    for (cluster, versions) in by_cluster {
        let mut lasting = Lasting::new();
        let mut engine = Engine::new(options.clone());
        let known = known(cluster);
        let mut more = known.instants().into_iter().peekable();
        for moment in moments(versions) {
            // Knowledge may begin between two moments.
            while let Some(at) = more.next_if(|at| *at < moment.at) {
                let mut touched = Touched::default();
                engine.know(known.at(at), &mut touched);
                keep(&mut engine, touched, at, &mut lasting);
            }
            let mut touched = Touched::default();
            engine.know(known.at(moment.at), &mut touched);
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
        for at in more {
            let mut touched = Touched::default();
            engine.know(known.at(at), &mut touched);
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
