//! Credentials in plain text over time.

use plaintext::Key;
use serde_json::json;

use crate::story::{Story, history, span};

type Told = ((f64, Option<f64>), String, bool);

fn told(story: &Story) -> Vec<Told> {
    let rows = story.told().plaintext_findings;
    rows.iter()
        .map(|r| (span(r.valid_from, r.valid_to), format!("{} {} {}", r.object, r.place, r.kind), r.of_template))
        .collect()
}

#[test]
fn a_finding_lasts_while_its_place_has_one() {
    let mut story = history();
    let map = |data: serde_json::Value| json!({"data": data});
    story
        .sees(1.0, "added", ("", "configmaps"), "shop/web", map(json!({"DB_PASSWORD": "Kolibri9Nest", "MODE": "a"})))
        .end();
    // Another value at the same place: still a credential there.
    story
        .sees(
            5.0,
            "modified",
            ("", "configmaps"),
            "shop/web",
            map(json!({"DB_PASSWORD": "Tukan9Schnabel", "MODE": "b"})),
        )
        .end();
    story.sees(9.0, "modified", ("", "configmaps"), "shop/web", map(json!({"DB_PASSWORD": "${DB_PASSWORD}"}))).end();
    story.sees(12.0, "modified", ("", "configmaps"), "shop/web", map(json!({"DB_PASSWORD": "Tukan9Schnabel"}))).end();
    let finding = "ConfigMap:shop/web data.DB_PASSWORD named-password".to_owned();
    assert_eq!(told(&story), [((1.0, Some(9.0)), finding.clone(), false), ((12.0, None), finding, false)]);
}

#[test]
fn what_stands_in_a_template_is_told_of_its_pods_as_such() {
    let spec = json!({"containers": [{"name": "web", "env": [{"name": "API_TOKEN", "value": "m4Tz9Wq2Lx7Kv0Rb"}]}]});
    let owner = json!([{"kind": "StatefulSet", "name": "web", "controller": true}]);
    let mut story = history();
    let set = json!({"spec": {"template": {"spec": spec}}});
    story.sees(1.0, "added", ("apps", "statefulsets"), "shop/web", set).end();
    let mut pod = json!({"metadata": {"ownerReferences": owner}, "spec": spec});
    story.sees(2.0, "added", ("", "pods"), "shop/web-0", pod.clone()).end();
    pod["spec"]["containers"][0]["args"] = json!(["--password", "Marder9Falle"]);
    story.sees(3.0, "added", ("", "pods"), "shop/web-1", pod).end();
    let of_templates: Vec<(String, bool)> = told(&story).into_iter().map(|(_, what, of)| (what, of)).collect();
    assert_eq!(
        of_templates,
        [
            ("Pod:shop/web-0 spec.containers[0].env[0].value named-token".to_owned(), true),
            ("Pod:shop/web-1 spec.containers[0].args[1] named-password".to_owned(), false),
            ("Pod:shop/web-1 spec.containers[0].env[0].value named-token".to_owned(), true),
            ("StatefulSet:shop/web spec.template.spec.containers[0].env[0].value named-token".to_owned(), false),
        ]
    );
}

#[test]
fn a_key_gives_digests_and_changes_nothing_else() {
    let mut story = history();
    let data = json!({"data": {"DB_PASSWORD": "Kolibri9Nest"}});
    story.sees(1.0, "added", ("", "configmaps"), "shop/web", data).end();
    let without = story.told().plaintext_findings;
    assert!(without[0].digest.is_none());
    let key = Key::new([5; 32]);
    story.digest_key(key.clone());
    let mut with = story.told().plaintext_findings;
    assert_eq!(with[0].digest.as_deref(), Some(key.digest(b"Kolibri9Nest").to_string().as_str()));
    with[0].digest = None;
    assert_eq!(with, without);
}
