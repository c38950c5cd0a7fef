//! Lists of people: how long a reading of one counts.

use records::tables::identities::PeopleReading;
use records::tables::monitoring::Gap;
use records::{Period, Timestamp};

use super::{Proof, new_gap};

/// How long after a reading a list counts as fresh: a day, and two hours for whatever reads it once a day to be late.
const FRESH_MICROS: i64 = 26 * 3600 * 1_000_000;

/// The readings of a list that are there whole, each with its first page, in the order of time.
pub(super) fn readings<'a, 'r>(name: &str, all: &'a [PeopleReading<'r>]) -> Vec<&'a PeopleReading<'r>> {
    let mut pages: Vec<&PeopleReading<'r>> = all.iter().filter(|page| page.provenance.source == name).collect();
    pages.sort_by_key(|page| (page.read_at, page.page, page.provenance.segment, page.provenance.seq));
    // A page that was handed in twice is one.
    pages.dedup_by_key(|page| (page.read_at, page.page));
    let readings = pages.chunk_by(|a, b| a.read_at == b.read_at);
    let whole = readings.filter(|pages| {
        let count = i64::try_from(pages.len()).unwrap_or(i64::MAX);
        pages.iter().all(|page| page.whole && page.pages == count && (1..=count).contains(&page.page))
    });
    whole.filter_map(|pages| pages.first().copied()).collect()
}

/// The time in which each counts.
pub(super) fn proofs<'r>(readings: &[&PeopleReading<'r>], now: Timestamp) -> Vec<Proof<'r>> {
    let mut proofs: Vec<Proof<'r>> = Vec::new();
    for reading in readings {
        let Some(period) = Period::new(reading.read_at, reading.read_at.plus_micros(FRESH_MICROS).min(now)) else {
            continue;
        };
        match proofs.last_mut() {
            Some((last, ..)) if last.to >= period.from => last.to = period.to,
            _ => proofs.push((period, "reading", reading.provenance.clone())),
        }
    }
    proofs
}

/// The time after each in which the next was due and did not come.
pub(super) fn gaps<'r>(name: &str, readings: &[&PeopleReading<'r>], now: Timestamp) -> Vec<Gap<'r>> {
    let next = readings.iter().skip(1).map(|reading| (reading.read_at, &reading.provenance));
    let last = readings.last().map(|reading| (now, &reading.provenance));
    let holes = readings.iter().zip(next.chain(last)).filter_map(|(reading, (until, entry))| {
        let stale = reading.read_at.plus_micros(FRESH_MICROS);
        let reason = "the list was not read for more than 26 hours".to_owned();
        (stale < until).then(|| new_gap(entry, name, stale, until, "not_observed", reason))
    });
    holes.collect()
}
