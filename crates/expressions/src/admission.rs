//! ValidatingAdmissionPolicies and their bindings: documents to policies, requests to decisions.

mod decide;
mod document;
mod environment;
mod evaluate;
pub(crate) mod load;
mod matching;
mod outcome;
mod parameters;
mod policy;
mod request;
mod selector;

pub use evaluate::{Input, Limits, Namespace};
pub use load::{Loaded, SourceFile, documents};
pub use matching::Operation;
pub use outcome::{Actions, Decision, Denial, Effect, Finding, Outcome, Reason, Subject, Verdict};
pub use parameters::{Parameter, Parameters};
pub use policy::{Binding, FailurePolicy, Policies, Policy, Written};
pub use request::{Request, RequestError};

pub(crate) use document::{AuditAnnotation, MatchResources, Metadata, NamedExpression, Validation};
pub(crate) use environment::kyverno_environment;
pub(crate) use matching::Constraints;
