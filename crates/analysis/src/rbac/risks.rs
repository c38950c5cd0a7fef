//! Risky permissions and where they lead: a catalogue of 45 patterns, and the paths from their holders to cluster-admin, nodes, cloud identities
//! and namespaces.
//!
//! [`of`] tells the risks of one instant, [`over`] those of a history as intervals; both are made by one engine, which is changed object by
//! object and works out again what a change touches.
//!
//! What the paths rest on, and where they end:
//!
//! - A subject holds what all its bindings and those of the groups that it is in by what it is give together. Groups that an identity provider adds
//!   to a user are not known from objects; their risks are told of the group.
//! - Where an API server prevents escalation, no path is told: bindings need `bind` (a superset of the role gives nothing new), roles
//!   need `escalate` and are only of use where the holder has them.
//! - Privileged pods count as refused where the namespace's label of Pod Security says `baseline` or `restricted`, and the holder cannot change
//!   the namespace. What other admission policies refuse is not known here.
//! - A service account is one of a namespace while it exists; the token of a Secret counts while the Secret is there.
//! - Constrained impersonation, signing, endpoints and the like are told, but no path goes on from them.

mod around;
mod back;
pub mod catalogue;
mod edges;
mod engine;
mod expand;
mod findings;
mod graph;
mod history;
pub mod need;
mod nodes;
mod on_nodes;
mod opens;
mod options;
mod parts;
mod profile;
mod risk;
mod settle;
mod special;
mod steps;
mod tell;
mod vertex;
mod world;

use std::collections::BTreeMap;

use records::Timestamp;
use records::table::Provenance;
use records::tables::rbac::RbacRisk;

use crate::identifier::identifier;
use crate::rbac::GROUP;
use crate::rbac::state::State;
use crate::rbac::subject::Subject;
use crate::snapshot::{Object, Place, Snapshot};
use engine::Engine;
use risk::{Risk, RiskKey};
use special::Known;
use world::{Body, Seen, Touched};

pub(crate) use history::intervals;
pub use history::over;
pub use options::{Options, ServerVersion, ServerVersionError};

/// The risks of objects as they stand at one instant, in order of subject, pattern and scope.
///
/// They have no beginning of their own: `valid_from` is the earliest instant, and their provenance is empty. Aggregated ClusterRoles without rules have those
/// that their selectors find.
#[must_use]
pub fn of(snapshot: &Snapshot, options: &Options) -> Vec<RbacRisk<'static>> {
    let mut engine = Engine::new(options.clone());
    let mut touched = Touched::default();
    // Roles come from the state, which fills those that are aggregated.
    for role in State::of(snapshot).roles() {
        engine.world.set_role((role.namespace.clone(), role.name.clone()), Some(role.clone()), &mut touched);
    }
    let is_role =
        |object: &Object| object.group == GROUP && matches!(object.resource.as_str(), "roles" | "clusterroles");
    for object in snapshot.all().filter(|object| !is_role(object)) {
        engine.world.take(seen(object), &mut touched);
    }
    let complete = options.whole_cluster;
    engine.know(Known { cluster_roles: complete, roles: complete, accounts: complete }, &mut touched);
    touched.everybody = true;
    let mut rows: Vec<RbacRisk<'static>> = engine
        .update(touched)
        .into_iter()
        .filter_map(|(subject, key, risk)| Some(row("", &subject, &key, risk?, (Timestamp::MIN, None))))
        .collect();
    rows.sort_by(|a, b| (&a.subject, &a.pattern, &a.scope).cmp(&(&b.subject, &b.pattern, &b.scope)));
    rows
}

/// Where the objects stand that a path may begin with, by their labels: `RoleBinding:namespace/name`, `ClusterRoleBinding:name`, `Secret:namespace/name`.
#[must_use]
pub fn places(snapshot: &Snapshot) -> BTreeMap<String, Place> {
    let label = |object: &Object| match (object.namespace.as_deref(), object.kind.as_str()) {
        (Some(namespace), kind) => format!("{kind}:{namespace}/{}", object.name),
        (None, kind @ ("RoleBinding" | "Role" | "ServiceAccount" | "Secret" | "ConfigMap")) => {
            format!("{kind}:default/{}", object.name)
        }
        (None, kind) => format!("{kind}:{}", object.name),
    };
    snapshot.all().map(|object| (label(object), object.place.clone())).collect()
}

fn seen(object: &Object) -> Seen<'_> {
    Seen {
        group: &object.group,
        resource: &object.resource,
        namespace: object.namespace.as_deref(),
        name: &object.name,
        body: Body::Value(&object.body),
        entry: None,
    }
}

/// The row of a risk while it lasts.
fn row(
    cluster: &str,
    subject: &Subject,
    key: &RiskKey,
    risk: Risk,
    (from, to): (Timestamp, Option<Timestamp>),
) -> RbacRisk<'static> {
    let label = subject.to_string();
    let pattern = catalogue::by_id(key.pattern);
    let scope = key.scope.as_deref();
    let provenance = match risk.entry {
        Some(entry) => (*entry).clone(),
        None => Provenance { cluster: cluster.to_owned().into(), ..Provenance::default() },
    };
    RbacRisk {
        provenance,
        risk_id: identifier(&[cluster, &label, key.pattern, scope.unwrap_or("")]).into(),
        valid_from: from,
        valid_to: to,
        subject: label.into(),
        subject_kind: subject.kind().into(),
        pattern: key.pattern.into(),
        title: pattern.map_or("", |pattern| pattern.title).into(),
        severity: risk.severity.word().into(),
        scope: key.scope.clone().map(Into::into),
        effect: risk.effect.words().into(),
        permission: risk.permission.into(),
        path: risk.path.into(),
        path_json: risk.path_json.into(),
        steps: i64::try_from(risk.steps).unwrap_or(i64::MAX),
        combined: risk.combined,
        implied: risk.implied,
        built_in: risk.built_in,
        remark: risk.remark.map(Into::into),
        remediation: pattern.map_or("", |pattern| pattern.remediation).into(),
    }
}
