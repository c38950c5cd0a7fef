//! kubectl, as people run it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Longest run of one kubectl command.
const LIMIT: Duration = Duration::from_secs(60);

/// What a kubectl command printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Exit code; -1 if a signal ended it.
    pub code: i32,
}

impl Output {
    /// The standard output of a command that had to succeed.
    ///
    /// # Errors
    /// The command failed; the message holds what it printed.
    pub fn success(self) -> Result<String> {
        if self.code != 0 {
            bail!("kubectl failed with code {}: {}{}", self.code, self.stderr, self.stdout);
        }
        Ok(self.stdout)
    }
}

/// Runs kubectl with a kubeconfig and, if given, an input. `home` is where it keeps its discovery cache.
///
/// # Errors
/// It could not be started, or ran for longer than 60 s.
pub async fn run(
    program: &Path,
    kubeconfig: &Path,
    home: &Path,
    arguments: &[&str],
    input: Option<&str>,
) -> Result<Output> {
    let shown = arguments.join(" ");
    let mut child = Command::new(program)
        .arg("kubectl")
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", home)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("failed to start {} kubectl", program.display()))?;
    let stdin = child.stdin.take();
    let feed = async {
        if let (Some(mut pipe), Some(text)) = (stdin, input) {
            // A command that does not read its input to the end has said why on standard error.
            let _ = pipe.write_all(text.as_bytes()).await;
        }
    };
    let run = async {
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        output
    };
    let output = tokio::time::timeout(LIMIT, run)
        .await
        .with_context(|| format!("kubectl {shown}: still running after {LIMIT:?}"))?
        .with_context(|| format!("failed to wait for kubectl {shown}"))?;
    Ok(Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().unwrap_or(-1),
    })
}
