//! Rows between the groups of two namespaces, or of one and the world outside: as few as say it.

use super::super::super::addresses::AddressRange;
use super::super::super::engine::masks::Masks;
use super::super::super::engine::{Answer, Engine};
use super::super::super::pods::WorkloadName;
use super::super::super::policy::Direction;
use super::groups::Groups;
use super::{PathKey, PeerName, Rows};

/// Rows, and what they name.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) rows: Rows,
    pub(super) by: By,
}

/// What rows name. Rows that name no workload of a namespace are the same while its groups are, whoever is in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum By {
    /// Namespaces, or nothing at all.
    #[default]
    Whole,
    /// All of the source, and workloads of the destination.
    Destination,
    /// Workloads.
    Workload,
}

fn inside(name: &WorkloadName) -> PeerName {
    PeerName { name: name.to_string(), namespace: Some(name.namespace.clone()) }
}

fn all_of(namespace: &str) -> PeerName {
    PeerName { name: format!("{namespace}/*"), namespace: Some(namespace.to_owned()) }
}

fn range(range: AddressRange) -> PeerName {
    PeerName { name: range.to_string(), namespace: None }
}

fn add(rows: &mut Rows, engine: &mut Engine, from: &PeerName, to: &PeerName, answer: Answer) {
    for (certainty, protocol, first_port, last_port) in engine.intervals(answer) {
        let key = PathKey { from: from.clone(), to: to.clone(), protocol, first_port, last_port };
        rows.insert(key, certainty);
    }
}

/// The rows between the workloads of two namespaces, or of one with itself.
pub(super) fn between(engine: &mut Engine, masks: &Masks, from: (&str, &Groups), to: (&str, &Groups)) -> Told {
    let mut rows = Rows::new();
    let sources: Vec<_> = from.1.iter().collect();
    let destinations: Vec<_> = to.1.iter().collect();
    let mut answers: Vec<Vec<Answer>> = Vec::with_capacity(destinations.len());
    for (to_classes, _) in &destinations {
        let mut of_destination = Vec::with_capacity(sources.len());
        for (from_classes, _) in &sources {
            of_destination.push(if engine.any_may_reach(masks, from_classes, to_classes) {
                engine.between(from_classes, to_classes)
            } else {
                Answer::CLOSED
            });
        }
        answers.push(of_destination);
    }
    if answers.iter().flatten().all(|answer| *answer == Answer::CLOSED) {
        return Told::default();
    }
    // A workload alone with itself is no pair.
    let alone =
        |source: usize, destination: usize| from.0 == to.0 && source == destination && sources[source].1.len() == 1;
    let uniform = |destination: usize| -> Option<Answer> {
        let mut all = (0..sources.len()).filter(|source| !alone(*source, destination)).map(|s| answers[destination][s]);
        let first = all.next().unwrap_or(Answer::CLOSED);
        all.all(|answer| answer == first).then_some(first)
    };
    let by_destination: Vec<Option<Answer>> = (0..destinations.len()).map(uniform).collect();
    if let [Some(first), rest @ ..] = by_destination.as_slice()
        && rest.iter().all(|answer| *answer == Some(*first))
    {
        add(&mut rows, engine, &all_of(from.0), &all_of(to.0), *first);
        return Told { rows, by: By::Whole };
    }
    for (destination, (_, workloads)) in destinations.iter().enumerate() {
        for to_workload in *workloads {
            if let Some(answer) = by_destination[destination] {
                add(&mut rows, engine, &all_of(from.0), &inside(to_workload), answer);
                continue;
            }
            for (source, (_, from_workloads)) in sources.iter().enumerate() {
                for from_workload in from_workloads.iter().filter(|workload| *workload != to_workload) {
                    add(&mut rows, engine, &inside(from_workload), &inside(to_workload), answers[destination][source]);
                }
            }
        }
    }
    let by = if by_destination.contains(&None) { By::Workload } else { By::Destination };
    Told { rows, by }
}

/// The rows between the workloads of a namespace and the world outside.
pub(super) fn outside(engine: &mut Engine, namespace: &str, groups: &Groups) -> Told {
    let mut told = Told::default();
    for direction in Direction::ALL {
        let answers: Vec<Vec<(AddressRange, Answer)>> =
            groups.keys().map(|classes| engine.outside_answers(classes, direction)).collect();
        let Some(first) = answers.first() else { continue };
        let same = answers.iter().all(|answer| answer == first);
        if !same {
            told.by = By::Workload;
        }
        for (workloads, ranges) in groups.values().zip(&answers) {
            let peers: Vec<PeerName> =
                if same { vec![all_of(namespace)] } else { workloads.iter().map(inside).collect() };
            for peer in peers {
                for (of, answer) in ranges {
                    match direction {
                        Direction::Egress => add(&mut told.rows, engine, &peer, &range(*of), *answer),
                        Direction::Ingress => add(&mut told.rows, engine, &range(*of), &peer, *answer),
                    }
                }
            }
        }
    }
    told
}
