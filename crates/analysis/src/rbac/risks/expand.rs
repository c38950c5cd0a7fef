//! What begins at a vertex: the ways that a subject's findings open, those that binding a role would, and what is so by what the objects are.

use std::sync::Arc;

use super::catalogue::{Opens, Severity};
use super::engine::Engine;
use super::findings::{Bound, Finding, Held, Opening, by_permissions, mark};
use super::graph::{Why, mix};
use super::need::Reach;
use super::opens::{Holder, opened};
use super::parts::Parts;
use super::profile::Profile;
use super::vertex::Vertex;
use super::world::{Key, World};
use crate::rbac::binding::Binding;

/// What somebody would hold who bound a role in a scope.
#[derive(Debug)]
pub(crate) struct Rights {
    /// The role; `None` when there is none.
    profile: Option<Arc<Profile>>,
    held: Vec<Held>,
    pub(crate) findings: Vec<Finding>,
    /// Whether that is nothing worth a path.
    harmless: bool,
}

impl Rights {
    /// Whether they are those of this role as it is.
    pub(crate) fn is_of(&self, role: Option<&Arc<Profile>>) -> bool {
        match (&self.profile, role) {
            (Some(own), Some(role)) => Arc::ptr_eq(own, role),
            (None, None) => true,
            _ => false,
        }
    }
}

/// What is found to begin at a vertex.
#[derive(Default)]
pub(crate) struct Out {
    edges: Vec<(u32, Why)>,
    /// Tells apart what is the same by its edges.
    mark: u64,
    depends: Parts,
}

impl Engine {
    /// Works out what begins at a vertex; gives back whether it is another than before.
    pub(crate) fn expand(&mut self, number: u32) -> bool {
        let Some(vertex) = self.graph.at(number).cloned() else { return false };
        let mut out = Out::default();
        match &vertex {
            Vertex::Subject(subject) => {
                // Taken out while the rest of the engine is used, and put back unchanged.
                let told = self.told.get_mut(subject).map(std::mem::take);
                if let Some(told) = told {
                    self.open(&Holder { held: &told.held, findings: &told.findings }, &mut out);
                    self.told.insert(subject.clone(), told);
                }
                self.connect(&vertex, &mut out);
            }
            Vertex::OnNode(node) => {
                let told = self.on_nodes.get_mut(node).map(std::mem::take);
                if let Some(told) = told {
                    self.open(&Holder { held: &[], findings: &told.findings }, &mut out);
                    self.on_nodes.insert(node.clone(), told);
                }
            }
            Vertex::Rights(key, scope) => {
                let place = (key.clone(), scope.clone());
                self.know_rights(&place);
                if let Some(rights) = self.rights.remove(&place) {
                    self.open(&Holder { held: &rights.held, findings: &rights.findings }, &mut out);
                    self.rights.insert(place, rights);
                }
                out.depends |= Parts::ROLES;
            }
            _ => self.connect(&vertex, &mut out),
        }
        if let Some(depends) = self.depends.get_mut(number as usize) {
            *depends = out.depends;
        }
        self.graph.set_out(number, out.edges, out.mark)
    }

    /// The edges that begin at a vertex by what it is.
    fn connect(&mut self, vertex: &Vertex, out: &mut Out) {
        let mut edges = Vec::new();
        out.depends |= self.add_edges(vertex, &mut edges);
        out.edges
            .extend(edges.into_iter().map(|(to, label, says)| (self.graph.vertex(to), Why::Object { label, says })));
    }

    /// The ways that findings open.
    fn open(&mut self, holder: &Holder<'_>, out: &mut Out) {
        for (f, finding) in holder.findings.iter().enumerate() {
            for (o, opening) in finding.openings.iter().enumerate() {
                out.depends |= self.depends_on(opening);
                let before = out.edges.len();
                for vertex in opened(&self.world, self.known, holder, finding, opening) {
                    if let Vertex::Rights(key, scope) = &vertex
                        && self.know_rights(&(key.clone(), scope.clone()))
                    {
                        continue;
                    }
                    let to = self.graph.vertex(vertex);
                    out.edges.push((to, Why::Opening { finding: f, opening: o, mark: finding.mark }));
                }
                if out.edges.len() == before && binds_only_what_is_there(&self.world, finding, opening) {
                    out.mark = mix(mix(out.mark, f as u64 + 1), o as u64 + 1);
                }
            }
        }
    }

    /// What the ways of an opening depend on; sees to it that pods are watched whose names it is limited to.
    fn depends_on(&mut self, opening: &Opening) -> Parts {
        let names = match &opening.targets {
            Reach::All => None,
            Reach::Names(names) => Some(names),
        };
        match opening.way.map(|way| way.opens) {
            Some(Opens::Accounts) if names.is_some() => Parts::ACCOUNTS,
            Some(Opens::NewPods) => Parts::NAMESPACES,
            Some(opens @ (Opens::Pods | Opens::PodsAndHost)) => {
                let mut parts = if matches!(opens, Opens::Pods) { Parts::NONE } else { Parts::NAMESPACES };
                if let Some(names) = names {
                    self.world.running.watched_pods.extend(names.iter().cloned());
                    parts |= Parts::PODS | Parts::ACCOUNTS;
                }
                parts
            }
            Some(Opens::Bind { existing: true, .. }) => Parts::ROLES | Parts::BINDINGS,
            Some(Opens::Bind { cluster_roles: true, .. }) if names.is_none() => Parts::NONE,
            Some(Opens::Bind { .. }) => Parts::ROLES | Parts::TELLING,
            Some(Opens::TokenSecrets) if names.is_some() => Parts::TOKENS,
            Some(Opens::Controllers(_)) => Parts::ACCOUNTS,
            Some(Opens::AwsAuth) => Parts::AWS,
            _ => Parts::NONE,
        }
    }

    /// Works out what a role gives in a scope, unless that is known; gives back whether it is nothing worth a path.
    fn know_rights(&mut self, place: &(Key, Option<String>)) -> bool {
        if let Some(known) = self.rights.get(place) {
            return known.harmless;
        }
        let (key, scope) = place;
        let profile = self.world.role(key).cloned();
        let held: Vec<Held> = profile.iter().map(|profile| newly_bound(profile, key, scope.as_deref())).collect();
        let mut findings = by_permissions(&held, &[], &self.options);
        mark(&mut findings, &[], &mut self.generation);
        let openings = findings.iter().flat_map(|finding| &finding.openings);
        let harmless = openings.map(|opening| opening.severity).max().is_none_or(|worst| worst < Severity::Medium);
        self.rights.insert(place.clone(), Rights { profile, held, findings, harmless });
        harmless
    }
}

/// Whether all roles that an opening may bind are there, so that none of them gives anything worth a path unless it leads somewhere.
pub(crate) fn binds_only_what_is_there(world: &World, finding: &Finding, opening: &Opening) -> bool {
    let Some(Opens::Bind { cluster_roles, .. }) = opening.way.map(|way| way.opens) else { return false };
    let Reach::Names(names) = &opening.targets else { return false };
    let scope = if cluster_roles { None } else { finding.scope.clone() };
    names.iter().all(|name| world.role(&(scope.clone(), name.clone())).is_some())
}

/// What somebody would hold who bound this role in this scope.
fn newly_bound(profile: &Arc<Profile>, key: &Key, scope: Option<&str>) -> Held {
    let binding = Binding {
        namespace: scope.map(str::to_owned),
        name: String::new(),
        subjects: Vec::new(),
        as_users: Default::default(),
        role_kind: if key.0.is_some() { "Role" } else { "ClusterRole" }.to_owned(),
        role_name: key.1.clone(),
        of_bootstrapping: false,
    };
    let bound = Arc::new(Bound::new(binding, None));
    Held { bound, profile: Arc::clone(profile), through: None, built_in: false }
}
