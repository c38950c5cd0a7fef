//! Policies that must not be loaded, and what is said of them.

use expressions::{Policies, SourceFile};

const HEAD: &str = "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: p
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}
";

fn faults(spec: &str) -> String {
    let text = format!("{HEAD}{spec}");
    let loaded = Policies::load(&[SourceFile { name: "p.yaml", text: &text, first_line: 1 }]);
    assert!(!loaded.faults.is_empty(), "no fault was found in {spec}");
    assert!(loaded.policies.policies().is_empty());
    loaded.faults.iter().map(|f| format!("{f}\n")).collect()
}

#[test]
fn every_fault_names_its_place() {
    let nested =
        "object.a.map(a, object.b.map(b, object.c.map(c, object.d.map(d, object.e.map(e, a + b + c + d + e))))) == []";
    let specs = [
        "  validations:\n  - expression: object.spec.replicas <= = 5\n",
        "  validations:\n  - expression: 'objekt.spec.replicas <= 5'\n",
        "  validations:\n  - expression: |\n      object.spec.containers.all(c,\n        c.image.isNice())\n",
        "  validations:\n  - expression: params.x == 1\n",
        "  validations:\n  - expression: authorizer.group('').resource('pods').check('get').allowed()\n",
        "  validations:\n  - expression: variables.x == 1\n",
        "  validations:\n  - expression: request.userInfo.user == 'a'\n",
        "  validations:\n  - expression: object.metadata.name.matches('(')\n",
        "  validations:\n  - expression: duration('1x') < duration('1h')\n",
        "  validations:\n  - expression: object.metadata.name + 'x' + size(object.metadata.name, 1)\n",
        "  validations:\n  - expression: \"'a' + 'b'\"\n",
        "  validations:\n  - expression: cel.bind(x, 1, x == 1)\n",
        "  validations:\n  - expression: google.protobuf.Struct{} == 1\n",
        "  validations:\n  - expression: 'true'\n    reason: Nope\n",
        "  validations:\n  - expression: 'true'\n    messageExpression: '1'\n",
        "  validations:\n  - expresion: 'true'\n",
        "  validations: []\n",
        "  failurePolicy: Maybe\n  validations: [{expression: 'true'}]\n",
        "  variables: [{name: 1x, expression: '1'}]\n  validations: [{expression: 'true'}]\n",
        "  variables: [{name: a, expression: variables.b}, {name: b, expression: '1'}]\n  validations: [{expression: 'true'}]\n",
        "  validations:\n  - expression: |\n      has(object)\n",
        "  validations:\n  - expression: '[1].map(x.y, 1) == []'\n",
        "  validations: [{expression: 'true'\n",
    ];
    let mut shown: String = specs.iter().map(|spec| faults(spec)).collect();
    shown.push_str(&faults(&format!("  validations:\n  - expression: {nested}\n")));
    insta::assert_snapshot!("faults", shown);
}

#[test]
fn one_bad_policy_takes_no_other_with_it() {
    let good = format!("{HEAD}  validations: [{{expression: 'true'}}]\n");
    let bad = good.replace("name: p", "name: q").replace("'true'", "'tru'");
    let binding = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: b}\nspec: {policyName: nobody, validationActions: [Deny, Warn]}\n";
    let text = format!("{bad}---\n{good}---\n{binding}---\nkind: ConfigMap\napiVersion: v1\n");
    let loaded = Policies::load(&[SourceFile { name: "all.yaml", text: &text, first_line: 1 }]);
    let names: Vec<_> = loaded.policies.policies().iter().map(|(policy, _)| policy.name()).collect();
    assert_eq!(names, ["p"]);
    let faults: Vec<_> = loaded.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("all.yaml:9:31: \"tru\" is not known here"), "{faults:?}");
    assert!(faults[1].contains("Deny and Warn exclude each other"), "{faults:?}");
    assert_eq!(loaded.others, [("all.yaml".to_owned(), 26, "ConfigMap".to_owned())]);
}

#[test]
fn what_is_wrong_between_documents_has_a_place_too() {
    let binding = |name: &str, policy: &str| {
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata:\n  name: {name}\nspec: {{policyName: {policy}, validationActions: [Deny]}}\n---\n"
        )
    };
    let good = format!("{HEAD}  validations: [{{expression: 'true'}}]\n---\n");
    let text = format!("{good}{}{}{}{good}", binding("b", "p"), binding("b", "p"), binding("c", "nobody"));
    let loaded = Policies::load(&[SourceFile { name: "all.yaml", text: &text, first_line: 101 }]);
    let faults: Vec<_> = loaded.faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "all.yaml:120:9: the binding b is there already; the first is kept",
            "all.yaml:126:9: the binding c is of the policy nobody, which is not loaded",
            "all.yaml:132:9: the policy p is defined in all.yaml too; the first is kept",
        ]
    );
}

/// The text of each document once was kept with an empty line for each line before it.
#[test]
fn many_documents_take_no_more_memory_than_the_file() {
    let text = "---\na: 1\n".repeat(40_000);
    let loaded = Policies::load(&[SourceFile { name: "many.yaml", text: &text, first_line: 1 }]);
    assert_eq!(loaded.others.len(), 40_000);
    assert_eq!(loaded.others.last().unwrap().1, 80_000);
}
