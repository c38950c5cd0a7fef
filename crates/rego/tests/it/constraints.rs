//! Which requests constraints are for.

use rego::{Action, Namespace};
use serde_json::{Value, json};

use crate::{constraint, creation, judge, load, module, template};

/// How often a constraint with this match is for a request, and whether that had to be assumed.
fn matched(of: &Value, request: &Value, namespace: Namespace<'_>) -> Option<bool> {
    let documents = [template(&module("msg := \"x\""), &[]), constraint(&json!({"match": of}))];
    let loaded = load(&documents);
    assert_eq!(loaded.refusals, [], "{of}");
    judge(&loaded.policies, request, namespace).first().map(|decision| decision.assumed)
}

const YES: Option<bool> = Some(false);
const ASSUMED: Option<bool> = Some(true);
const NO: Option<bool> = None;

#[test]
fn a_match_is_that_of_gatekeeper() {
    let labels = json!({"stage": "production", "kubernetes.io/metadata.name": "shop"});
    let known = Namespace::Known { name: "shop", labels: Some(&labels) };
    let unknown = Namespace::Unknown(Some("shop"));
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generateName": "web-", "namespace": "shop"}});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "labels": {"stage": "production"}}});
    let stage = |value: &str| json!({"namespaceSelector": {"matchLabels": {"stage": value}}});
    for (of, object, place, expected) in [
        (json!({}), &pod, known, YES),
        (json!({"kinds": [{"apiGroups": ["*"], "kinds": ["*"]}]}), &deployment, known, YES),
        (json!({"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}), &pod, known, YES),
        (json!({"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}), &deployment, known, NO),
        (
            json!({"kinds": [{"apiGroups": ["apps"], "kinds": ["Pod"]}, {"kinds": ["Deployment"]}]}),
            &deployment,
            known,
            YES,
        ),
        (json!({"kinds": [{"apiGroups": ["apps"]}]}), &deployment, known, YES),
        (json!({"scope": "Namespaced"}), &pod, known, YES),
        (json!({"scope": "Cluster"}), &pod, known, NO),
        (json!({"scope": "Cluster"}), &node, Namespace::None, YES),
        (json!({"scope": "Namespaced"}), &node, Namespace::None, NO),
        (json!({"scope": "Cluster"}), &namespace, Namespace::None, YES),
        (json!({"scope": "Namespaced"}), &namespace, Namespace::None, NO),
        (json!({"scope": "Namespaced"}), &node, Namespace::Undecided, ASSUMED),
        (json!({"namespaces": ["shop"]}), &pod, unknown, YES),
        (json!({"namespaces": ["sh*"]}), &pod, known, YES),
        (json!({"namespaces": ["*op"]}), &pod, known, YES),
        (json!({"namespaces": ["*ho*"]}), &pod, known, YES),
        (json!({"namespaces": ["other"]}), &pod, known, NO),
        (json!({"namespaces": ["other"]}), &node, Namespace::None, YES),
        (json!({"namespaces": ["kube-*"]}), &namespace, Namespace::None, YES),
        (json!({"namespaces": ["other"]}), &namespace, Namespace::None, NO),
        (json!({"namespaces": ["other"]}), &pod, Namespace::Unknown(None), ASSUMED),
        (json!({"excludedNamespaces": ["sh*"]}), &pod, known, NO),
        (json!({"excludedNamespaces": ["other"]}), &pod, known, YES),
        (json!({"excludedNamespaces": ["*"]}), &node, Namespace::None, YES),
        (json!({"excludedNamespaces": ["kube-system"]}), &namespace, Namespace::None, NO),
        (json!({"labelSelector": {"matchLabels": {"app": "web"}}}), &pod, known, YES),
        (json!({"labelSelector": {"matchLabels": {"app": "db"}}}), &pod, known, NO),
        (
            json!({"labelSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}}),
            &deployment,
            known,
            YES,
        ),
        (
            json!({"labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}),
            &deployment,
            known,
            NO,
        ),
        (
            json!({"labelSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}),
            &deployment,
            known,
            YES,
        ),
        (stage("production"), &pod, known, YES),
        (stage("trial"), &pod, known, NO),
        (stage("production"), &pod, unknown, ASSUMED),
        (stage("trial"), &node, Namespace::None, YES),
        (stage("production"), &namespace, Namespace::None, YES),
        (stage("trial"), &namespace, Namespace::None, NO),
        (json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}), &pod, unknown, YES),
        (json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}), &pod, unknown, NO),
        (json!({"name": "web-*"}), &pod, known, YES),
        (json!({"name": "web-*"}), &deployment, known, YES),
        (json!({"name": "*-1"}), &deployment, known, NO),
        (json!({"name": "db"}), &pod, known, NO),
        (json!({"source": "Original"}), &pod, known, YES),
        (json!({"source": "All"}), &pod, known, YES),
        // What is not for it by kind is not, whatever is unknown.
        (json!({"kinds": [{"kinds": ["Service"]}], "namespaces": ["other"]}), &pod, Namespace::Undecided, NO),
        (json!({"namespaces": ["other"], "scope": "Namespaced"}), &pod, Namespace::Undecided, ASSUMED),
    ] {
        assert_eq!(matched(&of, &creation(object), place), expected, "{of} {object}");
    }
}

#[test]
fn the_object_before_matches_as_well() {
    let object = |app: &str| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "n", "labels": {"app": app}}});
    let mut request = creation(&object("new"));
    request["operation"] = json!("UPDATE");
    request["oldObject"] = object("old");
    for (app, expected) in [("new", YES), ("old", YES), ("other", NO)] {
        let of = json!({"labelSelector": {"matchLabels": {"app": app}}});
        assert_eq!(matched(&of, &request, Namespace::Unknown(Some("n"))), expected, "{app}");
    }
}

#[test]
fn the_strictest_action_of_the_webhook_counts() {
    let scoped = |actions: Value| json!({"enforcementAction": "scoped", "scopedEnforcementActions": actions});
    let webhook = json!([{"name": "validation.gatekeeper.sh"}]);
    let audit = json!([{"name": "audit.gatekeeper.sh"}, {"name": "vap.k8s.io"}]);
    for (spec, expected) in [
        (json!({}), Action::Deny),
        (json!({"enforcementAction": "warn"}), Action::Warn),
        (json!({"enforcementAction": "dryrun"}), Action::DryRun),
        (
            scoped(
                json!([{"action": "warn", "enforcementPoints": webhook}, {"action": "deny", "enforcementPoints": audit}]),
            ),
            Action::Warn,
        ),
        (
            scoped(
                json!([{"action": "warn", "enforcementPoints": webhook}, {"action": "deny", "enforcementPoints": [{"name": "*"}]}]),
            ),
            Action::Deny,
        ),
    ] {
        let documents = [template(&module("msg := \"x\""), &[]), constraint(&spec)];
        let loaded = load(&documents);
        assert_eq!(loaded.refusals, [], "{spec}");
        let found = loaded.policies.governed()[0].constraints().next().unwrap().action();
        assert_eq!(found, expected, "{spec}");
    }
}

#[test]
fn templates_and_constraints_belong_together() {
    let one = template(&module("msg := \"x\""), &[]);
    let told = |documents: &[Value]| {
        let loaded = load(documents);
        let refusals: Vec<_> = loaded.refusals.iter().map(|(number, refusal)| format!("{number} {refusal}")).collect();
        (loaded.taken.len(), refusals)
    };
    assert_eq!(told(&[one.clone(), constraint(&json!({}))]), (2, vec![]));
    assert_eq!(
        told(std::slice::from_ref(&one)).1,
        ["0 metadata.name: there is no constraint of the kind Probe here, so that the template holds nowhere"]
    );
    assert_eq!(
        told(&[constraint(&json!({}))]).1,
        ["0 kind: there is no ConstraintTemplate of the kind \"Probe\" here"]
    );
    let (taken, refusals) = told(&[one.clone(), constraint(&json!({})), one.clone(), constraint(&json!({}))]);
    assert_eq!((taken, refusals.len()), (2, 2), "{refusals:?}");
    let broken = template("package probe", &[]);
    assert_eq!(told(&[broken, constraint(&json!({}))]).1[1], "1 kind: the template of the kind Probe is not taken");
}
