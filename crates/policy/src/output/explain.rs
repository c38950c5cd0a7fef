//! What a rule asks for, or what a policy of a set does.

use std::fmt::Write;

use expressions::{Binding, FailurePolicy, Policy};

use super::printable;
use crate::policy_set::PolicySet;
use crate::rules;
use crate::user_policies;

/// The page of a rule, the page about policies in others' form (by the kind of such a policy, as violations name it), or, of a set, what
/// a policy of it does. Nothing when there is none of that name.
#[must_use]
pub fn explain(set: Option<&PolicySet>, name: &str) -> Option<String> {
    if let Some(set) = set {
        if let Some((policy, bindings)) = set.user_policies().policies().iter().find(|(p, _)| p.name() == name) {
            return Some(user_policy(policy, bindings));
        }
        let kind = name.split('/').next().unwrap_or(name);
        let mut governed = set.user_policies().gatekeeper().iter();
        if let Some(governed) = governed.find(|governed| governed.template().kind() == kind) {
            return Some(template(governed));
        }
        if let Some(policy) = set.policies().iter().find(|policy| policy.name == name) {
            return rules::find(policy.rule_name).map(|rule| rule.page.to_owned());
        }
    }
    if matches!(name, "own-policies" | "ValidatingAdmissionPolicy" | "ValidatingPolicy") {
        return Some(user_policies::PAGE.to_owned());
    }
    if matches!(name, "gatekeeper" | "ConstraintTemplate" | user_policies::CONSTRAINT) {
        return Some(user_policies::GATEKEEPER_PAGE.to_owned());
    }
    // Violations name a policy and a check of it; both are explained by the rule's page.
    let rule = name.split('/').next().unwrap_or(name);
    rules::find(rule).map(|rule| rule.page.to_owned())
}

fn template(governed: &rego::Governed) -> String {
    let mut out = format!(
        "# {}\n\nConstraintTemplate; what cannot be evaluated is a violation.\n\n## Constraints\n\n",
        governed.template().kind()
    );
    for constraint in governed.constraints() {
        let action = match constraint.action() {
            rego::Action::Deny => "deny",
            rego::Action::Warn => "warn",
            rego::Action::DryRun => "dryrun",
        };
        let _ = writeln!(out, "- {}: {action}", printable(constraint.name()));
    }
    out
}

fn user_policy(policy: &Policy, bindings: &[Binding]) -> String {
    let failures = match policy.failure_policy() {
        FailurePolicy::Fail => "what cannot be evaluated is a violation (failurePolicy: Fail)",
        FailurePolicy::Ignore => "what cannot be evaluated is recorded and passes (failurePolicy: Ignore)",
    };
    let mut out = format!(
        "# {}\n\n{} in {}:{}; {failures}.\n\n## Bindings\n\n",
        printable(policy.name()),
        policy.kind(),
        printable(&policy.written().file),
        policy.written().line
    );
    for binding in bindings {
        let actions = binding.actions();
        let words = [(actions.deny, "Deny"), (actions.warn, "Warn"), (actions.audit, "Audit")];
        let words: Vec<_> = words.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word).collect();
        let _ = writeln!(out, "- {}: {}", printable(binding.name()), words.join(", "));
    }
    if bindings.is_empty() {
        out.push_str("None: it holds nowhere.\n");
    }
    out.push_str("\n## Validations\n\n");
    for (expression, message) in policy.validations() {
        let _ = writeln!(
            out,
            "- {}\n\n      {}\n",
            printable(message),
            printable(expression.trim()).replace('␤', "\n      ")
        );
    }
    out
}
