//! The offline package on disk: what is rendered, and what is copied from the store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use records::EntryReference;
use reports::{CopiedFile, EvidenceMaterial};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::{StoreReader, layout};

use crate::evaluation::Evaluated;

/// Most raw entries that get a page of their own; all others are in the package's segments all the same.
pub(crate) const MOST_ENTRY_PAGES: usize = 5_000;
/// How often copying begins again when the writer moved the log on meanwhile.
const ATTEMPTS: u32 = 5;

/// A package being written.
pub(crate) struct PackageWriter {
    folder: NewFolder,
    copied: Vec<CopiedFile>,
}

/// The package's folder. One that was made for the package goes again when nothing was put into it.
struct NewFolder {
    path: PathBuf,
    made: bool,
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if self.made {
            // Refused by the system when there is something in it, which is what is wanted.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

impl PackageWriter {
    /// Begins a package in a folder that is empty or not there.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let made = match std::fs::read_dir(folder) {
            Ok(mut entries) => {
                ensure!(
                    entries.next().is_none(),
                    "{} is not empty; give --out a new folder, so that nothing old gets into the package",
                    folder.display()
                );
                false
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
                true
            }
            Err(error) => return Err(error).with_context(|| format!("failed to look into {}", folder.display())),
        };
        Ok(Self { folder: NewFolder { path: folder.to_owned(), made }, copied: Vec::new() })
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let place = self.folder.path.join(path);
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
        }
        std::fs::write(&place, bytes).with_context(|| format!("failed to write {}", place.display()))
    }

    fn add(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.write(path, bytes)?;
        let sha256 = hex::encode(Sha256::digest(bytes));
        self.copied.push(CopiedFile { path: path.to_owned(), sha256, bytes: bytes.len() as u64 });
        Ok(())
    }

    /// Copies the segments and the log that the reader's checkpoint covers. Keys stay where they are.
    pub(crate) fn copy_evidence(&mut self, store: &Path, reader: &StoreReader) -> Result<()> {
        let size = reader.head().size;
        let checkpoint = reader.checkpoint().context("the store has no checkpoint yet; there is nothing to package")?;
        for attempt in 1.. {
            let log = match log_files(&store.join(layout::LOG), size) {
                Ok(files) => files,
                // The writer replaced a partial tile by a fuller one between listing and reading.
                Err(_) if attempt < ATTEMPTS => continue,
                Err(error) => return Err(error),
            };
            for (path, bytes) in log {
                if path != "checkpoint" {
                    self.add(&format!("store/log/{path}"), &bytes)?;
                }
            }
            break;
        }
        self.add("store/log/checkpoint", &checkpoint.to_bytes())?;
        self.copy(store, layout::STORE)?;
        for segment in 1..=size {
            self.copy(store, &layout::manifest(segment))?;
            if store.join(layout::dropped(segment)).exists() {
                self.copy(store, &layout::dropped(segment))?;
            } else {
                self.copy(store, &layout::segment(segment))?;
                self.copy(store, &layout::index(segment))?;
            }
        }
        Ok(())
    }

    fn copy(&mut self, store: &Path, path: &str) -> Result<()> {
        let from = store.join(path);
        let bytes = std::fs::read(&from).with_context(|| format!("failed to read {}", from.display()))?;
        self.add(&format!("store/{path}"), &bytes)
    }

    /// Adds what the evaluation was made with: catalogue, settings, populations.
    pub(crate) fn add_inputs(&mut self, evaluated: &Evaluated, settings: &analysis::Settings) -> Result<()> {
        for control in evaluated.catalogue.controls() {
            self.add(&format!("catalogue/{}", control.path), control.text.as_bytes())?;
            if let Some((path, text)) = evaluated.catalogue.fixture(control.id.as_str()) {
                self.add(&format!("catalogue/{path}"), text.as_bytes())?;
            }
        }
        let settings = json!({
            "heartbeat_seconds": settings.heartbeat_seconds,
            "canary_seconds": settings.canary_seconds,
            "network": analysis::network::stated::write(&settings.network),
            "permission_look_back_seconds": settings.permission_look_back_seconds,
            "server_version": settings.server_version.map(|version| version.to_string()),
            "feature_gates": settings.feature_gates,
            "credential_rules": settings.credential_search.rules(),
        });
        self.add("settings.json", format!("{settings}\n").as_bytes())?;
        for outcome in &evaluated.result.controls {
            let mut bytes = Vec::new();
            let batches = std::slice::from_ref(&outcome.population.batch);
            controls::session::write(controls::session::Format::Parquet, batches, &mut bytes)
                .with_context(|| format!("failed to write the population of {}", outcome.control))?;
            self.add(&format!("populations/{}.parquet", outcome.control), &bytes)?;
        }
        Ok(())
    }

    /// Renders the pages over everything added. Returns the number of files and the number of entries without a page.
    pub(crate) fn render(self, reader: &StoreReader, material: &reports::Material) -> Result<(usize, usize)> {
        let mut references = BTreeSet::new();
        for item in &material.items {
            if let (Some(source), Some(segment), Some(seq)) =
                (&item.evidence_source, item.evidence_segment, item.evidence_seq)
            {
                references.insert((u64::try_from(segment)?, source.to_string(), u64::try_from(seq)?));
            }
        }
        // What verdicts rest on comes first, then what the pages about admission, access, the network and Secrets lead to.
        let of_verdicts = references.clone();
        let of_network = material.network.iter().flat_map(reports::NetworkMaterial::references);
        let of_secrets = material.secrets.iter().flat_map(reports::SecretsMaterial::references);
        let of_pages = material.admission.references().into_iter().chain(material.access.references());
        let of_pages = of_pages.chain(of_network).chain(of_secrets);
        references.extend(of_pages.map(|entry| (entry.segment, entry.source, entry.seq)));
        let without_page = references.len().saturating_sub(MOST_ENTRY_PAGES);
        let others = references.iter().filter(|one| !of_verdicts.contains(*one));
        let mut evidence: Vec<EvidenceMaterial> = Vec::new();
        for (segment, source, seq) in of_verdicts.iter().chain(others).take(MOST_ENTRY_PAGES) {
            let reference = EntryReference { source: source.clone(), segment: *segment, seq: *seq };
            match portal::gather::evidence(reader, &reference)? {
                Some(material) => evidence.push(material),
                None => {
                    bail!("the entry {reference} that a result rests on is not in the store; run `plimsoll store fsck`")
                }
            }
        }
        let rendered = reports::package::render(material, &evidence, &self.copied)?;
        for (path, bytes) in &rendered {
            self.write(path, bytes)?;
        }
        Ok((rendered.len() + self.copied.len(), without_page))
    }
}

/// The files of the log that a checkpoint of this size covers.
fn log_files(folder: &Path, size: u64) -> Result<Vec<(String, Vec<u8>)>> {
    let mut paths = Vec::new();
    list(folder, "", &mut paths)?;
    let mut files = Vec::new();
    for path in paths {
        let later = match path.strip_prefix("checkpoints/") {
            Some(of) => of.parse::<u64>().is_ok_and(|of| of > size),
            None => path.parse::<ledger::TilePath>().is_ok_and(|tile| !tile.is_within(size)),
        };
        if !later {
            let place = folder.join(&path);
            files.push((path, std::fs::read(&place).with_context(|| format!("failed to read {}", place.display()))?));
        }
    }
    Ok(files)
}

fn list(folder: &Path, below: &str, found: &mut Vec<String>) -> Result<()> {
    let mut entries = std::fs::read_dir(folder)
        .with_context(|| format!("failed to list {}", folder.display()))?
        .collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_made_for_nothing_goes_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (made, given, used) = (dir.path().join("made"), dir.path().join("given"), dir.path().join("used"));
        std::fs::create_dir(&given).unwrap();
        drop(PackageWriter::create(&made).unwrap());
        drop(PackageWriter::create(&given).unwrap());
        let mut package = PackageWriter::create(&used).unwrap();
        package.add("a/b", b"c").unwrap();
        drop(package);
        assert_eq!((made.exists(), given.exists(), used.join("a/b").exists()), (false, true, true));
        assert!(PackageWriter::create(&used).is_err());
    }
}
