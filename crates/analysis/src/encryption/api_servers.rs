//! How each API server writes Secrets, from one reading of its counters to the next.
//!
//! What a reading counts more than the one before was written between the two. A time in which nothing was written goes on with what was written
//! last, as long as the configuration is the same; else with what another API server of the cluster writes under the same
//! configuration. After the last reading its state holds for [`crate::Settings::encryption_reading_seconds`], then it is not known.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use records::table::Provenance;
use records::tables::encryption::{EncryptionReading, EncryptionState};

use super::counters::{Counters, Written};
use super::{Evidence, extend};

/// What was known of one API server over one interval.
#[derive(Debug, Clone)]
struct Piece<'a, 'r> {
    from: Timestamp,
    to: Option<Timestamp>,
    entry: &'a Provenance<'r>,
    /// Nothing was read in time.
    stale: bool,
    config_hash: Option<&'a str>,
    /// What was written last, under this configuration; `None` when a reading says nothing.
    written: Option<Written>,
    /// Whether an object in the clear was read in this time.
    read_in_the_clear: bool,
}

/// Rows of `encryption_state` about API servers.
pub(super) fn states<'r>(evidence: &Evidence<'_, 'r>) -> Vec<EncryptionState<'r>> {
    let mut clusters: BTreeMap<&str, BTreeMap<&str, Vec<&EncryptionReading<'r>>>> = BTreeMap::new();
    for reading in evidence.readings {
        let servers = clusters.entry(&reading.provenance.cluster).or_default();
        servers.entry(&reading.api_server).or_default().push(reading);
    }
    let mut rows = Vec::new();
    for servers in clusters.into_values() {
        let servers: BTreeMap<&str, Vec<Piece<'_, 'r>>> =
            servers.into_iter().map(|(name, readings)| (name, pieces(readings, evidence))).collect();
        for name in servers.keys() {
            let mut own = Vec::new();
            for row in of_server(name, &servers) {
                extend(&mut own, row);
            }
            rows.append(&mut own);
        }
    }
    rows
}

/// The intervals between the readings of one API server.
fn pieces<'a, 'r>(mut readings: Vec<&'a EncryptionReading<'r>>, evidence: &Evidence<'_, 'r>) -> Vec<Piece<'a, 'r>> {
    readings.sort_by_key(|r| (r.read_at, r.provenance.segment, r.provenance.seq));
    readings.dedup_by_key(|r| r.read_at);
    let limit = evidence.settings.encryption_reading_seconds.max(1);
    let mut pieces: Vec<Piece<'a, 'r>> = Vec::new();
    let mut last: Option<Written> = None;
    let mut before: Option<(&EncryptionReading<'r>, Counters)> = None;
    for reading in readings {
        let counters = Counters::of(reading);
        let (mut same_process, mut same_configuration) = (false, false);
        if let Some((earlier, _)) = &before {
            same_process = reading.process_start.is_some() && reading.process_start == earlier.process_start;
            same_configuration = match (reading.config_hash.as_deref(), earlier.config_hash.as_deref()) {
                (Some(now), Some(then)) => now == then,
                // Without the hash a change within one process does not show.
                (None, None) => same_process,
                _ => false,
            };
        }
        let since = counters.since(before.as_ref().filter(|_| same_process).map(|(_, counters)| counters));
        if !same_configuration {
            last = None;
        }
        let wrote = since.as_ref().filter(|written| !written.is_nothing()).cloned();
        let first = before.is_none();
        // The total of a process that was not read before may be of several configurations: it tells only when it is of one sort.
        let tells = wrote.as_ref().is_none_or(|written| same_process || written.providers.len() == 1);
        if let Some(open) = pieces.last_mut().filter(|open| !open.stale && open.to.is_none()) {
            let expires = open.from.plus_seconds(limit);
            open.to = Some(expires.min(reading.read_at));
            open.read_in_the_clear = same_process && since.as_ref().is_some_and(|written| written.read_in_the_clear);
            // What was written under the configuration that was in force until now belongs to the time before this reading.
            if let Some(written) = wrote.as_ref().filter(|_| same_process) {
                open.written = Some(written.clone());
            }
            if expires < reading.read_at {
                let stale =
                    Piece { from: expires, to: Some(reading.read_at), stale: true, written: None, ..open.clone() };
                pieces.push(stale);
            }
        }
        if let Some(written) = wrote.filter(|_| (same_configuration || first || !same_process) && tells) {
            last = Some(written);
        }
        let readable = since.is_some();
        pieces.push(Piece {
            from: reading.read_at,
            to: None,
            entry: &reading.provenance,
            stale: false,
            config_hash: reading.config_hash.as_deref(),
            written: readable.then(|| last.clone().unwrap_or_default()),
            read_in_the_clear: false,
        });
        before = Some((reading, counters));
    }
    if let Some(open) = pieces.last_mut() {
        let expires = open.from.plus_seconds(limit);
        if expires <= evidence.now {
            open.to = Some(expires);
            let stale = Piece { from: expires, to: None, stale: true, written: None, ..open.clone() };
            pieces.push(stale);
        }
    }
    pieces
}

/// The rows of one API server, beside the others of its cluster.
fn of_server<'r>(name: &str, servers: &BTreeMap<&str, Vec<Piece<'_, 'r>>>) -> Vec<EncryptionState<'r>> {
    let others: Vec<&[Piece<'_, 'r>]> =
        servers.iter().filter(|(other, _)| **other != name).map(|(_, pieces)| pieces.as_slice()).collect();
    let cuts: BTreeSet<Timestamp> =
        others.iter().flat_map(|pieces| pieces.iter()).flat_map(|p| [Some(p.from), p.to]).flatten().collect();
    let mut rows = Vec::new();
    for piece in servers.get(name).into_iter().flatten() {
        let mut from = piece.from;
        let ends: Vec<Timestamp> =
            cuts.range(from.plus_micros(1)..).take_while(|cut| piece.to.is_none_or(|to| **cut < to)).copied().collect();
        for to in ends.into_iter().map(Some).chain([piece.to]) {
            rows.push(row(name, piece, from, to, &others));
            from = to.unwrap_or(from);
        }
    }
    rows
}

fn row<'r>(
    name: &str,
    piece: &Piece<'_, 'r>,
    from: Timestamp,
    to: Option<Timestamp>,
    others: &[&[Piece<'_, 'r>]],
) -> EncryptionState<'r> {
    let now: Vec<&Piece<'_, 'r>> = others
        .iter()
        .filter_map(|pieces| pieces.get(pieces.partition_point(|p| p.from <= from).checked_sub(1)?))
        .filter(|p| !p.stale && p.to.is_none_or(|to| from < to))
        .collect();
    let config_differs = piece.config_hash.filter(|_| !piece.stale).and_then(|hash| {
        if now.iter().any(|other| other.config_hash.is_some_and(|theirs| theirs != hash)) {
            return Some(true);
        }
        // One that tells none may have any.
        now.iter().all(|other| other.config_hash.is_some()).then_some(false)
    });
    let inherited = piece.written.as_ref().filter(|written| written.is_nothing()).and_then(|_| {
        let hash = piece.config_hash?;
        let same = now.iter().filter(|other| other.config_hash == Some(hash));
        same.filter_map(|other| other.written.as_ref()).find(|written| !written.is_nothing())
    });
    let written = inherited.or(piece.written.as_ref());
    let mut detail = match (piece.stale, written) {
        (true, _) => "the API server's counters were not read".to_owned(),
        (_, None) => "the reading of the API server's counters cannot be read".to_owned(),
        (_, Some(written)) if written.is_nothing() => {
            "the API server counts no write of a Secret: there was none, or encryption is not configured for Secrets"
                .to_owned()
        }
        (_, Some(written)) => match (written.encrypted(), inherited) {
            (Some(false), _) => "Secrets were written in the clear".to_owned(),
            (Some(true), None) => "Secrets were written encrypted".to_owned(),
            (Some(true), Some(_)) => {
                "another API server wrote Secrets encrypted under the same configuration".to_owned()
            }
            (None, _) => "the counters do not tell with what Secrets were written".to_owned(),
        },
    };
    if piece.read_in_the_clear {
        detail.push_str("; Secrets that are stored in the clear were read");
    }
    EncryptionState {
        provenance: piece.entry.clone(),
        subject_kind: "api_server".into(),
        subject: name.to_owned().into(),
        api_group: "".into(),
        resource: "secrets".into(),
        namespace: None,
        name: None,
        valid_from: from,
        valid_to: to,
        encrypted: written.and_then(Written::encrypted),
        provider: written.and_then(Written::providers).map(Into::into),
        key: written.and_then(Written::keys).map(Into::into),
        basis: if piece.stale { "nothing" } else { "metrics" }.into(),
        config_hash: piece.config_hash.filter(|_| !piece.stale).map(|hash| hash.to_owned().into()),
        config_differs,
        detail: detail.into(),
    }
}
