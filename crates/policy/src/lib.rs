//! Admission policies: a request in, a decision out.
//!
//! Pure: no I/O, no clock (time and deadline are parameters), no state. Nothing here panics on any input, and the work and the size of a
//! decision are bounded by the size of the request. The same request, policy set and time always give the same decision, so that a
//! recorded decision can be made again.
//!
//! | module | what it is |
//! |---|---|
//! | [`requested_images`] | the images that a request would run, for who verifies them |
//! | [`request`] | what is decided on: an `AdmissionReview`, or a manifest taken for one |
//! | [`mod@evaluate`] | all policies of a set on one request |
//! | [`context`] | what a decision depends on besides: time, deadline, and the [`surroundings`] of the cluster |
//! | [`answer`] | the decision as the API server wants it |
//! | [`decision`] | the answer, with what an exception let through |
//! | [`policy_set`] | policies and exceptions as read from YAML, named by the SHA-256 of their canonical form |
//! | [`user_policies`] | policies in others' forms, which `expressions` and `rego` evaluate |
//! | [`mod@admission_policies`] | our policies as ValidatingAdmissionPolicies, where their rules can be said in CEL |
//! | [`exception`] | exceptions: scope, owner, approver, reason, expiry |
//! | [`pod_security`] | the Pod Security Standards of each version of Kubernetes |
//! | [`rules`] | the rules that policies name, with their pages of documentation |
//! | [`manifest`] | files of YAML or JSON as objects, with lines |
//! | [`check`] | whole files against a policy set |
//! | [`trial`] | good and bad examples of policies |
//! | [`output`] | results as a table, JSON, SARIF or JUnit XML |

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice))]

pub mod admission_policies;
pub mod answer;
pub mod check;
pub mod context;
pub mod decision;
pub mod evaluate;
pub mod exception;
mod findings;
pub mod manifest;
pub mod output;
mod pattern;
pub mod pod_security;
pub mod policy_set;
pub mod request;
pub mod requested_images;
pub mod rules;
pub mod surroundings;
pub mod trial;
pub mod user_policies;
mod weighing;
mod workload;

pub use context::Context;
pub use decision::{Decision, Verdict, Violation};
pub use evaluate::{ReadRequest, evaluate};
pub use policy_set::{Action, PolicySet};
pub use request::Request;
pub use requested_images::RequestedImage;
pub use surroundings::Surroundings;
