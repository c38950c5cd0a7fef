//! Any text as a file of policies and as manifests: no panic, and every fault has a place in the text.

#![no_main]

use policy::{Context, PolicySet};
use policy::check::{self, Content};
use records::Timestamp;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let now: Timestamp = "2026-11-23T09:00:00Z".parse().expect("the time is a constant");
    let set = PolicySet::load([("file", text)]);
    // YAML ends lines at a carriage return, too.
    let lines = text.split(['\n', '\r']).count();
    for fault in set.faults() {
        assert!((1..=lines + 1).contains(&fault.line), "{fault}");
    }
    let checked = check::file(&set, "file", text.as_bytes(), Content::Either, &Context::at(now));
    let _ = (policy::output::table(&checked), policy::output::json(&checked));
    let _ = (policy::output::sarif(&checked, "0"), policy::output::junit(&checked));
});
