//! The answer to a request, and why.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::policy_set::Action;

/// What becomes of the request, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It goes on.
    Allow,
    /// It goes on, with warnings.
    Warn,
    /// It is refused.
    Deny,
    /// It could not be judged. Never the same as allowed: who asks decides what becomes of it.
    Error,
}

impl Verdict {
    /// Its name in output and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

/// One way in which a request goes against a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The policy's name, with `/<check>` for policies that consist of several checks; of a constraint, `<kind>/<name>`.
    pub policy: String,
    /// The binding by which a policy in Kubernetes' form holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// Path of the field, in the coordinates of the object that was sent; empty for policies in others' forms, which name none.
    pub path: String,
    /// The path, what is there, and what is allowed.
    pub message: String,
    /// What the policy asks for. `Warn` in place of `Deny` where the update of an object changed nothing that is judged.
    pub action: Action,
    /// Name of the rule, whose page explains it; for a policy in another's form, the kind of its document.
    pub rule: &'static str,
}

/// What an exception let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excepted {
    /// The exception's name.
    pub exception: String,
    /// What would have counted.
    pub violations: Vec<Violation>,
}

/// An exception that would have fitted, had it been in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotApplied {
    /// The exception's name.
    pub exception: String,
    /// Why it is not in force.
    pub reason: String,
}

/// The decision on one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What becomes of the request.
    pub verdict: Verdict,
    /// What it would have been without exceptions.
    pub verdict_without_exceptions: Verdict,
    /// What counts against the request, of policies that deny, warn and only record.
    pub violations: Vec<Violation>,
    /// How many more violations there were of policies that have as many listed as are kept.
    pub omitted: usize,
    /// What exceptions let through.
    pub excepted: Vec<Excepted>,
    /// Exceptions that were not applied because they are expired or self-approved.
    pub not_applied: Vec<NotApplied>,
    /// What policies in Kubernetes' form want written to the audit event, by the keys that the API server uses.
    pub audit_annotations: BTreeMap<String, String>,
    /// Why nothing was judged, or what was wrong with the request.
    pub note: Option<String>,
    /// SHA-256 of the policy set, hexadecimal.
    pub policy_set: String,
}

impl Decision {
    /// A decision without findings: nothing was judged, for this reason.
    #[must_use]
    pub fn plain(verdict: Verdict, note: impl Into<String>, policy_set: &str) -> Self {
        Self {
            verdict,
            verdict_without_exceptions: verdict,
            violations: Vec::new(),
            omitted: 0,
            excepted: Vec::new(),
            not_applied: Vec::new(),
            audit_annotations: BTreeMap::new(),
            note: Some(note.into()),
            policy_set: policy_set.to_owned(),
        }
    }

    /// The text for the one who sent a refused request: every message that denies, with where to read about its rule; else the note.
    #[must_use]
    pub fn message(&self) -> String {
        let denying: Vec<String> = self
            .violations
            .iter()
            .filter(|violation| violation.action == Action::Deny)
            .map(|violation| match crate::rules::find(violation.rule) {
                Some(rule) => {
                    let page = crate::rules::page_path(rule.name);
                    format!("{}: {} (see {page})", violation.policy, violation.message)
                }
                None => format!("{}: {}", violation.policy, violation.message),
            })
            .collect();
        if denying.is_empty() { self.note.clone().unwrap_or_default() } else { denying.join("; ") }
    }

    /// The warnings for the one who sent the request: what policies only warn of or record.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let milder = self.violations.iter().filter(|violation| violation.action != Action::Deny);
        milder.map(|violation| format!("{}: {}", violation.policy, violation.message))
    }
}
