//! No output holds a value, whatever the form that the value was in.

use plaintext::{Detector, Findings, Key};
use proptest::prelude::*;
use serde_json::json;

use crate::corpus::{base64, corpus};

/// Every text that findings can be shown as.
fn shown(findings: &Findings) -> String {
    let mut text = format!("{findings:?} {findings:#?}");
    for finding in &findings.found {
        text.push_str(&format!("{},{},{},{}", finding.document, finding.line, finding.path, finding.kind));
        text.extend(finding.digest.map(|digest| digest.to_string()));
    }
    text
}

/// The invented passwords of the corpus: a word, a nine, a word.
fn planted(text: &str) -> Vec<String> {
    let word = |c: char| c.is_ascii_alphanumeric();
    text.split(|c| !word(c))
        .filter(|t| t.len() > 6 && t.contains('9') && t.starts_with(char::is_uppercase))
        .map(str::to_owned)
        .collect()
}

#[test]
fn nothing_that_is_shown_holds_a_value_of_the_corpus() {
    let key = Key::new([3; 32]);
    let mut values = 0;
    for (name, text) in corpus() {
        let findings = Detector::standard().file(&name, text.as_bytes(), Some(&key));
        let shown = shown(&findings);
        for value in planted(&text) {
            values += 1;
            assert!(!shown.contains(&value) && !shown.contains(&base64(&value)), "{name} shows {value}");
        }
    }
    assert!(values > 60, "{values}");
}

#[test]
fn keys_that_are_values_are_hidden_in_paths() {
    let value = "Zx9Planted-Value7";
    let document = json!({
        "stringMap": { value: {"password": value} },
        "auths": { format!("https://robot:{value}@registry.shop.test/"): {"auth": base64(&format!("robot:{value}"))} },
        value: [{"name": "DB_PASSWORD", "value": value}],
    });
    let findings = Detector::standard().json(document.to_string().as_bytes(), Some(&Key::new([3; 32])));
    assert!(findings.found.len() >= 3, "{findings:?}");
    assert!(!shown(&findings).contains(value), "{findings:?}");
    assert!(findings.found.iter().any(|finding| finding.path.contains("***")));
}

#[test]
fn equal_values_have_equal_digests_wherever_they_stand() {
    let key = Key::new([3; 32]);
    let value = "Hecht9Weiher!";
    let found = |name: &str, text: &str| {
        let findings = Detector::standard().file(name, text.as_bytes(), Some(&key));
        assert_eq!(findings.found.len(), 1, "{name} {text} {findings:?}");
        findings.found[0].digest.unwrap()
    };
    let digest = key.digest(value.as_bytes());
    assert_eq!(found("a.env", &format!("DB_PASSWORD={value}\n")), digest);
    assert_eq!(found("a.yaml", &format!("password: '{value}'\n")), digest);
    assert_eq!(found("a.json", &json!({"args": ["--password", value]}).to_string()), digest);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"x": base64(value)}});
    assert_eq!(found("a.json", &secret.to_string()), digest);
    assert_eq!(found("a.log", &format!("password=\"{value}\"")), digest);
    assert!(Detector::standard().text(format!("password=\"{value}\"").as_bytes(), None).found[0].digest.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_bytes_end_within_the_bounds_and_show_no_value(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        text in "[ -~\\n]{0,200}",
        name in prop_oneof![Just("a.yaml"), Just("a.json"), Just("a.env"), Just("a.go"), Just(".pgpass"), Just("")],
    ) {
        let (detector, key) = (Detector::standard(), Key::new([9; 32]));
        let _ = detector.file(name, &bytes, Some(&key));
        let _ = detector.json(&bytes, Some(&key));
        let value = "Zx9PlantedValueQq7";
        // The drawn text as neighbour, name and surroundings of a value.
        for document in [
            format!("{text}\npassword: {value}\n{text}"),
            json!({ text.clone(): { "password": value }, "x": text, "data": { "password": value, text.clone(): [value] } }).to_string(),
            json!({"x": format!("{text} password={value} {text}")}).to_string(),
            json!({"x": base64(&format!("{text}\npassword={value}\n{text}"))}).to_string(),
        ] {
            let findings = detector.file(name, document.as_bytes(), Some(&key));
            prop_assert!(!shown(&findings).contains(value), "{:?}", findings);
            prop_assert!(findings.found.len() <= plaintext::MOST_FINDINGS);
            let findings = detector.json(document.as_bytes(), Some(&key));
            prop_assert!(!shown(&findings).contains(value), "{:?}", findings);
        }
    }

    #[test]
    fn what_is_found_in_json_was_suspected(
        value in "[A-Za-z0-9!+]{6,30}",
        name in proptest::sample::select(vec!["DB_PASSWORD", "API_TOKEN", "clientSecret", "api-key", "--admin-token", "x.pass", "auth", "AUTH_SALT"]),
        depth in 0usize..3,
        shape in 0..5,
    ) {
        let mut value = match shape {
            0 => json!({"env": [{"name": name, "value": value}]}),
            1 => json!({"env": [{"a": 1, "value": value, "z": {"name": "x"}, "name": name}]}),
            2 => json!({"args": ["run", name, value]}),
            3 => json!({"text": format!("x\n{name}={value}\ny")}),
            _ => json!({"a": {name: value}}),
        };
        for _ in 0..depth {
            value = json!({"nested": value.to_string()});
        }
        let text = value.to_string();
        let detector = Detector::standard();
        // What is found in the file, where nothing is suspected beforehand, must have been suspected.
        if !detector.file("a.json", text.as_bytes(), None).found.is_empty() {
            prop_assert!(detector.suspects(text.as_bytes()), "{}", text);
        }
    }
}
