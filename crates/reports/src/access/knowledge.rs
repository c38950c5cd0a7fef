//! Whether the rights at a moment are known: only while roles and bindings of the cluster were watched without loss.

use std::collections::BTreeSet;

use records::{Period, PeriodSet, SourceName, Timestamp};

use crate::material::Material;

/// The kinds of objects that rights follow from, as the last part of the names of their sources.
const KINDS: [&str; 4] = ["clusterrolebindings", "clusterroles", "rolebindings", "roles"];
/// Their API group.
const GROUP: &str = "rbac.authorization.k8s.io";

/// What is not known of rights, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknown {
    /// The sources that were not observed, sorted.
    pub sources: Vec<String>,
    /// Whether no cluster is watched at all, so that nothing is known.
    pub nothing_watched: bool,
    /// For how long, of the time that was asked for, microseconds: the longest of any source. 0 for a moment.
    pub micros: i64,
}

impl Unknown {
    /// Whether everything is known.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.sources.is_empty() && !self.nothing_watched
    }
}

/// The sources of roles and bindings that were not observed at a moment. Empty cluster: of all clusters.
#[must_use]
pub fn at(material: &Material, cluster: &str, moment: Timestamp) -> Unknown {
    let covered = |name: &str| {
        let of_it = material.coverage.iter().filter(|row| row.name == name);
        of_it.into_iter().any(|row| row.covered_from <= moment && moment < row.covered_to)
    };
    let needed = needed(material, cluster);
    let nothing_watched = needed.is_empty();
    Unknown { sources: needed.into_iter().filter(|name| !covered(name)).collect(), nothing_watched, micros: 0 }
}

/// The sources of roles and bindings that were not observed all the time between two moments.
#[must_use]
pub fn between(material: &Material, cluster: &str, from: Timestamp, to: Timestamp) -> Unknown {
    let Some(asked) = Period::new(from, to) else { return Unknown::default() };
    let needed = needed(material, cluster);
    let mut unknown = Unknown { nothing_watched: needed.is_empty(), ..Unknown::default() };
    for name in needed {
        let of_it = material.coverage.iter().filter(|row| row.name == name);
        let covered: PeriodSet = of_it.filter_map(|row| Period::new(row.covered_from, row.covered_to)).collect();
        let missing = covered.missing_from(asked).micros();
        if missing > 0 {
            unknown.micros = unknown.micros.max(missing);
            unknown.sources.push(name);
        }
    }
    unknown
}

/// The sources that it takes: of each cluster that is watched, all four kinds, whether they were ever observed or not.
fn needed(material: &Material, cluster: &str) -> BTreeSet<String> {
    let sources = material.sources.iter().filter_map(|source| source.name.parse::<SourceName>().ok());
    let watched = sources.filter(|source| source.class().as_str() == "watch");
    let clusters: BTreeSet<String> = watched.map(|source| source.origin().to_owned()).collect();
    let asked = clusters.into_iter().filter(|one| cluster.is_empty() || one == cluster);
    asked.flat_map(|one| KINDS.map(|kind| format!("{one}/watch/{kind}.{GROUP}"))).collect()
}
