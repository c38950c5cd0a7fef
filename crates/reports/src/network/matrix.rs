//! The trust matrix: what is open between namespaces of each trust level.

use std::collections::{BTreeMap, BTreeSet};

use super::NetworkMaterial;
use super::query::LevelChoice;

/// What is known of everything between two sets of namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing is open.
    Closed,
    /// Something is open, and nobody has to declare it: it leads to no higher trust level.
    Open,
    /// Something is open from a lower to a higher trust level, and all of it is declared.
    Declared,
    /// Something is open from a lower to a higher trust level, and it is not known what is declared.
    Undeclared,
    /// It is not known whether anything is open.
    Unknown,
    /// Something is open from a lower to a higher trust level that is not declared.
    NotDeclared,
}

/// What goes from one set of namespaces to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// Flows that are open for certain.
    pub open: i64,
    /// Those that are declared.
    pub declared: i64,
    /// Flows of which it is not known whether they are open.
    pub unknown: i64,
    /// One of them in words; empty when there is none.
    pub example: String,
}

impl Cell {
    /// Adds what is counted of a pair.
    pub fn add(&mut self, pair: &super::PairCount) {
        let undeclared = |open: i64, declared: i64| open > declared;
        let better = self.example.is_empty()
            || (undeclared(pair.open, pair.declared) && !undeclared(self.open, self.declared))
            || (pair.open > 0 && self.open == 0);
        if better {
            pair.example.clone_into(&mut self.example);
        }
        self.open += pair.open;
        self.declared += pair.declared;
        self.unknown += pair.unknown;
    }

    /// What that comes to. `upward`: it leads from a lower to a higher trust level; `known`: whether it is known what is declared; `observed`:
    /// whether the sources were observed.
    #[must_use]
    pub fn standing(&self, upward: bool, known: bool, observed: bool) -> Standing {
        match (self.open > 0, upward) {
            (true, false) => Standing::Open,
            (true, true) if !known => Standing::Undeclared,
            (true, true) if self.open > self.declared => Standing::NotDeclared,
            _ if self.unknown > 0 || !observed => Standing::Unknown,
            (true, true) => Standing::Declared,
            (false, _) => Standing::Closed,
        }
    }
}

/// The matrix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The levels, those without one first, each with how many namespaces have it.
    pub levels: Vec<(LevelChoice, usize)>,
    /// What goes from one to another; pairs between which nothing is known to go are left out.
    pub cells: BTreeMap<(LevelChoice, LevelChoice), Cell>,
}

impl Matrix {
    /// From the pairs of namespaces; without levels when no two namespaces differ in theirs.
    #[must_use]
    pub fn new(material: &NetworkMaterial) -> Self {
        let levels: BTreeMap<&str, LevelChoice> =
            material.namespaces.iter().map(|one| (one.name.as_str(), LevelChoice::of(one.level))).collect();
        let mut counted: BTreeMap<LevelChoice, usize> = BTreeMap::new();
        for level in levels.values() {
            *counted.entry(*level).or_default() += 1;
        }
        let differ: BTreeSet<LevelChoice> =
            counted.keys().copied().filter(|level| *level != LevelChoice::Without).collect();
        if differ.len() < 2 {
            return Self::default();
        }
        let level = |namespace: &str| levels.get(namespace).copied().unwrap_or(LevelChoice::Without);
        let mut cells: BTreeMap<(LevelChoice, LevelChoice), Cell> = BTreeMap::new();
        for pair in &material.pairs {
            if let (Some(from), Some(to)) = (&pair.from, &pair.to) {
                cells.entry((level(from), level(to))).or_default().add(pair);
            }
        }
        Self { levels: counted.into_iter().collect(), cells }
    }

    /// Whether a connection leads from a lower to a higher level.
    #[must_use]
    pub fn upward(from: LevelChoice, to: LevelChoice) -> bool {
        matches!((from, to), (LevelChoice::Level(from), LevelChoice::Level(to)) if from < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(open: i64, declared: i64, unknown: i64) -> Cell {
        Cell { open, declared, unknown, example: String::new() }
    }

    #[test]
    fn what_is_not_declared_goes_before_what_is_not_known_and_that_before_what_is_declared() {
        assert_eq!(cell(2, 1, 5).standing(true, true, true), Standing::NotDeclared);
        assert_eq!(cell(2, 2, 5).standing(true, true, true), Standing::Unknown);
        assert_eq!(cell(2, 2, 0).standing(true, true, true), Standing::Declared);
        assert_eq!(cell(2, 0, 0).standing(true, false, true), Standing::Undeclared);
        assert_eq!(cell(2, 0, 5).standing(false, true, false), Standing::Open);
        assert_eq!(cell(0, 0, 0).standing(true, true, true), Standing::Closed);
        assert_eq!(cell(0, 0, 0).standing(true, true, false), Standing::Unknown);
        assert_eq!(cell(0, 0, 1).standing(false, true, true), Standing::Unknown);
    }
}
