//! Who may read Secrets by role-based access control, over time.
//!
//! Reading is `get`, `list` or `watch`: a list gives the values, too. What counts is a grant's role, subject by subject; a group is one subject,
//! whoever is in it. Those who may make themselves a reader (by binding a role, by starting a pod that mounts the Secret) are not among them; they are
//! risks of their own. So are grants outside RBAC.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use records::table::Provenance;
use records::tables::rbac::RbacGrant;
use records::tables::secrets::SecretReaders;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::rbac::rules::Rule;

/// Verbs that give a Secret's values.
const READING: [&str; 3] = ["get", "list", "watch"];

/// What a grant lets its subject read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reads {
    /// All Secrets where it holds.
    All,
    /// Those with these names.
    Named(BTreeSet<String>),
}

/// What these rules let be read; none when nothing.
fn reads(rules_json: &str) -> Option<Reads> {
    // Rules were written by the analysis itself; a text of another form gives nothing.
    let rules: Vec<Value> = serde_json::from_str(rules_json).ok()?;
    let mut names = BTreeSet::new();
    for rule in rules.iter().map(Rule::read) {
        if READING.iter().any(|verb| rule.allows(verb, "", "secrets", None)) {
            return Some(Reads::All);
        }
        // A list limited to a name can be asked for by a field selector, so that every verb counts.
        let of_names = rule.resource_names.iter();
        names.extend(of_names.filter(|n| READING.iter().any(|v| rule.allows(v, "", "secrets", Some(n)))).cloned());
    }
    (!names.is_empty()).then_some(Reads::Named(names))
}

/// What rows are about: a namespace, and a Secret's name when they are about one Secret.
type Where<'a> = (&'a str, Option<String>);

/// A change of who reads somewhere: the subject comes or goes.
struct Change<'a, 'r> {
    at: Timestamp,
    comes: bool,
    subject: &'a str,
    entry: &'a Provenance<'r>,
}

/// The rows of `secret_readers` of one cluster for these namespaces. Nothing is told of the time before `known_from`, from when all roles and
/// bindings are known.
pub(super) fn readers<'a, 'r>(
    grants: impl Iterator<Item = &'a RbacGrant<'r>>,
    namespaces: &BTreeSet<&'a str>,
    known_from: Timestamp,
    rows: &mut Vec<SecretReaders<'r>>,
) where
    'r: 'a,
{
    let mut places: BTreeMap<Where<'a>, Vec<Change<'a, 'r>>> = BTreeMap::new();
    let mut everywhere: Vec<(&'a RbacGrant<'r>, Reads)> = Vec::new();
    // Texts of rules repeat themselves: each is read once.
    let mut known: BTreeMap<&'a str, Option<Reads>> = BTreeMap::new();
    for grant in grants.filter(|grant| grant.role_exists) {
        let Some(reads) = known.entry(&grant.rules_json).or_insert_with(|| reads(&grant.rules_json)).clone() else {
            continue;
        };
        match grant.namespace.as_deref() {
            Some(namespace) => add(namespace, grant, &reads, known_from, &mut places),
            None => everywhere.push((grant, reads)),
        }
    }
    for namespace in namespaces {
        for (grant, reads) in &everywhere {
            add(namespace, grant, reads, known_from, &mut places);
        }
    }
    for ((namespace, name), mut changes) in places {
        // Who goes at an instant goes before who comes.
        changes.sort_by_key(|change| (change.at, change.comes));
        over_time(namespace, name.as_deref(), &changes, rows);
    }
}

fn add<'a, 'r>(
    namespace: &'a str,
    grant: &'a RbacGrant<'r>,
    reads: &Reads,
    known_from: Timestamp,
    places: &mut BTreeMap<Where<'a>, Vec<Change<'a, 'r>>>,
) {
    let from = grant.valid_from.max(known_from);
    if grant.valid_to.is_some_and(|to| to <= from) {
        return;
    }
    let names: Vec<Option<String>> = match reads {
        Reads::All => vec![None],
        Reads::Named(names) => names.iter().cloned().map(Some).collect(),
    };
    for name in names {
        let changes = places.entry((namespace, name)).or_default();
        let change = |at, comes| Change { at, comes, subject: &grant.subject, entry: &grant.provenance };
        changes.push(change(from, true));
        changes.extend(grant.valid_to.map(|to| change(to, false)));
    }
}

fn over_time<'r>(namespace: &str, name: Option<&str>, changes: &[Change<'_, 'r>], rows: &mut Vec<SecretReaders<'r>>) {
    // A subject may read by several grants at once.
    let mut holding: BTreeMap<&str, usize> = BTreeMap::new();
    let first_row = rows.len();
    for moment in changes.chunk_by(|a, b| a.at == b.at) {
        for change in moment {
            let count = holding.entry(change.subject).or_default();
            *count = if change.comes { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                holding.remove(change.subject);
            }
        }
        let Some(last) = moment.last() else { continue };
        let digest = digest(holding.keys());
        if let Some(row) = rows.get_mut(first_row..).and_then(<[_]>::last_mut)
            && row.valid_to.is_none()
        {
            if *row.readers_digest == digest {
                continue;
            }
            row.valid_to = Some(last.at);
        }
        rows.push(SecretReaders {
            provenance: last.entry.clone(),
            namespace: namespace.to_owned().into(),
            name: name.map(|name| name.to_owned().into()),
            valid_from: last.at,
            valid_to: None,
            readers: i64::try_from(holding.len()).unwrap_or(i64::MAX),
            readers_digest: digest.into(),
            readers_json: Value::from(holding.keys().copied().take(MOST).collect::<Vec<_>>()).to_string().into(),
        });
    }
}

/// Subjects that are named in a row at most.
const MOST: usize = 50;

/// SHA-256 over the subjects in order, each followed by a line feed.
fn digest<'t>(subjects: impl Iterator<Item = &'t &'t str>) -> String {
    let mut hash = Sha256::new();
    for subject in subjects {
        hash.update(subject.as_bytes());
        hash.update(b"\n");
    }
    hex::encode(hash.finalize())
}
