//! The program as an auditor runs it. Whole packages are judged in the story of `cargo xtask up`; here is what needs none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;

#[test]
fn a_folder_that_is_no_package_is_an_error_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for verb in ["verify", "recount", "reperform"] {
        let output = Command::cargo_bin("plimsoll-auditor").unwrap().arg(verb).arg(dir.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{verb}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("is this a package?"), "{verb}");
    }
}
