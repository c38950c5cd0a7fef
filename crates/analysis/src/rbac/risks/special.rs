//! The patterns that are not about permissions alone: who is bound, what does not exist, who shares an account, where tokens lie.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalogue::{Effect, Pattern, Severity, by_id};
use super::findings::{Evidence, Finding, Held, Opening};
use super::need::Reach;
use super::vertex::Vertex;
use super::world::{Key, World};
use crate::rbac::subject::{ANONYMOUS, AUTHENTICATED, MASTERS, NODES, SERVICE_ACCOUNTS, Subject, UNAUTHENTICATED};

/// ClusterRoles that Kubernetes binds to everybody.
const OF_EVERYBODY: [&str; 4] =
    ["system:public-info-viewer", "system:basic-user", "system:discovery", "system:service-account-issuer-discovery"];

/// What is known to be complete: only then is something that is not there known not to exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// ClusterRoles.
    pub(crate) cluster_roles: bool,
    /// Roles.
    pub(crate) roles: bool,
    /// Service accounts.
    pub(crate) accounts: bool,
}

/// The findings of a subject.
pub(crate) fn of_subject(world: &World, known: Known, subject: &Subject, own: &[Held]) -> Vec<Finding> {
    let mut told = Told::default();
    masters(world, subject, &mut told);
    everybody(subject, own, &mut told);
    dangling(world, known, subject, &mut told);
    nodes(subject, own, &mut told);
    if let Subject::ServiceAccount { namespace, name } = subject {
        shared(world, namespace, name, own, &mut told);
        tokens(world, namespace, name, &mut told);
    }
    told.finish()
}

/// Findings by pattern and scope.
#[derive(Default)]
struct Told(BTreeMap<(&'static str, Option<String>), Finding>);

impl Told {
    fn tell(
        &mut self,
        id: &'static str,
        scope: Option<&str>,
        effect: Option<Effect>,
        evidence: Vec<Evidence>,
        opens: Vec<Vertex>,
    ) {
        self.tell_with(id, scope, effect, None, evidence, opens, None);
    }

    #[expect(clippy::too_many_arguments, reason = "each is one field of the opening")]
    fn tell_with(
        &mut self,
        id: &'static str,
        scope: Option<&str>,
        effect: Option<Effect>,
        severity: Option<Severity>,
        evidence: Vec<Evidence>,
        opens: Vec<Vertex>,
        remark: Option<String>,
    ) {
        let Some(pattern) = by_id(id) else { return };
        let opening = opening(pattern, scope, effect, severity, evidence, opens, remark);
        let key = (id, scope.map(str::to_owned));
        let finding = self.0.entry(key).or_insert_with(|| Finding {
            pattern,
            scope: scope.map(str::to_owned),
            openings: Vec::new(),
            mark: 0,
        });
        finding.openings.push(opening);
    }

    fn finish(self) -> Vec<Finding> {
        self.0.into_values().collect()
    }
}

fn opening(
    pattern: &'static Pattern,
    scope: Option<&str>,
    effect: Option<Effect>,
    severity: Option<Severity>,
    evidence: Vec<Evidence>,
    opens: Vec<Vertex>,
    remark: Option<String>,
) -> Opening {
    let of_pattern = if scope.is_some() { pattern.in_namespace } else { pattern.severity };
    Opening {
        way: None,
        effect: effect.unwrap_or(pattern.effect),
        severity: severity.unwrap_or(of_pattern),
        targets: Reach::All,
        opens,
        evidence,
        remark,
    }
}

/// RB-03.
fn masters(world: &World, subject: &Subject, told: &mut Told) {
    match subject {
        Subject::Group(name) if name == MASTERS => {
            let evidence: Vec<Evidence> =
                world.bindings_of(subject).map(|b| Evidence::Binding(Arc::clone(b))).collect();
            told.tell("RB-03", None, None, evidence, vec![Vertex::ClusterAdmin]);
        }
        Subject::Group(name) if name == "kubeadm:cluster-admins" => {
            let evidence: Vec<Evidence> =
                world.bindings_of(subject).map(|b| Evidence::Binding(Arc::clone(b))).collect();
            if !evidence.is_empty() {
                told.tell("RB-03", None, Some(Effect::Identity), evidence, Vec::new());
            }
        }
        Subject::User(name) => {
            if let Some(map) = world.aws_auth.as_ref().filter(|map| map.masters.contains(name)) {
                let evidence = Evidence::Object {
                    label: "ConfigMap:kube-system/aws-auth".to_owned(),
                    says: format!("maps {name} to the group {MASTERS}"),
                    entry: map.entry.clone(),
                };
                told.tell("RB-03", None, None, vec![evidence], vec![Vertex::ClusterAdmin]);
            }
        }
        _ => {}
    }
}

/// RB-04.
fn everybody(subject: &Subject, own: &[Held], told: &mut Told) {
    let severity = match subject {
        Subject::User(name) if name == ANONYMOUS => Severity::Critical,
        Subject::Group(name) if name == UNAUTHENTICATED => Severity::Critical,
        Subject::Group(name) if name == AUTHENTICATED || name == SERVICE_ACCOUNTS => Severity::High,
        _ => return,
    };
    let mut by_scope: BTreeMap<Option<&str>, Vec<Evidence>> = BTreeMap::new();
    for held in own {
        let role = &held.profile.role;
        // What Kubernetes binds to all users is more than anonymous callers get of it.
        let default = role.namespace.is_none()
            && OF_EVERYBODY.contains(&role.name.as_str())
            && (role.name == OF_EVERYBODY[0] || !subject.is_anonymous());
        if !default && !role.rules.is_empty() {
            by_scope.entry(held.namespace()).or_default().push(Evidence::Binding(Arc::clone(&held.bound)));
        }
    }
    for (scope, evidence) in by_scope {
        let severity = if scope.is_some() { severity.min(Severity::High) } else { severity };
        told.tell_with("RB-04", scope, None, Some(severity), evidence, Vec::new(), None);
    }
}

/// RB-38.
fn dangling(world: &World, known: Known, subject: &Subject, told: &mut Told) {
    for bound in world.bindings_of(subject) {
        let scope = bound.binding.namespace.as_deref();
        let role: &Option<Key> = &bound.role;
        let missing = match &role {
            None => true,
            Some(key) => {
                let complete = if key.0.is_none() { known.cluster_roles } else { known.roles };
                complete && world.role(key).is_none()
            }
        };
        let evidence = || vec![Evidence::Binding(Arc::clone(bound))];
        if missing {
            told.tell("RB-38", scope, None, evidence(), Vec::new());
        } else if let Subject::ServiceAccount { namespace, name } = subject
            && known.accounts
            && !world.has_account(namespace, name)
        {
            let object = Evidence::Object {
                label: subject.to_string(),
                says: "does not exist".to_owned(),
                entry: bound.entry.clone().map(Arc::new),
            };
            let mut evidence = evidence();
            evidence.push(object);
            told.tell("RB-38", scope, None, evidence, Vec::new());
        }
    }
}

/// RB-42.
fn nodes(subject: &Subject, own: &[Held], told: &mut Told) {
    let is_node = subject.node().is_some() || matches!(subject, Subject::Group(name) if name == NODES);
    if !is_node {
        return;
    }
    let mut by_scope: BTreeMap<Option<&str>, Vec<Evidence>> = BTreeMap::new();
    for held in own.iter().filter(|held| !held.profile.role.rules.is_empty()) {
        by_scope.entry(held.namespace()).or_default().push(Evidence::Binding(Arc::clone(&held.bound)));
    }
    for (scope, evidence) in by_scope {
        told.tell("RB-42", scope, None, evidence, Vec::new());
    }
}

/// RB-39.
fn shared(world: &World, namespace: &str, name: &str, own: &[Held], told: &mut Told) {
    let rights: Vec<&Held> = own.iter().filter(|held| !held.built_in && !held.profile.role.rules.is_empty()).collect();
    let Some(first) = rights.first() else { return };
    let binding = || Evidence::Binding(Arc::clone(&first.bound));
    let says = |says: String| Evidence::Object {
        label: format!("ServiceAccount:{namespace}/{name}"),
        says,
        entry: first.bound.entry.clone().map(Arc::new),
    };
    let uses = world.running.accounts.get(namespace).and_then(|accounts| accounts.get(name));
    let why = if name == "default" {
        "is the account of all pods that name none".to_owned()
    } else if uses.is_some_and(|uses| uses.daemons > 0) {
        "is the account of a DaemonSet, so that every node holds it".to_owned()
    } else if uses.is_some_and(|uses| uses.workloads.len() > 1) {
        "is the account of several workloads".to_owned()
    } else {
        return;
    };
    told.tell("RB-39", Some(namespace), None, vec![binding(), says(why)], Vec::new());
}

/// RB-40.
fn tokens(world: &World, namespace: &str, name: &str, told: &mut Told) {
    let secrets = world.tokens.get(namespace).into_iter().flatten().filter(|(_, token)| token.account == name);
    let mut evidence = Vec::new();
    let mut certain = true;
    let mut valid = false;
    for (secret, token) in secrets {
        certain &= token.certain;
        valid |= token.invalid_since.is_none();
        let says = match &token.invalid_since {
            None => "holds a token that does not end".to_owned(),
            Some(day) => format!("holds a token that is not taken since {day}"),
        };
        evidence.push(Evidence::Object {
            label: format!("Secret:{namespace}/{secret}"),
            says,
            entry: token.entry.clone(),
        });
    }
    if evidence.is_empty() {
        return;
    }
    let remark = (!certain).then(|| {
        "the Secret's type is not known, as its metadata alone are seen; counted, as it is annotated with the account".to_owned()
    });
    let severity = if valid { None } else { Some(Severity::Low) };
    told.tell_with("RB-40", Some(namespace), None, severity, evidence, Vec::new(), remark);
}
