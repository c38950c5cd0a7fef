//! Kyverno's `ValidatingPolicy`: what is imported, what is refused.

use expressions::{Parameters, Policies, SourceFile};
use serde_json::json;

use crate::policies::{judge, request};

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: k\nspec:\n  matchConstraints:\n    resourceRules:\n      - {{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods]}}\n{spec}"
    )
}

const NO_PRIVILEGE: &str = "  validationActions: [Deny]
  variables:
    - name: all
      expression: object.spec.containers + object.spec.?initContainers.orValue([])
  validations:
    - identifier: privileged
      message: privileged
      expression: variables.all.all(c, c.?securityContext.?privileged.orValue(false).orValue(false) == false)
";

fn denied(spec: &str, object: &serde_json::Value) -> Option<String> {
    let text = policy(spec);
    let loaded = Policies::load(&[SourceFile { name: "k.yaml", text: &text, first_line: 1 }]);
    assert_eq!(loaded.faults, []);
    let request = request(object, "CREATE", &json!({"username": "alice"}));
    judge(&loaded.policies, &request, &Parameters::default()).denial().map(|d| d.message)
}

fn deployment(privileged: bool) -> serde_json::Value {
    let containers = json!([{"name": "a", "image": "a", "securityContext": {"privileged": privileged}}]);
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": containers}}}})
}

#[test]
fn a_policy_of_pods_judges_the_templates_of_controllers() {
    let message = denied(NO_PRIVILEGE, &deployment(true)).unwrap();
    assert_eq!(message, "ValidatingPolicy 'k-autogen' with binding 'k-autogen' denied request: privileged");
    assert_eq!(denied(NO_PRIVILEGE, &deployment(false)), None);
    let without = format!("{NO_PRIVILEGE}  autogen: {{podControllers: {{controllers: []}}}}\n");
    assert_eq!(denied(&without, &deployment(true)), None);
    let others = format!("{NO_PRIVILEGE}  autogen: {{podControllers: {{controllers: [jobs, cronjobs]}}}}\n");
    assert_eq!(denied(&others, &deployment(true)), None);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"},
        "spec": deployment(true)["spec"]["template"]["spec"]});
    assert_eq!(denied(NO_PRIVILEGE, &pod).unwrap(), "ValidatingPolicy 'k' with binding 'k' denied request: privileged");
}

#[test]
fn a_template_has_the_name_and_namespace_of_its_controller() {
    let spec = "  validations: [{expression: \"object.metadata.namespace != 'shop'\", message: in shop}]\n";
    assert!(denied(spec, &deployment(false)).unwrap().ends_with("in shop"));
}

#[test]
fn functions_of_kyverno_alone_are_refused_by_name() {
    let expressions = [
        "resource.Get('v1', 'configmaps', 'default', 'x').data.a == '1'",
        "http.Get('http://example.com').ok",
        "globalContext.Get('x', '') != null",
        "image('nginx').registry() == 'docker.io'",
        "images.containers.all(i, i == 'a')",
        "time.now() > timestamp('2026-11-25T00:00:00Z')",
        "parseYAML('a: 1').a == 1",
        "verifyImageSignatures('a', []) > 0",
        "object.metadata.name.somethingNew()",
    ];
    let mut shown = String::new();
    for expression in expressions {
        let text = policy(&format!("  validations:\n  - expression: {expression}\n"));
        let text = text.replace("parseYAML('a: 1')", "parseYAML('a')");
        let loaded = Policies::load(&[SourceFile { name: "k.yaml", text: &text, first_line: 1 }]);
        assert!(loaded.policies.policies().is_empty(), "{expression}");
        shown.extend(loaded.faults.iter().map(|f| format!("{f}\n")));
    }
    insta::assert_snapshot!("kyverno_refused", shown);
}

#[test]
fn what_is_not_for_admission_of_kubernetes_objects_is_not_imported() {
    let text = policy("  evaluation: {mode: JSON}\n  validations: [{expression: 'true'}]\n");
    let loaded = Policies::load(&[SourceFile { name: "k.yaml", text: &text, first_line: 1 }]);
    assert_eq!(loaded.faults.len(), 1, "{:?}", loaded.faults);
    let text = policy("  evaluation: {admission: {enabled: false}}\n  validations: [{expression: 'false'}]\n");
    let loaded = Policies::load(&[SourceFile { name: "k.yaml", text: &text, first_line: 1 }]);
    assert!(loaded.policies.policies().iter().all(|(_, bindings)| bindings.is_empty()));
}
