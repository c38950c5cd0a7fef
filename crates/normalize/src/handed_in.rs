//! Lists that people or programs hand in as files: the form of their entries, and of CSV.
//!
//! An entry is one page of one reading: `{"format":"csv","read_at":...,"page":1,"pages":1,"sha256":...,"content":"..."}`, with the file as it is as `content`.
//!
//! **CSV** (RFC 4180, also with `;` or tabs; UTF-8): a header, then one line for each thing. The order of the columns does not matter, nor does the case of their
//! names; columns that a list does not know are not looked at.

use std::borrow::Cow;

use csv::{ReaderBuilder, StringRecord};
use records::{EntryView, TableSink, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fault::Faults;
use crate::json::{MAX_DEPTH, check};

/// At most so many faults of one page are told one by one.
const MOST_FAULTS: usize = 20;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// One page of one reading of a list, as it is in an entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Page<'a> {
    /// The form of the content.
    #[serde(borrow)]
    pub format: Cow<'a, str>,
    /// When it was read. All pages of one reading have one time.
    pub read_at: Timestamp,
    /// Its number, from 1.
    pub page: i64,
    /// How many pages the reading has.
    pub pages: i64,
    /// SHA-256 (hexadecimal) of the content.
    #[serde(borrow)]
    pub sha256: Cow<'a, str>,
    /// The file.
    #[serde(borrow)]
    pub content: Cow<'a, str>,
}

impl<'a> Page<'a> {
    /// A page with the digest of its content.
    #[must_use]
    pub fn new(format: &'a str, read_at: Timestamp, page: i64, pages: i64, content: &'a str) -> Self {
        let sha256 = digest(content).into();
        Self { format: format.into(), read_at, page, pages, sha256, content: content.into() }
    }

    /// The page of an entry; when it cannot be read, that is a fault.
    fn of(entry: &EntryView<'a>, faults: &mut Faults<'_>) -> Option<Self> {
        if let Err(malformed) = check(entry.raw, MAX_DEPTH) {
            faults.malformed("reading", malformed);
            return None;
        }
        match serde_json::from_slice(entry.raw) {
            Ok(page) => Some(page),
            Err(error) => {
                faults.add("wrong_type", format!("not a page of a list: {error}"));
                None
            }
        }
    }

    /// The digest that the content has; when the page says another, that is a fault, and the page is not whole.
    fn digest(&self, faults: &mut Faults<'_>) -> (String, bool) {
        let digest = digest(&self.content);
        let same = digest.eq_ignore_ascii_case(&self.sha256);
        if !same {
            faults.add("digest_mismatch", format!("sha256 says {}, the content has {digest}", self.sha256));
        }
        (digest, same)
    }
}

fn digest(content: &str) -> String {
    hex::encode(Sha256::digest(content.as_bytes()))
}

/// The things of a page that could be read, and what is wrong with the others, one line each with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read<T> {
    /// Those that could be read.
    pub items: Vec<T>,
    /// What is wrong.
    pub faults: Vec<String>,
}

impl<T> Default for Read<T> {
    fn default() -> Self {
        Self { items: Vec::new(), faults: Vec::new() }
    }
}

impl<T> Read<T> {
    /// Nothing of it, for that reason.
    fn unreadable(why: String) -> Self {
        Self { items: Vec::new(), faults: vec![why] }
    }

    /// Makes what is wrong faults of the entry.
    fn tell(&self, faults: &mut Faults<'_>) {
        for fault in self.faults.iter().take(MOST_FAULTS) {
            faults.add("wrong_type", fault.clone());
        }
        if let Some(more) = self.faults.len().checked_sub(MOST_FAULTS).filter(|more| *more > 0) {
            faults.add("wrong_type", format!("and {more} more lines that cannot be read"));
        }
    }
}

/// A page with what was read of it.
pub(crate) struct Told<'a, T> {
    pub(crate) page: Page<'a>,
    /// The digest that the content has.
    pub(crate) digest: String,
    /// Whether that is the digest of the page, and everything could be read.
    pub(crate) whole: bool,
    pub(crate) items: Vec<T>,
}

/// Makes the rows of an entry: `read` reads a content of a format, `rows` makes the rows of what was read. What is wrong becomes faults.
pub(crate) fn project<T, S: TableSink>(
    entry: &EntryView<'_>,
    sink: &mut S,
    read: impl FnOnce(&str, &str) -> Result<Read<T>, String>,
    rows: impl FnOnce(&Told<'_, T>, &mut S),
) {
    let mut faults = Faults::of(entry);
    if let Some(page) = Page::of(entry, &mut faults) {
        let (digest, same) = page.digest(&mut faults);
        let read = read(&page.format, &page.content).unwrap_or_else(Read::unreadable);
        read.tell(&mut faults);
        let whole = same && read.faults.is_empty();
        rows(&Told { page, digest, whole, items: read.items }, sink);
    }
    faults.append_to(sink);
}

/// A file of CSV whose header was read.
pub(crate) struct Sheet<'a> {
    reader: csv::Reader<&'a [u8]>,
    header: StringRecord,
}

/// One column of a sheet; `None` when it has no such column.
pub(crate) type Column = Option<usize>;

/// One line of a sheet.
pub(crate) struct Line<'s>(&'s StringRecord);

impl<'s> Line<'s> {
    /// What stands in the column; `None` when nothing does.
    pub(crate) fn cell(&self, column: Column) -> Option<&'s str> {
        column.and_then(|column| self.0.get(column)).map(str::trim).filter(|text| !text.is_empty())
    }
}

impl<'a> Sheet<'a> {
    /// Reads the header. The separator is the one of `,`, `;` and tab that it has most of.
    pub(crate) fn new(content: &'a str) -> Result<Self, String> {
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        let header = content.lines().next().unwrap_or_default();
        let most = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|separator| (header.bytes().filter(|byte| byte == separator).count(), *separator == b','));
        let mut reader =
            ReaderBuilder::new().delimiter(most.unwrap_or(b',')).flexible(true).from_reader(content.as_bytes());
        let header = reader.headers().map_err(|error| format!("the header cannot be read: {error}"))?.clone();
        Ok(Self { reader, header })
    }

    /// The column of that name.
    pub(crate) fn column(&self, name: &str) -> Column {
        self.header.iter().position(|column| column.trim().eq_ignore_ascii_case(name))
    }

    /// The column of that name, which has to be there.
    pub(crate) fn needed(&self, name: &str) -> Result<Column, String> {
        self.column(name).map(Some).ok_or_else(|| format!("the header has no column {name}"))
    }

    /// What each line is read as. A line that cannot be read is a fault and stops no other.
    pub(crate) fn read<T>(mut self, mut read: impl FnMut(&Line<'_>) -> Result<T, String>) -> Read<T> {
        let mut all = Read::default();
        let mut record = StringRecord::new();
        loop {
            match self.reader.read_record(&mut record) {
                Ok(false) => return all,
                Ok(true) => {}
                Err(error) => {
                    all.faults.push(format!("a line cannot be read: {error}"));
                    return all;
                }
            }
            match read(&Line(&record)) {
                Ok(item) => all.items.push(item),
                Err(why) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    all.faults.push(format!("line {line}: {why}"));
                }
            }
        }
    }
}

/// A text as it is told in a fault: quoted, cut to 64 characters.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(64).collect::<String>())
}

/// A time, or a date: then its beginning.
pub(crate) fn from(text: &str) -> Result<Timestamp, String> {
    time(text, 0)
}

/// A time, or a date: then its end.
pub(crate) fn until(text: &str) -> Result<Timestamp, String> {
    time(text, DAY)
}

/// A time, or a date: then the beginning of the day and so many microseconds more.
fn time(text: &str, of_date: i64) -> Result<Timestamp, String> {
    let wrong = || format!("{} is neither a time (RFC 3339) nor a date", quoted(text));
    if text.len() == 10 {
        let day: Timestamp = format!("{text}T00:00:00Z").parse().map_err(|_| wrong())?;
        return Ok(day.plus_micros(of_date));
    }
    text.parse().map_err(|_| wrong())
}
