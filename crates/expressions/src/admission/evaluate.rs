//! A request through all policies.

use std::sync::Arc;

use super::decide::evaluate_policy;
use super::outcome::{Actions, Decision, Finding, Outcome, Subject, Verdict};
use super::parameters::Parameters;
use super::policy::{Binding, Policies, Policy};
use super::request::Request;
use crate::value::{Key, Map, Value};

/// What is judged, and what policies may look at besides.
#[derive(Clone, Copy)]
pub struct Input<'i> {
    /// The request.
    pub request: &'i Request,
    /// The namespace that the request's object lives in.
    pub namespace: Namespace<'i>,
    /// Objects that bindings can name as parameters.
    pub parameters: &'i Parameters,
}

/// What is known of the namespace that an object lives in.
#[derive(Debug, Clone, Copy)]
pub enum Namespace<'i> {
    /// The Namespace object.
    Known(&'i Value),
    /// There is none: the object is one of the cluster, or its namespace does not exist. What needs one is an error.
    None,
    /// There is one, but its labels, or even its name, are not known here. Selectors whose result depends on them are taken to select,
    /// and decisions say so ([`Decision::assumed`]).
    Unknown,
}

/// What bounds an evaluation besides the budgets of Kubernetes.
#[derive(Clone, Copy)]
pub struct Limits<'l> {
    /// Whether the time is up: asked once in a few thousand units of work. What was not evaluated by then is an error.
    pub expired: &'l dyn Fn() -> bool,
}

/// Kinds of `admissionregistration.k8s.io` that no policy judges, so that a policy cannot lock itself in.
const EXEMPT: [&str; 6] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
];

impl Policies {
    /// Evaluates all policies that the request matches. Cannot fail: what goes wrong is a verdict of the policy that it went wrong in.
    #[must_use]
    pub fn evaluate(&self, input: &Input<'_>, limits: &Limits<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        let (group, _, kind) = &input.request.kind;
        if group == "admissionregistration.k8s.io" && EXEMPT.contains(&kind.as_str()) {
            return outcome;
        }
        for (policy, bindings) in self.bound.iter() {
            if !bindings.is_empty() {
                self.evaluate_bindings(policy, bindings, input, limits, &mut outcome.decisions);
            }
        }
        outcome
    }

    fn evaluate_bindings(
        &self,
        policy: &Policy,
        bindings: &[Binding],
        input: &Input<'_>,
        limits: &Limits<'_>,
        decisions: &mut Vec<Decision>,
    ) {
        let unknown = || format!("the namespace {:?} is not known", input.request.namespace);
        let unknown_is_none = !matches!(input.namespace, Namespace::Unknown);
        let mut assumed = false;
        match policy.constraints.match_request(input.request, input.namespace) {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) if !unknown_is_none => assumed = true,
            Err(_) => {
                decisions.push(configuration(policy, None, format!("failed to configure policy: {}", unknown())));
                return;
            }
        }
        let templated = policy.template.map(|path| of_template(input.request, path));
        let input = &Input { request: templated.as_ref().unwrap_or(input.request), ..*input };
        for binding in bindings {
            let mut assumed = assumed;
            match binding.constraints.match_request(input.request, input.namespace) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(_) if !unknown_is_none => assumed = true,
                Err(_) => {
                    let message = format!("failed to configure binding: {}", unknown());
                    decisions.push(configuration(policy, Some(binding), message));
                    continue;
                }
            }
            if let Some(missing) = missing(policy, binding, input) {
                decisions.push(Decision { assumed, ..unknown_namespace(policy, binding, missing) });
                continue;
            }
            let judge = |parameter| Decision {
                assumed,
                ..evaluate_policy(policy, binding, parameter, input, limits, &self.patterns)
            };
            let (Some(kind), Some(reference)) = (&policy.param_kind, &binding.parameters) else {
                decisions.push(judge(None));
                continue;
            };
            match input.parameters.find(kind, reference, &input.request.namespace) {
                Ok(parameters) => decisions.extend(parameters.into_iter().map(|parameter| judge(Some(parameter)))),
                Err(message) => {
                    let message = format!("failed to configure binding: {message}");
                    decisions.push(configuration(policy, Some(binding), message));
                }
            }
        }
    }
}

/// What a policy needs of a namespace that is unknown.
fn missing(policy: &Policy, binding: &Binding, input: &Input<'_>) -> Option<&'static str> {
    if !matches!(input.namespace, Namespace::Unknown) {
        return None;
    }
    let parameters = policy.param_kind.as_ref().zip(binding.parameters.as_ref());
    let of_namespace = |(kind, reference)| input.parameters.are_of_the_requests_namespace(kind, reference);
    if input.request.namespace.is_empty() && parameters.is_some_and(of_namespace) {
        Some("the namespace, whose parameters the binding names, is not known")
    } else if policy.reads_namespace() {
        Some("namespaceObject is not known")
    } else {
        None
    }
}

fn unknown_namespace(policy: &Policy, binding: &Binding, message: &str) -> Decision {
    let verdict = Verdict::Error { message: message.to_owned() };
    let findings = vec![Finding { subject: Subject::Namespace, verdict }];
    Decision { findings, ..configuration(policy, Some(binding), String::new()) }
}

fn configuration(policy: &Policy, binding: Option<&Binding>, message: String) -> Decision {
    Decision {
        kind: policy.kind,
        policy: Arc::clone(&policy.written.name),
        binding: binding.map(|b| Arc::clone(&b.written.name)),
        parameter: None,
        actions: binding.map_or_else(Actions::default, |b| b.actions.clone()),
        failure_policy: policy.failure_policy,
        assumed: false,
        findings: vec![Finding { subject: Subject::Configuration, verdict: Verdict::Error { message } }],
        audit_annotations: Vec::new(),
    }
}

/// The metadata of a template with the name and namespace of its controller, where it has none itself.
fn named(metadata: Option<&Value>, request: &Request) -> Value {
    let mut entries = match metadata {
        Some(Value::Map(map)) => map.entries().to_vec(),
        _ => Vec::new(),
    };
    for (name, value) in [("name", &request.name), ("namespace", &request.namespace)] {
        let missing = metadata.and_then(|m| m.member(name)).and_then(Value::as_text).is_none_or(str::is_empty);
        if missing && !value.is_empty() {
            let key = Key::Text(Arc::from(name));
            entries.retain(|(known, _)| *known != key);
            entries.push((key, Value::text(value)));
        }
    }
    Value::Map(Arc::new(Map::new(entries).unwrap_or_default()))
}

/// The request with the Pods of its objects' templates in their place.
fn of_template(request: &Request, path: &[&str]) -> Request {
    let pod = |object: &Value| match object.path(path) {
        Some(Value::Map(template)) => {
            let text = |text: &str| Key::Text(Arc::from(text));
            let mut entries = vec![(text("apiVersion"), Value::text("v1")), (text("kind"), Value::text("Pod"))];
            entries.push((text("metadata"), named(template.get_text("metadata"), request)));
            entries.extend(template.get_text("spec").map(|spec| (text("spec"), spec.clone())));
            Value::Map(Arc::new(Map::new(entries).unwrap_or_default()))
        }
        _ => Value::Null,
    };
    request.with_objects(pod(&request.object), pod(&request.old_object))
}
