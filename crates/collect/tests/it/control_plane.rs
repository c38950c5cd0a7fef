//! Collection from real control planes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use collect::ApiServer;
use e2e::control_plane::{Component, ControlPlane, ControlPlaneOptions};
use e2e::sink::AuditSink;
use records::Statement;
use store::NewEntry;

use crate::evidence::{Evidence, SOON};

const NAMESPACES: &str = "test/watch/namespaces";

fn names(entry: &crate::evidence::Entry, name: &str) -> bool {
    entry.json()["object"]["metadata"]["name"] == name
}

fn lists(evidence: &Evidence, source: &str) -> usize {
    evidence.of(source).iter().filter(|entry| entry.kind() == "LIST_END").count()
}

fn bytes_below(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return bytes_below(&path, needle);
        }
        std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_secrets_restart_and_compaction() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    let evidence = Evidence::new();
    let kinds: Vec<String> = collect::default_kinds().iter().map(ToString::to_string).collect();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let collector = evidence.collect(&kinds, plane.client(&admin).await?, vec![]).await;
    // Every default kind of Kubernetes 1.37 itself is served, listed and watched; those that come with what is installed are not served.
    const OWN: [&str; 8] = [
        "",
        "apps",
        "batch",
        "rbac.authorization.k8s.io",
        "networking.k8s.io",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "certificates.k8s.io",
    ];
    e2e::wait::until("all watches", SOON, || async {
        let status = collector.status();
        let settled = status.watches.iter().all(|watch| {
            let group = watch.source.detail().split_once('.').map_or("", |(_, group)| group);
            let own = OWN.contains(&group);
            let state =
                if own { collect::status::WatchState::Watching } else { collect::status::WatchState::NotServed };
            watch.state == state
        });
        Ok(settled.then_some(()))
    })
    .await
    .with_context(|| format!("{:#?}", collector.status()))?;

    plane.kubectl(&admin, &["create", "namespace", "watched"]).await?.success()?;
    evidence.entry("the namespace", NAMESPACES, |entry| entry.kind() == "ADDED" && names(entry, "watched")).await;

    // Client-side apply writes the value into an annotation, which a watch of metadata carries.
    let value = "cGxpbXNvbGwtdGVzdC1wYXNzd29yZA==";
    let secret = format!(
        r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"db","namespace":"watched"}},"data":{{"password":"{value}"}}}}"#
    );
    plane.kubectl_with_input(&admin, &["apply", "-f", "-"], &secret).await?.success()?;
    let seen =
        evidence.entry("the secret", "test/watch/secrets", |entry| entry.kind() == "ADDED" && names(entry, "db")).await;
    let object = &seen.json()["object"];
    assert_eq!(object["kind"], "PartialObjectMetadata");
    let applied = object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].as_str();
    assert!(applied.context("the annotation")?.contains("plimsoll:redacted:"));
    evidence
        .statement("alive", |s| matches!(s, Statement::Alive { subject, .. } if subject.as_str() == NAMESPACES))
        .await;
    collector.stop().await;

    // What happened while nobody looked comes after a restart, without a list.
    plane.kubectl(&admin, &["create", "namespace", "meanwhile"]).await?.success()?;
    let collector = evidence.collect(&["namespaces/v1", "secrets/v1"], plane.client(&admin).await?, vec![]).await;
    evidence.entry("what was missed", NAMESPACES, |entry| entry.kind() == "ADDED" && names(entry, "meanwhile")).await;
    evidence
        .statement("resumed", |s| matches!(s, Statement::Resumed { subject, .. } if subject.as_str() == NAMESPACES))
        .await;
    assert_eq!(lists(&evidence, NAMESPACES), 1);
    // Nothing is missing, of the kinds that are not served neither.
    let gaps: Vec<Statement> =
        evidence.statements().into_iter().filter(|s| matches!(s, Statement::Gap { .. })).collect();
    assert!(gaps.is_empty(), "{gaps:#?}");
    collector.stop().await;

    // After a compaction and a restart of the API server the old resourceVersion is gone: a gap and a list.
    plane.kubectl(&admin, &["create", "namespace", "forgotten"]).await?.success()?;
    plane.kubectl(&admin, &["create", "namespace", "later"]).await?.success()?;
    plane.stop(Component::Apiserver(0)).await?;
    plane.compact_etcd().await?;
    plane.start_again(Component::Apiserver(0)).await?;
    let collector = evidence.collect(&["namespaces/v1"], plane.client(&admin).await?, vec![]).await;
    let gap = evidence
        .statement("a gap", |s| matches!(s, Statement::Gap { subject, .. } if subject.as_str() == NAMESPACES))
        .await;
    let Statement::Gap { from, to, .. } = gap else { unreachable!() };
    assert!(from < to);
    evidence
        .entry("the second list's end", NAMESPACES, |entry| entry.kind() == "LIST_END" && entry.received_at >= to)
        .await;
    assert!(evidence.of(NAMESPACES).iter().any(|entry| entry.kind() == "LISTED" && names(entry, "forgotten")));

    // A live API server that restarts under the watch: resumed, nothing lost.
    plane.restart_apiserver(0).await?;
    plane.kubectl(&admin, &["create", "namespace", "after-restart"]).await?.success()?;
    evidence.entry("after the restart", NAMESPACES, |entry| names(entry, "after-restart")).await;
    collector.stop().await;

    evidence.store.seal()?;
    for needle in [value.as_bytes(), b"plimsoll-test-password"] {
        assert!(!evidence.entries().iter().any(|entry| entry.raw.windows(needle.len()).any(|w| w == needle)));
        assert!(!bytes_below(evidence.dir.path(), needle), "a secret's value is in the store");
    }
    Ok(())
}

const CERTIFICATES: &str = "test/watch/certificates.cert-manager.io";

const DEFINITION: &str = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
  "metadata":{"name":"certificates.cert-manager.io"},
  "spec":{"group":"cert-manager.io","scope":"Namespaced","names":{"plural":"certificates","singular":"certificate","kind":"Certificate","listKind":"CertificateList"},
    "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_comes_and_goes() -> Result<()> {
    const KINDS: [&str; 2] = ["customresourcedefinitions.apiextensions.k8s.io/v1", "certificates.cert-manager.io/v1"];
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    let evidence = Evidence::new();
    let gaps = || {
        let statements = evidence.statements().into_iter();
        let gaps = statements.filter_map(|s| match s {
            Statement::Gap { subject, reason, .. } if subject.as_str() == CERTIFICATES => Some(reason),
            _ => None,
        });
        gaps.collect::<Vec<String>>()
    };
    let absent = |entry: &crate::evidence::Entry| entry.kind() == "NOT_SERVED";
    let collector = evidence.collect(&KINDS, plane.client(&admin).await?, vec![]).await;
    evidence.entry("that it is not served", CERTIFICATES, absent).await;
    evidence
        .statement(
            "that it still is not",
            |s| matches!(s, Statement::NotServed { subject, .. } if subject.as_str() == CERTIFICATES),
        )
        .await;
    // A restart in between: the watch of definitions, which goes on, proves that there was nothing.
    collector.stop().await;
    let collector = evidence.collect(&KINDS, plane.client(&admin).await?, vec![]).await;
    evidence
        .statement("resumed", |s| {
            matches!(s, Statement::Resumed { subject, proof, .. } if subject.as_str() == CERTIFICATES && proof.contains("CustomResourceDefinitions"))
        })
        .await;
    assert_eq!(gaps(), Vec::<String>::new());

    // It is installed, and an object of it made as soon as that is possible.
    plane.kubectl_with_input(&admin, &["apply", "-f", "-"], DEFINITION).await?.success()?;
    let object = r#"{"apiVersion":"cert-manager.io/v1","kind":"Certificate","metadata":{"name":"web","namespace":"default"},"spec":{"secretName":"web"}}"#;
    e2e::wait::until("the object", SOON, || async {
        let made = plane.kubectl_with_input(&admin, &["apply", "-f", "-"], object).await?;
        Ok(made.success().is_ok().then_some(()))
    })
    .await?;
    evidence.entry("the object", CERTIFICATES, |entry| names(entry, "web")).await;
    assert_eq!(gaps(), ["the API server came to serve the kind; listed anew"]);

    // It is removed with all its objects.
    plane.kubectl(&admin, &["delete", "crd", "certificates.cert-manager.io"]).await?.success()?;
    e2e::wait::until("that it is no longer served", SOON, || async {
        Ok((evidence.of(CERTIFICATES).iter().filter(|entry| absent(entry)).count() == 3).then_some(()))
    })
    .await?;
    // Not seen is only what came between the end of the watch and the moment at which it was known to be gone.
    assert!(gaps()[1..].iter().all(|reason| reason.contains("does not serve the kind any more")), "{:?}", gaps());
    collector.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn config_maps_are_whole_and_nodes_are_metadata() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    let evidence = Evidence::new();
    let collector = evidence.collect(&["configmaps/v1", "nodes/v1"], plane.client(&admin).await?, vec![]).await;
    let value = "cGxpbXNvbGwtdGVzdC1wYXNzd29yZA==";
    let big = "x".repeat(900_000);
    let objects = format!(
        r#"{{"apiVersion":"v1","kind":"List","items":[
          {{"apiVersion":"v1","kind":"Node","metadata":{{"name":"node-1","labels":{{"node-role.kubernetes.io/control-plane":""}}}},"spec":{{"podCIDR":"10.9.0.0/24"}}}},
          {{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"big","namespace":"default"}},"data":{{"file":"{big}"}}}},
          {{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"settings","namespace":"default","annotations":{{
            "kubectl.kubernetes.io/last-applied-configuration":"{{\"kind\":\"Secret\",\"data\":{{\"password\":\"{value}\"}}}}"}}}},"data":{{"mode":"fast"}}}}]}}"#
    );
    plane.kubectl_with_input(&admin, &["create", "-f", "-"], &objects).await?.success()?;
    let node = evidence.entry("the node", "test/watch/nodes", |entry| names(entry, "node-1")).await;
    let object = &node.json()["object"];
    assert_eq!(
        (object["kind"].as_str(), object.get("spec"), object.get("status")),
        (Some("PartialObjectMetadata"), None, None)
    );
    assert_eq!(object["metadata"]["labels"]["node-role.kubernetes.io/control-plane"], "");
    let seen = evidence.entry("the ConfigMap", "test/watch/configmaps", |entry| names(entry, "settings")).await;
    assert_eq!(seen.json()["object"]["data"]["mode"], "fast");
    let seen = evidence.entry("the large ConfigMap", "test/watch/configmaps", |entry| names(entry, "big")).await;
    assert_eq!(seen.json()["object"]["data"]["file"].as_str().map(str::len), Some(big.len()));
    collector.stop().await;
    let held = |entry: &crate::evidence::Entry| entry.raw.windows(value.len()).any(|w| w == value.as_bytes());
    assert!(!evidence.entries().iter().any(held), "the value of a Secret within a ConfigMap is in the store");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_balance_and_canaries_come_back() -> Result<()> {
    let sink = AuditSink::start()?;
    let plane =
        ControlPlane::start(ControlPlaneOptions { audit_webhooks: vec![sink.webhook()], ..Default::default() }).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    // Least privilege: the manifest is what the collector runs with, and all that an administrator has to apply.
    let manifest = collect::rbac_manifest(&collect::default_kinds(), "plimsoll");
    plane.kubectl_with_input(&admin, &["apply", "-f", "-"], &manifest).await?.success()?;
    let identity = plane.service_account("plimsoll", "plimsoll-collector").await?;
    let evidence = Evidence::new();
    let server = ApiServer {
        name: "a1".into(),
        client: plane.client(&identity).await?,
        audit_policy_file: None,
        authentication_configuration_file: None,
    };
    let collector =
        evidence.collect(&["namespaces/v1", "secrets/v1"], plane.client(&identity).await?, vec![server]).await;
    let sent = evidence.statement("a canary", |s| matches!(s, Statement::CanarySent { status: 200, .. })).await;
    let Statement::CanarySent { audit_id, .. } = sent else { unreachable!() };
    let event = sink.event("the canary's event", |event| event["auditID"] == audit_id.as_str(), SOON).await?;
    assert_eq!((event["verb"].as_str(), event["objectRef"]["name"].as_str()), (Some("get"), Some("kube-system")));

    // The sink's events become entries of the audit source; then a reading shows that all arrived.
    let audit: records::SourceName = "test/audit/a1".parse()?;
    let mut stored = 0;
    e2e::wait::until("the counters to balance", SOON, || {
        let events = sink.events();
        let fresh: Vec<NewEntry> = events.map(|events| events[stored..].iter().map(|event| NewEntry {
            source: audit.clone(), received_at: collect::Clock::system().now(), bytes: event.to_string().into_bytes(), redaction: None,
        }).collect()).unwrap_or_default();
        stored += fresh.len();
        let appended = if fresh.is_empty() { Ok(()) } else { evidence.store.append(fresh).map(drop) };
        let balanced = evidence.statements().into_iter().any(|s| matches!(s, Statement::Balance { event_total, received, error_webhook: 0, error_buffered: 0, .. } if event_total == received && received > 10));
        async move {
            appended?;
            Ok(balanced.then_some(()))
        }
    })
    .await?;
    // `received` is read first, so it never runs ahead of the counter.
    for statement in evidence.statements() {
        if let Statement::Balance { event_total, received, .. } = statement {
            assert!(received <= event_total, "{received} {event_total}");
        }
    }
    let clock = evidence.statement("a clock", |s| matches!(s, Statement::Clock { .. })).await;
    let Statement::Clock { skew_micros, uncertainty_micros, .. } = clock else { unreachable!() };
    assert!(skew_micros.abs() <= uncertainty_micros, "one machine has one clock: {skew_micros} {uncertainty_micros}");
    assert!(uncertainty_micros >= i64::try_from(Duration::from_millis(500).as_micros())?);
    collector.stop().await;
    Ok(())
}
