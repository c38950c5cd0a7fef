//! How long it takes to tell all risky permissions with their paths: 5,000 service accounts, 2,000 roles, 5,000 bindings and 10,000 pods at one instant;
//! a year of a cluster's history, a million versions of objects, most of them pods; and permissions that change all the time.
//!
//! `cargo run --release -p analysis --example rbac_risks_speed [-- year|changes [VERSIONS]]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that fails has failed, and prints what it measured"
)]

use std::collections::BTreeMap;
use std::time::Instant;

use analysis::rbac::risks::{Options, of, over};
use analysis::snapshot::{Object, Place, Snapshot};
use records::Timestamp;
use records::table::Provenance;
use records::tables::objects::ObjectVersion;
use serde_json::{Value, json};

// That of the program itself.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const RBAC: &str = "rbac.authorization.k8s.io";
const NAMESPACES: usize = 250;

/// Numbers that are the same in every run (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }
}

fn rules(draw: &mut Draw) -> Value {
    let some: [Value; 14] = [
        json!({"verbs": ["get", "list", "watch"], "apiGroups": ["", "apps"], "resources": ["pods", "services", "deployments"]}),
        json!({"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["configmaps", "endpoints"]}),
        json!({"verbs": ["get", "update", "patch"], "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["own"]}),
        json!({"verbs": ["create", "patch"], "apiGroups": [""], "resources": ["events"]}),
        json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]}),
        json!({"verbs": ["create", "update", "patch", "delete"], "apiGroups": ["apps"], "resources": ["deployments", "statefulsets"]}),
        json!({"verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec"]}),
        json!({"verbs": ["get", "list", "watch"], "apiGroups": ["networking.k8s.io"], "resources": ["ingresses"]}),
        json!({"verbs": ["update", "patch"], "apiGroups": ["example.com"], "resources": ["things", "things/status"]}),
        json!({"verbs": ["create", "delete"], "apiGroups": ["batch"], "resources": ["jobs"]}),
        json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["own"]}),
        json!({"verbs": ["*"], "apiGroups": ["example.com"], "resources": ["*"]}),
        json!({"verbs": ["create"], "apiGroups": [""], "resources": ["serviceaccounts/token"]}),
        json!({"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["nodes", "namespaces"]}),
    ];
    let rules: Vec<Value> = (0..2 + draw.below(6)).map(|_| some[draw.below(some.len())].clone()).collect();
    json!(rules)
}

fn object(api: &str, kind: &str, namespace: Option<&str>, name: &str, rest: Value) -> Value {
    let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}});
    for (key, value) in rest.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

fn role_binding(namespace: Option<&str>, name: &str, role: (&str, &str), account: (&str, &str)) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let subject = json!({"kind": "ServiceAccount", "namespace": account.0, "name": account.1});
    let reference = json!({"apiGroup": RBAC, "kind": role.0, "name": role.1});
    object(&format!("{RBAC}/v1"), kind, namespace, name, json!({"roleRef": reference, "subjects": [subject]}))
}

fn pod(namespace: &str, name: &str, account: &str, node: usize, privileged: bool) -> Value {
    let containers = json!([{"name": "main", "image": "registry.example/app:1", "securityContext": {"privileged": privileged},
        "env": [{"name": "MODE", "value": "run"}], "resources": {"limits": {"memory": "64Mi"}}}]);
    let spec = json!({"serviceAccountName": account, "nodeName": format!("node-{node}"), "containers": containers,
        "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]});
    object("v1", "Pod", Some(namespace), name, json!({"spec": spec}))
}

/// A cluster of `accounts` service accounts, 0.4 times as many roles, one binding and two pods for each account.
fn cluster(accounts: usize, nodes: usize, draw: &mut Draw) -> Vec<Value> {
    let mut all = Vec::new();
    let namespaces = NAMESPACES.min(accounts);
    for n in 0..namespaces {
        let labels = if n % 3 == 0 { json!({"pod-security.kubernetes.io/enforce": "baseline"}) } else { json!({}) };
        let mut namespace = object("v1", "Namespace", None, &format!("team-{n}"), json!({}));
        namespace["metadata"]["labels"] = labels;
        all.push(namespace);
    }
    let roles = accounts * 2 / 5;
    for r in 0..roles {
        let rules = rules(draw);
        let namespaced = r % 4 == 0;
        let namespace = format!("team-{}", r / 4 % namespaces);
        let (kind, namespace) = if namespaced { ("Role", Some(namespace.as_str())) } else { ("ClusterRole", None) };
        all.push(object(&format!("{RBAC}/v1"), kind, namespace, &format!("role-{r}"), json!({"rules": rules})));
    }
    let everything = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    all.push(object(&format!("{RBAC}/v1"), "ClusterRole", None, "all", json!({"rules": everything})));
    for a in 0..accounts {
        let (namespace, name) = (format!("team-{}", a % namespaces), format!("account-{a}"));
        all.push(object("v1", "ServiceAccount", Some(&namespace), &name, json!({})));
        let role = loop {
            let role = draw.below(roles);
            if !role.is_multiple_of(4) {
                break format!("role-{role}");
            }
        };
        let role = if a % 1000 == 7 { "all".to_owned() } else { role };
        let scope = (a % 10 != 0 && role != "all").then_some(namespace.as_str());
        all.push(role_binding(scope, &format!("binding-{a}"), ("ClusterRole", &role), (&namespace, &name)));
        for p in 0..2 {
            all.push(pod(&namespace, &format!("pod-{a}-{p}"), &name, draw.below(nodes), a % 50 == 0));
        }
    }
    all
}

fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Time on a processor, which a busy machine does not lengthen, in milliseconds.
fn processor_milliseconds() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanoseconds| nanoseconds.parse::<u64>().ok()).unwrap_or(0) / 1_000_000
}

fn instant() {
    let objects = cluster(5_000, 200, &mut Draw(1));
    let snapshot: Snapshot =
        objects.into_iter().map(|body| Object::from_json(body, Place::default()).unwrap()).collect();
    let options = Options { whole_cluster: true, ..Options::default() };
    let before = peak_mebibytes();
    let (began, on_processor) = (Instant::now(), processor_milliseconds());
    let risks = of(&snapshot, &options);
    let (took, on_processor) = (began.elapsed(), processor_milliseconds() - on_processor);
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for risk in &risks {
        *ends.entry(&risk.effect).or_default() += 1;
    }
    println!(
        "{} objects, {} risks in {took:?} ({on_processor} ms on the processor); peak {} MiB, of which {before} MiB the objects",
        snapshot.all().count(),
        risks.len(),
        peak_mebibytes()
    );
    println!("{ends:?}");
}

fn version(value: &Value, from: i64, to: Option<i64>, seq: i64) -> ObjectVersion<'static> {
    let object = Object::from_json(value.clone(), Place::default()).unwrap();
    let at = |minutes: i64| Timestamp::from_micros(1_767_225_600_000_000 + minutes * 1_000_000).unwrap();
    let source =
        if object.group.is_empty() { object.resource.clone() } else { format!("{}.{}", object.resource, object.group) };
    ObjectVersion {
        provenance: Provenance {
            cluster: "prod".into(),
            source: format!("prod/watch/{source}").into(),
            segment: 1,
            seq,
            normaliser_version: 1,
        },
        valid_from: at(from),
        valid_to: to.map(at),
        api_group: object.group.into(),
        api_version: object.version.into(),
        resource: object.resource.into(),
        kind: object.kind.into(),
        namespace: object.namespace.map(Into::into),
        uid: format!("uid-{seq}").into(),
        resource_version: seq.to_string().into(),
        body_json: value.to_string().into(),
        name: object.name.into(),
        valid_from_basis: "observed".into(),
        observed_at: at(from),
        ended_by: None,
        writer: None,
        writer_audit_id: None,
        field_manager: None,
        content_write_time: None,
        refreshed_time: None,
        material_digest: "".into(),
    }
}

/// A year: 500 service accounts, a million versions, of which 3 in 1,000 are of roles and bindings, 2 of service accounts, the others of pods that are
/// replaced one after the other.
fn year(count: usize) {
    let mut draw = Draw(2);
    let mut versions: Vec<ObjectVersion<'static>> = Vec::with_capacity(count + 3_000);
    let start = cluster(500, 30, &mut draw);
    let mut seq = 0;
    let mut next = || {
        seq += 1;
        seq
    };
    let mut pods: Vec<(usize, i64)> = Vec::new();
    for value in &start {
        if value["kind"] != "Pod" {
            versions.push(version(value, 0, None, next()));
        }
    }
    for account in 0..500 {
        pods.extend([(account, 0), (account, 0)]);
    }
    let mut at = 0_i64;
    while versions.len() < count {
        at += 31;
        let number = next();
        match draw.below(1_000) {
            0..3 => {
                let account = draw.below(500);
                let namespace = format!("team-{}", account % NAMESPACES);
                let role = format!("role-{}", 4 * draw.below(50) + 1);
                let binding = role_binding(
                    Some(&namespace),
                    &format!("more-{number}"),
                    ("ClusterRole", &role),
                    (&namespace, &format!("account-{account}")),
                );
                versions.push(version(&binding, at, Some(at + 40_000), number));
            }
            3..5 => {
                let namespace = format!("team-{}", draw.below(NAMESPACES));
                let account = object("v1", "ServiceAccount", Some(&namespace), &format!("late-{number}"), json!({}));
                versions.push(version(&account, at, Some(at + 100_000), number));
            }
            _ => {
                // A pod is replaced by another one of the same account, on another node.
                let place = draw.below(pods.len());
                let (account, from) = pods[place];
                let namespace = format!("team-{}", account % NAMESPACES);
                let value = pod(
                    &namespace,
                    &format!("pod-{number}"),
                    &format!("account-{account}"),
                    draw.below(30),
                    account % 50 == 0,
                );
                versions.push(version(&value, from, Some(at + 1), number));
                pods[place] = (account, at);
            }
        }
    }
    replay(versions);
}

/// Permissions that change all the time: 30 namespaces with 20 roles and 60 bindings each, of which one or the other is another with one of four versions;
/// the others are of pods that come and stay.
fn changes(count: usize) {
    let mut draw = Draw(3);
    let mut versions: Vec<ObjectVersion<'static>> = Vec::with_capacity(count);
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..count {
        let (seq, at) = (i64::try_from(number).unwrap() + 1, 25 * i64::try_from(number).unwrap());
        let namespace = format!("team-{}", draw.below(30));
        let value = match draw.below(8) {
            0 => {
                let resources =
                    if number % 2 == 0 { json!(["deployments"]) } else { json!(["deployments", "statefulsets"]) };
                let rules = json!([
                    {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods", "pods/log", "configmaps", "services"]},
                    {"verbs": ["get", "list", "watch", "update", "patch"], "apiGroups": ["apps"], "resources": resources},
                ]);
                let name = format!("role-{}", draw.below(20));
                object(&format!("{RBAC}/v1"), "Role", Some(&namespace), &name, json!({"rules": rules}))
            }
            1 => {
                let binding = draw.below(60);
                let (name, role, account) =
                    (format!("binding-{binding}"), format!("role-{}", binding % 20), format!("app-{binding}"));
                let mut value = role_binding(Some(&namespace), &name, ("Role", &role), (&namespace, &account));
                let person = json!({"kind": "User", "apiGroup": RBAC, "name": format!("idp:person-{}", number % 40)});
                value["subjects"].as_array_mut().unwrap().push(person);
                value
            }
            _ => pod(&namespace, &format!("pod-{number}"), &format!("app-{}", draw.below(300)), draw.below(200), false),
        };
        let name = format!("{}/{namespace}/{}", value["kind"], value["metadata"]["name"]);
        let next = version(&value, at, None, seq);
        if let Some(before) = last.insert(name, versions.len()) {
            versions[before].valid_to = Some(next.valid_from);
        }
        versions.push(next);
    }
    replay(versions);
}

fn replay(mut versions: Vec<ObjectVersion<'static>>) {
    versions.sort_by_key(|v| v.valid_from);
    let before = peak_mebibytes();
    let (began, on_processor) = (Instant::now(), processor_milliseconds());
    let risks = over(&versions, &Options { whole_cluster: true, ..Options::default() });
    let (took, on_processor) = (began.elapsed(), processor_milliseconds() - on_processor);
    println!(
        "{} versions, {} intervals in {took:?} ({on_processor} ms on the processor); peak {} MiB, of which {before} MiB the history",
        versions.len(),
        risks.len(),
        peak_mebibytes()
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => instant(),
        [what] if what == "year" => year(1_000_000),
        [what, count] if what == "year" => year(count.parse().unwrap()),
        [what] if what == "changes" => changes(80_000),
        [what, count] if what == "changes" => changes(count.parse().unwrap()),
        other => panic!("{other:?}: it takes `year` or `changes` and a number of versions, or nothing"),
    }
}
