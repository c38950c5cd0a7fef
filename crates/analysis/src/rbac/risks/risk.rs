//! A risk as it is told: the worst of the ways in which a pattern is held, its path, and the evidence for each step.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use records::table::Provenance;

use super::around::{Around, Comers};
use super::catalogue::{Effect, Opens, Severity};
use super::engine::Told as Holder;
use super::expand::{Rights, binds_only_what_is_there};
use super::findings::{Evidence, Finding, Opening};
use super::graph::{Edge, Graph, Why, mix};
use super::steps::{Link, Rest, permission, step};
use super::vertex::Vertex;
use super::world::{Key, World};
use crate::rbac::subject::Subject;

/// Pattern and scope: what tells the risks of one subject apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RiskKey {
    pub(crate) pattern: &'static str,
    /// Namespace; `None` for the whole cluster.
    pub(crate) scope: Option<String>,
}

/// What is told of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Risk {
    pub(crate) severity: Severity,
    pub(crate) effect: Effect,
    pub(crate) permission: String,
    pub(crate) path: String,
    pub(crate) path_json: String,
    pub(crate) steps: usize,
    pub(crate) combined: bool,
    pub(crate) implied: bool,
    pub(crate) built_in: bool,
    pub(crate) remark: Option<String>,
    pub(crate) entry: Option<Arc<Provenance<'static>>>,
}

/// Longest path that is told, steps. The shortest way between any two vertices is shorter in every cluster that is not made to be odd.
const LONGEST: usize = 64;

/// Most permissions that are told of one risk.
const MOST_PERMISSIONS: usize = 12;

/// What risks are told from.
#[derive(Debug)]
pub(crate) struct Renderer<'a> {
    /// The way on from each vertex that was told already: many paths share it.
    pub(crate) rests: RefCell<HashMap<u32, Rc<Rest>>>,
    pub(crate) graph: &'a Graph,
    /// Made when the first way goes around.
    pub(crate) comers: OnceCell<Comers>,
    pub(crate) told: &'a BTreeMap<Subject, Holder>,
    pub(crate) rights: &'a BTreeMap<(Key, Option<String>), Rights>,
    pub(crate) world: &'a World,
}

/// Where an opening leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lead {
    /// The end; `None` when there is none beyond what it opens.
    end: Option<Effect>,
    /// How many steps that takes.
    distance: usize,
    /// What it opens.
    to: u32,
    /// Whether the way from there is another than the shortest of all: a path does not come back to where it begins.
    around: bool,
    /// A digest of the way.
    digest: u64,
}

impl Lead {
    /// A digest of how far it is and to which end.
    fn place(&self) -> u64 {
        mix(self.distance as u64, self.end.map_or(0, |end| end as u64 + 1))
    }
}

/// Where the openings of a subject lead.
#[derive(Debug, Default)]
pub(crate) struct Leads {
    /// By finding and opening.
    pub(crate) by_opening: BTreeMap<(usize, usize), Lead>,
    /// The ways around the beginning, where some lead there.
    pub(crate) around: Around,
}

impl Leads {
    /// A digest of all that risks are told of them.
    pub(crate) fn digest(&self) -> u64 {
        let of = |all, ((finding, opening), lead): (&(usize, usize), &Lead)| {
            mix(mix(all, mix(*finding as u64, *opening as u64)), mix(lead.digest, lead.place()))
        };
        self.by_opening.iter().fold(0, of)
    }
}

/// One way of a finding, as far as it goes.
#[derive(Debug, Clone)]
struct Way<'a> {
    opening: &'a Opening,
    /// The end that it comes to.
    effect: Effect,
    severity: Severity,
    /// Where it leads; `None` when it leads no further.
    lead: Option<Lead>,
}

impl Renderer<'_> {
    /// The risks of a subject, whose openings lead there; the first finding is told with the number `first`. Each with a digest of what it is told from, and
    /// without what is told where that is so for the `known` one.
    pub(crate) fn risks(
        &self,
        subject: &Subject,
        leads: &Leads,
        findings: &[Finding],
        first: usize,
        known: &BTreeMap<RiskKey, (u64, Risk)>,
    ) -> BTreeMap<RiskKey, (u64, Option<Risk>)> {
        let mut told = BTreeMap::new();
        let is_all = |opening: &Opening| opening.way.is_some_and(|way| way.opens == Opens::Everything);
        let everything: Vec<(&str, Option<&str>)> = findings
            .iter()
            .filter(|finding| finding.openings.iter().any(is_all))
            .map(|finding| (finding.pattern.id, finding.scope.as_deref()))
            .collect();
        for (number, finding) in (first..).zip(findings) {
            let mut shown = finding.mark;
            let mut ways: Vec<Way<'_>> = Vec::with_capacity(finding.openings.len());
            for (o, opening) in finding.openings.iter().enumerate() {
                let way = self.way(finding, opening, leads.by_opening.get(&(number, o)).copied());
                shown =
                    mix(shown, way.as_ref().map_or(1, |way| way.lead.map_or(2, |lead| mix(lead.place(), lead.digest))));
                ways.extend(way);
            }
            // The worst end, then the worse and the shorter way; of equal ones the first of the catalogue.
            let far = |way: &Way<'_>| way.lead.as_ref().map_or(0, |lead| lead.distance);
            ways.sort_by(|a, b| (b.effect, b.severity).cmp(&(a.effect, a.severity)).then(far(a).cmp(&far(b))));
            let Some(worst) = ways.first() else { continue };
            let implied = worst.opening.way.is_some()
                && everything.iter().any(|(pattern, scope)| {
                    *pattern != finding.pattern.id && (scope.is_none() || *scope == finding.scope.as_deref())
                });
            let shown = mix(shown, u64::from(implied));
            let key = RiskKey { pattern: finding.pattern.id, scope: finding.scope.clone() };
            let new = known.get(&key).is_none_or(|(known, _)| *known != shown);
            let risk = new.then(|| Risk { implied, ..self.risk(subject, finding, worst, &ways, &leads.around) });
            told.insert(key, (shown, risk));
        }
        told
    }

    /// For each opening of a subject, which begin at a vertex, where it leads best.
    pub(crate) fn leads(&self, vertex: Option<u32>) -> Leads {
        let mut leads = Leads::default();
        let Some(vertex) = vertex else { return leads };
        let opens = |edge: &&Edge| matches!(edge.why, Why::Opening { .. });
        if self.graph.out(vertex).iter().filter(opens).any(|edge| self.graph.goes_through(edge.to, vertex)) {
            leads.around = Around::of(self.graph, self.comers.get_or_init(|| Comers::of(self.graph)), vertex);
        }
        for edge in self.graph.out(vertex) {
            let Why::Opening { finding, opening, .. } = edge.why else { continue };
            let around = edge.to == vertex || leads.around.has(edge.to);
            let best = if edge.to == vertex { None } else { leads.around.best(self.graph, edge.to) };
            let lead = Lead {
                end: best.map(|best| best.end),
                distance: best.map_or(1, |best| best.distance as usize + 1),
                to: edge.to,
                around,
                digest: mix(edge.digest, best.map_or(0, |best| best.digest)),
            };
            let known = leads.by_opening.get(&(finding, opening));
            if known
                .is_none_or(|known| known.end < lead.end || (known.end == lead.end && known.distance > lead.distance))
            {
                leads.by_opening.insert((finding, opening), lead);
            }
        }
        leads
    }

    /// How far an opening goes; `None` when it is harmless.
    fn way<'a>(&self, finding: &Finding, opening: &'a Opening, lead: Option<Lead>) -> Option<Way<'a>> {
        if lead.is_none() && binds_only_what_is_there(self.world, finding, opening) {
            return None;
        }
        let end = lead.as_ref().and_then(|lead| lead.end);
        let promised = opening.effect;
        let kept = lead.is_some() || !matches!(promised, Effect::ClusterAdmin | Effect::NamespaceAdmin);
        let own = if kept { promised } else { Effect::Latent };
        // What everything in a scope comes to is what the graph says, not what the pattern promises at most.
        let own = match (own, end) {
            (Effect::ClusterAdmin | Effect::NamespaceAdmin, Some(end)) => end,
            (Effect::ClusterAdmin | Effect::NamespaceAdmin, None) => Effect::Latent,
            _ => own,
        };
        let effect = end.map_or(own, |end| end.max(own));
        let of_end = match end {
            Some(Effect::ClusterAdmin) => Severity::Critical,
            Some(Effect::Node) => Severity::High,
            _ => Severity::Low,
        };
        let severity = match own {
            // It says less than the pattern does.
            Effect::Latent if promised != Effect::Latent => opening.severity.lower(),
            _ => opening.severity,
        };
        Some(Way { opening, effect, severity: severity.max(of_end), lead })
    }

    fn risk(&self, subject: &Subject, finding: &Finding, worst: &Way<'_>, ways: &[Way<'_>], around: &Around) -> Risk {
        let mut permissions: Vec<String> = Vec::new();
        for way in ways {
            let permission = permission(way.opening);
            if permissions.len() < MOST_PERMISSIONS && !permissions.contains(&permission) {
                permissions.push(permission);
            }
        }
        let mut told = Rest { text: subject.to_string(), ..Rest::default() };
        let lead = worst.lead.as_ref();
        let to =
            lead.and_then(|lead| self.graph.at(lead.to)).map_or_else(|| worst.effect.words().to_owned(), Vertex::words);
        step(&mut told, &subject.to_string(), &to, Link::Opening(worst.opening, finding.scope.as_deref()));
        match lead {
            Some(Lead { to, around: false, .. }) => {
                let rest = self.rest(*to);
                told.text.push_str(&rest.text);
                told.json.push_str(&rest.json);
                told.steps += rest.steps;
            }
            Some(Lead { to, end, .. }) => {
                let steps = if end.is_some() { around.steps(self.graph, *to) } else { Vec::new() };
                for step in steps.iter().take(LONGEST) {
                    if let Some(edge) = self.graph.edge_at(*step) {
                        self.add_step(&mut told, step.0, edge);
                    }
                }
            }
            None => {}
        }
        let remarks: Vec<&str> = worst.opening.remark.iter().map(String::as_str).collect();
        Risk {
            severity: worst.severity,
            effect: worst.effect,
            permission: permissions.join("; "),
            path_json: format!("[{}]", told.json.get(1..).unwrap_or_default()),
            path: told.text,
            steps: told.steps,
            combined: worst.opening.is_combined(),
            implied: false,
            built_in: ways.iter().all(|way| way.opening.is_built_in(subject)),
            remark: (!remarks.is_empty()).then(|| remarks.join("; ")),
            entry: worst.opening.evidence.iter().find_map(Evidence::entry).map(|entry| Arc::new(entry.clone())),
        }
    }
}

impl Renderer<'_> {
    /// The shortest way on from a vertex to the worst end.
    fn rest(&self, from: u32) -> Rc<Rest> {
        if let Some(rest) = self.rests.borrow().get(&from) {
            return Rc::clone(rest);
        }
        let mut rest = Rest::default();
        let mut at = from;
        while let Some((_, edge)) = self.graph.next(at) {
            if rest.steps == LONGEST {
                break;
            }
            self.add_step(&mut rest, at, edge);
            at = edge.to;
        }
        let rest = Rc::new(rest);
        self.rests.borrow_mut().insert(from, Rc::clone(&rest));
        rest
    }

    fn add_step(&self, told: &mut Rest, from: u32, edge: &Edge) {
        let (Some(from), Some(to)) = (self.graph.at(from), self.graph.at(edge.to)) else { return };
        let (from_words, to_words) = (from.words(), to.words());
        match &edge.why {
            Why::Object { label, says } => step(told, &from_words, &to_words, Link::Object(label, says)),
            Why::Opening { finding, opening, .. } => {
                let findings = match from {
                    Vertex::Subject(subject) => self.told.get(subject).map(|told| told.findings.as_slice()),
                    Vertex::Rights(key, scope) => {
                        self.rights.get(&(key.clone(), scope.clone())).map(|rights| rights.findings.as_slice())
                    }
                    _ => None,
                };
                let found = findings.and_then(|findings| findings.get(*finding));
                if let Some((found, opening)) = found.and_then(|f| Some((f, f.openings.get(*opening)?))) {
                    step(told, &from_words, &to_words, Link::Opening(opening, found.scope.as_deref()));
                }
            }
        }
    }
}
