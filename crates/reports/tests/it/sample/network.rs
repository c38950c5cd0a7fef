//! The network at the end of the quarter: three trust levels, a namespace that was open for a while, ways in good and bad, a probe, and a policy
//! of a kind that is not modelled.

use std::borrow::Cow;

use records::Timestamp;
use records::table::Provenance;
use records::tables::network::{EntryPoint, NetworkIsolation, NetworkPath, NetworkProbe};
use reports::NetworkMaterial;
use reports::network::{Flow, Link, NamespaceState, PairCount, reach};

use super::at;

fn of(source: &'static str, seq: i64) -> Provenance<'static> {
    Provenance { cluster: "prod".into(), source: source.into(), segment: 700, seq, normaliser_version: 1 }
}

fn isolation(
    namespace: &'static str,
    direction: &'static str,
    (from, to): (&str, Option<&str>),
    (state, policies, open): (&'static str, &'static str, &'static str),
    seq: i64,
) -> NetworkIsolation<'static> {
    NetworkIsolation {
        provenance: of("prod/watch/networkpolicies.networking.k8s.io", seq),
        isolation_id: format!("{namespace}-{direction}").into(),
        valid_from: at(from),
        valid_to: to.map(at),
        namespace: namespace.into(),
        workload: None,
        direction: direction.into(),
        state: state.into(),
        policies: policies.into(),
        open_workloads: open.into(),
    }
}

fn namespaces() -> Vec<NamespaceState> {
    let start = "2026-07-14T08:00:00Z";
    let denied = ("default_deny", "NetworkPolicy:payments/default", "");
    let open = ("open", "", "shop/web[Deployment],shop/cart[Deployment]");
    let one = |name: &str, level: Option<i64>, isolation| NamespaceState { name: name.to_owned(), level, isolation };
    let alike = |name: &'static str| {
        let rows =
            ["ingress", "egress"].map(|direction| isolation(name, direction, (start, None), ("open", "", ""), 11));
        one(name, Some(1), rows.to_vec())
    };
    vec![
        alike("dev-a"),
        alike("dev-b"),
        alike("dev-c"),
        one(
            "kube-system",
            None,
            vec![isolation(
                "kube-system",
                "ingress",
                (start, None),
                ("unknown", "CiliumNetworkPolicy.cilium.io:kube-system/dns", ""),
                12,
            )],
        ),
        one(
            "payments",
            Some(3),
            vec![
                isolation("payments", "ingress", (start, Some("2026-09-03T10:00:00Z")), denied, 13),
                isolation(
                    "payments",
                    "ingress",
                    ("2026-09-03T10:00:00Z", Some("2026-09-05T16:30:00Z")),
                    ("partly", "", "payments/ledger[StatefulSet]"),
                    14,
                ),
                isolation("payments", "ingress", ("2026-09-05T16:30:00Z", None), denied, 15),
                isolation("payments", "egress", (start, None), denied, 16),
            ],
        ),
        one(
            "shop",
            Some(2),
            vec![
                isolation(
                    "shop",
                    "ingress",
                    (start, None),
                    ("isolated", "NetworkPolicy:shop/web,NetworkPolicy:shop/cart", ""),
                    17,
                ),
                isolation("shop", "egress", (start, None), open, 18),
            ],
        ),
    ]
}

fn pairs() -> Vec<PairCount> {
    let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
    let pair = |from: &str, to: &str, (open, declared, unknown): (i64, i64, i64)| PairCount {
        from: named(from),
        to: named(to),
        open,
        declared,
        unknown,
        example: format!("{from}/* to {to}/* ANY 1-65535"),
    };
    let mut pairs = vec![
        pair("shop", "payments", (2, 1, 0)),
        pair("shop", "shop", (3, 0, 0)),
        pair("dev-a", "shop", (1, 1, 0)),
        pair("shop", "kube-system", (0, 0, 2)),
        pair("", "shop", (1, 0, 0)),
        pair("shop", "", (2, 0, 0)),
        pair("dev-a", "payments", (0, 0, 1)),
    ];
    let dev = ["dev-a", "dev-b", "dev-c"];
    pairs.extend(dev.iter().flat_map(|from| dev.iter().map(|to| pair(from, to, (1, 0, 0)))));
    pairs
}

fn flow(from: &'static str, to: &'static str, port: i64, state: &'static str, declared: bool) -> Flow {
    let namespace = |peer: &'static str| peer.split_once('/').map(|(namespace, _)| Cow::Borrowed(namespace));
    Flow {
        path: NetworkPath {
            provenance: of("prod/watch/networkpolicies.networking.k8s.io", 30 + port % 7),
            path_id: format!("{from}{to}{port}").into(),
            valid_from: at("2026-07-14T08:00:00Z"),
            valid_to: None,
            from_peer: from.into(),
            from_namespace: namespace(from),
            to_peer: to.into(),
            to_namespace: namespace(to),
            protocol: "TCP".into(),
            first_port: port,
            last_port: port,
            state: state.into(),
        },
        declared,
    }
}

fn entry(
    entry: &'static str,
    exposure: &'static str,
    (protocol, port, hosts): (&'static str, i64, &'static str),
    tls: Option<bool>,
    seq: i64,
) -> EntryPoint<'static> {
    let (kind, name) = entry.split_once(':').unwrap();
    EntryPoint {
        provenance: of("prod/watch/services", seq),
        entry_id: format!("{entry}-{port}").into(),
        valid_from: at("2026-07-14T08:00:00Z"),
        valid_to: None,
        entry: entry.into(),
        kind: kind.into(),
        namespace: name.split('/').next().unwrap_or_default().into(),
        exposure: exposure.into(),
        hosts: hosts.into(),
        protocol: protocol.into(),
        port: Some(port),
        tls,
        sources: if port == 5432 { "10.0.0.0/8" } else { "" }.into(),
        targets: "Service:shop/web".into(),
    }
}

fn probe(check: &'static str, expected: &'static str, outcome: &'static str, simulated: bool) -> NetworkProbe<'static> {
    NetworkProbe {
        provenance: of("prod/watch/pods", 50),
        probe_id: "2f6a".into(),
        finished_at: at("2026-10-20T06:00:09Z"),
        observed_at: at("2026-10-20T06:00:10Z"),
        pod: "plimsoll-probe/probe-x7".into(),
        service_account: Some("default".into()),
        image_id: Some("registry.example/plimsoll@sha256:77".into()),
        node: Some("node-a".into()),
        check_name: check.into(),
        target: "10.0.3.7:8080".into(),
        expected: expected.into(),
        outcome: outcome.into(),
        simulated,
        detail: if simulated { "no cluster" } else { "" }.into(),
    }
}

pub(crate) fn network() -> Vec<NetworkMaterial> {
    let mut material = NetworkMaterial::empty(vec!["prod".into()], "prod".into(), None, Timestamp::MAX);
    material.namespaces = namespaces();
    material.namespaces_total = 6;
    material.pairs = pairs();
    material.workloads =
        ["dev-a/x[Pod]", "payments/ledger[StatefulSet]", "shop/cart[Deployment]", "shop/web[Deployment]"]
            .map(str::to_owned)
            .to_vec();
    material.workloads_total = 4;
    material.entries = vec![
        entry("Ingress:shop/web", "host", ("HTTPS", 443, "shop.example"), Some(true), 40),
        entry("Ingress:shop/old", "host", ("HTTP", 80, "old.example"), Some(false), 41),
        entry("Service:payments/db", "LoadBalancer", ("TCP", 5432, ""), None, 42),
    ];
    material.entries_total = 3;
    material.probes = vec![
        probe("a pod that no policy selects", "open", "open", false),
        probe("a pod that denies everything", "closed", "open", false),
        probe("a pod that denies everything", "closed", "closed", true),
    ];
    material.probes_total = 3;
    material.flows = vec![
        flow("shop/web[Deployment]", "payments/ledger[StatefulSet]", 5432, "reachable", false),
        flow("shop/cart[Deployment]", "payments/ledger[StatefulSet]", 8080, "reachable", true),
        flow("shop/*", "kube-system/*", 53, "unknown", false),
    ];
    material.flows_total = 21;
    let link = |from: &str, to: &str, certain| Link {
        from: from.to_owned(),
        to: to.to_owned(),
        inside: to.contains('/'),
        certain,
    };
    let links = [
        link("dev-a/*", "shop/cart[Deployment]", true),
        link("shop/*", "shop/*", true),
        link("shop/web[Deployment]", "payments/ledger[StatefulSet]", true),
        link("dev-a/*", "0.0.0.0-255.255.255.255", true),
    ];
    material.reaches = vec![reach::reach("dev-a/x[Pod]", &material.workloads, &links)];
    vec![material]
}
