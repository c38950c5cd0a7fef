//! `verify`: digests, segments, manifests, log, checkpoint.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ledger::{
    SignedCheckpoint, TileKind, TilePath, TileSource, TiledLog, TreeHead, VerifierKey, decode_bundle, verify_log,
};
use sha2::{Digest, Sha256};

use crate::Agreement;
use crate::console::Console;
use crate::package::{Package, printable};

/// Most differences of one kind that are printed.
const MOST: usize = 50;
/// A key or a checkpoint is not longer.
const LONGEST_TEXT: u64 = 1 << 20;

/// The log's files in a folder.
pub(crate) struct Folder(pub(crate) PathBuf);

impl TileSource for Folder {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ledger::TileSourceError> {
        match std::fs::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

pub(crate) fn run(console: &Console, folder: &Path, key: Option<&Path>, older: Option<&Path>) -> Result<Agreement> {
    let package = Package::open(folder)?;
    let mut differences = digests(console, &package)?;
    report(console, "files against manifest.json", package.manifest.files.len(), &differences)?;
    differences.extend(segments_and_log(console, &package, key, older)?);
    if differences.is_empty() {
        console.line(format_args!("everything agrees"))?;
        Ok(Agreement::Full)
    } else {
        console.line(format_args!("{} differences", differences.len()))?;
        Ok(Agreement::Differences)
    }
}

fn report(console: &Console, what: &str, looked_at: usize, differences: &[String]) -> Result<()> {
    console.line(format_args!("{what}: {looked_at} looked at, {} differ", differences.len()))?;
    for difference in differences.iter().take(MOST) {
        console.line(format_args!("  {difference}"))?;
    }
    Ok(())
}

/// Every file against the manifest, and no file beside it.
fn digests(console: &Console, package: &Package) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    let mut named = BTreeSet::from(["manifest.json".to_owned()]);
    for file in &package.manifest.files {
        console.doing(format_args!("hashing {}", printable(&file.path)));
        let plain = !file.path.is_empty() && file.path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !plain {
            differences.push(format!("{}: not a path within a package", printable(&file.path)));
            continue;
        }
        named.insert(file.path.clone());
        match digest(&package.folder.join(&file.path)) {
            Ok((bytes, sha256)) if bytes == file.bytes && sha256 == file.sha256 => {}
            Ok((bytes, sha256)) => differences.push(format!(
                "{}: {bytes} bytes with SHA-256 {sha256}, stated {} bytes with {}",
                printable(&file.path),
                file.bytes,
                printable(&file.sha256)
            )),
            Err(error) => differences.push(format!("{}: {error}", printable(&file.path))),
        }
    }
    let mut present = Vec::new();
    walk(&package.folder, "", &mut present)?;
    for path in present.into_iter().filter(|path| !named.contains(path)) {
        differences.push(format!("{}: not in manifest.json", printable(&path)));
    }
    Ok(differences)
}

fn digest(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex::encode(hasher.finalize())));
        }
        bytes += read as u64;
        hasher.update(&buffer[..read]);
    }
}

fn walk(folder: &Path, below: &str, found: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let path = if below.is_empty() {
            name.to_string_lossy().into_owned()
        } else {
            format!("{below}/{}", name.to_string_lossy())
        };
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// The log's key: the one given, or the package's own, which is said.
pub(crate) fn key(console: &Console, package: &Package, given: Option<&Path>) -> Result<VerifierKey> {
    let (path, own) = match given {
        Some(path) => (path.to_owned(), false),
        None => (package.folder.join("store/log/log.vkey"), true),
    };
    let text = short_text(&path)?;
    let key: VerifierKey =
        text.trim_end().parse().with_context(|| format!("{} holds no verifier key", path.display()))?;
    console.line(format_args!("key: {key}"))?;
    if own {
        console.line(format_args!(
            "  it came with the package: compare it with one that you got elsewhere, or give that with --key"
        ))?;
    }
    Ok(key)
}

fn short_text(path: &Path) -> Result<String> {
    let file = std::fs::File::open(path).with_context(|| format!("failed to open {}", path.display()))?;
    let mut text = String::new();
    file.take(LONGEST_TEXT).read_to_string(&mut text).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(text)
}

fn segments_and_log(
    console: &Console,
    package: &Package,
    given: Option<&Path>,
    older: Option<&Path>,
) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    let key = key(console, package, given)?;
    let origin = package.reader.origin().to_owned();
    ensure!(origin == package.manifest.log_origin, "the manifest names another log than the store holds");
    let folder = Folder(package.folder.join("store/log"));
    let older = match older {
        Some(path) => {
            let text = short_text(path)?;
            Some(
                SignedCheckpoint::open(text.as_bytes(), &origin, &key)
                    .with_context(|| format!("{} is no checkpoint of this log", path.display()))?,
            )
        }
        None => None,
    };
    console.doing("verifying the log");
    let head = match verify_log(&folder, &key, &origin, older.as_ref().map(SignedCheckpoint::to_bytes).as_deref()) {
        Ok(report) => {
            console.line(format_args!(
                "log: {} entries hashed, {} files compared, checkpoint signed by {}",
                report.entries,
                report.files,
                key.name()
            ))?;
            if let Some(from) = report.grew_from {
                console.line(format_args!(
                    "  it grew from the older checkpoint of size {}: nothing of that was rewritten or removed",
                    from.size
                ))?;
            }
            Some(report.checkpoint.head())
        }
        Err(error) => {
            differences.push(format!("log: {}", chain(&error)));
            None
        }
    };
    differences.extend(leaves(console, package, &folder)?);
    let mut bad = Vec::new();
    let mut lines = 0;
    for manifest in package.reader.segments() {
        console.doing(format_args!("reading segment {} of {}", manifest.segment, package.reader.segments().len()));
        let mut count = 0u64;
        // Reading to the end recomputes the segment's root and compares it with the manifest's.
        match package.reader.read_segment(manifest.segment, |_| count += 1) {
            Ok(()) => lines += count,
            Err(error) => bad.push(format!("segment {}: {}", manifest.segment, chain(&error))),
        }
    }
    console.line(format_args!("raw entries hashed: {lines}"))?;
    report(console, "segments against their manifests", package.reader.segments().len(), &bad)?;
    differences.extend(bad);
    differences.extend(stated_checkpoint(console, package, &folder, &key, head)?);
    Ok(differences)
}

/// That the manifests beside the segments are the leaves of the log.
fn leaves(console: &Console, package: &Package, folder: &Folder) -> Result<Vec<String>> {
    let size = package.reader.head().size;
    let mut differences = Vec::new();
    for number in 0..size.div_ceil(256) {
        let Some(path) = TilePath::in_tree(TileKind::Entries, number, size) else { continue };
        let name = path.to_string();
        let Some(bytes) = folder.read(&name).map_err(|error| anyhow::anyhow!("{name}: {error}"))? else {
            differences.push(format!("log/{name}: missing"));
            continue;
        };
        let entries = match decode_bundle(&bytes, path.width) {
            Ok(entries) => entries,
            Err(error) => {
                differences.push(format!("log/{name}: {error}"));
                continue;
            }
        };
        for (segment, leaf) in (number * 256 + 1..).zip(entries) {
            let file = package.folder.join("store").join(store::layout::manifest(segment));
            match std::fs::read(&file) {
                Ok(manifest) if manifest == leaf => {}
                Ok(_) => differences.push(format!("segment {segment}: its manifest is not the log's entry")),
                Err(error) => differences.push(format!("segment {segment}: its manifest: {error}")),
            }
        }
    }
    report(console, "manifests against the log's entries", usize::try_from(size)?, &differences)?;
    Ok(differences)
}

/// That the evaluation's checkpoint is one that the log went through, on the way to `verified`: the head of the log when all of it is
/// as it must be. Without that the log's own differences are told already.
fn stated_checkpoint(
    console: &Console,
    package: &Package,
    folder: &Folder,
    key: &VerifierKey,
    verified: Option<TreeHead>,
) -> Result<Vec<String>> {
    let size = package.manifest.checkpoint_size;
    let name = format!("checkpoints/{size}");
    let Some(note) = folder.read(&name).map_err(|error| anyhow::anyhow!("{name}: {error}"))? else {
        return Ok(vec![format!("log/{name}: the checkpoint that the evaluation was made at is missing")]);
    };
    let origin = package.reader.origin();
    let head = match SignedCheckpoint::open(&note, origin, key) {
        Ok(checkpoint) => checkpoint.head(),
        Err(error) => return Ok(vec![format!("log/{name}: {}", chain(&error))]),
    };
    if head.size != size || head.root.to_string() != package.manifest.checkpoint_root {
        return Ok(vec![format!(
            "log/{name}: it states size {} and root {}, the package another",
            head.size, head.root
        )]);
    }
    let Some(verified) = verified else { return Ok(Vec::new()) };
    match TiledLog::new(folder, verified).root_at(size) {
        Ok(root) if root == head.root => {
            console
                .line(format_args!("the evaluation's checkpoint of size {size} is one that the log went through"))?;
            Ok(Vec::new())
        }
        Ok(root) => Ok(vec![format!(
            "log/{name}: it states the root {}, the log's first {size} entries have {root}: the log was rewritten",
            head.root
        )]),
        Err(error) => Ok(vec![format!("log/{name}: {}", chain(&error))]),
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}
