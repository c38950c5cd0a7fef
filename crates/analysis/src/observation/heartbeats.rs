//! Statements that a source was observed ([`records::Statement::Alive`]), merged as they come.
//!
//! A watch states every ten seconds that it is alive: three million statements a year for each source. All that coverage and gaps
//! rest on is where the runs of statements begin and end that touch each other, and the entries that say so. So that is all that is kept,
//! whatever the order in which statements come.

use std::collections::{BTreeMap, HashMap};

use records::table::Provenance;
use records::{Period, Timestamp};

/// The runs of every subject.
#[derive(Debug, Clone, Default)]
pub struct Heartbeats {
    subjects: HashMap<String, Runs>,
}

/// The runs of one subject: periods of which no two touch.
#[derive(Debug, Clone)]
pub struct Runs {
    earliest: Provenance<'static>,
    /// By their beginnings.
    runs: BTreeMap<Timestamp, Run>,
}

/// A period that statements cover without a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    first: Beat<'static>,
    last: Beat<'static>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Beat<'a> {
    period: Period,
    entry: Provenance<'a>,
}

impl Heartbeats {
    /// Takes one statement on `subject`, made by `entry`. One whose end is not after its beginning proves nothing; that it was made
    /// is remembered.
    pub fn push(&mut self, subject: &str, from: Timestamp, to: Timestamp, entry: Provenance<'_>) {
        let runs = match self.subjects.get_mut(subject) {
            Some(runs) => runs,
            None => {
                let runs = Runs { earliest: entry.clone().into_owned(), runs: BTreeMap::new() };
                self.subjects.entry(subject.to_owned()).or_insert(runs)
            }
        };
        runs.take(Period::new(from, to), entry);
    }

    /// These and others together.
    #[must_use]
    pub fn with(&self, others: &Self) -> Self {
        let mut together = self.clone();
        for (subject, runs) in &others.subjects {
            match together.subjects.get_mut(subject) {
                Some(known) => known.take_all(runs),
                None => {
                    together.subjects.insert(subject.clone(), runs.clone());
                }
            }
        }
        together
    }

    /// The subjects that a statement was made on, in no order.
    pub fn subjects(&self) -> impl Iterator<Item = (&str, &Runs)> {
        self.subjects.iter().map(|(subject, runs)| (subject.as_str(), runs))
    }

    /// How many runs there are, of all subjects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subjects.values().map(|runs| runs.runs.len()).sum()
    }

    /// Whether there is no run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Runs {
    /// The runs in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.values()
    }

    /// The first run that begins at this instant or later.
    #[must_use]
    pub fn from(&self, at: Timestamp) -> Option<&Run> {
        self.runs.range(at..).next().map(|(_, run)| run)
    }

    /// The first entry in the order of sources and their numbers.
    #[must_use]
    pub fn earliest(&self) -> &Provenance<'static> {
        &self.earliest
    }

    fn take_all(&mut self, others: &Self) {
        for run in others.runs.values() {
            // Its first and last statements alone do not tell that they are one.
            self.take(Some(run.period()), run.first().clone());
            if place(run.last()) != place(run.first()) {
                self.take(Some(run.last.period), run.last().clone());
            }
        }
        if place(&others.earliest) < place(&self.earliest) {
            self.earliest = others.earliest.clone();
        }
    }

    fn take(&mut self, period: Option<Period>, entry: Provenance<'_>) {
        if place(&entry) < place(&self.earliest) {
            self.earliest = entry.clone().into_owned();
        }
        let Some(period) = period else { return };
        let beat = Beat { period, entry };
        // Nearly every statement goes on where the newest run ends.
        if let Some(mut newest) = self.runs.last_entry()
            && *newest.key() <= period.from
            && period.from <= newest.get().last.period.to
        {
            return newest.get_mut().take(beat);
        }
        let touched: Vec<Timestamp> = self
            .runs
            .range(..=period.to)
            .rev()
            .take_while(|(_, run)| run.last.period.to >= period.from)
            .map(|(from, _)| *from)
            .collect();
        let beat = beat.into_owned();
        let mut run = Run { first: beat.clone(), last: beat };
        for from in touched {
            let other = self.runs.remove(&from).expect("it was found just now");
            run.take(other.first);
            run.take(other.last);
        }
        self.runs.insert(run.first.period.from, run);
    }
}

impl Run {
    /// From the beginning of the first statement to the end of the one that ends last.
    #[must_use]
    pub fn period(&self) -> Period {
        Period { from: self.first.period.from, to: self.last.period.to }
    }

    /// The entry that it begins with.
    #[must_use]
    pub fn first(&self) -> &Provenance<'static> {
        &self.first.entry
    }

    /// The entry that it ends with.
    #[must_use]
    pub fn last(&self) -> &Provenance<'static> {
        &self.last.entry
    }

    fn take(&mut self, beat: Beat<'_>) {
        if beat.begins() < self.first.begins() {
            self.first.replace_by(&beat);
        }
        if beat.ends() > self.last.ends() {
            self.last.replace_by(&beat);
        }
    }
}

impl Beat<'_> {
    fn into_owned(self) -> Beat<'static> {
        Beat { period: self.period, entry: self.entry.into_owned() }
    }

    /// The order in which a run's first statement is told.
    fn begins(&self) -> (Period, i64, i64, &str) {
        (self.period, self.entry.segment, self.entry.seq, &self.entry.source)
    }

    /// The order in which its last one is.
    fn ends(&self) -> (Timestamp, (Period, i64, i64, &str)) {
        (self.period.to, self.begins())
    }
}

impl Beat<'static> {
    /// Takes the other's place; texts that are the same, as nearly all are, stay.
    fn replace_by(&mut self, other: &Beat<'_>) {
        self.period = other.period;
        if self.entry.source == other.entry.source && self.entry.cluster == other.entry.cluster {
            self.entry.segment = other.entry.segment;
            self.entry.seq = other.entry.seq;
            self.entry.normaliser_version = other.entry.normaliser_version;
        } else {
            self.entry = other.entry.clone().into_owned();
        }
    }
}

/// Where an entry stands among all others.
pub(super) fn place<'p>(entry: &'p Provenance<'_>) -> (&'p str, i64, i64) {
    (&entry.source, entry.segment, entry.seq)
}
