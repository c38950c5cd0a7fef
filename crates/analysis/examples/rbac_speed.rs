//! How long a large cluster's state of RBAC takes: reading it, all that every subject holds, questions, and a year's uses beside what is granted.
//!
//! `cargo run --release -p analysis --example rbac_speed`
#![allow(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::hint::black_box;
use std::time::Instant;

use analysis::rbac::authorizer::{Authorizer, Request, Resource};
use analysis::rbac::questions::{diff, who_can};
use analysis::rbac::state::State;
use analysis::rbac::subject::{Identity, Subject};
use analysis::snapshot::{Object, Place, Snapshot};
use serde_json::{Value, json};

const ACCOUNTS: usize = 5_000;
const ROLES: usize = 2_000;
const BINDINGS: usize = 5_000;
const NAMESPACES: usize = 200;
const RBAC: &str = "rbac.authorization.k8s.io/v1";
const RESOURCES: [&str; 8] =
    ["pods", "secrets", "configmaps", "services", "deployments", "jobs", "ingresses", "pods/exec"];
const VERBS: [&str; 6] = ["get", "list", "watch", "create", "update", "delete"];

fn role(number: usize) -> Value {
    let rules: Vec<Value> = (0..6)
        .map(|rule| {
            let resource = RESOURCES[(number + rule) % RESOURCES.len()];
            json!({"verbs": &VERBS[..=(number + rule) % VERBS.len()], "apiGroups": ["", "apps"], "resources": [resource]})
        })
        .collect();
    let metadata = json!({"name": format!("role-{number}")});
    json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": metadata, "rules": rules})
}

fn binding(number: usize) -> Value {
    let namespace = format!("ns-{}", number % NAMESPACES);
    let subject =
        json!({"kind": "ServiceAccount", "name": format!("account-{}", number % ACCOUNTS), "namespace": namespace});
    let reference = json!({"kind": "ClusterRole", "name": format!("role-{}", number % ROLES)});
    let everywhere = number.is_multiple_of(20);
    let (kind, metadata) = match everywhere {
        true => ("ClusterRoleBinding", json!({"name": format!("binding-{number}")})),
        false => ("RoleBinding", json!({"name": format!("binding-{number}"), "namespace": namespace})),
    };
    json!({"apiVersion": RBAC, "kind": kind, "metadata": metadata, "roleRef": reference, "subjects": [subject]})
}

fn account(number: usize) -> Value {
    let metadata = json!({"name": format!("account-{number}"), "namespace": format!("ns-{}", number % NAMESPACES)});
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = work();
    println!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    value
}

fn main() {
    let objects = (0..ROLES).map(role).chain((0..BINDINGS).map(binding)).chain((0..ACCOUNTS).map(account));
    let snapshot: Snapshot = objects.map(|object| Object::from_json(object, Place::default()).unwrap()).collect();
    let state = timed("state from objects", || State::of(&snapshot));
    let held = timed("all rules of all subjects", || {
        state.subjects().into_iter().map(|subject| state.grants_of(subject).count()).sum::<usize>()
    });
    println!("{held} rules held");
    let resource = Resource { resource: "secrets", namespace: "ns-7", name: "a", ..Resource::default() };
    let request = Request::resource("get", resource);
    println!("{} hold it", timed("who can", || who_can(&state, &request)).len());
    timed("100,000 decisions", || {
        let authorizer = Authorizer::new(&state);
        let callers: Vec<Identity> = state.subjects().into_iter().take(1_000).map(Identity::of).collect();
        for number in 0..100_000 {
            black_box(authorizer.allows(&callers[number % callers.len()], &request).is_some());
        }
    });
    let after = snapshot.all().filter(|object| object.name != "binding-4711").cloned().collect();
    let after = State::of(&after);
    println!("{} differences", timed("difference", || diff(&state, &after)).len());
    let one = Subject::ServiceAccount { namespace: "ns-7".to_owned(), name: "account-7".to_owned() };
    timed("what one can", || black_box(analysis::rbac::questions::what_can(&state, &one)).len());
}
