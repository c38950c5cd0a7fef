//! Lists of people: who works here, and who no longer does. As CSV, or as answers of SCIM 2.0.
//!
//! An entry is one page of one reading: `{"format":"csv","read_at":...,"page":1,"pages":1,"sha256":...,"content":"..."}`, with the file as it is as `content`.
//!
//! **CSV** (RFC 4180, also with `;` or tabs; UTF-8): a header, then one line for each person. `user` is needed; `person`, `status`, `joined_at` and `left_at` may be there,
//! other columns are not looked at. `status` is `active` or `left`; without one, `left_at` decides. Times are RFC 3339, or dates: somebody comes at the
//! beginning of a day and leaves at its end, UTC.
//!
//! **SCIM** (RFC 7644): a `ListResponse` of users, or one user.

mod csv;
mod scim;

use std::borrow::Cow;

use records::table::{Provenance, TableSink};
use records::tables::identities::{PeopleReading, Person};
use records::{EntryView, Timestamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::VERSION;
use crate::fault::Faults;
use crate::json::{MAX_DEPTH, check};

/// At most so many faults of one page are told one by one.
const MOST_FAULTS: usize = 20;

/// An entry of an `identities` source.
#[derive(Debug, Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    read_at: Timestamp,
    page: i64,
    pages: i64,
    #[serde(borrow)]
    sha256: Cow<'a, str>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

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

/// The people of a page, and what could not be read of it, with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Those that could be read.
    pub people: Vec<Listed>,
    /// What is wrong, one line each.
    pub faults: Vec<String>,
}

/// Reads the content of a page.
///
/// # Errors
/// The format is not known, or nothing of the content can be read: in one line.
pub fn read(format: &str, content: &str) -> Result<People, String> {
    match format {
        "csv" => csv::read(content),
        "scim" => scim::read(content),
        other => {
            Err(format!("{:?} is no form of a list of people: csv or scim", other.chars().take(64).collect::<String>()))
        }
    }
}

/// Makes the rows of a page.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    let mut faults = Faults::of(entry);
    if let Err(malformed) = check(entry.raw, MAX_DEPTH) {
        faults.malformed("reading", malformed);
    } else {
        match serde_json::from_slice::<Page<'_>>(entry.raw) {
            Ok(page) => rows(entry, &page, &mut faults, sink),
            Err(error) => faults.add("wrong_type", format!("not a page of a list of people: {error}")),
        }
    }
    faults.append_to(sink);
}

fn rows<'a>(entry: &EntryView<'a>, page: &Page<'_>, faults: &mut Faults<'a>, sink: &mut impl TableSink) {
    let digest = hex::encode(Sha256::digest(page.content.as_bytes()));
    let mut whole = digest.eq_ignore_ascii_case(&page.sha256);
    if !whole {
        faults.add("digest_mismatch", format!("sha256 says {}, the content has {digest}", page.sha256));
    }
    let read =
        read(&page.format, &page.content).unwrap_or_else(|error| People { people: Vec::new(), faults: vec![error] });
    whole &= read.faults.is_empty();
    for fault in read.faults.iter().take(MOST_FAULTS) {
        faults.add("wrong_type", fault.clone());
    }
    if let Some(more) = read.faults.len().checked_sub(MOST_FAULTS).filter(|more| *more > 0) {
        faults.add("wrong_type", format!("and {more} more lines that cannot be read"));
    }
    sink.append(&PeopleReading {
        provenance: Provenance::of(entry, VERSION),
        read_at: page.read_at,
        format: Cow::Borrowed(&page.format),
        page: page.page,
        pages: page.pages,
        digest: Cow::Owned(digest),
        people: i64::try_from(read.people.len()).unwrap_or(i64::MAX),
        whole,
    });
    for person in &read.people {
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
            prop_assert_eq!(read.people.iter().map(|p| p.user_name.clone().unwrap()).collect::<Vec<_>>(), expected.clone());
            prop_assert!(read.people.iter().all(|p| p.active == Some(false)));
            prop_assert_eq!(read.faults.len(), users.len() - expected.len());
        }
    }
}
