//! The program with the one role, on a store of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::control_plane::ControlPlane;
use e2e::pki::Authority;
use serde_json::{Value, json};

/// The running program, which ends with the measurement.
pub(crate) struct Role {
    child: Child,
    /// Where it takes reviews.
    pub(crate) url: String,
    /// The authority of its certificate.
    pub(crate) authority: Authority,
    store: PathBuf,
}

impl Drop for Role {
    fn drop(&mut self) {
        // After an orderly end there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Role {
    /// Starts it with these policies; it is ready when this returns.
    pub(crate) async fn start(dir: &Path, plane: &ControlPlane, policies: &str) -> Result<Self> {
        let authority = Authority::new("webhook-ca")?;
        let file = dir.join("plimsoll.yaml");
        std::fs::write(&file, configuration(dir, plane, &authority, policies).await?.to_string())?;
        let store = dir.join("store");
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        command.arg("--store").arg(&store).arg("--config").arg(&file).args(["run", "--roles", "admission"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut role = Self { child, url: String::new(), authority, store };
        let mut lines = BufReader::new(role.child.stdout.take().context("standard output is piped")?).lines();
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("admission webhook: ")));
        line.context("the webhook was not started")??
            .trim_start_matches("admission webhook: ")
            .clone_into(&mut role.url);
        // Whatever more it prints has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        let http = e2e::request::client(role.authority.pem(), &plane.admin()?)?;
        let ready = role.url.replace("/admission", "/readyz");
        e2e::wait::until("the webhook to be ready", Duration::from_secs(60), || async {
            Ok(http.get(&ready).send().await.ok().filter(|answer| answer.status().is_success()).map(drop))
        })
        .await?;
        Ok(role)
    }

    /// Its process.
    pub(crate) fn child(&self) -> &Child {
        &self.child
    }

    /// Ends it in order; gives how many decisions its store has.
    pub(crate) async fn end(mut self) -> Result<u64> {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM)?;
        let ended = self.child.wait()?;
        ensure!(ended.success(), "the program ended with {ended}");
        let query = "SELECT count(*) AS n FROM admission_decisions";
        let store = self.store.to_str().context("a path of Unicode")?;
        let recorded = printed(&["--store", store, "--format", "csv", "query", query]).await?;
        Ok(recorded.lines().nth(1).context("the query gives a row")?.parse()?)
    }
}

/// What the program prints when it is called so.
pub(crate) async fn printed(arguments: &[&str]) -> Result<String> {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(arguments).output().await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// What the program is told: a certificate of this authority, the policies, and the control plane.
async fn configuration(dir: &Path, plane: &ControlPlane, authority: &Authority, policies: &str) -> Result<Value> {
    let admin = plane.admin()?;
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl_with_input(&admin, &apply, &printed(&["rbac"]).await?).await?.success()?;
    let collector = plane.service_account("plimsoll", "plimsoll-collector").await?;
    std::fs::create_dir_all(dir.join("policies"))?;
    std::fs::write(dir.join("policies/all.yaml"), policies)?;
    let certified = authority.server(&["127.0.0.1"])?;
    std::fs::write(dir.join("tls.crt"), &certified.certificate_pem)?;
    std::fs::write(dir.join("tls.key"), &certified.key_pem)?;
    Ok(json!({
        "cluster": "bench", "kubeconfig": plane.kubeconfig(&collector)?,
        "admission": {
            "listen": "127.0.0.1:0", "drain_seconds": 0, "policies": dir.join("policies"),
            "certificate": dir.join("tls.crt"), "private_key": dir.join("tls.key"),
        },
    }))
}
