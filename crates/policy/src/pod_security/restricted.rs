//! The checks that the level restricted adds to those of baseline, or sets in place of them.

use super::baseline::{confines, masked_proc};
use super::{Place, containers, contexts};
use crate::findings::{Findings, listed, quoted};
use crate::workload::pod::Pod;

/// Since this minor version a pod that says that it is for Windows is spared what Windows does not have: the API server refuses
/// such fields in it.
const WINDOWS_SPARED_SINCE: u32 = 25;
/// Since this minor version a pod in a user namespace may run as root, because it is not root on the host.
const USER_NAMESPACE_SINCE: u32 = 35;

const VOLUME_SOURCES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

fn spared_as_windows(pod: &Pod, minor: u32) -> bool {
    minor >= WINDOWS_SPARED_SINCE && pod.spec.is_windows()
}

fn spared_in_user_namespace(pod: &Pod, minor: u32) -> bool {
    minor >= USER_NAMESPACE_SINCE && pod.spec.in_user_namespace()
}

pub(super) fn allow_privilege_escalation(pod: &Pod, minor: u32, findings: &mut Findings<'_>) {
    if spared_as_windows(pod, minor) {
        return;
    }
    for (place, container) in containers(pod) {
        let value = container.security_context.allow_privilege_escalation;
        if value != Some(false) {
            let found = if value.is_some() { "is true" } else { "is not set" };
            findings.add(format_args!("{place}.securityContext.allowPrivilegeEscalation"), found, "false");
        }
    }
}

pub(super) fn capabilities(pod: &Pod, minor: u32, findings: &mut Findings<'_>) {
    if spared_as_windows(pod, minor) {
        return;
    }
    for (place, container) in containers(pod) {
        let capabilities = &container.security_context.capabilities;
        if !capabilities.drop.iter().any(|name| name == "ALL") {
            let found = if capabilities.drop.is_empty() {
                "is not set".into()
            } else {
                format!("is [{}]", listed_cut(&capabilities.drop))
            };
            findings.add(format_args!("{place}.securityContext.capabilities.drop"), found, r#"a list with "ALL""#);
        }
        for (index, name) in capabilities.add.iter().enumerate() {
            if name != "NET_BIND_SERVICE" {
                findings.add(
                    format_args!("{place}.securityContext.capabilities.add[{index}]"),
                    format_args!("is {}", quoted(name)),
                    r#""NET_BIND_SERVICE""#,
                );
            }
        }
    }
}

/// The first few of many.
fn listed_cut(names: &[String]) -> String {
    listed(&names.iter().take(8).map(|name| name.chars().take(64).collect::<String>()).collect::<Vec<_>>())
}

pub(super) fn proc_mount(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    masked_proc(pod, findings);
}

pub(super) fn volumes(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    for (index, volume) in pod.spec.volumes.iter().enumerate() {
        for source in volume.sources.iter().filter(|source| !VOLUME_SOURCES.contains(&source.as_str())) {
            let field = quoted(source);
            findings.add(
                format_args!("spec.volumes[{index}].{}", field.trim_matches('"')),
                "is set",
                listed(VOLUME_SOURCES),
            );
        }
    }
}

pub(super) fn run_as_non_root(pod: &Pod, minor: u32, findings: &mut Findings<'_>) {
    if spared_in_user_namespace(pod, minor) {
        return;
    }
    let of_pod = pod.spec.security_context.run_as_non_root;
    for (place, context) in contexts(pod) {
        let path = format_args!("{place}.securityContext.runAsNonRoot");
        match context.run_as_non_root {
            Some(false) => findings.add(path, "is false", "true"),
            None if place != Place::Pod && of_pod != Some(true) => {
                findings.add(path, "is not set, and not true for the pod", "true here or for the pod");
            }
            _ => {}
        }
    }
}

pub(super) fn run_as_user(pod: &Pod, minor: u32, findings: &mut Findings<'_>) {
    if spared_in_user_namespace(pod, minor) {
        return;
    }
    for (place, context) in contexts(pod) {
        if context.run_as_user == Some(0) {
            findings.add(format_args!("{place}.securityContext.runAsUser"), "is 0", "not 0, or not set");
        }
    }
}

pub(super) fn seccomp_profile(pod: &Pod, minor: u32, findings: &mut Findings<'_>) {
    if spared_as_windows(pod, minor) {
        return;
    }
    let of_pod = pod.spec.security_context.seccomp_profile.as_ref().is_some_and(confines);
    for (place, context) in contexts(pod) {
        let path = format_args!("{place}.securityContext.seccompProfile.type");
        match &context.seccomp_profile {
            Some(profile) if !confines(profile) => {
                findings.add(path, format_args!("is {}", quoted(&profile.kind)), r#""RuntimeDefault" or "Localhost""#);
            }
            None if place != Place::Pod && !of_pod => {
                findings.add(
                    path,
                    "is not set, nor for the pod",
                    r#""RuntimeDefault" or "Localhost", here or for the pod"#,
                );
            }
            _ => {}
        }
    }
}
