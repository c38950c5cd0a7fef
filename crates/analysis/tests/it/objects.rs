//! Histories of objects and the writes to them.

use serde_json::json;

use crate::story::{CLUSTER, Story, history, span};

const MAPS: (&str, &str) = ("", "configmaps");

/// A version as (UID, interval, basis, end).
type Shown = (String, (f64, Option<f64>), String, Option<String>);

fn versions(story: &Story) -> Vec<Shown> {
    let rows = story.told().object_versions;
    let shown = rows.into_iter().map(|v| {
        (
            v.uid.to_string(),
            span(v.valid_from, v.valid_to),
            v.valid_from_basis.to_string(),
            v.ended_by.map(|e| e.to_string()),
        )
    });
    shown.collect()
}

fn text(t: &str) -> Option<String> {
    Some(t.to_owned())
}

#[test]
fn a_version_lasts_until_the_next_and_repetition_is_none() {
    let mut story = history();
    story.sees(1.0, "added", MAPS, "a/m", json!({"x": 1})).uid("u").end();
    story.sees(2.0, "modified", MAPS, "a/m", json!({"x": 1})).uid("u").end();
    story.sees(3.0, "modified", MAPS, "a/m", json!({"x": 2})).uid("u").end();
    story.sees(5.0, "deleted", MAPS, "a/m", json!({"x": 2})).uid("u").end();
    assert_eq!(
        versions(&story),
        [
            ("u".to_owned(), (1.0, Some(3.0)), "observed".to_owned(), text("replaced")),
            ("u".to_owned(), (3.0, Some(5.0)), "observed".to_owned(), text("deleted")),
        ]
    );
}

#[test]
fn the_beginning_rests_on_the_best_that_is_known() {
    for (sort, created, fields, expected) in [
        ("listed", Some(-900.0), Some(-100.0), (-100.0, "managed_fields")),
        ("listed", Some(-900.0), None, (10.0, "observed")),
        ("added", Some(9.0), None, (9.0, "created")),
        ("added", Some(9.0), Some(9.0), (9.0, "managed_fields")),
        ("added", Some(9.0), Some(3.0), (9.0, "created")),
        ("added", None, None, (10.0, "observed")),
    ] {
        let mut story = history();
        let mut object = story.sees(10.0, sort, MAPS, "a/m", json!({}));
        if let Some(at) = created {
            object = object.created(at);
        }
        if let Some(at) = fields {
            object = object.fields(at);
        }
        object.end();
        let (_, (from, _), basis, _) = versions(&story).remove(0);
        assert_eq!((from, basis.as_str()), expected, "{sort} {created:?} {fields:?}");
    }
}

#[test]
fn two_writes_within_a_second_keep_their_order() {
    let mut story = history();
    story.sees(10.2, "added", MAPS, "a/m", json!({"x": 1})).fields(10.0).end();
    story.sees(10.7, "modified", MAPS, "a/m", json!({"x": 2})).fields(10.0).end();
    story.sees(12.1, "modified", MAPS, "a/m", json!({"x": 3})).fields(12.0).end();
    let spans: Vec<_> = versions(&story).into_iter().map(|v| v.1).collect();
    assert_eq!(spans, [(10.0, Some(10.7)), (10.7, Some(12.0)), (12.0, None)]);
}

#[test]
fn a_complete_list_ends_what_it_does_not_hold_and_no_other_list_does() {
    let told = |count: i64, end: &str| {
        let mut story = history();
        story.list_begins(1.0, MAPS, "1");
        story.sees(1.1, "listed", MAPS, "a/gone", json!({})).end();
        story.sees(1.2, "listed", MAPS, "a/stays", json!({})).end();
        story.list_ends(1.3, MAPS, "1", 2).list_begins(60.0, MAPS, "2");
        story.sees(60.1, "listed", MAPS, "a/stays", json!({})).end();
        story.list_ends(60.2, MAPS, end, count);
        versions(&story).into_iter().map(|v| (v.1.1, v.3)).collect::<Vec<_>>()
    };
    assert_eq!(told(1, "2"), [(Some(60.0), text("vanished")), (None, None)]);
    assert_eq!(told(2, "2"), [(None, None), (None, None)], "an object of the list was not observed");
    assert_eq!(told(1, "3"), [(None, None), (None, None)], "the end is of another list");
}

#[test]
fn an_interrupted_list_proves_nothing() {
    let mut story = history();
    story.sees(1.0, "listed", MAPS, "a/m", json!({})).end();
    story.list_begins(10.0, MAPS, "1").list_begins(20.0, MAPS, "2");
    story.sees(21.0, "listed", MAPS, "a/m", json!({})).end();
    story.list_ends(22.0, MAPS, "2", 1);
    assert_eq!(versions(&story).len(), 1);
}

#[test]
fn a_name_that_is_used_again_is_another_object() {
    let mut story = history();
    story.sees(1.0, "added", MAPS, "a/m", json!({})).uid("first").end();
    story.sees(8.0, "deleted", MAPS, "a/m", json!({})).uid("first").end();
    story.sees(8.5, "added", MAPS, "a/m", json!({})).uid("second").created(8.0).fields(7.0).end();
    story.sees(20.0, "listed", MAPS, "a/m", json!({})).uid("third").end();
    let shown: Vec<_> = versions(&story).into_iter().map(|v| (v.0, v.1, v.3)).collect();
    assert_eq!(
        shown,
        [
            ("first".to_owned(), (1.0, Some(8.0)), text("deleted")),
            ("second".to_owned(), (8.0, Some(20.0)), text("deleted")),
            ("third".to_owned(), (20.0, None), None),
        ]
    );
}

#[test]
fn the_audit_log_names_the_writer_and_the_moment() {
    let mut story = history();
    story.write(9.8, "create", MAPS, "a/m", |e| {
        e.user_name = Some("bob".into());
        e.response_resource_version = Some("7".into());
    });
    story.sees(10.0, "added", MAPS, "a/m", json!({"x": 1})).version("7").fields(9.0).end();
    // Level Metadata: no resourceVersion; by verb and time. Refused and dry-run writes take no part.
    story.write(29.1, "patch", MAPS, "a/m", |e| e.response_code = Some(403));
    story.write(29.2, "patch", MAPS, "a/m", |e| e.dry_run = Some(true));
    story.write(29.4, "patch", MAPS, "a/m", |e| e.user_name = Some("carol".into()));
    story.sees(35.0, "modified", MAPS, "a/m", json!({"x": 2})).version("9").fields(29.0).end();
    story.write(49.0, "delete", MAPS, "a/m", |e| e.dry_run = None);
    story.sees(55.0, "deleted", MAPS, "a/m", json!({"x": 2})).version("11").end();
    let rows = story.told().object_versions;
    let shown: Vec<_> =
        rows.iter().map(|v| (v.writer.as_deref(), span(v.valid_from, v.valid_to), &*v.valid_from_basis)).collect();
    assert_eq!(shown, [(Some("bob"), (9.8, Some(29.4)), "audit"), (Some("carol"), (29.4, Some(49.0)), "audit")]);
    assert_eq!(rows[0].writer_audit_id.as_deref(), Some("audit-1"));
}

#[test]
fn an_event_with_another_resource_version_is_not_the_write() {
    let mut story = history();
    story.write(10.0, "patch", MAPS, "a/m", |e| e.response_resource_version = Some("5".into()));
    story.sees(10.1, "modified", MAPS, "a/m", json!({})).version("7").fields(10.0).end();
    assert_eq!(story.told().object_versions[0].writer, None);
}

/// The writes as (verb, material, dry run, confirmation).
fn writes(story: &Story) -> Vec<(String, Option<bool>, Option<bool>, String)> {
    let rows = story.told().object_writes;
    rows.iter().map(|w| (w.verb.to_string(), w.material, w.dry_run, w.confirmation.to_string())).collect()
}

#[test]
fn writes_are_held_against_the_history() {
    let mut story = history();
    story.alive(&format!("{CLUSTER}/watch/configmaps"), 0.0, 1000.0).lists_none(0.0, MAPS);
    // Created, then changed, then changed only immaterially, then a patch without effect.
    story.write(10.0, "create", MAPS, "a/m", |e| e.response_resource_version = Some("1".into()));
    story.sees(10.1, "added", MAPS, "a/m", json!({"x": 1})).version("1").end();
    story.write(20.0, "update", MAPS, "a/m", |e| e.response_resource_version = Some("2".into()));
    story.sees(20.1, "modified", MAPS, "a/m", json!({"x": 2})).version("2").end();
    story.write(30.0, "update", MAPS, "a/m", |e| e.response_resource_version = Some("3".into()));
    story.sees(30.1, "modified", MAPS, "a/m", json!({"x": 2})).version("3").end();
    story.write(40.0, "patch", MAPS, "a/m", |_| {});
    // Deleted in a dry run whose event cannot say so; then in earnest.
    story.write(50.0, "delete", MAPS, "a/m", |e| e.dry_run = None);
    story.write(80.0, "delete", MAPS, "a/m", |e| e.dry_run = None);
    story.sees(80.1, "deleted", MAPS, "a/m", json!({"x": 2})).version("4").end();
    // A create that the watch never saw.
    story.write(90.0, "create", MAPS, "a/ghost", |_| {});
    // Not carried out, not governed, a connection.
    story.write(95.0, "create", MAPS, "a/n", |e| e.response_code = Some(409));
    story.write(96.0, "create", ("", "events"), "a/n", |_| {});
    story.write(97.0, "create", ("", "pods"), "a/n", |e| e.subresource = Some("exec".into()));
    let yes = Some(true);
    let no = Some(false);
    let row = |verb: &str, material, dry_run, confirmation: &str| {
        (verb.to_owned(), material, dry_run, confirmation.to_owned())
    };
    assert_eq!(
        writes(&story),
        [
            row("create", yes, no, "confirmed"),
            row("update", yes, no, "confirmed"),
            row("update", no, no, "confirmed"),
            row("patch", no, no, "confirmed"),
            row("delete", None, None, "unconfirmed"),
            row("delete", yes, no, "confirmed"),
            row("create", None, no, "unconfirmed"),
        ]
    );
}

#[test]
fn a_collection_is_deleted_as_a_whole() {
    let mut story = history();
    story.alive(&format!("{CLUSTER}/watch/configmaps"), 0.0, 1000.0);
    story.sees(1.0, "added", MAPS, "a/m", json!({})).end();
    story.sees(1.0, "added", MAPS, "a/n", json!({})).end();
    story.write(10.0, "deletecollection", MAPS, "a/", |e| e.dry_run = None);
    story.sees(10.1, "deleted", MAPS, "a/m", json!({})).end();
    story.sees(10.2, "deleted", MAPS, "a/n", json!({})).end();
    assert_eq!(writes(&story), [("deletecollection".to_owned(), Some(true), Some(false), "confirmed".to_owned())]);
}

#[test]
fn nothing_is_claimed_of_kinds_that_are_not_watched() {
    let mut story = history();
    story.write(1.0, "create", MAPS, "a/m", |_| {});
    story.write(2.0, "patch", MAPS, "a/m", |_| {});
    story.write(3.0, "delete", MAPS, "a/m", |e| e.dry_run = None);
    let shown: Vec<_> = writes(&story).into_iter().map(|w| (w.1, w.2, w.3)).collect();
    let unwatched = || "not_watched".to_owned();
    assert_eq!(
        shown,
        [(Some(true), Some(false), unwatched()), (None, Some(false), unwatched()), (None, None, unwatched())]
    );
}

#[test]
fn a_graceful_deletion_is_a_change_by_its_request() {
    let mut story = history();
    let pods = ("", "pods");
    story.sees(1.0, "added", pods, "a/p", json!({})).end();
    story.write(10.0, "delete", pods, "a/p", |e| e.dry_run = None);
    story.sees(10.1, "modified", pods, "a/p", json!({"metadata": {"deletionTimestamp": "later"}})).deleting(40.0).end();
    story.sees(40.0, "deleted", pods, "a/p", json!({"metadata": {"deletionTimestamp": "later"}})).deleting(40.0).end();
    let spans: Vec<_> = versions(&story).into_iter().map(|v| v.1).collect();
    assert_eq!(spans, [(1.0, Some(10.0)), (10.0, Some(40.0))]);
    assert_eq!(writes(&story)[0].1, Some(true));
}

#[test]
fn a_write_that_changed_nothing_is_not_the_writer_of_what_it_found() {
    for (received, fields, deletes) in [(40.0, 5.0, false), (9.0, 2.0, false), (9.0, 9.0, true)] {
        let mut story = history();
        story.write(received, if deletes { "delete" } else { "patch" }, MAPS, "a/m", |e| {
            e.response_resource_version = Some("7".into());
        });
        story.sees(10.0, "listed", MAPS, "a/m", json!({})).version("7").fields(fields).end();
        assert_eq!(story.told().object_versions[0].writer, None, "{received} {fields} {deletes}");
    }
}

#[test]
fn a_secret_changes_with_its_resource_version() {
    let secrets = ("", "secrets");
    let mut story = history();
    story.alive(&format!("{CLUSTER}/watch/secrets"), 0.0, 1000.0);
    story.sees(1.0, "listed", secrets, "a/s", json!({})).version("1").end();
    story.write(10.0, "update", secrets, "a/s", |_| {});
    story.sees(10.1, "modified", secrets, "a/s", json!({})).version("2").end();
    story.sees(60.0, "listed", secrets, "a/s", json!({})).version("2").end();
    let spans: Vec<_> = versions(&story).into_iter().map(|v| v.1).collect();
    assert_eq!(spans, [(1.0, Some(10.0)), (10.0, None)]);
    assert_eq!(writes(&story)[0].1, Some(true));
}

#[test]
fn what_is_not_served_any_more_is_gone() {
    let mut story = history();
    story.lists_none(1.0, MAPS);
    story.sees(2.0, "added", MAPS, "a/one", json!({})).end();
    story.not_served(50.0, MAPS);
    assert_eq!(
        versions(&story).into_iter().map(|v| (v.1.1, v.3)).collect::<Vec<_>>(),
        [(Some(50.0), text("vanished"))]
    );
    // When it comes back, the same name is another object.
    story.list_begins(60.0, MAPS, "2");
    story.sees(60.1, "listed", MAPS, "a/one", json!({})).uid("another").end();
    story.list_ends(60.2, MAPS, "2", 1);
    let ends: Vec<_> = versions(&story).into_iter().map(|v| v.1.1).collect();
    assert_eq!(ends, [Some(50.0), None]);
}
