//! Control tests: the catalogue's form, the engine that runs its SQL over the open tables, and the arithmetic from rows to
//! verdicts, coverage and conclusions.
//!
//! - [`catalogue`]: controls as YAML files; every mistake is told with file, line and column
//! - [`parameters`]: the parameters in force: defaults of the control file, overlaid by the configuration
//! - [`session`]: the open tables (Parquet files and what is not sealed yet) as one SQL session, derived tables included
//! - [`access`]: who can do what at one moment, from rows of the derived tables
//! - [`evidence`]: what a session is opened over, taken from a store
//! - [`runner`]: population, test, clipping, coverage, verdicts, conclusions; [`runner::evaluate`] runs the catalogue over a window
//! - [`results`]: an evaluation as rows of the result tables and as lines for the store
//! - [`sample`]: the auditor's seeded draw from a population
//! - [`fixture`]: small histories with the items and conclusions expected of a control
//! - [`batches`], [`canonical`]: rows as Arrow batches, and the one text form that digests are made over
//!
//! The rules for conclusions are in `docs/conclusions.md`, those for samples in `docs/sampling.md`. No network, no clock; a random
//! source only as the seed given.

pub mod access;
pub mod batches;
pub mod canonical;
pub mod catalogue;
pub mod evidence;
pub mod fixture;
pub mod parameters;
pub mod results;
pub mod runner;
pub mod sample;
pub mod session;

pub use catalogue::{Catalogue, Control};
pub use parameters::Parameters;
pub use runner::{ControlOutcome, EvaluationResult, NOT_RUN, Occasion, evaluate};
pub use session::{Session, SessionInputs};
