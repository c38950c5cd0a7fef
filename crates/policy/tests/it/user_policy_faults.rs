//! Policies in Kubernetes' form as people write them wrongly, and what a set with them is called by.

use policy::PolicySet;

use crate::user_policies::{binding, policy};

const DENY: &str = "validationActions: [Deny]";
const NEVER: &str = "  validations: [{expression: 'false', message: never}]";

#[test]
fn faults_have_places_and_take_nothing_else_down() {
    let good = crate::policy("no-privileged", "");
    let with_parameters = policy(&format!("  paramKind: {{apiVersion: v1, kind: ConfigMap}}\n{NEVER}"));
    let parameter = |metadata: &str| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n");
    let mut told = String::new();
    for text in [
        policy("  validations:\n  - expression: objekt.x == 1\n"),
        format!("{}{}", policy("  validations:\n  - expresion: 'true'\n"), binding(DENY)),
        policy(NEVER),
        binding(DENY),
        format!("{}{}", policy(NEVER), binding("validationActions: [Deny, Warn]")),
        format!("{}{}{}", policy(NEVER), binding(DENY), binding(DENY)),
        policy(NEVER).replace("name: p", "name: no-privileged"),
        policy(NEVER).replace("io/v1", "io/v1beta1"),
        format!("apiVersion: v1\nkind: List\nitems:\n- {}", policy("  validations: [{expression: objekt}]").trim_start_matches("---\n").replace('\n', "\n  ")),
        format!("{with_parameters}{}{}", binding(DENY), parameter("{name: limits}")),
        format!("{with_parameters}{}{}", binding(DENY), parameter("{namespace: shop}")),
        format!("{with_parameters}{0}{1}{1}", binding(DENY), parameter("{name: limits, namespace: shop}")),
        format!("{}{}{}", policy(NEVER), binding(DENY), parameter("{name: limits, namespace: shop}")),
        "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {name: k}\nspec:\n  matchConstraints:\n    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]\n  validations:\n  - expression: http.Get('http://example.com').ok\n".to_owned(),
        "apiVersion: policies.kyverno.io/v1\nkind: MutatingPolicy\nmetadata: {name: k}\n".to_owned(),
    ] {
        let set = PolicySet::load([("good.yaml", good.as_str()), ("bad.yaml", text.as_str())]);
        assert_eq!(set.policies().len(), 1, "{text}");
        assert!(!set.faults().is_empty(), "{text}");
        for fault in set.faults() {
            told.push_str(&format!("{fault}\n"));
        }
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}

#[test]
fn places_are_those_of_the_file_wherever_the_document_is() {
    let bad = policy("  validations:\n  - expression: objekt.x == 1");
    let place = |text: &str| PolicySet::load([("f", text)]).faults()[0].clone();
    let alone = place(&bad);
    assert_eq!((alone.line, alone.column), (10, 17));
    let later = place(&format!("---\n# nothing\n---\n{}{bad}", crate::policy("no-privileged", "")));
    let before = format!("---\n# nothing\n---\n{}", crate::policy("no-privileged", "")).lines().count();
    assert_eq!((later.line, later.column), (before + 10, 17));
    let windows = place(&bad.replace('\n', "\r\n"));
    assert_eq!((windows.line, windows.column), (10, 17));
    let json = crate::json(bad.trim_start_matches("---\n"));
    assert_eq!(place(&format!("\n\n{json}")).line, 3);
}

#[test]
fn lists_and_json_are_policies_as_well() {
    let never = crate::json(policy(NEVER).trim_start_matches("---\n"));
    let bound = crate::json(binding(DENY).trim_start_matches("---\n"));
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [never, bound]});
    let plain = crate::set(&format!("{}{}", policy(NEVER), binding(DENY)));
    for text in [format!("{never}\n{bound}\n"), list.to_string(), format!("--- {never}\n--- {bound}\n")] {
        let set = crate::set(&text);
        assert_eq!(set.user_policies().policies().len(), 1, "{text}");
        assert_eq!(set.digest(), plain.digest(), "{text}");
    }
}

#[test]
fn user_policies_and_their_parameters_are_part_of_the_digest() {
    let with_parameters = policy(&format!("  paramKind: {{apiVersion: v1, kind: ConfigMap}}\n{NEVER}"));
    let parameter =
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: limits, namespace: shop}\ndata: {most: '5'}\n";
    let bound = binding(&format!("{DENY}, paramRef: {{name: limits, parameterNotFoundAction: Deny}}"));
    let one = crate::set(&format!("{with_parameters}{bound}{parameter}"));
    let same = PolicySet::load([("z", parameter), ("y", bound.as_str()), ("a", with_parameters.as_str())]);
    assert_eq!(one.digest(), same.digest(), "files and order are not part of it");
    let mut digests = vec![one.digest().to_owned()];
    for other in [
        format!("{with_parameters}{bound}{}", parameter.replace('5', "6")),
        format!("{with_parameters}{bound}"),
        format!("{with_parameters}{}{parameter}", bound.replace("[Deny]", "[Warn]")),
        format!("{}{bound}{parameter}", with_parameters.replace("never", "not ever")),
    ] {
        digests.push(crate::set(&other).digest().to_owned());
    }
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 5);
    // A vector: records of decisions name sets by this digest.
    insta::assert_snapshot!(one.canonical());
}

#[test]
fn a_level_beside_the_files_does_not_take_a_name_that_is_there() {
    let taken = policy(NEVER).replace("name: p", "name: pod-security");
    let set = crate::set(&format!("{taken}{}", binding(DENY).replace("policyName: p,", "policyName: pod-security,")));
    assert_eq!(set.with_pod_security("baseline".parse().unwrap()).faults().len(), 1);
}
