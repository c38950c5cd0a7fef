//! Canaries: requests with an unguessable audit ID, whose events must arrive.

use std::collections::HashMap;

use records::table::Provenance;
use records::tables::monitoring::Gap;
use records::{Period, Statement, Timestamp};

use super::{Proof, Stated, new_gap};
use crate::Inputs;

/// Times of the audit events of canaries, by source and audit ID.
pub(super) type CanariesSeen<'a> = HashMap<(&'a str, &'a str), Vec<Timestamp>>;

/// A canary that got an answer.
#[derive(Debug)]
pub(super) struct Canary<'r> {
    at: Timestamp,
    number: u64,
    arrived: bool,
    provenance: Provenance<'r>,
}

/// The canaries that got an answer, with whether their events arrived.
pub(super) fn canaries<'r>(
    name: &str,
    statements: &[Stated<'_, 'r>],
    inputs: &Inputs<'r>,
    seen: &CanariesSeen<'_>,
) -> Vec<Canary<'r>> {
    let limit = inputs.settings.in_flight_seconds.saturating_mul(1_000_000);
    // Anybody may choose an audit ID, also one that was seen before: the time must fit, too.
    let arrived = |audit_id: &str, at: Timestamp| {
        let times = seen.get(&(name, audit_id));
        times.into_iter().flatten().any(|time| time.micros_since(at).abs() <= limit)
    };
    let mut canaries: Vec<Canary<'r>> = statements
        .iter()
        .filter_map(|(provenance, statement)| match statement {
            // Without an answer, the request may not have reached the API server, and nothing can be expected.
            Statement::CanarySent { at, number, audit_id, status, .. } if *status != 0 => Some(Canary {
                at: *at,
                number: *number,
                arrived: arrived(audit_id, *at),
                provenance: (*provenance).clone(),
            }),
            _ => None,
        })
        .collect();
    canaries.sort_by_key(|c| (c.at, c.provenance.segment, c.provenance.seq));
    canaries
}

/// Around each canary whose event never came, from the canary before it to the one after.
pub(super) fn gaps<'r>(name: &str, canaries: &[Canary<'r>], inputs: &Inputs<'r>) -> Vec<Gap<'r>> {
    let settled = inputs.now.plus_seconds(-inputs.settings.in_flight_seconds);
    let missing = canaries.iter().enumerate().filter(|(_, canary)| !canary.arrived && canary.at <= settled);
    missing
        .map(|(i, canary)| {
            let from =
                i.checked_sub(1).map_or(canary.at.plus_seconds(-inputs.settings.canary_seconds), |i| canaries[i].at);
            let to = canaries.get(i + 1).map_or(canary.at.plus_seconds(inputs.settings.canary_seconds), |next| next.at);
            let reason = format!("the event of canary {} never came", canary.number);
            new_gap(&canary.provenance, name, from, to.max(from), "canary_missing", reason)
        })
        .collect()
}

/// From canary to canary, where both arrived and none can have been left out between them.
pub(super) fn proofs<'r>(canaries: &[Canary<'r>], inputs: &Inputs<'r>) -> Vec<Proof<'r>> {
    let limit = inputs.settings.canary_seconds.saturating_mul(3_000_000);
    let mut proofs: Vec<Proof<'r>> = Vec::new();
    for pair in canaries.windows(2) {
        let Some(period) = Period::new(pair[0].at, pair[1].at) else { continue };
        if !(pair[0].arrived && pair[1].arrived) || period.micros() > limit {
            continue;
        }
        match proofs.last_mut() {
            Some((last, _, _)) if last.to == period.from => last.to = period.to,
            _ => proofs.push((period, "canary", pair[1].provenance.clone())),
        }
    }
    proofs
}
