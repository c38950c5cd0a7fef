//! The network of one cluster at one instant: what trust levels have open between each other, the map, isolation, ways in, probes.

mod flows;
mod lists;
mod map;
mod matrix;
mod workload;

use askama::Template;

pub use flows::flows;
pub use workload::{reach_csv, workload};

use super::PageError;
use super::frame::Frame;
use crate::admission::FilterProblem;
use crate::figures::{Mark, Moment, Shape, count};
use crate::links::{Links, NetworkPlace, Place};
use crate::network::matrix::Standing;
use crate::network::{Declared, NetworkMaterial, NetworkQuery, observed};
use crate::report::Report;
use crate::shown::Shown;

#[derive(Template)]
#[template(path = "network/summary.html")]
struct Page {
    frame: Frame,
    head: Head,
    legend: Vec<(Mark, &'static str)>,
    shown: Option<Summary>,
}

struct Summary {
    nothing: bool,
    matrix: Option<matrix::Drawn>,
    map: map::Drawn,
    pairs_cut: bool,
    pairs_csv: String,
    isolation: lists::Isolation,
    entries: lists::Entries,
    probes: lists::Probes,
}

/// What stands above every page about the network: where one is, the cluster and instant that are asked for, and whether anybody looked then.
#[derive(Debug)]
struct Head {
    tabs: [(&'static str, &'static str, String); 3],
    current: &'static str,
    /// The address that the form asks; `None` where pages are not live.
    action: Option<String>,
    clusters: Vec<(Shown, String, bool)>,
    /// Links to the other clusters, where pages are not live.
    others: Vec<(Shown, String)>,
    cluster: Shown,
    cluster_problem: Option<&'static str>,
    at: String,
    at_problem: Option<&'static str>,
    /// Whether the question was understood; else nothing is shown.
    understood: bool,
    /// The instant that is shown.
    instant: Moment,
    end_of_window: bool,
    observed: bool,
    /// Sources of which nothing is known at all.
    missing: Vec<Shown>,
}

/// A number with the rows behind it.
#[derive(Debug)]
struct Number {
    text: String,
    href: Option<String>,
}

impl Number {
    /// None has no rows behind it.
    fn new(number: i64, href: impl FnOnce() -> String) -> Self {
        Self { text: count(number), href: (number > 0).then(href) }
    }
}

impl Head {
    fn new(
        report: &Report,
        links: &Links<'_>,
        current: &'static str,
        query: &NetworkQuery,
        problems: &[FilterProblem],
        (clusters, cluster): (&[String], &str),
    ) -> Self {
        let place = query.place();
        let to = |place: NetworkPlace| links.to(&Place::Network(place));
        let problem = |field: &str| problems.iter().find(|one| one.field == field);
        let material = report.material();
        let (covered, missing) = observed(material, cluster);
        let instant = crate::network::instant(query.at, material.window);
        let of_cluster = |name: &str| {
            let first = clusters.first().is_some_and(|first| first == name);
            NetworkQuery { cluster: if first { String::new() } else { name.to_owned() }, ..place.clone() }
        };
        Self {
            tabs: [
                ("summary", "Summary", to(NetworkPlace::Summary(Box::new(place.clone())))),
                ("flows", "Flows", to(NetworkPlace::Flows(Box::new(place.clone()), 1))),
                ("workload", "What a workload reaches", to(NetworkPlace::Workload(Box::new(place.clone())))),
            ],
            current,
            action: links.live().then(|| match current {
                "flows" => to(NetworkPlace::Flows(Box::default(), 1)),
                "workload" => to(NetworkPlace::Workload(Box::default())),
                _ => to(NetworkPlace::Summary(Box::default())),
            }),
            clusters: clusters.iter().map(|name| (Shown::line(name), name.clone(), name == cluster)).collect(),
            others: clusters
                .iter()
                .filter(|name| *name != cluster)
                .map(|name| (Shown::line(name), to(NetworkPlace::Summary(Box::new(of_cluster(name))))))
                .collect(),
            cluster: Shown::line(cluster),
            cluster_problem: problem("cluster").map(|one| one.what),
            at: problem("at")
                .map_or_else(|| query.at.map(|at| at.to_string()).unwrap_or_default(), |one| one.given.clone()),
            at_problem: problem("at").map(|one| one.what),
            understood: problems.is_empty(),
            instant: Moment::new(if query.at.is_none() { material.window.to } else { instant }),
            end_of_window: query.at.is_none(),
            observed: covered.contains(instant),
            missing: missing.iter().map(|name| Shown::line(name)).collect(),
        }
    }
}

/// Shape and words of what goes from one set of namespaces to another.
fn mark(standing: Standing) -> Mark {
    let (shape, words) = match standing {
        Standing::Closed => (Shape::Filled, "nothing open"),
        Standing::Open => (Shape::Thin, "open, not upward"),
        Standing::Declared => (Shape::Filled, "open, all declared"),
        Standing::Undeclared => (Shape::Hatched, "open, declarations not known"),
        Standing::Unknown => (Shape::Hatched, "not known"),
        Standing::NotDeclared => (Shape::Broken, "open, not declared"),
    };
    Mark::new(shape, words)
}

/// What the shapes mean. `known`: whether it is known what is declared.
fn legend(known: bool) -> Vec<(Mark, &'static str)> {
    let mut legend = vec![
        (mark(Standing::Closed), "no network policy lets anything through"),
        (mark(Standing::Open), "something is let through, to no higher trust level"),
        (mark(Standing::Declared), "all that is let through to a higher trust level is declared in NW-03"),
        (mark(Standing::NotDeclared), "something is let through to a higher trust level that is not declared"),
        (mark(Standing::Unknown), "a policy of a kind that is not modelled has a say, or nobody looked"),
    ];
    if !known {
        legend.push((
            mark(Standing::Undeclared),
            "control NW-03 was not evaluated, so that it is not known what is declared",
        ));
    }
    legend
}

/// The summary of the network of one cluster.
///
/// # Errors
/// [`PageError::Template`].
pub fn network(
    report: &Report,
    links: &Links<'_>,
    query: &NetworkQuery,
    problems: &[FilterProblem],
    material: &NetworkMaterial,
) -> Result<String, PageError> {
    let head = Head::new(report, links, "summary", query, problems, (&material.clusters, &material.cluster));
    let declared = Declared::of(&report.material().controls);
    let shown = problems.is_empty().then(|| {
        let known = declared.flows.is_some();
        // What is beyond a bound is not known either.
        let whole =
            head.observed && !material.pairs_cut && material.namespaces_total <= material.namespaces.len() as u64;
        Summary {
            nothing: material.namespaces.is_empty() && material.entries.is_empty() && material.probes.is_empty(),
            matrix: matrix::Drawn::new(material, links, query, known, whole),
            map: map::Drawn::new(material, links, query, known, whole),
            pairs_cut: material.pairs_cut,
            pairs_csv: lists::csv(links, crate::links::NetworkCsv::Pairs, query),
            isolation: lists::Isolation::new(report, links, query, material),
            entries: lists::Entries::new(links, query, material, &declared),
            probes: lists::Probes::new(links, query, material),
        }
    });
    let frame = Frame::new(report, links, "network", "Network".to_owned());
    Page { frame, head, legend: legend(declared.flows.is_some()), shown }
        .render()
        .map_err(PageError::template("network"))
}
