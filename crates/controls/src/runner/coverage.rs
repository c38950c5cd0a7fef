//! Which part of the window the sources of a control covered.

use std::collections::BTreeMap;

use records::tables::monitoring::{Coverage, Source};
use records::{Period, PeriodSet, Row, SourceClass, SourceName, Timestamp};

use super::population::PopulationRow;
use crate::catalogue::{Control, SourcePattern};
use crate::session::{Session, SessionError};

/// All sources with what they covered.
#[derive(Debug, Clone, Default)]
pub struct SourceCoverage {
    clusters: BTreeMap<String, BTreeMap<SourceName, PeriodSet>>,
}

/// A pattern of sources that no source of a cluster matches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotConnected {
    /// The cluster; empty when there is no cluster at all.
    pub cluster: String,
    /// The pattern as the control's file has it.
    pub pattern: String,
}

/// Coverage as one control sees it.
#[derive(Debug, Clone)]
pub struct ControlCoverage {
    /// Time of the window in which every need was covered, in every cluster.
    pub covered: PeriodSet,
    /// What is not connected.
    pub not_connected: Vec<NotConnected>,
    known: PeriodSet,
    clusters: BTreeMap<String, BTreeMap<SourceClass, PeriodSet>>,
    by_cluster: BTreeMap<String, PeriodSet>,
    by_classes: BTreeMap<(String, String), PeriodSet>,
}

/// Classes whose sources make their origin a cluster.
const CLUSTER_CLASSES: [SourceClass; 4] =
    [SourceClass::Audit, SourceClass::Watch, SourceClass::Configuration, SourceClass::Statements];

impl SourceCoverage {
    /// Reads the tables `sources` and `coverage`.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn read(session: &Session) -> Result<Self, SessionError> {
        let sources = session.rows(Source::TABLE, |r| Ok(Source::read(&r)?.into_owned())).await?;
        let coverage = session.rows(Coverage::TABLE, |r| Ok(Coverage::read(&r)?.into_owned())).await?;
        let names = sources.iter().map(|s| s.name.as_ref());
        Ok(Self::of_rows(names, &coverage))
    }

    /// From the names of all sources and the rows of coverage.
    pub fn of_rows<'a>(names: impl Iterator<Item = &'a str>, coverage: &[Coverage<'_>]) -> Self {
        let mut periods: BTreeMap<SourceName, Vec<Period>> = BTreeMap::new();
        for name in names.filter_map(|n| n.parse::<SourceName>().ok()) {
            periods.entry(name).or_default();
        }
        for row in coverage {
            if let Ok(name) = row.name.parse::<SourceName>() {
                periods.entry(name).or_default().extend(Period::new(row.covered_from, row.covered_to));
            }
        }
        let mut clusters: BTreeMap<String, BTreeMap<SourceName, PeriodSet>> = BTreeMap::new();
        for (name, periods) in periods {
            if CLUSTER_CLASSES.contains(&name.class()) {
                let cluster = clusters.entry(name.origin().to_owned()).or_default();
                cluster.insert(name, periods.into_iter().collect());
            }
        }
        Self { clusters }
    }

    /// What a control sees of it. A need is covered when every source that it means was; the control is covered when every need is, in
    /// every cluster. Nothing after `now` is covered.
    #[must_use]
    pub fn of(&self, control: &Control, window: Period, now: Timestamp) -> ControlCoverage {
        let known: PeriodSet = Period::new(window.from, window.to.min(now)).into_iter().collect();
        let mut not_connected = Vec::new();
        let mut clusters = BTreeMap::new();
        let mut by_cluster = BTreeMap::new();
        let mut covered = known.clone();
        if self.clusters.is_empty() {
            let patterns = control.needs.iter().chain(&control.judges);
            not_connected
                .extend(patterns.map(|p| NotConnected { cluster: String::new(), pattern: p.to_string() }));
            covered = PeriodSet::empty();
        }
        for (cluster, sources) in &self.clusters {
            let mut classes: BTreeMap<SourceClass, PeriodSet> = BTreeMap::new();
            let matching = |pattern: &SourcePattern| -> Vec<&PeriodSet> {
                sources.iter().filter(|(name, _)| pattern.matches(name)).map(|(_, set)| set).collect()
            };
            for pattern in &control.needs {
                let class = classes.entry(pattern.class()).or_insert_with(|| known.clone());
                let found = matching(pattern);
                if found.is_empty() {
                    not_connected.push(NotConnected { cluster: cluster.clone(), pattern: pattern.to_string() });
                    *class = PeriodSet::empty();
                }
                for set in found {
                    *class = class.intersection(set);
                }
            }
            for pattern in control.judges.iter().filter(|p| matching(p).is_empty()) {
                not_connected.push(NotConnected { cluster: cluster.clone(), pattern: pattern.to_string() });
            }
            let whole = classes.values().fold(known.clone(), |all, set| all.intersection(set));
            covered = covered.intersection(&whole);
            by_cluster.insert(cluster.clone(), whole);
            clusters.insert(cluster.clone(), classes);
        }
        ControlCoverage { covered, not_connected, known, clusters, by_cluster, by_classes: BTreeMap::new() }.with_classes()
    }
}

impl ControlCoverage {
    /// Works out every combination of classes once; there are at most a handful.
    fn with_classes(mut self) -> Self {
        for (cluster, classes) in &self.clusters {
            let names: Vec<(&SourceClass, &PeriodSet)> = classes.iter().collect();
            for choice in 0..(1u32 << names.len()) {
                let chosen: Vec<&(&SourceClass, &PeriodSet)> =
                    names.iter().enumerate().filter(|(bit, _)| choice & (1 << bit) != 0).map(|(_, n)| n).collect();
                let key: Vec<&str> = chosen.iter().map(|(class, _)| class.as_str()).collect();
                let set = chosen.iter().fold(self.known.clone(), |all, (_, set)| all.intersection(set));
                self.by_classes.insert((cluster.clone(), key.join(",")), set);
            }
        }
        self
    }

    /// The covered time that counts for a row: that of its cluster (the origin of its source) and, where it says so, of the classes of
    /// sources that it rests on; of all clusters when it has no source.
    pub(super) fn of(&self, row: &PopulationRow) -> &PeriodSet {
        let Some(evidence) = &row.evidence else { return &self.covered };
        let cluster = evidence.source.split('/').next().unwrap_or_default();
        let whole = self.by_cluster.get(cluster).unwrap_or(&self.covered);
        match row.rests_on.as_deref() {
            None => whole,
            Some("") => &self.known,
            Some(classes) => {
                let mut names: Vec<SourceClass> = classes.split(',').filter_map(|c| SourceClass::parse(c.trim())).collect();
                names.sort_unstable();
                names.dedup();
                let key: Vec<&str> = names.iter().map(|c| c.as_str()).collect();
                self.by_classes.get(&(cluster.to_owned(), key.join(","))).unwrap_or(whole)
            }
        }
    }
}
