//! RB-44: what comes together on a node. Whoever holds it holds the service accounts of all its pods.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use super::catalogue::by_id;
use super::findings::{Evidence, Finding, Held, Opening, opened_by};
use super::need::Reach;
use super::options::{Applies, Options};
use super::profile::{Bits, needs};
use super::vertex::Vertex;
use super::world::{World, account_subject};
use crate::rbac::subject::Subject;

/// One service account on a node, with what it holds by itself.
#[derive(Debug)]
pub(crate) struct Account {
    subject: Arc<Subject>,
    held: Vec<Held>,
    at_cluster: Bits,
    in_namespaces: BTreeMap<String, Bits>,
    holds_a_part: bool,
}

impl Account {
    /// Whether it holds a part of something that needs several permissions.
    pub(crate) const fn holds_a_part(&self) -> bool {
        self.holds_a_part
    }

    fn touches_parts(&self) -> bool {
        static PARTS: LazyLock<Bits> = LazyLock::new(|| {
            let mut parts = Bits::default();
            let ways = needs().patterns.iter().flat_map(|(_, ways)| ways);
            ways.filter(|way| way.needs.len() > 1).for_each(|way| parts.union(&way.bits));
            parts
        });
        self.at_cluster.touches(&PARTS) || self.in_namespaces.values().any(|bits| bits.touches(&PARTS))
    }

    pub(crate) fn new(world: &World, namespace: &str, name: &str) -> Self {
        let subject = account_subject(namespace, name);
        let mut held = world.held_by(&subject);
        held.retain(|held| !held.profile.bits.is_empty());
        let mut account = Self {
            subject: Arc::new(subject),
            held,
            at_cluster: Bits::default(),
            in_namespaces: BTreeMap::new(),
            holds_a_part: false,
        };
        for held in &account.held {
            match held.namespace() {
                None => account.at_cluster.union(&held.profile.bits),
                Some(namespace) => {
                    account.in_namespaces.entry(namespace.to_owned()).or_default().union(&held.profile.bits);
                }
            }
        }
        account.holds_a_part = account.touches_parts();
        account
    }
}

/// The patterns that the accounts on a node hold together, and none of them alone; one finding for each scope.
pub(crate) fn together(options: &Options, accounts: &[Rc<Account>]) -> Vec<Finding> {
    let Some(pattern) = by_id("RB-44") else { return Vec::new() };
    let mut at_cluster = Bits::default();
    let mut in_namespaces: BTreeMap<&str, Vec<(&Account, Bits)>> = BTreeMap::new();
    for account in accounts {
        at_cluster.union(&account.at_cluster);
        for (namespace, bits) in &account.in_namespaces {
            in_namespaces.entry(namespace).or_default().push((account, *bits));
        }
    }
    let held: Vec<(&Account, &Held)> =
        accounts.iter().flat_map(|a| a.held.iter().map(move |held| (&**a, held))).collect();
    let plain: Vec<&Held> = held.iter().map(|(_, held)| *held).collect();
    let mut findings: BTreeMap<Option<&str>, Finding> = BTreeMap::new();
    // Only what needs several permissions can come together, and not where an account has it over the cluster.
    let ways: Vec<_> = needs()
        .patterns
        .iter()
        .flat_map(|(of, ways)| ways.iter().map(move |way| (*of, way)))
        .filter(|(_, way)| way.needs.len() > 1 && options.applies(&way.way.versions) != Applies::No)
        .filter(|(_, way)| !accounts.iter().any(|account| account.at_cluster.holds(&way.bits)))
        .collect();
    let scopes = std::iter::once((None, Vec::new())).chain(in_namespaces.into_iter().map(|(n, own)| (Some(n), own)));
    for (scope, own) in scopes {
        let mut bits = at_cluster;
        own.iter().for_each(|(_, own)| bits.union(own));
        for (of, way) in &ways {
            if !bits.holds(&way.bits) {
                continue;
            }
            let alone = own.iter().any(|(account, own)| {
                let mut bits = account.at_cluster;
                bits.union(own);
                bits.holds(&way.bits)
            });
            if !alone {
                let Some((targets, mut evidence)) = opened_by(way, &plain, scope) else { continue };
                for evidence in &mut evidence {
                    if let Evidence::Rule { held: of, account, .. } = evidence {
                        let whose = held.iter().find(|(_, held)| Arc::ptr_eq(&held.bound, &of.bound));
                        *account = whose.map(|(whose, _)| Arc::clone(&whose.subject));
                    }
                }
                let opens = if of.id == "RB-18" { vec![Vertex::NodeCredentials] } else { Vec::new() };
                let finding = findings.entry(scope).or_insert_with(|| Finding {
                    pattern,
                    scope: scope.map(str::to_owned),
                    openings: Vec::new(),
                    mark: 0,
                });
                finding.openings.push(Opening {
                    way: None,
                    effect: way.way.effect.unwrap_or(of.effect),
                    severity: way.way.severity.unwrap_or(of.severity),
                    targets,
                    opens,
                    evidence,
                    remark: Some(format!("together: {} ({})", of.id, of.title)),
                });
            }
        }
    }
    findings.into_values().collect()
}

/// A text of what findings of a node rest on: equal while they are the same.
pub(crate) fn sign(findings: &[Finding]) -> String {
    let mut text = String::new();
    for opening in findings.iter().flat_map(|finding| &finding.openings) {
        for evidence in &opening.evidence {
            if let Evidence::Rule { held, position, account } = evidence {
                let (binding, role) = (&held.bound.binding, Arc::as_ptr(&held.profile));
                let account = account.as_deref().map(ToString::to_string).unwrap_or_default();
                text.push_str(&format!("{:?}/{}/{role:?}/{position}/{account};", binding.namespace, binding.name));
            }
        }
        text.push('|');
    }
    text
}

/// The subject under which what is on a node is told: the user of its kubelet.
pub(crate) fn subject(node: &str) -> Subject {
    Subject::User(format!("system:node:{node}"))
}

/// The finding that a node comes to be cluster-admin by the accounts of its pods.
pub(crate) fn path(node: &str) -> Option<Finding> {
    let pattern = by_id("RB-44")?;
    let evidence = Evidence::Object {
        label: format!("Node:{node}"),
        says: "holds the tokens of its pods".to_owned(),
        entry: None,
    };
    let opening = Opening {
        way: None,
        effect: pattern.effect,
        severity: pattern.severity,
        targets: Reach::All,
        opens: vec![Vertex::Node(node.to_owned())],
        evidence: vec![evidence],
        remark: None,
    };
    Some(Finding { pattern, scope: None, openings: vec![opening], mark: 0 })
}
