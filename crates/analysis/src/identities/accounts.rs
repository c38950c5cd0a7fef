//! The rows of `service_accounts`: who uses each account, what it may do, and which tokens of it have no end.
//!
//! What is told of an account depends on many objects. Each gives facts about accounts that hold over an interval; the facts of one account are walked through in
//! the order of their ends, and a row ends only where what is told of the account changes.

use std::collections::{BTreeMap, HashMap};

use records::Timestamp;
use records::table::Provenance;
use records::tables::identities::ServiceAccount;
use records::tables::objects::ObjectVersion;
use records::tables::rbac::RbacGrant;
use records::tables::workloads::WorkloadPosture;
use serde::Deserialize;

use crate::identifier::identifier;
use crate::replay::Lasting;

/// At most so many names are told in one text.
const TOLD: usize = 50;
/// The annotation by which a Secret holds a token of an account.
const TOKEN_OF: &str = "kubernetes.io/service-account.name";

/// What holds of an account for some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    /// It exists, and says this of its token. The number is that of its version.
    Exists(usize),
    /// A workload runs under it, of an application.
    Workload { name: String, application: String },
    /// The workload has its token by Kubernetes' own doing.
    Automatic(String),
    /// A binding gives it rights.
    Binding(String),
    /// A Secret holds a token of it.
    TokenSecret(String),
}

/// A fact with the time in which it holds.
type Held = (Fact, Timestamp, Option<Timestamp>);

/// Cluster and `namespace/name`.
type Key = (String, String);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Account {
    automount_service_account_token: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Secret {
    metadata: SecretMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecretMetadata {
    annotations: Option<BTreeMap<String, Option<String>>>,
}

/// What is told of an account.
#[derive(Debug, Clone, Default, PartialEq)]
struct Told {
    version: usize,
    automount: Option<bool>,
    workloads: (String, i64),
    automatic: i64,
    applications: (String, i64),
    bindings: (String, i64),
    token_secrets: String,
}

/// Over the history.
pub(crate) fn service_accounts<'r>(
    versions: &[ObjectVersion<'r>],
    postures: &[WorkloadPosture<'_>],
    grants: &[RbacGrant<'_>],
) -> Vec<ServiceAccount<'r>> {
    let mut facts: BTreeMap<Key, Vec<Held>> = BTreeMap::new();
    let mut automounts: HashMap<usize, Option<bool>> = HashMap::new();
    for (number, version) in versions.iter().enumerate().filter(|(_, v)| v.api_group.is_empty()) {
        let namespace = version.namespace.as_deref().unwrap_or_default();
        let mut add = |name: &str, fact| {
            let key = (version.provenance.cluster.to_string(), format!("{namespace}/{name}"));
            facts.entry(key).or_default().push((fact, version.valid_from, version.valid_to));
        };
        match &*version.resource {
            "serviceaccounts" => {
                let account = serde_json::from_str::<Account>(&version.body_json).unwrap_or_default();
                automounts.insert(number, account.automount_service_account_token);
                add(&version.name, Fact::Exists(number));
            }
            "secrets" => {
                let secret = serde_json::from_str::<Secret>(&version.body_json).unwrap_or_default();
                let annotations = secret.metadata.annotations.unwrap_or_default();
                if let Some(account) = annotations.get(TOKEN_OF).and_then(Option::as_deref) {
                    add(account, Fact::TokenSecret(version.name.to_string()));
                }
            }
            _ => {}
        }
    }
    used_by(postures, &mut facts);
    let bindings = Bindings::of(grants);
    let mut rows = Vec::new();
    for ((cluster, account), mut held) in facts {
        bindings.add(&cluster, &account, &mut held);
        for held in walk(held, &automounts) {
            let Some(version) = versions.get(held.value.version) else { continue };
            rows.push(row(&cluster, &account, &version.provenance, held.value, (held.from, held.to)));
        }
    }
    rows
}

/// The workloads of each account. What a controller of a known kind has made is told by the controller's own template.
fn used_by(postures: &[WorkloadPosture<'_>], facts: &mut BTreeMap<Key, Vec<Held>>) {
    const KNOWN: [&str; 7] =
        ["CronJob:", "DaemonSet:", "Deployment:", "Job:", "ReplicaSet:", "ReplicationController:", "StatefulSet:"];
    for posture in postures.iter().filter(|posture| !posture.service_account.is_empty()) {
        let controller = posture.controlled_by.as_deref();
        if controller.is_some_and(|name| KNOWN.iter().any(|kind| name.starts_with(kind))) {
            continue;
        }
        let key = (posture.provenance.cluster.to_string(), posture.service_account.to_string());
        let name = controller.unwrap_or(&posture.workload).to_owned();
        let application = posture.application.as_deref().unwrap_or(&name).to_owned();
        let automatic = (posture.token_mount == "automatic").then(|| Fact::Automatic(name.clone()));
        for fact in automatic.into_iter().chain([Fact::Workload { name, application }]) {
            facts.entry(key.clone()).or_default().push((fact, posture.valid_from, posture.valid_to));
        }
    }
}

/// Bindings by whom they are for.
#[derive(Default)]
struct Bindings(HashMap<(String, String), Vec<Held>>);

impl Bindings {
    fn of(grants: &[RbacGrant<'_>]) -> Self {
        let mut by_subject: HashMap<(String, String), Vec<Held>> = HashMap::new();
        for grant in grants.iter().filter(|grant| grant.role_exists && !grant.built_in) {
            if grant.subject.starts_with("ServiceAccount:") || grant.subject.starts_with("Group:system:serviceaccounts")
            {
                let key = (grant.provenance.cluster.to_string(), grant.subject.to_string());
                let held = (Fact::Binding(grant.binding.to_string()), grant.valid_from, grant.valid_to);
                by_subject.entry(key).or_default().push(held);
            }
        }
        Self(by_subject)
    }

    fn add(&self, cluster: &str, account: &str, held: &mut Vec<Held>) {
        let namespace = account.split('/').next().unwrap_or_default();
        let subjects = [
            format!("ServiceAccount:{account}"),
            format!("Group:system:serviceaccounts:{namespace}"),
            "Group:system:serviceaccounts".to_owned(),
        ];
        for subject in subjects {
            held.extend(self.0.get(&(cluster.to_owned(), subject)).into_iter().flatten().cloned());
        }
    }
}

/// The facts that hold now, each as often as it does.
#[derive(Default)]
struct Now(BTreeMap<Fact, usize>);

impl Now {
    /// Whether the set of facts is another one after the change.
    fn change(&mut self, fact: &Fact, begins: bool) -> bool {
        if begins {
            let count = self.0.entry(fact.clone()).or_default();
            *count += 1;
            return *count == 1;
        }
        match self.0.get_mut(fact) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => self.0.remove(fact).is_some(),
        }
    }

    fn told(&self, automounts: &HashMap<usize, Option<bool>>) -> Option<Told> {
        let (mut workloads, mut applications, mut bindings, mut secrets) =
            <(Vec<&str>, Vec<&str>, Vec<&str>, Vec<&str>)>::default();
        let (mut version, mut automatic) = (None, 0);
        for fact in self.0.keys() {
            match fact {
                Fact::Exists(number) => version = Some(*number),
                Fact::Workload { name, application } => {
                    workloads.push(name);
                    applications.push(application);
                }
                Fact::Automatic(_) => automatic += 1,
                Fact::Binding(name) => bindings.push(name),
                Fact::TokenSecret(name) => secrets.push(name),
            }
        }
        let version = version?;
        Some(Told {
            version,
            automount: automounts.get(&version).copied().flatten(),
            workloads: listed(workloads),
            automatic,
            applications: listed(applications),
            bindings: listed(bindings),
            token_secrets: listed(secrets).0,
        })
    }
}

/// The first names, and how many different ones there are.
fn listed(mut names: Vec<&str>) -> (String, i64) {
    names.sort_unstable();
    names.dedup();
    let count = i64::try_from(names.len()).unwrap_or(i64::MAX);
    names.truncate(TOLD);
    (names.join(","), count)
}

fn walk(held: Vec<Held>, automounts: &HashMap<usize, Option<bool>>) -> Vec<crate::replay::Held<(), Told>> {
    if !held.iter().any(|(fact, ..)| matches!(fact, Fact::Exists(_))) {
        return Vec::new();
    }
    let mut changes: Vec<(Timestamp, bool, &Fact)> = Vec::new();
    for (fact, from, to) in held.iter().filter(|(_, from, to)| to.is_none_or(|to| *from < to)) {
        changes.push((*from, true, fact));
        if let Some(to) = to {
            changes.push((*to, false, fact));
        }
    }
    changes.sort_unstable();
    let (mut now, mut lasting) = (Now::default(), Lasting::new());
    let mut rest = changes.as_slice();
    while let Some((at, ..)) = rest.first() {
        let at = *at;
        let (these, later) = rest.split_at(rest.partition_point(|(other, ..)| *other == at));
        rest = later;
        let mut changed = false;
        for (_, begins, fact) in these {
            changed |= now.change(fact, *begins);
        }
        if changed {
            match now.told(automounts) {
                Some(told) => lasting.set(at, (), told),
                None => lasting.end(at, &()),
            }
        }
    }
    lasting.finish()
}

fn row<'r>(
    cluster: &str,
    account: &str,
    provenance: &Provenance<'r>,
    told: Told,
    (valid_from, valid_to): (Timestamp, Option<Timestamp>),
) -> ServiceAccount<'r> {
    let (namespace, name) = account.split_once('/').unwrap_or(("", account));
    ServiceAccount {
        provenance: provenance.clone(),
        account_id: identifier(&[cluster, account]).into(),
        valid_from,
        valid_to,
        service_account: account.to_owned().into(),
        namespace: namespace.to_owned().into(),
        name: name.to_owned().into(),
        user_name: format!("system:serviceaccount:{namespace}:{name}").into(),
        automount: told.automount,
        workloads: told.workloads.0.into(),
        workload_count: told.workloads.1,
        automatic_token_workloads: told.automatic,
        applications: told.applications.0.into(),
        application_count: told.applications.1,
        bindings: told.bindings.0.into(),
        binding_count: told.bindings.1,
        token_secrets: told.token_secrets.into(),
    }
}
