//! Answers about rights at one instant, as plain texts: what the analysis finds and reports print.

/// A rule that a subject holds, and by what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldRule {
    /// The subject: `User:name`, `Group:name` or `ServiceAccount:namespace/name`.
    pub subject: String,
    /// Namespace that it is limited to; `None` for the whole cluster.
    pub namespace: Option<String>,
    /// What is allowed, in one line: `get,list pods,secrets named a`, `get /metrics`, or `everything`.
    pub permission: String,
    /// The binding: `ClusterRoleBinding:name` or `RoleBinding:namespace/name`; empty where no binding is needed.
    pub binding: String,
    /// The role: `ClusterRole:name` or `Role:namespace/name`; empty where no role is needed.
    pub role: String,
    /// The subject that the binding names: the subject itself, or a group that it is in.
    pub through: String,
}

/// A rule that a subject holds at one of two instants only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccessChange {
    /// Whether it came; else it went.
    pub added: bool,
    /// What.
    pub held: HeldRule,
}

/// Verbs that Kubernetes' own authorizers, plugins and controllers ask about, of resources and of paths.
const VERBS: [&str; 22] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "bind",
    "escalate",
    "impersonate",
    "use",
    "approve",
    "sign",
    "attest",
    "post",
    "put",
    "head",
    "options",
    "request-serviceaccounts-token-audience",
    "request-serviceaccounts-podcertificate-signer",
    "*",
];

/// Whether Kubernetes itself asks about this verb. Others may ask about any other; far more often one that is not known is one that was written wrong.
#[must_use]
pub fn is_known_verb(verb: &str) -> bool {
    VERBS.contains(&verb) || verb.starts_with("impersonate:") || verb.starts_with("impersonate-on:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_known_as_they_are_written() {
        for (verb, known) in [
            ("get", true),
            ("deletecollection", true),
            ("impersonate-on:user-info:delete", true),
            ("gett", false),
            ("GET", false),
            ("read", false),
            ("", false),
        ] {
            assert_eq!(is_known_verb(verb), known, "{verb}");
        }
    }
}
