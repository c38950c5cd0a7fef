//! What stands in the graph of ways: who or what one may be or hold.

use super::catalogue::Effect;
use super::world::Key;
use crate::rbac::role;
use crate::rbac::subject::Subject;

/// Something that one may be or hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Vertex {
    /// All rights.
    ClusterAdmin,
    /// All rights in a namespace, or (`None`) in each.
    NamespaceAdmin(Option<String>),
    /// A subject.
    Subject(Subject),
    /// What a role gives where it is bound: in a namespace, or (`None`) over the cluster.
    Rights(Key, Option<String>),
    /// Any service account of a namespace, or of all.
    AccountsOf(Option<String>),
    /// A service account whose token lies in a Secret of a namespace, or of any.
    TokensOf(Option<String>),
    /// The running pods of a namespace, or of all.
    PodsOf(Option<String>),
    /// Any node.
    Nodes,
    /// One node.
    Node(String),
    /// The nodes on which pods of a namespace, or of any, run.
    NodesOf(Option<String>),
    /// The service accounts that come together on a node, as where a path begins.
    OnNode(String),
    /// The credential of any kubelet.
    NodeCredentials,
    /// An identity at a cloud provider.
    Cloud(String),
}

impl Vertex {
    /// The end that it is; `None` when it is only on the way.
    pub(crate) fn end(&self) -> Option<Effect> {
        match self {
            Self::ClusterAdmin => Some(Effect::ClusterAdmin),
            Self::Nodes | Self::Node(_) | Self::NodesOf(_) | Self::NodeCredentials => Some(Effect::Node),
            Self::Cloud(_) => Some(Effect::CloudIdentity),
            Self::NamespaceAdmin(_) => Some(Effect::NamespaceAdmin),
            _ => None,
        }
    }

    /// What people read.
    pub(crate) fn words(&self) -> String {
        let of = |what: &str, namespace: &Option<String>| match namespace {
            Some(namespace) => format!("{what} of namespace {namespace}"),
            None => format!("{what} of any namespace"),
        };
        match self {
            Self::ClusterAdmin => "cluster-admin".to_owned(),
            Self::NamespaceAdmin(Some(namespace)) => format!("admin of namespace {namespace}"),
            Self::NamespaceAdmin(None) => "admin of every namespace".to_owned(),
            Self::Subject(subject) => subject.to_string(),
            Self::Rights((namespace, name), scope) => {
                let role = role::label(namespace.as_deref(), name);
                match scope {
                    Some(scope) => format!("what {role} gives in namespace {scope}"),
                    None => format!("what {role} gives over the cluster"),
                }
            }
            Self::AccountsOf(namespace) => of("any service account", namespace),
            Self::TokensOf(namespace) => of("any token in a Secret", namespace),
            Self::PodsOf(namespace) => of("any running pod", namespace),
            Self::NodesOf(namespace) => of("any node with pods", namespace),
            Self::Nodes => "any node".to_owned(),
            Self::Node(name) | Self::OnNode(name) => format!("node {name}"),
            Self::NodeCredentials => "the credential of any kubelet".to_owned(),
            Self::Cloud(identity) => identity.clone(),
        }
    }
}
