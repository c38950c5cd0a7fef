//! The load line: a horizontal strip of the window, drawn so that each state has a shape of its own.

use askama::Template;
use records::{Period, Timestamp};

use crate::figures::{Mark, Moment, Shape, civil, duration, millionths, share};
use crate::timeline::{State, Timeline};

/// One strip as SVG, with its title, description and axis.
#[derive(Debug, Clone, Template)]
#[template(path = "strip.html")]
pub struct Strip {
    /// Unique on the page: it names the hatching and the description.
    id: String,
    /// In columns.
    width: usize,
    /// What the strip is of.
    title: String,
    /// The same facts in words.
    description: String,
    held: Vec<Bar>,
    broken: Vec<Bar>,
    hatched: Vec<Bar>,
    idle: Vec<Bar>,
    blank: Vec<Bar>,
    /// Labels below, evenly spaced from the beginning to the end; empty for a strip in a table.
    axis: Vec<Moment>,
}

impl askama::filters::HtmlSafe for Strip {}

/// One shape: where it begins and how wide it is, in columns.
#[derive(Debug, Clone, Copy)]
struct Bar {
    x: usize,
    width: usize,
}

impl Bar {
    /// The point of the notch above a deviation: `x` of its left, middle and right, in columns.
    fn notch(&self, strip: &Strip) -> (usize, usize, usize) {
        let half = if strip.width > NARROW { 7 } else { 4 };
        let middle = (self.x + self.width / 2).clamp(half, strip.width.saturating_sub(half));
        (middle - half, middle, middle + half)
    }
}

/// Columns of a strip in a table.
const NARROW: usize = 240;
/// Columns of a strip across the page.
const WIDE: usize = 960;

impl Strip {
    /// A strip for a row of a table.
    #[must_use]
    pub fn narrow(id: &str, title: &str, line: &Timeline) -> Self {
        Self::new(id, title, describe(line, State::words), line, NARROW, Vec::new())
    }

    /// A strip of the time that a source was observed, for a row of a table.
    #[must_use]
    pub fn coverage(id: &str, title: &str, line: &Timeline) -> Self {
        let words = |state| if state == State::Effective { "observed without loss" } else { "not observed" };
        Self::new(id, title, describe(line, words), line, NARROW, Vec::new())
    }

    /// A strip for a row of a table that tells something else than verdicts; `words` says what each state stands for.
    #[must_use]
    pub fn told(id: &str, title: &str, line: &Timeline, words: impl Fn(State) -> &'static str) -> Self {
        Self::new(id, title, describe(line, words), line, NARROW, Vec::new())
    }

    /// A strip across the page, with an axis.
    #[must_use]
    pub fn wide(id: &str, title: &str, line: &Timeline) -> Self {
        Self::new(id, title, describe(line, State::words), line, WIDE, axis(line.window))
    }

    fn new(id: &str, title: &str, description: String, line: &Timeline, width: usize, axis: Vec<Moment>) -> Self {
        let mut strip = Self {
            id: id.to_owned(),
            width,
            title: title.to_owned(),
            description,
            held: Vec::new(),
            broken: Vec::new(),
            hatched: Vec::new(),
            idle: Vec::new(),
            blank: Vec::new(),
            axis,
        };
        let columns = line.narrowed(width);
        let mut x = 0;
        for part in columns.chunk_by(|a, b| a == b) {
            let bar = Bar { x, width: part.len() };
            x += part.len();
            match part[0] {
                State::Effective => strip.held.push(bar),
                State::Idle => strip.idle.push(bar),
                // One column would be thinner than a line on a telephone, and hatching needs room to be seen as such. What is
                // not good is drawn over what is good, so widening hides nothing that matters.
                State::Uncovered => strip.blank.push(widened(bar, width, 1)),
                State::Undetermined => strip.hatched.push(widened(bar, width, 2)),
                State::Deviation => strip.broken.push(widened(bar, width, 1)),
            }
        }
        strip
    }
}

/// At least four columns (a narrow strip: two) times `factor`, kept inside the strip.
fn widened(bar: Bar, width: usize, factor: usize) -> Bar {
    let least = factor * if width > NARROW { 4 } else { 2 };
    if bar.width >= least {
        return bar;
    }
    Bar { x: bar.x.saturating_sub((least - bar.width) / 2).min(width - least), width: least }
}

/// The facts of the strip in one sentence for each state that occurs.
fn describe(line: &Timeline, words: impl Fn(State) -> &'static str) -> String {
    let mut text = format!("{} to {} UTC.", civil(line.window.from), civil(line.window.to));
    for state in State::LEGEND {
        let micros = line.micros(state);
        let periods = line.runs.iter().filter(|run| run.state == state).count();
        if micros > 0 {
            let part = share(millionths(micros, line.window));
            let noun = if periods == 1 { "period" } else { "periods" };
            text.push_str(&format!(" {}: {} ({part}) in {periods} {noun}.", words(state), duration(micros)));
        }
    }
    text
}

fn axis(window: Period) -> Vec<Moment> {
    let length = i128::from(window.micros());
    (0..=4)
        .map(|quarter| {
            let offset = i64::try_from(length * quarter / 4).expect("a quarter of an i64 fits an i64");
            Moment::new(whole_second(window, window.from.plus_micros(offset)))
        })
        .collect()
}

/// Labels between the ends are cut to the second unless the window itself is that short.
fn whole_second(window: Period, at: Timestamp) -> Timestamp {
    if window.micros() < 60_000_000 || at == window.from || at == window.to {
        return at;
    }
    at.plus_micros(-at.micros().rem_euclid(1_000_000))
}

/// One entry of the legend.
#[derive(Debug, Clone)]
pub struct LegendEntry {
    /// Shape and word.
    pub mark: Mark,
    /// What it means.
    pub meaning: &'static str,
}

/// What the shapes of a control's strip mean.
#[must_use]
pub fn legend() -> Vec<LegendEntry> {
    State::LEGEND.into_iter().map(|state| LegendEntry { mark: mark(state), meaning: meaning(state) }).collect()
}

/// The mark of a state.
#[must_use]
pub fn mark(state: State) -> Mark {
    let shape = match state {
        State::Effective => Shape::Filled,
        State::Deviation => Shape::Broken,
        State::Undetermined => Shape::Hatched,
        State::Idle => Shape::Thin,
        State::Uncovered => Shape::Blank,
    };
    Mark::new(shape, state.words())
}

fn meaning(state: State) -> &'static str {
    match state {
        State::Effective => "every item that existed was tested and held",
        State::Deviation => "at least one item deviated",
        State::Undetermined => "the evidence of an item does not tell",
        State::Uncovered => "a source was not observed: nobody looked",
        State::Idle => "the sources were observed and no item existed",
    }
}
