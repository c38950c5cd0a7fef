//! Exceptions let through what they are for, say what that was, and end.

use policy::{Decision, Verdict};

use crate::{judge, policy, set};

fn exception(spec: &str) -> String {
    format!(
        "---\napiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata: {{name: exporter}}\nspec:\n{spec}"
    )
}

const REST: &str = "  owner: alice@example.com\n  approver: bob@example.com\n  reason: reads counters of the node\n";
const SCOPE: &str = "  policies: [no-host-namespaces]\n  scope: {namespaces: [monitoring], names: ['node-exporter*'], kinds: [DaemonSet, Pod]}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {namespace: monitoring, generateName: node-exporter-}\nspec: {hostPID: true, containers: []}\n";

fn under(exception_spec: &str, object: &str) -> Decision {
    judge(&set(&format!("{}{}", policy("no-host-namespaces", ""), exception(exception_spec))), object)
}

#[test]
fn a_request_under_an_exception_is_still_evaluated() {
    let decision = under(&format!("{SCOPE}{REST}  expires: 2026-12-31T00:00:00Z\n"), POD);
    assert_eq!((decision.verdict, decision.verdict_without_exceptions), (Verdict::Allow, Verdict::Deny));
    assert_eq!(decision.violations, []);
    let excepted = &decision.excepted[0];
    assert_eq!((excepted.exception.as_str(), excepted.violations.len()), ("exporter", 1));
    assert_eq!(excepted.violations[0].message, "spec.hostPID is true; allowed: false or not set");
}

#[test]
fn an_exception_holds_for_nothing_else() {
    let spec = format!("{SCOPE}{REST}  expires: 2026-12-31T00:00:00Z\n");
    for object in [
        POD.replace("monitoring", "shop"),
        POD.replace("node-exporter-", "other-"),
        POD.replace("namespace: monitoring, ", ""),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {namespace: monitoring, name: node-exporter}\nspec: {template: {spec: {hostPID: true}}}\n".to_owned(),
    ] {
        let decision = under(&spec, &object);
        assert_eq!((decision.verdict, decision.excepted.len()), (Verdict::Deny, 0), "{object}");
    }
    let other =
        judge(&set(&format!("{}{}", policy("no-privileged", ""), exception(&spec))), &POD.replace("[]", "[{name: a}]"));
    assert_eq!(other.verdict, Verdict::Deny);
}

#[test]
fn expired_and_self_approved_exceptions_are_not_applied_and_reported() {
    let expired = under(&format!("{SCOPE}{REST}  expires: 2026-11-23T09:00:00Z\n"), POD);
    assert_eq!(expired.verdict, Verdict::Deny);
    assert_eq!(expired.not_applied[0].reason, "expired at 2026-11-23T09:00:00.000000Z");
    let own = REST.replace("bob@example.com", "' Alice@example.com'");
    let own = under(&format!("{SCOPE}{own}  expires: 2026-12-31T00:00:00Z\n"), POD);
    assert_eq!(own.verdict, Verdict::Deny);
    assert_eq!(own.not_applied[0].reason, "approved by its own owner");
}

#[test]
fn one_check_of_a_policy_can_be_excepted() {
    let standards = policy("pod-security", "  parameters: {level: baseline}\n");
    let spec = format!(
        "{}{REST}  expires: 2026-12-31T00:00:00Z\n",
        SCOPE.replace("no-host-namespaces", "pod-security/hostNamespaces")
    );
    let set = set(&format!("{standards}{}", exception(&spec)));
    assert_eq!(judge(&set, POD).verdict, Verdict::Allow);
    let both = POD.replace("containers: []", "containers: [{name: a, securityContext: {privileged: true}}]");
    let decision = judge(&set, &both);
    assert_eq!((decision.verdict, decision.excepted.len(), decision.violations.len()), (Verdict::Deny, 1, 1));
}
