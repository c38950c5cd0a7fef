//! Lines of logs: where values stand in them, and what is left when they are hidden.

use plaintext::{Detector, Findings, Key};
use proptest::prelude::*;
use serde_json::json;

use crate::corpus::{base64, corpus};

const KEY: [u8; 32] = [5; 32];

/// Kind and bytes of each finding.
fn stand(lines: &str) -> Vec<(String, String)> {
    let findings = Detector::standard().lines(lines.as_bytes(), Some(&Key::new(KEY)));
    let bytes = |finding: &plaintext::Finding| {
        let at = finding.at.expect("lines tell where values stand");
        lines[at.from..at.to].to_owned()
    };
    findings.found.iter().map(|finding| (finding.kind.to_string(), bytes(finding))).collect()
}

#[test]
fn values_are_told_by_the_bytes_they_stand_in() {
    let told = |lines: &str| stand(lines).into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>();
    assert_eq!(told("login with password=Falken9Horst ok\nnone\n"), ["Falken9Horst"]);
    assert_eq!(told(r#"x {"level":"info","db":{"password":"Falken9Horst"}}"#), ["Falken9Horst"]);
    // What was written with escapes stands there as it was written.
    assert_eq!(told(r#"{"password":"Falken\"9Horst\""}"#), [r#"Falken\"9Horst\""#]);
    // What is encoded stands where the encoded piece does.
    let inner = base64("db_password: Falken9Horst\n");
    assert_eq!(told(&format!("config {inner} read")), [inner.as_str()]);
    assert_eq!(told(&format!(r#"{{"a":"b","config":"{inner}"}}"#)), [inner.as_str()]);
    let nested = json!({"body": json!({"password": "Falken9Horst"}).to_string()}).to_string();
    let body = r#"{\"password\":\"Falken9Horst\"}"#;
    assert_eq!(told(&nested), [body]);
    // A text within JSON that needs no escape: the value alone.
    assert_eq!(told(r#"{"url":"postgres://shop:Falken9Horst@db:5432/shop"}"#), ["Falken9Horst"]);
    assert_eq!(told(r#"{"args":["--password","Falken9Horst"]}"#), ["Falken9Horst"]);
}

#[test]
fn a_key_over_several_lines_is_one_value() {
    let lines =
        format!("a\n-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\nb\n", "MIIEvQIBADANBg\n".repeat(20));
    let key = Key::new(KEY);
    let hidden = Detector::standard().hidden(lines.as_bytes(), &key);
    let left = String::from_utf8(hidden.write(lines.as_bytes(), 0..lines.len(), &key)).unwrap();
    assert!(left.starts_with("a\nplimsoll:redacted:") && left.ends_with("\nb\n") && !left.contains("MIIE"), "{left}");
    // Each of its lines alone shows nothing either.
    let part = hidden.write(lines.as_bytes(), 40..60, &key);
    assert!(String::from_utf8(part).unwrap().starts_with("plimsoll:redacted:"));
}

#[test]
fn a_value_is_hidden_also_where_nothing_announces_it() {
    let lines = "password=Falken9Horst\nuser Falken9Horst came\n";
    let key = Key::new(KEY);
    let left = Detector::standard().hidden(lines.as_bytes(), &key).write(lines.as_bytes(), 0..lines.len(), &key);
    let token = format!("plimsoll:redacted:{}", key.digest(b"Falken9Horst"));
    assert_eq!(String::from_utf8(left).unwrap(), format!("password={token}\nuser {token} came\n"));
}

#[test]
fn bytes_that_are_no_text_hide_nothing_and_break_nothing() {
    let mut lines = b"\0\0\xff\xfe binary\npassword=Falken9Horst \xff\n\x1f\x8b\x08 gzip\n".to_vec();
    lines.extend_from_slice(b"apiVersion: v1\n{{ broken: [\n");
    let findings = Detector::standard().lines(&lines, None);
    assert_eq!(findings.found.len(), 1, "{findings:?}");
    let at = findings.found[0].at.unwrap();
    assert_eq!((&lines[at.from..at.to], findings.found[0].line), (&b"Falken9Horst"[..], 2));
}

/// Everything that must hold of lines, whatever they are.
fn holds(lines: &[u8]) -> Result<Findings, TestCaseError> {
    let (detector, key) = (Detector::standard(), Key::new(KEY));
    let findings = detector.lines(lines, Some(&key));
    let hidden = detector.hidden(lines, &key);
    // Each finding stands in the lines, and its bytes are hidden.
    for finding in &findings.found {
        let at = finding.at.ok_or_else(|| TestCaseError::fail("no place"))?;
        prop_assert!(at.from < at.to && at.to <= lines.len());
        if finding.kind != "replaced-before-writing" {
            prop_assert!(
                hidden.spans().iter().any(|span| span.from < at.to && at.from < span.to),
                "{:?} {:?}",
                at,
                hidden
            );
        }
    }
    // What is left, in pieces.
    let mut left: Vec<&[u8]> = Vec::new();
    let mut at = 0;
    for span in hidden.spans() {
        prop_assert!(span.from < span.to && (at < span.from || at == 0), "in order, none touching another");
        left.push(&lines[at..span.from]);
        at = span.to;
    }
    left.push(&lines[at..]);
    for finding in findings.found.iter().filter(|finding| finding.kind != "replaced-before-writing") {
        let value = finding.at.map(|at| &lines[at.from..at.to]).unwrap_or_default();
        let shown = |piece: &&[u8]| !value.is_empty() && piece.windows(value.len()).any(|part| part == value);
        let token = b"plimsoll:redacted:";
        // A digest that was there before is left, also when it is within what was found.
        prop_assert!(!left.iter().any(shown) || value.windows(token.len()).any(|part| part == token), "{:?}", finding);
    }
    // Nothing else is changed, and doing it again changes nothing.
    let written = hidden.write(lines, 0..lines.len(), &key);
    let mut expected: Vec<u8> = Vec::new();
    for (number, piece) in left.iter().enumerate() {
        expected.extend_from_slice(piece);
        if let Some(span) = hidden.spans().get(number) {
            expected
                .extend_from_slice(format!("plimsoll:redacted:{}", key.digest(&lines[span.from..span.to])).as_bytes());
        }
    }
    prop_assert_eq!(&written, &expected);
    let again = detector.hidden(&written, &key);
    prop_assert_eq!(again.spans(), &[], "{:?}", String::from_utf8_lossy(&written));
    let found_again = detector.lines(&written, Some(&key));
    let all_replaced = found_again.found.iter().all(|finding| finding.kind == "replaced-before-writing");
    prop_assert!(all_replaced, "{:?}", found_again);
    Ok(findings)
}

#[test]
fn it_holds_of_the_corpus() {
    let mut found = 0;
    for (name, text) in corpus() {
        found += holds(text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}")).found.len();
    }
    assert!(found > 80, "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn it_holds_of_any_lines(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        text in "[ -~\\n]{0,80}",
        value in "[A-Za-z0-9!+@:/\"\\\\]{4,24}",
        name in proptest::sample::select(vec!["password", "DB_PASSWORD", "API_TOKEN", "clientSecret", "--admin-token", "url"]),
        shape in 0..7,
        again in any::<bool>(),
    ) {
        let line = match shape {
            0 => format!("{text} {name}={value} {text}"),
            1 => json!({ name: value, "message": text }).to_string(),
            2 => json!({ "body": json!({ name: value }).to_string() }).to_string(),
            3 => format!("{text} {}", base64(&format!("{text}\n{name}={value}\n{text}"))),
            4 => format!("{name}: https://u:{value}@h.test/{text}"),
            5 => format!("{name}=plimsoll:redacted:00112233445566778899aabbccddeeff{value}"),
            _ => json!({ "env": [{"name": name, "value": value}], "args": [name, value] }).to_string(),
        };
        let mut lines = bytes.clone();
        lines.extend_from_slice(line.as_bytes());
        if again {
            lines.extend_from_slice(&bytes);
            lines.extend_from_slice(value.as_bytes());
        }
        holds(&lines)?;
    }

    #[test]
    fn what_is_found_in_a_file_of_text_is_found_in_lines(
        before in "[ -~]{0,40}", value in "[A-Za-z0-9!+]{6,30}",
        name in proptest::sample::select(vec!["DB_PASSWORD", "API_TOKEN", "clientSecret", "api-key", "x.pass"]),
    ) {
        let text = format!("{before}\nx {name}={value} y\n");
        let count = |findings: Findings| findings.found.iter().filter(|f| f.kind != "replaced-before-writing").count();
        let detector = Detector::standard();
        prop_assert_eq!(count(detector.lines(text.as_bytes(), None)), count(detector.text(text.as_bytes(), None)));
    }
}

#[test]
fn a_huge_line_ends() {
    let mut line = vec![b'a'; 3 << 20];
    line.extend_from_slice(b" password=Falken9Horst ");
    line.extend_from_slice(&b"{\"password\":".repeat(100_000));
    let detector = Detector::standard();
    let findings = detector.lines(&line, None);
    assert!(!findings.found.is_empty());
    let _ = detector.hidden(&line, &Key::new(KEY));
}
