//! All verdicts of a control. There may be millions, so each is a few numbers beside the columns of the population.

use std::collections::HashMap;
use std::sync::Arc;

use records::{Period, Timestamp, Verdict};

use super::Population;
use super::columns::{PopulationColumns, PopulationRow};

/// A verdict on one item over one interval, or at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemVerdict<'a> {
    /// The item's identifier within the population.
    pub item: &'a str,
    /// What to call it.
    pub label: &'a str,
    /// Beginning of the interval, within the window; the instant of an event.
    pub from: Timestamp,
    /// End of the interval; equal to the beginning for an event.
    pub to: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: &'a str,
    /// The raw entry that it rests on.
    pub evidence: Option<Evidence<'a>>,
    /// Whether it is undetermined because nobody looked (a source was not covered), not because the test could not tell.
    pub uncovered: bool,
}

/// Where the raw entry is that a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// Number of the segment.
    pub segment: u64,
    /// Number within the source.
    pub seq: u64,
}

/// The verdicts of one control, by item and time.
#[derive(Debug, Clone, Default)]
pub struct Items {
    columns: PopulationColumns,
    verdicts: Vec<Stored>,
    reasons: Vec<Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
struct Stored {
    from: Timestamp,
    to: Timestamp,
    /// Number of the population's row that names the item.
    row: u32,
    /// Number of the reason.
    reason: u32,
    verdict: Verdict,
    uncovered: bool,
}

impl Items {
    /// The verdicts in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ItemVerdict<'_>> + Clone {
        self.verdicts.iter().map(|stored| {
            let row = stored.row as usize;
            let (item, label) = self.columns.names(row);
            ItemVerdict {
                item,
                label,
                from: stored.from,
                to: stored.to,
                verdict: stored.verdict,
                reason: self.reasons.get(stored.reason as usize).map_or("", |reason| reason),
                evidence: self.columns.evidence(row),
                uncovered: stored.uncovered,
            }
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.verdicts.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.verdicts.is_empty()
    }
}

/// Verdicts while they are put together.
pub(super) struct ItemsBuilder {
    items: Items,
    numbers: HashMap<Arc<str>, u32>,
}

impl ItemsBuilder {
    pub(super) fn new(population: &Population) -> Self {
        let columns = population.columns.clone();
        Self { items: Items { columns, verdicts: Vec::new(), reasons: Vec::new() }, numbers: HashMap::new() }
    }

    /// Adds a verdict on the item of a row.
    pub(super) fn push(&mut self, row: &PopulationRow<'_>, period: Period, judged: Judged<'_>) {
        let stored = self.stored(row, period, judged);
        self.items.verdicts.push(stored);
    }

    /// Adds a verdict on the item of a row; one that goes on where the last one ended, with nothing else different, lengthens it.
    pub(super) fn extend(&mut self, row: &PopulationRow<'_>, period: Period, judged: Judged<'_>) {
        let next = self.stored(row, period, judged);
        let (columns, verdicts) = (&self.items.columns, &mut self.items.verdicts);
        if let Some(last) = verdicts.last_mut() {
            let told = |stored: &Stored| {
                let row = stored.row as usize;
                (columns.names(row), columns.evidence(row))
            };
            let same = last.to == next.from
                && (last.verdict, last.reason, last.uncovered) == (next.verdict, next.reason, next.uncovered)
                && (last.row == next.row || told(last) == told(&next));
            if same {
                last.to = next.to;
                return;
            }
        }
        verdicts.push(next);
    }

    pub(super) fn finish(self) -> Items {
        self.items
    }

    fn stored(&mut self, row: &PopulationRow<'_>, period: Period, judged: Judged<'_>) -> Stored {
        const MANY: &str = "four thousand million rows do not fit into the memory of one batch";
        let reason = match self.numbers.get(judged.reason) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.items.reasons.len()).expect(MANY);
                let reason: Arc<str> = Arc::from(judged.reason);
                self.items.reasons.push(Arc::clone(&reason));
                self.numbers.insert(reason, number);
                number
            }
        };
        Stored {
            from: period.from,
            to: period.to,
            row: u32::try_from(row.number).expect(MANY),
            reason,
            verdict: judged.verdict,
            uncovered: judged.uncovered,
        }
    }
}

/// What was found of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) verdict: Verdict,
    pub(super) reason: &'a str,
    pub(super) uncovered: bool,
}

impl<'a> Judged<'a> {
    /// Nobody looked.
    pub(super) fn not_covered(reason: &'a str) -> Self {
        Self { verdict: Verdict::Undetermined, reason, uncovered: true }
    }
}
