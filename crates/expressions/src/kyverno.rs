//! Import of Kyverno's `ValidatingPolicy` (`policies.kyverno.io`), as far as it is plain CEL.
//!
//! Kyverno binds a policy to itself, so each becomes a policy with one binding of the same name. A policy of Pods is applied to the templates
//! of controllers too (Kyverno calls that autogen): as further policies, named `<name>-autogen` and `<name>-autogen-cronjobs`, which see
//! the Pod of the template as their object.

mod document;

use self::document::{Document, IdentifiedValidation, Specification};
use crate::admission::load::{Found, Parts, actions, read};
use crate::admission::{Actions, Binding, Constraints, Policy, Written, kyverno_environment};
use crate::fault::Faults;

/// The resource of a controller: group, version, name.
type Controller = (&'static str, &'static str, &'static str);

/// Controllers of Pods and where their templates are.
const CONTROLLERS: [(&[&str], &str, &[Controller]); 2] = [
    (
        &["spec", "template"],
        "autogen",
        &[
            ("apps", "v1", "daemonsets"),
            ("apps", "v1", "deployments"),
            ("apps", "v1", "replicasets"),
            ("apps", "v1", "statefulsets"),
            ("batch", "v1", "jobs"),
        ],
    ),
    (&["spec", "jobTemplate", "spec", "template"], "autogen-cronjobs", &[("batch", "v1", "cronjobs")]),
];

/// How denials name such a policy.
const KIND: &str = "ValidatingPolicy";

/// Reads a document of the kind `ValidatingPolicy`.
pub(crate) fn load(text: &str, kind: &str, found: &mut Found, faults: &mut Faults<'_>) {
    let Some(document) = read::<Document>(text, faults) else { return };
    let name = &document.metadata.name;
    if kind != KIND {
        faults.at(name, format!("{kind} is not imported: only {KIND}"));
        return;
    }
    let spec = &document.spec;
    if let Some(mode) = spec.evaluation.as_ref().and_then(|e| e.mode.as_ref()).filter(|m| m.value != "Kubernetes") {
        faults.at(mode, format!("the mode {:?} is not imported: only Kubernetes", mode.value));
    }
    if spec.validations.is_empty() && spec.audit_annotations.is_empty() {
        faults.at(name, "a policy has validations or auditAnnotations");
    }
    let constraints = match &spec.match_constraints {
        Some(form) if !form.value.resource_rules.is_empty() => Constraints::new(&form.value, faults),
        _ => {
            faults.at(name, "a policy needs matchConstraints with resourceRules");
            return;
        }
    };
    let environment = kyverno_environment();
    let mut plain = environment.clone();
    plain.forget_variables();
    let validations: Vec<_> = spec.validations.iter().map(IdentifiedValidation::plain).collect();
    let parts = Parts {
        name,
        kind: KIND,
        constraints,
        param_kind: None,
        failure_policy: spec.failure_policy.as_ref(),
        conditions: &spec.match_conditions,
        variables: &spec.variables,
        validations: &validations,
        audit_annotations: &spec.audit_annotations,
    };
    let Some(policy) = parts.compile(&plain, environment, faults) else { return };
    let actions = match &spec.validation_actions {
        Some(form) => actions(form, true, faults),
        None => Actions { deny: true, warn: false, audit: false, written: vec!["Deny".to_owned()] },
    };
    if !faults.is_empty() {
        return;
    }
    let policies: Vec<_> = for_controllers(&policy, spec).chain([policy.clone()]).collect();
    for policy in policies {
        if spec.evaluation.as_ref().is_none_or(document::Evaluation::admission_enabled) {
            found.bindings.push(Binding {
                written: policy.written.clone(),
                own_document: false,
                policy: policy.name().to_owned(),
                constraints: Constraints::default(),
                parameters: None,
                actions: actions.clone(),
            });
        }
        found.policies.push(policy);
    }
}

/// The policies that a policy of Pods and nothing else stands for besides: one for each place of a template.
fn for_controllers(policy: &Policy, spec: &Specification) -> impl Iterator<Item = Policy> {
    let wanted = spec.autogen.as_ref().and_then(|a| a.pod_controllers.as_ref()).and_then(|p| p.controllers.as_ref());
    let is_wanted = |resource: &str| wanted.is_none_or(|wanted| wanted.iter().any(|w| w == resource));
    let applies = policy.constraints.only_pods();
    CONTROLLERS
        .into_iter()
        .filter_map(move |(template, suffix, controllers)| {
            let controllers: Vec<_> = controllers.iter().copied().filter(|c| is_wanted(c.2)).collect();
            (applies && !controllers.is_empty()).then(|| Policy {
                written: Written { name: format!("{}-{suffix}", policy.name()).into(), ..policy.written.clone() },
                constraints: policy.constraints.for_controllers(&controllers),
                template: Some(template),
                ..policy.clone()
            })
        })
        .collect::<Vec<_>>()
        .into_iter()
}
