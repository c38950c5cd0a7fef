//! Role-based access control as intervals: who held which role through which binding, and the rules of each role.
//!
//! Semantics of RBAC's own authorizer: a subject has what any rule of any role bound to it gives; a RoleBinding to a ClusterRole gives
//! its rules in the binding's namespace only; an aggregated ClusterRole counts with the rules that the controller has filled in; a binding
//! of a missing role gives nothing until the role is created. Before roles of a kind were listed for the first time, a missing role is not known to be
//! missing, and no grant is told.

use std::collections::{BTreeMap, HashMap, HashSet};

use records::tables::objects::ObjectVersion;
use records::tables::rbac::{RbacGrant, RbacRule};
use serde::Deserialize;
use serde_json::Value;

use crate::identifier::identifier;
use crate::objects::History;
use crate::selector::Labels;
use crate::timeline::Interval;

pub mod equivalence;
pub mod rules;

use rules::Rule;

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    labels: Option<Labels>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RoleBody {
    metadata: Metadata,
    rules: Option<Vec<Value>>,
    aggregation_rule: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BindingBody {
    metadata: Metadata,
    subjects: Option<Vec<Subject>>,
    role_ref: RoleReference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Subject {
    kind: String,
    name: String,
    namespace: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RoleReference {
    kind: String,
    name: String,
}

/// One version of a Role or ClusterRole.
#[derive(Debug)]
struct Role<'a, 'r> {
    version: &'a ObjectVersion<'r>,
    interval: Interval,
    label: String,
    rules: Vec<(Value, Rule)>,
    rules_json: String,
    aggregated: bool,
    built_in: bool,
}

/// Cluster, namespace (empty for a ClusterRole) and name.
type RoleKey<'a> = (&'a str, &'a str, &'a str);

/// The rows of `rbac_grants` and `rbac_rules`.
pub(crate) fn grants_and_rules<'r>(history: &History<'r>) -> (Vec<RbacGrant<'r>>, Vec<RbacRule<'r>>) {
    let mut roles: Vec<Role<'_, 'r>> = history.versions.iter().filter_map(role).collect();
    roles.sort_by_key(|role| role.interval.from);
    let mut by_key: HashMap<RoleKey<'_>, Vec<&Role<'_, '_>>> = HashMap::new();
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

fn role<'a, 'r>(version: &'a ObjectVersion<'r>) -> Option<Role<'a, 'r>> {
    if version.api_group != GROUP || !matches!(&*version.resource, "roles" | "clusterroles") {
        return None;
    }
    let interval = Interval::new(version.valid_from, version.valid_to)?;
    // A body of another form gives no rights that can be read; the normaliser lists it as a fault.
    let body: RoleBody = serde_json::from_str(&version.body_json).unwrap_or_default();
    let rules = body.rules.unwrap_or_default();
    let rules_json = Value::Array(rules.clone()).to_string();
    let rules = rules.into_iter().map(|value| (Rule::read(&value), value)).map(|(rule, value)| (value, rule)).collect();
    let label = match version.namespace.as_deref() {
        Some(namespace) => format!("Role:{namespace}/{}", version.name),
        None => format!("ClusterRole:{}", version.name),
    };
    Some(Role {
        version,
        interval,
        label,
        rules,
        rules_json,
        aggregated: body.aggregation_rule.is_some_and(|rule| !rule.is_null()),
        built_in: bootstraps(&body.metadata) && is_default_role_name(&version.name),
    })
}

fn bootstraps(metadata: &Metadata) -> bool {
    metadata.labels.iter().flatten().any(|(k, v)| k == "kubernetes.io/bootstrapping" && v == "rbac-defaults")
}

/// Anybody who may write roles may set the label of Kubernetes' own: so the name must be one of theirs, too.
fn is_default_role_name(name: &str) -> bool {
    name.starts_with("system:")
        || matches!(name, "cluster-admin" | "admin" | "edit" | "view" | "extension-apiserver-authentication-reader")
}

/// Name and subject of bindings that Kubernetes creates begin with `system:`, or stand in `kube-system`; the binding `cluster-admin` is of
/// `system:masters` alone. A subject that somebody added to one of them is not built in.
fn is_default_binding(name: &str, subject: &Holder) -> bool {
    match name {
        "cluster-admin" => subject.label == "Group:system:masters",
        _ => name.starts_with("system:") && subject.is_of_kubernetes(),
    }
}

/// A subject in the one form that it has here.
#[derive(Debug, PartialEq, Eq, Hash, Clone)]
struct Holder {
    kind: &'static str,
    label: String,
}

impl Holder {
    /// `User system:serviceaccount:ns:name` and `ServiceAccount ns/name` are one.
    fn of(subject: &Subject, binding_namespace: Option<&str>) -> Option<Self> {
        let account = |namespace: &str, name: &str| Self {
            kind: "ServiceAccount",
            label: format!("ServiceAccount:{namespace}/{name}"),
        };
        match subject.kind.as_str() {
            "ServiceAccount" => {
                Some(account(subject.namespace.as_deref().or(binding_namespace).unwrap_or(""), &subject.name))
            }
            "User" => {
                let parts = subject.name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
                Some(match parts {
                    Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => account(namespace, name),
                    _ => Self { kind: "User", label: format!("User:{}", subject.name) },
                })
            }
            "Group" => Some(Self { kind: "Group", label: format!("Group:{}", subject.name) }),
            _ => None,
        }
    }

    fn is_of_kubernetes(&self) -> bool {
        ["User:system:", "Group:system:", "ServiceAccount:kube-system/"]
            .iter()
            .any(|start| self.label.starts_with(start))
    }

    fn is_anonymous(&self) -> bool {
        matches!(self.label.as_str(), "User:system:anonymous" | "Group:system:unauthenticated")
    }
}

fn grants_of<'r>(
    version: &ObjectVersion<'r>,
    history: &History<'r>,
    roles: &HashMap<RoleKey<'_>, Vec<&Role<'_, '_>>>,
    grants: &mut Vec<RbacGrant<'r>>,
) {
    if version.api_group != GROUP || !matches!(&*version.resource, "rolebindings" | "clusterrolebindings") {
        return;
    }
    let Some(interval) = Interval::new(version.valid_from, version.valid_to) else { return };
    let body: BindingBody = serde_json::from_str(&version.body_json).unwrap_or_default();
    let namespace = version.namespace.as_deref();
    let cluster = &*version.provenance.cluster;
    let binding = match namespace {
        Some(namespace) => format!("RoleBinding:{namespace}/{}", version.name),
        None => format!("ClusterRoleBinding:{}", version.name),
    };
    let role_namespace = if body.role_ref.kind == "Role" { namespace } else { None };
    let (role_label, resource) = match role_namespace {
        Some(namespace) => (format!("Role:{namespace}/{}", body.role_ref.name), "roles"),
        None => (format!("ClusterRole:{}", body.role_ref.name), "clusterroles"),
    };
    let key = (cluster, role_namespace.unwrap_or(""), body.role_ref.name.as_str());
    let versions: &[&Role<'_, '_>] = roles.get(&key).map_or(&[], Vec::as_slice);
    let known_from = history.known_from(cluster, GROUP, resource);
    let mut holders = HashSet::new();
    let subjects = body.subjects.unwrap_or_default();
    let subjects: Vec<Holder> = subjects.iter().filter_map(|s| Holder::of(s, namespace)).collect();
    let subjects: Vec<Holder> = subjects.into_iter().filter(|holder| holders.insert(holder.clone())).collect();
    let cuts = versions.iter().flat_map(|role| role.interval.bounds()).chain(known_from);
    for piece in interval.cut(cuts) {
        let role = versions.iter().find(|role| role.interval.contains(piece.from));
        if role.is_none() && known_from.is_none_or(|known| piece.from < known) {
            continue;
        }
        let rules: Vec<&Rule> = role.iter().flat_map(|role| role.rules.iter().map(|(_, rule)| rule)).collect();
        let of_rules = if namespace.is_none() { equivalence::reason(&rules, &body.role_ref.name) } else { None };
        for holder in &subjects {
            let reason = if holder.label == "Group:system:masters" {
                Some("the group system:masters is allowed everything, whatever it is bound to".to_owned())
            } else {
                of_rules.clone()
            };
            grants.push(RbacGrant {
                provenance: version.provenance.clone(),
                grant_id: identifier(&[cluster, &binding, &role_label, &holder.label]).into(),
                valid_from: piece.from,
                valid_to: piece.to,
                subject: holder.label.clone().into(),
                subject_kind: holder.kind.into(),
                binding: binding.clone().into(),
                role: role_label.clone().into(),
                namespace: version.namespace.clone(),
                role_exists: role.is_some(),
                cluster_admin_equivalent: reason.is_some(),
                cluster_admin_reason: reason.map(Into::into),
                anonymous: holder.is_anonymous(),
                built_in: bootstraps(&body.metadata)
                    && is_default_binding(&version.name, holder)
                    && role.is_some_and(|role| role.built_in),
                rules_json: role.map_or_else(|| "[]".into(), |role| role.rules_json.clone().into()),
            });
        }
    }
}

/// One row for each rule while its role keeps it, also over several versions of the role.
fn rule_rows<'r>(roles: &[Role<'_, 'r>]) -> Vec<RbacRule<'r>> {
    let mut rows: Vec<RbacRule<'r>> = Vec::new();
    let mut newest: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for role in roles {
        let v = role.version;
        let mut of_version = HashSet::new();
        for (value, rule) in &role.rules {
            let json = value.to_string();
            let id = identifier(&[&v.provenance.cluster, &role.label, &json]);
            if !of_version.insert(id.clone()) {
                continue; // The role has the rule twice.
            }
            if let Some(row) = newest.get(&(&*v.uid, id.clone())).map(|row| &mut rows[*row])
                && row.valid_to == Some(role.interval.from)
                && (row.built_in, row.aggregated) == (role.built_in, role.aggregated)
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
                built_in: role.built_in,
                aggregated: role.aggregated,
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
