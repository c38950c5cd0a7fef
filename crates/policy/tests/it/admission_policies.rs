//! Our policies in Kubernetes' form decide as ours do.

use policy::admission_policies::of_set;
use policy::check::{self, Content};
use policy::{Context, PolicySet, Surroundings, Verdict, rules, trial};

use crate::now;

/// The policy of a rule's page in Kubernetes' form, as a file.
fn spoken(page: &str) -> (String, Vec<(String, String)>) {
    let policy = trial::yaml_under(page, "Policy").unwrap();
    let set = PolicySet::load([("page", policy.as_str())]);
    assert!(set.faults().is_empty());
    let spoken = of_set(&set, &[]);
    let documents: Vec<String> = spoken.objects.iter().map(ToString::to_string).collect();
    (documents.join("\n---\n"), spoken.left_out)
}

#[test]
fn examples_of_pages_come_out_the_same() {
    let (mut said, mut left_out) = (Vec::new(), Vec::new());
    for rule in rules::all() {
        let (policies, why) = spoken(rule.page);
        if policies.is_empty() {
            assert_eq!(why.len(), 1, "{}", rule.name);
            left_out.push(rule.name);
            continue;
        }
        said.push(rule.name);
        let block = |heading: &str| trial::yaml_under(rule.page, heading).unwrap();
        let (good, bad) = (block("Good example"), block("Bad example"));
        for trial in trial::examples((rule.name, &policies), &[("good", &good)], &[("bad", &bad)], now()) {
            assert_eq!(trial.failure, None, "{} {:?} {}\n{policies}", rule.name, trial.expected, trial.example);
        }
    }
    assert_eq!(
        said,
        [
            "capabilities",
            "no-automounted-token",
            "no-host-namespaces",
            "no-host-ports",
            "no-pod-sessions",
            "no-privileged",
            "run-as-non-root",
            "seccomp"
        ]
    );
    assert_eq!(said.len() + left_out.len(), rules::all().len());
}

/// Every rule that can be said, with the parameters of its page and with none, on the examples of all pages.
#[test]
fn every_example_of_every_page_is_decided_as_by_the_rule() {
    let mut objects = String::new();
    for heading in ["Good example", "Bad example"] {
        for rule in rules::all() {
            objects.push_str("---\n");
            objects.push_str(&trial::yaml_under(rule.page, heading).unwrap());
        }
    }
    let known = Surroundings::new().all();
    let context = Context::at(now()).within(&known);
    let verdicts = |set: &PolicySet| -> Vec<(String, bool)> {
        let all = check::file(set, "examples", objects.as_bytes(), Content::Either, &context);
        all.into_iter()
            .map(|checked| {
                assert_ne!(checked.decision.verdict, Verdict::Error, "{:?}", checked.decision);
                (format!("{} {}", checked.kind, checked.name), checked.decision.violations.is_empty())
            })
            .collect()
    };
    let mut compared = 0;
    for rule in rules::all() {
        let of_page = trial::yaml_under(rule.page, "Policy").unwrap();
        let bare = format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {{name: bare}}\nspec: {{rule: {}}}\n",
            rule.name
        );
        for text in [of_page, bare] {
            let set = PolicySet::load([("policy", text.as_str())]);
            let documents: Vec<String> = of_set(&set, &[]).objects.iter().map(ToString::to_string).collect();
            if documents.is_empty() {
                continue;
            }
            let spoken = PolicySet::load([("spoken", documents.join("\n---\n").as_str())]);
            assert!(spoken.faults().is_empty(), "{}: {:?}", rule.name, spoken.faults());
            let (ours, theirs) = (verdicts(&set), verdicts(&spoken));
            assert_eq!(ours, theirs, "{}", rule.name);
            assert!(ours.iter().any(|(_, fine)| *fine) && ours.iter().any(|(_, fine)| !fine), "{}", rule.name);
            compared += ours.len();
        }
    }
    assert!(compared > 500, "only {compared} were compared");
}

#[test]
fn exceptions_and_scopes_are_not_forgotten() {
    let text = "apiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {name: a}\nspec:\n  rule: no-host-path\n  action: Warn\n  \
                match: {namespaces: [\"shop-*\"], excludeNamespaces: [shop.x]}\n---\n\
                apiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata: {name: e}\nspec:\n  policies: [a]\n  scope: {namespaces: [x]}\n  \
                owner: o\n  approver: p\n  reason: r\n  expires: 2030-01-01T00:00:00Z\n";
    let set = PolicySet::load([("a", text)]);
    assert!(set.faults().is_empty(), "{:?}", set.faults());
    let spoken = of_set(&set, &["kube-system".to_owned()]);
    assert_eq!(spoken.left_out.len(), 1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&spoken.objects).unwrap());
}
