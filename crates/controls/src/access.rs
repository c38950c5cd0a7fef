//! Rights at one moment, answered from rows of `rbac_grants` with the semantics of the API server's authorizer.
//!
//! The rows of one moment are the bindings of that moment with the rules in force, so that the answers are those of the analysis of the objects
//! themselves.

use std::collections::{BTreeSet, HashMap};

use analysis::inputs::DEFAULT_GOVERNED_RESOURCES;
use analysis::rbac::authorizer::{Request, Resource};
use analysis::rbac::questions::{permission, qualified};
use analysis::rbac::rules::Rule;
use analysis::rbac::subject::{MASTERS, Subject};
use records::access::HeldRule;
use records::tables::rbac::RbacGrant;
use serde_json::Value;

/// A request, as people write it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccessRequest<'a> {
    /// The verb.
    pub verb: &'a str,
    /// The resource (`pods`, `pods/exec`, `deployments.apps/scale`), or a path that begins with `/`.
    pub resource: &'a str,
    /// The namespace; empty for none, or all.
    pub namespace: &'a str,
    /// The name of the object; empty where the request carries none.
    pub name: &'a str,
}

impl<'a> AccessRequest<'a> {
    /// Group, resource and subresource. Without a group it is that of Kubernetes' own resource of this name, core where no other has it.
    fn parts(&self) -> (&'a str, &'a str, &'a str) {
        let (named, subresource) = self.resource.split_once('/').unwrap_or((self.resource, ""));
        let (resource, group) = named.split_once('.').unwrap_or_else(|| {
            let own = DEFAULT_GOVERNED_RESOURCES.into_iter().find(|(_, own)| *own == named);
            (named, own.map_or("", |(group, _)| group))
        });
        (group, resource, subresource)
    }

    /// The request that the authorizer is asked about.
    #[must_use]
    pub fn request(&self) -> Request<'a> {
        if self.resource.starts_with('/') {
            return Request::path(self.verb, self.resource);
        }
        let (group, resource, subresource) = self.parts();
        let (namespace, name) = (self.namespace, self.name);
        let resource = Resource { group, resource, subresource, namespace, name, ..Resource::default() };
        Request::resource(self.verb, resource)
    }

    /// The resource with the group that it is taken to be of.
    #[must_use]
    pub fn taken_as(&self) -> String {
        if self.resource.starts_with('/') {
            return self.resource.to_owned();
        }
        let (group, resource, subresource) = self.parts();
        match subresource {
            "" => qualified(group, resource),
            subresource => qualified(group, &format!("{resource}/{subresource}")),
        }
    }
}

/// One rule of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedRule {
    /// Place of its grant among those that were handed in.
    pub grant: usize,
    /// What is held.
    pub held: HeldRule,
    /// The rule as JSON, as in `rbac_rules`; empty for the nothing that a missing role gives.
    pub rule_json: String,
}

/// The rules that each of the grants gives, in their order; a grant of a missing role gives one without a permission.
#[must_use]
pub fn rules(grants: &[RbacGrant<'_>]) -> Vec<GrantedRule> {
    let mut parsed = Parsed::default();
    let mut found = Vec::new();
    for (index, grant) in grants.iter().enumerate() {
        let rules = parsed.of(&grant.rules_json);
        found.extend(rules.iter().map(|(rule, json)| granted(index, grant, permission(rule), json)));
        if !grant.role_exists {
            found.push(granted(index, grant, String::new(), ""));
        }
    }
    found
}

/// The rules of the grants that allow a request, each once. Not among them is the group `system:masters`, which needs none: see [`masters`].
#[must_use]
pub fn who_can(grants: &[RbacGrant<'_>], asked: &AccessRequest<'_>) -> Vec<GrantedRule> {
    let request = asked.request();
    let mut parsed = Parsed::default();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (index, grant) in grants.iter().enumerate() {
        if grant.namespace.as_deref().is_some_and(|namespace| namespace != request.namespace()) {
            continue;
        }
        for (rule, json) in parsed.of(&grant.rules_json) {
            if rule.allows_request(&request) {
                let rule = granted(index, grant, permission(rule), json);
                if seen.insert((grant.provenance.cluster.to_string(), rule.held.clone())) {
                    found.push(rule);
                }
            }
        }
    }
    found
}

/// The group that is allowed everything, whatever rules say.
#[must_use]
pub fn masters() -> HeldRule {
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

/// A subject and the groups that it is in by what it is, itself first, in the one form that tables have; `None` for a text that is no subject.
#[must_use]
pub fn as_whom(subject: &str) -> Option<Vec<String>> {
    let subject = Subject::parse(subject)?;
    let groups = subject.implicit_groups().into_iter().map(|group| Subject::Group(group).to_string());
    Some(std::iter::once(subject.to_string()).chain(groups).collect())
}

fn granted(index: usize, grant: &RbacGrant<'_>, permission: String, rule_json: &str) -> GrantedRule {
    GrantedRule {
        grant: index,
        held: HeldRule {
            subject: grant.subject.to_string(),
            namespace: grant.namespace.as_deref().map(str::to_owned),
            permission,
            binding: grant.binding.to_string(),
            role: grant.role.to_string(),
            through: grant.subject.to_string(),
        },
        rule_json: rule_json.to_owned(),
    }
}

/// Rules by their text: many grants are of one role.
#[derive(Default)]
struct Parsed(HashMap<String, Vec<(Rule, String)>>);

impl Parsed {
    fn of(&mut self, rules_json: &str) -> &[(Rule, String)] {
        self.0.entry(rules_json.to_owned()).or_insert_with(|| {
            let all: Vec<Value> = serde_json::from_str(rules_json).unwrap_or_default();
            all.iter().map(|value| (Rule::read(value), value.to_string())).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use analysis::rbac::questions;
    use analysis::rbac::state::State;
    use analysis::snapshot::{Object, Place};
    use records::Timestamp;
    use records::table::Provenance;
    use serde_json::json;

    use super::*;

    const API: &str = "rbac.authorization.k8s.io/v1";

    fn rules_of(role: &str) -> Value {
        match role {
            "reader" => json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]}]),
            "named" => json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["web"]},
                {"verbs": ["get"], "nonResourceURLs": ["/metrics"]}]),
            _ => {
                json!([{"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]}, {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]}])
            }
        }
    }

    const BOUND: [(&str, Option<&str>, &str, &str); 5] = [
        ("a", Some("shop"), "reader", "alice"),
        ("b", None, "named", "bob"),
        ("c", None, "apps", "alice"),
        ("d", Some("other"), "apps", "carol"),
        ("e", None, "missing", "dave"),
    ];

    fn grant(bound: (&'static str, Option<&'static str>, &str, &str)) -> RbacGrant<'static> {
        let (name, namespace, role, user) = bound;
        let exists = role != "missing";
        RbacGrant {
            provenance: Provenance { cluster: "prod".into(), ..Provenance::default() },
            grant_id: name.into(),
            valid_from: Timestamp::MIN,
            valid_to: None,
            subject: format!("User:{user}").into(),
            subject_kind: "User".into(),
            binding: namespace
                .map_or_else(|| format!("ClusterRoleBinding:{name}"), |n| format!("RoleBinding:{n}/{name}"))
                .into(),
            role: format!("ClusterRole:{role}").into(),
            namespace: namespace.map(Into::into),
            role_exists: exists,
            cluster_admin_equivalent: false,
            cluster_admin_reason: None,
            anonymous: false,
            built_in: false,
            rules_json: if exists { rules_of(role).to_string().into() } else { "[]".into() },
        }
    }

    fn state() -> State {
        let role = |name: &str| json!({"apiVersion": API, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules_of(name)});
        let binding = |(name, namespace, role, user): (&str, Option<&str>, &str, &str)| {
            let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
            json!({"apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": namespace},
                "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": "User", "name": user}]})
        };
        let objects = ["reader", "named", "apps"].map(role).into_iter().chain(BOUND.map(binding));
        State::of(&objects.map(|o| Object::from_json(o, Place::default()).unwrap()).collect())
    }

    #[test]
    fn rows_answer_as_the_objects_do() {
        let (grants, state) = (BOUND.map(grant), state());
        for (verb, resource, namespace, name) in [
            ("get", "pods", "shop", "web"),
            ("get", "pods", "", ""),
            ("get", "pods", "shop", "other"),
            ("list", "pods/log", "shop", ""),
            ("delete", "deployments", "other", "x"),
            ("delete", "deployments.apps/scale", "shop", "x"),
            ("delete", "deployments.extensions", "shop", "x"),
            ("get", "/metrics", "", ""),
            ("get", "/metrics/x", "", ""),
        ] {
            let asked = AccessRequest { verb, resource, namespace, name };
            let mut told: Vec<HeldRule> = who_can(&grants, &asked).into_iter().map(|rule| rule.held).collect();
            told.push(masters());
            told.sort();
            let mut expected = questions::who_can(&state, &asked.request());
            expected.sort();
            assert_eq!(told, expected, "{asked:?}");
        }
    }

    #[test]
    fn a_subject_holds_what_its_grants_give() {
        let grants = BOUND.map(grant);
        let of = |user: &str| grants.iter().filter(|g| g.subject == user).cloned().collect::<Vec<_>>();
        let mut told: Vec<HeldRule> = rules(&of("User:alice")).into_iter().map(|rule| rule.held).collect();
        told.dedup();
        let mut expected = questions::what_can(&state(), &Subject::User("alice".to_owned()));
        told.sort();
        expected.sort();
        assert_eq!(told, expected);
        let missing = rules(&of("User:dave"));
        assert_eq!((missing.len(), &*missing[0].held.permission), (1, ""));
    }

    #[test]
    fn a_resource_is_taken_to_be_of_kubernetes_own_group() {
        let taken = |resource| AccessRequest { resource, ..AccessRequest::default() }.taken_as();
        assert_eq!(
            ["pods/exec", "deployments", "deployments.apps/scale", "widgets", "/metrics"].map(taken),
            ["pods/exec", "deployments.apps", "deployments.apps/scale", "widgets", "/metrics"]
        );
    }

    #[test]
    fn a_subject_is_asked_as_all_that_it_is() {
        let groups = [
            "ServiceAccount:shop/web",
            "Group:system:serviceaccounts",
            "Group:system:serviceaccounts:shop",
            "Group:system:authenticated",
        ];
        assert_eq!(as_whom("User:system:serviceaccount:shop:web").unwrap(), groups);
        assert_eq!(as_whom("alice"), None);
    }

    #[test]
    fn rules_of_another_form_give_nothing() {
        let mut odd = grant(BOUND[0]);
        for text in ["", "5", "{}", "[1,null,\"x\"]"] {
            odd.rules_json = text.into();
            let asked = AccessRequest { verb: "get", resource: "pods", namespace: "shop", name: "" };
            assert!(who_can(std::slice::from_ref(&odd), &asked).is_empty(), "{text}");
        }
    }
}
