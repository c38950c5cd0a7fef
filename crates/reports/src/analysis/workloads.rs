//! How containers run, as a sheet and as findings.

use records::tables::workloads::WorkloadPosture;

use crate::forms::{Finding, Level, Rule, Sheet};

/// One row for each container.
#[must_use]
pub fn sheet(rows: &[WorkloadPosture<'_>]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "workload",
        "container",
        "container_kind",
        "image",
        "runs_as_root",
        "user",
        "privileged",
        "host",
        "capabilities_added",
        "writable_host_paths",
        "seccomp",
        "service_account",
        "token_mount",
        "pod_security_level",
        "pod_security_unmet",
    ]);
    for row in rows {
        sheet.push([
            row.workload.to_string(),
            row.container.to_string(),
            row.container_kind.to_string(),
            row.image.to_string(),
            answer(row.runs_as_root),
            row.run_as_user.map_or_else(|| "of the image".to_owned(), |user| user.to_string()),
            answer(row.privileged),
            host(row),
            row.capabilities_added.to_string(),
            row.writable_host_paths.to_string(),
            row.seccomp.to_string(),
            row.service_account.to_string(),
            row.token_mount.to_string(),
            row.pod_security_level.as_deref().unwrap_or("unknown").to_owned(),
            row.pod_security_unmet.to_string(),
        ]);
    }
    sheet
}

fn answer(value: Option<bool>) -> String {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
    .to_owned()
}

/// What it shares with its host, comma separated.
fn host(row: &WorkloadPosture<'_>) -> String {
    let shared = [
        (row.host_network, "network"),
        (row.host_pid, "processes"),
        (row.host_ipc, "inter-process communication"),
        (row.host_process, "host process"),
    ];
    let mut shared: Vec<String> =
        shared.into_iter().filter(|(is, _)| *is == Some(true)).map(|(_, what)| what.to_owned()).collect();
    if !row.host_ports.is_empty() && row.host_network != Some(true) {
        shared.push(format!("ports {}", row.host_ports));
    }
    shared.join(",")
}

/// The kinds of findings: identifier, title, remedy.
const RULES: [(&str, &str, &str); 9] = [
    ("workload-unreadable", "The workload has not the form of its API", "Validate the manifest against the API."),
    (
        "container-privileged",
        "The container is privileged",
        "Remove privileged, or hostProcess, and add the capabilities that are needed by name.",
    ),
    (
        "container-root",
        "The container runs as root",
        "Set runAsNonRoot: true, and runAsUser to a user of the image that is not 0.",
    ),
    (
        "container-image-user",
        "Whether the container runs as root depends on its image",
        "Set runAsNonRoot: true: the kubelet then refuses an image that runs as root.",
    ),
    (
        "container-host-namespace",
        "The pod shares namespaces or ports with its host",
        "Remove hostNetwork, hostPID, hostIPC and hostPort.",
    ),
    (
        "container-host-path",
        "The container may write to its host",
        "Mount the path read-only, or use another kind of volume.",
    ),
    ("container-capabilities", "Capabilities are added", "Drop ALL, and add no capability but NET_BIND_SERVICE."),
    ("container-unconfined", "seccomp or AppArmor is switched off", "Set the profile to RuntimeDefault."),
    ("container-escalation", "A process may gain more rights than its parent", "Set allowPrivilegeEscalation: false."),
];

/// All kinds of findings.
#[must_use]
pub fn rules() -> Vec<Rule> {
    let rule =
        |(id, title, remedy): (&str, &str, &str)| Rule { id: id.into(), title: title.into(), remedy: remedy.into() };
    RULES.into_iter().map(rule).collect()
}

/// What is found of each container. The place is that of its manifest, as the provenance of the row has it.
#[must_use]
pub fn findings(rows: &[WorkloadPosture<'_>]) -> Vec<Finding> {
    rows.iter().flat_map(of_container).collect()
}

fn of_container(row: &WorkloadPosture<'_>) -> Vec<Finding> {
    let mut found: Vec<(&str, Level, String)> = Vec::new();
    let yes = |value: Option<bool>| value == Some(true);
    if row.container_kind == "unreadable" {
        found.push(("workload-unreadable", Level::Warning, "has not the form of its API".to_owned()));
        return placed(row, found);
    }
    if yes(row.privileged) || yes(row.host_process) {
        found.push(("container-privileged", Level::Error, "is privileged".to_owned()));
    }
    match row.runs_as_root {
        Some(true) if yes(row.user_namespace) => {
            found.push(("container-root", Level::Note, "runs as root in a user namespace of its own".to_owned()));
        }
        Some(true) => found.push(("container-root", Level::Error, "runs as root".to_owned())),
        None => found.push(("container-image-user", Level::Warning, "runs as the user of its image".to_owned())),
        Some(false) => {}
    }
    let shared = host(row);
    if !shared.is_empty() {
        found.push(("container-host-namespace", Level::Error, format!("shares with its host: {shared}")));
    }
    if !row.writable_host_paths.is_empty() {
        let message = format!("may write to its host: {}", row.writable_host_paths);
        found.push(("container-host-path", Level::Error, message));
    }
    let added: Vec<&str> =
        row.capabilities_added.split(',').filter(|name| !name.is_empty() && *name != "NET_BIND_SERVICE").collect();
    if !added.is_empty() {
        found.push(("container-capabilities", Level::Warning, format!("has added capabilities: {}", added.join(","))));
    }
    if row.seccomp == "Unconfined" || row.app_armor == "Unconfined" {
        found.push(("container-unconfined", Level::Warning, "is unconfined by seccomp or AppArmor".to_owned()));
    }
    if yes(row.allow_privilege_escalation) && !yes(row.privileged) {
        let message = "lets processes gain more rights than their parent".to_owned();
        found.push(("container-escalation", Level::Note, message));
    }
    placed(row, found)
}

fn placed(row: &WorkloadPosture<'_>, found: Vec<(&str, Level, String)>) -> Vec<Finding> {
    let file = Some(row.provenance.source.to_string()).filter(|file| !file.is_empty());
    let name = if row.container.is_empty() { String::new() } else { format!(" container {}", row.container) };
    let finding = |(rule, level, message): (&str, Level, String)| Finding {
        rule: rule.to_owned(),
        level,
        message: format!("{}{name} {message}", row.workload),
        subject: row.workload.to_string(),
        file: file.clone(),
        line: usize::try_from(row.provenance.seq).unwrap_or(0),
    };
    found.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use records::table::Provenance;

    fn row() -> WorkloadPosture<'static> {
        WorkloadPosture {
            provenance: Provenance { source: "a.yaml".into(), seq: 7, ..Provenance::default() },
            posture_id: "".into(),
            valid_from: records::Timestamp::from_micros(0).unwrap(),
            valid_to: None,
            workload: "DaemonSet:shop/agent".into(),
            workload_kind: "DaemonSet".into(),
            controlled_by: None,
            application: None,
            namespace: "shop".into(),
            container: "agent".into(),
            container_kind: "container".into(),
            image: "agent:1".into(),
            image_digest: None,
            runs_as_root: None,
            run_as_user: None,
            run_as_group: None,
            run_as_non_root: None,
            user_namespace: Some(false),
            privileged: Some(false),
            allow_privilege_escalation: Some(true),
            read_only_root_filesystem: Some(false),
            capabilities_added: "NET_BIND_SERVICE,SYS_TIME".into(),
            capabilities_dropped: "".into(),
            host_network: Some(false),
            host_pid: Some(true),
            host_ipc: Some(false),
            host_process: Some(false),
            host_ports: "80/TCP".into(),
            host_paths: "/run".into(),
            writable_host_paths: "/run".into(),
            seccomp: "Unconfined".into(),
            app_armor: "".into(),
            se_linux: "".into(),
            proc_mount: "Default".into(),
            sysctls: "".into(),
            service_account: "shop/agent".into(),
            token_mount: "automatic".into(),
            cpu_limit: None,
            memory_limit: None,
            cpu_request: None,
            memory_request: None,
            pod_security_level: Some("privileged".into()),
            pod_security_unmet: "hostNamespaces".into(),
            exceptions: "".into(),
            excepted_policies: "".into(),
        }
    }

    #[test]
    fn a_container_is_a_row_and_what_is_wrong_with_it_findings() {
        insta::assert_snapshot!(sheet(&[row()]).csv());
        let shown: Vec<String> = findings(&[row()])
            .iter()
            .map(|f| format!("{} {}: {} at {:?}:{}", f.level.word(), f.rule, f.message, f.file, f.line))
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn every_finding_has_its_rule() {
        let rules: Vec<String> = rules().into_iter().map(|rule| rule.id).collect();
        let bad = WorkloadPosture { runs_as_root: Some(true), privileged: Some(true), ..row() };
        let unreadable = WorkloadPosture { container_kind: "unreadable".into(), ..row() };
        for finding in findings(&[row(), bad, unreadable]) {
            assert!(rules.contains(&finding.rule), "{}", finding.rule);
        }
    }
}
