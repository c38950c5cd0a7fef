//! Numbers of a control and the conclusion from them; the rules are in `docs/conclusions.md`.

use records::{Conclusion, ControlKind, Period, PeriodSet, Verdict};

use super::coverage::NotConnected;
use super::{ItemVerdict, Items, Population};
use crate::catalogue::Control;

/// Counts and durations of one control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// Items in the population.
    pub population: i64,
    /// Items that are not undetermined throughout.
    pub tested: i64,
    /// Items with at least one deviation.
    pub deviations: i64,
    /// Items with something undetermined and no deviation.
    pub undetermined: i64,
    /// Of those: items that the test itself could not tell, uncovered time apart.
    pub undetermined_by_test: i64,
    /// Covered share of the window in millionths, rounded down.
    pub covered_millionths: i64,
    /// The longest uncovered period, microseconds.
    pub longest_gap_micros: i64,
    /// The longest uncovered period.
    pub longest_gap: Option<Period>,
}

impl Numbers {
    pub(super) fn of(population: &Population, items: &Items, covered: &PeriodSet, window: Period) -> Self {
        let (mut tested, mut deviations, mut undetermined, mut undetermined_by_test) = (0, 0, 0, 0);
        let mut verdicts = items.iter().peekable();
        while let Some(first) = verdicts.next() {
            let mut seen = Seen::default();
            seen.add(&first);
            while let Some(verdict) = verdicts.next_if(|verdict| verdict.item == first.item) {
                seen.add(&verdict);
            }
            tested += i64::from(seen.effective || seen.deviation);
            deviations += i64::from(seen.deviation);
            undetermined += i64::from(seen.undetermined && !seen.deviation);
            undetermined_by_test += i64::from(seen.undetermined_by_test && !seen.deviation);
        }
        let uncovered = covered.missing_from(window);
        let share = i128::from(covered.micros()) * 1_000_000 / i128::from(window.micros());
        Self {
            population: i64::try_from(population.items).unwrap_or(i64::MAX),
            tested,
            deviations,
            undetermined,
            undetermined_by_test,
            covered_millionths: i64::try_from(share).unwrap_or(i64::MAX),
            longest_gap_micros: uncovered.longest().map_or(0, Period::micros),
            longest_gap: uncovered.longest(),
        }
    }
}

/// Which verdicts there are on one item.
#[derive(Default)]
struct Seen {
    effective: bool,
    deviation: bool,
    undetermined: bool,
    undetermined_by_test: bool,
}

impl Seen {
    fn add(&mut self, verdict: &ItemVerdict<'_>) {
        match verdict.verdict {
            Verdict::Effective => self.effective = true,
            Verdict::Deviation => self.deviation = true,
            Verdict::Undetermined => {
                self.undetermined = true;
                self.undetermined_by_test |= !verdict.uncovered;
            }
        }
    }
}

/// The conclusion and why it is not better.
pub(super) fn conclude(
    control: &Control,
    not_connected: &[NotConnected],
    numbers: &Numbers,
    uncovered: &PeriodSet,
    items: &Items,
    minimum_millionths: i64,
) -> (Conclusion, String) {
    let mut remarks = Vec::new();
    if !not_connected.is_empty() {
        let missing: Vec<String> = not_connected
            .iter()
            .map(|n| if n.cluster.is_empty() { n.pattern.clone() } else { format!("{}/{}", n.cluster, n.pattern) })
            .collect();
        let next_step = control.next_step.split_whitespace().collect::<Vec<_>>().join(" ");
        remarks.push(format!("not connected: {}; next step: {next_step}", missing.join(", ")));
    }
    if numbers.undetermined_by_test > 0 {
        let reason = items.iter().find(|i| i.verdict == Verdict::Undetermined && !i.uncovered).map_or("", |i| i.reason);
        remarks.push(format!(
            "{} of {} items undetermined, for example: {reason}",
            numbers.undetermined_by_test, numbers.population
        ));
    }
    let short = numbers.covered_millionths < minimum_millionths;
    if not_connected.is_empty() && !uncovered.is_empty() {
        let consequence = match (control.kind, short) {
            (ControlKind::Event, true) => "; the population is not proven complete",
            (_, true) => "",
            (_, false) => "; this is within the tolerance",
        };
        let longest = numbers.longest_gap.map_or_else(String::new, |gap| format!(", longest gap {gap}"));
        remarks.push(format!(
            "covered {} % of the window, required {} %{longest}{consequence}",
            percent(numbers.covered_millionths),
            percent(minimum_millionths)
        ));
    }
    let conclusion = if numbers.deviations > 0 {
        Conclusion::Deviations
    } else if !not_connected.is_empty() || numbers.undetermined_by_test > 0 || short {
        Conclusion::NotDeterminable
    } else if numbers.population == 0 {
        Conclusion::DidNotOccur
    } else {
        Conclusion::NoDeviations
    };
    (conclusion, remarks.join("; "))
}

fn percent(millionths: i64) -> String {
    format!("{}.{:04}", millionths / 10_000, millionths % 10_000)
}
