//! Any bytes are looked through without a panic, and a planted value is in nothing that is shown.

#![no_main]

use plaintext::{Detector, Key, RuleSet};

const PLANTED: &str = "Zx9PlantedValueQq7";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (detector, key) = (Detector::standard(), Key::new([7; 32]));
    for name in ["a.yaml", "a.json", "a.env", "a.go", ".pgpass", "a.log"] {
        let _ = detector.file(name, bytes, Some(&key));
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = RuleSet::from_toml(&text);
    let planted = serde_json::json!({ text.clone(): { "password": PLANTED }, "other": text, PLANTED: [PLANTED] });
    let found = detector.json(planted.to_string().as_bytes(), Some(&key));
    assert!(!format!("{found:?}").contains(PLANTED));
});
