//! Exceptions from policies, over the time in which a set that has them was in force.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use records::tables::admission::{AdmissionDecision, AdmissionPolicySet, PolicyException};
use serde::Deserialize;

use crate::identifier::identifier;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Canonical {
    exceptions: Vec<Written>,
}

/// An exception in the canonical form of a set.
#[derive(Debug, Deserialize)]
struct Written {
    name: String,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
struct Spec {
    policies: Vec<String>,
    scope: serde_json::Value,
    owner: String,
    approver: String,
    reason: String,
    expires: Timestamp,
}

/// Cluster, webhook and identifier.
type Key = (String, String, String);

/// The rows of `exceptions`.
pub(crate) fn exceptions<'r>(
    sets: &[AdmissionPolicySet<'r>],
    decisions: &[AdmissionDecision<'r>],
) -> Vec<PolicyException<'r>> {
    let mut sets: Vec<&AdmissionPolicySet<'_>> = sets.iter().filter(|set| set.in_force).collect();
    sets.sort_by_key(|set| (set.loaded_at, set.provenance.segment, set.provenance.seq));
    let mut rows: Vec<PolicyException<'r>> = Vec::new();
    // Rows that still last.
    let mut lasting: BTreeMap<Key, usize> = BTreeMap::new();
    for set in sets {
        let place = (set.provenance.cluster.to_string(), set.webhook.to_string());
        // A set too long to be recorded whole tells nothing of its exceptions: those from before are taken to last.
        let Some(text) = set.canonical_json.as_deref() else { continue };
        let Ok(canonical) = serde_json::from_str::<Canonical>(text) else { continue };
        let mut now = BTreeSet::new();
        for written in canonical.exceptions {
            let key = (place.0.clone(), place.1.clone(), id(&written));
            now.insert(key.clone());
            if !lasting.contains_key(&key) {
                lasting.insert(key.clone(), rows.len());
                rows.push(row(set, &key.2, written));
            }
        }
        lasting.retain(|key, number| {
            let stays = (&key.0, &key.1) != (&place.0, &place.1) || now.contains(key);
            if !stays {
                rows[*number].valid_to = Some(set.loaded_at);
            }
            stays
        });
    }
    count(&mut rows, decisions);
    rows.retain(|row| row.valid_to.is_none_or(|to| row.valid_from < to));
    rows.sort_by(|a, b| (a.valid_from, &a.exception_id).cmp(&(b.valid_from, &b.exception_id)));
    rows
}

fn id(written: &Written) -> String {
    let Written { name, spec } = written;
    identifier(&[
        name,
        &spec.policies.join(","),
        &spec.scope.to_string(),
        &spec.owner,
        &spec.approver,
        &spec.reason,
        &spec.expires.to_string(),
    ])
}

fn row<'r>(set: &AdmissionPolicySet<'_>, id: &str, written: Written) -> PolicyException<'r> {
    let Written { name, spec } = written;
    PolicyException {
        provenance: set.provenance.clone().into_owned(),
        exception_id: identifier(&[id, &set.loaded_at.to_string()]).into(),
        webhook: set.webhook.to_string().into(),
        name: name.into(),
        owner: spec.owner.into(),
        approver: spec.approver.into(),
        reason: spec.reason.into(),
        expires: spec.expires,
        policies: spec.policies.join(",").into(),
        scope_json: spec.scope.to_string().into(),
        valid_from: set.loaded_at,
        valid_to: None,
        uses: 0,
        refused_uses: 0,
    }
}

/// Counts the decisions under each, by its name and time.
fn count(rows: &mut [PolicyException<'_>], decisions: &[AdmissionDecision<'_>]) {
    let mut by_name: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        let key = (row.provenance.cluster.to_string(), row.webhook.to_string(), row.name.to_string());
        by_name.entry(key).or_default().push(number);
    }
    // A decision that was recorded twice is one.
    let mut counted = BTreeSet::new();
    for decision in decisions {
        for (names, refused) in [(&decision.exceptions, false), (&decision.exceptions_not_applied, true)] {
            for name in names.split(',').filter(|name| !name.is_empty()) {
                let place = (decision.provenance.cluster.to_string(), decision.webhook.to_string(), name.to_owned());
                let at = decision.decided_at;
                let row = by_name.get(&place).into_iter().flatten().copied().find(|number| {
                    let row = &rows[*number];
                    row.valid_from <= at && row.valid_to.is_none_or(|to| at < to)
                });
                let Some(number) = row.filter(|number| counted.insert((*number, &*decision.decision_id))) else {
                    continue;
                };
                if refused { rows[number].refused_uses += 1 } else { rows[number].uses += 1 }
            }
        }
    }
}
