//! Encryption at rest: what counters, scans and descriptions say in time.

use records::table::Provenance;
use records::tables::encryption::{CloudEncryption, EncryptionReading, EtcdObject, EtcdScan};
use serde_json::json;

use crate::story::{CLUSTER, Story, history, span, t};

fn entry(source: &str, seq: i64) -> Provenance<'static> {
    Provenance {
        cluster: CLUSTER.into(),
        source: format!("{CLUSTER}/encryption/{source}").into(),
        segment: 1,
        seq,
        normaliser_version: 3,
    }
}

/// A reading of an API server whose process began at 0: configuration, and writes of Secrets by prefix.
fn reads(story: &mut Story, at: f64, server: &str, hash: Option<&str>, writes: &[(&str, u64)]) {
    let operations: Vec<_> =
        writes.iter().map(|(prefix, count)| json!(["secrets", "to_storage", prefix, "OK", count])).collect();
    let seq = 1 + story.inputs.encryption_readings.len() as i64;
    story.inputs.encryption_readings.push(EncryptionReading {
        provenance: entry(server, seq),
        read_at: t(at),
        api_server: server.to_owned().into(),
        process_start: Some(t(0.0)),
        config_hash: hash.map(|hash| hash.to_owned().into()),
        reloaded_at: None,
        reload_failed_at: None,
        operations_json: json!(operations).to_string().into(),
        key_ids_json: "[]".into(),
    });
}

/// A scan of Secrets: namespace/name, provider, key; `count` objects are told.
fn scans(story: &mut Story, at: f64, count: i64, objects: &[(&str, &str, Option<&str>)]) {
    let id = format!("scan at {at}");
    for (name, provider, key) in objects {
        let seq = 1 + story.inputs.etcd_objects.len() as i64;
        let (namespace, name) = name.split_once('/').unwrap();
        story.inputs.etcd_objects.push(EtcdObject {
            provenance: entry("etcd", seq),
            scan_id: id.clone().into(),
            scanned_at: t(at),
            api_group: "".into(),
            resource: "secrets".into(),
            namespace: Some(namespace.to_owned().into()),
            name: name.to_owned().into(),
            provider: (*provider).to_owned().into(),
            encrypted: match *provider {
                "identity" => Some(false),
                "unknown" => None,
                _ => Some(true),
            },
            key_name: key.map(|key| key.to_owned().into()),
            key_id: None,
            key_id_hash: None,
            modified_revision: 1,
        });
    }
    story.inputs.etcd_scans.push(EtcdScan {
        provenance: entry("etcd", 1000 + story.inputs.etcd_scans.len() as i64),
        scan_id: id.into(),
        began_at: t(at),
        ended_at: t(at + 1.0),
        api_group: "".into(),
        resource: "secrets".into(),
        revision: 7,
        objects: count,
    });
}

fn describes(story: &mut Story, at: f64, encrypted: Option<bool>) {
    story.inputs.cloud_encryption.push(CloudEncryption {
        provenance: entry("cloud", 1 + story.inputs.cloud_encryption.len() as i64),
        read_at: t(at),
        cloud: "eks".into(),
        name: "shop".into(),
        version: None,
        encrypted,
        scope: None,
        key: None,
        key_owner: None,
        detail: "as described".into(),
    });
}

fn told(story: &Story) -> String {
    let rows = story.told().encryption_state;
    let line = |row: &records::tables::encryption::EncryptionState<'_>| {
        let (from, to) = span(row.valid_from, row.valid_to);
        let yes = |value: Option<bool>| value.map_or("?", |value| if value { "yes" } else { "no" });
        format!(
            "{} {} {from}-{} encrypted={} with {} {} differs={} by {}: {}",
            row.subject_kind,
            row.subject,
            to.map_or_else(String::new, |to| to.to_string()),
            yes(row.encrypted),
            row.provider.as_deref().unwrap_or("?"),
            row.key.as_deref().unwrap_or("-"),
            yes(row.config_differs),
            row.basis,
            row.detail
        )
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_an_api_server_writes_changes_with_its_configuration() {
    let mut story = history();
    reads(&mut story, 100.0, "a", Some("one"), &[("", 3)]);
    reads(&mut story, 200.0, "a", Some("one"), &[("", 3)]);
    reads(&mut story, 300.0, "a", Some("two"), &[("", 4)]);
    reads(&mut story, 400.0, "a", Some("two"), &[("", 4)]);
    reads(&mut story, 500.0, "a", Some("two"), &[("", 4), ("k8s:enc:aescbc:v1:", 2), ("key1:", 2)]);
    reads(&mut story, 600.0, "a", Some("two"), &[("", 4), ("k8s:enc:aescbc:v1:", 9), ("key1:", 9)]);
    story.until(700.0);
    insta::assert_snapshot!(told(&story));
}

#[test]
fn a_reading_speaks_for_half_an_hour_and_others_of_the_same_configuration_speak_for_the_silent() {
    let mut story = history();
    let aes = [("k8s:enc:aescbc:v1:", 2), ("key1:", 2)];
    reads(&mut story, 100.0, "a", Some("one"), &aes);
    reads(&mut story, 150.0, "b", Some("one"), &[]);
    reads(&mut story, 1000.0, "b", Some("two"), &[]);
    reads(&mut story, 1060.0, "a", Some("two"), &aes);
    story.until(5000.0);
    insta::assert_snapshot!(told(&story));
}

#[test]
fn a_scan_speaks_until_the_next_and_an_object_that_is_gone_ends_with_it() {
    let mut story = history();
    scans(&mut story, 100.0, 2, &[("shop/db", "identity", None), ("shop/api", "aescbc", Some("key1"))]);
    // One object of this is missing: it says nothing.
    scans(&mut story, 150.0, 2, &[("shop/db", "aescbc", Some("key1"))]);
    scans(&mut story, 200.0, 2, &[("shop/db", "aescbc", Some("key1")), ("shop/api", "aescbc", Some("key1"))]);
    scans(&mut story, 300.0, 1, &[("shop/db", "aescbc", Some("key1"))]);
    scans(&mut story, 400.0, 1, &[("shop/db", "unknown", None)]);
    insta::assert_snapshot!(told(&story));
}

#[test]
fn a_description_speaks_where_no_scan_does() {
    let mut story = history();
    story.inputs.settings.cloud_description_seconds = 100;
    reads(&mut story, 50.0, "a", None, &[]);
    describes(&mut story, 100.0, Some(true));
    describes(&mut story, 150.0, None);
    describes(&mut story, 160.0, Some(false));
    scans(&mut story, 170.0, 0, &[]);
    insta::assert_snapshot!(told(&story));
}

#[test]
fn rows_that_cannot_be_read_say_nothing_and_do_no_harm() {
    let mut story = history();
    reads(&mut story, 100.0, "a", None, &[("k8s:enc:secretbox:v1:", 2)]);
    reads(&mut story, 200.0, "a", None, &[]);
    story.inputs.encryption_readings[1].operations_json = "{".into();
    reads(&mut story, 300.0, "a", None, &[("k8s:enc:secretbox:v1:", 5)]);
    reads(&mut story, 400.0, "a", None, &[("k8s:enc:secretbox:v1:", 6), ("k8s:enc:new:v1:", 1)]);
    story.until(450.0);
    insta::assert_snapshot!(told(&story));
}
