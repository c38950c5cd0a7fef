//! The trust matrix as a picture and as a table.

use super::{Number, mark};
use crate::figures::{Mark, count};
use crate::links::Links;
use crate::network::matrix::{Cell, Matrix};
use crate::network::{FlowState, LevelChoice, NetworkMaterial, NetworkQuery};
use crate::shown::Shown;

/// The most levels that are drawn; the table has all.
const MOST_LEVELS: usize = 12;
const LEFT: usize = 150;
const TOP: usize = 44;
const WIDTH: usize = 200;
const HEIGHT: usize = 48;

#[derive(Debug)]
pub(super) struct Drawn {
    /// Whether it is drawn; else it has too many levels.
    pub(super) picture: bool,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) columns: Vec<Label>,
    pub(super) rows: Vec<Label>,
    pub(super) cells: Vec<Square>,
    pub(super) description: String,
    pub(super) table: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Label {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) text: String,
    pub(super) note: String,
}

#[derive(Debug)]
pub(super) struct Square {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) mark: Mark,
    pub(super) flows: String,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) mark: Mark,
    pub(super) open: Number,
    pub(super) declared: Number,
    /// Only from a lower to a higher level, and when it is known what is declared.
    pub(super) not_declared: Option<Number>,
    pub(super) unknown: Number,
    pub(super) example: Shown,
}

pub(super) fn level_words(level: LevelChoice) -> String {
    match level {
        LevelChoice::Without => "no trust level".to_owned(),
        LevelChoice::Level(level) => format!("level {level}"),
    }
}

impl Drawn {
    /// `None` when no two namespaces have different levels. `known`: whether it is known what is declared; `observed`: whether anybody looked, and all was gathered.
    pub(super) fn new(
        material: &NetworkMaterial,
        links: &Links<'_>,
        query: &NetworkQuery,
        known: bool,
        observed: bool,
    ) -> Option<Self> {
        let matrix = Matrix::new(material);
        if matrix.levels.is_empty() {
            return None;
        }
        let namespaces = |n: usize| if n == 1 { "1 namespace".to_owned() } else { format!("{n} namespaces") };
        let label = |(place, (level, n)): (usize, &(LevelChoice, usize)), across: bool| Label {
            x: if across { LEFT + place * WIDTH + WIDTH / 2 } else { LEFT - 10 },
            y: if across { TOP - 24 } else { TOP + place * HEIGHT + HEIGHT / 2 - 3 },
            text: format!("{} {}", if across { "to" } else { "from" }, level_words(*level)),
            note: namespaces(*n),
        };
        let (mut cells, mut table, mut description) = (Vec::new(), Vec::new(), String::new());
        let none = Cell::default();
        for (row, (from, _)) in matrix.levels.iter().enumerate() {
            for (column, (to, _)) in matrix.levels.iter().enumerate() {
                let cell = matrix.cells.get(&(*from, *to)).unwrap_or(&none);
                let upward = Matrix::upward(*from, *to);
                let mark = mark(cell.standing(upward, known, observed));
                description.push_str(&format!(
                    "From {} to {}: {}. ",
                    level_words(*from),
                    level_words(*to),
                    mark.words()
                ));
                cells.push(Square {
                    x: LEFT + column * WIDTH,
                    y: TOP + row * HEIGHT,
                    mark,
                    flows: match (cell.open, cell.unknown) {
                        (0, 0) => String::new(),
                        (0, unknown) => format!("{} unknown", count(unknown)),
                        (open, 0) => format!("{} open", count(open)),
                        (open, unknown) => format!("{} open, {} unknown", count(open), count(unknown)),
                    },
                });
                let to_flows = |state: FlowState| {
                    links.to_flows(NetworkQuery {
                        from_level: Some(*from),
                        to_level: Some(*to),
                        state: Some(state),
                        ..query.place()
                    })
                };
                table.push(Row {
                    from: level_words(*from),
                    to: level_words(*to),
                    mark,
                    open: Number::new(cell.open, || to_flows(FlowState::Open)),
                    declared: Number::new(cell.declared, || to_flows(FlowState::Declared)),
                    not_declared: (upward && known)
                        .then(|| Number::new(cell.open - cell.declared, || to_flows(FlowState::NotDeclared))),
                    unknown: Number::new(cell.unknown, || to_flows(FlowState::Unknown)),
                    example: Shown::line(&cell.example),
                });
            }
        }
        let size = matrix.levels.len();
        Some(Self {
            picture: size <= MOST_LEVELS,
            width: LEFT + size * WIDTH + 2,
            height: TOP + size * HEIGHT + 2,
            columns: matrix.levels.iter().enumerate().map(|one| label(one, true)).collect(),
            rows: matrix.levels.iter().enumerate().map(|one| label(one, false)).collect(),
            cells,
            description,
            table,
        })
    }
}
