//! Pages and lists as people get them. A changed page is a readable difference of its HTML.

use reports::{CsvFile, Links, Report, csv_file, pages, record_lines};

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
