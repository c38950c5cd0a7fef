//! A disk that is really full: a small tmpfs, mounted in a namespace of its own where that is allowed.
//!
//! The rule: as root with `unshare` and `mount` at hand the test must run. Elsewhere it cannot, and says so; the same behaviour is tested
//! over the simulated disk in `faults`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use store::{AppendError, FsckOptions, NewEntry, Store, fsck};

use crate::support::{OneRow, entry, everything, options};

const INSIDE: &str = "PLIMSOLL_SMALL_DISK";

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    if let Ok(dir) = std::env::var(INSIDE) {
        return fill(Path::new(&dir));
    }
    let may = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    if !may {
        let user = Command::new("id").arg("-u").output().map(|o| o.stdout).unwrap_or_default();
        assert_ne!(user, b"0\n", "root without the right to mount: this rule does not know such a machine");
        eprintln!("NOT RUN: mounting a small tmpfs needs root; the simulated disk covers the behaviour");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // The mount is private to the child and ends with it.
    let script = format!(
        "mount -t tmpfs -o size=2m tmpfs {dir} && exec {test} --exact full_disk::a_full_disk_refuses_and_goes_on_when_there_is_room",
        dir = dir.path().display(),
        test = std::env::current_exe().unwrap().display()
    );
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .env(INSIDE, dir.path())
        .output()
        .expect("unshare starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

fn fill(disk: &Path) {
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![1; 1_000_000]).unwrap();
    let dir = disk.join("store");
    let store = Store::open(options(&dir), Arc::new(OneRow(1))).unwrap();
    let noise = |n: u64| NewEntry {
        bytes: (0..20_000u64).map(|i| ((i * i + n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect(),
        ..entry("prod/audit/apiserver-1", n)
    };
    let (mut stored, mut refused) = (0, 0);
    while refused < 3 {
        match store.append(vec![noise(stored)]) {
            Ok(_) => stored += 1,
            Err(AppendError::Full(_)) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
        assert!(stored < 200, "two megabytes do not hold this");
    }
    std::fs::remove_file(ballast).unwrap();
    store.append(vec![noise(stored)]).unwrap();
    assert_eq!(everything(&store.reader().unwrap()).len() as u64, stored + 1);
    store.close();
    let report = fsck(&dir, &FsckOptions::default());
    assert!(report.is_clean() && report.remarks.is_empty(), "{report:#?}");
    assert_eq!(report.unsealed_entries, stored + 1);
}
