//! Who can do something, what somebody can do, and what changed, as sheets.

use records::access::{AccessChange, HeldRule};

use crate::forms::Sheet;

/// Rules that subjects hold: of `who-can` and `what-can`. The namespace is `*` for the whole cluster. `place` tells where a binding or a role stands, by its
/// label: a file and a line, or a default of Kubernetes; `None` where that is no question, as of a cluster.
#[must_use]
pub fn held_rules(rules: &[HeldRule], place: impl Fn(&str) -> Option<String>) -> Sheet {
    let mut sheet = Sheet::new(&["subject", "namespace", "permission", "binding", "role", "through", "place"]);
    for rule in rules {
        let HeldRule { subject, permission, binding, role, through, .. } = rule.clone();
        let mut places: Vec<String> = [&binding, &role].into_iter().filter_map(|label| place(label)).collect();
        places.dedup();
        sheet.push([subject, scope(rule), permission, binding, role, through, places.join("; ")]);
    }
    sheet
}

/// What changed between two instants: `added` or `removed`, then what was held.
#[must_use]
pub fn changes(changes: &[AccessChange]) -> Sheet {
    let mut sheet = Sheet::new(&["change", "subject", "namespace", "permission", "binding", "role"]);
    for change in changes {
        let HeldRule { subject, permission, binding, role, .. } = change.held.clone();
        let what = if change.added { "added" } else { "removed" };
        sheet.push([what.to_owned(), subject, scope(&change.held), permission, binding, role]);
    }
    sheet
}

fn scope(rule: &HeldRule) -> String {
    rule.namespace.clone().unwrap_or_else(|| "*".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_changes_are_rows() {
        let held = HeldRule {
            subject: "User:alice".to_owned(),
            namespace: None,
            permission: "get,list pods".to_owned(),
            binding: "ClusterRoleBinding:b".to_owned(),
            role: "ClusterRole:r".to_owned(),
            through: "User:alice".to_owned(),
        };
        let change = AccessChange { added: false, held: held.clone() };
        let rules = [held];
        assert_eq!(
            held_rules(&rules, |label| (label == "ClusterRoleBinding:b").then(|| "b.yaml:7".to_owned())).csv(),
            "subject,namespace,permission,binding,role,through,place\n\
             User:alice,*,\"get,list pods\",ClusterRoleBinding:b,ClusterRole:r,User:alice,b.yaml:7\n"
        );
        let same = held_rules(&rules, |_| Some("one.yaml:1".to_owned()));
        assert!(same.csv().ends_with(",one.yaml:1\n"));
        assert!(held_rules(&rules, |_| None).csv().ends_with(",User:alice,\n"));
        assert_eq!(
            changes(&[change]).csv(),
            "change,subject,namespace,permission,binding,role\n\
             removed,User:alice,*,\"get,list pods\",ClusterRoleBinding:b,ClusterRole:r\n"
        );
    }
}
