//! What is told of one container: its own settings laid over those of its pod, as the kubelet and the container runtime do it.

use records::image::ImageReference;
use records::tables::workloads::WorkloadPosture;

use super::pod_spec::{Container, Pod, Profile, SeLinuxOptions, SecurityContext};

/// Where Kubernetes mounts the token of the service account by itself.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const APP_ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

/// What the service account says about mounting its token by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Automount {
    /// The account is known: its `automountServiceAccountToken`.
    Known(Option<bool>),
    /// The account is not known.
    Unknown,
}

/// Fills in everything about the container but where it is and when.
pub(crate) fn fill(row: &mut WorkloadPosture<'_>, pod: &Pod, container: &Container, account: Automount) {
    let spec = &pod.spec;
    let (own, of_pod) = (&container.security_context, &spec.security_context);
    let added = sorted(&own.capabilities.add);
    let privileged = own.privileged == Some(true);
    let is = |value: Option<bool>| Some(value == Some(true));

    row.container = container.name.clone().into();
    row.image = container.image.clone().into();
    row.image_digest =
        ImageReference::parse(&container.image).and_then(|image| image.digest.map(|digest| digest.to_owned().into()));
    row.runs_as_root = if spec.is_windows() { windows_root(own, of_pod) } else { root(own, of_pod) };
    row.run_as_user = own.run_as_user.or(of_pod.run_as_user);
    row.run_as_group = own.run_as_group.or(of_pod.run_as_group);
    row.run_as_non_root = own.run_as_non_root.or(of_pod.run_as_non_root);
    row.user_namespace = Some(spec.has_user_namespace());
    row.privileged = Some(privileged);
    let administers =
        own.capabilities.add.iter().any(|name| matches!(name.as_str(), "SYS_ADMIN" | "CAP_SYS_ADMIN" | "ALL"));
    row.allow_privilege_escalation = Some(privileged || administers || own.allow_privilege_escalation != Some(false));
    row.read_only_root_filesystem = is(own.read_only_root_filesystem);
    row.capabilities_added = added.into();
    row.capabilities_dropped = sorted(&own.capabilities.drop).into();
    row.host_network = is(spec.host_network);
    row.host_pid = is(spec.host_pid);
    row.host_ipc = is(spec.host_ipc);
    row.host_process = is(own.windows_options.host_process.or(of_pod.windows_options.host_process));
    row.host_ports = host_ports(pod, container).into();
    let (all, writable) = host_paths(pod, container);
    row.host_paths = sorted(&all).into();
    row.writable_host_paths = sorted(&writable).into();
    let shown = |profile: Option<&Profile>| profile.map(Profile::shown).unwrap_or_default();
    row.seccomp = shown(own.seccomp_profile.as_ref().or(of_pod.seccomp_profile.as_ref())).into();
    row.app_armor = match own.app_armor_profile.as_ref().or(of_pod.app_armor_profile.as_ref()) {
        Some(profile) => profile.shown().into(),
        None => by_annotation(pod, &container.name).into(),
    };
    row.se_linux =
        own.se_linux_options.as_ref().or(of_pod.se_linux_options.as_ref()).map(options).unwrap_or_default().into();
    row.proc_mount = own.proc_mount.clone().unwrap_or_else(|| "Default".to_owned()).into();
    let sysctls: Vec<String> = of_pod.sysctls.iter().map(|sysctl| sysctl.name.clone()).collect();
    row.sysctls = sorted(&sysctls).into();
    row.service_account = format!("{}/{}", row.namespace, spec.account()).into();
    row.token_mount = token(pod, container, account).into();
    let quantity = |of: &std::collections::BTreeMap<String, super::pod_spec::Quantity>, name: &str| {
        of.get(name).map(|quantity| quantity.0.clone().into())
    };
    row.cpu_limit = quantity(&container.resources.limits, "cpu");
    row.memory_limit = quantity(&container.resources.limits, "memory");
    row.cpu_request = quantity(&container.resources.requests, "cpu");
    row.memory_request = quantity(&container.resources.requests, "memory");
}

fn sorted(names: &[String]) -> String {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

/// The kubelet refuses to start a container as root that must not be root; when the user is the image's, it looks at the image then.
fn root(own: &SecurityContext, of_pod: &SecurityContext) -> Option<bool> {
    match (own.run_as_user.or(of_pod.run_as_user), own.run_as_non_root.or(of_pod.run_as_non_root)) {
        (_, Some(true)) => Some(false),
        (Some(user), _) => Some(user == 0),
        (None, _) => None,
    }
}

fn windows_root(own: &SecurityContext, of_pod: &SecurityContext) -> Option<bool> {
    if own.run_as_non_root.or(of_pod.run_as_non_root) == Some(true) {
        return Some(false);
    }
    let user = own.windows_options.run_as_user_name.as_ref().or(of_pod.windows_options.run_as_user_name.as_ref())?;
    let name = user.rsplit('\\').next().unwrap_or(user);
    Some(["ContainerAdministrator", "Administrator", "SYSTEM"].iter().any(|root| name.eq_ignore_ascii_case(root)))
}

/// In the network of the host, a port of the container is a port of the host, whether it says so or not.
fn host_ports(pod: &Pod, container: &Container) -> String {
    let in_host = pod.spec.host_network == Some(true);
    let ports = container.ports.iter().filter_map(|port| {
        let number = port.host_port.filter(|port| *port != 0).or(port.container_port.filter(|_| in_host))?;
        Some((number, port.protocol.as_deref().unwrap_or("TCP")))
    });
    let mut ports: Vec<(i64, &str)> = ports.collect();
    ports.sort_unstable();
    ports.dedup();
    ports.iter().map(|(number, protocol)| format!("{number}/{protocol}")).collect::<Vec<_>>().join(",")
}

/// The paths of the host that are mounted, and those of them that may be written to.
fn host_paths(pod: &Pod, container: &Container) -> (Vec<String>, Vec<String>) {
    let (mut all, mut writable) = (Vec::new(), Vec::new());
    for mount in &container.volume_mounts {
        let volume = pod.spec.volumes.iter().find(|volume| volume.name == mount.name);
        let Some(path) = volume.and_then(|volume| volume.host_path.as_ref()) else { continue };
        all.push(path.clone());
        if mount.read_only != Some(true) {
            writable.push(path.clone());
        }
    }
    (all, writable)
}

fn by_annotation(pod: &Pod, container: &str) -> String {
    let value = pod.metadata.annotations.get(&format!("{APP_ARMOR_ANNOTATION}{container}"));
    match value.and_then(Option::as_deref).unwrap_or_default() {
        "runtime/default" => "RuntimeDefault".to_owned(),
        "unconfined" => "Unconfined".to_owned(),
        other => match other.strip_prefix("localhost/") {
            Some(profile) => format!("Localhost:{profile}"),
            None => other.to_owned(),
        },
    }
}

fn options(options: &SeLinuxOptions) -> String {
    let SeLinuxOptions { user, role, kind, level } = options;
    if [user, role, kind, level].iter().all(|part| part.is_empty()) {
        return String::new();
    }
    format!("{user}:{role}:{kind}:{level}")
}

/// What the admission plugin ServiceAccount has done to a pod, or would do to one of the template: it mounts a token into every container that
/// has nothing else at its place, unless the pod, or else the service account, says no.
fn token(pod: &Pod, container: &Container, account: Automount) -> &'static str {
    let mounted = |mount: &&super::pod_spec::VolumeMount| {
        pod.spec.volumes.iter().any(|volume| volume.name == mount.name && volume.token)
    };
    let at_place = container.volume_mounts.iter().find(|mount| mount.mount_path.trim_end_matches('/') == TOKEN_PATH);
    let by_kubernetes = match at_place {
        Some(mount) if pod.admitted && mount.name.starts_with("kube-api-access-") => "automatic",
        // Before 1.21 it mounted a Secret, and such pods may still be in old evidence.
        Some(mount) if pod.admitted && !mounted(&mount) && mount.name.contains("-token-") => "automatic",
        Some(_) => "none",
        None if pod.admitted => "none",
        None => match (pod.spec.automount_service_account_token, account) {
            (Some(true), _) | (None, Automount::Known(None | Some(true))) => "automatic",
            (Some(false), _) | (None, Automount::Known(Some(false))) => "none",
            (None, Automount::Unknown) => "unknown",
        },
    };
    match by_kubernetes {
        "automatic" => "automatic",
        _ if container.volume_mounts.iter().any(|mount| mounted(&mount)) => "explicit",
        other => other,
    }
}
