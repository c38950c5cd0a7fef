//! The objects that risks are about, as they stand: roles, bindings, service accounts, what runs as them and where, and what else decides.
//!
//! It is changed object by object, and tells what each change touches, so that a year is replayed without looking at everything again.

mod bodies;
mod running;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use records::table::Provenance;

use super::findings::{Bound, Held};
use super::parts::Parts;
use super::profile::Profile;
use crate::rbac::GROUP;
use crate::rbac::binding::Binding;
use crate::rbac::role::Role;
use crate::rbac::subject::{AUTHENTICATED, NODES, SERVICE_ACCOUNTS, Subject, UNAUTHENTICATED};
pub(crate) use bodies::{Account, AwsAuth, Body, TokenSecret};
pub(crate) use running::{Running, Use};

/// Namespace (`None` for what has none) and name.
pub(crate) type Key = (Option<String>, String);

/// An object that is seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) body: Body<'a>,
    /// The raw entry that it was read from.
    pub(crate) entry: Option<&'a Provenance<'a>>,
}

/// What a change touches.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Subjects whose patterns may be others.
    pub(crate) subjects: BTreeSet<Subject>,
    /// Whether that may be all.
    pub(crate) everybody: bool,
    /// Namespaces whose service accounts' may be, those too that do not exist.
    pub(crate) namespaces: BTreeSet<String>,
    /// Nodes that other accounts run on, with these accounts by namespace and name.
    pub(crate) nodes: BTreeMap<String, BTreeSet<(String, String)>>,
    /// Namespaces of which a pod came to a node as the first, or went as the last, with the node.
    pub(crate) places: BTreeSet<(String, String)>,
    /// The same of pods from which the node can be taken.
    pub(crate) taken: BTreeSet<(String, String)>,
    /// Namespaces of which a template whose pods can take their node came as the first, or went as the last.
    pub(crate) taking: BTreeSet<String>,
    /// Parts of the world that are others.
    pub(crate) parts: Parts,
}

impl Touched {
    /// Whether a subject is a service account of one of the namespaces.
    pub(crate) fn has_namespace_of(&self, subject: &Subject) -> bool {
        matches!(subject, Subject::ServiceAccount { namespace, .. } if self.namespaces.contains(namespace))
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.subjects.is_empty()
            && !self.everybody
            && self.namespaces.is_empty()
            && self.nodes.is_empty()
            && self.places.is_empty()
            && self.taken.is_empty()
            && self.taking.is_empty()
            && self.parts.is_none()
    }
}

/// The objects as they stand.
#[derive(Debug, Default)]
pub(crate) struct World {
    roles: BTreeMap<Key, Arc<Profile>>,
    bindings: BTreeMap<Key, Arc<Bound>>,
    of_subject: HashMap<Subject, BTreeMap<Key, Arc<Bound>>>,
    of_role: HashMap<Key, BTreeSet<Key>>,
    /// Service accounts by namespace and name.
    pub(crate) accounts: BTreeMap<String, BTreeMap<String, Account>>,
    /// Namespaces, and whether their labels have privileged pods refused.
    pub(crate) namespaces: BTreeMap<String, bool>,
    /// Secrets that hold tokens, by namespace and name.
    pub(crate) tokens: BTreeMap<String, BTreeMap<String, TokenSecret>>,
    /// The map of cloud users of EKS.
    pub(crate) aws_auth: Option<AwsAuth>,
    /// Nodes that say of themselves that they are of the control plane.
    pub(crate) control_plane: BTreeSet<String>,
    /// What runs.
    pub(crate) running: Running,
}

impl World {
    /// Takes in an object that begins to be as it is seen.
    pub(crate) fn take(&mut self, seen: Seen<'_>, touched: &mut Touched) {
        let namespaced = || (Some(seen.namespace.unwrap_or("default").to_owned()), seen.name.to_owned());
        match (seen.group, seen.resource) {
            (GROUP, "clusterroles") => {
                let role = Role::new(None, seen.name, seen.body.read());
                self.set_role((None, seen.name.to_owned()), Some(role), touched);
            }
            (GROUP, "roles") => {
                let key = namespaced();
                let role = Role::new(key.0.as_deref(), seen.name, seen.body.read());
                self.set_role(key, Some(role), touched);
            }
            (GROUP, "clusterrolebindings") => {
                let binding = Binding::new(None, seen.name, seen.body.read());
                self.set_binding((None, seen.name.to_owned()), Some((binding, seen.entry)), touched);
            }
            (GROUP, "rolebindings") => {
                let key = namespaced();
                let binding = Binding::new(key.0.as_deref(), seen.name, seen.body.read());
                self.set_binding(key, Some((binding, seen.entry)), touched);
            }
            ("", "serviceaccounts") => {
                let account = Account::read(&seen.body);
                let namespace = seen.namespace.unwrap_or("default");
                let accounts = self.accounts.entry(namespace.to_owned()).or_default();
                if accounts.get(seen.name) != Some(&account) {
                    accounts.insert(seen.name.to_owned(), account);
                    touched.subjects.insert(account_subject(namespace, seen.name));
                    touched.parts |= Parts::ACCOUNTS;
                }
            }
            ("", "namespaces") => {
                let refuses = bodies::refuses_privileged(&seen.body);
                if self.namespaces.insert(seen.name.to_owned(), refuses) != Some(refuses) {
                    touched.parts |= Parts::NAMESPACES;
                }
            }
            ("", "secrets") => {
                let namespace = seen.namespace.unwrap_or("default");
                let before = self.drop_token(namespace, seen.name, touched);
                if let Some(token) = TokenSecret::read(&seen.body, seen.entry, before) {
                    touched.subjects.insert(account_subject(namespace, &token.account));
                    touched.parts |= Parts::TOKENS;
                    self.tokens.entry(namespace.to_owned()).or_default().insert(seen.name.to_owned(), token);
                }
            }
            ("", "configmaps") if (seen.namespace, seen.name) == (Some("kube-system"), "aws-auth") => {
                if let Some(before) = self.aws_auth.take() {
                    touched.subjects.extend(before.masters.iter().cloned().map(Subject::User));
                }
                let map = AwsAuth::read(&seen.body, seen.entry);
                touched.subjects.extend(map.masters.iter().cloned().map(Subject::User));
                touched.parts |= Parts::AWS;
                self.aws_auth = Some(map);
            }
            ("", "nodes") => {
                let has = bodies::is_control_plane_node(&seen.body);
                let had = self.control_plane.contains(seen.name);
                if has != had {
                    touched.parts |= Parts::CONTROL_PLANE;
                    touched.nodes.entry(seen.name.to_owned()).or_default();
                    if has {
                        self.control_plane.insert(seen.name.to_owned())
                    } else {
                        self.control_plane.remove(seen.name)
                    };
                }
            }
            (group, resource) if running::is_workload(group, resource) => {
                self.running.set(resource, seen.namespace.unwrap_or("default"), seen.name, Use::read(&seen), touched);
            }
            _ => {}
        }
    }

    /// Takes an object away.
    pub(crate) fn remove(&mut self, seen: Seen<'_>, touched: &mut Touched) {
        let namespace = seen.namespace.unwrap_or("default");
        let namespaced = || (Some(namespace.to_owned()), seen.name.to_owned());
        match (seen.group, seen.resource) {
            (GROUP, "clusterroles") => self.set_role((None, seen.name.to_owned()), None, touched),
            (GROUP, "roles") => self.set_role(namespaced(), None, touched),
            (GROUP, "clusterrolebindings") => self.set_binding((None, seen.name.to_owned()), None, touched),
            (GROUP, "rolebindings") => self.set_binding(namespaced(), None, touched),
            ("", "serviceaccounts") => {
                if let Some(accounts) = self.accounts.get_mut(namespace) {
                    accounts.remove(seen.name);
                }
                touched.subjects.insert(account_subject(namespace, seen.name));
                touched.parts |= Parts::ACCOUNTS;
            }
            ("", "namespaces") if self.namespaces.remove(seen.name).is_some() => touched.parts |= Parts::NAMESPACES,
            ("", "secrets") => {
                self.drop_token(namespace, seen.name, touched);
            }
            ("", "configmaps") if (namespace, seen.name) == ("kube-system", "aws-auth") => {
                if let Some(before) = self.aws_auth.take() {
                    touched.subjects.extend(before.masters.into_iter().map(Subject::User));
                    touched.parts |= Parts::AWS;
                }
            }
            ("", "nodes") if self.control_plane.remove(seen.name) => {
                touched.parts |= Parts::CONTROL_PLANE;
                touched.nodes.entry(seen.name.to_owned()).or_default();
            }
            (group, resource) if running::is_workload(group, resource) => {
                self.running.set(resource, namespace, seen.name, None, touched);
            }
            _ => {}
        }
    }

    /// Sets roles as they are in force, each with its key; used where aggregated roles have to be filled first.
    pub(crate) fn set_role(&mut self, key: Key, role: Option<Role>, touched: &mut Touched) {
        match (self.roles.get(&key), &role) {
            // Labels do not matter to what is held.
            (Some(before), Some(role)) if before.role.rules == role.rules && before.role.built_in == role.built_in => {
                return;
            }
            (None, None) => return,
            _ => {}
        }
        match role {
            Some(role) => drop(self.roles.insert(key.clone(), Arc::new(Profile::of(role)))),
            None => drop(self.roles.remove(&key)),
        }
        touched.parts |= Parts::ROLES;
        for binding in self.of_role.get(&key).into_iter().flatten() {
            for subject in self.bindings.get(binding).iter().flat_map(|bound| &bound.binding.subjects) {
                touch(subject, touched);
            }
        }
    }

    fn set_binding(&mut self, key: Key, binding: Option<(Binding, Option<&Provenance<'_>>)>, touched: &mut Touched) {
        if let (Some(before), Some((binding, _))) = (self.bindings.get(&key), &binding)
            && before.binding == *binding
        {
            return;
        }
        if let Some(before) = self.bindings.remove(&key) {
            for subject in &before.binding.subjects {
                touch(subject, touched);
                if let Some(bindings) = self.of_subject.get_mut(subject) {
                    bindings.remove(&key);
                    if bindings.is_empty() {
                        self.of_subject.remove(subject);
                    }
                }
            }
            if let Some(role) = &before.role
                && let Some(bindings) = self.of_role.get_mut(role)
            {
                bindings.remove(&key);
            }
        }
        if let Some((binding, entry)) = binding {
            let bound = Arc::new(Bound::new(binding, entry.map(|entry| entry.clone().into_owned())));
            for subject in &bound.binding.subjects {
                touch(subject, touched);
                self.of_subject.entry(subject.clone()).or_default().insert(key.clone(), Arc::clone(&bound));
            }
            if let Some(role) = &bound.role {
                self.of_role.entry(role.clone()).or_default().insert(key.clone());
            }
            self.bindings.insert(key, bound);
        }
        touched.parts |= Parts::BINDINGS;
    }

    fn drop_token(&mut self, namespace: &str, name: &str, touched: &mut Touched) -> Option<TokenSecret> {
        let before = self.tokens.get_mut(namespace)?.remove(name)?;
        touched.subjects.insert(account_subject(namespace, &before.account));
        touched.parts |= Parts::TOKENS;
        Some(before)
    }

    /// The role of this key, with what it meets.
    pub(crate) fn role(&self, key: &Key) -> Option<&Arc<Profile>> {
        self.roles.get(key)
    }

    /// The keys of the Roles of a namespace, or (`None`) of all namespaces.
    pub(crate) fn roles_in(&self, namespace: Option<&str>) -> impl Iterator<Item = &Key> {
        let namespace = namespace.map(str::to_owned);
        let from = (Some(namespace.clone().unwrap_or_default()), String::new());
        let keys = self.roles.range(from..).map(|(key, _)| key);
        keys.take_while(move |(own, _)| namespace.is_none() || *own == namespace)
    }

    /// The namespace in which rights of a namespace say most: that of the control plane where objects of it are known, else the first.
    pub(crate) fn telling_namespace(&self) -> Option<String> {
        let system = "kube-system".to_owned();
        if self.namespaces.contains_key(&system) || self.accounts.contains_key(&system) {
            return Some(system);
        }
        self.namespaces.keys().chain(self.accounts.keys()).chain(self.running.accounts.keys()).next().cloned()
    }

    /// All bindings.
    pub(crate) fn bindings(&self) -> impl Iterator<Item = &Arc<Bound>> {
        self.bindings.values()
    }

    /// The bindings in a namespace, or (`None`) over the cluster.
    pub(crate) fn bindings_in(&self, namespace: Option<&str>) -> impl Iterator<Item = &Arc<Bound>> {
        let namespace = namespace.map(str::to_owned);
        let from = (namespace.clone(), String::new());
        self.bindings.range(from..).take_while(move |((own, _), _)| *own == namespace).map(|(_, bound)| bound)
    }

    /// The bindings that name a subject itself.
    pub(crate) fn bindings_of(&self, subject: &Subject) -> impl Iterator<Item = &Arc<Bound>> {
        self.of_subject.get(subject).into_iter().flat_map(BTreeMap::values)
    }

    /// Subjects that some binding names.
    pub(crate) fn bound_subjects(&self) -> impl Iterator<Item = &Subject> {
        self.of_subject.keys()
    }

    /// What the bindings that name a subject itself give it.
    pub(crate) fn held_by(&self, subject: &Subject) -> Vec<Held> {
        self.held(subject, None)
    }

    /// What the groups give that a subject is in by what it is.
    pub(crate) fn held_by_groups_of(&self, subject: &Subject) -> Vec<Held> {
        let groups = subject.implicit_groups().into_iter().map(Subject::Group);
        groups
            .filter(|group| self.of_subject.contains_key(group))
            .flat_map(|group| self.held(&group, Some(())))
            .collect()
    }

    fn held(&self, subject: &Subject, as_group: Option<()>) -> Vec<Held> {
        let through = as_group.map(|()| Arc::new(subject.clone()));
        let held = |bound: &Arc<Bound>| {
            let profile = self.roles.get(bound.role.as_ref()?)?;
            let built_in = bound.binding.is_built_in_for(subject) && profile.role.built_in;
            Some(Held { bound: Arc::clone(bound), profile: Arc::clone(profile), through: through.clone(), built_in })
        };
        self.bindings_of(subject).filter_map(held).collect()
    }

    /// Whether a node holds the keys of the control plane: by its own labels, or because an API server runs on it.
    pub(crate) fn is_control_plane(&self, node: &str) -> bool {
        self.control_plane.contains(node) || self.running.nodes.get(node).is_some_and(|on| on.api_servers > 0)
    }

    /// Whether a service account exists. `default` is there in every namespace.
    pub(crate) fn has_account(&self, namespace: &str, name: &str) -> bool {
        name == "default" || self.accounts.get(namespace).is_some_and(|accounts| accounts.contains_key(name))
    }
}

/// The key of the role that a binding refers to; `None` when it can refer to none.
pub(crate) fn role_key(binding: &Binding) -> Option<Key> {
    binding.role_key().map(|(namespace, name)| (namespace.map(str::to_owned), name.to_owned()))
}

pub(crate) fn account_subject(namespace: &str, name: &str) -> Subject {
    Subject::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// A subject is touched, and all who are in it when it is a group that others are in by what they are.
fn touch(subject: &Subject, touched: &mut Touched) {
    if let Subject::Group(name) = subject {
        touched.everybody |=
            name == AUTHENTICATED || name == SERVICE_ACCOUNTS || name == NODES || name == UNAUTHENTICATED;
        let namespace = name.strip_prefix(SERVICE_ACCOUNTS).and_then(|rest| rest.strip_prefix(':'));
        touched.namespaces.extend(namespace.map(str::to_owned));
    }
    touched.subjects.insert(subject.clone());
}
