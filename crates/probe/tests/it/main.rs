//! Dry runs against a real API server, guarded by each sort of guard and by none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use axum::{Json, Router, routing::post};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use e2e::server::HttpsServer;
use probe::outcome::Reading;
use probe::{Case, Expected, Level, Outcome, Prober, cases};
use records::table::{ColumnWriter, Row, TableSink};
use records::{EntryView, Timestamp};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);
const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// A namespace in which the identity may create pods and nothing else.
async fn namespace(plane: &ControlPlane, name: &str) -> Result<Identity> {
    let admin = plane.admin()?;
    plane.service_account(name, "default").await?;
    let probe = plane.service_account(name, "plimsoll-probe").await?;
    let manifest = probe::rights::manifest(name);
    plane.kubectl_with_input(&admin, &["apply", "-f", "-"], &manifest).await?.success()?;
    Ok(probe)
}

async fn prober(plane: &ControlPlane, identity: &Identity, namespace: &str) -> Result<Prober> {
    e2e::server::install_crypto();
    let kubeconfig = kube::config::Kubeconfig::read_from(plane.kubeconfig(identity)?)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(Prober::new(config, namespace)?)
}

async fn read(prober: &Prober, case: &Case) -> Result<(Reading, String)> {
    let answer = prober.ask(case).await?;
    Ok((answer.read(), answer.audit_id.unwrap()))
}

/// All results, once the first pod that must be refused has this outcome: guards work a moment after they were made.
async fn results(prober: &Prober, all: &[Case], first: Outcome) -> Result<BTreeMap<String, (Reading, String)>> {
    let wanted = all.iter().find(|case| case.expected == Expected::Refused).unwrap();
    e2e::wait::until("the guard works", SOON, || async {
        Ok((read(prober, wanted).await?.0.outcome == first).then_some(()))
    })
    .await?;
    let mut found = BTreeMap::new();
    for case in all {
        found.insert(case.name.clone(), read(prober, case).await?);
    }
    Ok(found)
}

async fn create(plane: &ControlPlane, path: &str, body: &Value) -> Result<()> {
    let answer = plane.request(&plane.admin()?, "POST", path, &[], Some(&body.to_string())).await?;
    anyhow::ensure!(answer.status == 201, "{}", answer.body);
    Ok(())
}

fn outcomes(results: &BTreeMap<String, (Reading, String)>) -> Vec<(&str, Outcome, Option<&str>)> {
    results.iter().map(|(name, (reading, _))| (name.as_str(), reading.outcome, reading.guard.as_deref())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pod_security_refuses_and_without_it_all_are_admitted() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let admin = plane.admin()?;
    let identity = namespace(&plane, "guarded").await?;
    let prober = prober(&plane, &identity, "guarded").await?;
    let all = cases::cases(Level::Restricted, "registry.k8s.io/pause:3.10");

    let unguarded = results(&prober, &all, Outcome::Admitted).await?;
    assert!(outcomes(&unguarded).iter().all(|(_, outcome, guard)| *outcome == Outcome::Admitted && guard.is_none()));

    for level in ["baseline", "restricted"] {
        let label = format!("pod-security.kubernetes.io/enforce={level}");
        plane.kubectl(&admin, &["label", "--overwrite", "namespace", "guarded", &label]).await?.success()?;
        let cases = cases::cases(if level == "baseline" { Level::Baseline } else { Level::Restricted }, "a/b:1");
        let guard = format!("pod_security:{level}:latest");
        let last = cases.last().unwrap();
        e2e::wait::until("the level", SOON, || async {
            Ok((read(&prober, last).await?.0.guard.as_deref() == Some(&*guard)).then_some(()))
        })
        .await?;
        let results = results(&prober, &cases, Outcome::Refused).await?;
        for (name, outcome, by) in outcomes(&results) {
            match name {
                "harmless" => assert_eq!((outcome, by), (Outcome::Admitted, None)),
                _ => assert_eq!((outcome, by), (Outcome::Refused, Some(&*guard)), "{name}"),
            }
        }
        told_by_audit_events(&plane, &results).await?;
    }
    let pods = plane.request(&admin, "GET", "/api/v1/pods", &[], None).await?.json()?;
    assert_eq!(pods["items"], json!([]), "a dry run stores nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_and_webhooks_are_told_by_name_and_rights_are_no_guard() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]);
    let own = json!({"matchLabels": {"kubernetes.io/metadata.name": "policy"}});
    let identity = namespace(&plane, "policy").await?;
    create(
        &plane,
        &format!("{ADMISSION}/validatingadmissionpolicies"),
        &json!({"metadata": {"name": "no-privileged"}, "spec": {
            "matchConstraints": {"resourceRules": rules},
            "validations": [{"expression": "object.spec.containers.all(c, !(c.?securityContext.privileged.orValue(false)))"}],
            "auditAnnotations": [{"key": "ran", "valueExpression": "'yes'"}],
        }}),
    )
    .await?;
    create(
        &plane,
        &format!("{ADMISSION}/validatingadmissionpolicybindings"),
        &json!({"metadata": {"name": "there"}, "spec": {
            "policyName": "no-privileged", "validationActions": ["Deny"], "matchResources": {"namespaceSelector": own},
        }}),
    )
    .await?;
    let all: Vec<Case> = cases::cases(Level::Baseline, "a/b:1")
        .into_iter()
        .filter(|case| ["harmless", "privileged"].contains(&case.name.as_str()))
        .collect();
    let by_policy = results(&prober(&plane, &identity, "policy").await?, &all, Outcome::Refused).await?;
    assert_eq!(
        outcomes(&by_policy),
        [
            ("harmless", Outcome::Admitted, None),
            ("privileged", Outcome::Refused, Some("validating_admission_policy:no-privileged/there")),
        ]
    );
    told_by_audit_events(&plane, &by_policy).await?;

    let deny = post(|Json(review): Json<Value>| async move {
        let privileged = review["request"]["object"]["spec"]["containers"][0]["securityContext"]["privileged"] == true;
        let response = json!({"uid": review["request"]["uid"], "allowed": !privileged, "status": {"message": "no"}});
        Json(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}))
    });
    let server = HttpsServer::start(Router::new().route("/x", deny), "webhook", None, None)?;
    let identity = namespace(&plane, "webhook").await?;
    let own = json!({"matchLabels": {"kubernetes.io/metadata.name": "webhook"}});
    let bundle = base64(server.authority_pem());
    create(
        &plane,
        &format!("{ADMISSION}/validatingwebhookconfigurations"),
        &json!({"metadata": {"name": "others"}, "webhooks": [{
            "name": "guard.example.com", "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1"], "rules": rules, "namespaceSelector": own,
            "clientConfig": {"url": format!("{}/x", server.url()), "caBundle": bundle},
        }]}),
    )
    .await?;
    let prober_of_webhook = prober(&plane, &identity, "webhook").await?;
    let by_webhook = results(&prober_of_webhook, &all, Outcome::Refused).await?;
    assert_eq!(
        outcomes(&by_webhook),
        [("harmless", Outcome::Admitted, None), ("privileged", Outcome::Refused, Some("webhook:guard.example.com"))]
    );
    told_by_audit_events(&plane, &by_webhook).await?;
    drop(server);
    let shut = results(&prober_of_webhook, &all, Outcome::NoAnswer).await?;
    assert!(
        outcomes(&shut).iter().all(|(_, outcome, guard)| {
            (*outcome, *guard) == (Outcome::NoAnswer, Some("webhook:guard.example.com"))
        })
    );
    told_by_audit_events(&plane, &shut).await?;

    // The rights are for one namespace only, and their absence is no refusal.
    let (elsewhere, _) = read(&prober(&plane, &identity, "policy").await?, &all[0]).await?;
    assert_eq!((elsewhere.outcome, elsewhere.guard), (Outcome::NoRights, None), "{}", elsewhere.message);
    // A pod that the API does not take is no refusal either.
    let broken = Case { pod: json!({"apiVersion": "v1", "kind": "Pod", "spec": {}}), ..all[1].clone() };
    let (reading, _) = read(&prober_of_webhook, &broken).await?;
    assert!(!matches!(reading.outcome, Outcome::Refused | Outcome::Admitted), "{reading:?}");
    Ok(())
}

/// Without another dependency for one certificate.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bytes = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        for place in 0..4 {
            let digit =
                if place > chunk.len() { '=' } else { char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63]) };
            out.push(digit);
        }
    }
    out
}

/// The same answers, by what the audit log says: `guard_decisions` of the events with these audit IDs.
async fn told_by_audit_events(plane: &ControlPlane, results: &BTreeMap<String, (Reading, String)>) -> Result<()> {
    for (name, (reading, audit_id)) in results {
        let complete = |event: &Value| event["auditID"] == **audit_id && event["stage"] == "ResponseComplete";
        let event = plane.audit_event(&format!("the event of {name}"), complete, SOON).await?;
        let text = event.to_string();
        let received_at: Timestamp = "2026-11-23T10:00:00Z".parse()?;
        let mut rows = Rows::default();
        let entry =
            EntryView { source: "c/audit/a", segment: 1, seq: 1, received_at, raw: text.as_bytes(), redacted: false };
        normalize::project(&entry, &mut rows);
        let wanted = match reading.outcome {
            Outcome::Refused => "deny",
            Outcome::NoAnswer => "failed_closed",
            // Whoever let it pass may have left a word.
            _ => {
                assert!(rows.0.iter().all(|row| row["verdict"] == "allow"), "{name}: {:?}", rows.0);
                continue;
            }
        };
        let guards: Vec<String> = rows.0.iter().filter(|row| row["verdict"] == wanted).map(shown).collect();
        assert_eq!(guards, [reading.guard.clone().unwrap()], "{name}: {event}");
    }
    Ok(())
}

fn shown(row: &BTreeMap<&str, String>) -> String {
    let binding = row.get("binding").map(|binding| format!("/{binding}")).unwrap_or_default();
    format!("{}:{}{binding}", row["guard"], row["policy"])
}

/// Rows of `guard_decisions` as texts by column.
#[derive(Default)]
struct Rows(Vec<BTreeMap<&'static str, String>>);

struct Cells(Vec<Option<String>>);

impl TableSink for Rows {
    fn append<'a, R: Row<'a>>(&mut self, row: &R) {
        if R::TABLE.name == "guard_decisions" {
            let mut cells = Cells(Vec::new());
            row.write(&mut cells);
            let columns = R::TABLE.columns.iter().map(|column| column.name);
            self.0.push(columns.zip(cells.0).filter_map(|(name, cell)| Some((name, cell?))).collect());
        }
    }
}

impl ColumnWriter for Cells {
    fn text(&mut self, value: Option<&str>) {
        self.0.push(value.map(str::to_owned));
    }
    fn integer(&mut self, value: Option<i64>) {
        self.0.push(value.map(|v| v.to_string()));
    }
    fn boolean(&mut self, value: Option<bool>) {
        self.0.push(value.map(|v| v.to_string()));
    }
    fn time(&mut self, value: Option<Timestamp>) {
        self.0.push(value.map(|v| v.to_string()));
    }
}

#[test]
fn dry_runs_are_all_that_can_be_sent() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sends = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for word in [
            "Request::get",
            "Request::put",
            "Request::patch",
            "Request::delete",
            "Request::builder",
            "Method::",
            "kube::Api",
        ] {
            assert!(!text.contains(word), "{word}");
        }
        sends += text.matches(".send(").count();
        assert_eq!(
            text.matches("Request::post(").count(),
            text.matches("pods?dryRun=All").count().saturating_sub(doc(&text))
        );
    }
    assert_eq!(sends, 1, "one place sends requests");
}

/// How often the documentation speaks of it.
fn doc(text: &str) -> usize {
    text.lines().filter(|line| line.trim_start().starts_with("//") && line.contains("pods?dryRun=All")).count()
}
