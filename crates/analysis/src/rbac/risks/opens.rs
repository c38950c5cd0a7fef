//! From a way in which a pattern is held to the vertices that it opens: where Kubernetes prevents escalation, exactly as far as it does.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Opens;
use super::findings::{Finding, Held, Opening};
use super::need::Reach;
use super::special::Known;
use super::vertex::Vertex;
use super::world::{World, account_subject};
use crate::rbac::subject::{MASTERS, Subject};

/// Whoever holds the findings: what they need to know of it.
#[derive(Debug)]
pub(crate) struct Holder<'a> {
    /// All that it holds.
    pub(crate) held: &'a [Held],
    /// All patterns that it holds.
    pub(crate) findings: &'a [Finding],
}

impl Holder<'_> {
    /// Whether it holds a pattern in this scope, be it by the whole cluster.
    fn holds(&self, pattern: &str, scope: Option<&str>) -> bool {
        self.findings.iter().any(|finding| {
            finding.pattern.id == pattern && (finding.scope.is_none() || finding.scope.as_deref() == scope)
        })
    }
}

/// The vertices that an opening leads to, in a fixed order.
pub(crate) fn opened(
    world: &World,
    known: Known,
    holder: &Holder<'_>,
    finding: &Finding,
    opening: &Opening,
) -> Vec<Vertex> {
    let Some(way) = opening.way else { return opening.opens.clone() };
    let scope = finding.scope.as_deref();
    let scope_name = || finding.scope.clone();
    let targets = &opening.targets;
    match way.opens {
        Opens::Nothing => Vec::new(),
        Opens::Everything => vec![everything(scope)],
        Opens::Accounts => match targets {
            Reach::All => vec![Vertex::AccountsOf(scope_name())],
            Reach::Names(names) => names.iter().flat_map(|name| accounts(world, known, scope, name)).collect(),
        },
        Opens::EveryAccount => vec![Vertex::AccountsOf(scope_name())],
        Opens::NewPods => {
            let mut vertices = vec![Vertex::AccountsOf(scope_name())];
            if admits_privileged(world, scope) || holder.holds("RB-26", scope) {
                vertices.push(Vertex::Nodes);
            }
            vertices
        }
        Opens::Pods => pods(world, scope, targets),
        Opens::PodsAndHost => {
            let mut vertices = pods(world, scope, targets);
            if admits_privileged(world, scope) || holder.holds("RB-26", scope) {
                vertices.push(Vertex::NodesOf(scope_name()));
            }
            vertices
        }
        Opens::Nodes => match targets {
            Reach::All => vec![Vertex::Nodes],
            Reach::Names(names) => names.iter().cloned().map(Vertex::Node).collect(),
        },
        Opens::NodeCredentials => vec![Vertex::NodeCredentials],
        // Among the users are those of the control plane, whose rights no cluster is without.
        Opens::Users => match targets {
            Reach::All => vec![Vertex::ClusterAdmin],
            Reach::Names(names) => {
                // A service account is impersonated as one, whatever a rule about users says.
                let users = names.iter().map(|name| Subject::of_user(name));
                users.filter(|user| matches!(user, Subject::User(_))).map(Vertex::Subject).collect()
            }
        },
        Opens::Groups => match targets {
            Reach::Names(names) if !names.contains(MASTERS) => {
                names.iter().cloned().map(|name| Vertex::Subject(Subject::Group(name))).collect()
            }
            _ => vec![Vertex::ClusterAdmin],
        },
        Opens::Bind { cluster_roles, existing, over_cluster } => {
            bound(world, scope, targets, cluster_roles, existing, over_cluster)
        }
        Opens::Escalate => escalated(holder, scope, way.effect.is_none(), targets),
        Opens::TokenSecrets => match targets {
            Reach::All => vec![Vertex::TokensOf(scope_name())],
            Reach::Names(names) => {
                let namespaces: Vec<&str> = match scope {
                    Some(scope) => vec![scope],
                    None => world.tokens.keys().map(String::as_str).collect(),
                };
                let token = |namespace: &&str, name: &String| {
                    let token =
                        world.tokens.get(*namespace)?.get(name).filter(|token| token.invalid_since.is_none())?;
                    Some(Vertex::Subject(account_subject(namespace, &token.account)))
                };
                namespaces
                    .iter()
                    .flat_map(|namespace| names.iter().filter_map(move |name| token(namespace, name)))
                    .collect()
            }
        },
        Opens::Volumes => {
            let pods = holder.findings.iter().any(|other| other.pattern.id == "RB-15");
            if pods { vec![Vertex::Nodes] } else { Vec::new() }
        }
        Opens::Controllers(names) => {
            let named = |(namespace, accounts): (&String, &BTreeMap<_, _>)| {
                let here: Vec<Vertex> = names
                    .iter()
                    .filter(|name| accounts.contains_key(**name))
                    .map(|name| Vertex::Subject(account_subject(namespace, name)))
                    .collect();
                here
            };
            world.accounts.iter().flat_map(|(namespace, accounts)| named((namespace, accounts))).collect()
        }
        Opens::AwsAuth => world.aws_auth.iter().map(|_| Vertex::ClusterAdmin).collect(),
    }
}

fn everything(scope: Option<&str>) -> Vertex {
    match scope {
        None => Vertex::ClusterAdmin,
        Some(namespace) => Vertex::NamespaceAdmin(Some(namespace.to_owned())),
    }
}

/// Whether privileged pods are admitted in the scope as far as the labels of namespaces tell.
fn admits_privileged(world: &World, scope: Option<&str>) -> bool {
    match scope {
        Some(namespace) => world.namespaces.get(namespace) != Some(&true),
        None => world.namespaces.is_empty() || world.namespaces.values().any(|refuses| !refuses),
    }
}

fn accounts(world: &World, known: Known, scope: Option<&str>, name: &str) -> Vec<Vertex> {
    match scope {
        Some(namespace) if world.has_account(namespace, name) || !known.accounts => {
            vec![Vertex::Subject(account_subject(namespace, name))]
        }
        Some(_) => Vec::new(),
        None => {
            let there = world.accounts.iter().filter(|(_, accounts)| accounts.contains_key(name));
            there.map(|(namespace, _)| Vertex::Subject(account_subject(namespace, name))).collect()
        }
    }
}

fn pods(world: &World, scope: Option<&str>, targets: &Reach) -> Vec<Vertex> {
    let Reach::Names(names) = targets else { return vec![Vertex::PodsOf(scope.map(str::to_owned))] };
    let mut vertices = Vec::new();
    for name in names {
        for (namespace, used) in world.running.pods_named(scope, name) {
            let automount = world.accounts.get(namespace).and_then(|a| a.get(used.account())).and_then(|a| a.automount);
            if used.has_token(automount) {
                vertices.push(Vertex::Subject(account_subject(namespace, used.account())));
            }
            vertices.extend(used.taken_node().map(|node| Vertex::Node(node.to_owned())));
        }
    }
    vertices
}

/// Namespace (`None` for a ClusterRole) and name of a role.
type RoleReference<'a> = (Option<&'a str>, &'a str);

/// What binding gives: the roles named, in the place where they can be bound.
fn bound(
    world: &World,
    scope: Option<&str>,
    targets: &Reach,
    cluster_roles: bool,
    existing: bool,
    over_cluster: bool,
) -> Vec<Vertex> {
    let named = |name: &str| match targets {
        Reach::All => true,
        Reach::Names(names) => names.contains(name),
    };
    if existing {
        // The role of a binding cannot be changed, only who it is of.
        let bindings: Vec<_> = match (over_cluster, scope) {
            (true, _) => world.bindings_in(None).collect(),
            (false, Some(namespace)) => world.bindings_in(Some(namespace)).collect(),
            (false, None) => world.bindings().filter(|bound| bound.binding.namespace.is_some()).collect(),
        };
        // Many bindings are of one role; in order of role and place, each once.
        let mut roles: BTreeSet<(RoleReference<'_>, Option<&str>)> = BTreeSet::new();
        for bound in bindings {
            let Some((namespace, name)) = bound.binding.role_key() else { continue };
            if namespace.is_none() == cluster_roles && named(name) {
                roles.insert(((namespace, name), bound.binding.namespace.as_deref()));
            }
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let keyed =
            roles.into_iter().map(|((namespace, name), place)| ((owned(namespace), name.to_owned()), owned(place)));
        let there = keyed.filter(|(key, _)| world.role(key).is_some());
        return there.map(|(key, place)| Vertex::Rights(key, place)).collect();
    }
    match (targets, cluster_roles) {
        (Reach::All, true) if over_cluster => vec![Vertex::ClusterAdmin],
        (Reach::All, true) => vec![Vertex::NamespaceAdmin(scope.map(str::to_owned))],
        (Reach::Names(names), true) => {
            // RoleBindings in every namespace do not give what ClusterRoleBindings do; that of the control plane stands for all.
            let places: Vec<Option<String>> = match scope {
                None if !over_cluster => world.telling_namespace().map(Some).into_iter().collect(),
                scope => vec![scope.map(str::to_owned)],
            };
            let rights = |name: &String| {
                let key = (None, name.clone());
                places.clone().into_iter().map(move |place| Vertex::Rights(key.clone(), place))
            };
            names.iter().flat_map(rights).collect()
        }
        (_, false) => {
            let roles = world.roles_in(scope).filter(|(_, name)| named(name));
            roles.map(|key| Vertex::Rights(key.clone(), key.0.clone())).collect()
        }
    }
}

/// What escalation gives: all rights where a role is held that may be written.
fn escalated(holder: &Holder<'_>, scope: Option<&str>, cluster_roles: bool, targets: &Reach) -> Vec<Vertex> {
    let mut vertices: Vec<Vertex> = holder
        .held
        .iter()
        .filter(|held| {
            let role = &held.profile.role;
            let named = match targets {
                Reach::All => true,
                Reach::Names(names) => names.contains(&role.name),
            };
            let in_scope = scope.is_none() || role.namespace.as_deref() == scope;
            role.namespace.is_none() == cluster_roles && named && (cluster_roles || in_scope)
        })
        .map(|held| everything(held.namespace()))
        .collect();
    vertices.sort();
    vertices.dedup();
    vertices
}
