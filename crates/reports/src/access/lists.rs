//! Lists about access as CSV, as [`crate::csv_file`] writes them.

use records::{EntryReference, Row, Timestamp};

use super::second_factor::{self, SecondFactor};
use super::{AccessMaterial, CredentialRow, HeldGrant, Listed, RiskChange, RuleChange, SubjectRow};
use crate::csv_file::{Fields, List, guarded, rows};
use crate::links::AccessList;
use crate::material::Material;

const HELD: [&str; 12] = [
    "cluster",
    "subject",
    "namespace",
    "permission",
    "binding",
    "role",
    "through",
    "role_exists",
    "cluster_admin_equivalent",
    "built_in",
    "since",
    "evidence",
];

/// A list as the package has it: of the end of the window, or over it. `None` where the package has no such list.
#[must_use]
pub fn of_package(material: &Material, list: AccessList) -> Option<Vec<u8>> {
    let AccessMaterial { summary, subjects, difference, credentials, .. } = &material.access;
    Some(match list {
        AccessList::Risks => rows(&summary.worst),
        AccessList::Rules => {
            let all: Vec<HeldGrant> = subjects.iter().flat_map(|one| one.rules.iter().cloned()).collect();
            held(&all)
        }
        AccessList::PermissionUse => {
            let all: Vec<_> = subjects.iter().flat_map(|one| one.uses.iter().cloned()).collect();
            rows(&all)
        }
        AccessList::RuleChanges => rule_changes(&difference.rules),
        AccessList::RiskChanges => risk_changes(&difference.risks),
        AccessList::Credentials => self::credentials(material, &credentials.rows),
        AccessList::Subjects | AccessList::WhoCan => return None,
    })
}

/// Subjects with their grants and risks.
#[must_use]
pub fn subjects(all: &[SubjectRow]) -> Vec<u8> {
    let mut list = List::new(["cluster", "subject", "grants", "cluster_admin_equivalent", "risks", "worst"]);
    for row in all {
        list.push(&[
            guarded(&row.cluster),
            guarded(&row.subject),
            row.grants.to_string(),
            row.cluster_admin_equivalent.to_string(),
            row.risks.to_string(),
            guarded(&row.worst),
        ]);
    }
    list.finish()
}

/// Rules that somebody holds.
#[must_use]
pub fn held(all: &[HeldGrant]) -> Vec<u8> {
    let mut list = List::new(HELD);
    for row in all {
        list.push(&held_fields(row));
    }
    list.finish()
}

fn held_fields(row: &HeldGrant) -> Vec<String> {
    let evidence: Vec<String> =
        row.binding_entry.iter().chain(&row.role_entry).map(EntryReference::to_string).collect();
    vec![
        guarded(&row.cluster),
        guarded(&row.held.subject),
        guarded(row.held.namespace.as_deref().unwrap_or_default()),
        guarded(&row.held.permission),
        guarded(&row.held.binding),
        guarded(&row.held.role),
        guarded(&row.held.through),
        row.role_exists.to_string(),
        row.cluster_admin_equivalent.to_string(),
        row.built_in.to_string(),
        time(row.since),
        guarded(&evidence.join("; ")),
    ]
}

fn time(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// Rules that changed.
#[must_use]
pub fn rule_changes(all: &[RuleChange]) -> Vec<u8> {
    let mut list = List::new(["change", "began", "ended"].into_iter().chain(HELD));
    for row in all {
        let mut fields = vec![row.change.words().to_owned(), time(row.began), time(row.ended)];
        fields.extend(held_fields(&row.held));
        list.push(&fields);
    }
    list.finish()
}

/// Risks that changed.
#[must_use]
pub fn risk_changes(all: &[RiskChange]) -> Vec<u8> {
    let columns = records::tables::rbac::RbacRisk::TABLE.columns.iter().map(|column| column.name);
    let mut list = List::new(["change", "began", "ended", "severity_before"].into_iter().chain(columns));
    for row in all {
        let before = guarded(row.severity_before.as_deref().unwrap_or_default());
        let mut fields = vec![row.change.words().to_owned(), time(row.began), time(row.ended), before];
        fields.extend(Fields::of(&row.risk));
        list.push(&fields);
    }
    list.finish()
}

/// Credentials that people used.
#[must_use]
pub fn credentials(material: &Material, all: &[CredentialRow]) -> Vec<u8> {
    let claims = second_factor::claims(material);
    let columns = records::tables::identities::CredentialUse::TABLE.columns.iter().map(|column| column.name);
    let mut list = List::new(columns.chain(["second_factor", "second_factor_reason", "listed", "left_at"]));
    for row in all {
        let (second_factor, why) = match second_factor::of(&row.used, claims.as_deref()) {
            SecondFactor::Yes => ("yes", ""),
            SecondFactor::No(why) => ("no", why),
            SecondFactor::Unknown(why) => ("unknown", why),
        };
        let (listed, left) = match &row.listed {
            None => ("", None),
            Some(Listed::Active) => ("active", None),
            Some(Listed::Left(at)) => ("left", *at),
            Some(Listed::Absent) => ("absent", None),
        };
        let mut fields = Fields::of(&row.used);
        fields.extend([second_factor.to_owned(), why.to_owned(), listed.to_owned(), time(left)]);
        list.push(&fields);
    }
    list.finish()
}
