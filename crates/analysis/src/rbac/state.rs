//! Role-based access control as it stands at one instant: roles with the rules in force, bindings, subjects, and what each of them holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde_json::Value;

use super::GROUP;
use super::aggregation;
use super::authorizer;
use super::binding::Binding;
use super::role::Role;
use super::rules::Rule;
use super::subject::Subject;
use crate::snapshot::{Object, Snapshot};

/// Namespace (`None` for a ClusterRole) and name.
pub type RoleKey = (Option<String>, String);

/// Roles, bindings and subjects of one cluster at one instant.
///
/// Roles of namespaces and RoleBindings that name no namespace (in manifests) are taken to be of `default`, where a client would put
/// them. An aggregated ClusterRole has the rules that the controller filled in; where there are none (in manifests), those of the roles that
/// its selectors find, and of those that these are filled from.
#[derive(Debug, Clone, Default)]
pub struct State {
    roles: Vec<Role>,
    by_key: HashMap<RoleKey, usize>,
    bindings: Vec<Binding>,
    /// For each binding its role, when that exists.
    bound: Vec<Option<usize>>,
    /// Bindings by the subjects that they name.
    of_subject: HashMap<Subject, Vec<usize>>,
    accounts: BTreeSet<Subject>,
}

/// Where a grant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope<'a> {
    /// In all namespaces, for objects of none, and for paths that are no resources.
    Cluster,
    /// For resources in one namespace, and the Namespace itself.
    Namespace(&'a str),
}

impl<'a> Scope<'a> {
    /// Where what a binding gives holds.
    #[must_use]
    pub fn of(binding: &'a Binding) -> Self {
        binding.namespace.as_deref().map_or(Self::Cluster, Self::Namespace)
    }

    /// The namespace; `None` for the whole cluster.
    #[must_use]
    pub const fn namespace(self) -> Option<&'a str> {
        match self {
            Self::Cluster => None,
            Self::Namespace(namespace) => Some(namespace),
        }
    }

    /// Whether it holds for requests to this namespace (empty: to none).
    #[must_use]
    pub fn holds_in(self, namespace: &str) -> bool {
        self.namespace().is_none_or(|own| own == namespace)
    }
}

/// One rule that a subject holds.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// Where it holds.
    pub scope: Scope<'a>,
    /// The rule.
    pub rule: &'a Rule,
    /// Position of the rule among those of the role.
    pub rule_index: usize,
    /// The binding that gave it.
    pub binding: &'a Binding,
    /// The role that it is of.
    pub role: &'a Role,
    /// The subject as which it is held: itself, or a group that it is in by what it is.
    pub through: &'a Subject,
}

impl State {
    /// Reads roles, bindings and service accounts.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut roles = BTreeMap::new();
        for (resource, namespaced) in [("clusterroles", false), ("roles", true)] {
            for object in snapshot.of(GROUP, resource) {
                let namespace = namespaced.then(|| namespace_of(object));
                let role = Role::new(namespace, &object.name, body(&object.body));
                roles.insert((namespace.map(str::to_owned), object.name.clone()), role);
            }
        }
        let mut bindings = Vec::new();
        for (resource, namespaced) in [("clusterrolebindings", false), ("rolebindings", true)] {
            for object in snapshot.of(GROUP, resource) {
                let namespace = namespaced.then(|| namespace_of(object));
                bindings.push(Binding::new(namespace, &object.name, body(&object.body)));
            }
        }
        let account = |object: &Object| Subject::ServiceAccount {
            namespace: namespace_of(object).to_owned(),
            name: object.name.clone(),
        };
        let accounts = snapshot.of("", "serviceaccounts").map(account).collect();
        Self::new(roles.into_values(), bindings, accounts)
    }

    /// From roles, bindings and the service accounts that exist.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = Role>, mut bindings: Vec<Binding>, accounts: BTreeSet<Subject>) -> Self {
        let mut roles: BTreeMap<RoleKey, Role> =
            roles.into_iter().map(|role| ((role.namespace.clone(), role.name.clone()), role)).collect();
        aggregation::fill(&mut roles);
        let (keys, roles): (Vec<RoleKey>, Vec<Role>) = roles.into_iter().unzip();
        let by_key: HashMap<RoleKey, usize> = keys.into_iter().zip(0..).collect();
        bindings.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let role_of = |binding: &Binding| {
            let (namespace, name) = binding.role_key()?;
            by_key.get(&(namespace.map(str::to_owned), name.to_owned())).copied()
        };
        let bound = bindings.iter().map(role_of).collect();
        let mut of_subject: HashMap<Subject, Vec<usize>> = HashMap::new();
        for (index, binding) in bindings.iter().enumerate() {
            for subject in &binding.subjects {
                of_subject.entry(subject.clone()).or_default().push(index);
            }
        }
        Self { roles, by_key, bindings, bound, of_subject, accounts }
    }

    /// All roles with the rules in force: ClusterRoles first, then by namespace and name.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The role with this namespace (`None`: a ClusterRole) and name.
    #[must_use]
    pub fn role(&self, namespace: Option<&str>, name: &str) -> Option<&Role> {
        let index = self.by_key.get(&(namespace.map(str::to_owned), name.to_owned()))?;
        self.roles.get(*index)
    }

    /// All bindings, each with its role (`None` while that is missing, when the binding gives nothing): ClusterRoleBindings first, then by
    /// namespace and name.
    pub fn bindings(&self) -> impl Iterator<Item = (&Binding, Option<&Role>)> {
        self.bindings
            .iter()
            .zip(&self.bound)
            .map(|(binding, role)| (binding, role.and_then(|role| self.roles.get(role))))
    }

    /// The service accounts that exist.
    #[must_use]
    pub const fn service_accounts(&self) -> &BTreeSet<Subject> {
        &self.accounts
    }

    /// All subjects that a binding names and all service accounts that exist, in order.
    #[must_use]
    pub fn subjects(&self) -> BTreeSet<&Subject> {
        self.of_subject.keys().chain(&self.accounts).collect()
    }

    /// The bindings that name this subject itself, not its groups, each with its role.
    pub fn bindings_of<'a>(
        &'a self,
        subject: &Subject,
    ) -> impl Iterator<Item = (&'a Binding, Option<&'a Role>)> + use<'a> {
        let indexes = self.of_subject.get(subject).into_iter().flatten();
        indexes.filter_map(|index| self.bound_at(*index))
    }

    fn bound_at(&self, index: usize) -> Option<(&Binding, Option<&Role>)> {
        let role = self.bound.get(index)?.and_then(|role| self.roles.get(role));
        Some((self.bindings.get(index)?, role))
    }

    /// Every rule that a subject holds: by its own name and by the groups that it is in by what it is ([`Subject::implicit_groups`]), each
    /// binding and each rule told, also when several say the same. Not told are the rights of the group `system:masters` (all) and those that
    /// the Node authorizer gives: no rule holds them.
    pub fn grants_of<'a>(&'a self, subject: &Subject) -> impl Iterator<Item = Grant<'a>> + use<'a> {
        let groups = subject.implicit_groups().into_iter().map(Subject::Group);
        let as_whom: Vec<Subject> = std::iter::once(subject.clone()).chain(groups).collect();
        as_whom.into_iter().flat_map(|subject| self.own_grants_of(&subject))
    }

    /// Every rule that a subject holds by its own name.
    pub fn own_grants_of<'a>(&'a self, subject: &Subject) -> impl Iterator<Item = Grant<'a>> + use<'a> {
        let named = self.of_subject.get_key_value(subject).into_iter();
        let bindings = named.flat_map(|(through, indexes)| indexes.iter().map(move |index| (through, *index)));
        bindings.flat_map(|(through, index)| {
            let (binding, role) = self.bound_at(index).map_or((None, None), |(binding, role)| (Some(binding), role));
            let bound = binding.zip(role).into_iter();
            bound.flat_map(move |(binding, role)| authorizer::grants(binding, role, through))
        })
    }

    /// The bindings that name any of these subjects and count in this namespace (empty: in none), with their roles and the first subject of each that
    /// is among them: ClusterRoleBindings first, then by name. Bindings of missing roles are not told.
    pub(crate) fn bindings_of_any(&self, subjects: &[Subject], namespace: &str) -> Vec<(&Binding, &Role, &Subject)> {
        let named = subjects.iter().filter_map(|subject| self.of_subject.get(subject));
        let indexes: BTreeSet<usize> = named.flatten().copied().collect();
        let bound = indexes.into_iter().filter_map(|index| self.bound_at(index));
        let counted = bound.filter(|(binding, _)| Scope::of(binding).holds_in(namespace));
        let whole = counted.filter_map(|(binding, role)| {
            let through = binding.subjects.iter().find(|subject| subjects.contains(subject))?;
            Some((binding, role?, through))
        });
        whole.collect()
    }
}

/// The namespace in which a namespaced object is created.
pub(super) fn namespace_of(object: &Object) -> &str {
    object.namespace.as_deref().unwrap_or("default")
}

/// A body of another form gives no rights that can be read, as the API server would have refused it.
pub(super) fn body<'de, T: Deserialize<'de> + Default>(value: &'de Value) -> T {
    T::deserialize(value.into_deserializer()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::Place;

    fn state(objects: Value) -> State {
        let objects = objects.as_array().unwrap().iter();
        State::of(&objects.map(|o| Object::from_json(o.clone(), Place::default()).unwrap()).collect())
    }

    fn object(kind: &str, namespace: Option<&str>, name: &str, rest: Value) -> Value {
        let api = if kind == "ServiceAccount" { "v1" } else { "rbac.authorization.k8s.io/v1" };
        let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}});
        for (key, value) in rest.as_object().unwrap() {
            object[key] = value.clone();
        }
        object
    }

    fn role_ref(kind: &str, name: &str) -> Value {
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
    }

    fn pods(verb: &str) -> Value {
        json!([{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]}])
    }

    fn shown(state: &State, subject: &str) -> Vec<String> {
        let subject = Subject::parse(subject).unwrap();
        let grant = |g: Grant<'_>| {
            let scope = g.scope.namespace().unwrap_or("*");
            format!("{} in {scope}: {} {} {}", g.rule.verbs.join(","), g.binding.label(), g.role.label(), g.through)
        };
        state.grants_of(&subject).map(grant).collect()
    }

    #[test]
    fn a_subject_holds_what_its_bindings_and_its_groups_give() {
        let state = state(json!([
            object("ClusterRole", None, "reader", json!({"rules": pods("get")})),
            object("Role", Some("shop"), "reader", json!({"rules": pods("list")})),
            object(
                "RoleBinding",
                Some("shop"),
                "a",
                json!({"roleRef": role_ref("Role", "reader"),
                "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}]})
            ),
            object(
                "RoleBinding",
                Some("shop"),
                "b",
                json!({"roleRef": role_ref("ClusterRole", "reader"),
                "subjects": [{"kind": "User", "name": "system:serviceaccount:shop:web"}]})
            ),
            object(
                "ClusterRoleBinding",
                None,
                "c",
                json!({"roleRef": role_ref("ClusterRole", "reader"),
                "subjects": [{"kind": "Group", "name": "system:serviceaccounts:shop"}]})
            ),
            object(
                "ClusterRoleBinding",
                None,
                "d",
                json!({"roleRef": role_ref("ClusterRole", "missing"),
                "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}]})
            ),
            object(
                "ClusterRoleBinding",
                None,
                "e",
                json!({"roleRef": role_ref("Role", "reader"),
                "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}]})
            ),
            object("ServiceAccount", Some("shop"), "idle", json!({})),
        ]));
        assert_eq!(
            shown(&state, "ServiceAccount:shop/web"),
            [
                "list in shop: RoleBinding:shop/a Role:shop/reader ServiceAccount:shop/web",
                "get in shop: RoleBinding:shop/b ClusterRole:reader ServiceAccount:shop/web",
                "get in *: ClusterRoleBinding:c ClusterRole:reader Group:system:serviceaccounts:shop",
            ]
        );
        assert_eq!(shown(&state, "ServiceAccount:shop/idle").len(), 1);
        assert_eq!(shown(&state, "ServiceAccount:other/web").len(), 0);
        let subjects: Vec<String> = state.subjects().iter().map(ToString::to_string).collect();
        assert_eq!(
            subjects,
            ["Group:system:serviceaccounts:shop", "ServiceAccount:shop/idle", "ServiceAccount:shop/web"]
        );
    }

    #[test]
    fn objects_of_no_namespace_are_of_default_and_bodies_of_another_form_give_nothing() {
        let state = state(json!([
            object("Role", None, "r", json!({"rules": pods("get")})),
            object(
                "RoleBinding",
                None,
                "b",
                json!({"roleRef": role_ref("Role", "r"),
                "subjects": [{"kind": "User", "name": "alice"}]})
            ),
            object("ClusterRole", None, "odd", json!({"rules": "all"})),
            object("ClusterRoleBinding", None, "odd", json!({"roleRef": 1, "subjects": {}})),
        ]));
        assert_eq!(shown(&state, "User:alice"), ["get in default: RoleBinding:default/b Role:default/r User:alice"]);
        assert!(state.role(None, "odd").unwrap().rules.is_empty());
    }
}
