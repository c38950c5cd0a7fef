//! The pages about Secrets as people get them.

use proptest::prelude::*;
use records::Timestamp;
use reports::secrets::{ManagerChoice, SecretQuery};
use reports::{CsvFile, Links, Report, SecretList, SecretsCsv, SecretsMaterial, csv_file, pages};

use crate::hostile::{hostile, tags};
use crate::package::attributes;
use crate::sample;

fn report() -> Report {
    let mut material = sample::material();
    let mut row = material.coverage[0].clone();
    row.name = "prod/watch/secrets".into();
    (row.covered_from, row.covered_to) = (sample::at("2026-07-01T00:00:00Z"), sample::at("2026-12-01T00:00:00Z"));
    material.coverage.push(row);
    Report::new(material).unwrap()
}

fn list(query: &SecretQuery, material: &SecretsMaterial) -> SecretList {
    SecretList {
        query: query.clone(),
        clusters: material.clusters.clone(),
        rows: material.secrets.clone(),
        total: 404,
        page: 2,
        per_page: 200,
        last_page: 2,
    }
}

#[test]
fn overview() {
    let report = report();
    let page = pages::secrets(&report, &Links::absolute(), &SecretQuery::default(), &[], &report.material().secrets[0]);
    insta::assert_snapshot!(page.unwrap());
}

#[test]
fn all_secrets() {
    let report = report();
    let query = SecretQuery { manager: Some(ManagerChoice::Without), ..SecretQuery::default() };
    let list = list(&query, &report.material().secrets[0]);
    insta::assert_snapshot!(pages::secret_list(&report, &Links::absolute(), &query, &[], &list).unwrap());
}

#[test]
fn one_secret() {
    let report = report();
    let secret = &report.material().secrets[0].secrets[2];
    let query = SecretQuery { namespace: "shop".into(), name: "db".into(), ..SecretQuery::default() };
    insta::assert_snapshot!(pages::secret(&report, &Links::absolute(), &query, secret).unwrap());
}

#[test]
fn what_is_not_known_is_not_told_as_good() {
    let report = Report::new(sample::material()).unwrap();
    let material = &report.material().secrets[0];
    let links = Links::absolute();
    let page = pages::secrets(&report, &links, &SecretQuery::default(), &[], material).unwrap();
    assert!(page.contains("Nobody looked at Secrets at that time"));
    let unknown = pages::secret(&report, &links, &SecretQuery::default(), &material.secrets[1]).unwrap();
    assert!(unknown.contains("age not known") && unknown.contains("not known</span>"));
    let nobody = pages::secret(&report, &links, &SecretQuery::default(), &material.secrets[0]).unwrap();
    assert!(nobody.contains("roles and bindings were not all observed"));
    let nothing = SecretsMaterial::empty(Vec::new(), String::new(), None, Timestamp::MAX);
    let page = pages::secrets(&report, &links, &SecretQuery::default(), &[], &nothing).unwrap();
    assert!(page.contains("Nothing is recorded of Secrets"));
}

#[test]
fn a_question_that_is_not_understood_shows_nothing() {
    let report = report();
    let (query, problems) = SecretQuery::read([("at", "yesterday"), ("namespace", "a\u{202e}b")]);
    let material = &report.material().secrets[0];
    for page in [
        pages::secrets(&report, &Links::absolute(), &query, &problems, material).unwrap(),
        pages::secret_list(&report, &Links::absolute(), &query, &problems, &list(&query, material)).unwrap(),
    ] {
        assert!(page.contains("The question was not understood") && page.contains("This is no time."));
        assert!(!page.contains("api-key"));
    }
}

#[test]
fn lists_as_csv() {
    let report = report();
    for kind in SecretsCsv::ALL {
        let bytes = csv_file::render(&report, &CsvFile::Secrets(kind, Box::default())).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().count() >= 2, "{kind:?}: {text}");
    }
    let bytes = csv_file::render(&report, &CsvFile::Secrets(SecretsCsv::Reads, Box::default())).unwrap();
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
}

/// All pages with every name a text that was chosen to mislead.
fn all_pages(text: &str) -> Vec<String> {
    let mut material = sample::material();
    let owned = || format!("x{text}").into();
    let secrets = &mut material.secrets[0];
    for row in &mut secrets.encryption {
        row.detail = owned();
        row.provider = Some(owned());
    }
    for row in &mut secrets.managers {
        row.manager = Some(format!("x{text}"));
    }
    for read in &mut secrets.reads {
        for field in [&mut read.user, &mut read.impersonated, &mut read.verb, &mut read.namespace, &mut read.name] {
            *field = format!("x{text}");
        }
    }
    for row in &mut secrets.findings {
        (row.kind, row.object, row.place, row.digest) = (owned(), owned(), owned(), Some(owned()));
    }
    for row in &mut secrets.in_logs {
        (row.kind, row.place, row.audit_id) = (owned(), owned(), Some(owned()));
    }
    for secret in &mut secrets.secrets {
        let posture = &mut secret.posture;
        (posture.secret_type, posture.manager, posture.manager_object) = (Some(owned()), Some(owned()), Some(owned()));
        posture.rotation_class = Some(owned());
        for readers in secret.readers.iter_mut().chain(&mut secret.named_readers) {
            readers.readers_json = serde_json::to_string(&[format!("x{text}")]).unwrap().into();
        }
        for row in &mut secret.rotations {
            row.ended_by = Some(owned());
        }
    }
    let report = Report::new(material).unwrap();
    let material = &report.material().secrets[0];
    let (query, _) = SecretQuery::read([("namespace", &*format!("x{text}")), ("manager", &*format!("x{text}"))]);
    let links = Links::absolute();
    vec![
        pages::secrets(&report, &links, &query, &[], material).unwrap(),
        pages::secret_list(&report, &links, &query, &[], &list(&query, material)).unwrap(),
        pages::secret(&report, &links, &query, &material.secrets[2]).unwrap(),
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
            prop_assert_eq!(tags(plain), tags(page));
            prop_assert_eq!(paths(plain), paths(page));
            prop_assert!(page.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert!(!page.contains(['\u{202e}', '\u{2028}']), "a hiding character is left");
        }
    }
}
