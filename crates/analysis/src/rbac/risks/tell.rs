//! Which risks are others than they were last told.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::around::Around;
use super::catalogue::Effect;
use super::engine::{Change, Engine, Told};
use super::graph::{Graph, digest, mix};
use super::nodes;
use super::risk::{Renderer, Risk, RiskKey};
use super::vertex::Vertex;
use crate::rbac::subject::Subject;

/// Whose risks may be others.
#[derive(Debug)]
pub(crate) enum Whom {
    /// All who hold any.
    Everybody,
    /// These, and all whose ways go around by one of these vertices.
    These {
        /// By subject.
        subjects: BTreeSet<Subject>,
        /// By node.
        nodes: BTreeSet<String>,
        /// Vertices that ways go around by.
        watching: Vec<u32>,
    },
}

/// What a look at the graph found, as far as it is another than at the last.
struct Look {
    looked: u64,
    shown: u64,
    around: Rc<Around>,
    /// The risks, where they may be others; those that are told as they were without what is told.
    risks: Option<BTreeMap<RiskKey, (u64, Option<Risk>)>>,
}

impl Engine {
    /// The risks that are others than they were last told.
    pub(crate) fn tell(&mut self, whom: &Whom) -> Vec<Change> {
        if matches!(whom, Whom::These { subjects, nodes, watching } if subjects.is_empty() && nodes.is_empty() && watching.is_empty())
        {
            return Vec::new();
        }
        let renderer = Renderer {
            rests: Default::default(),
            graph: &self.graph,
            comers: Default::default(),
            told: &self.told,
            rights: &self.rights,
            world: &self.world,
        };
        let of_subject = |(subject, told): (&Subject, &Told)| {
            Some((subject.clone(), look(&renderer, subject, told, &told.findings, 0, 0)?))
        };
        let chosen: Vec<(&Subject, &Told)> = match whom {
            Whom::These { subjects, watching, .. } => {
                let turns = |(subject, (avoided, around)): (&'_ Subject, &(u32, Rc<Around>))| {
                    let other = watching.iter().any(|number| !around.holds_at(&self.graph, *number, *avoided));
                    (other && !subjects.contains(subject)).then(|| subject.clone())
                };
                let turning = if watching.is_empty() { None } else { Some(&self.turning) };
                let turning: Vec<Subject> = turning.into_iter().flatten().filter_map(turns).collect();
                let told = subjects.iter().chain(&turning).filter_map(|subject| self.told.get_key_value(subject));
                told.collect()
            }
            Whom::Everybody => self.told.iter().collect(),
        };
        let of_subjects: Vec<(Subject, Look)> = chosen.into_iter().filter_map(of_subject).collect();
        let mut of_nodes: Vec<(String, Look)> = Vec::new();
        let chosen: Vec<(&String, &Told)> = match whom {
            Whom::These { nodes, .. } => nodes.iter().filter_map(|node| self.on_nodes.get_key_value(node)).collect(),
            Whom::Everybody => self.on_nodes.iter().collect(),
        };
        for (node, told) in chosen {
            // By itself a node of the control plane is what it is; another one only when it comes to everything.
            let holds_keys = self.world.is_control_plane(node);
            let end = self.graph.find(&Vertex::Node(node.clone())).and_then(|node| self.graph.best(node));
            let alone = holds_keys || end.is_none_or(|best| best.end != Effect::ClusterAdmin);
            let (findings, first) =
                if alone { (told.findings.get(1..).unwrap_or_default(), 1) } else { (told.findings.as_slice(), 0) };
            let look = look(&renderer, &nodes::subject(node), told, findings, first, u64::from(alone) + 1);
            of_nodes.extend(look.map(|look| (node.clone(), look)));
        }
        let mut changes = Vec::new();
        for (subject, look) in of_subjects {
            if let Some(told) = self.told.get_mut(&subject) {
                told.take(&subject, look, &mut self.watchers, &mut changes);
                let turns = told.vertex.filter(|_| !told.around.is_empty());
                match turns {
                    Some(vertex) => drop(self.turning.insert(subject.clone(), (vertex, Rc::clone(&told.around)))),
                    None => drop(self.turning.remove(&subject)),
                }
                if told.findings.is_empty() {
                    self.told.remove(&subject);
                }
            }
        }
        for (node, look) in of_nodes {
            if let Some(told) = self.on_nodes.get_mut(&node) {
                told.take(&nodes::subject(&node), look, &mut self.watchers, &mut changes);
                if told.findings.is_empty() {
                    self.on_nodes.remove(&node);
                }
            }
        }
        changes
    }
}

/// Looks at what the risks of a subject depend on; `None` while all that is the same.
fn look(
    renderer: &Renderer<'_>,
    subject: &Subject,
    told: &Told,
    findings: &[super::findings::Finding],
    first: usize,
    mark: u64,
) -> Option<Look> {
    let graph = renderer.graph;
    let of = |around: &Around| {
        let own = told.vertex.map_or(0, |vertex| seen_at(graph, vertex));
        let inside = around
            .vertices()
            .fold(0_u64, |all, number| all.wrapping_add(mix(u64::from(number), seen_at(graph, number))));
        mix(mix(mix(told.marks, mark), own), inside)
    };
    if told.looked == Some(of(&told.around)) {
        return None;
    }
    let leads = renderer.leads(told.vertex);
    let shown = mix(mix(mix(told.marks, mark), told.vertex.map_or(0, |vertex| graph.sign(vertex))), leads.digest());
    let risks = (told.shown != Some(shown)).then(|| renderer.risks(subject, &leads, findings, first, &told.risks));
    Some(Look { looked: of(&leads.around), shown, around: Rc::new(leads.around), risks })
}

/// A digest of what begins at a vertex, and of the ways on from there.
fn seen_at(graph: &Graph, vertex: u32) -> u64 {
    let on = graph.out(vertex).iter().map(|edge| digest(graph.best(edge.to)));
    on.fold(graph.sign(vertex), mix)
}

impl Told {
    /// Takes what a look found, and adds what is different from before.
    fn take(&mut self, subject: &Subject, look: Look, watchers: &mut [u32], changes: &mut Vec<Change>) {
        for (around, more) in [(&self.around, false), (&look.around, true)] {
            for number in around.vertices() {
                if let Some(count) = watchers.get_mut(number as usize) {
                    *count = if more { *count + 1 } else { count.saturating_sub(1) };
                }
            }
        }
        (self.looked, self.shown, self.around) = (Some(look.looked), Some(look.shown), look.around);
        let Some(risks) = look.risks else { return };
        let mut before = std::mem::take(&mut self.risks);
        for (key, (shown, risk)) in risks {
            match (before.remove(&key), risk) {
                (Some((_, same)), None) => drop(self.risks.insert(key, (shown, same))),
                (known, Some(risk)) => {
                    if known.is_none_or(|(_, known)| known != risk) {
                        changes.push((subject.clone(), key.clone(), Some(risk.clone())));
                    }
                    self.risks.insert(key, (shown, risk));
                }
                (None, None) => {}
            }
        }
        changes.extend(before.into_keys().map(|key| (subject.clone(), key, None)));
    }
}
