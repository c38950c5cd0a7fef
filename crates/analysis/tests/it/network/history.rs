//! The tables over history say at every moment what the analysis of that moment says.

use std::collections::{BTreeMap, BTreeSet};

use analysis::network::history::network_tables;
use analysis::network::policy::Direction;
use analysis::network::{Options, reachability};
use analysis::snapshot::{Object, Place, Snapshot};
use proptest::prelude::*;
use records::Timestamp;
use records::tables::network::NetworkIsolation;
use records::tables::objects::ObjectVersion;
use serde_json::{Value, json};

use super::reference::state;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_micros(minute * 60_000_000).unwrap()
}

fn version(body: &Value, from: i64, to: Option<i64>) -> ObjectVersion<'static> {
    let object = Object::from_json(body.clone(), Place::default()).unwrap();
    ObjectVersion {
        provenance: records::table::Provenance {
            cluster: "c1".into(),
            source: "c1/watch/x".into(),
            segment: 0,
            seq: from,
            normaliser_version: 1,
        },
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

/// The paths of rows that hold at an instant, between workloads and ranges, without those that stand for a namespace.
fn told(versions: &[ObjectVersion<'_>], minute: i64, snapshot: &Snapshot) -> BTreeSet<String> {
    let all = reachability(snapshot, &Options::default());
    let mut by_namespace: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for workload in &all.workloads {
        by_namespace.entry(workload.name.namespace.clone()).or_default().push(workload.name.to_string());
    }
    let expand = |peer: &str| match peer.strip_suffix("/*") {
        Some(namespace) => by_namespace.get(namespace).cloned().unwrap_or_default(),
        None => vec![peer.to_owned()],
    };
    let mut found = BTreeSet::new();
    for row in network_tables(versions, &Options::default()).paths {
        if row.valid_from <= at(minute) && row.valid_to.is_none_or(|to| at(minute) < to) {
            for from in expand(&row.from_peer) {
                for to in expand(&row.to_peer).into_iter().filter(|to| *to != from) {
                    let new = found.insert(format!(
                        "{from} {to} {} {}-{} {}",
                        row.protocol, row.first_port, row.last_port, row.state
                    ));
                    assert!(new, "told twice: {from} {to}");
                }
            }
        }
    }
    found
}

fn of_snapshot(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut all = reachability(snapshot, &Options::default());
    all.flows()
        .map(|f| format!("{} {} {} {}-{} {}", f.from, f.to, f.protocol, f.first_port, f.last_port, f.certainty.name()))
        .collect()
}

/// What is told of isolation at an instant, without namespaces in which no workload is: those that have no object are only known by what stood in them.
fn isolation(versions: &[ObjectVersion<'_>], minute: i64) -> BTreeSet<String> {
    let holds =
        |row: &NetworkIsolation<'_>| row.valid_from <= at(minute) && row.valid_to.is_none_or(|to| at(minute) < to);
    let rows: Vec<_> = network_tables(versions, &Options::default()).isolation.into_iter().filter(holds).collect();
    let inhabited: BTreeSet<&str> =
        rows.iter().filter(|row| row.workload.is_some()).map(|row| &*row.namespace).collect();
    let told = rows.iter().filter(|row| inhabited.contains(&*row.namespace)).map(|row| {
        let workload = row.workload.as_deref().unwrap_or("*");
        let (namespace, direction, state) = (&row.namespace, &row.direction, &row.state);
        format!("{namespace} {workload} {direction} {state} [{}] [{}]", row.policies, row.open_workloads)
    });
    told.collect()
}

/// The versions that hold at an instant, as if they began with it.
fn only_at<'r>(versions: &[ObjectVersion<'r>], minute: i64) -> Vec<ObjectVersion<'r>> {
    let holds = |version: &&ObjectVersion<'r>| {
        version.valid_from <= at(minute) && version.valid_to.is_none_or(|to| at(minute) < to)
    };
    let now = |version: &ObjectVersion<'r>| ObjectVersion { valid_from: at(minute), valid_to: None, ..version.clone() };
    versions.iter().filter(holds).map(now).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_moment_is_as_its_snapshot(
        objects in state(),
        lives in prop::collection::vec((0_i64..4, prop::option::of(1_i64..4)), 16),
        relabelled in prop::option::of(Just(json!({"a": "1"}))),
    ) {
        let mut versions = Vec::new();
        for (mut object, (from, length)) in objects.into_iter().zip(lives) {
            // History has no status.
            object.as_object_mut().unwrap().remove("status");
            versions.push(version(&object, from, length.map(|length| from + length)));
            if let (Some(length), Some(labels)) = (length, &relabelled)
                && object["kind"] != "NetworkPolicy"
            {
                object["metadata"]["labels"] = labels.clone();
                versions.push(version(&object, from + length, None));
            }
        }
        for minute in 0..8 {
            let snapshot = Snapshot::at(&versions, "c1", at(minute));
            prop_assert_eq!(told(&versions, minute, &snapshot), of_snapshot(&snapshot), "at {}", minute);
            prop_assert_eq!(isolation(&versions, minute), isolation(&only_at(&versions, minute), minute), "at {}", minute);
        }
    }

    /// Many workloads of few classes come and go while policies stay.
    #[test]
    fn workloads_that_come_and_go_are_as_their_snapshot(
        objects in state(),
        pods in prop::collection::vec((0_usize..8, 0_i64..12, prop::option::of(1_i64..6)), 0..16),
    ) {
        let mut versions = Vec::new();
        let of_kind = |is_pod: bool| objects.iter().filter(move |object| (object["kind"] == "Pod") == is_pod);
        for object in of_kind(false) {
            versions.push(version(object, 0, None));
        }
        let templates: Vec<&Value> = of_kind(true).collect();
        for (number, (template, from, length)) in pods.into_iter().enumerate() {
            let mut pod = templates[template % templates.len()].clone();
            pod.as_object_mut().unwrap().remove("status");
            // Some pods share a workload, and some names come back.
            let name = format!("q{}", number % 11);
            pod["metadata"]["name"] = json!(name);
            if number % 3 == 0 {
                pod["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "name": format!("r{}", number % 2), "controller": true}]);
            }
            let taken = versions.iter().any(|other: &ObjectVersion<'_>| {
                other.name == name && other.valid_to.is_none_or(|to| to > at(from)) && length.is_none_or(|length| at(from + length) > other.valid_from)
            });
            if !taken {
                versions.push(version(&pod, from, length.map(|length| from + length)));
            }
        }
        for minute in 0..12 {
            let snapshot = Snapshot::at(&versions, "c1", at(minute));
            prop_assert_eq!(told(&versions, minute, &snapshot), of_snapshot(&snapshot), "at {}", minute);
            prop_assert_eq!(isolation(&versions, minute), isolation(&only_at(&versions, minute), minute), "at {}", minute);
        }
    }
}

fn pod(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "labels": labels,
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": true}]}})
}

#[test]
fn another_pod_of_the_same_kind_changes_nothing() {
    let deny = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny", "namespace": "shop"}, "spec": {"podSelector": {"matchLabels": {"app": "web"}}}});
    let versions = [
        version(&pod("a", json!({"app": "web", "pod-template-hash": "1"})), 0, Some(5)),
        version(&pod("b", json!({"app": "web", "pod-template-hash": "2"})), 3, None),
        version(&deny, 2, Some(7)),
    ];
    let tables = network_tables(&versions, &Options::default());
    let rows: Vec<String> = tables
        .isolation
        .iter()
        .filter(|row| row.direction == Direction::Ingress.name())
        .map(|row| {
            format!(
                "{:?} {} {}-{:?}",
                row.workload.as_deref(),
                row.state,
                row.valid_from.micros() / 60_000_000,
                row.valid_to.map(|to| to.micros() / 60_000_000)
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "None open 0-Some(2)",
            "None isolated 2-Some(7)",
            "None open 7-None",
            "Some(\"shop/web-1[ReplicaSet]\") open 0-Some(2)",
            "Some(\"shop/web-1[ReplicaSet]\") isolated 2-Some(7)",
            "Some(\"shop/web-1[ReplicaSet]\") open 7-None",
        ]
    );
    let paths: Vec<String> = tables
        .paths
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {}-{:?}",
                row.from_peer,
                row.to_peer,
                row.protocol,
                row.valid_from.micros() / 60_000_000,
                row.valid_to.map(|to| to.micros() / 60_000_000)
            )
        })
        .collect();
    assert_eq!(
        paths,
        [
            "0.0.0.0-255.255.255.255 shop/* ANY 0-Some(2)",
            "0.0.0.0-255.255.255.255 shop/* ANY 7-None",
            "shop/* 0.0.0.0-255.255.255.255 ANY 0-None",
        ]
    );
}

#[test]
fn trust_levels_are_from_labels_and_configuration() {
    let namespace = |name: &str, level: Option<&str>| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": level.map(|l| json!({"plimsoll.dev/trust-level": l}))}});
    let versions = [
        version(&namespace("a", Some("1")), 0, Some(3)),
        version(&namespace("a", Some("9")), 3, None),
        version(&namespace("b", Some("5")), 0, None),
        version(&namespace("c", Some("high")), 0, None),
        version(&namespace("d", None), 0, None),
    ];
    let options = Options { trust_levels: [("d".to_owned(), 2)].into(), ..Options::default() };
    let rows: Vec<String> = network_tables(&versions, &options)
        .boundaries
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {} {:?}",
                row.from_namespace,
                row.from_level,
                row.to_namespace,
                row.to_level,
                row.valid_to.is_some()
            )
        })
        .collect();
    assert_eq!(rows, ["a 1 b 5 true", "a 1 d 2 true", "b 5 a 9 false", "d 2 a 9 false", "d 2 b 5 false"]);
}
