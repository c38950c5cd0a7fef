//! Import of Gatekeeper's `ConstraintTemplate`s in Rego, and of their constraints.
//!
//! Pure: no I/O, no clock, no state. Templates are evaluated by `regorus`, which is not OPA: a template is loaded when it is known to mean here
//! what it means in Gatekeeper, and is refused by name, with its place, when it is not. What goes wrong in an evaluation is an error of
//! the constraint, and never the same as nothing found. Work is counted and bounded, so that the same request always comes to the
//! same end; depth is bounded by what is loaded. Why the interpreter, why this linter: `docs/adr/0006`.
//!
//! | module | what it is |
//! |---|---|
//! | `template`, `schema` | `ConstraintTemplate`, and what parameters its constraints may have |
//! | `constraint`, `matching`, `selector` | constraints, and which requests they are for |
//! | `syntax` | Rego to a tree, as OPA reads it |
//! | `lint` | what is refused at load |
//! | `builtins`, `functions`, `pattern`, `network` | the functions that templates may call |
//! | `engine`, `value` | regorus, within bounds |
//! | `review` | requests as templates see them |
//! | `policies` | all of it together |

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice))]

mod builtins;
mod constraint;
mod engine;
mod fields;
mod functions;
mod lint;
mod matching;
mod network;
mod pattern;
mod policies;
mod refusal;
mod review;
mod schema;
mod selector;
mod syntax;
mod template;
mod value;

pub use constraint::{Action, CONSTRAINT_GROUP, Constraint};
pub use engine::MAX_WORK;
pub use policies::{Decision, Finding, Governed, Loaded, MAX_FINDINGS, Policies};
pub use refusal::{Place, Refusal};
pub use review::{Namespace, Review};
pub use syntax::{MAX_BRACKETS, MAX_DEPTH, MAX_TEXT};
pub use template::{TEMPLATE_GROUP, Template};
