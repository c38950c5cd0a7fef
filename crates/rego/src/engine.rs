//! `regorus`, as it is used here: its interpreter, strict about errors, with work counted instead of time.
//!
//! The interpreter, and not the bytecode machine: `docs/adr/0006` says what the machine lets pass.
//!
//! **Time.** regorus stops an evaluation when a clock has passed a limit. Built without `std` it has no clock, and asks for one. The one that it is
//! given here ([`Work`]) counts how often it is asked, which is once for each statement and each round of a loop, so that the limit is one of work: the
//! same request is stopped at the same place on every machine. The caller's deadline cannot be asked for in the midst of an evaluation; so
//! an evaluation is first given little, and begun again with more when the deadline has not passed.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use regorus::{Engine, Value};

use crate::functions;
use crate::refusal::Place;
use crate::syntax::Edition;
use crate::value;

/// Units of work that an evaluation is given at first. Reading the limits of one container (the heaviest template of Gatekeeper's own) takes
/// about 950; the cheapest loop does some thirty in a microsecond.
const FIRST: u64 = 20_000;
/// By how much more it is given each time that it was not enough.
const GROWTH: u64 = 4;
/// The most: what needs more is an error.
pub const MAX_WORK: u64 = FIRST * GROWTH * GROWTH * GROWTH;

/// A template's modules, ready to be evaluated.
pub(crate) struct Program {
    engine: Engine,
    rule: String,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("rule", &self.rule).finish_non_exhaustive()
    }
}

/// By what the modules are called where regorus names them, with their number.
const MODULE: &str = "module-";

/// Why modules cannot be evaluated.
pub(crate) struct Unusable {
    /// The number of the module and the place in it, where that is known.
    pub(crate) place: Option<(usize, Place)>,
    pub(crate) message: String,
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// More work than is allowed.
    Work,
    /// The deadline passed.
    Deadline,
    /// Something went wrong.
    Failed(String),
}

thread_local! {
    static DONE: Cell<u64> = const { Cell::new(0) };
}

/// A clock that counts how often it is read.
struct Work;

impl regorus::utils::limits::TimeSource for Work {
    fn now(&self) -> Option<Duration> {
        let done = DONE.get().saturating_add(1);
        DONE.set(done);
        Some(Duration::from_nanos(done))
    }
}

/// Whether the clock is ours: it can be set once in a process.
static CLOCK: OnceLock<bool> = OnceLock::new();

impl Program {
    /// Modules of which the first has the violations.
    pub(crate) fn new(modules: &[&str], package: &str, edition: Edition) -> Result<Self, Unusable> {
        if !CLOCK.get_or_init(|| regorus::utils::limits::set_time_source(&Work).is_ok()) {
            let message = "its work cannot be counted: something else in this process has set the clock of regorus";
            return Err(Unusable { place: None, message: message.to_owned() });
        }
        let made = guarded(|| {
            let mut engine = Engine::new();
            engine.set_rego_v0(edition == Edition::V0);
            engine.set_strict_builtin_errors(true);
            functions::add(&mut engine)?;
            for (number, text) in modules.iter().enumerate() {
                engine
                    .add_policy(format!("{MODULE}{number}"), (*text).to_owned())
                    .map_err(|error| error.to_string())?;
            }
            let mut own = Self { engine, rule: format!("data.{package}.violation") };
            // What is wrong with the modules as a whole is found when they are evaluated for the first time.
            let nothing = || value::object([]);
            match own.once(input(&nothing(), &nothing()), MAX_WORK) {
                Ok(_) => Ok(own),
                Err(Stopped::Failed(error)) => Err(error),
                Err(stopped) => Err(stopped.told()),
            }
        });
        made.map_err(|error| Unusable {
            place: place(&error),
            message: format!("it cannot be evaluated: {}", told(&error)),
        })
    }

    /// The set of violations of a request.
    pub(crate) fn evaluate(&self, input: &Value, expired: &dyn Fn() -> bool) -> Result<Value, Stopped> {
        let mut limit = FIRST;
        loop {
            if expired() {
                return Err(Stopped::Deadline);
            }
            let mut program = Self { engine: self.engine.clone(), rule: self.rule.clone() };
            let result = guarded(|| Ok(program.once(input.clone(), limit)));
            match result.unwrap_or_else(|error| Err(Stopped::Failed(error))) {
                Err(Stopped::Work) if limit < MAX_WORK => limit = limit.saturating_mul(GROWTH),
                other => return other,
            }
        }
    }

    fn once(&mut self, input: Value, limit: u64) -> Result<Value, Stopped> {
        let config = regorus::utils::limits::ExecutionTimerConfig {
            limit: Duration::from_nanos(limit),
            check_interval: NonZeroU32::MIN,
        };
        self.engine.set_execution_timer_config(config);
        self.engine.set_input(input);
        DONE.set(0);
        let result = self.engine.eval_rule(self.rule.clone());
        match result {
            Ok(value) => Ok(value),
            Err(_) if DONE.get() > limit.saturating_add(1) => Err(Stopped::Work),
            Err(error) => Err(Stopped::Failed(error.to_string())),
        }
    }
}

impl Stopped {
    /// In words.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Work => format!("it needs more than {MAX_WORK} steps"),
            Self::Deadline => "the deadline passed before it was evaluated".to_owned(),
            Self::Failed(error) => told(error),
        }
    }
}

/// A panic in the engine, of which none is known, is an error like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the engine panicked".to_owned()))
}

/// The number of the module and the place in it that regorus draws beside an error.
fn place(error: &str) -> Option<(usize, Place)> {
    let (_, drawn) = error.split_once(&format!("--> {MODULE}"))?;
    let mut numbers = drawn.lines().next()?.split(':').map(|number| number.trim().parse().ok());
    let mut next = || numbers.next().flatten();
    Some((next()?, Place { line: next()?, column: next()? }))
}

/// What regorus says, without its drawing of the place.
fn told(text: &str) -> String {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("error: "))
        .unwrap_or_else(|| text.lines().next().unwrap_or_default());
    line.chars().take(300).collect()
}

/// What the modules see as `input`.
pub(crate) fn input(review: &Value, parameters: &Value) -> Value {
    value::object([("review", review.clone()), ("parameters", parameters.clone())])
}
