//! The Pod Security Standards as Kubernetes' own admission plugin applies them, for each minor version.
//!
//! Source of the rules: the Kubernetes documentation of the Pod Security Standards, and the module `k8s.io/pod-security-admission`
//! (v0.37.2) for what each version of a rule was; the tests run every fixture of that module. A namespace pinned to an older version
//! is judged by the rules of that version, a version newer than 1.37 by those of 1.37.
//!
//! Where this differs from the module on purpose:
//! - a volume without any source is taken for the `emptyDir` that the API server makes of it;
//! - a volume with an allowed and a restricted source at once, which the API server refuses anyway, is restricted.

mod baseline;
mod restricted;
mod version;

use crate::findings::Findings;
use crate::workload::pod::{Container, ContainerList, Pod, SecurityContext};

pub use version::{Level, LevelVersion, LevelVersionError, PolicyVersion};

/// The newest minor version of Kubernetes whose rules are known.
pub const NEWEST_MINOR: u32 = 37;

/// One check of a level.
struct Check {
    /// Its identifier, as in Kubernetes.
    id: &'static str,
    level: Level,
    /// The first minor version that has it.
    since: u32,
    /// The baseline check that it stands in for at the level restricted.
    replaces: Option<&'static str>,
    run: fn(&Pod, u32, &mut Findings<'_>),
}

const fn baseline(id: &'static str, since: u32, run: fn(&Pod, u32, &mut Findings<'_>)) -> Check {
    Check { id, level: Level::Baseline, since, replaces: None, run }
}

const fn restricted(
    id: &'static str,
    since: u32,
    replaces: Option<&'static str>,
    run: fn(&Pod, u32, &mut Findings<'_>),
) -> Check {
    Check { id, level: Level::Restricted, since, replaces, run }
}

/// All checks, those of baseline first.
const CHECKS: &[Check] = &[
    baseline("appArmorProfile", 0, baseline::app_armor_profile),
    baseline("capabilities_baseline", 0, baseline::capabilities),
    baseline("hostNamespaces", 0, baseline::host_namespaces),
    baseline("hostPathVolumes", 0, baseline::host_path_volumes),
    baseline("hostPorts", 0, baseline::host_ports),
    baseline("hostProbesAndHostLifecycle", 34, baseline::probe_and_lifecycle_hosts),
    baseline("privileged", 0, baseline::privileged),
    baseline("procMount", 0, baseline::proc_mount),
    baseline("seLinuxOptions", 0, baseline::se_linux_options),
    baseline("seccompProfile_baseline", 0, baseline::seccomp_profile),
    baseline("sysctls", 0, baseline::sysctls),
    baseline("windowsHostProcess", 0, baseline::windows_host_process),
    restricted("allowPrivilegeEscalation", 8, None, restricted::allow_privilege_escalation),
    restricted("capabilities_restricted", 22, Some("capabilities_baseline"), restricted::capabilities),
    restricted("procMount_restricted", 35, Some("procMount"), restricted::proc_mount),
    restricted("restrictedVolumes", 0, Some("hostPathVolumes"), restricted::volumes),
    restricted("runAsNonRoot", 0, None, restricted::run_as_non_root),
    restricted("runAsUser", 23, None, restricted::run_as_user),
    restricted("seccompProfile_restricted", 19, Some("seccompProfile_baseline"), restricted::seccomp_profile),
];

/// The identifiers of all checks, as in Kubernetes.
pub fn check_ids() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.id)
}

/// Runs the checks of the level on the pod.
pub(crate) fn judge(standard: LevelVersion, pod: &Pod, findings: &mut Findings<'_>) {
    let minor = standard.version.minor();
    let applies = |check: &&Check| match standard.level {
        Level::Privileged => false,
        Level::Baseline => check.level == Level::Baseline && check.since <= minor,
        Level::Restricted => {
            let replaced = |other: &Check| other.since <= minor && other.replaces == Some(check.id);
            check.since <= minor && !CHECKS.iter().any(replaced)
        }
    };
    for check in CHECKS.iter().filter(applies) {
        findings.begin(check.id);
        (check.run)(pod, minor, findings);
    }
}

/// The security contexts of a pod with their paths: the pod's own first, then those of all containers.
fn contexts(pod: &Pod) -> impl Iterator<Item = (Place, &SecurityContext)> {
    let own = std::iter::once((Place::Pod, &pod.spec.security_context));
    own.chain(containers(pod).map(|(place, container)| (place, &container.security_context)))
}

/// The containers of a pod with their paths.
pub(crate) fn containers(pod: &Pod) -> impl Iterator<Item = (Place, &Container)> {
    pod.spec.all_containers().map(|(list, index, container)| (Place::Container(list, index), container))
}

/// Where a security context is; shown as the path of what holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Pod,
    Container(ContainerList, usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pod => f.write_str("spec"),
            Self::Container(list, index) => write!(f, "spec.{}[{index}]", list.field()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(standard: &str, pod: &str) -> Vec<String> {
        let mut findings = Findings::new("");
        judge(standard.parse().unwrap(), &serde_json::from_str(pod).unwrap(), &mut findings);
        findings.kept.into_iter().map(|finding| format!("{}: {}", finding.check.unwrap(), finding.message)).collect()
    }

    #[test]
    fn init_and_ephemeral_containers_are_judged() {
        let pod = r#"{"spec":{"initContainers":[{"securityContext":{"privileged":true}}],
            "ephemeralContainers":[{"securityContext":{"privileged":true}}]}}"#;
        assert_eq!(
            failed("baseline", pod),
            [
                "privileged: spec.initContainers[0].securityContext.privileged is true; allowed: false or not set",
                "privileged: spec.ephemeralContainers[0].securityContext.privileged is true; allowed: false or not set",
            ]
        );
    }

    #[test]
    fn a_windows_pod_is_spared_what_windows_does_not_have_since_1_25() {
        let pod = r#"{"spec":{"os":{"name":"windows"},"securityContext":{"runAsNonRoot":true},"containers":[{}]}}"#;
        assert_eq!(failed("restricted:v1.25", pod), Vec::<String>::new());
        assert_eq!(failed("restricted:v1.24", pod).len(), 3);
        let host = r#"{"spec":{"os":{"name":"windows"},"securityContext":{"windowsOptions":{"hostProcess":true}}}}"#;
        assert_eq!(
            failed("baseline", host),
            ["windowsHostProcess: spec.securityContext.windowsOptions.hostProcess is true; allowed: false or not set"]
        );
    }

    #[test]
    fn a_user_namespace_relaxes_users_and_proc_since_1_35() {
        let pod = r#"{"spec":{"hostUsers":false,"securityContext":{"runAsUser":0},"containers":[{"securityContext":{"procMount":"Unmasked"}}]}}"#;
        let has = |standard: &str, check: &str| failed(standard, pod).iter().any(|f| f.starts_with(check));
        for check in ["runAsNonRoot:", "runAsUser:"] {
            assert!(has("restricted:v1.34", check) && !has("restricted:v1.35", check), "{check}");
        }
        assert!(has("baseline:v1.34", "procMount:") && !has("baseline:v1.35", "procMount:"));
        assert!(has("restricted:v1.35", "procMount_restricted:"));
    }

    #[test]
    fn a_check_that_stands_in_for_another_leaves_one_finding() {
        let pod = r#"{"spec":{"volumes":[{"name":"a","hostPath":{"path":"/"}}]}}"#;
        let restricted = failed("restricted", pod);
        assert!(restricted[0].starts_with("restrictedVolumes: spec.volumes[0].hostPath is set"), "{restricted:?}");
        assert_eq!(restricted.len(), 1);
        assert_eq!(failed("baseline", pod).len(), 1);
        assert_eq!(failed("privileged", pod).len(), 0);
    }
}
