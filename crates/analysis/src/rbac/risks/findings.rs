//! Which patterns a subject holds: by all its bindings and those of the groups that it is in by what it is, taken together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use records::table::Provenance;

use super::catalogue::{Effect, Pattern, Severity, Way};
use super::need::{Met, Place, Reach};
use super::options::{Applies, Options};
use super::profile::{Bits, NumberedWay, Profile, needs};
use super::world::{Key, role_key};
use crate::rbac::binding::Binding;
use crate::rbac::subject::Subject;

/// A binding with the raw entry that it was read from.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) binding: Binding,
    /// `None` where it was not read from a store.
    pub(crate) entry: Option<Provenance<'static>>,
    /// The key of the role that it refers to; `None` when it can refer to none.
    pub(crate) role: Option<Key>,
}

impl Bound {
    pub(crate) fn new(binding: Binding, entry: Option<Provenance<'static>>) -> Self {
        let role = role_key(&binding);
        Self { binding, entry, role }
    }
}

/// One binding of a subject, or of a group of its, with its role.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) bound: Arc<Bound>,
    pub(crate) profile: Arc<Profile>,
    /// The group that holds it; `None` when the subject itself does.
    pub(crate) through: Option<Arc<Subject>>,
    /// Whether Kubernetes itself bound it so.
    pub(crate) built_in: bool,
}

impl Held {
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.bound.binding.namespace.as_deref()
    }
}

/// What a finding rests on.
#[derive(Debug, Clone)]
pub(crate) enum Evidence {
    /// A rule of a role that is bound.
    Rule {
        /// How it is held.
        held: Held,
        /// Which entry of the role's profile.
        position: usize,
        /// The account that holds it, where it is another than the subject of the finding.
        account: Option<Arc<Subject>>,
    },
    /// A binding as such, whatever its role gives.
    Binding(Arc<Bound>),
    /// Another object.
    Object {
        /// `Kind:name` or `Kind:namespace/name`.
        label: String,
        /// What it says.
        says: String,
        /// The raw entry that it was read from.
        entry: Option<Arc<Provenance<'static>>>,
    },
}

impl Evidence {
    /// Objects that changed are held anew, so that it is the same one as long as it is the same in memory.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rule { held: a, position: p, account: c }, Self::Rule { held: b, position: q, account: d }) => {
                Arc::ptr_eq(&a.bound, &b.bound)
                    && Arc::ptr_eq(&a.profile, &b.profile)
                    && (p, c, &a.through, a.built_in) == (q, d, &b.through, b.built_in)
            }
            (Self::Binding(a), Self::Binding(b)) => Arc::ptr_eq(a, b),
            (Self::Object { label: a, says: b, entry: c }, Self::Object { label: d, says: e, entry: f }) => {
                (a, b, c) == (d, e, f)
            }
            _ => false,
        }
    }

    /// The rule's entry: position of the rule in its role, and what it reaches.
    pub(crate) fn met(&self) -> Option<(usize, &Met)> {
        match self {
            Self::Rule { held, position, .. } => held.profile.entry(*position),
            _ => None,
        }
    }
}

/// One way in which a pattern is held.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    /// The way of the catalogue; `None` for patterns that are no permissions.
    pub(crate) way: Option<&'static Way>,
    pub(crate) effect: Effect,
    pub(crate) severity: Severity,
    /// What it reaches by name.
    pub(crate) targets: Reach,
    /// What it opens, where no way tells that.
    pub(crate) opens: Vec<super::vertex::Vertex>,
    /// What it rests on; never empty.
    pub(crate) evidence: Vec<Evidence>,
    /// What is not known, and how it was read.
    pub(crate) remark: Option<String>,
}

impl Opening {
    fn is_same(&self, other: &Self) -> bool {
        let way = |opening: &Self| opening.way.map(std::ptr::from_ref);
        (self.effect, self.severity, way(self)) == (other.effect, other.severity, way(other))
            && self.targets == other.targets
            && self.opens == other.opens
            && self.remark == other.remark
            && self.evidence.len() == other.evidence.len()
            && self.evidence.iter().zip(&other.evidence).all(|(a, b)| a.is_same(b))
    }

    /// Whether all that it rests on is Kubernetes' own.
    pub(crate) fn is_built_in(&self, subject: &Subject) -> bool {
        self.evidence.iter().all(|evidence| match evidence {
            Evidence::Rule { held, .. } => held.built_in,
            Evidence::Binding(bound) => bound.binding.is_built_in_for(subject),
            Evidence::Object { .. } => false,
        })
    }

    /// Whether several bindings are needed for it.
    pub(crate) fn is_combined(&self) -> bool {
        let bindings: BTreeSet<_> = self
            .evidence
            .iter()
            .filter_map(|evidence| match evidence {
                Evidence::Rule { held, .. } => Some((&held.bound.binding.namespace, &held.bound.binding.name)),
                _ => None,
            })
            .collect();
        bindings.len() > 1
    }
}

/// One pattern that a subject holds in one scope.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) pattern: &'static Pattern,
    /// Namespace; `None` for the whole cluster.
    pub(crate) scope: Option<String>,
    /// The ways in which it is held; never empty.
    pub(crate) openings: Vec<Opening>,
    /// Another whenever it is found to be another than it was; 0 until that is known.
    pub(crate) mark: u64,
}

impl Finding {
    /// Whether it rests on the very same objects, in the same ways.
    fn is_same(&self, other: &Self) -> bool {
        let same = |(a, b): (&Opening, &Opening)| a.is_same(b);
        std::ptr::eq(self.pattern, other.pattern)
            && self.scope == other.scope
            && self.openings.len() == other.openings.len()
            && self.openings.iter().zip(&other.openings).all(same)
    }
}

/// Marks findings: those that were known before keep their mark, the others get one that none had.
pub(crate) fn mark(findings: &mut [Finding], known: &[Finding], generation: &mut u64) {
    for (place, finding) in findings.iter_mut().enumerate() {
        // Most stand where they stood, or next to it.
        let (before, from) = known.split_at(place.saturating_sub(2).min(known.len()));
        let before = from.iter().chain(before).find(|known| known.is_same(finding));
        finding.mark = before.map_or_else(
            || {
                *generation += 1;
                *generation
            },
            |before| before.mark,
        );
    }
}

/// The permission patterns that these bindings give, own ones first. Told is what rests on an own one at least: what groups give is told of
/// the groups.
pub(crate) fn by_permissions(own: &[Held], groups: &[Held], options: &Options) -> Vec<Finding> {
    if own.iter().all(|held| held.profile.bits.is_empty()) {
        return Vec::new();
    }
    let all: Vec<&Held> = own.iter().chain(groups).collect();
    let mut at_cluster = Bits::default();
    let mut in_namespaces: BTreeMap<&str, Bits> = BTreeMap::new();
    for held in &all {
        match held.namespace() {
            None => at_cluster.union(&held.profile.bits),
            Some(namespace) => in_namespaces.entry(namespace).or_default().union(&held.profile.bits),
        }
    }
    let mut findings = Vec::new();
    for (pattern, ways) in &needs().patterns {
        if let Some(finding) = in_scope(pattern, ways, &all, None, &at_cluster, options) {
            findings.push(finding);
        }
        for (namespace, bits) in &in_namespaces {
            let mut bits = *bits;
            if !ways.iter().any(|way| bits.touches(&way.bits)) {
                continue;
            }
            bits.union(&at_cluster);
            if let Some(finding) = in_scope(pattern, ways, &all, Some(namespace), &bits, options) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn in_scope(
    pattern: &'static Pattern,
    ways: &[NumberedWay],
    held: &[&Held],
    scope: Option<&str>,
    bits: &Bits,
    options: &Options,
) -> Option<Finding> {
    let mut openings = Vec::new();
    for way in ways.iter().filter(|way| bits.holds(&way.bits)) {
        let remark = match options.applies(&way.way.versions) {
            Applies::No => continue,
            Applies::Yes => None,
            Applies::Unknown(remark) => Some(remark),
        };
        // Ways of groups and wildcards in a namespace that say of the cluster what RB-01 says are told there.
        if pattern.id == "RB-02" && scope.is_none() && way.way.effect == Some(Effect::NamespaceAdmin) {
            continue;
        }
        let Some((targets, evidence)) = opened_by(way, held, scope) else { continue };
        if !evidence.iter().any(|evidence| matches!(evidence, Evidence::Rule { held, .. } if held.through.is_none())) {
            continue;
        }
        if way.needs.len() > 1 && groups_alone(way, held, scope, &targets) {
            continue;
        }
        let severity = severity(pattern, way.way, scope, &targets);
        let effect = effect(pattern, way.way, scope);
        openings.push(Opening { way: Some(way.way), effect, severity, targets, opens: Vec::new(), evidence, remark });
    }
    (!openings.is_empty()).then(|| Finding { pattern, scope: scope.map(str::to_owned), openings, mark: 0 })
}

/// Whether the groups give as much without the subject's own bindings.
fn groups_alone(way: &NumberedWay, held: &[&Held], scope: Option<&str>, targets: &Reach) -> bool {
    let groups: Vec<&Held> = held.iter().copied().filter(|held| held.through.is_some()).collect();
    !groups.is_empty()
        && opened_by(way, &groups, scope).is_some_and(|(reach, _)| reach == Reach::All || reach == *targets)
}

fn effect(pattern: &Pattern, way: &Way, scope: Option<&str>) -> Effect {
    match way.effect.unwrap_or(pattern.effect) {
        // What makes a cluster-admin over the cluster makes an admin of the namespace in one.
        Effect::ClusterAdmin if scope.is_some() && pattern.id != "RB-30" => Effect::NamespaceAdmin,
        effect => effect,
    }
}

fn severity(pattern: &Pattern, way: &Way, scope: Option<&str>, targets: &Reach) -> Severity {
    let of_pattern = if scope.is_some() { pattern.in_namespace } else { pattern.severity };
    let severity = way.severity.map_or(of_pattern, |of_way| match scope {
        Some(_) => of_way.min(pattern.in_namespace),
        None => of_way,
    });
    // Limited to names it is as bad as what these are, at most one step less than without a limit.
    if matches!(targets, Reach::Names(_)) { severity.lower() } else { severity }
}

/// Whether what is bound so counts for a request to this place in the scope.
fn counts(held: &Held, place: Place, scope: Option<&str>) -> bool {
    match (held.namespace(), place) {
        (None, _) => true,
        (Some(_), Place::Cluster) => false,
        (Some(namespace), Place::Namespaced | Place::NamespaceObject) => scope == Some(namespace),
        (Some(namespace), Place::In(only)) => scope == Some(namespace) && namespace == only,
    }
}

/// What a way reaches and what it rests on, when all its needs are met in the scope and, in a namespace, not by bindings over the cluster alone.
pub(crate) fn opened_by(way: &NumberedWay, all: &[&Held], scope: Option<&str>) -> Option<(Reach, Vec<Evidence>)> {
    let mut evidence = Vec::with_capacity(way.needs.len());
    let mut targets: Option<BTreeMap<String, Vec<(usize, Evidence)>>> = None;
    let mut in_namespace = false;
    for (index, number) in way.needs.iter().enumerate() {
        let need = needs().get(*number)?;
        let mut names: BTreeMap<String, Evidence> = BTreeMap::new();
        let mut whole = None;
        for held in all.iter().filter(|held| counts(held, need.place, scope)) {
            for (position, _, met) in held.profile.met(*number) {
                // A request that names no namespace is made to none.
                let own = need.place == Place::NamespaceObject && held.namespace().is_some();
                if own && met.verb == "deletecollection" {
                    continue;
                }
                let found = || Evidence::Rule { held: (*held).clone(), position, account: None };
                match &met.reach {
                    Reach::All => whole = Some(found()),
                    Reach::Names(some) if own => {
                        if scope.is_some_and(|scope| some.contains(scope)) {
                            whole = Some(found());
                        }
                    }
                    Reach::Names(some) => {
                        for name in some {
                            names.entry(name.clone()).or_insert_with(found);
                        }
                    }
                }
                if whole.is_some() {
                    break;
                }
            }
            if whole.is_some() {
                break;
            }
        }
        let local = |evidence: &Evidence| matches!(evidence, Evidence::Rule { held, .. } if held.namespace().is_some());
        match whole {
            Some(found) => {
                in_namespace |= local(&found);
                evidence.push((index, found));
            }
            None if names.is_empty() => return None,
            None if need.target => {
                let found = names.into_iter().map(|(name, found)| (name, vec![(index, found)]));
                targets = Some(match targets {
                    None => found.collect(),
                    Some(before) => found
                        .filter_map(|(name, mut found)| {
                            let mut both = before.get(&name)?.clone();
                            both.append(&mut found);
                            Some((name, both))
                        })
                        .collect(),
                });
            }
            None => {
                let found = names.into_values().next()?;
                in_namespace |= local(&found);
                evidence.push((index, found));
            }
        }
    }
    let reach = match targets {
        None => Reach::All,
        Some(targets) => {
            let of_names = |found: &[(usize, Evidence)]| {
                found.iter().any(|(_, e)| matches!(e, Evidence::Rule { held, .. } if held.namespace().is_some()))
            };
            // Names that bindings over the cluster give are told of the cluster.
            let targets: BTreeMap<_, _> =
                targets.into_iter().filter(|(_, found)| scope.is_none() || in_namespace || of_names(found)).collect();
            let first = targets.values().next()?.clone();
            in_namespace |= of_names(&first);
            evidence.extend(first);
            Reach::Names(targets.into_keys().collect())
        }
    };
    if scope.is_some() && !in_namespace {
        return None;
    }
    evidence.sort_by_key(|(index, _)| *index);
    Some((reach, evidence.into_iter().map(|(_, evidence)| evidence).collect()))
}
