//! Whether every use of a permission would have been recorded.

use crate::audit_policy::policy::{Callers, Policy, Request};
use crate::rbac::rules::Rule;
use crate::rbac::subject::Subject;

/// Verbs of requests. Others are asked for by the API server itself while it serves one of these.
const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
/// A name that no policy knows: what it says of this, it says of everything that it does not name.
const UNNAMED: &str = "(any other)";
/// Subresources of nodes that kubelets are asked for directly, and only they know of it.
const OF_KUBELETS: [&str; 9] = ["proxy", "metrics", "stats", "log", "spec", "configz", "healthz", "pods", "checkpoint"];

/// Why a use might leave no event; `None` when each would leave one.
pub(super) fn hidden(
    atom: &Rule,
    subject: &Subject,
    namespace: Option<&str>,
    policies: &[Policy],
) -> Option<&'static str> {
    if !atom.non_resource_urls.is_empty() {
        return Some("other servers than the API server ask for rights on paths, too");
    }
    let direct = |resource: &String| matches!(resource.split_once('/'), Some(("nodes" | "*", subresource)) if OF_KUBELETS.contains(&subresource));
    if atom.resources.iter().any(direct) {
        return Some("kubelets are asked directly, which leaves no event");
    }
    let checked_inside = |verb: &String| verb != "*" && verb != "impersonate" && !VERBS.contains(&verb.as_str());
    if atom.verbs.iter().any(checked_inside) {
        return Some("the API server asks for this verb while it serves another request, and records only that");
    }
    let impersonates = atom.verbs.iter().any(|verb| verb == "impersonate");
    // What is done as somebody else is recorded as a request of the one who does it: any request.
    let atom = if impersonates {
        &Rule { verbs: vec!["*".into()], api_groups: vec!["*".into()], resources: vec!["*".into()], ..Rule::default() }
    } else {
        atom
    };
    let groups: Vec<String> = match subject {
        Subject::Group(name) => subject.implicit_groups().into_iter().chain([name.clone()]).collect(),
        _ => subject.implicit_groups(),
    };
    let user = subject.user_name();
    let namespace = namespace.filter(|_| !impersonates);
    let callers = Callers { user: user.as_deref(), groups: &groups, namespace };
    let recorded = policies.iter().all(|policy| records_all(policy, atom, &callers));
    (!recorded).then_some("the audit policy does not record every such request")
}

fn records_all(policy: &Policy, atom: &Rule, callers: &Callers<'_>) -> bool {
    let any = |list: &[String]| list.iter().any(|text| text == "*");
    let mut verbs: Vec<&str> = atom.verbs.iter().map(String::as_str).collect();
    if any(&atom.verbs) {
        verbs = VERBS.into_iter().chain(policy.named_verbs()).collect();
        verbs.sort_unstable();
        verbs.dedup();
    }
    let mut groups: Vec<&str> = atom.api_groups.iter().map(String::as_str).collect();
    if any(&atom.api_groups) {
        groups = policy.named_groups().filter(|group| *group != "*").chain([UNNAMED, ""]).collect();
        groups.sort_unstable();
        groups.dedup();
    }
    groups.iter().all(|group| {
        resources(policy, atom, group).iter().all(|(resource, subresource)| {
            verbs.iter().all(|verb| {
                // A cluster-wide right is for objects in namespaces and for others.
                let everywhere = [true, false];
                let scopes = if callers.namespace.is_some() { &everywhere[..1] } else { &everywhere[..] };
                scopes.iter().all(|namespaced| {
                    let request =
                        Request { verb, group, resource, subresource, namespaced: *namespaced, authenticated: true };
                    policy.surely_records(&request, callers)
                })
            })
        })
    })
}

/// The resources of a group that a permission is about, as far as the policy makes a difference between them.
fn resources<'a>(policy: &'a Policy, atom: &'a Rule, group: &str) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    let named = |subresource: Option<&'a str>| {
        let of_group = policy.named_resources().filter(move |(named, _)| *named == group || *named == "*");
        let split = of_group.map(|(_, resource)| resource.split_once('/').unwrap_or((resource, "")));
        split.map(move |(resource, own)| {
            let resource = if resource == "*" { UNNAMED } else { resource };
            (resource, subresource.unwrap_or(if own == "*" { UNNAMED } else { own }))
        })
    };
    for resource in &atom.resources {
        match resource.split_once('/') {
            _ if resource == "*" => {
                found.extend([(UNNAMED, ""), (UNNAMED, UNNAMED)]);
                found.extend(named(None));
                found.extend(named(Some(UNNAMED)));
                found.extend(named(Some("")));
            }
            Some(("*", subresource)) => {
                found.push((UNNAMED, subresource));
                found.extend(named(Some(subresource)));
            }
            Some((resource, subresource)) => found.push((resource, subresource)),
            None => found.push((resource, "")),
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
