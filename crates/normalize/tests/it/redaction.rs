//! What redaction promises: no planted value survives anywhere, and what holds none keeps every byte.

use std::borrow::Cow;

use normalize::redact::{PREFIX, Redactor};
use proptest::prelude::*;
use serde_json::{Value, json};

fn redactor() -> Redactor {
    Redactor::new([7; 32])
}

fn event(resource: &str, subresource: Option<&str>, verb: &str) -> Value {
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": "a-1",
        "stage": "ResponseComplete", "requestURI": "/api/v1/namespaces/default/x", "verb": verb,
        "user": {"username": "bob"}, "objectRef": {"resource": resource, "namespace": "default", "name": "x"},
        "responseStatus": {"metadata": {}, "code": 200},
        "annotations": {"authorization.k8s.io/decision": "allow"}
    });
    if let Some(subresource) = subresource {
        event["objectRef"]["subresource"] = json!(subresource);
    }
    event
}

/// Every place of one value, and its base64 where Kubernetes has that.
fn places(value: &str) -> Vec<(&'static str, Value)> {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(value);
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x", "annotations": {"a": "kept"}},
        "type": "Opaque", "data": {"k": data}, "stringData": {"k": value}});
    let applied = serde_json::to_string(&secret).unwrap();
    let annotated = json!({"metadata": {"name": "x", "annotations":
        {"kubectl.kubernetes.io/last-applied-configuration": applied}}});
    let mut partial = annotated.clone();
    partial["kind"] = json!("PartialObjectMetadata");
    let body = |resource, subresource, verb, field: &str, body: Value| {
        let mut event = event(resource, subresource, verb);
        event[field] = body;
        event
    };
    let mut both = body("secrets", None, "update", "requestObject", secret.clone());
    both["responseObject"] = secret.clone();
    let mut denied = body("secrets", None, "create", "requestObject", secret.clone());
    denied["responseStatus"] = json!({"code": 422, "message": format!("denied: {value} and {data} are too short")});
    denied["annotations"]["gate/why"] = json!(format!("saw {value}"));
    denied["responseObject"] = json!({"kind": "Status", "message": format!("denied {value}"),
        "details": {"causes": [{"message": format!("bad {data}")}]}});
    let mut decode = event("secrets", None, "patch");
    decode["responseStatus"] = json!({"code": 400, "message": format!("error found in #10 byte of ...|{value}|...")});
    let native = body("secrets", None, "create", "requestObject", secret.clone());
    let text = serde_json::to_string(&native).unwrap();
    let mut token_uri = event("pods", Some("proxy"), "get");
    token_uri["requestURI"] = json!(format!("/api/v1/namespaces/a/pods/b/proxy/?access_token={value}&x=1"));
    vec![
        ("object", both),
        ("refusal that repeats it", denied),
        ("decoder that quotes it", decode),
        (
            "list",
            body(
                "secrets",
                None,
                "list",
                "responseObject",
                json!({"kind": "SecretList", "items": [{"metadata": {"name": "x"}, "data": {"k": data}}]}),
            ),
        ),
        (
            "merge patch",
            body(
                "secrets",
                None,
                "patch",
                "requestObject",
                json!({"data": {"k": data, "gone": null}, "stringData": {"k": value}}),
            ),
        ),
        (
            "patch with another key",
            body("secrets", None, "patch", "requestObject", json!({"DATA": {"k": [value, {"deep": value}]}})),
        ),
        (
            "json patch",
            body(
                "secrets",
                None,
                "patch",
                "requestObject",
                json!([{"op": "add", "path": "/data/k", "value": data}, {"op": "replace", "path": "", "value": secret}, {"op": "test", "path": "/stringData", "value": {"k": value}}, {"op": "add", "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration", "value": applied}]),
            ),
        ),
        ("metadata only", body("secrets", None, "get", "responseObject", partial.clone())),
        (
            "table",
            body(
                "secrets",
                None,
                "list",
                "responseObject",
                json!({"kind": "Table", "rows": [{"cells": ["x", "Opaque", 1], "object": partial}]}),
            ),
        ),
        ("annotation in a patch", body("secrets", None, "patch", "requestObject", annotated.clone())),
        (
            "a kind that lies",
            body("secrets", None, "create", "requestObject", json!({"kind": "Status", "data": {"k": data}})),
        ),
        (
            "nested manifest",
            body(
                "templates",
                None,
                "create",
                "requestObject",
                json!({"kind": "Template", "objects": [secret.clone()]}),
            ),
        ),
        (
            "nested list",
            body(
                "manifestworks",
                None,
                "create",
                "requestObject",
                json!({"spec": {"manifests": [{"kind": "SecretList", "items": [{"data": {"k": data}}]}]}}),
            ),
        ),
        (
            "applied template",
            body(
                "templates",
                None,
                "create",
                "requestObject",
                json!({"kind": "Template", "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": serde_json::to_string(&json!({"objects": [secret.clone()]})).unwrap()}}}),
            ),
        ),
        (
            "token review",
            body(
                "tokenreviews",
                None,
                "create",
                "requestObject",
                json!({"kind": "TokenReview", "spec": {"token": value, "audiences": ["a"]}}),
            ),
        ),
        (
            "token request",
            body(
                "serviceaccounts",
                Some("token"),
                "create",
                "responseObject",
                json!({"kind": "TokenRequest", "spec": {"expirationSeconds": 3600}, "status": {"token": value}}),
            ),
        ),
        ("uri", token_uri),
        (
            "number",
            body("secrets", None, "patch", "requestObject", json!({"data": {"k": 8_412_345_678_901_234_567u64}})),
        ),
        ("eks", json!({"timestamp": 1, "message": text})),
        ("aks", json!({"category": "kube-audit", "properties": {"log": text}})),
        ("aks text", json!({"log_s": text})),
        (
            "aks columns",
            json!({"AuditId": "a", "Verb": "create", "ObjectRef": "{\"resource\":\"secrets\"}", "RequestObject": serde_json::to_string(&secret).unwrap(), "ResponseObject": secret.clone()}),
        ),
        (
            "gke",
            json!({"insertId": "i", "protoPayload": {"resourceName": "core/v1/namespaces/default/secrets/x", "methodName": "io.k8s.core.v1.secrets.create", "request": {"data": {"k": data}}, "response": secret}}),
        ),
    ]
}

/// The texts and numbers within some JSON, those within texts that are JSON themselves too.
fn scalars(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            out.push(text.clone());
            if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                scalars(&inner, out);
            }
        }
        Value::Number(number) => out.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| scalars(item, out)),
        Value::Object(members) => members.values().for_each(|member| scalars(member, out)),
        _ => {}
    }
}

#[test]
fn structure_stays_and_one_value_has_one_digest() {
    let places = places("correct horse battery");
    let (_, both) = &places[0];
    let raw = serde_json::to_vec(both).unwrap();
    let redacted = redactor().audit_event(&raw);
    assert_eq!(redacted.redaction.unwrap().values, 4);
    assert_eq!(redacted.findings, ["requestObject", "responseObject"]);
    let out: Value = serde_json::from_slice(&redacted.bytes).unwrap();
    let value = |pointer: &str| out.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    assert!(value("/requestObject/data/k").starts_with(PREFIX));
    assert_eq!(value("/requestObject/data/k"), value("/responseObject/data/k"));
    assert_ne!(value("/requestObject/data/k"), value("/requestObject/stringData/k"));
    assert_eq!(value("/requestObject/metadata/annotations/a"), "kept");
    assert_eq!(value("/requestObject/type"), "Opaque");
    let again = redactor().audit_event(&redacted.bytes);
    assert!(again.redaction.is_none(), "redaction is done once");
    let other = Redactor::new([8; 32]).audit_event(&raw).bytes.into_owned();
    assert_ne!(other, redacted.bytes.into_owned(), "digests are keyed");
}

#[test]
fn nulls_and_operations_stay() {
    let (_, patch) = places("correct horse battery").into_iter().find(|(name, _)| *name == "merge patch").unwrap();
    let out: Value =
        serde_json::from_slice(&redactor().audit_event(&serde_json::to_vec(&patch).unwrap()).bytes).unwrap();
    assert_eq!(out.pointer("/requestObject/data/gone"), Some(&Value::Null));
}

#[test]
fn unreadable_bytes_that_may_hold_a_value_are_withheld() {
    let raw = br#"{"objectRef":{"resource":"secrets"},"requestObject":{"data":{"k":"aHVudGVyMg=="#;
    let redacted = redactor().audit_event(raw);
    assert_eq!(redacted.findings, ["withheld"]);
    assert!(!redacted.bytes.windows(8).any(|w| w == b"aHVudGVy"));
    let deep = format!(
        r#"{{"objectRef":{{"resource":"secrets"}},"requestObject":{}"hunter2"{}}}"#,
        "[".repeat(400),
        "]".repeat(400)
    );
    assert_eq!(redactor().audit_event(deep.as_bytes()).findings, ["withheld"]);
    // Without a hint of a secret value they are kept as they are.
    assert!(redactor().audit_event(b"{\"verb\":").redaction.is_none());
}

#[test]
fn invalid_utf8_does_not_hide_a_value() {
    let raw = b"{\"userAgent\":\"\xff\",\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":{\"data\":{\"k\":\"aHVudGVyMg==\"}}}";
    let out = redactor().audit_event(raw).bytes.into_owned();
    assert!(!out.windows(8).any(|w| w == b"aHVudGVy") && out.contains(&0xff));
}

#[test]
fn watch_lines_and_objects() {
    let (_, partial) = places("correct horse battery").into_iter().find(|(name, _)| *name == "metadata only").unwrap();
    let line = serde_json::to_vec(&json!({"type": "ADDED", "group": "", "version": "v1", "resource": "secrets",
        "object": partial["responseObject"]}))
    .unwrap();
    let redacted = redactor().watch_line(&line);
    assert_eq!(redacted.redaction.unwrap().values, 1);
    assert!(!String::from_utf8_lossy(&redacted.bytes).contains("horse"));
    let pods = br#"{"type":"ADDED","resource":"pods","object":{"kind":"Pod","spec":{"volumes":[{"secret":{"secretName":"x"}}]}}}"#;
    assert!(matches!(redactor().watch_line(pods).bytes, Cow::Borrowed(_)));
    assert!(redactor().object("secrets", br#"{"data":{"k":"djE="}}"#).redaction.is_some());
}

#[test]
fn too_large_events_keep_their_head_only_when_it_is_clean() {
    let clean = redactor().too_large(br#"{"level":"Metadata","userAgent":"xxxx"#, 1 << 30, [1; 32]);
    assert!(String::from_utf8_lossy(&clean.bytes).contains("Metadata"));
    let dirty = redactor().too_large(br#"{"requestObject":{"kind":"Secret","data":{"k":"djE="#, 1 << 30, [1; 32]);
    assert!(!String::from_utf8_lossy(&dirty.bytes).contains("djE="));
    assert!(serde_json::from_slice::<Value>(&dirty.bytes).is_ok());
}

#[test]
fn mentions_of_secrets_are_no_values() {
    for body in [
        json!({"kind": "Gateway", "spec": {"certificateRefs": [{"kind": "Secret", "name": "tls"}]}}),
        json!({"kind": "Pod", "spec": {"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]}]}}),
        json!({"kind": "ServiceAccount", "secrets": [{"name": "x"}], "automountServiceAccountToken": true}),
        json!({"kind": "ConfigMap", "data": {"k": "Secret\""}}),
    ] {
        let mut event = event("others", None, "create");
        event["requestObject"] = body;
        let raw = serde_json::to_vec(&event).unwrap();
        assert!(matches!(redactor().audit_event(&raw).bytes, Cow::Borrowed(_)), "{event}");
    }
    let mut delete = event("secrets", None, "delete");
    delete["requestObject"] = json!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]});
    delete["responseObject"] = json!({"kind": "Status", "status": "Success", "details": {"name": "x", "uid": "u"}});
    let raw = serde_json::to_vec(&delete).unwrap();
    assert!(redactor().audit_event(&raw).redaction.is_none());
}

/// Every letter of words that redaction looks for, hidden behind escapes.
fn with_escaped_letters(text: &str) -> String {
    ["secrets", "Secret", "data", "stringData", "token", "tokenreviews"].iter().fold(text.to_owned(), |text, word| {
        let escaped: String = word.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        text.replace(&format!("\"{word}\""), &format!("\"{escaped}\""))
    })
}

proptest! {
    #[test]
    fn a_planted_value_never_survives(
        value in "[a-zA-Z0-9 !#$%*+,./:;=?@_~-]{3}XQ7[a-zA-Z0-9 <>\"\\\\'é]{4,24}",
        escape in any::<bool>(),
        pretty in any::<bool>(),
    ) {
        use base64::Engine as _;
        let data = base64::engine::general_purpose::STANDARD.encode(&value);
        for (name, event) in places(&value.replace(['&', '='], "_")) {
            let value = value.replace(['&', '='], "_");
            let mut text = if pretty { serde_json::to_string_pretty(&event) } else { serde_json::to_string(&event) }.unwrap();
            if escape {
                text = with_escaped_letters(&text);
            }
            let redacted = redactor().audit_event(text.as_bytes());
            prop_assert!(redacted.redaction.is_some(), "{}: {}", name, text);
            let out: Value = serde_json::from_slice(&redacted.bytes).expect("the result is JSON");
            let mut found = Vec::new();
            scalars(&out, &mut found);
            for scalar in found {
                prop_assert!(!scalar.contains(&value) && !scalar.contains(&data), "{}: {}", name, scalar);
                prop_assert!(!scalar.contains("8412345678901234567"), "{}: {}", name, scalar);
            }
        }
    }

    #[test]
    fn events_without_secret_values_keep_every_byte(
        resource in proptest::sample::select(vec!["pods", "configmaps", "roles", "secretproviderclasses", "tokens"]),
        name in ".{0,20}", message in ".{0,40}", pretty in any::<bool>(),
    ) {
        let mut event = event(resource, None, "create");
        event["requestObject"] = json!({"kind": "Pod", "metadata": {"name": name}, "spec": {"x": [1, 2.5, null, true, message]}});
        let raw = if pretty { serde_json::to_vec_pretty(&event) } else { serde_json::to_vec(&event) }.unwrap();
        let redacted = redactor().audit_event(&raw);
        prop_assert_eq!(redacted.bytes.as_ref(), &raw[..]);
        prop_assert!(redacted.redaction.is_none());
    }

    #[test]
    fn any_bytes_end_without_panic(bytes in proptest::collection::vec(prop_oneof![
        any::<u8>(), proptest::sample::select(b"{}[]\",:\\u0secretsToken".to_vec())], 0..120)) {
        let _ = redactor().audit_event(&bytes);
        let _ = redactor().watch_line(&bytes);
        let _ = redactor().object("secrets", &bytes);
    }
}
