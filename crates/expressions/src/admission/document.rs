//! The documents as they are written: `ValidatingAdmissionPolicy` and `ValidatingAdmissionPolicyBinding` of
//! `admissionregistration.k8s.io/v1` (Kubernetes API reference). Fields that they do not have are refused, since a mistyped field would
//! otherwise weaken a policy silently.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyDocument {
    pub(crate) metadata: Metadata,
    pub(crate) spec: PolicySpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PolicySpec {
    pub(crate) param_kind: Option<ParamKind>,
    pub(crate) match_constraints: Option<Spanned<MatchResources>>,
    #[serde(default)]
    pub(crate) validations: Vec<Validation>,
    pub(crate) failure_policy: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) audit_annotations: Vec<AuditAnnotation>,
    #[serde(default)]
    pub(crate) match_conditions: Vec<NamedExpression>,
    #[serde(default)]
    pub(crate) variables: Vec<NamedExpression>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ParamKind {
    pub(crate) api_version: Spanned<String>,
    pub(crate) kind: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Validation {
    pub(crate) expression: Spanned<String>,
    pub(crate) message: Option<Spanned<String>>,
    pub(crate) message_expression: Option<Spanned<String>>,
    pub(crate) reason: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AuditAnnotation {
    pub(crate) key: Spanned<String>,
    pub(crate) value_expression: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NamedExpression {
    pub(crate) name: Spanned<String>,
    pub(crate) expression: Spanned<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MatchResources {
    pub(crate) namespace_selector: Option<LabelSelector>,
    pub(crate) object_selector: Option<LabelSelector>,
    #[serde(default)]
    pub(crate) resource_rules: Vec<Rule>,
    #[serde(default)]
    pub(crate) exclude_resource_rules: Vec<Rule>,
    pub(crate) match_policy: Option<Spanned<String>>,
}

/// A rule with operations and names.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default)]
    pub(crate) resource_names: Vec<String>,
    pub(crate) operations: Spanned<Vec<String>>,
    pub(crate) api_groups: Spanned<Vec<String>>,
    pub(crate) api_versions: Spanned<Vec<String>>,
    pub(crate) resources: Spanned<Vec<String>>,
    pub(crate) scope: Option<Spanned<String>>,
}

#[derive(Deserialize, Clone, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LabelSelector {
    #[serde(default)]
    pub(crate) match_labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) match_expressions: Option<Vec<Requirement>>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Requirement {
    pub(crate) key: String,
    pub(crate) operator: Spanned<String>,
    #[serde(default)]
    pub(crate) values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BindingDocument {
    pub(crate) metadata: Metadata,
    pub(crate) spec: BindingSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BindingSpec {
    pub(crate) policy_name: Spanned<String>,
    pub(crate) param_ref: Option<Spanned<ParamRef>>,
    pub(crate) match_resources: Option<Spanned<MatchResources>>,
    pub(crate) validation_actions: Spanned<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ParamRef {
    pub(crate) name: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) selector: Option<LabelSelector>,
    pub(crate) parameter_not_found_action: Option<Spanned<String>>,
}
