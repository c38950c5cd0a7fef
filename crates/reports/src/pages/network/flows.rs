//! Single flows, a page at a time, each with the evidence for it.

use askama::Template;

use super::Head;
use super::lists::csv;
use crate::admission::{FilterProblem, entry_of};
use crate::figures::{Mark, Moment, Shape, count};
use crate::links::{Links, NetworkCsv, NetworkPlace, Place};
use crate::network::{CSV_FLOWS, Declared, Flow, FlowList, FlowState, LevelChoice, NetworkQuery};
use crate::pages::PageError;
use crate::pages::frame::{EvidenceLink, Frame};
use crate::report::Report;
use crate::shown::Shown;

#[derive(Template)]
#[template(path = "network/flows.html")]
struct Page {
    frame: Frame,
    head: Head,
    texts: Vec<Field>,
    states: Vec<(&'static str, &'static str, bool)>,
    state_problem: Option<&'static str>,
    /// The question in words; empty when it asks for all.
    filter: Shown,
    first: String,
    last: String,
    total: String,
    beyond: Option<String>,
    /// Whether the package has only a part.
    part: bool,
    csv: String,
    csv_cut: bool,
    csv_rows: String,
    page: usize,
    pages: usize,
    previous: Option<String>,
    next: Option<String>,
    rows: Vec<FlowRow>,
}

struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
    problem: Option<&'static str>,
}

struct FlowRow {
    from: Shown,
    from_reach: Option<String>,
    to: Shown,
    ports: Shown,
    mark: Mark,
    since: Moment,
    until: Option<Moment>,
    evidence: Option<EvidenceLink>,
}

/// One page of flows. Where pages are live it has a form to ask for others.
///
/// # Errors
/// [`PageError::NoSuchPage`] when the page is beyond the last, [`PageError::Template`].
pub fn flows(
    report: &Report,
    links: &Links<'_>,
    query: &NetworkQuery,
    problems: &[FilterProblem],
    list: &FlowList,
) -> Result<String, PageError> {
    let per_page = list.per_page.max(1);
    let pages = usize::try_from(list.total).unwrap_or(usize::MAX).div_ceil(per_page).max(1);
    let given = pages.min(list.last_page.max(1));
    if list.page == 0 || list.page > given {
        return Err(PageError::none(format_args!("page {} of the {given} with flows", list.page)));
    }
    let cluster = match query.cluster.as_str() {
        "" => list.clusters.first().map_or("", String::as_str),
        name => name,
    };
    let to_page = |page: usize| links.to(&Place::Network(NetworkPlace::Flows(Box::new(query.clone()), page)));
    let number = |n: usize| count(i64::try_from(n).unwrap_or(i64::MAX));
    let start = (list.page - 1) * per_page;
    let problem = |field: &str| problems.iter().find(|one| one.field == field);
    let declared = Declared::of(&report.material().controls).flows.is_some();
    let level = |level: Option<LevelChoice>| match level {
        None => String::new(),
        Some(LevelChoice::Without) => "none".to_owned(),
        Some(LevelChoice::Level(level)) => level.to_string(),
    };
    let field = |name, label, hint, value: String| Field {
        name,
        label,
        hint,
        value: problem(name).map_or(value, |one| one.given.clone()),
        problem: problem(name).map(|one| one.what),
    };
    let page = Page {
        frame: Frame::new(report, links, "network", "Flows".to_owned()),
        head: Head::new(report, links, "flows", query, problems, (&list.clusters, cluster)),
        texts: vec![
            field("from", "From namespace", "or (outside), for outside of the cluster", query.from.clone()),
            field("to", "To namespace", "or (outside), for outside of the cluster", query.to.clone()),
            field("from_level", "From trust level", "a whole number, or none", level(query.from_level)),
            field("to_level", "To trust level", "a whole number, or none", level(query.to_level)),
        ],
        states: FlowState::ALL.map(|one| (one.as_str(), one.words(), query.state == Some(one))).to_vec(),
        state_problem: problem("state").map(|one| one.what),
        filter: Shown::line(&query.words()),
        first: number(start + 1),
        last: number(start + list.rows.len()),
        total: count(i64::try_from(list.total).unwrap_or(i64::MAX)),
        beyond: (given < pages && list.page == given).then(|| number(given * per_page)),
        part: !links.live(),
        csv: csv(links, NetworkCsv::Flows, query),
        csv_cut: list.total > CSV_FLOWS as u64,
        csv_rows: number(CSV_FLOWS),
        page: list.page,
        pages: given,
        previous: (list.page > 1).then(|| to_page(list.page - 1)),
        next: (list.page < given).then(|| to_page(list.page + 1)),
        rows: list.rows.iter().map(|flow| row(flow, links, query, declared)).collect(),
    };
    page.render().map_err(PageError::template("flows"))
}

fn row(flow: &Flow, links: &Links<'_>, query: &NetworkQuery, known: bool) -> FlowRow {
    let path = &flow.path;
    let ports = match (&*path.protocol, path.first_port, path.last_port) {
        ("ANY", _, _) => "every port".to_owned(),
        (protocol, first, last) if first == last => format!("{protocol} {first}"),
        (protocol, first, last) => format!("{protocol} {first} to {last}"),
    };
    let workload = path.from_namespace.is_some() && !path.from_peer.ends_with("/*");
    FlowRow {
        from: Shown::line(&path.from_peer),
        from_reach: if workload { links.to_reach(query, &path.from_peer, false) } else { None },
        to: Shown::line(&path.to_peer),
        ports: Shown::line(&ports),
        mark: match (&*path.state, flow.declared) {
            ("reachable", true) => Mark::new(Shape::Filled, "open, declared"),
            ("reachable", false) if known => Mark::new(Shape::Thin, "open, not declared"),
            ("reachable", false) => Mark::new(Shape::Thin, "open"),
            _ => Mark::new(Shape::Hatched, "not known"),
        },
        since: Moment::new(path.valid_from),
        until: path.valid_to.map(Moment::new),
        evidence: entry_of(&path.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}

/// Used by the page of a workload, too.
pub(super) fn between(query: &NetworkQuery, from: &str, to: &str) -> NetworkQuery {
    let namespace = |peer: &str| peer.split_once('/').map_or(peer, |(namespace, _)| namespace).to_owned();
    NetworkQuery { from: namespace(from), to: namespace(to), ..query.place() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flows_between_two_workloads_are_those_between_their_namespaces() {
        let query = between(&NetworkQuery::default(), "a/x[Pod]", "b/y[Pod]");
        assert_eq!((query.from.as_str(), query.to.as_str()), ("a", "b"));
    }
}
