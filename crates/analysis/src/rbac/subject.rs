//! Who a binding names, in the one form that it has here, and what a subject is without any binding.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

/// The group whose members are allowed everything, before any rule is looked at.
pub const MASTERS: &str = "system:masters";
/// The group of all callers with a credential.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of all callers without one.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user that a caller without a credential is.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group of all service accounts; with `:namespace` behind it, of those of a namespace.
pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
/// The group of kubelets.
pub const NODES: &str = "system:nodes";

const ACCOUNT: &str = "system:serviceaccount:";
const NODE: &str = "system:node:";

/// A subject of bindings. A service account is always a [`Subject::ServiceAccount`], also where a binding names it as a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A user that is no service account.
    User(String),
    /// A group.
    Group(String),
    /// A service account.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// A subject as it stands in a binding.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SubjectBody {
    pub(crate) kind: String,
    name: String,
    namespace: Option<String>,
}

impl SubjectBody {
    /// `None` for a kind that RBAC does not know, and for a service account of no namespace: both match nobody.
    pub(crate) fn read(&self, binding_namespace: Option<&str>) -> Option<Subject> {
        match self.kind.as_str() {
            "ServiceAccount" => {
                let own = self.namespace.as_deref().filter(|namespace| !namespace.is_empty());
                let namespace = own.or(binding_namespace)?.to_owned();
                Some(Subject::ServiceAccount { namespace, name: self.name.clone() })
            }
            "User" => Some(Subject::of_user(&self.name)),
            "Group" => Some(Subject::Group(self.name.clone())),
            _ => None,
        }
    }
}

impl Subject {
    /// Whoever makes requests under this user name.
    #[must_use]
    pub fn of_user(name: &str) -> Self {
        let parts = name.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':'));
        match parts {
            Some((namespace, account)) if !namespace.is_empty() && !account.is_empty() => {
                Self::ServiceAccount { namespace: namespace.to_owned(), name: account.to_owned() }
            }
            _ => Self::User(name.to_owned()),
        }
    }

    /// From the form that tables have: `User:name`, `Group:name`, `ServiceAccount:namespace/name`.
    #[must_use]
    pub fn parse(label: &str) -> Option<Self> {
        let (kind, rest) = label.split_once(':')?;
        match kind {
            "User" if !rest.is_empty() => Some(Self::of_user(rest)),
            "Group" if !rest.is_empty() => Some(Self::Group(rest.to_owned())),
            "ServiceAccount" => {
                let (namespace, name) = rest.split_once('/')?;
                let whole = !namespace.is_empty() && !name.is_empty();
                whole.then(|| Self::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => None,
        }
    }

    /// `User`, `Group` or `ServiceAccount`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "User",
            Self::Group(_) => "Group",
            Self::ServiceAccount { .. } => "ServiceAccount",
        }
    }

    /// The name under which it makes requests; `None` for a group.
    #[must_use]
    pub fn user_name(&self) -> Option<String> {
        match self {
            Self::User(name) => Some(name.clone()),
            Self::Group(_) => None,
            Self::ServiceAccount { namespace, name } => Some(format!("{ACCOUNT}{namespace}:{name}")),
        }
    }

    /// Name of the node whose kubelet it is, by its user name.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::User(name) => name.strip_prefix(NODE).filter(|node| !node.is_empty()),
            _ => None,
        }
    }

    /// The groups that it is in by what it is, whoever it was told by: those of a service account, those of anonymous callers, that of kubelets. The
    /// groups that a certificate or an identity provider adds to a user are not known from a cluster's objects.
    #[must_use]
    pub fn implicit_groups(&self) -> Vec<String> {
        let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match self {
            Self::ServiceAccount { namespace, .. } => {
                vec![SERVICE_ACCOUNTS.to_owned(), format!("{SERVICE_ACCOUNTS}:{namespace}"), AUTHENTICATED.to_owned()]
            }
            Self::User(name) if name == ANONYMOUS => groups(&[UNAUTHENTICATED]),
            Self::User(_) if self.node().is_some() => groups(&[NODES, AUTHENTICATED]),
            Self::User(_) => groups(&[AUTHENTICATED]),
            Self::Group(name) if name == UNAUTHENTICATED || name == AUTHENTICATED => Vec::new(),
            Self::Group(name) if name.strip_prefix(SERVICE_ACCOUNTS).is_some_and(|rest| rest.starts_with(':')) => {
                groups(&[SERVICE_ACCOUNTS, AUTHENTICATED])
            }
            Self::Group(_) => groups(&[AUTHENTICATED]),
        }
    }

    /// Whether it stands for callers without credentials.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        match self {
            Self::User(name) => name == ANONYMOUS,
            Self::Group(name) => name == UNAUTHENTICATED,
            Self::ServiceAccount { .. } => false,
        }
    }

    /// Whether it is one of Kubernetes' own: a name that begins with `system:`, or a service account of `kube-system`.
    #[must_use]
    pub fn is_of_kubernetes(&self) -> bool {
        match self {
            Self::User(name) | Self::Group(name) => name.starts_with("system:"),
            Self::ServiceAccount { namespace, .. } => namespace == "kube-system",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "User:{name}"),
            Self::Group(name) => write!(f, "Group:{name}"),
            Self::ServiceAccount { namespace, name } => write!(f, "ServiceAccount:{namespace}/{name}"),
        }
    }
}

/// Who makes a request: what authentication tells the authorizer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The user name.
    pub user: String,
    /// All groups, also the implicit ones.
    pub groups: BTreeSet<String>,
}

impl Identity {
    /// A user with these groups, and none beside them.
    #[must_use]
    pub fn new<'a>(user: &str, groups: impl IntoIterator<Item = &'a str>) -> Self {
        Self { user: user.to_owned(), groups: groups.into_iter().map(str::to_owned).collect() }
    }

    /// A subject with the groups that it has by what it is. A group is a member of it without a name of its own.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        let mut groups: BTreeSet<String> = subject.implicit_groups().into_iter().collect();
        if let Subject::Group(name) = subject {
            groups.insert(name.clone());
        }
        Self { user: subject.user_name().unwrap_or_default(), groups }
    }

    /// The subjects that bindings may name it by: its user, then its groups in order.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> {
        std::iter::once(Subject::of_user(&self.user)).chain(self.groups.iter().cloned().map(Subject::Group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_one_form_and_labels_are_read_back() {
        let account = Subject::ServiceAccount { namespace: "shop".to_owned(), name: "web".to_owned() };
        assert_eq!(Subject::of_user("system:serviceaccount:shop:web"), account);
        assert_eq!(Subject::parse("User:system:serviceaccount:shop:web"), Some(account.clone()));
        for label in ["User:a:b", "Group:system:masters", "ServiceAccount:shop/web"] {
            assert_eq!(Subject::parse(label).map(|s| s.to_string()).as_deref(), Some(label));
        }
        for label in ["", "User", "User:", "Node:x", "ServiceAccount:shop", "ServiceAccount:/web"] {
            assert_eq!(Subject::parse(label), None, "{label}");
        }
        assert_eq!(Subject::of_user("system:serviceaccount:shop"), Subject::User("system:serviceaccount:shop".into()));
        assert_eq!(account.implicit_groups(), ["system:serviceaccounts", "system:serviceaccounts:shop", AUTHENTICATED]);
    }

    #[test]
    fn an_account_without_namespace_is_of_the_binding_or_nobody() {
        let account: SubjectBody =
            serde_json::from_str(r#"{"kind": "ServiceAccount", "name": "a", "namespace": ""}"#).unwrap();
        assert_eq!(account.read(Some("shop")).unwrap().to_string(), "ServiceAccount:shop/a");
        assert_eq!(account.read(None), None);
    }

    #[test]
    fn callers_without_credentials_are_not_authenticated() {
        assert_eq!(Subject::User(ANONYMOUS.to_owned()).implicit_groups(), [UNAUTHENTICATED]);
        assert!(Subject::Group(UNAUTHENTICATED.to_owned()).implicit_groups().is_empty());
        assert_eq!(Subject::User("system:node:one".to_owned()).node(), Some("one"));
    }
}
