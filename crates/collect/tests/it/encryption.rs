//! Scans of a real etcd behind a real API server, and what the API server counts.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use collect::{ApiServer, Clock, EtcdAddress, EtcdScan, EtcdScanner};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::kms::Kms;
use serde_json::{Value, json};

use crate::evidence::{Evidence, SOON};

const VALUE: &str = "plimsoll-test-password";

/// A configuration that writes Secrets with the first of these providers and reads all.
fn configuration(providers: &[Value]) -> String {
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": providers}],
    })
    .to_string()
}

fn local(provider: &str, name: &str) -> Value {
    let secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    json!({provider: {"keys": [{"name": name, "secret": secret}]}})
}

async fn secret(plane: &ControlPlane, name: &str) -> Result<()> {
    let admin = plane.admin()?;
    let literal = format!("--from-literal=password={VALUE}");
    plane.kubectl(&admin, &["create", "secret", "generic", name, &literal]).await?.success()?;
    Ok(())
}

fn scanner(url: &str) -> EtcdScanner {
    let address = EtcdAddress { url: url.parse().unwrap(), authority: None, certificate: None, private_key: None };
    EtcdScanner::new(&address, "/registry", Clock::system()).unwrap()
}

async fn scan(plane: &ControlPlane) -> Result<EtcdScan> {
    let scan = scanner(&plane.etcd_url()).scan(&"secrets".parse()?).await?;
    // Whatever is stored how, nothing of a value is in what goes on.
    for entry in scan.entries() {
        let text = String::from_utf8(entry)?;
        assert!(!text.contains(VALUE) && !text.contains("cGxpbXNvbGwtdGVzdC1wYXNzd29yZA"), "{text}");
    }
    Ok(scan)
}

/// Provider and key of the Secrets in the namespace `default`.
fn forms(scan: &EtcdScan) -> BTreeMap<&str, String> {
    let of_default = scan.objects.iter().filter(|object| object.namespace.as_deref() == Some("default"));
    of_default
        .map(|object| {
            let form = &object.form;
            let text = |text: &Option<String>| text.as_ref().map_or_else(String::new, |text| format!(" {text}"));
            (object.name.as_str(), format!("{}{}{}", form.provider.as_str(), text(&form.key_name), text(&form.key_id)))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_provider_is_told_and_a_migration_shows() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("kms").tempdir_in("/tmp")?;
    let kms = Kms::start(folder.path(), "key-1").await?;
    let identity = json!({"identity": {}});
    let vault = json!({"kms": {"apiVersion": "v2", "name": "vault", "endpoint": kms.endpoint(), "timeout": "5s"}});
    let rotation = [local("aescbc", "key1"), local("aesgcm", "key2"), local("secretbox", "sb1"), vault];
    let plane = ControlPlane::start(ControlPlaneOptions {
        encryption: Some(configuration(std::slice::from_ref(&identity))),
        controller_manager: true,
        ..Default::default()
    })
    .await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    let evidence = Evidence::new();
    let server = || async {
        anyhow::Ok(ApiServer {
            name: "a1".into(),
            client: plane.client(&admin).await?,
            audit_policy_file: None,
            authentication_configuration_file: None,
        })
    };
    let collector = evidence.collect(&["namespaces/v1"], plane.client(&admin).await?, vec![server().await?]).await;
    let counts = |prefix: &'static str| {
        move |entry: &crate::evidence::Entry| {
            let operations: Value = serde_json::from_str(entry.json()["operations_json"].as_str().unwrap()).unwrap();
            operations.as_array().unwrap().iter().any(|o| o[0] == "secrets" && o[1] == "to_storage" && o[2] == prefix)
        }
    };

    secret(&plane, "s0-identity").await?;
    // Writes in the clear have the empty prefix; only reads are counted under the provider's name.
    evidence.entry("a write in the clear", "test/encryption/a1", counts("")).await;
    let clear = scan(&plane).await?;
    assert_eq!(forms(&clear), [("s0-identity", "identity".to_owned())].into());
    // One page or many: the same.
    assert!(clear.revision > 0 && clear.objects.iter().all(|object| object.modified_revision <= clear.revision));

    // Each provider writes in its turn; all read.
    let names = ["s1-aescbc", "s2-aesgcm", "s3-secretbox", "s4-kms"];
    for (first, name) in names.iter().enumerate() {
        let mut providers = rotation.to_vec();
        providers.rotate_left(first);
        providers.push(identity.clone());
        std::fs::write(plane.folder().join("encryption.yaml"), configuration(&providers))?;
        plane.restart_apiserver(0).await?;
        secret(&plane, name).await?;
    }
    evidence.entry("writes by KMS", "test/encryption/a1", counts("k8s:enc:kms:v2:vault:")).await;
    let mixed = scan(&plane).await?;
    let expected: BTreeMap<&str, String> = [
        ("s0-identity", "identity"),
        ("s1-aescbc", "aescbc key1"),
        ("s2-aesgcm", "aesgcm key2"),
        ("s3-secretbox", "secretbox sb1"),
        ("s4-kms", "kms_v2 vault key-1"),
    ]
    .map(|(name, form)| (name, form.to_owned()))
    .into();
    assert_eq!(forms(&mixed), expected);

    // The last reading tells the configuration by its hash, and the key by the hash of its identifier.
    let entries = evidence.of("test/encryption/a1");
    let reading = entries.last().context("a reading")?.json();
    assert!(reading["config_hash"].as_str().context("a hash")?.starts_with("sha256:"), "{reading}");
    let with_key = evidence
        .entry("the key's hash", "test/encryption/a1", |entry| entry.json()["key_ids_json"] != "[]")
        .await
        .json();
    let of_scan = mixed.objects.iter().find(|o| o.name == "s4-kms").and_then(|o| o.form.key_id_hash.clone());
    let hash = of_scan.context("the key's hash by the scan")?;
    assert!(with_key["key_ids_json"].as_str().context("text")?.contains(&hash), "{hash} {with_key}");
    collector.stop().await;

    // After a migration all are stored with the first provider.
    let migration = json!({
        "apiVersion": "storagemigration.k8s.io/v1", "kind": "StorageVersionMigration",
        "metadata": {"name": "secrets"}, "spec": {"resource": {"group": "", "resource": "secrets"}},
    });
    plane.kubectl_with_input(&admin, &["create", "-f", "-"], &migration.to_string()).await?.success()?;
    let migrated = e2e::wait::until("the migration", SOON * 2, || async {
        let scan = scan(&plane).await?;
        let all = scan.objects.iter().all(|object| object.form.key_id.as_deref() == Some("key-1"));
        Ok(all.then_some(scan))
    })
    .await?;
    assert_eq!(forms(&migrated).len(), 5);
    assert!(migrated.revision > mixed.revision);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_objects_come_in_pages_of_one_revision() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    let list: Vec<Value> = (0..250)
        .map(|number| {
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("s{number:03}"), "namespace": "default"},
                "stringData": {"password": VALUE}})
        })
        .collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": list}).to_string();
    plane.kubectl_with_input(&admin, &["create", "-f", "-"], &list).await?.success()?;
    let whole = scan(&plane).await?;
    assert_eq!(forms(&whole).len(), 250);
    assert!(forms(&whole).values().all(|form| form == "identity"));
    assert_eq!(whole.entries().len(), 2);
    let nothing = scanner(&plane.etcd_url()).scan(&"certificates.cert-manager.io".parse()?).await?;
    assert_eq!((nothing.objects.len(), nothing.entries().len()), (0, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_etcd_is_told() -> Result<()> {
    let server = crate::scripted::ScriptedServer::start().await;
    let address = server.address();
    let error = scanner(&address).scan(&"secrets".parse()?).await.unwrap_err();
    assert!(matches!(error, collect::ScanError::Refused { .. } | collect::ScanError::Page(_)), "{error:?}");
    let nobody = format!("http://127.0.0.1:{}", e2e::port::free()?);
    assert!(matches!(scanner(&nobody).scan(&"secrets".parse()?).await, Err(collect::ScanError::Request(_))));
    Ok(())
}
