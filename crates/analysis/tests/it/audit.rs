//! Privileged sessions, and what the audit policy records.

use crate::story::{Story, history, seconds, span, t};

/// An event of a session in pod `web/shop`.
fn pod(story: &mut Story, at: f64, verb: &str, sub: &str, id: &str, outcome: (&str, i64)) {
    let (stage, code) = outcome;
    story.session(at, verb, |e| {
        e.resource = Some("pods".into());
        e.subresource = Some(sub.to_owned().into());
        e.namespace = Some("web".into());
        e.name = Some("shop".into());
        e.audit_id = Some(id.to_owned().into());
        e.stage = Some(stage.to_owned().into());
        e.response_code = Some(code);
        e.request_received_time = Some(t(at.floor()));
        e.command_json = (sub == "exec").then(|| r#"["sh"]"#.into());
        e.request_uri = Some(format!("/{verb}/{id}").into());
    });
}

fn shown(story: &Story) -> Vec<String> {
    let rows = story.told().privileged_sessions;
    let mut shown: Vec<String> = rows
        .iter()
        .map(|s| {
            let ended = s.ended_at.map_or("open".to_owned(), |at| seconds(at).to_string());
            let name = s.name.as_deref().unwrap_or("-");
            let code = s.response_code.map_or("-".to_owned(), |c| c.to_string());
            let shell = if s.shell { " shell" } else { "" };
            let opened = if s.opened { "opened" } else { "refused" };
            format!("{} {} to {ended} {name} {code} {opened}{shell}", seconds(s.started_at), s.session_kind)
        })
        .collect();
    shown.sort();
    shown
}

#[test]
fn stages_are_one_session_and_attempts_are_two() {
    let mut story = history();
    pod(&mut story, 1.1, "get", "exec", "a", ("ResponseStarted", 101));
    pod(&mut story, 1.9, "get", "exec", "a", ("ResponseComplete", 101));
    // Refused by WebSocket and by SPDY: two attempts.
    pod(&mut story, 2.1, "get", "exec", "b", ("ResponseComplete", 403));
    pod(&mut story, 2.2, "create", "exec", "c", ("ResponseComplete", 403));
    // The session still runs.
    pod(&mut story, 3.1, "create", "attach", "d", ("ResponseStarted", 101));
    pod(&mut story, 4.1, "get", "portforward", "e", ("ResponseComplete", 101));
    pod(&mut story, 5.1, "patch", "ephemeralcontainers", "f", ("ResponseComplete", 200));
    // None of a session.
    pod(&mut story, 6.1, "get", "log", "g", ("ResponseComplete", 200));
    pod(&mut story, 6.1, "get", "ephemeralcontainers", "h", ("ResponseComplete", 200));
    story.session(7.0, "get", |e| {
        e.resource = Some("nodes".into());
        e.subresource = Some("proxy".into());
        e.name = Some("node-1".into());
    });
    story.session(8.0, "list", |e| e.impersonated_user = Some("bob".into()));
    insta::assert_snapshot!(shown(&story).join("\n"), @r"
    1 exec to 1.9 shop 101 opened shell
    2 exec to 2.1 shop 403 refused shell
    2 exec to 2.2 shop 403 refused shell
    3 attach to open shop 101 opened
    4 port_forward to 4.1 shop 101 opened
    5 ephemeral_container to 5.1 shop 200 opened
    6.99 node_proxy to 7 node-1 200 opened
    7.99 impersonation to 8 - 200 opened
    ");
}

#[test]
fn an_audit_id_that_is_used_twice_hides_no_session() {
    let mut story = history();
    pod(&mut story, 1.5, "get", "exec", "same", ("ResponseComplete", 101));
    pod(&mut story, 9.5, "get", "exec", "same", ("ResponseComplete", 101));
    let rows = story.told().privileged_sessions;
    assert_eq!(rows.len(), 2);
    assert_ne!(rows[0].session_id, rows[1].session_id);
}

#[test]
fn a_policy_holds_until_the_next_one_is_read() {
    let good = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {level: RequestResponse}\n";
    let bad = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {level: None}\n";
    let mut story = history();
    story
        .reads_policy(1.0, good)
        .reads_policy(5.0, good)
        .reads_policy(9.0, bad)
        .reads_policy(15.0, "rules: [")
        .until(20.0);
    let rows = story.told().audit_policy_requirements;
    let of: Vec<_> = rows
        .iter()
        .filter(|r| r.requirement == "rbac-writes")
        .map(|r| (span(r.valid_from, r.valid_to), r.met, r.actual_level.as_deref(), r.rule))
        .collect();
    assert_eq!(
        of,
        [
            ((1.0, Some(9.0)), Some(true), Some("RequestResponse"), Some(1)),
            ((9.0, Some(15.0)), Some(false), Some("None"), Some(1)),
            ((15.0, None), None, None, None),
        ]
    );
    let secrets = rows.iter().find(|r| r.requirement == "secret-access").unwrap();
    assert_eq!((secrets.met, &*secrets.required_level), (Some(false), "Metadata exactly"));
}
