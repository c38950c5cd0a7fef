//! Who can do something, what somebody can do, and what changed between two states.

use std::collections::BTreeSet;

use records::access::{AccessChange, HeldRule};

use super::authorizer::Request;
use super::rules::Rule;
use super::state::{Grant, Scope, State};
use super::subject::{MASTERS, Subject};

/// All who may make this request by RBAC, in order, each with every rule that gives it; the group `system:masters`, which needs none, first. A request
/// for a resource in no namespace is one to all namespaces. Members of groups are not told one by one, for they are not known; rights of kubelets
/// by the Node authorizer are not among them.
#[must_use]
pub fn who_can(state: &State, request: &Request<'_>) -> Vec<HeldRule> {
    let mut found = BTreeSet::new();
    for (binding, role) in state.bindings() {
        let Some(role) = role.filter(|_| Scope::of(binding).holds_in(request.namespace())) else { continue };
        for subject in &binding.subjects {
            let grants = super::authorizer::grants(binding, role, subject);
            found.extend(grants.filter(|grant| grant.rule.allows_request(request)).map(|grant| held(subject, &grant)));
        }
    }
    let masters = masters();
    found.remove(&masters);
    std::iter::once(masters).chain(found).collect()
}

/// Every rule that a subject holds by its own name and by the groups that it is in by what it is.
#[must_use]
pub fn what_can(state: &State, subject: &Subject) -> Vec<HeldRule> {
    let rules: BTreeSet<HeldRule> = state.grants_of(subject).map(|grant| held(subject, &grant)).collect();
    let everything = (*subject == Subject::Group(MASTERS.to_owned())).then(masters);
    everything.into_iter().chain(rules).collect()
}

/// The rules that subjects hold by bindings of their own in one of the two states only: first what went, then what came, in order.
#[must_use]
pub fn diff(before: &State, after: &State) -> Vec<AccessChange> {
    let held = |state: &State| -> BTreeSet<HeldRule> {
        let subjects = state.subjects().into_iter();
        subjects.flat_map(|subject| state.own_grants_of(subject).map(move |grant| held(subject, &grant))).collect()
    };
    let (before, after) = (held(before), held(after));
    let went = before.difference(&after).map(|held| AccessChange { added: false, held: held.clone() });
    let came = after.difference(&before).map(|held| AccessChange { added: true, held: held.clone() });
    went.chain(came).collect()
}

fn masters() -> HeldRule {
    let subject = Subject::Group(MASTERS.to_owned()).to_string();
    HeldRule {
        through: subject.clone(),
        subject,
        namespace: None,
        permission: "everything".to_owned(),
        binding: String::new(),
        role: String::new(),
    }
}

fn held(subject: &Subject, grant: &Grant<'_>) -> HeldRule {
    HeldRule {
        subject: subject.to_string(),
        namespace: grant.scope.namespace().map(str::to_owned),
        permission: permission(grant.rule),
        binding: grant.binding.label(),
        role: grant.role.label(),
        through: grant.through.to_string(),
    }
}

/// A rule in one line: verbs, then resources with their group behind a dot, names, paths.
#[must_use]
pub fn permission(rule: &Rule) -> String {
    let mut resources = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            resources.push(qualified(group, resource));
        }
    }
    let mut text = rule.verbs.join(",");
    if !resources.is_empty() {
        text.push_str(&format!(" {}", resources.join(",")));
    }
    if !rule.non_resource_urls.is_empty() {
        text.push_str(&format!(" {}", rule.non_resource_urls.join(",")));
    }
    if !rule.resource_names.is_empty() {
        text.push_str(&format!(" named {}", rule.resource_names.join(",")));
    }
    text
}

/// `resource.group/subresource`; a resource of the core group has no group behind it.
#[must_use]
pub fn qualified(group: &str, resource: &str) -> String {
    match (group, resource.split_once('/')) {
        ("", _) => resource.to_owned(),
        (group, None) => format!("{resource}.{group}"),
        (group, Some((resource, subresource))) => format!("{resource}.{group}/{subresource}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::rbac::authorizer::Resource;
    use crate::snapshot::{Object, Place};

    fn state(verbs: &Value, users: &[&str]) -> State {
        let subjects: Vec<Value> = users.iter().map(|name| json!({"kind": "User", "name": name})).collect();
        let api = "rbac.authorization.k8s.io/v1";
        let objects = [
            json!({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": "deployer"},
                "rules": [{"verbs": verbs, "apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"]}]}),
            json!({"apiVersion": api, "kind": "RoleBinding", "metadata": {"name": "b", "namespace": "shop"},
                "roleRef": {"kind": "ClusterRole", "name": "deployer"}, "subjects": subjects}),
        ];
        State::of(&objects.into_iter().map(|o| Object::from_json(o, Place::default()).unwrap()).collect())
    }

    fn asked(namespace: &'static str) -> Request<'static> {
        let resource =
            Resource { group: "apps", resource: "deployments", namespace, name: "web", ..Resource::default() };
        Request::resource("patch", resource)
    }

    #[test]
    fn all_who_hold_a_rule_are_told_with_it() {
        let state = state(&json!(["get", "patch"]), &["alice", "bob"]);
        let shown =
            |rows: &[HeldRule]| rows.iter().map(|r| format!("{} {}", r.subject, r.permission)).collect::<Vec<_>>();
        assert_eq!(
            shown(&who_can(&state, &asked("shop"))),
            [
                "Group:system:masters everything",
                "User:alice get,patch deployments.apps,deployments.apps/scale",
                "User:bob get,patch deployments.apps,deployments.apps/scale",
            ]
        );
        assert_eq!(shown(&who_can(&state, &asked("other"))), ["Group:system:masters everything"]);
        let alice = Subject::User("alice".to_owned());
        assert_eq!(what_can(&state, &alice), who_can(&state, &asked("shop"))[1..2]);
        assert!(what_can(&state, &Subject::User("eve".to_owned())).is_empty());
    }

    #[test]
    fn a_difference_tells_what_went_and_what_came() {
        let before = state(&json!(["get"]), &["alice", "bob"]);
        let after = state(&json!(["get"]), &["bob", "carol"]);
        let shown: Vec<_> = diff(&before, &after).into_iter().map(|c| (c.added, c.held.subject)).collect();
        assert_eq!(shown, [(false, "User:alice".to_owned()), (true, "User:carol".to_owned())]);
        assert!(diff(&before, &before).is_empty());
        let wider = state(&json!(["get", "patch"]), &["alice", "bob"]);
        assert_eq!(diff(&before, &wider).len(), 4);
    }
}
