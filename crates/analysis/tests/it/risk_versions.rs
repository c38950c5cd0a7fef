//! Risks by the version that the API servers had then.

use std::collections::BTreeMap;

use records::Statement;
use serde_json::json;

use crate::story::{CLUSTER, RBAC, Story, history, span, t};

/// Somebody may `get` what opens a session in a pod, which was enough before 1.35.
fn a_get() -> Story {
    let mut story = history();
    story.lists_none(0.0, (RBAC, "clusterroles"));
    story.role(10.0, "added", "look", json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods/exec"]}]));
    story.binding(10.0, "added", "look", "look", json!([{"kind": "User", "name": "eve"}]));
    story
}

fn states(story: &mut Story, at: f64, server: &str, version: &str, gates: Option<&[(&str, bool)]>) {
    let gates = gates.map(|gates| gates.iter().map(|(gate, on)| ((*gate).to_owned(), *on)).collect::<BTreeMap<_, _>>());
    story.states(Statement::ServerVersion {
        subject: format!("{CLUSTER}/audit/{server}").parse().unwrap(),
        at: t(at),
        version: version.to_owned(),
        feature_gates: gates,
    });
}

/// Spans with whether the version was unknown.
fn sessions(story: &Story) -> Vec<((f64, Option<f64>), bool)> {
    let rows = story.told().rbac_risks;
    let of_pattern = rows.iter().filter(|row| row.permission.contains("pods/exec"));
    of_pattern.map(|row| (span(row.valid_from, row.valid_to), row.remark.is_some())).collect()
}

#[test]
fn without_a_version_every_way_counts_and_the_risk_says_so() {
    assert_eq!(sessions(&a_get()), [((10.0, None), true)]);
}

#[test]
fn an_upgrade_closes_a_way() {
    let mut story = a_get();
    states(&mut story, 20.0, "one", "v1.34.1", None);
    states(&mut story, 100.0, "one", "v1.35.0", None);
    assert_eq!(sessions(&story), [((10.0, Some(100.0)), false)]);
}

#[test]
fn while_one_server_after_the_other_is_replaced_the_oldest_counts() {
    let mut story = a_get();
    for (at, server, version) in [(20.0, "one", "v1.34.1"), (21.0, "two", "v1.34.1"), (100.0, "one", "v1.35.0")] {
        states(&mut story, at, server, version, None);
    }
    assert_eq!(sessions(&story), [((10.0, None), false)]);
    states(&mut story, 200.0, "two", "v1.35.0", None);
    assert_eq!(sessions(&story), [((10.0, Some(200.0)), false)]);
}

#[test]
fn a_server_that_is_gone_no_longer_counts() {
    let mut story = a_get();
    states(&mut story, 20.0, "one", "v1.34.1", None);
    for hour in 1..5 {
        states(&mut story, 100.0 + 3_600.0 * f64::from(hour), "two", "v1.35.0", None);
    }
    assert_eq!(sessions(&story), [((10.0, Some(100.0 + 3_600.0 * 3.0)), false)]);
}

#[test]
fn a_gate_goes_before_the_version_and_stays_until_another_is_told() {
    let mut story = a_get();
    let gate = "AuthorizePodWebsocketUpgradeCreatePermission";
    states(&mut story, 20.0, "one", "v1.35.0", Some(&[(gate, false)]));
    states(&mut story, 50.0, "one", "v1.35.1", None);
    states(&mut story, 100.0, "one", "v1.35.1", Some(&[(gate, true)]));
    assert_eq!(sessions(&story), [((10.0, Some(100.0)), false)]);
}

#[test]
fn the_configuration_tells_where_no_server_did() {
    let mut story = a_get();
    story.inputs.settings.server_version = Some("1.35".parse().unwrap());
    assert_eq!(sessions(&story), []);
    // What an API server says of itself goes before it; what is no version says nothing.
    states(&mut story, 20.0, "one", "built by hand", None);
    assert_eq!(sessions(&story), []);
    story.states(Statement::ClusterIdentity { at: t(21.0), uid: "u".into(), version: "v1.34.0".into() });
    assert_eq!(sessions(&story), [((10.0, None), false)]);
}
