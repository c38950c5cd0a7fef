//! The runner over catalogues made for the test: cadence, failures, digests, and the lines of an evaluation.

use std::collections::BTreeMap;

use controls::runner::EvaluationResult;
use controls::{Catalogue, Occasion, Parameters, Session, SessionInputs, evaluate};
use records::{Conclusion, EntryView, Period, Timestamp, Verdict};
use serde_json::{Value, json};
use store::TableBuilders;

fn at(text: &str) -> Timestamp {
    format!("2026-03-{text}Z").parse().unwrap()
}

fn window() -> Period {
    Period::new(at("02T00:00:00"), at("05T00:00:00")).unwrap()
}

fn occasion() -> Occasion {
    Occasion {
        evaluated_at: at("06T00:00:00"),
        checkpoint_size: 3,
        checkpoint_root: "cm9vdA==".to_owned(),
        version: "0.0.0".to_owned(),
    }
}

/// What a server may hand to another thread: the portal evaluates, too.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

/// A session over statements that a watch of pods was alive.
async fn session(alive: &[(&str, &str)]) -> Session {
    let mut builders = TableBuilders::new();
    for (seq, (from, to)) in (1..).zip(alive) {
        let raw = json!({"statement": "alive", "subject": "c1/watch/pods", "from": at(from), "to": at(to)}).to_string();
        let view = EntryView {
            source: "c1/statements/watch",
            segment: 0,
            seq,
            received_at: at(to),
            raw: raw.as_bytes(),
            redacted: false,
        };
        normalize::project(&view, &mut builders);
    }
    let mut inputs = SessionInputs::empty(at("05T00:00:00"));
    inputs.unsealed = builders.finish().into_iter().map(|(t, b)| (t.name.to_owned(), b)).collect();
    sendable(Session::open(inputs)).await.unwrap()
}

fn control(kind: &str, population: &str, test: &str) -> (String, String) {
    let text = format!(
        "id: XX-01\ntitle: T\ndescription: D\ncriteria: [CC6.1]\nkind: {kind}\nneeds: [watch/pods]\nnext_step: N\npopulation: |\n  {}\ntest: |\n  {}\n",
        population.replace('\n', "\n  "),
        test.replace('\n', "\n  ")
    );
    ("x/XX-01.yaml".to_owned(), text)
}

async fn run(session: &Session, files: Vec<(String, String)>) -> EvaluationResult {
    let catalogue = Catalogue::from_files(files).await.unwrap_or_else(|e| panic!("{e}"));
    let parameters = Parameters::defaults(&catalogue);
    sendable(evaluate(session, &catalogue, &parameters, window(), occasion(), None)).await.unwrap()
}

const DAYS: &str = "SELECT 'c1/day-' || d.day AS item, 'day ' || d.day AS label, d.due_from, d.due_to,
  'c1/statements/watch' AS source, 0 AS segment, 1 AS seq
FROM (VALUES ('2', TIMESTAMP '2026-03-02 00:00:00', TIMESTAMP '2026-03-03 00:00:00'),
             ('3', TIMESTAMP '2026-03-03 00:00:00', TIMESTAMP '2026-03-04 00:00:00'),
             ('4', TIMESTAMP '2026-03-04 00:00:00', TIMESTAMP '2026-03-05 00:00:00'),
             ('5', TIMESTAMP '2026-03-05 00:00:00', TIMESTAMP '2026-03-06 00:00:00')) AS d (day, due_from, due_to)";

fn in_utc(sql: &str) -> String {
    sql.replace("d.due_from, d.due_to", "CAST(d.due_from AS TIMESTAMP WITH TIME ZONE) AS due_from, CAST(d.due_to AS TIMESTAMP WITH TIME ZONE) AS due_to")
}

#[tokio::test]
async fn what_did_not_happen_in_a_period_deviates_only_when_somebody_looked() {
    let session = session(&[("01T00:00:00", "03T12:00:00"), ("04T00:00:00", "05T00:00:00")]).await;
    let test = "SELECT item, CASE WHEN item = 'c1/day-2' THEN 'effective' ELSE 'deviation' END AS verdict, 'missing' AS reason FROM population";
    let result = run(&session, vec![control("cadence", &in_utc(DAYS), test)]).await;
    let outcome = &result.controls[0];
    let verdicts: Vec<(&str, Verdict)> = outcome.items.iter().map(|i| (i.label, i.verdict)).collect();
    // Day 5 falls due after the window.
    assert_eq!(
        verdicts,
        [("day 2", Verdict::Effective), ("day 3", Verdict::Undetermined), ("day 4", Verdict::Deviation)],
        "{}",
        outcome.remark
    );
    assert_eq!(outcome.conclusion, Conclusion::Deviations);
    assert_eq!(
        (outcome.numbers.population, outcome.numbers.tested, outcome.numbers.deviations, outcome.numbers.undetermined),
        (3, 2, 1, 1)
    );
    assert_eq!(outcome.numbers.longest_gap_micros, 12 * 3600 * 1_000_000);
}

#[tokio::test]
async fn an_item_without_a_verdict_is_undetermined() {
    let session = session(&[("01T00:00:00", "05T00:00:00")]).await;
    let test = "SELECT item, 'effective' AS verdict, '' AS reason FROM population WHERE item <> 'c1/day-3'";
    let result = run(&session, vec![control("cadence", &in_utc(DAYS), test)]).await;
    let outcome = &result.controls[0];
    assert_eq!(outcome.conclusion, Conclusion::NotDeterminable);
    assert_eq!(outcome.remark, "1 of 3 items undetermined, for example: the test gave no verdict");
}

#[tokio::test]
async fn a_control_that_fails_says_so_and_does_not_stop_the_others() {
    let session = session(&[("01T00:00:00", "05T00:00:00")]).await;
    let good = control("cadence", &in_utc(DAYS), "SELECT item, 'effective' AS verdict, '' AS reason FROM population");
    let second = |test: &str| {
        let (_, text) = control("cadence", &in_utc(DAYS), test);
        ("x/XX-02.yaml".to_owned(), text.replace("XX-01", "XX-02"))
    };
    for (test, remark) in [
        (
            "SELECT item, 'good' AS verdict, '' AS reason FROM population",
            "the test could not be run: the test gives the verdict \"good\"",
        ),
        (
            "SELECT 'c1/day-9' AS item, 'effective' AS verdict, '' AS reason FROM population",
            "the item \"c1/day-9\", which is not in the population",
        ),
        (
            "SELECT item, CAST(label AS BIGINT) || '' AS verdict, '' AS reason FROM population",
            "the test could not be run: test: ",
        ),
        (
            "SELECT CAST(NULL AS VARCHAR) AS item, 'effective' AS verdict, '' AS reason FROM population",
            "test: column item is null",
        ),
    ] {
        let result = run(&session, vec![good.clone(), second(test)]).await;
        assert_eq!(result.controls[0].conclusion, Conclusion::NoDeviations);
        assert_eq!(result.controls[1].conclusion, Conclusion::NotDeterminable);
        assert!(result.controls[1].remark.contains(remark), "{}", result.controls[1].remark);
    }
}

#[tokio::test]
async fn the_same_evidence_gives_the_same_bytes_and_another_checkpoint_another_identifier() {
    let files =
        vec![control("cadence", &in_utc(DAYS), "SELECT item, 'effective' AS verdict, '' AS reason FROM population")];
    let session = session(&[("01T00:00:00", "05T00:00:00")]).await;
    let (a, b) = (run(&session, files.clone()).await, run(&session, files.clone()).await);
    assert_eq!(a.lines().collect::<Vec<_>>(), b.lines().collect::<Vec<_>>());
    let catalogue = Catalogue::from_files(files).await.unwrap();
    let later = Occasion { checkpoint_size: 4, ..occasion() };
    let c = evaluate(&session, &catalogue, &Parameters::defaults(&catalogue), window(), later, None).await.unwrap();
    assert_ne!(a.evaluation_id, c.evaluation_id);
    assert_eq!(a.results_digest, c.results_digest);
}

#[tokio::test]
async fn lines_become_rows_of_the_result_tables_again() {
    let files = vec![control(
        "cadence",
        &in_utc(DAYS),
        "SELECT item, 'effective' AS verdict, 'held' AS reason FROM population",
    )];
    let result = run(&session(&[("01T00:00:00", "05T00:00:00")]).await, files).await;
    let mut builders = TableBuilders::new();
    for (seq, line) in (1..).zip(result.lines()) {
        let view = EntryView {
            source: "plimsoll/evaluation/all",
            segment: 7,
            seq,
            received_at: at("06T00:00:00"),
            raw: line.as_bytes(),
            redacted: false,
        };
        normalize::project(&view, &mut builders);
    }
    let counts: BTreeMap<&str, usize> = builders
        .finish()
        .iter()
        .map(|(t, b)| (t.name, b.iter().map(arrow::array::RecordBatch::num_rows).sum()))
        .collect();
    assert_eq!(counts, BTreeMap::from([("evaluations", 1), ("control_results", 1), ("control_items", 3)]));
    let first: Value = serde_json::from_str(&result.lines().next().unwrap()).unwrap();
    assert_eq!(first["record"], "evaluation");
    assert_eq!(first["evaluation_id"], json!(result.evaluation_id));
}

#[tokio::test]
async fn configured_parameters_are_checked() {
    let catalogue = Catalogue::load(crate::folder()).await.unwrap();
    let configuration: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_value(json!({
        "AC-01": {"approved_subject": [], "approved_subjects": "User:a", "minimum_covered_share": 2},
        "MO-08": {"max_skew_seconds": "5"},
        "ZZ-99": {},
    }))
    .unwrap();
    let errors = Parameters::from_configuration(&catalogue, &configuration).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "parameters of ZZ-99: the catalogue has no such control",
            "parameters of AC-01: there is no parameter approved_subject; it has approved_subjects, minimum_covered_share",
            "parameters of AC-01: approved_subjects must be a list of texts",
            "parameters of AC-01: minimum_covered_share must be a number from 0.0 to 1.0",
            "parameters of MO-08: max_skew_seconds must be a whole number",
        ]
    );
}
