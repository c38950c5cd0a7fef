//! Any bytes as an entry of the other sources give whole rows.

#![no_main]

include!("rows.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for source in ["prod/watch/pods", "prod/statements/intake", "prod/configuration/api-1", "prod/encryption/etcd", "plimsoll/evaluation/all"] {
        project(source, bytes);
    }
});
