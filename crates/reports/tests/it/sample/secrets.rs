//! Secrets at the end of the quarter: kept well and badly, encrypted from some day on, read by a person, and credentials where they should not be.

use records::Timestamp;
use records::table::Provenance;
use records::tables::encryption::EncryptionState;
use records::tables::plaintext::{PlaintextFinding, PlaintextInLog};
use records::tables::secrets::{SecretPosture, SecretReaders, SecretRotation};
use reports::SecretsMaterial;
use reports::secrets::{ManagerCount, SecretMaterial, SecretRead};

use super::at;

fn of(source: &'static str, seq: i64) -> Provenance<'static> {
    Provenance { cluster: "prod".into(), source: source.into(), segment: 710, seq, normaliser_version: 1 }
}

const START: &str = "2026-07-14T08:00:00Z";
const ENCRYPTED: &str = "2026-08-20T09:30:00Z";

fn encryption(
    kind: &'static str,
    subject: &'static str,
    (from, to): (&str, Option<&str>),
    encrypted: Option<bool>,
    detail: &'static str,
) -> EncryptionState<'static> {
    EncryptionState {
        provenance: of("prod/encryption/apiserver-1", 60),
        subject_kind: kind.into(),
        subject: subject.into(),
        api_group: "".into(),
        resource: "secrets".into(),
        namespace: None,
        name: None,
        valid_from: at(from),
        valid_to: to.map(at),
        encrypted,
        provider: encrypted.map(|encrypted| if encrypted { "kms_v2" } else { "identity" }.into()),
        key: None,
        basis: if encrypted.is_none() {
            "nothing"
        } else if kind == "stored" {
            "etcd_scan"
        } else {
            "metrics"
        }
        .into(),
        config_hash: None,
        config_differs: Some(false),
        detail: detail.into(),
    }
}

fn posture(
    namespace: &'static str,
    name: &'static str,
    manager: Option<&'static str>,
    n: i64,
) -> SecretPosture<'static> {
    SecretPosture {
        provenance: of("prod/watch/secrets", 70 + n),
        secret_id: format!("{n:064x}").into(),
        valid_from: at(START),
        valid_to: None,
        namespace: namespace.into(),
        name: name.into(),
        secret_type: Some("Opaque".into()),
        manager: manager.map(Into::into),
        manager_object: manager.map(|_| format!("ExternalSecret:{namespace}/{name}").into()),
        refresh: manager.map(|_| "periodic".into()),
        refresh_seconds: manager.map(|_| 3_600),
        synced: manager.map(|_| n != 2),
        refreshed_at: manager.map(|_| at("2026-10-31T23:10:00Z")),
        content_changed_at: (n != 3).then(|| at("2026-07-20T00:00:00Z")),
        content_changed_basis: (n != 3).then(|| if n == 1 { "content_hash" } else { "managed_fields" }.into()),
        rotation_class: match n {
            1 => Some("monthly".into()),
            2 => Some("yearly".into()),
            3 => Some("daily".into()),
            _ => None,
        },
        encrypted: if n == 3 { None } else { Some(n != 4) },
        encryption_provider: Some("kms_v2".into()),
        encryption_key: Some("kms sha256:0f12".into()),
        encryption_seen_from: Some(at(ENCRYPTED)),
        certificate_not_after: (n == 2).then(|| at("2027-01-14T00:00:00Z")),
    }
}

fn readers(namespace: &'static str, name: Option<&'static str>, number: i64) -> SecretReaders<'static> {
    SecretReaders {
        provenance: of("prod/watch/clusterrolebindings.rbac.authorization.k8s.io", 80),
        namespace: namespace.into(),
        name: name.map(Into::into),
        valid_from: at(START),
        valid_to: None,
        readers: number,
        readers_digest: "00".into(),
        readers_json: r#"["Group:kubeadm:cluster-admins","ServiceAccount:shop/web"]"#.into(),
    }
}

fn rotation(n: i64, from: Option<&str>, to: Option<&str>) -> SecretRotation<'static> {
    SecretRotation {
        provenance: of("prod/watch/secrets", 90 + n),
        rotation_id: format!("{n:032x}").into(),
        secret_id: format!("{:064x}", 1).into(),
        namespace: "shop".into(),
        name: "db".into(),
        secret_type: Some("Opaque".into()),
        manager: Some("external-secrets".into()),
        rotation_class: Some("monthly".into()),
        content_from: from.map(at),
        content_from_basis: from.map(|_| "content_hash".into()),
        observed_at: at(START),
        content_to: to.map(at),
        ended_by: to.map(|_| "replaced".into()),
    }
}

fn secrets() -> Vec<SecretMaterial> {
    let one = |posture, readers, named_readers| SecretMaterial {
        posture,
        history: Vec::new(),
        rotations: Vec::new(),
        readers,
        named_readers,
    };
    let mut managed = one(
        posture("shop", "db", Some("external-secrets"), 1),
        Some(readers("shop", None, 61)),
        Some(readers("shop", Some("db"), 2)),
    );
    managed.history = vec![posture("shop", "db", Some("external-secrets"), 1)];
    managed.rotations =
        vec![rotation(2, Some("2026-07-20T00:00:00Z"), None), rotation(1, None, Some("2026-07-20T00:00:00Z"))];
    vec![
        one(posture("dev-a", "by-hand", None, 4), None, None),
        one(posture("payments", "api-key", None, 3), Some(readers("payments", None, 2)), None),
        managed,
        one(posture("shop", "tls", Some("external-secrets"), 2), Some(readers("shop", None, 61)), None),
    ]
}

pub(crate) fn material() -> Vec<SecretsMaterial> {
    let mut material = SecretsMaterial::empty(vec!["prod".into()], "prod".into(), None, Timestamp::MAX);
    material.encryption = vec![
        encryption("api_server", "apiserver-1", (START, Some(ENCRYPTED)), Some(false), "identity is first"),
        encryption("api_server", "apiserver-1", (ENCRYPTED, None), Some(true), "writes are encrypted"),
        encryption("api_server", "apiserver-2", (START, None), None, "no reading in time"),
        encryption(
            "stored",
            "etcd",
            ("2026-08-01T03:00:00Z", Some("2026-08-25T03:00:00Z")),
            Some(false),
            "3 of 4 in the clear",
        ),
        encryption("stored", "etcd", ("2026-08-25T03:00:00Z", None), Some(true), "all of 4"),
    ];
    material.managers = vec![
        ManagerCount { manager: None, secrets: 2, with_class: 1, in_the_clear: 1, ..ManagerCount::default() },
        ManagerCount {
            manager: Some("external-secrets".to_owned()),
            secrets: 2,
            not_synced: 1,
            with_class: 2,
            encrypted: 2,
            ..ManagerCount::default()
        },
    ];
    material.reads = vec![
        SecretRead {
            at: at("2026-10-12T14:02:11Z"),
            user: "carol@example.com".to_owned(),
            impersonated: "system:admin".to_owned(),
            verb: "get".to_owned(),
            namespace: "payments".to_owned(),
            name: "api-key".to_owned(),
            provenance: of("prod/audit/apiserver-1", 100),
        },
        SecretRead {
            at: at("2026-09-01T08:00:00Z"),
            user: "dana@example.com".to_owned(),
            impersonated: String::new(),
            verb: "list".to_owned(),
            namespace: String::new(),
            name: String::new(),
            provenance: of("prod/audit/apiserver-1", 101),
        },
    ];
    material.reads_total = 2;
    material.findings = vec![PlaintextFinding {
        provenance: of("prod/watch/configmaps", 110),
        finding_id: "f1".into(),
        valid_from: at("2026-09-09T09:09:09Z"),
        valid_to: None,
        object: "ConfigMap:shop/settings".into(),
        api_group: "".into(),
        resource: "configmaps".into(),
        uid: "u".into(),
        namespace: Some("shop".into()),
        controlled_by: None,
        kind: "url-with-password".into(),
        place: "data.DATABASE_URL".into(),
        of_template: false,
        digest: Some("9d3c5b1e0f2a48617788990a1b2c3d4e".into()),
    }];
    material.findings_total = 1;
    material.in_logs = vec![PlaintextInLog {
        provenance: of("prod/audit/apiserver-1", 120),
        event_time: at("2026-10-02T10:00:00Z"),
        audit_id: Some("5f5b2a0e-3c1d-4b6e-9a59-000000000001".into()),
        number: 1,
        kind: "replaced-before-writing".into(),
        place: "requestObject.data.***".into(),
        digest: None,
        more: 3,
        source_class: "audit".into(),
        namespace: None,
        pod: None,
        container: None,
        stream: None,
        file: None,
        file_byte: None,
        line: None,
    }];
    material.in_logs.push(PlaintextInLog {
        provenance: of("prod/logs/node-1", 7),
        event_time: at("2026-10-01T10:00:00Z"),
        audit_id: None,
        number: 1,
        kind: "named-password".into(),
        place: "byte 16".into(),
        digest: Some("9d3c5b1e0f2a48617788990a1b2c3d4e".into()),
        more: 0,
        source_class: "logs".into(),
        namespace: Some("shop".into()),
        pod: Some("web-1".into()),
        container: Some("app".into()),
        stream: Some("stderr".into()),
        file: Some("shop_web-1_u/app/0.log".into()),
        file_byte: Some(4711),
        line: None,
    });
    material.in_logs_total = 2;
    material.secrets = secrets();
    vec![material]
}
