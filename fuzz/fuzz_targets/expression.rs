//! Any text as an expression is refused or evaluated, within its budget.

#![no_main]

use expressions::{Dialect, Environment, Expression, Meter, PatternCache, Shape, Value};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let object = serde_json::json!({
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {}},
        "spec": {"replicas": 3, "weight": 1.5, "containers": [{"name": "a", "image": "r/a:1", "ports": [80, 443]}, {"name": "b"}]}
    });
    let roots = [Value::from_json(&object).unwrap_or(Value::Null), Value::Null];
    for dialect in [Dialect::Kubernetes, Dialect::Kyverno] {
        let environment = Environment::new(dialect).root("object", Shape::Open).root("oldObject", Shape::Open);
        if let Ok(expression) = Expression::compile(text, &environment) {
            let patterns = PatternCache::default();
            let _ = expression.evaluate(&roots, &mut Meter::new(100_000, &|| false, &patterns));
        }
    }
});
