//! Pages and lists as people get them. A changed page is a readable difference of its HTML.

use reports::access::{AccessQuestion, WhoCan};
use reports::{AdmissionMaterial, CsvFile, DecisionFilter, DecisionList, Links, Report, csv_file, pages, record_lines};

use crate::decision_list;
use crate::sample;

fn report() -> Report {
    Report::new(sample::material()).unwrap()
}

#[test]
fn overview() {
    insta::assert_snapshot!(pages::overview(&report(), &Links::absolute()).unwrap());
}

#[test]
fn control_of_state() {
    insta::assert_snapshot!(pages::control(&report(), &Links::absolute(), "AC-01").unwrap());
}

#[test]
fn control_of_events() {
    insta::assert_snapshot!(pages::control(&report(), &Links::absolute(), "AC-10").unwrap());
}

#[test]
fn control_that_did_not_occur() {
    insta::assert_snapshot!(pages::control(&report(), &Links::absolute(), "AC-11").unwrap());
}

#[test]
fn items_last_page() {
    insta::assert_snapshot!(pages::items(&report(), &Links::absolute(), "CH-02", 41, 20).unwrap());
}

#[test]
fn evidence_redacted() {
    let entry = sample::evidence().into_iter().find(|entry| entry.redaction.is_some()).unwrap();
    insta::assert_snapshot!(pages::evidence(&report(), &Links::absolute(), &entry).unwrap());
}

#[test]
fn sources() {
    insta::assert_snapshot!(pages::sources(&report(), &Links::absolute()).unwrap());
}

#[test]
fn deviations_as_csv() {
    let bytes = csv_file::render(&report(), &CsvFile::Deviations("AC-01".to_owned())).unwrap();
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
}

#[test]
fn controls_as_csv() {
    insta::assert_snapshot!(String::from_utf8(csv_file::render(&report(), &CsvFile::Controls).unwrap()).unwrap());
}

#[test]
fn first_lines_of_the_results() {
    let bytes = record_lines::results(&report());
    let text = String::from_utf8(bytes).unwrap();
    insta::assert_snapshot!(text.lines().take(14).collect::<Vec<_>>().join("\n"));
}

#[test]
fn verify_md() {
    let files = reports::package::render(&sample::material(), &sample::evidence(), &[]).unwrap();
    let (_, bytes) = files.into_iter().find(|(path, _)| path == "VERIFY.md").unwrap();
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
}

#[test]
fn a_page_that_does_not_exist_is_named() {
    let error = pages::items(&report(), &Links::absolute(), "AC-01", 9, 100).unwrap_err();
    assert_eq!(error.to_string(), "page 9 of the 1 with items of AC-01 does not exist in this evaluation");
}

#[test]
fn admission_summary() {
    insta::assert_snapshot!(pages::admission(&report(), &Links::absolute()).unwrap());
}

#[test]
fn admission_decisions_that_were_asked_for() {
    insta::assert_snapshot!(pages::decisions(&report(), &Links::absolute(), &decision_list::second_page()).unwrap());
}

#[test]
fn admission_filter_that_is_not_understood() {
    let (filter, problems) = DecisionFilter::read([("from", "yesterday"), ("verdict", "maybe"), ("user", "a\"b")]);
    let list = DecisionList { filter, problems, page: 1, per_page: 100, last_page: 100, ..DecisionList::default() };
    insta::assert_snapshot!(pages::decisions(&report(), &Links::absolute(), &list).unwrap());
}

#[test]
fn admission_refusal() {
    let refused = &sample::material().admission.decisions[0];
    insta::assert_snapshot!(pages::decision(&report(), &Links::absolute(), refused).unwrap());
}

#[test]
fn admission_under_an_exception() {
    let excepted = &sample::material().admission.decisions[1];
    insta::assert_snapshot!(pages::decision(&report(), &Links::absolute(), excepted).unwrap());
}

#[test]
fn admission_exceptions() {
    insta::assert_snapshot!(pages::exceptions(&report(), &Links::absolute()).unwrap());
}

#[test]
fn admission_exception() {
    let id = format!("{:032x}", 1);
    insta::assert_snapshot!(
        pages::exception(&report(), &Links::absolute(), &id, &decision_list::second_page()).unwrap()
    );
}

#[test]
fn admission_policy_sets() {
    insta::assert_snapshot!(pages::policy_sets(&report(), &Links::absolute()).unwrap());
}

#[test]
fn admission_policy_set() {
    let page = pages::policy_set(&report(), &Links::absolute(), "prod/admission/admission.plimsoll.dev", 1_700);
    insta::assert_snapshot!(page.unwrap());
}

#[test]
fn admission_guards() {
    insta::assert_snapshot!(pages::guards(&report(), &Links::absolute(), 1).unwrap());
}

#[test]
fn admission_without_anything() {
    let mut material = sample::material();
    material.admission = AdmissionMaterial::default();
    let report = Report::new(material).unwrap();
    insta::assert_snapshot!(pages::admission(&report, &Links::absolute()).unwrap());
}

#[test]
fn pages_of_admission_that_do_not_exist_are_named() {
    let (report, links) = (report(), Links::absolute());
    let list = DecisionList { page: 9, per_page: 2, last_page: 2, total: 99, ..DecisionList::default() };
    for error in [
        pages::decisions(&report, &links, &list).unwrap_err(),
        pages::exception(&report, &links, "../../etc/passwd", &list).unwrap_err(),
        pages::policy_set(&report, &links, "prod/admission/x", 7).unwrap_err(),
        pages::guards(&report, &links, 0).unwrap_err(),
        pages::guide(&report, &links, "nothing").unwrap_err(),
    ] {
        assert!(matches!(error, pages::PageError::NoSuchPage { .. }), "{error}");
    }
}

fn asked(fields: &[(&str, &str)]) -> AccessQuestion {
    AccessQuestion::read(fields.iter().copied(), sample::window())
}

#[test]
fn access_summary() {
    insta::assert_snapshot!(pages::access(&report(), &Links::absolute(), &sample::rights::summary()).unwrap());
}

#[test]
fn access_at_a_moment_that_is_not_known() {
    let mut summary = sample::rights::summary();
    summary.question = asked(&[("at", "2026-09-12 03:00"), ("cluster", "prod")]);
    summary.clusters.push("staging".to_owned());
    let page = pages::access(&report(), &Links::absolute(), &summary).unwrap();
    for holds in [
        "not known at this moment",
        "<li>prod/watch/clusterrolebindings.rbac.authorization.k8s.io</li>",
        "value=\"2026-09-12T03:00:00.000000Z\"",
        "<option value=\"prod\" selected>",
        "/access/subject?cluster=prod&#38;subject=User%3Adana%40example.com&#38;at=2026-09-12T03%3A00%3A00.000000Z",
    ] {
        assert!(page.contains(holds), "{holds}: {page}");
    }
}

#[test]
fn access_question_that_is_not_understood() {
    let question = asked(&[("at", "yesterday"), ("subject", "alice")]);
    let mut subject = sample::rights::subject();
    subject.question = question;
    insta::assert_snapshot!(pages::access_subject(&report(), &Links::absolute(), &subject).unwrap());
}

#[test]
fn access_of_a_subject() {
    insta::assert_snapshot!(pages::access_subject(&report(), &Links::absolute(), &sample::rights::subject()).unwrap());
}

#[test]
fn access_changes() {
    let page = pages::access_difference(&report(), &Links::absolute(), &sample::rights::difference());
    insta::assert_snapshot!(page.unwrap());
}

#[test]
fn access_who_can() {
    let rows = sample::rights::subject().rules;
    let answer = WhoCan {
        question: asked(&[("verb", "get"), ("resource", "deployments"), ("namespace", "shop")]),
        clusters: vec!["prod".to_owned()],
        taken_as: "deployments.apps".to_owned(),
        total: rows.len(),
        rows,
    };
    insta::assert_snapshot!(pages::access_who_can(&report(), &Links::absolute(), &answer).unwrap());
}

#[test]
fn access_people() {
    insta::assert_snapshot!(
        pages::access_people(&report(), &Links::absolute(), &sample::rights::credentials()).unwrap()
    );
}

#[test]
fn a_cluster_that_nobody_watches_is_not_known() {
    let mut material = sample::material();
    material.sources.clear();
    let report = Report::new(material).unwrap();
    let page = pages::access(&report, &Links::absolute(), &sample::rights::summary()).unwrap();
    assert!(page.contains("No cluster that this asks about is watched, so nothing is known"), "{page}");
}
