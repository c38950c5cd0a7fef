//! Who can do something, what somebody can do, and what changed, as sheets.

use records::access::{AccessChange, HeldRule};

use crate::forms::Sheet;

/// Rules that subjects hold: of `who-can` and `what-can`. The namespace is `*` for the whole cluster.
#[must_use]
pub fn held_rules(rules: &[HeldRule]) -> Sheet {
    let mut sheet = Sheet::new(&["subject", "namespace", "permission", "binding", "role", "through"]);
    for rule in rules {
        let HeldRule { subject, permission, binding, role, through, .. } = rule.clone();
        sheet.push([subject, scope(rule), permission, binding, role, through]);
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
        assert_eq!(
            held_rules(&[held]).csv(),
            "subject,namespace,permission,binding,role,through\n\
             User:alice,*,\"get,list pods\",ClusterRoleBinding:b,ClusterRole:r,User:alice\n"
        );
        assert_eq!(
            changes(&[change]).csv(),
            "change,subject,namespace,permission,binding,role\n\
             removed,User:alice,*,\"get,list pods\",ClusterRoleBinding:b,ClusterRole:r\n"
        );
    }
}
