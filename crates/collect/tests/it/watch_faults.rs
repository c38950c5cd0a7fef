//! List and watch through failures.

use records::Statement;

use crate::evidence::{Evidence, SOON};
use crate::scripted::{Reply, ScriptedServer, event, list, pod};

const PODS: &str = "test/watch/pods";

fn expired(code: u16) -> String {
    format!(
        r#"{{"kind":"Status","code":{code},"reason":"Expired","message":"too old resource version: 1 (266)","metadata":{{"continue":"inconsistent"}}}}"#
    )
}

fn kinds(evidence: &Evidence) -> Vec<String> {
    evidence.of(PODS).iter().map(crate::evidence::Entry::kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_stored_byte_for_byte_and_a_broken_connection_is_resumed() {
    let server = ScriptedServer::start().await;
    server.script("/api/v1/pods", [list("5", "", &[pod("a", "3"), pod("b", "4")])]);
    server.script(
        "/api/v1/pods?watch",
        [
            Reply::Breaks(vec![event("ADDED", &pod("c", "6")), b"{\"type\":\"MODIF".to_vec()]),
            Reply::Hangs(vec![event("MODIFIED", &pod("c", "7"))]),
        ],
    );
    let evidence = Evidence::new();
    let collector = evidence.collect(&["pods/v1"], server.client(), vec![]).await;
    evidence.entry("the event before the break", PODS, |entry| entry.kind() == "ADDED").await;
    server.break_now();
    evidence.entry("the event after the break", PODS, |entry| entry.kind() == "MODIFIED").await;
    let resumed = evidence.statement("resumed", |s| matches!(s, Statement::Resumed { .. })).await;
    assert!(
        matches!(&resumed, Statement::Resumed { proof, .. } if proof == "resourceVersion 6 accepted"),
        "{resumed:?}"
    );
    assert_eq!(kinds(&evidence), ["LIST_BEGIN", "LISTED", "LISTED", "LIST_END", "ADDED", "MODIFIED"]);
    let listed = String::from_utf8(evidence.of(PODS)[1].raw.clone()).unwrap();
    assert!(listed.contains(&format!(r#""object":{}}}"#, pod("a", "3"))), "{listed}");
    assert!(server.requests().iter().any(|(_, path)| path.contains("watch=1") && path.contains("resourceVersion=6&")));
    assert!(!evidence.statements().iter().any(|s| matches!(s, Statement::Gap { .. })));
    collector.stop().await;
    assert!(evidence.statements().iter().any(|s| matches!(s, Statement::Stopped { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_shapes_of_410_lead_to_a_stated_gap_and_a_new_list() {
    for in_stream in [true, false] {
        let server = ScriptedServer::start().await;
        server.script("/api/v1/pods", [list("5", "", &[pod("a", "3")]), list("9", "", &[pod("a", "8")])]);
        let gone =
            if in_stream { Reply::Ends(vec![event("ERROR", &expired(410))]) } else { Reply::Whole(410, expired(410)) };
        server.script("/api/v1/pods?watch", [gone, Reply::Hangs(vec![event("ADDED", &pod("b", "10"))])]);
        let evidence = Evidence::new();
        let collector = evidence.collect(&["pods/v1"], server.client(), vec![]).await;
        evidence.entry("the event after the second list", PODS, |entry| entry.kind() == "ADDED").await;
        let gap = evidence.statement("a gap", |s| matches!(s, Statement::Gap { .. })).await;
        let Statement::Gap { from, to, reason, .. } = gap else { panic!() };
        assert!(from <= to && reason.contains("expired"), "{reason}");
        let expected = ["LIST_BEGIN", "LISTED", "LIST_END", "LIST_BEGIN", "LISTED", "LIST_END", "ADDED"];
        assert_eq!(kinds(&evidence), expected);
        collector.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_expires_between_its_pages_begins_again_and_never_mixes_states() {
    let server = ScriptedServer::start().await;
    server.script(
        "/api/v1/pods",
        [list("5", "next/+=", &[pod("a", "3")]), list("9", "", &[pod("a", "8"), pod("b", "9")])],
    );
    server.script("continue=", [Reply::Whole(410, expired(410))]);
    server.script("/api/v1/pods?watch", [Reply::Hangs(vec![])]);
    let evidence = Evidence::new();
    let collector = evidence.collect(&["pods/v1"], server.client(), vec![]).await;
    let end = evidence.entry("the list's end", PODS, |entry| entry.kind() == "LIST_END").await.json();
    assert_eq!((end["count"].as_u64(), end["resourceVersion"].as_str()), (Some(2), Some("9")));
    assert_eq!(kinds(&evidence), ["LIST_BEGIN", "LISTED", "LIST_BEGIN", "LISTED", "LISTED", "LIST_END"]);
    let entries = evidence.of(PODS);
    assert_ne!(entries[0].json()["list"], entries[2].json()["list"]);
    assert!(server.requests().iter().any(|(_, path)| path.ends_with("continue=next%2F%2B%3D")));
    assert!(!server.requests().iter().any(|(_, path)| path.contains("inconsistent")));
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_from_the_last_bookmark() {
    let server = ScriptedServer::start().await;
    server.script("/api/v1/pods", [list("5", "", &[])]);
    let bookmark = r#"{"kind":"Pod","metadata":{"resourceVersion":"42"}}"#;
    server.script("/api/v1/pods?watch", [Reply::Hangs(vec![event("BOOKMARK", bookmark)])]);
    let evidence = Evidence::new();
    let collector = evidence.collect(&["pods/v1"], server.client(), vec![]).await;
    evidence.entry("the bookmark", PODS, |entry| entry.kind() == "BOOKMARK").await;
    evidence.statement("alive", |s| matches!(s, Statement::Alive { .. })).await;
    collector.stop().await;
    evidence.store.seal().unwrap();

    let collector = evidence.collect(&["pods/v1"], server.client(), vec![]).await;
    let resumed = evidence.statement("resumed", |s| matches!(s, Statement::Resumed { .. })).await;
    collector.stop().await;
    let Statement::Resumed { from, proof, .. } = resumed else { panic!() };
    assert_eq!(proof, "resourceVersion 42 accepted");
    let claimed = evidence.statements().into_iter().filter_map(|s| match s {
        Statement::Alive { to, .. } if to <= from => Some(to),
        _ => None,
    });
    assert_eq!(claimed.max(), Some(from), "the resumption begins where the claims of the first run end");
    assert_eq!(kinds(&evidence).iter().filter(|kind| *kind == "LIST_BEGIN").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_object_stops_nothing() {
    let server = ScriptedServer::start().await;
    let giant = format!(r#"{{"metadata":{{"name":"g","resourceVersion":"4"}},"x":"{}"}}"#, "x".repeat(9 << 20));
    server.script("/api/v1/pods", [list("5", "", &[pod("a", "3"), giant.clone(), pod("b", "5")])]);
    server.script(
        "/api/v1/pods?watch",
        [Reply::Hangs(vec![b"\xff{ not json\n".to_vec(), event("ADDED", &giant), event("ADDED", &pod("c", "6"))])],
    );
    let evidence = Evidence::new();
    let collector = evidence.collect(&["pods/v1"], server.client(), vec![]).await;
    evidence
        .entry("what comes after", PODS, |entry| {
            entry.raw.ends_with(b"1.50}}}") && entry.raw.starts_with(b"{\"type\":\"ADDED\"")
        })
        .await;
    collector.stop().await;
    let entries = evidence.of(PODS);
    let end = entries.iter().find(|entry| entry.raw.starts_with(b"{\"type\":\"LIST_END\"")).unwrap().json();
    assert_eq!(end["count"], 3, "an object that was not kept counts, so that the list proves no absence");
    assert!(entries.iter().any(|entry| entry.raw == b"\xff{ not json"), "kept as it came");
    let gaps = evidence
        .statements()
        .into_iter()
        .filter(|s| matches!(s, Statement::Gap { reason, at_most: Some(1), .. } if reason.contains("too long")));
    assert_eq!(gaps.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_not_served_or_refused_says_so_and_the_others_go_on() {
    let server = ScriptedServer::start().await;
    server.script("/api/v1/pods", [list("5", "", &[])]);
    server.script("/api/v1/pods?watch", [Reply::Hangs(vec![])]);
    server.script(
        "/api/v1/services",
        [Reply::Whole(403, r#"{"kind":"Status","code":403,"message":"services is forbidden"}"#.into())],
    );
    let evidence = Evidence::new();
    let collector =
        evidence.collect(&["things.example.com/v1", "services/v1", "pods/v1"], server.client(), vec![]).await;
    for (subject, says) in
        [("test/watch/things.example.com", "not served"), ("test/watch/services", "403: services is forbidden")]
    {
        evidence.statement(says, |s| matches!(s, Statement::Gap { subject: of, reason, .. } if of.as_str() == subject && reason.contains(says))).await;
    }
    evidence.statement("alive", |s| matches!(s, Statement::Alive { subject, .. } if subject.as_str() == PODS)).await;
    let states: Vec<_> = collector.status().watches.iter().map(|watch| watch.state).collect();
    use collect::status::WatchState::{Forbidden, NotServed, Watching};
    assert_eq!(states, [NotServed, Forbidden, Watching]);
    collector.stop().await;
    let alive_of = |name: &str| {
        evidence.statements().iter().any(|s| matches!(s, Statement::Alive { subject, .. } if subject.as_str() == name))
    };
    assert!(!alive_of("test/watch/services"), "no claim without a watch");
}

/// The list of groups as API servers give it, with the resources of one group.
fn groups(resources: &str) -> Reply {
    Reply::Whole(
        200,
        format!(
            r#"{{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[{{"metadata":{{"name":"example.com"}},"versions":[{{"version":"v1","freshness":"Current","resources":[{resources}]}}]}}]}}"#
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_not_served_is_asked_for_once_and_watched_when_it_is() {
    const THINGS: &str = "test/watch/things.example.com";
    let server = ScriptedServer::start().await;
    server.script("/apis", [groups("")]);
    server.script("/apis/example.com/v1/things", [Reply::Whole(404, "{}".into())]);
    let evidence = Evidence::new();
    let collector = evidence.collect(&["things.example.com/v1"], server.client(), vec![]).await;
    let claims = || {
        let statements = evidence.statements().into_iter();
        statements.filter(|s| matches!(s, Statement::NotServed { .. })).count()
    };
    e2e::wait::until("three claims", crate::evidence::SOON, || async { Ok((claims() >= 3).then_some(())) })
        .await
        .unwrap();
    let asked = |part: &str| server.requests().iter().filter(|(_, path)| path.contains(part)).count();
    assert_eq!(asked("/things"), 1, "{:?}", server.requests());
    assert_eq!(evidence.of(THINGS).len(), 1);
    assert!(!evidence.statements().iter().any(|s| matches!(s, Statement::Gap { .. })));
    assert_eq!(collector.status().watches[0].state, collect::status::WatchState::NotServed);
    server.script("/apis/example.com/v1/things", [list("5", "", &[])]);
    server.script("/apis/example.com/v1/things?watch", [Reply::Hangs(vec![])]);
    server.script("/apis", [groups(r#"{"resource":"things"}"#)]);
    // The newest script comes first: those of the kind itself must stay before that of the groups.
    server.script("/apis/example.com/v1/things", [list("5", "", &[])]);
    server.script("/apis/example.com/v1/things?watch", [Reply::Hangs(vec![])]);
    evidence.entry("the list", THINGS, |entry| entry.kind() == "LIST_END").await;
    evidence.statement("alive", |s| matches!(s, Statement::Alive { .. })).await;
    collector.stop().await;
    let gaps: Vec<Statement> =
        evidence.statements().into_iter().filter(|s| matches!(s, Statement::Gap { .. })).collect();
    assert!(matches!(&gaps[..], [Statement::Gap { reason, .. }] if reason.contains("came to serve")), "{gaps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_in_versions_that_are_not_known_is_not_said_to_be_absent() {
    let server = ScriptedServer::start().await;
    server.script("/apis", [groups(r#"{"resource":"things"}"#)]);
    server.script("/apis/example.com/v2/things", [Reply::Whole(404, "{}".into())]);
    let evidence = Evidence::new();
    let collector = evidence.collect(&["things.example.com/v2"], server.client(), vec![]).await;
    evidence
        .statement("a gap", |s| matches!(s, Statement::Gap { reason, .. } if reason.contains("known version")))
        .await;
    collector.stop().await;
    assert!(evidence.of("test/watch/things.example.com").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_went_back_in_time_is_listed_anew() {
    let server = ScriptedServer::start().await;
    server.script("/api/v1/pods", [list("5000", "", &[])]);
    server.script("/api/v1/pods?watch", [Reply::Hangs(vec![])]);
    let evidence = Evidence::new();
    let collector = evidence.collect(&["pods/v1"], server.client(), vec![]).await;
    evidence.statement("alive", |s| matches!(s, Statement::Alive { .. })).await;
    collector.stop().await;
    // As if etcd had been restored from a backup: a watch from a resourceVersion of the future would be silent.
    server.script("/api/v1/pods", [list("100", "", &[])]);
    server.script("/api/v1/pods?watch", [Reply::Hangs(vec![])]);
    server.script(
        "resourceVersionMatch",
        [Reply::Whole(
            504,
            r#"{"kind":"Status","code":504,"message":"Too large resource version: 5000, current: 100"}"#.into(),
        )],
    );
    let collector = evidence.collect(&["pods/v1"], server.client(), vec![]).await;
    let gap = evidence.statement("a gap", |s| matches!(s, Statement::Gap { .. })).await;
    assert!(matches!(&gap, Statement::Gap { reason, .. } if reason.contains("restored")), "{gap:?}");
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_under_the_same_name_is_refused() {
    let server = ScriptedServer::start().await;
    let evidence = Evidence::new();
    let collector = evidence.collect(&[], server.client(), vec![]).await;
    evidence.statement("the identity", |s| matches!(s, Statement::ClusterIdentity { uid, .. } if uid == "uid-1")).await;
    collector.stop().await;
    server.script("/api/v1/namespaces/kube-system", [Reply::Whole(200, r#"{"metadata":{"uid":"uid-2"}}"#.into())]);
    let refused = collect::Collector::start(
        crate::evidence::options(&[]),
        server.client(),
        vec![],
        evidence.store.clone(),
        crate::evidence::redactor(),
        collect::Clock::system(),
    )
    .await;
    let error = refused.err().expect("refused");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("uid-1") && cause.contains("uid-2") && cause.contains("another name"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_policy_is_stored_when_it_changes_and_only_then() {
    let server = ScriptedServer::start().await;
    let evidence = Evidence::new();
    let file = evidence.dir.path().join("policy.yaml");
    std::fs::write(&file, "kind: Policy\n").unwrap();
    let api_server = collect::ApiServer {
        name: "a1".into(),
        client: server.client(),
        audit_policy_file: Some(file.clone()),
        authentication_configuration_file: None,
    };
    let collector = evidence.collect(&[], server.client(), vec![api_server]).await;
    let source = "test/configuration/a1";
    evidence.entry("the first", source, |entry| entry.json()["content"] == "kind: Policy\n").await;
    std::fs::write(&file, "kind: Policy # changed\n").unwrap();
    evidence.entry("the second", source, |entry| entry.json()["content"] == "kind: Policy # changed\n").await;
    let before = collector.status().api_servers[0].last_policy_at;
    e2e::wait::until("another look", SOON, || async {
        Ok((collector.status().api_servers[0].last_policy_at > before).then_some(()))
    })
    .await
    .unwrap();
    collector.stop().await;
    assert_eq!(evidence.of(source).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_canary_is_stated_and_not_repeated_under_its_id() {
    let server = ScriptedServer::start().await;
    let busy = Reply::Whole(503, r#"{"kind":"Status","code":503,"message":"busy"}"#.into());
    let identity = Reply::Whole(200, r#"{"metadata":{"uid":"uid-1"}}"#.into());
    server.script("/api/v1/namespaces/kube-system", [identity, busy]);
    let evidence = Evidence::new();
    let api_server = collect::ApiServer {
        name: "a1".into(),
        client: server.client(),
        audit_policy_file: None,
        authentication_configuration_file: None,
    };
    let collector = evidence.collect(&[], server.client(), vec![api_server]).await;
    evidence.statement("the third canary", |s| matches!(s, Statement::CanarySent { number: 3, status: 503, .. })).await;
    assert!(collector.status().api_servers[0].canary_error.is_some());
    collector.stop().await;
    let ids = server.audit_ids();
    let once: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(once.len(), ids.len(), "{ids:?}");
}
