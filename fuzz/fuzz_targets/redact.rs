//! A value planted in a body of a request on Secrets does not survive, whatever surrounds it; and redaction is done once.

#![no_main]

use normalize::redact::Redactor;

const PLANTED: &str = "Zx9PlantedValueQq7";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let redactor = Redactor::new([7; 32]);
    let _ = redactor.watch_line(bytes);
    let _ = redactor.object("secrets", bytes);
    let once = redactor.audit_event(bytes).bytes.into_owned();
    assert_eq!(redactor.audit_event(&once).bytes.as_ref(), &once[..], "redaction is done once");
    // The input as the key and the neighbour of the planted value.
    let text = String::from_utf8_lossy(bytes);
    // Names of members stay, and whoever fuzzes may have learned the value.
    if text.contains(PLANTED) {
        return;
    }
    let mut body = serde_json::Map::new();
    body.insert("data".to_owned(), serde_json::json!({ text.clone(): PLANTED, "other": text }));
    let event = serde_json::json!({ "objectRef": { "resource": "secrets" }, "requestObject": body });
    let out = redactor.audit_event(event.to_string().as_bytes()).bytes.into_owned();
    assert!(!String::from_utf8_lossy(&out).contains(PLANTED));
});
