//! Whether a policy records every request of a kind, whoever of several callers makes it.

use super::{Level, Match, Policy, Request, Rule, given};

/// Callers of whom not everything is known.
#[derive(Debug, Clone, Copy)]
pub struct Callers<'a> {
    /// The user name; `None` when it may be any.
    pub user: Option<&'a str>,
    /// Groups that they are in for certain. They are in no other group of Kubernetes (`system:...`), but may be in others.
    pub groups: &'a [String],
    /// The namespace of the requests; `None` when it may be any.
    pub namespace: Option<&'a str>,
}

impl Rule {
    fn takes(&self, callers: &Callers<'_>) -> Match {
        let users = given(&self.users);
        let by_user = match callers.user {
            _ if users.is_empty() => Match::Whole,
            Some(user) if users.iter().any(|named| named == user) => Match::Whole,
            Some(_) => Match::No,
            None => Match::Part,
        };
        let groups = given(&self.user_groups);
        let by_group = if groups.is_empty() || groups.iter().any(|group| callers.groups.contains(group)) {
            Match::Whole
        } else if groups.iter().all(|group| group.starts_with("system:")) {
            Match::No
        } else {
            Match::Part
        };
        let named = given(&self.namespaces);
        let elsewhere = callers.namespace.is_some_and(|own| !named.is_empty() && !named.iter().any(|n| n == own));
        match (by_user, by_group) {
            _ if elsewhere => Match::No,
            (Match::No, _) | (_, Match::No) => Match::No,
            (Match::Whole, Match::Whole) => Match::Whole,
            _ => Match::Part,
        }
    }
}

impl Policy {
    /// Whether every such request of these callers is recorded when it is completed: no rule that may take one of them leaves it out.
    #[must_use]
    pub fn surely_records(&self, request: &Request<'_>, callers: &Callers<'_>) -> bool {
        let omits = |list: &Option<Vec<String>>| given(list).iter().any(|stage| stage == "ResponseComplete");
        if omits(&self.omit_stages) {
            return false;
        }
        for rule in self.rules() {
            let (who, what) = (rule.takes(callers), rule.matches(request));
            if who == Match::No || what == Match::No {
                continue;
            }
            if rule.level < Level::Metadata || omits(&rule.omit_stages) {
                return false;
            }
            if who == Match::Whole && what == Match::Whole {
                return true;
            }
        }
        false
    }

    /// The verbs that its rules name.
    pub fn named_verbs(&self) -> impl Iterator<Item = &str> {
        self.rules().iter().flat_map(|rule| given(&rule.verbs)).map(String::as_str)
    }

    /// The groups and resources (with subresources, as patterns) that its rules name. Between others it makes no difference.
    pub fn named_resources(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.rules().iter().flat_map(|rule| rule.resources.as_deref().unwrap_or_default());
        entries.flat_map(|entry| given(&entry.resources).iter().map(|resource| (&*entry.group, &**resource)))
    }

    /// The groups that its rules name.
    pub fn named_groups(&self) -> impl Iterator<Item = &str> {
        let entries = self.rules().iter().flat_map(|rule| rule.resources.as_deref().unwrap_or_default());
        entries.map(|entry| &*entry.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: None, userGroups: ["system:nodes"]}
- {level: None, users: ["robot"], verbs: ["get"]}
- {level: None, userGroups: ["quiet"], resources: [{group: "", resources: ["configmaps"]}]}
- {level: None, namespaces: ["noise"], resources: [{group: "", resources: ["pods"]}]}
- {level: Metadata, omitStages: ["RequestReceived"]}
"#;

    fn records(user: Option<&str>, groups: &[&str], namespace: Option<&str>, verb: &str, resource: &str) -> bool {
        let policy = Policy::read(POLICY).unwrap();
        let groups: Vec<String> = groups.iter().map(|g| (*g).to_owned()).collect();
        let request = Request { verb, group: "", resource, subresource: "", namespaced: true, authenticated: true };
        policy.surely_records(&request, &Callers { user, groups: &groups, namespace })
    }

    #[test]
    fn what_may_be_left_out_is_not_certain() {
        let alice = Some("alice");
        assert!(records(alice, &["system:authenticated"], None, "get", "secrets"));
        assert!(!records(Some("robot"), &[], None, "get", "secrets"));
        assert!(records(Some("robot"), &[], None, "list", "secrets"));
        assert!(!records(None, &["developers"], None, "get", "secrets"), "robot may be a developer");
        assert!(!records(alice, &[], None, "get", "configmaps"), "alice may be quiet");
        assert!(!records(alice, &[], None, "get", "pods"), "some are in the namespace of noise");
        assert!(records(alice, &[], Some("shop"), "get", "pods"));
        assert!(!records(alice, &[], Some("noise"), "get", "pods"));
        assert!(!records(Some("system:node:a"), &["system:nodes"], None, "get", "secrets"));
    }
}
