//! What came of a request, and what the API server would say of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::policy::FailurePolicy;

/// Why a request is refused, as the API's status has it. Without a reason it is `Invalid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reason {
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 422.
    #[default]
    Invalid,
    /// 413.
    RequestEntityTooLarge,
}

impl Reason {
    /// From the word of the API.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "Unauthorized" => Self::Unauthorized,
            "Forbidden" => Self::Forbidden,
            "Invalid" => Self::Invalid,
            "RequestEntityTooLarge" => Self::RequestEntityTooLarge,
            _ => return None,
        })
    }

    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::Invalid => "Invalid",
            Self::RequestEntityTooLarge => "RequestEntityTooLarge",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Invalid => 422,
            Self::RequestEntityTooLarge => 413,
        }
    }
}

/// `validationActions` of a binding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actions {
    /// The request is refused.
    pub deny: bool,
    /// The client is warned.
    pub warn: bool,
    /// The failure is written to the audit event.
    pub audit: bool,
    /// The words in the order of the binding, as the audit annotation repeats them.
    pub(crate) written: Vec<String>,
}

/// What a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The validation with this number, from 0.
    Validation(usize),
    /// The match conditions together.
    MatchConditions,
    /// The audit annotation with this key.
    AuditAnnotation(String),
    /// What the policy or binding refers to: a namespace or a parameter.
    Configuration,
    /// The Namespace object, which the policy looks at and which is unknown.
    Namespace,
}

/// How it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The validation holds.
    Pass,
    /// It does not hold.
    Violation {
        /// What to tell the client.
        message: String,
        /// Why.
        reason: Reason,
    },
    /// It could not be evaluated. What that means is up to the failure policy.
    Error {
        /// What went wrong.
        message: String,
    },
}

/// One verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// How it was judged.
    pub verdict: Verdict,
}

/// What a policy said of the request through one binding and one parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The kind of the policy's document: `ValidatingAdmissionPolicy`, or Kyverno's `ValidatingPolicy`.
    pub kind: &'static str,
    /// The policy's name.
    pub policy: Arc<str>,
    /// The binding's name; none when the policy itself could not be matched.
    pub binding: Option<Arc<str>>,
    /// The parameter, as `namespace/name` or `name`.
    pub parameter: Option<String>,
    /// What the binding does with violations.
    pub actions: Actions,
    /// What the policy does with errors.
    pub failure_policy: FailurePolicy,
    /// Whether the policy or the binding selects by the labels of a namespace that is [`super::Namespace::Unknown`]: the request was
    /// taken to be selected.
    pub assumed: bool,
    /// The verdicts, in the order of the validations; none when a match condition did not hold.
    pub findings: Vec<Finding>,
    /// The policy's own audit annotations: keys without the policy's name, and values.
    pub audit_annotations: Vec<(String, String)>,
}

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect<'f> {
    /// Nothing: it passed, or went wrong in a policy that ignores failures.
    Nothing,
    /// What the binding's actions say, with the message and the reason.
    Acted(&'f str, Reason),
    /// It is refused, whatever the actions.
    Refused(&'f str),
}

impl Decision {
    /// What follows from one of its findings.
    #[must_use]
    pub fn effect<'f>(&self, finding: &'f Finding) -> Effect<'f> {
        match (&finding.verdict, &finding.subject, self.failure_policy) {
            (Verdict::Violation { message, reason }, ..) => Effect::Acted(message, *reason),
            (Verdict::Pass, ..) | (Verdict::Error { .. }, _, FailurePolicy::Ignore) => Effect::Nothing,
            (
                Verdict::Error { message },
                Subject::AuditAnnotation(_) | Subject::Configuration | Subject::Namespace,
                _,
            ) => Effect::Refused(message),
            (Verdict::Error { message }, ..) => Effect::Acted(message, Reason::Invalid),
        }
    }

    /// Whether it refuses the request.
    #[must_use]
    pub fn denies(&self) -> bool {
        self.denial().is_some()
    }

    fn denial(&self) -> Option<Denial> {
        self.findings
            .iter()
            .find_map(|finding| match self.effect(finding) {
                Effect::Acted(message, reason) if self.actions.deny => Some((message, reason)),
                Effect::Refused(message) => Some((message, Reason::Invalid)),
                _ => None,
            })
            .map(|(message, reason)| Denial {
                message: match &self.binding {
                    Some(binding) => {
                        format!("{} '{}' with binding '{binding}' denied request: {message}", self.kind, self.policy)
                    }
                    None => format!("{} '{}' denied request: {message}", self.kind, self.policy),
                },
                reason,
            })
    }
}

/// A refusal, in the API server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The message of the status.
    pub message: String,
    /// The reason, which gives the code too.
    pub reason: Reason,
}

/// What all policies said of one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// One for each policy, binding and parameter that the request matched, in the order of names.
    pub decisions: Vec<Decision>,
}

/// An entry of the audit annotation `validation.policy.admission.k8s.io/validation_failure`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditedFailure<'o> {
    message: &'o str,
    policy: &'o str,
    binding: &'o str,
    expression_index: usize,
    validation_actions: &'o [String],
}

/// The most failures that the audit annotation lists, and the most bytes of the value of one of a policy's own.
const MAX_AUDITED: usize = 50;
const MAX_ANNOTATION: usize = 10 * 1024;

impl Outcome {
    /// The first refusal; none when the request is admitted.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.decisions.iter().find_map(Decision::denial)
    }

    /// Warnings for the client.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for decision in self.decisions.iter().filter(|d| d.actions.warn) {
            let binding = decision.binding.as_deref().unwrap_or_default();
            for finding in &decision.findings {
                if let Effect::Acted(message, _) = decision.effect(finding) {
                    warnings.push(format!(
                        "Validation failed for {} '{}' with binding '{binding}': {message}",
                        decision.kind, decision.policy
                    ));
                }
            }
        }
        warnings
    }

    /// Annotations for the audit event, with the API server's keys.
    #[must_use]
    pub fn audit_annotations(&self) -> BTreeMap<String, String> {
        let mut own: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for decision in &self.decisions {
            for (key, value) in &decision.audit_annotations {
                let values = own.entry(format!("{}/{key}", decision.policy)).or_default();
                let value = cut(value);
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        let mut annotations: BTreeMap<_, _> = own.into_iter().map(|(key, values)| (key, values.join(", "))).collect();
        let failures = self.audited();
        if !failures.is_empty() {
            let value = serde_json::to_string(&failures).unwrap_or_default();
            annotations.insert("validation.policy.admission.k8s.io/validation_failure".to_owned(), value);
        }
        annotations
    }

    fn audited(&self) -> Vec<AuditedFailure<'_>> {
        let mut failures = Vec::new();
        for decision in self.decisions.iter().filter(|d| d.actions.audit) {
            for finding in &decision.findings {
                if let Effect::Acted(message, _) = decision.effect(finding) {
                    failures.push(AuditedFailure {
                        message,
                        policy: &decision.policy,
                        binding: decision.binding.as_deref().unwrap_or_default(),
                        expression_index: if let Subject::Validation(number) = finding.subject { number } else { 0 },
                        validation_actions: &decision.actions.written,
                    });
                }
            }
        }
        failures.truncate(MAX_AUDITED);
        failures
    }
}

fn cut(value: &str) -> &str {
    let end = (0..=MAX_ANNOTATION.min(value.len())).rev().find(|at| value.is_char_boundary(*at));
    &value[..end.unwrap_or(0)]
}
