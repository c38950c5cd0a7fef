//! What a role meets of the needs of all patterns, worked out once for each role.

use std::sync::LazyLock;

use super::catalogue::{self, Pattern, Way};
use super::need::{Met, Need};
use crate::rbac::role::Role;

/// Number of words of [`Bits`].
const WORDS: usize = 4;

/// A set of needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bits([u64; WORDS]);

impl Bits {
    fn insert(&mut self, need: usize) {
        if let Some(word) = self.0.get_mut(need / 64) {
            *word |= 1 << (need % 64);
        }
    }

    /// Those of both.
    pub(crate) fn union(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    /// Whether all of the others are here.
    pub(crate) fn holds(&self, others: &Self) -> bool {
        self.0.iter().zip(others.0).all(|(word, other)| word & other == other)
    }

    /// Whether some of the others are here.
    pub(crate) fn touches(&self, others: &Self) -> bool {
        self.0.iter().zip(others.0).any(|(word, other)| word & other != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// A way with its needs by number.
#[derive(Debug)]
pub(crate) struct NumberedWay {
    pub(crate) way: &'static Way,
    /// Numbers of the needs, in their order.
    pub(crate) needs: Vec<u16>,
    /// The same as a set.
    pub(crate) bits: Bits,
}

/// The needs of all patterns, each once.
#[derive(Debug)]
pub(crate) struct Needs {
    all: Vec<&'static Need>,
    /// For each pattern its ways.
    pub(crate) patterns: Vec<(&'static Pattern, Vec<NumberedWay>)>,
}

/// The needs of the catalogue.
pub(crate) fn needs() -> &'static Needs {
    static NEEDS: LazyLock<Needs> = LazyLock::new(|| {
        let mut all: Vec<&'static Need> = Vec::new();
        let mut number = |need: &'static Need| {
            let known = all.iter().position(|other| *other == need);
            let position = known.unwrap_or(all.len());
            if known.is_none() {
                all.push(need);
            }
            u16::try_from(position).unwrap_or(u16::MAX)
        };
        let mut patterns = Vec::new();
        for pattern in catalogue::all() {
            let mut ways = Vec::new();
            for way in pattern.ways {
                let needs: Vec<u16> = way.needs.iter().map(&mut number).collect();
                let mut bits = Bits::default();
                for need in &needs {
                    bits.insert(usize::from(*need));
                }
                ways.push(NumberedWay { way, needs, bits });
            }
            patterns.push((*pattern, ways));
        }
        Needs { all, patterns }
    });
    &NEEDS
}

impl Needs {
    /// The need of a number.
    pub(crate) fn get(&self, number: u16) -> Option<&'static Need> {
        self.all.get(usize::from(number)).copied()
    }
}

/// A role with what it meets.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The role.
    pub(crate) role: Role,
    /// The needs that it meets.
    pub(crate) bits: Bits,
    /// How, by number of the need: position of the rule, and what it reaches.
    met: Vec<(u16, usize, Met)>,
}

impl Profile {
    /// Works it out.
    pub(crate) fn of(role: Role) -> Self {
        let needs = needs();
        let mut bits = Bits::default();
        let mut met = Vec::new();
        for (index, rule) in role.rules.iter().enumerate() {
            for (number, need) in needs.all.iter().enumerate() {
                if let Some(found) = need.met_by(rule) {
                    bits.insert(number);
                    met.push((u16::try_from(number).unwrap_or(u16::MAX), index, found));
                }
            }
        }
        met.sort_by_key(|(number, index, _)| (*number, *index));
        Self { role, bits, met }
    }

    /// How it meets a need: positions of rules and what they reach.
    pub(crate) fn met(&self, need: u16) -> impl Iterator<Item = (usize, usize, &Met)> {
        let start = self.met.partition_point(|(number, ..)| *number < need);
        let found = self.met.iter().enumerate().skip(start).take_while(move |(_, (number, ..))| *number == need);
        found.map(|(position, (_, rule, met))| (position, *rule, met))
    }

    /// One entry of what it meets: position of the rule, and what it reaches.
    pub(crate) fn entry(&self, position: usize) -> Option<(usize, &Met)> {
        self.met.get(position).map(|(_, rule, met)| (*rule, met))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_needs_have_their_place() {
        assert!(needs().all.len() <= 64 * WORDS, "{} needs", needs().all.len());
        assert_eq!(needs().patterns.len(), 45);
    }
}
