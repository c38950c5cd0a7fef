//! From the rows of population and test, and the coverage of sources, to verdicts over intervals.

use records::{Period, PeriodSet, Timestamp, Verdict};

use super::coverage::ControlCoverage;
use super::population::{Population, PopulationRow};
use super::tests_of_items::{TestRow, severity};
use super::{ItemVerdict, RunError};

/// The reason of an item that the test has no row for.
pub(super) const NO_VERDICT: &str = "the test gave no verdict";
/// The reason of time in which a source was not covered.
pub(super) const NOT_COVERED: &str = "the sources that the test rests on were not covered";

/// Verdicts of a state control: each item's time in the population is cut where a test row or coverage begins or ends.
pub(super) fn state(
    population: &Population,
    tests: Vec<TestRow>,
    coverage: &ControlCoverage,
    judges: bool,
) -> Result<Vec<ItemVerdict>, RunError> {
    let mut out = Vec::new();
    for (rows, tests) in by_item(&population.rows, &tests)? {
        let mut points: Vec<Timestamp> = Vec::new();
        for row in rows {
            points.extend([row.period.from, row.period.to]);
        }
        let hull = Period {
            from: points.iter().copied().min().unwrap_or(Timestamp::MIN),
            to: points.iter().copied().max().unwrap_or(Timestamp::MAX),
        };
        points.extend(tests.iter().filter_map(|t| t.period).flat_map(|p| [p.from, p.to]));
        for row in rows {
            for edge in edges_within(coverage.of(row), row.period) {
                points.push(edge);
            }
        }
        points.retain(|at| hull.from <= *at && *at <= hull.to);
        points.sort_unstable();
        points.dedup();
        let mut active = Active::new(rows, tests);
        for pair in points.windows(2) {
            if let Some(verdict) = active.verdict(Period { from: pair[0], to: pair[1] }, coverage, judges) {
                extend(&mut out, verdict);
            }
        }
    }
    Ok(out)
}

/// Verdicts of an event control. An event that was seen was seen: its verdict does not depend on coverage.
pub(super) fn events(population: &Population, tests: Vec<TestRow>) -> Result<Vec<ItemVerdict>, RunError> {
    let mut out = Vec::new();
    for (rows, tests) in by_item(&population.rows, &tests)? {
        for row in rows {
            let (verdict, reason) = worst(tests.iter());
            out.push(item(row, Period { from: row.period.from, to: row.period.from }, verdict, reason, false));
        }
    }
    Ok(out)
}

/// Verdicts of a cadence control. That something did not happen is a deviation only when the whole period was covered.
pub(super) fn cadence(
    population: &Population,
    tests: Vec<TestRow>,
    coverage: &ControlCoverage,
) -> Result<Vec<ItemVerdict>, RunError> {
    let mut out = Vec::new();
    for (rows, tests) in by_item(&population.rows, &tests)? {
        for row in rows {
            let (verdict, reason) = worst(tests.iter());
            let looked = coverage.of(row).missing_from(row.period).is_empty();
            let judged = if verdict == Verdict::Deviation && !looked {
                item(row, row.period, Verdict::Undetermined, uncovered_reason(verdict, &reason), true)
            } else {
                item(row, row.period, verdict, reason, false)
            };
            out.push(judged);
        }
    }
    Ok(out)
}

/// The covered time of a control that judges coverage itself: when at least one item was there and none was undetermined.
pub(super) fn judged(items: &[ItemVerdict], known: &PeriodSet) -> PeriodSet {
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

/// Rows and tests of each item, both sorted by item.
#[expect(clippy::type_complexity, reason = "a pair of slices for each item")]
fn by_item<'a>(
    rows: &'a [PopulationRow],
    tests: &'a [TestRow],
) -> Result<Vec<(&'a [PopulationRow], &'a [TestRow])>, RunError> {
    let mut out = Vec::new();
    let mut rest = tests;
    for group in rows.chunk_by(|a, b| a.item == b.item) {
        let item = &group[0].item;
        let before = rest.partition_point(|t| t.item < *item);
        if before > 0 {
            return Err(RunError::Stranger(rest[0].item.clone()));
        }
        let of_item = rest.partition_point(|t| t.item <= *item);
        out.push((group, &rest[..of_item]));
        rest = &rest[of_item..];
    }
    match rest.first() {
        Some(stranger) => Err(RunError::Stranger(stranger.item.clone())),
        None => Ok(out),
    }
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
    rows: &'a [PopulationRow],
    tests: &'a [TestRow],
    now_rows: Vec<&'a PopulationRow>,
    now_tests: Vec<&'a TestRow>,
}

impl<'a> Active<'a> {
    fn new(rows: &'a [PopulationRow], tests: &'a [TestRow]) -> Self {
        Self { rows, tests, now_rows: Vec::new(), now_tests: Vec::new() }
    }

    /// The verdict over a period in which nothing begins or ends; periods are asked for in ascending order.
    fn verdict(&mut self, period: Period, coverage: &ControlCoverage, judges: bool) -> Option<ItemVerdict> {
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
        let row = self.now_rows.first()?;
        let (verdict, reason) = worst(self.now_tests.iter().copied());
        let covered = self.now_rows.iter().all(|r| coverage.of(r).contains(period.from));
        Some(if covered {
            item(row, period, verdict, reason, judges && verdict == Verdict::Undetermined)
        } else {
            item(row, period, Verdict::Undetermined, uncovered_reason(verdict, &reason), true)
        })
    }
}

fn uncovered_reason(verdict: Verdict, reason: &str) -> String {
    match verdict {
        Verdict::Deviation => format!("{NOT_COVERED}; by what was seen: {reason}"),
        _ => NOT_COVERED.to_owned(),
    }
}

fn worst<'a>(tests: impl Iterator<Item = &'a TestRow>) -> (Verdict, String) {
    tests
        .min_by(|a, b| (severity(a.verdict), &a.reason).cmp(&(severity(b.verdict), &b.reason)))
        .map_or_else(|| (Verdict::Undetermined, NO_VERDICT.to_owned()), |t| (t.verdict, t.reason.clone()))
}

fn item(row: &PopulationRow, period: Period, verdict: Verdict, reason: String, uncovered: bool) -> ItemVerdict {
    ItemVerdict {
        item: row.item.clone(),
        label: row.label.clone(),
        from: period.from,
        to: period.to,
        verdict,
        reason,
        evidence: row.evidence.clone(),
        uncovered,
    }
}

/// Adds a verdict; one that goes on where the last one ended, with nothing else different, lengthens it.
fn extend(out: &mut Vec<ItemVerdict>, next: ItemVerdict) {
    if let Some(last) = out.last_mut() {
        let same = last.item == next.item
            && last.to == next.from
            && last.verdict == next.verdict
            && last.reason == next.reason
            && last.label == next.label
            && last.evidence == next.evidence
            && last.uncovered == next.uncovered;
        if same {
            last.to = next.to;
            return;
        }
    }
    out.push(next);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn period() -> impl Strategy<Value = Period> {
        (0i64..60, 1i64..20).prop_map(|(from, length)| Period { from: at(from), to: at(from + length) })
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
            let mut population = Population::empty();
            population.rows = rows.iter().map(|(item, period)| PopulationRow {
                item: item.to_string(),
                label: item.to_string(),
                period: *period,
                evidence: Some(records::EntryReference { source: "c1/watch/pods".to_owned(), segment: 0, seq: 1 }),
                rests_on: None,
            }).collect();
            population.rows.sort_by(|a, b| (&a.item, a.period).cmp(&(&b.item, b.period)));
            let mut tests: Vec<TestRow> = tests.iter()
                .filter(|(item, ..)| rows.iter().any(|(known, _)| known == item))
                .map(|(item, period, verdict)| TestRow {
                    item: item.to_string(), period: Some(*period), verdict: *verdict, reason: String::new(),
                }).collect();
            tests.sort_by(|a, b| (&a.item, a.period).cmp(&(&b.item, b.period)));
            let known = PeriodSet::from(Period { from: at(0), to: at(200) });
            let covered: PeriodSet = covered.into_iter().collect();
            let coverage = ControlCoverage::of_one(&known, &covered);
            let got = state(&population, tests.clone(), &coverage, false).unwrap();
            for instant in (0..90).map(at) {
                for item in 0u8..3 {
                    let name = item.to_string();
                    let present = rows.iter().any(|(i, p)| *i == item && p.contains(instant));
                    let said: Vec<&ItemVerdict> =
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
