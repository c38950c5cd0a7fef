//! Bindings as they are stored: which subjects, which role, and where.

use std::collections::HashSet;

use serde::Deserialize;

use super::role::{self, Metadata};
use super::subject::{MASTERS, Subject, SubjectBody};

/// The body of a RoleBinding or ClusterRoleBinding.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BindingBody {
    metadata: Metadata,
    subjects: Option<Vec<SubjectBody>>,
    role_ref: RoleReference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RoleReference {
    kind: String,
    name: String,
}

/// One RoleBinding or ClusterRoleBinding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Namespace of a RoleBinding, to which all that it gives is limited; `None` for a ClusterRoleBinding.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Subjects in the order in which they stand, each once.
    pub subjects: Vec<Subject>,
    /// The service accounts among them that stand as users (`system:serviceaccount:namespace:name`) first.
    pub as_users: Vec<Subject>,
    /// Kind of the role: `Role` of the binding's own namespace, or `ClusterRole`. Nothing is bound by another kind, nor by a ClusterRoleBinding to
    /// a `Role`.
    pub role_kind: String,
    /// Name of the role.
    pub role_name: String,
    /// Whether it carries the label of bindings that Kubernetes itself creates.
    pub of_bootstrapping: bool,
}

impl Binding {
    pub(crate) fn new(namespace: Option<&str>, name: &str, body: BindingBody) -> Self {
        let mut told = HashSet::new();
        let (mut subjects, mut as_users) = (Vec::new(), Vec::new());
        for body in body.subjects.iter().flatten() {
            let Some(subject) = body.read(namespace).filter(|subject| told.insert(subject.clone())) else { continue };
            if body.kind != subject.kind() {
                as_users.push(subject.clone());
            }
            subjects.push(subject);
        }
        Self {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            subjects,
            as_users,
            role_kind: body.role_ref.kind,
            role_name: body.role_ref.name,
            of_bootstrapping: body.metadata.is_of_bootstrapping(),
        }
    }

    /// `RoleBinding:namespace/name` or `ClusterRoleBinding:name`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.namespace.as_deref() {
            Some(namespace) => format!("RoleBinding:{namespace}/{}", self.name),
            None => format!("ClusterRoleBinding:{}", self.name),
        }
    }

    /// Namespace (`None` for a ClusterRole) and name of the role that it refers to, whether that exists or not; `None` when it can refer to none.
    #[must_use]
    pub fn role_key(&self) -> Option<(Option<&str>, &str)> {
        match (self.role_kind.as_str(), self.namespace.as_deref()) {
            ("ClusterRole", _) => Some((None, &self.role_name)),
            ("Role", Some(namespace)) => Some((Some(namespace), &self.role_name)),
            _ => None,
        }
    }

    /// `Role:namespace/name` or `ClusterRole:name`: what it refers to, whether that exists or not.
    #[must_use]
    pub fn role_label(&self) -> String {
        match self.role_key() {
            Some((namespace, name)) => role::label(namespace, name),
            None => format!("{}:{}", self.role_kind, self.role_name),
        }
    }

    /// Whether Kubernetes itself bound this subject by it. Names and subjects of bindings that Kubernetes creates begin with `system:`, or stand
    /// in `kube-system`; the binding `cluster-admin` is of `system:masters` alone. A subject that somebody added to one of them is not built in.
    #[must_use]
    pub fn is_built_in_for(&self, subject: &Subject) -> bool {
        self.of_bootstrapping
            && match self.name.as_str() {
                "cluster-admin" => matches!(subject, Subject::Group(name) if name == MASTERS),
                name => name.starts_with("system:") && subject.is_of_kubernetes(),
            }
    }
}
