//! How long it takes to tell who reaches whom: 200 namespaces with 10 workloads and 3 policies each, all pairs and the world outside.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that fails has failed, and prints what it measured"
)]

use std::time::Instant;

use analysis::network::history::network_tables;
use analysis::network::{Options, reachability};
use analysis::snapshot::{Object, Place, Snapshot};
use records::Timestamp;
use records::table::Provenance;
use records::tables::objects::ObjectVersion;
use serde_json::{Value, json};

// That of the program itself.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const NAMESPACES: usize = 200;
const WORKLOADS: usize = 10;

fn objects(isolated: bool) -> Vec<Value> {
    let mut all = Vec::new();
    for n in 0..NAMESPACES {
        let name = format!("team-{n}");
        let tier = ["web", "back", "data"][n % 3];
        all.push(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"tier": tier}}}),
        );
        for w in 0..WORKLOADS {
            let labels = json!({"app": format!("app-{w}"), "role": (["front", "server"][w % 2]), "pod-template-hash": format!("{n}{w}")});
            let ports =
                json!([{"name": "http", "containerPort": 8000 + w}, {"name": "metrics", "containerPort": 9090}]);
            all.push(json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": format!("app-{w}"), "namespace": name},
                "spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "ports": ports}]}}},
            }));
        }
        let policy = |policy: &str, spec: Value| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": policy, "namespace": name}, "spec": spec});
        let dns = json!({"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "team-0"}}, "podSelector": {"matchLabels": {"app": "app-0"}}}], "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]});
        let to_internet = json!({"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32", format!("10.{n}.0.0/16")]}}], "ports": [{"port": 443}]});
        let types: &[&str] = if isolated { &["Ingress", "Egress"] } else { &["Ingress"] };
        all.push(policy("default", json!({"podSelector": {}, "policyTypes": types, "ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"to": [{"podSelector": {}}]}, dns, to_internet]})));
        all.push(policy("servers", json!({"podSelector": {"matchLabels": {"role": "server"}}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"tier": "web"}}, "podSelector": {"matchExpressions": [{"key": "role", "operator": "In", "values": ["front"]}]}}], "ports": [{"port": "http"}]}]})));
        all.push(policy("scrape", json!({"podSelector": {"matchLabels": {"app": format!("app-{}", n % WORKLOADS)}}, "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 9000, "endPort": 9100}]}]})));
    }
    all
}

fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Of this process, in user mode; the kernel counts in hundredths.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    after.split_whitespace().nth(11).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / 100.0
}

/// The same cluster as a history: everything comes one after the other, then pods are rolled out and policies changed.
fn history(rollouts: usize, changes: usize) {
    let mut versions = Vec::new();
    let mut minute = 0;
    let mut pods = Vec::new();
    for mut object in objects(true) {
        if object["kind"] == "Deployment" {
            object = json!({"apiVersion": "v1", "kind": "Pod", "spec": object["spec"]["template"]["spec"], "metadata": {
                "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"], "labels": object["spec"]["template"]["metadata"]["labels"],
                "ownerReferences": [{"kind": "StatefulSet", "name": object["metadata"]["name"], "controller": true}]}});
            pods.push(object.clone());
        }
        minute += 1;
        versions.push(version(&object, minute, None));
    }
    for number in 0..rollouts {
        let mut pod = pods[number % pods.len()].clone();
        pod["metadata"]["name"] = json!(format!("roll-{number}"));
        pod["metadata"]["labels"]["pod-template-hash"] = json!(number.to_string());
        minute += 1;
        versions.push(version(&pod, minute, Some(minute + 7)));
    }
    for number in 0..changes {
        let namespace = format!("team-{}", number % NAMESPACES);
        let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "more", "namespace": namespace}, "spec": {
            "podSelector": {"matchLabels": {"role": "server"}}, "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 1 + number % 60_000}]}]}});
        minute += 2;
        versions.push(version(&policy, minute, Some(minute + 1)));
    }
    tell(&versions, &format!("{rollouts} pods rolled out, {changes} policies changed"));
}

/// Pods of 9,000 workloads that come and stay, each with a hash of its own among its labels, and no policies.
fn pods_that_stay(count: usize) {
    let versions: Vec<ObjectVersion<'static>> = (0..count)
        .map(|number| {
            // Steps that have no factor in common with the number of workloads go through all of them.
            let (namespace, app) = (number * 7 % 30, number * 7_919 / 30 % 300);
            let labels = json!({"app": format!("app-{app}"), "pod-template-hash": number.to_string()});
            let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "main"}]}, "metadata": {
                "name": format!("app-{app}-{number}"), "namespace": format!("team-{namespace}"), "labels": labels,
                "ownerReferences": [{"kind": "ReplicaSet", "name": format!("app-{app}"), "controller": true}]}});
            version(&pod, i64::try_from(number).unwrap(), None)
        })
        .collect();
    tell(&versions, "pods that come and stay");
}

fn tell(versions: &[ObjectVersion<'_>], what: &str) {
    let (before, processor) = (Instant::now(), processor_seconds());
    let tables = network_tables(versions, &Options::default());
    println!(
        "history of {} versions ({what}): {} rows of paths, {} of isolation; {:.2?}, {:.2} s of processor time; peak {} MiB resident",
        versions.len(),
        tables.paths.len(),
        tables.isolation.len(),
        before.elapsed(),
        processor_seconds() - processor,
        peak_mebibytes(),
    );
}

fn version(body: &Value, from: i64, to: Option<i64>) -> ObjectVersion<'static> {
    let at = |minute: i64| Timestamp::from_micros(minute * 60_000_000).unwrap();
    let object = Object::from_json(body.clone(), Place::default()).unwrap();
    ObjectVersion {
        provenance: Provenance { cluster: "c1".into(), ..Provenance::default() },
        valid_from: at(from),
        valid_to: to.map(at),
        valid_from_basis: "observed".into(),
        observed_at: at(from),
        api_group: object.group.into(),
        api_version: object.version.into(),
        resource: object.resource.into(),
        kind: object.kind.into(),
        namespace: object.namespace.map(Into::into),
        name: object.name.into(),
        uid: "u".into(),
        resource_version: "1".into(),
        ended_by: None,
        writer: None,
        writer_audit_id: None,
        field_manager: None,
        content_write_time: None,
        refreshed_time: None,
        material_digest: "".into(),
        body_json: body.to_string().into(),
    }
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("history") {
        history(0, 0);
        history(50_000, 0);
        history(0, 200);
        pods_that_stay(60_000);
        return;
    }

    for isolated in [true, false] {
        let snapshot: Snapshot =
            objects(isolated).into_iter().map(|body| Object::from_json(body, Place::default()).unwrap()).collect();
        let before = Instant::now();
        let mut all = reachability(&snapshot, &Options::default());
        let ready = before.elapsed();
        let (mut flows, mut letters) = (0_usize, 0);
        for flow in all.flows() {
            flows += 1;
            letters += flow.from.len() + flow.to.len();
        }
        let whole = before.elapsed();
        println!(
            "egress isolated: {isolated}; {} workloads, {} policies: ready after {ready:.2?}, all {} pairs and the world outside after {whole:.2?}: \
             {flows} flows ({letters} letters); {:.2} s of processor time since the start; peak {} MiB resident",
            all.workloads.len(),
            all.world.policies.len(),
            all.workloads.len() * all.workloads.len(),
            processor_seconds(),
            peak_mebibytes(),
        );
    }
}
