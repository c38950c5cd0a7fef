//! The rights that collection needs, and no more, as a manifest for an administrator to apply.

use std::collections::BTreeMap;

use crate::kinds::GovernedKind;
use crate::{balance, canary, discovery};

/// The namespace, a ServiceAccount in it, a ClusterRole and its binding: list and watch of the kinds, `get` of `/metrics`, `/version`
/// and `/apis`, and `get` of the namespace `kube-system` (the cluster's identity and the canaries). YAML.
///
/// Kubernetes has no right to see only the metadata of an object. Where Secrets are among the kinds, the role can read their
/// content, though the collector never asks for it; leave them out of the kinds if that is not acceptable.
#[must_use]
pub fn rbac_manifest(kinds: &[GovernedKind], namespace: &str) -> String {
    let mut by_group: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in kinds {
        let resources = by_group.entry(kind.group()).or_default();
        if !resources.contains(&kind.resource()) {
            resources.push(kind.resource());
        }
    }
    let mut rules = String::new();
    for (group, mut resources) in by_group {
        resources.sort_unstable();
        rules.push_str(&format!("- apiGroups: [\"{group}\"]\n  resources:\n"));
        for resource in resources {
            rules.push_str(&format!("  - {resource}\n"));
        }
        rules.push_str("  verbs: [list, watch]\n");
    }
    let name = canary::PATH.rsplit('/').next().unwrap_or_default();
    rules.push_str(&format!(
        "# The cluster's identity, and the canaries.\n- apiGroups: [\"\"]\n  resources: [namespaces]\n  resourceNames: [{name}]\n  verbs: [get]\n"
    ));
    rules.push_str(&format!(
        "# The counters of the audit backend, the version, and which kinds are served.\n- nonResourceURLs: [{}, /version, {}]\n  verbs: [get]\n",
        balance::PATH,
        discovery::PATH
    ));
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n---\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: plimsoll-collector\n  namespace: {namespace}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: plimsoll-collector\nrules:\n{rules}---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: plimsoll-collector\n\
         roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: plimsoll-collector\n\
         subjects:\n- kind: ServiceAccount\n  name: plimsoll-collector\n  namespace: {namespace}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::default_kinds;

    #[test]
    fn the_rights_of_the_default_kinds() {
        let manifest = rbac_manifest(&default_kinds(), "plimsoll");
        insta::assert_snapshot!(manifest);
        let verbs: Vec<&str> = manifest.lines().filter_map(|line| line.trim().strip_prefix("verbs: ")).collect();
        assert!(verbs.len() > 5 && verbs.iter().all(|verbs| ["[list, watch]", "[get]"].contains(verbs)), "{verbs:?}");
    }
}
