//! Lists of people, lists of approvals and git repositories: how long a reading of one counts.

use records::table::Provenance;
use records::tables::approvals::ApprovalReading;
use records::tables::identities::PeopleReading;
use records::tables::monitoring::Gap;
use records::tables::repositories::RepositoryReading;
use records::{Period, Timestamp};

use super::{Proof, new_gap};

/// How long after a reading a list counts as fresh: a day, and two hours for whatever reads it once a day to be late.
const FRESH_MICROS: i64 = 26 * 3600 * 1_000_000;
/// Longest time for which a reading of a repository counts.
const MOST_EVERY_SECONDS: i64 = 7 * 86_400;

/// One page of one reading of a list.
struct Page<'a, 'r> {
    entry: &'a Provenance<'r>,
    read_at: Timestamp,
    page: i64,
    pages: i64,
    whole: bool,
}

/// The readings of a list that are there whole, with how long each counts.
fn whole<'a, 'r>(name: &str, all: impl Iterator<Item = Page<'a, 'r>>) -> Vec<Fresh<'a, 'r>> {
    let mut pages: Vec<Page<'a, 'r>> = all.filter(|page| page.entry.source == name).collect();
    pages.sort_by_key(|page| (page.read_at, page.page, page.entry.segment, page.entry.seq));
    // A page that was handed in twice is one.
    pages.dedup_by_key(|page| (page.read_at, page.page));
    let readings = pages.chunk_by(|a, b| a.read_at == b.read_at);
    let whole = readings.filter(|pages| {
        let count = i64::try_from(pages.len()).unwrap_or(i64::MAX);
        pages.iter().all(|page| page.whole && page.pages == count && (1..=count).contains(&page.page))
    });
    let first = whole.filter_map(|pages| pages.first());
    first
        .map(|page| Fresh { at: page.read_at, until: page.read_at.plus_micros(FRESH_MICROS), entry: page.entry })
        .collect()
}

/// A reading that counts for some time.
#[derive(Debug)]
pub(super) struct Fresh<'a, 'r> {
    at: Timestamp,
    until: Timestamp,
    entry: &'a Provenance<'r>,
}

/// The readings of a list of people.
pub(super) fn people<'a, 'r>(name: &str, all: &'a [PeopleReading<'r>]) -> Vec<Fresh<'a, 'r>> {
    let page = |row: &'a PeopleReading<'r>| Page {
        entry: &row.provenance,
        read_at: row.read_at,
        page: row.page,
        pages: row.pages,
        whole: row.whole,
    };
    whole(name, all.iter().map(page))
}

/// The readings of a list of approvals.
pub(super) fn approvals<'a, 'r>(name: &str, all: &'a [ApprovalReading<'r>]) -> Vec<Fresh<'a, 'r>> {
    let page = |row: &'a ApprovalReading<'r>| Page {
        entry: &row.provenance,
        read_at: row.read_at,
        page: row.page,
        pages: row.pages,
        whole: row.whole,
    };
    whole(name, all.iter().map(page))
}

/// The readings of a repository, with how long each counts: until two more were due, at most a week.
pub(super) fn repositories<'a, 'r>(name: &str, all: &'a [RepositoryReading<'r>]) -> Vec<Fresh<'a, 'r>> {
    let mut readings: Vec<&RepositoryReading<'r>> = all.iter().filter(|read| read.provenance.source == name).collect();
    readings.sort_by_key(|read| (read.read_at, read.provenance.segment, read.provenance.seq));
    let fresh = |read: &'a RepositoryReading<'r>| {
        let seconds = read.every_seconds.clamp(0, MOST_EVERY_SECONDS).saturating_mul(3);
        Fresh {
            at: read.read_at,
            until: read.read_at.plus_seconds(seconds.min(MOST_EVERY_SECONDS)),
            entry: &read.provenance,
        }
    };
    readings.into_iter().map(fresh).collect()
}

/// The time in which each counts.
pub(super) fn proofs<'r>(readings: &[Fresh<'_, 'r>], now: Timestamp) -> Vec<Proof<'r>> {
    let mut proofs: Vec<Proof<'r>> = Vec::new();
    for reading in readings {
        let Some(period) = Period::new(reading.at, reading.until.min(now)) else { continue };
        match proofs.last_mut() {
            Some((last, ..)) if last.to >= period.from => last.to = last.to.max(period.to),
            _ => proofs.push((period, "reading", reading.entry.clone())),
        }
    }
    proofs
}

/// The time after each in which the next was due and did not come.
pub(super) fn gaps<'r>(name: &str, readings: &[Fresh<'_, 'r>], now: Timestamp, reason: &str) -> Vec<Gap<'r>> {
    let next = readings.iter().skip(1).map(|reading| (reading.at, reading.entry));
    let last = readings.last().map(|reading| (now, reading.entry));
    let mut known = Timestamp::MIN;
    let holes = readings.iter().zip(next.chain(last)).filter_map(|(reading, (until, entry))| {
        // One that is due less often may count for longer than those that follow.
        known = known.max(reading.until);
        (known < until).then(|| new_gap(entry, name, known, until, "not_observed", reason.to_owned()))
    });
    holes.collect()
}
