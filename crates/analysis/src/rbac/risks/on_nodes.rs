//! What a change touches of what comes together on nodes: pods come and go all the time, and few of them change anything.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::engine::{Engine, Found, Name, Told};
use super::findings::Finding;
use super::nodes;
use super::world::Touched;
use crate::rbac::subject::Subject;

impl Engine {
    /// Works out again what comes together on the nodes that are touched, themselves or by an account of theirs.
    pub(crate) fn evaluate_nodes(&mut self, touched: &mut Touched, found: &mut Found) {
        let mut nodes: BTreeMap<String, BTreeSet<Name>> = std::mem::take(&mut touched.nodes);
        // Accounts on a node change its ways where they lead anywhere.
        for (node, changed) in &nodes {
            if changed.is_empty() {
                found.nodes.insert(node.clone());
            } else if changed
                .iter()
                .any(|account| self.leads(&account.0, &account.1) || found.flipped.contains(account))
            {
                found.moved.insert(node.clone(), changed.clone());
            }
        }
        let accounts = touched.subjects.iter().filter_map(|subject| match subject {
            Subject::ServiceAccount { namespace, name } => Some((namespace.clone(), name.clone())),
            _ => None,
        });
        // With whether it held a part before it changed.
        let mut held_a_part: BTreeMap<Name, bool> = BTreeMap::new();
        for account in accounts {
            let before = self.accounts.remove(&account);
            held_a_part.insert(account, before.is_some_and(|before| before.holds_a_part()));
        }
        for account in held_a_part.keys() {
            for node in self.world.running.nodes_of(account) {
                nodes.entry(node.clone()).or_default().insert(account.clone());
                if found.flipped.contains(account) {
                    found.nodes.insert(node.clone());
                }
            }
        }
        for (node, changed) in nodes {
            let leads = self.world.running.accounts_on(&node).any(|(namespace, name)| self.leads(namespace, name));
            let known = self.on_nodes.get(&node);
            let had = known.is_some_and(|told| !told.findings.is_empty());
            if !leads && !had {
                continue;
            }
            // Others than those that hold a part of something change nothing of what comes together.
            let mut parts =
                changed.iter().map(|a| held_a_part.get(a).is_some_and(|had| *had) || self.account(a).holds_a_part());
            if leads == had && !parts.any(|part| part) {
                continue;
            }
            let mut findings = Vec::new();
            if leads {
                let on = self.world.running.accounts_on(&node);
                let new: Vec<Name> = on.filter(|account| !self.accounts.contains_key(*account)).cloned().collect();
                new.iter().for_each(|account| drop(self.account(account)));
                let known = self.world.running.accounts_on(&node).filter_map(|account| self.accounts.get(account));
                let accounts: Vec<_> = known.filter(|account| account.holds_a_part()).cloned().collect();
                findings.extend(nodes::path(&node));
                findings.extend(nodes::together(&self.options, &accounts));
            }
            let same = known_is_same(self.on_nodes.get(&node), &findings);
            if !same || leads != had {
                found.on_nodes.insert(node.clone());
                self.on_nodes.entry(node).or_default().find(findings, &mut self.generation);
            }
        }
    }

    /// A service account with what it holds by itself.
    fn account(&mut self, account: &Name) -> Rc<nodes::Account> {
        if let Some(known) = self.accounts.get(account) {
            return Rc::clone(known);
        }
        let new = Rc::new(nodes::Account::new(&self.world, &account.0, &account.1));
        self.accounts.insert(account.clone(), Rc::clone(&new));
        new
    }
}

/// Whether findings of a node rest on the same as those that are known.
fn known_is_same(known: Option<&Told>, findings: &[Finding]) -> bool {
    known.is_some_and(|known| nodes::sign(&known.findings) == nodes::sign(findings))
}
