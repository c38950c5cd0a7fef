//! Webhook configurations over time.
//!
//! What is compared is what the API shows. A webhook that the API server reads from its own disk does not show, and neither do
//! changes of a webhook's own policies: those are in `admission_policy_sets`.

use std::collections::{BTreeMap, BTreeSet};

use records::tables::objects::ObjectVersion;
use serde::Deserialize;

use crate::selector::{LabelSelector, Labels};
use crate::timeline::Interval;

const GROUP: &str = "admissionregistration.k8s.io";
const RESOURCE: &str = "validatingwebhookconfigurations";

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    webhooks: Option<Vec<Webhook>>,
}

/// One webhook of a configuration, as far as it says for which requests it is asked and what happens without an answer.
#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Webhook {
    name: String,
    failure_policy: Option<String>,
    match_conditions: Option<Vec<serde_json::Value>>,
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
    rules: Option<Vec<Rule>>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    api_groups: Option<Vec<String>>,
    api_versions: Option<Vec<String>>,
    operations: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    scope: Option<String>,
}

/// A request, as far as rules look at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) operation: &'a str,
    pub(super) group: &'a str,
    pub(super) resource: &'a str,
    pub(super) subresource: Option<&'a str>,
    pub(super) namespace: Option<&'a str>,
}

/// A webhook over the time of one version of its configuration.
#[derive(Debug)]
pub(super) struct Held<'a> {
    pub(super) version: &'a ObjectVersion<'a>,
    pub(super) interval: Interval,
    webhook: Webhook,
}

/// A change by which a webhook sees or stops less.
#[derive(Debug)]
pub(super) struct Loosened<'a> {
    /// The version that began with it, or that ended without another.
    pub(super) version: &'a ObjectVersion<'a>,
    pub(super) at: records::Timestamp,
    pub(super) webhook: String,
    pub(super) removed: bool,
    pub(super) detail: String,
}

impl Rule {
    fn covers(&self, asked: Asked<'_>) -> bool {
        let has = |list: &Option<Vec<String>>, wanted: &str| list.iter().flatten().any(|t| t == "*" || t == wanted);
        let resource =
            self.resources.iter().flatten().any(|pattern| match (pattern.split_once('/'), asked.subresource) {
                (None, None) => pattern == "*" || pattern == asked.resource,
                (Some((resource, subresource)), _) => {
                    (resource == "*" || resource == asked.resource)
                        && (subresource == "*" || Some(subresource) == asked.subresource)
                }
                (None, Some(_)) => false,
            });
        let scope = match self.scope.as_deref() {
            Some("Namespaced") => asked.namespace.is_some(),
            Some("Cluster") => asked.namespace.is_none(),
            _ => true,
        };
        resource && scope && has(&self.api_groups, asked.group) && has(&self.operations, asked.operation)
    }

    /// Everything that it covers, one by one: group, version, operation, resource, scope.
    fn parts(&self) -> BTreeSet<[String; 5]> {
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let scope = self.scope.clone().unwrap_or_else(|| "*".to_owned());
        let mut parts = BTreeSet::new();
        for group in list(&self.api_groups) {
            for version in list(&self.api_versions) {
                for operation in list(&self.operations) {
                    for resource in list(&self.resources) {
                        parts.insert([&group, &version, &operation, &resource, &scope].map(Clone::clone));
                    }
                }
            }
        }
        parts
    }
}

impl Webhook {
    fn fails_open(&self) -> bool {
        self.failure_policy.as_deref() == Some("Ignore")
    }

    fn parts(&self) -> BTreeSet<[String; 5]> {
        self.rules.iter().flatten().flat_map(Rule::parts).collect()
    }

    /// In what this is looser than what was before; nothing when it is not. Whether another selector or condition lets more through is not
    /// worked out: that it is another is told.
    fn looser_than(&self, before: &Self) -> Vec<&'static str> {
        let mut found = Vec::new();
        if self.fails_open() && !before.fails_open() {
            found.push("failurePolicy is Ignore now");
        }
        if !before.parts().is_subset(&self.parts()) {
            found.push("its rules no longer cover all that they did");
        }
        let selectors = |webhook: &Self| {
            (
                webhook.namespace_selector.clone().filter(|s| !s.is_empty()),
                webhook.object_selector.clone().filter(|s| !s.is_empty()),
                webhook.match_conditions.clone().filter(|c| !c.is_empty()),
            )
        };
        let (now, then) = (selectors(self), selectors(before));
        if now.0.is_some() && now.0 != then.0 {
            found.push("its namespaceSelector is another");
        }
        if now.1.is_some() && now.1 != then.1 {
            found.push("its objectSelector is another");
        }
        if now.2.is_some() && now.2 != then.2 {
            found.push("its matchConditions are others");
        }
        found
    }
}

impl Held<'_> {
    pub(super) fn name(&self) -> &str {
        &self.webhook.name
    }

    /// Whether the webhook had to be asked about the request. `None` where that cannot be told: it selects by the object or by conditions, or
    /// by labels of a namespace that are not known.
    pub(super) fn covers(&self, asked: Asked<'_>, labels: impl FnOnce() -> Option<Labels>) -> Option<bool> {
        if !self.webhook.rules.iter().flatten().any(|rule| rule.covers(asked)) {
            return Some(false);
        }
        let empty = LabelSelector::default();
        let selector = self.webhook.namespace_selector.as_ref().unwrap_or(&empty);
        if asked.namespace.is_some() && !selector.is_empty() && !selector.selects(&labels()?) {
            return Some(false);
        }
        let chooses = self.webhook.object_selector.as_ref().is_some_and(|selector| !selector.is_empty())
            || self.webhook.match_conditions.as_ref().is_some_and(|conditions| !conditions.is_empty());
        (!chooses).then_some(true)
    }
}

/// All webhooks with these names, over the versions of their configurations; and the changes by which they see or stop less.
pub(super) fn webhooks<'a>(
    versions: &'a [ObjectVersion<'a>],
    is_guard: impl Fn(&str, &str) -> bool,
) -> (Vec<Held<'a>>, Vec<Loosened<'a>>) {
    // By object, in the order of time.
    let mut objects: BTreeMap<(&str, &str), Vec<&ObjectVersion<'_>>> = BTreeMap::new();
    for version in versions.iter().filter(|v| v.api_group == GROUP && v.resource == RESOURCE) {
        objects.entry((&*version.provenance.cluster, &*version.name)).or_default().push(version);
    }
    let (mut held, mut loosened) = (Vec::new(), Vec::new());
    for ((cluster, _), mut versions) in objects {
        versions.sort_by_key(|version| version.valid_from);
        let mut before: BTreeMap<String, Webhook> = BTreeMap::new();
        for (number, version) in versions.iter().enumerate() {
            // A body of another form names no webhook; the normaliser lists it as a fault.
            let body: Option<Body> = serde_json::from_str(&version.body_json).ok();
            let webhooks = body.and_then(|body| body.webhooks).unwrap_or_default();
            let now: BTreeMap<String, Webhook> = webhooks
                .into_iter()
                .filter(|webhook| is_guard(cluster, &webhook.name))
                .map(|webhook| (webhook.name.clone(), webhook))
                .collect();
            let mut tell = |at, webhook: &str, removed, detail: String| {
                loosened.push(Loosened { version, at, webhook: webhook.to_owned(), removed, detail });
            };
            for (name, webhook) in &now {
                let found = match before.get(name) {
                    Some(before) => webhook.looser_than(before),
                    None if webhook.fails_open() => vec!["failurePolicy is Ignore"],
                    None => Vec::new(),
                };
                if !found.is_empty() {
                    tell(version.valid_from, name, false, found.join("; "));
                }
            }
            for name in before.keys().filter(|name| !now.contains_key(*name)) {
                tell(
                    version.valid_from,
                    name,
                    true,
                    "the configuration has no webhook of this name any more".to_owned(),
                );
            }
            let next = versions.get(number + 1);
            let gone = version.valid_to.filter(|to| next.is_none_or(|next| next.valid_from > *to));
            if let Some(at) = gone {
                for name in now.keys() {
                    let how = version.ended_by.as_deref().unwrap_or("ended");
                    tell(at, name, true, format!("the configuration {} was {how}", version.name));
                }
            }
            if let Some(interval) = Interval::new(version.valid_from, version.valid_to) {
                held.extend(now.values().cloned().map(|webhook| Held { version, interval, webhook }));
            }
            before = if gone.is_some() { BTreeMap::new() } else { now };
        }
    }
    (held, loosened)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(text: &str) -> Webhook {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_looser() {
        let strict = webhook(
            r#"{"name":"a","failurePolicy":"Fail","rules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["pods"]}]}"#,
        );
        assert!(strict.looser_than(&strict).is_empty());
        let loose = webhook(
            r#"{"name":"a","failurePolicy":"Ignore","namespaceSelector":{"matchLabels":{"a":"b"}},"rules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}]}"#,
        );
        assert_eq!(loose.looser_than(&strict).len(), 3);
        assert!(strict.looser_than(&loose).is_empty());
    }

    #[test]
    fn rules_cover_what_the_api_server_asks_about() {
        let rule: Rule = serde_json::from_str(
            r#"{"apiGroups":["","apps"],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods","pods/resize","*/scale"],"scope":"Namespaced"}"#,
        )
        .unwrap();
        let asked = |resource, subresource, namespace| Asked {
            operation: "CREATE",
            group: "",
            resource,
            subresource,
            namespace,
        };
        assert!(rule.covers(asked("pods", None, Some("a"))));
        assert!(rule.covers(asked("pods", Some("resize"), Some("a"))));
        assert!(rule.covers(asked("deployments", Some("scale"), Some("a"))));
        assert!(!rule.covers(asked("pods", Some("status"), Some("a"))));
        assert!(!rule.covers(asked("pods", None, None)));
        assert!(!rule.covers(asked("services", None, Some("a"))));
        assert!(!rule.covers(Asked { operation: "DELETE", ..asked("pods", None, Some("a")) }));
    }
}
