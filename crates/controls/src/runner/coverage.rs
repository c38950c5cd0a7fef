//! Which part of the window the sources of a control covered.

use std::collections::BTreeMap;

use records::tables::monitoring::{Coverage, Source};
use records::{Period, PeriodSet, Row, SourceClass, SourceName, Timestamp};

use super::columns::PopulationRow;
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
const CLUSTER_CLASSES: [SourceClass; 10] = [
    SourceClass::Audit,
    SourceClass::Watch,
    SourceClass::Configuration,
    SourceClass::Statements,
    SourceClass::Admission,
    SourceClass::Encryption,
    SourceClass::Identities,
    SourceClass::Repositories,
    SourceClass::Logs,
    SourceClass::Approvals,
];

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
            not_connected.extend(patterns.map(|p| NotConnected { cluster: String::new(), pattern: p.to_string() }));
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
        ControlCoverage { covered, not_connected, known, clusters, by_cluster, by_classes: BTreeMap::new() }
            .with_classes()
    }
}

impl ControlCoverage {
    /// One cluster `c1` in which `covered` of `known` was covered.
    #[cfg(test)]
    pub(super) fn of_one(known: &PeriodSet, covered: &PeriodSet) -> Self {
        let covered = covered.intersection(known);
        Self {
            covered: covered.clone(),
            not_connected: Vec::new(),
            known: known.clone(),
            clusters: BTreeMap::new(),
            by_cluster: BTreeMap::from([("c1".to_owned(), covered)]),
            by_classes: BTreeMap::new(),
        }
    }

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
    pub(super) fn of(&self, row: &PopulationRow<'_>) -> &PeriodSet {
        let Some(evidence) = &row.evidence else { return &self.covered };
        let cluster = evidence.source.split('/').next().unwrap_or_default();
        let whole = self.by_cluster.get(cluster).unwrap_or(&self.covered);
        match row.rests_on {
            None => whole,
            Some("") => &self.known,
            Some(classes) => {
                let mut names: Vec<SourceClass> =
                    classes.split(',').filter_map(|c| SourceClass::parse(c.trim())).collect();
                names.sort_unstable();
                names.dedup();
                let key: Vec<&str> = names.iter().map(|c| c.as_str()).collect();
                self.by_classes.get(&(cluster.to_owned(), key.join(","))).unwrap_or(whole)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::Evidence;
    use records::table::Provenance;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn set(periods: &[(i64, i64)]) -> PeriodSet {
        periods.iter().filter_map(|(f, t)| Period::new(at(*f), at(*t))).collect()
    }

    async fn control(needs: &str, judges: &str) -> Control {
        let text = format!(
            "id: XX-01\ntitle: T\ndescription: D\ncriteria: [CC6.1]\nkind: state\nneeds: [{needs}]\njudges: [{judges}]\nnext_step: N\n\
             population: SELECT name AS item, name AS label, covered_from AS valid_from, covered_to AS valid_to, source, segment, seq FROM coverage\n\
             test: SELECT item, valid_from, valid_to, 'effective' AS verdict, '' AS reason FROM population\n"
        );
        let files = vec![("x/XX-01.yaml".to_owned(), text)];
        let catalogue = crate::Catalogue::from_files(files).await.unwrap_or_else(|e| panic!("{e}"));
        catalogue.controls()[0].clone()
    }

    fn sources(rows: &[(&str, &[(i64, i64)])]) -> SourceCoverage {
        let coverage: Vec<Coverage<'static>> = rows
            .iter()
            .flat_map(|(name, periods)| {
                periods.iter().map(|(from, to)| Coverage {
                    provenance: Provenance::default(),
                    name: (*name).to_owned().into(),
                    covered_from: at(*from),
                    covered_to: at(*to),
                    basis: "watch".into(),
                })
            })
            .collect();
        SourceCoverage::of_rows(rows.iter().map(|(name, _)| *name), &coverage)
    }

    fn row<'a>(source: &'a str, rests_on: Option<&'a str>) -> PopulationRow<'a> {
        PopulationRow {
            number: 0,
            item: "i",
            period: Period::new(at(0), at(100)).unwrap(),
            evidence: Some(Evidence { source, segment: 0, seq: 1 }),
            rests_on,
        }
    }

    #[tokio::test]
    async fn every_source_that_matches_every_need_counts_for_each_cluster() {
        let control = control("watch/pods, audit/*", "").await;
        let window = Period::new(at(0), at(100)).unwrap();
        let all = sources(&[
            ("a/watch/pods", &[(0, 50), (60, 100)]),
            ("a/audit/one", &[(0, 100)]),
            ("a/audit/two", &[(10, 100)]),
            ("b/watch/pods", &[(0, 90)]),
            ("b/audit/one", &[(0, 100)]),
            ("plimsoll/evaluation/all", &[]),
        ]);
        let seen = all.of(&control, window, at(80));
        assert_eq!(seen.not_connected, []);
        assert_eq!(seen.covered, set(&[(10, 50), (60, 80)]));
        assert_eq!(*seen.of(&row("a/watch/pods", None)), set(&[(10, 50), (60, 80)]));
        assert_eq!(*seen.of(&row("b/watch/pods", None)), set(&[(0, 80)]));
        assert_eq!(*seen.of(&row("a/watch/pods", Some("watch"))), set(&[(0, 50), (60, 80)]));
        assert_eq!(*seen.of(&row("a/audit/two", Some("watch, audit"))), set(&[(10, 50), (60, 80)]));
        assert_eq!(*seen.of(&row("a/audit/two", Some(""))), set(&[(0, 80)]));
    }

    #[tokio::test]
    async fn a_need_without_source_is_not_connected_and_covers_nothing() {
        let control = control("watch/pods", "audit/*").await;
        let window = Period::new(at(0), at(100)).unwrap();
        let seen =
            sources(&[("a/watch/pods", &[(0, 100)]), ("b/audit/one", &[(0, 100)])]).of(&control, window, at(100));
        let missing = |cluster: &str, pattern: &str| NotConnected { cluster: cluster.into(), pattern: pattern.into() };
        assert_eq!(seen.not_connected, [missing("a", "audit/*"), missing("b", "watch/pods")]);
        assert!(seen.covered.is_empty());
        assert_eq!(*seen.of(&row("a/watch/pods", None)), set(&[(0, 100)]));
        let nothing = SourceCoverage::default().of(&control, window, at(100));
        assert_eq!(nothing.not_connected, [missing("", "watch/pods"), missing("", "audit/*")]);
        assert!(nothing.covered.is_empty());
    }
}
