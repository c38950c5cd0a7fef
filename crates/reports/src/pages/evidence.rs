//! The page of one raw entry.

use askama::Template;
use records::Verdict;

use super::frame::Frame;
use super::{Listing, PageError};
use crate::evidence::{EvidenceMaterial, ProofMaterial, SHOWN_BYTES, indented};
use crate::figures::{Mark, Moment, count};
use crate::links::{CsvFile, EvidenceFile, Links, Place};
use crate::report::{Report, evidence_of};
use crate::shown::Shown;

/// The most verdicts that are listed as resting on an entry.
const USES: usize = 50;

#[derive(Template)]
#[template(path = "evidence.html")]
struct Page {
    frame: Frame,
    source: Shown,
    seq: u64,
    segment: u64,
    received: Moment,
    bytes: String,
    leaf_hash: String,
    redaction: Option<(Shown, String)>,
    uses: Listing<Use>,
    entry: Shown,
    exact: Shown,
    cut: bool,
    line_file: String,
    proof: Option<Proof>,
    live: bool,
}

struct Use {
    control: String,
    href: String,
    label: Shown,
    verdict: Mark,
    from: Moment,
}

struct Proof {
    inner_path: Shown,
    manifest: Shown,
    tlog_proof: Shown,
    checkpoint: Shown,
    files: Vec<(&'static str, String)>,
}

/// The page of an entry: its bytes, where it is used, its proof and how to check it.
///
/// # Errors
/// [`PageError::Template`].
pub fn evidence(report: &Report, links: &Links<'_>, material: &EvidenceMaterial) -> Result<String, PageError> {
    let reference = &material.reference;
    let text = String::from_utf8_lossy(&material.line);
    let shown = bounded(&text);
    let to_file = |file| links.to(&Place::EvidenceFile(reference.clone(), file));
    let page = Page {
        frame: Frame::new(report, links, "", format!("Entry {} of {}", reference.seq, Shown::line(&reference.source))),
        source: Shown::line(&reference.source),
        seq: reference.seq,
        segment: reference.segment,
        received: Moment::new(material.received_at),
        bytes: count(i64::try_from(material.line.len()).unwrap_or(i64::MAX)),
        leaf_hash: material.leaf_hash(),
        redaction: material.redaction.as_ref().map(|redaction| {
            (Shown::line(&redaction.original_sha256), count(i64::try_from(redaction.values).unwrap_or(i64::MAX)))
        }),
        uses: uses(report, links, material),
        entry: Shown::block(&indented(shown)),
        exact: Shown::block(shown),
        cut: shown.len() < text.len(),
        line_file: to_file(EvidenceFile::Line),
        proof: proof(material, &to_file),
        live: links.live(),
    };
    page.render().map_err(PageError::template("evidence"))
}

fn uses(report: &Report, links: &Links<'_>, material: &EvidenceMaterial) -> Listing<Use> {
    let rows = report.material().items.iter().filter(|item| evidence_of(item).as_ref() == Some(&material.reference));
    let row = |item: &records::tables::results::ControlItem<'_>| Use {
        control: item.control.to_string(),
        href: links.to(&Place::Control(item.control.to_string())),
        label: Shown::line(&item.label),
        verdict: Verdict::parse(&item.verdict).expect("a report's verdicts are checked when it is made").into(),
        from: Moment::new(item.item_from),
    };
    Listing::new(rows.map(row), USES, links.to(&Place::Csv(CsvFile::Controls)))
}

fn proof(material: &EvidenceMaterial, to_file: &impl Fn(EvidenceFile) -> String) -> Option<Proof> {
    let ProofMaterial::Sealed(sealed) = &material.proof else { return None };
    let manifest = String::from_utf8_lossy(&sealed.manifest);
    let files = [
        ("inner path", EvidenceFile::InnerPath),
        ("manifest", EvidenceFile::Manifest),
        ("tlog-proof", EvidenceFile::Proof),
        ("checkpoint", EvidenceFile::Checkpoint),
    ];
    Some(Proof {
        inner_path: Shown::block(bounded(&sealed.inner_path)),
        manifest: Shown::block(&indented(bounded(&manifest))),
        tlog_proof: Shown::block(bounded(&sealed.tlog_proof)),
        checkpoint: Shown::block(bounded(&sealed.checkpoint)),
        files: files.into_iter().map(|(name, file)| (name, to_file(file))).collect(),
    })
}

/// At most [`SHOWN_BYTES`], ending at a character.
fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN_BYTES)]
}
