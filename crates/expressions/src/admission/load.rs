//! Files to policies. A document that cannot be loaded is a fault, and takes nothing else with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use super::document::{
    AuditAnnotation, BindingDocument, LabelSelector, MatchResources, NamedExpression, ParamRef, PolicyDocument,
    Validation,
};
use super::environment::policy_environment;
use super::matching::Constraints;
use super::outcome::{Actions, Reason};
use super::parameters::{Choice, ParameterReference};
use super::policy::{Binding, Check, Condition, FailurePolicy, Message, Policies, Policy, Written};
use super::selector::Selector;
use crate::compile::{Environment, Expression};
use crate::fault::{Fault, Faults};

/// A file of one or more documents.
#[derive(Debug, Clone, Copy)]
pub struct SourceFile<'f> {
    /// How faults name it.
    pub name: &'f str,
    /// Its text: YAML or JSON.
    pub text: &'f str,
    /// The line of the file on which the text begins: 1, unless it is a part of a file.
    pub first_line: u64,
}

/// What files hold.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The policies and bindings without faults.
    pub policies: Policies,
    /// What was not loaded, in the order of files and lines.
    pub faults: Vec<Fault>,
    /// Documents of other kinds, which are not read: the file, the line and the kind of each.
    pub others: Vec<(String, u64, String)>,
}

/// The longest file, in bytes.
pub(crate) const MAX_FILE: usize = 4 * 1024 * 1024;

/// The most units that all expressions of one policy may need by their bounds.
pub(crate) const MAX_POLICY_BOUND: u64 = 50_000_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: Option<String>,
    kind: Option<String>,
}

/// What was found so far.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) policies: Vec<Policy>,
    pub(crate) bindings: Vec<Binding>,
}

impl Policies {
    /// Loads the policies and bindings of files: `ValidatingAdmissionPolicy` and `ValidatingAdmissionPolicyBinding` of
    /// `admissionregistration.k8s.io`, and `ValidatingPolicy` of `policies.kyverno.io`.
    #[must_use]
    pub fn load(files: &[SourceFile<'_>]) -> Loaded {
        let mut found = Found::default();
        let mut loaded = Loaded::default();
        for file in files {
            if file.text.len() > MAX_FILE {
                let message = format!("the file has {} bytes, more than {MAX_FILE}", file.text.len());
                loaded.faults.push(Fault { file: file.name.to_owned(), line: 0, column: 0, message });
                continue;
            }
            for (before, document) in documents(file.text) {
                let (before, document) = without_marker(before, document);
                if has_content(document) {
                    let before = file.first_line.saturating_sub(1) + before as u64;
                    load_document(file.name, before, document, &mut found, &mut loaded);
                }
            }
        }
        bind(found, &mut loaded);
        loaded.faults.sort();
        loaded
    }
}

/// The documents of a text of YAML, each with the marker that begins it and with the number of lines before it. A line that begins with
/// `---` begins a document wherever it stands, so that one bad document does not hide the next.
pub fn documents(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut lines = text.split_inclusive('\n').peekable();
    let (mut begin, mut before) = (0, 0);
    std::iter::from_fn(move || {
        let mut end = begin + lines.next()?.len();
        let mut count = 1;
        while let Some(line) = lines.next_if(|line| !begins_document(line)) {
            end += line.len();
            count += 1;
        }
        let document = (before, text.get(begin..end).unwrap_or_default());
        (begin, before) = (end, before + count);
        Some(document)
    })
}

fn begins_document(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

/// Without the marker, if it has a line of its own: a document is placed where it is written.
fn without_marker(before: usize, document: &str) -> (usize, &str) {
    match document.split_once('\n') {
        Some((first, rest)) if first.trim_end() == "---" => (before + 1, rest),
        _ => (before, document),
    }
}

/// Whether there is more in it than comments.
fn has_content(document: &str) -> bool {
    let is_written = |line: &str| !matches!(line.trim(), "" | "---") && !line.trim_start().starts_with('#');
    document.split_inclusive('\n').any(is_written)
}

/// Reads a document as a form; what is wrong is a fault.
pub(crate) fn read<T: DeserializeOwned>(text: &str, faults: &mut Faults<'_>) -> Option<T> {
    serde_saphyr::from_str(text).map_err(|error| faults.yaml(&error)).ok()
}

fn load_document(file: &str, before: u64, text: &str, found: &mut Found, loaded: &mut Loaded) {
    let mut faults = Faults::new(file, text, before);
    if let Some(head) = read::<Head>(text, &mut faults) {
        let (version, kind) = (head.api_version.unwrap_or_default(), head.kind.unwrap_or_default());
        match (version.split_once('/').map_or("", |(group, _)| group), kind.as_str()) {
            ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => {
                let policy = read(text, &mut faults).and_then(|document| policy(document, &mut faults));
                found.policies.extend(policy);
            }
            ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => {
                let binding = read(text, &mut faults).and_then(|document| binding(document, &mut faults));
                found.bindings.extend(binding);
            }
            ("policies.kyverno.io", "ValidatingPolicy" | "NamespacedValidatingPolicy") => {
                crate::kyverno::load(text, &kind, found, &mut faults);
            }
            _ => loaded.others.push((file.to_owned(), before + 1, kind)),
        }
    }
    loaded.faults.extend(faults.into_found());
}

/// Policies by name with their bindings. A name that is taken and a binding without its policy are faults.
fn bind(found: Found, loaded: &mut Loaded) {
    let mut by_name: BTreeMap<Arc<str>, (Policy, Vec<Binding>)> = BTreeMap::new();
    let fault =
        |at: &Written, message: String| Fault { file: at.file.clone(), line: at.line, column: at.column, message };
    for policy in found.policies {
        match by_name.get(&policy.written.name) {
            Some((first, _)) => {
                let message =
                    format!("the policy {} is defined in {} too; the first is kept", policy.name(), first.written.file);
                loaded.faults.push(fault(&policy.written, message));
            }
            None => {
                by_name.insert(Arc::clone(&policy.written.name), (policy, Vec::new()));
            }
        }
    }
    let mut names = BTreeSet::new();
    for binding in found.bindings {
        // Policies of Kyverno bind themselves, under names of their own.
        if !names.insert((binding.own_document, Arc::clone(&binding.written.name))) {
            let message = format!("the binding {} is there already; the first is kept", binding.name());
            loaded.faults.push(fault(&binding.written, message));
            continue;
        }
        match by_name.get_mut(binding.policy.as_str()) {
            Some((_, bindings)) => bindings.push(binding),
            None => {
                let message =
                    format!("the binding {} is of the policy {}, which is not loaded", binding.name(), binding.policy);
                loaded.faults.push(fault(&binding.written, message));
            }
        }
    }
    for (_, bindings) in by_name.values_mut() {
        bindings.sort_by(|a, b| a.name().cmp(b.name()));
    }
    loaded.policies.bound = Arc::new(by_name.into_values().collect());
}

/// Compiles an expression; what is wrong is a fault at its place.
fn compile(
    expression: &Spanned<String>,
    environment: &Environment,
    kinds: &[&str],
    faults: &mut Faults<'_>,
) -> Option<Expression> {
    match Expression::compile(&expression.value, environment) {
        Ok(compiled) if compiled.kind() == "dyn" || kinds.is_empty() || kinds.contains(&compiled.kind()) => {
            Some(compiled)
        }
        Ok(compiled) => {
            faults.at(
                expression,
                format!("the expression must give a {}, but gives a {}", kinds.join(" or "), compiled.kind()),
            );
            None
        }
        Err(refusal) => {
            faults.expression(expression, &refusal);
            None
        }
    }
}

/// Compiles variables in their order: each sees those before it.
fn compile_variables(
    forms: &[NamedExpression],
    environment: &mut Environment,
    faults: &mut Faults<'_>,
) -> Vec<Expression> {
    let mut compiled = Vec::with_capacity(forms.len());
    let mut names: Vec<&str> = Vec::new();
    for form in forms {
        let name = form.name.value.as_str();
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !first || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            faults.at(&form.name, format!("{name:?} is no name for a variable"));
        } else if names.contains(&name) {
            faults.at(&form.name, format!("the variable {name:?} is there twice"));
        }
        names.push(name);
        if let Some(expression) = compile(&form.expression, environment, &[], faults) {
            environment.declare(name, &expression);
            compiled.push(expression);
        }
    }
    compiled
}

fn failure_policy(form: Option<&Spanned<String>>, faults: &mut Faults<'_>) -> FailurePolicy {
    match form.map(|f| (f, f.value.as_str())) {
        None | Some((_, "Fail")) => FailurePolicy::Fail,
        Some((_, "Ignore")) => FailurePolicy::Ignore,
        Some((place, other)) => {
            faults.at(place, format!("{other:?} is not one of Fail, Ignore"));
            FailurePolicy::Fail
        }
    }
}

/// Compiles a validation with its message and reason.
fn check(form: &Validation, environment: &Environment, faults: &mut Faults<'_>) -> Option<Check> {
    let expression = compile(&form.expression, environment, &["bool"], faults);
    let message_expression = match &form.message_expression {
        Some(message) => Some(compile(message, environment, &["string"], faults)?),
        None => None,
    };
    let written = form.message.as_ref().map(|m| m.value.trim()).filter(|m| !m.is_empty());
    let fallback = match written {
        Some(message) if message.contains('\n') => {
            form.message.iter().for_each(|m| faults.at(m, "a message has no line breaks"));
            return None;
        }
        Some(message) => message.to_owned(),
        None => format!("failed expression: {}", form.expression.value.trim()),
    };
    let reason = match form.reason.as_ref().map(|r| (r, Reason::parse(&r.value))) {
        None => Reason::default(),
        Some((_, Some(reason))) => reason,
        Some((place, None)) => {
            faults.at(
                place,
                format!("{:?} is not one of Unauthorized, Forbidden, Invalid, RequestEntityTooLarge", place.value),
            );
            return None;
        }
    };
    Some(Check {
        expression: expression?,
        message: Message { expression: message_expression, fallback: Arc::from(fallback) },
        reason,
    })
}

fn match_conditions(forms: &[NamedExpression], environment: &Environment, faults: &mut Faults<'_>) -> Vec<Condition> {
    forms
        .iter()
        .filter_map(|form| {
            let expression = compile(&form.expression, environment, &["bool"], faults)?;
            Some(Condition { name: form.name.value.clone(), expression })
        })
        .collect()
}

fn policy(document: PolicyDocument, faults: &mut Faults<'_>) -> Option<Policy> {
    let name = &document.metadata.name;
    let spec = document.spec;
    if name.value.is_empty() {
        faults.at(name, "the policy has no name");
    }
    if spec.validations.is_empty() && spec.audit_annotations.is_empty() {
        faults.at(name, "a policy has validations or auditAnnotations");
    }
    let none = Constraints::default();
    let constraints = match &spec.match_constraints {
        Some(form) if form.value.resource_rules.is_empty() => {
            faults.at(form, "matchConstraints needs resourceRules");
            none
        }
        Some(form) => Constraints::new(&form.value, faults),
        None => {
            faults.at(name, "a policy needs matchConstraints");
            none
        }
    };
    let param_kind = spec.param_kind.map(|kind| (kind.api_version.value, kind.kind.value));
    let plain = policy_environment(param_kind.is_some());
    let parts = Parts {
        name,
        kind: "ValidatingAdmissionPolicy",
        constraints,
        param_kind,
        failure_policy: spec.failure_policy.as_ref(),
        conditions: &spec.match_conditions,
        variables: &spec.variables,
        validations: &spec.validations,
        audit_annotations: &spec.audit_annotations,
    };
    parts.compile(&plain, plain.clone().with_variables(), faults)
}

/// What every kind of policy consists of.
pub(crate) struct Parts<'d> {
    pub(crate) name: &'d Spanned<String>,
    /// The kind of its document, as messages name it.
    pub(crate) kind: &'static str,
    pub(crate) constraints: Constraints,
    /// `apiVersion` and `kind` of its parameters.
    pub(crate) param_kind: Option<(String, String)>,
    pub(crate) failure_policy: Option<&'d Spanned<String>>,
    pub(crate) conditions: &'d [NamedExpression],
    pub(crate) variables: &'d [NamedExpression],
    pub(crate) validations: &'d [Validation],
    pub(crate) audit_annotations: &'d [AuditAnnotation],
}

impl Parts<'_> {
    /// Compiles match conditions in the one environment, and everything else in the other, which knows variables.
    pub(crate) fn compile(
        self,
        plain: &Environment,
        mut environment: Environment,
        faults: &mut Faults<'_>,
    ) -> Option<Policy> {
        let conditions = match_conditions(self.conditions, plain, faults);
        let variables = compile_variables(self.variables, &mut environment, faults);
        let validations = self.validations.iter().filter_map(|form| check(form, &environment, faults)).collect();
        let kinds = ["string", "null_type"];
        let annotation = |form: &AuditAnnotation| {
            let expression = compile(&form.value_expression, &environment, &kinds, faults)?;
            Some((form.key.value.clone(), expression))
        };
        let audit_annotations = self.audit_annotations.iter().filter_map(annotation).collect();
        let policy = Policy {
            written: faults.written(self.name),
            kind: self.kind,
            failure_policy: failure_policy(self.failure_policy, faults),
            param_kind: self.param_kind,
            constraints: self.constraints,
            conditions,
            variables,
            validations,
            audit_annotations,
            template: None,
        };
        within_bounds(&policy, self.name, faults);
        faults.is_empty().then_some(policy)
    }
}

/// A policy whose expressions are each within bounds can still be too much together.
fn within_bounds(policy: &Policy, name: &Spanned<String>, faults: &mut Faults<'_>) {
    let bound = policy.cost_bound();
    if bound > MAX_POLICY_BOUND {
        faults.at(name, format!("the policy could cost {bound} units, more than {MAX_POLICY_BOUND}"));
    }
}

fn binding(document: BindingDocument, faults: &mut Faults<'_>) -> Option<Binding> {
    let spec = document.spec;
    let everything = MatchResources::default();
    let resources = spec.match_resources.as_ref().map_or(&everything, |form| &form.value);
    let constraints = Constraints::new(resources, faults);
    let actions = actions(&spec.validation_actions, false, faults);
    let parameters = spec.param_ref.as_ref().and_then(|form| parameter_reference(form, faults));
    let binding = Binding {
        written: faults.written(&document.metadata.name),
        own_document: true,
        policy: spec.policy_name.value,
        constraints,
        parameters,
        actions,
    };
    faults.is_empty().then_some(binding)
}

/// Reads the actions; `deny_and_warn` allows both together, which the API server does not.
pub(crate) fn actions(form: &Spanned<Vec<Spanned<String>>>, deny_and_warn: bool, faults: &mut Faults<'_>) -> Actions {
    let mut actions = Actions::default();
    if form.value.is_empty() {
        faults.at(form, "validationActions is empty");
    }
    for action in &form.value {
        let flag = match action.value.as_str() {
            "Deny" => &mut actions.deny,
            "Warn" => &mut actions.warn,
            "Audit" => &mut actions.audit,
            other => {
                faults.at(action, format!("{other:?} is not one of Deny, Warn, Audit"));
                continue;
            }
        };
        if std::mem::replace(flag, true) {
            faults.at(action, format!("{} is there twice", action.value));
        }
        actions.written.push(action.value.clone());
    }
    if actions.deny && actions.warn && !deny_and_warn {
        faults.at(form, "Deny and Warn exclude each other");
    }
    actions
}

fn parameter_reference(form: &Spanned<ParamRef>, faults: &mut Faults<'_>) -> Option<ParameterReference> {
    let reference = &form.value;
    let choice = match (&reference.name, &reference.selector) {
        (Some(name), None) => Choice::Name(name.clone()),
        (None, Some(selector)) => Choice::Selector(selector_of(selector, faults)),
        _ => {
            faults.at(form, "paramRef has either a name or a selector");
            return None;
        }
    };
    let deny_when_missing = match reference.parameter_not_found_action.as_ref().map(|a| (a, a.value.as_str())) {
        Some((_, "Deny")) => true,
        Some((_, "Allow")) => false,
        Some((place, other)) => {
            faults.at(place, format!("{other:?} is not one of Allow, Deny"));
            return None;
        }
        None => {
            faults.at(form, "paramRef needs a parameterNotFoundAction");
            return None;
        }
    };
    Some(ParameterReference { namespace: reference.namespace.clone(), choice, deny_when_missing })
}

fn selector_of(form: &LabelSelector, faults: &mut Faults<'_>) -> Selector {
    Selector::new(form, faults)
}
