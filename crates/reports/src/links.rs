//! Where pages are: relative files in the package, absolute paths in the portal.

use std::collections::BTreeSet;

use records::{EntryReference, SourceName};

/// Something that a page can link to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The overview by criterion.
    Overview,
    /// The list of all controls.
    Controls,
    /// One control.
    Control(String),
    /// A page of the items of a control; pages count from 1.
    Items(String, usize),
    /// The page of one entry.
    Evidence(EntryReference),
    /// A file of one entry.
    EvidenceFile(EntryReference, EvidenceFile),
    /// Sources and gaps.
    Sources,
    /// A list as CSV.
    Csv(CsvFile),
    /// The style sheet.
    Style,
}

/// The files that belong to one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceFile {
    /// The line of the segment, byte for byte, without the line feed.
    Line,
    /// The inner path as JSON.
    InnerPath,
    /// The segment's manifest.
    Manifest,
    /// The C2SP tlog-proof.
    Proof,
    /// The signed checkpoint.
    Checkpoint,
}

impl EvidenceFile {
    /// All.
    pub const ALL: [EvidenceFile; 5] = [Self::Line, Self::InnerPath, Self::Manifest, Self::Proof, Self::Checkpoint];

    /// The end of its name: after the entry's number in the package, after the page's path in the portal.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Line => "line.json",
            Self::InnerPath => "inner-path.json",
            Self::Manifest => "manifest.json",
            Self::Proof => "tlog-proof",
            Self::Checkpoint => "checkpoint",
        }
    }

    /// The file with this suffix.
    #[must_use]
    pub fn parse(suffix: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.suffix() == suffix)
    }
}

/// The lists that stand beside tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CsvFile {
    /// All controls with their numbers.
    Controls,
    /// All items of a control.
    Items(String),
    /// The deviating items of a control.
    Deviations(String),
    /// The window of a control, period by period.
    Periods(String),
    /// Sources.
    Sources,
    /// Coverage.
    Coverage,
    /// Gaps.
    Gaps,
}

/// How links are written.
#[derive(Debug, Clone)]
pub struct Links<'a> {
    form: Form,
    evidence: Option<&'a BTreeSet<EntryReference>>,
}

#[derive(Debug, Clone)]
enum Form {
    /// Files; the number says how many folders above the page the package's root is.
    Relative(usize),
    /// Paths of the portal.
    Absolute,
}

impl<'a> Links<'a> {
    /// For a page of the package at this place; only the entries in `evidence` have pages.
    #[must_use]
    pub fn relative_from(place: &Place, evidence: &'a BTreeSet<EntryReference>) -> Self {
        Self { form: Form::Relative(file(place).matches('/').count()), evidence: Some(evidence) }
    }

    /// For the portal, where every entry has a page.
    #[must_use]
    pub fn absolute() -> Self {
        Self { form: Form::Absolute, evidence: None }
    }

    /// Whether pages are live, not files.
    #[must_use]
    pub fn live(&self) -> bool {
        matches!(self.form, Form::Absolute)
    }

    /// The reference to a place, to be escaped by the template like any text.
    #[must_use]
    pub fn to(&self, place: &Place) -> String {
        match self.form {
            Form::Relative(depth) => "../".repeat(depth) + &file(place),
            Form::Absolute => path(place),
        }
    }

    /// The reference to the page of an entry, when there is one.
    #[must_use]
    pub fn to_evidence(&self, reference: &EntryReference) -> Option<String> {
        // A name that is no source name could hold anything ("../"), so it gets no link.
        reference.source.parse::<SourceName>().ok()?;
        match self.evidence {
            Some(known) if !known.contains(reference) => None,
            _ => Some(self.to(&Place::Evidence(reference.clone()))),
        }
    }
}

/// The name of a place's file in the package.
#[must_use]
pub fn file(place: &Place) -> String {
    match place {
        Place::Overview => "index.html".to_owned(),
        Place::Controls => "controls.html".to_owned(),
        Place::Control(id) => format!("controls/{id}.html"),
        Place::Items(id, 1) => format!("controls/{id}/items.html"),
        Place::Items(id, page) => format!("controls/{id}/items-{page}.html"),
        Place::Evidence(reference) => format!("{}.html", evidence_stem(reference)),
        Place::EvidenceFile(reference, file) => format!("{}.{}", evidence_stem(reference), file.suffix()),
        Place::Sources => "sources.html".to_owned(),
        Place::Csv(csv) => format!("{}.csv", csv_stem(csv)),
        Place::Style => "style.css".to_owned(),
    }
}

/// The path of a place in the portal.
#[must_use]
pub fn path(place: &Place) -> String {
    match place {
        Place::Overview => "/".to_owned(),
        Place::Controls => "/controls".to_owned(),
        Place::Control(id) => format!("/controls/{id}"),
        Place::Items(id, 1) => format!("/controls/{id}/items"),
        Place::Items(id, page) => format!("/controls/{id}/items?page={page}"),
        Place::Evidence(reference) => format!("/evidence/{}/{}", reference.source, reference.seq),
        Place::EvidenceFile(reference, file) => {
            format!("/evidence/{}/{}/{}", reference.source, reference.seq, file.suffix())
        }
        Place::Sources => "/sources".to_owned(),
        Place::Csv(csv) => format!("/{}.csv", csv_stem(csv)),
        Place::Style => "/style.css".to_owned(),
    }
}

fn csv_stem(csv: &CsvFile) -> String {
    match csv {
        CsvFile::Controls => "controls".to_owned(),
        CsvFile::Items(id) => format!("controls/{id}/items"),
        CsvFile::Deviations(id) => format!("controls/{id}/deviations"),
        CsvFile::Periods(id) => format!("controls/{id}/periods"),
        CsvFile::Sources => "sources".to_owned(),
        CsvFile::Coverage => "coverage".to_owned(),
        CsvFile::Gaps => "gaps".to_owned(),
    }
}

/// `evidence/<origin>/<class>/<detail>/<seq>`, with the two characters that file systems or paths take amiss written
/// as `~c` (colon) and, at the beginning of a part, `~d` (dot). No source name holds `~`, so no two names meet.
fn evidence_stem(reference: &EntryReference) -> String {
    let mut stem = String::from("evidence");
    for part in reference.source.split('/') {
        stem.push('/');
        for (place, c) in part.chars().enumerate() {
            match c {
                ':' => stem.push_str("~c"),
                '.' if place == 0 => stem.push_str("~d"),
                _ => stem.push(c),
            }
        }
    }
    format!("{stem}/{}", reference.seq)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(source: &str) -> EntryReference {
        EntryReference { source: source.to_owned(), segment: 3, seq: 42 }
    }

    #[test]
    fn a_source_cannot_leave_the_evidence_folder() {
        assert_eq!(file(&Place::Evidence(reference("../audit/a:b"))), "evidence/~d./audit/a~cb/42.html");
        let known = BTreeSet::new();
        let hostile = reference("../../etc/passwd");
        assert_eq!(Links::absolute().to_evidence(&hostile), None);
        assert_eq!(Links::relative_from(&Place::Overview, &known).to_evidence(&reference("a/audit/b")), None);
    }

    #[test]
    fn relative_links_climb_to_the_root_of_the_package() {
        let known = BTreeSet::new();
        let from = Links::relative_from(&Place::Items("AC-01".to_owned(), 2), &known);
        assert_eq!(from.to(&Place::Control("AC-02".to_owned())), "../../controls/AC-02.html");
        assert_eq!(from.to(&Place::Overview), "../../index.html");
    }
}
