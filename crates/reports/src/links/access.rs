//! Where the pages about access are.

use sha2::{Digest, Sha256};

use super::numbered;
use crate::access::AccessQuestion;

/// The pages about access. The package has those of the end of the window, whatever the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessPlace {
    /// Rights at a moment, in figures.
    Summary(Box<AccessQuestion>),
    /// A page of subjects, from 1; only the portal has it.
    Subjects(Box<AccessQuestion>, usize),
    /// What one subject holds.
    Subject(Box<AccessQuestion>),
    /// Who can make a request; in the package how to ask that.
    WhoCan(Box<AccessQuestion>),
    /// What changed between two moments; in the package over the window.
    Difference(Box<AccessQuestion>),
    /// A page of the credentials that people used, from 1.
    People(Box<AccessQuestion>, usize),
}

/// The lists about access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessList {
    /// Subjects with their grants and risks.
    Subjects,
    /// Rules that a subject holds.
    Rules,
    /// Risks, of a subject or of all.
    Risks,
    /// Use of permissions, of a subject.
    PermissionUse,
    /// Who can make a request, and by what.
    WhoCan,
    /// Rules that changed between two moments.
    RuleChanges,
    /// Risks that changed between two moments.
    RiskChanges,
    /// Credentials that people used.
    Credentials,
}

impl AccessList {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Subjects,
        Self::Rules,
        Self::Risks,
        Self::PermissionUse,
        Self::WhoCan,
        Self::RuleChanges,
        Self::RiskChanges,
        Self::Credentials,
    ];

    /// Its name without `.csv`.
    #[must_use]
    pub fn stem(self) -> &'static str {
        match self {
            Self::Subjects => "subjects",
            Self::Rules => "rules",
            Self::Risks => "risks",
            Self::PermissionUse => "permission-use",
            Self::WhoCan => "who-can",
            Self::RuleChanges => "rule-changes",
            Self::RiskChanges => "risk-changes",
            Self::Credentials => "credentials",
        }
    }

    /// The list with this name.
    #[must_use]
    pub fn parse(file: &str) -> Option<Self> {
        let stem = file.strip_suffix(".csv")?;
        Self::ALL.into_iter().find(|list| list.stem() == stem)
    }
}

pub(super) fn file(place: &AccessPlace) -> String {
    match place {
        AccessPlace::Summary(_) => "access.html".to_owned(),
        AccessPlace::Subjects(_, page) => numbered("access/subjects", *page),
        AccessPlace::Subject(question) => format!("access/subjects/{}.html", name(&question.subject)),
        AccessPlace::WhoCan(_) => "access/who-can.html".to_owned(),
        AccessPlace::Difference(_) => "access/changes.html".to_owned(),
        AccessPlace::People(_, page) => numbered("access/people", *page),
    }
}

pub(super) fn path(place: &AccessPlace) -> String {
    let paged = |stem: &str, question: &AccessQuestion, page: usize| {
        let query = question.query();
        match page {
            1 => format!("{stem}{query}"),
            page => format!("{stem}{query}{}page={page}", if query.is_empty() { '?' } else { '&' }),
        }
    };
    match place {
        AccessPlace::Summary(question) => paged("/access", question, 1),
        AccessPlace::Subjects(question, page) => paged("/access/subjects", question, *page),
        AccessPlace::Subject(question) => paged("/access/subject", question, 1),
        AccessPlace::WhoCan(question) => paged("/access/who-can", question, 1),
        AccessPlace::Difference(question) => paged("/access/diff", question, 1),
        AccessPlace::People(question, page) => paged("/access/people", question, *page),
    }
}

/// The name of a subject's file: subjects may hold any character, so it is a digest of theirs.
fn name(subject: &str) -> String {
    let mut name = hex::encode(Sha256::digest(subject.as_bytes()));
    name.truncate(32);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_subject_can_leave_its_folder() {
        let subject = |subject: &str| {
            AccessPlace::Subject(Box::new(AccessQuestion { subject: subject.to_owned(), ..AccessQuestion::default() }))
        };
        let hostile = subject("User:../../etc/passwd?\u{0}");
        assert_eq!(file(&hostile).len(), "access/subjects/.html".len() + 32);
        assert_eq!(path(&hostile), "/access/subject?subject=User%3A..%2F..%2Fetc%2Fpasswd%3F%00");
        assert_ne!(file(&subject("User:a")), file(&subject("User:A")));
    }

    #[test]
    fn pages_follow_what_was_asked() {
        let question = AccessQuestion { search: "a b".to_owned(), ..AccessQuestion::default() };
        assert_eq!(path(&AccessPlace::Subjects(Box::default(), 2)), "/access/subjects?page=2");
        assert_eq!(path(&AccessPlace::People(Box::new(question), 3)), "/access/people?search=a%20b&page=3");
        assert_eq!(AccessList::parse("rule-changes.csv"), Some(AccessList::RuleChanges));
        assert_eq!(AccessList::parse("rules"), None);
    }
}
