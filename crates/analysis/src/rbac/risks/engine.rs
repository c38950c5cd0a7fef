//! The risks of a cluster as they stand, changed by what each change of an object touches.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ahash::{HashMap, HashSet};

use super::around::Around;
use super::expand::Rights;
use super::findings::{Evidence, Finding, Held, by_permissions, mark};
use super::graph::{Graph, mix};
use super::nodes;
use super::options::Options;
use super::parts::Parts;
use super::risk::{Risk, RiskKey};
use super::special::{self, Known};
use super::tell::Whom;
use super::vertex::Vertex;
use super::world::{Key, Touched, World, account_subject};
use crate::rbac::subject::Subject;

/// What is told of one subject, or of what comes together on a node.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The patterns that it holds.
    pub(crate) findings: Vec<Finding>,
    /// All that it holds, its groups' rights too.
    pub(crate) held: Vec<Held>,
    /// A digest of the marks of the findings.
    pub(crate) marks: u64,
    /// Where its ways begin.
    pub(crate) vertex: Option<u32>,
    /// A digest of all in the graph that its risks can depend on, as it was last looked at.
    pub(crate) looked: Option<u64>,
    /// A digest of findings and ways as they were last told.
    pub(crate) shown: Option<u64>,
    /// The ways around where its own begin.
    pub(crate) around: Rc<Around>,
    /// The risks as they were last told, each with a digest of what it was told from.
    pub(crate) risks: BTreeMap<RiskKey, (u64, Risk)>,
}

impl Told {
    /// Takes other findings in place of its own.
    pub(crate) fn find(&mut self, mut findings: Vec<Finding>, generation: &mut u64) {
        mark(&mut findings, &self.findings, generation);
        self.marks = findings.iter().fold(0, |marks, finding| mix(marks, finding.mark));
        self.findings = findings;
    }
}

/// Vertices from which other ways are seen, at most, that are asked for by themselves; of more of them everybody is looked at.
const MOST_AROUND: usize = 2_000;

/// Namespace and name of a service account.
pub(crate) type Name = (String, String);

/// The risks of a cluster.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) world: World,
    pub(crate) options: Options,
    pub(crate) known: Known,
    pub(crate) told: BTreeMap<Subject, Told>,
    /// What comes together on each node, after the finding that the node by itself comes to something.
    pub(crate) on_nodes: BTreeMap<String, Told>,
    /// The service accounts that exist and lead anywhere, by namespace.
    pub(crate) leading: BTreeMap<String, BTreeSet<String>>,
    /// Service accounts with what they hold by themselves, as far as they were looked at.
    pub(crate) accounts: HashMap<Name, Rc<nodes::Account>>,
    /// What roles give that may be bound, by role and scope.
    pub(crate) rights: BTreeMap<(Key, Option<String>), Rights>,
    pub(crate) graph: Graph,
    /// What the edges of each vertex depend on.
    pub(crate) depends: Vec<Parts>,
    /// For how many subjects a vertex is among those that their ways go around by.
    pub(crate) watchers: Vec<u32>,
    /// The namespace that stands for all.
    telling: Option<String>,
    /// Service accounts with findings, by namespace.
    with_findings: HashMap<String, HashSet<String>>,
    /// Those whose ways go around their beginning, with the vertex where they begin.
    pub(crate) turning: BTreeMap<Subject, (u32, Rc<Around>)>,
    /// How many vertices there may be before those that nothing leads to any more are dropped.
    most_vertices: usize,
    pub(crate) generation: u64,
}

/// A risk that began, changed (`Some`) or ended (`None`).
pub(crate) type Change = (Subject, RiskKey, Option<Risk>);

/// What else is another than before, once findings have been worked out again.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Subjects with findings, now or before.
    pub(crate) subjects: BTreeSet<Subject>,
    /// Service accounts that lead anywhere and did not before, or the other way round.
    pub(crate) flipped: BTreeSet<Name>,
    /// Service accounts that lead anywhere while they exist, and did not before, or the other way round.
    pub(crate) leading: BTreeSet<Name>,
    /// These, and those that lead anywhere and of which other pods run.
    pub(crate) running: BTreeSet<Name>,
    /// Nodes on which something else comes together.
    pub(crate) on_nodes: BTreeSet<String>,
    /// Nodes of which all accounts have to be looked at.
    pub(crate) nodes: BTreeSet<String>,
    /// Nodes that accounts came to or left, with these.
    pub(crate) moved: BTreeMap<String, BTreeSet<Name>>,
}

impl Engine {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            world: World::default(),
            options,
            known: Known::default(),
            told: BTreeMap::new(),
            on_nodes: BTreeMap::new(),
            leading: BTreeMap::new(),
            accounts: HashMap::default(),
            rights: BTreeMap::new(),
            graph: Graph::new(),
            depends: Vec::new(),
            watchers: Vec::new(),
            telling: None,
            with_findings: HashMap::default(),
            turning: BTreeMap::new(),
            most_vertices: 0,
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
            touched.parts = Parts::ALL;
            self.accounts.clear();
            let nodes = &self.world.running.nodes;
            touched.nodes.extend(nodes.iter().map(|(node, on)| (node.clone(), on.accounts.keys().cloned().collect())));
        }
        let mut found = Found::default();
        for subject in &touched.subjects {
            self.evaluate(subject, &mut touched.parts, &mut found);
        }
        self.evaluate_nodes(&mut touched, &mut found);
        let whom = self.look_again(&mut touched, &found);
        self.tell(&whom)
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

    /// Works out the findings of a subject.
    fn evaluate(&mut self, subject: &Subject, parts: &mut Parts, found: &mut Found) {
        let own = self.world.held_by(subject);
        let groups = if own.is_empty() { Vec::new() } else { self.world.held_by_groups_of(subject) };
        let mut findings = by_permissions(&own, &groups, &self.options);
        findings.extend(special::of_subject(&self.world, self.known, subject, &own));
        let had = self.told.get(subject).is_some_and(|told| !told.findings.is_empty());
        let has = !findings.is_empty();
        if has || had {
            let told = self.told.entry(subject.clone()).or_default();
            told.find(findings, &mut self.generation);
            told.held = own.into_iter().chain(groups).collect();
            found.subjects.insert(subject.clone());
        }
        match subject {
            Subject::ServiceAccount { namespace, name } => {
                if has != had {
                    found.flipped.insert((namespace.clone(), name.clone()));
                    let names = self.with_findings.entry(namespace.clone()).or_default();
                    if has {
                        names.insert(name.clone())
                    } else {
                        names.remove(name)
                    };
                }
                // What its pods hold and whether there are any is told by the ways to it, too.
                let other = self.lead(namespace, name, has);
                let leads = self.leading.get(namespace).is_some_and(|names| names.contains(name));
                if other {
                    found.leading.insert((namespace.clone(), name.clone()));
                }
                if other || (leads && parts.touches(Parts::ACCOUNTS | Parts::RUNNING)) {
                    found.running.insert((namespace.clone(), name.clone()));
                }
            }
            // Whoever is in it by what it is leads where it does.
            Subject::Group(_) if has != had => *parts |= Parts::GROUPS,
            _ => {}
        }
    }

    /// Keeps whether a service account exists and leads anywhere; gives back whether that is another than before.
    fn lead(&mut self, namespace: &str, name: &str, has: bool) -> bool {
        let account = self.world.accounts.get(namespace).and_then(|accounts| accounts.get(name));
        let leads = has || account.is_some_and(|account| !account.cloud.is_empty());
        let there = !self.known.accounts || self.world.has_account(namespace, name);
        if leads && there {
            return self.leading.entry(namespace.to_owned()).or_default().insert(name.to_owned());
        }
        self.leading.get_mut(namespace).is_some_and(|names| names.remove(name))
    }

    /// Whether a service account leads anywhere.
    pub(crate) fn leads(&self, namespace: &str, name: &str) -> bool {
        self.with_findings.get(namespace).is_some_and(|names| names.contains(name))
    }

    /// Looks again at the edges that may be others and at the ways; gives back whom something else may have to be told of.
    fn look_again(&mut self, touched: &mut Touched, found: &Found) -> Whom {
        if touched.parts.touches(Parts::NAMESPACES | Parts::ACCOUNTS | Parts::RUNNING) {
            let telling = self.world.telling_namespace();
            if telling != self.telling {
                self.telling = telling;
                touched.parts |= Parts::TELLING;
            }
        }
        if touched.parts.touches(Parts::ROLES) {
            let world = &self.world;
            self.rights.retain(|(key, _), rights| rights.is_of(world.role(key)));
        }
        let whole = touched.everybody || self.graph.len() >= self.most_vertices;
        let dirty = if whole { self.begin_anew() } else { self.dirty(touched, found) };
        let mut changed: Vec<u32> = Vec::new();
        for number in dirty {
            if self.expand(number) {
                changed.push(number);
            }
        }
        self.move_pods(touched, found, &mut changed);
        // What new edges lead to is new itself, and leads further.
        while let Some(number) =
            u32::try_from(self.depends.len()).ok().filter(|_| self.depends.len() < self.graph.len())
        {
            self.depends.push(Parts::NONE);
            if self.expand(number) {
                changed.push(number);
            }
        }
        self.watchers.resize(self.graph.len(), 0);
        if whole {
            self.most_vertices = 2 * self.graph.len() + 1024;
        }
        let settled = self.graph.settle(&changed);
        let many = changed.len() + settled.others.len() + settled.comers.len() > MOST_AROUND;
        if whole || many || touched.parts.touches(Parts::CONTROL_PLANE) {
            return Whom::Everybody;
        }
        let (mut subjects, mut nodes) = (found.subjects.clone(), found.on_nodes.clone());
        // Whether a node comes to everything by itself decides what is told of it.
        nodes.extend(settled.others.iter().filter_map(|number| match self.graph.at(*number) {
            Some(Vertex::Node(node)) => Some(node.clone()),
            _ => None,
        }));
        // A vertex whose way is another has edges or leads to a vertex that are, so that these are all from which another way can be seen.
        let seeing: BTreeSet<u32> = changed.into_iter().chain(settled.comers).collect();
        for number in &seeing {
            match self.graph.at(*number) {
                Some(Vertex::Subject(subject)) => drop(subjects.insert(subject.clone())),
                Some(Vertex::OnNode(node)) => drop(nodes.insert(node.clone())),
                _ => {}
            }
        }
        let watched = seeing.into_iter().filter(|number| self.watchers.get(*number as usize).is_some_and(|n| *n > 0));
        Whom::These { subjects, nodes, watching: watched.collect() }
    }

    /// Drops the graph; gives back where it begins.
    fn begin_anew(&mut self) -> Vec<u32> {
        self.graph = Graph::new();
        self.rights.clear();
        self.depends.clear();
        self.watchers.clear();
        self.turning.clear();
        for told in self.told.values_mut().chain(self.on_nodes.values_mut()) {
            (told.vertex, told.looked) = (None, None);
            told.around = Rc::default();
        }
        for (subject, told) in self.told.iter_mut().filter(|(_, told)| !told.findings.is_empty()) {
            told.vertex = Some(self.graph.vertex(Vertex::Subject(subject.clone())));
        }
        for (node, told) in self.on_nodes.iter_mut().filter(|(_, told)| !told.findings.is_empty()) {
            told.vertex = Some(self.graph.vertex(Vertex::OnNode(node.clone())));
        }
        Vec::new()
    }

    /// The vertices whose edges may be others.
    fn dirty(&mut self, touched: &Touched, found: &Found) -> Vec<u32> {
        let mut dirty: BTreeSet<u32> = BTreeSet::new();
        if !touched.parts.is_none() {
            let touches = |(_, depends): &(u32, &Parts)| depends.touches(touched.parts);
            dirty.extend((0..).zip(&self.depends).filter(touches).map(|(number, _)| number));
        }
        for subject in &touched.subjects {
            let vertex = Vertex::Subject(subject.clone());
            match self.told.get_mut(subject).filter(|told| !told.findings.is_empty()) {
                Some(told) => {
                    let number = self.graph.vertex(vertex);
                    told.vertex = Some(number);
                    dirty.insert(number);
                }
                None => dirty.extend(self.graph.find(&vertex)),
            }
        }
        for node in &found.on_nodes {
            if let Some(told) = self.on_nodes.get_mut(node) {
                let number = self.graph.vertex(Vertex::OnNode(node.clone()));
                told.vertex = Some(number);
                dirty.insert(number);
            }
        }
        let mut add = |vertex: Vertex| dirty.extend(self.graph.find(&vertex));
        for (namespace, _) in &found.leading {
            add(Vertex::AccountsOf(Some(namespace.clone())));
        }
        if !found.leading.is_empty() {
            add(Vertex::AccountsOf(None));
        }
        for namespace in &touched.taking {
            add(Vertex::PodsOf(Some(namespace.clone())));
        }
        if !touched.taking.is_empty() {
            add(Vertex::PodsOf(None));
        }
        for node in &found.nodes {
            add(Vertex::Node(node.clone()));
        }
        // Those that are new are looked at in any case.
        let known = u32::try_from(self.depends.len()).unwrap_or(u32::MAX);
        dirty.into_iter().filter(|number| *number < known).collect()
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
