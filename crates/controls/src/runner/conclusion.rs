//! Numbers of a control and the conclusion from them; the rules are in `docs/conclusions.md`.

use std::collections::{BTreeMap, BTreeSet};

use records::{Conclusion, ControlKind, Period, PeriodSet, Timestamp, Verdict};

use super::coverage::NotConnected;
use super::{ItemVerdict, Population};
use crate::catalogue::Control;

/// The deviations of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviationOfItem {
    /// The item.
    pub item: String,
    /// What to call it.
    pub label: String,
    /// Beginning of the first deviation within the window.
    pub first_seen: Timestamp,
    /// End of the last one; the instant of the last event.
    pub last_seen: Timestamp,
    /// Length of all together, microseconds; 0 for events.
    pub duration_micros: i64,
    /// How many separate times it deviated.
    pub times: usize,
}

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
    /// Deviations by item.
    pub deviating_items: Vec<DeviationOfItem>,
}

impl Numbers {
    pub(super) fn of(population: &Population, items: &[ItemVerdict], covered: &PeriodSet, window: Period) -> Self {
        let mut all: BTreeSet<&str> = BTreeSet::new();
        let (mut known, mut open, mut open_by_test) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut deviating: BTreeMap<&str, DeviationOfItem> = BTreeMap::new();
        let mut last_end: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for verdict in items {
            let item = verdict.item.as_str();
            all.insert(item);
            match verdict.verdict {
                Verdict::Undetermined => {
                    open.insert(item);
                    if !verdict.uncovered {
                        open_by_test.insert(item);
                    }
                }
                Verdict::Effective => {
                    known.insert(item);
                }
                Verdict::Deviation => {
                    known.insert(item);
                    let entry = deviating.entry(item).or_insert_with(|| DeviationOfItem {
                        item: item.to_owned(),
                        label: verdict.label.clone(),
                        first_seen: verdict.from,
                        last_seen: verdict.to,
                        duration_micros: 0,
                        times: 0,
                    });
                    // A deviation that goes on under another reason or version is the same one.
                    if last_end.insert(item, verdict.to) != Some(verdict.from) || verdict.from == verdict.to {
                        entry.times += 1;
                    }
                    entry.last_seen = entry.last_seen.max(verdict.to);
                    entry.duration_micros += verdict.to.micros_since(verdict.from);
                }
            }
        }
        let without_deviation =
            |set: &BTreeSet<&str>| count(set.iter().filter(|i| !deviating.contains_key(*i)).count());
        let uncovered = covered.missing_from(window);
        let share = i128::from(covered.micros()) * 1_000_000 / i128::from(window.micros());
        Self {
            population: count(population.items),
            tested: count(known.len()),
            deviations: count(deviating.len()),
            undetermined: without_deviation(&open),
            undetermined_by_test: without_deviation(&open_by_test),
            covered_millionths: i64::try_from(share).unwrap_or(i64::MAX),
            longest_gap_micros: uncovered.longest().map_or(0, Period::micros),
            longest_gap: uncovered.longest(),
            deviating_items: deviating.into_values().collect(),
        }
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The conclusion and why it is not better.
pub(super) fn conclude(
    control: &Control,
    not_connected: &[NotConnected],
    numbers: &Numbers,
    uncovered: &PeriodSet,
    items: &[ItemVerdict],
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
        let reason =
            items.iter().find(|i| i.verdict == Verdict::Undetermined && !i.uncovered).map_or("", |i| i.reason.as_str());
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
