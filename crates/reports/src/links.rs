//! Where pages are: relative files in the package, absolute paths in the portal.

mod access;
mod network;
mod secrets;

use std::collections::BTreeSet;

use records::{EntryReference, SourceName};

pub use access::{AccessList, AccessPlace};

use crate::access::AccessQuestion;
use crate::admission::{DecisionFilter, is_decision_id, is_plain_name};
use crate::network::NetworkQuery;
use crate::secrets::SecretQuery;

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
    /// Admission control.
    Admission(AdmissionPlace),
    /// The network.
    Network(NetworkPlace),
    /// Secrets.
    Secrets(SecretsPlace),
    /// Who holds what, and who used which credential.
    Access(AccessPlace),
    /// A list as CSV.
    Csv(CsvFile),
    /// The style sheet.
    Style,
}

/// The pages about admission control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdmissionPlace {
    /// What was decided, in figures.
    Summary,
    /// A page of decisions, from 1. The package has the pages of one list, whatever the filter.
    Decisions(Box<DecisionFilter>, usize),
    /// One decision, by its identifier.
    Decision(String),
    /// All exceptions.
    Exceptions,
    /// One exception, by its identifier.
    Exception(String),
    /// The policy sets over time.
    PolicySets,
    /// One reading of policies, by its entry.
    PolicySet(EntryReference),
    /// A page of the changes of what guards admission, from 1.
    Guards(usize),
    /// A page of documentation, by its name.
    Guide(String),
}

/// The pages about the network. The package has those of the end of the window, without other questions than the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkPlace {
    /// Trust matrix, map, isolation, ways in, probes.
    Summary(Box<NetworkQuery>),
    /// A page of flows, from 1.
    Flows(Box<NetworkQuery>, usize),
    /// What a workload reaches; without one, where it is asked for.
    Workload(Box<NetworkQuery>),
}

/// The pages about Secrets. The package has those of the end of the window, without other questions than the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretsPlace {
    /// Encryption, managers, reads, credentials in plain text.
    Overview(Box<SecretQuery>),
    /// A page of Secrets, from 1.
    List(Box<SecretQuery>, usize),
    /// One Secret.
    Secret(Box<SecretQuery>),
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
    /// Decisions of admission control that pass a filter; in the package those that it has pages for.
    Decisions(Box<DecisionFilter>),
    /// Exceptions from policies.
    Exceptions,
    /// Readings of policies, without their content.
    PolicySets,
    /// What does not agree between decisions and the audit log.
    Unreconciled,
    /// A list about the network; in the package that of the end of the window.
    Network(NetworkCsv, Box<NetworkQuery>),
    /// A list about Secrets; in the package that of the end of the window.
    Secrets(SecretsCsv, Box<SecretQuery>),
    /// A list about access; in the package that of the end of the window.
    Access(AccessList, Box<AccessQuestion>),
}

/// The lists about the Secrets of one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretsCsv {
    /// Secrets; in the package those that it has pages for.
    Secrets,
    /// Encryption at rest in the window.
    Encryption,
    /// Reads by people in the window.
    Reads,
    /// Credentials in plain text in objects.
    Findings,
    /// Credentials in plain text in audit events of the window.
    InLogs,
}

impl SecretsCsv {
    /// All.
    pub const ALL: [Self; 5] = [Self::Secrets, Self::Encryption, Self::Reads, Self::Findings, Self::InLogs];

    /// Its name without `.csv`.
    #[must_use]
    pub fn stem(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Encryption => "encryption",
            Self::Reads => "reads",
            Self::Findings => "plaintext",
            Self::InLogs => "plaintext-in-logs",
        }
    }
}

/// The lists about the network of one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkCsv {
    /// Flows counted by pairs of namespaces.
    Pairs,
    /// Flows; in the package those that it has rows for.
    Flows,
    /// Isolation of namespaces in the window.
    Isolation,
    /// Ways in from outside.
    EntryPoints,
    /// Connections that probes tried in the window.
    Probes,
    /// What a workload reaches.
    Reach,
}

impl NetworkCsv {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Pairs, Self::Flows, Self::Isolation, Self::EntryPoints, Self::Probes, Self::Reach];

    /// Its name without `.csv`.
    #[must_use]
    pub fn stem(self) -> &'static str {
        match self {
            Self::Pairs => "pairs",
            Self::Flows => "flows",
            Self::Isolation => "isolation",
            Self::EntryPoints => "entry-points",
            Self::Probes => "probes",
            Self::Reach => "reach",
        }
    }
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

    /// The reference to the page of a decision, when it has one. `known`: whether the package has it.
    #[must_use]
    pub fn to_decision(&self, id: &str, known: bool) -> Option<String> {
        let there = is_decision_id(id) && (known || self.live());
        there.then(|| self.to(&Place::Admission(AdmissionPlace::Decision(id.to_owned()))))
    }

    /// The reference to the decisions that pass a filter; the package has no such pages.
    #[must_use]
    pub fn to_decisions(&self, filter: DecisionFilter) -> Option<String> {
        self.live().then(|| self.to(&Place::Admission(AdmissionPlace::Decisions(Box::new(filter), 1))))
    }

    /// The reference to the page of a subject, when it has one. `known`: whether the package has it.
    #[must_use]
    pub fn to_subject(&self, question: AccessQuestion, known: bool) -> Option<String> {
        (known || self.live()).then(|| self.to(&Place::Access(AccessPlace::Subject(Box::new(question)))))
    }

    /// The reference to the page of an exception, when its identifier can be part of a path.
    #[must_use]
    pub fn to_exception(&self, id: &str) -> Option<String> {
        is_plain_name(id).then(|| self.to(&Place::Admission(AdmissionPlace::Exception(id.to_owned()))))
    }

    /// The reference to the flows that a question is about; the package has one list of them, whatever is asked.
    #[must_use]
    pub fn to_flows(&self, query: NetworkQuery) -> String {
        self.to(&Place::Network(NetworkPlace::Flows(Box::new(query), 1)))
    }

    /// The reference to what a workload reaches, when it has a page. `known`: whether the package has it.
    #[must_use]
    pub fn to_reach(&self, place: &NetworkQuery, workload: &str, known: bool) -> Option<String> {
        let query = NetworkQuery { workload: workload.to_owned(), ..place.place() };
        (known || self.live()).then(|| self.to(&Place::Network(NetworkPlace::Workload(Box::new(query)))))
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
        Place::Admission(place) => admission_file(place),
        Place::Network(place) => network::file(place),
        Place::Secrets(place) => secrets::file(place),
        Place::Access(place) => access::file(place),
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
        Place::Admission(place) => admission_path(place),
        Place::Network(place) => network::path(place),
        Place::Secrets(place) => secrets::path(place),
        Place::Csv(CsvFile::Network(list, query)) => network::csv_path(*list, query),
        Place::Csv(CsvFile::Secrets(list, query)) => secrets::csv_path(*list, query),
        Place::Access(place) => access::path(place),
        Place::Csv(csv) => format!("/{}.csv{}", csv_stem(csv), csv_query(csv)),
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
        CsvFile::Decisions(_) => "admission/decisions".to_owned(),
        CsvFile::Exceptions => "admission/exceptions".to_owned(),
        CsvFile::PolicySets => "admission/policy-sets".to_owned(),
        CsvFile::Unreconciled => "admission/reconciliation".to_owned(),
        CsvFile::Network(list, query) => network::csv_stem(*list, query),
        CsvFile::Secrets(list, query) => secrets::csv_stem(*list, query),
        CsvFile::Access(list, _) => format!("access/{}", list.stem()),
    }
}

fn csv_query(csv: &CsvFile) -> String {
    match csv {
        CsvFile::Decisions(filter) if !filter.is_empty() => format!("?{}", filter.query()),
        CsvFile::Access(_, question) => question.query(),
        _ => String::new(),
    }
}

/// The file of a page of a list, from 1.
fn numbered(stem: &str, page: usize) -> String {
    if page == 1 { format!("{stem}.html") } else { format!("{stem}-{page}.html") }
}

fn admission_file(place: &AdmissionPlace) -> String {
    match place {
        AdmissionPlace::Summary => "admission.html".to_owned(),
        AdmissionPlace::Decisions(_, page) => numbered("admission/decisions", *page),
        AdmissionPlace::Decision(id) => format!("admission/decisions/{id}.html"),
        AdmissionPlace::Exceptions => "admission/exceptions.html".to_owned(),
        AdmissionPlace::Exception(id) => format!("admission/exceptions/{id}.html"),
        AdmissionPlace::PolicySets => "admission/policy-sets.html".to_owned(),
        AdmissionPlace::PolicySet(reference) => format!("admission/policy-sets/{}.html", entry_stem(reference)),
        AdmissionPlace::Guards(page) => numbered("admission/guards", *page),
        AdmissionPlace::Guide(name) => format!("admission/policies/{name}.html"),
    }
}

fn admission_path(place: &AdmissionPlace) -> String {
    match place {
        AdmissionPlace::Summary => "/admission".to_owned(),
        AdmissionPlace::Decisions(filter, page) => {
            let mut query = filter.query();
            if *page > 1 {
                query.push_str(&format!("{}page={page}", if query.is_empty() { "" } else { "&" }));
            }
            let mark = if query.is_empty() { "" } else { "?" };
            format!("/admission/decisions{mark}{query}")
        }
        AdmissionPlace::Decision(id) => format!("/admission/decisions/{id}"),
        AdmissionPlace::Exceptions => "/admission/exceptions".to_owned(),
        AdmissionPlace::Exception(id) => format!("/admission/exceptions/{id}"),
        AdmissionPlace::PolicySets => "/admission/policy-sets".to_owned(),
        AdmissionPlace::PolicySet(reference) => {
            format!("/admission/policy-sets/{}/{}", reference.source, reference.seq)
        }
        AdmissionPlace::Guards(1) => "/admission/guards".to_owned(),
        AdmissionPlace::Guards(page) => format!("/admission/guards?page={page}"),
        AdmissionPlace::Guide(name) => format!("/admission/policies/{name}"),
    }
}

/// `evidence/<origin>/<class>/<detail>/<seq>`, with the two characters that file systems or paths take amiss written
/// as `~c` (colon) and, at the beginning of a part, `~d` (dot). No source name holds `~`, so no two names meet.
fn evidence_stem(reference: &EntryReference) -> String {
    format!("evidence/{}", entry_stem(reference))
}

fn entry_stem(reference: &EntryReference) -> String {
    let mut stem = String::new();
    for part in reference.source.split('/') {
        for (place, c) in part.chars().enumerate() {
            match c {
                ':' => stem.push_str("~c"),
                '.' if place == 0 => stem.push_str("~d"),
                _ => stem.push(c),
            }
        }
        stem.push('/');
    }
    format!("{stem}{}", reference.seq)
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
