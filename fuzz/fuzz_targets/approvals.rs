//! Any bytes as a list of approvals, and any bytes as an entry of one, give approvals and faults, or whole rows.

#![no_main]

include!("rows.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(content) = std::str::from_utf8(bytes) {
        let _ = normalize::approvals::read("csv", content);
    }
    project("prod/approvals/tickets", bytes);
});
