//! What must hold of decisions for all states, and that no object of another form breaks anything.

use std::collections::HashSet;

use analysis::rbac::authorizer::{Authorizer, Request, Resource};
use analysis::rbac::node::{NodeFeatures, NodeObjects};
use analysis::rbac::questions::{diff, what_can, who_can};
use analysis::rbac::state::State;
use analysis::rbac::subject::{Identity, Subject};
use analysis::snapshot::{Object, Place, Snapshot};
use proptest::prelude::*;
use serde_json::{Value, json};

const GROUP: &str = "rbac.authorization.k8s.io";

fn object(body: Value) -> Object {
    Object::from_json(body, Place::default()).unwrap()
}

fn word(of: &'static [&'static str]) -> prop::sample::Select<&'static str> {
    prop::sample::select(of)
}

fn role(number: usize) -> impl Strategy<Value = Object> {
    let rule = (
        word(&["get", "list", "*"]),
        word(&["", "apps", "*"]),
        word(&["pods", "secrets", "pods/exec", "*/exec", "*"]),
        prop::option::of(word(&["one", "two"])),
    );
    prop::collection::vec(rule, 0..4).prop_map(move |rules| {
        let rules: Vec<Value> = rules
            .into_iter()
            .map(|(verb, group, resource, name)| {
                json!({"verbs": [verb], "apiGroups": [group], "resources": [resource], "resourceNames": name.into_iter().collect::<Vec<_>>()})
            })
            .collect();
        let metadata = json!({"name": format!("role-{number}")});
        object(json!({"apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole", "metadata": metadata, "rules": rules}))
    })
}

fn binding(number: usize) -> impl Strategy<Value = Object> {
    let subject = prop_oneof![
        word(&["alice", "bob", "system:serviceaccount:a:web"]).prop_map(|name| json!({"kind": "User", "name": name})),
        word(&["system:authenticated", "system:serviceaccounts:a", "developers"])
            .prop_map(|name| json!({"kind": "Group", "name": name})),
        Just(json!({"kind": "ServiceAccount", "name": "web", "namespace": "a"})),
    ];
    (prop::collection::vec(subject, 0..3), 0..5_usize, prop::option::of(word(&["a", "b"]))).prop_map(
        move |(subjects, role, namespace)| {
            let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
            object(json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind,
                "metadata": {"name": format!("binding-{number}"), "namespace": namespace},
                "roleRef": {"kind": "ClusterRole", "name": format!("role-{role}")}, "subjects": subjects}))
        },
    )
}

fn objects() -> impl Strategy<Value = (Vec<Object>, Vec<Object>)> {
    ((0..4_usize).map(role).collect::<Vec<_>>(), (0..5_usize).map(binding).collect::<Vec<_>>())
}

fn requests() -> Vec<Request<'static>> {
    let mut requests = Vec::new();
    for verb in ["get", "delete"] {
        for (resource, subresource) in [("pods", ""), ("secrets", ""), ("pods", "exec")] {
            for namespace in ["", "a", "b"] {
                let name = "one";
                let resource = Resource { resource, subresource, namespace, name, ..Resource::default() };
                requests.push(Request::resource(verb, resource));
            }
        }
    }
    requests
}

fn callers() -> [Identity; 3] {
    ["User:alice", "User:bob", "ServiceAccount:a/web"].map(|label| Identity::of(&Subject::parse(label).unwrap()))
}

/// Any JSON, with the fields' names among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    let key = word(&[
        "rules",
        "verbs",
        "subjects",
        "roleRef",
        "kind",
        "name",
        "namespace",
        "aggregationRule",
        "clusterRoleSelectors",
        "matchLabels",
        "matchExpressions",
        "spec",
        "volumes",
        "containers",
        "env",
        "claimRef",
        "nodeName",
        "labels",
        "csi",
    ]);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn questions_and_decisions_agree((roles, bindings) in objects()) {
        let state = State::of(&roles.into_iter().chain(bindings).collect());
        let authorizer = Authorizer::new(&state);
        for request in requests() {
            let holders: HashSet<String> = who_can(&state, &request).into_iter().map(|held| held.subject).collect();
            for caller in callers() {
                let allowed = authorizer.allows(&caller, &request).is_some();
                let held = caller.subjects().any(|subject| holders.contains(&subject.to_string()));
                prop_assert_eq!(allowed, held, "{:?} {:?}", caller, request);
            }
        }
    }

    #[test]
    fn a_binding_more_takes_nothing_away((roles, bindings) in objects()) {
        let all: Snapshot = roles.iter().chain(&bindings).cloned().collect();
        let fewer: Snapshot = roles.into_iter().chain(bindings.into_iter().skip(1)).collect();
        let (more, fewer) = (State::of(&all), State::of(&fewer));
        for request in requests() {
            for caller in callers() {
                let before = Authorizer::new(&fewer).allows(&caller, &request).is_some();
                prop_assert!(!before || Authorizer::new(&more).allows(&caller, &request).is_some());
            }
        }
        prop_assert!(diff(&fewer, &more).iter().all(|change| change.added));
    }

    #[test]
    fn objects_of_any_form_are_read(bodies in prop::collection::vec(any_json(), 6)) {
        let kinds = ["ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding", "Pod", "PersistentVolume"];
        let objects = kinds.into_iter().zip(bodies).map(|(kind, body)| {
            let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}});
            if kind.contains("Role") {
                object["apiVersion"] = json!(format!("{GROUP}/v1"));
            }
            if let (Some(all), Some(body)) = (object.as_object_mut(), body.as_object()) {
                all.extend(body.clone().into_iter().filter(|(key, _)| key != "kind"));
            }
            Object::from_json(object, Place::default()).unwrap()
        });
        let snapshot: Snapshot = objects.collect();
        let state = State::of(&snapshot);
        let nodes = NodeObjects::of(&snapshot, NodeFeatures::default());
        let authorizer = Authorizer::with_nodes(&state, &nodes);
        for caller in callers().into_iter().chain([Identity::new("system:node:x", ["system:nodes"])]) {
            for request in requests() {
                let _ = authorizer.allows(&caller, &request).map(|reason| reason.text());
            }
        }
        for subject in state.subjects() {
            let _ = what_can(&state, subject);
        }
    }
}

#[test]
fn a_mirror_pod_gives_its_node_nothing() {
    let pod = |mirror: bool| {
        let annotations = if mirror { json!({"kubernetes.io/config.mirror": "x"}) } else { json!({}) };
        object(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "namespace": "a", "annotations": annotations},
            "spec": {"nodeName": "n", "serviceAccountName": "web", "volumes": [{"secret": {"secretName": "s"}}]}}))
    };
    let secrets = |mirror: bool| {
        let nodes = NodeObjects::of(&[pod(mirror)].into_iter().collect(), NodeFeatures::default());
        (nodes.secrets_of("n").len(), nodes.service_accounts_of("n").len(), nodes.pods_of("n").len())
    };
    assert_eq!(secrets(false), (1, 1, 1));
    assert_eq!(secrets(true), (0, 0, 1));
}
