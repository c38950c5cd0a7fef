//! Calls: macros first, then functions in a namespace, then functions.

use std::sync::Arc;

use super::environment::Dialect;
use super::resolve::{Resolved, Resolver, Result};
use super::{Bound, Operation};
use crate::functions::{Availability, Function, find, pattern::Pattern};
use crate::meter::{Meter, PER_EXPRESSION};
use crate::syntax::{SyntaxError, Tree};
use crate::value::{Library, Value};

impl Resolver<'_> {
    pub(super) fn call(
        &mut self,
        tree: &Tree,
        target: Option<&Tree>,
        name: &str,
        arguments: &[Tree],
    ) -> Result<Resolved> {
        if let Some(expanded) = self.expand(tree, target, name, arguments)? {
            return Ok(expanded);
        }
        if let Some(qualified) = target.and_then(|t| self.namespace(t)).map(|n| format!("{n}.{name}")) {
            if let Some(reason) = self.environment.reason_to_refuse(&qualified) {
                return Err(SyntaxError::new(tree.at, format!("{qualified}(): {reason}")));
            }
            if find(&qualified, false).next().is_some() {
                return self.function(tree, &qualified, None, arguments);
            }
        }
        if let Some(reason) = self.environment.reason_to_refuse(name).filter(|_| target.is_none()) {
            return Err(SyntaxError::new(tree.at, format!("{name}(): {reason}")));
        }
        self.function(tree, name, target, arguments)
    }

    /// `a.b` in `a.b.f()`, when no value is called so.
    fn namespace(&self, target: &Tree) -> Option<String> {
        let first = Self::first_name(target)?;
        if self.is_value(first) { None } else { Self::qualified(target) }
    }

    fn function(&mut self, tree: &Tree, name: &str, target: Option<&Tree>, arguments: &[Tree]) -> Result<Resolved> {
        let member = target.is_some();
        let given = arguments.len() + usize::from(member);
        let candidates: Vec<_> = find(name, member).collect();
        let Some(function) = candidates.iter().copied().find(|f| f.takes(given)) else {
            // An unknown receiver is the better explanation when both are unknown.
            if let Some(target) = target {
                self.resolve(target)?;
            }
            return Err(SyntaxError::new(tree.at, unknown_function(name, member, arguments.len(), &candidates)));
        };
        if function.availability == Availability::Kyverno && self.environment.dialect != Dialect::Kyverno {
            return Err(SyntaxError::new(
                tree.at,
                format!("{name}() is not a function that Kubernetes' API server has"),
            ));
        }
        let mut resolved = Vec::with_capacity(given);
        for argument in target.into_iter().chain(arguments) {
            resolved.push(self.resolve(argument)?);
        }
        if let Some(position) = function.pattern {
            compile_pattern(arguments, &mut resolved, position)?;
        }
        finish(function, resolved, tree.at)
    }
}

fn finish(function: &'static Function, resolved: Vec<Resolved>, at: u32) -> Result<Resolved> {
    let length = resolved.iter().map(|r| r.bound.length).max().unwrap_or(1).max(super::ASSUMED_LENGTH);
    let own = if function.walks { length } else { 2 };
    let bound = Bound::over(resolved.iter().map(|r| &r.bound), own, length);
    let bound = if function.builds { bound.wrapped() } else { bound };
    if function.constant {
        let constants: Option<Vec<_>> = resolved.iter().map(|r| r.node.constant().cloned()).collect();
        if let Some(arguments) = constants {
            let patterns = crate::PatternCache::default();
            let mut meter = Meter::new(PER_EXPRESSION, &|| false, &patterns);
            match (function.run)(&arguments, &mut meter) {
                Ok(value) => return Ok(Resolved::constant(value)),
                Err(failure) if function.checked => return Err(SyntaxError::new(at, failure.to_string())),
                // It fails in each evaluation, as an error that the expression may absorb.
                Err(_) => {}
            }
        }
    }
    let nodes = resolved.into_iter().map(|r| r.node).collect();
    Ok(Resolved::new(Operation::Call(function, nodes), function.result, bound))
}

/// A regular expression that is written out is compiled now; one that is wrong is refused.
fn compile_pattern(arguments: &[Tree], resolved: &mut [Resolved], position: usize) -> Result<()> {
    let at = arguments.last().map_or(0, |a| a.at);
    let Some(argument) = resolved.get_mut(position) else { return Ok(()) };
    if let Some(Value::Text(text)) = argument.node.constant() {
        let pattern = Pattern::compile(text)
            .map_err(|message| SyntaxError::new(at, format!("{text:?} is no regular expression: {message}")))?;
        argument.node = Operation::Constant(Value::library(Library::Pattern(Arc::new(pattern)))).into();
    }
    Ok(())
}

fn unknown_function(name: &str, member: bool, given: usize, candidates: &[&'static Function]) -> String {
    let dot = if member { "." } else { "" };
    if !candidates.is_empty() {
        return format!("{dot}{name}() does not take {given} arguments");
    }
    if find(name, !member).next().is_some() {
        return if member {
            format!("{name}() is a function, not one of a value: {name}(value)")
        } else {
            format!("{name}() is a function of a value: value.{name}()")
        };
    }
    format!("there is no function {dot}{name}()")
}
