//! Any text as the Rego of a template is refused with a place in it, or judges a request.

#![no_main]

use rego::{Namespace, Policies, Review};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let template = serde_json::json!({
        "apiVersion": "templates.gatekeeper.sh/v1beta1", "kind": "ConstraintTemplate", "metadata": {"name": "fuzz"},
        "spec": {"crd": {"spec": {"names": {"kind": "Fuzz"}}}, "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": text}]},
    });
    let constraint = serde_json::json!({
        "apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "Fuzz", "metadata": {"name": "c"},
        "spec": {"parameters": {"labels": ["team"], "most": 3, "repos": ["a/", "b/"]}},
    });
    let loaded = Policies::load(&[&template, &constraint]);
    let lines = text.split('\n').count();
    for (_, refusal) in &loaded.refusals {
        if let Some(place) = refusal.within {
            assert!((1..=lines + 1).contains(&place.line), "{refusal}");
        }
    }
    let request = serde_json::json!({
        "kind": {"group": "", "version": "v1", "kind": "Pod"}, "name": "p", "namespace": "n", "operation": "CREATE", "userInfo": {"username": "u"},
        "object": {"metadata": {"name": "p", "labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "r/a:1", "ports": [80, 443]}, {"name": "b"}]}},
    });
    if let Ok(review) = Review::new(&request, Namespace::Unknown(Some("n"))) {
        let _ = loaded.policies.evaluate(&review, &|| false);
    }
});
