//! The pages about the network as people get them.

use proptest::prelude::*;
use records::Timestamp;
use reports::network::{FlowState, LevelChoice};
use reports::{CsvFile, FlowList, Links, NetworkCsv, NetworkMaterial, NetworkQuery, Report, csv_file, pages};

use crate::hostile::{hostile, tags};
use crate::package::attributes;
use crate::sample;

fn report() -> Report {
    let mut material = sample::material();
    // Somebody looked at everything.
    for detail in ["namespaces", "pods", "networkpolicies.networking.k8s.io"] {
        let mut row = material.coverage[0].clone();
        row.name = format!("prod/watch/{detail}").into();
        (row.covered_from, row.covered_to) = (sample::at("2026-07-01T00:00:00Z"), sample::at("2026-12-01T00:00:00Z"));
        material.coverage.push(row);
    }
    for (control, parameter, value) in [
        ("NW-03", "declared_flows", r#"["shop/cart[Deployment] -> payments/*"]"#),
        ("NW-05", "declared", r#"["Ingress:shop/*"]"#),
    ] {
        let (mut text, mut result) = (material.controls[0].clone(), material.results[0].clone());
        (text.id, result.control) = (control.parse().unwrap(), control.into());
        text.parameters = vec![(parameter.to_owned(), value.to_owned())];
        material.controls.push(text);
        material.results.push(result);
    }
    Report::new(material).unwrap()
}

fn list(query: &NetworkQuery, material: &NetworkMaterial) -> FlowList {
    FlowList {
        query: query.clone(),
        clusters: material.clusters.clone(),
        rows: material.flows.clone(),
        total: 203,
        page: 2,
        per_page: 100,
        last_page: 2,
    }
}

#[test]
fn summary() {
    let report = report();
    let page =
        pages::network(&report, &Links::absolute(), &NetworkQuery::default(), &[], &report.material().network[0]);
    insta::assert_snapshot!(page.unwrap());
}

#[test]
fn flows_that_were_asked_for() {
    let report = report();
    let query = NetworkQuery {
        from_level: Some(LevelChoice::Level(2)),
        state: Some(FlowState::Open),
        at: Some(sample::at("2026-09-04T00:00:00Z")),
        ..NetworkQuery::default()
    };
    let page =
        pages::flows(&report, &Links::absolute(), &query, &[], &list(&query, &report.material().network[0])).unwrap();
    insta::assert_snapshot!(page);
}

#[test]
fn what_a_workload_reaches() {
    let report = report();
    let material = &report.material().network[0];
    let query = NetworkQuery { workload: "dev-a/x[Pod]".to_owned(), ..NetworkQuery::default() };
    let page = pages::workload(&report, &Links::absolute(), &query, &[], material, material.reaches.first());
    insta::assert_snapshot!(page.unwrap());
}

#[test]
fn a_question_that_is_not_understood_shows_nothing() {
    let report = report();
    let (query, problems) = NetworkQuery::read([("at", "yesterday"), ("cluster", "a\"b"), ("state", "shut")]);
    let material = &report.material().network[0];
    let links = Links::absolute();
    for page in [
        pages::network(&report, &links, &query, &problems, material).unwrap(),
        pages::flows(&report, &links, &query, &problems, &list(&query, material)).unwrap(),
        pages::workload(&report, &links, &query, &problems, material, None).unwrap(),
    ] {
        assert!(page.contains("The question was not understood") && page.contains("This is no time."));
        assert!(page.contains("value=\"yesterday\"") && !page.contains("payments/default"), "{page}");
    }
}

#[test]
fn what_nobody_watched_is_not_known() {
    let report = Report::new(sample::material()).unwrap();
    let material = &report.material().network[0];
    let page = pages::network(&report, &Links::absolute(), &NetworkQuery::default(), &[], material).unwrap();
    assert!(page.contains("Nobody looked at that time") && !page.contains("nothing open</text>"));
}

#[test]
fn nothing_recorded_says_what_to_do() {
    let report = report();
    let nothing = NetworkMaterial::empty(Vec::new(), String::new(), None, Timestamp::MAX);
    let page = pages::network(&report, &Links::absolute(), &NetworkQuery::default(), &[], &nothing).unwrap();
    assert!(page.contains("Nothing is recorded"));
}

#[test]
fn lists_as_csv() {
    let report = report();
    let csv = |list, workload: &str| {
        let query = NetworkQuery { workload: workload.to_owned(), ..NetworkQuery::default() };
        csv_file::render(&report, &CsvFile::Network(list, Box::new(query)))
            .map(|bytes| String::from_utf8(bytes).unwrap())
    };
    insta::assert_snapshot!(csv(NetworkCsv::Pairs, "").unwrap());
    insta::assert_snapshot!(csv(NetworkCsv::Reach, "dev-a/x[Pod]").unwrap());
    assert_eq!(csv(NetworkCsv::Reach, "nobody"), None);
    assert!(csv(NetworkCsv::Flows, "").unwrap().lines().nth(1).unwrap().ends_with("reachable,false"));
}

/// All pages with every name a text that was chosen to mislead.
fn all_pages(text: &str) -> Vec<String> {
    let mut material = sample::material();
    let owned = || format!("x{text}").into();
    let network = &mut material.network[0];
    for namespace in &mut network.namespaces {
        namespace.name.push_str(text);
        for row in &mut namespace.isolation {
            (row.policies, row.open_workloads) = (owned(), owned());
        }
    }
    for pair in &mut network.pairs {
        for name in [&mut pair.from, &mut pair.to].into_iter().flatten() {
            name.push_str(text);
        }
        pair.example = format!("x{text}");
    }
    for row in &mut network.entries {
        (row.hosts, row.sources, row.targets, row.exposure) = (owned(), format!("x{text}").into(), owned(), owned());
        row.entry = format!("{}{text}", row.entry).into();
    }
    for row in &mut network.probes {
        (row.pod, row.check_name, row.target, row.expected) = (owned(), owned(), owned(), owned());
        row.detail = format!("x{text}").into();
    }
    for flow in &mut network.flows {
        flow.path.from_peer = format!("{text}{}", flow.path.from_peer).into();
        (flow.path.to_peer, flow.path.protocol) = (owned(), owned());
    }
    for workload in &mut network.workloads {
        workload.push_str(text);
    }
    let reach = &mut network.reaches[0];
    for one in &mut reach.reached {
        one.workload.push_str(text);
    }
    for (range, _) in &mut reach.outside {
        range.push_str(text);
    }
    let report = Report::new(material).unwrap();
    let material = &report.material().network[0];
    let links = Links::absolute();
    let (query, _) = NetworkQuery::read([("from", &*format!("x{text}")), ("workload", &*format!("x{text}"))]);
    vec![
        pages::network(&report, &links, &query, &[], material).unwrap(),
        pages::flows(&report, &links, &query, &[], &list(&query, material)).unwrap(),
        pages::workload(&report, &links, &query, &[], material, material.reaches.first()).unwrap(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_name_breaks_out_of_its_place(text in hostile()) {
        let paths = |page: &str| -> std::collections::BTreeSet<String> {
            attributes(page, "href").iter().map(|href| href.split('?').next().unwrap().to_owned()).collect()
        };
        for (plain, page) in all_pages("").iter().zip(&all_pages(&text)) {
            // A name with characters that cannot be seen is not offered to choose from: no form takes it.
            let tags = |page: &str| -> Vec<String> {
                tags(page).into_iter().filter(|tag| tag != "option" && tag != "/option").collect()
            };
            prop_assert_eq!(tags(plain), tags(page));
            prop_assert_eq!(paths(plain), paths(page));
            prop_assert!(page.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert!(!page.contains(['\u{202e}', '\u{2028}']), "a hiding character is left");
        }
    }
}
