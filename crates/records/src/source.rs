//! Names of sources: the streams that evidence arrives in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// The name of a source: `<origin>/<class>/<detail>`, for example `prod/audit/apiserver-1` or
/// `prod/watch/rolebindings.rbac.authorization.k8s.io`.
///
/// Three parts separated by `/`, each 1 to 128 characters of `a-z 0-9 . _ : -`, the first part being the cluster (or the
/// forge, or `people`, or `plimsoll` for the product itself). Lower case only, so that a source has one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SourceName(String);

/// What kind of evidence a source carries: the second part of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceClass {
    /// Events of one API server's audit log; one event an entry.
    Audit,
    /// List and watch of one kind of object; one event an entry.
    Watch,
    /// What a component of Plimsoll states about itself and its sources ([`crate::Statement`]).
    Statements,
    /// Files that configure the control plane, as read (audit policy and the like).
    Configuration,
    /// Results of evaluations, appended as evidence.
    Evaluation,
    /// Decisions of people.
    People,
    /// Decisions of our admission webhook, and the policy sets that it loaded.
    Admission,
    /// Encryption at rest: scans of etcd, what API servers count of it, descriptions of managed clusters.
    Encryption,
    /// Lists of the people who work here and who no longer do, as personnel or identity management has them.
    Identities,
    /// Readings of git repositories: what was found in every version of every file, not the files.
    Repositories,
    /// Logs of containers: what was looked through and what was found in it, not the lines.
    Logs,
    /// Lists of what was approved, as a system of tickets or of code reviews has them.
    Approvals,
}

/// Why a text is no source name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{text:?} is not a source name: expected <origin>/<class>/<detail> of a-z 0-9 . _ : - (each part at most 128 characters) with a class of audit, watch, statements, configuration, evaluation, people, admission, encryption, identities, repositories, logs or approvals"
)]
pub struct SourceNameError {
    /// The text, cut to 200 characters.
    pub text: String,
}

impl SourceName {
    /// Puts a name together from its parts.
    ///
    /// # Errors
    /// [`SourceNameError`] when a part is empty, too long or holds another character.
    pub fn new(origin: &str, class: SourceClass, detail: &str) -> Result<Self, SourceNameError> {
        format!("{origin}/{class}/{detail}").parse()
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first part: the cluster, mostly.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.0.split('/').next().expect("a source name has three parts by construction")
    }

    /// The class.
    #[must_use]
    pub fn class(&self) -> SourceClass {
        let text = self.0.split('/').nth(1).expect("a source name has three parts by construction");
        SourceClass::parse(text).expect("a source name's class is checked when it is made")
    }

    /// The last part.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.0.rsplit('/').next().expect("a source name has three parts by construction")
    }
}

impl SourceClass {
    /// All classes.
    pub const ALL: [SourceClass; 12] = [
        Self::Audit,
        Self::Watch,
        Self::Statements,
        Self::Configuration,
        Self::Evaluation,
        Self::People,
        Self::Admission,
        Self::Encryption,
        Self::Identities,
        Self::Repositories,
        Self::Logs,
        Self::Approvals,
    ];

    /// The class with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// Its name in a source name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Watch => "watch",
            Self::Statements => "statements",
            Self::Configuration => "configuration",
            Self::Evaluation => "evaluation",
            Self::People => "people",
            Self::Admission => "admission",
            Self::Encryption => "encryption",
            Self::Identities => "identities",
            Self::Repositories => "repositories",
            Self::Logs => "logs",
            Self::Approvals => "approvals",
        }
    }
}

impl fmt::Display for SourceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SourceName {
    type Err = SourceNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |p: &str| {
            (1..=128).contains(&p.len())
                && p.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b':' | b'-'))
        };
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        if parts.len() == 3 && parts.iter().all(|p| part(p)) && SourceClass::parse(parts[1]).is_some() {
            Ok(Self(text.to_owned()))
        } else {
            Err(SourceNameError { text: text.chars().take(200).collect() })
        }
    }
}

impl<'de> Deserialize<'de> for SourceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let name: SourceName = "prod/watch/roles.rbac.authorization.k8s.io".parse().unwrap();
        assert_eq!(
            (name.origin(), name.class(), name.detail()),
            ("prod", SourceClass::Watch, "roles.rbac.authorization.k8s.io")
        );
    }

    #[test]
    fn refuses_other_forms() {
        for text in [
            "",
            "a/b",
            "prod/audit/",
            "prod/audit/a/b",
            "prod/guess/a",
            "Prod/audit/a",
            "prod/audit/a b",
            "../audit/\n",
        ] {
            assert!(text.parse::<SourceName>().is_err(), "{text:?}");
        }
    }
}
