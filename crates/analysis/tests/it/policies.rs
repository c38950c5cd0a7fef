//! Policies that the API shows, and reports of policies.

use serde_json::{Value, json};

use crate::story::{ADMISSION, Story, history, span};

const POLICIES: (&str, &str) = (ADMISSION, "validatingadmissionpolicies");
const BINDINGS: (&str, &str) = (ADMISSION, "validatingadmissionpolicybindings");
const WEBHOOKS: (&str, &str) = (ADMISSION, "validatingwebhookconfigurations");
const CONSTRAINT: (&str, &str) = ("constraints.gatekeeper.sh", "k8sallowedrepos");
const REPORTS: (&str, &str) = ("wgpolicyk8s.io", "policyreports");

/// Rows as `guard policy binding actions failure-policy excluded ready violations`, with their times.
fn states(story: &Story) -> Vec<((f64, Option<f64>), String)> {
    let told = story.told();
    let shown = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or("-").to_owned();
    told.policy_state
        .iter()
        .map(|r| {
            let ready = r.ready.map_or("unknown", |ready| if ready { "ready" } else { "unready" });
            let text = format!(
                "{} {} {} {} {} [{}] {ready} {}",
                r.guard,
                r.policy,
                shown(&r.binding),
                shown(&r.enforcement_action),
                shown(&r.failure_policy),
                r.excluded_namespaces,
                r.violations.map_or("-".to_owned(), |v| v.to_string()),
            );
            (span(r.valid_from, r.valid_to), text)
        })
        .collect()
}

fn state(from: f64, to: Option<f64>, text: &str) -> ((f64, Option<f64>), String) {
    ((from, to), text.to_owned())
}

fn binding(policy: &str, actions: Value) -> Value {
    json!({"spec": {"policyName": policy, "validationActions": actions}})
}

#[test]
fn a_policy_is_ready_while_something_binds_it() {
    let mut story = history();
    let selector = json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "ops"]}]});
    let policy = json!({"spec": {"matchConstraints": {"namespaceSelector": selector}}});
    story.sees(1.0, "added", POLICIES, "p", policy.clone()).end();
    story.sees(10.0, "added", BINDINGS, "b", binding("p", json!(["Deny", "Audit"]))).uid("b").end();
    story.sees(20.0, "modified", BINDINGS, "b", binding("p", json!(["Audit"]))).uid("b").end();
    // A new version that says the same.
    story
        .sees(25.0, "modified", POLICIES, "p", json!({"metadata": {"labels": {"a": "b"}}, "spec": policy["spec"]}))
        .end();
    story.sees(30.0, "deleted", POLICIES, "p", policy).end();
    story.sees(40.0, "deleted", BINDINGS, "b", binding("p", json!(["Audit"]))).uid("b").end();
    let (vap, out) = ("validating_admission_policy p", "[kube-system,ops]");
    assert_eq!(
        states(&story),
        [
            state(10.0, Some(20.0), &format!("{vap} b Deny,Audit Fail {out} ready -")),
            state(20.0, Some(30.0), &format!("{vap} b Audit Fail {out} ready -")),
            state(30.0, Some(40.0), &format!("{vap} b Audit - [] unready -")),
            state(1.0, Some(10.0), &format!("{vap} - - Fail {out} unready -")),
        ]
    );
}

#[test]
fn parameters_leave_a_policy_unknown_and_a_binding_can_come_first() {
    let mut story = history();
    story.sees(1.0, "added", BINDINGS, "b", binding("p", json!(["Deny"]))).uid("b").end();
    story.sees(5.0, "added", BINDINGS, "c", binding("p", json!(["Warn"]))).uid("c").end();
    let policy = json!({"spec": {"failurePolicy": "Ignore", "paramKind": {"kind": "ConfigMap"}}});
    story.sees(10.0, "added", POLICIES, "p", policy).end();
    let vap = "validating_admission_policy p";
    assert_eq!(
        states(&story),
        [
            state(1.0, Some(10.0), &format!("{vap} b Deny - [] unready -")),
            state(10.0, None, &format!("{vap} b Deny Ignore [] unknown -")),
            state(5.0, Some(10.0), &format!("{vap} c Warn - [] unready -")),
            state(10.0, None, &format!("{vap} c Warn Ignore [] unknown -")),
        ]
    );
}

#[test]
fn webhooks_are_followed_one_by_one() {
    let mut story = history();
    let webhook = |name: &str, policy: &str| json!({"name": name, "failurePolicy": policy, "rules": []});
    let both = json!({"webhooks": [webhook("a.b.c", "Fail"), webhook("x.y.z", "Ignore")]});
    story.sees(1.0, "added", WEBHOOKS, "w", both).end();
    story.sees(10.0, "modified", WEBHOOKS, "w", json!({"webhooks": [webhook("a.b.c", "Fail")]})).end();
    story
        .sees(20.0, "modified", WEBHOOKS, "w", json!({"webhooks": [webhook("a.b.c", "Ignore"), {"name": 7}, 8]}))
        .end();
    story.sees(30.0, "deleted", WEBHOOKS, "w", json!({})).end();
    assert_eq!(
        states(&story),
        [
            state(20.0, Some(30.0), "validating_webhook  w - Fail [] unknown -"),
            state(1.0, Some(20.0), "validating_webhook a.b.c w - Fail [] unknown -"),
            state(20.0, Some(30.0), "validating_webhook a.b.c w - Ignore [] unknown -"),
            state(1.0, Some(10.0), "validating_webhook x.y.z w - Ignore [] unknown -"),
        ]
    );
}

#[test]
fn gatekeepers_status_makes_rows_without_new_versions() {
    let mut story = history();
    let body = json!({"spec": {"match": {"excludedNamespaces": ["kube-*"]}}});
    let pods = |enforced: &[bool], violations: i64| {
        let pods: Vec<Value> = enforced.iter().map(|e| json!({"id": "x", "enforced": e})).collect();
        json!({"byPod": pods, "totalViolations": violations})
    };
    let mut sees = |at: f64, sort: &str, status: Option<Value>| {
        let object = story.sees(at, sort, CONSTRAINT, "repos", body.clone()).kind("K8sAllowedRepos");
        match status {
            Some(status) => object.status(&status).end(),
            None => object.end(),
        };
    };
    sees(1.0, "added", None);
    sees(5.0, "modified", Some(pods(&[true, false], 0)));
    sees(8.0, "modified", Some(pods(&[true, true], 0)));
    sees(9.0, "modified", Some(pods(&[true, true], 0)));
    sees(20.0, "modified", Some(pods(&[true, true], 3)));
    sees(30.0, "deleted", Some(pods(&[true, true], 3)));
    let row = |from: f64, to: f64, rest: &str| {
        state(from, Some(to), &format!("gatekeeper K8sAllowedRepos repos deny - [kube-*] {rest}"))
    };
    assert_eq!(
        states(&story),
        [row(1.0, 5.0, "unknown -"), row(5.0, 8.0, "unready 0"), row(8.0, 20.0, "ready 0"), row(20.0, 30.0, "ready 3")]
    );
    assert_eq!(story.told().object_versions.len(), 1);
}

#[test]
fn results_of_reports_last_from_report_to_report() {
    let mut story = history();
    let result = |policy: &str, result: &str| json!({"policy": policy, "rule": "r", "result": result, "message": "m"});
    let report =
        |results: Value| json!({"scope": {"kind": "Pod", "name": "web", "namespace": "a"}, "results": results});
    story.sees(1.0, "added", REPORTS, "a/r", report(json!([result("p", "fail"), result("q", "pass"), 7]))).end();
    story.sees(10.0, "modified", REPORTS, "a/r", report(json!([result("p", "pass"), result("q", "pass")]))).end();
    let listed = json!({"policy": "s", "resources": [{"kind": "Pod", "name": "x"}, {"kind": "Pod", "name": "y"}]});
    story
        .sees(20.0, "modified", REPORTS, "a/r", report(json!([result("q", "pass"), result("q", "pass"), listed])))
        .end();
    story.sees(30.0, "deleted", REPORTS, "a/r", json!({})).end();
    let told = story.told();
    let shown: Vec<String> = told
        .policy_reports
        .iter()
        .map(|r| {
            let (from, to) = span(r.valid_from, r.valid_to);
            let object = r.object_name.as_deref().unwrap_or("-");
            format!("{from}-{} {} {} {object}", to.unwrap_or(0.0), r.policy, r.result.as_deref().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        shown,
        ["1-10 p fail web", "10-20 p pass web", "1-30 q pass web", "20-30 q pass web", "20-30 s - x", "20-30 s - y"]
    );
    let mut ids: Vec<&str> = told.policy_reports.iter().map(|r| &*r.result_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}
