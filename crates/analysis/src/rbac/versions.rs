//! The versions of API servers over time, and the risks by the version that was then.
//!
//! Each API server that is asked for its counters states its version and feature gates; what is behind the address of the cluster states its version too.
//! A version counts until its API server states another, or has stated none for three hours while others do. What is known first counts for the time before
//! it as well, as what is first listed counts since its last write. While nothing is stated, the configuration tells; while that does not, the version is
//! unknown, every way counts, and the risk says so.

use std::collections::{BTreeMap, BTreeSet};

use records::tables::rbac::RbacRisk;
use records::{Statement, Timestamp};

use super::risks::{Options, ServerVersion, intervals};
use crate::Settings;
use crate::objects::History;
use crate::observation::statements::Stated;
use crate::timeline::Interval;

/// How long a version counts that is not stated again while others are: three of the hours in which each is.
const SPEAKS_MICROS: i64 = 3 * 3_600_000_000;

/// What each cluster's API servers were, by cluster: from each instant on, in order.
type Known = BTreeMap<String, Vec<(Timestamp, Options)>>;

/// The rows of `rbac_risks`, each by the version that was in force.
///
/// The history is gone through once for each version that any cluster had.
pub(crate) fn risks(
    history: &History<'_>,
    statements: &[Stated<'_, '_>],
    settings: &Settings,
) -> Vec<RbacRisk<'static>> {
    let fallback = Options {
        server_version: settings.server_version,
        feature_gates: settings.feature_gates.clone(),
        ..Options::default()
    };
    let known = known(statements, &fallback);
    let clusters: BTreeSet<&str> = history.versions.iter().map(|version| &*version.provenance.cluster).collect();
    let mut spans: BTreeMap<&str, Vec<(Interval, &Options)>> = BTreeMap::new();
    for cluster in clusters {
        spans.insert(cluster, known.get(cluster).map_or_else(|| vec![(ALL, &fallback)], |known| lasting(known)));
    }
    let mut asked: Vec<&Options> = Vec::new();
    for (_, options) in spans.values().flatten() {
        if !asked.contains(options) {
            asked.push(options);
        }
    }
    let mut pieces = Vec::new();
    for options in asked {
        for row in intervals(history, options) {
            for (span, _) in spans.get(&*row.provenance.cluster).into_iter().flatten().filter(|(_, of)| *of == options)
            {
                pieces.extend(clipped(&row, *span));
            }
        }
    }
    joined(pieces)
}

const ALL: Interval = Interval { from: Timestamp::MIN, to: None };

/// What is known from each instant on as spans of time; the first counts for the time before it.
fn lasting(known: &[(Timestamp, Options)]) -> Vec<(Interval, &Options)> {
    let begins = known.iter().enumerate().map(|(i, (at, _))| if i == 0 { Timestamp::MIN } else { *at });
    let ends = known.iter().skip(1).map(|(at, _)| Some(*at)).chain([None]);
    let spans = begins.zip(ends).zip(known);
    spans.filter_map(|((from, to), (_, options))| Some((Interval::new(from, to)?, options))).collect()
}

fn clipped(row: &RbacRisk<'static>, span: Interval) -> Option<RbacRisk<'static>> {
    let to = match (row.valid_to, span.to) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let part = Interval::new(row.valid_from.max(span.from), to)?;
    Some(RbacRisk { valid_from: part.from, valid_to: part.to, ..row.clone() })
}

/// Puts together again what a change of version did not change.
fn joined(mut pieces: Vec<RbacRisk<'static>>) -> Vec<RbacRisk<'static>> {
    pieces.sort_by(|a, b| (&a.risk_id, a.valid_from).cmp(&(&b.risk_id, b.valid_from)));
    let mut rows: Vec<RbacRisk<'static>> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if let Some(last) = rows.last_mut()
            && last.valid_to == Some(piece.valid_from)
            && *last == (RbacRisk { valid_from: last.valid_from, valid_to: last.valid_to, ..piece.clone() })
        {
            last.valid_to = piece.valid_to;
        } else {
            rows.push(piece);
        }
    }
    rows
}

/// One API server as it was stated last.
struct Server {
    at: Timestamp,
    version: ServerVersion,
    gates: BTreeMap<String, bool>,
}

/// When it was stated, the API server, its version, its feature gates.
type Told = (Timestamp, String, ServerVersion, Option<BTreeMap<String, bool>>);

fn known(statements: &[Stated<'_, '_>], fallback: &Options) -> Known {
    let mut stated: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for (provenance, statement) in statements {
        let (at, server, version, gates) = match statement {
            Statement::ServerVersion { subject, at, version, feature_gates } => {
                (*at, subject.to_string(), version, feature_gates.clone())
            }
            Statement::ClusterIdentity { at, version, .. } => (*at, String::new(), version, None),
            _ => continue,
        };
        // A text that is no version says nothing.
        if let Ok(version) = version.parse() {
            stated.entry(provenance.cluster.to_string()).or_default().push((at, server, version, gates));
        }
    }
    stated.into_iter().map(|(cluster, stated)| (cluster, over_time(stated, fallback))).collect()
}

fn over_time(mut stated: Vec<Told>, fallback: &Options) -> Vec<(Timestamp, Options)> {
    stated.sort();
    let mut servers: BTreeMap<String, Server> = BTreeMap::new();
    let mut known: Vec<(Timestamp, Options)> = Vec::new();
    for (at, name, version, gates) in stated {
        let kept = servers.remove(&name).map(|server| server.gates).unwrap_or_default();
        servers.insert(name, Server { at, version, gates: gates.unwrap_or(kept) });
        servers.retain(|_, server| at.micros_since(server.at) <= SPEAKS_MICROS);
        let options = together(&servers, fallback);
        if known.last().is_none_or(|(_, last)| *last != options) {
            known.push((at, options));
        }
    }
    known
}

/// What holds for several API servers beside each other.
fn together(servers: &BTreeMap<String, Server>, fallback: &Options) -> Options {
    let versions = || servers.values().map(|server| server.version);
    let (oldest, newest) = (versions().min(), versions().max());
    let mut gates = fallback.feature_gates.clone();
    let told: BTreeSet<&String> = servers.values().flat_map(|server| server.gates.keys()).collect();
    for gate in told {
        let mut values = servers.values().filter_map(|server| server.gates.get(gate));
        let first = values.next();
        // Where they differ, the version decides, which is told as from the oldest to the newest.
        match first.filter(|first| values.all(|other| other == *first)) {
            Some(on) => gates.insert(gate.clone(), *on),
            None => gates.remove(gate),
        };
    }
    Options {
        server_version: oldest,
        newest_server_version: newest.filter(|newest| Some(*newest) != oldest),
        feature_gates: gates,
        ..fallback.clone()
    }
}
