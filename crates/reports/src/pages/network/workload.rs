//! What somebody reaches who has taken over one workload.

use askama::Template;

use super::flows::between;
use super::lists::csv;
use super::{Head, Number};
use crate::admission::FilterProblem;
use crate::csv_file::{List, guarded};
use crate::figures::{Mark, Shape, count};
use crate::forms::{Edge, Graph, Line, Node, Shape as NodeShape, svg};
use crate::links::{Links, NetworkCsv};
use crate::network::{NetworkMaterial, NetworkQuery, Reach};
use crate::pages::frame::Frame;
use crate::pages::{Listing, PageError};
use crate::report::Report;
use crate::shown::{Shown, misleads};

/// The most rows on the page; the CSV beside it has all.
const ROWS: usize = 500;
/// The most workloads that are drawn: the nearest.
const DRAWN: usize = 40;
/// The most names that are offered, or linked to where pages are files.
const OFFERED: usize = 500;
/// The most names of one way that are written out.
const WAY: usize = 8;

#[derive(Template)]
#[template(path = "network/workload.html")]
struct Page {
    frame: Frame,
    head: Head,
    live: bool,
    workload: String,
    workload_problem: Option<&'static str>,
    offered: Vec<Choice>,
    not_offered: String,
    told: Option<Told>,
}

struct Choice {
    name: Shown,
    /// What the form takes; empty for a name that no form takes, because characters of it cannot be seen.
    value: String,
    href: Option<String>,
}

struct Told {
    workload: Shown,
    exists: bool,
    too_many: bool,
    certain: String,
    perhaps: String,
    others: String,
    picture: String,
    drawn: usize,
    rows: Listing<ReachedRow>,
    outside: Vec<(Shown, Mark)>,
    flows: String,
}

struct ReachedRow {
    workload: Shown,
    steps: usize,
    way: Vec<Shown>,
    longer: usize,
    mark: Mark,
    flows: Number,
}

/// The page about one workload; without one, where it is chosen.
///
/// # Errors
/// [`PageError::Template`].
pub fn workload(
    report: &Report,
    links: &Links<'_>,
    query: &NetworkQuery,
    problems: &[FilterProblem],
    material: &NetworkMaterial,
    reach: Option<&Reach>,
) -> Result<String, PageError> {
    let problem = |field: &str| problems.iter().find(|one| one.field == field);
    let paged = |name: &str| material.reaches.iter().any(|reach| reach.workload == name);
    let live = links.live();
    let names: Vec<&String> = material.workloads.iter().filter(|name| live || paged(name)).take(OFFERED).collect();
    let left = material.workloads_total.saturating_sub(names.len() as u64);
    let page = Page {
        frame: Frame::new(report, links, "network", "What a workload reaches".to_owned()),
        head: Head::new(report, links, "workload", query, problems, (&material.clusters, &material.cluster)),
        live,
        workload: problem("workload").map_or_else(|| query.workload.clone(), |one| one.given.clone()),
        workload_problem: problem("workload").map(|one| one.what),
        offered: names
            .into_iter()
            .map(|name| Choice {
                name: Shown::line(name),
                value: if misleads(name) { String::new() } else { name.clone() },
                href: links.to_reach(query, name, paged(name)).filter(|_| !live || !misleads(name)),
            })
            .collect(),
        not_offered: if left == 0 { String::new() } else { count(i64::try_from(left).unwrap_or(i64::MAX)) },
        told: reach.filter(|_| problems.is_empty()).map(|reach| told(links, query, reach)),
    };
    page.render().map_err(PageError::template("workload"))
}

fn told(links: &Links<'_>, query: &NetworkQuery, reach: &Reach) -> Told {
    let certain = reach.reached.iter().filter(|one| one.certain).count();
    let number = |n: usize| count(i64::try_from(n).unwrap_or(i64::MAX));
    let rows = reach.reached.iter().enumerate().map(|(place, one)| {
        let way = reach.way(place);
        let before = one.before.and_then(|before| reach.reached.get(before)).map_or(&reach.workload, |b| &b.workload);
        ReachedRow {
            workload: Shown::line(&one.workload),
            steps: one.steps,
            way: way.iter().rev().skip(1).rev().take(WAY).map(|name| Shown::line(name)).collect(),
            longer: way.len().saturating_sub(1).saturating_sub(WAY),
            mark: if one.certain { Mark::new(Shape::Thin, "open") } else { Mark::new(Shape::Hatched, "not known") },
            flows: Number {
                text: "flows".to_owned(),
                href: links.live().then(|| links.to_flows(between(query, before, &one.workload))),
            },
        }
    });
    Told {
        workload: Shown::line(&reach.workload),
        exists: reach.exists,
        too_many: reach.too_many,
        certain: number(certain),
        perhaps: number(reach.reached.len() - certain),
        others: number(reach.workloads.saturating_sub(1)),
        picture: svg(&graph(reach), "reach").filter(|_| !reach.reached.is_empty()).unwrap_or_default(),
        drawn: reach.reached.len().min(DRAWN),
        rows: Listing::new(rows, ROWS, csv(links, NetworkCsv::Reach, query)),
        outside: reach
            .outside
            .iter()
            .map(|(range, certain)| {
                let mark =
                    if *certain { Mark::new(Shape::Thin, "open") } else { Mark::new(Shape::Hatched, "not known") };
                (Shown::line(range), mark)
            })
            .collect(),
        flows: links.to_flows(NetworkQuery { from: between(query, &reach.workload, "").from, ..query.place() }),
    }
}

/// The nearest workloads with the first step to each.
fn graph(reach: &Reach) -> Graph {
    let mut order: Vec<usize> = (0..reach.reached.len()).collect();
    order.sort_by_key(|place| (!reach.reached[*place].certain, reach.reached[*place].steps, *place));
    let description = format!(
        "From {} step by step to the workloads that it reaches; dashed lines lead where it is not known whether anything is open.",
        reach.workload
    );
    let mut graph = Graph::new(format!("What {} reaches", reach.workload), description);
    graph.nodes.push(Node { id: "start".to_owned(), label: reach.workload.clone(), shape: NodeShape::Round });
    for place in order.into_iter().take(DRAWN) {
        let one = &reach.reached[place];
        graph.nodes.push(Node { id: place.to_string(), label: one.workload.clone(), shape: NodeShape::Plain });
        graph.edges.push(Edge {
            from: one.before.map_or_else(|| "start".to_owned(), |before| before.to_string()),
            to: place.to_string(),
            label: String::new(),
            line: if one.certain { Line::Solid } else { Line::Dashed },
        });
    }
    graph
}

/// What a workload reaches as CSV.
#[must_use]
pub fn reach_csv(reach: &Reach) -> Vec<u8> {
    let mut list = List::new(["from", "workload", "steps", "before", "state"]);
    for one in &reach.reached {
        let before = one.before.and_then(|before| reach.reached.get(before)).map_or(&reach.workload, |b| &b.workload);
        list.push(&[
            guarded(&reach.workload),
            guarded(&one.workload),
            one.steps.to_string(),
            guarded(before),
            if one.certain { "reachable" } else { "unknown" }.to_owned(),
        ]);
    }
    list.finish()
}
