//! From the rows of population and test, and the coverage of sources, to verdicts over intervals.

use std::borrow::Cow;
use std::cmp::Ordering;

use records::{Period, PeriodSet, Timestamp, Verdict};

use super::RunError;
use super::columns::PopulationRow;
use super::coverage::ControlCoverage;
use super::items::{Items, ItemsBuilder, Judged};
use super::population::Population;
use super::tests_of_items::{TestRow, severity};

/// The reason of an item that the test has no row for.
pub(super) const NO_VERDICT: &str = "the test gave no verdict";
/// The reason of time in which a source was not covered.
pub(super) const NOT_COVERED: &str = "the sources that the test rests on were not covered";

/// Verdicts of a state control: each item's time in the population is cut where a test row or coverage begins or ends.
pub(super) fn state(
    population: &Population,
    tests: &[TestRow<'_>],
    coverage: &ControlCoverage,
    judges: bool,
) -> Result<Items, RunError> {
    let mut out = ItemsBuilder::new(population);
    let mut points: Vec<Timestamp> = Vec::new();
    each_item(population, tests, |rows, tests| {
        points.clear();
        for row in rows {
            points.extend([row.period.from, row.period.to]);
        }
        let hull = Period {
            from: points.iter().copied().min().unwrap_or(Timestamp::MIN),
            to: points.iter().copied().max().unwrap_or(Timestamp::MAX),
        };
        points.extend(tests.iter().filter_map(|t| t.period).flat_map(|p| [p.from, p.to]));
        for row in rows {
            points.extend(edges_within(coverage.of(row), row.period));
        }
        points.retain(|at| hull.from <= *at && *at <= hull.to);
        points.sort_unstable();
        points.dedup();
        let mut active = Active::new(rows, tests);
        for pair in points.windows(2) {
            active.judge(Period { from: pair[0], to: pair[1] }, coverage, judges, &mut out);
        }
    })?;
    Ok(out.finish())
}

/// Verdicts of an event control. An event that was seen was seen: its verdict does not depend on coverage.
pub(super) fn events(population: &Population, tests: &[TestRow<'_>]) -> Result<Items, RunError> {
    let mut out = ItemsBuilder::new(population);
    each_item(population, tests, |rows, tests| {
        for row in rows {
            let (verdict, reason) = worst(tests.iter());
            let instant = Period { from: row.period.from, to: row.period.from };
            out.push(row, instant, Judged { verdict, reason, uncovered: false });
        }
    })?;
    Ok(out.finish())
}

/// Verdicts of a cadence control. That something did not happen is a deviation only when the whole period was covered.
pub(super) fn cadence(
    population: &Population,
    tests: &[TestRow<'_>],
    coverage: &ControlCoverage,
) -> Result<Items, RunError> {
    let mut out = ItemsBuilder::new(population);
    each_item(population, tests, |rows, tests| {
        for row in rows {
            let (verdict, reason) = worst(tests.iter());
            let looked = coverage.of(row).missing_from(row.period).is_empty();
            if verdict == Verdict::Deviation && !looked {
                out.push(row, row.period, Judged::not_covered(&uncovered_reason(verdict, reason)));
            } else {
                out.push(row, row.period, Judged { verdict, reason, uncovered: false });
            }
        }
    })?;
    Ok(out.finish())
}

/// The covered time of a control that judges coverage itself: when at least one item was there and none was undetermined.
pub(super) fn judged(items: &Items, known: &PeriodSet) -> PeriodSet {
    let of = |undetermined: bool| -> PeriodSet {
        items
            .iter()
            .filter(|i| !undetermined || i.verdict == Verdict::Undetermined)
            .filter_map(|i| Period::new(i.from, i.to))
            .collect()
    };
    let (seen, unknown) = (of(false), of(true));
    let clear: PeriodSet = seen.periods().iter().flat_map(|p| unknown.missing_from(*p).periods().to_vec()).collect();
    clear.intersection(known)
}

/// Hands over the rows and tests of each item; both are sorted by item.
fn each_item<'a>(
    population: &'a Population,
    tests: &'a [TestRow<'a>],
    mut take: impl FnMut(&[PopulationRow<'a>], &'a [TestRow<'a>]),
) -> Result<(), RunError> {
    let mut rest = tests;
    let mut rows = population.columns.rows().peekable();
    let mut of_item: Vec<PopulationRow<'a>> = Vec::new();
    while let Some(first) = rows.next() {
        of_item.clear();
        of_item.push(first);
        while let Some(row) = rows.next_if(|row| row.item == first.item) {
            of_item.push(row);
        }
        let mut length = 0;
        for test in rest {
            match test.item.cmp(first.item) {
                Ordering::Less => return Err(RunError::Stranger(test.item.to_owned())),
                Ordering::Equal => length += 1,
                Ordering::Greater => break,
            }
        }
        let (now, after) = rest.split_at(length);
        take(&of_item, now);
        rest = after;
    }
    rest.first().map_or(Ok(()), |stranger| Err(RunError::Stranger(stranger.item.to_owned())))
}

/// Where coverage begins or ends within a period.
fn edges_within(covered: &PeriodSet, period: Period) -> impl Iterator<Item = Timestamp> + '_ {
    let first = covered.periods().partition_point(|p| p.to <= period.from);
    covered.periods()[first..]
        .iter()
        .take_while(move |p| p.from < period.to)
        .flat_map(|p| [p.from, p.to])
        .filter(move |at| period.contains(*at))
}

/// The rows and tests that hold at the point that a sweep has come to.
struct Active<'a> {
    rows: &'a [PopulationRow<'a>],
    tests: &'a [TestRow<'a>],
    now_rows: Vec<&'a PopulationRow<'a>>,
    now_tests: Vec<&'a TestRow<'a>>,
}

impl<'a> Active<'a> {
    fn new(rows: &'a [PopulationRow<'a>], tests: &'a [TestRow<'a>]) -> Self {
        Self { rows, tests, now_rows: Vec::new(), now_tests: Vec::new() }
    }

    /// Adds the verdict over a period in which nothing begins or ends; periods come in ascending order.
    fn judge(&mut self, period: Period, coverage: &ControlCoverage, judges: bool, out: &mut ItemsBuilder) {
        while let Some((row, rest)) = self.rows.split_first().filter(|(r, _)| r.period.from <= period.from) {
            self.now_rows.push(row);
            self.rows = rest;
        }
        while let Some((test, rest)) =
            self.tests.split_first().filter(|(t, _)| t.period.is_none_or(|p| p.from <= period.from))
        {
            if test.period.is_some() {
                self.now_tests.push(test);
            }
            self.tests = rest;
        }
        self.now_rows.retain(|r| r.period.to > period.from);
        self.now_tests.retain(|t| t.period.is_some_and(|p| p.to > period.from));
        let Some(row) = self.now_rows.first() else { return };
        let (verdict, reason) = worst(self.now_tests.iter().copied());
        let covered = self.now_rows.iter().all(|r| coverage.of(r).contains(period.from));
        if covered {
            let uncovered = judges && verdict == Verdict::Undetermined;
            out.extend(row, period, Judged { verdict, reason, uncovered });
        } else {
            out.extend(row, period, Judged::not_covered(&uncovered_reason(verdict, reason)));
        }
    }
}

fn uncovered_reason(verdict: Verdict, reason: &str) -> Cow<'static, str> {
    match verdict {
        Verdict::Deviation => Cow::Owned(format!("{NOT_COVERED}; by what was seen: {reason}")),
        _ => Cow::Borrowed(NOT_COVERED),
    }
}

fn worst<'a>(tests: impl Iterator<Item = &'a TestRow<'a>>) -> (Verdict, &'a str) {
    tests
        .min_by(|a, b| (severity(a.verdict), a.reason).cmp(&(severity(b.verdict), b.reason)))
        .map_or((Verdict::Undetermined, NO_VERDICT), |t| (t.verdict, t.reason))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use proptest::prelude::*;
    use records::ControlKind;

    use super::*;
    use crate::runner::ItemVerdict;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn period() -> impl Strategy<Value = Period> {
        (0i64..60, 1i64..20).prop_map(|(from, length)| Period { from: at(from), to: at(from + length) })
    }

    /// A population of one cluster.
    fn population(rows: &[(u8, Period)]) -> Population {
        let items: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|(item, _)| item.to_string())));
        let times = |pick: fn(&Period) -> Timestamp| -> ArrayRef {
            let micros = rows.iter().map(|(_, period)| pick(period).micros());
            Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
        };
        let all = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; rows.len()])) };
        let number = |number: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![number; rows.len()])) };
        let batch = RecordBatch::try_from_iter(vec![
            ("item", Arc::clone(&items)),
            ("label", items),
            ("valid_from", times(|p| p.from)),
            ("valid_to", times(|p| p.to)),
            ("source", all("c1/watch/pods")),
            ("segment", number(0)),
            ("seq", number(1)),
        ]);
        let window = Period { from: at(0), to: at(200) };
        Population::materialise(ControlKind::State, vec![batch.unwrap()], window, window.to).unwrap()
    }

    fn verdicts() -> impl Strategy<Value = Verdict> {
        prop::sample::select(vec![Verdict::Effective, Verdict::Deviation, Verdict::Undetermined])
    }

    proptest! {
        /// Instant by instant: an item is judged exactly while it is in the population; uncovered time is undetermined; else the
        /// worst of the test's verdicts holds.
        #[test]
        fn each_instant_has_the_verdict_that_the_rules_say(
            rows in prop::collection::vec((0u8..3, period()), 0..8),
            tests in prop::collection::vec((0u8..3, period(), verdicts()), 0..8),
            covered in prop::collection::vec(period(), 0..5),
        ) {
            let population = population(&rows);
            let names: Vec<String> = (0u8..3).map(|item| item.to_string()).collect();
            let mut tests: Vec<TestRow<'_>> = tests.iter()
                .filter(|(item, ..)| rows.iter().any(|(known, _)| known == item))
                .map(|(item, period, verdict)| TestRow {
                    item: &names[usize::from(*item)], period: Some(*period), verdict: *verdict, reason: "",
                }).collect();
            tests.sort_by_key(|test| (test.item, test.period));
            let known = PeriodSet::from(Period { from: at(0), to: at(200) });
            let covered: PeriodSet = covered.into_iter().collect();
            let coverage = ControlCoverage::of_one(&known, &covered);
            let items = state(&population, &tests, &coverage, false).unwrap();
            let got: Vec<ItemVerdict<'_>> = items.iter().collect();
            for instant in (0..90).map(at) {
                for item in 0u8..3 {
                    let name = item.to_string();
                    let present = rows.iter().any(|(i, p)| *i == item && p.contains(instant));
                    let said: Vec<&ItemVerdict<'_>> =
                        got.iter().filter(|v| v.item == name && v.from <= instant && instant < v.to).collect();
                    prop_assert_eq!(said.len(), usize::from(present));
                    if let Some(verdict) = said.first() {
                        let of_test = tests.iter()
                            .filter(|t| t.item == name && t.period.is_some_and(|p| p.contains(instant)))
                            .map(|t| t.verdict)
                            .min_by_key(|v| severity(*v))
                            .unwrap_or(Verdict::Undetermined);
                        let expected = if covered.contains(instant) { of_test } else { Verdict::Undetermined };
                        prop_assert_eq!(verdict.verdict, expected);
                        prop_assert_eq!(verdict.uncovered, !covered.contains(instant));
                    }
                }
            }
            for pair in got.windows(2).filter(|pair| pair[0].item == pair[1].item) {
                prop_assert!(pair[0].to <= pair[1].from);
            }
        }
    }
}
