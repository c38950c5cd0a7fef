//! `plimsoll admission manifest` and `plimsoll images verify` as an administrator runs them.

use assert_cmd::Command;
use predicates::prelude::*;

fn plimsoll(arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("plimsoll").unwrap().args(arguments).assert()
}

/// A certificate's frame around bytes that nobody looks into here.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\nAAECAwQF\n-----END CERTIFICATE-----\n";

#[test]
fn the_manifest_holds_the_authority_and_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let key = AUTHORITY.replace("CERTIFICATE", "PRIVATE KEY").replace("AAECAwQF", "c2VjcmV0");
    std::fs::write(&file, format!("{key}{AUTHORITY}")).unwrap();
    let file = file.to_str().unwrap();
    let told = plimsoll(&["admission", "manifest", "--authority", file, "--url", "https://10.0.0.20:9443"]);
    let text = String::from_utf8(told.code(0).get_output().stdout.clone()).unwrap();
    let bundle = text.lines().find_map(|line| line.trim().strip_prefix("caBundle: ")).unwrap();
    use base64::Engine as _;
    let bundle = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(bundle).unwrap()).unwrap();
    assert_eq!(bundle, AUTHORITY);
    assert!(text.contains("url: https://10.0.0.20:9443/admission") && text.contains("failurePolicy: Fail"), "{text}");
    plimsoll(&["admission", "manifest", "--authority", file, "--fail-open"])
        .code(0)
        .stdout(predicate::str::contains("failurePolicy: Ignore").and(predicate::str::contains("kind: Service\n")));
    // Whoever makes its certificates itself gets the right to enter their authority, and nobody else does.
    let right = predicate::str::contains("resourceNames: [plimsoll-admission]\n  verbs: [get, patch]");
    plimsoll(&["admission", "manifest", "--self-managed"])
        .code(0)
        .stdout(right.clone().and(predicate::str::contains("caBundle: ").not()));
    plimsoll(&["admission", "manifest", "--authority", file]).code(0).stdout(right.not());
}

#[test]
fn what_makes_no_manifest_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (file, empty) = (dir.path().join("ca.pem"), dir.path().join("empty.pem"));
    std::fs::write(&file, AUTHORITY).unwrap();
    std::fs::write(&empty, "").unwrap();
    let (file, empty) = (file.to_str().unwrap(), empty.to_str().unwrap());
    plimsoll(&["admission", "manifest", "--authority", empty])
        .code(2)
        .stderr(predicate::str::contains("holds no certificate"));
    for (flag, value) in
        [("--url", "http://10.0.0.20"), ("--url", "https://a\nb"), ("--namespace", "a b"), ("--name", "a: b")]
    {
        plimsoll(&["admission", "manifest", "--authority", file, flag, value])
            .code(2)
            .stderr(predicate::str::contains(flag));
    }
    plimsoll(&["admission", "manifest", "--authority", file, "--from-disk"]).code(2);
    plimsoll(&["admission", "manifest", "--authority", file, "--self-managed"]).code(2);
    plimsoll(&["admission", "manifest"]).code(2);
}

#[test]
fn images_are_told_apart_without_asking_anybody() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.yaml");
    let text = "apiVersion: plimsoll.dev/v1alpha1\nkind: ImageSignatures\nmetadata: {name: test}\nspec:\n  rules:\n  - name: cache\n    \
                images: [docker.io/library/redis]\n    unsigned: copied by hand\n";
    std::fs::write(&rules, text).unwrap();
    let verify = |image| plimsoll(&["images", "verify", "--rules", rules.to_str().unwrap(), image]);
    verify("redis").code(0).stdout(predicate::str::contains("not required"));
    verify("registry.example.test/other:1").code(1).stdout(predicate::str::contains("refused"));
    std::fs::write(&rules, text.replace("unsigned:", "unsignd:")).unwrap();
    verify("redis").code(2).stderr(predicate::str::contains("unsignd"));
}
