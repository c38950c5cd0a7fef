//! Role-based access control as intervals: who held which role through which binding, and the rules of each role.
//!
//! Semantics of RBAC's own authorizer: a subject has what any rule of any role bound to it gives; a RoleBinding to a ClusterRole gives
//! its rules in the binding's namespace only; an aggregated ClusterRole counts with the rules that the controller has filled in; a binding
//! of a missing role gives nothing until the role is created. Before roles of a kind were listed for the first time, a missing role is not known to be
//! missing, and no grant is told.

use std::collections::{BTreeMap, HashMap, HashSet};

use records::tables::objects::ObjectVersion;
use records::tables::rbac::{RbacGrant, RbacRule};
use serde_json::Value;

use crate::identifier::identifier;
use crate::objects::History;
use crate::timeline::Interval;

mod aggregation;
pub mod authorizer;
pub mod binding;
pub mod defaults;
pub mod equivalence;
pub mod node;
pub mod questions;
pub mod risks;
pub mod role;
pub mod rules;
pub mod state;
pub mod subject;
pub mod usage;
pub(crate) mod versions;

use binding::{Binding, BindingBody};
use role::{Role, RoleBody};
use rules::Rule;
use subject::{MASTERS, Subject};

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// One version of a Role or ClusterRole.
#[derive(Debug)]
struct RoleVersion<'a, 'r> {
    version: &'a ObjectVersion<'r>,
    interval: Interval,
    label: String,
    role: Role,
    rules_json: String,
}

/// Cluster, namespace (empty for a ClusterRole) and name.
type RoleKey<'a> = (&'a str, &'a str, &'a str);

/// The rows of `rbac_grants` and `rbac_rules`.
pub(crate) fn grants_and_rules<'r>(history: &History<'r>) -> (Vec<RbacGrant<'r>>, Vec<RbacRule<'r>>) {
    let mut roles: Vec<RoleVersion<'_, 'r>> = history.versions.iter().filter_map(role).collect();
    roles.sort_by_key(|role| role.interval.from);
    let mut by_key: HashMap<RoleKey<'_>, Vec<&RoleVersion<'_, '_>>> = HashMap::new();
    for role in &roles {
        let v = role.version;
        let key = (&*v.provenance.cluster, v.namespace.as_deref().unwrap_or(""), &*v.name);
        by_key.entry(key).or_default().push(role);
    }
    let mut grants = Vec::new();
    for version in &history.versions {
        grants_of(version, history, &by_key, &mut grants);
    }
    (grants, rule_rows(&roles))
}

fn role<'a, 'r>(version: &'a ObjectVersion<'r>) -> Option<RoleVersion<'a, 'r>> {
    if version.api_group != GROUP || !matches!(&*version.resource, "roles" | "clusterroles") {
        return None;
    }
    let interval = Interval::new(version.valid_from, version.valid_to)?;
    // A body of another form gives no rights that can be read; the normaliser lists it as a fault.
    let body: RoleBody = serde_json::from_str(&version.body_json).unwrap_or_default();
    let role = Role::new(version.namespace.as_deref(), &version.name, body);
    let rules_json = Value::Array(role.rules_json.clone()).to_string();
    Some(RoleVersion { version, interval, label: role.label(), role, rules_json })
}

fn grants_of<'r>(
    version: &ObjectVersion<'r>,
    history: &History<'r>,
    roles: &HashMap<RoleKey<'_>, Vec<&RoleVersion<'_, '_>>>,
    grants: &mut Vec<RbacGrant<'r>>,
) {
    if version.api_group != GROUP || !matches!(&*version.resource, "rolebindings" | "clusterrolebindings") {
        return;
    }
    let Some(interval) = Interval::new(version.valid_from, version.valid_to) else { return };
    let body: BindingBody = serde_json::from_str(&version.body_json).unwrap_or_default();
    let binding = Binding::new(version.namespace.as_deref(), &version.name, body);
    let cluster = &*version.provenance.cluster;
    let (label, role_label) = (binding.label(), binding.role_label());
    let resource = if binding.role_kind == "Role" { "roles" } else { "clusterroles" };
    let versions: &[&RoleVersion<'_, '_>] = binding
        .role_key()
        .and_then(|(namespace, name)| roles.get(&(cluster, namespace.unwrap_or(""), name)))
        .map_or(&[], Vec::as_slice);
    let known_from = history.known_from(cluster, GROUP, resource);
    let cuts = versions.iter().flat_map(|role| role.interval.bounds()).chain(known_from);
    for piece in interval.cut(cuts) {
        let role = versions.iter().find(|role| role.interval.contains(piece.from));
        if role.is_none() && known_from.is_none_or(|known| piece.from < known) {
            continue;
        }
        let rules: Vec<&Rule> = role.iter().flat_map(|role| &role.role.rules).collect();
        let of_rules = if binding.namespace.is_none() { equivalence::reason(&rules, &binding.role_name) } else { None };
        for subject in &binding.subjects {
            let reason = if *subject == Subject::Group(MASTERS.to_owned()) {
                Some("the group system:masters is allowed everything, whatever it is bound to".to_owned())
            } else {
                of_rules.clone()
            };
            grants.push(RbacGrant {
                provenance: version.provenance.clone(),
                grant_id: identifier(&[cluster, &label, &role_label, &subject.to_string()]).into(),
                valid_from: piece.from,
                valid_to: piece.to,
                subject: subject.to_string().into(),
                subject_kind: subject.kind().into(),
                binding: label.clone().into(),
                role: role_label.clone().into(),
                namespace: version.namespace.clone(),
                role_exists: role.is_some(),
                cluster_admin_equivalent: reason.is_some(),
                cluster_admin_reason: reason.map(Into::into),
                anonymous: subject.is_anonymous(),
                built_in: binding.is_built_in_for(subject) && role.is_some_and(|role| role.role.built_in),
                rules_json: role.map_or_else(|| "[]".into(), |role| role.rules_json.clone().into()),
            });
        }
    }
}

/// One row for each rule while its role keeps it, also over several versions of the role.
fn rule_rows<'r>(roles: &[RoleVersion<'_, 'r>]) -> Vec<RbacRule<'r>> {
    let mut rows: Vec<RbacRule<'r>> = Vec::new();
    let mut newest: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for role in roles {
        let v = role.version;
        let mut of_version = HashSet::new();
        let aggregated = role.role.aggregation.is_some();
        for (rule, value) in role.role.rules.iter().zip(&role.role.rules_json) {
            let json = value.to_string();
            let id = identifier(&[&v.provenance.cluster, &role.label, &json]);
            if !of_version.insert(id.clone()) {
                continue; // The role has the rule twice.
            }
            if let Some(row) = newest.get(&(&*v.uid, id.clone())).map(|row| &mut rows[*row])
                && row.valid_to == Some(role.interval.from)
                && (row.built_in, row.aggregated) == (role.role.built_in, aggregated)
            {
                row.valid_to = role.interval.to;
                continue;
            }
            newest.insert((&v.uid, id.clone()), rows.len());
            rows.push(RbacRule {
                provenance: v.provenance.clone(),
                rule_id: id.into(),
                valid_from: role.interval.from,
                valid_to: role.interval.to,
                role: role.label.clone().into(),
                namespace: v.namespace.clone(),
                built_in: role.role.built_in,
                aggregated,
                wildcard_verbs: rule.verbs.iter().any(|t| t == "*"),
                wildcard_resources: rule.resources.iter().any(|t| t == "*" || t.starts_with("*/")),
                wildcard_groups: rule.api_groups.iter().any(|t| t == "*"),
                wildcard_urls: rule.non_resource_urls.iter().any(|t| t.ends_with('*')),
                rule_json: json.into(),
            });
        }
    }
    rows
}
