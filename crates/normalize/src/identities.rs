//! Lists of people: who works here, and who no longer does. As CSV, or as answers of SCIM 2.0.
//!
//! An entry is one page of one reading ([`crate::handed_in`]).
//!
//! **CSV**: `user` is needed; `person`, `status`, `joined_at` and `left_at` may be there. `status` is `active` or `left`; without one, `left_at` decides.
//! Times are RFC 3339, or dates: somebody comes at the beginning of a day and leaves at its end, UTC.
//!
//! **SCIM** (RFC 7644): a `ListResponse` of users, or one user.

mod csv;
mod scim;

use std::borrow::Cow;

use records::table::{Provenance, TableSink};
use records::tables::identities::{PeopleReading, Person};
use records::{EntryView, Timestamp};

use crate::VERSION;
use crate::handed_in::{self, Read, Told, quoted};

/// A person as a list has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Identifier in the list.
    pub person: String,
    /// Name as a user.
    pub user_name: Option<String>,
    /// What the list says of the status.
    pub active: Option<bool>,
    /// When they came.
    pub joined_at: Option<Timestamp>,
    /// When they left or will.
    pub left_at: Option<Timestamp>,
}

impl Listed {
    /// Whether they work here at this time.
    #[must_use]
    pub fn works_at(&self, at: Timestamp) -> bool {
        self.active != Some(false) && self.left_at.is_none_or(|left| at < left)
    }
}

/// The people of a page, and what could not be read of it.
pub type People = Read<Listed>;

/// Reads the content of a page.
///
/// # Errors
/// The format is not known, or nothing of the content can be read: in one line.
pub fn read(format: &str, content: &str) -> Result<People, String> {
    match format {
        "csv" => csv::read(content),
        "scim" => scim::read(content),
        other => Err(format!("{} is no form of a list of people: csv or scim", quoted(other))),
    }
}

/// Makes the rows of a page.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    handed_in::project(entry, sink, read, |told, sink| rows(entry, told, sink));
}

fn rows(entry: &EntryView<'_>, told: &Told<'_, Listed>, sink: &mut impl TableSink) {
    let Told { page, digest, whole, items } = told;
    sink.append(&PeopleReading {
        provenance: Provenance::of(entry, VERSION),
        read_at: page.read_at,
        format: Cow::Borrowed(&page.format),
        page: page.page,
        pages: page.pages,
        digest: Cow::Borrowed(digest),
        people: i64::try_from(items.len()).unwrap_or(i64::MAX),
        whole: *whole,
    });
    for person in items {
        sink.append(&Person {
            provenance: Provenance::of(entry, VERSION),
            read_at: page.read_at,
            person: Cow::Borrowed(&person.person),
            user_name: person.user_name.as_deref().map(Cow::Borrowed),
            active: person.works_at(page.read_at),
            joined_at: person.joined_at,
            left_at: person.left_at,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn somebody_works_until_they_left() {
        let listed = |active, left: Option<&str>| Listed {
            person: "1".into(),
            user_name: None,
            active,
            joined_at: None,
            left_at: left.map(at),
        };
        let now = at("2026-03-02T00:00:00Z");
        assert!(listed(None, None).works_at(now));
        assert!(listed(Some(true), Some("2026-03-02T00:00:01Z")).works_at(now));
        assert!(!listed(Some(true), Some("2026-03-02T00:00:00Z")).works_at(now));
        assert!(!listed(Some(false), Some("2026-06-01T00:00:00Z")).works_at(now));
    }

    proptest! {
        #[test]
        fn any_content_does_no_harm(content in ".{0,200}", format in "csv|scim|other") {
            let _ = read(&format, &content);
        }

        #[test]
        fn what_is_written_is_read(
            users in prop::collection::vec("[ -~äöü€]{1,20}", 0..20), separator in "[,;\t]", byte_order_mark in any::<bool>(),
        ) {
            let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
            let mut content = if byte_order_mark { "\u{feff}".to_owned() } else { String::new() };
            content.push_str(&["user", "\"status\"", "extra"].join(&separator));
            content.push_str("\r\n");
            for user in &users {
                content.push_str(&[quoted(user), "left".to_owned(), quoted(user)].join(&separator));
                content.push_str("\r\n");
            }
            let read = read("csv", &content).unwrap();
            let expected: Vec<String> = users.iter().map(|user| user.trim().to_owned()).filter(|user| !user.is_empty()).collect();
            prop_assert_eq!(read.items.iter().map(|p| p.user_name.clone().unwrap()).collect::<Vec<_>>(), expected.clone());
            prop_assert!(read.items.iter().all(|p| p.active == Some(false)));
            prop_assert_eq!(read.faults.len(), users.len() - expected.len());
        }
    }
}
