//! The risks of a cluster as they stand, changed by what each change of an object touches.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use ahash::RandomState;

use super::catalogue::{Effect, Severity};
use super::findings::{Bound, Evidence, Finding, Held, by_permissions};
use super::graph::{Graph, Vertex, Why};
use super::nodes;
use super::opens::{Holder, opened};
use super::options::Options;
use super::risk::{self, Renderer, Risk, RiskKey};
use super::special::{self, Known};
use super::world::{Key, Touched, World, account_subject};
use crate::rbac::binding::Binding;
use crate::rbac::subject::Subject;

/// What is told of one subject.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The patterns that it holds.
    pub(crate) findings: Vec<Finding>,
    /// All that it holds, its groups' rights too.
    held: Vec<Held>,
    /// Changes whenever the findings are worked out again.
    generation: u64,
    /// A digest of findings and paths as they were last told; `None` when that does not tell all that they depend on.
    shown: Option<u64>,
    /// The risks as they were last told.
    risks: BTreeMap<RiskKey, Risk>,
}

/// The risks of a cluster.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) world: World,
    options: Options,
    known: Known,
    pub(crate) told: BTreeMap<Subject, Told>,
    /// What comes together on each node, after the finding that the node by itself comes to something.
    on_nodes: BTreeMap<String, Told>,
    /// The service accounts that exist and lead anywhere, by namespace.
    pub(crate) leading: BTreeMap<String, BTreeSet<String>>,
    /// What roles give that may be bound, by role and scope.
    rights: BTreeMap<(Key, Option<String>), Vec<Finding>>,
    graph: Graph,
    generation: u64,
}

/// A risk that began, changed (`Some`) or ended (`None`).
pub(crate) type Change = (Subject, RiskKey, Option<Risk>);

impl Engine {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            world: World::default(),
            options,
            known: Known::default(),
            told: BTreeMap::new(),
            on_nodes: BTreeMap::new(),
            leading: BTreeMap::new(),
            rights: BTreeMap::new(),
            graph: Graph::new(),
            generation: 0,
        }
    }

    /// Sets what is known to be complete.
    pub(crate) fn know(&mut self, known: Known, touched: &mut Touched) {
        touched.everybody |= self.known != known;
        self.known = known;
    }

    /// Works out again what is touched; gives back what became different.
    pub(crate) fn update(&mut self, mut touched: Touched) -> Vec<Change> {
        if touched.is_nothing() {
            return Vec::new();
        }
        if touched.everybody || !touched.namespaces.is_empty() {
            let also: Vec<Subject> =
                self.everybody().filter(|s| touched.everybody || touched.has_namespace_of(s)).collect();
            touched.subjects.extend(also);
        }
        if touched.everybody {
            touched.nodes.extend(self.world.running.nodes.keys().cloned());
        }
        let mut paths = touched.paths;
        for subject in &touched.subjects {
            paths |= self.evaluate(subject);
        }
        paths |= self.evaluate_nodes(&touched);
        if !paths {
            return Vec::new();
        }
        self.rebuild();
        self.tell()
    }

    /// All of whom something is told or may be.
    fn everybody(&self) -> impl Iterator<Item = Subject> {
        let accounts = self
            .world
            .accounts
            .iter()
            .flat_map(|(namespace, accounts)| accounts.keys().map(move |name| account_subject(namespace, name)));
        self.told.keys().chain(self.world.bound_subjects()).cloned().chain(accounts)
    }

    /// Works out the findings of a subject; gives back whether it has or had some.
    fn evaluate(&mut self, subject: &Subject) -> bool {
        let own = self.world.held_by(subject);
        let groups = if own.is_empty() { Vec::new() } else { self.world.held_by_groups_of(subject) };
        let mut findings = by_permissions(&own, &groups, &self.options);
        findings.extend(special::of_subject(&self.world, self.known, subject, &own));
        let had = self.told.get(subject).is_some_and(|told| !told.findings.is_empty());
        if findings.is_empty() && !had {
            return false;
        }
        self.generation += 1;
        let held = own.into_iter().chain(groups).collect();
        let told = self.told.entry(subject.clone()).or_default();
        *told = Told {
            findings,
            held,
            generation: self.generation,
            shown: told.shown,
            risks: std::mem::take(&mut told.risks),
        };
        true
    }

    /// Works out again what comes together on the nodes that are touched, themselves or by an account of theirs.
    fn evaluate_nodes(&mut self, touched: &Touched) -> bool {
        let mut nodes: BTreeSet<String> = touched.nodes.clone();
        let accounts: BTreeSet<(&str, &str)> = touched
            .subjects
            .iter()
            .filter_map(|subject| match subject {
                Subject::ServiceAccount { namespace, name } => Some((namespace.as_str(), name.as_str())),
                _ => None,
            })
            .collect();
        if !accounts.is_empty() && !touched.everybody {
            for (node, on) in &self.world.running.nodes {
                let has =
                    |(namespace, name): &(String, String)| accounts.contains(&(namespace.as_str(), name.as_str()));
                if on.accounts.keys().any(has) {
                    nodes.insert(node.clone());
                }
            }
        }
        let mut paths = false;
        for node in nodes {
            let on = self.world.running.nodes.get(&node);
            // Accounts without findings lead nowhere, and hold nothing together with others.
            let leads = on.is_some_and(|on| {
                on.accounts.keys().any(|(namespace, name)| self.leads(namespace, name)) || on.api_servers > 0
            });
            let had = self.on_nodes.get(&node).is_some_and(|told| !told.findings.is_empty());
            if !leads && !had {
                continue;
            }
            paths = true;
            self.generation += 1;
            let mut findings = Vec::new();
            if leads {
                findings.extend(nodes::path(&node));
                findings.extend(nodes::together(&self.world, &self.options, &node));
            }
            let told = self.on_nodes.entry(node).or_default();
            (told.findings, told.generation) = (findings, self.generation);
        }
        paths
    }

    /// Whether a service account leads anywhere.
    pub(crate) fn leads(&self, namespace: &str, name: &str) -> bool {
        self.told.get(&account_subject(namespace, name)).is_some_and(|told| !told.findings.is_empty())
    }

    /// Puts the graph together again and works out the ways.
    fn rebuild(&mut self) {
        self.leading = self.find_leading();
        let mut graph = Graph::new();
        let mut rights = BTreeMap::new();
        for (subject, told) in self.told.iter().filter(|(_, told)| !told.findings.is_empty()) {
            let from = graph.vertex(&Vertex::Subject(subject.clone()));
            self.add_openings(&mut graph, from, &told.findings, &told.held, told.generation, &mut rights);
        }
        for (node, told) in self.on_nodes.iter().filter(|(_, told)| !told.findings.is_empty()) {
            let from = graph.vertex(&Vertex::OnNode(node.clone()));
            self.add_openings(&mut graph, from, &told.findings, &[], told.generation, &mut rights);
        }
        let mut next = 0;
        while next < graph.len() {
            let number = u32::try_from(next).unwrap_or(u32::MAX);
            next += 1;
            let Some(vertex) = graph.at(number).cloned() else { break };
            if let Vertex::Rights(key, scope) = &vertex {
                let held: Vec<Held> = self.rights_held(key, scope.as_deref()).into_iter().collect();
                let findings = by_permissions(&held, &[], &self.options);
                self.add_openings(&mut graph, number, &findings, &held, self.generation, &mut rights);
                rights.insert((key.clone(), scope.clone()), findings);
            } else {
                self.add_edges(&mut graph, number, &vertex);
            }
        }
        graph.settle();
        self.graph = graph;
        self.rights = rights;
    }

    fn add_openings(
        &self,
        graph: &mut Graph,
        from: u32,
        findings: &[Finding],
        held: &[Held],
        generation: u64,
        rights: &mut BTreeMap<(Key, Option<String>), Vec<Finding>>,
    ) {
        let holder = Holder { held, findings };
        for (f, finding) in findings.iter().enumerate() {
            for (o, opening) in finding.openings.iter().enumerate() {
                for vertex in opened(&self.world, self.known, &holder, finding, opening) {
                    if let Vertex::Rights(key, scope) = &vertex
                        && self.is_harmless(key, scope.as_deref(), rights)
                    {
                        continue;
                    }
                    let to = graph.vertex(&vertex);
                    graph.edge(from, to, Why::Opening { finding: f, opening: o, generation });
                }
            }
        }
    }

    /// Whether what a role gives in a scope is nothing worth a path.
    fn is_harmless(
        &self,
        key: &Key,
        scope: Option<&str>,
        rights: &mut BTreeMap<(Key, Option<String>), Vec<Finding>>,
    ) -> bool {
        let findings = rights.entry((key.clone(), scope.map(str::to_owned))).or_insert_with(|| {
            let held: Vec<Held> = self.rights_held(key, scope).into_iter().collect();
            by_permissions(&held, &[], &self.options)
        });
        let openings = findings.iter().flat_map(|finding| &finding.openings);
        openings.map(|opening| opening.severity).max().is_none_or(|worst| worst < Severity::Medium)
    }

    /// What somebody would hold who bound this role in this scope.
    fn rights_held(&self, key: &Key, scope: Option<&str>) -> Option<Held> {
        let profile = Arc::clone(self.world.role(key)?);
        let binding = Binding {
            namespace: scope.map(str::to_owned),
            name: String::new(),
            subjects: Vec::new(),
            as_users: Default::default(),
            role_kind: if key.0.is_some() { "Role" } else { "ClusterRole" }.to_owned(),
            role_name: key.1.clone(),
            of_bootstrapping: false,
        };
        Some(Held { bound: Arc::new(Bound { binding, entry: None }), profile, through: None, built_in: false })
    }

    fn find_leading(&self) -> BTreeMap<String, BTreeSet<String>> {
        let told = self.told.iter().filter(|(_, told)| !told.findings.is_empty());
        let with_findings = told.filter_map(|(subject, _)| match subject {
            Subject::ServiceAccount { namespace, name } => Some((namespace, name)),
            _ => None,
        });
        let in_cloud = self.world.accounts.iter().flat_map(|(namespace, accounts)| {
            accounts.iter().filter(|(_, account)| !account.cloud.is_empty()).map(move |(name, _)| (namespace, name))
        });
        let complete = self.known.accounts;
        let mut leading: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (namespace, name) in with_findings.chain(in_cloud) {
            if !complete || self.world.has_account(namespace, name) {
                leading.entry(namespace.clone()).or_default().insert(name.clone());
            }
        }
        leading
    }

    /// The risks that are others than they were last told.
    fn tell(&mut self) -> Vec<Change> {
        let hasher = RandomState::with_seeds(5, 6, 7, 8);
        let renderer = Renderer {
            rests: Default::default(),
            graph: &self.graph,
            told: &self.told,
            rights: &self.rights,
            world: &self.world,
        };
        let mut of_subjects = Vec::new();
        for (subject, told) in &self.told {
            let vertex = self.graph.find(&Vertex::Subject(subject.clone()));
            let shown = self.digest(vertex, told, &hasher);
            if told.shown != Some(shown) {
                of_subjects.push((subject.clone(), shown, renderer.risks(subject, vertex, &told.findings, 0)));
            }
        }
        let mut of_nodes = Vec::new();
        for (node, told) in &self.on_nodes {
            let vertex = self.graph.find(&Vertex::OnNode(node.clone()));
            let shown = self.digest(vertex, told, &hasher);
            if told.shown != Some(shown) {
                // By itself a node of the control plane is what it is; another one only when it comes to everything.
                let holds_keys = self.world.is_control_plane(node);
                let mut findings = told.findings.as_slice();
                let mut first = 0;
                let end = self.graph.find(&Vertex::Node(node.clone())).and_then(|node| self.graph.best(node));
                if holds_keys || end.is_none_or(|best| best.end != Effect::ClusterAdmin) {
                    findings = findings.get(1..).unwrap_or_default();
                    first = 1;
                }
                let risks = renderer.risks(&nodes::subject(node), vertex, findings, first);
                of_nodes.push((node.clone(), shown, risks));
            }
        }
        let mut changes = Vec::new();
        for (subject, shown, risks) in of_subjects {
            if let Some(told) = self.told.get_mut(&subject) {
                told.show(&subject, shown, risks, &mut changes);
                if told.findings.is_empty() {
                    self.told.remove(&subject);
                }
            }
        }
        for (node, shown, risks) in of_nodes {
            if let Some(told) = self.on_nodes.get_mut(&node) {
                told.show(&nodes::subject(&node), shown, risks, &mut changes);
                if told.findings.is_empty() {
                    self.on_nodes.remove(&node);
                }
            }
        }
        changes
    }

    /// A digest of all that the risks that begin at a vertex depend on.
    fn digest(&self, vertex: Option<u32>, told: &Told, hasher: &RandomState) -> u64 {
        let mut digest = hasher.build_hasher();
        told.generation.hash(&mut digest);
        for edge in vertex.into_iter().flat_map(|vertex| self.graph.out(vertex)) {
            (&edge.why, self.graph.at(edge.to), self.graph.best(edge.to).map(|best| best.digest)).hash(&mut digest);
        }
        digest.finish()
    }
}

impl Told {
    /// Takes what is told now, and adds what is different from before.
    fn show(&mut self, subject: &Subject, shown: u64, told: risk::Told, changes: &mut Vec<Change>) {
        let risks = told.risks;
        for key in self.risks.keys().filter(|key| !risks.contains_key(*key)) {
            changes.push((subject.clone(), key.clone(), None));
        }
        for (key, risk) in &risks {
            if self.risks.get(key) != Some(risk) {
                changes.push((subject.clone(), key.clone(), Some(risk.clone())));
            }
        }
        (self.shown, self.risks) = ((!told.beyond).then_some(shown), risks);
    }
}

impl Evidence {
    /// The raw entry that it was read from.
    pub(crate) fn entry(&self) -> Option<&records::table::Provenance<'static>> {
        match self {
            Self::Rule { held, .. } => held.bound.entry.as_ref(),
            Self::Binding(bound) => bound.entry.as_ref(),
            Self::Object { entry, .. } => entry.as_deref(),
        }
    }
}
