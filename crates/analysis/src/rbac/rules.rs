//! A rule of a role and what it matches, exactly as RBAC's authorizer does (`pkg/apis/rbac/v1/evaluation_helpers.go`).

use serde::Deserialize;
use serde_json::Value;

use super::authorizer::{Request, Target};

/// One rule (`PolicyRule`). An empty list matches nothing, but for resource names, where it stands for all names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Verbs, or `*`.
    pub verbs: Vec<String>,
    /// API groups (empty text for core), or `*`.
    pub api_groups: Vec<String>,
    /// `*`, `resource`, `resource/subresource` or `*/subresource`. There is no `resource/*`.
    pub resources: Vec<String>,
    /// Names that it is limited to.
    pub resource_names: Vec<String>,
    /// Paths, `*`, or a beginning with `*` at the end.
    pub non_resource_urls: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Raw {
    verbs: Option<Vec<String>>,
    api_groups: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    resource_names: Option<Vec<String>>,
    #[serde(rename = "nonResourceURLs")]
    non_resource_urls: Option<Vec<String>>,
}

impl Rule {
    /// Reads a rule. One of another form matches nothing, as the API server would never have stored it.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let raw = Raw::deserialize(value).unwrap_or_default();
        Self {
            verbs: raw.verbs.unwrap_or_default(),
            api_groups: raw.api_groups.unwrap_or_default(),
            resources: raw.resources.unwrap_or_default(),
            resource_names: raw.resource_names.unwrap_or_default(),
            non_resource_urls: raw.non_resource_urls.unwrap_or_default(),
        }
    }

    /// Whether it allows the verb on the resource (with `/subresource`, where there is one). `name` is the object's name; `None` for a request
    /// that carries none (a create, a list), which a rule limited to names never allows.
    #[must_use]
    pub fn allows(&self, verb: &str, group: &str, resource: &str, name: Option<&str>) -> bool {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        has(&self.verbs, verb)
            && has(&self.api_groups, group)
            && self.resources.iter().any(|own| covers(own, resource, subresource))
            && (self.resource_names.is_empty()
                || name.is_some_and(|name| self.resource_names.iter().any(|n| n == name)))
    }

    /// Whether it allows a request, wherever that is: what the authorizer asks of a rule whose binding counts for the request.
    #[must_use]
    pub fn allows_request(&self, request: &Request<'_>) -> bool {
        match request.target {
            Target::Path(path) => self.allows_path(request.verb, path),
            Target::Resource(asked) => {
                has(&self.verbs, request.verb)
                    && has(&self.api_groups, asked.group)
                    && self.resources.iter().any(|own| covers(own, asked.resource, asked.subresource))
                    // A request without a name has the empty one: a rule that is limited to an empty name allows it.
                    && (self.resource_names.is_empty() || self.resource_names.iter().any(|name| name == asked.name))
            }
        }
    }

    /// Whether it allows the verb on a path that is no resource.
    #[must_use]
    pub fn allows_path(&self, verb: &str, path: &str) -> bool {
        has(&self.verbs, verb)
            && self.non_resource_urls.iter().any(|own| {
                own == "*" || own == path || (own.ends_with('*') && path.starts_with(own.trim_end_matches('*')))
            })
    }

    /// Whether it is all verbs on all resources of all groups, without a limit to names.
    #[must_use]
    pub fn is_total(&self) -> bool {
        let all = |list: &[String]| list.iter().any(|t| t == "*");
        all(&self.verbs) && all(&self.api_groups) && all(&self.resources) && self.resource_names.is_empty()
    }
}

fn has(list: &[String], text: &str) -> bool {
    list.iter().any(|own| own == "*" || own == text)
}

/// Whether a rule's resource (`*`, `resource`, `resource/subresource` or `*/subresource`) is the one that is asked for.
fn covers(own: &str, resource: &str, subresource: &str) -> bool {
    if own == "*" {
        return true;
    }
    if subresource.is_empty() {
        return own == resource;
    }
    // The subresource is what stands behind the last `/` that both have: it may hold one itself.
    own.strip_suffix(subresource)
        .and_then(|rest| rest.strip_suffix('/'))
        .is_some_and(|first| first == "*" || first == resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_is_that_of_the_authorizer() {
        for (rule, verb, group, resource, name, allowed) in [
            (r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}"#, "get", "", "pods", Some("a"), true),
            (r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}"#, "get", "", "pods/exec", Some("a"), false),
            (r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods/*"]}"#, "get", "", "pods/exec", Some("a"), false),
            (r#"{"verbs":["get"],"apiGroups":[""],"resources":["*/exec"]}"#, "get", "", "pods/exec", Some("a"), true),
            (r#"{"verbs":["get"],"apiGroups":[""],"resources":["*/exec"]}"#, "get", "", "pods", Some("a"), false),
            (r#"{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}"#, "bind", GROUP, "clusterroles", None, true),
            (r#"{"verbs":["*"],"apiGroups":["apps"],"resources":["*"]}"#, "get", "", "pods", None, false),
            (r#"{"verbs":["*"],"resources":["*"]}"#, "get", "", "pods", None, false),
            (
                r#"{"verbs":["create"],"apiGroups":[""],"resources":["pods"],"resourceNames":["a"]}"#,
                "create",
                "",
                "pods",
                None,
                false,
            ),
            (
                r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"resourceNames":["a"]}"#,
                "get",
                "",
                "pods",
                Some("b"),
                false,
            ),
            (r#"{"verbs":["get"],"apiGroups":null,"resources":["pods"]}"#, "get", "", "pods", None, false),
        ] {
            let parsed = Rule::read(&serde_json::from_str(rule).unwrap());
            assert_eq!(parsed.allows(verb, group, resource, name), allowed, "{rule} {verb} {resource} {name:?}");
        }
    }

    const GROUP: &str = super::super::GROUP;

    #[test]
    fn paths_match_exactly_or_by_their_beginning() {
        for (own, path, allowed) in [
            ("*", "/metrics", true),
            ("/metrics", "/metrics", true),
            ("/metrics", "/metrics/slis", false),
            ("/metrics/*", "/metrics", false),
            ("/metrics/*", "/metrics/slis", true),
            ("/met**", "/metrics", true),
            ("/m*/slis", "/metrics/slis", false),
        ] {
            let rule = Rule { verbs: vec!["get".into()], non_resource_urls: vec![own.into()], ..Rule::default() };
            assert_eq!(rule.allows_path("get", path), allowed, "{own} {path}");
            assert!(!rule.allows_path("put", path));
        }
    }
}
