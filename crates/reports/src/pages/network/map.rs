//! The network map as a picture and as tables.

use std::collections::BTreeSet;

use super::matrix::level_words;
use super::{Number, mark};
use crate::figures::{Mark, count};
use crate::forms::{Edge, Graph, Line, Node, Shape, svg};
use crate::links::Links;
use crate::network::groups::{Group, Map, Together};
use crate::network::matrix::{Cell, Matrix, Standing};
use crate::network::{FlowState, LevelChoice, NetworkMaterial, NetworkQuery, OUTSIDE};
use crate::shown::Shown;

/// The most names of one group that are listed; the CSV beside it has all.
const NAMES: usize = 60;

#[derive(Debug)]
pub(super) struct Drawn {
    /// The picture: markup that [`svg`] escaped; empty when there is nothing to draw.
    pub(super) picture: String,
    pub(super) how: &'static str,
    pub(super) left_out: String,
    pub(super) groups: Vec<GroupRow>,
    pub(super) arrows: Vec<ArrowRow>,
}

#[derive(Debug)]
pub(super) struct GroupRow {
    pub(super) name: Shown,
    pub(super) level: String,
    pub(super) namespaces: Shown,
    pub(super) more: usize,
    pub(super) among: Mark,
}

#[derive(Debug)]
pub(super) struct ArrowRow {
    pub(super) from: Shown,
    pub(super) to: Shown,
    pub(super) mark: Mark,
    pub(super) open: Number,
    pub(super) not_declared: Option<Number>,
    pub(super) unknown: Number,
    pub(super) example: Shown,
}

/// What a group is called.
fn name(group: &Group) -> String {
    match group.names.as_slice() {
        [] => "outside of the cluster".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

impl Drawn {
    /// `known`: whether it is known what is declared; `observed`: whether anybody looked, and all was gathered.
    pub(super) fn new(
        material: &NetworkMaterial,
        links: &Links<'_>,
        query: &NetworkQuery,
        known: bool,
        observed: bool,
    ) -> Self {
        let map = Map::new(material);
        let none = Cell::default();
        let standing = |from: usize, to: usize, cell: &Cell| {
            let upward = Matrix::upward(map.groups[from].level, map.groups[to].level);
            cell.standing(upward, known, observed)
        };
        let levels = material.namespaces.iter().any(|one| one.level.is_some());
        // Without levels nothing leads upward, and nothing else.
        let mark = |standing: Standing| match standing {
            Standing::Open if !levels => Mark::new(crate::figures::Shape::Thin, "open"),
            other => mark(other),
        };
        let outside = map.groups.len() - 1;
        let named: Vec<String> = map
            .groups
            .iter()
            .map(|group| match map.together {
                Together::Level => format!("{} ({} namespaces)", level_words(group.level), group.names.len()),
                _ => name(group),
            })
            .enumerate()
            .map(|(place, words)| if place == outside { name(&map.groups[place]) } else { words })
            .collect();
        let mut graph = Graph::new("Network map", "");
        let touched: BTreeSet<usize> = map.arrows.keys().flat_map(|(from, to)| [*from, *to]).collect();
        for (place, group) in map.groups.iter().enumerate() {
            // What is outside is drawn only where something leads to it or comes from it.
            if place == outside && !touched.contains(&place) {
                continue;
            }
            let level = match group.level {
                LevelChoice::Level(level) if map.together != Together::Level => format!(" · level {level}"),
                _ => String::new(),
            };
            graph.nodes.push(Node {
                id: place.to_string(),
                label: format!("{}{level}", named[place]),
                shape: if place == outside { Shape::Round } else { Shape::Plain },
            });
        }
        let mut arrows = Vec::new();
        let mut description = String::new();
        for ((from, to), cell) in map.arrows.iter().filter(|((from, to), _)| from != to) {
            let standing = standing(*from, *to, cell);
            let words = mark(standing).words();
            graph.edges.push(Edge {
                from: from.to_string(),
                to: to.to_string(),
                label: match standing {
                    Standing::NotDeclared => format!("{} not declared", count(cell.open - cell.declared)),
                    Standing::Unknown => "not known".to_owned(),
                    _ => String::new(),
                },
                line: if cell.open > 0 { Line::Solid } else { Line::Dashed },
            });
            description.push_str(&format!("{} to {}: {words}. ", named[*from], named[*to]));
            let rows = |state: FlowState| {
                let narrowed = narrowed(&map, (*from, *to), query, state);
                (links, narrowed)
            };
            let number = |number: i64, state: FlowState| {
                let (links, narrowed) = rows(state);
                match narrowed {
                    Some(query) => Number::new(number, || links.to_flows(query)),
                    None => Number { text: count(number), href: None },
                }
            };
            let upward = Matrix::upward(map.groups[*from].level, map.groups[*to].level);
            arrows.push(ArrowRow {
                from: Shown::line(&named[*from]),
                to: Shown::line(&named[*to]),
                mark: mark(standing),
                open: number(cell.open, FlowState::Open),
                not_declared: (upward && known).then(|| number(cell.open - cell.declared, FlowState::NotDeclared)),
                unknown: number(cell.unknown, FlowState::Unknown),
                example: Shown::line(&cell.example),
            });
        }
        if description.is_empty() {
            description.push_str("Nothing is known to go from one to another.");
        }
        graph.description = description;
        let groups = map.groups.iter().take(outside).enumerate().map(|(place, group)| {
            let own = map.arrows.get(&(place, place)).unwrap_or(&none);
            let mark = match (map.together, own.open > 0) {
                // Levels hold namespaces that do not all do the same.
                (Together::Level, true) => Mark::new(crate::figures::Shape::Thin, "some open"),
                _ => mark(own.standing(false, known, observed)),
            };
            GroupRow {
                name: Shown::line(&named[place]),
                level: if levels { level_words(group.level) } else { String::new() },
                namespaces: Shown::block(
                    &group.names[..group.names.len().min(NAMES)].join(", ").replace(['\n', '\t'], " "),
                ),
                more: group.names.len().saturating_sub(NAMES),
                among: mark,
            }
        });
        Self {
            picture: if graph.nodes.is_empty() {
                String::new()
            } else {
                svg(&graph, "network-map").unwrap_or_default()
            },
            how: match map.together {
                Together::Alike => "Namespaces that reach, and are reached by, the same others are drawn as one.",
                Together::Level => {
                    "There are too many different namespaces to draw each, so that those of one trust level are drawn as one."
                }
                Together::Most => {
                    "There are too many different namespaces to draw all; give them trust levels to see them grouped. Those with the most flows are drawn."
                }
            },
            left_out: if map.left_out == 0 {
                String::new()
            } else {
                count(i64::try_from(map.left_out).unwrap_or(i64::MAX))
            },
            groups: groups.collect(),
            arrows,
        }
    }
}

/// The question for the flows between two groups, where one can be asked.
fn narrowed(map: &Map, (from, to): (usize, usize), query: &NetworkQuery, state: FlowState) -> Option<NetworkQuery> {
    let outside = map.groups.len() - 1;
    let mut narrowed = NetworkQuery { state: Some(state), ..query.place() };
    let end = |place: usize| -> Option<(String, Option<LevelChoice>)> {
        let group = &map.groups[place];
        match group.names.as_slice() {
            _ if place == outside => Some((OUTSIDE.to_owned(), None)),
            [one] => Some((one.clone(), None)),
            _ if map.together == Together::Level => Some((String::new(), Some(group.level))),
            _ => None,
        }
    };
    (narrowed.from, narrowed.from_level) = end(from)?;
    (narrowed.to, narrowed.to_level) = end(to)?;
    Some(narrowed)
}
