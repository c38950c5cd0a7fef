//! The narrowest role that would have sufficed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::observed::Use;
use crate::rbac::authorizer::Target;
use crate::rbac::binding::Binding;
use crate::rbac::role::Role;
use crate::rbac::rules::Rule;

/// Group, resource with subresource, and the names that the rule was limited to.
type What = (String, String, BTreeSet<String>);

/// A manifest of a role with what was used through a binding and nothing else; `None` when nothing was. Above it stand, as comments, what it is for
/// and, where the binding is for the whole cluster, the namespaces in which it was used.
pub(super) fn role(binding: &Binding, role: &Role, uses: &[(&Use<'_>, &Rule)]) -> Option<String> {
    let mut verbs: BTreeMap<What, BTreeSet<String>> = BTreeMap::new();
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut namespaces = BTreeSet::new();
    for (one, rule) in uses {
        let request = one.request();
        match request.target {
            Target::Path(path) => {
                paths.entry(path.to_owned()).or_default().insert(request.verb.to_owned());
            }
            Target::Resource(asked) => {
                let resource = match asked.subresource {
                    "" => asked.resource.to_owned(),
                    subresource => format!("{}/{subresource}", asked.resource),
                };
                let named = !rule.resource_names.is_empty() && !asked.name.is_empty();
                let names = named.then(|| asked.name.to_owned()).into_iter().collect();
                verbs.entry((asked.group.to_owned(), resource, names)).or_default().insert(request.verb.to_owned());
                namespaces.insert(asked.namespace.to_owned());
            }
        }
    }
    if verbs.is_empty() && paths.is_empty() {
        return None;
    }
    // Resources of one group with the same verbs and names stand in one rule.
    let mut merged: BTreeMap<(String, BTreeSet<String>, BTreeSet<String>), BTreeSet<String>> = BTreeMap::new();
    for ((group, resource, names), verbs) in verbs {
        merged.entry((group, verbs, names)).or_default().insert(resource);
    }
    let mut rules: Vec<Value> = Vec::new();
    for ((group, verbs, names), resources) in merged {
        let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
        if !names.is_empty()
            && let Some(rule) = rule.as_object_mut()
        {
            rule.insert("resourceNames".to_owned(), json!(names));
        }
        rules.push(rule);
    }
    let mut of_verbs: BTreeMap<BTreeSet<String>, BTreeSet<String>> = BTreeMap::new();
    for (path, verbs) in paths {
        of_verbs.entry(verbs).or_default().insert(path);
    }
    rules.extend(of_verbs.into_iter().map(|(verbs, paths)| json!({"nonResourceURLs": paths, "verbs": verbs})));
    let (kind, mut metadata) = match &binding.namespace {
        Some(namespace) => ("Role", json!({"namespace": namespace})),
        None => ("ClusterRole", json!({})),
    };
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("name".to_owned(), json!(format!("{}-narrowed", role.name)));
    }
    let manifest =
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules});
    let yaml = serde_yaml_ng::to_string(&manifest).ok()?;
    let mut text = format!("# What was used through {} of {}.\n", binding.label(), role.label());
    if binding.namespace.is_none() && !namespaces.contains("") && !namespaces.is_empty() {
        let all: Vec<&str> = namespaces.iter().map(String::as_str).collect();
        text.push_str(&format!(
            "# Used in these namespaces only: {}. RoleBindings in them would do.\n",
            all.join(", ")
        ));
    }
    text.push_str(&yaml);
    Some(text)
}
