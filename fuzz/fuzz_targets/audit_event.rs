//! Any bytes as an entry of an audit source give whole rows, and the grammar agrees with serde_json.

#![no_main]

include!("rows.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    project("prod/audit/api-1", bytes);
    let _ = normalize::audit::identity(bytes);
    // serde_json bounds its own depth at 128, ours is 256: compare only what is flat enough for both.
    if bytes.iter().filter(|b| matches!(b, b'{' | b'[')).count() < 100 {
        let theirs = std::str::from_utf8(bytes).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
        assert_eq!(normalize::json::check(bytes, normalize::json::MAX_DEPTH).is_ok(), theirs);
    }
});
