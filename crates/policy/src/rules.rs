//! The rules that policies name. Each has a page of documentation under `docs/policies/` whose examples are its tests.

mod host;
mod image;
mod privilege;
mod resources;
mod sessions;
mod standards;
mod token;
mod users;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::findings::Findings;
use crate::request::Request;
use crate::workload::pod::Pod;

pub(crate) use standards::PodSecurity;

/// Name of the rule of the Pod Security Standards.
pub(crate) const POD_SECURITY: &str = "pod-security";

/// A rule with its parameters.
pub(crate) trait Rule: fmt::Debug + Send + Sync {
    /// What of a pod, or of the template of one, goes against it.
    fn judge_pod(&self, _pod: &Pod, _findings: &mut Findings<'_>) {}

    /// What of a connection into a pod goes against it.
    fn judge_session(&self, _request: &Request<'_>, _findings: &mut Findings<'_>) {}

    /// The parameters, with defaults written out.
    fn parameters(&self) -> Value;
}

/// A rule as such, before parameters.
#[derive(Clone, Copy)]
pub struct RuleKind {
    /// Its name in policies.
    pub name: &'static str,
    /// Its page of documentation, in Markdown.
    pub page: &'static str,
    read: fn(Value) -> Result<Box<dyn Rule>, ReadRuleError>,
}

impl RuleKind {
    /// What it asks for, in one sentence: the first paragraph of its page.
    #[must_use]
    pub fn summary(&self) -> String {
        let paragraph =
            self.page.lines().skip(1).skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
        paragraph.collect::<Vec<_>>().join(" ")
    }
}

/// Why there is no rule with these parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadRuleError {
    #[error("there is no rule {name}")]
    Unknown { name: String },
    #[error("{path}: {message}")]
    Parameters { path: String, message: String },
}

macro_rules! rules {
    ($($name:literal => $rule:ty),+ $(,)?) => {
        const RULES: &[RuleKind] = &[$(RuleKind {
            name: $name,
            page: include_str!(concat!("../../../docs/policies/", $name, ".md")),
            read: boxed::<$rule>,
        }),+];
    };
}

rules! {
    "approved-base-image" => image::ApprovedBaseImage,
    "capabilities" => privilege::Capabilities,
    "immutable-tags" => image::ImmutableTags,
    "no-automounted-token" => token::NoAutomountedToken,
    "no-host-namespaces" => host::NoHostNamespaces,
    "no-host-path" => host::NoHostPath,
    "no-host-ports" => host::NoHostPorts,
    "no-pod-sessions" => sessions::NoPodSessions,
    "no-privileged" => privilege::NoPrivileged,
    "pod-security" => PodSecurity,
    "require-digest" => image::RequireDigest,
    "require-resources" => resources::RequireResources,
    "run-as-non-root" => users::RunAsNonRoot,
    "seccomp" => privilege::Seccomp,
    "trusted-registries" => image::TrustedRegistries,
}

/// All rules, sorted by name.
#[must_use]
pub fn all() -> &'static [RuleKind] {
    RULES
}

/// The rule of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static RuleKind> {
    RULES.iter().find(|rule| rule.name == name)
}

/// Where the page of a rule is in the repository.
#[must_use]
pub fn page_path(rule: &str) -> String {
    format!("docs/policies/{rule}.md")
}

/// The rule of this name with these parameters.
pub(crate) fn read(name: &str, parameters: Value) -> Result<(&'static str, Box<dyn Rule>), ReadRuleError> {
    let unknown = || ReadRuleError::Unknown { name: name.to_owned() };
    let kind = find(name).ok_or_else(unknown)?;
    Ok((kind.name, (kind.read)(parameters)?))
}

fn boxed<R: Rule + DeserializeOwned + 'static>(parameters: Value) -> Result<Box<dyn Rule>, ReadRuleError> {
    match serde_path_to_error::deserialize::<_, R>(parameters) {
        Ok(rule) => Ok(Box::new(rule)),
        Err(error) => {
            Err(ReadRuleError::Parameters { path: error.path().to_string(), message: error.inner().to_string() })
        }
    }
}

/// The canonical form of a rule's parameters.
fn written<R: Serialize>(rule: &R) -> Value {
    serde_json::to_value(rule).unwrap_or(Value::Null)
}

/// What is no list with at least one item.
fn at_least_one<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let items = Vec::<T>::deserialize(deserializer)?;
    if items.is_empty() { Err(serde::de::Error::custom("expected at least one item")) } else { Ok(items) }
}
