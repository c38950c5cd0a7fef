//! Gatekeeper's templates and constraints as part of a set.

use policy::check::{self, Content};
use policy::{Action, Context, Decision, PolicySet, Request, Surroundings, Verdict, evaluate, output};
use serde_json::json;

use crate::{context, json as read, now, set};

/// A template of ConfigMaps called `Labelled`, with this Rego behind its package.
fn template(rego: &str) -> String {
    let indented: String = rego.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "---\napiVersion: templates.gatekeeper.sh/v1\nkind: ConstraintTemplate\nmetadata:\n  name: labelled\nspec:\n  crd:\n    spec:\n      names: {{kind: Labelled}}\n  targets:\n  - target: admission.k8s.gatekeeper.sh\n    rego: |\n      package labelled\n{indented}"
    )
}

const RULE: &str =
    "violation[{\"msg\": msg}] {\n  not input.review.object.metadata.labels.team\n  msg := \"no team\"\n}";

/// A constraint of it with these members of its spec.
fn constraint(name: &str, members: &str) -> String {
    format!(
        "---\napiVersion: constraints.gatekeeper.sh/v1beta1\nkind: Labelled\nmetadata: {{name: {name}}}\nspec: {{{members}}}\n"
    )
}

fn config_map(namespace: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {namespace}}}\n")
}

fn judge(set: &PolicySet, yaml: &str, context: &Context<'_>) -> Decision {
    evaluate(set, &Request::from_manifest(&read(yaml)).unwrap(), context)
}

#[test]
fn the_enforcement_action_says_what_becomes_of_violations() {
    for (members, verdict, action) in [
        ("", Verdict::Deny, Action::Deny),
        ("enforcementAction: warn", Verdict::Warn, Action::Warn),
        ("enforcementAction: dryrun", Verdict::Allow, Action::Audit),
    ] {
        let set = set(&format!("{}{}", template(RULE), constraint("c", members)));
        let decision = judge(&set, &config_map("shop"), &context());
        assert_eq!(decision.verdict, verdict, "{members}");
        let violation = &decision.violations[0];
        assert_eq!((violation.policy.as_str(), violation.message.as_str()), ("Labelled/c", "no team"));
        assert_eq!((violation.action, violation.rule), (action, "Constraint"));
    }
}

#[test]
fn an_object_that_no_constraint_is_for_is_allowed_and_said_so() {
    let set = set(&format!("{}{}", template(RULE), constraint("c", "match: {kinds: [{kinds: [Pod]}]}")));
    let decision = judge(&set, &config_map("shop"), &context());
    let note = Some("no policy of the set is for this request");
    assert_eq!((decision.verdict, decision.note.as_deref()), (Verdict::Allow, note));
}

#[test]
fn what_cannot_be_evaluated_is_a_violation() {
    let failing = "violation[{\"msg\": \"x\"}] {\n  to_number(input.review.object.metadata.name) > 1\n}";
    let failing = set(&format!("{}{}", template(failing), constraint("c", "")));
    let decision = judge(&failing, &config_map("shop"), &context());
    assert_eq!(decision.verdict, Verdict::Deny);
    assert!(decision.violations[0].message.starts_with("not evaluated: "), "{decision:?}");
    let plain = set(&format!("{}{}", template(RULE), constraint("c", "")));
    let late = judge(&plain, &config_map("shop"), &context().until(&|| true));
    assert_eq!(late.verdict, Verdict::Deny);
    assert!(late.violations[0].message.contains("the deadline passed"), "{late:?}");
}

#[test]
fn exceptions_are_for_constraints_and_for_kinds() {
    for named in ["Labelled", "Labelled/c"] {
        let exception = format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata: {{name: e}}\nspec:\n  policies: [{named}]\n  scope: {{namespaces: [shop]}}\n  owner: alice\n  approver: bob\n  reason: moves away next month\n  expires: 2027-01-01T00:00:00Z\n"
        );
        let set = set(&format!("{}{}{exception}", template(RULE), constraint("c", "")));
        assert_eq!(set.unknown_policies().count(), 0);
        let decision = judge(&set, &config_map("shop"), &context());
        assert_eq!((decision.verdict, decision.verdict_without_exceptions), (Verdict::Allow, Verdict::Deny));
        assert_eq!(decision.excepted[0].violations[0].message, "no team");
        assert_eq!(judge(&set, &config_map("other"), &context()).verdict, Verdict::Deny);
    }
    let other = set(&format!(
        "{}{}---\napiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata: {{name: e}}\nspec:\n  policies: [Labelled/d]\n  scope: {{namespaces: [shop]}}\n  owner: alice\n  approver: bob\n  reason: r\n  expires: 2027-01-01T00:00:00Z\n",
        template(RULE),
        constraint("c", "")
    ));
    assert_eq!(judge(&other, &config_map("shop"), &context()).verdict, Verdict::Deny);
}

#[test]
fn namespaces_that_are_given_decide_and_others_are_undetermined() {
    let selecting = constraint("c", "match: {namespaceSelector: {matchLabels: {stage: production}}}");
    let set = set(&format!("{}{selecting}", template(RULE)));
    let mut surroundings = Surroundings::new();
    surroundings.add(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"stage": "production"}}}));
    surroundings.add(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "trial"}}));
    let some = Context::at(now()).within(&surroundings);
    assert_eq!(judge(&set, &config_map("shop"), &some).verdict, Verdict::Deny);
    assert_eq!(judge(&set, &config_map("trial"), &some).verdict, Verdict::Allow);
    for namespace in ["elsewhere", "''"] {
        let decision = judge(&set, &config_map(namespace), &some);
        assert_eq!(decision.verdict, Verdict::Warn, "{namespace}");
        assert!(decision.violations[0].message.starts_with("no team (undetermined whether"), "{decision:?}");
    }
    let all = surroundings.clone().all();
    let decision = judge(&set, &config_map("elsewhere"), &Context::at(now()).within(&all));
    assert_eq!(decision.verdict, Verdict::Deny, "a namespace that is not there leaves nothing to be found out");
}

#[test]
fn a_deletion_is_judged_by_what_is_to_go() {
    let set = set(&format!("{}{}", template(RULE), constraint("c", "")));
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}});
    let kind = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
    let resource = json!({"group": "", "version": "v1", "resource": "configmaps"});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "kind": kind, "resource": resource, "name": "a", "namespace": "shop", "operation": "DELETE",
        "userInfo": {"username": "alice"}, "object": null, "oldObject": object,
    }})
    .to_string();
    let decision = evaluate(&set, &Request::from_review(review.as_bytes()).unwrap(), &context());
    assert_eq!(decision.violations[0].message, "no team");
}

#[test]
fn faults_have_places_and_take_nothing_else_down() {
    let good = crate::policy("no-privileged", "");
    let mut told = String::new();
    for text in [
        format!("{}{}", template(&RULE.replace("no team\"", "no team\"\n  time.now_ns() > 0")), constraint("c", "")),
        format!(
            "{}{}",
            template(RULE)
                .replace("rego: |", "rego: |2\n\n")
                .replace("not input", "external_data(1)\n        not input"),
            constraint("c", "")
        ),
        format!(
            "# a\n{}    rego: \"package labelled\\nviolation {{ true }}\"\n",
            template("").split("    rego: |").next().unwrap()
        ),
        template(RULE),
        constraint("c", ""),
        format!("{}{}", template(RULE), constraint("c", "match: {namespaces: [a*b]}")),
        format!("{}{}", template(RULE), constraint("c", "enforcementAction: refuse")),
        format!("{}{1}{1}", template(RULE), constraint("c", "")),
        format!("{}{}", template(RULE), constraint("c", "parameters: {}, paramters: {}")),
        read(template("violation { true }").trim_start_matches("---\n")).to_string(),
        template(RULE).replace("ConstraintTemplate", "Constraint"),
    ] {
        let set = PolicySet::load([("good.yaml", good.as_str()), ("bad.yaml", text.as_str())]);
        assert_eq!(set.policies().len(), 1, "{text}");
        assert!(!set.faults().is_empty(), "{text}");
        for fault in set.faults() {
            told.push_str(&format!("{fault}\n"));
        }
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}

#[test]
fn templates_and_constraints_are_part_of_the_digest() {
    let (template, constraint) = (template(RULE), constraint("c", ""));
    let one = set(&format!("{template}{constraint}"));
    let same = PolicySet::load([("z", template.as_str()), ("a", constraint.as_str())]);
    assert_eq!(one.digest(), same.digest(), "files and order are not part of it");
    let mut digests = vec![one.digest().to_owned()];
    for other in [
        format!("{template}{}", constraint.replace("spec: {}", "spec: {enforcementAction: warn}")),
        format!("{}{constraint}", template.replace("no team", "none")),
        format!("{template}{constraint}{}", constraint.replace("name: c", "name: d")),
    ] {
        digests.push(set(&other).digest().to_owned());
    }
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 4);
    // A vector: records of decisions name sets by this digest.
    insta::assert_snapshot!(one.canonical());
}

#[test]
fn every_form_of_output_tells_of_constraints() {
    let set =
        set(&format!("{}{}{}", template(RULE), constraint("c", ""), constraint("d", "enforcementAction: dryrun")));
    let mut checked = check::file(&set, "deploy.yaml", config_map("shop").as_bytes(), Content::Manifests, &context());
    for one in &mut checked {
        one.decision.policy_set = "<digest>".to_owned();
    }
    insta::assert_snapshot!("constraints_as_a_table", output::table(&checked));
    insta::assert_snapshot!("constraints_as_json", output::json(&checked));
    insta::assert_snapshot!("constraints_explained", output::explain(Some(&set), "Labelled/c").unwrap());
    assert!(output::sarif(&checked, "0.0.0").contains("Labelled/c is a Constraint of the policy set."));
    // What the table sends people to is there.
    assert!(output::explain(None, "Constraint").unwrap().starts_with("# Gatekeeper's templates"));
}

#[test]
fn each_constraint_counts_as_a_policy_of_the_set() {
    let own =
        "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {name: own}\nspec: {rule: no-privileged}\n";
    let set = set(&format!("{}{}{}{own}", template(RULE), constraint("c", ""), constraint("d", "")));
    assert_eq!((set.policy_count(), set.policies().len()), (3, 1));
}
