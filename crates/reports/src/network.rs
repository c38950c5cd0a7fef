//! What the pages about the network are made from: what the tables told of one cluster at one instant.
//!
//! A large cluster has millions of open ports between workloads. What goes over all of them is counted by whoever gathers the material
//! ([`PairCount`]); single flows come a page at a time ([`FlowList`]), and what one workload reaches is worked out when it is asked for
//! ([`Reach`]).

pub mod declared;
pub mod groups;
pub mod matrix;
pub mod query;
pub mod reach;

use std::collections::BTreeSet;

use records::tables::network::{EntryPoint, NetworkIsolation, NetworkPath, NetworkProbe};
use records::{EntryReference, Period, PeriodSet, Timestamp};

use crate::admission::entry_of;
use crate::material::Material;

pub use declared::Declared;
pub use query::{FlowState, LevelChoice, NetworkQuery, OUTSIDE};
pub use reach::{Link, Reach, Reached};

/// The most flows that are given as CSV at once; all of them are in the table `network_paths`.
pub const CSV_FLOWS: usize = 20_000;

/// What is told of the network of one cluster at one instant.
#[derive(Debug, Clone)]
pub struct NetworkMaterial {
    /// Names of all clusters of which the tables tell anything, in order.
    pub clusters: Vec<String>,
    /// The cluster that this is of; empty when there is none.
    pub cluster: String,
    /// The instant whose state is told; `None` for the end of the window.
    pub at: Option<Timestamp>,
    /// End of knowledge: nothing is known of later instants.
    pub known_until: Timestamp,
    /// The namespaces of that instant by name, bounded by whoever gathers them.
    pub namespaces: Vec<NamespaceState>,
    /// How many namespaces there are.
    pub namespaces_total: u64,
    /// Open and unknown flows, counted by pairs of namespaces, bounded by whoever gathers them.
    pub pairs: Vec<PairCount>,
    /// Whether there are pairs beyond the bound.
    pub pairs_cut: bool,
    /// Names of the workloads, in order; bounded by whoever gathers them.
    pub workloads: Vec<String>,
    /// How many workloads there are.
    pub workloads_total: u64,
    /// Ways in from outside, in order of the objects that open them; bounded by whoever gathers them.
    pub entries: Vec<EntryPoint<'static>>,
    /// How many ways in there are.
    pub entries_total: u64,
    /// What probes of enforcement tried in the window, the newest run first; bounded by whoever gathers them.
    pub probes: Vec<NetworkProbe<'static>>,
    /// How many connections were tried in the window.
    pub probes_total: u64,
    /// The flows that the package has rows for: what is open, and not declared, from a lower to a higher trust level comes first. Empty in the portal.
    pub flows: Vec<Flow>,
    /// How many flows there are, whether `flows` has them or not.
    pub flows_total: u64,
    /// What workloads reach that the package has pages for. Empty in the portal.
    pub reaches: Vec<Reach>,
}

/// One namespace.
#[derive(Debug, Clone)]
pub struct NamespaceState {
    /// Its name.
    pub name: String,
    /// Its trust level; `None` when it has none that differs from that of another namespace.
    pub level: Option<i64>,
    /// What held of it in the window and at the instant that is asked for, for both directions, in order of time.
    pub isolation: Vec<NetworkIsolation<'static>>,
}

/// Flows from one namespace to another, counted: rows of `network_paths`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairCount {
    /// Who connects; `None` for what is outside of the cluster.
    pub from: Option<String>,
    /// To whom; `None` likewise.
    pub to: Option<String>,
    /// Flows that are open for certain.
    pub open: i64,
    /// Those of them that are declared (parameter `declared_flows` of control NW-03).
    pub declared: i64,
    /// Flows of which it is not known whether they are open.
    pub unknown: i64,
    /// One of the flows in words: of those that are open and not declared, else of those that are open, else of the unknown ones.
    pub example: String,
}

/// One flow.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The row.
    pub path: NetworkPath<'static>,
    /// Whether it is declared.
    pub declared: bool,
}

/// One page of flows.
#[derive(Debug, Clone, Default)]
pub struct FlowList {
    /// What was asked for.
    pub query: NetworkQuery,
    /// Names of the clusters.
    pub clusters: Vec<String>,
    /// The flows of this page.
    pub rows: Vec<Flow>,
    /// How many flows pass.
    pub total: u64,
    /// Which page this is, from 1.
    pub page: usize,
    /// How many flows a full page has.
    pub per_page: usize,
    /// The last page that is given; flows beyond it are found by a narrower question.
    pub last_page: usize,
}

/// The sources that tell who reaches whom; a cluster's names are `<cluster>/watch/<this>`.
const SOURCES: [&str; 3] = ["namespaces", "pods", "networkpolicies.networking.k8s.io"];

/// When the sources that tell who reaches whom were all observed, and the sources of which nothing is known at all.
#[must_use]
pub fn observed(material: &Material, cluster: &str) -> (PeriodSet, Vec<String>) {
    let mut all: Option<PeriodSet> = None;
    let mut missing = Vec::new();
    for detail in SOURCES {
        let name = format!("{cluster}/watch/{detail}");
        let rows = material.coverage.iter().filter(|row| row.name == name);
        let of_it: PeriodSet = rows.filter_map(|row| Period::new(row.covered_from, row.covered_to)).collect();
        if of_it.is_empty() {
            missing.push(name);
        }
        all = Some(match all {
            Some(all) => all.intersection(&of_it),
            None => of_it,
        });
    }
    (all.unwrap_or_else(PeriodSet::empty), missing)
}

impl NetworkMaterial {
    /// Nothing is told.
    #[must_use]
    pub fn empty(clusters: Vec<String>, cluster: String, at: Option<Timestamp>, known_until: Timestamp) -> Self {
        Self {
            clusters,
            cluster,
            at,
            known_until,
            namespaces: Vec::new(),
            namespaces_total: 0,
            pairs: Vec::new(),
            pairs_cut: false,
            workloads: Vec::new(),
            workloads_total: 0,
            entries: Vec::new(),
            entries_total: 0,
            probes: Vec::new(),
            probes_total: 0,
            flows: Vec::new(),
            flows_total: 0,
            reaches: Vec::new(),
        }
    }

    /// The instant whose state is told: rows hold from their beginning to just before their end.
    #[must_use]
    pub fn instant(&self, window: Period) -> Timestamp {
        instant(self.at, window)
    }

    /// The entries that the package's pages about the network lead to.
    #[must_use]
    pub fn references(&self) -> BTreeSet<EntryReference> {
        let isolation = self.namespaces.iter().flat_map(|one| one.isolation.iter().map(|row| &row.provenance));
        let entries = self.entries.iter().map(|row| &row.provenance);
        let probes = self.probes.iter().map(|row| &row.provenance);
        let flows = self.flows.iter().map(|flow| &flow.path.provenance);
        isolation.chain(entries).chain(probes).chain(flows).filter_map(entry_of).collect()
    }
}

/// The instant that is asked for, by default the last one of the window.
#[must_use]
pub fn instant(at: Option<Timestamp>, window: Period) -> Timestamp {
    at.unwrap_or_else(|| window.to.plus_micros(-1))
}

/// Whether a row that holds over this interval holds at an instant.
#[must_use]
pub fn holds(from: Timestamp, to: Option<Timestamp>, at: Timestamp) -> bool {
    from <= at && to.is_none_or(|to| at < to)
}
