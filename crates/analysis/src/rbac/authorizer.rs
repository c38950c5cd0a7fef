//! Whether a request is allowed, decided as an API server with the authorizers `Node,RBAC` does, and why.
//!
//! In this order: the group `system:masters` is allowed everything; the Node authorizer answers for kubelets; RBAC looks at ClusterRoleBindings,
//! and then, for a request to a namespace, at the RoleBindings of that namespace. The first rule that matches allows. Nothing denies: what no
//! authorizer allows is refused. Within the ClusterRoleBindings, and within the RoleBindings of one namespace, the API server's order is that of a
//! map: here it is the order of their names, so another binding that allows the same may stand in its reason.

use super::binding::Binding;
use super::node::NodeObjects;
use super::role::Role;
use super::state::{Grant, Scope, State};
use super::subject::{Identity, MASTERS, Subject};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target<'a> {
    /// A resource of the API.
    Resource(Resource<'a>),
    /// A path that is no resource (`/metrics`).
    Path(&'a str),
}

/// A resource of the API as the authorizer sees it. Texts that do not apply are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource<'a> {
    /// API group; empty for core.
    pub group: &'a str,
    /// Resource (plural).
    pub resource: &'a str,
    /// Subresource; empty for the object itself.
    pub subresource: &'a str,
    /// Namespace; empty for cluster-scoped objects and for requests to all namespaces. A Namespace object is in itself.
    pub namespace: &'a str,
    /// Name; empty where the request carries none: `create` of an object, `list`, `watch` and `deletecollection` without a field selector of
    /// `metadata.name`.
    pub name: &'a str,
    /// The node that a field selector `spec.nodeName` limits the request to; empty without one. Only the Node authorizer looks at it.
    pub of_node: &'a str,
}

/// A request to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request<'a> {
    /// The verb.
    pub verb: &'a str,
    /// What it is about.
    pub target: Target<'a>,
}

impl<'a> Request<'a> {
    /// A request for a resource.
    #[must_use]
    pub const fn resource(verb: &'a str, resource: Resource<'a>) -> Self {
        Self { verb, target: Target::Resource(resource) }
    }

    /// A request for a path that is no resource.
    #[must_use]
    pub const fn path(verb: &'a str, path: &'a str) -> Self {
        Self { verb, target: Target::Path(path) }
    }

    /// The namespace that it is in; empty for none.
    #[must_use]
    pub const fn namespace(&self) -> &'a str {
        match self.target {
            Target::Resource(resource) => resource.namespace,
            Target::Path(_) => "",
        }
    }
}

/// Why a request is allowed.
#[derive(Debug, Clone, Copy)]
pub enum Reason<'a> {
    /// The caller is in the group `system:masters`.
    Masters,
    /// The Node authorizer allows it to this kubelet.
    Node,
    /// A rule of RBAC.
    Rule(Grant<'a>),
}

impl Reason<'_> {
    /// The text that the API server gives as the reason: in answers to SubjectAccessReviews and as the annotation `authorization.k8s.io/reason`
    /// of audit events. Empty but for RBAC.
    #[must_use]
    pub fn text(&self) -> String {
        let Self::Rule(Grant { binding, through, .. }) = self else { return String::new() };
        let (kind, name) = match &binding.namespace {
            None => ("ClusterRoleBinding", binding.name.clone()),
            // Name before namespace: so the API server writes it.
            Some(namespace) => ("RoleBinding", format!("{}/{namespace}", binding.name)),
        };
        let (subject_kind, subject) = match through {
            Subject::ServiceAccount { .. } if binding.as_users.contains(through) => {
                ("User", through.user_name().unwrap_or_default())
            }
            Subject::ServiceAccount { namespace, name } => (through.kind(), format!("{name}/{namespace}")),
            Subject::User(name) | Subject::Group(name) => (through.kind(), name.clone()),
        };
        format!(
            "RBAC: allowed by {kind} {} of {} {} to {} {}",
            quoted(&name),
            binding.role_kind,
            quoted(&binding.role_name),
            subject_kind,
            quoted(&subject)
        )
    }
}

/// Quoted as Go's `%q` does for texts without control characters; names of RBAC objects have none.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Decides requests at one instant.
#[derive(Debug, Clone, Copy)]
pub struct Authorizer<'a> {
    state: &'a State,
    nodes: Option<&'a NodeObjects>,
}

impl<'a> Authorizer<'a> {
    /// With RBAC alone: kubelets hold nothing but what is bound to them.
    #[must_use]
    pub const fn new(state: &'a State) -> Self {
        Self { state, nodes: None }
    }

    /// With the Node authorizer before RBAC, as API servers of most clusters have it.
    #[must_use]
    pub const fn with_nodes(state: &'a State, nodes: &'a NodeObjects) -> Self {
        Self { state, nodes: Some(nodes) }
    }

    /// The reason for which the request is allowed to this caller; `None` when it is refused.
    #[must_use]
    pub fn allows(&self, caller: &Identity, request: &Request<'_>) -> Option<Reason<'a>> {
        if caller.groups.contains(MASTERS) {
            return Some(Reason::Masters);
        }
        if let Some(nodes) = self.nodes
            && nodes.allows(caller, request)
        {
            return Some(Reason::Node);
        }
        self.rules_that_allow(caller, request).next().map(Reason::Rule)
    }

    /// Every rule of RBAC that allows the request to this caller, in the order in which they are looked at.
    pub fn rules_that_allow<'r>(
        &self,
        caller: &Identity,
        request: &'r Request<'r>,
    ) -> impl Iterator<Item = Grant<'a>> + use<'a, 'r> {
        let subjects: Vec<Subject> = caller.subjects().collect();
        let namespace = request.namespace();
        self.state.bindings_of_any(&subjects, namespace).into_iter().flat_map(move |(binding, role, through)| {
            grants(binding, role, through).filter(|grant| grant.rule.allows_request(request))
        })
    }
}

/// The rules that a binding gives to a subject.
pub(crate) fn grants<'a>(
    binding: &'a Binding,
    role: &'a Role,
    through: &'a Subject,
) -> impl Iterator<Item = Grant<'a>> + use<'a> {
    let scope = Scope::of(binding);
    role.rules.iter().enumerate().map(move |(rule_index, rule)| Grant {
        scope,
        rule,
        rule_index,
        binding,
        role,
        through,
    })
}
