//! What is refused at load: whatever is not known to mean the same here as in OPA.
//!
//! Chained bodies and lines that begin with a bracket are refused while the text is read (`syntax`). Here: functions that are not there,
//! data that are not there, `sprintf` with another number of arguments than it has verbs, negations that OPA would leave undefined, rules
//! that need themselves.

mod formats;
mod names;
mod negation;
mod order;

use crate::refusal::Objection;
use crate::syntax::Module;

pub(crate) use names::Names;

/// A module of a template, with what is to be said of it.
pub(crate) struct Source {
    pub(crate) module: Module,
    /// The path of its field.
    pub(crate) path: String,
}

/// Everything that is wrong with the modules of one template together: the index of the module, and the objection.
pub(crate) fn lint(sources: &[Source]) -> Vec<(usize, Objection)> {
    let names = Names::of(sources.iter().map(|source| &source.module));
    let mut found = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let mut objections = Vec::new();
        names.check(index, &source.module, &mut objections);
        for rule in &source.module.rules {
            rule.visit(&mut |term| formats::check(term, &mut objections));
            negation::check(rule, &names.seen_from(index), &mut objections);
        }
        found.extend(objections.into_iter().map(|objection| (index, objection)));
    }
    if found.is_empty() {
        found.extend(order::check(sources, &names));
    }
    found
}
