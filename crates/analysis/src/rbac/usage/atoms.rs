//! Rules taken apart: one verb on one resource of one group, or on one path.

use std::collections::BTreeMap;

use crate::rbac::questions::permission;
use crate::rbac::rules::Rule;

/// Permissions of one rule that are told: a rule of another size is one permission as a whole.
const MOST: usize = 2_000;

/// The permissions of rules by their texts (`get pods`, `list deployments.apps named a`), each as a rule.
pub(super) fn of(rules: &[Rule]) -> BTreeMap<String, Rule> {
    let mut atoms = BTreeMap::new();
    for rule in rules {
        let parts = rule.verbs.len() * (rule.api_groups.len() * rule.resources.len() + rule.non_resource_urls.len());
        if parts > MOST {
            atoms.insert(permission(rule), rule.clone());
            continue;
        }
        for verb in &rule.verbs {
            for group in &rule.api_groups {
                for resource in &rule.resources {
                    let atom = Rule {
                        verbs: vec![verb.clone()],
                        api_groups: vec![group.clone()],
                        resources: vec![resource.clone()],
                        resource_names: rule.resource_names.clone(),
                        non_resource_urls: Vec::new(),
                    };
                    atoms.insert(permission(&atom), atom);
                }
            }
            for path in &rule.non_resource_urls {
                let atom = Rule { verbs: vec![verb.clone()], non_resource_urls: vec![path.clone()], ..Rule::default() };
                atoms.insert(permission(&atom), atom);
            }
        }
    }
    atoms
}
