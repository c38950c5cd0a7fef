//! A set of policies and exceptions, named by what it says.
//!
//! Files hold documents of our group, `Policy` and `PolicyException`, and policies in other forms ([`crate::user_policies`]) with their
//! bindings and parameters. A document that cannot be used becomes a [`Fault`] with file, line
//! and column, and takes no other down. Whether a set with faults may replace one without is for the caller to decide; the set says
//! what is wrong with it.

mod lines;
mod load;

use records::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::exception::{Exception, Standing};
use crate::pattern::Pattern;
use crate::pod_security::LevelVersion;
use crate::rules::{self, Rule};
use crate::user_policies::UserPolicies;

pub use load::{API_VERSION, is_example_file};

/// What becomes of a request that goes against a policy. The words of Kubernetes' `ValidatingAdmissionPolicyBinding`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// It is refused.
    #[default]
    Deny,
    /// It goes on with a warning.
    Warn,
    /// It goes on; the violation is recorded.
    Audit,
}

/// In which namespaces a policy holds. Empty: in all. An object that does not say its namespace is covered by every policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Match {
    namespaces: Vec<Pattern>,
    exclude_namespaces: Vec<Pattern>,
}

impl Match {
    pub(crate) fn covers(&self, namespace: &str) -> bool {
        let listed = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(namespace));
        namespace.is_empty()
            || ((self.namespaces.is_empty() || listed(&self.namespaces)) && !listed(&self.exclude_namespaces))
    }
}

/// A policy: a rule with parameters, where it holds, and what becomes of violations.
#[derive(Debug)]
pub struct Policy {
    /// Its name, unique in the set.
    pub name: String,
    /// Name of the rule.
    pub rule_name: &'static str,
    /// What becomes of violations.
    pub action: Action,
    /// Where it holds.
    pub scope: Match,
    /// The file that it came from; empty when it came from none.
    pub file: String,
    pub(crate) rule: Box<dyn Rule>,
}

impl Policy {
    fn canonical(&self) -> serde_json::Value {
        json!({
            "name": self.name,
            "rule": self.rule_name,
            "action": self.action,
            "match": self.scope,
            "parameters": self.rule.parameters(),
        })
    }
}

/// Something of the files that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// Policies and exceptions.
#[derive(Debug)]
pub struct PolicySet {
    policies: Vec<Policy>,
    exceptions: Vec<Exception>,
    user_policies: UserPolicies,
    faults: Vec<Fault>,
    digest: String,
}

impl PolicySet {
    /// Reads files of policies and exceptions, each with the name by which faults call it.
    #[must_use]
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        load::load(files)
    }

    /// The set with the Pod Security Standards at a level added, as a policy called `pod-security` that denies.
    ///
    /// A policy of that name in the set makes a fault, and stays.
    #[must_use]
    pub fn with_pod_security(self, standard: LevelVersion) -> Self {
        let taken = self.has(rules::POD_SECURITY);
        let Self { mut policies, exceptions, user_policies, mut faults, .. } = self;
        if taken {
            let message = "the name pod-security is taken by the level that was asked for beside the files".to_owned();
            faults.push(Fault { file: String::new(), line: 1, column: 1, message });
        } else {
            policies.push(Policy {
                name: rules::POD_SECURITY.to_owned(),
                rule_name: rules::POD_SECURITY,
                action: Action::Deny,
                scope: Match::default(),
                file: String::new(),
                rule: Box::new(rules::PodSecurity::from(standard)),
            });
        }
        Self::assemble(policies, exceptions, user_policies, faults)
    }

    /// Sorted by name, so that neither files' names nor their order are part of what the set is.
    fn assemble(
        mut policies: Vec<Policy>,
        mut exceptions: Vec<Exception>,
        user_policies: UserPolicies,
        faults: Vec<Fault>,
    ) -> Self {
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        exceptions.sort_by(|a, b| a.name.cmp(&b.name));
        let mut set = Self { policies, exceptions, user_policies, faults, digest: String::new() };
        set.digest = hex::encode(Sha256::digest(set.canonical().as_bytes()));
        set
    }

    /// The canonical form: JSON without white space, keys and names sorted, defaults written out. Faults are not part of it.
    #[must_use]
    pub fn canonical(&self) -> String {
        let policies: Vec<_> = self.policies.iter().map(Policy::canonical).collect();
        let mut canonical = json!({ "policies": policies, "exceptions": self.exceptions });
        if let Some(members) = canonical.as_object_mut() {
            members.extend(self.user_policies.canonical().map(|(name, documents)| (name.to_owned(), json!(documents))));
        }
        canonical.to_string()
    }

    /// SHA-256 of the canonical form, hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The policies in our form, sorted by name.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The policies in Kubernetes', Kyverno's and Gatekeeper's form.
    #[must_use]
    pub fn user_policies(&self) -> &UserPolicies {
        &self.user_policies
    }

    /// Number of policies of all forms; of Gatekeeper's, each constraint is one.
    #[must_use]
    pub fn policy_count(&self) -> usize {
        let constraints = self.user_policies.gatekeeper().iter().map(|governed| governed.constraints().count());
        self.policies.len() + self.user_policies.policies().len() + constraints.sum::<usize>()
    }

    /// Whether there is no policy of any form.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty() && self.user_policies.is_empty()
    }

    /// Whether a policy of any form has this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.policies.iter().any(|policy| policy.name == name) || self.user_policies.has(name)
    }

    /// The exceptions, sorted by name, also those that are not in force.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// What of the files is not used.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Names that exceptions give for policies and that the set has not. Such an exception may be misspelled, or left over.
    pub fn unknown_policies(&self) -> impl Iterator<Item = (&Exception, &str)> {
        let known = |named: &str| {
            let policy = named.split_once('/').map_or(named, |(policy, _)| policy);
            self.has(policy)
        };
        self.exceptions.iter().flat_map(move |exception| {
            exception
                .spec
                .policies
                .iter()
                .filter(move |named| !known(named))
                .map(move |named| (exception, named.as_str()))
        })
    }

    /// Exceptions that are not applied at the time, with the reason.
    pub fn not_in_force(&self, now: Timestamp) -> impl Iterator<Item = (&Exception, Standing)> {
        let with_standing = move |exception| (exception, Exception::standing(exception, now));
        self.exceptions.iter().map(with_standing).filter(|(_, standing)| *standing != Standing::InForce)
    }
}
