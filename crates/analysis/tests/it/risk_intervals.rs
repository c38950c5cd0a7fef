//! Risks over time: what a change touches is worked out again, and at every instant the intervals are what the objects of that instant give.

use std::collections::BTreeSet;

use analysis::rbac::risks::{Options, of};
use analysis::snapshot::Snapshot;
use proptest::prelude::*;
use records::tables::rbac::RbacRisk;
use serde_json::{Value, json};

use crate::story::{CLUSTER, RBAC, Story, history, span, t};

const ACCOUNTS: (&str, &str) = ("", "serviceaccounts");
const PODS: (&str, &str) = ("", "pods");

fn user(name: &str) -> Value {
    json!([{"kind": "User", "name": name}])
}

fn account(namespace: &str, name: &str) -> Value {
    json!([{"kind": "ServiceAccount", "name": name, "namespace": namespace}])
}

fn rule(verbs: &[&str], group: &str, resource: &str) -> Value {
    json!([{"verbs": verbs, "apiGroups": [group], "resources": [resource]}])
}

/// Roles, bindings and accounts are known to be none at the beginning.
fn known() -> Story {
    let mut story = history();
    for resource in ["clusterroles", "roles", "clusterrolebindings", "rolebindings"] {
        story.lists_none(0.0, (RBAC, resource));
    }
    story.lists_none(0.0, ACCOUNTS);
    story
}

fn shown(story: &Story, pattern: &str) -> Vec<(String, String, (f64, Option<f64>))> {
    let rows = story.told().rbac_risks;
    let rows = rows.into_iter().filter(|row| row.pattern == pattern);
    rows.map(|r| (r.subject.to_string(), r.effect.to_string(), span(r.valid_from, r.valid_to))).collect()
}

fn told(subject: &str, effect: &str, from: f64, to: Option<f64>) -> (String, String, (f64, Option<f64>)) {
    (subject.to_owned(), effect.to_owned(), (from, to))
}

#[test]
fn a_risk_lasts_while_role_and_binding_do() {
    let mut story = known();
    story.role(1.0, "added", "r", rule(&["create"], "", "pods/exec"));
    story.binding(2.0, "added", "shop/b", "r", user("eve"));
    story.role(5.0, "modified", "r", rule(&["get"], "", "pods"));
    story.role(7.0, "modified", "r", rule(&["create"], "", "pods/exec"));
    story.binding(9.0, "deleted", "shop/b", "r", user("eve"));
    let expected = [told("User:eve", "code in pods", 2.0, Some(5.0)), told("User:eve", "code in pods", 7.0, Some(9.0))];
    assert_eq!(shown(&story, "RB-12"), expected);
}

#[test]
fn the_end_of_a_path_changes_with_what_is_far_from_its_beginning() {
    let mut story = known();
    story.namespace(0.5, "added", "shop", json!({"pod-security.kubernetes.io/enforce": "baseline"}));
    story.role(1.0, "added", "creates", rule(&["create"], "", "pods"));
    story.binding(2.0, "added", "shop/b", "creates", user("eve"));
    story.role(2.5, "added", "all", rule(&["impersonate"], "", "users"));
    story.sees(3.0, "added", ACCOUNTS, "shop/root", json!({})).end();
    story.binding(4.0, "added", "root", "all", account("shop", "root"));
    story.sees(6.0, "deleted", ACCOUNTS, "shop/root", json!({})).end();
    story.namespace(8.0, "modified", "shop", json!({}));
    let expected = [
        told("User:eve", "service account", 2.0, Some(4.0)),
        told("User:eve", "cluster-admin", 4.0, Some(6.0)),
        told("User:eve", "service account", 6.0, Some(8.0)),
        told("User:eve", "node", 8.0, None),
    ];
    assert_eq!(shown(&story, "RB-15"), expected);
}

#[test]
fn new_pods_of_the_same_account_change_nothing() {
    let mut story = known();
    let pod = json!({"spec": {"serviceAccountName": "web", "nodeName": "one"}});
    story.sees(0.5, "added", ACCOUNTS, "shop/web", json!({})).end();
    story.role(1.0, "added", "exec", rule(&["create"], "", "pods/exec"));
    story.role(1.0, "added", "users", rule(&["impersonate"], "", "users"));
    story.binding(1.0, "added", "web", "users", account("shop", "web"));
    story.binding(2.0, "added", "shop/b", "exec", user("eve"));
    story.sees(3.0, "added", PODS, "shop/a", pod.clone()).end();
    story.sees(4.0, "added", PODS, "shop/b", pod.clone()).end();
    story.sees(5.0, "deleted", PODS, "shop/a", pod.clone()).end();
    story.sees(6.0, "added", PODS, "shop/c", pod.clone()).end();
    story.sees(7.0, "deleted", PODS, "shop/b", pod.clone()).end();
    story.sees(8.0, "deleted", PODS, "shop/c", pod).end();
    let expected = [
        told("User:eve", "code in pods", 2.0, Some(3.0)),
        told("User:eve", "cluster-admin", 3.0, Some(8.0)),
        told("User:eve", "code in pods", 8.0, None),
    ];
    assert_eq!(shown(&story, "RB-12"), expected);
    assert_eq!(shown(&story, "RB-44"), [told("User:system:node:one", "cluster-admin", 3.0, Some(8.0))]);
}

#[test]
fn what_is_missing_is_told_from_when_absence_is_known() {
    let mut story = history();
    story.binding(1.0, "added", "b", "missing", user("eve"));
    story.lists_none(3.0, (RBAC, "clusterroles"));
    story.role(5.0, "added", "missing", json!([]));
    assert_eq!(shown(&story, "RB-38"), [told("User:eve", "rights that come later", 3.0, Some(5.0))]);
}

#[test]
fn a_risk_names_the_entry_of_its_binding() {
    let mut story = known();
    story.role(1.0, "added", "r", rule(&["get"], "", "secrets"));
    story.binding(2.0, "added", "b", "r", user("eve"));
    let row = story.told().rbac_risks.remove(0);
    assert_eq!(&*row.provenance.source, "prod/watch/clusterrolebindings.rbac.authorization.k8s.io");
    assert_eq!((&*row.provenance.cluster, row.valid_from), (CLUSTER, t(2.0)));
}

/// What happens in a drawn history: an object appears, changes or goes.
#[derive(Debug, Clone)]
enum Event {
    Role(usize, Option<usize>),
    Binding(usize, Option<(usize, usize)>),
    Account(usize, bool),
    Pod(usize, Option<(usize, usize)>),
    Namespace(usize, bool),
    /// A template whose pods can take their node.
    Deployment(usize, Option<usize>),
    /// A Secret that holds a token of an account.
    Token(usize, Option<usize>),
    /// A node, and whether it is of the control plane.
    Node(usize, bool),
}

const SUBJECTS: [&str; 6] =
    ["User:eve", "Group:devs", "SA:a/one", "SA:a/two", "SA:b/one", "Group:system:serviceaccounts:a"];

fn subjects(number: usize) -> Value {
    match SUBJECTS[number % SUBJECTS.len()].split_once(':').unwrap() {
        ("SA", name) => {
            let (namespace, name) = name.split_once('/').unwrap();
            account(namespace, name)
        }
        (kind, name) => json!([{"kind": kind, "name": name}]),
    }
}

const RULES: usize = 18;

fn rules(number: usize) -> Value {
    let rbac = "rbac.authorization.k8s.io";
    match number % RULES {
        0 => rule(&["create"], "", "pods"),
        1 => rule(&["create"], "", "pods/exec"),
        2 => rule(&["*"], "*", "*"),
        3 => rule(&["create"], "", "serviceaccounts/token"),
        4 => rule(&["get"], "", "secrets"),
        5 => rule(&["patch"], "", "nodes/status"),
        6 => rule(&["delete"], "", "pods"),
        7 => {
            json!([{"verbs": ["bind"], "apiGroups": [rbac], "resources": ["clusterroles"], "resourceNames": ["r1", "r2"]},
            {"verbs": ["create"], "apiGroups": [rbac], "resources": ["rolebindings", "clusterrolebindings"]}])
        }
        8 => rule(&["escalate", "update"], rbac, "clusterroles"),
        9 => rule(&["patch"], "", "namespaces"),
        10 => {
            json!([{"verbs": ["impersonate"], "apiGroups": [""], "resources": ["groups", "users"], "resourceNames": ["devs", "eve"]}])
        }
        11 => {
            json!([{"verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec"], "resourceNames": ["p0", "p3"]}])
        }
        12 => json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["s0"]}]),
        13 => {
            json!([{"verbs": ["create"], "apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": ["two"]}])
        }
        14 => {
            json!([{"verbs": ["update", "patch"], "apiGroups": [rbac], "resources": ["rolebindings", "clusterrolebindings"]},
            {"verbs": ["bind"], "apiGroups": [rbac], "resources": ["clusterroles"]}])
        }
        15 => rule(&["create"], "", "nodes/proxy"),
        16 => rule(&["create", "update"], "apps", "deployments"),
        _ => json!([]),
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0..5usize, proptest::option::weighted(0.8, 0..RULES)).prop_map(|(role, rules)| Event::Role(role, rules)),
        (0..8usize, proptest::option::weighted(0.8, (0..5usize, 0..6usize))).prop_map(|(b, to)| Event::Binding(b, to)),
        (0..3usize, any::<bool>()).prop_map(|(account, there)| Event::Account(account, there)),
        (0..4usize, proptest::option::of((0..3usize, 0..2usize))).prop_map(|(pod, runs)| Event::Pod(pod, runs)),
        (0..2usize, any::<bool>()).prop_map(|(namespace, guarded)| Event::Namespace(namespace, guarded)),
        (0..2usize, proptest::option::of(0..3usize)).prop_map(|(name, runs)| Event::Deployment(name, runs)),
        (0..2usize, proptest::option::of(0..3usize)).prop_map(|(name, account)| Event::Token(name, account)),
        (0..2usize, any::<bool>()).prop_map(|(node, controls)| Event::Node(node, controls)),
    ];
    proptest::collection::vec(event, 1..60)
}

fn tell(events: &[Event]) -> Story {
    let mut story = known();
    let mut there: BTreeSet<String> = BTreeSet::new();
    for (number, event) in (1..).zip(events) {
        let at = f64::from(number);
        let mut sort = |name: String, exists: bool| match (there.contains(&name), exists) {
            (false, false) => None,
            (true, true) => Some("modified"),
            (false, true) => {
                there.insert(name);
                Some("added")
            }
            (true, false) => {
                there.remove(&name);
                Some("deleted")
            }
        };
        let namespace = |n: usize| ["a", "b"][n % 2];
        match event {
            Event::Role(role, to) => {
                let name = format!("r{role}");
                if let Some(sort) = sort(format!("role {name}"), to.is_some()) {
                    story.role(at, sort, &name, rules(to.unwrap_or(0)));
                }
            }
            Event::Binding(binding, to) => {
                let name = if binding % 2 == 0 {
                    format!("b{binding}")
                } else {
                    format!("{}/b{binding}", namespace(binding / 2))
                };
                let (role, subject) = to.unwrap_or_default();
                // The role of a binding cannot be changed.
                let role = format!("r{}", (binding + role) % 5);
                let before = sort(format!("binding {name}"), to.is_some());
                if let Some(sort) = before {
                    story.binding(at, sort, &name, &role, subjects(subject));
                }
            }
            Event::Account(number, exists) => {
                let name = ["a/one", "a/two", "b/one"][*number];
                if let Some(sort) = sort(format!("account {name}"), *exists) {
                    story.sees(at, sort, ACCOUNTS, name, json!({})).end();
                }
            }
            Event::Pod(pod, runs) => {
                let name = format!("{}/p{pod}", namespace(*pod));
                let (account, node) = runs.unwrap_or_default();
                let account = ["one", "two", "default"][account];
                let spec = json!({"spec": {"serviceAccountName": account, "nodeName": format!("n{node}"),
                    "hostPID": pod % 3 == 0}});
                if let Some(sort) = sort(format!("pod {name}"), runs.is_some()) {
                    story.sees(at, sort, PODS, &name, spec).end();
                }
            }
            Event::Deployment(number, runs) => {
                let name = format!("{}/d{number}", namespace(*number));
                let account = ["one", "two", "default"][runs.unwrap_or_default()];
                let pod = json!({"spec": {"serviceAccountName": account, "hostPID": true, "containers": []}});
                let spec = json!({"spec": {"replicas": 1, "template": pod}});
                if let Some(sort) = sort(format!("deployment {name}"), runs.is_some()) {
                    story.sees(at, sort, ("apps", "deployments"), &name, spec).end();
                }
            }
            Event::Token(number, of) => {
                let name = format!("{}/s{number}", namespace(*number));
                let account = ["one", "two", "default"][of.unwrap_or_default()];
                let body = json!({"type": "kubernetes.io/service-account-token",
                    "metadata": {"annotations": {"kubernetes.io/service-account.name": account}}});
                if let Some(sort) = sort(format!("secret {name}"), of.is_some()) {
                    story.sees(at, sort, ("", "secrets"), &name, body).end();
                }
            }
            Event::Node(number, controls) => {
                let name = format!("n{number}");
                let labels = if *controls { json!({"node-role.kubernetes.io/control-plane": ""}) } else { json!({}) };
                if let Some(sort) = sort(format!("node {name}"), true) {
                    story.sees(at, sort, ("", "nodes"), &name, json!({"metadata": {"labels": labels}})).end();
                }
            }
            Event::Namespace(number, guarded) => {
                let name = namespace(*number);
                let level = if *guarded { "restricted" } else { "privileged" };
                if let Some(sort) = sort(format!("namespace {name}"), true) {
                    story.namespace(at, sort, name, json!({"pod-security.kubernetes.io/enforce": level}));
                }
            }
        }
    }
    story
}

/// Rows without what tells their time.
fn facts(rows: &[RbacRisk<'_>]) -> BTreeSet<String> {
    rows.iter()
        .map(|r| {
            format!(
                "{} {} {:?} {} {} {} {} {} {:?}",
                r.subject, r.pattern, r.scope, r.severity, r.effect, r.path, r.path_json, r.built_in, r.remark
            )
        })
        .collect()
}

/// Holds the intervals of a history against what the objects give at every instant.
fn disagreement(events: &[Event]) -> Option<(usize, BTreeSet<String>, BTreeSet<String>)> {
    let derived = tell(events).told();
    let options = Options { whole_cluster: true, ..Options::default() };
    (0..=events.len()).find_map(|number| {
        let at = t(number as f64 + 0.5);
        let held = |row: &&RbacRisk<'_>| row.valid_from <= at && row.valid_to.is_none_or(|to| at < to);
        let of_history: Vec<RbacRisk<'_>> = derived.rbac_risks.iter().filter(held).cloned().collect();
        let of_instant = of(&Snapshot::at(&derived.object_versions, CLUSTER, at), &options);
        let (history, instant) = (facts(&of_history), facts(&of_instant));
        (history != instant).then_some((number, history, instant))
    })
}

#[test]
fn an_account_that_goes_takes_its_paths_along() {
    let events = [
        Event::Role(4, Some(7)),
        Event::Account(0, true),
        Event::Binding(4, Some((0, 0))),
        Event::Namespace(1, true),
        Event::Account(0, false),
        Event::Role(1, Some(0)),
    ];
    assert_eq!(disagreement(&events), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn at_every_instant_the_intervals_are_what_the_objects_give(events in events()) {
        prop_assert_eq!(disagreement(&events), None);
    }
}
