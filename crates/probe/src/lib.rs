//! Trying whether the guards of a cluster refuse what they must: pods sent as dry-run creates, and what became of them.
//!
//! A guard that refuses nothing looks like a guard that nobody tried. So somebody must try. Beside `webhook-certificates` this crate is the only one that sends a
//! cluster anything but reads, and all that it can send is `POST /api/v1/namespaces/<namespace>/pods?dryRun=All` ([`ask`]): the API server
//! goes through all of admission and stores nothing. It is a crate of its own so that `collect` stays unable to
//! send anything but `GET` (`docs/adr/0008-the-negative-probe.md`).
//!
//! - [`cases`]: the pods, each of which has one thing wrong with it
//! - [`mod@ask`]: one dry run
//! - [`outcome`]: what an answer means; above all, that a missing right is no refusal by a guard
//! - [`record`]: the row of `admission_probes`
//! - [`rights`]: the least rights, as a manifest

pub mod ask;
pub mod cases;
pub mod outcome;
pub mod record;
pub mod rights;

pub use ask::{AskError, Prober};
pub use cases::{Case, Expected, Level};
pub use outcome::{Answer, Outcome};
