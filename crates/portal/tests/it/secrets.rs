//! The pages about Secrets over a real store: objects as a watch writes them and audit events, sealed, projected, asked.

use std::sync::Arc;

use portal::{Live, Portal, PortalOptions, secrets};
use reports::Report;
use reports::secrets::{ManagerChoice, SecretQuery};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::NewEntry;

use crate::of_reports::sample;
use crate::watched::{Watched, alive, at, change, entry, page};
use crate::{client, signed_in};

const HOSTILE: &str = "x' OR '1'='1";

fn secret(name: &str, annotations: Value) -> Value {
    json!({"kind": "Secret", "metadata": {"name": name, "namespace": "shop", "annotations": annotations,
        "labels": if name == "managed" { json!({"reconcile.external-secrets.io/managed": "true"}) } else { json!({}) }}})
}

fn read(n: u32, user: &str, verb: &str, code: u32) -> NewEntry {
    let when = format!("2026-11-02T1{n}:00:00.000000Z");
    let event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": format!("r-{n}"), "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/shop/secrets/by-hand", "verb": verb, "user": {"username": user, "groups": ["system:authenticated"]},
        "sourceIPs": ["10.0.0.1"], "objectRef": {"resource": "secrets", "namespace": "shop", "name": "by-hand", "apiVersion": "v1"},
        "responseStatus": {"code": code}, "requestReceivedTimestamp": when, "stageTimestamp": when
    });
    entry("prod/audit/apiserver-1", &when, &event)
}

fn entries() -> Vec<NewEntry> {
    let start = "2026-11-01T00:00:00Z";
    let first = |resource: &str, object| change("prod", "ADDED", start, resource, object);
    let settings = json!({"kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"},
        "data": {"DATABASE_URL": "postgres://shop:hunter2-Zq81kPw0@db.shop:5432/shop"}});
    vec![
        first("namespaces", json!({"kind": "Namespace", "metadata": {"name": "shop"}})),
        first("secrets", secret("by-hand", json!({"plimsoll.dev/rotation": "daily"}))),
        first("secrets", secret("managed", json!({}))),
        first("secrets", secret("gone", json!({}))),
        first("configmaps", settings),
        change("prod", "DELETED", "2026-11-02T00:00:00Z", "secrets", secret("gone", json!({}))),
        alive("prod/watch/secrets", start, "2026-11-04T00:00:00Z"),
        read(1, "carol@example.com", "get", 200),
        // Refused, and no person.
        read(2, "carol@example.com", "get", 403),
        read(3, "system:serviceaccount:shop:web", "get", 200),
    ]
}

async fn watched() -> Watched {
    Watched::new(entries(), ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z")).await
}

#[tokio::test]
async fn the_overview_counts_what_the_tables_hold() {
    let Watched { session, window, folder: _folder, .. } = watched().await;
    let material = secrets::material(&session, window).await.unwrap();
    let [material] = material.as_slice() else { panic!("{material:?}") };
    assert_eq!((material.cluster.as_str(), material.total()), ("prod", 2));
    assert_eq!(material.managers[0].manager, None);
    assert_eq!((material.managers[0].secrets, material.managers[0].with_class), (1, 1));
    assert_eq!(material.managers[1].manager.as_deref(), Some("external-secrets"));
    let reads: Vec<(&str, &str)> = material.reads.iter().map(|read| (read.user.as_str(), read.name.as_str())).collect();
    assert_eq!((reads.as_slice(), material.reads_total), ([("carol@example.com", "by-hand")].as_slice(), 1));
    assert!(material.findings.iter().any(|row| row.object == "ConfigMap:shop/settings"), "{:?}", material.findings);
    assert!(!format!("{material:?}").contains("hunter2"), "a value is told");
    // Before it was deleted there was one more.
    let query = SecretQuery { at: Some(at("2026-11-01T12:00:00Z")), ..SecretQuery::default() };
    assert_eq!(secrets::secrets(&session, window, &query).await.unwrap().total(), 3);
}

#[tokio::test]
async fn secrets_pass_what_a_question_says_and_names_cannot_change_it() {
    let Watched { session, window, folder: _folder, .. } = watched().await;
    let found = async |query: SecretQuery| -> Vec<String> {
        let list = secrets::list(&session, window, query, 1, 1_000).await.unwrap();
        assert_eq!(list.rows.len() as u64, list.total);
        list.rows.iter().map(|row| row.posture.name.to_string()).collect()
    };
    assert_eq!(found(SecretQuery::default()).await, ["by-hand", "managed"]);
    let managed = |manager| SecretQuery { manager: Some(manager), ..SecretQuery::default() };
    assert_eq!(found(managed(ManagerChoice::Without)).await, ["by-hand"]);
    assert_eq!(found(managed(ManagerChoice::Named("external-secrets".into()))).await, ["managed"]);
    assert!(found(managed(ManagerChoice::Named(HOSTILE.into()))).await.is_empty());
    assert!(found(SecretQuery { namespace: HOSTILE.into(), ..SecretQuery::default() }).await.is_empty());
    let named = |name: &str| SecretQuery { namespace: "shop".into(), name: name.into(), ..SecretQuery::default() };
    let one = secrets::secret(&session, window, &named("by-hand")).await.unwrap().unwrap();
    assert_eq!(one.posture.rotation_class.as_deref(), Some("daily"));
    assert!(!one.history.is_empty() && !one.rotations.is_empty());
    assert!(secrets::secret(&session, window, &named("gone")).await.unwrap().is_none());
    assert!(secrets::secret(&session, window, &named(HOSTILE)).await.unwrap().is_none());
    assert!(secrets::secret(&session, window, &SecretQuery::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_portal_shows_them_live_without_scripts() {
    let Watched { session, window, reader, folder: _folder } = watched().await;
    let mut material = sample::material();
    material.secrets = secrets::material(&session, window).await.unwrap();
    secrets::add_secrets(&session, window, &mut material.secrets[0]).await.unwrap();
    assert_eq!(material.secrets[0].secrets.len(), 2);
    assert!(material.secrets[0].references().len() > 3);
    (material.window, material.evaluation.window_from, material.evaluation.window_to) =
        (window, window.from, window.to);
    let live = Arc::new(Live::new());
    live.show(Report::new(material).unwrap(), reader, session);
    let (client, portal) = (client(), Portal::start(PortalOptions::default(), live).await.unwrap());
    let cookie = signed_in(&client, &portal).await;
    for (path, holds) in [
        ("/secrets", "carol@example.com"),
        ("/secrets", "ConfigMap:shop/settings"),
        ("/secrets", "/secrets/list?manager=none"),
        ("/secrets?at=2026-11-01+12:00", "carol@example.com"),
        ("/secrets/list", "Secrets 1 to 2 of 2"),
        ("/secrets/list?at=2026-11-01+12:00", "Secrets 1 to 3 of 3"),
        ("/secrets/list?manager=none&namespace=shop", "/secrets/secret?namespace=shop&#38;name=by-hand"),
        ("/secrets/list?namespace=nowhere", "No Secret is known of namespace nowhere"),
        ("/secrets/secret?namespace=shop&name=by-hand", "; daily"),
        ("/secrets/secret?namespace=shop&name=by-hand", "/evidence/prod/watch/secrets/1"),
        ("/secrets/secrets.csv?manager=external-secrets", "managed"),
        ("/secrets/encryption.csv", "subject_kind"),
        ("/secrets/reads.csv", "carol@example.com"),
        ("/secrets/plaintext.csv", "ConfigMap:shop/settings"),
        ("/secrets/plaintext-in-logs.csv", "event_time"),
    ] {
        let (status, text) = page(&client, &portal, &cookie, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        assert!(text.contains(holds), "{path} does not hold {holds}: {text}");
        assert!(!text.contains("<script") && !text.contains("hunter2"), "{path}");
    }
    for (path, holds) in [
        ("/secrets?at=soon", "This is no time."),
        ("/secrets?at=2126-01-01", "Nothing is known of this time yet"),
        ("/secrets/list?cluster=nowhere", "Nothing is told of a cluster of this name."),
        ("/secrets/list?namespace=a%00b", "The question was not understood"),
        ("/secrets/secret?namespace=shop&name=by-hand&at=soon", "The question was not understood"),
        ("/secrets/secrets.csv?at=soon", "The question was not understood"),
    ] {
        let (status, text) = page(&client, &portal, &cookie, path).await;
        assert_eq!((status, text.contains(holds)), (StatusCode::BAD_REQUEST, true), "{path}: {text}");
    }
    for path in [
        "/secrets/list?page=0",
        "/secrets/list?page=99",
        "/secrets/list?page=x",
        "/secrets/nothing.csv",
        "/secrets/secret",
        "/secrets/secret?namespace=shop&name=gone",
    ] {
        assert_eq!(page(&client, &portal, &cookie, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(page(&client, &portal, "", "/secrets").await.0, StatusCode::UNAUTHORIZED);
    portal.stop().await.unwrap();
}
