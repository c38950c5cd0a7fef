//! One policy through one binding: match conditions, validations, messages, audit annotations
//! (`k8s.io/apiserver`, `admission/plugin/policy/validating`).

use std::sync::Arc;

use super::environment::{NAMESPACE_ROOT, ROOTS};
use super::evaluate::{Input, Limits, Namespace};
use super::outcome::{Decision, Finding, Subject, Verdict};
use super::parameters::Parameter;
use super::policy::{Binding, Check, Message, Policy};
use crate::compile::Expression;
use crate::evaluate::Variables;
use crate::failure::Failure;
use crate::functions::pattern::PatternCache;
use crate::meter::{Meter, PER_EXPRESSION, PER_POLICY};
use crate::value::Value;

/// Units that the match conditions of one evaluation may use together: Kubernetes' limit.
const PER_CONDITIONS: u64 = 2_500_000;

/// The longest message that an expression may give, in bytes; a longer one is not used.
const MAX_MESSAGE: usize = 5 * 1024;

pub(super) fn evaluate_policy(
    policy: &Policy,
    binding: &Binding,
    parameter: Option<&Parameter>,
    input: &Input<'_>,
    limits: &Limits<'_>,
    patterns: &PatternCache,
) -> Decision {
    let mut decision = Decision {
        kind: policy.kind,
        policy: Arc::clone(&policy.written.name),
        binding: Some(Arc::clone(&binding.written.name)),
        parameter: parameter.map(Parameter::label),
        actions: binding.actions.clone(),
        failure_policy: policy.failure_policy,
        assumed: false,
        findings: Vec::new(),
        audit_annotations: Vec::new(),
    };
    let request = input.request;
    let roots: [Value; ROOTS] = [
        request.object.clone(),
        request.old_object.clone(),
        request.value.clone(),
        // Match conditions do not see the namespace.
        Value::Null,
        parameter.map_or(Value::Null, |p| p.value.clone()),
    ];
    let mut meter = Meter::new(PER_CONDITIONS, limits.expired, patterns);
    match conditions(policy, &roots, &mut meter) {
        Ok(true) => {}
        Ok(false) => return decision,
        Err(message) => {
            decision.findings.push(Finding { subject: Subject::MatchConditions, verdict: Verdict::Error { message } });
            return decision;
        }
    }
    let mut roots = roots;
    roots[NAMESPACE_ROOT] = match input.namespace {
        Namespace::Known(namespace) => namespace.clone(),
        Namespace::None | Namespace::Unknown => Value::Null,
    };

    let mut variables = Variables::new(&policy.variables);
    let mut meter = Meter::new(PER_POLICY, limits.expired, patterns);
    for (number, validation) in policy.validations.iter().enumerate() {
        let verdict = validate(validation, &roots, &mut variables, &mut meter);
        decision.findings.push(Finding { subject: Subject::Validation(number), verdict });
    }
    let mut meter = Meter::new(PER_POLICY, limits.expired, patterns);
    for (key, expression) in &policy.audit_annotations {
        let message = match evaluate(expression, &roots, &mut variables, &mut meter) {
            Ok(Value::Text(text)) => {
                if !text.trim().is_empty() {
                    decision.audit_annotations.push((key.clone(), text.trim().to_owned()));
                }
                continue;
            }
            Ok(Value::Null) => continue,
            Ok(other) => format!(
                "valueExpression {:?} gave a {}, expected a string or null",
                expression.text(),
                other.type_name()
            ),
            Err(failure) => explained(expression, &failure),
        };
        let subject = Subject::AuditAnnotation(key.clone());
        decision.findings.push(Finding { subject, verdict: Verdict::Error { message } });
    }
    decision
}

fn evaluate(
    expression: &Expression,
    roots: &[Value],
    variables: &mut Variables<'_>,
    meter: &mut Meter<'_>,
) -> Result<Value, Failure> {
    meter.share(PER_EXPRESSION, |meter| expression.evaluate_with(roots, variables, meter))
}

fn explained(expression: &Expression, failure: &Failure) -> String {
    format!("expression '{}' resulted in error: {failure}", expression.text().trim())
}

/// Whether all conditions hold. One that does not hold decides, whatever errors others gave.
fn conditions(policy: &Policy, roots: &[Value], meter: &mut Meter<'_>) -> Result<bool, String> {
    let mut errors = Vec::new();
    for condition in &policy.conditions {
        match evaluate(&condition.expression, roots, &mut Variables::new(&[]), meter) {
            Ok(Value::Bool(true)) => {}
            Ok(Value::Bool(false)) => return Ok(false),
            Ok(other) => errors.push(format!("match condition {:?} gave a {}", condition.name, other.type_name())),
            Err(failure) => errors.push(explained(&condition.expression, &failure)),
        }
    }
    // Where failures are ignored it is a finding all the same, from which nothing follows: that a policy was skipped can be told.
    if errors.is_empty() { Ok(true) } else { Err(errors.join(", ")) }
}

fn validate(check: &Check, roots: &[Value], variables: &mut Variables<'_>, meter: &mut Meter<'_>) -> Verdict {
    match evaluate(&check.expression, roots, variables, meter) {
        Ok(Value::Bool(true)) => Verdict::Pass,
        Ok(Value::Bool(false)) => {
            Verdict::Violation { message: message(&check.message, roots, variables, meter), reason: check.reason }
        }
        Ok(other) => Verdict::Error {
            message: format!(
                "expression '{}' gave a {}, expected a bool",
                check.expression.text().trim(),
                other.type_name()
            ),
        },
        Err(failure) => Verdict::Error { message: explained(&check.expression, &failure) },
    }
}

fn message(message: &Message, roots: &[Value], variables: &mut Variables<'_>, meter: &mut Meter<'_>) -> String {
    let composed = message.expression.as_ref().and_then(|e| evaluate(e, roots, variables, meter).ok());
    let usable = composed.as_ref().and_then(Value::as_text).map(str::trim);
    match usable.filter(|text| !text.is_empty() && text.len() <= MAX_MESSAGE && !text.contains('\n')) {
        Some(text) => text.to_owned(),
        None => message.fallback.to_string(),
    }
}
