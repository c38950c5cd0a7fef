//! Rules that need themselves, and chains of rules that are too long for the stack.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;
use super::names::{Names, RuleName};
use crate::refusal::Objection;

/// So many rules may need one another in a row.
pub(crate) const MAX_CHAIN: usize = 24;

pub(super) fn check(sources: &[Source], names: &Names<'_>) -> Option<(usize, Objection)> {
    let mut needs: BTreeMap<RuleName<'_>, BTreeSet<RuleName<'_>>> = BTreeMap::new();
    for (index, source) in sources.iter().enumerate() {
        let view = names.seen_from(index);
        for rule in &source.module.rules {
            let own = needs.entry((&source.module.package, &rule.name)).or_default();
            rule.visit(&mut |term| own.extend(view.rule_of(term)));
        }
    }
    // The length of the longest chain from each rule, computed from the ends: a rule whose needs are all known is known.
    let mut known: BTreeMap<RuleName<'_>, usize> = BTreeMap::new();
    for length in 0..=MAX_CHAIN {
        let ready: Vec<_> = needs
            .iter()
            .filter(|(name, needed)| !known.contains_key(*name) && needed.iter().all(|n| known.contains_key(n)))
            .map(|(name, _)| *name)
            .collect();
        known.extend(ready.into_iter().map(|name| (name, length)));
    }
    let (name, _) = needs.iter().find(|(name, _)| !known.contains_key(*name))?;
    let (index, rule) = sources.iter().enumerate().find_map(|(index, source)| {
        let own = source.module.package == name.0;
        let rule = source.module.rules.iter().find(|rule| own && rule.name == name.1)?;
        Some((index, rule))
    })?;
    let message = format!("the rule {:?} needs itself, or more than {MAX_CHAIN} others in a row", rule.name);
    Some((index, Objection::new(rule.place, message)))
}
