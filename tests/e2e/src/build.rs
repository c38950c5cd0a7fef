//! Builds the Go programs of `tests/cluster`, `tests/kms` and `tests/signing` and keeps them in the user's cache directory, by what they
//! are made from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

/// The version of Kubernetes that `tests/cluster/go.mod` names; the programs say it of themselves.
pub const KUBERNETES_VERSION: &str = "v1.37.2";

/// Time between two lines that say that a build is still going on.
const PROGRESS: Duration = Duration::from_secs(30);

/// The programs of a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    /// `plimsoll-cluster`: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl and kwok; the first
    /// argument chooses.
    pub cluster: PathBuf,
    /// `plimsoll-guard`: ends a control plane whose starter is gone.
    pub guard: PathBuf,
}

/// A registry, and what signs images in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningPrograms {
    /// `plimsoll-registry`: go-containerregistry's registry, with or without the referrers API.
    pub registry: PathBuf,
    /// `cosign`.
    pub cosign: PathBuf,
}

/// The registry and cosign, built if the cache does not hold them.
///
/// # Errors
/// As [`programs`].
pub fn signing() -> Result<SigningPrograms> {
    let source = recipe("signing")?;
    let folder = cached("signing", &source, &[], |folder| {
        go_build(&source, "./registry", &folder.join("plimsoll-registry"))?;
        go_build(&source, "github.com/sigstore/cosign/v3/cmd/cosign", &folder.join("cosign"))
    })?;
    Ok(SigningPrograms { registry: folder.join("plimsoll-registry"), cosign: folder.join("cosign") })
}

/// `plimsoll-kms`, a key management service that an API server encrypts with, built if the cache does not hold it.
///
/// # Errors
/// As [`programs`].
pub fn kms() -> Result<PathBuf> {
    let source = recipe("kms")?;
    let folder = cached("kms", &source, &[], |folder| go_build(&source, ".", &folder.join("plimsoll-kms")))?;
    Ok(folder.join("plimsoll-kms"))
}

/// The programs of a control plane, built if the cache does not hold them. The first build takes minutes; what happens
/// is said on standard error. Processes that ask at the same time wait for the one that builds.
///
/// # Errors
/// Go is missing or too old, or the build failed.
pub fn programs() -> Result<Programs> {
    let source = recipe("cluster")?;
    let folder = cached("cluster", &source, &["fsck"], |folder| {
        go_build(&source, ".", &folder.join("plimsoll-cluster"))?;
        go_build(&source, "./guard", &folder.join("plimsoll-guard"))
    })?;
    Ok(Programs { cluster: folder.join("plimsoll-cluster"), guard: folder.join("plimsoll-guard") })
}

/// Tessera's `fsck`, an outside verifier of C2SP tlog-tiles logs, built if the cache does not hold it.
///
/// # Errors
/// As [`programs`].
pub fn fsck() -> Result<PathBuf> {
    let source = recipe("cluster")?.join("fsck");
    let folder = cached("fsck", &source, &[], |folder| {
        go_build(&source, "github.com/transparency-dev/tessera/cmd/fsck", &folder.join("fsck"))
    })?;
    Ok(folder.join("fsck"))
}

fn recipe(name: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    path.canonicalize().with_context(|| {
        format!(
            "failed to find the programs' recipe at {}: run from the checkout that this program was built in",
            path.display()
        )
    })
}

/// `$XDG_CACHE_HOME/plimsoll`, or `~/.cache/plimsoll`.
///
/// # Errors
/// Neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache_folder() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => {
            let home =
                std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set: no place for the cache")?;
            PathBuf::from(home).join(".cache")
        }
    };
    Ok(base.join("plimsoll"))
}

/// The cache's folder for `name` made from `source`; `build` fills it if it is not there. It appears under its name
/// only when it is whole.
fn cached(name: &str, source: &Path, without: &[&str], build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let key = digest(source, without)?;
    let parent = cache_folder()?.join(name);
    let folder = parent.join(&key);
    if folder.is_dir() {
        return Ok(folder);
    }
    fs::create_dir_all(&parent).with_context(|| format!("failed to make the cache folder {}", parent.display()))?;
    // Held until `lock` is dropped; the kernel lets go of it when the process dies.
    let lock = File::create(parent.join("lock")).context("failed to open the cache's lock")?;
    if lock.try_lock().is_err() {
        say(&format!("waiting for another process that builds {name} ..."));
        lock.lock().context("failed to lock the cache")?;
    }
    if folder.is_dir() {
        return Ok(folder);
    }
    let partial = parent.join(format!("{key}.partial"));
    if partial.exists() {
        // Left by a build that was interrupted; nobody else can be in it while the lock is held.
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir(&partial)?;
    say(&format!("building {name} with Go into {} (some minutes the first time) ...", folder.display()));
    let start = Instant::now();
    build(&partial)?;
    fs::rename(&partial, &folder)?;
    say(&format!("{name} is built ({:.0} s)", start.elapsed().as_secs_f64()));
    Ok(folder)
}

/// SHA-256 over all that decides what comes out: module files, Go sources, Go's version and the build's flags.
fn digest(source: &Path, without: &[&str]) -> Result<String> {
    let version = Command::new("go")
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .output()
        .context("failed to run `go version`: install Go 1.26 or later and put it on the PATH")?;
    let mut files = BTreeMap::new();
    gather(source, source, without, &mut files)?;
    let mut hash = Sha256::new();
    hash.update(&version.stdout);
    hash.update(linker_flags());
    for (name, bytes) in files {
        // Lengths go in first, so that no two sets of files run together into the same bytes.
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    Ok(hex::encode(&hash.finalize()[..16]))
}

fn gather(root: &Path, folder: &Path, without: &[&str], files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !without.contains(&&*name) {
                gather(root, &path, without, files)?;
            }
        } else if name == "go.mod" || name == "go.sum" || name.ends_with(".go") {
            let relative = path.strip_prefix(root)?.to_string_lossy().into_owned();
            files.insert(relative, fs::read(&path)?);
        }
    }
    Ok(())
}

/// Kubernetes reads its version from these two packages; without them it calls itself `v0.0.0-master`.
fn linker_flags() -> String {
    let mut numbers = KUBERNETES_VERSION.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or_default();
    let minor = numbers.next().unwrap_or_default();
    let mut flags = String::from("-s -w");
    for package in ["k8s.io/client-go/pkg/version", "k8s.io/component-base/version"] {
        for (name, value) in [
            ("gitVersion", KUBERNETES_VERSION),
            ("gitMajor", major),
            ("gitMinor", minor),
            ("gitCommit", KUBERNETES_VERSION),
            ("gitTreeState", "archive"),
            ("buildDate", "1970-01-01T00:00:00Z"),
        ] {
            flags.push_str(&format!(" -X {package}.{name}={value}"));
        }
    }
    flags
}

fn go_build(source: &Path, package: &str, program: &Path) -> Result<()> {
    let mut child = Command::new("go")
        .args(["build", "-trimpath", "-buildvcs=false", "-ldflags"])
        .arg(linker_flags())
        .arg("-o")
        .arg(program)
        .arg(package)
        .current_dir(source)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env_remove("GOFLAGS")
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| anyhow!(error).context("failed to start `go build`"))?;
    let start = Instant::now();
    let mut told = start;
    loop {
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("`go build {package}` failed in {}", source.display());
            }
            return Ok(());
        }
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            say(&format!("... still compiling after {:.0} s", start.elapsed().as_secs_f64()));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Written to the stream itself: the test harness swallows what the print macros write.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "plimsoll: {line}");
}
