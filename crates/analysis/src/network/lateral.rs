//! What somebody reaches who has taken over one workload, going on from each workload that is reached.
//!
//! That a port is open says that somebody can try: whether the workload behind it can be taken over is another question, so that this is the most that
//! network policies leave open, not what will happen.

use std::collections::VecDeque;

use records::network::Certainty;

use super::engine::Answer;
use super::ports::Pool;
use super::reachability::Reachability;

/// A workload that is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Its number in [`Reachability::workloads`].
    pub workload: usize,
    /// How many steps it takes, at least.
    pub steps: usize,
    /// The workload before it on such a way.
    pub from: usize,
    /// `Unknown` when one of the steps is not known to be open.
    pub certainty: Certainty,
}

/// What is reached from a workload, nearest first; what is reached for certain goes before what may be. The workload itself is not among it.
pub fn reached(all: &mut Reachability, start: usize) -> Vec<Reached> {
    let masks = all.engine.masks();
    let count = all.workloads.len();
    let mut found: Vec<Option<Reached>> = vec![None; count];
    // First by steps that are open for certain, then on from all that by those that may be.
    for certainty in [Certainty::Reachable, Certainty::Unknown] {
        let mut next: VecDeque<(usize, usize)> = VecDeque::new();
        next.push_back((start, 0));
        if certainty == Certainty::Unknown {
            next.extend(found.iter().flatten().map(|reached| (reached.workload, reached.steps)));
            next.make_contiguous().sort_by_key(|(_, steps)| *steps);
        }
        while let Some((from, steps)) = next.pop_front() {
            for (to, place) in found.iter_mut().enumerate() {
                if to == start || place.is_some() {
                    continue;
                }
                let answer = if all.may_reach(&masks, from, to) { all.between(from, to) } else { Answer::CLOSED };
                let ports = if certainty == Certainty::Reachable { answer.open } else { answer.possible };
                if ports != Pool::NONE {
                    *place = Some(Reached { workload: to, steps: steps + 1, from, certainty });
                    next.push_back((to, steps + 1));
                }
            }
        }
    }
    let mut reached: Vec<Reached> = found.into_iter().flatten().collect();
    reached.sort_by_key(|one| (one.certainty, one.steps, one.workload));
    reached
}

/// The way to a reached workload: workloads from the start to it.
#[must_use]
pub fn way(reached: &[Reached], start: usize, to: usize) -> Vec<usize> {
    let mut way = vec![to];
    let mut at = to;
    while at != start && way.len() <= reached.len() + 1 {
        let Some(step) = reached.iter().find(|one| one.workload == at) else { break };
        at = step.from;
        way.push(at);
    }
    way.reverse();
    way
}
