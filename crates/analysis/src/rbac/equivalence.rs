//! Which rules, bound over the whole cluster, are equal to `cluster-admin`.
//!
//! All verbs on all resources of all groups; or one step from it with nothing else needed:
//!
//! - `escalate` with `update` or `patch` on the ClusterRole that is bound itself (an unrestricted rule reaches it): its holder may
//!   write any rules into it;
//! - `bind` on ClusterRole `cluster-admin` with `create` on ClusterRoleBindings, or `update` or `patch` on the binding `cluster-admin`;
//! - `impersonate` on all users; or on the group `system:masters` together with somebody to be (an API server refuses to impersonate a
//!   group without a user).
//!
//! Rights from which cluster-admin follows by way of workloads, tokens or secrets are another control's.

use super::GROUP;
use super::rules::Rule;

/// Why the rules of the ClusterRole `role`, taken together and bound over the whole cluster, are equal to cluster-admin; `None` when they
/// are not.
#[must_use]
pub fn reason(rules: &[&Rule], role: &str) -> Option<String> {
    let allows = |verb: &str, group: &str, resource: &str, name: Option<&str>| {
        rules.iter().any(|rule| rule.allows(verb, group, resource, name))
    };
    let writes = |resource: &str, name: &str| {
        ["update", "patch"].into_iter().find(|verb| allows(verb, GROUP, resource, Some(name)))
    };
    if rules.iter().any(|rule| rule.is_total()) {
        return Some("all verbs on all resources of all API groups".to_owned());
    }
    if allows("escalate", GROUP, "clusterroles", Some(role))
        && let Some(verb) = writes("clusterroles", role)
    {
        return Some(format!("escalate and {verb} on the ClusterRole {role} that is bound"));
    }
    if allows("bind", GROUP, "clusterroles", Some("cluster-admin")) {
        if allows("create", GROUP, "clusterrolebindings", None) {
            return Some("bind on the ClusterRole cluster-admin and create on ClusterRoleBindings".to_owned());
        }
        if let Some(verb) = writes("clusterrolebindings", "cluster-admin") {
            return Some(format!("bind on the ClusterRole cluster-admin and {verb} on its ClusterRoleBinding"));
        }
    }
    // `None`: only a rule without a limit to names allows it, so this stands for all users.
    if allows("impersonate", "", "users", None) {
        return Some("impersonate on all users".to_owned());
    }
    let somebody = |rule: &Rule| {
        let unlimited = Rule { resource_names: Vec::new(), ..rule.clone() };
        ["users", "serviceaccounts"].iter().any(|resource| unlimited.allows("impersonate", "", resource, None))
    };
    if allows("impersonate", "", "groups", Some("system:masters")) && rules.iter().any(|rule| somebody(rule)) {
        return Some("impersonate on the group system:masters".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equivalent(rules: &str) -> bool {
        let rules: Vec<serde_json::Value> = serde_json::from_str(rules).unwrap();
        let rules: Vec<Rule> = rules.iter().map(Rule::read).collect();
        reason(&rules.iter().collect::<Vec<_>>(), "own").is_some()
    }

    const RBAC: &str = r#""apiGroups":["rbac.authorization.k8s.io"]"#;

    #[test]
    fn equal_to_cluster_admin() {
        for rules in [
            r#"[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]"#.to_owned(),
            format!(r#"[{{"verbs":["*"],{RBAC},"resources":["*"]}}]"#),
            format!(r#"[{{"verbs":["escalate","patch"],{RBAC},"resources":["clusterroles"]}}]"#),
            format!(r#"[{{"verbs":["escalate","update"],{RBAC},"resources":["clusterroles"],"resourceNames":["own"]}}]"#),
            format!(r#"[{{"verbs":["bind"],{RBAC},"resources":["clusterroles"]}},{{"verbs":["create"],{RBAC},"resources":["clusterrolebindings"]}}]"#),
            format!(r#"[{{"verbs":["bind"],{RBAC},"resources":["clusterroles"],"resourceNames":["cluster-admin"]}},{{"verbs":["patch"],{RBAC},"resources":["clusterrolebindings"]}}]"#),
            r#"[{"verbs":["impersonate"],"apiGroups":[""],"resources":["users"]}]"#.to_owned(),
            r#"[{"verbs":["impersonate"],"apiGroups":[""],"resources":["groups","serviceaccounts"]}]"#.to_owned(),
            r#"[{"verbs":["impersonate"],"apiGroups":[""],"resources":["users"],"resourceNames":["bob"]},{"verbs":["impersonate"],"apiGroups":[""],"resources":["groups"],"resourceNames":["system:masters"]}]"#.to_owned(),
            r#"[{"verbs":["*"],"apiGroups":[""],"resources":["*"]}]"#.to_owned(),
        ] {
            assert!(equivalent(&rules), "{rules}");
        }
    }

    #[test]
    fn less_than_cluster_admin() {
        for rules in [
            "[]".to_owned(),
            r#"[{"verbs":["*"],"apiGroups":["apps"],"resources":["*"]}]"#.to_owned(),
            r#"[{"verbs":["get","list","watch"],"apiGroups":["*"],"resources":["*"]}]"#.to_owned(),
            r#"[{"verbs":["*"],"apiGroups":["*"],"resources":["*"],"resourceNames":["a"]}]"#.to_owned(),
            r#"[{"verbs":["*"],"nonResourceURLs":["*"]}]"#.to_owned(),
            format!(r#"[{{"verbs":["escalate"],{RBAC},"resources":["clusterroles"]}}]"#),
            format!(r#"[{{"verbs":["escalate","update"],{RBAC},"resources":["roles"]}}]"#),
            format!(
                r#"[{{"verbs":["escalate","update"],{RBAC},"resources":["clusterroles"],"resourceNames":["other"]}}]"#
            ),
            format!(
                r#"[{{"verbs":["bind"],{RBAC},"resources":["clusterroles"],"resourceNames":["view"]}},{{"verbs":["create"],{RBAC},"resources":["clusterrolebindings"]}}]"#
            ),
            format!(r#"[{{"verbs":["create","update"],{RBAC},"resources":["clusterrolebindings","clusterroles"]}}]"#),
            r#"[{"verbs":["impersonate"],"apiGroups":[""],"resources":["users"],"resourceNames":["bob"]}]"#.to_owned(),
            r#"[{"verbs":["impersonate"],"apiGroups":[""],"resources":["groups"]}]"#.to_owned(),
            r#"[{"verbs":["impersonate"],"apiGroups":["apps"],"resources":["users"]}]"#.to_owned(),
        ] {
            assert!(!equivalent(&rules), "{rules}");
        }
    }
}
