//! The canonical form of a policy set, member by member.
//!
//! `{"policies":[...],"exceptions":[...],"userPolicies":[...],"parameters":[...],"constraintTemplates":[...],"constraints":[...]}`;
//! names are unique within a list, for documents of Kubernetes' form together with their kind and namespace.

use std::collections::BTreeMap;

use serde_json::Value;

/// The most members of a set that are looked at.
pub const MOST_MEMBERS: usize = 10_000;

/// The members of a set by what they are and what they are called.
pub type Members = BTreeMap<(String, String), Value>;

/// The members of a set; `None` when the text is no set.
#[must_use]
pub fn members(text: &str) -> Option<Members> {
    let Value::Object(lists) = serde_json::from_str(text).ok()? else { return None };
    let mut members = Members::new();
    for (list, documents) in lists {
        let Value::Array(documents) = documents else { continue };
        for document in documents {
            if members.len() == MOST_MEMBERS {
                return Some(members);
            }
            let (what, name) = (what(&list, &document), name(&document));
            members.insert((what, name), document);
        }
    }
    Some(members)
}

fn text<'v>(document: &'v Value, key: &str) -> Option<&'v str> {
    document.get(key).and_then(Value::as_str)
}

fn what(list: &str, document: &Value) -> String {
    match (list, text(document, "kind")) {
        ("policies", _) => "policy".to_owned(),
        ("exceptions", _) => "exception".to_owned(),
        (_, Some(kind)) => kind.to_owned(),
        (other, None) => other.to_owned(),
    }
}

fn name(document: &Value) -> String {
    let of = |value: &Value| {
        let name = text(value, "name")?;
        Some(match text(value, "namespace") {
            Some(namespace) if !namespace.is_empty() => format!("{namespace}/{name}"),
            _ => name.to_owned(),
        })
    };
    of(document).or_else(|| document.get("metadata").and_then(of)).unwrap_or_else(|| "(without a name)".to_owned())
}

/// Who an exception names as answering for it and as having approved it.
#[must_use]
pub fn owner_and_approver(exception: &Value) -> Option<(&str, &str)> {
    let spec = exception.get("spec")?;
    Some((text(spec, "owner")?, text(spec, "approver")?))
}

/// The name of the guide that explains a violation of `policy`, going by the set that was in force: the rule of a named policy, or the page
/// about policies of its form.
#[must_use]
pub fn guide_of(policy: &str, set: Option<&Members>) -> Option<String> {
    if policy == "image-signatures" {
        return Some("signatures".to_owned());
    }
    let first = policy.split('/').next().unwrap_or(policy);
    if let Some(members) = set {
        let named = |name: &str| members.get(&("policy".to_owned(), name.to_owned()));
        if let Some(found) = named(policy).or_else(|| named(first)) {
            return text(found, "rule").map(str::to_owned);
        }
        // Of a constraint a violation names `<kind>/<name>`, of the others the policy's name.
        let mut of_kubernetes = members.keys().filter(|(_, name)| name == policy || name == first);
        if let Some((kind, _)) = of_kubernetes.next() {
            let own = matches!(kind.as_str(), "ValidatingAdmissionPolicy" | "ValidatingPolicy");
            return own.then(|| "own-policies".to_owned());
        }
        if policy.contains('/') && members.keys().any(|(kind, name)| kind == first || name.eq_ignore_ascii_case(first))
        {
            return Some("gatekeeper".to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &str = r#"{"policies":[{"name":"ours","rule":"trusted-registries"},{"name":"pod-security","rule":"pod-security"}],
        "exceptions":[{"name":"e","spec":{"owner":"a","approver":"b"}}],
        "userPolicies":[{"kind":"ValidatingAdmissionPolicy","metadata":{"name":"replicas"}}],
        "constraints":[{"kind":"K8sRequiredLabels","name":"team","apiVersion":"x"}],"other":7}"#;

    #[test]
    fn members_have_a_kind_and_a_name() {
        let members = members(SET).unwrap();
        let keys: Vec<String> = members.keys().map(|(what, name)| format!("{what} {name}")).collect();
        assert_eq!(
            keys,
            [
                "K8sRequiredLabels team",
                "ValidatingAdmissionPolicy replicas",
                "exception e",
                "policy ours",
                "policy pod-security"
            ]
        );
        assert_eq!(super::members("[]"), None);
        assert_eq!(super::members("{"), None);
        assert_eq!(super::members("{\"policies\":[1,null,{}]}").unwrap().len(), 1);
    }

    #[test]
    fn a_violation_leads_to_the_page_of_its_rule() {
        let members = members(SET).unwrap();
        let guide = |policy: &str| guide_of(policy, Some(&members));
        assert_eq!(guide("ours").as_deref(), Some("trusted-registries"));
        assert_eq!(guide("pod-security/hostPathVolumes").as_deref(), Some("pod-security"));
        assert_eq!(guide("replicas").as_deref(), Some("own-policies"));
        assert_eq!(guide("K8sRequiredLabels/team").as_deref(), Some("gatekeeper"));
        assert_eq!(guide("image-signatures").as_deref(), Some("signatures"));
        assert_eq!(guide("unknown"), None);
        assert_eq!(guide_of("ours", None), None);
    }
}
