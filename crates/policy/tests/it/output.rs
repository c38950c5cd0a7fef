//! What people and programs read.

use policy::check::{self, Checked, Content};
use policy::output;

use crate::{context, policy, set};

const MANIFESTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      hostNetwork: true
      containers:
      - name: web
        image: nginx
---
apiVersion: v1
kind: Pod
metadata: {name: \"evil\\e[2J<&>\", namespace: monitoring}
spec:
  hostPID: true
  containers:
  - {name: a, image: nginx:1.27}
---
apiVersion: v1
kind: Pod
metadata: {name: broken}
spec: {containers: {}}
";

fn checked() -> Vec<Checked> {
    let exception = "---\napiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata: {name: exporter}\nspec:\n  policies: [no-host-namespaces]\n  \
        scope: {namespaces: [monitoring]}\n  owner: alice\n  approver: bob\n  reason: counters\n  expires: 2027-01-01T00:00:00Z\n";
    let set = set(&format!(
        "{}{}{exception}",
        policy("no-host-namespaces", ""),
        policy("immutable-tags", "  action: Warn\n")
    ));
    let mut checked = check::file(&set, "deploy/web app.yaml", MANIFESTS.as_bytes(), Content::Manifests, &context());
    checked.extend(check::file(&set, "bad.yaml", b"a: [", Content::Manifests, &context()));
    for one in &mut checked {
        one.decision.policy_set = "<digest>".to_owned();
    }
    checked
}

#[test]
fn as_a_table() {
    insta::assert_snapshot!(output::table(&checked()));
}

#[test]
fn as_json() {
    insta::assert_snapshot!(output::json(&checked()));
}

#[test]
fn as_junit() {
    insta::assert_snapshot!(output::junit(&checked()));
}

#[test]
fn as_sarif() {
    let mut log: serde_json::Value = serde_json::from_str(&output::sarif(&checked(), "0.0.0")).unwrap();
    // The pages are tested by themselves.
    for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap() {
        if let Some(help) = rule.get_mut("help") {
            help["markdown"] = "<page>".into();
        }
    }
    insta::assert_snapshot!(format!("{log:#}"));
}

#[test]
fn as_a_list_of_rules() {
    insta::assert_snapshot!(output::explain_list());
}

#[test]
fn the_worst_decides() {
    assert_eq!(check::outcome(&checked()), check::Outcome::Error);
    assert_eq!(check::outcome(&checked()[..3]), check::Outcome::Denied);
    assert_eq!(check::outcome(&checked()[..1]), check::Outcome::Good);
    assert_eq!(check::outcome(&[]), check::Outcome::Good);
}
