//! Policies and bindings that were loaded.

use std::sync::Arc;

use super::environment::NAMESPACE_ROOT;
use super::matching::Constraints;
use super::outcome::{Actions, Reason};
use super::parameters::ParameterReference;
use crate::compile::Expression;
use crate::functions::pattern::PatternCache;

/// What happens when a policy cannot be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailurePolicy {
    /// The request is treated as one that violates it.
    #[default]
    Fail,
    /// The request passes.
    Ignore,
}

/// What a document is called, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub name: Arc<str>,
    /// The file that it was loaded from.
    pub file: String,
    /// Line of its name in the file, from 1.
    pub line: u64,
    /// Column of its name, from 1.
    pub column: u64,
}

/// A policy.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) written: Written,
    /// The kind of its document, as messages name it.
    pub(crate) kind: &'static str,
    pub(crate) failure_policy: FailurePolicy,
    /// `apiVersion` and `kind` of its parameters.
    pub(crate) param_kind: Option<(String, String)>,
    pub(crate) constraints: Constraints,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) variables: Vec<Expression>,
    pub(crate) validations: Vec<Check>,
    pub(crate) audit_annotations: Vec<(String, Expression)>,
    /// Where the Pod is in the objects that it is for, when it is a policy of Pods that judges the templates of controllers.
    pub(crate) template: Option<&'static [&'static str]>,
}

/// A match condition.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) name: String,
    pub(crate) expression: Expression,
}

/// A validation.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) expression: Expression,
    pub(crate) message: Message,
    pub(crate) reason: Reason,
}

/// What is said of a violation.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) expression: Option<Expression>,
    /// What is said without an expression, or when the expression gives nothing that can be said.
    pub(crate) fallback: Arc<str>,
}

impl Policy {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.written.name
    }

    /// Where it was written.
    #[must_use]
    pub fn written(&self) -> &Written {
        &self.written
    }

    /// The kind of its document: `ValidatingAdmissionPolicy`, or Kyverno's `ValidatingPolicy`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What it does with errors.
    #[must_use]
    pub fn failure_policy(&self) -> FailurePolicy {
        self.failure_policy
    }

    /// The texts of its validations with what they say when they have no expression for it.
    pub fn validations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.validations.iter().map(|check| (check.expression.text(), check.message.fallback.as_ref()))
    }

    /// Whether it looks at the Namespace object of the request.
    pub(crate) fn reads_namespace(&self) -> bool {
        self.expressions().any(|expression| expression.names_root(NAMESPACE_ROOT))
    }

    /// Units that one evaluation can need (see [`Expression::cost_bound`]), over all its expressions.
    #[must_use]
    pub fn cost_bound(&self) -> u64 {
        self.expressions().map(Expression::cost_bound).fold(0, u64::saturating_add)
    }

    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let validations = self.validations.iter().flat_map(|v| [Some(&v.expression), v.message.expression.as_ref()]);
        self.conditions
            .iter()
            .map(|c| &c.expression)
            .chain(&self.variables)
            .chain(validations.flatten())
            .chain(self.audit_annotations.iter().map(|(_, expression)| expression))
    }
}

/// A binding: without one, a policy does nothing.
#[derive(Debug, Clone)]
pub struct Binding {
    pub(crate) written: Written,
    /// Whether it was written as a document, and not made for a policy that binds itself.
    pub(crate) own_document: bool,
    pub(crate) policy: String,
    pub(crate) constraints: Constraints,
    pub(crate) parameters: Option<ParameterReference>,
    pub(crate) actions: Actions,
}

impl Binding {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.written.name
    }

    /// Where it was written.
    #[must_use]
    pub fn written(&self) -> &Written {
        &self.written
    }

    /// What it does with violations.
    #[must_use]
    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    /// The policy that it binds.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }
}

/// Policies with their bindings, to be evaluated in one pass. Cheap to clone and shared by threads.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    pub(crate) bound: Arc<Vec<(Policy, Vec<Binding>)>>,
    pub(crate) patterns: Arc<PatternCache>,
}

impl Policies {
    /// The policies in the order of their names, each with its bindings.
    #[must_use]
    pub fn policies(&self) -> &[(Policy, Vec<Binding>)] {
        &self.bound
    }
}
