//! The pages about the network, as files: of each cluster those of the end of the window.

use std::collections::BTreeSet;

use records::EntryReference;

use super::{Files, PackageError};
use crate::csv_file;
use crate::links::{self, CsvFile, Links, NetworkCsv, NetworkPlace, Place};
use crate::network::{FlowList, NetworkMaterial, NetworkQuery};
use crate::pages::{self, PageError};
use crate::report::Report;

/// Flows on one page.
const FLOWS_PER_PAGE: usize = 500;

pub(super) fn render(report: &Report, known: &BTreeSet<EntryReference>, files: &mut Files) -> Result<(), PackageError> {
    let all = &report.material().network;
    if all.is_empty() {
        let nothing = NetworkMaterial::empty(Vec::new(), String::new(), None, report.material().window.to);
        return of_cluster(report, known, files, &nothing, NetworkQuery::default());
    }
    for (place, material) in all.iter().enumerate() {
        // The first one has no name in questions.
        let cluster = if place == 0 { String::new() } else { material.cluster.clone() };
        of_cluster(report, known, files, material, NetworkQuery { cluster, ..NetworkQuery::default() })?;
    }
    Ok(())
}

fn of_cluster(
    report: &Report,
    known: &BTreeSet<EntryReference>,
    files: &mut Files,
    material: &NetworkMaterial,
    query: NetworkQuery,
) -> Result<(), PackageError> {
    let mut add = |place: NetworkPlace, make: &dyn Fn(&Links<'_>) -> Result<String, PageError>| {
        let place = Place::Network(place);
        files.page(&place, make(&Links::relative_from(&place, known))?)
    };
    let asked = || Box::new(query.clone());
    add(NetworkPlace::Summary(asked()), &|links| pages::network(report, links, &query, &[], material))?;
    for page in 1..=material.flows.len().div_ceil(FLOWS_PER_PAGE).max(1) {
        let list = FlowList {
            query: query.clone(),
            clusters: material.clusters.clone(),
            rows: material.flows.iter().skip((page - 1) * FLOWS_PER_PAGE).take(FLOWS_PER_PAGE).cloned().collect(),
            total: material.flows.len() as u64,
            page,
            per_page: FLOWS_PER_PAGE,
            last_page: usize::MAX,
        };
        add(NetworkPlace::Flows(asked(), page), &|links| pages::flows(report, links, &query, &[], &list))?;
    }
    add(NetworkPlace::Workload(asked()), &|links| pages::workload(report, links, &query, &[], material, None))?;
    let mut workloads = BTreeSet::new();
    for reach in material.reaches.iter().filter(|reach| workloads.insert(&reach.workload)) {
        let query = NetworkQuery { workload: reach.workload.clone(), ..query.clone() };
        add(NetworkPlace::Workload(Box::new(query.clone())), &|links| {
            pages::workload(report, links, &query, &[], material, Some(reach))
        })?;
    }
    for list in NetworkCsv::ALL {
        let workloads: Vec<&str> = match list {
            NetworkCsv::Reach => material.reaches.iter().map(|reach| reach.workload.as_str()).collect(),
            _ => vec![""],
        };
        for workload in workloads {
            let query = NetworkQuery { workload: workload.to_owned(), ..query.clone() };
            let Some(bytes) = csv_file::network(material, list, workload) else { continue };
            files.add(links::file(&Place::Csv(CsvFile::Network(list, Box::new(query)))), bytes)?;
        }
    }
    Ok(())
}
