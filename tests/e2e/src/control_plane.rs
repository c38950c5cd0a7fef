//! Control planes: real programs on free loopback ports, each in a folder of its own.

mod access;
mod arguments;
mod component;
mod guard;
mod nodes;
mod options;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::{Value, json};

pub use component::Component;
pub use options::ControlPlaneOptions;

use crate::build::{self, Programs};
use crate::identity::Identity;
use crate::pki::Authority;
use crate::request;
use arguments::Ports;
use component::Running;
use guard::Guard;

/// Time that a program gets to end by itself when the whole control plane goes.
const GRACE: Duration = Duration::from_secs(3);
/// Time that a single program gets to end by itself: an API server flushes its audit buffer and waits for open watches.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running control plane. Dropping it ends all its programs and removes its temporary folder; if the thread is
/// panicking by then (a test failed), the folder stays and its path is printed. If this process dies, the guard beside
/// it does the same. Everything works through `&self`, so that tests can share one.
pub struct ControlPlane {
    options: ControlPlaneOptions,
    programs: Programs,
    folder: PathBuf,
    keep: AtomicBool,
    ports: Ports,
    server_authority: Authority,
    client_authority: Authority,
    front_proxy_authority: Authority,
    guard: Mutex<Guard>,
    running: Mutex<BTreeMap<Component, Running>>,
}

/// A paused program; dropping this lets it go on.
pub struct Paused<'a> {
    plane: &'a ControlPlane,
    component: Component,
}

/// Keeps the logs of a control plane that outlives the test, if the test fails while this is alive.
pub struct KeepLogs<'a>(&'a ControlPlane);

impl ControlPlane {
    /// Starts a control plane and waits until it is ready: every API server answers `/readyz`, and if they were asked
    /// for, the default service account exists and all nodes are Ready. Builds the programs if need be.
    ///
    /// # Errors
    /// The programs could not be built, a program ended early, or it was not ready within the options' limit: the
    /// message holds the end of the log, and the folder is kept.
    pub async fn start(options: ControlPlaneOptions) -> Result<Self> {
        crate::server::install_crypto();
        ensure!(options.apiservers > 0, "a control plane needs at least one API server");
        ensure!(
            options.audit_webhooks.len() <= 1 || options.audit_webhooks.len() == options.apiservers,
            "{} audit webhooks for {} API servers: give none, one for all or one for each",
            options.audit_webhooks.len(),
            options.apiservers
        );
        let programs = tokio::task::spawn_blocking(build::programs).await??;
        let plane = Self::lay_out(options, programs)?;
        match plane.bring_up().await {
            Ok(()) => Ok(plane),
            Err(error) => {
                plane.keep_logs();
                Err(error.context(format!("failed to start a control plane in {}", plane.folder.display())))
            }
        }
    }

    fn lay_out(options: ControlPlaneOptions, programs: Programs) -> Result<Self> {
        let temporary = options.folder.is_none();
        let folder = match &options.folder {
            Some(folder) => {
                fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
                ensure!(
                    fs::read_dir(folder)?.next().is_none(),
                    "{} is not empty: a control plane starts in a new folder",
                    folder.display()
                );
                folder.canonicalize()?
            }
            None => tempfile::Builder::new()
                .prefix("plimsoll-cluster-")
                .tempdir()
                .context("failed to make a temporary folder")?
                .keep(),
        };
        let guard = Guard::start(&programs.guard, temporary.then_some(folder.as_path()))?;
        let ports = Ports::choose(options.apiservers)?;
        let server_authority = Authority::new("server-ca")?;
        let client_authority = Authority::new("client-ca")?;
        let plane = Self {
            options,
            programs,
            folder,
            keep: AtomicBool::new(false),
            ports,
            server_authority,
            client_authority,
            front_proxy_authority: Authority::new("front-proxy-ca")?,
            guard: Mutex::new(guard),
            running: Mutex::new(BTreeMap::new()),
        };
        plane.write_files()?;
        Ok(plane)
    }

    async fn bring_up(&self) -> Result<()> {
        let start = Instant::now();
        let left = || self.options.limit.saturating_sub(start.elapsed());
        self.spawn(Component::Etcd)?;
        self.etcd_ready(left()).await?;
        // The first API server alone writes the built-in roles and namespaces, which the others then find.
        for number in 0..self.options.apiservers {
            self.spawn(Component::Apiserver(number))?;
            self.apiserver_ready(number, left()).await?;
        }
        if self.options.controller_manager {
            self.spawn(Component::ControllerManager)?;
        }
        if self.options.scheduler {
            self.spawn(Component::Scheduler)?;
        }
        if self.options.nodes > 0 {
            self.spawn(Component::Nodes)?;
            self.create_nodes(left()).await?;
        }
        if self.options.controller_manager {
            self.default_service_account(left()).await?;
        }
        Ok(())
    }

    fn spawn(&self, component: Component) -> Result<()> {
        let mut running = self.lock();
        ensure!(!running.contains_key(&component), "{component} is running already");
        let process = Running::start(
            &self.programs.cluster,
            component,
            &self.arguments(component)?,
            &self.folder,
            &self.log(component),
        )?;
        self.guard().watch(process.pid())?;
        running.insert(component, process);
        Ok(())
    }

    /// Fails with the end of the log if the program has ended.
    fn must_run(&self, component: Component) -> Result<()> {
        let mut running = self.lock();
        let process = running.get_mut(&component).with_context(|| format!("{component} has not been started"))?;
        if let Some(status) = process.ended()? {
            bail!("{component} ended with {status}; the end of its log:\n{}", self.log_end(component));
        }
        Ok(())
    }

    fn log_end(&self, component: Component) -> String {
        let text = fs::read(self.log(component)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    async fn etcd_ready(&self, limit: Duration) -> Result<()> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/health", self.etcd_url());
        crate::wait::until("etcd is healthy", limit, || async {
            self.must_run(Component::Etcd)?;
            let healthy = match client.get(&url).send().await {
                Ok(response) => response.status().is_success(),
                Err(_) => false,
            };
            Ok(healthy.then_some(()))
        })
        .await
    }

    async fn apiserver_ready(&self, number: usize, limit: Duration) -> Result<()> {
        let client = request::client(self.server_authority.pem(), &self.admin()?)?;
        let url = format!("{}/readyz", self.url(number));
        crate::wait::until("the API server is ready", limit, || async {
            self.must_run(Component::Apiserver(number))?;
            let ready = match client.get(&url).send().await {
                Ok(response) => response.status().is_success(),
                Err(_) => false,
            };
            Ok(ready.then_some(()))
        })
        .await
        .with_context(|| format!("the end of the log:\n{}", self.log_end(Component::Apiserver(number))))
    }

    async fn default_service_account(&self, limit: Duration) -> Result<()> {
        let admin = self.admin()?;
        let path = "/api/v1/namespaces/default/serviceaccounts/default";
        crate::wait::until("the default service account exists", limit, || async {
            self.must_run(Component::ControllerManager)?;
            let answer = self.request(&admin, "GET", path, &[], None).await?;
            Ok((answer.status == 200).then_some(()))
        })
        .await
    }

    /// The folder that everything is in: `log/`, `audit/`, `pki/`, `kubeconfig/`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The address of an API server, numbered from 0.
    #[must_use]
    pub fn url(&self, number: usize) -> String {
        format!("https://127.0.0.1:{}", self.ports.apiserver(number))
    }

    /// The address of etcd.
    #[must_use]
    pub fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.etcd)
    }

    /// The log of a program.
    #[must_use]
    pub fn log(&self, component: Component) -> PathBuf {
        self.folder.join(format!("log/{component}.log"))
    }

    /// The audit log of an API server, if the options asked for one.
    #[must_use]
    pub fn audit_log(&self, number: usize) -> PathBuf {
        self.folder.join(format!("audit/{number}.log"))
    }

    /// The process id of a program, if it runs.
    #[must_use]
    pub fn pid(&self, component: Component) -> Option<u32> {
        self.lock().get(&component).map(Running::pid)
    }

    /// Asks a program to end and waits. `true` if it ended by itself within a minute; it is killed otherwise.
    ///
    /// # Errors
    /// It does not run.
    pub async fn stop(&self, component: Component) -> Result<bool> {
        let mut process = self.take(component)?;
        let pid = process.pid();
        let ended = tokio::task::spawn_blocking(move || process.stop(PATIENCE)).await??;
        self.guard().forget(pid)?;
        Ok(ended)
    }

    /// Kills a program with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill(&self, component: Component) -> Result<()> {
        let mut process = self.take(component)?;
        let pid = process.pid();
        process.kill()?;
        self.guard().forget(pid)
    }

    /// Starts a program again that was stopped or killed, on its port and its data, and waits until it is ready (API
    /// servers and etcd).
    ///
    /// # Errors
    /// It runs already, or is not ready within the options' limit.
    pub async fn start_again(&self, component: Component) -> Result<()> {
        self.spawn(component)?;
        match component {
            Component::Etcd => self.etcd_ready(self.options.limit).await,
            Component::Apiserver(number) => self.apiserver_ready(number, self.options.limit).await,
            _ => Ok(()),
        }
    }

    /// Stops and starts an API server: same port, same etcd.
    ///
    /// # Errors
    /// As [`ControlPlane::stop`] and [`ControlPlane::start_again`].
    pub async fn restart_apiserver(&self, number: usize) -> Result<()> {
        self.stop(Component::Apiserver(number)).await?;
        self.start_again(Component::Apiserver(number)).await
    }

    /// Pauses a program with SIGSTOP: connections to it hang. It goes on when the result is dropped.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self, component: Component) -> Result<Paused<'_>> {
        self.signal(component, Signal::STOP)?;
        Ok(Paused { plane: self, component })
    }

    fn signal(&self, component: Component, signal: Signal) -> Result<()> {
        self.lock().get_mut(&component).with_context(|| format!("{component} does not run"))?.signal(signal)
    }

    /// Compacts etcd at its present revision and gives that revision. API servers go on serving older ones from
    /// memory: for a real 410 Gone, note a resource version, write something, stop the API server, compact, start it.
    ///
    /// # Errors
    /// etcd refused or could not be reached.
    pub async fn compact_etcd(&self) -> Result<i64> {
        let range = self.etcd("kv/range", &json!({"key": STANDARD.encode("/registry")})).await?;
        let revision: i64 = range["header"]["revision"].as_str().context("etcd gave no revision")?.parse()?;
        self.etcd("kv/compaction", &json!({"revision": revision.to_string(), "physical": true})).await?;
        Ok(revision)
    }

    /// The bytes that etcd holds under a key, such as `/registry/secrets/default/x`: whether they are encrypted shows
    /// in how they begin.
    ///
    /// # Errors
    /// etcd refused or could not be reached.
    pub async fn etcd_value(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let range = self.etcd("kv/range", &json!({"key": STANDARD.encode(key)})).await?;
        match range["kvs"][0]["value"].as_str() {
            Some(value) => Ok(Some(STANDARD.decode(value)?)),
            None => Ok(None),
        }
    }

    /// etcd's gRPC interface as JSON over HTTP.
    async fn etcd(&self, call: &str, body: &Value) -> Result<Value> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}/v3/{call}", self.etcd_url());
        let answer = request::send(&client, "POST", &url, &[], Some(&body.to_string())).await?;
        ensure!(answer.status == 200, "etcd refused {call}: {} {}", answer.status, answer.body);
        answer.json()
    }

    /// All events of an API server's audit log so far. A last line that is still being written is left out.
    ///
    /// # Errors
    /// The options asked for no audit log, or a line is not JSON.
    pub fn audit_events(&self, number: usize) -> Result<Vec<Value>> {
        let path = self.audit_log(number);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // Not made before the first event.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.options.audit_log => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("failed to read {}", path.display()));
            }
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).context("an audit log line is not JSON")).collect()
    }

    /// The first event in the audit log of the first API server of which `matches` says so, now or within `limit`.
    ///
    /// # Errors
    /// None came in time.
    pub async fn audit_event(&self, what: &str, matches: impl Fn(&Value) -> bool, limit: Duration) -> Result<Value> {
        crate::wait::until(what, limit, || async { Ok(self.audit_events(0)?.into_iter().find(|e| matches(e))) }).await
    }

    /// Leaves the folder in place at the end, and says where it is.
    pub fn keep_logs(&self) {
        if self.keep.swap(true, Ordering::Relaxed) {
            return;
        }
        // A guard that does not answer removes nothing either.
        let _ = self.guard().keep();
        let _ = writeln!(
            std::io::stderr(),
            "plimsoll: the logs of the control plane are kept in {}",
            self.folder.join("log").display()
        );
    }

    /// For a control plane that tests share: hold the result while the test runs; if it panics, the logs are kept.
    #[must_use]
    pub fn keep_logs_if_panicking(&self) -> KeepLogs<'_> {
        KeepLogs(self)
    }

    fn take(&self, component: Component) -> Result<Running> {
        self.lock().remove(&component).with_context(|| format!("{component} does not run"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Component, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The identity that nothing is refused to: a client certificate of the group `system:masters`.
    ///
    /// # Errors
    /// The key could not be made.
    pub fn admin(&self) -> Result<Identity> {
        self.client_certificate("admin", &["system:masters"])
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_logs();
        }
        let mut running = std::mem::take(self.running.get_mut().unwrap_or_else(PoisonError::into_inner));
        // Errors mean that a process has ended already. All are asked before any is waited for; etcd is asked last,
        // since an API server that cannot reach it takes longer to go.
        let etcd = running.remove(&Component::Etcd);
        for process in running.values_mut() {
            let _ = process.signal(Signal::TERM);
            let _ = process.signal(Signal::CONT);
        }
        let deadline = Instant::now() + GRACE;
        for mut process in running.into_values() {
            let left = deadline.saturating_duration_since(Instant::now());
            if !process.wait(left).unwrap_or(false) {
                let _ = process.kill();
            }
        }
        if let Some(mut etcd) = etcd {
            let _ = etcd.stop(GRACE);
        }
        self.guard.get_mut().unwrap_or_else(PoisonError::into_inner).end();
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        // It may have been stopped or killed in the meantime.
        let _ = self.plane.signal(self.component, Signal::CONT);
    }
}

impl Drop for KeepLogs<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.keep_logs();
        }
    }
}
