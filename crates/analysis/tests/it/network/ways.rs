//! What a workload that was taken over reaches, what goes on between trust levels, and ways out that are easily forgotten.

use analysis::network::holes::{Hole, holes};
use analysis::network::lateral::{reached, way};
use analysis::network::trust::matrix;
use analysis::network::{Options, PodBlocks};
use records::network::Certainty;
use serde_json::{Value, json};

use super::{asked, workload};

fn pod(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}}})
}

fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

/// Only who is named may connect to the app.
fn only(to: &str, from: &str) -> Value {
    let selector = |app: &str| json!({"matchLabels": {"app": app}});
    policy("a", to, json!({"podSelector": selector(to), "ingress": [{"from": [{"podSelector": selector(from)}]}]}))
}

#[test]
fn steps_lead_from_one_workload_to_the_next() {
    let objects = [
        pod("a", "web"),
        pod("a", "api"),
        pod("a", "db"),
        pod("a", "vault"),
        only("web", "nobody"),
        only("api", "web"),
        only("db", "api"),
        only("vault", "nobody"),
    ];
    let mut all = asked(&objects, PodBlocks::Never);
    let start = workload(&all, "a/web[Pod]");
    let found = reached(&mut all, start);
    let shown: Vec<(String, usize, Certainty)> =
        found.iter().map(|one| (all.workloads[one.workload].name.name.clone(), one.steps, one.certainty)).collect();
    assert_eq!(shown, [("api".to_owned(), 1, Certainty::Reachable), ("db".to_owned(), 2, Certainty::Reachable)]);
    let names: Vec<&str> =
        way(&found, start, workload(&all, "a/db[Pod]")).iter().map(|w| all.workloads[*w].name.name.as_str()).collect();
    assert_eq!(names, ["web", "api", "db"]);
}

#[test]
fn levels_of_trust_are_counted_by_pairs() {
    let namespace = |name: &str, level: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"plimsoll.dev/trust-level": level}}});
    let objects = [
        namespace("a", "1"),
        namespace("b", "2"),
        pod("a", "one"),
        pod("a", "two"),
        pod("b", "three"),
        pod("c", "four"),
        policy("b", "deny", json!({"podSelector": {}})),
    ];
    let mut all = asked(&objects, PodBlocks::Never);
    let cells = matrix(&mut all, &Options::default());
    let shown: Vec<String> =
        cells.iter().map(|((from, to), cell)| format!("{from:?}>{to:?} {}/{}", cell.reachable, cell.pairs)).collect();
    assert_eq!(
        shown,
        [
            "None>Some(1) 2/2",
            "None>Some(2) 0/1",
            "Some(1)>None 2/2",
            "Some(1)>Some(1) 2/2",
            "Some(1)>Some(2) 0/2",
            "Some(2)>None 1/1",
            "Some(2)>Some(1) 2/2"
        ]
    );
}

#[test]
fn holes_of_dns_and_of_the_metadata_service_are_found() {
    let mut dns = pod("kube-system", "coredns");
    dns["metadata"]["labels"] = json!({"k8s-app": "kube-dns"});
    let to_dns = |protocols: &[&str]| {
        let ports: Vec<Value> = protocols.iter().map(|protocol| json!({"protocol": protocol, "port": 53})).collect();
        json!({"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}], "ports": ports})
    };
    let egress = |name: &str, rules: Value| {
        policy(
            "a",
            name,
            json!({"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Egress"], "egress": rules}),
        )
    };
    let internet =
        json!({"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}}], "ports": [{"port": 443}]});
    let objects = [
        dns,
        pod("a", "open"),
        pod("a", "good"),
        pod("a", "udp"),
        pod("a", "mute"),
        pod("a", "leak"),
        egress("good", json!([to_dns(&["UDP", "TCP"]), internet])),
        egress("udp", json!([to_dns(&["UDP"])])),
        egress("mute", json!([])),
        egress(
            "leak",
            json!([to_dns(&["UDP", "TCP"]), {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 53, "protocol": "UDP"}]}]),
        ),
    ];
    let mut all = asked(&objects, PodBlocks::Never);
    let shown: Vec<(String, Hole)> = holes(&mut all)
        .into_iter()
        .map(|found| (all.workloads[found.workload].name.name.clone(), found.hole))
        .collect();
    assert_eq!(
        shown,
        [
            ("leak".to_owned(), Hole::OutsideDns),
            ("mute".to_owned(), Hole::NoDns),
            ("open".to_owned(), Hole::MetadataService),
            ("open".to_owned(), Hole::OutsideDns),
            ("udp".to_owned(), Hole::DnsWithoutTcp),
            ("coredns".to_owned(), Hole::MetadataService),
            ("coredns".to_owned(), Hole::OutsideDns),
        ]
    );
}
