//! The offline package: every page, list and proof as files that open from a folder, and a manifest of digests over all.
//!
//! Everything here is a function of its arguments, so two renders of one input are byte-equal.

mod access;
mod admission;
mod manifest;
mod network;
mod secrets;
mod verify_text;

use std::collections::{BTreeMap, BTreeSet};

use records::EntryReference;

use crate::csv_file;
use crate::evidence::{EvidenceMaterial, ProofMaterial};
use crate::links::{self, AccessList, CsvFile, EvidenceFile, Links, Place};
use crate::material::{Material, MaterialError};
use crate::pages::{self, PageError};
use crate::record_lines;
use crate::report::Report;

/// The most verdicts on one page of items; a larger population is split into several pages.
pub const ITEMS_PER_PAGE: usize = 500;

/// A file that the caller puts into the package beside the rendered ones: segments, tiles, Parquet, the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedFile {
    /// Its path in the package, with `/` between folders.
    pub path: String,
    /// SHA-256 (hexadecimal, lower case) of its bytes.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Why a package was not rendered.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The rows contradict each other.
    #[error("failed to put the evaluation's rows together")]
    Material(#[from] MaterialError),
    /// A page failed.
    #[error("failed to render the package")]
    Page(#[from] PageError),
    /// A path would leave the package, or is used twice.
    #[error("the package cannot hold {path:?}: {why}")]
    Path {
        /// The path, cut to 200 characters.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Renders everything that is not copied. The result is sorted by path and holds no path of `copied`.
///
/// Files: `index.html`, `controls.html`, `controls/<id>.html` with `items.html` (split after [`ITEMS_PER_PAGE`] rows into
/// `items-2.html` ...) and CSV files in `controls/<id>/`, `admission.html` with its pages in `admission/`,
/// `access.html` with its pages in `access/`, `network.html` with its pages in `network/`, `secrets.html` with its pages in
/// `secrets/`, `sources.html`, CSV files at the root, a page and the files of
/// the proof for each entry under `evidence/`, `results.ndjson`, `style.css`, `VERIFY.md`, `manifest.json`.
///
/// # Errors
/// [`PackageError`] when rows contradict each other, a copied path is not plain and relative, or a path occurs twice.
pub fn render(
    material: &Material,
    evidence: &[EvidenceMaterial],
    copied: &[CopiedFile],
) -> Result<Vec<(String, Vec<u8>)>, PackageError> {
    let report = Report::new(material.clone())?;
    let known: BTreeSet<EntryReference> = evidence.iter().map(|entry| entry.reference.clone()).collect();
    let mut files = Files::default();
    render_pages(&report, &known, &mut files)?;
    admission::render(&report, &known, &mut files)?;
    network::render(&report, &known, &mut files)?;
    secrets::render(&report, &known, &mut files)?;
    access::render(&report, &known, &mut files)?;
    render_lists(&report, &mut files)?;
    for entry in evidence {
        render_entry(&report, &known, entry, &mut files)?;
    }
    files.add("results.ndjson".to_owned(), record_lines::results(&report))?;
    files.add(links::file(&Place::Style), pages::STYLE.as_bytes().to_vec())?;
    files.add("VERIFY.md".to_owned(), verify_text::render(&report, evidence, copied)?.into_bytes())?;
    let manifest = manifest::render(&report, &files.0, copied)?;
    files.add("manifest.json".to_owned(), manifest)?;
    Ok(files.0.into_iter().collect())
}

fn render_pages(report: &Report, known: &BTreeSet<EntryReference>, files: &mut Files) -> Result<(), PackageError> {
    let from = |place: &Place| Links::relative_from(place, known);
    files.page(&Place::Overview, pages::overview(report, &from(&Place::Overview))?)?;
    files.page(&Place::Controls, pages::controls(report, &from(&Place::Controls))?)?;
    files.page(&Place::Sources, pages::sources(report, &from(&Place::Sources))?)?;
    for section in report.sections() {
        let id = report.text(section).id.as_str();
        let place = Place::Control(id.to_owned());
        files.page(&place, pages::control(report, &from(&place), id)?)?;
        for page in 1..=pages::items_pages(report, id, ITEMS_PER_PAGE).unwrap_or(1) {
            let place = Place::Items(id.to_owned(), page);
            files.page(&place, pages::items(report, &from(&place), id, page, ITEMS_PER_PAGE)?)?;
        }
    }
    Ok(())
}

fn render_lists(report: &Report, files: &mut Files) -> Result<(), PackageError> {
    let mut lists = vec![CsvFile::Controls, CsvFile::Sources, CsvFile::Coverage, CsvFile::Gaps];
    lists.extend([CsvFile::Decisions(Box::default()), CsvFile::Exceptions, CsvFile::PolicySets, CsvFile::Unreconciled]);
    let access = AccessList::ALL.into_iter().map(|list| CsvFile::Access(list, Box::default()));
    lists.extend(access.filter(|list| csv_file::render(report, list).is_some()));
    for section in report.sections() {
        let id = report.text(section).id.as_str();
        lists.push(CsvFile::Items(id.to_owned()));
        lists.push(CsvFile::Deviations(id.to_owned()));
        lists.push(CsvFile::Periods(id.to_owned()));
    }
    for list in lists {
        let bytes = csv_file::render(report, &list).expect("the list is of a control of this report");
        files.add(links::file(&Place::Csv(list)), bytes)?;
    }
    Ok(())
}

fn render_entry(
    report: &Report,
    known: &BTreeSet<EntryReference>,
    entry: &EvidenceMaterial,
    files: &mut Files,
) -> Result<(), PackageError> {
    let place = Place::Evidence(entry.reference.clone());
    let links = Links::relative_from(&place, known);
    if links.to_evidence(&entry.reference).is_none() {
        return Err(refused(&entry.reference.source, "it is not a source name"));
    }
    files.page(&place, pages::evidence(report, &links, entry)?)?;
    let mut add = |file, bytes: &[u8]| {
        files.add(links::file(&Place::EvidenceFile(entry.reference.clone(), file)), bytes.to_vec())
    };
    add(EvidenceFile::Line, &entry.line)?;
    if let ProofMaterial::Sealed(proof) = &entry.proof {
        add(EvidenceFile::InnerPath, proof.inner_path.as_bytes())?;
        add(EvidenceFile::Manifest, &proof.manifest)?;
        add(EvidenceFile::Proof, proof.tlog_proof.as_bytes())?;
        add(EvidenceFile::Checkpoint, proof.checkpoint.as_bytes())?;
    }
    Ok(())
}

/// The rendered files by path.
#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn page(&mut self, place: &Place, html: String) -> Result<(), PackageError> {
        self.add(links::file(place), html.into_bytes())
    }

    fn add(&mut self, path: String, bytes: Vec<u8>) -> Result<(), PackageError> {
        if self.0.contains_key(&path) {
            return Err(refused(&path, "it was rendered twice; hand each entry in once"));
        }
        self.0.insert(path, bytes);
        Ok(())
    }
}

fn refused(path: &str, why: &'static str) -> PackageError {
    PackageError::Path { path: path.chars().take(200).collect(), why }
}
