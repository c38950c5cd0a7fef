//! The window of one control as a sequence of states: what the load line is drawn from, and the table beside it.

use records::{Period, PeriodSet, Timestamp, Verdict};

/// How many columns a timeline is resolved into for drawing; divisible by the narrower strips' columns.
pub const COLUMNS: usize = 960;

/// What is known of a control at one instant. The order is that of drawing: where several meet, the greatest is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The sources were observed and nothing was there to test.
    Idle,
    /// Every item that existed was effective.
    Effective,
    /// The sources were not all observed.
    Uncovered,
    /// The sources were observed, but the evidence of an item does not tell.
    Undetermined,
    /// An item deviated.
    Deviation,
}

impl State {
    /// All states in the order of the legend.
    pub const LEGEND: [State; 5] =
        [State::Effective, State::Deviation, State::Undetermined, State::Uncovered, State::Idle];

    /// The word for it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Idle => "nothing to test",
            Self::Effective => "effective",
            Self::Uncovered => "not covered",
            Self::Undetermined => "undetermined",
            Self::Deviation => "deviation",
        }
    }
}

/// A period in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// When.
    pub period: Period,
    /// The state throughout.
    pub state: State,
}

/// The states of a whole window.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// The window.
    pub window: Period,
    /// The states, without holes or overlaps, neighbours differing. Instants (events) are not in it.
    pub runs: Vec<Run>,
    /// For each of [`COLUMNS`] equal parts of the window the greatest state that occurs in it, events included.
    pub columns: Vec<State>,
}

/// One verdict over `from..to`, or at the instant `from` when both are equal.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Beginning or instant.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
}

impl Timeline {
    /// Puts the verdicts of all items and the coverage of the sources together.
    ///
    /// At each instant: a deviation is shown even where coverage is missing; else missing coverage; else what is undetermined; else
    /// effective; else nothing to test.
    #[must_use]
    pub fn new(window: Period, covered: &PeriodSet, spans: impl IntoIterator<Item = Span>) -> Self {
        let mut edges: Vec<(Timestamp, usize, i64)> = Vec::new();
        let mut add = |period: Period, what: usize| {
            if let Some(inside) = period.intersection(window) {
                edges.push((inside.from, what, 1));
                edges.push((inside.to, what, -1));
            }
        };
        let mut instants = Vec::new();
        for span in spans {
            match Period::new(span.from, span.to) {
                Some(period) => add(period, of_verdict(span.verdict) as usize),
                None => instants.push((span.from, of_verdict(span.verdict))),
            }
        }
        for period in covered.missing_from(window).periods() {
            add(*period, State::Uncovered as usize);
        }
        edges.sort_unstable();

        let runs = sweep(window, &edges);
        let mut columns = vec![State::Idle; COLUMNS];
        for run in &runs {
            let last = column(window, run.period.to, true);
            for state in &mut columns[column(window, run.period.from, false)..last] {
                *state = run.state.max(*state);
            }
        }
        for (at, state) in instants.into_iter().filter(|(at, _)| window.contains(*at)) {
            let place = &mut columns[column(window, at, false)];
            *place = state.max(*place);
        }
        Self { window, runs, columns }
    }

    /// The time spent in a state, in microseconds.
    #[must_use]
    pub fn micros(&self, state: State) -> i64 {
        self.runs.iter().filter(|run| run.state == state).map(|run| run.period.micros()).sum()
    }

    /// The states of `columns` equal parts of the window; `columns` divides [`COLUMNS`].
    #[must_use]
    pub fn narrowed(&self, columns: usize) -> Vec<State> {
        let width = (COLUMNS / columns.clamp(1, COLUMNS)).max(1);
        self.columns.chunks(width).map(|part| part.iter().copied().max().unwrap_or(State::Idle)).collect()
    }
}

fn of_verdict(verdict: Verdict) -> State {
    match verdict {
        Verdict::Effective => State::Effective,
        Verdict::Deviation => State::Deviation,
        Verdict::Undetermined => State::Undetermined,
    }
}

/// Walks the sorted edges and keeps how many spans of each state are open.
fn sweep(window: Period, edges: &[(Timestamp, usize, i64)]) -> Vec<Run> {
    let mut open = [0i64; 5];
    let mut runs: Vec<Run> = Vec::new();
    let mut from = window.from;
    let mut next = edges.iter().peekable();
    loop {
        while let Some((_, what, by)) = next.next_if(|(at, _, _)| *at <= from) {
            open[*what] += by;
        }
        let to = next.peek().map_or(window.to, |(at, _, _)| *at);
        let Some(period) = Period::new(from, to) else { break };
        let state = [State::Deviation, State::Uncovered, State::Undetermined, State::Effective]
            .into_iter()
            .find(|state| open[*state as usize] > 0)
            .unwrap_or(State::Idle);
        match runs.last_mut() {
            Some(last) if last.state == state => last.period.to = to,
            _ => runs.push(Run { period, state }),
        }
        from = to;
    }
    runs
}

/// The column that holds the instant; for an end, the first column after.
fn column(window: Period, at: Timestamp, end: bool) -> usize {
    let place = i128::from(at.micros_since(window.from)) * COLUMNS as i128;
    let length = i128::from(window.micros());
    let column = if end { (place + length - 1) / length } else { place / length };
    usize::try_from(column.clamp(0, if end { COLUMNS as i128 } else { COLUMNS as i128 - 1 }))
        .expect("a column is clamped to 0..=960")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn window() -> Period {
        Period::new(at(0), at(9_600)).unwrap()
    }

    fn span(from: i64, to: i64, verdict: Verdict) -> Span {
        Span { from: at(from), to: at(to), verdict }
    }

    #[test]
    fn a_short_deviation_in_a_long_window_is_seen() {
        let spans = [span(0, 9_600, Verdict::Effective), span(5_001, 5_002, Verdict::Deviation)];
        let line = Timeline::new(window(), &window().into(), spans);
        assert_eq!(line.columns[500], State::Deviation);
        assert_eq!(line.columns.iter().filter(|s| **s == State::Deviation).count(), 1);
        assert_eq!(line.narrowed(240)[125], State::Deviation);
        assert_eq!(line.runs.len(), 3);
    }

    #[test]
    fn what_nobody_watched_is_not_covered_and_what_did_not_exist_is_idle() {
        let covered = PeriodSet::from(Period::new(at(0), at(6_000)).unwrap());
        let line = Timeline::new(window(), &covered, [span(0, 3_000, Verdict::Effective)]);
        let states: Vec<State> = line.runs.iter().map(|run| run.state).collect();
        assert_eq!(states, [State::Effective, State::Idle, State::Uncovered]);
        assert_eq!(line.micros(State::Uncovered), 3_600);
    }

    #[test]
    fn an_event_marks_its_column_and_takes_no_time() {
        let line = Timeline::new(window(), &window().into(), [span(9_599, 9_599, Verdict::Deviation)]);
        assert_eq!(line.columns[COLUMNS - 1], State::Deviation);
        assert_eq!(line.micros(State::Idle), 9_600);
    }

    fn verdicts() -> impl Strategy<Value = Verdict> {
        prop::sample::select(Verdict::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn runs_partition_the_window_and_no_deviation_is_lost(
            spans in prop::collection::vec((-200i64..10_000, 0i64..3_000, verdicts()), 0..20),
            covered in prop::collection::vec((-200i64..10_000, 1i64..3_000), 0..5),
        ) {
            let covered: PeriodSet = covered.into_iter().filter_map(|(f, l)| Period::new(at(f), at(f + l))).collect();
            let spans: Vec<Span> = spans.into_iter().map(|(f, l, v)| span(f, f + l, v)).collect();
            let line = Timeline::new(window(), &covered, spans.clone());
            prop_assert_eq!(line.runs.first().unwrap().period.from, at(0));
            prop_assert_eq!(line.runs.last().unwrap().period.to, at(9_600));
            for pair in line.runs.windows(2) {
                prop_assert_eq!(pair[0].period.to, pair[1].period.from);
                prop_assert_ne!(pair[0].state, pair[1].state);
            }
            for t in (0..9_600).step_by(37).map(at) {
                let holds = |v: Verdict| spans.iter().any(|s| s.verdict == v && s.from <= t && t < s.to);
                let expected = if holds(Verdict::Deviation) { State::Deviation }
                    else if !covered.contains(t) { State::Uncovered }
                    else if holds(Verdict::Undetermined) { State::Undetermined }
                    else if holds(Verdict::Effective) { State::Effective }
                    else { State::Idle };
                let found = line.runs.iter().find(|run| run.period.contains(t)).unwrap().state;
                prop_assert_eq!(found, expected);
                prop_assert!(line.columns[column(window(), t, false)] >= expected);
            }
            for s in spans.iter().filter(|s| s.verdict == Verdict::Deviation && window().contains(s.from)) {
                prop_assert_eq!(line.columns[column(window(), s.from, false)], State::Deviation);
            }
        }
    }
}
