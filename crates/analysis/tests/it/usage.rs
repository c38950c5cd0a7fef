//! Permissions and bindings beside what was done with them.

use analysis::ObservedUse;
use records::table::Provenance;
use serde_json::{Value, json};

use crate::story::{CLUSTER, RBAC, Story, history, seconds, t};

const POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: None, resources: [{group: "", resources: ["configmaps"]}]}
- {level: Metadata}
"#;

/// A cluster of which everything is observed for a thousand seconds; what was not used for a hundred is unused.
fn observed() -> Story {
    let mut story = history();
    story.lists_none(0.0, (RBAC, "clusterroles")).lists_none(0.0, (RBAC, "roles"));
    story.reads_policy(0.0, POLICY);
    story.counters(0.0, -50.0, 100, 0, 100).counters(999.0, -50.0, 100, 0, 100).until(1_000.0);
    story.inputs.settings.permission_look_back_seconds = 100;
    story
}

/// `user` did it between two instants; `what` is `verb namespace/resource name`.
fn used(story: &mut Story, user: &str, groups: &[&str], what: (&str, &str, &str, &str), from: f64, to: f64) {
    let (verb, namespace, resource, name) = what;
    story.inputs.observed_uses.push(ObservedUse {
        provenance: Provenance {
            cluster: CLUSTER.into(),
            source: format!("{CLUSTER}/audit/one").into(),
            segment: 1,
            seq: 1,
            normaliser_version: 1,
        },
        user: user.to_owned().into(),
        groups_json: json!(groups).to_string().into(),
        impersonated: "".into(),
        impersonated_groups_json: "".into(),
        verb: verb.to_owned().into(),
        group: "".into(),
        resource: resource.to_owned().into(),
        subresource: "".into(),
        namespace: namespace.to_owned().into(),
        name: name.to_owned().into(),
        path: "".into(),
        reason: "RBAC:".into(),
        first: t(from),
        last: t(to),
        requests: 3,
    });
}

fn rule(verbs: Value, resources: Value) -> Value {
    json!({"verbs": verbs, "apiGroups": [""], "resources": resources})
}

fn user(name: &str) -> Value {
    json!([{"kind": "User", "name": name}])
}

/// Permission, usage, beginning and end of each row.
fn shown(story: &Story) -> Vec<(String, String, f64, Option<f64>)> {
    let rows = story.told().permission_use;
    let mut shown: Vec<_> = rows
        .iter()
        .map(|r| {
            (
                format!("{} {}", r.subject, r.permission),
                r.usage.to_string(),
                seconds(r.valid_from),
                r.valid_to.map(seconds),
            )
        })
        .collect();
    shown.sort_by(|a, b| a.partial_cmp(b).unwrap());
    shown
}

#[test]
fn a_permission_is_used_then_unused_and_only_where_a_use_would_be_seen() {
    let mut story = observed();
    story.role(
        10.0,
        "added",
        "r",
        json!([rule(json!(["get", "list"]), json!(["pods"])), rule(json!(["get"]), json!(["configmaps"]))]),
    );
    story.binding(10.0, "added", "b", "r", user("alice"));
    used(&mut story, "alice", &[], ("get", "shop", "pods", ""), 20.0, 300.0);
    used(&mut story, "eve", &[], ("list", "shop", "pods", ""), 20.0, 300.0);
    let row = |what: &str, usage: &str, from, to| (format!("User:alice {what}"), usage.to_owned(), from, to);
    assert_eq!(
        shown(&story),
        [
            row("get configmaps", "recent", 10.0, Some(110.0)),
            row("get configmaps", "undetermined", 110.0, None),
            row("get pods", "unused", 400.0, None),
            row("get pods", "used", 10.0, Some(400.0)),
            row("list pods", "recent", 10.0, Some(110.0)),
            row("list pods", "unused", 110.0, None),
        ]
    );
    let rows = story.told().permission_use;
    let get = rows.iter().find(|r| r.permission == "get pods").unwrap();
    assert_eq!(
        (get.first_use, get.last_use, get.requests, get.recorded),
        (Some(t(20.0)), Some(t(300.0)), Some(3), Some(true))
    );
}

#[test]
fn a_group_s_permission_is_used_by_its_members_in_its_namespace() {
    let mut story = observed();
    story.role(10.0, "added", "shop/r", json!([rule(json!(["get"]), json!(["pods"]))]));
    story.binding(10.0, "added", "shop/b", "shop/r", json!([{"kind": "Group", "name": "developers"}]));
    used(&mut story, "alice", &["developers"], ("get", "other", "pods", ""), 950.0, 960.0);
    assert_eq!(shown(&story)[1].1, "unused");
    used(&mut story, "alice", &["developers"], ("get", "shop", "pods", ""), 950.0, 960.0);
    assert_eq!(shown(&story), [("Group:developers get pods".to_owned(), "used".to_owned(), 10.0, None)]);
    // An envelope that does not carry groups hides who else used it.
    story.inputs.observed_uses.truncate(1);
    used(&mut story, "bob", &[], ("get", "shop", "pods", ""), 950.0, 960.0);
    story.inputs.observed_uses[1].groups_json = "".into();
    assert_eq!(shown(&story)[1].1, "undetermined");
}

#[test]
fn a_permission_goes_on_while_versions_of_the_role_keep_it() {
    let mut story = observed();
    story.role(10.0, "added", "r", json!([rule(json!(["get"]), json!(["pods"]))]));
    story.binding(10.0, "added", "b", "r", user("alice"));
    story.role(500.0, "modified", "r", json!([rule(json!(["get", "watch"]), json!(["pods"]))]));
    story.binding(950.0, "deleted", "b", "r", user("alice"));
    used(&mut story, "alice", &[], ("get", "shop", "pods", ""), 940.0, 940.0);
    assert_eq!(
        shown(&story),
        [
            ("User:alice get pods".to_owned(), "used".to_owned(), 10.0, Some(950.0)),
            ("User:alice watch pods".to_owned(), "recent".to_owned(), 500.0, Some(600.0)),
            ("User:alice watch pods".to_owned(), "unused".to_owned(), 600.0, Some(950.0)),
        ]
    );
}

#[test]
fn a_binding_is_needed_when_a_request_is_not_allowed_without_it() {
    let mut story = observed();
    let pods = json!([rule(json!(["get"]), json!(["pods"])), rule(json!(["get"]), json!(["secrets", "services"]))]);
    story.role(10.0, "added", "wide", pods);
    story.role(10.0, "added", "narrow", json!([rule(json!(["get"]), json!(["pods"]))]));
    story.role(10.0, "added", "idle", json!([rule(json!(["list"]), json!(["pods"]))]));
    story.role(10.0, "added", "quiet", json!([rule(json!(["list"]), json!(["configmaps"]))]));
    for (name, role) in [("a-narrow", "narrow"), ("b-wide", "wide"), ("c-idle", "idle"), ("d-quiet", "quiet")] {
        story.binding(10.0, "added", name, role, user("alice"));
    }
    used(&mut story, "alice", &[], ("get", "shop", "pods", ""), 950.0, 960.0);
    used(&mut story, "alice", &[], ("get", "shop", "secrets", ""), 950.0, 960.0);
    let rows = story.told().binding_use;
    let shown: Vec<_> =
        rows.iter().map(|r| (&*r.binding, r.needed, r.request_kinds, r.request_kinds_by_it_alone)).collect();
    assert_eq!(
        shown,
        [
            ("ClusterRoleBinding:a-narrow", Some(false), 1, 0),
            ("ClusterRoleBinding:b-wide", Some(true), 2, 1),
            ("ClusterRoleBinding:c-idle", Some(false), 0, 0),
            ("ClusterRoleBinding:d-quiet", None, 0, 0),
        ]
    );
    let expected = "\
# What was used through ClusterRoleBinding:b-wide of ClusterRole:wide.
# Used in these namespaces only: shop. RoleBindings in them would do.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: wide-narrowed
rules:
- apiGroups:
  - ''
  resources:
  - pods
  - secrets
  verbs:
  - get
";
    assert_eq!(rows[1].narrowest_role.as_deref(), Some(expected));
}

#[test]
fn impersonation_is_a_use_of_its_own_and_the_rest_is_the_other_s() {
    let mut story = observed();
    story.role(10.0, "added", "act", json!([rule(json!(["impersonate"]), json!(["users", "groups"]))]));
    story.role(10.0, "added", "r", json!([rule(json!(["get"]), json!(["pods"]))]));
    story.binding(10.0, "added", "a", "act", user("helper"));
    story.binding(
        10.0,
        "added",
        "b",
        "r",
        json!([{"kind": "User", "name": "helper"}, {"kind": "User", "name": "target"}]),
    );
    used(&mut story, "helper", &[], ("get", "shop", "pods", ""), 950.0, 960.0);
    story.inputs.observed_uses[0].impersonated = "target".into();
    story.inputs.observed_uses[0].impersonated_groups_json = r#"["system:authenticated","admins"]"#.into();
    let used: Vec<String> = shown(&story).into_iter().filter(|row| row.1 == "used").map(|row| row.0).collect();
    assert_eq!(used, ["User:helper impersonate groups", "User:helper impersonate users", "User:target get pods"]);
}

#[test]
fn what_no_rule_allowed_is_no_use_and_a_cloud_s_grant_is_told_as_one() {
    let mut story = observed();
    story.role(10.0, "added", "r", json!([rule(json!(["get"]), json!(["pods"]))]));
    story.binding(10.0, "added", "b", "r", user("alice"));
    used(&mut story, "alice", &[], ("get", "shop", "pods", ""), 950.0, 960.0);
    story.inputs.observed_uses[0].reason = "access granted by IAM permissions.".into();
    used(&mut story, "alice", &["system:masters"], ("get", "shop", "pods", ""), 950.0, 960.0);
    let rows = story.told().permission_use;
    let shown: Vec<_> = rows.iter().map(|r| (&*r.granted_by, &*r.usage)).collect();
    assert_eq!(shown, [("rbac", "recent"), ("rbac", "unused"), ("gke_iam", "used")]);
}

#[test]
fn a_permission_is_unused_only_where_each_policy_of_the_look_back_records_it() {
    let mut story = observed();
    story.role(10.0, "added", "r", json!([rule(json!(["get"]), json!(["configmaps"]))]));
    story.binding(10.0, "added", "b", "r", user("alice"));
    story.reads_policy(600.0, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n");
    let unused = |from, to, usage: &str| ("User:alice get configmaps".to_owned(), usage.to_owned(), from, to);
    let mut told = shown(&story);
    told.sort_by(|a, b| a.2.total_cmp(&b.2));
    assert_eq!(
        told,
        [
            unused(10.0, Some(110.0), "recent"),
            unused(110.0, Some(700.0), "undetermined"),
            unused(700.0, None, "unused"),
        ]
    );
    let bindings = |story: &Story| story.told().binding_use.iter().map(|row| row.needed).collect::<Vec<_>>();
    assert_eq!(bindings(&story), [Some(false)]);
    story
        .reads_policy(950.0, POLICY)
        .reads_policy(960.0, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n");
    assert_eq!(bindings(&story), [None]);
}
