//! Coverage, gaps, balances and clocks.

use records::Statement;

use crate::story::{CLUSTER, Story, history, seconds, span, t};

const PODS: &str = "prod/watch/pods";

fn covered(story: &Story) -> Vec<(String, f64, f64)> {
    let rows = story.told().coverage;
    rows.iter().map(|c| (c.basis.to_string(), seconds(c.covered_from), seconds(c.covered_to))).collect()
}

fn basis(basis: &str, from: f64, to: f64) -> (String, f64, f64) {
    (basis.to_owned(), from, to)
}

/// The gaps as (kind, from, to, most events missing, closed).
fn gaps(story: &Story) -> Vec<(String, f64, f64, Option<i64>, bool)> {
    let rows = story.told().gaps;
    rows.iter().map(|g| (g.gap_kind.to_string(), seconds(g.gap_from), seconds(g.gap_to), g.at_most, g.closed)).collect()
}

fn gap(kind: &str, from: f64, to: f64, at_most: Option<i64>, closed: bool) -> (String, f64, f64, Option<i64>, bool) {
    (kind.to_owned(), from, to, at_most, closed)
}

fn resumed(story: &mut Story, from: f64, to: f64) {
    story.states(Statement::Resumed {
        subject: PODS.parse().unwrap(),
        from: t(from),
        to: t(to),
        proof: "resourceVersion 7 accepted".into(),
    });
}

#[test]
fn a_watch_is_covered_while_it_says_so() {
    let mut story = history();
    story.alive(PODS, 0.0, 10.0).alive(PODS, 10.0, 20.0).alive(PODS, 25.0, 40.0).until(60.0);
    assert_eq!(covered(&story), [basis("watch", 0.0, 20.0), basis("watch", 25.0, 40.0)]);
    assert_eq!(gaps(&story), [gap("not_observed", 20.0, 25.0, None, false)]);
    let source = story.told().sources.remove(0);
    assert_eq!((&*source.name, &*source.class, source.entries), (PODS, "watch", 0));
    assert_eq!((source.covered_from, source.covered_to), (Some(t(0.0)), Some(t(40.0))));
}

#[test]
fn logs_of_containers_are_covered_by_life_and_not_where_something_is_missing() {
    const LOGS: &str = "prod/logs/node-1";
    let mut story = history();
    story.alive(LOGS, 0.0, 30.0).until(40.0);
    let reason = "the log was cut".to_owned();
    story.states(Statement::Gap { subject: LOGS.parse().unwrap(), from: t(10.0), to: t(12.0), reason, at_most: None });
    assert_eq!(covered(&story), [basis("file", 0.0, 10.0), basis("file", 12.0, 30.0)]);
    assert_eq!(gaps(&story), [gap("not_observed", 10.0, 12.0, None, false)]);
}

#[test]
fn a_kind_that_is_not_served_is_covered_and_says_why() {
    let mut story = history();
    let absent = |story: &mut Story, from, to| {
        story.states(Statement::NotServed { subject: PODS.parse().unwrap(), from: t(from), to: t(to) });
    };
    absent(&mut story, 0.0, 10.0);
    absent(&mut story, 10.0, 20.0);
    story.alive(PODS, 20.0, 30.0).until(40.0);
    absent(&mut story, 35.0, 40.0);
    assert_eq!(
        covered(&story),
        [basis("not_served", 0.0, 20.0), basis("watch", 20.0, 30.0), basis("not_served", 35.0, 40.0)]
    );
    assert_eq!(gaps(&story), [gap("not_observed", 30.0, 35.0, None, false)]);
    // What is merged where the statements are many is the same.
    let told = story.told().coverage;
    for row in std::mem::take(&mut story.inputs.statements) {
        match serde_json::from_str(&row.statement_json).unwrap() {
            Statement::NotServed { subject, from, to } => {
                story.inputs.absences.push(subject.as_str(), from, to, row.provenance);
            }
            Statement::Alive { subject, from, to } => {
                story.inputs.heartbeats.push(subject.as_str(), from, to, row.provenance);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(story.told().coverage, told);
}

#[test]
fn silence_becomes_a_gap_after_three_heartbeats() {
    let mut story = history();
    story.alive(PODS, 0.0, 10.0).until(40.0);
    assert_eq!(gaps(&story), []);
    story.until(41.0);
    assert_eq!(gaps(&story), [gap("not_observed", 10.0, 41.0, None, false)]);
}

#[test]
fn a_resumption_closes_the_gap() {
    let mut story = history();
    story.alive(PODS, 0.0, 10.0);
    resumed(&mut story, 10.0, 55.0);
    story.alive(PODS, 55.0, 60.0).until(60.0);
    assert_eq!(covered(&story), [basis("watch", 0.0, 10.0), basis("resumed", 10.0, 55.0), basis("watch", 55.0, 60.0)]);
    assert_eq!(gaps(&story), [gap("not_observed", 10.0, 55.0, Some(0), true)]);
}

#[test]
fn a_short_resumption_is_the_ordinary_course_and_no_gap() {
    let mut story = history();
    story.alive(PODS, 0.0, 10.0);
    resumed(&mut story, 10.0, 11.0);
    story.alive(PODS, 11.0, 20.0).until(20.0);
    assert_eq!(gaps(&story), []);
}

#[test]
fn what_is_stated_as_a_gap_is_covered_by_nothing() {
    let mut story = history();
    story.alive(PODS, 0.0, 30.0).states(Statement::Gap {
        subject: PODS.parse().unwrap(),
        from: t(10.0),
        to: t(12.0),
        reason: "410 Gone".into(),
        at_most: None,
    });
    story.until(30.0);
    assert_eq!(covered(&story), [basis("watch", 0.0, 10.0), basis("watch", 12.0, 30.0)]);
    assert_eq!(gaps(&story), [gap("relisted", 10.0, 12.0, None, false)]);
}

#[test]
fn one_entry_that_could_not_be_taken_is_an_instant() {
    let mut story = history();
    story.alive(PODS, 0.0, 30.0).states(Statement::Gap {
        subject: PODS.parse().unwrap(),
        from: t(10.0),
        to: t(10.0),
        reason: "an object is too long to be kept".into(),
        at_most: Some(1),
    });
    story.until(30.0);
    assert_eq!(covered(&story), [basis("watch", 0.0, 30.0)]);
    assert_eq!(gaps(&story), [gap("unreadable_entry", 10.0, 10.0, Some(1), false)]);
}

#[test]
fn faults_and_refusals_are_instants() {
    let mut story = history();
    story.fault(5.0, PODS, "too_deep").fault(6.0, PODS, "secret_value_redacted").fault(7.0, PODS, "audit_id_reuse");
    story.states(Statement::Refused {
        subject: "prod/audit/one".parse().unwrap(),
        at: t(8.0),
        status: 429,
        reason: "full".into(),
    });
    assert_eq!(
        gaps(&story),
        [
            gap("refused", 8.0, 8.0, None, false),
            gap("audit_id_reuse", 7.0, 7.0, Some(0), true),
            gap("unreadable_entry", 5.0, 5.0, Some(1), false),
        ]
    );
}

/// The balances as (from, to, state).
fn balances(story: &Story) -> Vec<(f64, f64, String)> {
    let rows = story.told().audit_balance;
    rows.iter().map(|b| (seconds(b.balance_from), seconds(b.balance_to), b.state.to_string())).collect()
}

fn interval(from: f64, to: f64, state: &str) -> (f64, f64, String) {
    (from, to, state.to_owned())
}

#[test]
fn events_on_the_way_are_no_loss_once_they_arrive() {
    let mut story = history();
    story.counters(0.0, -50.0, 100, 0, 100).counters(10.0, -50.0, 150, 0, 120).until(12.0);
    assert_eq!(balances(&story), [interval(0.0, 10.0, "in_flight")]);
    assert_eq!(covered(&story), []);
    story.counters(20.0, -50.0, 160, 0, 140).counters(30.0, -50.0, 160, 0, 160).until(32.0);
    assert_eq!(
        balances(&story),
        [interval(0.0, 10.0, "balanced"), interval(10.0, 20.0, "balanced"), interval(20.0, 30.0, "balanced")]
    );
    assert_eq!(covered(&story), [basis("balance", 0.0, 30.0)]);
    assert_eq!(gaps(&story), []);
}

#[test]
fn what_never_arrives_is_unexplained_loss() {
    let mut story = history();
    for (at, counted, received) in [(0, 100, 100), (10, 110, 110), (20, 120, 117), (30, 130, 124), (40, 140, 137)] {
        story.counters(f64::from(at), -50.0, counted, 0, received);
    }
    for at in 5..20_u64 {
        story.counters(at as f64 * 10.0, -50.0, 100 + at * 10, 0, 97 + at * 10);
    }
    story.until(195.0);
    let told = balances(&story);
    assert_eq!(told[0], interval(0.0, 10.0, "balanced"));
    assert_eq!(told[1], interval(10.0, 20.0, "unexplained_loss"));
    assert!(told[2..].iter().all(|b| b.2 == "balanced"), "{told:?}");
    assert_eq!(gaps(&story), [gap("unexplained_loss", 10.0, 20.0, Some(3), false)]);
    assert_eq!(covered(&story), [basis("balance", 0.0, 10.0), basis("balance", 20.0, 190.0)]);
}

#[test]
fn loss_is_told_from_three_readings() {
    let mut story = history();
    story
        .counters(0.0, -50.0, 100, 0, 100)
        .counters(10.0, -50.0, 200, 0, 197)
        .counters(150.0, -50.0, 200, 0, 197)
        .until(155.0);
    assert_eq!(balances(&story), [interval(0.0, 10.0, "unexplained_loss"), interval(10.0, 150.0, "balanced")]);
}

#[test]
fn a_source_that_never_rests_is_not_accused() {
    let mut story = history();
    for at in 0..60_u64 {
        // 100 events a reading; between 20 and 29 of them on the way, without a pattern that the level could follow.
        let on_the_way = 20 + (at * 7919) % 10;
        story.counters(at as f64 * 10.0, -50.0, 1000 + at * 100, 0, 1000 + at * 100 - on_the_way);
    }
    story.until(600.0);
    assert!(balances(&story).iter().all(|b| b.2 != "unexplained_loss"));
}

#[test]
fn admitted_loss_reaches_back_to_when_the_events_were_made() {
    let mut story = history();
    for (at, counted, admitted, received) in
        [(0, 100, 0, 100), (200, 200, 0, 200), (210, 210, 3, 207), (220, 220, 3, 217), (230, 230, 3, 227)]
    {
        story.counters(f64::from(at), -50.0, counted, admitted, received);
    }
    story.until(235.0);
    assert_eq!(gaps(&story), [gap("admitted_loss", 70.0, 210.0, Some(3), false)]);
    assert_eq!(covered(&story), [basis("balance", 0.0, 70.0), basis("balance", 210.0, 230.0)]);
}

#[test]
fn a_restart_is_never_balanced() {
    let mut story = history();
    story.counters(0.0, -50.0, 100, 0, 100).counters(10.0, -50.0, 110, 0, 110).counters(20.0, -50.0, 120, 0, 115);
    story.counters(30.0, 25.0, 7, 0, 130).counters(40.0, 25.0, 17, 0, 140).until(45.0);
    assert_eq!(
        balances(&story),
        [
            interval(0.0, 10.0, "balanced"),
            interval(10.0, 20.0, "restarted"),
            interval(20.0, 30.0, "restarted"),
            interval(30.0, 40.0, "balanced"),
        ]
    );
    assert_eq!(gaps(&story), [gap("unverified_restart", 10.0, 30.0, None, false)]);
    assert_eq!(covered(&story), [basis("balance", 0.0, 10.0), basis("balance", 30.0, 40.0)]);
}

#[test]
fn more_than_was_counted_is_surplus() {
    let mut story = history();
    story
        .counters(0.0, -50.0, 100, 0, 100)
        .counters(200.0, -50.0, 110, 0, 110)
        .counters(210.0, -50.0, 120, 0, 500)
        .until(215.0);
    assert_eq!(balances(&story), [interval(0.0, 200.0, "balanced"), interval(200.0, 210.0, "surplus")]);
}

#[test]
fn canaries_alone_cover_from_one_to_the_next() {
    let mut story = history();
    story.canary(0.0, 1, true).canary(60.0, 2, true).canary(120.0, 3, false).canary(180.0, 4, true);
    story.canary(240.0, 5, true).canary(900.0, 6, true).canary(960.0, 7, false).until(970.0);
    assert_eq!(covered(&story), [basis("canary", 0.0, 60.0), basis("canary", 180.0, 240.0)]);
    assert_eq!(gaps(&story), [gap("canary_missing", 60.0, 180.0, None, false)], "the last one may still come");
}

#[test]
fn a_canary_of_another_time_is_not_the_one() {
    let mut story = history();
    story.canary(0.0, 1, true).until(500.0);
    story.inputs.canaries_seen[0].event_time = t(-400.0);
    assert_eq!(gaps(&story).len(), 1);
}

#[test]
fn clocks_speak_until_the_next_comparison() {
    let mut story = history();
    for (at, skew) in [(0.0, 5), (60.0, -7)] {
        story.states(Statement::Clock {
            subject: format!("{CLUSTER}/audit/one").parse().unwrap(),
            at: t(at),
            skew_micros: skew,
            uncertainty_micros: 3,
        });
    }
    let shown: Vec<_> =
        story.told().clock_skew.iter().map(|c| (span(c.valid_from, c.valid_to), c.skew_micros)).collect();
    assert_eq!(shown, [((0.0, Some(60.0)), 5), ((60.0, None), -7)]);
}

#[test]
fn a_source_without_statements_is_known_and_not_covered() {
    let mut story = history();
    story.holds("prod/audit/one", 42);
    let source = story.told().sources.remove(0);
    assert_eq!((source.entries, source.covered_from, source.last_received_at), (42, None, Some(t(100.0))));
}
