//! The program beside a real API server: the webhook with certificates of its own making, the negative probe, and what the control concludes from it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(120);
/// Where the probe is.
const PROBED: &str = "plimsoll-probe";

fn program() -> PathBuf {
    assert_cmd::cargo::cargo_bin("plimsoll")
}

/// What the program prints, with its exit code.
async fn told(arguments: &[&str]) -> Result<(String, Option<i32>)> {
    let output = tokio::process::Command::new(program()).args(arguments).stdin(Stdio::null()).output().await?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    Ok((String::from_utf8(output.stdout)?, output.status.code()))
}

/// Rows of a query, as texts.
async fn rows(store: &str, query: &str) -> Result<Vec<Vec<String>>> {
    let (text, code) = told(&["--store", store, "--format", "csv", "query", query]).await?;
    ensure!(code == Some(0), "{query}: {text}");
    Ok(text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect())
}

/// A running program, which ends with the test.
struct Running(Child);

impl Running {
    /// Starts it; gives it and the address of its webhook.
    fn start(store: &Path, configuration: &Path) -> Result<(Self, String)> {
        let mut command = Command::new(program());
        command.arg("--store").arg(store).arg("--config").arg(configuration).args([
            "run",
            "--roles",
            "admission,collect",
        ]);
        let mut own = Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
        let mut lines = BufReader::new(own.0.stdout.take().context("standard output is piped")?).lines();
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("admission webhook: ")));
        let line = line.context("the webhook was not started")??;
        // Whatever more it prints has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        let address = line.trim_start_matches("admission webhook: ").trim_end_matches("/admission").to_owned();
        Ok((own, address))
    }

    /// Ends it as an operator would.
    async fn stop(mut self) -> Result<()> {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), rustix::process::Signal::TERM)?;
        let ended = tokio::task::spawn_blocking(move || self.0.wait()).await??;
        ensure!(ended.success(), "it ended with {ended}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After an orderly end there is nothing to end.
        let _ = self.0.kill();
    }
}

/// Until this holds for what is covered of the namespaces.
async fn until_covered(store: &str, condition: &str) -> Result<()> {
    let query = format!("SELECT name FROM coverage WHERE name = 'prod/watch/namespaces' AND {condition}");
    e2e::wait::until(condition, SOON, || async { Ok((!rows(store, &query).await?.is_empty()).then_some(())) }).await
}

async fn apply(plane: &ControlPlane, manifest: &str) -> Result<()> {
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl_with_input(&plane.admin()?, &apply, manifest).await?.success()?;
    Ok(())
}

async fn printed(arguments: &[&str]) -> Result<String> {
    let (text, code) = told(arguments).await?;
    ensure!(code == Some(0), "{arguments:?}");
    Ok(text)
}

/// Asks as the probe does, until this is the answer.
async fn until_answered(plane: &ControlPlane, who: &Identity, status: u16, says: &str) -> Result<()> {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad"}, "spec": {
        "containers": [{"name": "a", "image": "a/b:1", "securityContext": {"privileged": true}}]}});
    let path = format!("/api/v1/namespaces/{PROBED}/pods?dryRun=All");
    e2e::wait::until(&format!("status {status}"), SOON, || async {
        let answer = plane.request(who, "POST", &path, &[], Some(&pod.to_string())).await?;
        Ok((answer.status == status && answer.body.contains(says)).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_finds_the_webhook_and_finds_it_missing() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let _keep = plane.keep_logs_if_panicking();
    let dir = tempfile::tempdir()?;
    let (store, configuration) = (dir.path().join("store"), dir.path().join("plimsoll.yaml"));

    // What an administrator does.
    apply(&plane, &printed(&["rbac"]).await?).await?;
    let collector = plane.service_account("plimsoll", "plimsoll-collector").await?;
    let webhook = plane.service_account("plimsoll", "plimsoll-admission").await?;
    plane.service_account(PROBED, "default").await?;
    let prober = plane.service_account(PROBED, "plimsoll-probe").await?;
    apply(&plane, &printed(&["admission", "probe", "--manifest"]).await?).await?;
    let text = json!({
        "cluster": "prod", "kubeconfig": plane.kubeconfig(&collector)?, "heartbeat_seconds": 1,
        "admission": {
            "listen": "127.0.0.1:0", "pod_security": "restricted", "drain_seconds": 0,
            "self_managed": {"names": ["127.0.0.1"], "kubeconfig": plane.kubeconfig(&webhook)?},
        },
    });
    std::fs::write(&configuration, text.to_string())?;
    let (running, address) = Running::start(&store, &configuration)?;
    let manifest = printed(&["admission", "manifest", "--self-managed", "--url", &address]).await?;
    apply(&plane, &manifest).await?;
    // The webhook enters its authority by itself, and then the API server trusts it.
    until_answered(&plane, &prober, 403, "denied the request").await?;

    let kubeconfig = plane.kubeconfig(&prober)?;
    let (store, kubeconfig) = (store.to_str().context("a path")?, kubeconfig.to_str().context("a path")?);
    // The window begins when the source that the control rests on is observed.
    let began = jiff::Timestamp::now();
    until_covered(store, &format!("covered_from <= TIMESTAMP '{began}' AND covered_to > TIMESTAMP '{began}'")).await?;
    let probe = ["--store", store, "--format", "json", "admission", "probe"];
    let probe = [&probe[..], &["--cluster", "prod", "--kubeconfig", kubeconfig, "--level", "restricted"]].concat();
    let (text, code) = told(&probe).await?;
    ensure!(code == Some(0), "{code:?}: {text}");
    let first = rows(store, "SELECT probe, expected, outcome, guard FROM admission_probes ORDER BY probed_at").await?;
    assert_eq!(first.len(), 12);
    assert_eq!(first[0], ["harmless", "admitted", "admitted", ""]);
    for row in &first[1..] {
        assert_eq!(row[1..], ["refused", "refused", "webhook:admission.plimsoll.dev"], "{row:?}");
    }
    // From the other side, each was a decision of the webhook.
    let decided = "SELECT verdict, count(*) AS n FROM admission_decisions WHERE dry_run AND name LIKE 'plimsoll-probe-%' GROUP BY verdict ORDER BY verdict";
    assert_eq!(rows(store, decided).await?, [["allow", "1"], ["deny", "11"]]);

    // Somebody takes the guard away; the next run finds it missing.
    let configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/plimsoll-admission";
    let answer = plane.request(&plane.admin()?, "DELETE", configurations, &[], None).await?;
    ensure!(answer.status == 200, "{}", answer.body);
    until_answered(&plane, &prober, 201, "").await?;
    let (text, code) = told(&probe).await?;
    ensure!(code == Some(1), "{code:?}: {text}");
    // Without rights nothing is tried, and nothing is concluded from it.
    let collector = plane.kubeconfig(&collector)?;
    let without: Vec<&str> = probe
        .iter()
        .map(|word| if *word == kubeconfig { collector.to_str().unwrap_or_default() } else { word })
        .collect();
    let (_, code) = told(&without).await?;
    assert_eq!(code, Some(2));
    // A run belongs to the window that goes on for a second after it.
    let ended = jiff::Timestamp::now() + Duration::from_millis(1100);
    until_covered(store, &format!("covered_to > TIMESTAMP '{ended}'")).await?;
    running.stop().await?;

    let window = ["--from", &began.to_string(), "--to", &ended.to_string()].map(str::to_owned);
    let evaluate = ["--store", store, "--format", "json", "evaluate", "--control", "AD-08"].map(str::to_owned);
    let evaluate: Vec<&str> = evaluate.iter().chain(&window).map(String::as_str).collect();
    let (text, code) = told(&evaluate).await?;
    ensure!(code == Some(0), "{text}");
    let records: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let result = records.iter().find(|record| record["record"] == "control_result").context("no result")?;
    assert_eq!(result["conclusion"], "deviations noted", "{result}");
    assert_eq!([&result["population"], &result["deviations"]], [&json!(2), &json!(1)], "{result}");
    let items = "SELECT verdict, reason FROM control_items WHERE control = 'AD-08' ORDER BY verdict";
    let items = rows(store, items).await?;
    assert_eq!(items[1], ["effective", "11 pods refused"]);
    ensure!(items[0][0] == "deviation" && items[0][1].starts_with("admitted what must be refused: "), "{items:?}");
    Ok(())
}
