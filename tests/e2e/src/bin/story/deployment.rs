//! Plimsoll beside the cluster: its configuration, its process, and what it is asked.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::stage::{POLICY, Stage};

/// The period that is evaluated, RFC 3339.
pub(crate) struct Window {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// A running Plimsoll.
pub(crate) struct Deployment {
    program: PathBuf,
    dir: PathBuf,
    /// Removes the folder at the end when it is ours.
    _temporary: Option<tempfile::TempDir>,
    process: Option<Child>,
    login: Option<String>,
    /// Whether the cluster's audit log reaches it.
    audited: bool,
}

/// What the admission webhook holds requests against: images of one registry, with an exception that a colleague of its owner approved.
const POLICIES: &str = "\
apiVersion: plimsoll.dev/v1alpha1
kind: Policy
metadata: {name: own-registry}
spec: {rule: trusted-registries, parameters: {repositories: ['registry.example.test/**']}}
---
apiVersion: plimsoll.dev/v1alpha1
kind: PolicyException
metadata: {name: debug-tools}
spec:
  policies: [own-registry]
  scope: {namespaces: [shop], names: [debug-*]}
  owner: alice@example.test
  approver: carol@example.test
  reason: the tools are not mirrored yet
  expires: 2099-01-01T00:00:00Z
";

const READY: Duration = Duration::from_secs(60);
const SETTLED: Duration = Duration::from_secs(180);

impl Deployment {
    /// Writes the configuration and starts the program.
    pub(crate) async fn start(stage: &Stage, dir: Option<&Path>) -> Result<Self> {
        let (dir, temporary) = match dir {
            Some(dir) => {
                std::fs::create_dir_all(dir)?;
                (dir.canonicalize()?, None)
            }
            None => {
                let temporary = tempfile::tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        configure(stage, &dir)?;
        let program = std::env::current_exe()?.with_file_name("plimsoll");
        ensure!(program.is_file(), "{} is not built; run `cargo xtask up`", program.display());
        let audited = stage.is_local();
        let mut deployment = Self { program, dir, _temporary: temporary, process: None, login: None, audited };
        deployment.restart().await?;
        Ok(deployment)
    }

    /// Where everything is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--store")
            .arg(self.dir.join("store"))
            .arg("--config")
            .arg(self.dir.join("plimsoll.yaml"))
            .kill_on_drop(true);
        command
    }

    /// Starts the program (again) and waits until it says that it is ready.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        eprintln!("-- starting plimsoll run");
        let mut process =
            self.command().arg("run").stdout(Stdio::piped()).spawn().context("failed to start plimsoll")?;
        let mut lines = BufReader::new(process.stdout.take().expect("standard output is piped")).lines();
        let ready = tokio::time::timeout(READY, async {
            while let Some(line) = lines.next_line().await? {
                eprintln!("   {line}");
                if let Some(login) = line.strip_prefix("portal: ") {
                    return Ok(Some(login.to_owned()));
                }
            }
            anyhow::Ok(None)
        })
        .await
        .context("plimsoll run was not ready within 60 s")??;
        ensure!(ready.is_some(), "plimsoll run ended before it was ready");
        self.login = ready;
        self.process = Some(process);
        // Its later output must be read, or it would block.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("   {line}");
            }
        });
        Ok(())
    }

    /// Ends the program in order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let pid = process.id().context("plimsoll run ended by itself")?;
        let asked = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status()?;
        ensure!(asked.success(), "failed to ask plimsoll (process {pid}) to stop");
        let status = tokio::time::timeout(Duration::from_secs(30), process.wait())
            .await
            .context("plimsoll run did not stop within 30 s")??;
        ensure!(status.success(), "plimsoll run ended with {status}");
        Ok(())
    }

    /// The portal's one-time login link.
    pub(crate) fn fresh_login(&self) -> Result<&str> {
        self.login.as_deref().context("plimsoll run printed no login link")
    }

    async fn ask(&self, words: &[&str]) -> Result<String> {
        let output = self.command().args(words).output().await?;
        if !matches!(output.status.code(), Some(0 | 1)) {
            bail!("plimsoll {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The configuration of the admission webhook, which lets requests in while the webhook is down.
    pub(crate) async fn admission_manifest(&self, port: u16) -> Result<String> {
        let authority = self.dir.join("authority.crt");
        let authority = authority.to_str().context("the folder's path is not UTF-8")?;
        let url = format!("https://127.0.0.1:{port}");
        self.ask(&["admission", "manifest", "--authority", authority, "--url", &url, "--fail-open"]).await
    }

    /// Hands in a reading of the list of approvals.
    pub(crate) async fn import_approvals(&self, lines: &[String]) -> Result<()> {
        let header = "approval,approver,approved_at,requested_by,user,verbs,resource,name".to_owned();
        let file = self.dir.join("approvals.csv");
        let text: Vec<String> = std::iter::once(header).chain(lines.iter().cloned()).collect();
        std::fs::write(&file, text.join("\n") + "\n")?;
        let file = file.to_str().context("the folder's path is not UTF-8")?;
        self.ask(&["approvals", "import", "--source", "local/approvals/tickets", file]).await?;
        Ok(())
    }

    /// The rows of a query, as JSON objects.
    pub(crate) async fn query(&self, sql: &str) -> Result<Vec<Value>> {
        let text = self.ask(&["--format", "json", "query", sql]).await?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    async fn wait_for_rows(&self, what: &str, sql: &str, limit: Duration) -> Result<Vec<Value>> {
        e2e::wait::until(what, limit, || async {
            let rows = self.query(sql).await?;
            Ok((!rows.is_empty()).then_some(rows))
        })
        .await
    }

    /// Waits until every watched kind is covered at an instant after `since`.
    pub(crate) async fn wait_until_observed_since(&self, since: jiff::Timestamp) -> Result<()> {
        let sql = format!(
            "SELECT count(*) AS n FROM statements WHERE statement = 'alive' AND at >= TIMESTAMP '{}' HAVING count(DISTINCT subject) >= 15",
            plain(since)
        );
        self.wait_for_rows("all watches to be alive", &sql, READY).await?;
        Ok(())
    }

    /// Waits until an object has been observed.
    pub(crate) async fn wait_for_object(&self, resource: &str, name: &str) -> Result<()> {
        let resource = resource.split('.').next().unwrap_or(resource);
        let sql =
            format!("SELECT name FROM object_observations WHERE resource = '{resource}' AND name = '{name}' LIMIT 1");
        self.wait_for_rows(&format!("{resource}/{name} to be observed"), &sql, READY).await?;
        Ok(())
    }

    /// Waits until an object's newest observation has, or has not, a text in its body.
    pub(crate) async fn wait_for_objects_like(&self, resource: &str, name: &str, like: &str, has: bool) -> Result<()> {
        let not = if has { "" } else { "NOT " };
        let sql = format!(
            "SELECT o.seq FROM object_observations o JOIN (SELECT max(seq) AS seq FROM object_observations WHERE resource = '{resource}' AND name = '{name}') l ON o.seq = l.seq WHERE o.resource = '{resource}' AND o.name = '{name}' AND o.body_json {not}LIKE '{like}'"
        );
        self.wait_for_rows(&format!("{resource}/{name} to change"), &sql, READY).await?;
        Ok(())
    }

    /// The window from `from` up to an instant that all sources cover: watches, and the audit log where one reaches us.
    pub(crate) async fn window(&self, from: jiff::Timestamp) -> Result<Window> {
        let to = jiff::Timestamp::now();
        let class = if self.audited { "audit" } else { "watch" };
        let covered = format!("SELECT name FROM coverage WHERE name LIKE '%/{class}/%'");
        let everything = format!(
            "SELECT s.name FROM sources s LEFT JOIN (SELECT name, max(covered_to) AS covered_to FROM coverage GROUP BY name) c ON c.name = s.name WHERE s.class IN ('watch', 'audit', 'admission') AND (c.covered_to IS NULL OR c.covered_to < TIMESTAMP '{}')",
            plain(to)
        );
        e2e::wait::until("every source to be covered to the window's end", SETTLED, || async {
            let seen = self.query(&covered).await?;
            let missing = self.query(&everything).await?;
            Ok((!seen.is_empty() && missing.is_empty()).then_some(()))
        })
        .await?;
        Ok(Window { from: from.to_string(), to: to.to_string() })
    }

    /// Evaluates the whole catalogue; the rows of `control_results` and their items.
    pub(crate) async fn evaluate(&self, window: &Window) -> Result<Vec<Value>> {
        eprintln!("-- evaluating the window {} to {}", window.from, window.to);
        let text = self.ask(&["evaluate", "--from", &window.from, "--to", &window.to]).await?;
        println!("{text}");
        let text = self
            .ask(&["--format", "json", "evaluate", "--dry-run", "--items", "--from", &window.from, "--to", &window.to])
            .await?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Writes the package for an auditor.
    pub(crate) async fn report(&self, window: &Window, out: &Path) -> Result<()> {
        eprintln!("-- writing the package");
        let out = out.to_str().context("the package's path is not UTF-8")?;
        print!("{}", self.ask(&["report", "--from", &window.from, "--to", &window.to, "--out", out]).await?);
        Ok(())
    }
}

/// A time as a SQL literal without zone.
fn plain(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

fn configure(stage: &Stage, dir: &Path) -> Result<()> {
    let portal = e2e::port::free()?;
    let text = match stage {
        Stage::Given { kubeconfig } => format!(
            "cluster: given\nkubeconfig: {}\nheartbeat_seconds: 5\nportal: {{listen: \"127.0.0.1:{portal}\", refresh_seconds: 15}}\n",
            kubeconfig.display()
        ),
        Stage::Local(local) => {
            let write = |name: &str, text: &str| e2e::kubeconfig::write_private(&dir.join(name), text);
            write("receiver.crt", &local.receiver_certificate.certificate_pem)?;
            write("receiver.key", &local.receiver_certificate.key_pem)?;
            write("audit-clients.crt", &local.client_authority_pem)?;
            write("audit-policy.yaml", POLICY)?;
            write("authority.crt", &local.server_authority_pem)?;
            std::fs::create_dir_all(dir.join("policies"))?;
            std::fs::write(dir.join("policies/images.yaml"), POLICIES)?;
            std::fs::copy(local.plane.kubeconfig(&local.admin)?, dir.join("kubeconfig"))?;
            format!(
                "cluster: local\nkubeconfig: kubeconfig\nheartbeat_seconds: 2\nbalance_seconds: 2\ncanary_seconds: 5\n\
                 portal: {{listen: \"127.0.0.1:{portal}\", refresh_seconds: 15}}\n\
                 audit_webhook:\n  listen: 127.0.0.1:{}\n  certificate: receiver.crt\n  private_key: receiver.key\n  client_authority: audit-clients.crt\n  sources: [{{api_server: apiserver-0, client_certificate: any}}]\n\
                 admission: {{listen: \"127.0.0.1:{}\", certificate: receiver.crt, private_key: receiver.key, policies: policies, drain_seconds: 0}}\n\
                 api_servers: [{{name: apiserver-0, audit_policy_file: audit-policy.yaml}}]\n",
                local.receiver_port, local.admission_port
            )
        }
    };
    std::fs::write(dir.join("plimsoll.yaml"), text)?;
    Ok(())
}
