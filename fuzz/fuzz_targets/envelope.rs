//! Any text as an event within the envelopes of managed clouds gives whole rows.

#![no_main]

include!("rows.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let inner: serde_json::Value = serde_json::from_str(&text).unwrap_or(serde_json::Value::Null);
    for envelope in [
        serde_json::json!({ "timestamp": 1, "message": text }),
        serde_json::json!({ "category": "kube-audit", "properties": { "log": text } }),
        serde_json::json!({ "AuditId": text, "ObjectRef": text, "User": inner }),
        serde_json::json!({ "insertId": "i", "protoPayload": inner, "labels": inner }),
        serde_json::json!({ "insertId": "i", "protoPayload": { "resourceName": text, "methodName": text, "request": inner } }),
    ] {
        project("prod/audit/api-1", envelope.to_string().as_bytes());
    }
});
