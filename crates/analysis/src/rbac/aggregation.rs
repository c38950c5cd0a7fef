//! Aggregated ClusterRoles, filled as the controller of `clusterrole-aggregation` fills them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::role::Role;
use super::rules::Rule;

/// Roles by namespace (`None` for ClusterRoles) and name.
pub(crate) type Roles = BTreeMap<(Option<String>, String), Role>;

/// Gives each aggregated ClusterRole without rules the rules of those that its selectors find, in order of their names, each rule once.
///
/// An aggregated role may be found by another one (`edit` is part of `admin`): the controller goes on until nothing changes, which gives
/// all rules that can be reached. One that has rules is taken as it stands, since these are what the authorizer uses.
pub(crate) fn fill(roles: &mut Roles) {
    let empty: Vec<(Option<String>, String)> = roles
        .iter()
        .filter(|(_, role)| role.aggregation.is_some() && role.rules.is_empty())
        .map(|(key, _)| key.clone())
        .collect();
    let filled: Vec<_> = empty.into_iter().map(|key| (rules_of(roles, &key), key)).collect();
    for ((rules, rules_json), key) in filled {
        if let Some(role) = roles.get_mut(&key) {
            role.rules = rules;
            role.rules_json = rules_json;
        }
    }
}

fn rules_of(roles: &Roles, key: &(Option<String>, String)) -> (Vec<Rule>, Vec<Value>) {
    let mut rules: Vec<Rule> = Vec::new();
    let mut rules_json = Vec::new();
    for role in filling(roles, key) {
        for (rule, json) in role.rules.iter().zip(&role.rules_json) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
                rules_json.push(json.clone());
            }
        }
    }
    (rules, rules_json)
}

/// The roles whose rules an aggregated ClusterRole without rules is filled with, in the order of filling.
pub(crate) fn filling<'a>(roles: &'a Roles, key: &'a (Option<String>, String)) -> Vec<&'a Role> {
    let mut with = Vec::new();
    let mut seen = BTreeSet::from([key]);
    let mut waiting: Vec<&Role> = roles.get(key).into_iter().collect();
    while let Some(role) = waiting.pop() {
        if !role.rules.is_empty() {
            with.push(role);
            continue;
        }
        let selectors = role.aggregation.as_deref().unwrap_or(&[]);
        let found = roles
            .iter()
            .filter(|(key, role)| key.0.is_none() && selectors.iter().any(|selector| selector.selects(&role.labels)));
        // From the end, so that the first of them is the next to be looked at.
        let found: Vec<_> = found.filter(|(key, _)| seen.insert(key)).map(|(_, role)| role).collect();
        waiting.extend(found.into_iter().rev());
    }
    with
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(name: &str, labels: Value, selects: Option<Value>, verb: Option<&str>) -> Role {
        let rules: Vec<Value> =
            verb.iter().map(|verb| json!({"verbs": [verb], "apiGroups": [""], "resources": ["pods"]})).collect();
        let body = json!({
            "metadata": {"labels": labels},
            "rules": rules,
            "aggregationRule": selects.map(|labels| json!({"clusterRoleSelectors": [{"matchLabels": labels}]})),
        });
        Role::new(None, name, serde_json::from_value(body).unwrap())
    }

    fn filled(roles: Vec<Role>, name: &str) -> Vec<String> {
        let mut roles: Roles = roles.into_iter().map(|role| ((None, role.name.clone()), role)).collect();
        fill(&mut roles);
        roles[&(None, name.to_owned())].rules.iter().map(|rule| rule.verbs.join(",")).collect()
    }

    #[test]
    fn roles_are_filled_through_others_also_in_a_circle() {
        let roles = vec![
            role("admin", json!({"to": "circle"}), Some(json!({"to": "admin"})), None),
            role("edit", json!({"to": "admin"}), Some(json!({"to": "edit"})), None),
            role("more", json!({"to": "admin"}), None, Some("list")),
            role("part", json!({"to": "edit"}), None, Some("get")),
            role("same", json!({"to": "edit"}), None, Some("get")),
            role("back", json!({"to": "edit"}), Some(json!({"to": "circle"})), None),
        ];
        assert_eq!(filled(roles.clone(), "admin"), ["get", "list"]);
        assert_eq!(filled(roles.clone(), "edit"), ["list", "get"]);
        assert_eq!(filled(roles, "back"), ["get", "list"]);
    }

    #[test]
    fn what_the_controller_filled_in_stands() {
        let roles = vec![
            role("sum", json!({}), Some(json!({"to": "sum"})), Some("watch")),
            role("part", json!({"to": "sum"}), None, Some("get")),
        ];
        assert_eq!(filled(roles, "sum"), ["watch"]);
    }
}
