//! Any text as a file of policies is loaded or listed as faults, and what was loaded judges a request.

#![no_main]

use expressions::{Input, Limits, Namespace, Parameters, Policies, Request, SourceFile};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let loaded = Policies::load(&[SourceFile { name: "fuzz.yaml", text, first_line: 1 }]);
    let kind = serde_json::json!({"group": "", "version": "v1", "kind": "Pod"});
    let resource = serde_json::json!({"group": "", "version": "v1", "resource": "pods"});
    let request = serde_json::json!({
        "kind": kind, "resource": resource, "name": "p", "namespace": "n", "operation": "CREATE", "userInfo": {"username": "u"},
        "object": {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]}}
    });
    if let Ok(request) = Request::from_json(&request) {
        let parameters = Parameters::default();
        let input = Input { request: &request, namespace: Namespace::None, parameters: &parameters };
        let outcome = loaded.policies.evaluate(&input, &Limits { expired: &|| false });
        let _ = (outcome.denial(), outcome.warnings(), outcome.audit_annotations());
    }
});
