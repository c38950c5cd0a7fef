//! Kubernetes' CEL and ValidatingAdmissionPolicy (`admissionregistration.k8s.io/v1`).
//!
//! Pure: no I/O, no clock, no state but a bounded cache of regular expressions. Everything that an expression refers to is checked when it
//! is loaded; what is left to go wrong in an evaluation is a value of the object, and comes out as a [`Failure`]. Work and memory are bounded
//! by a [`Meter`], recursion by the depth of trees and values. Why it is a crate of its own: `docs/adr/0005`.
//!
//! | module | what it is |
//! |---|---|
//! | `syntax` | text to a tree |
//! | `compile` | trees to programs: names resolved, macros expanded, constants computed, costs bounded |
//! | `evaluate` | programs and values to a value |
//! | `functions` | the libraries |
//! | `value` | values, shared and not copied |
//! | `admission` | policies and bindings, requests and decisions |
//! | `kyverno` | import of Kyverno's `ValidatingPolicy` |

mod admission;
mod compile;
mod evaluate;
mod failure;
mod fault;
mod functions;
mod kyverno;
mod meter;
mod syntax;
mod value;

pub use admission::{
    Actions, Binding, Decision, Denial, Effect, FailurePolicy, Finding, Input, Limits, Loaded, Namespace, Operation,
    Outcome, Parameter, Parameters, Policies, Policy, Reason, Request, RequestError, SourceFile, Subject, Verdict,
    Written, documents,
};
pub use compile::{ASSUMED_LENGTH, Dialect, Environment, Expression, MAX_BOUND, Refusal, Shape};
pub use failure::{Failure, FailureKind};
pub use fault::Fault;
pub use functions::pattern::PatternCache;
pub use meter::{Meter, PER_EXPRESSION, PER_POLICY};
pub use syntax::{MAX_DEPTH, MAX_NESTING, MAX_TEXT, Place};
pub use value::{MAX_VALUE_DEPTH, Map, Timestamp, TooDeep, Value};
