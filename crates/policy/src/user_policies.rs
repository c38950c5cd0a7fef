//! Policies that users bring in a form that is not ours: `ValidatingAdmissionPolicy` with its bindings and parameters, Kyverno's
//! `ValidatingPolicy` as far as it is plain CEL, and Gatekeeper's `ConstraintTemplate` with its constraints. What they mean is the matter of
//! `expressions` and `rego`; here they become part of a set, see the same requests as our rules, and what they say becomes violations that
//! exceptions can be for.

mod admission_request;
mod gatekeeper;
mod judge;
mod load;
mod resources;

use expressions::{Binding, Parameters, Policies, Policy};
use serde_json::Value;

pub(crate) use judge::judge;
pub(crate) use load::{Document, Form, load};

/// API version of `ValidatingAdmissionPolicy` and its binding.
pub const ADMISSION_API_VERSION: &str = "admissionregistration.k8s.io/v1";
/// API group of Kyverno's `ValidatingPolicy`.
pub const KYVERNO_GROUP: &str = "policies.kyverno.io";

/// The page about such policies.
pub const PAGE: &str = include_str!("../../../docs/policies/own-policies.md");
/// The page about templates and constraints of Gatekeeper.
pub const GATEKEEPER_PAGE: &str = include_str!("../../../docs/policies/gatekeeper.md");
/// How violations name the kind of document that a constraint is.
pub const CONSTRAINT: &str = "Constraint";

/// The policies of a set that are not in our form, with the objects that are their parameters.
#[derive(Debug, Default)]
pub struct UserPolicies {
    policies: Policies,
    parameters: Parameters,
    gatekeeper: rego::Policies,
    /// What of the documents the set's canonical form has.
    canonical_policies: Vec<Value>,
    canonical_parameters: Vec<Value>,
    canonical_templates: Vec<Value>,
    canonical_constraints: Vec<Value>,
}

impl UserPolicies {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.policies().is_empty() && self.gatekeeper.is_empty()
    }

    /// The policies of Kubernetes and Kyverno, sorted by name, each with its bindings.
    #[must_use]
    pub fn policies(&self) -> &[(Policy, Vec<Binding>)] {
        self.policies.policies()
    }

    /// Gatekeeper's templates, sorted by kind, each with its constraints.
    #[must_use]
    pub fn gatekeeper(&self) -> &[rego::Governed] {
        self.gatekeeper.governed()
    }

    /// Whether there is a policy of this name, or a template of this kind.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.policies().iter().any(|(policy, _)| policy.name() == name)
            || self.gatekeeper().iter().any(|governed| governed.template().kind() == name)
    }

    /// The members that it adds to the set's canonical form. Without such policies there are none, so that a set of our own rules keeps the
    /// digest that it always had.
    pub(crate) fn canonical(&self) -> impl Iterator<Item = (&'static str, &[Value])> {
        [
            ("userPolicies", self.canonical_policies.as_slice()),
            ("parameters", self.canonical_parameters.as_slice()),
            ("constraintTemplates", self.canonical_templates.as_slice()),
            ("constraints", self.canonical_constraints.as_slice()),
        ]
        .into_iter()
        .filter(|(_, documents)| !documents.is_empty())
    }

    /// The name under which somebody wrote the policy that is called this. Kyverno's policies of Pods also stand for policies of
    /// controllers, which have names of their own.
    pub(crate) fn written_name<'n>(&self, policy: &'n str) -> &'n str {
        let stem = policy.strip_suffix("-autogen-cronjobs").or_else(|| policy.strip_suffix("-autogen"));
        match stem {
            Some(stem) if self.policies().iter().any(|(p, _)| p.name() == stem && p.kind() == "ValidatingPolicy") => {
                stem
            }
            _ => policy,
        }
    }
}
