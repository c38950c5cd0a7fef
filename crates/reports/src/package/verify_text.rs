//! `VERIFY.md`: how somebody who trusts nobody checks the package.

use askama::Template;

use super::{CopiedFile, ITEMS_PER_PAGE};
use crate::evidence::{EvidenceMaterial, ProofMaterial};
use crate::links::{self, EvidenceFile, Place};
use crate::pages::PageError;
use crate::report::Report;
use crate::shown::Shown;

#[derive(Template)]
#[template(path = "VERIFY.md", escape = "none")]
struct Page {
    from: String,
    to: String,
    origin: Shown,
    checkpoint_size: i64,
    checkpoint_root: Shown,
    verifier_key: Shown,
    evaluation: Shown,
    version: Shown,
    entries: usize,
    copied: usize,
    items_per_page: usize,
    example: Option<Example>,
}

struct Example {
    line: String,
    leaf_hash: String,
}

pub(super) fn render(
    report: &Report,
    evidence: &[EvidenceMaterial],
    copied: &[CopiedFile],
) -> Result<String, PageError> {
    let material = report.material();
    let first = evidence
        .iter()
        .filter(|entry| matches!(entry.proof, ProofMaterial::Sealed(_)))
        .min_by_key(|entry| &entry.reference);
    let page = Page {
        from: material.window.from.to_string(),
        to: material.window.to.to_string(),
        origin: Shown::line(&material.log.origin),
        checkpoint_size: material.evaluation.checkpoint_size,
        checkpoint_root: Shown::line(&material.evaluation.checkpoint_root),
        verifier_key: Shown::line(&material.log.verifier_key),
        evaluation: Shown::line(&material.evaluation.evaluation_id),
        version: Shown::line(&material.evaluation.version),
        entries: evidence.len(),
        copied: copied.len(),
        items_per_page: ITEMS_PER_PAGE,
        example: first.map(|entry| Example {
            line: links::file(&Place::EvidenceFile(entry.reference.clone(), EvidenceFile::Line)),
            leaf_hash: entry.leaf_hash(),
        }),
    };
    page.render().map_err(|source| PageError::Template { page: "VERIFY.md", source })
}
