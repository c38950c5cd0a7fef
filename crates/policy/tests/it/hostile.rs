//! Whatever comes in: nothing panics, answers are bounded, and more permission never comes from a stricter level.

use policy::check::{self, Content};
use policy::{PolicySet, Request, Verdict, evaluate, output, rules, trial};
use proptest::prelude::*;
use records::image::ImageReference;
use records::repository::RepositoryPattern;
use serde_json::{Value, json};

use crate::context;

/// Every rule, with the parameters of its page.
fn every_rule() -> PolicySet {
    let policies: String =
        rules::all().iter().map(|rule| format!("---\n{}", trial::yaml_under(rule.page, "Policy").unwrap())).collect();
    crate::set(&policies)
}

/// JSON that is more likely than not to have the names of a pod.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof!["\\PC{0,12}", "nginx", "Localhost", "ALL", "0", "/var/log"].prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "metadata",
        "spec",
        "template",
        "containers",
        "initContainers",
        "securityContext",
        "privileged",
        "volumes",
        "hostPath",
        "path",
        "name",
        "image",
        "ports",
        "hostPort",
        "resources",
        "limits",
        "memory",
        "annotations",
        "runAsUser",
        "capabilities",
        "add",
        "x",
    ])
    .prop_map(str::to_owned)
}

/// A pod of the right form, with and without each of what the standards look at.
fn pod() -> impl Strategy<Value = Value> {
    let context = (any::<Option<bool>>(), any::<Option<bool>>(), any::<Option<bool>>(), 0..3_i64).prop_map(|(a, b, c, user)| {
        json!({"privileged": a, "allowPrivilegeEscalation": b, "runAsNonRoot": c, "runAsUser": user,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}, "seccompProfile": {"type": "RuntimeDefault"}})
    });
    let containers =
        prop::collection::vec(context.prop_map(|c| json!({"name": "a", "image": "nginx", "securityContext": c})), 0..4);
    (containers, any::<Option<bool>>(), any::<bool>()).prop_map(|(containers, users, windows)| {
        let os = if windows { json!({"name": "windows"}) } else { Value::Null };
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers, "hostUsers": users, "os": os}})
    })
}

proptest! {
    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Request::from_review(&bytes);
        let set = PolicySet::load([]).with_pod_security("restricted".parse().unwrap());
        let checked = check::file(&set, "f", &bytes, Content::Either, &context());
        let _ = (output::table(&checked), output::json(&checked), output::junit(&checked), output::sarif(&checked, "0"));
    }

    #[test]
    fn any_text_is_no_panic_as_yaml_or_policies(text in "[a-z:\\-\\[\\]{}&*!|>'\"#%? \n]{0,120}") {
        let _ = policy::manifest::read(text.as_bytes());
        let _ = PolicySet::load([("f", text.as_str())]);
    }

    #[test]
    fn any_object_is_judged_within_bounds(mut object in value(), kind in prop::sample::select(vec!["Pod", "Deployment", "CronJob", "PodTemplate"])) {
        if let Value::Object(fields) = &mut object {
            let group = match kind { "Deployment" => "apps/v1", "CronJob" => "batch/v1", _ => "v1" };
            fields.insert("apiVersion".into(), group.into());
            fields.insert("kind".into(), kind.into());
            let set = every_rule();
            let decision = evaluate(&set, &Request::from_manifest(&object).unwrap(), &context());
            prop_assert!(decision.violations.len() <= 32 * 40);
            for violation in &decision.violations {
                prop_assert!(violation.message.starts_with(&violation.path) && violation.message.len() < 4096, "{}", violation.message);
            }
        }
    }

    #[test]
    fn a_stricter_level_refuses_at_least_as_much(pod in pod(), minor in 0..40_u32) {
        let verdict = |level: &str| {
            let set = PolicySet::load([]).with_pod_security(format!("{level}:v1.{minor}").parse().unwrap());
            evaluate(&set, &Request::from_manifest(&pod).unwrap(), &context()).verdict
        };
        prop_assert!(verdict("baseline") <= verdict("restricted"));
        prop_assert_eq!(verdict("privileged"), Verdict::Allow);
    }

    #[test]
    fn a_decision_is_the_same_every_time(pod in pod()) {
        let set = every_rule();
        let request = Request::from_manifest(&pod).unwrap();
        prop_assert_eq!(evaluate(&set, &request, &context()), evaluate(&set, &request, &context()));
    }

    #[test]
    fn image_references_and_patterns_are_no_panic(image in "[a-zA-Z0-9.:/@_*\\-\\[\\]]{0,60}", pattern in "[a-z.:/*]{0,30}") {
        let reference = ImageReference::parse(&image);
        if let (Some(reference), Ok(pattern)) = (reference, RepositoryPattern::parse(&pattern)) {
            let _ = pattern.covers(&reference);
        }
    }

    #[test]
    fn a_repository_is_covered_by_its_own_name_and_by_what_is_above_it(
        host in "[a-z]{1,5}\\.[a-z]{2,3}(:[1-9][0-9]{0,3})?", path in prop::collection::vec("[a-z0-9]{1,6}", 1..4)
    ) {
        let image = format!("{host}/{}", path.join("/"));
        let reference = ImageReference::parse(&image).unwrap();
        let covers = |pattern: &str| RepositoryPattern::parse(pattern).unwrap().covers(&reference);
        let own = format!("{}/{}", reference.registry, reference.repository);
        prop_assert!(covers(&own));
        let all_of_host = format!("{host}/**");
        let one_more = format!("{image}/**");
        prop_assert!(covers(&all_of_host));
        prop_assert!(!covers(&one_more));
    }
}

proptest! {
    #[test]
    fn any_text_is_no_panic_as_a_users_policy(spec in "[a-z:\\-\\[\\]{}&*!|>'\"#%?. \n]{0,120}", member in "[a-zA-Z]{1,14}") {
        for kind in ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] {
            let text = format!("apiVersion: admissionregistration.k8s.io/v1\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n  {member}: {spec}\n");
            let set = PolicySet::load([("f", text.as_str())]);
            for fault in set.faults() {
                prop_assert!((1..=text.lines().count() + 1).contains(&fault.line) && fault.column > 0, "{}", fault);
            }
            let _ = check::file(&set, "f", text.as_bytes(), Content::Either, &context());
        }
    }
}

#[test]
fn thousands_of_containers_give_a_small_decision() {
    let containers: Vec<_> =
        (0..5_000).map(|n| json!({"name": format!("c{n}"), "securityContext": {"privileged": true}})).collect();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}});
    let decision = evaluate(&every_rule(), &Request::from_manifest(&pod).unwrap(), &context());
    assert_eq!(decision.verdict, Verdict::Deny);
    assert!(
        decision.violations.len() < 1_000 && decision.omitted > 5_000,
        "{} {}",
        decision.violations.len(),
        decision.omitted
    );
}
