//! Any bytes as a value of etcd, as a page of its gateway, and as the description of a managed cluster.

#![no_main]

use normalize::encryption::stored_value::{ENOUGH, needs_all, read};
use normalize::encryption::{cloud, range};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let form = read(bytes);
    if !needs_all(bytes) {
        assert_eq!(form, read(&bytes[..bytes.len().min(ENOUGH)]), "the first bytes tell it");
    }
    let _ = range::read(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = cloud::read(text);
    }
});
