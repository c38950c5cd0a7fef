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
