//! Snapshots of rows, one for each entry of `testdata`.

use std::path::Path;

use proptest::prelude::*;

use crate::table::{Lines, entry};

#[test]
fn every_entry_of_testdata_gives_its_rows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "testdata is there");
    for file in files {
        let raw = std::fs::read(&file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let rows = Lines::of("prod/audit/api-1", raw.trim_ascii_end());
        assert!(!rows.is_empty(), "{name}");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, rows);
        });
    }
}

#[test]
fn webhook_item_and_file_line_give_one_digest() {
    let digest = |name: &str| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
        let rows = Lines::of("prod/audit/api-1", &std::fs::read(file).unwrap());
        rows.lines().find(|l| l.contains("event_digest")).unwrap().to_owned()
    };
    assert_eq!(digest("get-configmap.json"), digest("webhook-item.json"));
}

#[test]
fn watch_lines_statements_configurations_and_results_give_rows() {
    let rows = [
        Lines::of("prod/watch/pods", br#"{"type":"MODIFIED","group":"","version":"v1","resource":"pods","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"a","uid":"u","resourceVersion":"7","generation":1,"creationTimestamp":"2026-11-23T08:00:00Z","managedFields":[{"manager":"kubectl","time":"2026-11-23T09:00:00Z"}]},"spec":{"nodeName":"n"},"status":{"phase":"Running"}}}"#),
        Lines::of("prod/watch/pods", br#"{"type":"LIST_END","group":"","version":"v1","resource":"pods","list":"l-1","resourceVersion":"9","at":"2026-11-23T09:00:00Z","count":3}"#),
        Lines::of("prod/watch/pods", br#"{"type":"BOOKMARKED","resource":"pods"}"#),
        Lines::of("prod/statements/intake", br#"{"statement":"duplicates","subject":"prod/audit/api-1","at":"2026-11-23T09:00:00Z","count":2}"#),
        Lines::of("prod/statements/intake", br#"{"statement":"guess"}"#),
        Lines::of("prod/configuration/api-1", br#"{"configures":"audit-policy","api_server":"api-1","read_at":"2026-11-23T09:00:00Z","sha256":"00","content":"rules: []\n"}"#),
        Lines::of("plimsoll/evaluation/prod", br#"{"record":"control_item","evaluation_id":"e","control":"AC-01","item":"i","label":"l","item_from":"2026-11-23T09:00:00Z","item_to":"2026-11-23T09:00:00Z","verdict":"effective","reason":"","evidence_source":null,"evidence_segment":1,"evidence_seq":2}"#),
        Lines::of("plimsoll/evaluation/prod", br#"{"record":"evaluation","evaluation_id":"e"}"#),
    ];
    insta::assert_snapshot!(rows.join("--\n"));
}

#[test]
fn results_of_network_probes_give_rows() {
    let pod = |message: &str| {
        let message = serde_json::to_string(message).unwrap();
        format!(
            r#"{{"type":"MODIFIED","group":"","version":"v1","resource":"pods","object":{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"probe-1","namespace":"plimsoll-probe","uid":"u","labels":{{"plimsoll.dev/network-probe":"client"}}}},"spec":{{"nodeName":"n","serviceAccountName":"default"}},"status":{{"containerStatuses":[{{"imageID":"plimsoll@sha256:00","state":{{"terminated":{{"finishedAt":"2026-11-23T09:00:05Z","message":{message}}}}}}}]}}}}}}"#
        )
    };
    let rows = [
        r#"{"probe":"network-policy","simulated":false,"checks":[{"name":"allowed","target":"10.0.0.5:8080","expected":"open","outcome":"open"},{"name":"denied","target":"10.0.0.6:8080","expected":"closed","outcome":"open","detail":"connected after 2 ms"}]}"#,
        r#"{"probe":"network-policy","checks":[{"name":"allowed","target":"x","expected":"open","outcome":"perhaps"}]}"#,
        "not a result",
    ]
    .map(|message| Lines::of("prod/watch/pods", pod(message).as_bytes()));
    insta::assert_snapshot!(rows.join("--\n"));
}

#[test]
fn records_of_encryption_and_secrets_give_rows() {
    let rows = [
        Lines::of("prod/encryption/etcd", br#"{"record":"etcd_objects","scan_id":"s-1","scanned_at":"2026-11-23T09:00:00Z","api_group":"","resource":"secrets","objects":[{"namespace":"shop","name":"db","provider":"kms_v2","key_name":"vault","key_id":"k-1","key_id_hash":"ab","modified_revision":71},{"name":"x","provider":"identity","modified_revision":5},{"name":"y","provider":"unknown","modified_revision":6}]}"#),
        Lines::of("prod/encryption/etcd", br#"{"record":"etcd_scan","scan_id":"s-1","began_at":"2026-11-23T09:00:00Z","ended_at":"2026-11-23T09:00:01Z","api_group":"","resource":"secrets","revision":80,"objects":3}"#),
        Lines::of("prod/encryption/api-1", br#"{"record":"encryption_reading","read_at":"2026-11-23T09:00:00Z","api_server":"api-1","process_start":"2026-11-23T08:00:00Z","config_hash":"sha256:00","reloaded_at":null,"reload_failed_at":null,"operations_json":"[[\"secrets\",\"to_storage\",\"k8s:enc:aescbc:v1:\",\"OK\",4]]","key_ids_json":"[]"}"#),
        Lines::of("prod/encryption/cloud", br#"{"record":"cloud_description","read_at":"2026-11-23T09:00:00Z","content":"{\"cluster\":{\"name\":\"shop\",\"arn\":\"arn:aws:eks:eu-central-1:1:cluster/shop\",\"version\":\"1.31\"}}"}"#),
        Lines::of("prod/encryption/cloud", br#"{"record":"cloud_description","read_at":"2026-11-23T09:00:00Z","content":"{}"}"#),
        Lines::of("prod/encryption/etcd", br#"{"record":"etcd_objects","objects":[{"name":"x","provider":"rot13","modified_revision":5}]}"#),
        Lines::of("prod/encryption/etcd", br#"{"record":"guess"}"#),
        Lines::of("prod/watch/secrets", br#"{"type":"ADDED","group":"","version":"v1","resource":"secrets","object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"db","namespace":"shop","uid":"u","resourceVersion":"7","managedFields":[{"manager":"labels","time":"2026-11-23T09:30:00Z","fieldsV1":{"f:metadata":{"f:labels":{"f:a":{}}}}},{"manager":"vault","time":"2026-11-23T09:00:00Z","fieldsV1":{"f:data":{".":{},"f:password":{}}}}]}}}"#),
        Lines::of("prod/watch/externalsecrets.external-secrets.io", br#"{"type":"MODIFIED","group":"external-secrets.io","version":"v1","resource":"externalsecrets","object":{"kind":"ExternalSecret","apiVersion":"external-secrets.io/v1","metadata":{"name":"db","namespace":"shop","uid":"e","resourceVersion":"8"},"spec":{},"status":{"refreshTime":"2026-11-23T09:00:00Z","conditions":[{"type":"Ready","status":"True","reason":"SecretSynced","message":"m"}]}}}"#),
    ];
    insta::assert_snapshot!(rows.join("--\n"));
}

proptest! {
    #[test]
    fn any_bytes_of_any_source_give_rows_without_panic(
        class in proptest::sample::select(vec!["audit", "watch", "statements", "configuration", "evaluation", "people", "encryption", "other"]),
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), proptest::sample::select(b"{}[]\",:\\u0atfn1 ".to_vec())], 0..120),
    ) {
        let source = format!("prod/{class}/x");
        normalize::project(&entry(&source, &bytes), &mut Lines::default());
    }

    #[test]
    fn a_changed_byte_never_stops_a_row_or_its_fault(at in 0usize..600, byte in any::<u8>()) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/get-configmap.json");
        let mut raw = std::fs::read(file).unwrap();
        let at = at % raw.len();
        raw[at] = byte;
        prop_assert!(!Lines::of("prod/audit/api-1", &raw).is_empty());
    }
}
