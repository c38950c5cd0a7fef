//! The pages about the network over a real store: objects as a watch writes them, sealed, projected, asked.

use std::sync::Arc;

use portal::{Live, Portal, PortalOptions, network};
use reports::Report;
use reports::network::{Declared, FlowState, LevelChoice, NetworkQuery};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::NewEntry;

use crate::of_reports::sample;
use crate::watched::{Watched, alive, at, change, page};
use crate::{client, signed_in};

const HOSTILE: &str = "x' OR '1'='1";
const POLICIES: &str = "networkpolicies.networking.k8s.io";

fn namespace(name: &str, level: Option<i64>) -> Value {
    let labels = level.map_or(json!({}), |level| json!({"plimsoll.dev/trust-level": level.to_string()}));
    json!({"kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn pod(namespace: &str, name: &str) -> Value {
    json!({"kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": [{"name": name, "image": name}]}})
}

fn entries() -> Vec<NewEntry> {
    let start = "2026-11-01T00:00:00Z";
    let first = |resource: &str, object| change("prod", "ADDED", start, resource, object);
    let from_shop = json!({"kind": "NetworkPolicy", "metadata": {"name": "db", "namespace": "vault"}, "spec": {"podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"plimsoll.dev/trust-level": "1"}}}], "ports": [{"port": 5432}, {"port": 9000}]}]}});
    let closed = json!({"kind": "NetworkPolicy", "metadata": {"name": "db", "namespace": "vault"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
    let service = json!({"kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP"}]}});
    let mut all = vec![
        first("namespaces", namespace("shop", Some(1))),
        first("namespaces", namespace("vault", Some(2))),
        first("namespaces", namespace("tools", None)),
        first("pods", pod("shop", "web")),
        first("pods", pod("shop", "cart")),
        first("pods", pod("vault", "db")),
        first(POLICIES, from_shop),
        first("services", service),
        change("prod", "MODIFIED", "2026-11-02T00:00:00Z", POLICIES, closed),
        // Another cluster of which less is known.
        change("stage", "ADDED", start, "namespaces", namespace("lonely", None)),
    ];
    for resource in ["namespaces", "pods", POLICIES, "services"] {
        all.push(alive(&format!("prod/watch/{resource}"), start, "2026-11-04T00:00:00Z"));
    }
    all
}

async fn watched() -> Watched {
    Watched::new(entries(), ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z")).await
}

fn declared() -> Declared {
    Declared {
        flows: Some(vec!["shop/* -> vault/* TCP/5432".to_owned(), HOSTILE.to_owned()]),
        entries: Some(vec!["Service:shop/*".to_owned()]),
    }
}

fn at_first() -> NetworkQuery {
    NetworkQuery { at: Some(at("2026-11-01T12:00:00Z")), ..NetworkQuery::default() }
}

#[tokio::test]
async fn pairs_are_counted_as_of_an_instant_and_declared_flows_are_told_apart() {
    let Watched { session, window, folder: _folder, .. } = watched().await;
    let before = network::network(&session, window, &declared(), &at_first()).await.unwrap();
    assert_eq!(
        (before.cluster.as_str(), before.clusters.as_slice()),
        ("prod", ["prod".to_owned(), "stage".to_owned()].as_slice())
    );
    let levels: Vec<(&str, Option<i64>)> = before.namespaces.iter().map(|one| (one.name.as_str(), one.level)).collect();
    assert_eq!(levels, [("shop", Some(1)), ("tools", None), ("vault", Some(2))]);
    let pair = |material: &reports::NetworkMaterial| {
        let of = |pair: &&reports::network::PairCount| {
            pair.from.as_deref() == Some("shop") && pair.to.as_deref() == Some("vault")
        };
        material.pairs.iter().find(of).map(|pair| (pair.open, pair.declared, pair.unknown))
    };
    assert_eq!(pair(&before), Some((2, 1, 0)));
    let after = network::network(&session, window, &declared(), &NetworkQuery::default()).await.unwrap();
    assert_eq!(pair(&after), None);
    assert_eq!((after.entries.len(), after.workloads.len(), after.workloads_total), (2, 3, 3));
    // The isolation of the whole window is there for the strip, whatever the instant.
    let vault = after.namespaces.iter().find(|one| one.name == "vault").unwrap();
    assert!(vault.isolation.iter().filter(|row| row.direction == "ingress").count() >= 1);
}

#[tokio::test]
async fn levels_of_the_configuration_go_before_labels() {
    let window = ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z");
    let watched = Watched::with_levels(entries(), window, &[("tools", 7), ("shop", 9)]).await;
    let material = network::network(&watched.session, watched.window, &declared(), &at_first()).await.unwrap();
    let levels: Vec<(&str, Option<i64>)> =
        material.namespaces.iter().map(|one| (one.name.as_str(), one.level)).collect();
    assert_eq!(levels, [("shop", Some(9)), ("tools", Some(7)), ("vault", Some(2))]);
}

#[tokio::test]
async fn flows_pass_what_a_question_says_and_names_cannot_change_it() {
    let Watched { session, window, folder: _folder, .. } = watched().await;
    let found = async |query: NetworkQuery| {
        let list = network::flows(&session, window, &declared(), query, 1, 1_000).await.unwrap();
        assert_eq!(list.rows.len() as u64, list.total);
        list.rows
    };
    let ports = |rows: Vec<reports::network::Flow>| -> Vec<(i64, bool)> {
        rows.iter().map(|flow| (flow.path.first_port, flow.declared)).collect()
    };
    let up =
        NetworkQuery { from_level: Some(LevelChoice::Level(1)), to_level: Some(LevelChoice::Level(2)), ..at_first() };
    assert_eq!(ports(found(up.clone()).await), [(5432, true), (9000, false)]);
    for (state, expected) in [
        (FlowState::Open, vec![(5432, true), (9000, false)]),
        (FlowState::Declared, vec![(5432, true)]),
        (FlowState::NotDeclared, vec![(9000, false)]),
        (FlowState::Unknown, vec![]),
    ] {
        assert_eq!(ports(found(NetworkQuery { state: Some(state), ..up.clone() }).await), expected, "{state:?}");
    }
    assert!(found(NetworkQuery { from: HOSTILE.to_owned(), ..at_first() }).await.is_empty());
    assert!(found(NetworkQuery { cluster: HOSTILE.to_owned(), ..at_first() }).await.is_empty());
    let outside = found(NetworkQuery { from: "(outside)".to_owned(), to: "shop".to_owned(), ..at_first() }).await;
    assert!(!outside.is_empty() && outside.iter().all(|flow| flow.path.from_namespace.is_none()));
    let without = found(NetworkQuery { from_level: Some(LevelChoice::Without), ..at_first() }).await;
    assert!(without.iter().all(|flow| flow.path.from_namespace.as_deref() == Some("tools")));
}

#[tokio::test]
async fn what_is_reached_follows_the_tables() {
    let Watched { session, window, folder: _folder, .. } = watched().await;
    let query = NetworkQuery { workload: "shop/web[Pod]".to_owned(), ..at_first() };
    let reach = network::reach(&session, window, &query).await.unwrap();
    let told: Vec<(&str, usize, bool)> =
        reach.reached.iter().map(|one| (one.workload.as_str(), one.steps, one.certain)).collect();
    assert_eq!(told, [("shop/cart[Pod]", 1, true), ("vault/db[Pod]", 1, true)]);
    let later = NetworkQuery { at: None, ..query };
    let reach = network::reach(&session, window, &later).await.unwrap();
    assert_eq!(reach.reached.iter().map(|one| one.workload.as_str()).collect::<Vec<_>>(), ["shop/cart[Pod]"]);
    let nobody = NetworkQuery { workload: HOSTILE.to_owned(), ..NetworkQuery::default() };
    assert!(!network::reach(&session, window, &nobody).await.unwrap().exists);
}

#[tokio::test]
async fn a_package_gets_the_flows_to_higher_levels_first() {
    let Watched { session, window, folder: _folder, .. } = watched().await;
    let mut material = network::network(&session, window, &declared(), &at_first()).await.unwrap();
    network::add_flows(&session, window, &declared(), &mut material).await.unwrap();
    let first: Vec<(i64, bool)> =
        material.flows.iter().take(2).map(|flow| (flow.path.first_port, flow.declared)).collect();
    assert_eq!(first, [(9000, false), (5432, true)]);
    assert_eq!(material.flows_total, material.flows.len() as u64);
    assert_eq!(
        material.reaches.iter().map(|reach| reach.workload.as_str()).collect::<Vec<_>>(),
        ["shop/cart[Pod]", "shop/web[Pod]", "vault/db[Pod]"]
    );
    assert!(!material.references().is_empty());
}

#[tokio::test]
async fn the_portal_shows_them_live_without_scripts() {
    let Watched { session, window, reader, folder: _folder } = watched().await;
    let mut material = sample::material();
    material.network = network::material(&session, window, &material.controls).await.unwrap();
    assert_eq!(material.network.len(), 2);
    (material.window, material.evaluation.window_from, material.evaluation.window_to) =
        (window, window.from, window.to);
    let live = Arc::new(Live::new());
    live.show(Report::new(material).unwrap(), reader, session);
    let (client, portal) = (client(), Portal::start(PortalOptions::default(), live).await.unwrap());
    let cookie = signed_in(&client, &portal).await;
    for (path, holds) in [
        ("/network", "Trust matrix"),
        ("/network", "Service:shop/web"),
        ("/network", "<option value=\"stage\""),
        ("/network?at=2026-11-01+12:00", "from_level=1&#38;to_level=2"),
        ("/network?cluster=stage", "No two namespaces had different trust levels"),
        ("/network?cluster=stage", "Nobody looked at that time"),
        ("/network/flows?at=2026-11-01+12:00&from_level=1&to_level=2&state=open", "Flows 1 to 2 of 2"),
        ("/network/flows?at=2026-11-01+12:00&from=shop&to=vault", "/evidence/prod/watch/"),
        ("/network/flows?from=nobody", "No flow is known from nobody"),
        ("/network/workload", "shop/web[Pod]"),
        ("/network/workload?workload=shop%2Fweb%5BPod%5D&at=2026-11-01+12:00", "vault/db[Pod]"),
        ("/network/pairs.csv?at=2026-11-01+12:00", "shop,vault,2,"),
        ("/network/flows.csv?at=2026-11-01+12:00&to=vault", "5432"),
        ("/network/isolation.csv", "default_deny"),
        ("/network/entry-points.csv", "LoadBalancer"),
        ("/network/probes.csv", "probe_id"),
        ("/network/reach.csv?workload=shop%2Fweb%5BPod%5D", "shop/cart[Pod]"),
    ] {
        let (status, text) = page(&client, &portal, &cookie, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        assert!(text.contains(holds), "{path} does not hold {holds}: {text}");
        assert!(!text.contains("<script"), "{path}");
    }
    for (path, holds) in [
        ("/network?at=soon", "This is no time."),
        ("/network?at=2126-01-01", "Nothing is known of this time yet"),
        ("/network?cluster=nowhere", "Nothing is told of a cluster of this name."),
        ("/network/flows?from_level=high", "This is no trust level."),
        ("/network/flows?state=shut&from=shop", "There is no such state of a flow."),
        ("/network/flows?cluster=%27%20OR%201=1", "Nothing is told of a cluster of this name."),
        ("/network/workload?workload=a%00b", "The question was not understood"),
        ("/network/pairs.csv?at=soon", "The question was not understood"),
        ("/network/flows.csv?cluster=nowhere", "The question was not understood"),
    ] {
        let (status, text) = page(&client, &portal, &cookie, path).await;
        assert_eq!((status, text.contains(holds)), (StatusCode::BAD_REQUEST, true), "{path}: {text}");
    }
    for path in [
        "/network/flows?page=0",
        "/network/flows?page=101",
        "/network/flows?page=99",
        "/network/flows?page=x",
        "/network/nothing.csv",
        "/network/reach.csv?workload=nobody",
        "/network/workload?workload=shop%2Fnobody%5BPod%5D",
    ] {
        assert_eq!(page(&client, &portal, &cookie, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(page(&client, &portal, "", "/network").await.0, StatusCode::UNAUTHORIZED);
    portal.stop().await.unwrap();
}
