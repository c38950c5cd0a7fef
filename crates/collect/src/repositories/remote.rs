//! Repositories elsewhere, over HTTPS and nothing else.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::process::Command;

use super::Remote;
use super::reading::Tips;

/// How long the question for branches and tags may take.
const TIPS_LIMIT: Duration = Duration::from_secs(120);
/// How long a clone may take.
const CLONE_LIMIT: Duration = Duration::from_secs(3600);
/// How often the length of a clone is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Longest token.
const TOKEN_LIMIT: usize = 16 << 10;

/// Why it cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteReadError {
    /// The token cannot be read.
    #[error("failed to read the token file {path}")]
    Token { path: String, source: std::io::Error },
    /// The token is none.
    #[error("the token file {path} holds no token: one line is expected")]
    NoToken { path: String },
    /// No room for a clone, or git cannot be run.
    #[error("failed to run git")]
    Run(#[from] std::io::Error),
    /// git failed.
    #[error("git says of {url}: {message}")]
    Failed { url: String, message: String },
    /// It took too long.
    #[error("git was not done with {url} after {seconds} s")]
    Late { url: String, seconds: u64 },
    /// It is too long.
    #[error(
        "the clone of {url} is longer than {megabytes} MB; allow more (most_megabytes), or read a clone of your own (path)"
    )]
    TooLong { url: String, megabytes: u64 },
}

/// Asks for branches and tags.
pub(super) async fn tips(remote: &Remote) -> Result<Tips, RemoteReadError> {
    let lines =
        run(remote, &["ls-remote", "--heads", "--tags", "--quiet", "--", &remote.url], None, TIPS_LIMIT).await?;
    Ok(Tips::of(&lines))
}

/// Clones all branches and tags into a folder that is removed when it is dropped.
pub(super) async fn clone(remote: &Remote) -> Result<tempfile::TempDir, RemoteReadError> {
    // Readable by nobody else.
    let folder = tempfile::tempdir()?;
    let arguments = ["clone", "--bare", "--quiet", "--template=", "--no-local", "--", &remote.url];
    let too_long = || RemoteReadError::TooLong { url: remote.url.clone(), megabytes: remote.most_bytes / 1_000_000 };
    tokio::select! {
        cloned = run(remote, &arguments, Some(folder.path()), CLONE_LIMIT) => drop(cloned?),
        // git ends with the future that it ran in.
        () = grows_beyond(folder.path(), remote.most_bytes) => return Err(too_long()),
    }
    // It may have grown since the last look.
    if length(folder.path()) > remote.most_bytes { Err(too_long()) } else { Ok(folder) }
}

/// Ends when what is in a folder is longer than this.
async fn grows_beyond(folder: &Path, most: u64) {
    while length(folder) <= most {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The length of all files in a folder. What goes while it is looked at counts nothing.
fn length(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => length(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).fold(0, u64::saturating_add)
}

/// Runs git; what it says.
async fn run(
    remote: &Remote,
    arguments: &[&str],
    folder: Option<&Path>,
    limit: Duration,
) -> Result<String, RemoteReadError> {
    let mut command = Command::new("git");
    command
        .args(["-c", "core.hooksPath=/dev/null", "-c", "credential.helper=", "-c", "http.followRedirects=false"])
        .args(arguments)
        .args(folder)
        .env("GIT_ALLOW_PROTOCOL", "https")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS", "")
        .env("GIT_HTTP_LOW_SPEED_LIMIT", "1000")
        .env("GIT_HTTP_LOW_SPEED_TIME", "60")
        .env("LC_ALL", "C")
        .env_remove("GIT_DIR")
        .env_remove("GIT_TRACE_CURL")
        .env_remove("GIT_CURL_VERBOSE")
        .env_remove("GIT_SSL_NO_VERIFY")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    // In the environment, which only we can read, not among the arguments, which everybody can.
    if let Some(header) = header(remote)? {
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", format!("http.{}.extraHeader", remote.url))
            .env("GIT_CONFIG_VALUE_0", header);
    }
    if let Some(authority) = &remote.authority {
        command.env("GIT_SSL_CAINFO", authority);
    }
    let (url, seconds) = (remote.url.clone(), limit.as_secs());
    let done = tokio::time::timeout(limit, command.output())
        .await
        .map_err(|_| RemoteReadError::Late { url: url.clone(), seconds })??;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let message = said.lines().find(|line| !line.is_empty()).unwrap_or("it failed without a message");
    Err(RemoteReadError::Failed { url, message: message.chars().take(300).collect() })
}

/// The header with the token.
fn header(remote: &Remote) -> Result<Option<String>, RemoteReadError> {
    let Some(file) = &remote.token_file else { return Ok(None) };
    let path = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|source| RemoteReadError::Token { path: path.clone(), source })?;
    let token = text.trim();
    if token.is_empty() || token.len() > TOKEN_LIMIT || token.chars().any(|c| c.is_control() || c == ' ') {
        return Err(RemoteReadError::NoToken { path });
    }
    Ok(Some(format!("Authorization: Basic {}", STANDARD.encode(format!("{}:{token}", remote.user)))))
}
