//! Any bytes as a list of people, and any bytes as an entry of one, give people and faults, or whole rows.

#![no_main]

include!("rows.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(content) = std::str::from_utf8(bytes) {
        for format in ["csv", "scim"] {
            let _ = normalize::identities::read(format, content);
        }
    }
    project("prod/identities/hr", bytes);
});
