//! Grants and rules.

use records::tables::rbac::RbacGrant;
use serde_json::{Value, json};

use crate::story::{RBAC, Story, history, span};

const ROLES: (&str, &str) = (RBAC, "clusterroles");
const NAMESPACED: (&str, &str) = (RBAC, "roles");

fn everything() -> Value {
    json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}])
}

fn reading() -> Value {
    json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}])
}

fn user(name: &str) -> Value {
    json!([{"kind": "User", "name": name}])
}

/// A cluster whose roles are known from the first second on.
fn known() -> Story {
    let mut story = history();
    story.lists_none(0.0, ROLES).lists_none(0.0, NAMESPACED);
    story
}

fn grants(story: &Story) -> Vec<RbacGrant<'static>> {
    story.told().rbac_grants
}

#[test]
fn a_grant_is_cut_where_role_or_binding_change() {
    let mut story = known();
    story.role(1.0, "added", "power", reading());
    story.binding(5.0, "added", "b", "power", user("alice"));
    story.role(10.0, "modified", "power", everything());
    story.binding(
        20.0,
        "modified",
        "b",
        "power",
        json!([{"kind": "User", "name": "alice"}, {"kind": "User", "name": "bob"}]),
    );
    story.role(30.0, "deleted", "power", everything());
    let shown: Vec<_> = grants(&story)
        .iter()
        .map(|g| (g.subject.to_string(), span(g.valid_from, g.valid_to), g.role_exists, g.cluster_admin_equivalent))
        .collect();
    let row = |who: &str, from: f64, to: Option<f64>, exists, admin| (format!("User:{who}"), (from, to), exists, admin);
    assert_eq!(
        shown,
        [
            row("alice", 5.0, Some(10.0), true, false),
            row("alice", 10.0, Some(20.0), true, true),
            row("alice", 20.0, Some(30.0), true, true),
            row("bob", 20.0, Some(30.0), true, true),
            row("alice", 30.0, None, false, false),
            row("bob", 30.0, None, false, false),
        ]
    );
}

#[test]
fn a_role_is_missing_only_from_when_roles_were_listed() {
    let mut story = history();
    story.binding(-100.0, "listed", "b", "none", user("alice"));
    assert!(grants(&story).is_empty(), "ClusterRoles are not watched");
    story.lists_none(7.0, ROLES);
    let rows = grants(&story);
    assert_eq!(span(rows[0].valid_from, rows[0].valid_to), (7.0, None));
    assert!(!rows[0].role_exists && &*rows[0].rules_json == "[]");
}

#[test]
fn one_account_has_one_form_and_one_grant() {
    let mut story = known();
    story.role(1.0, "added", "r", reading());
    let subjects = json!([
        {"kind": "ServiceAccount", "name": "robot", "namespace": "ci"},
        {"kind": "User", "name": "system:serviceaccount:ci:robot"},
        {"kind": "Group", "name": "system:unauthenticated"},
        {"kind": "User", "name": "system:anonymous"},
        {"kind": "User", "name": "system:serviceaccount:odd"},
    ]);
    story.binding(2.0, "added", "b", "r", subjects);
    let shown: Vec<_> = grants(&story).iter().map(|g| (g.subject.to_string(), g.anonymous)).collect();
    let row = |t: &str, anonymous| (t.to_owned(), anonymous);
    assert_eq!(
        shown,
        [
            row("ServiceAccount:ci/robot", false),
            row("Group:system:unauthenticated", true),
            row("User:system:anonymous", true),
            row("User:system:serviceaccount:odd", false),
        ]
    );
}

#[test]
fn a_role_binding_reaches_its_namespace_only() {
    let mut story = known();
    story.role(1.0, "added", "power", everything()).role(1.0, "added", "a/own", everything());
    story.role(1.0, "added", "b/own", reading());
    story.binding(2.0, "added", "a/b", "power", user("alice"));
    story.binding(2.0, "added", "a/c", "a/own", user("alice"));
    story.binding(2.0, "added", "power", "power", user("alice"));
    let shown: Vec<_> = grants(&story)
        .iter()
        .map(|g| {
            (
                g.binding.to_string(),
                g.role.to_string(),
                g.namespace.as_deref().map(str::to_owned),
                g.cluster_admin_equivalent,
            )
        })
        .collect();
    let row = |b: &str, r: &str, n: Option<&str>, admin| (b.to_owned(), r.to_owned(), n.map(str::to_owned), admin);
    assert_eq!(
        shown,
        [
            row("ClusterRoleBinding:power", "ClusterRole:power", None, true),
            row("RoleBinding:a/b", "ClusterRole:power", Some("a"), false),
            row("RoleBinding:a/c", "Role:a/own", Some("a"), false),
        ]
    );
}

#[test]
fn membership_of_masters_is_everything() {
    let mut story = known();
    story.role(1.0, "added", "view", reading());
    story.binding(2.0, "added", "a/b", "view", json!([{"kind": "Group", "name": "system:masters"}]));
    let row = grants(&story).remove(0);
    assert!(row.cluster_admin_equivalent && row.cluster_admin_reason.is_some());
}

#[test]
fn built_in_is_what_kubernetes_made_and_not_what_is_called_so() {
    let labels = json!({"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}});
    let masters = json!({"kind": "Group", "name": "system:masters"});
    for (binding, subject, labelled, built_in) in [
        ("cluster-admin", masters.clone(), true, true),
        ("cluster-admin", json!({"kind": "User", "name": "mallory"}), true, false),
        ("mine", masters.clone(), true, false),
        ("cluster-admin", masters.clone(), false, false),
        ("system:mine", json!({"kind": "User", "name": "mallory"}), true, false),
        ("system:node-proxier", json!({"kind": "User", "name": "system:kube-proxy"}), true, true),
    ] {
        let mut story = known();
        let role = json!({"metadata": labels, "rules": everything()});
        story.sees(1.0, "added", ROLES, "cluster-admin", role).end();
        let mut body = json!({"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}, "subjects": [subject]});
        if labelled {
            body["metadata"] = labels.clone();
        }
        story.sees(2.0, "added", (RBAC, "clusterrolebindings"), binding, body).end();
        assert_eq!(grants(&story)[0].built_in, built_in, "{binding} {subject} {labelled}");
    }
}

#[test]
fn rules_are_rows_while_their_role_keeps_them() {
    let wide = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*/scale"]});
    let narrow = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/*"]});
    let url = json!({"verbs": ["get"], "nonResourceURLs": ["/debug/*"]});
    let mut story = known();
    story.role(1.0, "added", "r", json!([wide, narrow, narrow]));
    story.role(5.0, "modified", "r", json!([narrow, url]));
    let shown: Vec<_> = story
        .told()
        .rbac_rules
        .iter()
        .map(|r| {
            let wild = (r.wildcard_verbs, r.wildcard_resources, r.wildcard_groups, r.wildcard_urls);
            (span(r.valid_from, r.valid_to), wild)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ((1.0, Some(5.0)), (true, true, true, false)),
            ((1.0, None), (false, false, false, false)),
            ((5.0, None), (false, false, false, true)),
        ]
    );
}

#[test]
fn an_aggregated_role_counts_with_its_live_rules() {
    let mut story = known();
    let body = json!({"aggregationRule": {"clusterRoleSelectors": []}, "rules": everything()});
    story.sees(1.0, "added", ROLES, "sum", body).end();
    story.binding(2.0, "added", "b", "sum", user("alice"));
    assert!(grants(&story)[0].cluster_admin_equivalent);
    assert!(story.told().rbac_rules[0].aggregated);
}
