//! Secrets in time: what keeps them, how they are stored, and when their content changed.

use records::table::Provenance;
use records::tables::encryption::{EtcdObject, EtcdScan};
use records::tables::secrets::{SecretPosture, SecretRotation};
use serde_json::{Value, json};

use crate::story::{CLUSTER, Story, history, span, t};

const SECRETS: (&str, &str) = ("", "secrets");
const EXTERNAL: (&str, &str) = ("external-secrets.io", "externalsecrets");

/// The watch sees a Secret with these metadata; its content was written at an instant.
fn secret(story: &mut Story, at: f64, sort: &str, name: &str, written: Option<f64>, mut metadata: Value) {
    metadata["creationTimestamp"] = json!(t(5.0).to_string());
    story.sees(at, sort, SECRETS, name, json!({ "metadata": metadata })).end();
    let row = story.inputs.observations.last_mut().unwrap();
    row.content_write_time = written.map(t);
    row.last_write_time = written.map(t);
    row.created_time = Some(t(5.0));
}

fn external(story: &mut Story, at: f64, sort: &str, name: &str, refreshed: f64, body: Value) {
    story.sees(at, sort, EXTERNAL, name, body).end();
    let row = story.inputs.observations.last_mut().unwrap();
    row.kind = Some("ExternalSecret".into());
    row.refreshed_time = Some(t(refreshed));
}

fn scan(story: &mut Story, at: f64, objects: &[(&str, bool)]) {
    let entry = Provenance {
        cluster: CLUSTER.into(),
        source: format!("{CLUSTER}/encryption/etcd").into(),
        ..Default::default()
    };
    for (name, encrypted) in objects {
        let (namespace, name) = name.split_once('/').unwrap();
        story.inputs.etcd_objects.push(EtcdObject {
            provenance: entry.clone(),
            scan_id: at.to_string().into(),
            scanned_at: t(at),
            api_group: "".into(),
            resource: "secrets".into(),
            namespace: Some(namespace.to_owned().into()),
            name: name.to_owned().into(),
            provider: if *encrypted { "kms_v2" } else { "identity" }.into(),
            encrypted: Some(*encrypted),
            key_name: encrypted.then(|| "vault".into()),
            key_id: None,
            key_id_hash: encrypted.then(|| "ab12".into()),
            modified_revision: 1,
        });
    }
    story.inputs.etcd_scans.push(EtcdScan {
        provenance: entry,
        scan_id: at.to_string().into(),
        began_at: t(at),
        ended_at: t(at),
        api_group: "".into(),
        resource: "secrets".into(),
        revision: 1,
        objects: objects.len() as i64,
    });
}

fn since(at: Option<records::Timestamp>) -> String {
    at.map_or_else(|| "?".into(), |at| crate::story::seconds(at).to_string())
}

fn postures(story: &Story) -> String {
    let line = |row: &SecretPosture<'_>| {
        let (from, to) = span(row.valid_from, row.valid_to);
        format!(
            "{}/{} {from}-{} by {} ({}) refresh {} {:?} synced {:?} at {}; content of {} by {}; stored {:?} {} since {}; certificate until {}",
            row.namespace,
            row.name,
            to.map_or_else(String::new, |to| to.to_string()),
            row.manager.as_deref().unwrap_or("?"),
            row.manager_object.as_deref().unwrap_or("-"),
            row.refresh.as_deref().unwrap_or("?"),
            row.refresh_seconds,
            row.synced,
            since(row.refreshed_at),
            since(row.content_changed_at),
            row.content_changed_basis.as_deref().unwrap_or("?"),
            row.encrypted,
            row.encryption_key.as_deref().unwrap_or("-"),
            since(row.encryption_seen_from),
            since(row.certificate_not_after),
        )
    };
    story.told().secrets_posture.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn rotations(story: &Story) -> String {
    let line = |row: &SecretRotation<'_>| {
        format!(
            "{}/{} {} content {}-{} by {} {} class {}",
            row.namespace,
            row.name,
            row.manager.as_deref().unwrap_or("?"),
            since(row.content_from),
            row.content_to.map_or_else(String::new, |to| crate::story::seconds(to).to_string()),
            row.content_from_basis.as_deref().unwrap_or("?"),
            row.ended_by.as_deref().unwrap_or("-"),
            row.rotation_class.as_deref().unwrap_or("-"),
        )
    };
    story.told().secret_rotations.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_external_secret_keeps_its_target_and_tells_of_its_state() {
    let mut story = history();
    let marked = |hash: &str| json!({"labels": {"reconcile.external-secrets.io/managed": "true"}, "annotations": {"reconcile.external-secrets.io/data-hash": hash}});
    let keeper = |ready: &str| json!({"spec": {"target": {"name": "db"}, "refreshInterval": "1h"}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
    external(&mut story, 10.0, "added", "shop/own", 9.0, keeper("True"));
    // Not marked yet: somebody else's, for all that is known.
    secret(&mut story, 20.0, "added", "shop/db", Some(20.0), json!({}));
    secret(&mut story, 30.0, "modified", "shop/db", Some(30.0), marked("one"));
    // The same content is written again, then another.
    secret(&mut story, 40.0, "modified", "shop/db", Some(40.0), marked("one"));
    secret(&mut story, 50.0, "modified", "shop/db", Some(50.0), marked("two"));
    external(&mut story, 60.0, "modified", "shop/own", 60.0, keeper("True"));
    external(&mut story, 70.0, "modified", "shop/own", 60.0, keeper("False"));
    external(&mut story, 80.0, "deleted", "shop/own", 60.0, keeper("False"));
    insta::assert_snapshot!(format!("{}\n--\n{}", postures(&story), rotations(&story)));
}

#[test]
fn a_kustomization_with_decryption_is_sops_while_it_has_it() {
    let mut story = history();
    let kustomizations = ("kustomize.toolkit.fluxcd.io", "kustomizations");
    let labels = json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}});
    secret(&mut story, 10.0, "listed", "shop/db", Some(8.0), labels);
    let mut kustomization = |at: f64, sort: &str, spec: Value| {
        story.sees(at, sort, kustomizations, "flux-system/apps", json!({ "spec": spec })).end();
        story.inputs.observations.last_mut().unwrap().kind = Some("Kustomization".into());
    };
    kustomization(20.0, "added", json!({"decryption": {"provider": "sops"}}));
    kustomization(30.0, "modified", json!({}));
    kustomization(40.0, "modified", json!({"decryption": {"provider": "sops"}}));
    kustomization(50.0, "deleted", json!({"decryption": {"provider": "sops"}}));
    insta::assert_snapshot!(postures(&story));
}

#[test]
fn a_scan_says_nothing_of_an_object_that_came_after_it_under_the_same_name() {
    let mut story = history();
    secret(
        &mut story,
        10.0,
        "listed",
        "shop/db",
        Some(5.0),
        json!({"annotations": {"plimsoll.dev/rotation": "quarterly"}}),
    );
    scan(&mut story, 20.0, &[("shop/db", true)]);
    scan(&mut story, 40.0, &[("shop/db", true)]);
    story.sees(50.0, "deleted", SECRETS, "shop/db", json!({})).end();
    let again = json!({"metadata": {"creationTimestamp": t(60.0).to_string()}});
    story.sees(60.0, "added", SECRETS, "shop/db", again).uid("another").end();
    story.inputs.observations.last_mut().unwrap().content_write_time = Some(t(60.0));
    scan(&mut story, 80.0, &[("shop/db", true)]);
    scan(&mut story, 90.0, &[("shop/db", false)]);
    insta::assert_snapshot!(format!("{}\n--\n{}", postures(&story), rotations(&story)));
}

#[test]
fn a_certificate_tells_when_it_ends() {
    let mut story = history();
    let certificates = ("cert-manager.io", "certificates");
    secret(
        &mut story,
        10.0,
        "added",
        "shop/tls",
        Some(10.0),
        json!({"annotations": {"cert-manager.io/certificate-name": "web"}}),
    );
    let body = |end: f64| json!({"spec": {"secretName": "tls"}, "status": {"notAfter": t(end).to_string(), "conditions": [{"type": "Ready", "status": "True"}]}});
    for (at, end) in [(20.0, 1000.0), (30.0, 2000.0)] {
        story.sees(at, if at < 25.0 { "added" } else { "modified" }, certificates, "shop/web", body(end)).end();
        story.inputs.observations.last_mut().unwrap().kind = Some("Certificate".into());
    }
    insta::assert_snapshot!(postures(&story));
}

#[test]
fn a_snapshot_gives_the_same_as_the_history() {
    use analysis::snapshot::{Object, Place, Snapshot};
    let object = |body: Value| Object::from_json(body, Place::default()).unwrap();
    let snapshot: Snapshot = [
        object(json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": "db", "namespace": "shop", "ownerReferences": [{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "db"}]}, "data": {"password": "eA=="}})),
        object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hand"}})),
        object(json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "db", "namespace": "shop"}, "spec": {"refreshPolicy": "CreatedOnce"}})),
    ]
    .into_iter()
    .collect();
    let shown: Vec<_> = analysis::secrets::of_snapshot(&snapshot)
        .into_iter()
        .map(|s| (s.namespace, s.name, s.manager, s.secret_type, s.refresh))
        .collect();
    assert_eq!(
        shown,
        [
            (String::new(), "hand".into(), None, None, None),
            ("shop".into(), "db".into(), Some("external-secrets".into()), Some("Opaque".into()), Some("never".into())),
        ]
    );
}

#[test]
fn readers_come_and_go_with_grants() {
    let mut story = history();
    let rbac = crate::story::RBAC;
    for resource in ["clusterroles", "clusterrolebindings", "roles", "rolebindings"] {
        story.lists_none(0.0, (rbac, resource));
    }
    let reads = |verbs: &[&str], names: &[&str]| json!([{"verbs": verbs, "apiGroups": [""], "resources": ["secrets"], "resourceNames": names}]);
    let user = |name: &str| json!([{"kind": "User", "name": name}]);
    secret(&mut story, 1.0, "added", "shop/db", None, json!({}));
    secret(&mut story, 1.0, "added", "lab/x", None, json!({}));
    story.role(2.0, "added", "all", json!([{"verbs": ["list"], "apiGroups": ["*"], "resources": ["*"]}]));
    story.role(2.0, "added", "shop/one", reads(&["get"], &["db"]));
    story.role(2.0, "added", "pods", json!([{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}]));
    story.binding(10.0, "added", "b", "all", user("ann"));
    story.binding(20.0, "added", "shop/b", "shop/one", user("bob"));
    story.binding(20.0, "added", "shop/again", "all", user("ann"));
    story.binding(20.0, "added", "p", "pods", user("eve"));
    story.role(30.0, "modified", "shop/one", reads(&["get", "list"], &[]));
    story.binding(40.0, "deleted", "b", "all", user("ann"));
    let line = |row: &records::tables::secrets::SecretReaders<'_>| {
        let (from, to) = span(row.valid_from, row.valid_to);
        format!(
            "{}/{} {from}-{} {} {}",
            row.namespace,
            row.name.as_deref().unwrap_or("*"),
            to.map_or_else(String::new, |to| to.to_string()),
            row.readers,
            row.readers_json
        )
    };
    insta::assert_snapshot!(story.told().secret_readers.iter().map(line).collect::<Vec<_>>().join("\n"));
}
