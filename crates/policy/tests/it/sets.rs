//! Policy sets as people write them: what they are called by, and what is said about mistakes.

use policy::PolicySet;

use crate::{policy, set};

#[test]
fn a_set_is_named_by_what_it_says() {
    let a = policy("no-privileged", "  parameters: {refuseEscalation: true}\n");
    let b = policy("seccomp", "");
    let one = set(&format!("{a}{b}"));
    let other = PolicySet::load([("z.yaml", b.as_str()), ("a.yaml", policy("no-privileged", "").as_str())]);
    assert_eq!(one.digest(), other.digest(), "files, order and written-out defaults are not part of it");
    let stricter = set(&format!("{a}{}", policy("seccomp", "  parameters: {types: [RuntimeDefault]}\n")));
    assert_ne!(one.digest(), stricter.digest());
    // A vector: records of decisions name sets by this digest.
    insta::assert_snapshot!(one.canonical());
    insta::assert_snapshot!(one.digest());
}

#[test]
fn mistakes_are_told_with_their_places_and_take_nothing_else_down() {
    let good = policy("no-privileged", "");
    let exception = |lines: &str| {
        format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata: {{name: e}}\nspec:\n  policies: [no-privileged]\n{lines}"
        )
    };
    let mut told = String::new();
    for text in [
        policy("trusted-registries", ""),
        policy("trusted-registries", "  parameters:\n    repositories:\n    - ghcr.io/acme/**\n    - nginx\n"),
        policy("trusted-registries", "  parameters:\n    repositories: []\n"),
        policy("no-privileged", "  parameters:\n    refuseEscalatoin: true\n"),
        policy("no-privileged", "  action: Denied\n"),
        policy("no-privileged", "  macth: {}\n"),
        policy("no-such-rule", ""),
        policy("pod-security", "  parameters: {level: strict}\n"),
        policy("pod-security", "  parameters: {level: baseline, version: v2.0}\n"),
        policy("run-as-non-root", "  parameters:\n    minimumUser: many\n"),
        policy("no-host-path", "  parameters:\n    allowed:\n    - path: var/log\n"),
        policy("seccomp", "spec2: {}\n"),
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: a}\n".to_owned(),
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {name: A b}\nspec: {rule: seccomp}\n".to_owned(),
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {}\n".to_owned(),
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {name: a}\n".to_owned(),
        "apiVersion: plimsoll.dev/v1alpha1\nkind: [Policy\n".to_owned(),
        "a: b: c\n".to_owned(),
        good.clone(),
        exception("  scope: {namespaces: [a]}\n  owner: a\n  approver: b\n  reason: c\n"),
        exception(
            "  scope: {namespaces: ['*']}\n  owner: a\n  approver: ''\n  reason: c\n  expires: 2027-01-01T00:00:00Z\n",
        ),
        exception("  scope: {namespaces: [a]}\n  owner: a\n  approver: b\n  reason: c\n  expires: next year\n"),
    ] {
        let set = PolicySet::load([("good.yaml", good.as_str()), ("bad.yaml", text.as_str())]);
        assert_eq!((set.policies().len(), set.exceptions().len()), (1, 0), "{text}");
        assert!(!set.faults().is_empty(), "{text}");
        for fault in set.faults() {
            told.push_str(&format!("{fault}\n"));
        }
    }
    insta::assert_snapshot!(told);
}
