//! What a permission pattern asks of the rules of a role, matched as RBAC's authorizer matches requests.
//!
//! The traps are here, once: there is no `pods/*`; `*/exec` covers `pods/exec`; a rule limited to names gives nothing to requests that carry
//! no name (`create` of a whole object, `deletecollection`), and gives its names to all others (`create pods/exec` carries the pod's name,
//! `bind`, `escalate` and `impersonate` the name of what they are about); `uids` and `userextras/<key>` are resources of
//! `authentication.k8s.io` and nowhere else.

use std::collections::BTreeSet;

use crate::rbac::rules::Rule;

/// Where a request goes, which decides what bindings count for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To an object in a namespace: bindings over the cluster, and those in that namespace.
    Namespaced,
    /// To an object of no namespace: bindings over the cluster only.
    Cluster,
    /// To a Namespace itself, which a request names as its namespace too: a RoleBinding in it is enough.
    NamespaceObject,
    /// To an object in this namespace only.
    In(&'static str),
}

/// Which names count when a rule is limited to names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// All of them.
    Any,
    /// These.
    OneOf(&'static [&'static str]),
    /// These signers, which a rule may also name by `domain/*`.
    Signers(&'static [&'static str]),
    /// None: only a rule without a limit counts.
    Unlimited,
}

/// What is asked of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// That it allows one of the verbs on one of the resources of a group. A verb that ends with `:` stands for all verbs with this beginning, a resource
    /// that ends with `/` for all with this beginning, the resource `**` for any of the group, the group `**` for any group.
    Request {
        /// Verbs: one is enough.
        verbs: &'static [&'static str],
        /// API group; empty for core.
        group: &'static str,
        /// Resources, with `/subresource` where there is one: one is enough.
        resources: &'static [&'static str],
    },
    /// That it is all verbs on all resources of all groups, without a limit to names.
    Total,
    /// That it is all verbs on all resources of the core group.
    CoreTotal,
    /// That it has `*` as verb, resource or group.
    Wildcard,
    /// That it allows `get` on one of these paths.
    Path(&'static [&'static str]),
}

/// One need of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// What is asked of a rule.
    pub ask: Ask,
    /// Where the request goes.
    pub place: Place,
    /// Names that count.
    pub names: Names,
    /// Whether its names are those that the pattern reaches; the names of several such needs must be the same.
    pub target: bool,
}

impl Need {
    /// A request to an object in a namespace.
    #[must_use]
    pub const fn of(verbs: &'static [&'static str], group: &'static str, resources: &'static [&'static str]) -> Self {
        Self::asking(Ask::Request { verbs, group, resources })
    }

    /// Anything else.
    #[must_use]
    pub const fn asking(ask: Ask) -> Self {
        Self { ask, place: Place::Namespaced, names: Names::Any, target: false }
    }

    /// The same for objects of no namespace.
    #[must_use]
    pub const fn at_cluster(self) -> Self {
        Self { place: Place::Cluster, ..self }
    }

    /// The same for another place.
    #[must_use]
    pub const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// The same, with these names only.
    #[must_use]
    pub const fn named(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// The same; what it names is what the pattern reaches.
    #[must_use]
    pub const fn target(self) -> Self {
        Self { target: true, ..self }
    }

    /// How a rule meets it; `None` when it does not.
    #[must_use]
    pub fn met_by(&self, rule: &Rule) -> Option<Met> {
        match self.ask {
            Ask::Request { verbs, group, resources } => {
                if group != "**" && !has(&rule.api_groups, group) || group == "**" && rule.api_groups.is_empty() {
                    return None;
                }
                let mut named: Option<Met> = None;
                for resource in resources.iter().copied().filter(|resource| covers(rule, resource)) {
                    for verb in verbs.iter().copied().filter(|verb| has_verb(rule, verb)) {
                        match self.reach(rule, verb, resource) {
                            Some(Reach::All) => return Some(Met { verb, resource, group, reach: Reach::All }),
                            Some(reach) if named.is_none() => named = Some(Met { verb, resource, group, reach }),
                            _ => {}
                        }
                    }
                }
                named
            }
            Ask::Total => rule.is_total().then(|| Met::all("*", "*", "*")),
            Ask::CoreTotal => {
                let all = has(&rule.verbs, "*") && has(&rule.api_groups, "") && has(&rule.resources, "*");
                (all && rule.resource_names.is_empty()).then(|| Met::all("*", "*", ""))
            }
            Ask::Wildcard => {
                let star = |list: &[String]| list.iter().any(|t| t == "*");
                let part = rule.resources.iter().any(|t| t == "*" || t.starts_with("*/"));
                let matches_something =
                    !rule.verbs.is_empty() && !rule.api_groups.is_empty() && !rule.resources.is_empty();
                let wild = star(&rule.verbs) || star(&rule.api_groups) || part;
                (matches_something && wild).then(|| {
                    let shown = |wild: bool, name| if wild { "*" } else { name };
                    Met::all(
                        shown(star(&rule.verbs), "verbs"),
                        shown(part, "resources"),
                        shown(star(&rule.api_groups), "groups"),
                    )
                })
            }
            Ask::Path(paths) => {
                let get = has(&rule.verbs, "get");
                let covered = |path: &&&str| {
                    rule.non_resource_urls.iter().any(|url| match url.strip_suffix('*') {
                        Some(start) => path.starts_with(start),
                        None => url == **path,
                    })
                };
                let path = paths.iter().find(covered).filter(|_| get)?;
                Some(Met::all("get", path, ""))
            }
        }
    }

    /// The names that the rule reaches by this verb; `None` when it reaches nothing.
    fn reach(&self, rule: &Rule, verb: &str, resource: &str) -> Option<Reach> {
        if rule.resource_names.is_empty() {
            return Some(Reach::All);
        }
        // A request that carries no name is never allowed by a rule that is limited to names.
        let nameless = verb == "deletecollection" || (verb == "create" && !resource.contains('/'));
        if nameless || self.names == Names::Unlimited {
            return None;
        }
        let counts = |name: &&String| match self.names {
            Names::Any => true,
            Names::OneOf(names) => names.contains(&name.as_str()),
            Names::Signers(names) => names.iter().any(|signer| names_signer(name, signer)),
            Names::Unlimited => false,
        };
        let names: BTreeSet<String> = rule.resource_names.iter().filter(counts).cloned().collect();
        (!names.is_empty()).then_some(Reach::Names(names))
    }
}

/// Whether a name in a rule stands for this signer: itself, or `domain/*` of its domain.
fn names_signer(name: &str, signer: &str) -> bool {
    name == signer
        || name.strip_suffix("/*").is_some_and(|domain| signer.split_once('/').is_some_and(|(own, _)| own == domain))
}

fn has(list: &[String], text: &str) -> bool {
    list.iter().any(|t| t == "*" || t == text)
}

fn has_verb(rule: &Rule, verb: &str) -> bool {
    match verb.ends_with(':') {
        true => rule.verbs.iter().any(|v| v == "*" || v.starts_with(verb)),
        false => has(&rule.verbs, verb),
    }
}

fn covers(rule: &Rule, resource: &str) -> bool {
    if resource == "**" {
        return !rule.resources.is_empty();
    }
    if resource.ends_with('/') {
        // Any key: the rule names one, or all of one name of a key, or everything.
        return rule.resources.iter().any(|r| r == "*" || r.starts_with(resource) || r.starts_with("*/"));
    }
    let subresource = resource.split_once('/').map(|(_, sub)| sub);
    rule.resources
        .iter()
        .any(|r| r == "*" || r == resource || subresource.is_some_and(|sub| r.strip_prefix("*/") == Some(sub)))
}

/// What a rule reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Objects of any name.
    All,
    /// Objects of these names.
    Names(BTreeSet<String>),
}

/// How a rule meets a need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The verb of the need that it allows.
    pub verb: &'static str,
    /// The resource.
    pub resource: &'static str,
    /// The API group.
    pub group: &'static str,
    /// The names that it reaches.
    pub reach: Reach,
}

impl Met {
    fn all(verb: &'static str, resource: &'static str, group: &'static str) -> Self {
        Self { verb, resource, group, reach: Reach::All }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(need: Need, rule: &str) -> Option<Reach> {
        need.met_by(&Rule::read(&serde_json::from_str(rule).unwrap())).map(|met| met.reach)
    }

    fn names(names: &[&str]) -> Option<Reach> {
        Some(Reach::Names(names.iter().map(|n| (*n).to_owned()).collect()))
    }

    #[test]
    fn the_wildcards_are_those_of_the_authorizer() {
        const EXEC: Need = Need::of(&["create"], "", &["pods/exec"]);
        assert_eq!(met(EXEC, r#"{"verbs":["create"],"apiGroups":[""],"resources":["pods/*"]}"#), None);
        assert_eq!(met(EXEC, r#"{"verbs":["create"],"apiGroups":[""],"resources":["*/exec"]}"#), Some(Reach::All));
        assert_eq!(met(EXEC, r#"{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}"#), Some(Reach::All));
        assert_eq!(met(EXEC, r#"{"verbs":["create"],"resources":["*"]}"#), None);
    }

    #[test]
    fn names_limit_what_carries_a_name_and_shut_out_what_carries_none() {
        let rule = r#"{"verbs":["*"],"apiGroups":["*"],"resources":["*"],"resourceNames":["a","b"]}"#;
        assert_eq!(met(Need::of(&["create"], "", &["pods"]), rule), None);
        assert_eq!(met(Need::of(&["deletecollection"], "", &["pods"]), rule), None);
        assert_eq!(met(Need::of(&["create"], "", &["pods/exec"]), rule), names(&["a", "b"]));
        assert_eq!(met(Need::of(&["create", "get"], "", &["secrets"]), rule), names(&["a", "b"]));
        assert_eq!(met(Need::of(&["get"], "", &["secrets"]).named(Names::OneOf(&["b", "c"])), rule), names(&["b"]));
        assert_eq!(met(Need::of(&["get"], "", &["secrets"]).named(Names::OneOf(&["c"])), rule), None);
        assert_eq!(met(Need::of(&["delete"], "", &["secrets"]).named(Names::Unlimited), rule), None);
    }

    #[test]
    fn signers_are_named_by_their_domain_too() {
        const APPROVE: Need = Need::of(&["approve"], "certificates.k8s.io", &["signers"])
            .named(Names::Signers(&["kubernetes.io/kube-apiserver-client"]));
        let rule = |name: &str| {
            format!(
                r#"{{"verbs":["approve"],"apiGroups":["certificates.k8s.io"],"resources":["signers"],"resourceNames":["{name}"]}}"#
            )
        };
        assert!(met(APPROVE, &rule("kubernetes.io/*")).is_some());
        assert!(met(APPROVE, &rule("kubernetes.io/kube-apiserver-client")).is_some());
        assert!(met(APPROVE, &rule("kubernetes.io/kubelet-serving")).is_none());
        assert!(met(APPROVE, &rule("example.com/*")).is_none());
    }

    #[test]
    fn beginnings_stand_for_all_that_go_on_from_them() {
        const ON: Need = Need::of(&["impersonate-on:user-info:"], "**", &["**"]);
        assert!(
            met(ON, r#"{"verbs":["impersonate-on:user-info:list"],"apiGroups":[""],"resources":["pods"]}"#).is_some()
        );
        assert!(met(ON, r#"{"verbs":["impersonate"],"apiGroups":[""],"resources":["pods"]}"#).is_none());
        const EXTRA: Need = Need::of(&["impersonate"], "authentication.k8s.io", &["userextras/"]);
        let rule = |group: &str, resource: &str| {
            format!(r#"{{"verbs":["impersonate"],"apiGroups":["{group}"],"resources":["{resource}"]}}"#)
        };
        assert!(met(EXTRA, &rule("authentication.k8s.io", "userextras/scopes")).is_some());
        assert!(met(EXTRA, &rule("authentication.k8s.io", "userextras")).is_none());
        assert!(met(EXTRA, &rule("", "userextras/scopes")).is_none());
    }

    #[test]
    fn paths_and_wildcards() {
        let debug = Need::asking(Ask::Path(&["/debug/pprof/profile", "/metrics"]));
        assert!(met(debug, r#"{"verbs":["get"],"nonResourceURLs":["/debug/*"]}"#).is_some());
        assert!(met(debug, r#"{"verbs":["*"],"nonResourceURLs":["*"]}"#).is_some());
        assert!(met(debug, r#"{"verbs":["post"],"nonResourceURLs":["*"]}"#).is_none());
        assert!(met(debug, r#"{"verbs":["get"],"nonResourceURLs":["/healthz*","/version"]}"#).is_none());
        let wild = Need::asking(Ask::Wildcard);
        assert!(met(wild, r#"{"verbs":["get"],"apiGroups":[""],"resources":["*/scale"]}"#).is_some());
        assert!(met(wild, r#"{"verbs":["get"],"apiGroups":[""],"resources":["pods/*"]}"#).is_none());
        assert!(met(wild, r#"{"verbs":["*"],"nonResourceURLs":["*"]}"#).is_none());
    }
}
