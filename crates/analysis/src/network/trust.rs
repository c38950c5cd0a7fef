//! Trust levels of namespaces, and what may go on between them.

use std::collections::BTreeMap;

use records::network::Certainty;

use super::engine::Answer;
use super::ports::Pool;
use super::reachability::Reachability;
use super::world::World;
use super::{Options, TRUST_LABEL};

/// Levels of two namespaces of which the first has the lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boundary {
    /// The lower one.
    pub from_level: i64,
    /// The higher one.
    pub to_level: i64,
}

/// The trust levels of namespaces: from the configuration, else from their label; those that have neither are left out, as are labels that are no
/// whole number.
#[must_use]
pub fn levels(world: &World, options: &Options) -> BTreeMap<String, i64> {
    let level = |name: &str, labels: &crate::selector::Labels| {
        let configured = options.trust_levels.get(name).copied();
        configured.or_else(|| labels.get(TRUST_LABEL).and_then(|text| text.trim().parse().ok()))
    };
    world.namespaces.iter().filter_map(|(name, labels)| Some((name.clone(), level(name, labels)?))).collect()
}

/// All pairs of namespaces of which the first has the lower level.
#[must_use]
pub fn boundaries(levels: &BTreeMap<String, i64>) -> Vec<((String, String), Boundary)> {
    let mut pairs = Vec::new();
    for (from, from_level) in levels {
        for (to, to_level) in levels.iter().filter(|(_, level)| *level > from_level) {
            let boundary = Boundary { from_level: *from_level, to_level: *to_level };
            pairs.push(((from.clone(), to.clone()), boundary));
        }
    }
    pairs
}

/// What may go from one level to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// Pairs of workloads.
    pub pairs: usize,
    /// Those of which something is open for certain.
    pub reachable: usize,
    /// Those of which it is not known, and nothing is open for certain.
    pub unknown: usize,
    /// One of the open pairs, or of the unknown ones when none is open.
    pub example: Option<(String, String, Certainty)>,
}

/// Who reaches whom by trust level: of namespaces without a level, `None`.
pub fn matrix(all: &mut Reachability, options: &Options) -> BTreeMap<(Option<i64>, Option<i64>), Cell> {
    let levels = levels(&all.world, options);
    let of: Vec<Option<i64>> = all.workloads.iter().map(|w| levels.get(&w.name.namespace).copied()).collect();
    let masks = all.engine.masks();
    let mut cells: BTreeMap<(Option<i64>, Option<i64>), Cell> = BTreeMap::new();
    for from in 0..of.len() {
        for to in 0..of.len() {
            if from == to {
                continue;
            }
            let cell = cells.entry((of[from], of[to])).or_default();
            cell.pairs += 1;
            let answer = if all.may_reach(&masks, from, to) { all.between(from, to) } else { Answer::CLOSED };
            let certainty = if answer.open != Pool::NONE {
                cell.reachable += 1;
                Certainty::Reachable
            } else if answer.possible != Pool::NONE {
                cell.unknown += 1;
                Certainty::Unknown
            } else {
                continue;
            };
            if cell.example.as_ref().is_none_or(|(_, _, known)| certainty < *known) {
                let name = |workload: usize| all.workloads[workload].name.to_string();
                cell.example = Some((name(from), name(to), certainty));
            }
        }
    }
    cells
}
