//! Exceptions from policies: for what, for whom, who is responsible, until when.
//!
//! A request under an exception is evaluated like any other; the decision says what would have counted. An exception that has
//! expired, or whose owner approved it alone, is not applied, and decisions say that it was not.

use std::fmt;

use records::Timestamp;
use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;
use crate::request::Request;

/// The CustomResourceDefinition of `PolicyException`, YAML: the API server then refuses what could not be used as an exception. An exception that has
/// expired can be stored; it is not applied.
pub const DEFINITION: &str = include_str!("exception/definition.yaml");

/// What an exception is for. An empty list of names or kinds is no restriction; namespaces must be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scope {
    pub(crate) namespaces: Vec<Pattern>,
    #[serde(default)]
    pub(crate) names: Vec<Pattern>,
    #[serde(default)]
    pub(crate) kinds: Vec<String>,
}

/// The part of a `PolicyException` that is stored under `spec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExceptionSpec {
    /// Names of policies, or `<policy>/<check>` for one check.
    pub policies: Vec<String>,
    /// What it is for.
    pub scope: Scope,
    /// Who answers for it.
    pub owner: String,
    /// Who approved it: somebody else.
    pub approver: String,
    /// Why it is needed.
    pub reason: String,
    /// From this instant on it is not applied.
    pub expires: Timestamp,
}

/// An exception with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// Its name, unique in the set.
    pub name: String,
    /// What it says.
    pub spec: ExceptionSpec,
}

/// Whether an exception is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    InForce,
    /// Its time is over.
    Expired(Timestamp),
    /// Owner and approver are one.
    SelfApproved,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InForce => f.write_str("in force"),
            Self::Expired(at) => write!(f, "expired at {at}"),
            Self::SelfApproved => f.write_str("approved by its own owner"),
        }
    }
}

impl Exception {
    /// Whether it is in force at the time.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        let plain = |person: &str| person.trim().to_lowercase();
        if plain(&self.spec.owner) == plain(&self.spec.approver) {
            Standing::SelfApproved
        } else if self.spec.expires <= now {
            Standing::Expired(self.spec.expires)
        } else {
            Standing::InForce
        }
    }

    /// Whether it is about this policy (by its name, or with the check) and this request. `name` is the object's name or, where the API
    /// server is to make one, what it begins with. A manifest that does not say its namespace is under no exception.
    pub(crate) fn fits(&self, policy: &str, with_check: &str, request: &Request<'_>, name: &str) -> bool {
        let Scope { namespaces, names, kinds } = &self.spec.scope;
        self.spec.policies.iter().any(|named| named == policy || named == with_check)
            && namespaces.iter().any(|pattern| !request.namespace.is_empty() && pattern.matches(&request.namespace))
            && (names.is_empty() || names.iter().any(|pattern| pattern.matches(name)))
            && (kinds.is_empty() || kinds.contains(&request.kind))
    }

    /// What is wrong with it besides its standing: path below `spec`, and why.
    pub(crate) fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let spec = &self.spec;
        let mut faults = Vec::new();
        for (path, value) in [("owner", &spec.owner), ("approver", &spec.approver), ("reason", &spec.reason)] {
            if value.trim().is_empty() {
                faults.push((path, "is empty"));
            }
        }
        if spec.policies.is_empty() {
            faults.push(("policies", "names no policy"));
        }
        if spec.scope.namespaces.is_empty() {
            faults.push(("scope.namespaces", "names no namespace"));
        }
        if spec.scope.namespaces.iter().any(Pattern::is_everything) {
            faults.push((
                "scope.namespaces",
                "is every namespace: what holds nowhere is no policy; change the policy instead",
            ));
        }
        faults
    }
}
