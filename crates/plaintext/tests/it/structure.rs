//! Where credentials hide in structure: pairs, arguments, text within text.

use std::time::Instant;

use plaintext::{Detector, Findings, Key, RuleSet};
use serde_json::{Value, json};

use crate::corpus::{base64, token};

fn found(findings: &Findings) -> Vec<String> {
    findings.found.iter().map(|finding| format!("{} {}", finding.path, finding.kind)).collect()
}

fn in_json(value: &Value) -> Vec<String> {
    found(&Detector::standard().json(value.to_string().as_bytes(), Some(&Key::new([1; 32]))))
}

#[test]
fn pairs_arguments_and_text_within_text_are_found_in_an_event() {
    let applied =
        json!({"spec": {"containers": [{"env": [{"name": "API_TOKEN", "value": "b7Kq2Zx9Lw4Rn6Tv"}]}]}}).to_string();
    let event = json!({
        "kind": "Event", "auditID": "a",
        "requestURI": "/api/v1/namespaces/shop/pods/web/exec?command=mysql&command=--password%3DLachs9Forelle",
        "requestObject": {
            "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}},
            "spec": {"containers": [{
                "env": [
                    {"name": "DB_PASSWORD", "value": "Barsch9Zander"},
                    {"name": "OTHER_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "a", "key": "password"}}},
                ],
                "args": ["--db-password", "Karpfen9Teich", "--token=n5Vx8Qk2Zr7Lw1Tb", "--password-file", "/run/x"],
                "image": "shop/web:1",
            }]},
        },
        "responseObject": {"data": {"app.ini": "a=b\npassword=Aal9Reuse\n", "blob": base64("password=Stint9Fang\n")}},
    });
    insta::assert_snapshot!(in_json(&event).join("\n"));
}

#[test]
fn what_was_replaced_before_it_was_written_is_told_once_by_its_own_digest() {
    let digits = "00112233445566778899aabbccddeeff";
    let event = json!({"requestObject": {"kind": "Secret", "apiVersion": "v1", "data": {
        "password": format!("plimsoll:redacted:{digits}"), "broken": "plimsoll:redacted:zz",
    }}});
    let findings = Detector::standard().json(event.to_string().as_bytes(), None);
    assert_eq!(found(&findings), ["requestObject.data.password replaced-before-writing"]);
    assert_eq!(findings.found[0].digest.unwrap().to_string(), digits);
}

#[test]
fn tokens_are_told_by_their_claims() {
    let kinds = |claims: &str| in_json(&json!({ "x": format!("token {}", token(claims)) }));
    assert_eq!(kinds(r#"{"iss":"kubernetes/serviceaccount"}"#), ["x kubernetes-service-account-token"]);
    assert_eq!(kinds(r#"{"iss":"https://10.0.0.1","kubernetes.io":{}}"#), ["x kubernetes-service-account-token"]);
    assert_eq!(kinds(r#"{"iss":"https://login"}"#), ["x json-web-token"]);
    assert!(kinds(r#"{"sub":"1234567890","name":"John Doe"}"#).is_empty());
}

#[test]
fn rules_of_others_are_applied_with_what_they_allow() {
    let rules = RuleSet::from_toml(
        r#"
        [[rules]]
        id = "acme"
        regex = '''acme-([a-z0-9]{12})'''
        keywords = ["acme-"]
        entropy = 2
        [[rules.allowlists]]
        stopwords = ["demo"]
        [[rules]]
        id = "keystore"
        path = '''\.p12$'''
        "#,
    )
    .unwrap();
    let detector = Detector::new(rules).unwrap();
    let text = "a acme-k3v9z7q1x5w2\nb acme-demok3v9z7q1\nc acme-aaaaaaaaaaaa\n";
    let findings = detector.file("a.txt", text.as_bytes(), None);
    assert_eq!(findings.found.iter().map(|f| (f.line, &*f.kind)).collect::<Vec<_>>(), [(1, "acme")]);
    assert_eq!(detector.file("a/b.p12", b"\0\x01", None).found[0].kind, "keystore");
}

#[test]
fn decoding_is_bounded_and_told() {
    use std::io::Write as _;
    // A bomb of two layers: 64 MiB from a few hundred bytes.
    let pack = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = pack(&pack(&vec![b'a'; 64 << 20]));
    use base64::Engine as _;
    let text = json!({"data": {"release": base64::engine::general_purpose::STANDARD.encode(bomb)}}).to_string();
    assert!(Detector::standard().json(text.as_bytes(), None).bounded);
    // Text in text in text: the innermost is deeper than is decoded. What can be read of it without is still found.
    let mut nested = "password=Hering9Schwarm\n".to_owned();
    for _ in 0..12 {
        nested = json!({"x": nested, "token": "y"}).to_string();
    }
    let findings = Detector::standard().json(nested.as_bytes(), None);
    assert!(findings.bounded, "{findings:?}");
}

#[test]
fn time_stays_linear_in_hostile_text() {
    for part in [
        "password=",
        "-----BEGIN PRIVATE KEY-----",
        "://a:b",
        "eyJ",
        "\"password\":\"",
        "machine a login b ",
        "{\"password\":",
        "H4sI",
        "- - ",
        "&a [*a,",
    ] {
        let time = |times: usize| {
            let text = part.repeat(times);
            let start = Instant::now();
            for name in ["a.txt", "a.yaml", "a.json", "a.log"] {
                let _ = Detector::standard().file(name, text.as_bytes(), None);
            }
            let _ = Detector::standard().json(text.as_bytes(), None);
            start.elapsed()
        };
        let (one, eight) = (time(300), time(2_400));
        // Eight times the text must not take anything like 64 times as long; the rest is for a busy machine.
        assert!(eight < one * 40 + std::time::Duration::from_secs(2), "{part}: {one:?} {eight:?}");
    }
}
