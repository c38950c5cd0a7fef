//! The document as it is written (Kyverno's `api/policies.kyverno.io`). Fields that only concern how Kyverno itself runs are read and not used.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use crate::admission::{AuditAnnotation, MatchResources, Metadata, NamedExpression, Validation};

#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) metadata: Metadata,
    pub(super) spec: Specification,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Specification {
    pub(super) match_constraints: Option<Spanned<MatchResources>>,
    #[serde(default)]
    pub(super) validations: Vec<IdentifiedValidation>,
    pub(super) failure_policy: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) audit_annotations: Vec<AuditAnnotation>,
    #[serde(default)]
    pub(super) match_conditions: Vec<NamedExpression>,
    #[serde(default)]
    pub(super) variables: Vec<NamedExpression>,
    pub(super) autogen: Option<Autogen>,
    pub(super) validation_actions: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(rename = "webhookConfiguration")]
    _webhook_configuration: Option<IgnoredAny>,
    pub(super) evaluation: Option<Evaluation>,
}

/// A validation, which can have an identifier for reports.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IdentifiedValidation {
    #[serde(rename = "identifier")]
    _identifier: Option<IgnoredAny>,
    expression: Spanned<String>,
    message: Option<Spanned<String>>,
    message_expression: Option<Spanned<String>>,
    reason: Option<Spanned<String>>,
}

impl IdentifiedValidation {
    pub(super) fn plain(&self) -> Validation {
        Validation {
            expression: self.expression.clone(),
            message: self.message.clone(),
            message_expression: self.message_expression.clone(),
            reason: self.reason.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Autogen {
    pub(super) pod_controllers: Option<PodControllers>,
    #[serde(rename = "validatingAdmissionPolicy")]
    _validating_admission_policy: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PodControllers {
    pub(super) controllers: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Evaluation {
    pub(super) mode: Option<Spanned<String>>,
    admission: Option<Enabled>,
    #[serde(rename = "background")]
    _background: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Enabled {
    enabled: Option<bool>,
}

impl Evaluation {
    /// Whether the policy is for admission at all.
    pub(super) fn admission_enabled(&self) -> bool {
        self.admission.as_ref().and_then(|a| a.enabled).unwrap_or(true)
    }
}
