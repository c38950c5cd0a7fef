//! Rules about what a pod shares with its node: `no-host-namespaces`, `no-host-path`, `no-host-ports`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Rule, written};
use crate::findings::{Findings, listed, quoted};
use crate::pod_security::containers;
use crate::workload::pod::Pod;

/// `no-host-namespaces`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NoHostNamespaces {
    allowed: Vec<HostNamespace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum HostNamespace {
    Network,
    Pid,
    Ipc,
}

impl Rule for NoHostNamespaces {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        for (namespace, field, value) in [
            (HostNamespace::Network, "hostNetwork", pod.spec.host_network),
            (HostNamespace::Pid, "hostPID", pod.spec.host_pid),
            (HostNamespace::Ipc, "hostIPC", pod.spec.host_ipc),
        ] {
            if value == Some(true) && !self.allowed.contains(&namespace) {
                findings.add(format_args!("spec.{field}"), "is true", "false or not set");
            }
        }
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}

/// `no-host-path`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NoHostPath {
    allowed: Vec<AllowedPath>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AllowedPath {
    #[serde(deserialize_with = "absolute")]
    path: String,
    #[serde(default = "yes")]
    read_only: bool,
}

fn yes() -> bool {
    true
}

/// An absolute path without `.`, `..` or a slash at its end.
fn absolute<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let path = String::deserialize(deserializer)?;
    if path != "/" && is_plain(&path) {
        Ok(path)
    } else {
        Err(serde::de::Error::custom("expected an absolute path below /, without empty parts, `.` or `..`"))
    }
}

fn is_plain(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|parts| parts.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

impl AllowedPath {
    /// Whether the path is this one or below it. `/var/log` covers `/var/log/pods`, not `/var/logs`.
    fn covers(&self, path: &str) -> bool {
        let path = path.strip_suffix('/').unwrap_or(path);
        is_plain(path)
            && path.strip_prefix(self.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Rule for NoHostPath {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        for (index, volume) in pod.spec.volumes.iter().enumerate() {
            let Some(path) = &volume.host_path else { continue };
            let Some(allowed) = self.allowed.iter().find(|allowed| allowed.covers(path)) else {
                let paths: Vec<_> = self.allowed.iter().map(|allowed| allowed.path.as_str()).collect();
                let paths = if paths.is_empty() {
                    "no path of the host".to_owned()
                } else {
                    format!("paths below {}", listed(&paths))
                };
                findings.add(
                    format_args!("spec.volumes[{index}].hostPath.path"),
                    format_args!("is {}", quoted(path)),
                    paths,
                );
                continue;
            };
            if !allowed.read_only {
                continue;
            }
            for (place, container) in containers(pod) {
                for (number, mount) in container.volume_mounts.iter().enumerate() {
                    if mount.name == volume.name && mount.read_only != Some(true) {
                        findings.add(
                            format_args!("{place}.volumeMounts[{number}].readOnly"),
                            format_args!("is not true for the host's {}", quoted(path)),
                            "true",
                        );
                    }
                }
            }
        }
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}

/// `no-host-ports`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NoHostPorts {
    allowed: Vec<PortRange>,
}

/// From and to, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PortRange {
    from: u16,
    to: u16,
}

impl Rule for NoHostPorts {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        for (place, container) in containers(pod) {
            for (index, port) in container.ports.iter().enumerate() {
                // In the host's network, the API server makes every port of a container one of the host.
                let implied = if pod.spec.host_network == Some(true) { port.container_port } else { None };
                let Some(number) = port.host_port.filter(|number| *number != 0).or(implied) else { continue };
                let allowed = self.allowed.iter().any(|r| (i64::from(r.from)..=i64::from(r.to)).contains(&number));
                if !allowed {
                    let ranges: Vec<_> =
                        self.allowed.iter().map(|range| format!("{} to {}", range.from, range.to)).collect();
                    findings.add(
                        format_args!("{place}.ports[{index}].hostPort"),
                        format_args!("is {number}"),
                        if ranges.is_empty() { "0 or not set".to_owned() } else { ranges.join(", ") },
                    );
                }
            }
        }
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}
