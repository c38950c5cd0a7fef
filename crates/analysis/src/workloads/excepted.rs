//! Exceptions from policies laid over the posture of containers.
//!
//! An exception counts for a workload as it counts at admission: by namespace, name and kind of the object itself, while a set with it is in force, before it
//! expires, and not when its owner approved it alone or it gives no reason.

use std::collections::BTreeSet;

use records::Timestamp;
use records::tables::admission::PolicyException;
use records::tables::workloads::WorkloadPosture;
use serde::Deserialize;

use crate::timeline::Interval;

/// What an exception is for. No names and no kinds are all of them; namespaces must be named.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Scope {
    namespaces: Vec<String>,
    names: Vec<String>,
    kinds: Vec<String>,
}

/// An exception while it is applied.
struct Applied<'a> {
    cluster: &'a str,
    name: &'a str,
    policies: Vec<&'a str>,
    scope: Scope,
    interval: Interval,
}

impl<'a> Applied<'a> {
    fn of(row: &'a PolicyException<'_>) -> Option<Self> {
        let plain = |person: &str| person.trim().to_lowercase();
        let (owner, approver) = (plain(&row.owner), plain(&row.approver));
        if owner == approver || approver.is_empty() || row.reason.trim().is_empty() {
            return None;
        }
        let until: Timestamp = row.valid_to.map_or(row.expires, |to| to.min(row.expires));
        Some(Self {
            cluster: &row.provenance.cluster,
            name: &row.name,
            policies: row.policies.split(',').filter(|policy| !policy.is_empty()).collect(),
            scope: serde_json::from_str(&row.scope_json).ok()?,
            interval: Interval::new(row.valid_from, Some(until))?,
        })
    }

    fn fits(&self, row: &WorkloadPosture<'_>) -> bool {
        let name = row.workload.split_once('/').map_or("", |(_, name)| name);
        self.cluster == row.provenance.cluster
            && self.scope.namespaces.iter().any(|pattern| !row.namespace.is_empty() && matches(pattern, &row.namespace))
            && (self.scope.names.is_empty() || self.scope.names.iter().any(|pattern| matches(pattern, name)))
            && (self.scope.kinds.is_empty() || self.scope.kinds.iter().any(|kind| *kind == row.workload_kind))
    }
}

/// Whether the text is the pattern, in which each `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// The rows, cut where an exception for their workload begins or ends, with what is in force in each piece.
pub(crate) fn with_exceptions<'r>(
    rows: Vec<WorkloadPosture<'r>>,
    exceptions: &[PolicyException<'_>],
) -> Vec<WorkloadPosture<'r>> {
    let applied: Vec<Applied<'_>> = exceptions.iter().filter_map(Applied::of).collect();
    if applied.is_empty() {
        return rows;
    }
    let mut laid = Vec::with_capacity(rows.len());
    for row in rows {
        let fitting: Vec<&Applied<'_>> = applied.iter().filter(|exception| exception.fits(&row)).collect();
        let whole = Interval { from: row.valid_from, to: row.valid_to };
        for piece in whole.cut(fitting.iter().flat_map(|exception| exception.interval.bounds())) {
            let now = fitting.iter().filter(|exception| exception.interval.contains(piece.from));
            let (mut names, mut policies) = (BTreeSet::new(), BTreeSet::new());
            for exception in now {
                names.insert(exception.name);
                policies.extend(exception.policies.iter().copied());
            }
            let joined = |texts: BTreeSet<&str>| texts.into_iter().collect::<Vec<_>>().join(",");
            laid.push(WorkloadPosture {
                valid_from: piece.from,
                valid_to: piece.to,
                exceptions: joined(names).into(),
                excepted_policies: joined(policies).into(),
                ..row.clone()
            });
        }
    }
    laid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, fits) in [
            ("web", "web", true),
            ("web", "web-1", false),
            ("web*", "web", true),
            ("*-1", "web-1", true),
            ("a*b*c", "a--b--c", true),
            ("a*b*c", "a--c--b", false),
            ("aa*aa", "aaa", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
