//! One running program of a control plane.

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// A part of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The database.
    Etcd,
    /// An API server, numbered from 0.
    Apiserver(usize),
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// kwok, which plays the nodes.
    Nodes,
}

impl Component {
    /// The name of the program in the multi-call binary.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Apiserver(_) => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Nodes => "kwok",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apiserver(number) => write!(f, "kube-apiserver-{number}"),
            other => f.write_str(other.program()),
        }
    }
}

/// A process that this process started and has not waited for yet: its id is not anybody else's.
pub(super) struct Running {
    child: Child,
}

impl Running {
    /// Starts the program; its output is appended to `log`.
    pub(super) fn start(
        program: &Path,
        component: Component,
        arguments: &[String],
        folder: &Path,
        log: &PathBuf,
    ) -> Result<Self> {
        let log_file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("failed to open {}", log.display()))?;
        let child = Command::new(program)
            .arg(component.program())
            .args(arguments)
            .current_dir(folder)
            .env("HOME", folder)
            .env_remove("KUBECONFIG")
            .stdin(Stdio::null())
            .stdout(log_file.try_clone()?)
            .stderr(log_file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start {component}"))?;
        Ok(Self { child })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Sends a signal, unless the process has ended.
    pub(super) fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("failed to signal process {}", self.child.id()))
    }

    /// Waits for the end, at most `limit`. `false`: it is still there.
    pub(super) fn wait(&mut self, limit: Duration) -> Result<bool> {
        let start = Instant::now();
        loop {
            if self.ended()?.is_some() {
                return Ok(true);
            }
            if start.elapsed() >= limit {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end, waits for at most `grace`, then kills it. Whether it ended by itself.
    pub(super) fn stop(&mut self, grace: Duration) -> Result<bool> {
        self.signal(Signal::TERM)?;
        // A paused process takes no SIGTERM before it is continued.
        self.signal(Signal::CONT)?;
        if self.wait(grace)? {
            return Ok(true);
        }
        self.kill()?;
        Ok(false)
    }

    /// Kills it.
    pub(super) fn kill(&mut self) -> Result<()> {
        // SIGKILL ends paused processes too; after it, the wait is short.
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}
