//! The checks of the level baseline. Each function's parameters: the pod, the minor version whose rules hold, the findings.

use super::{Place, containers, contexts};
use crate::findings::{Findings, listed, quoted};
use crate::workload::pod::{Handler, Pod, Profile};

const APP_ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// The capabilities that container runtimes give by default, without `NET_RAW`.
const DEFAULT_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Sysctls that touch only the pod, with the minor version since which they are allowed.
const SAFE_SYSCTLS: &[(u32, &str)] = &[
    (0, "kernel.shm_rmid_forced"),
    (0, "net.ipv4.ip_local_port_range"),
    (0, "net.ipv4.ip_unprivileged_port_start"),
    (0, "net.ipv4.ping_group_range"),
    (0, "net.ipv4.tcp_syncookies"),
    (27, "net.ipv4.ip_local_reserved_ports"),
    (29, "net.ipv4.tcp_fin_timeout"),
    (29, "net.ipv4.tcp_keepalive_intvl"),
    (29, "net.ipv4.tcp_keepalive_probes"),
    (29, "net.ipv4.tcp_keepalive_time"),
    (32, "net.ipv4.tcp_rmem"),
    (32, "net.ipv4.tcp_wmem"),
    (37, "net.ipv4.tcp_notsent_lowat"),
    (37, "net.ipv4.tcp_slow_start_after_idle"),
];

const SE_LINUX_TYPES: &[(u32, &str)] =
    &[(0, "container_t"), (0, "container_init_t"), (0, "container_kvm_t"), (31, "container_engine_t")];

/// The names that a minor version has.
fn since(all: &'static [(u32, &'static str)], minor: u32) -> Vec<&'static str> {
    all.iter().filter(|(since, _)| *since <= minor).map(|(_, name)| *name).collect()
}

/// Whether a profile of AppArmor or seccomp is one that confines.
pub(super) fn confines(profile: &Profile) -> bool {
    matches!(profile.kind.as_str(), "RuntimeDefault" | "Localhost")
}

pub(super) fn app_armor_profile(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    for (place, context) in contexts(pod) {
        if let Some(profile) = context.app_armor_profile.as_ref().filter(|profile| !confines(profile)) {
            findings.add(
                format_args!("{place}.securityContext.appArmorProfile.type"),
                format_args!("is {}", quoted(&profile.kind)),
                r#""RuntimeDefault", "Localhost", or no profile"#,
            );
        }
    }
    for (key, value) in &pod.metadata.annotations {
        let value = value.as_deref().unwrap_or_default();
        let allowed = value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
        if key.starts_with(APP_ARMOR_ANNOTATION) && !allowed {
            findings.add(
                format_args!("metadata.annotations[{}]", quoted(key)),
                format_args!("is {}", quoted(value)),
                r#""runtime/default" or "localhost/<profile>""#,
            );
        }
    }
}

pub(super) fn capabilities(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    for (place, container) in containers(pod) {
        for (index, name) in container.security_context.capabilities.add.iter().enumerate() {
            if !DEFAULT_CAPABILITIES.contains(&name.as_str()) {
                findings.add(
                    format_args!("{place}.securityContext.capabilities.add[{index}]"),
                    format_args!("is {}", quoted(name)),
                    listed(DEFAULT_CAPABILITIES),
                );
            }
        }
    }
}

pub(super) fn host_namespaces(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    let spec = &pod.spec;
    for (field, value) in [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)] {
        if value == Some(true) {
            findings.add(format_args!("spec.{field}"), "is true", "false or not set");
        }
    }
}

pub(super) fn host_path_volumes(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    for (index, volume) in pod.spec.volumes.iter().enumerate() {
        if let Some(path) = &volume.host_path {
            let found = format!("is set (path {})", quoted(path));
            findings.add(format_args!("spec.volumes[{index}].hostPath"), found, "other sources of volumes");
        }
    }
}

pub(super) fn host_ports(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    for (place, container) in containers(pod) {
        for (index, port) in container.ports.iter().enumerate() {
            if let Some(number) = port.host_port.filter(|number| *number != 0) {
                findings.add(
                    format_args!("{place}.ports[{index}].hostPort"),
                    format_args!("is {number}"),
                    "0 or not set",
                );
            }
        }
    }
}

pub(super) fn probe_and_lifecycle_hosts(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    let mut handler = |place: Place, name: &str, handler: Option<&Handler>| {
        let Some(handler) = handler else { return };
        for (kind, host) in [("httpGet", &handler.http_get.host), ("tcpSocket", &handler.tcp_socket.host)] {
            if !host.is_empty() {
                findings.add(
                    format_args!("{place}.{name}.{kind}.host"),
                    format_args!("is {}", quoted(host)),
                    "not set, so that the pod itself is asked",
                );
            }
        }
    };
    for (place, container) in containers(pod) {
        handler(place, "livenessProbe", container.liveness_probe.as_ref());
        handler(place, "readinessProbe", container.readiness_probe.as_ref());
        handler(place, "startupProbe", container.startup_probe.as_ref());
        handler(place, "lifecycle.postStart", container.lifecycle.post_start.as_ref());
        handler(place, "lifecycle.preStop", container.lifecycle.pre_stop.as_ref());
    }
}

pub(super) fn privileged(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    for (place, container) in containers(pod) {
        if container.security_context.privileged == Some(true) {
            findings.add(format_args!("{place}.securityContext.privileged"), "is true", "false or not set");
        }
    }
}

pub(super) fn proc_mount(pod: &Pod, minor: u32, findings: &mut Findings<'_>) {
    if minor < 35 || !pod.spec.in_user_namespace() {
        masked_proc(pod, findings);
    }
}

/// That `/proc` is mounted with its masks, whatever namespaces the pod has.
pub(super) fn masked_proc(pod: &Pod, findings: &mut Findings<'_>) {
    for (place, container) in containers(pod) {
        if let Some(mount) = container.security_context.proc_mount.as_ref().filter(|mount| *mount != "Default") {
            findings.add(
                format_args!("{place}.securityContext.procMount"),
                format_args!("is {}", quoted(mount)),
                r#""Default" or not set"#,
            );
        }
    }
}

pub(super) fn se_linux_options(pod: &Pod, minor: u32, findings: &mut Findings<'_>) {
    let types = since(SE_LINUX_TYPES, minor);
    for (place, context) in contexts(pod) {
        let Some(options) = &context.se_linux_options else { continue };
        if !options.kind.is_empty() && !types.contains(&options.kind.as_str()) {
            findings.add(
                format_args!("{place}.securityContext.seLinuxOptions.type"),
                format_args!("is {}", quoted(&options.kind)),
                format_args!("{}, or not set", listed(&types)),
            );
        }
        for (field, value) in [("user", &options.user), ("role", &options.role)] {
            if !value.is_empty() {
                findings.add(
                    format_args!("{place}.securityContext.seLinuxOptions.{field}"),
                    format_args!("is {}", quoted(value)),
                    "not set",
                );
            }
        }
    }
}

/// Until 1.18 seccomp was asked for by annotations, since 1.19 by fields.
pub(super) fn seccomp_profile(pod: &Pod, minor: u32, findings: &mut Findings<'_>) {
    if minor < 19 {
        seccomp_annotations(pod, findings);
        return;
    }
    for (place, context) in contexts(pod) {
        if let Some(profile) = context.seccomp_profile.as_ref().filter(|profile| !confines(profile)) {
            findings.add(
                format_args!("{place}.securityContext.seccompProfile.type"),
                format_args!("is {}", quoted(&profile.kind)),
                r#""RuntimeDefault", "Localhost", or no profile"#,
            );
        }
    }
}

fn seccomp_annotations(pod: &Pod, findings: &mut Findings<'_>) {
    for (key, value) in &pod.metadata.annotations {
        let of_container = key
            .strip_prefix(SECCOMP_CONTAINER_ANNOTATION)
            .is_some_and(|name| pod.spec.all_containers().any(|(_, _, container)| container.name == name));
        if !of_container && key != SECCOMP_POD_ANNOTATION {
            continue;
        }
        let value = value.as_deref().unwrap_or_default();
        if !matches!(value, "runtime/default" | "docker/default") && !value.starts_with("localhost/") {
            findings.add(
                format_args!("metadata.annotations[{}]", quoted(key)),
                format_args!("is {}", quoted(value)),
                r#""runtime/default", "docker/default" or "localhost/<profile>""#,
            );
        }
    }
}

pub(super) fn sysctls(pod: &Pod, minor: u32, findings: &mut Findings<'_>) {
    let safe = since(SAFE_SYSCTLS, minor);
    for (index, sysctl) in pod.spec.security_context.sysctls.iter().enumerate() {
        if !safe.contains(&sysctl.name.as_str()) {
            findings.add(
                format_args!("spec.securityContext.sysctls[{index}].name"),
                format_args!("is {}", quoted(&sysctl.name)),
                listed(&safe),
            );
        }
    }
}

pub(super) fn windows_host_process(pod: &Pod, _: u32, findings: &mut Findings<'_>) {
    for (place, context) in contexts(pod) {
        if context.windows_options.host_process == Some(true) {
            findings.add(
                format_args!("{place}.securityContext.windowsOptions.hostProcess"),
                "is true",
                "false or not set",
            );
        }
    }
}
