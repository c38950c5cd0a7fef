//! Mistakes in a catalogue are told with their place, all at once.

use controls::Catalogue;

const GOOD: &str = r#"id: XX-01
title: A title
description: What it means.
criteria: [CC6.1]
kind: event
needs: [audit/*]
next_step: Connect it.
parameters:
  users: {type: list, default: [], doc: Users.}
population: |
  SELECT audit_id AS item, verb AS label, event_time AS at, source, segment, seq
  FROM audit_events
test: |
  SELECT item, 'effective' AS verdict, label AS reason
  FROM population
"#;

async fn faults(files: &[(&str, String)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect();
    match Catalogue::from_files(files).await {
        Ok(_) => Vec::new(),
        Err(errors) => errors.faults.iter().map(ToString::to_string).collect(),
    }
}

async fn after(change: impl Fn(&str) -> String) -> Vec<String> {
    let changed = change(GOOD);
    assert_ne!(changed, GOOD, "the change of the test changes nothing");
    faults(&[("x/XX-01.yaml", changed)]).await
}

#[tokio::test]
async fn a_good_file_has_no_fault() {
    assert_eq!(faults(&[("x/XX-01.yaml", GOOD.to_owned())]).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_mistake_is_told_with_line_and_column() {
    let mut told = Vec::new();
    for (from, to) in [
        ("id: XX-01", "id: xx1"),
        ("title: A title", "title: A title\nowner: nobody"),
        ("title: A title\n", ""),
        ("criteria: [CC6.1]", "criteria: [CC6.1, 6.2]"),
        ("kind: event", "kind: often"),
        ("needs: [audit/*]", "needs: [traces/*]"),
        ("needs: [audit/*]", "needs: []"),
        ("needs: [audit/*]", "judges: [audit/*]"),
        ("next_step: Connect it.", "next_step: Connect it.\nminimum_covered_share: 1.5"),
        ("default: []", "default: 7"),
        ("type: list", "type: number"),
        ("users: {", "Users!: {"),
        ("FROM audit_events", "FROM audit_event"),
        ("verb AS label", "verbs AS label"),
        ("SELECT audit_id AS item", "SELEC audit_id AS item"),
        ("event_time AS at,", "verb AS at,"),
        ("event_time AS at, ", ""),
        (
            "  SELECT audit_id AS item, verb AS label, event_time AS at, source, segment, seq\n  FROM audit_events",
            "  DROP TABLE audit_events",
        ),
        ("label AS reason", "labels AS reason"),
        ("'effective' AS verdict", "1 AS verdict"),
        ("FROM population", "FROM population WHERE"),
    ] {
        let faults = after(|text| text.replace(from, to)).await;
        assert!(!faults.is_empty(), "{to:?} was accepted");
        told.push(format!("{to}\n    {}", faults.join("\n    ")));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn all_files_are_told_and_names_must_fit() {
    let wrong = faults(&[
        ("x/XX-01.yaml", GOOD.replace("kind: event", "kind: often")),
        ("x/XX-02.yaml", GOOD.to_owned()),
        ("x/XX-03.yaml", GOOD.replace("XX-01", "XX-03").replace("FROM audit_events", "FROM nothing")),
    ])
    .await;
    let paths: Vec<&str> = wrong.iter().filter_map(|f| f.split(':').next()).collect();
    assert_eq!(paths, ["x/XX-01.yaml", "x/XX-02.yaml", "x/XX-03.yaml"], "{wrong:?}");
    let twice = faults(&[("x/XX-01.yaml", GOOD.to_owned()), ("y/XX-01.yaml", GOOD.to_owned())]).await;
    assert_eq!(twice, ["y/XX-01.yaml:1:1: XX-01 is defined in x/XX-01.yaml too"]);
    assert_eq!(faults(&[]).await, ["catalogue: there is no control in it"]);
}

#[tokio::test]
async fn the_embedded_catalogue_is_the_folder() {
    let embedded = Catalogue::embedded().await.unwrap();
    let folder = Catalogue::load(crate::folder()).await.unwrap();
    assert_eq!(embedded.digest(), folder.digest());
    let ids = |c: &Catalogue| c.controls().iter().map(|c| c.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(&embedded), ids(&folder));
    for control in embedded.controls() {
        assert_eq!(embedded.fixture(control.id.as_str()), folder.fixture(control.id.as_str()), "{}", control.id);
        assert!(embedded.fixture(control.id.as_str()).is_some(), "{} has no fixture", control.id);
    }
}

#[tokio::test]
async fn the_digest_changes_with_every_byte_and_not_with_the_order_of_files() {
    let of = async |files: Vec<(String, String)>| Catalogue::from_files(files).await.unwrap().digest().to_owned();
    let a = ("x/XX-01.yaml".to_owned(), GOOD.to_owned());
    let b = ("x/XX-02.yaml".to_owned(), GOOD.replace("XX-01", "XX-02"));
    let both = of(vec![a.clone(), b.clone()]).await;
    assert_eq!(of(vec![b.clone(), a.clone()]).await, both);
    let changed = (b.0, b.1.replace("A title", "A titlf"));
    assert_ne!(of(vec![a, changed]).await, both);
}
