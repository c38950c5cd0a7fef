//! Roles as they are stored: rules, labels, and what an aggregated ClusterRole is to be filled from.

use serde::Deserialize;
use serde_json::Value;

use super::rules::Rule;
use crate::selector::{LabelSelector, Labels};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    labels: Option<Labels>,
}

impl Metadata {
    /// Whether it carries the label of the objects that an API server creates at its start.
    pub(crate) fn is_of_bootstrapping(&self) -> bool {
        self.labels.iter().flatten().any(|(k, v)| k == "kubernetes.io/bootstrapping" && v == "rbac-defaults")
    }
}

/// The body of a Role or ClusterRole.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RoleBody {
    metadata: Metadata,
    rules: Option<Vec<Value>>,
    aggregation_rule: Option<Aggregation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Aggregation {
    cluster_role_selectors: Option<Vec<LabelSelector>>,
}

/// One Role or ClusterRole.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Namespace of a Role; `None` for a ClusterRole.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// Rules that are in force, with the text that they stand as.
    pub rules: Vec<Rule>,
    /// The same rules as JSON, one for each of [`Role::rules`].
    pub rules_json: Vec<Value>,
    /// Selectors of the ClusterRoles that it is filled from; `None` when it is not aggregated. One that matches is enough.
    pub aggregation: Option<Vec<LabelSelector>>,
    /// Whether it is one that Kubernetes itself creates: by its label and its name.
    pub built_in: bool,
}

impl Role {
    /// Reads a role. What has another form than the API's gives no rights.
    pub(crate) fn new(namespace: Option<&str>, name: &str, body: RoleBody) -> Self {
        let rules_json = body.rules.unwrap_or_default();
        Self {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            built_in: body.metadata.is_of_bootstrapping() && is_default_role_name(name),
            labels: body.metadata.labels.unwrap_or_default(),
            rules: rules_json.iter().map(Rule::read).collect(),
            rules_json,
            aggregation: body.aggregation_rule.map(|rule| rule.cluster_role_selectors.unwrap_or_default()),
        }
    }

    /// `Role:namespace/name` or `ClusterRole:name`.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.namespace.as_deref(), &self.name)
    }
}

/// `Role:namespace/name` or, without a namespace, `ClusterRole:name`.
pub(crate) fn label(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("Role:{namespace}/{name}"),
        None => format!("ClusterRole:{name}"),
    }
}

/// Anybody who may write roles may set the label of Kubernetes' own: so the name must be one of theirs, too.
fn is_default_role_name(name: &str) -> bool {
    name.starts_with("system:")
        || matches!(name, "cluster-admin" | "admin" | "edit" | "view" | "extension-apiserver-authentication-reader")
}
