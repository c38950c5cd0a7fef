//! The rows of `workload_posture`: how each container of each workload runs, over time or at one instant.

use std::collections::{BTreeMap, HashMap};

use records::Timestamp;
use records::table::Provenance;
use records::tables::objects::ObjectVersion;
use records::tables::workloads::WorkloadPosture;
use serde::Deserialize;

use super::container::{self, Automount};
use super::pod_spec::{Pod, Workload, is_workload};
use super::standards::standing;
use crate::identifier::identifier;
use crate::snapshot::{Object, Snapshot};
use crate::timeline::Interval;

/// What a service account says of its token.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Account {
    automount_service_account_token: Option<bool>,
}

/// Cluster, namespace and name.
type AccountKey<'a> = (&'a str, &'a str, &'a str);

/// The versions of service accounts.
#[derive(Debug, Default)]
struct Accounts<'a>(HashMap<AccountKey<'a>, Vec<(Interval, Automount)>>);

impl<'a> Accounts<'a> {
    fn of(versions: &'a [ObjectVersion<'_>]) -> Self {
        let mut accounts: HashMap<AccountKey<'a>, Vec<(Interval, Automount)>> = HashMap::new();
        for version in versions.iter().filter(|v| v.api_group.is_empty() && v.resource == "serviceaccounts") {
            let Some(interval) = Interval::new(version.valid_from, version.valid_to) else { continue };
            let account = serde_json::from_str::<Account>(&version.body_json);
            let says = account.map_or(Automount::Unknown, |a| Automount::Known(a.automount_service_account_token));
            let key = (&*version.provenance.cluster, version.namespace.as_deref().unwrap_or_default(), &*version.name);
            accounts.entry(key).or_default().push((interval, says));
        }
        Self(accounts)
    }

    fn versions<'s>(&'s self, cluster: &'s str, namespace: &'s str, name: &'s str) -> &'s [(Interval, Automount)] {
        self.0.get(&(cluster, namespace, name)).map_or(&[], Vec::as_slice)
    }
}

/// Where a workload is and what it is called.
struct Place<'n> {
    kind: &'n str,
    namespace: &'n str,
    name: &'n str,
}

/// Rows of all containers of a workload over an interval; without a pod it could not be read.
fn rows_of<'r>(
    provenance: &Provenance<'r>,
    place: &Place<'_>,
    pod: Option<&Pod>,
    account: Automount,
    interval: Interval,
) -> Vec<WorkloadPosture<'r>> {
    let workload = format!("{}:{}/{}", place.kind, place.namespace, place.name);
    let blank = |kind: &'static str, container: &str| WorkloadPosture {
        provenance: provenance.clone(),
        posture_id: identifier(&[&provenance.cluster, &workload, kind, container]).into(),
        valid_from: interval.from,
        valid_to: interval.to,
        workload: workload.clone().into(),
        workload_kind: place.kind.to_owned().into(),
        namespace: place.namespace.to_owned().into(),
        container_kind: kind.into(),
        token_mount: "unknown".into(),
        ..unknown(interval.from)
    };
    let Some(pod) = pod else { return vec![blank("unreadable", "")] };
    let standing = standing(pod);
    let unmet = standing.unmet.join(",");
    let rows = pod.spec.all_containers().map(|(kind, container)| {
        let mut row = blank(kind, &container.name);
        container::fill(&mut row, pod, container, account);
        row.application = application(pod).map(Into::into);
        row.controlled_by =
            pod.controller.as_ref().map(|(kind, name)| format!("{kind}:{}/{name}", place.namespace).into());
        row.pod_security_level = Some(standing.level.into());
        row.pod_security_unmet = unmet.clone().into();
        row
    });
    rows.collect()
}

fn application(pod: &Pod) -> Option<String> {
    const LABELS: [&str; 5] =
        ["app.kubernetes.io/part-of", "app.kubernetes.io/instance", "app.kubernetes.io/name", "app", "k8s-app"];
    let value = |label: &str| pod.metadata.labels.get(label)?.clone().filter(|value| !value.is_empty());
    LABELS.iter().find_map(|label| value(label))
}

/// A row of which nothing is known.
fn unknown<'r>(from: Timestamp) -> WorkloadPosture<'r> {
    WorkloadPosture {
        provenance: Provenance::default(),
        posture_id: "".into(),
        valid_from: from,
        valid_to: None,
        workload: "".into(),
        workload_kind: "".into(),
        controlled_by: None,
        application: None,
        namespace: "".into(),
        container: "".into(),
        container_kind: "".into(),
        image: "".into(),
        image_digest: None,
        runs_as_root: None,
        run_as_user: None,
        run_as_group: None,
        run_as_non_root: None,
        user_namespace: None,
        privileged: None,
        allow_privilege_escalation: None,
        read_only_root_filesystem: None,
        capabilities_added: "".into(),
        capabilities_dropped: "".into(),
        host_network: None,
        host_pid: None,
        host_ipc: None,
        host_process: None,
        host_ports: "".into(),
        host_paths: "".into(),
        writable_host_paths: "".into(),
        seccomp: "".into(),
        app_armor: "".into(),
        se_linux: "".into(),
        proc_mount: "".into(),
        sysctls: "".into(),
        service_account: "".into(),
        token_mount: "".into(),
        cpu_limit: None,
        memory_limit: None,
        cpu_request: None,
        memory_request: None,
        pod_security_level: None,
        pod_security_unmet: "".into(),
        exceptions: "".into(),
        excepted_policies: "".into(),
    }
}

/// The pod of a workload that runs or may run; `Some(None)` when it cannot be read.
#[expect(clippy::option_option, reason = "that there is nothing to tell and that nothing can be told are two things")]
fn running_pod(workload: Result<Workload, serde_json::Error>, resource: &str) -> Option<Option<Pod>> {
    match workload {
        Ok(workload) => workload.pod(resource).filter(|pod| !pod.retired).map(Some),
        Err(_) => Some(None),
    }
}

/// Over the history. Consecutive versions under which a container runs in the same way are one row.
pub(crate) fn workload_posture<'r>(versions: &[ObjectVersion<'r>]) -> Vec<WorkloadPosture<'r>> {
    let accounts = Accounts::of(versions);
    let mut rows: Vec<WorkloadPosture<'r>> = Vec::new();
    // The newest row of a container of an object, by identifier and UID.
    let mut newest: HashMap<(String, &str), usize> = HashMap::new();
    for version in versions.iter().filter(|v| is_workload(&v.api_group, &v.resource)) {
        let Some(interval) = Interval::new(version.valid_from, version.valid_to) else { continue };
        let Some(mut pod) = running_pod(serde_json::from_str(&version.body_json), &version.resource) else { continue };
        if let Some(pod) = &mut pod {
            pod.admitted = version.resource == "pods";
        }
        let namespace = version.namespace.as_deref().unwrap_or_default();
        let place = Place { kind: &version.kind, namespace, name: &version.name };
        // A pod that was admitted has its token or has it not; what a template will give, its account decides.
        let account = pod.as_ref().filter(|pod| !pod.admitted).map(|pod| pod.spec.account());
        let account = account.map_or(&[][..], |name| accounts.versions(&version.provenance.cluster, namespace, name));
        for piece in interval.cut(account.iter().flat_map(|(interval, _)| interval.bounds())) {
            let says = account.iter().find(|(interval, _)| interval.contains(piece.from));
            let says = says.map_or(Automount::Unknown, |(_, says)| *says);
            for row in rows_of(&version.provenance, &place, pod.as_ref(), says, piece) {
                let key = (row.posture_id.to_string(), &*version.uid);
                if let Some(known) = newest.get(&key).map(|known| &mut rows[*known])
                    && goes_on(known, &row)
                {
                    known.valid_to = row.valid_to;
                    continue;
                }
                newest.insert(key, rows.len());
                rows.push(row);
            }
        }
    }
    rows
}

/// Whether the second begins where the first ends and says the same.
fn goes_on(first: &WorkloadPosture<'_>, second: &WorkloadPosture<'_>) -> bool {
    let at_the_same_time = |row: &WorkloadPosture<'_>| WorkloadPosture {
        provenance: Provenance::default(),
        valid_from: first.valid_from,
        valid_to: None,
        ..row.clone().into_owned()
    };
    first.valid_to == Some(second.valid_from) && at_the_same_time(first) == at_the_same_time(second)
}

/// At one instant, in the order of the snapshot.
///
/// `source` of a row's provenance is the file that the workload was read from, `segment` the number of the document in it and `seq` its line.
/// Nothing ends: `valid_from` is `at`.
#[must_use]
pub fn posture(snapshot: &Snapshot, at: Timestamp) -> Vec<WorkloadPosture<'static>> {
    let mut accounts: BTreeMap<(&str, &str), Automount> = BTreeMap::new();
    for object in snapshot.of("", "serviceaccounts") {
        let account = Account::deserialize(&object.body);
        let says = account.map_or(Automount::Unknown, |a| Automount::Known(a.automount_service_account_token));
        accounts.insert((object.namespace.as_deref().unwrap_or_default(), &object.name), says);
    }
    let workloads = snapshot.all().filter(|object| is_workload(&object.group, &object.resource));
    let rows = workloads.flat_map(|object: &Object| {
        let Some(pod) = running_pod(Workload::deserialize(&object.body), &object.resource) else { return Vec::new() };
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let account = pod.as_ref().map(|pod| pod.spec.account()).unwrap_or_default();
        let says = accounts.get(&(namespace, account)).copied().unwrap_or(Automount::Unknown);
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let provenance = Provenance {
            source: object.place.file.clone().into(),
            segment: number(object.place.document),
            seq: number(object.place.line),
            ..Provenance::default()
        };
        let place = Place { kind: &object.kind, namespace, name: &object.name };
        rows_of(&provenance, &place, pod.as_ref(), says, Interval { from: at, to: None })
    });
    rows.collect()
}
