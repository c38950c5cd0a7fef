//! The rows of `permission_use` for what roles give.

use std::collections::{BTreeMap, HashMap};

use records::Timestamp;
use records::tables::rbac::{PermissionUse, RbacGrant};
use serde_json::Value;

use super::observed::Use;
use super::{Circumstances, atoms};
use crate::identifier::identifier;
use crate::rbac::rules::Rule;
use crate::rbac::state::Scope;
use crate::rbac::subject::Subject;
use crate::timeline::Interval;

/// Uses by the subjects that made them: a user's also by its groups.
pub(super) fn by_subject<'a, 'u>(uses: &'u [Use<'a>]) -> HashMap<Subject, Vec<&'u Use<'a>>> {
    let mut by_subject: HashMap<Subject, Vec<&Use<'_>>> = HashMap::new();
    for observed in uses {
        for subject in observed.caller.subjects() {
            by_subject.entry(subject).or_default().push(observed);
        }
    }
    by_subject
}

/// Rows of the grants of one cluster, but for those that Kubernetes makes itself.
pub(super) fn rows<'g, 'r: 'g>(
    grants: impl Iterator<Item = &'g RbacGrant<'r>>,
    uses: &[Use<'_>],
    circumstances: &Circumstances,
) -> Vec<PermissionUse<'r>> {
    let by_subject = by_subject(uses);
    let mut parsed: HashMap<&str, BTreeMap<String, Rule>> = HashMap::new();
    // A permission goes on while versions of its role or binding that follow one another keep it.
    let mut held: BTreeMap<(&str, &str), Vec<(Interval, &RbacGrant<'r>)>> = BTreeMap::new();
    let grants: Vec<&RbacGrant<'r>> = grants.filter(|grant| grant.role_exists && !grant.built_in).collect();
    for grant in &grants {
        parsed.entry(&grant.rules_json).or_insert_with(|| atoms::of(&rules(&grant.rules_json)));
    }
    for grant in &grants {
        let Some(interval) = Interval::new(grant.valid_from, grant.valid_to) else { continue };
        for permission in parsed.get(&*grant.rules_json).into_iter().flat_map(BTreeMap::keys) {
            let intervals = held.entry((&grant.grant_id, permission)).or_default();
            match intervals.last_mut() {
                Some((last, _)) if last.to == Some(interval.from) => last.to = interval.to,
                _ => intervals.push((interval, grant)),
            }
        }
    }
    let mut rows = Vec::new();
    for ((_, permission), intervals) in held {
        for (interval, grant) in intervals {
            let atom = parsed.get(&*grant.rules_json).and_then(|atoms| atoms.get(permission));
            let (Some(atom), Some(subject)) = (atom, Subject::parse(&grant.subject)) else { continue };
            let own = by_subject.get(&subject).map(Vec::as_slice).unwrap_or_default();
            let scope = grant.namespace.as_deref().map_or(Scope::Cluster, Scope::Namespace);
            let matching = own.iter().filter(|one| {
                let request = one.request();
                scope.holds_in(request.namespace()) && atom.allows_request(&request)
            });
            let seen = Seen::of(matching, interval);
            let recorded_from = circumstances.recorded_from(atom, &subject, grant.namespace.as_deref());
            for piece in pieces(interval, &seen, circumstances, recorded_from) {
                rows.push(row(grant, permission, &seen, piece));
            }
        }
    }
    rows
}

fn rules(json: &str) -> Vec<Rule> {
    let values: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    values.iter().map(Rule::read).collect()
}

impl Circumstances {
    /// Since when every use would have been recorded, or whether the newest policies record it (`None`: it is not known) and why not.
    fn recorded_from(
        &self,
        atom: &Rule,
        subject: &Subject,
        namespace: Option<&str>,
    ) -> Result<Timestamp, (Option<bool>, &'static str)> {
        let told = self.groups_told || !matches!(subject, Subject::Group(_));
        if !told {
            return Err((Some(false), "the audit log does not tell the groups of callers"));
        }
        self.policies.record_from(atom, subject, namespace)
    }
}

/// The uses that fall into an interval.
#[derive(Debug, Default)]
struct Seen {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// How many; `None` when it is not known how many of them fall into the interval.
    requests: Option<i64>,
    /// Whether requests were made before and after, so that some may fall into it.
    perhaps: bool,
}

impl Seen {
    fn of<'u, 'a: 'u>(uses: impl Iterator<Item = &'u &'u Use<'a>>, interval: Interval) -> Self {
        let mut seen = Self { requests: Some(0), ..Self::default() };
        for one in uses {
            let ends = [one.first, one.last];
            let inside = || ends.into_iter().filter(|at| interval.contains(*at));
            seen.first = seen.first.into_iter().chain(inside()).min();
            seen.last = seen.last.into_iter().chain(inside()).max();
            match inside().count() {
                2 => seen.requests = seen.requests.map(|requests| requests.saturating_add(one.requests)),
                1 => seen.requests = None,
                _ if one.first < interval.from && interval.to.is_some_and(|to| one.last >= to) => {
                    seen.perhaps = true;
                    seen.requests = None;
                }
                _ => {}
            }
        }
        seen
    }
}

/// A part of the time for which a permission was held.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    from: Timestamp,
    to: Option<Timestamp>,
    usage: &'static str,
    reason: &'static str,
    recorded: Option<bool>,
}

fn pieces(
    held: Interval,
    seen: &Seen,
    circumstances: &Circumstances,
    recorded_from: Result<Timestamp, (Option<bool>, &'static str)>,
) -> Vec<Piece> {
    let look_back = circumstances.look_back;
    let grace_ends = seen.last.unwrap_or(held.from).plus_micros(look_back);
    let recorded = recorded_from.map_or_else(|(recorded, _)| recorded, |_| Some(true));
    let (usage, reason) = match seen.last {
        Some(_) => ("used", "used within the look-back"),
        None => ("recent", "held for less than the look-back"),
    };
    let mut cuts = vec![(held.from, usage, reason)];
    let unknown = if !circumstances.complete {
        Some("there were too many kinds of requests to tell")
    } else if seen.perhaps {
        Some("used before and after; whether in this time is not known")
    } else if let Err((_, why)) = recorded_from {
        Some(why)
    } else if circumstances.observed_from.is_none() {
        Some("the audit log is not observed")
    } else {
        None
    };
    match (unknown, circumstances.observed_from) {
        (None, Some(observed_from)) => {
            let recorded_from = recorded_from.unwrap_or(observed_from);
            let known_from = observed_from.max(recorded_from).plus_micros(look_back);
            if known_from > grace_ends {
                let reason = if recorded_from > observed_from {
                    "the audit policy records every such request for less than the look-back"
                } else {
                    "the audit log was observed for less than the look-back"
                };
                cuts.push((grace_ends, "undetermined", reason));
            }
            cuts.push((grace_ends.max(known_from), "unused", "not used within the look-back"));
        }
        (unknown, _) => cuts.push((grace_ends, "undetermined", unknown.unwrap_or_default())),
    }
    // What begins later than anything known has not happened.
    cuts.retain(|(from, ..)| held.contains(*from) && (*from < circumstances.now || *from == held.from));
    let ends: Vec<Option<Timestamp>> = cuts.iter().skip(1).map(|(from, ..)| Some(*from)).chain([held.to]).collect();
    cuts.into_iter().zip(ends).map(|((from, usage, reason), to)| Piece { from, to, usage, reason, recorded }).collect()
}

fn row<'r>(grant: &RbacGrant<'r>, permission: &str, seen: &Seen, piece: Piece) -> PermissionUse<'r> {
    PermissionUse {
        provenance: grant.provenance.clone(),
        permission_id: identifier(&[&grant.grant_id, permission]).into(),
        valid_from: piece.from,
        valid_to: piece.to,
        subject: grant.subject.clone(),
        subject_kind: grant.subject_kind.clone(),
        permission: permission.to_owned().into(),
        namespace: grant.namespace.clone(),
        binding: Some(grant.binding.clone()),
        role: Some(grant.role.clone()),
        granted_by: "rbac".into(),
        usage: piece.usage.into(),
        reason: piece.reason.into(),
        recorded: piece.recorded,
        first_use: seen.first,
        last_use: seen.last,
        requests: seen.requests,
    }
}

#[cfg(test)]
mod tests {
    use super::super::in_force::Policies;
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn shown(
        seen: Seen,
        observed_from: Option<i64>,
        recorded_from: Result<i64, Option<bool>>,
        now: i64,
    ) -> Vec<(i64, Option<i64>, &'static str)> {
        let circumstances = Circumstances {
            observed_from: observed_from.map(at),
            policies: Policies::default(),
            complete: true,
            groups_told: true,
            now: at(now),
            look_back: 100,
        };
        let held = Interval::new(at(1_000), None).unwrap();
        let pieces = pieces(held, &seen, &circumstances, recorded_from.map(at).map_err(|recorded| (recorded, "why")));
        pieces.into_iter().map(|p| (p.from.micros(), p.to.map(Timestamp::micros), p.usage)).collect()
    }

    #[test]
    fn what_is_not_used_is_told_only_after_a_whole_look_back_of_observation() {
        let never = Seen::default;
        let sure = Ok(0);
        assert_eq!(shown(never(), Some(0), sure, 1_050), [(1_000, None, "recent")]);
        let idle = [(1_000, Some(1_100), "recent"), (1_100, None, "unused")];
        assert_eq!(shown(never(), Some(0), sure, 5_000), idle);
        let late = [(1_000, Some(1_100), "recent"), (1_100, Some(1_600), "undetermined"), (1_600, None, "unused")];
        assert_eq!(shown(never(), Some(1_500), sure, 5_000), late);
        assert_eq!(shown(never(), Some(0), Ok(1_500), 5_000), late);
        let unknown = [(1_000, Some(1_100), "recent"), (1_100, None, "undetermined")];
        assert_eq!(shown(never(), Some(0), Err(Some(false)), 5_000), unknown);
        assert_eq!(shown(never(), Some(0), Err(None), 5_000), unknown);
        assert_eq!(shown(never(), None, sure, 5_000), unknown);
        let used = Seen { first: Some(at(1_200)), last: Some(at(2_000)), requests: None, perhaps: false };
        assert_eq!(shown(used, Some(0), sure, 5_000), [(1_000, Some(2_100), "used"), (2_100, None, "unused")]);
        let perhaps = Seen { perhaps: true, ..Seen::default() };
        assert_eq!(shown(perhaps, Some(0), sure, 5_000), unknown);
    }
}
