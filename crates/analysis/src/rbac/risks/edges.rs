//! The edges that are there by what the objects are: what runs where, who is in which group, what a node holds.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Engine, Found};
use super::graph::Why;
use super::parts::Parts;
use super::vertex::Vertex;
use super::world::{Touched, account_subject};
use crate::rbac::subject::{AUTHENTICATED, SERVICE_ACCOUNTS, Subject};

/// What the edges say that come and go with pods.
const RUNS_AS: &str = "a pod on the node runs as it";
const CAN_BE_TAKEN: &str = "runs a pod that can take it";
const RUNS: &str = "runs pods of it";
const RUNS_IN: &str = "a pod of the namespace runs as it";
const RUN_AS: &str = "pods run as it, whose tokens their node requests";

impl Engine {
    /// Sets the edges that are there by which pods are on which nodes, where these came or went; adds the vertices at which others begin than before.
    pub(crate) fn move_pods(&mut self, touched: &Touched, found: &Found, changed: &mut Vec<u32>) {
        for (node, accounts) in &found.moved {
            let Some(vertex) = self.graph.find(&Vertex::Node(node.clone())) else { continue };
            for account in accounts {
                let (namespace, name) = account;
                let here = self.world.running.nodes.get(node).is_some_and(|on| on.accounts.contains_key(account));
                let subject = account_subject(namespace, name);
                let label = || subject.to_string();
                let why = (here && self.leads(namespace, name)).then(|| Why::Object { label: label(), says: RUNS_AS });
                if self.graph.set_edge(vertex, Vertex::Subject(subject), why) {
                    changed.push(vertex);
                }
            }
        }
        for (namespace, name) in &found.running {
            let leads = self.leading.get(namespace).is_some_and(|names| names.contains(name));
            let runs = leads && self.runs(namespace, name);
            let holds = leads && self.has_token(namespace, name);
            let places = [
                (Vertex::PodsOf(Some(namespace.clone())), holds, RUNS_IN),
                (Vertex::PodsOf(None), holds, RUNS_IN),
                (Vertex::NodeCredentials, runs, RUN_AS),
            ];
            for (place, is, says) in places {
                let Some(vertex) = self.graph.find(&place) else { continue };
                let subject = account_subject(namespace, name);
                let label = || subject.to_string();
                let why = is.then(|| Why::Object { label: label(), says });
                if self.graph.set_edge(vertex, Vertex::Subject(subject), why) {
                    changed.push(vertex);
                }
            }
        }
        let of_node = |node: &str, says: &'static str| Why::Object { label: format!("Node:{node}"), says };
        for (namespace, node) in &touched.taken {
            let taken_from = self.world.running.nodes.get(node).map(|on| &on.taken_from);
            let here = taken_from.is_some_and(|from| from.contains_key(namespace));
            let any = taken_from.is_some_and(|from| !from.is_empty());
            for (scope, is) in [(Some(namespace.clone()), here), (None, any)] {
                let Some(vertex) = self.graph.find(&Vertex::PodsOf(scope)) else { continue };
                let why = is.then(|| of_node(node, CAN_BE_TAKEN));
                if self.graph.set_edge(vertex, Vertex::Node(node.clone()), why) {
                    changed.push(vertex);
                }
            }
        }
        for (namespace, node) in &touched.places {
            for scope in [Some(namespace.clone()), None] {
                let is = self.world.running.nodes.get(node).is_some_and(|on| on.runs_of(scope.as_deref()));
                let Some(vertex) = self.graph.find(&Vertex::NodesOf(scope)) else { continue };
                if self.graph.set_edge(vertex, Vertex::Node(node.clone()), is.then(|| of_node(node, RUNS))) {
                    changed.push(vertex);
                }
            }
        }
    }

    /// The edges that begin at a vertex by what it is, each with the object that says so and what it says; gives back what they depend on beside the
    /// service accounts that lead anywhere and their pods, and what runs where.
    pub(crate) fn add_edges(&self, vertex: &Vertex, edges: &mut Vec<(Vertex, String, &'static str)>) -> Parts {
        let mut edge = |to: Vertex, label: String, says: &'static str| edges.push((to, label, says));
        match vertex {
            Vertex::Subject(subject) => {
                if let Subject::ServiceAccount { namespace, name } = subject
                    && let Some(account) = self.world.accounts.get(namespace).and_then(|accounts| accounts.get(name))
                {
                    for cloud in &account.cloud {
                        edge(
                            Vertex::Cloud(cloud.clone()),
                            subject.to_string(),
                            "names this identity in its annotations",
                        );
                    }
                }
                for group in subject.implicit_groups().into_iter().map(Subject::Group) {
                    if self.told.get(&group).is_some_and(|told| !told.findings.is_empty()) {
                        edge(Vertex::Subject(group), String::new(), "is in this group by what it is");
                    }
                }
            }
            Vertex::NamespaceAdmin(scope) => {
                edge(Vertex::AccountsOf(scope.clone()), String::new(), "creates pods or tokens of them");
                edge(Vertex::Nodes, String::new(), "creates privileged pods, having changed the namespace's labels");
            }
            Vertex::AccountsOf(scope) => {
                for (namespace, name) in self.leading(scope.as_deref()) {
                    let subject = account_subject(namespace, name);
                    let label = subject.to_string();
                    edge(Vertex::Subject(subject), label, "is one of them");
                }
                for group in groups_of(scope.as_deref()) {
                    if self.told.get(&group).is_some_and(|told| !told.findings.is_empty()) {
                        edge(Vertex::Subject(group), String::new(), "all of them are in this group");
                    }
                }
            }
            Vertex::TokensOf(scope) => {
                for (namespace, secrets) in within(&self.world.tokens, scope.as_deref()) {
                    for (secret, token) in secrets.iter().filter(|(_, token)| token.invalid_since.is_none()) {
                        let subject = account_subject(namespace, &token.account);
                        edge(Vertex::Subject(subject), format!("Secret:{namespace}/{secret}"), "holds its token");
                    }
                }
            }
            Vertex::PodsOf(scope) => {
                for (namespace, name) in self.leading(scope.as_deref()).filter(|(ns, name)| self.has_token(ns, name)) {
                    let subject = account_subject(namespace, name);
                    let label = subject.to_string();
                    edge(Vertex::Subject(subject), label, RUNS_IN);
                }
                for (node, on) in &self.world.running.nodes {
                    let taken = scope.as_ref().is_none_or(|scope| on.taken_from.contains_key(scope));
                    if taken && !on.taken_from.is_empty() {
                        edge(Vertex::Node(node.clone()), format!("Node:{node}"), CAN_BE_TAKEN);
                    }
                }
                if within(&self.world.running.taking, scope.as_deref()).next().is_some() {
                    edge(Vertex::NodesOf(scope.clone()), String::new(), "a workload's pods can take their node");
                }
            }
            Vertex::NodesOf(scope) => {
                for (node, on) in &self.world.running.nodes {
                    if on.runs_of(scope.as_deref()) {
                        edge(Vertex::Node(node.clone()), format!("Node:{node}"), RUNS);
                    }
                }
            }
            Vertex::Nodes => {
                edge(Vertex::NodeCredentials, String::new(), "each node holds that of its kubelet");
                let servers =
                    self.world.running.nodes.iter().filter(|(_, on)| on.api_servers > 0).map(|(node, _)| node);
                if let Some(node) = self.world.control_plane.iter().chain(servers).next() {
                    edge(Vertex::Node(node.clone()), format!("Node:{node}"), "is one of them");
                }
            }
            Vertex::Node(node) => {
                let on = self.world.running.nodes.get(node);
                if self.world.is_control_plane(node) {
                    edge(Vertex::ClusterAdmin, format!("Node:{node}"), "holds the keys of the control plane");
                }
                let accounts = on.into_iter().flat_map(|on| on.accounts.keys());
                for (namespace, name) in accounts.filter(|(namespace, name)| self.leads(namespace, name)) {
                    let subject = account_subject(namespace, name);
                    let label = subject.to_string();
                    edge(Vertex::Subject(subject), label, RUNS_AS);
                }
            }
            Vertex::NodeCredentials => {
                for (namespace, name) in self.leading(None) {
                    if self.runs(namespace, name) {
                        let subject = account_subject(namespace, name);
                        let label = subject.to_string();
                        edge(Vertex::Subject(subject), label, RUN_AS);
                    }
                }
            }
            Vertex::ClusterAdmin | Vertex::Cloud(_) | Vertex::Rights(..) | Vertex::OnNode(_) => {}
        }
        match vertex {
            Vertex::Subject(_) | Vertex::AccountsOf(_) => Parts::GROUPS,
            Vertex::TokensOf(_) => Parts::TOKENS,
            Vertex::Nodes | Vertex::Node(_) => Parts::CONTROL_PLANE,
            _ => Parts::NONE,
        }
    }

    /// The service accounts of a namespace, or of all, that exist and lead anywhere.
    fn leading<'a>(&'a self, scope: Option<&'a str>) -> impl Iterator<Item = (&'a str, &'a str)> {
        let of = |(namespace, names): (&'a String, &'a BTreeSet<String>)| {
            names.iter().map(move |name| (namespace.as_str(), name.as_str()))
        };
        within(&self.leading, scope).flat_map(of)
    }

    fn runs(&self, namespace: &str, name: &str) -> bool {
        self.world.running.accounts.get(namespace).is_some_and(|uses| uses.contains_key(name))
    }

    fn has_token(&self, namespace: &str, name: &str) -> bool {
        let automount = self.world.accounts.get(namespace).and_then(|a| a.get(name)).and_then(|a| a.automount);
        let uses = self.world.running.accounts.get(namespace).and_then(|uses| uses.get(name));
        uses.is_some_and(|uses| uses.has_token(automount))
    }
}

/// The groups that all service accounts of a namespace, or of all, are in.
fn groups_of(scope: Option<&str>) -> Vec<Subject> {
    let own = scope.map(|namespace| Subject::Group(format!("{SERVICE_ACCOUNTS}:{namespace}")));
    let all = [SERVICE_ACCOUNTS, AUTHENTICATED].map(|name| Subject::Group(name.to_owned()));
    own.into_iter().chain(all).collect()
}

/// The entries of a namespace, or of all.
fn within<'a, V>(
    by_namespace: &'a BTreeMap<String, V>,
    scope: Option<&str>,
) -> impl Iterator<Item = (&'a String, &'a V)> {
    let one = scope.and_then(|scope| by_namespace.get_key_value(scope));
    let all = scope.is_none().then_some(by_namespace);
    one.into_iter().chain(all.into_iter().flatten())
}
