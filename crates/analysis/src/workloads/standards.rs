//! Which level of the Pod Security Standards a pod meets, by the newest rules that are known (those of Kubernetes 1.37).
//!
//! The checks have the names that Kubernetes' own admission plugin gives them. Source of the rules: the documentation of the Pod Security
//! Standards and the module `k8s.io/pod-security-admission`. A test of the crate that enforces them at admission holds both against each other.

use super::pod_spec::{Container, Pod, SecurityContext};

/// A check of the level baseline, with the one of restricted that stands in for it there.
type Baseline = (&'static str, Option<&'static str>, fn(&Pod) -> bool);

/// A check of the level restricted.
type Restricted = (&'static str, fn(&Pod) -> bool);

/// The checks of the level baseline: true where the pod does not meet it.
const BASELINE: [Baseline; 12] = [
    ("appArmorProfile", None, app_armor),
    ("capabilities_baseline", Some("capabilities_restricted"), added_capabilities),
    ("hostNamespaces", None, host_namespaces),
    ("hostPathVolumes", Some("restrictedVolumes"), host_paths),
    ("hostPorts", None, host_ports),
    ("hostProbesAndHostLifecycle", None, probed_hosts),
    ("privileged", None, privileged),
    ("procMount", Some("procMount_restricted"), |pod| !pod.spec.has_user_namespace() && unmasked_proc(pod)),
    ("seLinuxOptions", None, se_linux),
    ("seccompProfile_baseline", Some("seccompProfile_restricted"), unconfined),
    ("sysctls", None, sysctls),
    ("windowsHostProcess", None, host_process),
];

/// The checks that the level restricted has beside them, or in their place.
const RESTRICTED: [Restricted; 7] = [
    ("allowPrivilegeEscalation", |pod| !pod.spec.is_windows() && escalation(pod)),
    ("capabilities_restricted", |pod| !pod.spec.is_windows() && capabilities(pod)),
    ("procMount_restricted", unmasked_proc),
    ("restrictedVolumes", volumes),
    ("runAsNonRoot", |pod| !pod.spec.has_user_namespace() && maybe_root(pod)),
    ("runAsUser", |pod| !pod.spec.has_user_namespace() && contexts(pod).any(|context| context.run_as_user == Some(0))),
    ("seccompProfile_restricted", |pod| !pod.spec.is_windows() && no_seccomp(pod)),
];

const DEFAULT_CAPABILITIES: [&str; 13] = [
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

const SAFE_SYSCTLS: [&str; 14] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

const SE_LINUX_TYPES: [&str; 5] = ["", "container_engine_t", "container_init_t", "container_kvm_t", "container_t"];

const VOLUME_SOURCES: [&str; 9] = [
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

const APP_ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

/// What a pod meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `privileged`, `baseline` or `restricted`: the strictest level that it meets.
    pub(crate) level: &'static str,
    /// The checks that keep it from restricted, those of baseline first.
    pub(crate) unmet: Vec<&'static str>,
}

/// Holds the pod against all checks.
pub(crate) fn standing(pod: &Pod) -> Standing {
    let restricted: Vec<&str> = RESTRICTED.iter().filter(|(_, unmet)| unmet(pod)).map(|(name, _)| *name).collect();
    let unmet: Vec<&Baseline> = BASELINE.iter().filter(|(_, _, unmet)| unmet(pod)).collect();
    let level = match (unmet.is_empty(), restricted.is_empty()) {
        (false, _) => "privileged",
        (true, false) => "baseline",
        (true, true) => "restricted",
    };
    // What restricted says in other words is told in those of baseline.
    let said = |name: &&str| !unmet.iter().any(|(_, stands_in, _)| *stands_in == Some(*name));
    let names = unmet.iter().map(|(name, _, _)| *name).chain(restricted.iter().copied().filter(said));
    Standing { level, unmet: names.collect() }
}

fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.spec.all_containers().map(|(_, container)| container)
}

/// The pod's own first, then those of its containers.
fn contexts(pod: &Pod) -> impl Iterator<Item = &SecurityContext> {
    std::iter::once(&pod.spec.security_context).chain(containers(pod).map(|container| &container.security_context))
}

fn app_armor(pod: &Pod) -> bool {
    let by_field = contexts(pod).filter_map(|context| context.app_armor_profile.as_ref()).any(|p| !p.confines());
    let allowed = |value: &str| value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
    let by_annotation =
        pod.metadata.annotations.iter().any(|(key, value)| {
            key.starts_with(APP_ARMOR_ANNOTATION) && !allowed(value.as_deref().unwrap_or_default())
        });
    by_field || by_annotation
}

fn added_capabilities(pod: &Pod) -> bool {
    let mut added = containers(pod).flat_map(|container| &container.security_context.capabilities.add);
    added.any(|name| !DEFAULT_CAPABILITIES.contains(&name.as_str()))
}

fn host_namespaces(pod: &Pod) -> bool {
    [pod.spec.host_network, pod.spec.host_pid, pod.spec.host_ipc].contains(&Some(true))
}

fn host_paths(pod: &Pod) -> bool {
    pod.spec.volumes.iter().any(|volume| volume.host_path.is_some())
}

fn host_ports(pod: &Pod) -> bool {
    containers(pod).flat_map(|container| &container.ports).any(|port| port.host_port.is_some_and(|port| port != 0))
}

fn probed_hosts(pod: &Pod) -> bool {
    containers(pod).any(|container| {
        let probes = [&container.liveness_probe, &container.readiness_probe, &container.startup_probe];
        let hooks = [&container.lifecycle.post_start, &container.lifecycle.pre_stop];
        probes.into_iter().chain(hooks).flatten().any(super::pod_spec::Handler::names_a_host)
    })
}

fn privileged(pod: &Pod) -> bool {
    containers(pod).any(|container| container.security_context.privileged == Some(true))
}

fn unmasked_proc(pod: &Pod) -> bool {
    let mounts = containers(pod).filter_map(|container| container.security_context.proc_mount.as_deref());
    mounts.into_iter().any(|mount| mount != "Default")
}

fn se_linux(pod: &Pod) -> bool {
    contexts(pod).filter_map(|context| context.se_linux_options.as_ref()).any(|options| {
        !SE_LINUX_TYPES.contains(&options.kind.as_str()) || !options.user.is_empty() || !options.role.is_empty()
    })
}

fn unconfined(pod: &Pod) -> bool {
    contexts(pod).filter_map(|context| context.seccomp_profile.as_ref()).any(|profile| !profile.confines())
}

fn sysctls(pod: &Pod) -> bool {
    pod.spec.security_context.sysctls.iter().any(|sysctl| !SAFE_SYSCTLS.contains(&sysctl.name.as_str()))
}

fn host_process(pod: &Pod) -> bool {
    contexts(pod).any(|context| context.windows_options.host_process == Some(true))
}

fn escalation(pod: &Pod) -> bool {
    containers(pod).any(|container| container.security_context.allow_privilege_escalation != Some(false))
}

fn capabilities(pod: &Pod) -> bool {
    containers(pod).map(|container| &container.security_context.capabilities).any(|capabilities| {
        !capabilities.drop.iter().any(|name| name == "ALL")
            || capabilities.add.iter().any(|name| name != "NET_BIND_SERVICE")
    })
}

/// A volume without any source is taken for the `emptyDir` that the API server makes of it.
fn volumes(pod: &Pod) -> bool {
    let mut sources = pod.spec.volumes.iter().flat_map(|volume| &volume.sources);
    sources.any(|source| !VOLUME_SOURCES.contains(&source.as_str()))
}

fn maybe_root(pod: &Pod) -> bool {
    let of_pod = pod.spec.security_context.run_as_non_root;
    of_pod == Some(false)
        || containers(pod).any(|container| match container.security_context.run_as_non_root {
            Some(non_root) => !non_root,
            None => of_pod != Some(true),
        })
}

fn no_seccomp(pod: &Pod) -> bool {
    let of_pod = pod.spec.security_context.seccomp_profile.as_ref();
    let confined = of_pod.is_some_and(super::pod_spec::Profile::confines);
    of_pod.is_some_and(|profile| !profile.confines())
        || containers(pod).any(|container| match &container.security_context.seccomp_profile {
            Some(profile) => !profile.confines(),
            None => !confined,
        })
}

#[cfg(test)]
mod tests {
    use super::super::pod_spec::Workload;
    use super::*;

    fn of(spec: &str) -> (&'static str, Vec<&'static str>) {
        let pod: Workload = serde_json::from_str(&format!("{{\"spec\":{spec}}}")).unwrap();
        let standing = standing(&pod.pod("pods").unwrap());
        (standing.level, standing.unmet)
    }

    const RESTRICTED_POD: &str = r#"{"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},
        "containers":[{"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}"#;

    #[test]
    fn each_level_is_met() {
        assert_eq!(of(RESTRICTED_POD), ("restricted", vec![]));
        let plain =
            ["allowPrivilegeEscalation", "capabilities_restricted", "runAsNonRoot", "seccompProfile_restricted"];
        assert_eq!(of(r#"{"containers":[{}]}"#), ("baseline", plain.to_vec()));
        assert_eq!(of(r#"{"hostNetwork":true}"#), ("privileged", vec!["hostNamespaces"]));
    }

    #[test]
    fn one_thing_is_told_once() {
        let host = RESTRICTED_POD.replacen('{', r#"{"volumes":[{"name":"a","hostPath":{"path":"/"}}],"#, 1);
        assert_eq!(of(&host), ("privileged", vec!["hostPathVolumes"]));
        let nfs = RESTRICTED_POD.replacen('{', r#"{"volumes":[{"name":"a","nfs":{}}],"#, 1);
        assert_eq!(of(&nfs), ("baseline", vec!["restrictedVolumes"]));
    }
}
