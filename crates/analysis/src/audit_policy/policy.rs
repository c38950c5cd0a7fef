//! The audit policy file and how the API server decides by it.

mod certainty;

use std::fmt;

use serde::Deserialize;

pub use certainty::Callers;

/// How much of a request is recorded, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Level {
    /// Nothing.
    None,
    /// Who, what, when, and the outcome.
    Metadata,
    /// Also the body of the request.
    Request,
    /// Also the body of the response.
    RequestResponse,
}

impl Level {
    /// Its name in a policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Metadata => "Metadata",
            Self::Request => "Request",
            Self::RequestResponse => "RequestResponse",
        }
    }
}

/// Why a text is no audit policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is no YAML of the form.
    #[error("failed to read the file as an audit policy: {0}")]
    Form(String),
    /// It is of another kind.
    #[error("the file is of kind {kind} of {api_version}, not Policy of audit.k8s.io/v1")]
    Kind {
        /// The kind that it names.
        kind: String,
        /// The API version that it names.
        api_version: String,
    },
}

/// An audit policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    omit_stages: Option<Vec<String>>,
    #[serde(default)]
    rules: Option<Vec<Rule>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    level: Level,
    #[serde(default)]
    users: Option<Vec<String>>,
    #[serde(default)]
    user_groups: Option<Vec<String>>,
    #[serde(default)]
    verbs: Option<Vec<String>>,
    #[serde(default)]
    resources: Option<Vec<GroupResources>>,
    #[serde(default)]
    namespaces: Option<Vec<String>>,
    #[serde(default, rename = "nonResourceURLs")]
    non_resource_urls: Option<Vec<String>>,
    #[serde(default)]
    omit_stages: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GroupResources {
    group: String,
    resources: Option<Vec<String>>,
    resource_names: Option<Vec<String>>,
}

/// A request for a resource by somebody in no special group, with a name and in a namespace that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Verb.
    pub verb: &'a str,
    /// API group.
    pub group: &'a str,
    /// Resource.
    pub resource: &'a str,
    /// Subresource, or empty.
    pub subresource: &'a str,
    /// Whether the object is in a namespace (for this, a Namespace is in itself).
    pub namespaced: bool,
    /// Whether the caller is known; not so for a request that is refused with 401.
    pub authenticated: bool,
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// What the policy does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    /// How much is recorded.
    pub level: Level,
    /// Number of the rule that decides, from 1; `None` when none matches.
    pub rule: Option<usize>,
    omitted: Vec<&'a str>,
}

impl Decision<'_> {
    /// Whether the stage is left out.
    #[must_use]
    pub fn omits(&self, stage: &str) -> bool {
        self.omitted.contains(&stage)
    }
}

/// How far a rule matches a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    No,
    /// Only for some namespaces or names.
    Part,
    Whole,
}

fn given(list: &Option<Vec<String>>) -> &[String] {
    list.as_deref().unwrap_or_default()
}

impl Rule {
    /// Whether it is about everybody, or (of groups) about all who are authenticated.
    fn is_for(&self, request: &Request<'_>) -> bool {
        let groups = given(&self.user_groups);
        given(&self.users).is_empty()
            && (groups.is_empty()
                || request.authenticated && groups.iter().any(|group| group == "system:authenticated"))
    }

    fn matches(&self, request: &Request<'_>) -> Match {
        let verbs = given(&self.verbs);
        if !verbs.is_empty() && !verbs.iter().any(|verb| verb == request.verb) {
            return Match::No;
        }
        let namespaces = given(&self.namespaces);
        let resources = self.resources.as_deref().unwrap_or_default();
        if namespaces.is_empty() && resources.is_empty() {
            // A rule for paths is not about resources; one without any limit is about everything.
            return if given(&self.non_resource_urls).is_empty() { Match::Whole } else { Match::No };
        }
        let in_namespace = match namespaces {
            [] => Match::Whole,
            named if request.namespaced => {
                if named.iter().all(String::is_empty) {
                    Match::No
                } else {
                    Match::Part
                }
            }
            named => {
                if named.iter().any(String::is_empty) {
                    Match::Whole
                } else {
                    Match::No
                }
            }
        };
        if in_namespace == Match::No || resources.is_empty() {
            return in_namespace;
        }
        let mut found = Match::No;
        for entry in resources.iter().filter(|entry| entry.group == request.group || entry.group == "*") {
            let listed = given(&entry.resources);
            // Names are looked at together with resources only.
            if listed.is_empty() {
                return in_namespace;
            }
            if listed.iter().any(|resource| covers(resource, request)) {
                if given(&entry.resource_names).is_empty() {
                    return in_namespace;
                }
                found = Match::Part;
            }
        }
        found
    }
}

/// `*`, `resource`, `resource/subresource`, `*/subresource`, or `resource/*`, which is the resource itself, too.
fn covers(pattern: &str, request: &Request<'_>) -> bool {
    if pattern == "*" {
        return true;
    }
    match pattern.split_once('/') {
        None => pattern == request.resource && request.subresource.is_empty(),
        Some((resource, "*")) if resource == request.resource => true,
        Some(("*", subresource)) => !request.subresource.is_empty() && subresource == request.subresource,
        Some((resource, subresource)) => {
            !request.subresource.is_empty() && (resource, subresource) == (request.resource, request.subresource)
        }
    }
}

impl Policy {
    /// Reads a policy file (YAML, or JSON, which is YAML).
    ///
    /// # Errors
    /// [`PolicyError`] when it is not an audit policy, or names a level that Kubernetes does not know.
    pub fn read(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = serde_yaml_ng::from_str(text).map_err(|error| PolicyError::Form(error.to_string()))?;
        if policy.kind == "Policy" && policy.api_version.starts_with("audit.k8s.io/") {
            Ok(policy)
        } else {
            let cut = |text: String| text.chars().take(100).collect();
            Err(PolicyError::Kind { kind: cut(policy.kind), api_version: cut(policy.api_version) })
        }
    }

    fn rules(&self) -> &[Rule] {
        self.rules.as_deref().unwrap_or_default()
    }

    /// Number (from 1) of the first rule that is about the whole of the request.
    fn deciding(&self, request: &Request<'_>) -> Option<usize> {
        let decides = |rule: &Rule| rule.is_for(request) && rule.matches(request) == Match::Whole;
        self.rules().iter().position(decides).map(|at| at + 1)
    }

    /// What is done with the request.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Decision<'_> {
        let rule = self.deciding(request);
        let of_rule = rule.map(|number| &self.rules()[number - 1]);
        let omitted =
            given(&self.omit_stages).iter().chain(of_rule.into_iter().flat_map(|rule| given(&rule.omit_stages)));
        Decision {
            level: of_rule.map_or(Level::None, |rule| rule.level),
            rule,
            omitted: omitted.map(String::as_str).collect(),
        }
    }

    /// The rules before the deciding one that take the request for some namespaces or names: their numbers and levels.
    pub fn partial(&self, request: &Request<'_>) -> impl Iterator<Item = (usize, Level)> {
        self.before(request)
            .filter(|(_, rule)| rule.is_for(request) && rule.matches(request) == Match::Part)
            .map(|(number, rule)| (number, rule.level))
    }

    /// The rules before the deciding one that take the request of named users or groups, and give a level that `differs`: their
    /// numbers and who.
    pub fn exemptions(
        &self,
        request: &Request<'_>,
        differs: impl Fn(Level) -> bool,
    ) -> impl Iterator<Item = (usize, String)> {
        self.before(request)
            .filter(move |(_, rule)| !rule.is_for(request) && rule.matches(request) != Match::No && differs(rule.level))
            .map(|(number, rule)| {
                let users = given(&rule.users);
                let (what, names) =
                    if users.is_empty() { ("groups", given(&rule.user_groups)) } else { ("users", users) };
                (number, format!("{what} {}", names.join(" ")))
            })
    }

    fn before(&self, request: &Request<'_>) -> impl Iterator<Item = (usize, &Rule)> {
        let end = self.deciding(request).map_or(self.rules().len(), |number| number - 1);
        self.rules()[..end].iter().enumerate().map(|(at, rule)| (at + 1, rule))
    }
}
