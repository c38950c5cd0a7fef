//! Credentials in plain text in audit events.

use crate::table::Lines;

#[test]
fn an_event_with_credentials_gives_a_row_for_each_and_no_value() {
    let event = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"a-1","stage":"ResponseComplete","requestURI":"/x","verb":"create","user":{"username":"ann"},"requestObject":{"kind":"Pod","spec":{"containers":[{"args":["--token","k3Vx8Qm2Zr7Lw1Tb"],"env":[{"name":"DB_PASSWORD","value":"Falken9Horst"}]}]}},"stageTimestamp":"2026-11-23T09:00:00.000000Z"}"#;
    let rows = Lines::of("prod/audit/api-1", event.as_bytes());
    let of_table: Vec<&str> = rows.split("plaintext_in_logs").collect();
    assert_eq!(of_table.len(), 3, "{rows}");
    assert!(rows.contains("requestObject.spec.containers[0].args[1]") && rows.contains("named-token"));
    assert!(!rows.contains("Falken9Horst") && !rows.contains("k3Vx8Qm2Zr7Lw1Tb"));
}

#[test]
fn an_event_full_of_them_gives_as_many_rows_as_are_kept() {
    let many: Vec<String> = (0..200).map(|n| format!(r#""password{n}x":{{"password":"Falken{n}Horst"}}"#)).collect();
    let event = format!(
        r#"{{"auditID":"a-1","stage":"Panic","verb":"get","requestURI":"/x","requestObject":{{{}}}}}"#,
        many.join(",")
    );
    let rows = Lines::of("prod/audit/api-1", event.as_bytes());
    assert_eq!(rows.split("plaintext_in_logs").count() - 1, 64);
    assert!(rows.contains("136"), "the last says how many more there were");
}

#[test]
fn rules_that_are_given_find_what_they_say() {
    let event = r#"{"auditID":"a-1","stage":"Panic","verb":"get","requestURI":"/x","requestObject":{"a":"use acme_k3v8qm2zr7 here"}}"#;
    let text = "[[rules]]\nid = 'acme-token'\nregex = 'acme_([a-z0-9]{10})'\nkeywords = ['acme_']\n";
    let file = plaintext::RuleFile { name: "acme.toml".to_owned(), text: text.to_owned() };
    let (search, _) = plaintext::Search::given(plaintext::GivenRules { files: vec![file], instead: false }).unwrap();
    assert!(!Lines::of("prod/audit/api-1", event.as_bytes()).contains("plaintext_in_logs"));
    let rows = Lines::searched("prod/audit/api-1", event.as_bytes(), &search);
    assert!(rows.contains("plaintext_in_logs") && rows.contains("acme-token") && !rows.contains("acme_k3v"), "{rows}");
}
