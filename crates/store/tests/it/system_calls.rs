//! Every real system call of a short life fails in turn, injected by `strace`; then fsck.
//!
//! The rule: where `strace` is installed and may trace, the test must run; in CI (the variable `CI` is set) it must be installed.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use store::{FsckOptions, Store, fsck};

use crate::support::{OneRow, entry, everything, options};

const INSIDE: &str = "PLIMSOLL_TRACED_STORE";
const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,rename,unlink,mkdir,ftruncate";

fn traced(dir: &Path, inject: Option<(&str, usize)>) -> (bool, String) {
    let trace = dir.join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-e"]).arg(format!("trace={CALLS}")).arg("-o").arg(&trace);
    if let Some((call, number)) = inject {
        command.arg("-e").arg(format!("inject={call}:error=EIO:when={number}"));
    }
    let status = command
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "system_calls::every_real_system_call_fails_in_turn", "--test-threads=1"])
        .env(INSIDE, dir.join("store"))
        .env("RUST_BACKTRACE", "0")
        .output();
    let trace = std::fs::read_to_string(trace).unwrap_or_default();
    (status.is_ok_and(|output| output.status.success()), trace)
}

#[test]
fn every_real_system_call_fails_in_turn() {
    if let Ok(dir) = std::env::var(INSIDE) {
        return life(Path::new(&dir));
    }
    if !Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "strace is not installed or may not trace; CI needs it");
        eprintln!("NOT RUN: strace is not installed or may not trace; the simulated disk covers the behaviour");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (alive, trace) = traced(dir.path(), None);
    assert!(alive, "the life works when nothing fails");
    let mut runs = 0;
    for call in CALLS.split(',') {
        // Which of these calls touch the store: the others belong to the loader and the test's own output.
        let ours: Vec<usize> = trace
            .lines()
            .filter(|line| line.split_whitespace().nth(1).is_some_and(|word| word.starts_with(&format!("{call}("))))
            .zip(1..)
            .filter_map(|(line, number)| line.contains("/store").then_some(number))
            .collect();
        for number in ours {
            let dir = tempfile::tempdir().unwrap();
            traced(dir.path(), Some((call, number)));
            check(&dir.path().join("store"), &format!("{call} {number} failed"));
            runs += 1;
        }
    }
    assert!(runs >= 60, "only {runs} calls were made to fail");
}

/// What the traced process does. Every acknowledged number goes to a file beside the store.
fn life(dir: &Path) {
    let said = dir.with_extension("acknowledged");
    let mut acknowledged = String::new();
    for round in 0..2u64 {
        let Ok(store) = Store::open(options(dir), Arc::new(OneRow(1))) else { break };
        for n in 0..2 {
            if let Ok(receipt) = store.append(vec![entry("prod/audit/apiserver-1", round * 10 + n)]) {
                acknowledged.push_str(&format!("{} {}\n", receipt.placed[0].first_seq, round * 10 + n));
            }
            if n == 0 {
                let _ = store.seal();
            }
        }
        store.close();
    }
    std::fs::write(said, acknowledged).unwrap();
}

fn check(dir: &Path, what: &str) {
    let said = std::fs::read_to_string(dir.with_extension("acknowledged")).unwrap_or_default();
    if !dir.join("store.json").exists() {
        assert!(said.is_empty(), "{what}");
        return;
    }
    let before = fsck(dir, &FsckOptions::default());
    assert!(before.is_clean(), "{what}: {:#?}", before.problems);
    let store = Store::open(options(dir), Arc::new(OneRow(1))).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let found = everything(&store.reader().unwrap());
    for line in said.lines() {
        let (seq, number) = line.split_once(' ').unwrap();
        let bytes = format!("{{\"number\":{number}}}").into_bytes();
        let seq: u64 = seq.parse().unwrap();
        assert!(found.iter().any(|(_, s, b)| *s == seq && *b == bytes), "{what}: {line} was acknowledged");
    }
    store.seal().unwrap();
    store.close();
    let after = fsck(dir, &FsckOptions::default());
    assert!(after.is_clean() && after.remarks.is_empty(), "{what}: {after:#?}");
}
