//! How long it takes to tell who reaches whom: 200 namespaces with 10 workloads and 3 policies each, all pairs and the world outside.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that fails has failed, and prints what it measured"
)]

use std::time::Instant;

use analysis::network::{Options, reachability};
use analysis::snapshot::{Object, Place, Snapshot};
use serde_json::{Value, json};

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

fn main() {
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
