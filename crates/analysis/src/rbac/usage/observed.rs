//! Uses as the audit log shows them.

use std::borrow::Cow;

use records::Timestamp;
use records::table::Provenance;

use crate::rbac::authorizer::{Request, Resource};
use crate::rbac::subject::{Identity, MASTERS, NODES, Subject};

/// All audit events of one kind of request of one caller: they agree in everything but the times.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedUse<'r> {
    /// The newest of them.
    pub provenance: Provenance<'r>,
    /// `user.username`.
    pub user: Cow<'r, str>,
    /// `user.groups` as a JSON array.
    pub groups_json: Cow<'r, str>,
    /// `impersonatedUser.username`; empty without one.
    pub impersonated: Cow<'r, str>,
    /// `impersonatedUser.groups` as a JSON array.
    pub impersonated_groups_json: Cow<'r, str>,
    /// The verb.
    pub verb: Cow<'r, str>,
    /// API group; empty for core.
    pub group: Cow<'r, str>,
    /// Resource; empty for a path.
    pub resource: Cow<'r, str>,
    /// Subresource; empty without one.
    pub subresource: Cow<'r, str>,
    /// Namespace; empty without one.
    pub namespace: Cow<'r, str>,
    /// Name, where a rule is limited to it; else empty.
    pub name: Cow<'r, str>,
    /// Path, of a request that is about no resource.
    pub path: Cow<'r, str>,
    /// `authorization.k8s.io/reason`.
    pub reason: Cow<'r, str>,
    /// Time of the first event.
    pub first: Timestamp,
    /// Time of the last event.
    pub last: Timestamp,
    /// How many requests.
    pub requests: i64,
}

impl<'r> ObservedUse<'r> {
    /// Whose rights decided.
    pub(super) fn caller(&self) -> Identity {
        if self.impersonated.is_empty() {
            identity(&self.user, &self.groups_json)
        } else {
            identity(&self.impersonated, &self.impersonated_groups_json)
        }
    }
}

/// One request of somebody, as a use of a rule.
#[derive(Debug, Clone)]
pub(super) struct Use<'a> {
    pub(super) caller: Identity,
    verb: &'a str,
    group: &'a str,
    resource: &'a str,
    subresource: &'a str,
    namespace: &'a str,
    name: Cow<'a, str>,
    path: &'a str,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) requests: i64,
}

impl<'a> Use<'a> {
    /// The uses of rules that the events show: none for those that no rule allowed.
    pub(super) fn of(observed: &'a ObservedUse<'_>) -> Vec<Self> {
        let mut found = Vec::new();
        let real = identity(&observed.user, &observed.groups_json);
        if !observed.impersonated.is_empty() && !real.groups.contains(MASTERS) {
            let as_whom = Subject::of_user(&observed.impersonated);
            let (resource, namespace, name) = match account(&observed.impersonated) {
                Some((namespace, name)) => ("serviceaccounts", namespace, name),
                None => ("users", "", &*observed.impersonated),
            };
            found.push(Self::impersonation(observed, real.clone(), resource, namespace, name.into()));
            for group in groups(&observed.impersonated_groups_json) {
                if !as_whom.implicit_groups().contains(&group) {
                    found.push(Self::impersonation(observed, real.clone(), "groups", "", group.into()));
                }
            }
        }
        let caller = observed.caller();
        let by_rule = observed.reason.is_empty() || observed.reason.starts_with("RBAC:");
        let by_node = observed.reason.is_empty() && caller.groups.contains(NODES);
        if by_rule && !by_node && !caller.groups.contains(MASTERS) {
            // The name in the event of a creation is that of the object, which the authorizer does not know.
            let creates = observed.verb == "create" && observed.subresource.is_empty();
            found.push(Self {
                caller,
                verb: &observed.verb,
                group: &observed.group,
                resource: &observed.resource,
                subresource: &observed.subresource,
                namespace: &observed.namespace,
                name: if creates { "".into() } else { Cow::Borrowed(&*observed.name) },
                path: &observed.path,
                first: observed.first,
                last: observed.last,
                requests: observed.requests,
            });
        }
        found
    }

    fn impersonation(
        observed: &ObservedUse<'_>,
        caller: Identity,
        resource: &'a str,
        namespace: &'a str,
        name: Cow<'a, str>,
    ) -> Self {
        Self {
            caller,
            verb: "impersonate",
            group: "",
            resource,
            subresource: "",
            namespace,
            name,
            path: "",
            first: observed.first,
            last: observed.last,
            requests: observed.requests,
        }
    }

    pub(super) fn request(&self) -> Request<'_> {
        if self.resource.is_empty() {
            return Request::path(self.verb, self.path);
        }
        let resource = Resource {
            group: self.group,
            resource: self.resource,
            subresource: self.subresource,
            namespace: self.namespace,
            name: &self.name,
            of_node: "",
        };
        Request::resource(self.verb, resource)
    }
}

fn groups(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}

fn identity(user: &str, groups_json: &str) -> Identity {
    let implicit = Subject::of_user(user).implicit_groups();
    Identity { user: user.to_owned(), groups: groups(groups_json).into_iter().chain(implicit).collect() }
}

/// Namespace and name of the service account that this user is.
fn account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
}
