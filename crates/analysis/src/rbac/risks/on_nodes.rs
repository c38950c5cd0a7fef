//! What a change touches of what comes together on nodes: pods come and go all the time, and few of them change anything.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::catalogue::Effect;
use super::engine::{Engine, Name, Told};
use super::findings::Finding;
use super::graph::Vertex;
use super::nodes;
use super::world::{Touched, account_subject};
use crate::rbac::subject::Subject;

impl Engine {
    /// Works out again what comes together on the nodes that are touched, themselves or by an account of theirs; gives back whether paths may be others.
    pub(crate) fn evaluate_nodes(&mut self, touched: &Touched) -> bool {
        let mut nodes: BTreeMap<String, BTreeSet<Name>> = touched.nodes.clone();
        let accounts: BTreeSet<Name> = touched
            .subjects
            .iter()
            .filter_map(|subject| match subject {
                Subject::ServiceAccount { namespace, name } => Some((namespace.clone(), name.clone())),
                _ => None,
            })
            .collect();
        for account in &accounts {
            self.accounts.remove(account);
        }
        if !accounts.is_empty() {
            for (node, on) in &self.world.running.nodes {
                let here = on.accounts.keys().filter(|account| accounts.contains(*account));
                let mut here = here.peekable();
                if here.peek().is_some() {
                    nodes.entry(node.clone()).or_default().extend(here.cloned());
                }
            }
        }
        let mut paths = false;
        for (node, changed) in nodes {
            let on: Vec<Name> =
                self.world.running.nodes.get(&node).into_iter().flat_map(|on| on.accounts.keys()).cloned().collect();
            let leads = on.iter().any(|(namespace, name)| self.leads(namespace, name));
            let known = self.on_nodes.get(&node);
            let had = known.is_some_and(|told| !told.findings.is_empty());
            if !leads && !had {
                continue;
            }
            paths |= leads != had || self.way_of_node_is_another(&node, &on);
            // Others than those that hold a part of something change nothing of what comes together.
            if leads == had && !changed.iter().any(|account| self.account(account).holds_a_part()) {
                continue;
            }
            let mut findings = Vec::new();
            if leads {
                let accounts: Vec<_> = on.iter().map(|account| self.account(account)).collect();
                findings.extend(nodes::path(&node));
                findings.extend(nodes::together(&self.options, &accounts));
            }
            let same = known_is_same(self.on_nodes.get(&node), &findings);
            if !same || leads != had {
                paths = true;
                self.generation += 1;
                let told = self.on_nodes.entry(node).or_default();
                (told.findings, told.generation) = (findings, self.generation);
            }
        }
        paths
    }

    /// Whether the way from a node to the worst end is another than in the graph, given the accounts on it.
    fn way_of_node_is_another(&self, node: &str, on: &[Name]) -> bool {
        if self.world.is_control_plane(node) {
            return false; // Whether it is of the control plane is told by itself.
        }
        let vertex = self.graph.find(&Vertex::Node(node.to_owned()));
        let known = vertex.and_then(|vertex| self.graph.best(vertex)).filter(|best| best.end == Effect::ClusterAdmin);
        let known = known.and_then(|best| Some((best.distance, self.graph.edge_at(best.edge?)?.to)));
        let by = |account: &Name| {
            let subject = self.graph.find(&Vertex::Subject(account_subject(&account.0, &account.1)))?;
            let best = self.graph.best(subject).filter(|best| best.end == Effect::ClusterAdmin)?;
            self.leads(&account.0, &account.1).then_some((best.distance + 1, subject))
        };
        // Of equally short ways that of the first account counts, as in the graph.
        let now = on.iter().filter_map(by).min_by_key(|(distance, _)| *distance);
        now != known
    }

    /// A service account with what it holds by itself.
    fn account(&mut self, account: &Name) -> Rc<nodes::Account> {
        let world = &self.world;
        let known = self.accounts.entry(account.clone());
        Rc::clone(known.or_insert_with(|| Rc::new(nodes::Account::new(world, &account.0, &account.1))))
    }
}

/// Whether findings of a node rest on the same as those that are known.
fn known_is_same(known: Option<&Told>, findings: &[Finding]) -> bool {
    known.is_some_and(|known| nodes::sign(&known.findings) == nodes::sign(findings))
}
