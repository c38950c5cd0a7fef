//! Policies in Kubernetes' form as part of a set: actions, failures, namespaces, exceptions, deadlines.

use policy::check::{self, Content};
use policy::{Action, Context, Decision, PolicySet, Request, Surroundings, Verdict, evaluate, output};
use serde_json::json;

use crate::{context, json as read, now, set};

/// A policy of ConfigMaps called `p` with these lines of its spec.
pub(crate) fn policy(spec: &str) -> String {
    format!(
        "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata:\n  name: p\nspec:\n  matchConstraints:\n    resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [configmaps]}}]\n{spec}\n"
    )
}

/// A binding of it with these members of its spec.
pub(crate) fn binding(members: &str) -> String {
    format!(
        "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata:\n  name: b\nspec: {{policyName: p, {members}}}\n"
    )
}

const DENY: &str = "validationActions: [Deny]";
const NEVER: &str = "  validations: [{expression: 'false', message: never}]";

fn config_map(namespace: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {namespace}}}\n")
}

fn judge(set: &PolicySet, yaml: &str, context: &Context<'_>) -> Decision {
    evaluate(set, &Request::from_manifest(&read(yaml)).unwrap(), context)
}

#[test]
fn a_binding_says_what_becomes_of_violations() {
    for (actions, verdict, action) in [
        ("[Deny]", Verdict::Deny, Action::Deny),
        ("[Deny, Audit]", Verdict::Deny, Action::Deny),
        ("[Warn]", Verdict::Warn, Action::Warn),
        ("[Audit, Warn]", Verdict::Warn, Action::Warn),
        ("[Audit]", Verdict::Allow, Action::Audit),
    ] {
        let set = set(&format!("{}{}", policy(NEVER), binding(&format!("validationActions: {actions}"))));
        let decision = judge(&set, &config_map("shop"), &context());
        assert_eq!(decision.verdict, verdict, "{actions}");
        let violation = &decision.violations[0];
        assert_eq!((violation.policy.as_str(), violation.binding.as_deref()), ("p", Some("b")));
        assert_eq!((violation.message.as_str(), violation.action), ("never", action), "{actions}");
        assert_eq!(violation.rule, "ValidatingAdmissionPolicy");
        let noted = decision.audit_annotations.contains_key("validation.policy.admission.k8s.io/validation_failure");
        assert_eq!(noted, actions.contains("Audit"), "{actions}");
    }
}

#[test]
fn an_object_that_no_policy_is_for_is_allowed_and_said_so() {
    let set = set(&format!("{}{}", policy(NEVER), binding(DENY)));
    let decision = judge(&set, "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: shop}\n", &context());
    assert_eq!(
        (decision.verdict, decision.note.as_deref()),
        (Verdict::Allow, Some("no policy of the set is for this request"))
    );
    assert_eq!(judge(&set, &config_map("shop"), &context()).note, None);
}

#[test]
fn rules_and_user_policies_are_one_pass() {
    let rule = crate::policy("no-host-namespaces", "");
    let pods = policy(NEVER).replace("resources: [configmaps]", "resources: [pods]");
    let set = set(&format!("{rule}{pods}{}", binding(DENY)));
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec: {hostPID: true, containers: []}\n";
    let decision = judge(&set, pod, &context());
    let policies: Vec<_> = decision.violations.iter().map(|v| v.policy.as_str()).collect();
    assert_eq!(policies, ["no-host-namespaces", "p"]);
    // A pod that our rules cannot read is an error, whatever the others say of it.
    let broken = pod.replace("hostPID: true", "hostPID: 'yes'");
    let decision = judge(&set, &broken, &context());
    assert_eq!((decision.verdict, decision.violations.len()), (Verdict::Error, 1));
}

#[test]
fn an_expression_that_fails_does_what_the_failure_policy_says() {
    let missing = "  validations: [{expression: object.data.x == '1'}]";
    for (failure_policy, verdict, action) in
        [("Fail", Verdict::Deny, Action::Deny), ("Ignore", Verdict::Allow, Action::Audit)]
    {
        for spec in
            [missing.to_owned(), format!("  matchConditions: [{{name: c, expression: object.data.x == '1'}}]\n{NEVER}")]
        {
            let set =
                set(&format!("{}{}", policy(&format!("  failurePolicy: {failure_policy}\n{spec}")), binding(DENY)));
            let decision = judge(&set, &config_map("shop"), &context());
            assert_eq!((decision.verdict, decision.violations[0].action), (verdict, action), "{failure_policy} {spec}");
            assert!(decision.violations[0].message.contains("no such key: data"), "{decision:?}");
        }
    }
}

#[test]
fn what_the_deadline_leaves_is_an_error_of_its_policy() {
    let many = "  validations: [{expression: 'object.data.all(a, object.data.all(b, a.size() + b.size() > 0))'}]";
    let set = set(&format!("{}{}", policy(many), binding(DENY)));
    let data: serde_json::Map<_, _> = (0..80).map(|n| (format!("key{n}"), json!("value"))).collect();
    let object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}, "data": data});
    let decided = |context: &Context<'_>| evaluate(&set, &Request::from_manifest(&object).unwrap(), context);
    let in_time = decided(&context());
    assert_eq!(in_time.verdict, Verdict::Allow, "{in_time:?}");
    let late = decided(&context().until(&|| true));
    assert_eq!(late.verdict, Verdict::Deny);
    assert!(late.violations[0].message.contains("the deadline passed"), "{late:?}");
}

#[test]
fn namespaces_that_are_given_decide_and_others_are_undetermined() {
    let selecting =
        binding(&format!("{DENY}, matchResources: {{namespaceSelector: {{matchLabels: {{stage: production}}}}}}"));
    let set = set(&format!("{}{selecting}", policy(NEVER)));
    let mut surroundings = Surroundings::new();
    surroundings.add_file(
        b"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {stage: production}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: trial}\n",
    );
    let verdict = |namespace: &str, context: &Context<'_>| {
        let decision = judge(&set, &config_map(namespace), context);
        (decision.verdict, decision.violations.first().map(|v| v.message.clone()).unwrap_or_default())
    };
    let some = Context::at(now()).within(&surroundings);
    assert_eq!(verdict("shop", &some), (Verdict::Deny, "never".to_owned()));
    assert_eq!(verdict("trial", &some).0, Verdict::Allow);
    for namespace in ["elsewhere", "''"] {
        let (verdict, message) = verdict(namespace, &some);
        assert_eq!(verdict, Verdict::Warn, "{namespace}");
        assert!(message.starts_with("never (undetermined whether the policy is for this namespace"), "{message}");
    }
    let all = surroundings.clone().all();
    let (verdict, message) = verdict("elsewhere", &Context::at(now()).within(&all));
    assert_eq!(verdict, Verdict::Deny);
    assert!(message.contains("the namespace \"elsewhere\" is not known"), "{message}");
}

#[test]
fn a_policy_that_reads_the_namespace_is_undetermined_without_it() {
    let reading = policy(
        "  validations: [{expression: \"namespaceObject.metadata.?labels.?stage.orValue('') != 'production'\", message: not in production}]",
    );
    let set = set(&format!("{reading}{}", binding(DENY)));
    let mut surroundings = Surroundings::new();
    surroundings.add(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"stage": "production"}}}));
    let decided = |namespace: &str| judge(&set, &config_map(namespace), &Context::at(now()).within(&surroundings));
    assert_eq!(decided("shop").verdict, Verdict::Deny);
    let unknown = decided("elsewhere");
    assert_eq!(unknown.verdict, Verdict::Warn);
    assert!(unknown.violations[0].message.starts_with("undetermined: namespaceObject is not known"), "{unknown:?}");
}

#[test]
fn an_object_without_a_namespace_is_still_one_of_a_namespace() {
    let namespaced = policy(NEVER).replace("resources: [configmaps]", "resources: [configmaps], scope: Namespaced");
    let set = set(&format!("{namespaced}{}", binding(DENY)));
    assert_eq!(judge(&set, &config_map("''"), &context()).verdict, Verdict::Deny);
}

#[test]
fn exceptions_are_for_user_policies_too() {
    let exception = "---\napiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata: {name: e}\nspec:\n  policies: [p]\n  scope: {namespaces: [shop]}\n  owner: alice\n  approver: bob\n  reason: moves away next month\n  expires: 2027-01-01T00:00:00Z\n";
    let set = set(&format!("{}{}{exception}", policy(NEVER), binding(DENY)));
    assert_eq!(set.unknown_policies().count(), 0);
    let decision = judge(&set, &config_map("shop"), &context());
    assert_eq!((decision.verdict, decision.verdict_without_exceptions), (Verdict::Allow, Verdict::Deny));
    assert_eq!(decision.excepted[0].violations[0].message, "never");
    assert_eq!(judge(&set, &config_map("other"), &context()).verdict, Verdict::Deny);
}

#[test]
fn an_exception_from_a_policy_of_kyverno_is_for_what_kyverno_makes_of_it() {
    let kyverno = "---\napiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {name: named}\nspec:\n  matchConstraints:\n    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]\n  validations: [{expression: object.metadata.name != 'web', message: not web}]\n";
    let exception = "---\napiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata: {name: e}\nspec:\n  policies: [named]\n  scope: {namespaces: [shop]}\n  owner: alice\n  approver: bob\n  reason: moves away next month\n  expires: 2027-01-01T00:00:00Z\n";
    let deployment = |namespace: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: {namespace}}}\nspec: {{template: {{spec: {{containers: []}}}}}}\n"
        )
    };
    let set = set(&format!("{kyverno}{exception}"));
    let denied = judge(&set, &deployment("other"), &context());
    assert_eq!((denied.verdict, denied.violations[0].policy.as_str()), (Verdict::Deny, "named-autogen"));
    assert_eq!(denied.violations[0].rule, "ValidatingPolicy");
    assert_eq!(judge(&set, &deployment("shop"), &context()).verdict, Verdict::Allow);
}

#[test]
fn every_form_of_output_tells_of_user_policies() {
    let warn = policy(NEVER).replace("name: p\n", "name: q\n").replace("message: never", "message: rather not");
    let warned = binding("validationActions: [Warn, Audit]")
        .replace("name: b\n", "name: c\n")
        .replace("policyName: p", "policyName: q");
    let set = set(&format!("{}{}{warn}{warned}", policy(NEVER), binding(DENY)));
    let file = format!("{}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n", config_map("shop"));
    let mut checked = check::file(&set, "deploy.yaml", file.as_bytes(), Content::Manifests, &context());
    for one in &mut checked {
        one.decision.policy_set = "<digest>".to_owned();
    }
    insta::assert_snapshot!("user_policies_as_a_table", output::table(&checked));
    insta::assert_snapshot!("user_policies_as_json", output::json(&checked));
    insta::assert_snapshot!("user_policies_as_junit", output::junit(&checked));
    insta::assert_snapshot!("user_policies_as_sarif", output::sarif(&checked, "0.0.0"));
    insta::assert_snapshot!("user_policies_explained", output::explain(Some(&set), "q").unwrap());
    // What the table sends people to is there.
    assert!(output::explain(None, "ValidatingAdmissionPolicy").unwrap().starts_with("# Your own policies"));
    assert!(output::explain(None, "pod-security/privileged").unwrap().starts_with("# pod-security"));
    assert_eq!(output::explain(Some(&set), "nothing"), None);
}
